"""The grader's side of a submission: its notebook is run, and its functions are called, in a process of its own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from nbformat import ValidationError, from_dict, validate

from . import sandbox
from .wire import Functions, Opaque, call, dumps, loads

ROOT = Path(__file__).parents[2]
LONGEST_LINE = 64_000_000
GRACE = 3
RESTARTS = 3
UNREADABLE = "sent something that cannot be read"


class Stopped(Exception):
    """A cell or a call took too long, or its process ended; the message says which."""


class Session:
    """The process of one submission, started when first needed and again when it has died.

    ``cells``: sources of the code cells. ``folder``: an empty folder for it alone. ``seconds``: for everything together;
    ``cell_seconds`` for one cell, ``call_seconds`` for one call of a function. ``memory``: bytes.
    After :meth:`run`, ``outputs`` has each cell's outputs, ``errors`` each cell's error or ``None``, ``notes`` says what
    went wrong in words, ``refused`` what the process tried and may not do.
    """

    def __init__(self, cells, folder, *, seconds=120, cell_seconds=30, call_seconds=10, memory=2 << 30):
        self.cells, self.folder, self.memory, self.seconds = cells, Path(folder), memory, seconds
        self.cell_seconds, self.call_seconds = cell_seconds, call_seconds
        self.deadline = time.monotonic() + seconds
        self.outputs, self.errors = [[] for _ in cells], [None] * len(cells)
        self.notes, self.refused, self.missing = [], [], []
        self._left_out, self._starts, self._process, self._number = set(), 0, None, 0

    # The notebook.

    def run(self):
        """Run the notebook; a cell that ends the process is left out, and the notebook is begun again."""
        while not self._alive():
            if self._starts > RESTARTS:
                raise Stopped(f"the notebook ended its process {self._starts} times")
            self._start()
            for i, source in enumerate(self.cells):
                if i in self._left_out:
                    continue
                try:
                    self._cell(i, source)
                except Stopped as stopped:
                    if self._late():
                        self._note(f"{stopped}, in code cell {i + 1}")
                        raise
                    self._note(f"code cell {i + 1} {stopped}; the rest was graded without it")
                    self._left_out.add(i)
                    if not self._alive():
                        break

    def _cell(self, i, source):
        reply = self._ask({"do": "cell", "source": source}, self.cell_seconds)
        with self._understood():
            _, error, outputs = reply
            for output in outputs:
                validate(from_dict(output), ref="output", version=4, version_minor=5)
            self.errors[i], self.outputs[i] = error, outputs

    def _note(self, words):
        if words not in self.notes:
            self.notes.append(words)

    # Its names, as otter-grader's tests ask for them.

    def get(self, name, default=None):
        """The value of a name in the notebook, a proxy for a function; ``default`` and a note if there is none."""
        self.run()
        value = self._value({"do": "get", "name": name}, self.seconds)
        if value is None or isinstance(value, Opaque):
            if isinstance(value, Opaque):
                self._note(f"{name} is a {value.kind}, which cannot be graded")
            elif name not in self.missing:
                self.missing.append(name)
            return default
        return value

    def names(self):
        """The names that the notebook has defined."""
        return self._ask({"do": "names"}, self.seconds)[1] if self._alive() else []

    def _call(self, number, args, kwargs):
        """Let the student's process call one of its functions."""
        arguments = dumps((args, kwargs), self._functions)
        return self._value({"do": "call", "function": number, "arguments": arguments}, self.call_seconds)

    def _value(self, request, seconds):
        reply = self._ask(request, seconds)
        with self._understood():
            kind, *rest = reply
            if kind != "raised":
                return loads(rest[0], self._functions, self._call)
        raise RuntimeError(": ".join(map(str, rest)))

    # The process.

    def _alive(self):
        return self._process is not None and self._process.poll() is None

    def _late(self):
        return time.monotonic() > self.deadline

    def _start(self):
        if self._late():
            raise Stopped(f"the time limit of {self.seconds} s was reached")
        self.stop()
        self._starts += 1
        self._functions, self._lines, self._letters = Functions(), queue.Queue(maxsize=1000), queue.SimpleQueue()
        self._process = subprocess.Popen(
            [*sandbox.start(), sys.executable, "-m", "lib.homework.student", str(self.memory), str(self.seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.folder,
            env=_environment(self.folder), start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=_listen, args=(self._process.stdout, self._lines), daemon=True).start()
        threading.Thread(target=_tell, args=(self._process.stdin, self._letters), daemon=True).start()

    def stop(self):
        """End the process and everything that it started."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
        self._process.wait()
        self._letters.put(b"")
        with suppress(OSError, ValueError):
            self._process.stdout.close()
        self._process = None

    def _ask(self, request, seconds):
        """The reply to a request; calls of our functions are served meanwhile. Raises :class:`Stopped`."""
        number = self._number = self._number + 1
        self._send(request | {"n": number})
        until = min(time.monotonic() + seconds, self.deadline)
        while True:
            message = self._receive(until, seconds)
            if message[0] == "call":
                self._send(self._called(message))
            elif message[0] == number:
                with self._understood():
                    _, reply, refused = message
                    self.refused = [str(words)[:500] for words in refused[:20]]
                    return reply

    @contextmanager
    def _understood(self):
        """End the process if what it sent is nothing that :mod:`lib.homework.student` sends."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ValidationError):
            self.stop()
            raise Stopped(UNREADABLE) from None

    def _called(self, message):
        """Call one of our functions, for the student's code."""
        try:
            args, kwargs = loads(message[2], self._functions, self._call)
            return ["value", dumps(call(self._functions[message[1]], args, kwargs), self._functions)]
        except Exception as error:
            return ["raised", f"{type(error).__name__}: {error}"]

    def _send(self, message):
        if self._process is None:
            raise Stopped("ended the process")
        self._letters.put(json.dumps(message).encode() + b"\n")

    def _receive(self, until, seconds):
        try:
            if time.monotonic() > until:
                raise queue.Empty
            line = self._lines.get(timeout=max(until - time.monotonic(), 0.001))
        except queue.Empty:
            self._interrupt()
            limit = f"the time limit of {self.seconds} s was reached" if self._late() else f"ran longer than {seconds} s"
            raise Stopped(limit) from None
        try:
            message = json.loads(line)
            assert isinstance(message, list) and message
            return message
        except (ValueError, AssertionError, RecursionError):
            self.stop()
            raise Stopped("ended the process" if not line else UNREADABLE) from None

    def _interrupt(self):
        """Interrupt what runs, as the stop button does; if that does not help, end the process."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGINT)
            with suppress(queue.Empty):
                if self._lines.get(timeout=GRACE):
                    return
        self.stop()


def _listen(pipe, lines):
    """Put each line of the pipe into the queue, and an empty one at its end."""
    with suppress(OSError, ValueError):
        while line := pipe.readline(LONGEST_LINE):
            lines.put(line)
    lines.put(b"")


def _tell(pipe, letters):
    """Write each letter into the pipe until an empty one; a process that does not read holds up nobody else."""
    with suppress(OSError, ValueError), pipe:
        while letter := letters.get():
            pipe.write(letter)
            pipe.flush()


def _environment(folder):
    """Variables for the process: a home of its own, one thread, nothing of ours but what Python needs to start."""
    import matplotlib

    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG", "LC_ALL") if name in os.environ}
    home = {name: str(folder) for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR")}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")}
    own = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}
    drawing = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": matplotlib.get_cachedir()}
    return kept | home | threads | own | drawing
