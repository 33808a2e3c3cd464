"""A browser for tests: what is wrong with a page, as a list of sentences."""

import contextlib
import os
import re
import shutil
from typing import NamedTuple

from axe_playwright_python.sync_playwright import Axe

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
BEYOND = ["heading-order", "page-has-heading-one", "empty-heading", "landmark-one-main", "landmark-unique", "skip-link",
          "target-size", "scope-attr-valid", "table-duplicate-name", "tabindex", "image-redundant-alt", "label-title-only"]  # fmt: skip
RULES = {
    "preload": False, "resultTypes": ["violations"], "runOnly": {"type": "tag", "values": WCAG},
    "rules": {rule: {"enabled": True} for rule in BEYOND},
}  # fmt: skip
COLOURS = ["color-contrast", "link-in-text-block"]
IN_COLOUR = RULES | {"runOnly": {"type": "rule", "values": COLOURS}, "rules": {}}
IN_FORM = RULES | {"rules": RULES["rules"] | {rule: {"enabled": False} for rule in COLOURS}}
RAW = re.compile(r":::|```|\{(?:eq|ref|doc|numref|cite|prf|math|term|py)[:\w]*\}|\$\$|(?<!\\)\$[^$\n]+\$")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class View(NamedTuple):
    """How a page is seen: its width in CSS pixels, the colour scheme, and how many pixels of the screen make one of these."""

    width: int = 1280
    scheme: str = "light"
    zoom: int = 1


VIEWS = [View(1280, "light"), View(1280, "dark"), View(640, "dark", 2), View(320, "light"), View(320, "dark")]


@contextlib.contextmanager
def opened(browser, url, problems, width=1280, scheme="light"):
    """A page as it has been loaded and drawn; what it asks for and says meanwhile goes to ``problems``."""
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
    yield page
    context.close()


def visit(browser, url, width=1280, scheme="light", axe=True):
    """Everything that is wrong with a page in one view, as a list of sentences."""
    problems = []
    with opened(browser, url, problems, width, scheme) as page:
        problems += shows_source(page) + is_too_wide(page)
        if axe:
            page.evaluate(SIMPLER)
            problems += breaches(page)
    return problems


def survey(browser, url, views=VIEWS):
    """Everything that is wrong with a page in several views, loaded once: unfolded, and folded what can be folded."""
    problems = []
    with opened(browser, url, problems) as page:
        screen = page.context.new_cdp_session(page)
        problems += shows_source(page)
        for width in sorted({390, *(view.width for view in views)}, reverse=True):
            show(page, screen, View(width))
            problems += is_too_wide(page) + is_out_of_reach(page)
        page.evaluate(UNFOLD)
        problems += is_too_wide(page)
        page.evaluate(SIMPLER)
        for view in sorted({view.width: view for view in views if view.zoom == 1}.values()):
            show(page, screen, view)
            page.evaluate(FEWER_ROWS)
            problems += [f"unfolded, {view.width} px: {words}" for words in breaches(page, IN_FORM)]
        page.evaluate(FOLD)
        problems += breaches(page, IN_FORM, CAN_FOLD)
        page.evaluate(UNFOLD)
        page.evaluate(DROP_REPEATED)
        for view in views:
            show(page, screen, view)
            page.evaluate(MARK_LOOKS)
            problems += [f"unfolded, {view.width} px, {view.scheme}: {words}" for words in breaches(page, IN_COLOUR, "[data-look]")]
    return problems


def show(page, screen, view):
    """Give a page another size, zoom and colour scheme in place, and wait until it has followed; ``screen`` is a session."""
    page.emulate_media(color_scheme=view.scheme)
    metrics = {"width": view.width, "height": 900 // view.zoom, "deviceScaleFactor": view.zoom, "mobile": False}
    screen.send("Emulation.setDeviceMetricsOverride", metrics)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shows_source(page):
    """Markup that a page shows to its readers."""
    return [f"shows the source {found!r}" for found in RAW.findall(page.evaluate(VISIBLE_TEXT))]


def is_too_wide(page):
    """What makes a page scroll sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [f"is wider than {page.evaluate('innerWidth')} px: {page.evaluate(WIDEST)}"] if wide else []


def is_out_of_reach(page):
    """Long equations whose end the keyboard does not reach."""
    return [f"does not let the keyboard scroll {words}" for words in page.evaluate(UNREACHABLE)]


def breaches(page, rules=RULES, part=None):
    """What axe finds on a page or a part of it, by the rules of WCAG 2.1 AA and the further ones of ``BEYOND``."""
    found = Axe().run(page, context=part, options=rules).response["violations"]
    return [
        f"breaks {rule['id']} at {node['target']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]
    ]


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

# What has the same look a thousand times is looked at once. An equation, hundreds of elements in the colour of the text
# around it, leaves an empty box of its size; a cell of code one word for each of its colours; a table of numbers its first
# rows. A figure's player, which sticks to the window's edge, covers what can be scrolled from under it; so it does not stick.
SIMPLER = """(() => {
  const equations = [...document.querySelectorAll(".katex")];
  const widths = equations.map((equation) => Math.max(equation.scrollWidth, equation.getBoundingClientRect().width));
  equations.forEach((equation, i) => {
    equation.replaceChildren();
    equation.style = `display: inline-block; height: 1em; width: ${widths[i]}px`;
  });
  const met = new Set();
  document.querySelectorAll("pre span[class]:not(:has(*))").forEach((word) => {
    const kind = word.closest("div[class*=highlight-]")?.className + word.className;
    if (met.has(kind)) word.replaceWith(word.textContent);
    met.add(kind);
  });
  document.querySelectorAll("code > .pre").forEach((word) => word.replaceWith(word.textContent));
  document.querySelectorAll("math").forEach((equation) => equation.replaceChildren(equation.textContent));
  document.querySelectorAll(".player").forEach((bar) => { bar.style.position = "static"; });
  document.body.normalize();
})()"""

FEWER_ROWS = """(() => {
  document.querySelectorAll(".numbers tbody tr:nth-child(n + 4)").forEach((row) => row.remove());
})()"""

# Colours are looked at where an element is the first of those that have the same tags and attributes above, in and below it.
DROP_REPEATED = """(() => {
  document.querySelectorAll(".katex").forEach((equation) => equation.remove());
  const ofOne = new Set(["id", "href", "src", "alt", "title", "for", "data-clipboard-target", "aria-label", "aria-labelledby", "aria-describedby"]);
  const look = (element) => element.tagName
    + [...element.attributes].filter(({ name }) => !ofOne.has(name)).map(({ name, value }) => name + value)
    + (element.matches("tr:nth-child(even)") ? "even" : "");
  const inside = (element) => `(${[...element.children].map((child) => look(child) + inside(child))})`;
  const met = new Set();
  const dropIn = (element, above) => {
    const path = above + look(element), whole = path + inside(element);
    if (met.has(whole)) element.remove();
    else if (!element.matches("svg")) [...element.children].forEach((child) => dropIn(child, path));
    met.add(whole);
  };
  dropIn(document.body, "");
})()"""

# Whether text can be read depends on its colour, size and weight, on the grounds under it, and of a link on the text around
# it. The first text of each such look is marked.
MARK_LOOKS = """(() => {
  document.querySelectorAll("[data-look]").forEach((element) => { element.removeAttribute("data-look"); });
  const grounds = new Map([[null, ""]]), met = new Set();
  for (const element of document.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter].join();
    const ground = grounds.get(element.parentElement) + (own === "rgba(0, 0, 0, 0),none,1,none" ? "" : own);
    grounds.set(element, ground);
    const hasText = element.matches("input, select, textarea") || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility({ visibilityProperty: true })) continue;
    const link = element.closest("a[href]");
    const around = link ? getComputedStyle(link.parentElement).color + style.textDecorationLine + style.borderBottom : "";
    const look = [ground, style.color, style.fill, style.fontSize, style.fontWeight, style.textShadow, around].join("|");
    if (!met.has(look)) element.setAttribute("data-look", "");
    met.add(look);
  }
  return met.size;
})()"""

CAN_FOLD = "h1, article details, article [aria-expanded], article .admonition:has([aria-expanded])"
UNFOLD = """(() => {
  document.querySelectorAll("article details:not([open])").forEach((part) => { part.open = true; });
  document.querySelectorAll("article [aria-expanded=false]").forEach((part) => { part.click(); });
})()"""
FOLD = """(() => {
  document.querySelectorAll("article details[open]").forEach((part) => { part.open = false; });
  document.querySelectorAll("article [aria-expanded=true]").forEach((part) => { part.click(); });
})()"""

UNREACHABLE = """[...document.querySelectorAll(".katex-display")]
  .filter((box) => box.scrollWidth > box.clientWidth && box.tabIndex !== 0).map((box) => box.textContent)"""

WIDEST = """(() => {
  const right = (element) => element.getBoundingClientRect().right;
  const widest = [...document.querySelectorAll("body *")].reduce((a, b) => (right(b) > right(a) ? b : a));
  return widest.outerHTML.slice(0, 120);
})()"""
