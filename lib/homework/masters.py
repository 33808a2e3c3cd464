"""Reading a master notebook: its questions, points, tests and rubrics, and what no student may see."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

BOUNDARY = re.compile(r"# (BEGIN|END) (QUESTION|SOLUTION|TESTS|PROMPT)")
MARKED = re.compile(r"\s*#\s*(SOLUTION|BEGIN SOLUTION|END SOLUTION)\b.*$")
SHORTEST = 12


@dataclass(frozen=True)
class Test:
    """One hidden test: its points, and what it tests in words."""

    points: float
    says: str


@dataclass
class Question:
    """One question: its name, title and points; ``tests``, or a ``rubric`` if it is read by a person."""

    name: str
    title: str
    points: float
    manual: bool
    tests: list[Test] = field(default_factory=list)
    rubric: str = ""


def name_of(notebook):
    """The name of the assignment in a master or in a student's notebook, or ``None``."""
    for cell in notebook.cells:
        if cell.cell_type == "raw" and cell.source.startswith("# ASSIGNMENT CONFIG"):
            return yaml.safe_load(cell.source).get("name")
    otter = notebook.metadata.get("otter")
    return otter.get("assignment_name") if isinstance(otter, dict) else None


def parts(notebook):
    """Each cell that is no boundary, with the question that it belongs to and the block of it: ``None``, "SOLUTION", …"""
    question, blocks = None, []
    for cell in notebook.cells:
        found = BOUNDARY.match(cell.source) if cell.cell_type == "raw" else None
        if found is None:
            yield cell, question, blocks[-1] if blocks else None
        elif found.groups() == ("BEGIN", "QUESTION"):
            question = yaml.safe_load(cell.source)
        elif found.groups() == ("END", "QUESTION"):
            question = None
        elif found[1] == "BEGIN":
            blocks.append(found[2])
        else:
            blocks.pop()


def questions(notebook):
    """The questions of a master, in their order."""
    found = {}
    for cell, config, block in parts(notebook):
        if config is None:
            continue
        given = Question(config["name"], config["name"], config.get("points", 0), config.get("manual", False))
        question = found.setdefault(config["name"], given)
        if block is None and (title := re.search(r"^#+ (.+)$", cell.source, re.M)) and cell.cell_type == "markdown":
            question.title = title[1] if question.title == question.name else question.title
        elif block == "TESTS":
            question.tests.append(_test(cell.source))
        elif block == "SOLUTION" and (rubric := re.search(r"\*\*Rubric\.?\*\*\s*(.*)", cell.source, re.S)):
            question.rubric = f"{question.rubric}\n\n{rubric[1]}".strip()
    return list(found.values())


def _test(source):
    config, function = ast.parse(source).body[:2]
    points = yaml.safe_load(config.value.value).get("points", 0)
    return Test(points, ast.get_docstring(function) or function.name)


def leaks(student, master):
    """Lines of solutions and tests of the master that stand in a student's copy and nowhere else in the master."""
    secret, public = set(), set()
    for cell, _, block in parts(master):
        lines = [line for line in cell.source.splitlines() if not MARKED.fullmatch(line)]
        hidden = _hidden(cell) if block == "SOLUTION" else lines if block == "TESTS" else []
        secret |= {MARKED.sub("", line).strip() for line in hidden}
        public |= {line.strip() for line in lines if line not in hidden}
    shown = {line.strip() for cell in student.cells for line in cell.source.splitlines()}
    return sorted(line for line in (secret - public) & shown if len(line) >= SHORTEST)


def _hidden(cell):
    """The lines of a cell in a solution block that the student's copy must leave out: all, where none is marked."""
    if cell.cell_type != "code" or "# SOLUTION" not in cell.source.replace("# BEGIN SOLUTION", "# SOLUTION"):
        return cell.source.splitlines()
    hidden, inside = [], False
    for line in cell.source.splitlines():
        inside = (inside or "# BEGIN SOLUTION" in line) and "# END SOLUTION" not in line
        if inside or MARKED.search(line):
            hidden.append(line)
    return hidden


def read(path):
    """A notebook; raises ``ValueError`` with the reason if the file is none."""
    try:
        notebook = nbformat.reads(Path(path).read_text(encoding="utf-8-sig"), as_version=4)
        if not isinstance(notebook.get("cells"), list):
            raise ValueError("it has no cells")
        for cell in notebook.cells:
            cell.source = "".join(cell.source)
    except Exception as error:
        raise ValueError(f"not a notebook that can be read ({type(error).__name__}: {str(error)[:200]})") from None
    return notebook
