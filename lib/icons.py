"""Icon fonts with only the icons that the book shows: the theme's have two thousand and weigh 270 kB."""

import re
from pathlib import Path

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FONTS = [*Path(pydata_sphinx_theme.__file__).parent.glob("theme/**/webfonts/*.ttf")]
SOURCES = re.compile(r'url\(([^)]*/fa-[^)]*)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\) format\("truetype"\)')
NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
CHARACTER = re.compile(r'"(?:\\([0-9a-f]{4})|([\ue000-\uf8ff]))"')


def shown(names, css):
    """Code points of the icons that a stylesheet shows if only ``names`` (``fa-rocket``, …) appear on pages.

    Icons that a rule shows for any other reason, as those of admonitions, are among them.
    """
    points = set()
    for selector, body in RULE.findall(css):
        own_names = NAME.findall(selector)
        if not own_names or names.intersection(own_names):
            points.update(int(code, 16) if code else ord(character) for code, character in CHARACTER.findall(body))
    return points


def subset(source, points, target):
    """Write a font with the characters ``points`` only, under a name of its own as its licence asks."""
    with TTFont(source, recalcTimestamp=False) as font:
        subsetter = Subsetter(Options(flavor="woff", notdef_outline=True))
        subsetter.populate(unicodes=points)
        subsetter.subset(font)
        for record in font["name"].names:
            if record.nameID in (1, 3, 4, 6, 16):
                record.string = "DownhillIcons"
        font.flavor = "woff"
        font.save(target)


def shrink(site):
    """Replace the icon fonts of a built site, and make its stylesheet load the new ones."""
    static = site / "_static"
    style = static / "styles" / "pydata-sphinx-theme.css"
    css = style.read_text(encoding="utf-8") if style.exists() else ""
    if ".woff2)" not in css:
        return
    sources = [*site.rglob("*.html"), *static.rglob("*.js")]
    names = {name for file in sources for name in NAME.findall(file.read_text(encoding="utf-8"))}
    styles = "".join(file.read_text(encoding="utf-8") for file in static.rglob("*.css"))
    points = shown(names, styles)
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    for source in FONTS:
        subset(source, points, fonts / f"{source.stem}.woff")
        for kind in (".ttf", ".woff2"):
            (fonts / source.stem).with_suffix(kind).unlink()
    style.write_text(SOURCES.sub(r'url(\1.woff) format("woff")', css), encoding="utf-8")
