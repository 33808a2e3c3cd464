"""The student's side of grading, without its confinement: what it answers, and what its hook refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support
from matplotlib_inline.config import InlineBackend

from lib.homework import sandbox, student, wire


@pytest.fixture
def shell(monkeypatch):
    """Room for an IPython shell of its own; afterwards everything is as it was."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    backend = matplotlib.get_backend()
    with matplotlib.rc_context():
        yield
    forget()
    matplotlib.use(backend)


def forget():
    """Forget the one shell that a process has, and its way to draw."""
    InteractiveShell.clear_instance()
    InlineBackend.clear_instance()
    configure_inline_support.current_backend = "unset"


class Grader:
    """The other end of the pipes: ``talk()`` is a generator that yields requests and is sent what was answered."""

    def __init__(self, talk, refused=()):
        self.talk, self.said = talk(), None
        self.answers = []
        forget()
        student.Student(self, self, list(refused)).serve()

    def readline(self):
        try:
            return json.dumps(self.talk.send(self.said)).encode()
        except StopIteration:
            return b""

    def write(self, line):
        assert line.endswith(b"\n")
        self.said = json.loads(line)
        self.answers.append(self.said)

    def flush(self):
        self.flushed = len(self.answers)


def answers(*requests, refused=()):
    """What is answered to requests that need no answer to another one."""
    def talk():
        for number, request in enumerate(requests):
            yield request | {"n": number}

    made = Grader(talk, refused)
    assert [answer[0] for answer in made.answers] == list(range(len(requests)))
    assert made.flushed == len(requests)
    return [answer[1] for answer in made.answers]


def cell(source):
    return {"do": "cell", "source": source}


def value(reply):
    assert reply[0] == "value"
    return wire.loads(reply[1], wire.Functions(), None)


def test_a_cell_has_the_outputs_that_a_notebook_shows(shell):
    source = "import sys; print('a', file=sys.stderr); print('b')\nx = 2\n{'c': 3}"
    kind, error, outputs = answers(cell(source))[0]
    assert (kind, error) == ("outputs", None)
    assert outputs[:2] == [{"output_type": "stream", "name": "stdout", "text": outputs[0]["text"]},
                           {"output_type": "stream", "name": "stderr", "text": "a\n"}]  # fmt: skip
    assert outputs[0]["text"].startswith("b\n")
    assert answers(cell("x = 1"))[0] == ["outputs", None, []]


def test_a_picture_is_an_output_and_a_huge_one_is_not(shell):
    show = "from IPython.display import HTML, display\n"
    picture, small, huge = answers(
        cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()"), cell(f"{show}display(HTML('<b>x</b>'))"),
        cell(f"{show}display(HTML('x' * 1_999_999)); display(HTML('x' * 2_000_000))"),
    )  # fmt: skip
    assert "image/png" in picture[2][0]["data"]
    assert small[2] == [{"output_type": "display_data", "metadata": {}, "data": {
        "text/html": "<b>x</b>", "text/plain": "<IPython.core.display.HTML object>",
    }}]  # fmt: skip
    assert [each["data"].keys() for each in huge[2]] == [{"text/html", "text/plain"}, {"text/plain"}]


def test_long_texts_are_cut(shell):
    long, error = answers(cell("print('y' * 20_009)"), cell("raise ValueError('z' * 900)"))
    assert long[2][0]["text"] == "y" * 20_000
    assert error[1] == ("ValueError: " + "z" * 900)[:500]


@pytest.mark.parametrize(
    ("source", "says"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("if:", "SyntaxError"), ("exit()", "RuntimeError: exit() and quit() would"),
     ("quit()", "RuntimeError: exit() and quit() would"), ("exit", None), ("%gui qt", None)],
)  # fmt: skip
def test_a_cell_says_its_error(shell, source, says):
    error = answers(cell(source))[0][1]
    assert error is None if says is None else error.startswith(says)


def test_no_history_is_kept(shell):
    forget()
    made = student._shell()
    student._run(made, "x = 1")
    assert made.user_ns["In"] == [""] and made.execution_count == 1 and not made.history_manager.enabled


def test_names_and_values(shell):
    _, names, number, nothing = answers(
        cell("b_ = 7; a_ = 8"), {"do": "names"}, {"do": "get", "name": "b_"}, {"do": "get", "name": "c_"}
    )
    assert names[0] == "names" and names[1] == sorted(names[1]) and {"a_", "b_"} <= {*names[1]}
    assert (value(number), value(nothing)) == (7, None)


def test_no_more_than_two_thousand_names(shell):
    many = answers(cell("globals().update({f'z{k:04}': k for k in range(3000)})"), {"do": "names"})[1][1]
    assert len(many) == 2000


def test_what_was_refused_is_said_up_to_twenty(shell):
    refused = [f"thing {k}" for k in range(30)]

    def talk():
        yield {"do": "names", "n": 5}

    assert Grader(talk, refused).answers[0][::2] == [5, refused[:20]]


@pytest.mark.parametrize("raised", ["ValueError('q' * 900)", "KeyboardInterrupt('q' * 900)"])
def test_a_function_is_called_and_its_error_is_an_answer(shell, raised):
    def talk():
        yield {"do": "cell", "n": 1, "source": f"def f(x, y=0):\n    print('quiet')\n    x += 1\n    return x.sum() + y\n"
                                               f"def g():\n    raise {raised}"}  # fmt: skip
        (_, number, name) = json.loads((yield {"do": "get", "n": 2, "name": "f"})[1][1])
        assert name == "f"
        array = np.array([1.0, 2.0])
        asked = wire.dumps(((array,), {"y": 10}), wire.Functions())
        result, changed = value((yield {"do": "call", "n": 3, "function": number, "arguments": asked})[1])
        assert result == 15
        assert changed[0].tolist() == [2, 3]
        number = json.loads((yield {"do": "get", "n": 4, "name": "g"})[1][1])[1]
        nothing = wire.dumps(((), {}), wire.Functions())
        answer = yield {"do": "call", "n": 6, "function": number, "arguments": nothing}
        assert answer == [6, ["raised", raised[: raised.index("(")], "q" * 500], []]

    assert len(Grader(talk).answers) == 5


def test_a_function_of_the_grader_is_asked_for_and_may_ask_in_turn(shell):
    ours = wire.Functions()

    def talk():
        yield {"do": "cell", "n": 1, "source": "kept = 5\ndef f(g):\n    try:\n        return g(2)\n    except RuntimeError as e:\n        return str(e)"}
        number = json.loads((yield {"do": "get", "n": 2, "name": "f"})[1][1])[1]
        given = wire.dumps(((lambda x: x,), {}), ours)
        call = {"do": "call", "function": number, "arguments": given}
        asked = yield call | {"n": 3}
        assert asked[0] == "call"
        assert wire.loads(asked[2], ours, None) == ((2,), {})
        inner = yield {"do": "get", "n": 4, "name": "kept"}
        assert (inner[0], value(inner[1])) == (4, 5)
        final = yield ["value", wire.dumps((8, {}), ours)]
        assert (final[0], value(final[1])[0]) == (3, 8)
        yield call | {"n": 5}
        final = yield ["raised", "ValueError: no"]
        assert (final[0], value(final[1])[0]) == (5, "ValueError: no")

    Grader(talk)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory, which Linux can")
def test_the_process_keeps_its_pipes_to_itself_and_goes_on_after_an_interruption(tmp_path):
    command = [sys.executable, "-m", "lib.homework.student", str(3 << 30), "40"]
    given = os.environ | {"PYTHONPATH": str(Path(sandbox.__file__).parents[2])}
    process = subprocess.Popen(command, cwd=tmp_path, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(source):
        process.stdin.write(json.dumps(cell(source) | {"n": 1}).encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())[1]

    limits = "import resource as r; print(*(r.getrlimit(each)[0] for each in (r.RLIMIT_AS, r.RLIMIT_CPU)))"
    assert ask(limits)[2][0]["text"] == f"{3 << 30} 90\n"
    assert ask("import os; os.write(1, b'[]\\n'); os.write(2, b'to nobody'); print(os.read(0, 9))")[2][0]["text"] == "b''\n"
    assert ask("open('/etc/shadow')")[1].startswith("PermissionError: a submission may not read outside its folder")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert ask("print('still here')")[2][0]["text"] == "still here\n"
    said, errors = process.communicate(b"{\n")
    assert (process.returncode, said) == (0, b"")
    assert b"to nobody" in errors and b"JSONDecodeError" in errors
