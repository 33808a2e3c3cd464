"""The book's Sphinx extension: what a strict, offline build needs and ``_config.yml`` cannot say.

- The execution cache lives in a folder named after a digest of ``lib`` and of the pinned packages, so a
  notebook runs again whenever the code that it shows has changed.
- A build that failed or was interrupted leaves no pages behind that the next one would take for good.
- The theme's pages lose what the book does without and gain what accessibility asks for.
"""

import hashlib
import re
import shutil
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME

LIB = Path(__file__).resolve().parent


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
    """Start from nothing unless the last build ended well: its warnings would not be given again."""
    if not _finished(app).exists():
        (Path(app.doctreedir) / ENV_PICKLE_FILENAME).unlink(missing_ok=True)
    _finished(app).unlink(missing_ok=True)


def remember_finished(app, exception):
    """Leave the mark that :func:`forget_unfinished` looks for, if there was neither error nor warning."""
    if exception is None and not app._warncount:
        _finished(app).touch()


def _finished(app):
    return Path(app.doctreedir) / "finished"


def follow_sources(app, config):
    """Set the execution cache and the pages to be as old as ``lib``, the pins and the static files."""
    root = Path(app.srcdir)
    code = digest(LIB, root / "requirements.txt", root / "constraints.txt")
    caches = Path(app.outdir).parent / ".cache"
    config.nb_execution_cache_path = str(caches / code)
    config.site_digest = digest(LIB, root / "book" / "static", root / "package.json")
    for old in caches.glob("*"):
        if old.name != code:
            shutil.rmtree(old)


def polish_pages(app):
    """Send every page of the theme through :func:`polish`."""
    if app.builder.format == "html":
        render = app.builder.templates.render
        app.builder.templates.render = lambda template, context: polish(render(template, context))


def polish(html):
    """A page of the theme without the script that draws icons: the stylesheet's web fonts do the same."""
    return re.sub(r"\s*<script[^>]*scripts/fontawesome\.js[^>]*></script>", "", html)


def drop_unused(app, exception):
    """Delete what no page asks for: the icon script and the source maps of the theme."""
    if exception is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        for pattern in ("scripts/fontawesome.js*", "**/*.map"):
            for file in static.glob(pattern):
                file.unlink()


def setup(app):
    """Register all this with Sphinx."""
    app.add_config_value("site_digest", "", "html")
    app.connect("config-inited", forget_unfinished)
    app.connect("config-inited", follow_sources)
    app.connect("builder-inited", polish_pages)
    app.connect("build-finished", drop_unused)
    app.connect("build-finished", remember_finished, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
