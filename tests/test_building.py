"""Building, on a small assignment: what of its master each copy holds, and pages that can do nothing."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from nbformat import from_dict, writes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from sample import ROOT, master, write_master

from lib import install
from lib.fork import repository
from lib.homework import build as building
from lib.homework import masters, pages


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return building.build(write_master(folder), folder / "built", course="blue whale", students=("ada", "bob-2"))


def with_cell(notebook, source, place=3):
    copy = deepcopy(notebook)
    copy.cells.insert(place, new_code_cell(source))
    return copy


# What a build holds.


def test_a_build_has_every_part(built):
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert files == {
        "student/sample.ipynb", "student/sample-ada.ipynb", "student/sample-bob-2.ipynb", "colab/sample.ipynb",
        "solution/sample.ipynb", "autograder.zip", "key.html", "questions.json",
    }  # fmt: skip


def test_a_students_own_copy_has_the_id(built):
    assert 'student = "anonymous"' in writes(masters.read(built / "student" / "sample.ipynb")).replace("\\", "")
    assert "student = 'ada'" in writes(masters.read(built / "student" / "sample-ada.ipynb"))


def test_the_install_cell_names_the_books_repository(built):
    first = masters.read(built / "colab" / "sample.ipynb").cells[0].source
    assert install.requirement(*repository()) in first
    with zipfile.ZipFile(built / "autograder.zip") as zipped:
        assert "numpy>=" in zipped.read("environment.yml").decode()
        assert {"files/lib/rules.py", "files/lib/homework/properties.py", "files/lib/data/fashion.npz"} <= {
            *zipped.namelist()
        }
        assert not re.search(r"\b(HIDDEN|COURSE)\b", zipped.read("tests/q2.py").decode())


def test_a_course_changes_numbers_and_seeds_and_its_word_is_not_shown(built):
    assert building.hidden_seed("a", "sample") != building.hidden_seed("b", "sample")
    assert building.course_word("a") != building.course_word("b")
    for edition in ("student", "colab", "solution"):
        text = writes(masters.read(built / edition / "sample.ipynb"))
        assert "blue whale" not in text
        assert str(building.hidden_seed("blue whale", "sample")) not in text
        assert building.course_word("blue whale") in text


def test_equations_become_mathml_and_money_does_not():
    text = r"$$\begin{aligned} a &= b \\ &< c \end{aligned}$$ and $m_t$, for $5 and $6, and $\nonsense{$"
    page = pages.notebook_html(new_notebook(cells=[new_markdown_cell(text)]))
    assert page.count("<math") == 2 and page.count("<mtr") == 2
    assert "$5 and $6" in page and "&amp;" not in page


def test_the_key_has_tests_and_rubric_and_can_do_nothing(built):
    page = (built / "key.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("Its path along all streams.", "5 points: why.", "<math"))
    assert "<script" not in page


@pytest.mark.parametrize(
    "line",
    ["    m = mu * m + g / 2", "    require(same_path(mine, 1, reference, seed=HIDDEN))", "Since $a < b$, it is."],
)
def test_a_solution_or_a_test_in_a_students_copy_is_found_out(built, line):
    copy = masters.read(built / "student" / "sample.ipynb")
    assert masters.leaks(copy, master()) == []
    assert masters.leaks(with_cell(copy, f"first = 1\n{line}"), master()) == [line.strip()]


def test_ids_of_students_are_read_as_any_editor_writes_them(tmp_path, capsys):
    path = tmp_path / "ids.txt"
    path.write_text("\ufeffada\r\n\n  bob-2 \nZoë@uni.example\n", encoding="utf-8")
    assert building.ids(path) == ["ada", "bob-2", "Zoë@uni.example"]
    for wrong in ("Mary Ann", "a/b", "a\\b"):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match="cannot stand in a file's name"):
            building.ids(path)
    assert building.main(["--students", str(tmp_path / "missing.txt")]) == 1
    assert "missing.txt" in capsys.readouterr().err


def test_words_and_seeds_of_a_course():
    assert building.course_word("a b") == hashlib.sha256(b"students/a b").hexdigest()[:10]
    assert building.hidden_seed("a b", "x") == int(hashlib.sha256(b"tests/a b/x").hexdigest()[:8], 16) // 2


def test_a_course_is_written_into_code_and_nowhere_else():
    given = master()
    given.cells += [new_code_cell("COURSES = HIDDEN_1 = COURSE, HIDDEN\nx = 1  # IGNORE \ny = 2"), new_markdown_cell("COURSE # IGNORE")]
    made = building.with_course(given, "a b")
    word, seed = building.course_word("a b"), building.hidden_seed("a b", "sample")
    assert [cell.source for cell in made.cells[-2:]] == [f"COURSES = HIDDEN_1 = {word!r}, {seed}\ny = 2", "COURSE # IGNORE"]
    assert given.cells[-2].source.startswith("COURSES = HIDDEN_1 = COURSE")


def test_a_build_holds_what_was_run_and_only_where_that_is_meant(built):
    count = lambda edition: sum(bool(cell.get("outputs")) for cell in masters.read(built / edition / "sample.ipynb").cells)
    assert (count("student"), count("colab")) == (0, 0) and count("solution") >= 2
    colab = masters.read(built / "colab" / "sample.ipynb")
    assert (colab.cells[0].id, colab.cells[0].cell_type) == ("install", "code")
    assert [cell.source for cell in colab.cells[1:]] == [cell.source for cell in masters.read(built / "student" / "sample.ipynb").cells]
    asked = json.loads((built / "questions.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["points"], len(each["tests"])) for each in asked] == [("q1", 4, 1), ("q2", 2, 1), ("q3", 4, 2), ("q4", 5, 0)]


def test_what_the_library_needs_is_installed_where_it_is_graded(built):
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert building.dependencies() == needed
    with zipfile.ZipFile(built / "autograder.zip") as zipped:
        wanted = zipped.read("environment.yml").decode()
        assert all(each in wanted for each in needed)
        assert not any("__pycache__" in name or "/." in name for name in zipped.namelist())


def test_a_build_that_fails_leaves_the_last_one(tmp_path, monkeypatch):
    path, out = write_master(tmp_path), tmp_path / "out"
    made = building.build(path, out, execute=False)
    assert not any(cell.get("outputs") for cell in masters.read(made / "solution" / "sample.ipynb").cells)
    before = {file: file.read_bytes() for file in made.rglob("*") if file.is_file()}
    monkeypatch.setattr(masters, "leaks", lambda student, master: ["a", "b", "c", "d"])
    with pytest.raises(ValueError, match=re.escape("sample: the student's copy shows what it must not: ['a', 'b', 'c']")):
        building.build(path, out, execute=False)
    assert {file: file.read_bytes() for file in made.rglob("*") if file.is_file()} == before
    assert [file.name for file in out.iterdir()] == ["sample"]


def test_what_only_the_site_needs_to_know_of_a_cell_is_not_in_a_students_copy_and_the_rest_is(tmp_path):
    path = write_master(tmp_path)
    given = masters.read(path)
    given.cells[2].metadata["mystnb"] = {"x": 1}
    given.cells.append(new_markdown_cell("That is all.", id="end"))
    path.write_text(writes(given), encoding="utf-8")
    made = building.build(path, tmp_path / "a" / "new" / "folder", execute=False)
    copy = masters.read(made / "student" / "sample.ipynb")
    assert all("mystnb" not in cell.metadata for cell in copy.cells)
    assert copy.cells[-1].source.endswith("That is all.")


def test_a_course_is_given_by_name(tmp_path):
    with pytest.raises(TypeError, match="positional"):
        building.build(write_master(tmp_path), tmp_path, "blue whale")


def test_a_build_does_not_depend_on_the_time(built):
    for path in built.rglob("*.ipynb"):
        assert not any("execution" in cell.metadata for cell in masters.read(path).cells), path


def test_the_command_builds_what_it_can_and_counts_the_rest(tmp_path, capsys):
    path, out = write_master(tmp_path), tmp_path / "out"
    (tmp_path / "ids.txt").write_text("eve\n", encoding="utf-8")
    missing = tmp_path / "missing.ipynb"
    given = [str(path), str(missing), "--out", str(out), "--course", "a b", "--students", str(tmp_path / "ids.txt")]
    assert building.main(given) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == [f"done    {out / 'sample'}", f"FAILED  {missing}"] and said.err == ""
    assert building.course_word("a b") in (out / "sample" / "student" / "sample-eve.ipynb").read_text(encoding="utf-8")
    assert building.main([str(path), "--out", str(out)]) == 0
    assert "No COURSE was given" in capsys.readouterr().err
    assert building.course_word("downhill") in (out / "sample" / "student" / "sample.ipynb").read_text(encoding="utf-8")


def test_without_names_the_command_builds_every_assignment(monkeypatch, capsys):
    asked = []

    class Pool(ThreadPoolExecutor):
        def map(self, function, jobs):
            asked.extend(jobs)
            return []

    monkeypatch.setattr(building, "ProcessPoolExecutor", Pool)
    assert building.main([]) == 0
    every = sorted((ROOT / "homework").glob("*.ipynb"))
    assert len(every) > 3 and asked == [(path, building.BUILT, "downhill", ()) for path in every]
    with pytest.raises(SystemExit):
        building.main(["--help"])
    assert "Build the assignments" in capsys.readouterr().out


def test_the_commands_exit_code_says_whether_all_was_built(tmp_path):
    command = [sys.executable, "-m", "lib.homework.build", "--course", "x", "--out", str(tmp_path)]
    assert subprocess.run([*command, "missing.ipynb", "none.ipynb"], cwd=ROOT, capture_output=True).returncode == 1


# Masters.


def test_the_questions_of_a_master():
    assert masters.questions(master()) == [
        masters.Question("q1", "1. A rule", 4, False, [masters.Test(4, "Its path along all streams.")]),
        masters.Question("q2", "2. A number", 2, False, [masters.Test(2, "The number of this student.")]),
        masters.Question("q3", "3. Tests", 4, False, [masters.Test(2, "A fault: uphill."), masters.Test(2, "A fault: forgets.")]),
        masters.Question("q4", "4. On paper", 5, True, [], "5 points: why."),
    ]


def asked(*cells, config="name: q9"):
    """The questions of a master with one question of these cells."""
    return masters.questions(new_notebook(cells=[new_raw_cell(f"# BEGIN QUESTION\n{config}"), *cells, new_raw_cell("# END QUESTION")]))


def test_a_question_has_its_first_heading_and_all_its_rubrics():
    begin, end = new_raw_cell("# BEGIN SOLUTION"), new_raw_cell("# END SOLUTION")
    inside = [begin, new_markdown_cell("# Not this"), new_markdown_cell("**Rubric.** One."), new_markdown_cell("**Rubric** Two."), end]
    assert asked(*inside, new_code_cell("# nor this"), new_markdown_cell("x\n## The title\n# y"), new_markdown_cell("# Later")) == [
        masters.Question("q9", "The title", 0, False, [], "One.\n\nTwo.")
    ]
    assert asked(config="name: q9\npoints: 3\nmanual: true", *[new_markdown_cell("text")]) == [masters.Question("q9", "q9", 3, True)]


def test_a_test_without_words_has_the_name_of_its_function():
    tests = [new_raw_cell("# BEGIN TESTS"), new_code_cell('"""\nhidden: true\n"""\ndef right(x):\n    pass'), new_raw_cell("# END TESTS")]
    assert asked(*tests)[0].tests == [masters.Test(0, "right")]


def test_a_test_of_a_master_cannot_be_changed():
    with pytest.raises(AttributeError):
        masters.Test(1, "x").points = 2


def test_blocks_end_where_they_end():
    raw = [new_raw_cell(text) for text in ("# BEGIN QUESTION\nname: a", "# BEGIN SOLUTION", "# BEGIN TESTS", "# END TESTS", "# END SOLUTION", "# END QUESTION")]
    notebook = new_notebook(cells=[cell for each in raw for cell in (each, new_code_cell("x"))] + [new_raw_cell("other")])
    assert [(question and question["name"], block) for _, question, block in masters.parts(notebook)] == [
        ("a", None), ("a", "SOLUTION"), ("a", "TESTS"), ("a", "SOLUTION"), ("a", None), (None, None), (None, None),
    ]  # fmt: skip


def test_the_name_of_an_assignment():
    assert masters.name_of(master()) == "sample"
    for otter, name in (({"assignment_name": "a"}, "a"), ({}, None), ("a", None), (None, None)):
        assert masters.name_of(new_notebook(metadata={"otter": otter})) == name
    assert masters.name_of(new_notebook(cells=[new_raw_cell("x"), new_markdown_cell("# ASSIGNMENT CONFIG\nname: b")])) is None


def in_solution(*cells):
    return new_notebook(cells=[new_raw_cell("# BEGIN SOLUTION"), *cells, new_raw_cell("# END SOLUTION"), new_code_cell("a public line")])


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("first_line = 1\nsecond_line = 2", ["first_line = 1", "second_line = 2"]),
        ("first_line = 1\nsecond_line = 2  # SOLUTION", ["second_line = 2"]),
        ("def f(x):\n    # BEGIN SOLUTION\n    second_line = 2\n    # END SOLUTION\nthird_line_ = 3", ["second_line = 2"]),
        ("first_line = 1  # SOLUTION NO PROMPT\na public line", ["first_line = 1"]),
        ("elevens = 1\ntwelves_ = 1", ["twelves_ = 1"]),
    ],
)
def test_which_lines_of_a_solution_are_secret(source, secret):
    shown = new_notebook(cells=[new_code_cell(re.sub(r" *# (BEGIN |END )?SOLUTION.*", "", source) + "\na public line")])
    assert masters.leaks(shown, in_solution(new_code_cell(source))) == secret


def test_all_of_a_solution_in_words_is_secret():
    words = "Since it is so.\n\nAnd here is the # SOLUTION."
    assert masters.leaks(new_notebook(cells=[new_markdown_cell(words)]), in_solution(new_markdown_cell(words))) == ["Since it is so."]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [{"cell_type": "raw", "source": 5, "metadata": {}, "id": "x"}], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', '{"cells": 3, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "x" * 500])
def test_what_is_no_notebook_is_said_in_few_words(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="^not a notebook that can be read") as found:
        masters.read(tmp_path / "a.ipynb")
    assert len(str(found.value)) < 270


def test_a_file_with_a_long_name_is_not_named_in_full(tmp_path):
    path = tmp_path / ("x" * 240)
    with pytest.raises(OSError) as reason:
        path.read_text(encoding="utf-8")
    with pytest.raises(ValueError) as found:
        masters.read(path)
    assert str(found.value) == f"not a notebook that can be read ({reason.type.__name__}: {str(reason.value)[:200]})"


@pytest.mark.parametrize(("metadata", "read"), [({}, {}), ({"tags": ["x"]}, {"tags": ["x"]})])
def test_a_notebook_is_read_as_any_program_writes_it(tmp_path, metadata, read):
    cells = [{"cell_type": "code", "source": ["a\n", "b"], "outputs": [], "execution_count": None, "metadata": metadata, "id": "x"}]
    text = json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8-sig")
    (cell,) = masters.read(tmp_path / "a.ipynb").cells
    assert (cell.source, cell.metadata) == ("a\nb", read)


# Pages.


def page_of(*cells):
    return str(pages.notebook_html(new_notebook(cells=[*cells])))


def test_what_could_do_anything_is_no_part_of_a_page():
    html = '<script>alert(1)</script><p onclick="x()">a</p><img src="javascript:y" alt="b"><a href="data:,c" title="t">d</a>'
    page = page_of(new_markdown_cell(html), new_code_cell("x", outputs=[new_output("display_data", {"text/html": html})]))
    assert not re.search(r"<script|onclick|javascript:|&lt;script", page)
    assert page.count('<a href="data:,c" title="t">d</a>') == 2


def test_equations_of_a_page():
    page = page_of(new_markdown_cell("$$x\n= 1$$ and $y < 2$, $ z$ $5$6 and $\\nonsense{$."))
    assert page.count("<math") == 2 and page.count('display="block"') == page.count('display="inline"') == 1
    assert "$ z$" in page and "$5$6" in page and "nonsense{$" in page
    assert re.search('display="block"><mrow><mi>x</mi>', page) and re.search('display="inline"><mrow><mi>y</mi>', page)
    assert r"$\href{javascript:x}{y}$" in page_of(new_markdown_cell(r"$\href{javascript:x}{y}$"))
    assert "<mtable" in page_of(new_markdown_cell("$$\\begin{gathered} a \\\\ b \\end{gathered}$$"))


def test_a_page_has_neither_numbers_of_cells_nor_marks_beside_headings():
    output = new_output("execute_result", {"text/plain": "7"}, execution_count=3)
    page = page_of(new_markdown_cell("# Title"), new_code_cell("x", execution_count=3, outputs=[output]))
    assert "Title" in page and "7" in page and not re.search(r"In|Out|\[3\]|¶", page)


def test_half_a_pair_of_surrogates_is_a_question_mark():
    assert "a?b" in page_of(from_dict({"cell_type": "markdown", "source": "a\ud800b", "metadata": {}, "id": "x"}))


def test_what_pages_are_made_with_is_made_once():
    assert pages._templates() is pages._templates() and pages._exporter() is pages._exporter()


def test_numbers_in_pages_are_short_and_words_are_escaped():
    filters = pages._templates().filters
    assert (filters["number"](2.50), filters["number"](3.0)) == ("2.5", "3")
    assert "<em>so</em>" in filters["prose"]("*so*")
    assert pages._templates().from_string("{{ x }}\n  {% if x %}\ny\n{% endif %}").render(x="<") == "&lt;\ny\n"
    page = pages.render("key.html", name="a\ud800", questions=[], body="")
    assert "a?" in page
