"""The files of a release, made from the built site: the site itself as a zip, and the book on paper as a PDF.

Use: ``python -m lib.release``, or ``make release``, which builds the site first; then look into ``_build/release``. The
PDF needs Chromium or Chrome: the one that the variable ``CHROMIUM`` names, or one on ``PATH``, or Playwright's own.
"""

import os
import re
import shutil
import sys
import zipfile
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag, urljoin

import jinja2
import matplotlib
import pikepdf
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pygments.formatters import HtmlFormatter

from lib import __version__, fork
from lib.files import draft, write
from lib.katex import DIST

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
OUT = ROOT / "_build" / "release"
NAME = f"downhill-{__version__}"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TITLE, AUTHOR = CONFIG["title"], CONFIG["author"]
SUBTITLE = "the optimizers of deep learning, from SGD to AdamW"
LEFT_OUT = re.compile(r"book/(claims|playground)")  # a ledger that repeats every statement, and what is there to be played with
COLOURS = CONFIG["sphinx"]["config"]["html_theme_options"]["pygments_light_style"]  # of code
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True
)
READ_ME = f"""\
Downhill {__version__}: the optimizers of deep learning, from SGD to AdamW

Open index.html with a browser. Nothing needs to be installed, and no network is needed: the book runs in the browser,
from this folder, a USB stick or any web server. Keep the files of this folder together.

On the web: {{address}}
Its sources, and newer versions: {{repository}}

Code: BSD 3-Clause. Text and figures: CC BY 4.0.
"""


def released(root=ROOT):
    """The day of this version, from ``CITATION.cff``."""
    found = yaml.safe_load((Path(root) / "CITATION.cff").read_text(encoding="utf-8"))["date-released"]
    return found if isinstance(found, date) else date.fromisoformat(found)


def news(changes, version, address):
    """What is new in a version, for the page of its release, in Markdown.

    ``changes`` is the text of ``book/changelog.md``; its links to pages lead to the site at ``address``. Raises
    ``ValueError`` if it does not tell of the version.
    """
    found = re.search(rf"^## Version {re.escape(version)} \([^)]*\)\n(.*?)(?=^## |\Z)", changes, re.M | re.S)
    if not found:
        raise ValueError(f"book/changelog.md does not tell of version {version}")
    return re.sub(r"\{doc\}`(\w+)`", rf"[\1]({address}book/\1.html)", found[1]).strip() + "\n"


# The zip.


def pack(site, target, read_me, day):
    """Write the folder ``site`` and the text ``read_me`` as a zip, the same bytes each time; hidden files stay out.

    All files in it stand in a folder of the zip's name and bear the date ``day``.
    """
    files = sorted(file for file in Path(site).rglob("*") if file.is_file())
    files = {file.relative_to(site).as_posix(): file.read_bytes() for file in files}
    files = {name: content for name, content in files.items() if not name.startswith(".") and "/." not in name}
    # A text of Windows' own kind: its oldest editor shows it right too.
    files["READ ME FIRST.txt"] = b"\xef\xbb\xbf" + read_me.replace("\n", "\r\n").encode()
    with draft(target) as part, zipfile.ZipFile(part, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{Path(target).stem}/{name}", (day.year, day.month, day.day, 0, 0, 0))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content, compresslevel=9)


# The book as one page.


def parts(toc):
    """The table of contents (``_toc.yml``, read) without what paper leaves out: (caption, pages) of each part."""
    found = [(part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in toc["parts"]]
    return [(caption, [page for page in pages if not LEFT_OUT.match(page)]) for caption, pages in found]


def anchor(page, fragment=""):
    """The id that a page, or something in it, has in the whole book."""
    return f"{page.rsplit('/', 1)[-1]}--{fragment}" if fragment else page.rsplit("/", 1)[-1]


def leaf(site, page, pages, address):
    """The article of one page, as it stands in the whole book: HTML, parsed.

    - Its ids, and the links to pages that are in the book too, begin with the name of the page; other links lead to
      ``address``, where the site is published.
    - Interactive figures are their still pictures, what is folded is open, buttons are gone.
    - An equation is the signs that it is drawn with: Chromium does not write MathML into a PDF.

    ``pages`` are those in the book. Raises ``ValueError`` for an interactive figure without a picture.
    """
    file = Path(site) / f"{page}.html"
    article = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").select_one("article")
    for equation in article.select(".katex-mathml"):
        equation.decompose()
    for figure in article.select(".downhill"):
        picture = figure.select_one("noscript img")
        if not picture:
            raise ValueError(f"{page}: the interactive figure {figure.get('id')} has no picture for paper")
        figure.clear()
        figure["class"] = "still"
        figure.append(picture)
    for tag in article.select("script, style, noscript, button, .headerlink, .visually-hidden, details.hide > summary"):
        tag.decompose()
    for tag in article.select("details"):
        tag["open"] = ""
    for tag in article.select("details.hide"):
        tag.unwrap()
    for code in article.select("pre"):
        if code.get_text().count("\n") <= SHORT:
            code["class"] = "short"
    for figure in article.select("figure"):  # Chromium would take it for a second picture, without words
        figure.name = "div"
        figure["class"] = "figure"
    for tag in article.select("[id]"):
        tag["id"] = anchor(page, tag["id"])
    for tag in article.select("[aria-labelledby], [for]"):
        for name in {"aria-labelledby", "for"} & tag.attrs.keys():
            tag[name] = anchor(page, tag[name])
    for tag in article.select("a[href]"):
        tag["href"] = _link(tag["href"], page, pages, address)
    for tag in article.select("img[src]"):
        tag.attrs.pop("loading", None)
        if not tag["src"].startswith("data:"):
            tag["src"] = (file.parent / unquote(tag["src"].split("?")[0])).resolve().as_uri()
    article.name = "section"
    article.attrs = {"id": anchor(page), "class": "chapter"}
    return article


def _link(href, page, pages, address):
    target, fragment = urldefrag(href)
    if re.match(r"[a-z]+:", target):
        return href
    name = page if not target else urljoin(page, unquote(target)).removesuffix(".html")
    if name in pages:
        return f"#{anchor(name, fragment)}"
    return urljoin(f"{address}{quote(page)}", href)


def contents(leaves):
    """The entries of the table of contents: (caption, [(id, title, [(id, title) of its sections])])."""
    return [
        (caption, [(chapter["id"], _title(chapter.h1), [(h2.parent["id"], _title(h2)) for h2 in chapter.select("h2")])
                   for chapter in chapters])
        for caption, chapters in leaves
    ]  # fmt: skip


def _title(heading):
    return re.sub(r"\s+", " ", heading.get_text()).strip()


def whole(root, leaves, numbers):
    """The whole book as one HTML page. ``numbers`` are the pages on which ids stand, where they are known."""
    repository, _ = fork.repository(root)
    values = {
        "title": TITLE, "subtitle": SUBTITLE, "version": __version__, "author": AUTHOR,
        "day": released(root), "address": fork.site(repository) or repository,
        "repository": repository, "numbers": numbers,
        "katex": (DIST / "katex.min.css").as_uri(),
        "colours": HtmlFormatter(style=COLOURS).get_style_defs(".highlight"),
        "fonts": FONTS.as_uri(), "cover": (root / "book" / "static" / "cover.png").resolve().as_uri(),
        "contents": contents(leaves),
        "parts": [(caption, [str(chapter) for chapter in chapters]) for caption, chapters in leaves],
    }  # fmt: skip
    return TEMPLATES.get_template("book.html").render(values)


# Paper.

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MINUTES = 600_000  # milliseconds, for the whole book on a slow machine
SHORT = 20  # lines of code that stay on one page
WIDTH = 612  # pixels: A4 without the margins that book.html sets
SMALLEST = 0.55
FIT = """(smallest) => {
  const tiny = [];
  const width = document.documentElement.clientWidth;
  for (const box of document.querySelectorAll("table, .katex-display > .katex")) {
    const room = Math.min(box.parentElement.clientWidth, width - box.parentElement.getBoundingClientRect().left);
    const needed = Math.max(box.scrollWidth, box.firstElementChild.scrollWidth);
    if (needed > room + 1) box.style.zoom = Math.floor(1000 * room / needed) / 1000;
    if (Number(box.style.zoom || 1) < smallest) tiny.push(box.textContent.slice(0, 60));
  }
  const pieces = document.querySelectorAll("body > *, .chapter *:not(.katex *)");
  const wide = [...pieces].filter((piece) => piece.getBoundingClientRect().right > width + 1);
  return [...tiny, ...wide.slice(0, 3).map((piece) => piece.outerHTML.slice(0, 120))];
}"""
FOOTER = (
    '<div style="width: 100%; font: 8pt sans-serif; color: #444; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def chromium():
    """Path of the browser that prints; None for Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def printed(browser, file, target):
    """Print an HTML file on sheets of A4 by Chromium, with tags for screen readers and bookmarks.

    A table or an equation that is too wide becomes smaller. Raises ``ValueError`` if anything is still too wide then,
    since Chromium would make all text smaller, or if it would have to become tiny.
    """
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    try:
        page.emulate_media(media="print")
        page.goto(Path(file).as_uri(), timeout=MINUTES)
        page.evaluate("document.fonts.ready.then(() => true)")
        page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
        if tiny := page.evaluate(FIT, SMALLEST):
            raise ValueError(f"too wide for paper: {'; '.join(tiny)}")
        page.pdf(
            path=target, format="A4", tagged=True, outline=True, print_background=True, display_header_footer=True,
            header_template="<span></span>", footer_template=FOOTER, prefer_css_page_size=True,
        )  # fmt: skip
    finally:
        page.close()


def page_numbers(pdf):
    """On which page of a PDF each of its named places stands: {name: number, from 1}."""
    with pikepdf.open(pdf) as document:
        pages = {page.obj.objgen: number for number, page in enumerate(document.pages, 1)}
        places = document.Root.get("/Dests") or pikepdf.NameTree(document.Root.Names.Dests)
        return {str(name).lstrip("/"): pages[place[0].objgen] for name, place in places.items()}


def finish(source, target, title, author, day):
    """Write a PDF again, in half of the bytes, with its title, author and day."""
    with pikepdf.open(source) as document:
        with document.open_metadata(set_pikepdf_as_editor=False) as about:
            about["dc:title"], about["dc:creator"], about["dc:language"] = title, [author], ["en"]
            about["xmp:CreateDate"] = about["xmp:ModifyDate"] = f"{day}T00:00:00Z"
            about["xmp:CreatorTool"] = "Downhill"
        document.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        with draft(target) as part:
            document.save(part, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)


def make_pdf(browser, site, root, target, only=None):
    """Write the book as a PDF; ``only`` names the pages that shall be in it, by default all but those left out.

    It is printed twice: the table of contents of the second has the numbers of the pages of the first.
    """
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text(encoding="utf-8"))
    chosen = [(caption, [page for page in pages if not only or page in only]) for caption, pages in parts(toc)]
    front = ("", [toc["root"]])
    chosen = [front, *((caption, pages) for caption, pages in chosen if pages)]
    pages = {page for _, some in chosen for page in some}
    address = fork.site(fork.repository(root)[0]) or fork.repository(root)[0]
    leaves = [(caption, [leaf(site, page, pages, address) for page in some]) for caption, some in chosen]
    work = Path(target).with_suffix(".html")
    raw = Path(target).with_suffix(".raw.pdf")
    numbers = {}
    for _ in range(2):
        work.write_text(whole(Path(root), leaves, numbers), encoding="utf-8", newline="\n")
        printed(browser, work, raw)
        numbers = page_numbers(raw)
    finish(raw, target, f"{TITLE}: {SUBTITLE}", AUTHOR, released(root))
    work.unlink()
    raw.unlink()


def main():
    """The command. Returns the exit status."""
    if not (SITE / "index.html").exists():
        print("build the book first: jupyter-book build -W -n --keep-going .", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    repository = fork.repository()[0]
    read_me = READ_ME.format(address=fork.site(repository) or repository, repository=repository)
    changes = (ROOT / "book" / "changelog.md").read_text(encoding="utf-8")
    text = news(changes, __version__, fork.site(repository))
    write(OUT / "NEW.md", text)
    pack(SITE, OUT / f"{NAME}.zip", read_me, released())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        make_pdf(browser, SITE, ROOT, OUT / f"{NAME}.pdf")
        browser.close()
    for file in sorted(OUT.glob(f"{NAME}.*")):
        print(f"{file.relative_to(ROOT).as_posix()}: {file.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
