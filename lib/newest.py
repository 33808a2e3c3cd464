"""The newest releases that the book may be used with: ``python -m lib.newest`` prints the requirements for them.

``requirements.txt`` pins each package to one release. Here a package that the library itself needs gets the range of
``pyproject.toml``, as it is installed on a reader's machine; any other gets the releases of its major version from the
pinned one on. What these need in turn is not bounded. ``python -m lib.newest --changes`` prints, as a table, what is
installed in another release than ``requirements.txt`` and ``constraints.txt`` pin.
"""

import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>(?P<major>\d+)[\w.!+]*)(?P<marker>\s*;.*)?")


def normal(name):
    """The name of a package as indexes compare it: ``Sphinx_Design`` is ``sphinx-design``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def ranges(root=ROOT):
    """What the library needs by itself: {name: allowed releases}."""
    needed = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {
        normal(name): allowed for name, allowed in (re.fullmatch(r"([\w.-]+)(.*)", each).groups() for each in needed)
    }


def relaxed(line, allowed):
    """A line of ``requirements.txt`` without its exact pin; "" for one that bounds what packages need in turn.

    >>> relaxed('py-landlock==0.1.1; sys_platform == "linux"', {})
    'py-landlock>=0.1.1,<1; sys_platform == "linux"'
    """
    if line.startswith("-c "):
        return ""
    pin = PIN.fullmatch(line.strip())
    if not pin:
        return line
    own = allowed.get(normal(pin["name"]), f">={pin['version']},<{int(pin['major']) + 1}")
    return f"{pin['name']}{own}{pin['marker'] or ''}"


def requirements(root=ROOT):
    """The text of ``requirements.txt``, its pins relaxed."""
    lines = (Path(root) / "requirements.txt").read_text(encoding="utf-8").splitlines()
    kept = (relaxed(line, ranges(root)) for line in lines if not line.startswith("#"))
    return "".join(f"{line}\n" for line in kept if line)


def pinned(root=ROOT):
    """What the two files pin: {name: release}."""
    lines = [line for name in ("constraints.txt", "requirements.txt")
             for line in (Path(root) / name).read_text(encoding="utf-8").splitlines()]  # fmt: skip
    return {normal(pin["name"]): pin["version"] for pin in map(PIN.fullmatch, map(str.strip, lines)) if pin}


def changes(pinned, installed):
    """A Markdown table of the packages whose installed release is not the pinned one, or that nothing pins.

    ``pinned`` and ``installed``: {name: release}. What is pinned and not installed is for another system.
    """
    new = {name: version for name, version in sorted(installed.items()) if pinned.get(name) != version}
    rows = [f"| {name} | {pinned.get(name, 'not pinned')} | {version} |" for name, version in new.items()]
    return "\n".join(["| package | pinned | installed |", "|---|---|---|", *rows])


def main(arguments):
    """The command; returns its exit status."""
    if arguments not in ([], ["--changes"]):
        print("use: python -m lib.newest [--changes]", file=sys.stderr)
        return 2
    if arguments:
        found = {normal(each.name): each.version for each in distributions()}
        ours = {"downhill", "pip", "setuptools"}
        print(changes(pinned(), {name: version for name, version in found.items() if name not in ours}))
    else:
        print(requirements(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
