"""Measure the speed that the page ``performance`` shows, and write it to ``lib/measured.json``: ``make bench``.

It wants a quiet machine, the built book (``make book``) for the weight of its pages, and in its environment PyTorch,
optax and Keras; what is missing is left out. It takes ten minutes.
"""

import platform
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import peers  # noqa: E402, which pins the threads before NumPy comes
import training  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

sys.path.insert(0, str(ROOT / "tests"))

from browsing import CHROMIUM, FLAGS  # noqa: E402
from pages import CHAPTERS, SITE  # noqa: E402
from serving import served  # noqa: E402
from weighing import Gzipped, weigh  # noqa: E402

from lib import performance  # noqa: E402

PACKAGES = "numpy", "torch", "optax", "jax", "keras"
PHONE = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}  # 1.6 Mbit a second
SLOWER = 4  # times, a phone's processor beside this one


def machine():
    """Where this runs, and with what."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {"processor": model, "system": platform.system(), "python": platform.python_version(),
            "date": date.today().isoformat(), "packages": found}  # fmt: skip


def pages():
    """Bytes of each page with a figure, and milliseconds until its first figure answers on a slow phone; median of three."""
    found = {}
    with served(SITE, Gzipped) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in CHAPTERS:
            page = f"{name}.html"
            if (SITE / page).exists() and 'class="downhill"' in (SITE / page).read_text(encoding="utf-8"):
                found[Path(name).name] = {
                    "loaded": sum(weigh(browser, address, page, SITE).values()),
                    "scrolled": sum(weigh(browser, address, page, SITE, scroll=True).values()),
                    "interactive": round(sorted(interactive(browser, address + page) for _ in range(3))[1]),
                }
                print(name, found[Path(name).name], flush=True)
        browser.close()
    return found


def interactive(browser, url):
    """Milliseconds from the request to the first figure whose controls are there."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    session = context.new_cdp_session(tab)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", PHONE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    tab.goto(url, wait_until="commit")
    tab.wait_for_function("document.querySelector('.downhill > .stage input')", polling=20)
    taken = tab.evaluate("performance.now()")
    context.close()
    return taken


def measured():
    speed = peers.bandwidth()
    print(f"changing an array in place moves {speed / 1e9:.1f} GB a second")
    comparisons = peers.comparisons(speed) + training.comparisons()
    return {
        "machine": machine(), "bandwidth": float(f"{speed:.4g}"), "comparisons": comparisons, "growth": peers.growth(),
        "pages": pages(),
    }  # fmt: skip


if __name__ == "__main__":
    performance.update(**measured())
