"""Light pages: what the theme, Sphinx and notebooks ask a reader's browser to load, joined, shrunk and deferred.

:func:`lighten` works on the folder of a built site, after everything else has been written into it, and a second time
changes nothing. A Sphinx extension calls it at the end of a build; pages that this build has not written are as it left
them, and only learn the new versions of what they load.

- One stylesheet for all pages, without the rules that no page can use, and a second one where there are figures.
- One script for all pages, after the page has been read; the search index on the search page only.
- Fonts of equations with the characters that the book's equations have.
- Pictures as AVIF without visible loss and no larger than a page shows them, each with its size, loaded when the reader
  comes near.
- Equations without their source in LaTeX, which neither eyes nor screen readers get to see; code without marks for words
  that have the colour of the text.
"""

import base64
import hashlib
import html
import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import Image

from lib.katex import NODE_MODULES, find_node

LIB = Path(__file__).resolve().parent
STYLE, SCRIPT, SEARCH = "site.css", "site.js", "search.js"
BOOTSTRAP = "scripts/bootstrap.js"
STYLES = re.compile(r'[ \t]*<link\b(?=[^>]*rel="stylesheet")[^>]*href="([^"]*_static/)([^"?]+\.css)[^"]*"[^>]*>\n?')
SCRIPTS = re.compile(r"[ \t]*<script\b([^>]*)>(.*?)</script>\n?", re.S)
MEDIA = re.compile(r'\bmedia="([^"]+)"')
PRELOADS = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?')
SOURCE = re.compile(r'\bsrc="([^"?]+)[^"]*"')
OF_SEARCH = ("searchtools.js", "language_data.js", "searchindex.js")
OF_ONE_PAGE = "DOCUMENTATION_OPTIONS.pagename"  # read by the theme's menu of versions alone, which the book has not
MEASURING = re.compile(r',?"complete"===document\.readyState\?(\w+)\(\):window\.addEventListener\("load",\1\)')
IMAGE = re.compile(r"<img\b[^>]*>")
FILE = re.compile(r"[\w.-]+\.\w+")
EQUATION = re.compile(
    r'<span class="katex-html" aria-hidden="true">(.*?)(?=<span class="katex-mathml|</p>|</div>|</td>|</li>|$)', re.S
)
CHARACTERS = re.compile(r'<span(?: class="([^"]*)")?[^>]*>([^<]+)')
CLASSES = {
    "AMS-Regular": {"amsrm", "mathbb", "textbb"}, "Caligraphic-Regular": {"mathcal"},
    "Fraktur-Regular": {"mathfrak", "textfrak"}, "Main-Bold": {"mathbf", "textbf"}, "Main-Italic": {"mathit", "textit"},
    "Math-BoldItalic": {"boldsymbol"}, "Math-Italic": {"mathnormal"}, "SansSerif-Regular": {"mathsf", "textsf"},
    "Script-Regular": {"mathscr", "textscr"}, "Typewriter-Regular": {"mathtt", "texttt"},
}  # fmt: skip
UNSEEN = re.compile(r'<annotation encoding="application/x-tex">[^<]*</annotation>|</?semantics>| xmlns="[^"]*/MathML"')
UNCOLOURED = re.compile(r'<span class="(?:n|nn|p|w)">([^<]*)</span>')
EM = re.compile(r"(?<=\d\.\d\d)\d+(?=em;)")  # beyond a hundredth, a fifth of a pixel
WIDEST = 700  # pixels: the column of text on a laptop, and nearly that on a wide screen
WORD = re.compile(r"[A-Za-z0-9_-]+")
VARIABLE = re.compile(r"(?<![\w-])--[a-z][\w-]*")

PURGE = r"""
const { PurgeCSS } = require("purgecss");
const { css, words, variables } = JSON.parse(require("fs").readFileSync(0, "utf-8"));
new PurgeCSS().purge({
  content: [{ raw: words, extension: "html" }], css: [{ raw: css }],
  dynamicAttributes: ["aria-expanded", "data-popper-placement", "open"], variables: true, safelist: { variables },
}).then(([result]) => process.stdout.write(result.css));
"""


def lighten(site):
    """Make the pages of a built site light, see above.

    Nothing happens to pages that were light already, unless what they load has changed. Styles, scripts, fonts and
    pictures that no page names any more are deleted.
    """
    site = Path(site).resolve()
    found = {
        path: path.read_text(encoding="utf-8")
        for path in sorted(site.rglob("*.html"))
        if path.parent != site / "_static"
    }
    search = found.get(site / "search.html", "")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        light = dict(
            zip(
                found,
                pool.map(lambda page: with_pictures(joined(plain(found[page]), search), page, site), found),
            )
        )
    if is_heavy(search):
        bundle(site, search, light.values())
    versions = {name: _version(site / "_static" / name) for name in (STYLE, SCRIPT, SEARCH)}
    for path, text in light.items():
        for name, version in versions.items():
            text = re.sub(rf'(_static/{re.escape(name)})(?:\?v=\w+)?"', rf'\1?v={version}"', text)
        light[path] = text
        if text != found[path]:
            path.write_text(text, encoding="utf-8", newline="\n")
    drop_unnamed(site, light.values())


def _version(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.exists() else ""


def plain(text):
    """A page without what nobody sees: the LaTeX of its equations, marks in code for words without a colour, and
    fractions of pixels."""
    return UNCOLOURED.sub(r"\1", EM.sub("", UNSEEN.sub("", text)))


def is_heavy(text):
    """Whether a page is as the theme wrote it."""
    return "_static/styles/theme.css" in text


def scripts(text):
    """The scripts of a page that can be joined, in the order in which they run: names in ``_static``, or program text.

    The theme's first one is none of them, since it chooses light or dark before anything is painted; nor is one that
    does not wait for others, nor data. The one that marks the words that were searched for comes last: it asks
    whether the page is the one that searches.
    """
    found, later = [], []
    for match in SCRIPTS.finditer(text):
        script = _script(match, text)
        if script and script not in found:
            (later if "defer" in match[1] else found).append(script)
    return sorted(found + later, key=_turn)


def _turn(script):
    """When a script runs: what sets values comes before the files that read them."""
    if script == "documentation_options.js":
        return 0
    if not script.endswith(".js"):
        return 1
    return 3 if script == "sphinx_highlight.js" else 2


def _script(match, text):
    attributes, program = match.groups()
    source = SOURCE.search(attributes)
    if source:
        return source[1].partition("_static/")[2] if "async" not in attributes else ""
    in_head = match.start() < text.find("</head>") and "data-cfasync" not in attributes and "type=" not in attributes
    return program if in_head and OF_ONE_PAGE not in program else ""


def joined(text, search):
    """A page with one stylesheet and one script in place of those that the theme's search page has too.

    A page that is light already stays as it is.
    """
    if not is_heavy(text):
        return text
    styles, common = {match[2] for match in STYLES.finditer(search)}, {*scripts(search), *OF_SEARCH}
    root, searches = STYLES.search(text)[1], 'id="search-results"' in text
    index = "".join(match[0] for match in SCRIPTS.finditer(text) if "searchindex.js" in match[1])
    links = f'    <link rel="stylesheet" href="{root}{STYLE}" />\n'
    links += f'    <script defer src="{root}{SEARCH if searches else SCRIPT}"></script>\n'
    links += index.replace("<script ", "<script defer ") if searches else ""
    start = STYLES.search(text).start()
    before, after = text[:start], PRELOADS.sub("", text[start:])

    def others(match):
        left = index and match[0] in index or OF_ONE_PAGE in match[2] or _script(match, text) in common
        return "" if left else match[0]

    after = SCRIPTS.sub(others, STYLES.sub(lambda match: "" if match[2] in styles else match[0], after))
    return before + links + after


def bundle(site, search, pages):
    """Write the stylesheet and the scripts that :func:`joined` names, from those that the theme's search page loads.

    The theme's script no longer lays out and measures all boxes of a page that could scroll: ``downhill.js`` does so for
    those that the reader sees.
    """
    static, pages = site / "_static", [*pages]
    everything = scripts(search)
    common = [script for script in everything if script not in OF_SEARCH]
    for name, parts in ((SCRIPT, common), (SEARCH, everything)):
        program = MEASURING.sub("", "\n;".join(_program(static, part) for part in parts))
        (static / name).write_text(_esbuild(program, "--loader=js", "--minify"), encoding="utf-8", newline="\n")
    shrink_fonts(static / "katex" / "fonts", pages)
    styles = [(match[2], MEDIA.search(match[0])) for match in STYLES.finditer(search)]
    words = {word for page in pages for tag in re.findall(r"<[a-zA-Z][^>]*>", page) for word in WORD.findall(tag)}
    words.update(word for file in static.glob("*.js") for word in WORD.findall(file.read_text(encoding="utf-8")))
    others = {*static.glob("*.js"), *static.glob("*.css")} - {static / name for name in (STYLE, *(name for name, _ in styles))}
    texts = [*pages, *(file.read_text(encoding="utf-8") for file in others)]
    variables = sorted({name for text in texts for name in VARIABLE.findall(text)})
    asked = {"css": _gathered(static, styles), "words": " ".join(sorted(words)), "variables": variables}
    css = _node(PURGE, json.dumps(asked))
    (static / STYLE).write_text(_esbuild(css, "--loader=css", "--minify"), encoding="utf-8", newline="\n")


def _program(static, script):
    """The text of a script, a file's name or a program; of Bootstrap what the theme uses."""
    if script == BOOTSTRAP:
        text = (LIB / "bootstrap.js").read_text(encoding="utf-8")
        return _esbuild(text, "--loader=js", "--bundle", "--format=iife", cwd=LIB)
    return (static / script).read_text(encoding="utf-8") if script.endswith(".js") else script


def _gathered(static, styles):
    """The text of stylesheets, names and media, and of what they import; fonts that they name are copied to ``fonts``."""
    imports = "".join(f'@import "./{name}"{f" {media[1]}" if media else ""};\n' for name, media in styles)
    with tempfile.TemporaryDirectory(dir=static) as folder:
        kinds = [f"--loader:.{kind}=file" for kind in ("woff2", "woff", "ttf")]
        kinds += [f"--loader:.{kind}=dataurl" for kind in ("png", "svg")]
        out = Path(folder) / STYLE
        _esbuild(
            imports, "--bundle", "--loader=css", *kinds, "--asset-names=[name]-[hash]", f"--outfile={out}", cwd=static
        )
        (static / "fonts").mkdir(exist_ok=True)
        for font in Path(folder).glob("*-*.*"):
            font.replace(static / "fonts" / font.name)
        return re.sub(r'url\("?\./', 'url("fonts/', out.read_text(encoding="utf-8"))


def _esbuild(text, *options, cwd=None):
    return _run([str(NODE_MODULES / "esbuild" / "bin" / "esbuild"), *options, "--log-level=warning"], text, cwd)


def _node(program, text):
    return _run(["-e", program], text, NODE_MODULES.parent)


def _run(words, text, cwd):
    command = [find_node(), *words]
    return subprocess.run(command, input=text, cwd=cwd, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout


def shrink_fonts(folder, pages):
    """Leave in the fonts of equations the characters that these pages need in them, without hints for old screens."""
    equations = {found for page in pages for found in EQUATION.findall(page)}
    found = {match for equation in equations for match in CHARACTERS.findall(equation)}
    texts = [(set(names.split()), html.unescape(text)) for names, text in found]
    others = set().union(*CLASSES.values())
    for path in Path(folder).glob("*.woff2"):
        own = CLASSES.get(path.stem.removeprefix("KaTeX_"))
        needed = (text for names, text in texts if not names or (names & own if own else not names & others))
        with TTFont(path, recalcTimestamp=False) as font:
            subsetter = Subsetter(Options(layout_features=["*"], notdef_outline=True, hinting=False))
            subsetter.populate(unicodes={ord(character) for text in needed for character in text})
            subsetter.subset(font)
            font.flavor = "woff2"
            font.save(path)


# Pictures.


def with_pictures(text, page, site):
    """A page whose pictures are small files, say how large they are, and come when the reader comes near."""
    text = IMAGE.sub(lambda match: _picture(match[0], page, site), text)
    images = {match[1] for match in re.finditer(r'_images/([^"/]+)\.avif"', text)}
    return re.sub(
        r'_images/([^"/]+)\.png"',
        lambda match: match[0].replace(".png", ".avif") if match[1] in images else match[0],
        text,
    )


def _picture(tag, page, site):
    source = SOURCE.search(tag)[1]
    if source.startswith("data:image/png;base64,"):
        content = base64.b64decode(source.partition(",")[2])
        file = site / "_images" / f"{hashlib.sha256(content).hexdigest()}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    elif ":" in source:
        return tag
    else:
        file = (page.parent / unquote(source)).resolve()
    if file.parent == site / "_images" and file.suffix == ".png":
        file = as_avif(file)
        tag = SOURCE.sub(f'src="{quote(Path(os.path.relpath(file, page.parent)).as_posix())}"', tag)
    width, height = size(file)
    added = "".join(
        f' {name}="{value}"' for name, value in (("width", width), ("height", height)) if f" {name}=" not in tag
    )
    lazy = ' loading="lazy"' if "loading=" not in tag else ""
    return f"<img{lazy}{added}{tag[4:]}"


def as_avif(file):
    """The same picture, to the eye, beside a PNG, and at most :data:`WIDEST` pixels wide: its path."""
    target = file.with_suffix(".avif")
    newest = max(file.stat().st_mtime, Path(__file__).stat().st_mtime)
    if not target.exists() or target.stat().st_mtime < newest:
        with Image.open(file) as image:
            image.thumbnail((WIDEST, image.height), Image.Resampling.LANCZOS)
            image.save(target, quality=32, subsampling="4:4:4", speed=7, max_threads=1)
    return target


def size(file):
    """Width and height of a picture in pixels, those of an SVG as it says itself."""
    if file.suffix != ".svg":
        with Image.open(file) as image:
            return image.size
    root = ElementTree.parse(file).getroot()
    box = root.get("viewBox", "0 0 300 150").split()[2:]
    return tuple(round(float(root.get(name, side).removesuffix("px"))) for name, side in zip(("width", "height"), box))


def drop_unnamed(site, pages):
    """Delete the static files and pictures that no page, style or script names; licences stay."""
    static = site / "_static"
    loaded = [static / name for name in (STYLE, SCRIPT, SEARCH)]
    texts = [*pages, *(file.read_text(encoding="utf-8") for file in loaded if file.exists())]
    named = {name for text in texts for name in FILE.findall(text)}

    def is_named(name):
        return name in named or not FILE.fullmatch(name) and any(quote(name) in text or name in text for text in texts)

    for folder in (static, site / "_images"):
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_dir():
                if not any(file.iterdir()):
                    file.rmdir()
            elif "LICENSE" not in file.name and not is_named(file.name):
                file.unlink()


def finish(app, exception):
    """Lighten the site that Sphinx has written, unless it failed."""
    if exception is None and app.builder.name == "html":
        lighten(app.outdir)


def setup(app):
    """Register this with Sphinx, to be called when all files have been written."""
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
