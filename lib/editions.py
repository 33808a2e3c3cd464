"""Run-anywhere editions: each chapter as a notebook that needs nothing but Jupyter; a Sphinx builder.

``jupyter-book build -W -n --keep-going --builder=custom --custom-builder=editions .`` (``make editions``) writes
``_build/editions/book/NAME.ipynb``: the text of a chapter as plain Markdown (:mod:`lib.plain`), its code with its
outputs, pictures in place of interactive figures, and before the code a cell that installs the library where it is not.
"""

import base64
import mimetypes
import shutil
from copy import deepcopy
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from sphinx.builders import Builder
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from lib import fork, install
from lib.notebooks import METADATA, id_from, written
from lib.plain import Code, Page, escaped

LOGGER = logging.getLogger(__name__)
SETUP = "setup"  # id and tag of the first code cell
LIVE = ("application/vnd.jupyter.widget-view+json", "text/html")


class Editions(Builder):
    """Writes the notebooks among the pages."""

    name = "editions"
    format = "plain"
    epilog = "The notebooks are in %(outdir)s/book."
    supported_image_types = ["image/png", "image/jpeg", "image/gif", "image/svg+xml"]

    def get_outdated_docs(self):
        """All notebooks, each time."""
        return sorted(name for name in self.env.found_docs if self.is_notebook(name))

    def is_notebook(self, docname):
        """Whether a page is one."""
        return self.env.doc2path(docname).endswith(".ipynb")

    def get_target_uri(self, docname, typ=None):
        """Where a link to a page leads: to its edition beside this one, or to the published page if it has none."""
        if self.is_notebook(docname):
            return f"{docname.rsplit('/', 1)[-1]}.ipynb"
        return f"{site_address(self.config)}{docname}.html"

    def get_relative_uri(self, from_, to, typ=None):
        """The same, from another page; nothing from a page to itself."""
        return "" if from_ == to else self.get_target_uri(to)

    def prepare_writing(self, docnames):
        """Remove the editions of an earlier build."""
        shutil.rmtree(Path(self.outdir) / "book", ignore_errors=True)

    def write_doc(self, docname, doctree):
        """Write one edition."""
        if self.is_notebook(docname):
            write(Path(self.outdir) / f"{docname}.ipynb", edition(self.app, docname, doctree))


def branch(config):
    """The branch where the editions are: the workflow's at GitHub; elsewhere nothing publishes them."""
    options = config.html_theme_options
    return install.EDITIONS if options["repository_url"].startswith(fork.COLAB) else options["repository_branch"]


def site_address(config):
    """The address of the published book, or of its repository where the host publishes none, with a slash at the end."""
    repository = config.html_theme_options["repository_url"]
    return f"{(config.html_baseurl or fork.site(repository) or repository).rstrip('/')}/"


def edition(app, docname, doctree):
    """The edition of a chapter as a notebook, from its resolved page and its executed notebook."""
    env = app.env
    numbers = env.toc_fignumbers.get(docname, {})
    source = executed(app.config, env.doc2path(docname))

    def unknown(node):
        LOGGER.warning("an edition cannot show a node of type %s", type(node).__name__, location=node, type="editions")

    parts = Page(numbers, app.config.numfig_format, unknown).parts(doctree)
    cells = []
    for part in parts:
        if isinstance(part, Code):
            cells.append(code_cell(source.cells[part.cell]))
        else:
            alt = cells[-1].metadata.pop("alt", "") if cells and cells[-1].cell_type == "code" else ""
            cells.append(text_cell(part, app.srcdir, alt))
    cells[1:1] = [setup_cell(app.config)]
    cells[0].source += "\n\n" + note(app.config, docname)
    return notebook([*cells, *way_on(app, docname)])


def executed(config, path):
    """A notebook with the outputs that the build of the book kept of it."""
    source = nbformat.read(path, as_version=4)
    if config.nb_execution_mode == "cache":
        _, source = get_cache(config.nb_execution_cache_path).merge_match_into_notebook(source)
    return source


def note(config, docname):
    """What the beginning of an edition says about itself."""
    page = f"{site_address(config)}{docname}.html"
    return (
        f"*This notebook is a chapter of the book [{escaped(config.html_title)}]({page}). "
        "Run its cells from the top. Figures that you can play with are pictures until their cell has run.*"
    )


def way_on(app, docname):
    """The last cell: a link to the page that comes next in the book; none after the last page."""
    _, _, following = app.env.collect_relations().get(docname, (None, None, None))
    if not following:
        return []
    title = escaped(app.env.titles[following].astext())
    return [nbformat.v4.new_markdown_cell(f"**Next:** [{title}]({app.builder.get_target_uri(following)})")]


def text_cell(part, root, alt=""):
    """A Markdown cell; ``alt`` says what the figure before it shows."""
    words = f"\n\n<details><summary>This figure in words</summary>\n\n{escaped(alt)}\n\n</details>" if alt else ""
    cell = nbformat.v4.new_markdown_cell(part.markdown + words)
    if part.solution:
        cell.metadata["jp-MarkdownHeadingCollapsed"] = True
    if part.pictures:
        cell.attachments = {
            name: {mimetypes.guess_type(name)[0]: base64.b64encode((Path(root) / path).read_bytes()).decode()}
            for name, path in part.pictures.items()
        }
    return cell


def code_cell(source):
    """A code cell with outputs that any Jupyter shows: the live figure is dropped, its picture stays."""
    cell = deepcopy(source)
    alt = source.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    tags = source.metadata.get("tags", [])
    cell.metadata = nbformat.from_dict({})
    if "hide-input" in tags:
        cell.metadata = nbformat.from_dict({"jupyter": {"source_hidden": True}, "tags": ["hide-input"]})
    for output in cell.outputs:
        if "data" in output and "image/png" in output.data:
            output.data = nbformat.from_dict({kind: data for kind, data in output.data.items() if kind not in LIVE})
            if alt:
                output.metadata = nbformat.from_dict({"image/png": output.metadata.get("image/png", {}) | {"alt": alt}})
                cell.metadata["alt"] = alt
        elif "metadata" in output:
            output.metadata = nbformat.from_dict({})
    return cell


def setup_cell(config):
    """The cell that makes the library available."""
    source = install.cell("lib", config.html_theme_options["repository_url"], branch(config))
    cell = nbformat.v4.new_code_cell(source, id=SETUP)
    cell.metadata["tags"] = [SETUP]
    return cell


def notebook(cells):
    """A notebook of these cells, each with an id made from its text."""
    made = nbformat.v4.new_notebook(cells=cells, metadata=deepcopy(METADATA))
    taken = {cell.id for cell in cells if cell.cell_type == "code"}
    for cell in cells:
        cell.metadata.pop("alt", None)
        if cell.cell_type == "markdown":
            cell.id = id_from(cell.source, taken)
            taken.add(cell.id)
    solutions = [cell.id for cell in cells if "jp-MarkdownHeadingCollapsed" in cell.metadata]
    made.metadata["colab"] = {"collapsed_sections": solutions, "provenance": []}
    nbformat.validate(made)
    return made


class DropOutputs(SphinxPostTransform):
    """Take the outputs of cells out of the page, before one form of each is chosen: an edition has its notebook's."""

    default_priority = 1
    formats = ("plain",)

    def run(self):
        """Remove them from one page; captions stay."""
        for node in [*self.document.findall(nodes.container)]:
            if node.get("nb_element") == "mime_bundle":
                node.parent.remove(node)


def launch_editions(app):
    """Let the launch buttons of the pages open the editions. (The theme has by now noted the branch of the sources.)"""
    app.config.html_theme_options["repository_branch"] = branch(app.config)


def offer_editions(app, exception):
    """Put the editions of the pages that were written where their download buttons lead, in place of the sources."""
    if exception or app.builder.name != "html":
        return
    html, builder = app.builder, Editions(app, app.env)
    try:
        app.builder = builder
        for docname in {*builder.get_outdated_docs()} & html.written:
            doctree = app.env.get_and_resolve_doctree(docname, builder)
            write(Path(app.outdir) / "_sources" / f"{docname}.ipynb", edition(app, docname, doctree))
    finally:
        app.builder = html


def write(path, notebook):
    """Write a notebook, and the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(notebook), encoding="utf-8", newline="\n")


def setup(app):
    """Register the builder with Sphinx."""
    app.connect("builder-inited", launch_editions, priority=501)
    app.connect("build-finished", offer_editions)
    app.add_builder(Editions)
    app.add_post_transform(DropOutputs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
