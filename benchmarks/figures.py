"""How fast the interactive figures answer: scripting time from a pointer's move to the redrawn figure.

Five rules × 500 steps in a figure 720 pixels wide, its start dragged by a real pointer in headless Chromium; then the
same while it plays; then the time from opening a page of the built book (``make book`` first) until its figure has
answered. Run from the repository: ``.venv/bin/python benchmarks/figures.py``.
"""

import gzip
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browsing import CHROMIUM, FLAGS  # noqa: E402
from serving import served  # noqa: E402

from lib.explorer import code, explore  # noqa: E402
from lib.losses import valley  # noqa: E402
from lib.rules import adam, adamax, momentum, rmsprop, sgd  # noqa: E402
from lib.site import minified  # noqa: E402

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Speed</title><link rel="icon" href="data:,">'
    '<link rel="stylesheet" href="explorer.css"><script src="explorer.js" defer></script>'
    '<style>body {{ width: 720px; margin: 0 auto; }}</style>{figure}</html>'
)
NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def write_page(folder):
    """The page that is measured."""
    rates = {"sgd_lr": 0.07, "momentum_lr": 0.02, "rmsprop_lr": 0.2, "adam_lr": 0.5, "adamax_lr": 0.3}
    figure = explore(sgd, momentum, rmsprop, adam, adamax, on=valley, steps=500, name="speed", **rates)
    html = figure._repr_mimebundle_()[0]["text/html"]
    (folder / "index.html").write_text(PAGE.format(figure=html), encoding="utf-8")
    (folder / "explorer.js").write_text(code.page_script(), encoding="utf-8")
    (folder / "explorer.css").write_text(code.style(), encoding="utf-8")


def scripting(session):
    """Milliseconds of scripting in a page so far."""
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return 1e3 * metrics["ScriptDuration"]


def dragging(page, session, moves=300):
    """Milliseconds of scripting for each move of the pointer, after 50 moves to warm up."""
    box = page.locator(".ring").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    spent = []
    for i in range(moves + 50):
        before = scripting(session)
        page.mouse.move(x + i % 97, y + i * 7 % 53)
        page.evaluate(NEXT_FRAME)
        spent.append(scripting(session) - before)
    page.mouse.up()
    return sorted(spent[50:])


def playing(page):
    """Milliseconds between frames while the figure plays."""
    page.get_by_role("button", name="play", exact=True).click()
    times = page.evaluate("""new Promise((done) => {
      const times = [];
      requestAnimationFrame(function frame(now) { times.push(now); times.length < 200 ? requestAnimationFrame(frame) : done(times); });
    })""")
    return sorted(b - a for a, b in zip(times, times[1:]))


WATCH = """new MutationObserver((_, observer) => {
  if (!document.querySelector(".stage .sentence:not(:empty)")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.drawn = performance.now(); });
}).observe(document, { childList: true, subtree: true, characterData: true });"""


def opening(browser, url):
    """Milliseconds from the request of a page until its first figure has drawn, median of five visits."""
    times = []
    for _ in range(5):
        page = browser.new_page()
        page.add_init_script(WATCH)
        page.goto(url)
        page.wait_for_function("window.drawn")
        times.append(page.evaluate("window.drawn"))
        page.close()
    return statistics.median(times)


def main():
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_page(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with served(folder) as address:
            page = browser.new_page(viewport={"width": 760, "height": 900})
            page.goto(address)
            page.wait_for_selector(".stage .sentence:not(:empty)")
            session = page.context.new_cdp_session(page)
            session.send("Performance.enable")
            spent, frames = dragging(page, session), playing(page)
            print(f"pointer move to redrawn figure: median {statistics.median(spent):.1f} ms, "
                  f"95 % {spent[int(0.95 * len(spent))]:.1f} ms of scripting")  # fmt: skip
            print(f"playing: median {1e3 / statistics.median(frames):.0f} frames a second, "
                  f"95 % of frames within {frames[int(0.95 * len(frames))]:.1f} ms")  # fmt: skip
        alone = "(() => {" + "".join(map(code._text, code.SCRIPTS)) + "mountAll(library); })();"
        texts = {
            "front end": [(alone, "js"), (code._text("explorer.css"), "css")],
            "with the rules, losses and colours in front of it": [(code.page_script(), "js"), (code.style(), "css")],
        }
        for name, parts in texts.items():
            size = sum(len(gzip.compress(minified(*part).encode(), 9)) for part in parts)
            print(f"{name}: {size / 1000:.1f} kB gzipped")
        site = ROOT / "_build" / "html"
        if (site / "index.html").exists():
            with served(site) as address:
                for chapter in ("index", "sgd", "playground"):
                    url = f"{address}book/{chapter}.html"
                    if (site / "book" / f"{chapter}.html").exists():
                        print(f"{chapter}: the figure has drawn {opening(browser, url):.0f} ms after the page was opened")
        browser.close()


if __name__ == "__main__":
    main()
