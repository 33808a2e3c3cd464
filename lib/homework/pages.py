"""Pages for people, complete in one file: feedback for a student, answers for a reader, the key for an instructor."""

import html
import json
import re
from functools import cache
from pathlib import Path

import bleach
from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from markupsafe import Markup
from nbformat import from_dict
from nbformat.v4 import new_markdown_cell, new_notebook

from lib.equations import is_mathml

MATHS = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^\s$][^$\n]*?)(?<!\s)\$(?!\d)", re.S)

TAGS = """a abbr b blockquote br code dd details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub
summary sup table tbody td th thead tr ul""".split()
ATTRIBUTES = {"*": ["class", "title"], "a": ["href"], "img": ["src", "alt", "width", "height"], "th": ["scope"]}


def render(template, **values):
    """The text of a page made from one of the templates beside this file; what UTF-8 cannot hold becomes ``?``."""
    return _templates().get_template(template).render(**values).encode(errors="replace").decode()


@cache
def _templates():
    here = FileSystemLoader(Path(__file__).parent / "templates")
    templates = Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    templates.filters["number"] = lambda value: f"{value:g}"
    templates.filters["prose"] = lambda text: notebook_html(new_notebook(cells=[new_markdown_cell(text)]))
    return templates


def notebook_html(notebook):
    """The cells of a notebook as HTML that can do nothing: no scripts, no requests; equations become MathML."""
    written = json.dumps(notebook, ensure_ascii=False).encode(errors="replace")  # half a pair of surrogates is no text
    body, _ = _exporter().from_notebook_node(from_dict(json.loads(written)))
    safe = bleach.clean(body, tags=TAGS, attributes=ATTRIBUTES, protocols={"data", "http", "https"}, strip=True)
    return Markup(MATHS.sub(_mathml, safe))


@cache
def _exporter():
    from nbconvert import HTMLExporter

    plain = {"exclude_input_prompt": True, "exclude_output_prompt": True, "exclude_anchor_links": True}
    return HTMLExporter(template_name="basic", **plain)


def _mathml(found):
    latex = re.sub(
        r"\{(aligned|gathered)\}", "{split}", html.unescape(found[1] or found[2])
    )  # which the converter knows
    try:
        made = convert(latex, display="block" if found[1] else "inline")
    except Exception:
        return found[0]
    return made if is_mathml(made) else found[0]
