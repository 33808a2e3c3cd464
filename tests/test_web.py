"""What the site gives to search engines, feed readers and those who share links; the page for what is not there."""

import io
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from datetime import date
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urldefrag, urlsplit

import feedparser
import pytest
import yaml
from browsing import visit
from docutils import nodes
from pages import CHAPTERS, ROOT, TOC, soup
from PIL import Image
from serving import Quiet, served

import lib
from lib import fork, web

ADDRESS = fork.site(fork.repository(ROOT)[0])
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
ATOM = {"a": "http://www.w3.org/2005/Atom"}


# The address.


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/Ada/my.book_2", "https://ada.github.io/my.book_2/"),
        ("https://github.com/ada/ada.github.io", "https://ada.github.io/"),
        ("https://gitlab.com/ada/steps", "https://ada.gitlab.io/steps/"),
        ("https://gitlab.com/maths/optim/steps", "https://maths.gitlab.io/optim/steps/"),
        ("https://gitlab.example.edu/ada/steps", ""),
    ],
)
def test_the_address_of_a_site_follows_from_its_repository(url, address):
    assert fork.site(url) == address


@pytest.mark.parametrize(
    ("baseurl", "address"),
    [("", "https://ada.github.io/steps/"), ("https://steps.example.org", "https://steps.example.org/")],
)
def test_an_address_of_its_own_goes_before(tmp_path, baseurl, address):
    repository = "repository:\n  url: https://github.com/ada/steps\n  branch: main\n"
    (tmp_path / "_config.yml").write_text(repository, encoding="utf-8")
    config = SimpleNamespace(html_baseurl=baseurl)
    web.know_the_address(SimpleNamespace(srcdir=tmp_path), config)
    assert config.html_baseurl == address


# Descriptions and cards.


def page_of(*paragraphs):
    section = nodes.section("", nodes.title("", "Title"))
    section += [nodes.paragraph("", "", *children) for children in paragraphs]
    return nodes.document(None, None, "", section)


def test_a_description_is_whole_sentences_and_neither_the_opening_question_nor_equations():
    doctree = page_of(
        [nodes.Text(""), nodes.strong("", "The question."), nodes.Text(" Why does it stop?")],
        [nodes.Text("With "), nodes.math("", "x"), nodes.Text(" it goes. See e.g. "), nodes.literal("", "sgd"),
         nodes.Text(" here.\nAnd a list follows:")],
        [nodes.Text(f"It {'goes on and ' * 20}on.")],
    )  # fmt: skip
    assert web.description(doctree) == "See e.g. sgd here."
    assert web.description(page_of([nodes.Text("no sentence")])) == ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_page_describes_itself(site, chapter):
    page = soup(site / f"{chapter}.html")
    said = {tag.get("property") or tag.get("name"): tag["content"] for tag in page.select("meta[content]")}
    assert said["og:title"] == page.select_one("h1:not(.onlyprint h1)").get_text().removesuffix("#")
    assert said["og:description"] == said["description"]
    assert 10 < len(said["description"]) < 300
    assert not re.search(r"[\0<>$]|\\|The question", said["description"])
    assert said["og:url"] == page.select_one("link[rel=canonical]")["href"] == f"{ADDRESS}{chapter}.html"
    assert said["twitter:card"] == "summary_large_image"
    card = site / said["og:image"].removeprefix(ADDRESS)
    with Image.open(card) as picture:
        assert picture.size == (1200, 630) == (int(said["og:image:width"]), int(said["og:image:height"]))
    assert card.stat().st_size <= 60_000
    feed = page.select_one("link[type='application/atom+xml']")["href"]
    assert ((site / chapter).parent / feed).resolve() == (site / "feed.xml").resolve()


def test_no_two_pages_have_the_same_description_or_card(site):
    pages = [soup(site / f"{chapter}.html") for chapter in CHAPTERS]
    assert len({page.select_one("meta[name=description]")["content"] for page in pages}) == len(CHAPTERS)
    cards = {page.select_one("meta[property='og:image']")["content"] for page in pages}
    assert len({(site / card.removeprefix(ADDRESS)).read_bytes() for card in cards}) == len(CHAPTERS)


def test_a_card_is_the_same_each_time_and_shows_its_picture():
    picture = Image.new("RGBA", (700, 330), "#cc3311")
    first = web.card("Book", "Adam: with a long title " * 4, "ada.github.io/book", picture)
    assert first == web.card("Book", "Adam: with a long title " * 4, "ada.github.io/book", picture)
    drawn = Image.open(io.BytesIO(first)).convert("RGB")
    red = [count for count, colour in drawn.getcolors() if colour[0] > 180 and max(colour[1:]) < 80]
    assert sum(red) > 100_000


def test_a_card_takes_the_first_broad_figure(tmp_path):
    for name, size in {"tall": (9, 9), "broad": (18, 9)}.items():
        Image.new("RGB", size).save(tmp_path / f"{name} é.png")
    page = tmp_path / "page.html"
    images = '<img alt="" src="{}%20%C3%A9.png?v=1">'
    none = '<img src="no.svg">'
    page.write_text(f"{none}<article>{none}{images.format('tall')}</article>", encoding="utf-8")
    assert web.figure(page).size == (9, 9)
    page.write_text(f"<article>{images.format('tall')}{images.format('broad')}</article>", encoding="utf-8")
    assert web.figure(page).size == (18, 9)
    page.write_text("<article></article>", encoding="utf-8")
    assert web.figure(page) is None


def test_the_address_itself_leads_to_the_front_page_and_describes_it(site):
    index, front = soup(site / "index.html"), soup(site / f"{CHAPTERS[0]}.html")
    assert index.select_one("meta[http-equiv=refresh]")["content"] == f"0; url={CHAPTERS[0]}.html"
    assert index.select_one("main a")["href"] == f"{CHAPTERS[0]}.html"
    for found in ("meta[property^='og:']", "meta[name=description]", "link[rel=canonical]"):
        assert [tag.attrs for tag in index.select(found)] == [tag.attrs for tag in front.select(found)] != []


# The sitemap and the feed.


def test_the_sitemap_names_every_chapter_and_nothing_else(site):
    root = ET.parse(site / "sitemap.xml").getroot()
    assert root.tag == f"{{{SITEMAP['s']}}}urlset"
    assert [loc.text for loc in root.iterfind("s:url/s:loc", SITEMAP)] == [f"{ADDRESS}{name}.html" for name in CHAPTERS]
    days = [day.text for day in root.iterfind("s:url/s:lastmod", SITEMAP)]
    assert all(date.fromisoformat(day) for day in days)
    assert len(days) == len([name for name in CHAPTERS if source(name) in web.last_changes(ROOT)])


def source(chapter):
    return next(file.relative_to(ROOT).as_posix() for file in ROOT.glob(f"{chapter}.*"))


def test_a_day_is_that_of_the_last_commit_and_none_is_given_without_history(tmp_path):
    project, copy = tmp_path / "a b", tmp_path / "copy"

    def git(*words, day="2026-01-01"):
        environment = {"GIT_AUTHOR_DATE": f"{day}T12:00:00", "GIT_COMMITTER_DATE": f"{day}T12:00:00"}
        command = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)

    project.mkdir()
    assert web.last_changes(project) == {}
    git("init")
    for name, day in [("é.md", "2026-01-01"), ("two.md", "2026-01-02"), ("two.md", "2026-02-03")]:
        (project / name).write_text(day, encoding="utf-8")
        git("add", ".")
        git("commit", "-m", "x", day=day)
    assert web.last_changes(project) == {"é.md": "2026-01-01", "two.md": "2026-02-03"}
    subprocess.run(["git", "clone", "--depth", "1", project.as_uri(), str(copy)], check=True, capture_output=True)
    assert web.last_changes(copy) == {}


def test_the_feed_can_be_read_and_tells_of_this_version(site):
    feed = feedparser.parse((site / "feed.xml").read_bytes())
    assert not feed.bozo
    assert feed.version == "atom10"
    assert (feed.feed.id, feed.feed.author) == (ADDRESS, "The Downhill authors")
    assert {link.rel: link.href for link in feed.feed.links}["self"] == f"{ADDRESS}feed.xml"
    newest = feed.entries[0]
    assert newest.title == f"Downhill {lib.__version__}"
    assert feed.feed.updated == newest.updated == max(entry.updated for entry in feed.entries)
    released = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["date-released"]
    assert newest.updated == f"{released}T00:00:00Z"
    assert "Seventeen chapters" in feed.entries[-1].content[0].value


def test_the_feed_has_all_that_atom_asks_for(site):
    root = ET.parse(site / "feed.xml").getroot()
    entries = root.findall("a:entry", ATOM)
    for element in [root, *entries]:
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"a:{name}", ATOM)) == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.find("a:updated", ATOM).text)
    assert len({entry.find("a:id", ATOM).text for entry in entries}) == len(entries) > 0


def test_the_links_of_the_feed_lead_into_the_book(site):
    feed = feedparser.parse((site / "feed.xml").read_bytes())
    links = [entry.link for entry in feed.entries]
    links += re.findall(r'href="([^"]*)"', "".join(entry.content[0].value for entry in feed.entries))
    assert len(links) > 3
    for link in links:
        target, fragment = urldefrag(link.removeprefix(ADDRESS))
        page = site / target if link.startswith(ADDRESS) else site / "book" / target
        assert page.is_file()
        assert not fragment or soup(page).find(id=unquote(fragment))


@pytest.mark.parametrize("title", ["Version 1.2 (2026-11-24)", "1.2.3", "Version 1.2.3, today"])
def test_a_release_without_number_or_day_is_refused(title):
    doctree = page_of([nodes.Text("Words.")])
    doctree[0] += nodes.section("", nodes.title("", title), nodes.paragraph("", "New."))
    with pytest.raises(ValueError, match="is not of the form"):
        web.releases(doctree)


# The page for what is not there.


@pytest.fixture(params=[urlsplit(ADDRESS).path, "/"], ids=["published", "at-the-root"])
def published(site, request):
    """A server as GitHub's: the site below a path, and ``404.html`` for all that is not there. Its address."""
    prefix = request.param

    class Pages(Quiet):
        def translate_path(self, path):
            missing = str(site / "missing")
            return super().translate_path("/" + path.removeprefix(prefix)) if path.startswith(prefix) else missing

        def send_error(self, code, message=None, explain=None):
            body = (site / "404.html").read_bytes()
            self.send_response(404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(site, Pages) as address:
        yield address.removesuffix("/") + prefix


def reach(page, links):
    """Those of some links from which the page's server has nothing."""
    return [link for link in links if page.request.get(link).status != 200]


@pytest.mark.parametrize("lost", ["nothing.html", "a/b/c", "book/adan.html?x=1", "404.html"])
def test_a_lost_reader_finds_the_chapters_and_the_search(browser, published, lost):
    context = browser.new_context()
    page = context.new_page()
    assert page.goto(published + lost).status == (200 if lost == "404.html" else 404)
    links = page.evaluate("[...document.links].map((link) => link.href)")
    assert len(links) == 1 + sum(len(part["chapters"]) for part in TOC["parts"])
    assert reach(page, links) == []
    page.get_by_label("Search this book").fill("bias correction")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{published}search.html?q=bias+correction")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_the_page_for_what_is_not_there_is_sound(browser, address, width, scheme):
    assert visit(browser, f"{address}404.html", width, scheme) == []


def test_it_works_from_a_disk_and_without_a_script(browser, site):
    assert visit(browser, (site / "404.html").as_uri(), axe=False) == []
    page = browser.new_page()
    page.goto((site / "404.html").as_uri())
    page.get_by_role("link", name="SGD").click()
    page.wait_for_url("**/book/sgd.html")
    page.close()
    links = {link["href"] for link in soup(site / "404.html").select("a")}
    listed = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
    assert links == {f"{urlsplit(ADDRESS).path}{page}.html" for page in listed}


# The search.


@pytest.mark.parametrize("where", ["served", "from-a-disk"])
@pytest.mark.parametrize(
    ("words", "first", "soon"),
    [("bias correction", "bias_correction", "adam"), ("AdaGrad regret", "adagrad", "convergence")],
)
def test_the_search_finds(browser, site, address, where, words, first, soon):
    page = browser.new_page()
    page.goto(f"{address}search.html" if where == "served" else (site / "search.html").as_uri())
    page.get_by_role("searchbox").last.fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    assert parse_qs(urlsplit(page.url).query)["q"] == [words]
    page.wait_for_function("/found|matching/.test(document.querySelector('.search-summary')?.textContent)")
    found = page.locator("ul.search li a").evaluate_all("(links) => links.map((link) => link.href)")
    names = list(dict.fromkeys(re.search(r"/book/(\w+)\.html", link)[1] for link in found))
    page.close()
    assert names[0] == first
    assert soon in names[:5]


# Paper.


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chapter_on_paper_is_light_whole_and_without_controls(browser, address, scheme):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{address}book/landscape.html")
    page.locator(".downhill .play").first.wait_for()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 672, "height": 900})
    assert page.evaluate(SHEET) == {
        "background": "rgb(255, 255, 255)", "canvas": True, "shown": [], "closed": 0, "outside": [],
        "addresses": "none",
    }  # fmt: skip
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen", color_scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.locator(".bd-article details[open]:not(.downhill *)").count() == 0
    assert page.locator(".downhill .play").first.is_visible()
    context.close()


SHEET = """(() => {
  const seen = (name) => [...document.querySelectorAll(name)].some((part) => part.checkVisibility());
  const canvas = document.querySelector(".downhill .map canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const outside = [...document.querySelectorAll(".bd-article :is(p, pre, figure, table, .stage)")].filter((part) => {
    const { left, right, width } = part.getBoundingClientRect();
    return width && (left < -1 || right > innerWidth + 1) && !part.closest("table");
  });
  return {
    background: getComputedStyle(document.body).backgroundColor,
    canvas: data.filter((_, i) => i % 4 < 3).every((value) => value > 150),
    shown: [".bd-header", ".bd-header-article", ".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-footer",
      ".prev-next-area", ".headerlink", ".copybtn", "#pst-back-to-top", ".downhill .settings", ".downhill .player", ".downhill .tools",
      ".downhill input[type=range]", ".downhill .hint", ".downhill summary"].filter(seen),
    closed: document.querySelectorAll(".bd-article details:not([open], .downhill *)").length,
    outside: outside.map((part) => part.outerHTML.slice(0, 90)),
    addresses: getComputedStyle(document.querySelector(".bd-article a[href]"), "::after").content,
  };
})()"""
