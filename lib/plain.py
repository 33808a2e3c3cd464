"""A page of the book as plain Markdown, for notebooks that know nothing of MyST: Jupyter, Colab, GitHub.

What Sphinx has resolved (numbers, titles, citations, references) becomes text and links; theorems and their like become
quotations with a title in bold, exercises and solutions become headings.
"""

import re
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from docutils import nodes

SPECIAL = re.compile(r"([\\`*_\[\]<$~])")
LINE_START = re.compile(r"^(\d*)(?=[#>+.)-](?:\s|$))")
KATEX_ONLY = re.compile(r"\\html(?:Class|Id|Style|Data)\{[^{}]*\}")
SILENT = (nodes.comment, nodes.substitution_definition, nodes.system_message, nodes.meta)


class Text(NamedTuple):
    """A stretch of Markdown, and the pictures it shows: {name: path}. ``solution``: the heading of one."""

    markdown: str
    pictures: dict
    solution: bool = False


class Code(NamedTuple):
    """A code cell: its number in the notebook."""

    cell: int


def escaped(text):
    """Text that Markdown shows as it is.

    >>> print(escaped("a_b * 2"))
    a\\_b \\* 2
    """
    return SPECIAL.sub(r"\\\1", re.sub(r"\s*\n\s*", " ", text))


def quoted(markdown):
    """Markdown as a quotation."""
    return "\n".join(f"> {line}" if line else ">" for line in markdown.split("\n"))


def indented(markdown, bullet):
    """Markdown as the item of a list."""
    return bullet + markdown.replace("\n", "\n" + " " * len(bullet)).replace("\n" + " " * len(bullet) + "\n", "\n\n")


def code_span(text):
    """Text as code within a line."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def latex(text, table=False):
    """LaTeX without what only KaTeX knows; in a table without vertical bars, which would end a cell."""
    text = KATEX_ONLY.sub("", text.strip())
    return re.sub(r"(?<!\\)\|", r"\\vert ", text.replace(r"\|", r"\Vert ")) if table else text


class Page:
    """Writes the nodes of a resolved page; :meth:`parts` gives it all.

    ``numbers``: {kind: {id: number as a tuple}}, as Sphinx counted them. ``forms``: {kind: "Fig. %s"}. ``unknown`` is
    called with each node that cannot be written.
    """

    def __init__(self, numbers, forms, unknown):
        self._numbers, self._forms, self._unknown = numbers, forms, unknown
        self._parts, self._text, self._pictures = [], [], {}
        self._solution = self._in_table = False
        self._depth = 0

    def parts(self, document):
        """The page as a list of :class:`Text` and :class:`Code`, in their order.

        Each heading begins a new text, and the caption of a figure is one by itself.
        """
        for child in document.children:
            self._add(child, 0)
        self._end_text()
        return self._parts

    def _add(self, node, level):
        """Add what may hold code cells, or be a heading; all else is text."""
        kind = type(node).__name__
        if isinstance(node, nodes.section):
            title, *rest = node.children
            self._heading(level + 1, self._inline(title), node["ids"] if len(node["ids"]) > 1 else [])
            self._add_all(rest, level + 1)
        elif node.get("nb_element") == "cell_code":
            self._end_text()
            self._parts.append(Code(node["cell_index"]))
            self._text += [self._caption(figure) for figure in node.findall(nodes.figure)]
            self._end_text()
        elif kind in ("exercise_node", "exercise_enumerable_node", "solution_node"):
            title, content = node.children
            solution = kind == "solution_node"
            self._heading(level + 1 + solution, self._title(node, title), node["ids"], solution)
            self._add_all(content.children, level + 1 + solution)
        elif isinstance(node, (nodes.container, nodes.compound)):
            self._add_all(node.children, level)
        else:
            self._text.append(self._block(node))

    def _add_all(self, children, level):
        for child in children:
            self._add(child, level)

    def _heading(self, level, title, ids, solution=False):
        self._end_text()
        self._solution = solution
        self._text.append(f"{'#' * min(level, 6)} {title}")
        self._text.append(self._anchors(ids))

    def _end_text(self):
        markdown = "\n\n".join(filter(None, self._text))
        if markdown:
            self._parts.append(Text(markdown, self._pictures, self._solution))
        self._text, self._pictures, self._solution = [], {}, False

    def _title(self, node, title):
        """The title of a theorem, an exercise or their like, with its number."""
        kind = node.get("realtype") or node["type"]
        if kind == "solution":
            return self._inline(title)
        number = self._number(node.get("countertype", kind), node["ids"])
        return f"{kind.title()}{f' {number}' if number else ''}{self._inline(title)}"

    def _number(self, kind, ids):
        known = self._numbers.get(kind, {})
        return next((".".join(map(str, known[key])) for key in ids if key in known), "")

    def _anchors(self, ids):
        return "".join(f'<a id="{key}" name="{key}"></a>' for key in ids)

    def _caption(self, figure):
        number = self._number("figure", figure["ids"])
        words = "".join(self._inline(child) for child in figure.children if isinstance(child, nodes.caption))
        start = f"**{self._forms['figure'] % number}.** " if number else ""
        return f"{self._anchors(figure['ids'])}{start}{words}"

    # Blocks.

    def _block(self, node):
        kind = type(node).__name__
        if isinstance(node, SILENT) or kind in ("index", "toctree"):
            return ""
        if node.get("realtype"):
            title, content = node.children
            return self._boxed(f"{self._anchors(node['ids'])}**{self._title(node, title)}**", content)
        write = getattr(self, f"_write_{kind}", None)
        if write is None:
            self._unknown(node)
            return escaped(node.astext())
        return write(node)

    def _blocks(self, children):
        return "\n\n".join(filter(None, map(self._block, children)))

    def _boxed(self, title, content):
        with self._within():
            return quoted("\n\n".join(filter(None, [title, self._blocks(content)])))

    @contextmanager
    def _within(self):
        """What is written inside is part of a quotation or a list, where an equation must stand on one line."""
        self._depth += 1
        yield
        self._depth -= 1

    def _write_paragraph(self, node):
        return self._anchors(node["ids"]) + LINE_START.sub(r"\1\\", self._inline(node))

    def _write_math_block(self, node):
        number = self._number("displaymath", node["ids"]) or node.get("number")
        equation = latex(node.astext()) + (f" \\tag{{{number}}}" if number else "")
        anchors = self._anchors(node["ids"])
        equation = f"$$ {' '.join(equation.split())} $$" if self._depth else f"$$\n{equation}\n$$"
        return "\n\n".join(filter(None, [anchors, equation]))

    def _write_literal_block(self, node):
        text = node.astext()
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        language = node.get("language", "")
        language = {"ipython3": "python", "default": "", "none": ""}.get(language, language)
        return f"{fence}{language}\n{text}\n{fence}"

    def _write_doctest_block(self, node):
        return f"```python\n{node.astext()}\n```"

    def _write_bullet_list(self, node):
        return self._list(node, ["- "] * len(node.children))

    def _write_enumerated_list(self, node):
        start = node.get("start", 1)
        return self._list(node, [f"{start + i}. " for i in range(len(node.children))])

    def _list(self, node, bullets):
        with self._within():
            items = [self._item(item, bullet) for item, bullet in zip(node.children, bullets, strict=True)]
        loose = any("\n\n" in item for item in items)
        return ("\n\n" if loose else "\n").join(items)

    def _item(self, item, bullet):
        simple = all(isinstance(child, (nodes.bullet_list, nodes.enumerated_list)) for child in item.children[1:])
        return indented(("\n" if simple else "\n\n").join(map(self._block, item.children)), bullet)

    def _write_definition_list(self, node):
        with self._within():
            return "\n".join(
                indented(
                    f"{self._anchors(term['ids'])}**{self._inline(term)}**: {self._blocks(definition.children)}", "- "
                )
                for term, *_, definition in (item.children for item in node.children)
            )

    def _write_field_list(self, node):
        with self._within():
            return "\n".join(
                indented(f"**{self._inline(name)}**: {self._blocks(body.children)}", "- ")
                for name, body in (field.children for field in node.children)
            )

    def _write_proof_node(self, node):
        with self._within():
            text = "\n\n".join(self._blocks(child.children) for child in node.children)
        return self._anchors(node["ids"]) + quoted(re.sub(r"^Proof\.(?=\s|$)", "*Proof.*", text))

    def _write_admonition(self, node):
        title, *content = node.children
        if not isinstance(title, nodes.title):
            title, content = nodes.title("", "", nodes.Text(type(node).__name__.title())), node.children
        return self._boxed(f"**{self._inline(title)}**", content)

    _write_note = _write_warning = _write_tip = _write_hint = _write_important = _write_caution = _write_admonition
    _write_danger = _write_attention = _write_error = _write_seealso = _write_admonition

    def _write_block_quote(self, node):
        with self._within():
            return quoted(self._blocks(node.children))

    def _write_table(self, node):
        title = [f"**{self._inline(child)}**" for child in node.children if isinstance(child, nodes.title)]
        rows = [list(map(self._cell, row.children)) for row in node.findall(nodes.row)]
        if not any(True for _ in node.findall(nodes.thead)):
            rows.insert(0, [""] * len(rows[0]))
        head, *body = [f"| {' | '.join(row)} |" for row in rows]
        lines = "\n".join([head, "|---" * len(rows[0]) + "|", *body])
        return "\n\n".join(filter(None, [self._anchors(node["ids"]), *title, lines]))

    def _cell(self, entry):
        self._in_table = True
        try:
            with self._within():
                return self._blocks(entry.children).replace("\n\n", "<br>").replace("\n", " ")
        finally:
            self._in_table = False

    def _write_figure(self, node):
        words = (nodes.caption, nodes.legend)
        pictures = [self._inline(child) for child in node.children if not isinstance(child, words)]
        legend = [self._blocks(child.children) for child in node.children if isinstance(child, nodes.legend)]
        return "\n\n".join(filter(None, [*pictures, self._caption(node), *legend]))

    def _write_footnote(self, node):
        label, *content = node.children
        return f"{self._anchors(node['ids'])}<sup>{escaped(label.astext())}</sup> {self._blocks(content)}"

    def _write_rubric(self, node):
        return f"{self._anchors(node['ids'])}**{self._inline(node)}**"

    def _write_line_block(self, node):
        return "  \n".join(map(self._inline, node.children))

    def _write_transition(self, node):
        return "---"

    def _write_container(self, node):
        return self._blocks(node.children)

    _write_compound = _write_glossary = _write_container

    def _write_target(self, node):
        return self._anchors(node["ids"])

    def _write_image(self, node):
        return self._inline(node)

    # Within a line.

    def _inline(self, node):
        """A node within a line, or all that stands in one."""
        if isinstance(node, nodes.Text):
            text = escaped(node.astext())
            return text.replace("|", r"\|") if self._in_table else text
        if isinstance(node, SILENT) or type(node).__name__ == "index":
            return ""
        if isinstance(node, nodes.math):
            return f"${' '.join(latex(node.astext(), self._in_table).split())}$"
        if isinstance(node, nodes.literal):
            return code_span(node.astext().replace("|", r"\|") if self._in_table else node.astext())
        if isinstance(node, nodes.image):
            name = Path(node["uri"]).name
            self._pictures[name] = node["uri"]
            return f"![{escaped(node.get('alt', ''))}](attachment:{name})"
        if isinstance(node, nodes.target):
            return self._anchors(node["ids"]) + self._inside(node)
        if isinstance(node, nodes.footnote_reference):
            return f"<sup>[{escaped(node.astext())}](#{node['refid']})</sup>"
        if "visually-hidden" in node.get("classes", ()):
            return ""
        text = self._inside(node)
        if isinstance(node, nodes.emphasis):
            return f"*{text}*"
        if isinstance(node, nodes.strong):
            return f"**{text}**"
        if isinstance(node, nodes.reference) or type(node).__name__ == "number_reference":
            uri = node.get("refuri") or f"#{node['refid']}"
            return f"[{text}](<{uri}>)" if re.search(r"[\s()]", uri) else f"[{text}]({uri})"
        return text

    def _inside(self, node):
        return "".join(map(self._inline, node.children))
