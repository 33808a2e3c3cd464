"""What goes wrong around the book: killed kernels, full disks, interrupted builds, read-only folders, no network.

Each ends right or with a message that says what to do, and nothing that was there before is lost.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from copies import ROOT, copy_to
from jupyter_cache import get_cache
from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sample import write_master

from lib import files, fork, release, site
from lib.conventions import changes
from lib.data import full, make
from lib.homework import build as building
from lib.homework import canvas, grade

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs the namespaces and limits of Linux")


def python(*words, cwd=ROOT, before=(), **variables):
    """Run Python with the project in ``cwd``; returns the finished process, with all its words in ``said``."""
    command = [*before, sys.executable, *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(cwd)} | {name: str(value) for name, value in variables.items()}
    done = subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    done.said = (done.stdout + done.stderr).decode(errors="replace")
    return done


def notebook(*cells):
    """A notebook with these cells of code under a title."""
    return writes(new_notebook(cells=[new_markdown_cell("# A page"), *map(new_code_cell, cells)]))


# Notebooks.

SMALL_FILES = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
EXECUTE = "from lib import notebooks; sys.exit(notebooks.main(sys.argv[1:]))"
GOING_WRONG = {
    "dies": (("print(1)", "import os\nos.kill(os.getpid(), 9)", "2"), "Its kernel died in code cell 2:\nimport os\nos.kill"),
    "full": (("print('x' * 5000)",), "OSError: [Errno 27] File too large; it was not written, and is as it was before:"),
}


@LINUX
def test_killed_kernels_and_full_disks_are_told_and_leave_the_notebooks(tmp_path):
    paths = {name: tmp_path / f"{name}.ipynb" for name in ("dies", "full", "cut", "fine")}
    for name, (cells, _) in GOING_WRONG.items():
        paths[name].write_text(notebook(*cells), encoding="utf-8")
    paths["cut"].write_text('{"cells": [', encoding="utf-8")
    paths["fine"].write_text(notebook("print(6 * 7)"), encoding="utf-8")
    before = {name: path.read_bytes() for name, path in paths.items()}
    done = python("-c", SMALL_FILES + EXECUTE, *paths.values(), IPYTHONDIR=tmp_path / "ipython")
    assert done.returncode == 3, done.said
    for name, (_, words) in GOING_WRONG.items():
        assert f"FAILED  {paths[name]}\n{words}" in done.said
    assert f"FAILED  {paths['cut']}\nNotJSONError" in done.said
    assert f"done    {paths['fine']}" in done.said and "Traceback" not in done.said
    after = {name: path.read_bytes() for name, path in paths.items()}
    assert b"42" in after.pop("fine")
    assert after.items() <= before.items()
    assert {path for path in tmp_path.iterdir() if path.is_file()} == {*paths.values()}


# Files that nobody can make again, or not soon.


@pytest.fixture
def full_disk(monkeypatch):
    """The disk is full as soon as a draft stands on it, half written."""

    def refuse(self, *_):
        if self.suffix == ".part":
            with open(self, "ab") as file:
                file.write(b"half of")
            raise OSError(28, "No space left on device")
        return write_bytes(self, *_)

    def opened(self, mode="r", *args, **kwargs):
        return refuse(self) if self.suffix == ".part" and mode[0] in "wa" else open_(self, mode, *args, **kwargs)

    write_bytes, open_ = Path.write_bytes, Path.open
    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(release.zipfile, "ZipFile", lambda path, *_, **__: refuse(Path(path)))


def recorded(path):
    changes.write({"numpy": "2", "cases": [{"rule": "sgd"}]}, path)


def tabulated(path):
    grade._table(path, ["file", "score"], [{"file": "a.ipynb", "score": 7}])


def zipped(path):
    (path.parent / "site").mkdir()
    (path.parent / "site" / "a.html").write_text("a", encoding="utf-8")
    release.pack(path.parent / "site", path, "Read me.", SimpleNamespace(year=2026, month=1, day=2))


@pytest.mark.parametrize("make_it", [recorded, tabulated, zipped], ids=lambda make_it: make_it.__name__)
def test_a_full_disk_leaves_what_was_there(tmp_path, full_disk, make_it):
    path = tmp_path / "old"
    path.write_text("weeks of work", encoding="utf-8")
    with pytest.raises(OSError, match="No space left on device; it was not written, and is as it was before") as caught:
        make_it(path)
    assert caught.value.filename == str(path)
    assert path.read_text(encoding="utf-8") == "weeks of work"
    assert not [*tmp_path.glob("*.part")]


def test_the_data_sets_stay_whole(tmp_path, full_disk, monkeypatch):
    monkeypatch.setattr(make, "MAKERS", {"foods": lambda: {"x": [1]}})
    (tmp_path / "foods.npz").write_text("weeks of work", encoding="utf-8")
    with pytest.raises(OSError, match="foods.npz"):
        make.main(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["foods.npz"]
    assert (tmp_path / "foods.npz").read_text(encoding="utf-8") == "weeks of work"


def test_a_fork_changes_all_of_its_files_or_none(tmp_path, monkeypatch):
    names = "_config.yml", "CITATION.cff", "README.md", "CONTRIBUTING.md"
    for name in names:
        shutil.copy(ROOT / name, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names}
    write_bytes, written = Path.write_bytes, []

    def refuse(self, content):
        written.append(self)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return write_bytes(self, content)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="is as it was before"):
        fork.fork(tmp_path, "https://github.com/ada/steps")
    assert len(written) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_gradebook_that_cannot_be_written_is_a_message(tmp_path, full_disk, capsys):
    (tmp_path / "book.csv").write_text("Student,ID,Homework (7)\nAda,1,\n", encoding="utf-8")
    (tmp_path / "grades.csv").write_text("file,assignment,score\nada_1_2_a.ipynb,sample,7\n", encoding="utf-8")
    assert canvas.main([str(tmp_path / "book.csv"), str(tmp_path / "grades.csv"), "sample", "Homework"]) == 1
    assert "book-filled.csv" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"book.csv", "grades.csv"}


def test_an_interruption_leaves_what_was_there(tmp_path):
    path = tmp_path / "old"
    path.write_text("weeks of work", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), files.draft(path) as part:
        part.write_text("half of", encoding="utf-8")
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert path.read_text(encoding="utf-8") == "weeks of work"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other modes, and links only for some")
def test_a_written_file_keeps_its_mode_and_a_link_to_it(tmp_path):
    path, link = tmp_path / "grades.csv", tmp_path / "link.csv"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    link.symlink_to(path)
    files.write(link, "ä\n")
    assert (path.read_bytes(), path.stat().st_mode & 0o777, link.is_symlink()) == ("ä\n".encode(), 0o600, True)


def test_an_assignment_that_cannot_be_built_again_stays_as_it_was(tmp_path, monkeypatch):
    path, out = write_master(tmp_path), tmp_path / "built"
    (out / "sample").mkdir(parents=True)
    (out / "sample" / "autograder.zip").write_text("of this term", encoding="utf-8")

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "render", refuse)
    with pytest.raises(OSError, match="No space"):
        building.build(path, out, course="blue whale", execute=False)
    assert [each.relative_to(out).as_posix() for each in sorted(out.rglob("*"))] == ["sample", "sample/autograder.zip"]
    assert (out / "sample" / "autograder.zip").read_text(encoding="utf-8") == "of this term"


# Data that are fetched once.


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_data_that_cannot_be_kept_say_where_else_they_could_be(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(full, "continue_download", refuse)
    words = rf"cannot be kept in .* \({os.strerror(code)}\): name another folder in the variable DOWNHILL_DATA"
    with pytest.raises(OSError, match=words):
        full.fetch(full.SOURCES["imdb"][0], tmp_path / "data")


# The cache of executed notebooks.


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A function that runs what Sphinx does before it reads a page; returns the cached text of its one output."""

    def execution(made, *_, **__):
        made.cells[1].outputs = [new_output("stream", text="42\n")]
        return SimpleNamespace(err=None, time=0.0)

    monkeypatch.setattr(site, "single_nb_execution", execution)
    path, folder = tmp_path / "page.ipynb", tmp_path / "cache"
    path.write_text(notebook("print(6 * 7)"), encoding="utf-8")
    config = SimpleNamespace(nb_execution_mode="cache", nb_execution_cache_path=str(folder), nb_execution_timeout=60)
    env = SimpleNamespace(doc2path=lambda name: tmp_path / f"{name}.ipynb")

    def read():
        site.execute_ahead(SimpleNamespace(config=config), env, ["page"])
        (record,) = get_cache(folder).list_cache_records()
        return get_cache(folder).get_cache_bundle(record.pk).nb.cells[0].outputs[0].text

    assert read() == "42\n"
    return read, folder


def cut(path):
    path.write_bytes(path.read_bytes()[:40])


DAMAGES = {
    "a cut notebook": lambda folder: [cut(path) for path in folder.rglob("base.ipynb")],
    "a lost notebook": lambda folder: [shutil.rmtree(path.parent) for path in [*folder.rglob("base.ipynb")]],
    "a cut list": lambda folder: cut(folder / "global.db"),
    "a list of noise": lambda folder: (folder / "global.db").write_bytes(bytes(range(256)) * 40),
    "an empty list": lambda folder: (folder / "global.db").write_bytes(b""),
}


def test_a_damaged_cache_is_made_anew(cached):
    read, folder = cached
    for damage in DAMAGES.values():
        damage(folder)
        assert read() == "42\n"


def test_a_damaged_notebook_that_fails_now_is_not_taken_for_a_page(cached, monkeypatch):
    read, folder = cached
    DAMAGES["a cut notebook"](folder)
    monkeypatch.setattr(site, "single_nb_execution", lambda *_, **__: SimpleNamespace(err=ValueError()))
    with pytest.raises(ValueError, match="not enough values"):
        read()


# A small book: made without a network, interrupted, and made again from damaged remains after the library has changed.

NO_NETWORK = '''\
import os, sys

def refuse(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        asked = str(args[-1] if event in ("socket.connect", "socket.sendto") else args[0])
        if not any(local in asked for local in ("127.0.0.1", "localhost", "::1", "/")):
            with open(os.environ["ASKED"], "a", encoding="utf-8") as file:
                file.write(f"{event} {asked}\\n")
            raise OSError(101, "Network is unreachable")

sys.addaudithook(refuse)
'''
NUMBER = "from lib.number import NUMBER\n\nprint('number', NUMBER)"


def small_book(folder):
    """The project with one page and a number in its library, without what makes pages light and plain notebooks."""
    copy_to(folder)
    config = (folder / "_config.yml").read_text(encoding="utf-8")
    (folder / "_config.yml").write_text(re.sub("(?m)^ *- lib.(pages|editions)$", "", config), encoding="utf-8")
    (folder / "node_modules").symlink_to(ROOT / "node_modules", target_is_directory=True)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: book/page\n", encoding="utf-8")
    (folder / "book" / "page.ipynb").write_text(notebook(NUMBER), encoding="utf-8")
    (folder / "lib" / "number.py").write_text("NUMBER = 1\n", encoding="utf-8")
    (folder / "status").mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return small_book(tmp_path_factory.mktemp("book") / "book")


@pytest.fixture
def offline(tmp_path):
    """Variables for processes that have no network, and the file in which stands what they asked of it."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    return {"ASKED": str(tmp_path / "asked.txt")}, tmp_path / "hook"


def build_command(*options):
    return [shutil.which("jupyter-book", path=sysconfig.get_path("scripts")), "build", *options, "."]


def environment(folder, *more, **variables):
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*more, folder)))} | variables


def built(folder, *more, **variables):
    """The page of the small book, built strictly: its article."""
    command = build_command("-W", "-n", "--keep-going")
    variables = environment(folder, *more, **variables)
    done = subprocess.run(command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-4000:]
    return article(folder)


def article(folder):
    page = (folder / "_build" / "html" / "book" / "page.html").read_text(encoding="utf-8")
    return page[page.index("<article") : page.index("</article>")]


def killed_in_the_middle(folder):
    """Build, and kill all processes of it as soon as the first page is being run."""
    building = subprocess.Popen(build_command(), cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    until = time.monotonic() + 60
    while not any((folder / "_build" / ".cache").glob("*/global.db")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    assert building.poll() is None
    os.killpg(building.pid, signal.SIGKILL)
    building.communicate()


@LINUX
def test_a_book_is_made_without_a_network_and_made_right_after_an_interruption(book, offline):
    variables, hook = offline
    first = built(book, hook, **variables)
    assert "number 1" in first
    assert not Path(variables["ASKED"]).exists()

    (book / "lib" / "number.py").write_text("NUMBER = 2\n", encoding="utf-8")
    for old in (book / "_build" / ".cache").iterdir():
        shutil.rmtree(old)
    killed_in_the_middle(book)
    marks = {path.parent.name for path in (book / "_build").rglob(".unfinished")}
    assert marks == {"html", ".doctrees"}

    for kind in ("*.pickle", "*.doctree", "global.db"):
        for path in (book / "_build").rglob(kind):
            cut(path)
    old = book / "_build" / "html" / "book" / "old.html"
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text("number 1", encoding="utf-8")
    assert built(book) == first.replace("number 1", "number 2")
    assert not [*(book / "_build").rglob(".unfinished")]
    assert not old.exists()


# A folder that cannot be written.

ALL_OF_IT = """\
import tempfile, numpy as np
import lib, lib.rules, lib.losses, lib.homework
from lib import files, newest
from lib.data import load
from lib.descent import descend
from lib.equations import equations
from lib.explorer import explore
from lib.homework import check, shapes, Variant
import matplotlib.pyplot as plt

path = descend(lib.rules.adam, lib.losses.valley.gradient, np.array(lib.losses.valley.start), 20)
plt.plot(path); plt.title("$\\\\theta$"); plt.savefig(tempfile.TemporaryFile())
print(load("fashion"), load("foods"), equations(lib.rules.sgd))
print(explore(lib.rules.sgd, on=lib.losses.valley)._repr_mimebundle_()[0].keys())
check(shapes(lib.rules.momentum, states=1))
newest.main([])
for attempt in (lambda: load("imdb", full=True), lambda: files.write("README.md", "new")):
    try:
        attempt()
    except OSError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def read_only(book):
    """The words before a command that see the small book without being able to change it."""
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    before = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(book)]
    if not shutil.which("unshare") or subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("needs the namespaces of Linux")
    assert subprocess.run([*before, "touch", "new"], capture_output=True).returncode
    return before


def test_what_only_reads_needs_neither_a_network_nor_to_write(book, read_only, offline, tmp_path):
    variables, hook = offline
    script = tmp_path / "all.py"
    script.write_text(ALL_OF_IT, encoding="utf-8")
    variables |= {"PYTHONPATH": f"{hook}{os.pathsep}{book}", "DOWNHILL_DATA": str(tmp_path)}
    done = python(script, cwd=book, before=read_only, **variables)
    assert done.returncode == 0, done.said
    assert "✓" in done.said and "<Dataset fashion" in done.said and "text/html" in done.said and "numpy>=" in done.said
    assert re.search("ConnectionError aclImdb_v1.tar.gz could not be fetched .* It needs a network once", done.said)
    assert re.search("OSError .*Read-only file system; it was not written, .*README.md'", done.said)
    assert "ai.stanford.edu" in Path(variables["ASKED"]).read_text(encoding="utf-8")


REFUSED = {
    "grade": (["lib.homework.grade", "homework", "grades", "--built", "{built}"], 1, "Read-only file system: 'grades"),
    "fork": (["lib.fork", "https://github.com/ada/steps"], 2, "Read-only file system; it was not written, .*_config.yml'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_write_says_where_it_cannot(book, read_only, tmp_path, name):
    words, status, message = REFUSED[name]
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "autograder.zip").write_bytes(b"PK\5\6" + bytes(18))
    (tmp_path / "sample" / "questions.json").write_text("[]", encoding="utf-8")
    done = python("-m", *(word.format(built=tmp_path) for word in words), cwd=book, before=read_only)
    assert done.returncode == status, done.said
    assert re.search(message, done.said), done.said
    assert "Traceback" not in done.said
