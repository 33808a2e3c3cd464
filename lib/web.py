"""What the rest of the web asks a site for: a Sphinx extension.

- ``sitemap.xml`` and a canonical address of every page, for search engines;
- a description and a card with a picture for every page, for those who share a link to it;
- ``feed.xml``, an Atom feed made from the page of changes;
- on the front page a link to the zip and the PDF of the newest release;
- ``404.html``, which the server shows for a page that is not there, at any depth;
- an order of what a search finds: a page about it first;
- a style for paper;
- an ``index.html`` beside the folder of the pages, which leads to the front page.

All absolute addresses begin with the site's own, which follows from the repository's (:func:`lib.fork.site`), unless
``_config.yml`` sets ``html: baseurl:``. Where it is not known, what needs it is left out.
"""

import base64
import html
import io
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jinja2
import matplotlib
from docutils import nodes
from PIL import Image, ImageDraw, ImageFont

from lib import fork

CHANGES = "book/changelog"
RELEASE = re.compile(r"Version (?P<version>\d+\.\d+\.\d+) \((?P<date>\d{4}-\d\d-\d\d)\)")
LONGEST = 200
CARDS = "_static/cards"
CARD = (1200, 630)
COLOURS = 64
PICTURE = re.compile(r'<img\b[^>]*?\bsrc="[^"]*"[^>]*>')
COVER = "book/static/cover.png"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


# Descriptions.


def description(doctree):
    """The first whole sentences of a page, about 200 letters: not those of its opening question, none with equations.

    ``doctree`` is the page as docutils has it. Returns "" for a page without such a sentence.
    """
    said = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, (nodes.section, nodes.list_item, nodes.document)) and not _is_led_in(paragraph):
            for sentence in sentences(_words(paragraph)):
                if said and len(f"{said} {sentence}") > LONGEST:
                    return said
                if "\0" not in sentence:
                    said = f"{said} {sentence}".strip()
    return said


def _is_led_in(paragraph):
    return isinstance(next((child for child in paragraph if child.astext()), None), nodes.strong)


def _words(node):
    """The text of a node in one line, with a zero character for each equation."""
    if isinstance(node, (nodes.math, nodes.raw)):
        return "\0" if isinstance(node, nodes.math) else ""
    return "".join(map(_words, node.children)) if node.children else re.sub(r"\s+", " ", node.astext())


def sentences(text):
    """The whole sentences of a text: what begins with a capital or a figure, and ends with a mark."""
    found = re.split(r"(?<=[.?!])\s+(?=[A-Z\d“])", text.strip())
    return [sentence for sentence in found if re.match(r"[A-Z\d“]", sentence) and re.search(r"[.?!]$", sentence)]


# What the head of a page says.


def head(site, title, words, url, card, front=False):
    """The tags that describe a page to search engines and to those who show a link to it, as HTML.

    ``site``, ``title`` and ``words`` are plain text, ``url`` and ``card`` the addresses of page and picture or "";
    ``front`` says that the page stands for the whole book.
    """
    properties = {
        "og:title": title, "og:description": words, "og:type": "website" if front else "article", "og:url": url,
        "og:site_name": site,
    }  # fmt: skip
    if card:
        properties |= {"og:image": card, "og:image:alt": f"The title “{title}” above a figure of the book."}
        properties |= {"og:image:width": str(CARD[0]), "og:image:height": str(CARD[1])}
    named = {"description": words, "twitter:card": "summary_large_image" if card else "summary"}
    tags = [_tag("property", *item) for item in properties.items()]
    return "\n".join(filter(None, [*tags, *(_tag("name", *item) for item in named.items())]))


def _tag(kind, name, content):
    return f'<meta {kind}="{name}" content="{html.escape(content)}" />' if content else ""


def describe_page(app, pagename, templatename, context, doctree):
    """Give a page its description, its card and a link to the feed."""
    if app.builder.name != "html" or doctree is None:
        return
    base, title = app.config.html_baseurl, plain(context["title"])
    context["metatags"] = context.get("metatags", "") + head(
        app.config.html_title,
        title,
        description(doctree) or f"{app.config.html_title}: {title}",
        base and base + app.builder.get_target_uri(pagename),
        base and f"{base}{CARDS}/{card_name(pagename)}",
        pagename == app.config.root_doc,
    )
    if base:
        address = context["pathto"]("feed.xml", 1)
        context["metatags"] += (
            f'\n<link rel="alternate" type="application/atom+xml" title="What is new" href="{address}" />\n'
        )


def plain(markup):
    """HTML as text."""
    return html.unescape(re.sub(r"<[^>]+>", "", markup)).strip()


# Cards.


def card_name(pagename):
    """The file of a page's card."""
    return f"{pagename.rsplit('/', 1)[-1]}.png"


def card(site, title, address, picture):
    """A picture of 1200 × 630 pixels with a page's title and figure; the same bytes each time.

    ``site`` is the name of the book and ``address`` its address or ""; ``title`` may have two parts, with a colon
    between them; ``picture`` is a Pillow image. Returns the bytes of a PNG.
    """
    image = Image.new("RGB", CARD, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, CARD[0], 14), fill="#0a57c2")
    name, _, rest = title.partition(": ")
    bottom = _write(draw, name, 40, "DejaVuSans-Bold", 64 if len(name) < 24 else 48, "#14181e")
    bottom = _write(draw, rest[:1].upper() + rest[1:], bottom + 8, "DejaVuSans", 32, "#333a44") if rest else bottom
    _write(draw, f"{site}: a book that runs", 566, "DejaVuSans", 26, "#0a57c2")
    if address:
        font = ImageFont.truetype(FONTS / "DejaVuSans.ttf", 22)
        draw.text((CARD[0] - 60, 594), address, "#595959", font, anchor="rs")
    room = (CARD[0] - 120, 546 - bottom - 16)
    share = min(room[0] / picture.width, room[1] / picture.height)
    small = picture.convert("RGBA").resize((round(picture.width * share), round(picture.height * share)), Image.LANCZOS)
    image.paste(small, ((CARD[0] - small.width) // 2, bottom + 16), small)
    drawn = io.BytesIO()
    coverage = Image.Quantize.MAXCOVERAGE
    image.quantize(COLOURS, coverage, kmeans=1, dither=Image.Dither.NONE).save(drawn, "PNG", optimize=True)
    return drawn.getvalue()


def _write(draw, text, top, font, size, colour):
    """Write a text in as many lines as it needs, from the left margin; returns where it ends."""
    font = ImageFont.truetype(FONTS / f"{font}.ttf", size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if font.getlength(longer) <= CARD[0] - 120 else [lines[-1], word]
    for line in filter(None, lines):
        draw.text((60, top), line, colour, font, anchor="la")
        top += round(1.25 * size)
    return top


def pictures(page):
    """The pictures in a page's text that Pillow can read, one after another."""
    article = page.read_text(encoding="utf-8").partition("<article")[2]
    for tag in PICTURE.findall(article):
        source = html.unescape(re.search(r'\bsrc="([^"]*)"', tag)[1])
        if found := re.match(r"data:image/png;base64,", source):
            yield Image.open(io.BytesIO(base64.b64decode(source[found.end() :])))
        file = page.parent / unquote(source.split("?")[0])
        if file.suffix in (".png", ".avif") and file.exists():
            yield Image.open(io.BytesIO(file.read_bytes()))


def figure(page):
    """The first picture of a page that is broad enough for a card, else the first, or None."""
    found = [*pictures(page)]
    return next((picture for picture in found if picture.width > 1.6 * picture.height), found[0] if found else None)


def draw_cards(app):
    """Write the card of each page that was written, or has none."""
    out = Path(app.outdir)
    (out / CARDS).mkdir(parents=True, exist_ok=True)
    address = urlsplit(app.config.html_baseurl)
    for name in app.env.found_docs:
        page, file = out / f"{name}.html", out / CARDS / card_name(name)
        if name in app.builder.written or not file.exists():
            picture = figure(page) or Image.open(io.BytesIO((Path(app.srcdir) / COVER).read_bytes()))
            title = app.env.titles[name].astext()
            file.write_bytes(card(app.config.html_title, title, f"{address.netloc}{address.path}".rstrip("/"), picture))


# The sitemap.


def last_changes(root):
    """The day of the last commit for each file of the repository in ``root``: ``{"book/sgd.ipynb": "2026-11-24"}``.

    Nothing where git does not know: without git, outside a repository, or in a copy without its history.
    """
    try:
        shallow = _git(root, "rev-parse", "--is-shallow-repository").strip()
        log = _git(root, "-c", "core.quotePath=false", "log", "--format=\1%cs", "--name-only", "--relative")
    except (OSError, subprocess.CalledProcessError):
        return {}
    days = {}
    for commit in log.split("\1")[1:] if shallow == "false" else []:
        day, *files = commit.split("\n")
        for file in filter(None, files):
            days.setdefault(file, day)
    return days


def _git(root, *words):
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout


def sitemap(pages):
    """The sitemap of ``pages``, {address: day of the last change or None}, as bytes."""
    root = ET.Element("urlset", xmlns="http://www.sitemaps.org/schemas/sitemap/0.9")
    for address, day in pages.items():
        url = ET.SubElement(root, "url")
        ET.SubElement(url, "loc").text = address
        if day:
            ET.SubElement(url, "lastmod").text = day
    return _xml(root)


def _xml(root):
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def write_sitemap(app):
    """Write ``sitemap.xml``, with the pages in the order of the table of contents."""
    days, root = last_changes(app.srcdir), Path(app.srcdir).resolve()
    pages = {}
    for name in app.env.external_site_map:
        file = Path(app.env.doc2path(name)).resolve().relative_to(root).as_posix()
        pages[app.config.html_baseurl + app.builder.get_target_uri(name)] = days.get(file)
    (Path(app.outdir) / "sitemap.xml").write_bytes(sitemap(pages))


# The feed.


def releases(doctree):
    """The releases that a page of changes tells of, newest first: a list of (version, day, section of the page).

    Raises ``ValueError`` for a section whose title is not of the form ``Version 1.2.3 (2026-11-24)``.
    """
    found = []
    for section in doctree.next_node(nodes.section).findall(nodes.section):
        title = section.next_node(nodes.title).astext()
        if section.parent.parent is doctree:
            match = RELEASE.fullmatch(title)
            if not match:
                raise ValueError(f"{title!r} in {CHANGES} is not of the form 'Version 1.2.3 (2026-11-24)'")
            found.append((match["version"], match["date"], section))
    return found


def feed(entries, title, author, base, page):
    """An Atom feed, as bytes.

    ``entries`` are (title, day, HTML, anchor), newest first; ``base`` is the address of the site, ``page`` that of the
    page of changes in it, from which relative links in the HTML go out.
    """
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
    _add(root, title=title, id=base, updated=_moment(entries[0][1]))
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=f"{base}feed.xml")
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=base + page)
    _add(ET.SubElement(root, "author"), name=author)
    for name, day, content, anchor in entries:
        entry = ET.SubElement(root, "entry")
        _add(entry, title=name, id=f"{base}{page}#{anchor}", updated=_moment(day))
        ET.SubElement(entry, "link", rel="alternate", type="text/html", href=f"{base}{page}#{anchor}")
        ET.SubElement(entry, "content", {"type": "html", "xml:base": base + page}).text = content
    return _xml(root)


def _add(parent, **texts):
    for name, text in texts.items():
        ET.SubElement(parent, name).text = text


def _moment(day):
    return f"{day}T00:00:00Z"


def write_feed(app):
    """Write ``feed.xml`` from the page of changes."""
    doctree = app.env.get_and_resolve_doctree(CHANGES, app.builder)
    entries = []
    for version, day, section in releases(doctree):
        body = nodes.container("", *(child.deepcopy() for child in section.children[1:]))
        content = app.builder.render_partial(body)["fragment"]
        entries.append((f"{app.config.html_title} {version}", day, content, section["ids"][0]))
    page = app.builder.get_target_uri(CHANGES)
    made = feed(entries, f"{app.config.html_title}: what is new", app.config.author, app.config.html_baseurl, page)
    (Path(app.outdir) / "feed.xml").write_bytes(made)


def latest(repository):
    """The address of the newest release in a repository at GitHub or at a GitLab."""
    return f"{repository}/releases/latest" if "github" in repository else f"{repository}/-/releases/permalink/latest"


def offer_downloads(app, doctree, docname):
    """Say on the front page where the book's zip and PDF are."""
    if docname == app.config.root_doc and app.builder.name in ("html", "editions"):
        *_, section = doctree.findall(nodes.section)
        link = nodes.reference("", "newest release", refuri=latest(fork.repository(app.srcdir)[0]))
        before, after = "To have it without a network or on paper, take the zip or the PDF of the ", "."
        section += nodes.paragraph("", "", nodes.Text(before), link, nodes.Text(after))


# The pages that are no chapters.

TEMPLATES_FOLDER = Path(__file__).parent / "templates"
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES_FOLDER), autoescape=True)


def write_not_found(app):
    """Write ``404.html``; its links begin with the path of the site, and its script mends them on any other server."""
    parts = [
        (tree.caption, [(app.builder.get_target_uri(name), app.env.titles[name].astext()) for name in tree.files()])
        for tree in app.env.external_site_map.root.subtrees
    ]
    base = urlsplit(app.config.html_baseurl).path or "/"
    front = app.builder.get_target_uri(app.config.root_doc)
    site = app.config.html_title
    text = TEMPLATES.get_template("404.html").render(base=base, parts=parts, front=front, site=site)
    (Path(app.outdir) / "404.html").write_text(text, encoding="utf-8", newline="\n")


def write_index(app):
    """Write ``index.html``, which leads to the front page and describes it to those who share the site's address."""
    front = app.builder.get_target_uri(app.config.root_doc)
    page = (Path(app.outdir) / front).read_text(encoding="utf-8")
    tags = re.findall(r'<meta (?:property="og:|name="(?:description|twitter:))[^>]*>|<link rel="canonical"[^>]*>', page)
    title = re.search(r"<title>(.*?)</title>", page, re.S)[1]
    values = {"front": front, "title": html.unescape(title), "tags": tags, "site": app.config.html_title}
    text = TEMPLATES.get_template("index.html").render(values)
    (Path(app.outdir) / "index.html").write_text(text, encoding="utf-8", newline="\n")


def write_all(app, exception):
    """Write all that is not a page of the book."""
    if exception or app.builder.name != "html":
        return
    write_not_found(app)
    write_index(app)
    draw_cards(app)
    if app.config.html_baseurl:
        write_sitemap(app)
    if app.config.html_baseurl and CHANGES in app.env.found_docs:
        write_feed(app)


def know_the_address(app, config):
    """Set the address of the site, unless ``_config.yml`` does, and what orders the pages that a search finds."""
    address = config.html_baseurl or fork.site(fork.repository(app.srcdir)[0])
    config.html_baseurl = address and f"{address.rstrip('/')}/"
    config.html_search_scorer = str(TEMPLATES_FOLDER / "scorer.js")


def setup(app):
    """Register all this with Sphinx."""
    app.add_css_file("print.css", media="print")
    app.connect("config-inited", know_the_address)
    app.connect("doctree-resolved", offer_downloads, priority=400)
    app.connect("html-page-context", describe_page)
    app.connect("build-finished", write_all, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
