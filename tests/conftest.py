"""What several test modules share."""

import os
import shutil
import subprocess
import sysconfig

import pytest
from browsing import CHROMIUM, FLAGS
from filelock import FileLock
from pages import ROOT, SITE
from playwright.sync_api import sync_playwright
from serving import served


@pytest.fixture(scope="session")
def browser():
    """Chromium; where there is none its tests are skipped, but never under CI."""
    if not CHROMIUM:
        missing = "NO BROWSER TESTS: no Chromium on PATH, and the variable CHROMIUM names none"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """A function that makes something by ``make()`` once for all processes of a test run; the others wait for it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent

    def once(name, make):
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.made").exists():
                make()
                (shared / f"{name}.made").touch()

    return once


def command(*words):
    """Run a command of the environment in the project's folder; its last output if it fails."""
    script = shutil.which(words[0], path=sysconfig.get_path("scripts"))
    result = subprocess.run(
        [script, *words[1:]], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace"
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


@pytest.fixture(scope="session")
def site(once):
    """The folder of the book, built strictly by the command that the README names; a moment if it is there already."""
    once("site", lambda: command("jupyter-book", "build", "-W", "-n", "--keep-going", "."))
    return SITE


@pytest.fixture(scope="session")
def address(site):
    """The address at which this machine serves the book."""
    with served(site) as address:
        yield address
