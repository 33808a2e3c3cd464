"""How long grading takes, how much memory, and whether a row is ever lost.

``python benchmarks/grading.py`` grades the solution of every assignment alone, then 100 of them, by 100 students, as a
folder; ``python benchmarks/grading.py --faulty 1000`` grades mangled copies of a small assignment instead. Both build first.
"""

import argparse
import csv
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from nbformat import writes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from sample import write_master  # noqa: E402
from test_grading import mangled  # noqa: E402

from lib.homework import grade, masters  # noqa: E402
from lib.homework.build import build  # noqa: E402


class Memory(threading.Thread):
    """The most memory that one submission's processes had together, in GB, looked at ten times a second."""

    most = 0.0

    def run(self):
        while not self.done.wait(0.1):
            for child in psutil.Process().children():
                try:
                    family = [child, *child.children(recursive=True)]
                    self.most = max(self.most, sum(each.memory_info().rss for each in family) / 2**30)
                except psutil.NoSuchProcess:
                    pass

    def __enter__(self):
        self.done = threading.Event()
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def submissions(folder, built, number, faulty):
    """Write ``number`` submissions by as many students, of all assignments in turn."""
    solutions = [masters.read(path) for path in sorted(built.glob("*/solution/*.ipynb"))]
    for k in range(number):
        solution = solutions[k % len(solutions)]
        text = mangled(solution, k) if faulty else writes(solution).replace('\\"anonymous\\"', f'\\"student-{k}\\"')
        (folder / f"student-{k}.ipynb").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--faulty", type=int, help="grade this many mangled notebooks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for master in [write_master(folder)] if given.faulty else sorted((ROOT / "homework").glob("*.ipynb")):
            build(master, folder / "built", execute=False)
        if not given.faulty:
            for path in sorted((folder / "built").glob("*/solution/*.ipynb")):
                saved = folder / f"{path.stem}.json"
                began = time.perf_counter()
                result = grade.grade_apart(path, saved, folder / "built", 120, 2 << 30)
                points = sum(question["score"] for question in result["questions"])
                print(f"{path.stem:16} alone {time.perf_counter() - began:5.1f} s   {points:g} points", flush=True)
        (folder / "submissions").mkdir()
        submissions(folder / "submissions", folder / "built", given.faulty or given.number, given.faulty)
        with Memory() as memory:
            began = time.perf_counter()
            rows = grade.grade_all(folder / "submissions", folder / "grades", folder / "built", jobs=given.jobs)
            took = time.perf_counter() - began
        with (folder / "grades" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            assert len(list(csv.DictReader(file))) == len(rows) == (given.faulty or given.number)
        seconds = [row["seconds"] for row in rows]
        status = {word: sum(row["status"] == word for row in rows) for word in sorted({row["status"] for row in rows})}
        print(f"{len(rows)} submissions in {took / 60:.1f} minutes on {psutil.cpu_count()} processors, {status}")
        print(
            f"one: median {statistics.median(seconds):.1f} s, longest {max(seconds):.1f} s; memory at most {memory.most:.2f} GB"
        )


if __name__ == "__main__":
    main()
