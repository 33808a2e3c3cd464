"""Test the library with the oldest and the newest releases of what it needs: ``PYTHONPATH=. python benchmarks/releases.py``.

``make oldest`` and ``make newest`` run with each of the Pythons that are named, python3.11 to python3.13 if none is. What
they found is written to ``lib/measured.json``, for the page ``performance``; what is known of other Pythons stays.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from lib import performance

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = "numpy", "matplotlib", "sympy", "ipywidgets"
SAY = "import json, platform; from importlib.metadata import version as v; print(json.dumps({'python': platform.python_version(), "
SAY += ", ".join(f"{name!r}: v({name!r})" for name in PACKAGES) + "}))"


def tested(python, which):
    """What was installed, and how many tests passed and failed with it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        subprocess.run(["make", which, f"PYTHON={python}"], cwd=ROOT, env=os.environ | {"PYTEST_ADDOPTS": f"--junitxml={report}"})
        counted = ElementTree.parse(report).getroot().find("testsuite").attrib
    said = subprocess.check_output([ROOT / "_build" / "releases" / "bin" / "python", "-c", SAY], encoding="utf-8")
    every, *others = (int(counted[key]) for key in ("tests", "skipped", "failures", "errors"))
    return {"which": which, **json.loads(said), "passed": every - sum(others), "failed": sum(others[1:])}


def minor(made):
    """A Python such as 3.12, as a pair of numbers."""
    return tuple(map(int, made["python"].split(".")[:2]))


def main():
    pythons = sys.argv[1:] or [f"python3.{number}" for number in (11, 12, 13)]
    found = [tested(python, which) for python in pythons for which in ("oldest", "newest")]
    names = {minor(each) for each in found}
    kept = [each for each in performance.measured().get("releases", []) if minor(each) not in names]
    performance.update(releases=sorted([*kept, *found], key=minor))
    sys.exit(any(each["failed"] for each in found))


if __name__ == "__main__":
    main()
