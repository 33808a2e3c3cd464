"""Every assignment, from its master to a grade: solution, blank, and the faults that each must lose points for.

``tests/homework/NAME.yml`` lists faulty submissions: changes of the solution's text, and the points that they lose.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from nbformat import writes

from lib.homework import grade, masters
from lib.homework.build import build

ROOT = Path(__file__).resolve().parents[1]
MASTERS = sorted((ROOT / "homework").glob("*.ipynb"))
COURSE = "a course of the tests"


@pytest.fixture(scope="module", params=MASTERS, ids=lambda path: path.stem)
def built(request, tmp_path_factory):
    """The folder of one assignment, built for a course of its own, not executed."""
    return build(request.param, tmp_path_factory.mktemp("built"), course=COURSE, execute=False)


def questions(built):
    return json.loads((built / "questions.json").read_text(encoding="utf-8"))


def graded(path, built):
    """Points of each checked question, and the whole result."""
    result = grade.grade(path, built.parent, seconds=200)
    assert [each["name"] for each in result["questions"]] == [each["name"] for each in questions(built)], result[
        "notes"
    ]
    return {each["name"]: each["score"] for each in result["questions"] if not each["manual"]}, result


def failures(result):
    return [(each["name"], test["says"], test["message"]) for each in result["questions"] for test in each["tests"]
            if not test["passed"]]  # fmt: skip


def full(built):
    return {each["name"]: each["points"] for each in questions(built) if not each["manual"]}


def faults(built):
    return yaml.safe_load((ROOT / "tests" / "homework" / f"{built.name}.yml").read_text(encoding="utf-8"))


def test_the_points_add_up(built):
    asked = questions(built)
    assert sum(each["points"] for each in asked) == 100
    assert 55 <= sum(full(built).values()) <= 80
    for each in asked:
        if each["manual"]:
            criteria = re.findall(r"(?<![\d.])(\d+(?:\.5)?) points?", each["rubric"])
            assert sum(map(float, criteria)) == each["points"], (each["name"], each["rubric"])
        else:
            assert sum(test["points"] for test in each["tests"]) == pytest.approx(each["points"])


def test_the_students_copy_shows_no_solution_and_no_test(built):
    master = masters.read(ROOT / "homework" / f"{built.name}.ipynb")
    for edition in ("student", "colab"):
        copy = masters.read(built / edition / f"{built.name}.ipynb")
        text = writes(copy)
        assert masters.leaks(copy, master) == []
        assert not re.search(r"SOLUTION|BEGIN TESTS|BEGIN TEST CONFIG|HIDDEN|Rubric|hidden_seed", text)
        assert not any(cell.get("outputs") for cell in copy.cells)


def test_the_solution_gets_full_marks(built):
    points, result = graded(built / "solution" / f"{built.name}.ipynb", built)
    assert failures(result) == []
    assert points == full(built)
    assert result["status"] == "graded"
    assert result["notes"] == result["refused"] == []
    assert all(result["answers"].values())


def test_the_blank_gets_nothing_and_runs_without_an_error(built):
    points, result = graded(built / "student" / f"{built.name}.ipynb", built)
    assert set(points.values()) == {0}
    assert result["status"] == "graded"
    assert result["notes"] == []


def test_another_student_has_other_numbers_and_full_marks_too(built, tmp_path):
    copy = masters.read(built / "solution" / f"{built.name}.ipynb")
    for cell in copy.cells:
        cell.source = cell.source.replace('student = "anonymous"', 'student = "someone-else"')
    path = tmp_path / f"{built.name}.ipynb"
    path.write_text(writes(copy), encoding="utf-8")
    points, result = graded(path, built)
    assert failures(result) == []
    assert points == full(built)
    assert result["student"] == "someone-else"


def broken(built, change):
    """The solution with a change of its code, without the code of the questions that are read, which takes time."""
    copy = masters.read(built / "solution" / f"{built.name}.ipynb")
    titles, read = [each["title"] for each in questions(built) if each["manual"]], False
    for cell in copy.cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            read = any(title in cell.source for title in titles)
        elif read and not any(old in cell.source for old, _ in change):
            cell.source = ""
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    for old, new in change:
        assert sum(cell.source.count(old) for cell in code) == 1, f"{old!r} must stand in the solution once"
        for cell in code:
            cell.source = cell.source.replace(old, new)
    return copy


def together(listed):
    """The faults in groups that lose points in different questions: one submission can have a whole group.

    A fault of the first question is alone, since others use what is written there.
    """
    groups = []
    for fault in listed:
        lost = fault["loses"].keys()
        free = (group for group in groups if not any({"q1", *lost} & other["loses"].keys() for other in group))
        group = None if "q1" in lost else next(free, None)
        groups.append([fault]) if group is None else group.append(fault)
    return groups


def test_faulty_submissions_lose_the_right_points(built):
    listed = faults(built)
    assert len(listed) >= 10
    groups = together(listed)

    def lost(number):
        change = [each for fault in groups[number] for each in fault["change"]]
        result = grade.checked(broken(built, change), built, seconds=200)
        points = {each["name"]: each["score"] for each in result["questions"]}
        return {name: most - points[name] for name, most in full(built).items() if points[name] != most}

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lost, range(len(groups))))
    for group, points in zip(groups, found):
        for fault in group:
            assert {name: points.get(name) for name in fault["loses"]} == fault["loses"], (fault["fault"], points)
        assert points.keys() == {name for fault in group for name in fault["loses"]}, (group, points)


def test_faults_of_one_question_or_of_the_first_are_not_put_together():
    first, second, third, both = ({"loses": dict.fromkeys(names.split(), 1)} for names in ("q1", "q2", "q3", "q2 q3"))
    assert together([first, second, third, both, first]) == [[first], [second, third], [both], [first]]
