"""Light pages: what the book's pages load, what they hold up, what moves while they come; and how they are made so."""

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup
from copies import ROOT
from fontTools.ttLib import TTFont
from pages import PAGES, soup
from PIL import Image, ImageChops, ImageDraw, ImageStat
from serving import served
from weighing import Gzipped, shifts, weigh

from lib import pages
from lib.katex import NODE_MODULES

HEAVIEST = 250_000
THEMES = 1  # the script that chooses light or dark, before anything is painted


@pytest.fixture(scope="module")
def compressed(site):
    """The address at which this machine serves the book, compressed."""
    with served(site, Gzipped) as address:
        yield address


# The book.


@pytest.mark.parametrize("page", PAGES)
def test_a_page_weighs_at_most_250_kilobytes_with_all_its_pictures(browser, compressed, site, page):
    weights = weigh(browser, compressed, page, site, scroll=True)
    assert {"site.css", page.split("/")[-1]} <= weights.keys()
    assert sum(weights.values()) <= HEAVIEST, weights


def holding_up(page):
    """What of a page's head keeps it from being painted: scripts and stylesheets."""
    scripts = [
        script for script in page.select("head script") if not script.has_attr("defer") and not script.has_attr("async")
    ]
    return [script.get("src") or script.string for script in scripts], page.select("link[rel=stylesheet]")


@pytest.mark.parametrize("page", PAGES)
def test_no_script_and_at_most_two_stylesheets_hold_a_page_up(site, page):
    scripts, styles = holding_up(soup(site / page))
    assert len(scripts) == THEMES and "dataset.theme" in scripts[0]
    assert 1 <= len(styles) <= 2
    assert not soup(site / page).select("body script[src]")
    assert len(soup(site / page).select("script[src]")) <= 2


@pytest.mark.parametrize("stored", [{}, {"mode": "auto", "theme": "light"}, {"mode": "dark", "theme": "dark"}])
def test_a_page_has_the_readers_colours_before_its_script_comes(browser, address, stored):
    context = browser.new_context(color_scheme="dark")
    context.add_init_script("".join(f"localStorage.setItem({name!r}, {value!r});" for name, value in stored.items()))
    page = context.new_page()
    page.route("**/site.js*", lambda route: route.abort())
    page.goto(f"{address}book/adam.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def test_only_the_search_page_loads_the_index(site):
    assert [page for page in PAGES if "searchindex" in (site / page).read_text("utf-8")] == ["search.html"]


def unsized(page):
    """The pictures of a page that do not say how large they are."""
    return [str(image)[:200] for image in page.select("img") if not (image.get("width") and image.get("height"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_says_how_large_it_is_and_is_a_file(site, page):
    assert unsized(soup(site / page)) == []
    assert not soup(site / page).select("img[src^='data:']")
    for image in soup(site / page).select("article img[src$='.avif']"):
        with Image.open((site / page).parent / image["src"]) as picture:
            assert picture.size == (int(image["width"]), int(image["height"])) and picture.width <= pages.WIDEST


def test_the_theme_does_not_measure_all_boxes_of_a_page(site):
    script = (site / "_static" / "site.js").read_text("utf-8")
    assert "jp-RenderedHTMLCommon" in script  # the theme's function, which nothing calls any more
    assert not re.search(r'addEventListener\("load",\w+\)', script)


def test_nothing_lies_in_the_site_that_no_page_needs(site):
    static = {file.name for file in (site / "_static").rglob("*") if file.is_file()}
    assert {"site.css", "site.js", "search.js", "explorer.js", "explorer.css", "race.js", "race.css", "favicon.svg"} <= static
    assert not static & {"bootstrap.js", "doctools.js", "da.js", "basic.css", "webpack-macros.html"}
    assert not [*(site / "_images").glob("*.png")]
    named = {image["src"].split("/")[-1] for page in PAGES for image in soup(site / page).select("img")}
    assert {file.name for file in (site / "_images").iterdir()} <= named


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", ["book/index.html", "book/adam.html", "book/playground.html"])
def test_nothing_moves_while_a_page_comes_slowly(browser, compressed, page, width):
    found = shifts(browser, compressed + page, width, 900 if width > 600 else 844)
    assert sum(value for value, *_ in found) < 0.02, found


def test_what_moves_is_noticed(browser, tmp_path):
    image = "Object.assign(document.createElement('img'), {height: 300})"
    late = f"setTimeout(() => document.querySelector('p').before({image}), 100)"
    text = f"<!doctype html><title>A</title><p style='height: 200px; background: red'>text</p><script>{late}</script>"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    with served(tmp_path, Gzipped) as address:
        found = shifts(browser, address + "page.html", slowdown=1)
    assert sum(value for value, *_ in found) > 0.1


def files(folder):
    """What is in a folder: name to digest."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def test_a_second_time_changes_nothing(site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    pages.lighten(copy)
    assert files(copy) == files(site)


WRITTEN = """() => {
  const walker = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT), found = {};
  for (let node; node = walker.nextNode();) {
    const box = node.parentElement, {fontFamily, fontWeight, fontStyle} = getComputedStyle(box);
    if (!box.closest(".katex-html")) continue;
    const font = [fontFamily.split(",")[0].replaceAll('"', ""), fontWeight, fontStyle].join(" ");
    found[font] = (found[font] ?? "") + node.textContent;
  }
  return found;
}"""
CUTS = {"400 normal": "Regular", "700 normal": "Bold", "400 italic": "Italic", "700 italic": "BoldItalic"}


@pytest.mark.parametrize("page", ["landscape", "backpropagation", "convergence", "errata", "notation", "claims_part_4"])
def test_every_character_of_an_equation_is_in_its_font(browser, address, site, page):
    tab = browser.new_page()
    tab.goto(f"{address}book/{page}.html")
    written = tab.evaluate(WRITTEN)
    tab.close()
    fonts = {font: text for font, text in written.items() if font.startswith("KaTeX")}
    assert {"KaTeX_Main 400 normal", "KaTeX_Math 400 italic"} <= fonts.keys()
    for font, text in fonts.items():
        family, cut = font.split(" ", 1)
        (light,) = (site / "_static" / "fonts").glob(f"{family}-{CUTS[cut]}-*.woff2")
        whole = NODE_MODULES / "katex" / "dist" / "fonts" / f"{family}-{CUTS[cut]}.woff2"
        there, possible = (TTFont(file).getBestCmap().keys() for file in (light, whole))
        assert {chr(code) for code in {*map(ord, text)} & possible - there} == set(), font


def test_what_the_joined_script_does(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}book/adam.html")
    page.locator(".copybtn").first.dispatch_event("click")
    code = page.locator(page.locator(".copybtn").first.get_attribute("data-clipboard-target")).text_content()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.length > 0)")
    assert page.evaluate("navigator.clipboard.readText()").split() == code.split()
    page.get_by_role("button", name="Launch interactive content").click()
    assert page.locator(".dropdown-launch-buttons .dropdown-menu.show").is_visible()
    assert page.locator(".theme-switch-button").first.get_attribute("title") == "Color mode"
    page.keyboard.press("Escape")
    before = page.evaluate("document.documentElement.dataset.mode")
    page.locator(".theme-switch-button").first.click()
    assert page.evaluate("document.documentElement.dataset.mode") != before
    page.keyboard.press("Control+k")
    assert page.locator("#pst-search-dialog").is_visible()
    page.keyboard.type("bias correction")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=bias+correction")
    result = page.locator("#search-results ul.search li a").filter(has_text="Bias correction: an average").first
    result.click()
    page.wait_for_url("**/book/bias_correction.html*")
    assert page.locator("span.highlighted").count() > 5
    page.goto(f"{address}search.html?q=momentum")
    page.locator("#search-results ul.search li").first.wait_for()
    context.close()
    assert problems == []


# A small book, built again and again.

CONFIG = """
extensions = ["myst_parser", "sphinx_copybutton", "sphinx_design", "lib.katex", "lib.pages"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "katex"
html_theme = "sphinx_book_theme"
html_last_updated_fmt = None
exclude_patterns = ["_build"]
"""
SPHINXS = (".buildinfo", ".doctrees", "objects.inv", "searchindex.js")  # their order hangs on what was built when
DATA = "data:image/png;base64,"


def drawn(colour):
    """A PNG with a line of a colour."""
    image, content = Image.new("RGB", (120, 80), "white"), io.BytesIO()
    ImageDraw.Draw(image).line([(0, 0), (119, 79)], colour, 3)
    image.save(content, "PNG")
    return content.getvalue()


def write(folder, first):
    blue = DATA + base64.b64encode(drawn("blue")).decode()
    texts = {
        "index": "# A\n\n```{toctree}\nfirst\nsecond\n```\n", "first": first,
        "second": f'# C\n\n$\\mathbb{{R}}$ ![red](red.png) <img alt="blue" src="{blue}">\n',
    }  # fmt: skip
    for name, text in texts.items():
        if not (folder / f"{name}.md").exists() or (folder / f"{name}.md").read_text("utf-8") != text:
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / "conf.py").write_text(CONFIG, encoding="utf-8")
    (folder / "red.png").write_bytes(drawn("red"))


def build(folder):
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-b", "html", ".", "_build/html"]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stderr
    return {name: digest for name, digest in files(folder / "_build" / "html").items() if not name.startswith(SPHINXS)}


FIRST = "# B\n\nNo equation.\n"
CHANGED = "# B\n\n$\\alpha + \\mathcal{L}$\n\n```{dropdown} More\n`x`\n```\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small book, built, then changed and built; and one that was so from the beginning: what is in them."""
    changed, clean = tmp_path_factory.mktemp("changed"), tmp_path_factory.mktemp("clean")
    write(changed, FIRST)
    first = build(changed)
    again = build(changed)
    write(changed, CHANGED)
    last = build(changed)
    write(clean, CHANGED)
    return first, again, last, build(clean), clean / "_build" / "html"


def test_a_build_without_changes_gives_the_same_site(small):
    first, again, *_ = small
    assert first == again


def test_a_build_after_a_change_gives_the_site_that_a_clean_build_gives(small):
    first, _, last, clean, _ = small
    assert last == clean
    assert first["_static/site.css"] != last["_static/site.css"] and first["second.html"] != last["second.html"]


def test_equations_keep_their_characters_and_fonts_lose_the_others(small):
    def characters(font):
        (file,) = (small[-1] / "_static" / "fonts").glob(f"KaTeX_{font}-*")
        return {chr(code) for code in TTFont(file).getBestCmap() or () if code > 32}

    assert characters("Math-Italic") == {"α"} and characters("Caligraphic-Regular") == {"L"}
    assert "+" in characters("Main-Regular") and characters("AMS-Regular") == {"R"}
    assert characters("Main-Bold") == set()


def test_a_picture_is_the_same_to_the_eye(small):
    page = BeautifulSoup((small[-1] / "second.html").read_text("utf-8"), "html.parser")
    for image in page.select("article img"):
        with Image.open(small[-1] / image["src"]) as picture, Image.open(io.BytesIO(drawn(image["alt"]))) as original:
            assert picture.format == "AVIF" and error(picture, original) < 4
        assert (image["width"], image["height"], image["loading"]) == ("120", "80", "lazy")
    assert len(page.select("article img")) == 2


def error(picture, original):
    """Root of the mean squared difference of two pictures, in steps of 256 of a channel."""
    squares = ImageStat.Stat(ImageChops.difference(picture.convert("RGB"), original.convert("RGB"))).sum2
    return (sum(squares) / (3 * picture.width * picture.height)) ** 0.5


def test_another_picture_is_noticed():
    red, blue = (Image.open(io.BytesIO(drawn(colour))) for colour in ("red", "blue"))
    assert error(red, blue) > 20


def test_a_wide_picture_is_no_wider_than_a_page_shows_it_and_keeps_its_shape(tmp_path):
    with Image.open(io.BytesIO(drawn("red"))) as image:
        image.resize((1500, 1000)).save(tmp_path / "wide.png")
    with Image.open(pages.as_avif(tmp_path / "wide.png")) as picture:
        assert picture.size == (pages.WIDEST, round(pages.WIDEST * 2 / 3))


def test_code_keeps_its_words_and_its_colours():
    code = '<pre><span class="n">lr</span> <span class="o">=</span><span class="w"> </span><span class="mf">0.1</span></pre>'
    assert pages.plain(code) == '<pre>lr <span class="o">=</span> <span class="mf">0.1</span></pre>'


def test_rules_that_no_page_needs_are_gone_and_those_that_a_script_needs_are_there(small):
    css = (small[-1] / "_static" / "site.css").read_text("utf-8")
    assert ".carousel-inner" not in css and ".sd-tab-set" not in css
    assert all(
        name in css for name in (".dropdown-menu.show", ".copybtn", "details.sd-dropdown", ".katex")
    )
    assert "--pst-color-text-base:" in css and not re.search("--bs-indigo:|tooltip-inner|popover", css)


# What is found wrong on a wrong page.


def parsed(text):
    return BeautifulSoup(text, "html.parser")


def test_what_holds_up_and_what_has_no_size_is_noticed():
    page = parsed(
        '<head><script src="a.js"></script><script defer src="b.js"></script>'
        '<link rel="stylesheet" href="c.css"></head>'
        '<img src="a.png" width="3"><img src="b.png" width="3" height="4">'
    )
    scripts, styles = holding_up(page)
    assert scripts == ["a.js"] and len(styles) == 1
    assert len(unsized(page)) == 1


def test_a_page_that_is_light_stays_as_it_is():
    text = '<link rel="stylesheet" href="_static/site.css?v=1" /><script defer src="_static/site.js?v=1"></script>'
    assert pages.joined(text, "") == text


def test_what_no_page_names_is_deleted_whatever_its_name(tmp_path):
    for name in (
        "_static/kept.svg",
        "_static/gone.svg",
        "_static/LICENSE",
        "_images/schön hier.svg",
        "_images/a b.svg",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('<svg viewBox="0 0 30 20"/>', encoding="utf-8")
    text = '<img src="_static/kept.svg" alt=""><img src="_images/sch%C3%B6n%20hier.svg" alt="">'
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    pages.lighten(tmp_path)
    assert {file.name for file in tmp_path.rglob("*.svg")} == {"kept.svg", "schön hier.svg"}
    assert (tmp_path / "_static" / "LICENSE").exists()
    light = (tmp_path / "page.html").read_text("utf-8")
    assert (
        'src="_images/sch%C3%B6n%20hier.svg"' in light
        and light.count('width="30" height="20"') == 2
        and unsized(parsed(light)) == []
    )


def test_the_order_of_scripts_is_kept_but_what_sets_values_comes_first():
    text = (
        '<head><script data-cfasync="false">theme</script><link rel="stylesheet" href="_static/styles/theme.css?v=1" />'
        '<script src="_static/doctools.js?v=1"></script><script src="_static/sphinx_highlight.js?v=1"></script>'
        "<script>let a = 1;</script><script>DOCUMENTATION_OPTIONS.pagename = 'x';</script><script>let a = 1;</script>"
        '<script defer="defer" src="_static/late.js"></script><script src="_static/early.js"></script>'
        '<script src="_static/searchtools.js"></script><script src="searchindex.js"></script></head>'
        '<body><script type="application/json">{}</script><script>here()</script>'
        '<script defer src="_static/last.js"></script></body>'
    )
    joined = ["let a = 1;", "doctools.js", "early.js", "searchtools.js", "late.js", "last.js", "sphinx_highlight.js"]
    assert pages.scripts(text) == joined
    other = text.replace(
        "</head>", '<script async="async" src="_static/explorer.js"></script><script>own()</script></head>'
    )
    other = other.replace("</head>", '<link rel="stylesheet" href="_static/explorer.css" /></head>')
    light = pages.joined(other.replace("_static", "../_static"), text)
    assert re.findall(r"<script[^>]*>|<link[^>]*>", light) == [
        '<script data-cfasync="false">', '<link rel="stylesheet" href="../_static/site.css" />',
        '<script defer src="../_static/site.js">', '<script async="async" src="../_static/explorer.js">', "<script>",
        '<link rel="stylesheet" href="../_static/explorer.css" />', '<script type="application/json">', "<script>",
    ]  # fmt: skip
    assert "own()" in light and "here()" in light and "let a" not in light
    assert '<script src="searchindex.js">' not in pages.joined(text + '<p id="search-results">', text)
    assert '<script defer src="searchindex.js">' in pages.joined(text + '<p id="search-results">', text)
