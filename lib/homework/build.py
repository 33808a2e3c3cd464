"""Build the assignments: ``python -m lib.homework.build`` makes, for each master notebook of ``homework/``,

- ``student/NAME.ipynb``: questions without solutions and tests; ``colab/NAME.ipynb``: the same with an install cell;
- ``solution/NAME.ipynb``: solutions, executed; ``key.html``: the same with points, tests and rubrics, for instructors;
- ``autograder.zip``: hidden tests in the form that Gradescope and ``otter run`` take;
- ``questions.json``: names, titles, points and rubrics, for the grader.

A course has a word of its own: it changes every student's numbers and the seeds of the hidden tests.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
import tomllib
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient

from lib import install
from lib.fork import repository
from lib.notebooks import normalise, written

from . import masters
from .pages import notebook_html, render
from .variants import Variant

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "homework"
SETTINGS = "otter.yml"


def course_word(course):
    """The word of a course that students may see; the hidden seeds cannot be worked out from it."""
    return hashlib.sha256(f"students/{course}".encode()).hexdigest()[:10]


def hidden_seed(course, assignment):
    """The seed of the hidden tests of one assignment in one course."""
    return int.from_bytes(hashlib.sha256(f"tests/{course}/{assignment}".encode()).digest()[:4], "big") >> 1


def with_course(master, course):
    """A copy of a master whose words COURSE and HIDDEN have their values."""
    name, copy = masters.name_of(master), deepcopy(master)
    values = {"COURSE": repr(course_word(course)), "HIDDEN": str(hidden_seed(course, name))}
    for cell in copy.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.rstrip().endswith("# IGNORE")]
            cell.source = re.sub(r"\b(?:COURSE|HIDDEN)\b", lambda word: values[word.group()], "\n".join(lines))
    return copy


def dependencies(root=ROOT):
    """What the library needs; at Gradescope the library itself is in ``autograder.zip``."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def build(path, out=BUILT, *, course="downhill", students=(), execute=True):
    """Build one assignment from its master at ``path`` into a folder of its name in ``out``, which is returned.

    ``students``: ids; each gets a copy with the id filled in. Raises ``ValueError`` if a student's copy shows a solution
    or a test. If anything fails, the folder stays as it was.
    """
    master = with_course(masters.read(path), course)
    name = masters.name_of(master)
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=out) as draft:
        _build(path, master, name, Path(draft) / name, students, execute)
        shutil.rmtree(out / name, ignore_errors=True)
        (Path(draft) / name).rename(out / name)
    return out / name


def _build(path, master, name, target, students, execute):
    from otter.assign import main as assign

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder).resolve()
        source = normalise(master)
        source.cells[0].source = "# ASSIGNMENT CONFIG\n" + yaml.safe_dump(
            yaml.safe_load(master.cells[0].source) | {"requirements": dependencies(), "autograder_files": ["lib"]}
        )
        shutil.copytree(ROOT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        nbformat.write(source, folder / f"{name}.ipynb")
        shutil.copy(Path(path).parent / SETTINGS, folder)
        assign(str(folder / f"{name}.ipynb"), str(folder / "made"))
        student = normalise(masters.read(folder / "made" / "student" / f"{name}.ipynb"))
        solution = normalise(masters.read(folder / "made" / "autograder" / f"{name}.ipynb"))
        for cell in student.cells:
            cell.metadata.pop("mystnb", None)
        if shown := masters.leaks(student, master):
            raise ValueError(f"{name}: the student's copy shows what it must not: {shown[:3]}")
        (zipped,) = (folder / "made" / "autograder").glob("*.zip")
        target.mkdir()
        shutil.move(zipped, target / "autograder.zip")
    if execute:
        client = NotebookClient(solution, timeout=300, kernel_name="python3", record_timing=False)
        client.execute(cwd=str(ROOT / "homework"))
    _write(target / "student" / f"{name}.ipynb", student)
    for given in students:
        _write(target / "student" / f"{name}-{given}.ipynb", _for(student, given))
    _write(target / "colab" / f"{name}.ipynb", _colab(student))
    _write(target / "solution" / f"{name}.ipynb", solution)
    asked = masters.questions(master)
    (target / "questions.json").write_text(json.dumps([asdict(question) for question in asked]), encoding="utf-8")
    page = render("key.html", name=name, questions=asked, body=notebook_html(solution))
    (target / "key.html").write_text(page, encoding="utf-8")


def _write(path, notebook):
    path.parent.mkdir(exist_ok=True)
    path.write_text(written(notebook), encoding="utf-8", newline="\n")


def _for(student, given):
    """A copy for one student, with the id filled in."""
    copy = deepcopy(student)
    for cell in copy.cells:
        cell.source = re.sub(r'^student = "anonymous".*$', lambda _: f"student = {given!r}", cell.source, flags=re.M)
    return copy


def _colab(student):
    copy = deepcopy(student)
    copy.cells.insert(0, nbformat.v4.new_code_cell(install.cell("lib.homework", *repository(ROOT)), id="install"))
    return copy


def ids(path):
    """The course ids in a file, one a line. Raises ``ValueError`` for one that is no id, or cannot stand in a file's name."""
    found = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    for given in found:
        Variant("any", given)
        if not re.fullmatch(r"[\w.@+-]+", given):
            raise ValueError(f"{path}: the course id {given!r} cannot stand in a file's name; letters, digits and . _ @ + - can")
    return found


def _one(arguments):
    path, out, course, students = arguments
    try:
        return f"done    {build(path, out, course=course, students=students)}"
    except Exception as error:
        return f"FAILED  {path}\n{type(error).__name__}: {error}"


def main(arguments=None):
    """Build all assignments, or those named; returns the number that failed."""
    parser = argparse.ArgumentParser(prog="python -m lib.homework.build", description=__doc__.split("\n\n")[0])
    parser.add_argument("masters", nargs="*", type=Path, help="master notebooks (default: all of homework/)")
    parser.add_argument("--out", type=Path, default=BUILT)
    parser.add_argument("--course", default="", help="a word or sentence that only the instructor knows")
    parser.add_argument("--students", type=Path, help="a file of course ids, one a line: a copy for each")
    given = parser.parse_args(arguments)
    try:
        students = ids(given.students) if given.students else ()
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    paths = given.masters or sorted((ROOT / "homework").glob("*.ipynb"))
    if not given.course:
        print("No COURSE was given, so that anybody can know the seeds of these hidden tests.", file=sys.stderr)
    failed = 0
    with ProcessPoolExecutor() as pool:
        for line in pool.map(_one, [(path, given.out, given.course or "downhill", students) for path in paths]):
            failed += line.startswith("FAILED")
            print(line, flush=True)
    return failed


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(min(main(), 1))
