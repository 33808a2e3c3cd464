"""Scores go to the right students of Canvas' gradebook, or nowhere."""

import csv
import runpy

import pytest

from lib.homework import canvas

EXPORT = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (501),Homework 10 (502),Final Score
    Points Possible,,,,,100.00,100.00,(read only)
"Doe, Jane",1234,s1,jdoe,A,,7,
"Poe, Édgar",99,s2,epoe,A,3.0,,
"Roe, River",5,s3,rroe,B,,,
"""
GRADES = """\
file,student,assignment,status,score
doejane_LATE_1234_56789_noise_floor-ada.ipynb,ada,noise_floor,graded,71.5
late/poeedgar_99_77_my_2_3_work.ipynb,bob,noise_floor,graded,100
poeedgar_99_78_velocity.ipynb,bob,velocity,graded,12
roeriver_5_79_essay.ipynb,,,not graded,0
"""


@pytest.fixture
def files(tmp_path):
    for name, text in {"export.csv": EXPORT, "grades.csv": "\ufeff" + GRADES}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(files, assignment="noise_floor", name="Homework 1"):
    return canvas.main([str(files / "export.csv"), str(files / "grades.csv"), assignment, name])


def test_each_score_goes_to_its_student_and_nothing_else_changes(files, capsys):
    assert run(files) == 0
    before, after = canvas.table(files / "export.csv"), canvas.table(files / "export-filled.csv")
    changed = {(a[0], i): b[i] for a, b in zip(before, after, strict=True) for i in range(len(a)) if a[i] != b[i]}
    assert changed == {("Doe, Jane", 5): "71.5", ("Poe, Édgar", 5): "100"}
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("scores: 2, in ")
    assert said[1:] == ["no score from roeriver_5_79_essay.ipynb"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("roeriver_5_79_essay.ipynb,,,", "doejane_1234_80_again.ipynb,ada,noise_floor,", "are by one student"),
        ("doejane_LATE_1234_", "doejane_LATE_4321_", "no student with the number 4321"),
        ("file,student", "name,student", "no columns file, assignment, score"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(files, capsys, old, new, says):
    (files / "grades.csv").write_text(GRADES.replace(old, new), encoding="utf-8")
    assert run(files) == 1
    assert says in capsys.readouterr().err
    assert not (files / "export-filled.csv").exists()


@pytest.mark.parametrize("name", ["Homework", "Homework 2", ""])
def test_a_column_that_is_not_there_is_refused(files, capsys, name):
    assert run(files, name=name) == 1
    assert "0 columns of the gradebook are called" in capsys.readouterr().err


def test_another_file_than_canvas_gradebook_is_refused(files, capsys):
    (files / "export.csv").write_text("Student;ID;Homework 1\n", encoding="utf-8")
    assert run(files) == 1
    assert "no column ID" in capsys.readouterr().err


def test_a_short_row_gets_its_score_and_any_other_stays(files):
    export = [["Student", "ID", "Section", "Homework 1"], ["Doe", "1234"], ["a note"], [], ["Poe", "99", "A"], ["Roe", "5", "B", ""]]
    filled = canvas.filled(export, {"1234": "7", "99": "8"}, "Homework 1")
    assert filled == [export[0], ["Doe", "1234", "", "7"], ["a note"], [], ["Poe", "99", "A", "8"], ["Roe", "5", "B", ""]]


def test_a_table_of_three_columns_is_enough():
    rows = [["score", "file", "assignment"], ["7", "a_12_3_b.ipynb", "velocity"]]
    assert canvas.scores(rows, "velocity") == ({"12": "7"}, [])


def test_a_table_that_cannot_be_written_is_said(files, capsys):
    (files / "export-filled.csv").mkdir()
    assert run(files) == 1
    assert "export-filled.csv" in capsys.readouterr().err


def test_the_command_takes_what_stands_behind_it(files, monkeypatch, capsys):
    words = [str(files / "export.csv"), str(files / "grades.csv"), "noise_floor", "Homework 1"]
    monkeypatch.setattr("sys.argv", ["canvas", *words])
    with pytest.warns(RuntimeWarning, match="found in sys.modules"), pytest.raises(SystemExit) as ended:
        runpy.run_module("lib.homework.canvas", run_name="__main__")
    assert ended.value.code == 0 and capsys.readouterr().out.startswith("scores: 2, in ")


def test_a_missing_argument_or_file_is_said_in_a_line(files, capsys):
    assert canvas.main([]) == 2
    assert "python -m lib.homework.canvas EXPORT.csv" in capsys.readouterr().err
    assert canvas.main([]) == 2
    assert canvas.main([str(files / "nowhere.csv"), str(files / "grades.csv"), "noise_floor", "Homework 1"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_filled_gradebook_is_a_table_that_csv_reads(files):
    run(files)
    with (files / "export-filled.csv").open(encoding="utf-8", newline="") as file:
        assert {len(row) for row in csv.reader(file)} == {8}
