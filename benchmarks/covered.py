"""Measure which lines and branches of ``lib`` the tests reach: ``PYTHONPATH=. python benchmarks/covered.py``.

All tests run that need no browser, with whatever they start. The shares go to ``lib/measured.json``, for the page
``performance``; what is not reached is printed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from lib import performance

ROOT = Path(__file__).resolve().parents[1]
BROWSER = "access explorer explorer_kernel html site weight web"
SETTINGS = """[run]
branch = true
parallel = true
sigterm = true
source_pkgs = lib
data_file = {folder}/data

[report]
exclude_also =
    if __name__ == "__main__":
    raise NotImplementedError
"""


def run(*words, **environment):
    """A command of this Python; what it prints is shown."""
    subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=os.environ | environment, check=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        settings, report = Path(folder) / "coverage.ini", Path(folder) / "report.json"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        tests = [f"tests/{file.name}" for file in sorted((ROOT / "tests").glob("test_*.py"))
                 if file.stem.removeprefix("test_") not in BROWSER.split()]  # fmt: skip
        run("pytest", "-n", "2", "--dist", "loadfile", "-q", *tests, COVERAGE_PROCESS_START=str(settings))
        for words in (["combine", "--quiet"], ["report", "--show-missing", "--skip-covered"], ["json", "-o", str(report)]):
            run("coverage", words[0], f"--rcfile={settings}", *words[1:])
        found = json.loads(report.read_text(encoding="utf-8"))
    counted = {}
    for file, made in found["files"].items():
        module = Path(file).relative_to("lib").with_suffix("").as_posix().removesuffix("/__init__")
        counted[module] = {name: made["summary"][name] for name in ("num_statements", "covered_lines", "num_branches", "covered_branches")}
    performance.update(coverage=counted)


if __name__ == "__main__":
    main()
