"""What several test modules share."""

import os

import pytest
from browsing import CHROMIUM, FLAGS
from playwright.sync_api import sync_playwright


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
