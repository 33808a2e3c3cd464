"""What others can send: submissions that try to break out, links to figures, rules whose source is meant to do harm."""

import csv
import json
import linecache
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psutil
import pytest
from nbformat import writes
from nbformat.v4 import new_code_cell
from sample import ROOT, master, write_master

from lib import equations
from lib.explorer import code, explore, plane, race, stream
from lib.homework import build as building
from lib.homework import expression, grade, masters, own, sandbox, session, wire
from lib.losses import Loss, rosenbrock, valley
from lib.rules import adam, momentum, sgd

KERNEL = pytest.mark.skipif(sandbox.start() == sandbox.prefix(), reason="needs the namespaces and mounts of Linux")

# A submission that wants out.


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """What a submission must not touch: files of others beside its folder, and a socket at which a program listens."""
    folder = tmp_path_factory.mktemp("grading")
    (folder / "mine").mkdir()
    (folder / "other.ipynb").write_text("the answers", encoding="utf-8")
    (folder / "id_ed25519").write_text("a key", encoding="utf-8")
    return folder


def attempts(home, cells, **limits):
    """Run cells as one submission; returns its session, stopped."""
    held = session.Session(cells, home / "mine", **{"seconds": 60, "cell_seconds": 10} | limits)
    try:
        held.run()
    finally:
        held.stop()
    return held


def printed(held, i):
    return "".join(output.get("text", "") for output in held.outputs[i] if output.get("name") == "stdout")


DISARM = (
    "import os, lib.homework.sandbox as box\nbox.STARTS = box.TALKS = box.SIGNALS = box.LISTS = ()\nbox.CHANGES = {}\n"
    "box.WRITES = 0\nos.path.realpath = lambda *_, **__: '/usr'"
)
READS = {
    "another submission": "print(open({home!r} + '/other.ipynb').read())",
    "a private key": "print(open({home!r} + '/id_ed25519').read())",
    "the masters": "print(open({root!r} + '/homework/velocity.ipynb').read()[:50])",
    "the built answers": "import glob\nprint(open(glob.glob({root!r} + '/_build/**/*.json', recursive=True)[0]).read())",
    "a link to it": "import os\nos.symlink({home!r} + '/other.ipynb', 'l')\nprint(open('l').read())",
    "a hard link to it": "import os\nos.link({home!r} + '/other.ipynb', 'h')\nprint(open('h').read())",
    "the parent's variables": "import os\nprint(open(f'/proc/{{os.getppid()}}/environ').read())",
    "the grader's variables": "print(open('/proc/{grader}/environ').read())",
    "the grader's memory": "print(open('/proc/{grader}/mem', 'rb').read(1))",
    "the list of processes": "import os\nprint(os.listdir('/proc'))",
    "a list of home": "import os\nprint(os.listdir({home!r}))",
    "a disk": "print(open('/dev/' + __import__('os').listdir('/sys/block')[0], 'rb').read(1))",
    "through a database": "import sqlite3\nprint(sqlite3.connect({home!r} + '/a.db').execute('create table a (b)'))",
}
WRITES = {
    "a file of another": "open({home!r} + '/other.ipynb', 'w').write('x'); print('done')",
    "a file beside": "open({home!r} + '/left', 'w').write('x'); print('done')",
    "shared memory": "open('/dev/shm/downhill-left', 'w').write('x'); print('done')",
    "the library": "open(__import__('lib').__file__, 'a').write('x'); print('done')",
    "a rename": "import os\nos.rename({home!r} + '/other.ipynb', 'x'); print('done')",
    "a removal": "import os\nos.remove({home!r} + '/other.ipynb'); print('done')",
}
STARTS = {
    "a program": "import subprocess\nprint(subprocess.run(['id'], capture_output=True).stdout)",
    "a program without the module": (
        "import _posixsubprocess as p, os, time\nr, w = os.pipe()\nargs = [[b'/bin/sh', b'-c', b'id > out'], [b'/bin/sh'], "
        "True, (), None, None, -1, -1, -1, -1, -1, -1, r, w, True, False, 0, None, None, None, -1, None]\n"
        "try:\n    p.fork_exec(*args, False)\nexcept TypeError:\n    p.fork_exec(*args)\ntime.sleep(0.3)\n"
        "print(open('out').read())"
    ),
    "a connection": "import socket\nprint(socket.create_connection(('127.0.0.1', {port}), 3))",
    "the grader's end": "import os\nos.kill({grader}, 9); print('done')",
}
ATTEMPTS = READS | WRITES | STARTS


@pytest.mark.parametrize("armed", [True, pytest.param(False, marks=KERNEL)], ids=["with-the-hook", "the-kernel-alone"])
def test_no_attempt_gets_out(home, armed):
    """Every attempt ends in an error and prints nothing, also if the hook in Python was got round."""
    before = {path: path.read_bytes() for path in home.iterdir() if path.is_file()}
    library = Path(sandbox.__file__).parents[1] / "__init__.py"
    text = library.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        values = {"home": str(home), "root": str(ROOT), "grader": os.getpid(), "port": server.getsockname()[1]}
        cells = [cell.format(**values) for cell in ATTEMPTS.values()]
        held = attempts(home, [*([] if armed else [DISARM]), *cells, "print(6 * 7)"])
    first = 0 if armed else 1
    got_out = {name: printed(held, i) for i, name in enumerate(ATTEMPTS, first) if not held.errors[i]}
    assert got_out == {}, held.notes
    assert printed(held, -1) == "42\n"
    assert bool(held.refused) == armed
    assert {path: path.read_bytes() for path in home.iterdir() if path.is_file()} == before
    assert library.read_bytes() == text and not Path("/dev/shm/downhill-left").exists()


def test_a_submission_sees_none_of_the_graders_variables(home, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "secret")
    held = attempts(home, ["import os\nprint(sorted(os.environ), 'secret' in str(os.environ))"])
    assert "A_TOKEN" not in printed(held, 0) and "False" in printed(held, 0)


@KERNEL
def test_what_the_walls_do_not_hold(home):
    """Whoever gets round the hook can change modes and times of the grader's files, and speak to local programs."""
    path = home / "modes"
    path.touch()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "socket"))
        server.listen()
        reach = f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(home / 'socket')!r})\nprint('reached')"
        modes = f"os.chmod({str(path)!r}, 0o600)\nprint('changed')"
        held = attempts(home, [reach, modes.replace("os.", "__import__('os').", 1), DISARM, reach, modes])
    assert [bool(error) for error in held.errors] == [True, True, False, False, False]
    page = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    assert "change the modes and times of your files" in page and "the sockets" in page


@KERNEL
def test_a_submission_cannot_fill_the_disk(home):
    fill = "for k in range(60):\n    open(f'f{k}', 'wb').write(bytes(10**7))"
    held = attempts(home, [fill, "print(6 * 7)"])
    assert "No space left on device" in held.errors[0]
    assert printed(held, 1) == "42\n"
    assert not [*(home / "mine").iterdir()]


@KERNEL
def test_no_process_is_left(home):
    """Not even one that has left its group and holds the pipes."""
    memory = (2 << 30) + 4096 * os.getpid()
    cell = f"{DISARM}\nif not os.fork():\n    os.setsid()\n    __import__('time').sleep(300)"
    held = session.Session([cell, "print(1)"], home / "mine", memory=memory)

    def running():
        return [each for each in psutil.process_iter(["cmdline"]) if str(memory) in (each.info["cmdline"] or ())]

    held.run()
    assert len(running()) >= 2
    held.stop()
    until = time.monotonic() + 10
    while running() and time.monotonic() < until:
        time.sleep(0.05)
    assert running() == []


# Lines that the process's own program did not send.

PIPE = "import gc, json\nout = next(o for o in gc.get_objects() if type(o).__name__ == 'Student').writing\n"
ALL = PIPE + "for k in range(60):\n    out.write(json.dumps({}).encode() + b'\\n')\nout.flush()"
FLOOD = (
    PIPE + "import threading, time\ndef flood():\n    while True:\n        out.write({!r})\n"
    "threading.Thread(target=flood, daemon=True).start()\ntime.sleep(60)"
)
UNREADABLE = {
    "no list of what was refused": ALL.format("[k, ['outputs', None, []], 5]"),
    "no output": ALL.format("[k, ['outputs', None, [{'output_type': 'nonsense'}, 7]], []]"),
    "brackets": PIPE + "out.write(b'[' * 100000 + b'\\n')\nout.flush()",
}


def test_a_line_that_cannot_be_read_costs_its_cell(home):
    held = attempts(home, [*UNREADABLE.values(), "print(6 * 7)"])
    assert printed(held, -1) == "42\n"
    cost = "code cell {} sent something that cannot be read; the rest was graded without it"
    assert held.notes == [cost.format(i + 1) for i in range(len(UNREADABLE))]


def test_a_flood_of_calls_ends_with_the_time(home):
    """Each of them would be answered, but the process reads no answer."""
    held = session.Session([FLOOD.format(b'["call", 0, "[]"]\n'), "print(1)"], home / "mine", seconds=4, cell_seconds=2)
    begin = time.monotonic()
    with suppress(session.Stopped):
        held.run()
    held.stop()
    assert time.monotonic() - begin < 15
    assert held.notes


def test_functions_are_shown_by_numbers_that_tell_nothing():
    shown = wire.Functions()
    numbers = [shown.number(function) for function in (abs, len, max)]
    assert [shown[number] for number in numbers] == [abs, len, max]
    assert len({*numbers}) == 3 and max(numbers) > 1000
    for wrong in ("0", "1", "-1"):
        with pytest.raises(ValueError):
            wire.loads(f'["stub", {wrong}]', shown, None)


# What a submission sends is never run.

MARK = "__import__('pathlib').Path({path!r}).touch()"
RULES = {
    "a default": "def r(theta, g, t, *, lr={run}):\n    theta = theta - lr * g\n    return (theta,)",
    "a decorator": "@(lambda f: {run})\ndef r(theta, g, t, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
    "an annotation": "def r(theta: {run}, g, t, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
    "what it returns": "def r(theta, g, t, *, lr=0.1) -> {run}:\n    theta = theta - lr * g\n    return (theta,)",
    "a positional default": "def r(theta, g, t={run}, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
    "an annotated star": "def r(theta, g, t, *more: {run}, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
    "annotated keywords": "def r(theta, g, t, *, lr=0.1, **more: {run}):\n    theta = theta - lr * g\n    return (theta,)",
    "a second statement": "def r(theta, g, t, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)\n{run}",
    "a docstring": "def r(theta, g, t, *, lr=0.1):\n    f'{{{run}}}'\n    theta = theta - lr * g\n    return (theta,)",
    "a line of it": "def r(theta, g, t, *, lr=0.1):\n    theta = theta - lr * {run}\n    return (theta,)",
    "an assignment within": "def r(theta, g, t, *, lr=0.1):\n    theta = theta - (lr := {run}) * g\n    return (theta,)",
}


@pytest.mark.parametrize("what", RULES, ids=lambda what: what.replace(" ", "-"))
def test_the_text_of_an_own_rule_is_not_run_by_the_grader(tmp_path, what):
    text = RULES[what].format(run=MARK.format(path=str(tmp_path / "ran")))
    found = own.house_form(sgd, 0, text)
    assert not found.holds and found.what
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "answer",
    ["{run}", ["sympy", ["Symbol", "{run}", {}]], ["sympy", ["Function", "{run}", ["Symbol", "x", {}]]]],
    ids=["words", "a-symbol", "a-function"],
)
def test_an_expression_is_not_run_by_the_grader(tmp_path, answer):
    line = json.dumps(answer).replace("{run}", MARK.format(path=str(tmp_path / "ran")))
    x = wire.loads('["sympy", ["Symbol", "x", {}]]', wire.Functions(), None)
    assert not expression(wire.loads(line, wire.Functions(), None), x**2).holds
    assert not (tmp_path / "ran").exists()


# A folder of submissions with names that are meant to do harm.


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return building.build(write_master(folder), folder / "built", course="blue whale", execute=False)


NAMES = ["=cmd()", "-5", "@a", "a;=1+1", "<script>alert(1)</script>", "'=b", "a\"onload=b"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_are_words_in_every_table_and_page(built, tmp_path, monkeypatch):
    handed_in, out = tmp_path / "submissions", tmp_path / "grades"
    handed_in.mkdir()
    files = [f"{name.replace('/', '∕')}.ipynb" for name in NAMES]
    for file in files:
        (handed_in / file).write_text("{}", encoding="utf-8")
    asked = [{"name": "q4", "title": "<b>On paper</b>", "points": 5, "manual": True, "tests": []}]
    monkeypatch.setattr(grade, "grade_apart", lambda path, *_: grade._result(["=1+1", "<img src=x onerror=a()>"]) | {
        "student": path.stem, "assignment": "sample", "questions": asked, "answers": {"q4": ""}})  # fmt: skip
    grade.grade_all(handed_in, out, built.parent)
    for table in ("grades.csv", "by_hand.csv"):
        text = (out / table).read_text(encoding="utf-8-sig")
        assert not re.search(r'(^|[;,\t\r\n"])\s*[=+@-]', text)
    for page in out.rglob("*.html"):
        assert not re.search(r"<(script|img|b)\b", page.read_text(encoding="utf-8"))
        assert page.resolve().is_relative_to(out.resolve())

    with (out / "by_hand.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (out / "by_hand.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row | {"points": "3", "comment": "-1 for style"} for row in rows)
    for _ in range(2):
        grade.grade_all(handed_in, out, built.parent)
        assert grade.read_by_hand(out / "by_hand.csv") == {(file, "q4"): (3, "-1 for style") for file in files}


@pytest.mark.skipif(os.name == "nt", reason="links only for some")
def test_a_link_or_a_folder_is_not_graded(built, tmp_path):
    """A link would hand in the work of somebody else, or the solution; neither stops the grading of others."""
    handed_in, out = tmp_path / "submissions", tmp_path / "grades"
    (handed_in / "folder.ipynb").mkdir(parents=True)
    (handed_in / "link.ipynb").symlink_to(built / "solution" / "sample.ipynb")
    (handed_in / "gone.ipynb").symlink_to("nowhere")
    rows = grade.grade_all(handed_in, out, built.parent)
    assert {row["status"] for row in rows} == {"not graded"} and len(rows) == 3
    assert {row["notes"] for row in rows} == {"it is a link or a folder, and not a notebook"}


@pytest.mark.parametrize("name", ["../../sample", "/etc/passwd", "", "."])
def test_an_assignment_is_one_of_those_that_were_built(built, name):
    notebook = deepcopy(master())
    notebook.cells = [new_code_cell(f"Variant({name!r}, 'ada')")]
    notebook.metadata["otter"] = {"assignment_name": name}
    with pytest.raises(ValueError, match="it answers none of the assignments"):
        grade.assignment_of(notebook, "x.ipynb", built.parent)


# Links to figures.

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Figures</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="race.css"><script src="race.js" defer></script><main>{figure}</main></html>"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A folder with a page for each kind of figure."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "race.js").write_text(code.page_script("race"), encoding="utf-8")
    (folder / "race.css").write_text(code.style("race"), encoding="utf-8")
    figures = [
        explore(sgd, momentum, adam, on=(valley, rosenbrock), steps=20, name="explore"),
        stream(adam, g="noisy", steps=20, name="stream"),
        plane(momentum, "lr", "mu", on=valley, steps=10, name="plane"),
        race("network", name="race"),
    ]
    for figure in figures:
        html = figure._repr_mimebundle_()[0]["text/html"]
        (folder / f"{figure.spec['id']}.html").write_text(PAGE.format(figure=html), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shown(browser, pages):
    """A function that opens a figure by a link: what it shows, what it said, and what was done to its page."""
    context = browser.new_context(viewport={"width": 900, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(8000)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append("a dialog"))

    def shown(name, query=""):
        said.clear()
        page.goto(f"{(pages / f'{name}.html').as_uri()}?figure={name}&{query}", wait_until="commit")
        page.wait_for_selector(".stage .sentence:not(:empty)")
        return page.evaluate(LOOK) | {"said": [*said]}

    yield shown
    context.close()


LOOK = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({
  sentence: document.querySelector(".sentence").textContent,
  state: [...document.querySelectorAll("[data-key]")].map((e) => `${e.dataset.key} ${e.value} ${e.checked}`).join("; "),
  message: document.querySelector(".message").textContent,
  tags: [...new Set([...document.querySelectorAll("*")].map((e) => e.localName))].sort().join(" "),
  scripts: document.scripts.length,
  polluted: Object.keys(Object.prototype).length + Object.keys(Array.prototype).length + ("pwned" in window),
  handlers: document.querySelectorAll("[onerror], [onload], [onclick], [href^='javascript']").length,
}))))"""

EVIL = quote("</script><script>pwned=1</script><img src=x onerror=pwned=1>")
LINKS = [
    "__proto__=1", "__proto__.lr=1", "__proto__[pwned]=1", "constructor=1", "constructor.prototype.pwned=1",
    "hasOwnProperty=1", f"{EVIL}=1", f"{{word}}={EVIL}", f"{{number}}={EVIL}", "{word}=javascript:pwned=1",
    "{word}=__proto__", "{word}=constructor", "{number}=1e999", "{number}=-1e999", "{number}=NaN", "{number}=", "{number}=0x", "{number}=1n", "{number}=[1]",
    "{number}=%ED%A0%80", "%ff%fe=%zz", "{number}=%", "{word}=%00", "rules={rule},__proto__", "rules=,,", "rules=%00",
    "{rule}.__proto__=1", "toString.lr=1",
]  # fmt: skip
MANY = "&".join(f"k{i}=1" for i in range(20_000))
LARGE = ["{number}=" + "9" * 500_000, "{word}=" + "x" * 1_000_000, "x" * 1_000_000 + "=1", MANY]
OF_A_KIND = {
    "explore": ("sgd.lr", "loss", "sgd", ["start=1", "start=NaN,1", "arrows=1", "start=" + "1," * 200_000, "rules=sgd,sgd"]),
    "stream": ("adam.beta1", "stream", "adam", ["drawn=1e999", "stream=toString", "corrected=[]", "drawn=" + "x," * 100_000]),
    "plane": ("momentum.mu", "x_name", "momentum", ["x_range=1,1", "x_range=NaN,1", "y_name=valueOf", "measure=constructor"]),
    "race": ("adam.lr", "experiment", "adam", ["seed=1e999", "tries=-1", "epochs=1e9", "measure=__proto__"]),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_A_KIND)
def test_a_hostile_link_shows_the_beginning_and_says_why(shown, name):
    number, word, rule, more = OF_A_KIND[name]
    plain = shown(name)
    assert plain["said"] == [] and plain["message"] == ""
    small = "&".join([*LINKS, *more]).format(number=number, word=word, rule=rule)
    large = LARGE if name == "explore" else LARGE[1:2]
    for query in [small, *(query.format(number=number, word=word) for query in large)]:
        found = shown(name, query)
        assert found["message"].startswith("In the link: ") and len(found["message"]) < 1000, query[:80]
        assert found | {"message": ""} == plain, query[:80]


def test_a_rule_that_a_link_names_often_is_run_once(shown):
    many = "rules=" + ",".join(["adam"] * 50_000)
    assert "some of sgd, momentum, adam" in shown("explore", many)["message"]
    assert shown("race", many)["sentence"].count("Adam") == 1


EXTREME = {
    "explore": ["start=1e308,-1e308", "noise=1e308", "sgd.lr=1e308", "steps=10000&seed=4294967295", "start=5e-324,0"],
    "stream": ["theta=1e308", "adam.lr=1e308", "adam.eps=1e308", "steps=10000", "stream=drawn&drawn=" + "1e308," * 20_000 + "0"],
    "plane": ["x_range=0,1e308", "x_range=1e-320,1e-319", "steps=10000&measure=rate", "start=1e308,1e308"],
    "race": ["tries=1&seed=0"],
}


@pytest.mark.parametrize("name", EXTREME)
def test_an_extreme_link_is_drawn(shown, name):
    plain = shown(name)
    for query in EXTREME[name]:
        found = shown(name, query)
        kept = ("said", "scripts", "polluted", "handlers")
        assert {key: found[key] for key in kept} == {key: plain[key] for key in kept}, query[:80]
        assert "cannot be drawn" not in found["message"], query[:80]


# Rules and losses.


def written_rule(text):
    """The rule that a text defines, with a source that can be read."""
    name = f"<hostile {hash(text)}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    return next(value for key, value in scope.items() if key not in ("np", "__builtins__"))


def rule_text(line="theta = theta - lr * g", hyper="lr=0.1", name="mine", head=""):
    return f"{head}def {name}(theta, g, t, *, {hyper}):\n    {line}\n    return (theta,)\n"


OUT_OF_FORM = {
    "a string": rule_text("theta = '</script><script>pwned=1</script>'"),
    "a text with a value": rule_text("theta = f'{theta}'"),
    "bytes": rule_text("theta = theta * b'</script>'"),
    "a comprehension": rule_text("theta = [x for x in theta]"),
    "a function without a name": rule_text("theta = (lambda: theta)()"),
    "an attribute": rule_text("theta = theta.constructor"),
    "an attribute of NumPy": rule_text("theta = np.exp.__class__(theta)"),
    "an assignment within": rule_text("theta = (lr2 := theta)"),
    "an index": rule_text("theta = theta['constructor']"),
    "a choice": rule_text("theta = g if t else theta"),
    "an import": rule_text("import os"),
    "a letter beyond ASCII": rule_text("theta = theta - η * g", hyper="η=0.1"),
    "a name of JavaScript": rule_text("theta = theta - eval * g", hyper="eval=0.1"),
    "the same in wide letters": rule_text("theta = theta - ｅｖａｌ * g", hyper="ｅｖａｌ=0.1"),
    "the prototype": rule_text("theta = theta - __proto__ * g", hyper="__proto__=0.1"),
    "the prototype as its name": rule_text(name="__proto__"),
    "a default that is a word": rule_text(hyper="lr='</script>'"),
    "a default that is a list": rule_text(hyper="lr=[1]"),
}


@pytest.mark.parametrize("what", OUT_OF_FORM, ids=lambda what: what.replace(" ", "-"))
def test_what_is_out_of_the_house_form_makes_no_script(what):
    rule = written_rule(OUT_OF_FORM[what])
    with pytest.raises((equations.HouseFormError, TypeError)) as caught:
        explore(rule, on=valley, steps=5)
    assert len(str(caught.value)) > 20


def evil_loss():
    def low(x, y):
        return x**2 + y**2

    low.__name__ = "</script><script>pwned=1</script><img src=x onerror=pwned=1>"
    kind = type("Evil", (Loss,), {"__repr__": lambda self: low.__name__})
    return kind(low, valley.domain, valley.start, valley.minima)


class Evil(float):
    """A number that prints as something else."""

    def __repr__(self):
        return "1};pwned=1;({a:1"

    __str__ = __repr__


@pytest.mark.parametrize("name", ["constructor", "__defineGetter__"])
def test_hostile_names_and_numbers_are_drawn_and_run_nothing(pages, shown, name):
    """Names that every object of JavaScript has, markup in names and comments, numbers that print as code."""
    text = (
        f"def {name}(theta, g, t, constructor, *, lr=0.1, valueOf=0.5, watch=0.0):\n"
        "    \"\"\"</script><script>pwned=1</script>\"\"\"  # --></script><script>pwned=1</script>\n"
        "    constructor = valueOf * constructor + g  # */ pwned=1\n"
        "    toString = constructor + watch\n"
        "    theta = theta - lr * toString\n    return theta, constructor\n"
    )
    rule = written_rule(text)
    rule.__kwdefaults__["lr"] = Evil(0.1)
    with pytest.raises(ValueError, match="function must be made with def"):
        explore(rule, sgd, on=evil_loss(), steps=20)
    figure = explore(rule, sgd, on=valley, steps=20, name="evil")
    (pages / "evil.html").write_text(PAGE.format(figure=figure._repr_mimebundle_()[0]["text/html"]), encoding="utf-8")
    found = shown("evil", f"{name}.lr=0.25")
    assert (found["said"], found["message"], found["polluted"], found["handlers"]) == ([], "", 0, 0)
    assert found["scripts"] == 3 and " img" not in found["tags"]
    figure.state = figure.state | {f"{name}.lr": 0.25}
    assert found["sentence"] == figure._sentence()
