"""The process that holds a student's notebook: it runs cells and calls functions when the grader says so.

The grader never runs a student's code, and this process never sees a test. They talk through the standard input and
output in lines of :mod:`lib.homework.wire`. Before the first cell the process gives up what a submission does not need:
other folders, the network, other programs, memory without end. The operating system holds it to that where it can
(:mod:`lib.homework.sandbox`); a hook in Python says in words what was refused.
"""

import contextlib
import io
import json
import os
import signal
import sys
import traceback

from . import sandbox
from .wire import Functions, call, dumps, loads

LONGEST = 20_000
LARGEST = 2_000_000


class Student:
    """Serves requests, one after the other, until the input ends."""

    def __init__(self, reading, writing, refused):
        self.reading, self.writing, self.refused = reading, writing, refused
        self.functions = Functions()
        self.shell = _shell()

    def serve(self):
        """Answer each request with a value and with what was refused meanwhile."""
        while line := self.reading.readline():
            self._reply(json.loads(line))

    def _reply(self, request):
        try:
            reply = self._answer(request)
        except BaseException as error:
            reply = ["raised", type(error).__name__, str(error)[:500]]
        self._write([request["n"], reply, self.refused[:20]])

    def _answer(self, request):
        what = request["do"]
        if what == "cell":
            return ["outputs", *_run(self.shell, request["source"])]
        if what == "names":
            return ["names", sorted(self.shell.user_ns)[:2000]]
        if what == "get":
            return ["value", dumps(self.shell.user_ns.get(request["name"]), self.functions)]
        args, kwargs = loads(request["arguments"], self.functions, self._ask)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return ["value", dumps(call(self.functions[request["function"]], args, kwargs), self.functions)]

    def _ask(self, number, args, kwargs):
        """Let the grader call one of its functions; what it asks meanwhile is answered."""
        self._write(["call", number, dumps((args, kwargs), self.functions)])
        while isinstance(message := json.loads(self.reading.readline()), dict):
            self._reply(message)
        kind, value = message
        if kind == "raised":
            raise RuntimeError(value)
        return loads(value, self.functions, self._ask)

    def _write(self, message):
        self.writing.write(json.dumps(message).encode() + b"\n")
        self.writing.flush()


def _shell():
    """An IPython shell without history, colours or a way out."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """No window is ever opened."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)
    shell.run_line_magic("matplotlib", "inline")

    def leave(*_):
        raise RuntimeError("exit() and quit() would end the notebook; leave them out")

    shell.user_ns["exit"] = shell.user_ns["quit"] = leave
    return shell


def _run(shell, source):
    """Run one cell: whether it worked, and its outputs as nbformat has them."""
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        result = shell.run_cell(source, store_history=False)
    outputs = []
    for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr)):
        if text:
            outputs.append({"output_type": "stream", "name": name, "text": text[:LONGEST]})
    for rich in captured.outputs:
        data = {mime: value for mime, value in rich.data.items() if len(str(value)) < LARGEST}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    error = result.error_before_exec or result.error_in_exec
    return (None if error is None else f"{type(error).__name__}: {error}"[:500]), outputs


def main():
    """Take over standard input and output, give up what is not needed, serve."""
    memory, seconds, folder = int(sys.argv[1]), int(sys.argv[2]), os.getcwd()
    reading, writing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    refused = []
    student = Student(reading, writing, refused)
    sandbox.limit(memory, seconds)
    sandbox.confine(folder, refused)
    while True:
        try:
            return student.serve()
        except KeyboardInterrupt:
            continue
        except Exception:
            traceback.print_exc()
            return None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
