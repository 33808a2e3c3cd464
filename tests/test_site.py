"""The built book as a reader meets it: on a wide screen and a phone, light and dark, served and from the disk.

The tests with a browser need Chromium, found on PATH or named by the variable CHROMIUM.
"""

import functools
import re
from urllib.parse import unquote, urldefrag

import pytest
from browsing import survey, visit
from fontTools.ttLib import TTFont
from pages import CHAPTERS, PAGES, TOC, soup
from serving import served

from lib import icons, ledger

@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_sound(browser, address, page):
    assert survey(browser, address + page) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_badge_of_a_theorem_leads_to_its_entry_in_the_ledger(browser, address, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, has_touch=width < 600)
    page = context.new_page()
    page.goto(f"{address}book/sgd.html")
    theorem = page.locator("#sgd-noise-floor")
    badge = theorem.get_by_role("link", name="checked: ✓ proved and measured (see the ledger)", exact=True)
    assert badge.bounding_box()["height"] >= 24
    badge.click()
    page.wait_for_url("**/book/claims_part_2.html#sgd-noise-floor")
    entry = page.locator("#sgd-noise-floor")
    assert entry.locator("h3").bounding_box()["y"] < 400
    assert not entry.locator("pre").is_visible()
    entry.get_by_text("How it is checked").click()
    assert 'claim(\n    "sgd-noise-floor"' in entry.locator("pre").inner_text()
    entry.get_by_role("link", name=re.compile(r"^Proposition \d+$")).click()
    page.wait_for_url("**/book/sgd.html#sgd-noise-floor")
    context.close()


ON_TOP = """() => {
  const { left, width } = document.querySelector(".bd-article").getBoundingClientRect();
  const seen = [120, 200, 280].map((y) => document.elementFromPoint(left + width / 2, y).closest("p, li, h2, h3, pre, .downhill"));
  return seen.filter(Boolean).map((one) => [one.textContent.slice(0, 60), one.getBoundingClientRect().top]);
}"""
AS_IT_WAS = f"""(before) => {{
  const now = ({ON_TOP})();
  return now.length === before.length && now.every(([text, top], i) => text === before[i][0] && Math.abs(top - before[i][1]) < 4);
}}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("part", [0.3, 0.6, 1])
def test_a_reader_who_comes_back_finds_what_was_on_top(browser, address, width, part):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{address}book/adam.html")
    page.evaluate(f"scrollTo(0, {part} * document.documentElement.scrollHeight)")
    page.wait_for_timeout(2000)
    before = page.evaluate(ON_TOP)
    assert before
    for come_back in (page.reload, lambda: (page.goto(f"{address}book/momentum.html"), page.go_back())):
        come_back()
        page.wait_for_function(AS_IT_WAS, arg=before)
    page.wait_for_function("history.scrollRestoration === 'auto'")
    page.goto(f"{address}book/adam.html")
    page.wait_for_timeout(500)
    assert page.evaluate("scrollY") == 0
    context.close()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_network(browser, site, page):
    assert visit(browser, (site / page).as_uri(), axe=False) == []


# The pages as text.


@functools.cache
def anchors(path):
    return {tag["id"] for tag in soup(path).find_all(id=True)} | {"", "top"}


def broken_links(path):
    """What a page points to inside the book and is not there."""
    broken = []
    for tag in soup(path).find_all(["a", "link", "script", "img"]):
        target, fragment = urldefrag(tag.get("href") or tag.get("src") or "")
        if re.match(r"[a-z]+:", target):
            continue
        file = path.parent / unquote(target.split("?")[0]) if target else path
        if not file.exists() or file.suffix == ".html" and unquote(fragment) not in anchors(file.resolve()):
            broken.append(tag.get("href") or tag.get("src"))
    return broken


def loads_from_elsewhere(path):
    """Scripts, styles, pictures and frames of a page that are not in the book."""
    tags = soup(path).select("script, img, iframe, source, link:not([rel=canonical])")
    urls = [tag.get("src") or tag.get("href") or "" for tag in tags]
    return [url for url in urls if re.match(r"(https?:)?//", url)]


def pictures_without_words(path):
    """Pictures in the text whose alternative text is missing or a file's name."""
    images = soup(path).select("article img")
    return [str(image) for image in images if not image.get("alt", "").strip() or "/" in image["alt"].split()[0]]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_to_is_there(site, page):
    assert broken_links(site / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_nothing_from_elsewhere(site, page):
    assert loads_from_elsewhere(site / page) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_words_for_its_pictures(site, page):
    assert len(soup(site / page).select("h1:not(.onlyprint h1)")) == 1
    assert pictures_without_words(site / page) == []


def test_equations_are_rendered_and_neither_mathjax_nor_icon_scripts_are_there(site):
    pages = [site / page for page in PAGES]
    assert sum(len(soup(page).select(".katex-mathml")) for page in pages) > 50
    assert [page for page in pages if re.search("mathjax@|MathJax.js|fontawesome.js", page.read_text("utf-8"))] == []
    assert not [*site.rglob("*mathjax*"), *site.rglob("fontawesome*.js")]


def test_the_icon_fonts_are_small_and_have_every_icon_of_the_pages(site):
    fonts = [*(site / "_static").rglob("fa-*.woff*")]
    assert sum(font.stat().st_size for font in fonts) < 20_000
    characters = {point for font in fonts for table in TTFont(font)["cmap"].tables for point in table.cmap}
    names = {name for page in PAGES for name in icons.NAME.findall((site / page).read_text("utf-8"))}
    css = "".join(style.read_text("utf-8") for style in (site / "_static").rglob("*.css"))
    needed = icons.shown(names, css)
    assert len(needed) > 20
    assert needed <= characters


def test_every_statement_has_a_badge_and_every_badge_an_entry(site):
    ledgers = {page: soup(site / page) for page in PAGES if page.startswith(ledger.PAGE)}
    kinds = ", ".join(f"div.proof.{kind}" for kind in ledger.KINDS)
    stated = [box for page in PAGES for box in soup(site / page).select(kinds)]
    assert len(stated) >= 14
    for box in stated:
        (badge,) = box.select("p.admonition-title > a.checked")
        page, label = badge["href"].split("#")
        assert label == box["id"]
        assert ledgers[f"book/{page}"].find("section", id=label).select(".statement, details pre")
    listed = {page: len(entries.select(".statement")) for page, entries in ledgers.items()}
    assert sum(listed.values()) == len(stated)
    rows = [row.select("td, th") for row in ledgers[f"{ledger.PAGE}.html"].select("article table tbody tr")]
    counted = {row[0].a["href"] if row[0].a else "claims.html": int(row[1].get_text()) for row in rows}
    assert {f"book/{page}": claims for page, claims in counted.items()} == listed


def test_every_part_of_the_book_has_a_page_of_the_ledger():
    numbered = [part["caption"].startswith("Part ") for part in TOC["parts"]]
    assert [f"{ledger.PAGE}_part_{number}.html" in PAGES for number, _ in enumerate(numbered, 1)] == numbered


def test_no_page_of_a_chapter_that_is_gone(site):
    found = {page.relative_to(site).as_posix() for page in (site / "book").rglob("*.html")}
    assert found == {f"{chapter}.html" for chapter in CHAPTERS}


# The checks themselves, on pages that are wrong.

WRONG = {
    "asks for": '<script src="https://example.org/a.js"></script>',
    "does not get": '<img src="missing.png" alt="A picture.">',
    "says": "<script>console.error('no')</script>",
    "throws": "<script>undefined.x</script>",
    "shows the source": "<article>See {eq}`one`.</article>",
    "is wider than": '<div style="width: 2000px">wide</div>',
    "breaks color-contrast": '<p style="color: #999; background: #fff">pale</p>',
    "breaks scrollable-region-focusable": (
        '<div style="width: 90px; overflow: auto"><p style="width: 500px">much wider than its box</p></div>'
    ),
    "breaks image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
}
PAGE = '<!doctype html><html lang="en"><title>A</title><link rel="icon" href="data:,"><main>%s</main></html>'


@pytest.mark.parametrize("problem", WRONG, ids=lambda problem: problem.replace(" ", "-"))
def test_a_wrong_page_is_found_out(browser, tmp_path, problem):
    (tmp_path / "right.html").write_text(PAGE % "<h1>Title</h1>", encoding="utf-8")
    (tmp_path / "wrong.html").write_text(PAGE % WRONG[problem], encoding="utf-8")
    with served(tmp_path) as address:
        assert visit(browser, address + "right.html") == []
        assert problem in "; ".join(visit(browser, address + "wrong.html"))


WRONG_SOMEWHERE = {
    "dark: breaks color-contrast": "<style>@media (prefers-color-scheme: dark) { p { color: #777; background: #666 } }</style><p>pale</p>",
    "640 px, dark: breaks color-contrast": "<style>@media (max-width: 700px) { p { color: #777; background: #666 } }</style><p>pale</p>",
    "unfolded, 1280 px: breaks image-alt": (
        '<details><summary>more</summary><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="></details>'
    ),
    "unfolded, 320 px, light: breaks color-contrast": (
        "<style>.pale { color: #777; background: #666 }</style><p>one</p><p>two</p>"
        '<details><summary>more</summary><p>three</p><p class="pale">four</p></details>'
    ),
    "is wider than 320 px": '<div style="width: 350px">wide</div>',
    "breaks heading-order": "<h3>Deep</h3>",
    "breaks target-size": '<button style="width: 9px; height: 9px; padding: 0" aria-label="a"></button>' * 3,
}  # fmt: skip


@pytest.mark.parametrize("problem", WRONG_SOMEWHERE, ids=lambda problem: problem.replace(" ", "-"))
def test_what_is_wrong_in_one_view_is_found_out(browser, tmp_path, problem):
    (tmp_path / "wrong.html").write_text(PAGE % f"<article><h1>Title</h1>{WRONG_SOMEWHERE[problem]}</article>", encoding="utf-8")
    with served(tmp_path) as address:
        found = survey(browser, address + "wrong.html")
    assert problem in "; ".join(found)
    assert [words for words in found if problem.split(": ")[-1] not in words] == []


def test_wrong_links_and_pictures_are_found_out(tmp_path):
    page = tmp_path / "wrong.html"
    page.write_text(
        '<article><h1 id="here">A</h1><a href="#here">1</a><a href="#there">2</a><a href="gone.html">3</a>'
        '<a href="https://example.org">4</a><img alt="../_images/1.png" src="//example.org/1.png"></article>',
        encoding="utf-8",
    )
    assert broken_links(page) == ["#there", "gone.html", "//example.org/1.png"]
    assert loads_from_elsewhere(page) == ["//example.org/1.png"]
    assert len(pictures_without_words(page)) == 1
