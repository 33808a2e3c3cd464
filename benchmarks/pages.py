"""How light and how fast the pages are: bytes of every page, and what Lighthouse says about some.

The built book (``make book`` first) is served compressed on this machine. Lighthouse comes by ``npx`` and runs each page
three times as a phone and as a desktop; the table has the median of each number. Run from the repository, on a quiet
machine, with names of pages or without: ``.venv/bin/python benchmarks/pages.py book/index book/adam``.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browsing import CHROMIUM, FLAGS  # noqa: E402
from pages import PAGES, SITE  # noqa: E402
from serving import served  # noqa: E402
from weighing import Gzipped, weigh  # noqa: E402

LIGHTHOUSE = os.environ.get("LIGHTHOUSE", "lighthouse@13.5.0")
RUNS = 3
CATEGORIES = {"performance": "perf", "accessibility": "a11y", "best-practices": "best", "seo": "SEO"}
AUDITS = {
    "first-contentful-paint": ("FCP ms", 0), "largest-contentful-paint": ("LCP ms", 0), "total-blocking-time": ("TBT ms", 0),
    "cumulative-layout-shift": ("CLS", 3), "total-byte-weight": ("kB", 0),
}  # fmt: skip


def lighthouse(url, *options):
    """The report of one run, a dict."""
    npx = shutil.which("npx", path=sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"])
    flags = " ".join(["--headless=new", *FLAGS])
    command = [npx, "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", f"--chrome-flags={flags}", *options]
    environment = os.environ | {"CHROME_PATH": CHROMIUM, "PATH": f"{Path(npx).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return json.loads(result.stdout)


def row(url, *options):
    """The medians of several runs, as the cells of a table, and what costs points."""
    reports = [lighthouse(url, *options) for _ in range(RUNS)]
    cells = [f"{100 * statistics.median(r['categories'][name]['score'] for r in reports):.0f}" for name in CATEGORIES]
    for name, (title, digits) in AUDITS.items():
        value = statistics.median(report["audits"][name]["numericValue"] for report in reports)
        cells.append(f"{value / (1000 if title == 'kB' else 1):.{digits}f}")
    lost = {
        reference["id"]
        for name in CATEGORIES
        for reference in reports[0]["categories"][name]["auditRefs"]
        if reference["weight"]
        and (reports[0]["audits"][reference["id"]]["score"] or 1) < 0.9
        or reference["weight"]
        and reports[0]["audits"][reference["id"]]["score"] == 0
    }
    return cells, sorted(lost)


def weights(address):
    """Print kilobytes of every page by kind: while it loads on a desktop and on a phone, and once it has been scrolled."""
    kinds = {
        "HTML": ".html",
        "CSS": ".css",
        "JS": ".js",
        "fonts": (".woff", ".woff2"),
        "pictures": (".avif", ".png", ".svg"),
    }
    print(f"| page | {' | '.join(kinds)} | loads | loads on a phone | with all pictures |")
    print("|:--|" + "--:|" * (len(kinds) + 3))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for page in PAGES:
            wide, narrow = weigh(browser, address, page, SITE), weigh(browser, address, page, SITE, 390, 844)
            cells = [sum(size for file, size in wide.items() if file.endswith(kind)) for kind in kinds.values()]
            cells += [
                sum(wide.values()),
                sum(narrow.values()),
                sum(weigh(browser, address, page, SITE, scroll=True).values()),
            ]
            print(f"| {page} | {' | '.join(f'{cell / 1000:.0f}' for cell in cells)} |", flush=True)
        browser.close()


if __name__ == "__main__":
    with served(SITE, Gzipped) as address:
        weights(address) if "--no-weights" not in sys.argv else None
        print(
            f"\n| page | as | {' | '.join([*CATEGORIES.values(), *(title for title, _ in AUDITS.values())])} | lost at |"
        )
        print("|:--|:--|" + "--:|" * (len(CATEGORIES) + len(AUDITS)) + ":--|")
        named = [word for word in sys.argv[1:] if not word.startswith("--")]
        for name in named or ["index", "book/index", "book/adam", "book/playground"]:
            for device, options in {"phone": [], "desktop": ["--preset=desktop"]}.items():
                cells, lost = row(f"{address}{name}.html", *options)
                print(f"| {name} | {device} | {' | '.join(cells)} | {', '.join(lost)} |", flush=True)
