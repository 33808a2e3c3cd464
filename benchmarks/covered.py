"""Measure which lines and branches of ``lib`` are reached: ``PYTHONPATH=. python benchmarks/covered.py``.

The book is built, and all tests run that need no browser, with whatever they start; that takes twenty minutes on two cores,
and needs ``coverage`` and ``pytest-cov``. What is not reached is printed, and the numbers are written to
``lib/measured.json``, for the page ``performance``. Two things are left out: ``lib.conventions.record``, which runs where
six libraries are installed, and what runs once a process is confined, which can write no record of it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSER = "access explorer explorer_kernel html site weight web"
SETTINGS = """[run]
branch = true
parallel = true
sigterm = true
patch = subprocess
source_pkgs = lib
omit = */lib/conventions/record.py
data_file = {folder}/data

[paths]
lib =
    lib
    */lib

[report]
exclude_also =
    if __name__ == "__main__":
    raise NotImplementedError
    def confine
    def _landlock
    def main\\(\\):\\n    \"\"\"Take over
"""


def run(*words):
    """Start this Python, and return how it ended; what it prints is shown."""
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT).returncode


def main():
    from lib import performance

    with tempfile.TemporaryDirectory() as folder:
        settings, report = Path(folder) / "coverage.ini", Path(folder) / "report.json"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        tests = [f"tests/{file.name}" for file in sorted((ROOT / "tests").glob("test_*.py"))
                 if file.stem.removeprefix("test_") not in BROWSER.split()]  # fmt: skip
        book = str(Path(sys.executable).with_name("jupyter-book"))
        failed = run("coverage", "run", f"--rcfile={settings}", book, "build", "-W", "-n", "--keep-going", ".")
        failed += run("pytest", "-q", "-n", "2", "--dist", "loadfile", "--cov", "--cov-append", f"--cov-config={settings}",
                      "--cov-report=", *tests)  # fmt: skip
        run("coverage", "report", "--show-missing", "--skip-covered", f"--rcfile={settings}")
        run("coverage", "json", "--quiet", "-o", str(report), f"--rcfile={settings}")
        performance.update(coverage=counted(json.loads(report.read_text(encoding="utf-8"))))
    sys.exit(failed)


def counted(report):
    """Lines and branches of each module, how many of them are there and how many were reached."""
    found = {}
    for file, each in report["files"].items():
        of, name = each["summary"], file.removeprefix("lib/").removesuffix(".py")
        if file.startswith("lib/"):
            found[name] = {"there": of["num_statements"] + of["num_branches"],
                           "reached": of["covered_lines"] + of["covered_branches"]}  # fmt: skip
    return found


if __name__ == "__main__":
    main()
