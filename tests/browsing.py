"""A browser for tests: what is wrong with a page, as a list of sentences."""

import functools
import http.server
import os
import re
import shutil
import threading

from axe_playwright_python.sync_playwright import Axe

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WCAG = {"preload": False, "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
RAW = re.compile(r":::|```|\{(?:eq|ref|doc|numref|cite|prf|math|term|py)[:\w]*\}|\$\$|(?<!\\)\$[^$\n]+\$")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def serve(folder):
    """A server of a folder on a free port of this machine, in a thread; silent."""
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def visit(browser, url, width=1280, scheme="light", axe=True):
    """Everything that is wrong with a page, as a list of sentences."""
    problems = []
    allowed = ("data:", "blob:", url if url.startswith("file:") else re.match(r"https?://[^/]+/", url).group())
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.on("request", lambda request: problems.append(f"asks for {request.url}") if is_outside(request.url) else None)
    page.on("response", lambda reply: problems.append(f"does not get {reply.url}") if reply.status >= 400 else None)
    page.on("console", lambda message: problems.append(f"says {message.text}") if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(f"throws {error}"))

    def is_outside(requested):
        return requested.startswith("http") if url.startswith("file:") else not requested.startswith(allowed)

    page.goto(url)
    show_all(page)
    problems += [f"shows the source {found!r}" for found in RAW.findall(page.evaluate(VISIBLE_TEXT))]
    if page.evaluate("document.documentElement.scrollWidth") > width:
        problems.append(f"is wider than {width} px: {page.evaluate(WIDEST)}")
    if axe:
        page.evaluate(SIMPLER_EQUATIONS)
        for violation in Axe().run(page, options=WCAG).response["violations"]:
            for node in violation["nodes"]:
                problems.append(f"breaks {violation['id']} at {node['target']}: {node['html'][:120]}")
    context.close()
    return problems


def show_all(page):
    """Have a page lay out all its sections and draw all its figures, which otherwise wait until the reader is near."""
    page.add_style_tag(content=".bd-article section { content-visibility: visible !important; }")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.wait_for_function(MOUNTED)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(DRAWN)


MOUNTED = """(() => {
  const waiting = document.querySelector(".downhill[data-kind]:not(:has(> .stage))");
  waiting?.scrollIntoView();
  return !waiting;
})()"""
DRAWN = "[...document.querySelectorAll('.downhill svg[role=img]')].every((svg) => svg.ariaLabel || !svg.checkVisibility())"
VISIBLE_TEXT = """(() => {
  const article = (document.querySelector("article") ?? document.body).cloneNode(true);
  article.querySelectorAll("pre, code, script, style, .katex").forEach((element) => element.remove());
  return article.textContent;
})()"""

# An equation is hundreds of elements in the colour of its text, and axe would look at each.
SIMPLER_EQUATIONS = """(() => {
  const equations = [...document.querySelectorAll(".katex")];
  const widths = equations.map((equation) => Math.max(equation.scrollWidth, equation.getBoundingClientRect().width));
  equations.forEach((equation, i) => {
    equation.innerHTML = `<span style="display: inline-block; width: ${widths[i]}px">x</span>`;
  });
})()"""

UNREACHABLE = """[...document.querySelectorAll(".katex-display")]
  .filter((box) => box.scrollWidth > box.clientWidth && box.tabIndex !== 0).map((box) => box.textContent)"""

WIDEST = """(() => {
  const right = (element) => element.getBoundingClientRect().right;
  const widest = [...document.querySelectorAll("body *")].reduce((a, b) => (right(b) > right(a) ? b : a));
  return widest.outerHTML.slice(0, 120);
})()"""
