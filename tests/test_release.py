"""The files of a release: the zip as a reader unpacks it, and the PDF as a reader and a screen reader meet it.

The variable WHOLE_PDF names a folder with a PDF of the whole book to look at; without it three chapters are printed.
"""

import functools
import hashlib
import os
import re
import zipfile
from datetime import date

import pytest
import yaml
from browsing import visit
from pages import CHAPTERS, ROOT, SITE, soup
from pypdf import PdfReader
from pypdf.generic import ContentStream, IndirectObject

import lib
from lib import fork, release, web

SOME = ["book/bias_correction", "book/notation", "book/references"]
DAY = date(2026, 11, 24)


# The zip.


def archive(folder, target, read_me="Read me.\n"):
    release.pack(folder, target, read_me, DAY)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def test_the_zip_is_the_same_each_time_and_has_no_hidden_files(tmp_path):
    site = tmp_path / "site"
    for name in ("index.html", "book/é.html", ".buildinfo", "book/.hidden/a"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name, encoding="utf-8")
    (tmp_path / "again").mkdir()
    first = archive(site, tmp_path / "book-1.zip")
    for file in site.rglob("*.html"):
        os.utime(file, (0, 0))
    assert archive(site, tmp_path / "again" / "book-1.zip") == first
    with zipfile.ZipFile(tmp_path / "book-1.zip") as made:
        assert made.namelist() == ["book-1/READ ME FIRST.txt", "book-1/book/é.html", "book-1/index.html"]
        assert {entry.date_time[:3] for entry in made.infolist()} == {(2026, 11, 24)}
        assert made.read("book-1/READ ME FIRST.txt") == b"\xef\xbb\xbfRead me.\r\n"
    (site / "index.html").write_text("changed", encoding="utf-8")
    assert archive(site, tmp_path / "again" / "book-1.zip") != first


@pytest.fixture(scope="module")
def unpacked(site, tmp_path_factory):
    """The zip of the site, unpacked into a folder with spaces and letters of other alphabets."""
    folder = tmp_path_factory.mktemp("release")
    release.pack(site, folder / "downhill.zip", release.READ_ME, DAY)
    assert (folder / "downhill.zip").stat().st_size < 40_000_000
    with zipfile.ZipFile(folder / "downhill.zip") as made:
        made.extractall(folder / "Мой диск é #1")
    return folder / "Мой диск é #1" / "downhill"


@pytest.mark.parametrize("page", ["404", "search", "book/index", "book/adam", "book/playground", "book/changelog"])
def test_an_unpacked_page_works_from_the_disk(browser, unpacked, page):
    assert visit(browser, (unpacked / f"{page}.html").as_uri(), axe=False) == []


def test_the_unpacked_book_can_be_read_from_its_first_page(browser, unpacked):
    page = browser.new_page()
    page.goto((unpacked / "index.html").as_uri())
    page.wait_for_url("**/book/index.html")
    page.locator(".bd-sidebar-primary").get_by_role("link", name=re.compile("^Adam:")).click()
    page.wait_for_url("**/book/adam.html")
    assert page.locator("#adam-stream svg").first.is_visible()
    page.close()


def test_the_text_beside_it_names_the_version_and_where_newer_ones_are():
    text = release.READ_ME.format(address="https://a.example/", repository="https://b.example")
    for word in (lib.__version__, "index.html", "https://a.example/", "https://b.example", "CC BY 4.0"):
        assert word in text


# What is new.

CHANGES = "# New\n\n## Version 1.2.0 (2026-12-01)\n\nA {doc}`playground`.\n\n## Version 1.1.0 (2026-11-24)\n\nOlder.\n"


def test_the_text_of_a_release_is_its_part_of_the_changelog():
    link = "[playground](https://a.example/book/playground.html)"
    assert release.news(CHANGES, "1.2.0", "https://a.example/") == f"A {link}.\n"
    assert release.news(CHANGES, "1.1.0", "") == "Older.\n"
    with pytest.raises(ValueError, match="does not tell of version 1.1"):
        release.news(CHANGES, "1.1", "")


def test_the_changelog_tells_of_this_version():
    changes = (ROOT / "book" / "changelog.md").read_text(encoding="utf-8")
    assert re.search(r"^## (.*)$", changes, re.M)[1] == f"Version {lib.__version__} ({release.released()})"
    assert release.news(changes, lib.__version__, "")


@pytest.mark.parametrize(
    ("repository", "address"),
    [("https://github.com/ada/book", "https://github.com/ada/book/releases/latest"),
     ("https://gitlab.com/ada/book", "https://gitlab.com/ada/book/-/releases/permalink/latest")],
)  # fmt: skip
def test_the_newest_release_has_an_address(repository, address):
    assert web.latest(repository) == address


def test_the_front_page_leads_to_the_newest_release(site):
    (link,) = soup(site / f"{CHAPTERS[0]}.html").select(f'article a[href="{web.latest(fork.repository()[0])}"]')
    assert "zip or the PDF" in link.parent.get_text()


# The book as one page.


def one_leaf(tmp_path, body, pages=("book/one", "book/two")):
    (tmp_path / "book").mkdir(exist_ok=True)
    page = f'<main><article class="bd-article"><h1 id="t">One</h1>{body}</article></main>'
    (tmp_path / "book" / "one.html").write_text(page, encoding="utf-8")
    return release.leaf(tmp_path, "book/one", set(pages), "https://a.example/")


@pytest.mark.parametrize(
    ("href", "led"),
    [
        ("#t", "#one--t"), ("two.html", "#two"), ("two.html#x", "#two--x"), ("../book/two.html#x", "#two--x"),
        ("three.html#x", "https://a.example/book/three.html#x"), ("../feed.xml", "https://a.example/feed.xml"),
        ("https://b.example/x", "https://b.example/x"),
    ],
)  # fmt: skip
def test_a_link_leads_into_the_book_or_to_the_site(tmp_path, href, led):
    assert one_leaf(tmp_path, f'<a href="{href}">x</a>').a["href"] == led


def test_a_leaf_has_pictures_in_place_of_figures_and_no_buttons(tmp_path):
    picture = '<noscript><img alt="A path." src="data:,"></noscript>'
    figure = f'<div class="downhill" id="f"><script>1</script>{picture}</div>'
    folded = '<details class="hide"><summary>Show</summary><p>Code</p></details><details>x</details>'
    leaf = one_leaf(tmp_path, f"{figure}{folded}<button>Copy</button>")
    assert [image["alt"] for image in leaf.select("#one--f.still > img")] == ["A path."]
    assert not leaf.select("script, noscript, button, summary, .downhill, details:not([open])")
    assert "Code" in leaf.get_text()
    with pytest.raises(ValueError, match="book/one: the interactive figure f has no picture"):
        one_leaf(tmp_path, '<div class="downhill" id="f"></div>')


def test_every_link_within_the_whole_book_leads_somewhere(site):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"], *(page for _, some in release.parts(toc) for page in some)]
    assert {page for page in CHAPTERS if page not in pages} == {page for page in CHAPTERS if "claims" in page} | {"book/playground"}
    ids, links = [], []
    for page in pages:
        leaf = release.leaf(site, page, set(pages), "https://a.example/")
        ids += [leaf["id"], *(tag["id"] for tag in leaf.select("[id]"))]
        links += [tag["href"] for tag in leaf.select("a[href]")]
        assert [str(image)[:80] for image in leaf.select("img") if not image.get("alt", "").strip()] == []
    assert {link for link in links if link.startswith("#") and link[1:] not in ids} == set()
    assert {link for link in links if not link.startswith(("#", "https://"))} == set()


# The PDF.


@pytest.fixture(scope="module")
def pdf(browser, site, tmp_path_factory):
    """The PDF and the pages that are in it."""
    if whole := os.environ.get("WHOLE_PDF"):
        (found,) = (ROOT / whole).glob("*.pdf")
        return PdfReader(found), [page for page in CHAPTERS if not release.LEFT_OUT.match(page)]
    target = tmp_path_factory.mktemp("pdf") / "some.pdf"
    release.make_pdf(browser, site, ROOT, target, only=SOME)
    assert [file.name for file in target.parent.iterdir()] == ["some.pdf"]
    return PdfReader(target), [CHAPTERS[0], *SOME]


@functools.cache
def texts(reader):
    return [page.extract_text() for page in reader.pages]


def squeezed(text):
    return re.sub(r"\s+", "", text)


def structure(node):
    """The elements of a PDF's tree for screen readers."""
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, list):
        for child in node:
            yield from structure(child)
    elif isinstance(node, dict):
        if "/S" in node:
            yield node
        yield from structure(node.get("/K", []))


def missing_glyphs(reader):
    """Numbers of the pages on which a font shows its sign for a character that it does not have."""
    found = []
    for number, page in enumerate(reader.pages, 1):
        fonts = page["/Resources"].get("/Font", {})
        composite = {name for name, font in fonts.items() if font.get_object()["/Subtype"] == "/Type0"}
        font = None
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator == b"Tf":
                font = operands[0]
            elif operator in (b"Tj", b"TJ") and font in composite:
                strings = operands[0] if operator == b"TJ" else operands
                codes = b"".join(text.original_bytes for text in strings if hasattr(text, "original_bytes"))
                codes += b"".join(bytes(text) for text in strings if isinstance(text, bytes))
                if any(codes[i : i + 2] == b"\0\0" for i in range(0, len(codes), 2)):
                    found.append(number)
                    break
    return found


def test_the_pdf_says_what_it_is(pdf):
    reader, _ = pdf
    assert reader.metadata.title == "Downhill: the optimizers of deep learning, from SGD to AdamW"
    assert reader.metadata.author == "The Downhill authors"
    assert reader.trailer["/Root"]["/Lang"].startswith("en")
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_the_pdf_has_every_chapter_in_its_text_and_in_its_bookmarks(pdf):
    reader, pages = pdf
    text = squeezed("".join(texts(reader)))
    marks = {squeezed(mark.title) for mark in flat(reader.outline)}
    for page in pages:
        title = squeezed(release._title(soup(SITE / f"{page}.html").select_one("article h1")).removesuffix("#"))
        assert title in text
        assert title in marks
    assert "Traceback" not in text


def flat(marks):
    for mark in marks:
        yield from flat(mark) if isinstance(mark, list) else [mark]


def test_the_pdf_has_the_theorem_on_bias_correction_and_its_solutions(pdf):
    text = squeezed("".join(texts(pdf[0])))
    page = soup(SITE / "book" / "bias_correction.html")
    statements = [box.select_one(".admonition-title") for box in page.select(".proof.theorem, .proof.proposition")]
    assert statements
    for title in statements:
        assert squeezed(title.select_one(".caption-number").get_text()) in text
    solutions = page.select(".solution")
    assert len(solutions) >= 5
    assert text.count("Solution") >= len(solutions)


def test_no_sheet_of_the_pdf_is_empty_or_shows_what_is_for_a_screen(pdf):
    reader, _ = pdf
    pictures = ["/XObject" in page["/Resources"] for page in reader.pages]
    empty = [n for n, text in enumerate(texts(reader), 1) if len(text.split()) < 4 and not pictures[n - 1]]
    assert empty == []
    for words in ("Show code cell", "Copy to clipboard", "Click to show", "drag me"):
        assert words not in "".join(texts(reader))


def test_every_picture_of_the_pdf_has_words_for_a_screen_reader(pdf):
    reader, pages = pdf
    figures = [tag for tag in structure(reader.trailer["/Root"]["/StructTreeRoot"]) if tag["/S"] == "/Figure"]
    said = {tag.get("/Alt") for tag in figures}
    assert None not in said and "" not in said
    written = {image["alt"] for page in pages for image in soup(SITE / f"{page}.html").select("article img")}
    assert len(written) > 3
    assert written <= said


def test_every_link_of_the_pdf_leads_somewhere(pdf):
    reader, _ = pdf
    places, inner, outer = reader.named_destinations, 0, 0
    for page in reader.pages:
        for note in page.get("/Annots", []):
            note = note.get_object()
            if "/Dest" in note:
                inner += 1
                assert note["/Dest"] in places or isinstance(note["/Dest"], list)
            elif "/A" in note and "/URI" in note["/A"]:
                outer += 1
                assert note["/A"]["/URI"].startswith("https://"), note["/A"]["/URI"]
    assert inner > 20
    assert outer > 3


def test_the_numbers_in_the_table_of_contents_are_those_of_the_pages(pdf):
    reader, pages = pdf
    every = texts(reader)
    first = next(n for n, text in enumerate(every) if text.lstrip().startswith("Contents"))
    listed = squeezed("".join(re.sub(r"\d+\s*$", "", text) for text in every[first : first + 5]))
    for page in pages:
        title = squeezed(release._title(soup(SITE / f"{page}.html").select_one("article h1")).removesuffix("#"))
        number = int(re.search(rf"{re.escape(title)}\D{{0,3}}(\d+)", listed)[1])
        assert squeezed(every[number - 1]).startswith(title)


def test_the_pdf_misses_no_sign_and_is_not_large(pdf):
    reader, _ = pdf
    assert missing_glyphs(reader) == []
    assert reader.stream.getbuffer().nbytes < 15_000_000
    assert len(reader.pages) < 500


# The checks themselves, on pages that are wrong.

BODY = "<!doctype html><html lang='en'><title>A</title><style>@page { size: A4; margin: 24mm }</style><body>%s"


def test_a_page_that_is_too_wide_for_paper_is_found_out(browser, tmp_path):
    (tmp_path / "a.html").write_text(BODY % "<table><tr><td>x</table><p>short", encoding="utf-8")
    release.printed(browser, tmp_path / "a.html", tmp_path / "a.pdf")
    much = "<div style='width: 2000px'>much</div>"
    for wide in (much, f"<table><tr><td>{much}</table>"):
        (tmp_path / "a.html").write_text(BODY % wide, encoding="utf-8")
        with pytest.raises(ValueError, match="too wide for paper: .*much"):
            release.printed(browser, tmp_path / "a.html", tmp_path / "a.pdf")


def test_a_sign_that_no_font_has_is_found_out(browser, tmp_path):
    (tmp_path / "a.html").write_text(BODY % "<p>\ue123", encoding="utf-8")
    release.printed(browser, tmp_path / "a.html", tmp_path / "a.pdf")
    assert missing_glyphs(PdfReader(tmp_path / "a.pdf")) == [1]
