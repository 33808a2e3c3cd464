"""Grade a folder of notebooks: ``python -m lib.homework.grade SUBMISSIONS OUT``.

Each submission is graded by a process of its own, which runs the notebook in a further, confined one and calls its
functions from there: tests never meet a student's code (:mod:`lib.homework.session`). ``OUT`` gets

- ``grades.csv``: a row for every file, whatever it held;
- ``by_hand.csv``: the questions that a person reads; points and comments filled in there are added the next time;
- ``feedback/*.html``: a page for each submission; ``reading/*.html``: all answers to one read question, with its rubric;
- ``results/*.json``: what was found; what has not changed since is not graded again.
"""

import argparse
import contextlib
import csv
import difflib
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import psutil
from nbformat import from_dict
from nbformat.v4 import new_notebook
from tqdm import tqdm

from ..files import draft, write
from . import masters, sandbox
from .build import BUILT
from .pages import notebook_html, render
from .session import Session, Stopped

FIXED = ("file", "student", "assignment", "status", "score", "out_of", "checked", "checked_out_of", "by_hand",
         "by_hand_out_of", "seconds", "notes")  # fmt: skip
READ = ("file", "student", "assignment", "question", "title", "out_of", "points", "comment")
START = 30
PATIENCE = 40


# One submission, in a process of its own.


def grade(path, built=BUILT, *, seconds=120, memory=2 << 30):
    """Grade one notebook; returns a dict that holds everything which the pages and tables show.

    ``seconds``: for the notebook and its tests together. ``memory``: bytes for the notebook's process.
    """
    began = time.monotonic()
    try:
        notebook = masters.read(path)
        name = assignment_of(notebook, path, built)
    except ValueError as error:
        return _result([str(error)], time.monotonic() - began)
    result = checked(notebook, Path(built) / name, seconds=seconds, memory=memory)
    titles = [each["title"] for each in result["questions"]]
    answers = {each["name"]: _answer(notebook, each["title"], titles) for each in result["questions"] if each["manual"]}
    return result | {"body": notebook_html(notebook), "answers": answers, "seconds": time.monotonic() - began}


def checked(notebook, built, *, seconds=120, memory=2 << 30):
    """Run a notebook, which gets its outputs, through the tests of an assignment; returns what they found.

    ``built``: the folder of the assignment; else as :func:`grade`, without the pages.
    """
    began = time.monotonic()
    asked = json.loads((built / "questions.json").read_text(encoding="utf-8"))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as tests:
        for file, content in hidden_tests(built / "autograder.zip").items():
            (Path(tests) / file).write_bytes(content)
        session = Session([cell.source for cell in code], home, seconds=seconds, memory=memory)
        try:
            questions = [_question(each, Path(tests), session) for each in asked]
            student = _student(session)
            notes = [*session.notes, *_missing(session), *_errors(session)]
        finally:
            session.stop()
    for cell, outputs in zip(code, session.outputs):
        cell.outputs = [from_dict(output) for output in outputs]
    status = "graded in part" if session.notes else "graded"
    return _result(notes, time.monotonic() - began) | {
        "student": student, "assignment": built.name, "status": status, "questions": questions, "refused": session.refused
    }  # fmt: skip


def assignment_of(notebook, path, built):
    """The assignment that a notebook answers: from its metadata, its text or its file's name. Raises ``ValueError``."""
    known = sorted((folder.parent.name for folder in Path(built).glob("*/autograder.zip")), key=len, reverse=True)
    text = "\n".join(cell.source for cell in notebook.cells)
    said = re.search(r"Variant\(\s*['\"](\w+)", text)
    found = [masters.name_of(notebook), said and said[1], *(name for name in known if name in Path(path).stem)]
    for name in found:
        if name in known:
            return name
    raise ValueError(f"it answers none of the assignments that were built: {', '.join(sorted(known)) or 'none'}")


def hidden_tests(path):
    """The test files in an ``autograder.zip``: {name: content}."""
    with zipfile.ZipFile(path) as zipped:
        return {
            Path(name).name: zipped.read(name) for name in zipped.namelist() if re.fullmatch(r"tests/\w+\.py", name)
        }


def _question(asked, tests, session):
    """What the tests of one question found, through otter-grader's own test files."""
    from otter.nbmeta_config import NBMetadataConfig
    from otter.test_files import create_test_file

    question = {key: asked[key] for key in ("name", "title", "points", "manual")} | {"score": 0, "tests": []}
    if asked["manual"]:
        return question
    file = create_test_file(str(tests / f"{asked['name']}.py"), NBMetadataConfig({}))
    with contextlib.suppress(Stopped):
        session.run()  # cells have limits of their own
    with patience(PATIENCE):
        file.run(session)
    for says, found in zip(asked["tests"], file.test_case_results):
        question["tests"].append({"says": says["says"], "points": found.test_case.points, "passed": found.passed,
                                  "message": "" if found.passed else _said(found.message)})  # fmt: skip
    return question | {"score": file.score}


@contextlib.contextmanager
def patience(seconds):
    """Raise :class:`~lib.homework.session.Stopped` inside after that time, and again each time that it has passed.

    An answer such as an expression with a sum of 10**9 terms would hold up the grader, where no call is timed. Without
    the timers of POSIX, or outside of the main thread, the time limit of the whole submission has to do.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise Stopped(f"the answer could not be examined in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _said(message):
    """What a failed test says to a student: the finding, or the error, never the line of the test."""
    _, unmet, finding = message.partition("Unmet: ")
    if unmet:
        return finding.removeprefix("✗ ")
    last = message.strip().splitlines()[-1]
    if re.search("NoneType|ellipsis|__array_function__", last):
        return "there is no answer yet, or a function returns nothing"
    return re.sub(r"^(Stopped|AssertionError|RuntimeError): ?", "", last) or "it does not hold"


def _student(session):
    try:
        said = session.get("student", "")
    except (Stopped, RuntimeError, ValueError):
        return ""
    return said[:40] if isinstance(said, str) else ""


def _missing(session):
    """A note for each name that the tests asked for in vain."""
    if not session.missing:
        return
    try:
        there = session.names()
    except Stopped:
        there = []
    for name in session.missing:
        near = difflib.get_close_matches(name, there)
        yield (f"there is no “{name}” in the notebook: was its cell deleted, or its name changed?"
               + (f" It has “{near[0]}”" if near else ""))  # fmt: skip


def _errors(session):
    return [f"code cell {i} ended with {error}" for i, error in enumerate(session.errors, 1) if error][:5]


def _answer(notebook, title, titles):
    """The cells from a question's heading to that of the next question, as HTML; an answer may have headings of its own."""
    cells, inside = [], False
    for cell in notebook.cells:
        headings = re.findall(r"^#+ (.+)$", cell.source, re.M) if cell.cell_type == "markdown" else []
        if asked := [each.strip() for each in headings if each.strip() in titles]:
            inside = title in asked
            continue
        if inside:
            cells.append(cell)
    return notebook_html(new_notebook(cells=cells)) if cells else ""


# Many.


def submissions(folder):
    """Every notebook in a folder and the folders in it, as paths relative to it, sorted."""
    found = Path(folder).rglob("*.ipynb")
    return sorted(path.relative_to(folder) for path in found if ".ipynb_checkpoints" not in path.parts)


def key(path, asked, seconds, memory):
    """Changes when the notebook, what is ``asked`` (see :func:`digest`), or a limit does."""
    return hashlib.sha256(path.read_bytes() + f"{asked} {seconds} {memory}".encode()).hexdigest()[:24]


def digest(built):
    """Changes when a question or a test of an assignment does."""
    found = hashlib.sha256()
    for zipped in sorted(Path(built).glob("*/autograder.zip")):
        found.update(repr(sorted(hidden_tests(zipped).items())).encode())
        found.update((zipped.parent / "questions.json").read_bytes())
    return found.hexdigest()


def grade_apart(path, saved, built, seconds, memory):
    """The result of one submission, from ``saved`` or from a process of its own; never raises for what it holds."""
    if saved.is_file():
        return json.loads(saved.read_text(encoding="utf-8"))
    command = [sys.executable, "-m", "lib.homework.grade", "--one", str(path), str(saved), "--built", str(built)]
    process = subprocess.Popen([*command, "--seconds", str(seconds), "--memory", str(memory / (1 << 30))],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    try:
        _, errors = process.communicate(timeout=seconds + START)
        trouble = errors.decode(errors="replace").strip().splitlines()[-1:] or ["its process ended"]
    except subprocess.TimeoutExpired:
        trouble = ["its answers could not be examined in time"]
    finally:
        _end(process)
    if saved.is_file():
        return json.loads(saved.read_text(encoding="utf-8"))
    return _result(trouble, seconds)


def _result(notes, seconds=0.0):
    return {"student": "", "assignment": "", "status": "not graded", "questions": [], "notes": notes, "refused": [],
            "body": "", "answers": {}, "seconds": seconds}  # fmt: skip


def _end(process):
    """End a process and all that came from it."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    process.stderr.close()


def read_by_hand(path):
    """Points and comments that a person gave: {(file, question): (points, comment)}. Raises ``ValueError``."""
    if not path.is_file():
        return {}
    given, text = {}, path.read_text(encoding="utf-8-sig")
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=text.partition("\n")[0].count))
    if not {"file", "question", "out_of", "points", "comment"} <= {*(table.fieldnames or ())}:
        raise ValueError(f"{path} has lost its columns; those of a new one are {', '.join(READ)}")
    for line, row in enumerate(table, 2):
        points = (row["points"] or "").strip().replace(",", ".")
        if points:
            try:
                fits = 0 <= float(points) <= float(row["out_of"].replace(",", "."))
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"{path}, line {line}: points is {points!r}; allowed are 0 to {row['out_of']}")
        place = _as_meant(row["file"]), _as_meant(row["question"])
        given[place] = (float(points) if points else None, _as_meant(row["comment"] or ""))
    return given


def row(file, result, given):
    """The row of a submission in ``grades.csv``."""
    checked = [question for question in result["questions"] if not question["manual"]]
    read = [question for question in result["questions"] if question["manual"]]
    points = {question["name"]: given.get((file, question["name"]), (None, ""))[0] for question in read}
    score, out_of = (sum(question[kind] for question in checked) for kind in ("score", "points"))
    by_hand, by_hand_out_of = sum(filter(None, points.values())), sum(question["points"] for question in read)
    notes = [*result["notes"], *(f"refused: {what}" for what in result["refused"])]
    if result["student"] == "anonymous":
        notes.append("no course id was typed")
    elif result["student"].lower() not in file.lower():
        notes.append(f"the notebook says that it is by {result['student']}; its file's name does not")
    if waiting := [name for name, value in points.items() if value is None]:
        notes.append(f"to be read: {', '.join(waiting)}")
    fixed = (file, result["student"], result["assignment"], result["status"], score + by_hand, out_of + by_hand_out_of,
             score, out_of, by_hand, by_hand_out_of, round(result["seconds"], 1), "; ".join(notes))  # fmt: skip
    scores = {question["name"]: question["score"] for question in checked} | points
    return dict(zip(FIXED, fixed)) | {name: "" if value is None else value for name, value in scores.items()}


def _table(path, columns, rows):
    """Write a CSV file that a spreadsheet opens; no cell starts a formula."""
    lines = [columns, *([_harmless(row.get(column, "")) for column in columns] for row in rows)]
    with draft(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(lines)


FORMULA = r"(^|[;,\t\r\n]){}('*\s*[=+@-])"


def _harmless(cell):
    """A cell in which no spreadsheet finds a formula, whatever it takes for the end of a cell; a number in few digits."""
    return re.sub(FORMULA.format(""), r"\1'\2", cell) if isinstance(cell, str) else f"{cell:g}"


def _as_meant(cell):
    """What :func:`_harmless` made a cell of."""
    return re.sub(FORMULA.format("'"), r"\1\2", cell)


def report(out, results, given):
    """Write all tables and pages for ``results``, {file: result}; returns the rows of ``grades.csv``."""
    rows = [row(file, result, given) for file, result in results.items()]
    names = sorted({name for each in rows for name in each} - {*FIXED}, key=lambda name: (len(name), name))
    _table(out / "grades.csv", [*FIXED, *names], rows)
    to_read = [
        dict(zip(READ, (file, result["student"], result["assignment"], each["name"], each["title"], each["points"],
                        *("" if value is None else value for value in given.get((file, each["name"]), (None, ""))))))
        for file, result in results.items() for each in result["questions"] if each["manual"]
    ]  # fmt: skip
    _table(out / "by_hand.csv", READ, to_read)
    for (file, result), cells in zip(results.items(), rows):
        page = render("feedback.html", file=file, result=result, row=cells, given=given)
        write(out / "feedback" / f"{slug(file)}.html", page)
    return rows


def reading(out, results, built):
    """Write a page for each question that a person reads: its rubric, and the answer of every submission."""
    for name in sorted({result["assignment"] for result in results.values()} - {""}):
        for asked in json.loads((Path(built) / name / "questions.json").read_text(encoding="utf-8")):
            if asked["manual"]:
                answers = {file: result["answers"].get(asked["name"], "") for file, result in results.items()
                           if result["assignment"] == name}  # fmt: skip
                page = render("reading.html", name=name, asked=asked, answers=answers)
                write(out / "reading" / f"{name}-{asked['name']}.html", page)


def slug(file):
    """A file's name for the page of a submission, another one for each."""
    plain = re.sub(r"[^\w.-]+", "_", file.removesuffix(".ipynb").replace("/", "__"))
    same = plain.replace("__", "/") + ".ipynb" == file
    return plain if same else f"{plain}-{hashlib.sha256(file.encode()).hexdigest()[:6]}"


def grade_all(folder, out, built=BUILT, *, seconds=120, memory=2 << 30, jobs=None):
    """Grade every notebook in ``folder``; returns the rows of ``grades.csv``. Raises ``ValueError``, or ``OSError`` if
    nothing can be written to ``out``, before it starts.

    ``jobs``: submissions at once, the number of processors if ``None``. Interrupted, it goes on where it was.
    """
    folder, out, built = Path(folder), Path(out), Path(built)
    files = submissions(folder) if folder.is_dir() else []
    if not files:
        raise ValueError(f"there is no notebook in {folder}")
    if not list(built.glob("*/autograder.zip")):
        raise ValueError(f"no assignment has been built in {built}: run make homework, with the COURSE of the students")
    given = read_by_hand(out / "by_hand.csv")
    if gone := sorted({file for (file, _), said in given.items() if said != (None, "")} - {file.as_posix() for file in files}):
        raise ValueError(f"{out / 'by_hand.csv'} has points for {gone[0]}, which is not in {folder}: grade into another "
                         "folder, or delete its rows")  # fmt: skip
    (out / "results").mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=out / "results").close()
    results, asked = {}, digest(built)
    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        waiting = {}
        for file in files:
            if (folder / file).is_symlink() or not (folder / file).is_file():
                results[file.as_posix()] = _result(["it is a link or a folder, and not a notebook"])
                continue
            saved = out / "results" / f"{slug(file.as_posix())}-{key(folder / file, asked, seconds, memory)}.json"
            waiting[pool.submit(grade_apart, folder / file, saved, built, seconds, memory)] = file.as_posix()
        try:
            for done in tqdm(as_completed(waiting), total=len(waiting), unit="notebook"):
                results[waiting[done]] = done.result()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    results = dict(sorted(results.items()))
    reading(out, results, built)
    return report(out, results, given)


def main(arguments=None):
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lib.homework.grade", description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="the folder of submissions (with --one: a notebook)")
    parser.add_argument("out", type=Path, help="the folder for grades and feedback")
    parser.add_argument("--built", type=Path, default=BUILT, help="what make homework made")
    parser.add_argument("--seconds", type=int, default=120, help="time for one submission")
    parser.add_argument("--memory", type=float, default=2, help="memory for one submission, in GB")
    parser.add_argument("--jobs", type=int, help="submissions at once")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    memory = int(given.memory * (1 << 30))
    if given.one:
        sandbox.limit(memory, given.seconds + START)
        result = grade(given.folder, given.built, seconds=given.seconds, memory=memory)
        write(given.out, json.dumps(result))
        return 0
    try:
        rows = grade_all(given.folder, given.out, given.built, seconds=given.seconds, memory=memory, jobs=given.jobs)
    except (ValueError, OSError) as error:  # on Windows a table that is open elsewhere cannot be replaced
        print(error, file=sys.stderr)
        return 1
    print(f"{len(rows)} submissions: {given.out / 'grades.csv'}")
    if not sandbox.prefix():
        print("This system gives a submission no network of its own to be cut off from: grade in a container.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
