"""Measure how long the book takes to build and to test, part by part: ``PYTHONPATH=. python benchmarks/times.py``.

It runs ``.ci/run``, so it takes half an hour and wants a quiet machine. Notebooks run two at a time and tests three, so
that a part's seconds are longer than alone. They are written to ``lib/measured.json``, for the page ``performance``.
"""

import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from jupyter_cache import get_cache

from lib import performance

ROOT = Path(__file__).resolve().parents[1]


def of_notebooks():
    """Seconds that each notebook took to run in the last build."""
    (folder,) = (ROOT / "_build" / ".cache").iterdir()
    return {Path(made.uri).stem: made.data["execution_seconds"] for made in get_cache(folder).list_cache_records()}


def of_tests(report):
    """Seconds of all tests, by the clock, and of each file of tests, from pytest's report in XML."""
    suite = ElementTree.parse(report).getroot().find("testsuite")
    files = Counter()
    for case in suite.iter("testcase"):
        name = case.get("classname")
        files[name.removeprefix("tests.") if name.startswith("tests.") else "nbval"] += float(case.get("time"))
    return float(suite.get("time")), files


def rounded(seconds):
    """A dict of seconds, the longest first."""
    return {name: round(value, 1) for name, value in sorted(seconds.items(), key=lambda pair: -pair[1])}


def main():
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        begin = time.monotonic()
        asked = os.environ | {"CI": "true", "PYTEST_ADDOPTS": f"--junitxml={report}"}
        subprocess.run(["bash", ".ci/run"], cwd=ROOT, env=asked, check=True, stdin=subprocess.DEVNULL)
        total = time.monotonic() - begin
        tests, files = of_tests(report)
    performance.update(times={
        "build": round(total - tests), "tests": round(tests), "notebooks": rounded(of_notebooks()), "files": rounded(files),
    })  # fmt: skip


if __name__ == "__main__":
    main()
