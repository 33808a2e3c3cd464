"""The grader's side of a submission: what a session returns, and what it says when a notebook takes all there is."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from lib.homework import sandbox, session
from lib.homework.session import Session, Stopped

FOREVER = "while True:\n    pass"
DEAF = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except KeyboardInterrupt:\n        pass"
END = "import os\nos._exit(3)"
posix = pytest.mark.skipif(os.name != "posix", reason="interrupts, which POSIX has")


@pytest.fixture
def started(tmp_path):
    """A function that makes a session of cells; all of them are stopped at the end."""
    made = []

    def start(*cells, **limits):
        made.append(Session(list(cells), tmp_path, **limits))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_cells_have_outputs_errors_and_values(started):
    given = started("x = 1\nx + 1", "1 / 0", "print('a')\ny = [2]", "import math as z\ndef f(a, b=1):\n    return a - b")
    assert (given.outputs, given.errors) == ([[], [], [], []], [None] * 4)
    given.run()
    assert given.errors == [None, "ZeroDivisionError: division by zero", None, None]
    assert [[each.get("text") for each in outputs] for outputs in given.outputs][2] == ["a\n"]
    assert (given.get("x"), given.get("y"), given.get("f")(5), given.get("f")(5, b=3)) == (1, [2], 4, 2)
    assert {"x", "y", "z", "f"} <= {*given.names()}
    assert (given.notes, given.missing, given.refused) == ([], [], [])
    process = given._process
    given.run()
    assert given._process is process and process.poll() is None
    given.stop()
    assert process.poll() is not None and given._process is None and given.names() == []
    given.stop()


def test_a_session_begins_when_it_is_first_asked(started):
    given = started("x = 7")
    assert given._process is None and given.get("x") == 7


def test_what_is_missing_is_noted_once_and_what_cannot_travel_each_time(started):
    given = started("import math", "none = None")
    assert (given.get("a"), given.get("a", 5), given.get("none", 6), given.get("math", 7)) == (None, 5, 6, 7)
    assert given.missing == ["a", "none"]
    given.get("math")
    assert given.notes == ["math is a module, which cannot be graded"]


def test_functions_of_both_sides_say_their_errors(started):
    given = started("def f(g):\n    try:\n        return g(1)\n    except RuntimeError as error:\n        return str(error)\n"
                    "def h():\n    raise KeyError('k')\ndef change(x):\n    x += 1\n    return x.sum()")  # fmt: skip
    f, h, change = map(given.get, ("f", "h", "change"))
    assert f(lambda x: x + 1) == 2

    def fails(x):
        raise ValueError(f"no {x}")

    assert f(fails) == "ValueError: no 1"
    with pytest.raises(RuntimeError, match="^KeyError: 'k'$"):
        h()
    x = np.ones(3)
    assert change(x) == 6 and x.tolist() == [2, 2, 2]


def test_a_cell_that_ends_the_process_is_left_out(started):
    given = started("x = 1", END, "y = 2")
    given.run()
    assert given.notes == ["code cell 2 ended the process; the rest was graded without it"]
    assert (given.get("x"), given.get("y"), given._starts) == (1, 2, 2)


def test_a_notebook_is_begun_four_times_at_most(started):
    given = started(*[END] * 4, "x = 1")
    with pytest.raises(Stopped, match="^the notebook ended its process 4 times$"):
        given.run()
    assert given.notes[-1] == "code cell 4 ended the process; the rest was graded without it"
    with pytest.raises(Stopped, match="4 times"):
        given.get("x")


@posix
def test_a_cell_and_a_call_that_never_end_are_interrupted(started):
    given = started("x = 1", FOREVER, "def f():\n    while True:\n        pass", cell_seconds=15, call_seconds=1)
    given.run()
    assert given.notes == ["code cell 2 ran longer than 15 s; the rest was graded without it"]
    process, f = given._process, given.get("f")
    with pytest.raises(Stopped, match="^ran longer than 1 s$"):
        f()
    assert given._process is process and given.get("x") == 1


@posix
def test_what_does_not_let_itself_be_interrupted_is_ended(started, monkeypatch):
    monkeypatch.setattr(session, "GRACE", 0.5)
    given = started("x = 1", DEAF, cell_seconds=15)
    given.run()
    assert given.notes == ["code cell 2 ran longer than 15 s; the rest was graded without it"]
    assert given._starts == 2 and given.get("x") == 1


def test_there_is_time_for_everything_together(started):
    given = started("x = 1", FOREVER, seconds=15)
    with pytest.raises(Stopped, match="^the time limit of 15 s was reached$"):
        given.run()
    assert given.notes == ["the time limit of 15 s was reached, in code cell 2"] and time.monotonic() > given.deadline
    given.stop()
    with pytest.raises(Stopped, match="^the time limit of 15 s was reached$"):
        given.run()
    assert given._process is None


@pytest.mark.parametrize("junk", ["junk", "[]", '[1, ["outputs", null, [{}]], []]'])
def test_what_no_student_program_sends_ends_the_process(started, junk):
    junk = f"{junk}\n".encode()
    given = started(f"import os\nfor fd in range(3, 9):\n    try:\n        os.write(fd, {junk})\n    except OSError:\n        pass", "x = 1")
    given.run()
    assert given.notes == ["code cell 1 sent something that cannot be read; the rest was graded without it"]
    assert given.get("x") == 1


def test_a_reply_that_is_no_value_ends_the_process(started):
    given = started("x = 1")
    given.run()
    process = given._process
    given._ask = lambda request, seconds: ["value"]
    with pytest.raises(Stopped, match="cannot be read"):
        given.get("x")
    assert process.poll() is not None


def test_refusals_are_short_and_few(started):
    long = "'/' + 'a' * 200 + '/b' * 150"
    given = started(f"for k in range(25):\n    try:\n        open({long} + str(k))\n    except OSError:\n        pass")
    given.run()
    assert len(given.refused) == 20 and {len(words) for words in given.refused} == {500}


def test_the_process_is_told_nothing_but_what_it_needs(tmp_path, monkeypatch):
    import matplotlib

    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    told = session._environment(tmp_path)
    threads = {f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")}
    homes = {"HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR"}
    assert {told[name] for name in threads} == {"1"} and {told[name] for name in homes} == {str(tmp_path)}
    assert {name: value for name, value in told.items() if name not in threads | homes} == {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(session.ROOT), "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1", "PYTHONHASHSEED": "0", "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": matplotlib.get_cachedir(),
    } | {name: os.environ[name] for name in ["SYSTEMROOT"] if name in os.environ}  # fmt: skip
    assert (session.ROOT / "lib" / "homework" / "session.py").samefile(session.__file__)


def test_limits_are_passed_on(started, monkeypatch):
    asked, confinement = [], sandbox.start()
    popen = session.subprocess.Popen
    monkeypatch.setattr(session.subprocess, "Popen", lambda command, **how: asked.append((command, how)) or popen(command, **how))
    given = started("x = 1", memory=3 << 30, seconds=50)
    given.run()
    ((command, how),) = asked
    assert command == [*confinement, sys.executable, "-m", "lib.homework.student", str(3 << 30), "50"]
    assert how["cwd"] == given.folder and how["start_new_session"] is True
    assert (given.cell_seconds, given.call_seconds) == (30, 10)
    assert started().seconds == 120 and started().memory == 2 << 30
    with pytest.raises(TypeError, match="positional"):
        Session([], given.folder, 50)


@posix
def test_all_of_a_process_is_killed_where_it_has_a_group(started, monkeypatch):
    killed, kill = [], os.killpg
    monkeypatch.setattr(os, "killpg", lambda *given: killed.append(given) or kill(*given))
    given = started("x = 1")
    given.run()
    process = given._process
    given.stop()
    assert killed == [(process.pid, signal.SIGKILL)]
    monkeypatch.delattr(os, "killpg")
    given.run()
    process = given._process
    given.stop()
    assert process.poll() is not None


def test_threads_end_with_the_process(started):
    before = {*threading.enumerate()}
    given = started("x = 1")
    given.run()
    new = {*threading.enumerate()} - before
    assert len(new) == 2 and all(thread.daemon for thread in new)
    given.stop()
    for thread in new:
        thread.join(10)
    assert not any(thread.is_alive() for thread in new)
