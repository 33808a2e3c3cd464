"""Measure which lines and branches of ``lib`` the tests reach: ``PYTHONPATH=. python benchmarks/covered.py``.

All tests run that need no browser, with whatever they start. What is not reached is printed, module by module.
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
        settings = Path(folder) / "coverage.ini"
        settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        tests = [f"tests/{file.name}" for file in sorted((ROOT / "tests").glob("test_*.py"))
                 if file.stem.removeprefix("test_") not in BROWSER.split()]  # fmt: skip
        run("pytest", "-n", "2", "--dist", "loadfile", "-q", *tests, COVERAGE_PROCESS_START=str(settings))
        run("coverage", "combine", "--quiet", f"--rcfile={settings}")
        run("coverage", "report", "--show-missing", "--skip-covered", f"--rcfile={settings}")


if __name__ == "__main__":
    main()
