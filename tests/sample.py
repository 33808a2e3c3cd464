"""A small assignment for the tests of building and grading, and hostile submissions to it."""

import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

ROOT = Path(__file__).resolve().parents[1]

SETUP = """\
import numpy as np

from lib.homework import Variant, check, shapes

student = "anonymous"  # your course id
COURSE, HIDDEN = "downhill", 1  # IGNORE
me = Variant("sample", student, COURSE)
print(me.pick("n", 3, 4, 5))"""
RULE = '''\
def mine(theta, g, t, m, *, lr=0.01, mu=0.9):
    """Momentum whose new part is halved."""
    m = mu * m + g / 2  # SOLUTION
    return theta - lr * m, m  # SOLUTION'''
RULE_TEST = '''\
""" # BEGIN TEST CONFIG
hidden: true
points: 4
""" # END TEST CONFIG
def right_path(mine):
    """Its path along all streams."""
    from lib.homework import require, same_path

    def reference(theta, g, t, m, *, lr=0.01, mu=0.9):
        m = mu * m + g / 2
        return theta - lr * m, m
    require(same_path(mine, 1, reference, seed=HIDDEN))


right_path(mine)'''
NUMBER_TEST = '''\
""" # BEGIN TEST CONFIG
hidden: true
points: 2
""" # END TEST CONFIG
def right_number(answer, student):
    """The number of this student."""
    from lib.homework import Variant, number, require

    me = Variant("sample", student, COURSE)
    require(number(answer, 7 * me.pick("n", 3, 4, 5)))


right_number(answer, student)'''
CATCH_TEST = '''\
""" # BEGIN TEST CONFIG
hidden: true
points: 2
""" # END TEST CONFIG
def {name}(tells):
    """A fault: {name}."""
    from lib.homework import catches, faulty, require
    from lib.rules import momentum

    require(catches(tells, [momentum], faulty(momentum, {change})))


{name}(tells)'''
TELLS = '''\
def tells(rule):
    """Whether a rule is momentum."""
    # BEGIN SOLUTION
    theta, m = rule(np.ones(2), np.ones(2), 1, np.zeros(2), lr=0.5, mu=0.9)
    later, _ = rule(theta, np.zeros(2), 2, m, lr=0.5, mu=0.9)
    return bool(np.allclose(theta, 0.5) and np.allclose(later, 0.05))
    # END SOLUTION'''


def question(name, points, text, solution, tests=(), manual=False, shown=()):
    """The cells of one question."""
    config = f"# BEGIN QUESTION\nname: {name}\npoints: {points}" + ("\nmanual: true" if manual else "")
    inside = [new_raw_cell("# BEGIN TESTS"), *map(new_code_cell, tests), new_raw_cell("# END TESTS")] if tests else []
    return [new_raw_cell(config), new_markdown_cell(text), new_raw_cell("# BEGIN SOLUTION"), *solution,
            new_raw_cell("# END SOLUTION"), *map(new_code_cell, shown), *inside, new_raw_cell("# END QUESTION")]  # fmt: skip


def master():
    """The master notebook: a rule, a number, tests, and a question that is read."""
    faults = {"uphill": '("theta - lr", "theta + lr")', "forgets": '("mu * m", "0 * m")'}
    tests = [CATCH_TEST.format(name=name, change=change) for name, change in faults.items()]
    cells = [
        new_raw_cell("# ASSIGNMENT CONFIG\nname: sample\nconfig_file: otter.yml"),
        new_markdown_cell("# Homework 0"),
        new_code_cell(SETUP),
        *question("q1", 4, "## 1. A rule", [new_code_cell(RULE)], [RULE_TEST], shown=["check(shapes(mine, states=1))"]),
        *question("q2", 2, "## 2. A number", [new_code_cell('answer = 7 * me.pick("n", 3, 4, 5)  # SOLUTION')], [NUMBER_TEST]),
        *question("q3", 4, "## 3. Tests", [new_code_cell(TELLS)], tests),
        *question("q4", 5, "## 4. On paper", [new_markdown_cell("Since $a < b$, it is.\n\n**Rubric.** 5 points: why.")],
                  manual=True),
    ]  # fmt: skip
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return new_notebook(cells=cells)


def write_master(folder):
    """Write the master and otter's settings into a folder; returns the master's path."""
    shutil.copy(ROOT / "homework" / "otter.yml", folder)
    nbformat.write(master(), folder / "sample.ipynb")
    return folder / "sample.ipynb"


# Cells that a student's notebook may not get away with, put in front of the solution's others.
HOSTILE = {
    "an infinite loop": "while True:\n    pass",
    "a loop that nothing interrupts": (
        "while True:\n    try:\n        for k in range(100):\n            k = 2 * k\n    except BaseException:\n        pass"
    ),
    "10 GB": "hoard = bytearray(10 * 2**30)",
    "a syntax error": "def broken(:",
    "exit": "exit()",
    "sys.exit": "import sys\nsys.exit(1)",
    "os._exit": "import os\nos._exit(1)",
    "a crash": "import os\nos.abort()",
    "writing elsewhere": "open('../elsewhere.txt', 'w')",
    "writing by another way": "import os\nos.rename('.', '/tmp/elsewhere')",
    "reading tests": "import glob\nfor name in glob.glob('/**/autograder.zip', recursive=True):\n    open(name, 'rb')",
    "reading the parent": "open(f'/proc/{__import__(\"os\").getppid()}/environ').read()",
    "listing others": "import os\nos.listdir('/')",
    "the network": "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)",
    "a program": "import subprocess\nsubprocess.run(['id'])",
    "a shell": "!id",
    "a fork": "import os\nos.fork()",
    "killing": "import os\nos.kill(os.getppid(), 9)",
    "ctypes": "import ctypes\nctypes.CDLL(None)",
    "a prompt": "input('? ')",
    "closing the pipes": "import os\nos.closerange(3, 256)",
    "much output": "print('x' * 10**8)",
    "a changed library": "import lib.homework.properties as p\np.same_path = p.require = lambda *a, **k: None",
    "deep recursion": "def down(n):\n    return down(n + 1)\nimport sys\nsys.setrecursionlimit(10**6)\ndown(0)",
}
