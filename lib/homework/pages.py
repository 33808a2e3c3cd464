"""Pages for people, complete in one file: feedback for a student, answers for a reader, the key for an instructor."""

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from markupsafe import Markup

MATHS = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^\s$][^$\n]*?)\$(?!\d)", re.S)


def render(template, **values):
    """The text of a page made from one of the templates beside this file."""
    return _templates().get_template(template).render(**values)


@cache
def _templates():
    here = FileSystemLoader(Path(__file__).parent / "templates")
    templates = Environment(loader=here, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    templates.filters["number"] = lambda value: f"{value:g}"
    return templates


def notebook_html(notebook):
    """The cells of a notebook as HTML that can do nothing: no scripts, no requests; equations become MathML."""
    body, _ = _exporter().from_notebook_node(notebook)
    return Markup(MATHS.sub(_mathml, body))


@cache
def _exporter():
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="basic", sanitize_html=True, exclude_input_prompt=True, exclude_output_prompt=True)


def _mathml(found):
    latex = (found[1] or found[2]).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    try:
        return convert(latex, display="block" if found[1] else "inline")
    except Exception:
        return found[0]
