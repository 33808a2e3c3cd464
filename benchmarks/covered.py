"""Measure which lines and branches of ``lib`` are reached: ``PYTHONPATH=. python benchmarks/covered.py``.

The book is built, and all tests run that need no browser, with whatever they start, in two halves; that takes twenty minutes.
What is not reached is printed, module by module.
"""

import os
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
source_pkgs = lib
data_file = {folder}/data

[paths]
lib =
    lib
    */lib

[report]
exclude_also =
    if __name__ == "__main__":
    raise NotImplementedError
"""


def start(*words, **environment):
    """Start this Python; what it prints is shown."""
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, env=os.environ | environment)


def run(*words, **environment):
    """The same, until it has ended well."""
    if code := start(*words, **environment).wait():
        raise SystemExit(code)


def main():
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "coverage.ini"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        tests = [f"tests/{file.name}" for file in sorted((ROOT / "tests").glob("test_*.py"))
                 if file.stem.removeprefix("test_") not in BROWSER.split()]  # fmt: skip
        traced = {"COVERAGE_PROCESS_START": str(settings)}
        run(str(Path(sys.executable).with_name("jupyter-book")), "build", "-W", "-n", "--keep-going", ".", **traced)
        halves = [start("-m", "pytest", "-q", *tests[first::2], **traced) for first in range(2)]
        failed = [half.wait() for half in halves]
        run("-m", "coverage", "combine", "--quiet", f"--rcfile={settings}")
        run("-m", "coverage", "report", "--show-missing", "--skip-covered", f"--rcfile={settings}")
    sys.exit(any(failed))


if __name__ == "__main__":
    main()
