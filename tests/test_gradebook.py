"""The grader without a student's process: what it asks of one, says of it and writes about it."""

import csv
import hashlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
from nbformat import writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lib.homework import grade as grading
from lib.homework.session import Stopped

GB = 1 << 30
TEST_FILE = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


class Unmet(AssertionError):
    pass


@test_case(points=1)
def right(x):
    assert x == 3


@test_case(points=2)
def wrong(y):
    raise Unmet(f"✗ y is {y}")
"""
Q1 = {"name": "q1", "title": "1. A number", "points": 3, "manual": False, "tests": [{"points": 1, "says": "x"}, {"points": 2, "says": "y"}]}
Q2 = {"name": "q2", "title": "2. On paper", "points": 5, "manual": True, "tests": [], "rubric": "*Why.*"}


class Session:
    """What the grader sees of a student's process, for a notebook that defines ``values``."""

    values = {"x": 3, "y": 4, "student": "ada"}

    def __init__(self, cells, folder, *, seconds, memory):
        self.cells, self.folder, self.limits = cells, folder, (seconds, memory)
        self.outputs = [[{"output_type": "stream", "name": "stdout", "text": source}] for source in cells]
        self.errors = [None, "ValueError: no"]
        self.notes, self.missing, self.refused = [], [], ["fly"]
        self.runs, self.stopped = 0, False
        type(self).last = self

    def run(self):
        self.runs += 1
        raise Stopped("a cell took too long")

    def get(self, name, default=None):
        return self.values.get(name, default)

    def names(self):
        return ["mime", "mine2", "mined"]

    def stop(self):
        self.stopped = True


@pytest.fixture
def built(tmp_path, monkeypatch):
    """The folder of an assignment with a checked question and a read one; its sessions are made up."""
    monkeypatch.setattr(grading, "Session", Session)
    folder = tmp_path / "built" / "hw"
    folder.mkdir(parents=True)
    (folder / "questions.json").write_text(json.dumps([Q1, Q2]), encoding="utf-8")
    with zipfile.ZipFile(folder / "autograder.zip", "w") as zipped:
        for name, text in {"tests/q1.py": TEST_FILE, "tests/deep/q.py": "", "files/q.py": "", "tests/q.txt": ""}.items():
            zipped.writestr(name, text)
    return folder


def notebook(*cells, **metadata):
    return new_notebook(cells=[*cells], metadata=metadata)


ANSWERED = notebook(new_markdown_cell("# 1. A number"), new_code_cell("x"), new_code_cell("y"), new_markdown_cell("## 2. On paper"),
                    new_markdown_cell("Since *so*."), otter={"assignment_name": "hw"})  # fmt: skip


# One submission.


def test_what_the_tests_found(built):
    given = notebook(*ANSWERED.cells)
    began = time.monotonic()
    found = grading.checked(given, built)
    session = Session.last
    assert (session.cells, session.limits, session.runs, session.stopped) == (["x", "y"], (120, 2 * GB), 1, True)
    assert [cell.outputs[0].text for cell in given.cells if cell.cell_type == "code"] == ["x", "y"]
    assert 0 <= found.pop("seconds") <= time.monotonic() - began
    assert found == {
        "student": "ada", "assignment": "hw", "status": "graded", "notes": ["code cell 2 ended with ValueError: no"],
        "refused": ["fly"], "body": "", "answers": {}, "questions": [
            {"name": "q1", "title": "1. A number", "points": 3, "manual": False, "score": 1, "tests": [
                {"says": "x", "points": 1, "passed": True, "message": ""},
                {"says": "y", "points": 2, "passed": False, "message": "y is 4"}]},
            {"name": "q2", "title": "2. On paper", "points": 5, "manual": True, "score": 0, "tests": []}],
    }  # fmt: skip
    grading.checked(given, built, seconds=7, memory=9)
    assert Session.last.limits == (7, 9)


def test_a_notebook_with_a_note_is_graded_in_part(built, monkeypatch):
    monkeypatch.setattr(Session, "run", lambda session: session.notes.append("a cell was left out"))
    found = grading.checked(notebook(), built)
    assert (found["status"], found["notes"]) == ("graded in part", ["a cell was left out", "code cell 2 ended with ValueError: no"])


def test_the_process_is_stopped_whatever_happens(built, monkeypatch):
    monkeypatch.setattr(grading, "_student", lambda session: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        grading.checked(notebook(), built)
    assert Session.last.stopped


def test_a_graded_notebook_has_its_answers_and_its_page(built, tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(writes(ANSWERED), encoding="utf-8")
    began = time.monotonic()
    found = grading.grade(path, built.parent)
    assert [*found["answers"]] == ["q2"] and "<em>so</em>" in found["answers"]["q2"] and "A number" in found["body"]
    assert (found["status"], found["student"], Session.last.limits) == ("graded", "ada", (120, 2 * GB))
    assert 0 < found["seconds"] <= time.monotonic() - began
    grading.grade(path, built.parent, seconds=5, memory=6)
    assert Session.last.limits == (5, 6)


def test_what_cannot_be_graded_says_why(built, tmp_path):
    path = tmp_path / "a.ipynb"
    for text, says in (("{}", "not a notebook that can be read"), (writes(notebook()), "it answers none of the assignments")):
        path.write_text(text, encoding="utf-8")
        began = time.monotonic()
        found = grading.grade(path, built.parent)
        (note,) = found["notes"]
        assert note.startswith(says) and found["status"] == "not graded"
        assert (found["student"], found["assignment"], found["questions"], found["refused"], found["body"], found["answers"]) == (
            "", "", [], [], "", {})  # fmt: skip
        assert 0 <= found["seconds"] <= time.monotonic() - began


def test_an_assignment_is_known_by_its_metadata_its_text_or_its_files_name(tmp_path):
    for name in ("hw", "hw_long", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "autograder.zip").touch()
    (tmp_path / "unbuilt").mkdir()
    variant = new_code_cell("me = Variant( 'hw', student)")
    for given, path, name in (
        (notebook(variant, otter={"assignment_name": "other"}), "hw_long.ipynb", "other"),
        (notebook(variant, otter={"assignment_name": "unbuilt"}), "other.ipynb", "hw"),
        (notebook(variant), "other.ipynb", "hw"),
        (notebook(new_code_cell('Variant("unbuilt", 1)')), "x/other.ipynb", "other"),
        (notebook(), "my-hw_long-2.ipynb", "hw_long"),
        (notebook(), "my-hw-2.ipynb", "hw"),
    ):
        assert grading.assignment_of(given, path, tmp_path) == name
    with pytest.raises(ValueError, match="^it answers none of the assignments that were built: hw, hw_long, other$"):
        grading.assignment_of(notebook(), "other/x.ipynb", tmp_path)
    with pytest.raises(ValueError, match="built: none$"):
        grading.assignment_of(notebook(), "x.ipynb", tmp_path / "hw")


def test_hidden_tests_are_what_lies_in_their_folder(built):
    assert grading.hidden_tests(built / "autograder.zip") == {"q1.py": TEST_FILE.encode()}


@pytest.mark.skipif(sys.platform == "win32", reason="needs the timers of POSIX")
def test_patience_ends_and_ends_again():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(Stopped, match="^the answer could not be examined in 0.1 s$"), grading.patience(0.1):
        with suppress(Stopped):
            time.sleep(5)
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and signal.getsignal(signal.SIGALRM) is before
    with grading.patience(20):
        assert 19 < signal.getitimer(signal.ITIMER_REAL)[0] <= 20
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_where_no_signal_arrives_there_is_no_timer():
    done = []

    def work():
        with grading.patience(0.01):
            time.sleep(0.1)
            done.append(signal.getitimer(signal.ITIMER_REAL) if hasattr(signal, "getitimer") else (0, 0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [(0, 0)]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("…\nUnmet: ✗ the value is right: 3 is not 4", "the value is right: 3 is not 4"),
        ("Trace\n in q1:\nRuntimeError: it hangs\n", "it hangs"),
        ("Trace\nStopped: ran longer than 4 s", "ran longer than 4 s"),
        ("Trace\nin a line\nAssertionError: ", "it does not hold"),
        ("Trace\nValueError: no such shape", "ValueError: no such shape"),
        ("Trace\nTypeError: 'NoneType' object is not iterable", "there is no answer yet, or a function returns nothing"),
        ("Trace\nTypeError: unsupported operand: 'ellipsis'", "there is no answer yet, or a function returns nothing"),
        ("Trace\nTypeError: dispatcher for __array_function__", "there is no answer yet, or a function returns nothing"),
    ],
)
def test_what_a_failed_test_says(message, said):
    assert grading._said(message) == said


def test_who_a_notebook_is_by():
    def says(value):
        def get(name, default):
            assert (name, default) == ("student", "")
            if isinstance(value, Exception):
                raise value
            return value

        return grading._student(SimpleNamespace(get=get))

    assert [says(value) for value in ("ada", "x" * 50, 7, None)] == ["ada", "x" * 40, "", ""]
    assert [says(error) for error in (Stopped("x"), RuntimeError("x"), ValueError("x"))] == ["", "", ""]
    with pytest.raises(KeyError):
        says(KeyError("x"))


def test_what_is_missing_is_said_with_what_is_like_it():
    session = SimpleNamespace(missing=["mine", "far"], names=lambda: ["mime_", "mine2", "tell"])
    asked = "there is no “{}” in the notebook: was its cell deleted, or its name changed?"
    assert [*grading._missing(session)] == [asked.format("mine") + " It has “mine2”", asked.format("far")]
    session.names = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        [*grading._missing(session)]
    session.missing = []
    assert [*grading._missing(session)] == []

    def ended():
        raise Stopped("x")

    assert [*grading._missing(SimpleNamespace(missing=["far"], names=ended))] == [asked.format("far")]


def test_five_errors_are_enough():
    errors = [None, *(f"E{k}" for k in range(2, 9))]
    said = grading._errors(SimpleNamespace(errors=errors))
    assert said == [f"code cell {k} ended with E{k}" for k in range(2, 7)]


def test_an_answer_may_have_headings_of_its_own():
    cells = ["## Why\n\nA question.", "## My answer\n\nfirst part", "### More\n\nsecond part", "## Next\n\nanother question", "left out"]
    given = notebook(new_markdown_cell("# Homework, a question"), *map(new_markdown_cell, cells))
    given.cells.insert(3, new_code_cell("# Next"))
    found = grading._answer(given, "Why", ["Why", "Next"])
    assert "first part" in found and "second part" in found and "left out" not in found and "question" not in found
    assert grading._answer(given, "Other", ["Why", "Next", "Other"]) == ""


def test_limits_are_given_by_name(built, tmp_path):
    for call in (lambda: grading.grade(tmp_path, built, 5), lambda: grading.checked(notebook(), built, 5),
                 lambda: grading.grade_all(tmp_path, tmp_path, built, 5)):  # fmt: skip
        with pytest.raises(TypeError, match="positional"):
            call()


# What is asked of a process.


def test_submissions_lie_in_folders_and_have_a_page_each(tmp_path):
    for name in ("b.ipynb", "a/c.ipynb", "a/.ipynb_checkpoints/c.ipynb", "a/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path.as_posix() for path in grading.submissions(tmp_path)] == ["a/c.ipynb", "b.ipynb"]
    files = ["a b.ipynb", "a_b.ipynb", "a/b.ipynb", "a__b.ipynb", "ä.ipynb", "a.b.ipynb"]
    assert len({grading.slug(file) for file in files}) == len(files)
    assert grading.slug("bob-2/homework.ipynb") == "bob-2__homework"
    assert grading.slug("a b.ipynb") == f"a_b-{hashlib.sha256(b'a b.ipynb').hexdigest()[:6]}"


def test_what_has_not_changed_has_the_same_key(tmp_path, built):
    path = tmp_path / "a.ipynb"
    path.write_text("one", encoding="utf-8")
    assert grading.key(path, "asked", 5, 6) == hashlib.sha256(b"oneasked 5 6").hexdigest()[:24]
    found = {grading.digest(built.parent)}
    (built / "questions.json").write_text("[]", encoding="utf-8")
    found.add(grading.digest(built.parent))
    with zipfile.ZipFile(built / "autograder.zip", "w") as zipped:
        zipped.writestr("tests/q1.py", "")
        zipped.writestr("files/q1.py", "")
    found.add(grading.digest(built.parent))
    with zipfile.ZipFile(built / "autograder.zip", "a") as zipped:
        zipped.writestr("files/q2.py", "")
    found.add(grading.digest(built.parent))
    assert len(found) == 3


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """``grade_apart`` with a program of ours for the grader's; what was asked of it is in ``apart.asked``."""
    asked, popen, saved = [], subprocess.Popen, tmp_path / "saved.json"

    def grade_by(program, seconds=20):
        def start(command, **how):
            asked.append(command)
            return popen([sys.executable, "-S", "-c", program, str(saved)], **how)

        monkeypatch.setattr(grading.subprocess, "Popen", start)
        return grading.grade_apart(tmp_path / "a.ipynb", saved, tmp_path / "built", seconds, 3 * GB)

    return SimpleNamespace(by=grade_by, asked=asked, saved=saved, folder=tmp_path)


WRITES_IT = "import sys; print('loud')\nwith open(sys.argv[1], 'w', encoding='utf-8') as file: file.write('{\"a\": 1}')"


def test_a_submission_is_graded_by_a_process_and_once(apart):
    assert apart.by(WRITES_IT) == {"a": 1} == apart.by("1 / 0")
    assert apart.asked == [[sys.executable, "-m", "lib.homework.grade", "--one", str(apart.folder / "a.ipynb"), str(apart.saved),
                            "--built", str(apart.folder / "built"), "--seconds", "20", "--memory", "3.0"]]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "says"),
    [("import sys; sys.stderr.write('first\\nsecond\\nthird\\n')", "third"), ("", "its process ended"),
     ("import sys; sys.stderr.buffer.write(b'\\xff')", "\N{REPLACEMENT CHARACTER}")],
)  # fmt: skip
def test_a_process_that_writes_nothing_leaves_its_last_words(apart, program, says):
    assert apart.by(program, seconds=9) == {"student": "", "assignment": "", "status": "not graded", "questions": [], "notes": [says],
                                            "refused": [], "body": "", "answers": {}, "seconds": 9}  # fmt: skip


def test_a_process_has_its_time_and_ends_with_all_that_it_started(apart, monkeypatch):
    monkeypatch.setattr(grading, "START", 1)
    program = ("import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(99)'])\n"
               "with open(sys.argv[1] + '.pid', 'w', encoding='utf-8') as file: file.write(f'{os.getpid()} {child.pid}')\ntime.sleep(99)")  # fmt: skip
    began = time.monotonic()
    assert apart.by(program, seconds=2)["notes"] == ["its answers could not be examined in time"]
    assert time.monotonic() - began >= 3
    numbers = [*map(int, (apart.folder / "saved.json.pid").read_text(encoding="utf-8").split())]
    ended = lambda number: not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    for _ in range(200):
        if not all(map(ended, numbers)):
            time.sleep(0.1)
    assert all(map(ended, numbers))


def test_what_was_written_in_time_counts_though_the_process_does_not_end(apart, monkeypatch):
    monkeypatch.setattr(grading, "START", 1)
    assert apart.by(f"{WRITES_IT}\nimport time; time.sleep(99)", seconds=1) == {"a": 1}


# Tables and pages.


HEAD = "file,question,out_of,points,comment\n"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('\ufefffile;student;question;out_of;points;comment\na.ipynb;a;q4;5;3,5;"well; done"\n', {("a.ipynb", "q4"): (3.5, "well; done")}),
        (f'{HEAD}a.ipynb,q4,5,3,"first\nsecond, ""third"""\r\n', {("a.ipynb", "q4"): (3, 'first\nsecond, "third"')}),
        (f"{HEAD}a,q,5, 0 ,\nb,q,5,5,\nc,q,5,,{20 * ';x'}\n", {("a", "q"): (0, ""), ("b", "q"): (5, ""), ("c", "q"): (None, 20 * ";x")}),
        ('file\tquestion\tout_of\tpoints\tcomment\na\tq\t"2,5"\t"2,5"\t\'=x\n', {("a", "q"): (2.5, "=x")}),
        (f"{HEAD}'=a,'@q,5\n", {("=a", "@q"): (None, "")}),
        (HEAD, {}),
    ],
)
def test_points_by_hand_are_read_from_what_a_spreadsheet_writes(tmp_path, text, given):
    path = tmp_path / "by_hand.csv"
    assert grading.read_by_hand(path) == {}
    path.write_text(text, encoding="utf-8", newline="")
    assert grading.read_by_hand(path) == given


@pytest.mark.parametrize("wrong", ["6", "-1", "-0.5", "many", "nan"])
def test_points_by_hand_that_cannot_be_are_refused(tmp_path, wrong):
    path = tmp_path / "by_hand.csv"
    path.write_text(f"{HEAD}b,q,5,1,\na,q,5,{wrong},\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 3: points is {wrong!r}; allowed are 0 to 5")):
        grading.read_by_hand(path)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", HEAD.replace("comment", "remark")])
def test_a_table_that_lost_its_columns_is_refused(tmp_path, text):
    path = tmp_path / "by_hand.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="has lost its columns; those of a new one are file, student, assignment, question, title"):
        grading.read_by_hand(path)


def result(student="ada", assignment="hw", **more):
    questions = [Q1 | {"score": 1, "tests": [{"says": "x", "points": 1, "passed": True, "message": ""}]}, Q2 | {"score": 0},
                 Q2 | {"name": "q10", "points": 2.5, "score": 0}]  # fmt: skip
    return {"student": student, "assignment": assignment, "status": "graded", "questions": questions, "notes": [], "refused": [],
            "body": "", "answers": {"q2": "<p>my answer</p>"}, "seconds": 1.26} | more  # fmt: skip


def test_a_row_adds_what_was_checked_and_what_was_read():
    given = {("hw-Ada.ipynb", "q2"): (4.5, "x"), ("other", "q10"): (2, "")}
    found = grading.row("hw-Ada.ipynb", result(refused=["fly"], notes=["a note"]), given)
    assert found == {
        "file": "hw-Ada.ipynb", "student": "ada", "assignment": "hw", "status": "graded", "score": 5.5, "out_of": 10.5, "checked": 1,
        "checked_out_of": 3, "by_hand": 4.5, "by_hand_out_of": 7.5, "seconds": 1.3, "notes": "a note; refused: fly; to be read: q10",
        "q1": 1, "q2": 4.5, "q10": "",
    }  # fmt: skip
    zero = grading.row("ada", result(), {("ada", "q2"): (0, ""), ("ada", "q10"): (0, "")})
    assert (zero["score"], zero["by_hand"], zero["q2"], zero["notes"]) == (1, 0, 0, "")


def test_a_row_says_whose_notebook_it_may_be():
    both = {("x", name): (1, "") for name in ("q2", "q10")}
    notes = lambda student: grading.row("x", result(student), both)["notes"]
    assert notes("anonymous") == "no course id was typed"
    assert notes("eve") == "the notebook says that it is by eve; its file's name does not"
    assert notes("X") == notes("") == ""


def test_no_cell_of_a_table_starts_a_formula(tmp_path):
    cells = {"=1": "'=1", " @x": "' @x", "a;-b": "a;'-b", "a-b": "a-b", "'=1": "''=1", "a\n+b": "a\n'+b", "a,\t=b": "a,'\t=b"}
    for cell, harmless in cells.items():
        written = grading._harmless(cell)
        assert written.replace("'", "") == harmless.replace("'", "") and written.count("'") == harmless.count("'"), written
        assert grading._as_meant(written) == cell
    assert [grading._harmless(number) for number in (91.0, 3.5, 4)] == ["91", "3.5", "4"]


def table(path):
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") and b"\r\n" in path.read_bytes()
    return [*csv.reader(path.read_text(encoding="utf-8-sig").splitlines())]


def test_tables_and_feedback(tmp_path):
    given = {("ada.ipynb", "q2"): (4.5, "well done"), ("bob.ipynb", "q2"): (None, "see me")}
    rows = grading.report(tmp_path, {"ada.ipynb": result(), "bob.ipynb": result("bob")}, given)
    assert rows == [grading.row("ada.ipynb", result(), given), grading.row("bob.ipynb", result("bob"), given)]
    grades = table(tmp_path / "grades.csv")
    assert grades[0] == [*grading.FIXED, "q1", "q2", "q10"]
    assert grades[1] == ["ada.ipynb", "ada", "hw", "graded", "5.5", "10.5", "1", "3", "4.5", "7.5", "1.3", "to be read: q10", "1", "4.5", ""]
    assert len(grades) == 3
    assert table(tmp_path / "by_hand.csv") == [
        [*grading.READ],
        ["ada.ipynb", "ada", "hw", "q2", "2. On paper", "5", "4.5", "well done"],
        ["ada.ipynb", "ada", "hw", "q10", "2. On paper", "2.5", "", ""],
        ["bob.ipynb", "bob", "hw", "q2", "2. On paper", "5", "", "see me"],
        ["bob.ipynb", "bob", "hw", "q10", "2. On paper", "2.5", "", ""],
    ]
    assert {path.name for path in (tmp_path / "feedback").iterdir()} == {"ada.html", "bob.html"}
    ada, bob = ((tmp_path / "feedback" / f"{name}.html").read_text(encoding="utf-8") for name in ("ada", "bob"))
    assert "5.5 of 10.5 points" in ada and "well done" in ada and "✓ x (1)" in ada
    assert "1 of 10.5 points" in bob and "see me" in bob


def test_all_answers_to_what_is_read_are_on_a_page(built, tmp_path):
    results = {"ada": result(), "bob": result("bob", answers={}), "eve": result("eve", "other"), "none": result("", "")}
    (built.parent / "other").mkdir()
    (built.parent / "other" / "questions.json").write_text("[]", encoding="utf-8")
    grading.reading(tmp_path, results, built.parent)
    (page,) = (tmp_path / "reading").iterdir()
    text = page.read_text(encoding="utf-8")
    assert page.name == "hw-q2.html" and "<em>Why.</em>" in text and "5 points" in text
    assert re.findall("<h2>(.*?)</h2>", text) == ["ada", "bob"]
    assert text.count("my answer") == text.count("The question is not in this notebook.") == 1


# A folder.


@pytest.fixture
def folder(tmp_path, built, monkeypatch):
    """Three submissions and two that are none; ``folder.asked`` has what each was graded with."""
    where, asked = tmp_path / "submissions", []
    (where / "sub").mkdir(parents=True)
    for name in ("b.ipynb", "a.ipynb", "sub/c.ipynb"):
        (where / name).write_text(name, encoding="utf-8")
    (where / "d.ipynb").mkdir()
    (where / "e.ipynb").symlink_to(where / "a.ipynb")

    def apart(path, saved, *more):
        asked.append((path, saved, *more))
        return result(path.stem)

    monkeypatch.setattr(grading, "grade_apart", apart)
    return SimpleNamespace(where=where, asked=asked, out=tmp_path / "new" / "out", built=built.parent)


def test_a_folder_is_graded_file_by_file(folder, monkeypatch):
    workers, executor = [], grading.ThreadPoolExecutor
    monkeypatch.setattr(grading, "ThreadPoolExecutor", lambda number: workers.append(number) or executor(number))
    monkeypatch.setattr(grading.os, "cpu_count", lambda: 3)
    rows = grading.grade_all(folder.where, folder.out, folder.built)
    assert [each["file"] for each in rows] == ["a.ipynb", "b.ipynb", "d.ipynb", "e.ipynb", "sub/c.ipynb"]
    assert [each["status"] for each in rows] == ["graded", "graded", "not graded", "not graded", "graded"]
    assert rows[2]["notes"] == rows[3]["notes"] == "it is a link or a folder, and not a notebook" and rows[3]["seconds"] == 0
    digest = grading.digest(folder.built)
    for name, slug in (("a.ipynb", "a"), ("b.ipynb", "b"), ("sub/c.ipynb", "sub__c")):
        saved = folder.out / "results" / f"{slug}-{grading.key(folder.where / name, digest, 120, 2 * GB)}.json"
        assert (folder.where / name, saved, folder.built, 120, 2 * GB) in folder.asked
    assert len(folder.asked) == 3 and [*(folder.out / "results").iterdir()] == []
    assert (folder.out / "reading" / "hw-q2.html").is_file() and len(table(folder.out / "grades.csv")) == 6
    grading.grade_all(folder.where, folder.out, folder.built, seconds=5, memory=6, jobs=2)
    assert folder.asked[-1][3:] == (5, 6) and workers == [3, 2]


def test_points_for_what_is_not_there_are_not_thrown_away(folder):
    folder.out.mkdir(parents=True)
    for points, comment in (("3", ""), ("0", ""), ("", "see me")):
        text = f"{HEAD}a.ipynb,q2,5,1,\ngone.ipynb,q2,5,{points},{comment}\nlost.ipynb,q2,5,{points},{comment}\n"
        (folder.out / "by_hand.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="by_hand.csv has points for gone.ipynb, which is not in .*grade into another folder"):
            grading.grade_all(folder.where, folder.out, folder.built)
        assert (folder.out / "by_hand.csv").read_text(encoding="utf-8") == text
        assert folder.asked == [] and [path.name for path in folder.out.iterdir()] == ["by_hand.csv"]
    (folder.out / "by_hand.csv").write_text(f"{HEAD}gone.ipynb,q2,5,,\na.ipynb,q2,5,1,\n", encoding="utf-8")
    assert grading.grade_all(folder.where, folder.out, folder.built)[0]["q2"] == 1


def test_an_interruption_begins_nothing_more(folder, monkeypatch):
    asked, may_end = [], threading.Event()

    def interrupted(path, *_):
        asked.append(path)
        if len(asked) == 1:
            raise KeyboardInterrupt
        may_end.wait(20)

    monkeypatch.setattr(grading, "grade_apart", interrupted)
    timer = threading.Timer(1, may_end.set)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        grading.grade_all(folder.where, folder.out, folder.built, jobs=1)
    assert len(asked) < 3 and not (folder.out / "grades.csv").exists()


def test_nothing_to_grade_or_to_grade_by(folder, tmp_path):
    for where in (tmp_path / "missing", tmp_path / "missing.ipynb"):
        with pytest.raises(ValueError, match="there is no notebook in "):
            grading.grade_all(where, folder.out, folder.built)
    with pytest.raises(ValueError, match="no assignment has been built in .*make homework"):
        grading.grade_all(folder.where, folder.out, tmp_path)


# The command.


def test_the_command_grades_a_folder(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(grading, "grade_all", lambda *args, **named: asked.append((args, named)) or [1, 2])
    monkeypatch.setattr(grading.sandbox, "prefix", lambda: ("unshare",))
    assert grading.main(["in", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"2 submissions: {tmp_path / 'grades.csv'}\n"
    monkeypatch.setattr(grading.sandbox, "prefix", lambda: ())
    grading.main(["in", str(tmp_path), "--built", "x", "--seconds", "7", "--memory", "1.5", "--jobs", "4"])
    assert "grade in a container" in capsys.readouterr().out
    path = type(tmp_path)
    assert asked == [((path("in"), tmp_path, grading.BUILT), {"seconds": 120, "memory": 2 * GB, "jobs": None}),
                     ((path("in"), tmp_path, path("x")), {"seconds": 7, "memory": 3 * GB // 2, "jobs": 4})]  # fmt: skip
    with pytest.raises(SystemExit):
        grading.main(["--help"])
    said = capsys.readouterr().out
    assert "Grade a folder of notebooks" in said and "grades.csv" not in said


@pytest.mark.parametrize("error", [ValueError("no notebook"), OSError("no notebook")])
def test_the_command_says_what_is_wrong(monkeypatch, capsys, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(grading, "grade_all", fails)
    assert grading.main(["in", "out"]) == 1
    assert capsys.readouterr().err == "no notebook\n"


def test_the_process_of_one_submission_is_limited_and_writes_its_result(monkeypatch, tmp_path):
    limits, asked = [], []
    monkeypatch.setattr(grading.sandbox, "limit", lambda *given: limits.append(given))
    monkeypatch.setattr(grading, "grade", lambda *args, **named: asked.append((args, named)) or {"ä": 1})
    assert grading.main(["a.ipynb", str(tmp_path / "x.json"), "--one", "--seconds", "7", "--memory", "0.5", "--built", "b"]) == 0
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {"ä": 1}
    path = type(tmp_path)
    assert limits == [(GB // 2, 7 + grading.START)]
    assert asked == [((path("a.ipynb"), path("b")), {"seconds": 7, "memory": GB // 2})]


def test_the_commands_exit_code(tmp_path):
    asked = [sys.executable, "-m", "lib.homework.grade", str(tmp_path), str(tmp_path)]
    ran = subprocess.run(asked, capture_output=True, encoding="utf-8")
    assert ran.returncode == 1 and "there is no notebook" in ran.stderr
