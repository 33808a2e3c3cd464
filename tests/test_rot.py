"""What time and place do to the book: new releases of what it needs, other systems, other folders, other locales."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from datetime import date
from types import SimpleNamespace

import pytest
import yaml
from copies import ROOT, copy_to, tracked
from docutils import nodes
from docutils.core import publish_doctree
from nbformat import read, writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sample import write_master

from lib import __version__, newest, site
from lib.homework import sandbox

WORKFLOWS = ROOT / ".github" / "workflows"


# The newest releases.


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("jupyter-book==1.0.4.post1", "jupyter-book>=1.0.4.post1,<2"),
        ("otter-grader==7.0.0", "otter-grader>=7.0.0,<8"),
        ("nbval==0.11.0", "nbval>=0.11.0,<1"),
        ("numpy==2.4.6", "numpy>=2.0"),
        ('Sphinx_Thing==2026.9.1 ; sys_platform == "linux"', 'Sphinx_Thing>=2026.9.1,<2027 ; sys_platform == "linux"'),
        ("-c constraints.txt", ""),
        ("-e .", "-e ."),
    ],
)
def test_a_pin_is_relaxed_to_what_may_be_used(line, expected):
    assert newest.relaxed(line, {"numpy": ">=2.0"}) == expected


def test_every_requirement_is_relaxed_and_none_is_lost():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [re.split("==", line)[0] for line in lines if "==" in line]
    relaxed = newest.requirements().splitlines()
    assert [re.split("[<>=]", line)[0] for line in relaxed] == [*pinned, "-e ."]
    assert not any("==" in line.partition(";")[0] for line in relaxed)
    assert {line for line in relaxed if re.match("numpy|anywidget", line)} == {"numpy>=2.0", "anywidget>=0.9.20"}


def test_what_the_librarys_own_tests_need_is_pinned_as_elsewhere():
    lines = (ROOT / "tests" / "library.txt").read_text(encoding="utf-8").splitlines()
    pins = {newest.normal(pin["name"]): pin["version"] for pin in map(newest.PIN.fullmatch, lines) if pin}
    assert len(pins) == len(lines) - 1 and pins.items() <= newest.pinned().items()


def test_the_table_lists_what_is_not_as_pinned():
    pinned = {"numpy": "2.4.6", "sympy": "1.14.0", "appnope": "1.0.0"}
    rows = newest.changes(pinned, {"sympy": "1.15", "wheel": "1.0", "numpy": "2.4.6"}).splitlines()
    assert rows[2:] == ["| sympy | 1.14.0 | 1.15 |", "| wheel | not pinned | 1.0 |"]


def test_what_is_pinned_is_read_from_both_files():
    assert {"numpy", "sphinx-proof", "pywinpty", "py-landlock", "jinja2"} <= newest.pinned().keys()


def test_the_command_runs_before_anything_is_installed():
    bare = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, '.'); from lib import newest; newest.main([])"]
    made = subprocess.run(bare, cwd=ROOT, capture_output=True, check=True, encoding="utf-8").stdout
    assert made == newest.requirements()


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--changes"], 0), (["--help"], 2), (["a", "b"], 2)])
def test_the_command_says_how_it_is_used(capsys, arguments, status):
    assert newest.main(arguments) == status
    assert bool(capsys.readouterr().err) == bool(status)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert isinstance(citation["date-released"], date)


# The date on the front page.


FRONT = "Book\n====\n\nOne.\n\nHow to use it\n-------------\n\nTwo.\n\nLast\n----\n\nThree."


def front_page(root, docname="book/index", format="html"):
    doctree = publish_doctree(FRONT)
    app = SimpleNamespace(
        srcdir=root, config=SimpleNamespace(root_doc="book/index"), builder=SimpleNamespace(format=format)
    )
    site.say_last_green(app, doctree, docname)
    return [paragraph.astext() for paragraph in doctree.findall(nodes.paragraph)]


@pytest.fixture
def green(tmp_path):
    """A function that writes what the branch `status` holds; returns the root of the project."""

    def write(content):
        (tmp_path / site.GREEN).parent.mkdir()
        (tmp_path / site.GREEN).write_bytes(content)
        return tmp_path

    return write


@pytest.mark.parametrize("content", [b"2026-11-24\n", b"2026-11-24", b"2026-11-24\r\n"])
def test_the_front_page_ends_with_the_date(green, content):
    *others, last = front_page(green(content))
    assert last == "Last checked with the newest releases on 2026-11-24."
    assert others == ["One.", "Two.", "Three."]


@pytest.mark.parametrize("content", [b"", b"yesterday", b"2026-13-01", b"<b>2026-11-24</b>", b"\xff\xfe", b"{}"])
def test_without_a_date_the_sentence_is_left_out(green, content):
    assert front_page(green(content)) == ["One.", "Two.", "Three."]


def test_without_the_file_the_sentence_is_left_out(tmp_path):
    assert front_page(tmp_path) == ["One.", "Two.", "Three."]


@pytest.mark.parametrize("where", [{"docname": "book/sgd"}, {"format": "latex"}])
def test_only_the_front_page_of_the_site_says_it(green, where):
    assert front_page(green(b"2026-11-24"), **where) == ["One.", "Two.", "Three."]


def test_a_new_date_makes_the_pages_anew(green, tmp_path):
    def digest():
        app = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path / "_build" / "html", config=SimpleNamespace())
        site.follow_sources(app, app.config)
        return app.config.site_digest

    without = digest()
    green(b"2026-11-24")
    assert digest() != without


# The weekly workflow: its scripts, on a repository of this machine.


def script(workflow, job, words):
    """The one script of a job that contains some words."""
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text(encoding="utf-8"))["jobs"][job]["steps"]
    (found,) = [step["run"] for step in steps if words in step.get("run", "")]
    return found


def run(text, folder, **variables):
    """Run a script as GitHub's runners do; returns what it printed."""
    command = ["bash", "-e", "-o", "pipefail", "-c", text]
    isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    result = subprocess.run(command, cwd=folder, env=os.environ | isolated | variables, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def clone(tmp_path):
    """A clone of a repository with a file; its origin stands beside it."""
    if os.name == "nt":
        pytest.skip("the workflow runs on Ubuntu")
    run("git init --quiet --bare --initial-branch=main origin && git clone --quiet origin clone 2>&1", tmp_path)
    (tmp_path / "clone" / "README.md").write_text("A book.", encoding="utf-8")
    identity = "-c user.name=ada -c user.email=ada@example.org"
    run(f"git add . && git {identity} commit --quiet --message one && git push --quiet origin HEAD", tmp_path / "clone")
    return tmp_path / "clone"


def test_the_date_that_the_weekly_run_writes_is_the_one_that_publishing_reads(clone):
    fetch = script("publish.yml", "build", "green.txt")
    run(fetch, clone)
    assert site.last_green(clone) is None
    for _ in range(2):
        run(script("weekly.yml", "green", "green.txt") + "\ngit switch --quiet main && git branch --quiet -D status", clone)
    assert run("git ls-tree -r --name-only origin/status && git rev-list --count origin/status", clone).split() == ["green.txt", "1"]
    assert (clone / "README.md").exists()
    run(fetch, clone)
    assert abs((site.last_green(clone) - date.today()).days) <= 1


@pytest.mark.skipif(os.name == "nt", reason="the workflow runs on Ubuntu")
@pytest.mark.parametrize(("open_issue", "expected"), [("", "issue create --title"), ("7", "issue comment 7")])
@pytest.mark.parametrize("lists", [("3.11", "3.13"), ()])
def test_a_red_week_opens_an_issue_or_adds_to_it(tmp_path, open_issue, expected, lists):
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >> asked\n[ "$2" = list ] && echo "$NUMBER" || true\n', encoding="utf-8")
    gh.chmod(0o755)
    for python in lists:
        (tmp_path / f"changes-{python}.md").write_text(f"| numpy | 2.4.6 | {python} |\n", encoding="utf-8")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(script("weekly.yml", "red", "body.md"), tmp_path, PATH=path, NUMBER=open_issue, RUN="https://example.org/1")
    asked, body = ((tmp_path / name).read_text(encoding="utf-8") for name in ("asked", "body.md"))
    assert expected in asked.splitlines()[-1]
    assert asked.splitlines()[-1].endswith("--body-file body.md")
    assert "https://example.org/1" in body
    assert re.findall(r"Python (\S+)\n\n\| numpy", body) == [*lists]


def test_the_weekly_run_takes_the_pythons_of_the_tests():
    pythons = {
        name: yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))["jobs"][job]["strategy"]["matrix"]["python"]
        for name, job in {"weekly": "newest", "test": "systems"}.items()
    }
    assert pythons["weekly"] == pythons["test"]


# Another system.

REFUSED = re.compile(r'[<>:"\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def unfit(names):
    """The names of files that another system refuses, or takes for one and the same."""
    lower = [name.lower() for name in names]
    return [name for name in names if lower.count(name.lower()) > 1 or any(map(REFUSED.search, name.split("/")))]


def test_every_system_takes_the_names_of_all_files():
    names = [file.relative_to(ROOT).as_posix() for file in tracked()]
    assert unfit(names) == []
    assert [name for name in names if len(name) > 100] == []
    assert [file for file in tracked() if file.is_symlink()] == []


@pytest.mark.parametrize("names", [["a:b"], ["lib/aux.py"], ["con"], ["x./y"], ["what?"], ["A/b", "a/B"], ["a\\b"]])
def test_a_name_that_a_system_refuses_is_found_out(names):
    assert unfit(["lib/auxiliary.py", *names]) == names


def test_lines_end_alike():
    assert [file for file in tracked() if b"\r\n" in file.read_bytes() and b"\0" not in file.read_bytes()] == []


def test_a_limit_that_the_system_does_not_let_us_set_stays_as_it_is(monkeypatch):
    """macOS refuses a bound on memory, and has no others in its place."""

    class Resource:
        RLIMIT_AS, RLIMIT_CPU, RLIMIT_CORE = range(3)
        limits = {}

        def setrlimit(self, which, limits):
            if which == self.RLIMIT_AS:
                raise ValueError("current limit exceeds maximum limit")
            self.limits[which] = limits

    monkeypatch.setattr(sandbox, "resource", Resource())
    sandbox.limit(1 << 30, 60)
    assert Resource.limits == {Resource.RLIMIT_CPU: (130, 130), Resource.RLIMIT_CORE: (0, 0)}


# Another locale: text is UTF-8 wherever we read or write it, whatever the system's own encoding is.


BINARY = ("os", "Image", "pikepdf", "tarfile")  # whose open takes no text


def without_encoding(source):
    """Lines of a Python file that open a text in the system's own encoding."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        owner = getattr(getattr(call.func, "value", None), "id", "")
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        if "encoding" in words:
            continue
        constants = [each.value for each in (*call.args[:2], words.get("mode")) if isinstance(each, ast.Constant)]
        binary = any(isinstance(mode, str) and re.fullmatch(r"[rwxa+]*b[rwxa+]*", mode) for mode in constants)
        if name in ("open", "fdopen") and owner not in BINARY or (owner, name) == ("os", "fdopen"):
            found += [] if binary else [call.lineno]
        elif name in ("read_text", "write_text"):
            found += [] if len(call.args) > (name == "write_text") else [call.lineno]
        elif {"text", "universal_newlines"} & words.keys() and name in ("run", "Popen", "check_output"):
            found.append(call.lineno)
    return found


@pytest.mark.parametrize("folder", ["lib", "tests", "benchmarks"])
def test_every_text_is_opened_with_its_encoding(folder):
    files = [file for file in tracked() if file.suffix == ".py" and file.is_relative_to(ROOT / folder)]
    found = {file.name: without_encoding(file.read_text(encoding="utf-8")) for file in files}
    assert len(found) > 2
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "call",
    ["open('a')", "open('a', 'w')", "Path('a').open()", "p.read_text()", "p.write_text('x')", "os.fdopen(0)",
     "subprocess.run(['a'], text=True)", "open('a', mode='r')"],
)  # fmt: skip
def test_a_text_without_encoding_is_found_out(call):
    assert without_encoding(call) == [1]


@pytest.mark.parametrize(
    "call",
    ["open('a', 'rb')", "open('a', encoding='utf-8')", "p.open(mode='wb')", "p.read_text('utf-8')", "os.open('a', 0)",
     "p.write_text('x', encoding='utf-8')", "subprocess.run(['a'], text=True, encoding='utf-8')", "Image.open(x)"],
)  # fmt: skip
def test_bytes_and_named_encodings_are_not(call):
    assert without_encoding(call) == []


# Another folder, with spaces and letters beyond ASCII; another locale, whose own encoding has only ASCII.

PAGE = new_notebook(
    cells=[
        new_markdown_cell("# Schritt für Schritt\n\nAn equation, $\\theta_t$, and the figure of a step."),
        new_code_cell("from lib.equations import equations\nfrom lib.rules import sgd\n\nequations(sgd)"),
        new_code_cell("from lib.explorer import stream\n\nstream(sgd, name='steps')"),
    ]
)
NARROW = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def small_book(folder):
    """The project in ``folder``, with what it takes from npm, and with one page in its table of contents."""
    copy_to(folder)
    shutil.copytree(ROOT / "node_modules", folder / "node_modules", ignore=shutil.ignore_patterns("vnu-jar"))
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/schritt\n", encoding="utf-8")
    (folder / "book" / "schritt.ipynb").write_text(writes(PAGE), encoding="utf-8")
    (folder / site.GREEN).parent.mkdir()
    (folder / site.GREEN).write_text("2026-11-24\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The small book in a folder with such a name."""
    return small_book(tmp_path_factory.mktemp("place") / "Übung zwei, dół")


def called(command, folder, **variables):
    """Run a command with the project in ``folder`` and the packages of this Python; returns what it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder)} | variables
    result = subprocess.run([*map(str, command)], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    said = (result.stdout + result.stderr).decode(errors="replace")
    assert result.returncode == 0, said[-4000:]
    return said


def module(name, *arguments):
    """The command that runs a module of the project."""
    return [sys.executable, "-m", name, *arguments]


def built_page(folder, **variables):
    """The page of the small book, built strictly."""
    script = shutil.which("jupyter-book", path=sysconfig.get_path("scripts"))
    called([script, "build", "-W", "-n", "--keep-going", "."], folder, **variables)
    return (folder / "_build" / "html" / "book" / "schritt.html").read_text(encoding="utf-8")


def test_a_page_is_built_there(elsewhere):
    page = built_page(elsewhere)
    assert all(words in page for words in ("Schritt für Schritt", "katex", 'class="downhill"'))
    assert "Last checked with the newest releases on 2026-11-24." in page
    assert (elsewhere / "_build" / "html" / "_static" / "explorer.js").stat().st_size > 10_000


def test_a_notebook_runs_and_says_the_same_there(elsewhere):
    before = read(elsewhere / "book" / "errata.ipynb", as_version=4)
    assert called(module("lib.notebooks", "book/errata.ipynb"), elsewhere).startswith("done")
    assert read(elsewhere / "book" / "errata.ipynb", as_version=4) == before


def test_homework_is_built_and_graded_there(elsewhere):
    (elsewhere / "mine").mkdir()
    built, handed_in, grades = (elsewhere / name for name in ("gebaut", "Lösungen", "Noten"))
    path = write_master(elsewhere / "mine")
    called(module("lib.homework.build", path, "--out", built, "--course", "Übung zwei"), elsewhere)
    handed_in.mkdir()
    shutil.copy(built / "sample" / "solution" / "sample.ipynb", handed_in / "Müller, Jörg.ipynb")
    called(module("lib.homework.grade", handed_in, grades, "--built", built), elsewhere)
    (result,) = (grades / "results").iterdir()
    found = json.loads(result.read_text(encoding="utf-8"))
    assert (found["status"], found["notes"], found["refused"]) == ("graded", [], [])
    assert sum(question["score"] for question in found["questions"]) == 10
    assert "Müller, Jörg.ipynb" in (grades / "grades.csv").read_text(encoding="utf-8-sig")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locale C")
def test_a_page_is_built_in_a_locale_without_letters_beyond_ascii(tmp_path):
    page = built_page(small_book(tmp_path / "book"), **NARROW)
    assert all(words in page for words in ("Schritt für Schritt", "katex", 'class="downhill"'))


@pytest.mark.parametrize("name", ["lib.notebooks", "lib.homework.build"])
def test_what_failed_is_said_in_a_locale_without_its_letters(elsewhere, name):
    """As when the output goes to a file on Windows."""
    (elsewhere / "leer").mkdir(exist_ok=True)
    notebook = elsewhere / "leer" / "Prüfung.ipynb"
    notebook.write_text(writes(new_notebook(cells=[new_code_cell("raise ValueError('θ → ∞')")])), encoding="utf-8")
    result = subprocess.run(module(name, str(notebook)), cwd=elsewhere, capture_output=True,
                            env=os.environ | {"PYTHONPATH": str(elsewhere), "PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert result.returncode == 1
    assert result.stdout.startswith(b"FAILED"), result.stderr.decode(errors="replace")
