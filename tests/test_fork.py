"""A fork: one command sets the repository's address, in all files that name it or in none."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from copies import copy_to
from jupyter_book.config import get_final_config
from sphinx_book_theme.header_buttons import add_header_buttons, update_context_with_repository_info
from sphinx_book_theme.header_buttons.launch import add_launch_buttons

from lib import editions, fork

NEW = "https://github.com/ada/steps"
LAB = "https://gitlab.example.edu/maths/optim/steps"


@pytest.fixture
def copy(tmp_path):
    """The project in a folder of its own."""
    return copy_to(tmp_path)


def contents(root):
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "typed",
    ["https://github.com/ada/steps", "https://github.com/ada/steps/", "https://github.com/ada/steps.git",
     "https://github.com/ada/steps.git/", "http://github.com/ada/steps", "github.com/ada/steps",
     "git@github.com:ada/steps.git", "git@github.com:ada/steps", "ssh://git@github.com/ada/steps.git",
     "  https://GitHub.com/ada/steps\n"],
)  # fmt: skip
def test_what_people_type_is_understood(typed):
    assert fork.address(typed) == NEW


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("git@gitlab.com:ada/steps.git", "https://gitlab.com/ada/steps"),
        ("https://gitlab.example.edu/maths/optim/steps/", LAB),
        ("https://github.com/Ada-L/my.book_2", "https://github.com/Ada-L/my.book_2"),
    ],
)
def test_gitlab_groups_and_unusual_names_are_understood(typed, meant):
    assert fork.address(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "book", "ada/steps", "https://github.com", "https://github.com/ada", "https://github.com/ada/",
     "https://github.com/ada/steps/tree/main", "https://github.com/ada/my book", "https://example.org/ada/steps",
     "https://bitbucket.org/ada/steps", "https://github.com//steps", "https://github.com/../steps",
     "https://github.com/ada/.git", "https://github.com/ada/steps?tab=readme", "https://gitlab.com/ada/steps/-/tree/main",
     "ftp://github.com/ada/steps", "https://ada:word@github.com/ada/steps"],
)  # fmt: skip
def test_nonsense_is_refused_and_says_what_is_needed(typed):
    with pytest.raises(ValueError, match="needed is https://github.com/owner/name"):
        fork.address(typed)


@pytest.mark.parametrize("name", ["main", "autumn-2026", "courses/autumn.2026", "v1"])
def test_a_branch_keeps_its_name(name):
    assert fork.branch_name(name) == name


@pytest.mark.parametrize("name", ["", "-f", "a b", "/main", "main/", "a..b", "a//b", "x.lock", "x.", "a:b", "a/.b"])
def test_a_name_that_no_branch_can_have_is_refused(name):
    with pytest.raises(ValueError, match="is not the name of a branch"):
        fork.branch_name(name)


def test_after_a_fork_no_file_names_the_old_address(copy):
    old = fork.repository(copy)[0].split("/", 3)[-1].encode()
    fork.fork(copy, NEW, "autumn")
    assert fork.repository(copy) == (NEW, "autumn")
    assert [name for name, content in contents(copy).items() if old in content] == []


@pytest.mark.parametrize("url", [NEW, LAB])
def test_forking_back_gives_the_original_bytes(copy, url):
    before, (old, branch) = contents(copy), fork.repository(copy)
    assert "_config.yml" in fork.fork(copy, url, "autumn")
    fork.fork(copy, old, branch)
    assert contents(copy) == before


def test_forking_twice_changes_nothing_more(copy):
    fork.fork(copy, NEW + ".git")
    assert fork.fork(copy, NEW + "/") == []


def test_the_branch_stays_unless_another_is_given(copy):
    branch = fork.repository(copy)[1]
    fork.fork(copy, NEW)
    assert fork.repository(copy) == (NEW, branch)


def test_the_address_in_the_readme_follows_and_a_longer_name_does_not(copy):
    old = fork.repository(copy)[0]
    (copy / "README.md").write_text(f"git clone {old}.git, {old}/issues, not {old}-data", encoding="utf-8")
    fork.fork(copy, NEW)
    assert (copy / "README.md").read_text(encoding="utf-8") == f"git clone {NEW}.git, {NEW}/issues, not {old}-data"


def test_line_ends_and_comments_stay(copy):
    file = copy / "_config.yml"
    file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    lines = file.read_bytes().splitlines(keepends=True)
    fork.fork(copy, NEW, "autumn")
    changed = [(a, b) for a, b in zip(lines, file.read_bytes().splitlines(keepends=True), strict=True) if a != b]
    assert [b for _, b in changed] == [f"  url: {NEW}\r\n".encode(), b"  branch: autumn\r\n"]


@pytest.mark.parametrize("url", ["nonsense", NEW])
def test_when_something_is_wrong_nothing_is_written(copy, url):
    (copy / "CITATION.cff").write_text("repository-code: a\nrepository-code: b\n", encoding="utf-8")
    before = contents(copy)
    with pytest.raises(ValueError):
        fork.fork(copy, url)
    assert contents(copy) == before


# The pages of a fork.


def buttons(root):
    """The addresses of the launch buttons that a chapter has when the book in ``root`` is built."""
    settings = {"user_yaml": root / "_config.yml", "cli_config": {"latex_individualpages": False}, "sourcedir": root}
    options = get_final_config(**settings)[0]["html_theme_options"]
    context = {
        "pagename": "book/sgd", "page_source_suffix": ".ipynb", "sourcename": "book/sgd.ipynb", "header_buttons": [],
        "pathto": lambda *_: "",
    }  # fmt: skip
    app = SimpleNamespace(
        env=SimpleNamespace(doc2path=lambda page: root / f"{page}.ipynb", metadata={"book/sgd": {"kernelspec": {}}}),
        config=Options(html_theme_options=options, html_context={}),
        builder=SimpleNamespace(theme_options=options),
    )
    update_context_with_repository_info(app)
    editions.launch_editions(app)
    context |= app.config.html_context
    add_header_buttons(app, "book/sgd", "", context, None)
    add_launch_buttons(app, "book/sgd", "", context, None)
    group = next(group for group in context["header_buttons"] if group["label"] == "launch-buttons")
    return {button["text"]: button["url"] for button in group["buttons"]}


class Options(SimpleNamespace):
    """Sphinx's configuration, as far as the theme asks."""

    def __getitem__(self, name):
        return getattr(self, name)


def test_the_launch_buttons_follow(copy):
    fork.fork(copy, NEW, "autumn")
    assert buttons(copy) == {
        "Binder": "https://mybinder.org/v2/gh/ada/steps/editions?urlpath=lab/tree/book/sgd.ipynb",
        "Colab": "https://colab.research.google.com/github/ada/steps/blob/editions/book/sgd.ipynb",
    }


@pytest.mark.parametrize(
    ("url", "path"),
    [("https://gitlab.com/ada/steps", "gl/ada%2Fsteps"),
     (LAB, "git/https%3A//gitlab.example.edu/maths/optim/steps")],
)  # fmt: skip
def test_a_fork_at_gitlab_has_no_colab_button_that_the_theme_would_warn_about(copy, url, path):
    fork.fork(copy, url)
    branch = fork.repository(copy)[1]
    assert buttons(copy) == {"Binder": f"https://mybinder.org/v2/{path}/{branch}?urlpath=lab/tree/book/sgd.ipynb"}


# The command.


def run(root, *arguments):
    """The command in the copy of the project ``root``."""
    command = [sys.executable, "-m", "lib.fork", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, encoding="utf-8")


def test_the_command_names_each_changed_file(copy):
    result = run(copy, "git@github.com:ada/steps.git", "autumn")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "changed _config.yml", "changed CITATION.cff", f"the book lives at {NEW}, branch autumn",
    ]  # fmt: skip
    assert run(copy, NEW).stdout.splitlines()[0] == "nothing to change"


@pytest.mark.parametrize("arguments", [(), ("",), ("ada/steps",), (NEW, "a b"), (NEW, "main", "more")])
def test_the_command_says_what_is_wrong_in_a_line(copy, arguments):
    before = contents(copy)
    result = run(copy, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert {name: content for name, content in contents(copy).items() if "__pycache__" not in name} == before
