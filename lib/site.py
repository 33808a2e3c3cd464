"""The book's Sphinx extension: what a strict, offline build needs and ``_config.yml`` cannot say.

- The execution cache lives in a folder named after a digest of ``lib`` and of the pinned packages, so a
  notebook runs again whenever the code that it shows has changed; notebooks run in parallel.
- A build that failed or was interrupted leaves no pages behind that the next one would take for good.
- The theme's pages lose what the book does without and gain what accessibility asks for.
- The script and the style of the interactive figures stand in the site once, and pages with such a figure load them.
- The front page says when the book last passed all its tests with the newest releases of what it needs.
"""

import hashlib
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord
from jupyter_cache.executors.utils import single_nb_execution
from nbformat import ValidationError
from nbformat.reader import NotJSONError
from sqlalchemy.exc import SQLAlchemyError

from lib import icons
from lib.explorer import code
from lib.html import mended
from lib.katex import NODE_MODULES, find_node

LIB = Path(__file__).resolve().parent
THEME = re.compile(r'(dataset\.theme = )localStorage\.getItem\("theme"\) \|\| "\w*"')
CHOSEN = 'document.documentElement.dataset.mode.replace("auto", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'
GREEN = "status/green.txt"  # a date, from the branch `status`, which the weekly workflow writes


def digest(*paths):
    """Hash of files, and of folders with all that is in them but compiled Python.

    Returns 16 hexadecimal digits, which change with the name or the content of any file.
    """
    result = hashlib.sha256()
    for path in map(Path, paths):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                result.update(f"{file.relative_to(path.parent).as_posix()}\0".encode())
                result.update(hashlib.sha256(file.read_bytes()).digest())
    return result.hexdigest()[:16]


def forget_unfinished(app, config):
    """Start from nothing if the last build failed or was interrupted: its warnings would not be given again.

    The mark of such a build is the last to go, so that an interruption meanwhile changes nothing.
    """
    for mark in _marks(app):
        if mark.exists():
            for old in mark.parent.iterdir():
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
                elif old != mark:
                    old.unlink()
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def remember_finished(app, exception):
    """Take away the marks that :func:`forget_unfinished` left, unless there was an error or a warning."""
    if exception is None and not app._warncount:
        for mark in _marks(app):
            mark.unlink()


def _marks(app):
    return [Path(folder) / ".unfinished" for folder in (app.doctreedir, app.outdir)]


def follow_sources(app, config):
    """Set the execution cache and the pages to be as old as ``lib``, the pins and the static files."""
    root = Path(app.srcdir)
    code = digest(LIB, root / "requirements.txt", root / "constraints.txt")
    caches = Path(app.outdir).parent / ".cache"
    config.nb_execution_cache_path = str(caches / code)
    config.site_digest = digest(LIB, root / "book" / "static", root / "package.json", root / GREEN)
    for old in caches.glob("*"):
        if old.name != code:
            shutil.rmtree(old)


def execute_ahead(app, env, docnames):
    """Run the notebooks about to be read that are not in the cache, several at a time; the reader finds them there.

    One that fails is left to the reader, which runs it again and reports it.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = _sound_cache(app.config.nb_execution_cache_path)
    files = (Path(env.doc2path(name)) for name in docnames)
    notebooks = {file: nbformat.read(file, as_version=4) for file in files if file.suffix == ".ipynb"}
    new = {file: notebook for file, notebook in notebooks.items() if not _is_cached(cache, notebook)}

    def run(file):
        return single_nb_execution(new[file], str(file.parent), app.config.nb_execution_timeout, allow_errors=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, result in zip(new, pool.map(run, new)):
            if result.err is None:
                new[file].metadata.pop("widgets", None)  # the state of live widgets, which a page has no kernel for
                bundle = CacheBundleIn(new[file], str(file), data={"execution_seconds": result.time})
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _sound_cache(folder):
    """The execution cache in a folder, begun anew if its list of notebooks cannot be read."""
    try:
        cache = get_cache(folder)
        cache.list_cache_records()
    except (SQLAlchemyError, RuntimeError):
        shutil.rmtree(folder)
        cache = get_cache(folder)
    return cache


def _is_cached(cache, notebook):
    """Whether a notebook is in the cache; what an interruption left of one is thrown away."""
    try:
        record = cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    try:
        return bool(cache.get_cache_bundle(record.pk))
    except (KeyError, ValueError, NotJSONError, ValidationError):
        NbCacheRecord.remove_record(record.pk, cache.db)
        return False


def write_explorer(app):
    """Write the script and the style of the interactive figures into the site, as small as esbuild makes them.

    ``race.js`` and ``race.css`` are the same with one more kind of figure.
    """
    if app.builder.name == "html":
        static = Path(app.outdir) / "_static"
        static.mkdir(parents=True, exist_ok=True)
        for name, more in {"explorer": [], "race": ["race"]}.items():
            for kind, text in {"js": code.page_script(*more), "css": code.style(*more)}.items():
                (static / f"{name}.{kind}").write_text(minified(text, kind), encoding="utf-8", newline="\n")


def minified(text, loader):
    """A script (``"js"``) or a stylesheet (``"css"``) that does the same in fewer letters."""
    command = [find_node(), str(NODE_MODULES / "esbuild" / "bin" / "esbuild"), "--minify", f"--loader={loader}"]
    return subprocess.run(command, input=text, capture_output=True, check=True, encoding="utf-8").stdout


def add_explorer(app, pagename, templatename, context, doctree):
    """Let a page with an interactive figure load them."""
    body = context.get("body", "")
    if 'class="downhill"' in body:
        name = "race" if 'data-kind="race"' in body else "explorer"
        app.add_js_file(f"{name}.js", loading_method="async")
        app.add_css_file(f"{name}.css")


def begin_list(app):
    """Begin the list of the pages that a build writes, ``app.builder.written``."""
    app.builder.written = set()


def list_page(app, pagename, templatename, context, doctree):
    """Put a page on that list."""
    app.builder.written.add(pagename)


def last_green(root):
    """The date on which all was green with the newest releases; None if no file says so, or it holds no date."""
    try:
        return date.fromisoformat((Path(root) / GREEN).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def say_last_green(app, doctree, docname):
    """End the front page with the date of :func:`last_green`, where it is known."""
    found = last_green(app.srcdir)
    if found and docname == app.config.root_doc and app.builder.format == "html":
        *_, section = doctree.findall(nodes.section)
        section += nodes.paragraph("", f"Last checked with the newest releases on {found}.")


def polish_pages(app):
    """Send every page of the theme through :func:`polish`."""
    if app.builder.format == "html":
        render = app.builder.templates.render
        app.builder.templates.render = lambda template, context: polish(render(template, context))


def polish(html):
    """A page of the theme, mended.

    It loses the script that draws icons, since the stylesheet's web fonts draw them too, and has the reader's colours
    from the first paint; for the rest see :mod:`lib.html`.
    """
    html = re.sub(r"\s*<script[^>]*scripts/fontawesome\.js[^>]*></script>", "", html)
    return mended(THEME.sub(lambda match: match[1] + CHOSEN, html))


def drop_unused(app, exception):
    """Delete what no page asks for: icons, the icon script, source maps, templates, pages whose source is gone."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    icons.shrink(out)
    pages = (page for page in (out / "book").rglob("*.html"))
    gone = [page for page in pages if page.relative_to(out).with_suffix("").as_posix() not in app.env.found_docs]
    static = out / "_static"
    templates = static.rglob("*webpack-macros.html")
    for file in [*gone, *static.glob("scripts/fontawesome.js*"), *static.rglob("*.map"), *templates]:
        file.unlink(missing_ok=True)


def setup(app):
    """Register all this with Sphinx."""
    app.add_config_value("site_digest", "", "html")
    app.connect("config-inited", forget_unfinished)
    app.connect("config-inited", follow_sources)
    app.connect("builder-inited", polish_pages)
    app.connect("builder-inited", write_explorer)
    app.connect("html-page-context", add_explorer)
    app.connect("builder-inited", begin_list)
    app.connect("html-page-context", list_page)
    app.connect("env-before-read-docs", execute_ahead)
    app.connect("doctree-resolved", say_last_green)
    app.connect("build-finished", drop_unused)
    app.connect("build-finished", remember_finished, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
