"""The ledger of claims: pages that list them all, part by part, and a badge beside each theorem; a Sphinx extension.

Both are read from the notebooks' files: a statement from its text (``{prf:theorem}`` and its like, with a label), its
check from the cell that calls ``claim`` with this label, and how it is known from the line which that cell printed.
"""

import ast
import re
from collections import Counter
from typing import NamedTuple

import nbformat
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
PAGE = "book/claims"
KINDS = ("theorem", "proposition", "lemma", "corollary", "observation")
WAYS = ("proved", "exhaustive", "measured")
STATEMENT = re.compile(
    rf"^(?P<fence>`{{3,}}|:{{3,}})\{{prf:(?P<kind>{'|'.join(KINDS)})\}}[ \t]*(?P<title>[^\n]*)\n"
    r"(?P<options>(?::[\w-]+:[^\n]*\n)*)(?P<text>.*?)^(?P=fence)[ \t]*$",
    re.M | re.S,
)
LABELS = re.compile(r"^:label:[^\n]*\n|(?<=\$\$)[ \t]*\([\w:-]+\)[ \t]*$|\\label\{[^}]*\}", re.M)


class Statement(NamedTuple):
    """A theorem or its like: where it stands (the number of its cell), its label or nothing, and what it says."""

    cell: int
    label: str
    kind: str
    title: str
    text: str


class Check(NamedTuple):
    """A call of ``claim``: where it stands, its label, the source of its cell, and what the cell printed about it."""

    cell: int
    label: str
    source: str
    known: str

    @property
    def ways(self):
        """How the statement is known: some of "proved", "exhaustive" and "measured"."""
        return self.known.split(",")[0].split(" and ")


def statements(notebook):
    """The statements of a notebook, in their order."""
    return [
        Statement(number, _label(found["options"]), found["kind"], found["title"].strip(), found["text"].strip())
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        for found in STATEMENT.finditer(cell.source)
    ]


def _label(options):
    found = re.search(r"^:label:[ \t]*(\S+)", options, re.M)
    return found[1] if found else ""


def checks(notebook):
    """The checks of a notebook, in their order; ``known`` is empty where the cell did not print its line."""
    return [
        Check(number, call.args[0].value, cell.source, _known(cell, call.args[0].value))
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
        for call in ast.walk(ast.parse(cell.source))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "claim"
    ]


def _known(cell, label):
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    found = re.search(rf"^✓ {re.escape(label)}: (.+)$", printed, re.M)
    return found[1] if found else ""


def entry(statement, check):
    """What the ledger says about a claim, in MyST: how it is known, the statement, the check."""
    ways, *details = check.known.split(", ")
    details = "".join(f", {detail}" for detail in details)
    return f"""\
`{statement.label}` · {{prf:ref}}`{statement.label}` · **{ways}**{details}

::::::::::{{div}} statement
{LABELS.sub("", statement.text)}
::::::::::

::::::::::{{dropdown}} How it is checked
``````{{code-block}} python
{check.source}
``````
::::::::::
"""


def summary(found, whose="The book"):
    """The first sentence of a page of the ledger: how many of its checks are of which kind."""
    counts = Counter(way for check in found for way in check.ways)
    ways = ", ".join(f"{counts[way]} {way}" for way in WAYS if counts[way])
    several = ", and some in more than one way" if counts.total() > len(found) else ""
    return f"{whose} makes **{len(found)} claim{'s' * (len(found) > 1)}**: {ways}{several}."


def table(rows):
    """How many claims of which kind each part makes, in MyST: rows of a caption, the page of its claims, its checks."""
    lines = [f"| | claims | {' | '.join(WAYS)} |", f"|:--|{'--:|' * (len(WAYS) + 1)}"]
    for caption, page, found in rows:
        counts = Counter(way for check in found for way in check.ways)
        part = f"{{doc}}`{caption} </{page}>`" if page != PAGE else caption
        lines.append(f"| {part} | {len(found)} | {' | '.join(str(counts[way]) for way in WAYS)} |")
    return "\n".join(lines) if any(page != PAGE for _, page, _ in rows) else ""


def parts(contents):
    """The parts of the book in the order of its table of contents: pairs of a caption, or None, and names of pages."""

    def below(name):
        return [name, *(page for tree in contents[name].subtrees for item in tree.items for page in below(str(item)))]

    trees = contents.root.subtrees
    return [(tree.caption, [page for item in tree.items for page in below(str(item))]) for tree in trees]


def page_of(env, chapter):
    """The page with the claims of a chapter: that of its part, ``claims_part_1``, if there is one, else the first."""
    for number, (_, names) in enumerate(parts(env.external_site_map), 1):
        page = f"{PAGE}_part_{number}"
        if chapter in names and page in env.found_docs:
            return page
    return PAGE


class Ledger(SphinxDirective):
    """``{ledger}``: the claims of a part of the book, chapter by chapter in the order of the table of contents.

    The first page counts all claims, leads to the pages of the parts, and lists the claims of parts without one.
    """

    def run(self):
        """Read the notebooks; the page is read again when one of them or the table of contents changes."""
        self.env.note_dependency(self.config.external_toc_path)
        chapters, rows, everything = [], [], []
        for caption, names in parts(self.env.external_site_map):
            found = []
            for name in names:
                page, path = page_of(self.env, name), self.env.doc2path(name)
                if path.endswith(".ipynb") and self.env.docname in (PAGE, page):
                    section, checked = self._chapter(name, path)
                    found += checked
                    chapters += [section] if checked and page == self.env.docname else []
            if found:
                everything += found
                rows.append((caption, page_of(self.env, names[0]), found))
        text = (
            f"{summary(everything)}\n\n{table(rows)}" if self.env.docname == PAGE else summary(everything, "This part")
        )
        return [*self._parsed(text, nodes.container()).children, *chapters]

    def _chapter(self, name, path):
        self.env.note_dependency(path)
        notebook = nbformat.read(path, as_version=4)
        checked = {check.label: check for check in checks(notebook)}
        entries = [statement for statement in statements(notebook) if self._is_known(name, statement, checked)]
        if not entries:
            return None, []
        title = re.search(r"^# +(.+)$", notebook.cells[0].source, re.M)[1]
        section = self._section(nodes.make_id(name.split("/")[-1]), title)
        section += [self._entry(path, statement, checked[statement.label]) for statement in entries]
        return section, [checked[statement.label] for statement in entries]

    def _is_known(self, name, statement, checked):
        known = statement.label in checked and checked[statement.label].known
        if not known:
            LOGGER.warning("%s %s is stated but not checked", statement.kind, statement.label, location=name)
        return known

    def _entry(self, path, statement, check):
        title = statement.kind.title() + (f": {statement.title}" if statement.title else "")
        return self._parsed(entry(statement, check), self._section(statement.label, title), path)

    def _section(self, anchor, title):
        words, messages = self.state.inline_text(title, self.lineno)
        return nodes.section("", nodes.title(title, "", *words), *messages, ids=[anchor])

    def _parsed(self, text, parent, source=""):
        self.state.nested_parse(StringList(text.splitlines(), source), 0, parent)
        return parent


class Badges(SphinxPostTransform):
    """Beside the title of every statement a link to its entry, which says how it is known."""

    default_priority = 400
    formats = ("html", "plain")

    def run(self):
        """Add the badges to the statements of one page."""
        stated = [node for node in self.document.findall(nodes.Admonition) if node.get("realtype") in KINDS]
        if not stated:
            return
        notebook = nbformat.read(self.env.doc2path(self.env.docname), as_version=4)
        known = {check.label: check.ways for check in checks(notebook) if check.known}
        page = self.app.builder.get_relative_uri(self.env.docname, page_of(self.env, self.env.docname))
        for node in stated:
            if ways := known.get(node["label"]):
                badge = nodes.reference("", "", internal=True, classes=["checked"], refuri=f"{page}#{node['label']}")
                badge += [_hidden("checked: "), nodes.Text(f"✓ {' and '.join(ways)}"), _hidden(" (see the ledger)")]
                node.next_node(nodes.title).extend([nodes.Text(" "), badge])


def _hidden(words):
    return nodes.inline("", words, classes=["visually-hidden"])


def setup(app):
    """Register the directive and the badges with Sphinx."""
    app.add_directive("ledger", Ledger)
    app.add_post_transform(Badges)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
