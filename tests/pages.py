"""The pages of the book, as files and as parsed HTML; the fixture ``site`` builds them."""

import functools
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [TOC["root"]] + [
    page["file"]
    for part in TOC["parts"]
    for chapter in part["chapters"]
    for page in (chapter, *chapter.get("sections", []))
]
PAGES = [f"{chapter}.html" for chapter in CHAPTERS] + ["search.html"]


@functools.cache
def soup(path):
    """A page, parsed."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
