"""The branch of the editions: ``python -m lib.publish FOLDER`` writes what Colab and Binder take from there.

The folder gets the notebooks of ``_build/editions``, the library that they need, and for Binder the Python version and
the exact releases of what the library needs, without what only the book's own build needs.
"""

import re
import shutil
import sys
import tomllib
from pathlib import Path

from lib import fork, install, newest

ROOT = Path(__file__).resolve().parents[1]
MADE = ROOT / "_build" / "editions" / "book"
COPIED = ("pyproject.toml", "LICENSE", "CITATION.cff", "runtime.txt", "constraints.txt")
SERVED = ("ipykernel", "jupyterlab")  # what shows the notebooks
README = """\
# Editions of {title}

Each chapter of [{title}]({site}) as a plain notebook that runs anywhere, with the library that it needs. This branch is
written anew by a workflow whenever the [book]({url}) changes; do not edit it, and report what is wrong
[there]({url}/issues).
"""


def requirements(root=ROOT):
    """What Binder installs: the library, and what it and the chapters need in the releases that the book pins."""
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["chapters"]
    names = [re.split(r"[<>=]", each)[0] for each in needed] + [*SERVED]
    pinned = newest.pinned(root)
    return "\n".join(["-c constraints.txt", *(f"{name}=={pinned[newest.normal(name)]}" for name in names), ".", ""])


def publish(folder, root=ROOT, made=MADE):
    """Write the branch into an empty or new folder, which is returned. Raises ``ValueError`` if it holds anything."""
    folder, root = Path(folder), Path(root)
    if folder.exists() and any(path.name != ".git" for path in folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(made, folder / "book")
    shutil.copytree(root / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in COPIED:
        shutil.copy(root / name, folder)
    url, _ = fork.repository(root)
    title = re.search(r"(?m)^title: (.+)$", (root / "_config.yml").read_text(encoding="utf-8"))[1]
    readme = README.format(title=title, site=fork.site(url) or url, url=url)
    for name, text in {"requirements.txt": requirements(root), "README.md": readme}.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return folder


def main(arguments):
    """The command; returns its exit status."""
    if len(arguments) != 1:
        print("use: python -m lib.publish FOLDER", file=sys.stderr)
        return 2
    try:
        print(f"for the branch {install.EDITIONS}: {publish(arguments[0])}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
