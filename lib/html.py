"""Valid HTML where the theme and the extensions write what is not: small mends of doctrees and of pages.

:class:`PlainContents` goes before a page is written, :func:`mended` over its text. ``tests/test_html.py`` has all pages
checked by the Nu Html Checker.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

CONTENTS = {"proof-content", "exercise-content", "solution-content"}
TITLE = re.compile(r'<p class="(collapsed|expanded) admonition-title">(.*?)</p>', re.S)
SUMMARY = re.compile(r'<summary aria-label="Toggle hidden content">(.*?)</summary>', re.S)
PRINTED_TITLE = re.compile(r'(<div id="jb-print-docs-body" class="onlyprint">\s*)<h1>(.*?)</h1>', re.S)
HEADS = {"head": "col", "stub": "row"}


class content(nodes.Element):
    """What stands under the title of a theorem, an exercise or a solution."""


class PlainContents(SphinxPostTransform):
    """Contents of theorems, exercises and proofs without the ids that are the same all over a page.

    Their extensions make them sections, which ask for a heading of their own; they have none, so they become plain
    boxes. A proof keeps its class and loses its id, which is the same for each.
    """

    default_priority = 950
    formats = ("html",)

    def run(self):
        """Change the contents and the proofs of one page."""
        for section in [*self.document.findall(nodes.section)]:
            if CONTENTS.intersection(section["ids"]):
                section.parent.replace(section, content("", *section.children, classes=section["classes"]))
        for proof in self.document.findall(nodes.admonition):
            proof["ids"] = [name for name in proof["ids"] if name != "proof"]


def visit_content(writer, node):
    """Begin a plain box."""
    writer.body.append(writer.starttag(node, "div"))


def depart_content(writer, node):
    """End a plain box."""
    writer.body.append("</div>\n")


def mended(html):
    """A page of the theme as valid HTML with the same look."""
    html = SUMMARY.sub(_summary, html)
    html = PRINTED_TITLE.sub(r'\1<p class="h1">\2</p>', html)
    for kind, scope in HEADS.items():
        html = html.replace(f'<th class="{kind}', f'<th scope="{scope}" class="{kind}')
    html = html.replace('<summary><span class="toctree-toggle"', '<summary aria-label="Pages below"><span class="toctree-toggle"')
    return html.replace('role="doc-biblioentry"', 'role="listitem"')


def _summary(found):
    """The switch of a hidden cell: no paragraphs, which it must not have, and the name that is seen."""
    titles = TITLE.sub(r'<span class="\1 admonition-title">\2</span>', found[1])
    return f"<summary>{titles}</summary>"


def setup(app):
    """Register all this with Sphinx."""
    app.add_node(content, html=(visit_content, depart_content))
    app.add_post_transform(PlainContents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
