"""All that the book builds is valid HTML, SVG and CSS, as the Nu Html Checker sees it (it needs Java 17 or newer)."""

import json
import os
import re
import shutil
import subprocess

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document
from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell
from pages import ROOT
from sample import write_master

from lib import html
from lib.explorer import code
from lib.homework import build, masters
from lib.homework.grade import grade_all
from lib.katex import NODE_MODULES, valid

CHECKER = NODE_MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"

# What is not wrong, each with the reason.
HARMLESS = {
    "The “main” role is unnecessary for element “main”": "Sphinx's search looks for it to show what is around a word",
    "Consider using the “h1” element as a top-level heading only": "the theme sets a page in an article and a section; its h1 is the only one",
    "Article lacks heading": "it stands in that section",
    "Document uses the Unicode Private Use Area": "signs of KaTeX's own fonts, hidden from screen readers, which get MathML",
}
MISREAD = "blocked by “img-src” directive"  # by the checker: `img-src data:` allows the pictures that stand in the page
# What the checker's CSS, older than its HTML, does not know; browsers have had it for years.
NEWER_CSS = re.compile("Unrecognized at-rule “@container”|“(container|container-type|paint-order|vector-effect|math-style)”: ")


@pytest.fixture(scope="session")
def java():
    """Java's launcher; where there is none its tests are skipped, but never under CI."""
    found = shutil.which("java")
    release = subprocess.run([found, "-version"], capture_output=True, encoding="utf-8").stderr if found else ""
    number = re.search(r'version "(\d+)', release)
    if not number or int(number[1]) < 17:
        missing = "NO CHECK OF HTML: no Java of version 17 or newer on PATH"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return found


def complaints(java, paths, *options):
    """Errors and warnings about files and folders, as sentences."""
    command = [java, "-Xss2m", "-jar", str(CHECKER), "--format", "json", "--exit-zero-always", *options, *map(str, paths)]
    answer = subprocess.run(command, capture_output=True, text=True, encoding="utf-8").stderr
    return [
        f"{message.get('url', '').rsplit('/', 1)[-1]}:{message.get('lastLine')}: {message['message']} {message.get('extract', '')!r}"
        for message in json.loads(answer)["messages"]
        if message["type"] != "info" or message.get("subType") == "warning"
    ]


def test_every_page_and_picture_is_valid(java, site):
    found = complaints(java, [site], "--skip-non-html", "--also-check-svg")
    assert [words for words in found if not any(harmless in words for harmless in HARMLESS)] == []
    assert [harmless for harmless in HARMLESS if not any(harmless in words for words in found)] == []


def test_the_styles_are_valid(java, tmp_path):
    (tmp_path / "explorer.css").write_text(code.style(), encoding="utf-8")
    found = complaints(java, [tmp_path, *(ROOT / "book" / "static").glob("*.css")], "--css")
    assert [words for words in found if not NEWER_CSS.search(words)] == []


def test_the_pages_of_the_homework_are_valid(java, tmp_path):
    built = build.build(write_master(tmp_path), tmp_path / "built", execute=True)
    submission = masters.read(built / "solution" / "sample.ipynb")
    submission.cells += [
        new_markdown_cell("Since $a_1 < \\sqrt{b}$:\n\n$$c = \\frac{1}{d}$$\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n{'a': 1}"),
        new_code_cell("1 / 0"),
    ]
    (tmp_path / "handed-in").mkdir()
    (tmp_path / "handed-in" / "ada.ipynb").write_text(writes(submission), encoding="utf-8")
    (tmp_path / "handed-in" / "broken.ipynb").write_text("no notebook", encoding="utf-8")
    grade_all(tmp_path / "handed-in", tmp_path / "grades", built.parent, jobs=1)
    pages = [built / "key.html", *(tmp_path / "grades").rglob("*.html")]
    assert len(pages) == 4
    assert [words for words in complaints(java, pages) if not ("data:image" in words and MISREAD in words)] == []


# The check itself, on what is wrong.

PAGE = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A</title></head><body>%s</body></html>'
WRONG = {
    "Duplicate ID": '<p id="a">one</p><p id="a">two</p>',
    "not allowed as child of element “summary”": "<details><summary><p>one</p></summary></details>",
    "Unclosed element": "<div><p>one</p>",
    "missing required attribute “aria-valuenow”": '<p role="slider">one</p>',
    "Stray end tag": "<p>one</p></section>",
    "CSS: “color”": '<p style="color: reddish">one</p>',
    "“mo” not allowed": "<p><math><msub><mi>h</mi><mi>min</mi><mo>\u2061</mo></msub></math></p>",
    "“round” not allowed": '<svg><circle round="yes"/></svg>',
}


def test_wrong_pages_are_found_out(java, tmp_path):
    (tmp_path / "right.html").write_text(PAGE % "<h1>Title</h1>", encoding="utf-8")
    for number, body in enumerate(WRONG.values()):
        (tmp_path / f"wrong-{number}.html").write_text(PAGE % body, encoding="utf-8")
    found = complaints(java, [tmp_path], "--skip-non-html")
    for number, words in enumerate(WRONG):
        assert any(said.startswith(f"wrong-{number}.html") and re.search(words, said) for said in found), words
    assert not any(said.startswith("right.html") for said in found)


def test_a_wrong_style_is_found_out(java, tmp_path):
    (tmp_path / "wrong.css").write_text("p { colour: red; } q { color: reddish; }", encoding="utf-8")
    assert len(complaints(java, [tmp_path], "--css")) == 2


# The mends.


def test_a_switch_of_a_hidden_cell_has_no_paragraph_and_the_name_that_is_seen():
    page = (
        '<summary aria-label="Toggle hidden content">\n<p class="collapsed admonition-title">Show</p>\n'
        '<p class="expanded admonition-title">Hide</p>\n</summary><p class="admonition-title">Note</p>'
    )
    summary, note = BeautifulSoup(html.mended(page), "html.parser").find_all(["summary", "p"])
    assert summary.attrs == {} and summary.p is None
    assert [(span["class"], span.text) for span in summary.find_all("span")] == [
        (["collapsed", "admonition-title"], "Show"), (["expanded", "admonition-title"], "Hide"),
    ]  # fmt: skip
    assert note.text == "Note"


def test_the_title_for_paper_is_no_second_heading():
    page = '<div id="jb-print-docs-body" class="onlyprint">\n    <h1>A</h1></div><h1>A</h1>'
    assert html.mended(page).count("<h1>") == 1


def test_header_cells_say_what_they_head():
    table = '<table><thead><th class="head"><p>a</p></th></thead><tbody><th class="stub"><p>b</p></th><td></td></tbody></table>'
    assert [cell["scope"] for cell in BeautifulSoup(html.mended(table), "html.parser").find_all("th")] == ["col", "row"]


def test_contents_of_theorems_and_exercises_have_neither_ids_nor_sections():
    document = new_document("page", get_default_settings())
    chapter = nodes.section("", nodes.title("", "Chapter"), ids=["chapter"])
    chapter += nodes.admonition("", nodes.section("", nodes.paragraph("", "It is."), ids=["proof-content"], classes=["lemma"]))
    chapter += nodes.admonition("", nodes.paragraph("", "Proof."), ids=["proof"], classes=["proof"])
    document += chapter
    html.PlainContents(document).run()
    assert [section["ids"] for section in document.findall(nodes.section)] == [["chapter"]]
    (inside,) = document.findall(html.content)
    assert (inside["ids"], inside["classes"], inside.astext()) == ([], ["lemma"], "It is.")
    assert [box["ids"] for box in document.findall(nodes.admonition)] == [[], []]


@pytest.mark.parametrize(
    ("katex", "right"),
    [
        ("<msub><mi>h</mi><mi>min</mi><mo>\u2061</mo></msub>", "<msub><mi>h</mi><mrow><mi>min</mi><mo>\u2061</mo></mrow></msub>"),
        ('<mo lspace="1em"><mrow><mi mathvariant="normal">m</mi><mi mathvariant="normal">d</mi></mrow></mo>', '<mo lspace="1em">md</mo>'),
        ("<mrow><mi>m</mi><mo>+</mo></mrow>", "<mrow><mi>m</mi><mo>+</mo></mrow>"),
    ],
)
def test_mathml_of_katex_is_made_valid(katex, right):
    assert valid(katex) == right
