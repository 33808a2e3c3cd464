"""Where a copy of the book lives: one command sets the repository's address wherever the project names it.

``_config.yml`` holds it; the launch buttons of the pages and the install cells of the homework follow from there.
Use: ``python -m lib.fork URL [BRANCH]``, or ``make fork URL=https://github.com/you/yourbook``.
"""

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import yaml

from lib.files import draft

ROOT = Path(__file__).resolve().parents[1]
COLAB = "https://github.com/"  # Colab opens notebooks from there alone, and the theme warns about a button elsewhere
FORMS = "https://github.com/owner/name, git@github.com:owner/name.git, or the same at a GitLab"


def address(text):
    """The address of a repository as a browser shows it, from what people type or git prints.

    ``text``: ``https://host/owner/name``, with or without ``https://``, ``.git`` and a slash at the end, or
    ``git@host:owner/name.git``; GitLab's owner may be several groups. Raises ``ValueError`` for anything else, and for
    a host whose name contains neither ``github`` nor ``gitlab``: the theme would not know how to link to it.

        >>> address("git@github.com:ada/book.git")
        'https://github.com/ada/book'
    """
    short = re.sub(r"^(https?://|ssh://)?(git@)?", "", text.strip(), flags=re.IGNORECASE)
    short = re.sub(r"(\.git)?/*$", "", short.rstrip("/"))
    found = re.fullmatch(r"(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)+)[:/](?P<path>[\w.-]+(/[\w.-]+)+)", short, re.IGNORECASE)
    if not found or any(set(part) <= {"."} or part == "-" for part in found["path"].split("/")):
        raise ValueError(f"{text!r} is not the address of a repository; needed is {FORMS}")
    host, path = found["host"].lower(), found["path"]
    if "github" not in host and "gitlab" not in host:
        raise ValueError(f"{text!r} is neither at GitHub nor at a GitLab; needed is {FORMS}")
    if "github" in host and path.count("/") != 1:
        raise ValueError(f"{text!r} names a page in a repository; needed is {FORMS}")
    return f"https://{host}/{path}"


def branch_name(text):
    """The name of a branch, as it is. Raises ``ValueError`` for what git would not take, or a shell would mistake."""
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", text, re.ASCII) or ".." in text or text.endswith((".", ".lock")):
        raise ValueError(f"{text!r} is not the name of a branch; letters, digits and . _ - / are allowed")
    return text


def repository(root=ROOT):
    """The address and the branch of the book in ``root``, as its ``_config.yml`` has them."""
    settings = yaml.safe_load((Path(root) / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return settings["url"], settings["branch"]


def site(url):
    """The address at which GitHub or GitLab publishes the pages of the repository at ``url``; "" for any other host.

        >>> site("https://github.com/ada/book")
        'https://ada.github.io/book/'
    """
    host, owner, *groups, name = url.removeprefix("https://").split("/")
    if host not in ("github.com", "gitlab.com"):
        return ""
    own = f"{owner.lower()}.{host.removesuffix('.com')}.io"
    return f"https://{own}/" + "".join(f"{part}/" for part in [*groups, name] if part.lower() != own)


def setting(text, key, value):
    """The YAML ``text`` with another ``value`` for ``key``. Raises ``ValueError`` unless one line sets the key."""
    changed, count = re.subn(rf"(?m)^(\s*{re.escape(key)}:[ \t]+)\S+", lambda found: found[1] + value, text)
    if count != 1:
        raise ValueError(f"{count} lines set {key!r}; one line must")
    return changed


def colab_button(text, shown):
    """``_config.yml`` with the line of the Colab button as it is, or made a comment."""
    return re.sub(r"(?m)^( *)(?:# )?(?=colab_url:)", r"\1" if shown else r"\1# ", text)


def mentions(text, old, new):
    """``text`` with the address ``old`` replaced by ``new``, but not where it is only the start of a longer name."""
    return re.sub(re.escape(old) + r"(?![\w-])", lambda _: new, text)


def changes(root, url, branch=None):
    """What a move to ``url`` changes: the new text of each file, by its name. Nothing is written.

    ``branch`` None keeps the branch. Raises ``ValueError`` for an address or a branch that cannot be.
    """
    old, kept = repository(root)
    url, branch = address(url), branch_name(kept if branch is None else branch)
    made = {
        "_config.yml": lambda text: colab_button(
            setting(setting(text, "url", url), "branch", branch), url.startswith(COLAB)
        ),
        "CITATION.cff": lambda text: setting(text, "repository-code", url),
        "README.md": lambda text: mentions(text, old, url),
        "CONTRIBUTING.md": lambda text: mentions(text, old, url),
    }
    texts = {name: (Path(root) / name).read_bytes().decode() for name in made if (Path(root) / name).exists()}
    new = {name: made[name](text) for name, text in texts.items()}
    return {name: new[name] for name in new if new[name] != texts[name]}


def fork(root, url, branch=None):
    """Write :func:`changes`, all of them or, if one cannot be made, none; returns the names of the changed files."""
    new = changes(root, url, branch)
    with ExitStack() as drafts:
        parts = {name: drafts.enter_context(draft(Path(root) / name)) for name in new}
        for name, part in parts.items():
            part.write_bytes(new[name].encode())
    return list(new)


def main(arguments):
    """The command: print each changed file, or what is wrong with the arguments. Returns the exit status."""
    if not 1 <= len(arguments) <= 2 or not arguments[0]:
        print("use: make fork URL=https://github.com/you/yourbook [BRANCH=main]", file=sys.stderr)
        return 2
    try:
        changed = fork(ROOT, *arguments)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(f"changed {name}" for name in changed) or "nothing to change")
    print("the book lives at {}, branch {}".format(*repository(ROOT)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
