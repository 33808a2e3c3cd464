"""Grading, on a small assignment: what a submission may hold, and what grading a folder leaves behind; see test_gradebook."""

import csv
import json
import random
import re
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
from nbformat import from_dict, writes
from nbformat.v4 import new_code_cell
from sample import HOSTILE, write_master

from lib.homework import build as building
from lib.homework import grade as grading
from lib.homework import masters, session

FULL = {"q1": 4, "q2": 2, "q3": 4}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return building.build(write_master(folder), folder / "built", course="blue whale", students=("ada", "bob-2"))


@pytest.fixture(scope="module")
def solution(built):
    return masters.read(built / "solution" / "sample.ipynb")


@pytest.fixture
def quick(monkeypatch):
    """Shorter limits for cells and calls, as in what follows some take all there is."""
    start = session.Session.__init__
    monkeypatch.setattr(session.Session, "__init__",
                        lambda self, *args, **kwargs: start(self, *args, **kwargs | {"cell_seconds": 4, "call_seconds": 4}))  # fmt: skip
    monkeypatch.setattr(session, "GRACE", 1)


def graded(notebook, built, folder, **limits):
    path = folder / "sample.ipynb"
    path.write_text(notebook if isinstance(notebook, str) else writes(notebook), encoding="utf-8")
    return grading.grade(path, built.parent, **{"seconds": 60} | limits)


def points(result):
    return {each["name"]: each["score"] for each in result["questions"] if not each["manual"]}


def changed(notebook, *changes):
    copy = deepcopy(notebook)
    for old, new in changes:
        assert any(old in cell.source for cell in copy.cells)
        for cell in copy.cells:
            cell.source = cell.source.replace(old, new)
    return copy


def with_cell(notebook, source, place=3):
    copy = deepcopy(notebook)
    copy.cells.insert(place, new_code_cell(source))
    return copy


# Grading at Gradescope.


def test_the_autograder_gives_otter_run_the_same_points(built, tmp_path):
    """What Gradescope runs in its container, without the container."""
    command = [sys.executable, "-m", "otter", "run", "-a", str(built / "autograder.zip"), "-o", str(tmp_path)]
    for edition, expected in (("solution", 10), ("student", 0)):
        subprocess.run([*command, str(built / edition / "sample.ipynb")], check=True, capture_output=True, cwd=tmp_path)
        found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        scores = [test["score"] for test in found["tests"] if "score" in test]
        assert sum(scores) == expected


# One submission.


def test_solution_and_blank(built, solution, tmp_path):
    result = graded(solution, built, tmp_path)
    assert (points(result), result["status"], result["notes"], result["refused"]) == (FULL, "graded", [], [])
    assert "Since" in result["answers"]["q4"]
    blank = graded(masters.read(built / "student" / "sample.ipynb"), built, tmp_path)
    assert points(blank) == dict.fromkeys(FULL, 0)


@pytest.mark.parametrize("what", HOSTILE, ids=lambda what: what.replace(" ", "-"))
def test_a_hostile_cell_costs_nothing_else(built, solution, tmp_path, quick, what):
    """Whatever one cell does, the rest of the notebook is graded, and the student is told."""
    bystander = tmp_path / "bystander.txt"
    bystander.write_text("as it was", encoding="utf-8")
    result = graded(with_cell(solution, HOSTILE[what]), built, tmp_path)
    assert points(result) == FULL, result["questions"]
    assert bystander.read_text(encoding="utf-8") == "as it was"
    assert {path.name for path in tmp_path.iterdir()} == {"sample.ipynb", "bystander.txt"}
    harmless = {"reading tests", "much output", "a changed library", "closing the pipes"}
    harmless |= {"10 GB"} if sys.platform != "linux" else set()  # elsewhere memory is not bounded
    assert result["notes"] or result["refused"] or what in harmless


def test_what_is_refused_is_said(built, solution, tmp_path):
    result = graded(with_cell(solution, HOSTILE["writing elsewhere"]), built, tmp_path)
    assert result["refused"] == ["write outside its folder: ../elsewhere.txt"]
    assert "a submission may not write outside its folder" in " ".join(result["notes"])


def test_a_function_that_never_returns_loses_its_own_question_only(built, solution, tmp_path, quick):
    for body in ("while True:\n        pass", HOSTILE["a loop that nothing interrupts"].replace("\n", "\n    ")):
        endless = with_cell(solution, f"def tells(rule):\n    {body}", place=len(solution.cells))
        result = graded(endless, built, tmp_path)
        assert points(result) == FULL | {"q3": 0}
        assert "ran longer than 4 s" in json.dumps(result["questions"])


def test_the_time_limit_holds_for_everything_together(built, solution, tmp_path):
    slow = with_cell(solution, "import time\nfor k in range(100):\n    time.sleep(1)")
    result = graded(slow, built, tmp_path, seconds=4)
    assert points(result) == dict.fromkeys(FULL, 0)
    assert "time limit of 4 s" in " ".join(result["notes"])
    assert result["seconds"] < 12


def test_a_renamed_function_and_a_deleted_cell_are_explained(built, solution, tmp_path):
    renamed = graded(changed(solution, ("def mine(", "def mine2("), ("shapes(mine,", "shapes(mine2,")), built, tmp_path)
    assert points(renamed) == FULL | {"q1": 0}
    assert "there is no “mine” in the notebook" in " ".join(renamed["notes"])
    assert "It has “mine2”" in " ".join(renamed["notes"])
    gone = deepcopy(solution)
    gone.cells = [cell for cell in gone.cells if "answer =" not in cell.source]
    assert points(graded(gone, built, tmp_path)) == FULL | {"q2": 0}


def test_a_message_says_what_fails_and_not_the_test(built, solution, tmp_path):
    wrong = graded(changed(solution, ("g / 2", "g")), built, tmp_path)
    (question, *_) = wrong["questions"]
    (test,) = question["tests"]
    assert "parts from the rule that was asked for at step 1" in test["message"]
    assert "same_path" not in test["message"] and "Error at line" not in test["message"]


@pytest.mark.parametrize("answer", ["[1, 2]", "'many'", "None", "np.nan", "object()", "lambda: 3", "10**400", "[[[]]]"])
def test_an_answer_of_any_kind_is_only_wrong(built, solution, tmp_path, answer):
    result = graded(changed(solution, ("answer = 7 * me", f"answer = {answer}  # me")), built, tmp_path)
    assert points(result) == FULL | {"q2": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="needs the timers of POSIX")
def test_an_answer_that_is_hard_to_examine_costs_its_question_only(built, solution, tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "PATIENCE", 2)
    slow = with_cell(solution, "def tells(rule):\n    rule.asked = rule(np.ones(2), np.ones(2), 1, np.zeros(2))\n    import time\n"
                     "    time.sleep(3)\n    return True", place=len(solution.cells))  # fmt: skip
    result = graded(slow, built, tmp_path)
    assert points(result) == FULL | {"q3": 0}
    assert "could not be examined in 2 s" in json.dumps(result["questions"])


def test_a_student_who_changes_arguments_in_place_is_found_out(built, solution, tmp_path):
    lazy = changed(
        solution,
        ("m = mu * m + g / 2", "m *= mu; m += g / 2"),
        ("return theta - lr * m, m", "theta -= lr * m; return theta, m"),
    )
    result = graded(lazy, built, tmp_path)
    assert points(result)["q3"] == 4


# Notebooks of every kind.


def mangled(notebook, seed):
    """The text of a faulty notebook: cells lost, doubled, out of order, cut, made of noise; or the file itself broken."""
    rng = random.Random(seed)
    copy = deepcopy(notebook)
    for _ in range(rng.randrange(1, 5)):
        cells, place = copy.cells, rng.randrange(len(copy.cells) or 1)
        act = rng.randrange(7)
        if act == 0 and cells:
            del cells[place]
        elif act == 1:
            rng.shuffle(cells)
        elif act == 2 and cells:
            cells[place].source = cells[place].source[: rng.randrange(len(cells[place].source) + 1)]
        elif act == 3:
            cells.insert(place, new_code_cell("".join(chr(rng.randrange(32, 0x3000)) for _ in range(80))))
        elif act == 4:
            cells.insert(place, new_code_cell(rng.choice([*HOSTILE.values()])))
        elif act == 5:
            copy.metadata = from_dict(rng.choice([{}, {"otter": 3}, {"otter": {"assignment_name": "sample"}}]))
        elif cells:
            cells[place].source = re.sub(
                r"\b(mine|tells|answer|theta|me)\b", lambda _: rng.choice("abc"), cells[place].source
            )
    text = writes(copy)
    act = rng.randrange(12)
    if act == 0:
        return text[: rng.randrange(len(text))]
    if act == 1:
        return json.dumps(
            rng.choice([None, [], {}, {"cells": None}, {"cells": [3]}, {"cells": [{"cell_type": "code"}]}])
        )
    return text


@pytest.mark.parametrize("seed", [*range(12), 18, 21, 24, 26])
def test_a_mangled_notebook_is_graded(built, solution, tmp_path, quick, seed):
    result = graded(mangled(solution, seed), built, tmp_path)
    assert result["status"] in ("graded", "graded in part", "not graded")
    assert sum(points(result).values()) <= 10
    assert result["notes"] or result["status"] == "graded"


# A folder of them.


@pytest.fixture
def folder(built, solution, tmp_path):
    """Submissions as they come: by name, in folders, broken, of another course."""
    where = tmp_path / "submissions"
    (where / "bob-2").mkdir(parents=True)
    (where / "ada.ipynb").write_text(writes(changed(solution, ('"anonymous"', '"ada"'))), encoding="utf-8")
    (where / "bob-2" / "homework.ipynb").write_text(
        writes(changed(solution, ('"anonymous"', '"=1+1"'))), encoding="utf-8"
    )
    (where / "broken.ipynb").write_bytes(b"\xff\xfe no notebook")
    (where / "empty.ipynb").write_text("", encoding="utf-8")
    return where


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_a_folder_becomes_a_table_and_pages(built, folder, tmp_path):
    out = tmp_path / "grades"
    grading.grade_all(folder, out, built.parent, jobs=2)
    found = rows(out / "grades.csv")
    assert [*found] == ["ada.ipynb", "bob-2/homework.ipynb", "broken.ipynb", "empty.ipynb"]
    ada, bob = found["ada.ipynb"], found["bob-2/homework.ipynb"]
    assert (ada["score"], ada["out_of"], ada["q1"], ada["q4"]) == ("10", "15", "4", "")
    assert ada["notes"] == "to be read: q4"
    assert bob["student"] == "'=1+1"
    assert "its file's name does not" in bob["notes"]
    assert found["broken.ipynb"]["status"] == found["empty.ipynb"]["status"] == "not graded"
    assert {path.name for path in (out / "feedback").iterdir()} == {
        "ada.html", "bob-2__homework.html", "broken.html", "empty.html",
    }  # fmt: skip
    assert "ada.ipynb" in (out / "reading" / "sample-q4.html").read_text(encoding="utf-8")


def test_points_given_by_hand_are_added_and_nothing_is_graded_again(built, folder, tmp_path, monkeypatch):
    out = tmp_path / "grades"
    grading.grade_all(folder, out, built.parent, jobs=2)
    text = (out / "by_hand.csv").read_text(encoding="utf-8-sig")
    assert "ada.ipynb,ada,sample,q4,4. On paper,5,," in text
    (out / "by_hand.csv").write_text(
        text.replace("4. On paper,5,,", '4. On paper,5,3.5,"clear, but short"', 1), encoding="utf-8"
    )
    for saved in (out / "results").glob("b*.json"):
        saved.unlink()
    calls = []
    monkeypatch.setattr(grading.subprocess, "Popen", lambda command, **kwargs: calls.append(command[4]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        grading.grade_all(folder, out, built.parent, jobs=1)
    assert calls and not any("ada" in call for call in calls)
    monkeypatch.undo()
    grading.grade_all(folder, out, built.parent, jobs=2)
    ada = rows(out / "grades.csv")["ada.ipynb"]
    assert (ada["score"], ada["q4"], ada["notes"]) == ("13.5", "3.5", "")
    assert "clear, but short" in (out / "feedback" / "ada.html").read_text(encoding="utf-8")
    assert "clear, but short" in (out / "by_hand.csv").read_text(encoding="utf-8-sig")


def test_points_for_what_is_not_there_are_not_thrown_away(built, folder, tmp_path):
    out = tmp_path / "grades"
    out.mkdir()
    table = "file,student,assignment,question,title,out_of,points,comment\ngone.ipynb,a,sample,q4,t,5,3,\n"
    (out / "by_hand.csv").write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match="has points for gone.ipynb, which is not in .*grade into another folder"):
        grading.grade_all(folder, out, built.parent)
    assert (out / "by_hand.csv").read_text(encoding="utf-8") == table and not (out / "grades.csv").exists()


def test_a_changed_notebook_is_graded_again(built, folder, tmp_path):
    out = tmp_path / "grades"
    only = folder / "ada.ipynb"
    for other in ("broken.ipynb", "empty.ipynb", "bob-2/homework.ipynb"):
        (folder / other).unlink()
    grading.grade_all(folder, out, built.parent)
    only.write_text(only.read_text(encoding="utf-8").replace("g / 2", "g / 3"), encoding="utf-8")
    grading.grade_all(folder, out, built.parent)
    assert rows(out / "grades.csv")["ada.ipynb"]["score"] == "6"


def test_a_grader_that_dies_leaves_a_row(built, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(grading.sys, "executable", "false")
    grading.grade_all(folder, tmp_path / "grades", built.parent)
    found = rows(tmp_path / "grades" / "grades.csv")
    assert len(found) == 4
    assert {row["status"] for row in found.values()} == {"not graded"}


def test_commands_say_what_is_missing(built, tmp_path, capsys):
    assert grading.main([str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 1
    assert "there is no notebook in" in capsys.readouterr().err
    (tmp_path / "a.ipynb").write_text("{}", encoding="utf-8")
    assert grading.main([str(tmp_path), str(tmp_path / "out"), "--built", str(tmp_path)]) == 1
    assert "run make homework" in capsys.readouterr().err


def test_feedback_cannot_do_anything(built, solution, tmp_path):
    evil = 'from IPython.display import HTML\nHTML(\'<script>alert(1)</script><img src="http://example.org/x" onerror="a()">\')'
    noted = with_cell(solution, evil)
    noted.cells[-1].source = "<script>alert(2)</script> <a href='javascript:a()'>x</a>"
    where = tmp_path / "submissions"
    where.mkdir()
    (where / "eve.ipynb").write_text(writes(noted), encoding="utf-8")
    grading.grade_all(where, tmp_path / "grades", built.parent)
    for page in (tmp_path / "grades").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.search(r"<[^>]*(onerror|javascript:)", text)
        assert "default-src 'none'" in text


def test_a_students_test_sees_what_a_faulty_rule_does_to_its_arguments(tmp_path):
    """Arrays that a function of the grader changes are changed in the student's process, and the other way round."""
    cells = ["import numpy as np\ndef watches(rule):\n    g = np.ones(2)\n    rule(g)\n    return g\ndef doubles(x):\n    x *= 2",
             "def twice(rule, x):\n    return rule(rule(x))\ndef half(x):\n    return x / 2"]  # fmt: skip

    def zeroes(g):
        g[...] = 0

    held = session.Session(cells, tmp_path)
    try:
        assert held.get("watches")(zeroes).tolist() == [0, 0]
        array = np.ones(3)
        assert held.get("doubles")(array) is None
        assert array.tolist() == [2, 2, 2]
        assert held.get("twice")(held.get("half"), 8.0) == 2
        assert held.get("twice")(lambda x: held.get("half")(x) + 1, 8.0) == 3.5
    finally:
        held.stop()
