"""Change one thing in ``lib`` at a time, and see which changes no test notices: ``PYTHONPATH=. python benchmarks/mutants.py``.

Cosmic Ray says what can be changed: an operator, a comparison, a number by one either way, a condition, a loop, a
decorator. Each mutant runs in a copy of the project through the tests of its module until one fails; tests that noticed
another mutant come first. Names of modules choose some of them; all take hours on two cores. What lives on is written to
``benchmarks/mutants.json``, where a reason can be given that no test can notice it, which is kept for as long as the line is
as it was. The numbers go to ``lib/measured.json``, for the page ``performance``; with ``--count`` nothing else is done.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "benchmarks" / "mutants.json"

TESTS = {
    "rules": "rules",
    "arguments": "arguments",
    "blocks": "blocks",
    "descent": "descent blocks single",
    "single": "single",
    "losses": "losses",
    "equations": "equations",
    "claims": "claims",
    "training": "training",
    "homework/faults": "homework",
    "homework/own": "own_rules homework",
    "homework/properties": "homework own_rules",
    "homework/variants": "homework",
    "homework/wire": "homework student",
    "homework/build": "building",
    "homework/canvas": "canvas",
    "homework/grade": "gradebook",
    "homework/masters": "building",
    "homework/pages": "building",
    "homework/sandbox": "sandbox student",
    "homework/session": "session own_rules",
    "homework/student": "student",
}
OPERATORS = [
    *(f"ReplaceBinaryOperator_{pair}" for pair in (
        "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_Mul", "Pow_Mul", "BitOr_BitAnd", "BitAnd_BitOr",
    )),
    *(f"ReplaceComparisonOperator_{pair}" for pair in (
        "Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt", "Is_IsNot",
        "IsNot_Is",
    )),
    "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not", "AddNot", "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
    "ExceptionReplacer", "NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop",
]  # fmt: skip


def mutants(source):
    """All mutants of a module: ``(line before, line after, whole text)``."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    old = source.splitlines()
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = [at for node in ast_nodes(get_ast(source)) for at in operator.mutation_positions(node)]
        for occurrence in range(len(places)):
            changed = mutate_code(source, operator, occurrence)
            new = changed.splitlines()
            number = next(i for i, pair in enumerate(zip(old, new)) if pair[0] != pair[1])
            yield old[number].strip(), new[number].strip(), changed


def copied(folder):
    """A copy of what git knows of the project."""
    for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, encoding="utf-8").split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if (ROOT / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


class Worker:
    """A process that has loaded all packages but lib, and makes a child of itself for each mutant."""

    def __init__(self, folder):
        self.folder = copied(folder)
        path = os.pathsep.join([str(folder), *filter(os.path.isabs, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
        given = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "CI": "true", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([sys.executable, __file__, "--worker"], cwd=folder, env=os.environ | given,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")  # fmt: skip

    def test(self, module, text, limit=None):
        """``"passed"``, ``"failed"`` or ``"too long"``, and the seconds it took."""
        file = self.folder / "lib" / f"{module}.py"
        before = file.read_bytes()
        file.write_text(text, encoding="utf-8", newline="\n")
        tests = [f"tests/test_{name}.py" for name in TESTS[module].split()]
        self.process.stdin.write(json.dumps({"tests": tests, "limit": limit}) + "\n")
        self.process.stdin.flush()
        outcome = json.loads(self.process.stdout.readline())
        file.write_bytes(before)
        return outcome


class FirstWhatFailed:
    """A plugin of pytest: tests that failed for another mutant come first, the latest before all; ``file`` keeps them."""

    def __init__(self, file):
        self.file = file
        self.names = file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def pytest_collection_modifyitems(self, items):
        place = {name: number for number, name in enumerate(self.names)}
        items.sort(key=lambda item: place.get(item.nodeid, len(place)))

    def pytest_runtest_logreport(self, report):
        if report.failed:
            names = [report.nodeid, *(name for name in self.names if name != report.nodeid)]
            self.file.write_text("\n".join(names[:50]), encoding="utf-8")


def work():
    """What a worker does: for each line of its input, run the tests in a child, and say how it ended."""
    import hypothesis
    import pytest

    hypothesis.settings.register_profile("mutants", phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
                                         derandomize=True, database=None, deadline=None)  # fmt: skip
    hypothesis.settings.load_profile("mutants")
    quietly = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider"]
    with open(os.devnull, "w", encoding="utf-8") as silent, redirect_stdout(silent):
        pytest.main([*quietly, "--collect-only"])
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(os.getcwd()):
            del sys.modules[name]
    for line in sys.stdin:
        asked, begin = json.loads(line), time.monotonic()
        child = os.fork()
        if not child:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            first = FirstWhatFailed(Path(f"{'+'.join(map(os.path.basename, asked['tests']))}.failed"))
            os._exit(pytest.main([*quietly, *asked["tests"]], plugins=[first]))
        outcome = None
        while outcome is None:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                outcome = "passed" if status == 0 else "failed"
            elif asked["limit"] and time.monotonic() - begin > asked["limit"]:
                outcome = "too long"
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            else:
                time.sleep(0.02)
        print(json.dumps([outcome, time.monotonic() - begin]), flush=True)


def tried(module, workers):
    """How many mutants of a module there are, and those that no test notices."""
    source = (ROOT / "lib" / f"{module}.py").read_text(encoding="utf-8")
    free = Queue()
    for worker in workers:
        free.put(worker)

    def attempt(mutant):
        worker = free.get()
        outcome = worker.test(module, mutant[2], limit)[0]
        free.put(worker)
        return outcome

    outcome, seconds = workers[0].test(module, source)
    assert outcome == "passed", f"the tests of {module} fail without a mutant"
    limit = 3 * seconds + 20
    every = list(mutants(source))
    with ThreadPoolExecutor(len(workers)) as pool:
        outcomes = list(pool.map(attempt, every))
    alive = [mutant[:2] for mutant, outcome in zip(every, outcomes) if outcome == "passed"]
    print(f"{module}: {len(every)} mutants, {len(alive)} alive; the tests take {seconds:.0f} s", flush=True)
    return len(every), alive


def counted(record):
    """Numbers of each module for the page ``performance``."""
    return {
        name: {"mutants": made["mutants"], "noticed": made["mutants"] - len(made["alive"]),
               "explained": sum(bool(each["reason"]) for each in made["alive"])}
        for name, made in record.items()
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("modules", nargs="*", choices=[*TESTS, []], metavar="MODULE", help=", ".join(TESTS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="only count again, after reasons were given")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return work()  # each child loads lib anew
    from lib import performance
    from lib.files import write

    if asked.count:
        return performance.update(mutants=counted(json.loads(RECORD.read_text(encoding="utf-8"))))
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(Path(folder) / str(number)) for number in range(asked.jobs)]
        for module in asked.modules or TESTS:
            count, alive = tried(module, workers)
            record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
            known = {tuple(each["change"]): each["reason"] for each in record.get(module, {}).get("alive", [])}
            record[module] = {"mutants": count, "alive": [
                {"change": [old, new], "reason": known.get((old, new), "")} for old, new in alive
            ]}  # fmt: skip
            record = {name: record[name] for name in TESTS if name in record}
            write(RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
            performance.update(mutants=counted(record))
        for worker in workers:
            worker.process.kill()


if __name__ == "__main__":
    main()
