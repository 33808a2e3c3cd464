"""The ledger: what it reads in a notebook, and what a small book makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lib.ledger import Check, checks, entry, statements, summary
from lib.notebooks import normalise

ROOT = Path(__file__).resolve().parents[1]

THEOREM = """\
Before.

````{prf:theorem} Two is $1 + 1$
:label: first-two
:class: wide

By {eq}`eq-first` and {cite:t}`knuth1997`

```{math}
:label: eq-first
1 + 1 = 2 .
```
````

After.
"""
OBSERVATION = ":::{prf:observation}\n:label: second-seen\n\nAs in {prf:ref}`first-two`, $x < 0.7$.\n:::"
LEMMA = "```{prf:lemma} No label\n\n$$a = b$$ (eq-same)\n```"


def claimed(label, known, before=""):
    """A cell that claims, as it stands in an executed notebook."""
    printed = new_output("stream", name="stdout", text=f"a line\n✓ {label}: {known}\n" if known else "a line\n")
    return new_code_cell(f'{before}claim("{label}", equal(x, 2))', execution_count=1, outputs=[printed])


def notebook(*cells):
    return new_notebook(cells=[new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells])


# What is read.


def test_statements_are_read_with_their_place_label_kind_title_and_text():
    first, lemma, seen = statements(notebook("# Title", THEOREM, LEMMA + "\n\n" + OBSERVATION))
    assert first[:4] == (1, "first-two", "theorem", "Two is $1 + 1$")
    assert first.text.startswith("By {eq}`eq-first`") and first.text.endswith("1 + 1 = 2 .\n```")
    assert lemma == (2, "", "lemma", "No label", "$$a = b$$ (eq-same)")
    assert seen == (2, "second-seen", "observation", "", "As in {prf:ref}`first-two`, $x < 0.7$.")


@pytest.mark.parametrize(
    "text",
    ["```{prf:remark} A\n:label: a\n\n1\n```", ":::{prf:theorem} Open\n:label: a\n\n1", "{prf:ref}`a`",
     "Write `:::{prf:theorem}`.", "```{prf:proof}\n1\n```"],
)  # fmt: skip
def test_what_is_no_statement_is_not_read(text):
    assert statements(notebook(text)) == []


def test_checks_are_read_with_their_cell_and_what_it_printed():
    cell = claimed("first-two", "proved and measured, seed 0, within 0.002", before="x = 2\n")
    (check,) = checks(notebook("claim(3)", cell, new_code_cell("other('first-two')")))
    assert check == (1, "first-two", cell.source, "proved and measured, seed 0, within 0.002")
    assert check.ways == ["proved", "measured"]


def test_two_claims_of_a_cell_are_told_apart_and_silence_is_noticed():
    one, two = claimed("a", "proved"), claimed("b", "measured")
    both = new_code_cell(f"{one.source}\n{two.source}", outputs=one.outputs)
    assert [(check.label, check.known) for check in checks(notebook(both))] == [("a", "proved"), ("b", "")]


def test_an_entry_labels_no_equation_a_second_time():
    check = Check(3, "first-two", "claim(…)", "measured, seed 0, within 0.01")
    texts = [entry(statement, check) for statement in statements(notebook(THEOREM, LEMMA))]
    assert "`first-two` · {prf:ref}`first-two` · **measured**, seed 0, within 0.01\n" in texts[0]
    assert "```{math}\n1 + 1 = 2 .\n```" in texts[0] and "{eq}`eq-first`" in texts[0]
    assert "$$a = b$$\n" in texts[1] and "eq-same" not in texts[1]


def test_the_summary_counts_the_ways():
    found = [Check(0, "a", "", known) for known in ("proved", "proved and measured, seed 0", "measured, within 0.01")]
    assert summary(found) == "The book makes **3 claims**: 2 proved, 2 measured, and some in more than one way."
    assert summary(found[:1]) == "The book makes **1 claim**: 1 proved."


# A small book.

CONFIG = """\
import os
extensions = [
    "myst_nb", "sphinx_external_toc", "sphinx_design", "sphinx_proof", "sphinxcontrib.bibtex",
    "lib.katex", "lib.ledger",
]
external_toc_path = "_toc.yml"
myst_enable_extensions = ["dollarmath", "colon_fence"]
html_math_renderer = "katex"
html_theme = "basic"
bibtex_bibfiles = ["a.bib"]
nb_execution_mode = "off"
exclude_patterns = ["_build"]
"""
FILES = {
    "conf.py": CONFIG,
    "_toc.yml": "format: jb-book\nroot: book/index\nchapters:\n" + "".join(
        f"- file: book/{name}\n" for name in ("second", "first", "claims")
    ),
    "a.bib": "@book{knuth1997,\n author = {Donald Knuth}, title = {Algorithms}, year = 1997, publisher = {A}}\n",
    "book/index.md": "# Index\n\n```{bibliography}\n```\n",
    "book/claims.md": "# Claims\n\nAll.\n\n```{ledger}\n```\n",
}


class Book:
    """A book of two chapters in a folder."""

    def __init__(self, folder):
        self.folder = folder
        for file, text in FILES.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        self.write("first", "# First $f$", THEOREM, claimed("first-two", "proved"))
        self.write("second", "# Second", OBSERVATION, claimed("second-seen", "measured, seed 3, within 0.002"))

    def write(self, chapter, *cells):
        path = self.folder / "book" / f"{chapter}.ipynb"
        nbformat.write(normalise(notebook(*cells)), path)

    def build(self):
        """Build it strictly; returns the exit code and what was said."""
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-b", "html", ".", "_build/html"]
        result = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, encoding="utf-8", timeout=120,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "NO_COLOR": "1"},
        )  # fmt: skip
        return result.returncode, result.stdout + result.stderr

    def page(self, name):
        page = self.folder / "_build" / "html" / "book" / f"{name}.html"
        return BeautifulSoup(page.read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    book = Book(tmp_path_factory.mktemp("small"))
    code, said = book.build()
    assert code == 0, said
    return book


def test_the_ledger_lists_chapters_and_claims_in_the_order_of_the_contents(book):
    page = book.page("claims")
    headings = [(title.name, title.find(string=True)) for title in page.select("div.body h2, div.body h3")]
    assert headings == [("h2", "Second"), ("h3", "Observation"), ("h2", "First "), ("h3", "Theorem: Two is ")]
    assert "The book makes 2 claims: 1 proved, 1 measured." in page.get_text()


def test_an_entry_has_an_anchor_its_statement_a_link_and_the_check(book):
    page = book.page("claims")
    seen, two = page.find(id="second-seen"), page.find(id="first-two")
    assert "second-seen · Observation 1 · measured, seed 3, within 0.002" in seen.get_text()
    links = {link["href"] for link in two.select("a.internal")}
    assert links >= {"first.html#first-two", "first.html#equation-eq-first"}
    assert seen.select_one(".statement a")["href"] == "first.html#first-two"
    assert "Knuth" in two.select_one(".statement").get_text()
    assert len(two.select(".statement .katex-display")) == 1 and not page.select(".eqno, .katex-error")
    assert seen.select_one("details .highlight pre").get_text().strip() == 'claim("second-seen", equal(x, 2))'
    assert page.select("details .highlight span")


def test_a_badge_beside_the_title_names_how_it_is_known_and_leads_to_the_entry(book):
    (badge,) = book.page("second").select("div.observation > p.admonition-title > a.checked")
    assert badge["href"] == "claims.html#second-seen"
    assert badge.get_text() == "checked: ✓ measured (see the ledger)"
    assert badge.find_all(string=True, recursive=False) == ["✓ measured"]
    assert "Observation 1" in badge.parent.get_text()
    assert not book.page("claims").select("a.checked")


def test_a_part_with_a_page_of_its_own_has_its_claims_there(tmp_path):
    book = Book(tmp_path)
    toc = "format: jb-book\nroot: book/index\nparts:\n" + "".join(
        f"- caption: {caption}\n  chapters:\n" + "".join(f"  - file: book/{name}\n" for name in names)
        for caption, names in (("Part one", ["second"]), ("Part two", ["first"]), ("Rest", ["claims", "claims_part_2"]))
    )
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    (tmp_path / "book" / "claims_part_2.md").write_text("# Claims of part two\n\n```{ledger}\n```\n", encoding="utf-8")
    assert book.build()[0] == 0
    first, second = book.page("claims"), book.page("claims_part_2")
    assert [[cell.get_text() for cell in row.select("td")] for row in first.select("tbody tr")] == [
        ["Part one", "1", "0", "0", "1"], ["Part two", "1", "1", "0", "0"],
    ]  # fmt: skip
    assert [link["href"] for link in first.select("tbody a")] == ["claims_part_2.html"]
    assert "The book makes 2 claims: 1 proved, 1 measured." in first.get_text()
    assert "This part makes 1 claim: 1 proved." in second.get_text()
    assert [len(page.select(".statement")) for page in (first, second)] == [1, 1]
    assert second.find(id="first-two") and first.find(id="second-seen")
    assert book.page("first").select_one("a.checked")["href"] == "claims_part_2.html#first-two"
    assert book.page("second").select_one("a.checked")["href"] == "claims.html#second-seen"


def test_a_chapter_that_changes_changes_the_ledger_and_one_that_is_not_checked_fails(tmp_path):
    book = Book(tmp_path)
    assert book.build()[0] == 0
    book.write("first", "# First", THEOREM, claimed("first-two", "exhaustive"))
    third = THEOREM.replace("first-", "third-").replace("eq-first", "eq-third")
    book.write("third", "# Third", third, claimed("third-two", "proved"))
    (tmp_path / "_toc.yml").write_text(FILES["_toc.yml"] + "- file: book/third\n", encoding="utf-8")
    assert book.build()[0] == 0
    assert "exhaustive" in book.page("claims").find(id="first-two").get_text()
    assert book.page("claims").find(id="third-two")
    assert "✓ exhaustive" in book.page("first").select_one("a.checked").get_text()
    book.write("first", "# First", THEOREM, claimed("first-two", ""))
    code, said = book.build()
    assert code and "first.ipynb: WARNING: theorem first-two is stated but not checked" in said
    assert not book.page("claims").find(id="first-two") and not book.page("first").select("a.checked")
