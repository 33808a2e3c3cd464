"""Scores into Canvas: ``python -m lib.homework.canvas EXPORT.csv grades/grades.csv ASSIGNMENT "NAME IN CANVAS"``.

Canvas puts a student's number into the names of the files that it lets you download, and into the column ``ID`` of the
gradebook that it exports. This writes ``EXPORT-filled.csv``, the exported gradebook with the scores in one column, which
Canvas imports.
"""

import csv
import re
import sys
from pathlib import Path

from ..files import draft

NUMBER = re.compile(r"_(\d+)_\d+_")  # name, perhaps LATE, number of the student, number of the file, name of the file


def table(path):
    """The rows of a CSV file, as lists."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def scores(grades, assignment):
    """Score by the student's number in Canvas, from the rows of ``grades.csv``; and the files that give none.

    Raises ``ValueError`` if the table is not that of ``make grade``, or a student has two files.
    """
    header, *rows = grades or [[]]
    if not {"file", "assignment", "score"} <= set(header):
        raise ValueError("the table of grades has no columns file, assignment, score")
    found, without, files = {}, [], {}
    for row in (dict(zip(header, row)) for row in rows):
        number = NUMBER.search(Path(row["file"]).name)
        if row["assignment"] not in (assignment, ""):
            continue
        if not (number and row["assignment"]):
            without.append(row["file"])
        elif number[1] in files:
            raise ValueError(f"{files[number[1]]} and {row['file']} are by one student; leave one in the folder")
        else:
            files[number[1]], found[number[1]] = row["file"], row["score"]
    return found, without


def filled(export, found, name):
    """The exported gradebook, rows of lists, with each score in the column ``name`` or ``name (12345)``.

    Raises ``ValueError`` if it has no column ``ID``, not exactly one column of that name, or not all of the students.
    """
    header = export[0] if export else []
    if "ID" not in header:
        raise ValueError("the gradebook has no column ID; is it the CSV file that Canvas exported?")
    columns = [i for i, title in enumerate(header) if re.fullmatch(rf"{re.escape(name)}( \(\d+\))?", title.strip())]
    if len(columns) != 1:
        raise ValueError(f"{len(columns)} columns of the gradebook are called {name!r}; one must be")
    key, (column,) = header.index("ID"), columns
    if missing := sorted(set(found) - {row[key] for row in export if len(row) > key}):
        raise ValueError(f"the gradebook has no student with the number {', '.join(missing)}")

    def with_score(row):
        if len(row) <= key or row[key] not in found:
            return row
        return [*row[:column], *[""] * (column - len(row)), found[row[key]], *row[column + 1 :]]

    return [with_score(row) for row in export]


def main(arguments):
    """The command; returns its exit code."""
    if len(arguments) != 4:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    export, grades, assignment, name = arguments
    try:
        found, without = scores(table(grades), assignment)
        new = filled(table(export), found, name)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    target = Path(export).with_name(f"{Path(export).stem}-filled.csv")
    try:
        with draft(target) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(new)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"scores: {len(found)}, in {target}")
    for file in without:
        print(f"no score from {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
