"""Compare what a library does with what is written here, and one recording with another.

    python -m lib.conventions.changes NEW      says what has changed since recorded.json; exit status 1 if anything has
"""

import json
import sys
from pathlib import Path

import numpy as np

from .. import files
from . import FORMS, LIBRARIES, RECORD, call

TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
UNIT = 2.0**-24  # half a unit in the last place of float32, the most that rounding adds in a step


def read(path=RECORD):
    """A recording, as ``python -m lib.conventions.record`` wrote it."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write(recorded, path):
    """Write a recording as JSON with one case a line, so that a change is a readable difference."""
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    cases = ",\n".join(compact(case) for case in recorded["cases"])
    lines = [f"{compact(key)}:{compact(value)}" for key, value in recorded.items() if key != "cases"]
    files.write(path, "{" + ",\n".join(lines) + ',\n"cases":[\n' + cases + "\n]}\n")


def shortest(array):
    """An array as plain floats that read back as exactly these numbers."""
    values = [float(str(x)) for x in array]
    assert (np.array(values, array.dtype) == array).all(), array
    return values


def called(case):
    """The :class:`lib.conventions.Call` of a recorded case."""
    arguments = {word: tuple(value) if isinstance(value, list) else value for word, value in case["arguments"].items()}
    return call(case["library"], case["name"], **arguments, **case["switches"])


def repeated(case, recorded, dtype="float64", rule=None):
    """The path of a case by the book's rule, or by another one, at the recorded steps."""
    start, gradients = np.array(recorded["start"], dtype), np.array(recorded["gradients"], dtype)
    drop = recorded["drop"]
    factor = (lambda t: drop["factor"] if t >= drop["from"] else 1) if case["drop"] else None
    return called(case).path(start, gradients, factor, rule)[recorded["steps"]]


def distance(got, want, start):
    """The differences of two paths, as shares of the largest parameter of that coordinate so far."""
    start = np.abs(np.asarray(start, got.dtype))
    return np.abs(got - want) / np.maximum.accumulate(np.maximum(np.abs(want), start))


def agree(got, want, recorded):
    """Whether two paths at the recorded steps are one: to 1e-12 in float64, to 1e-6 in float32.

    In float32 every step rounds anew, so half a unit in the last place is added for every step.
    """
    got, want = np.asarray(got), np.asarray(want)
    steps = np.array(recorded["steps"])[:, None]
    allowed = TOLERANCE[got.dtype.name] + (UNIT * steps if got.dtype == np.float32 else 0)
    return bool((distance(got, want, recorded["start"]) <= allowed).all())


def disagreements(recorded):
    """Where the table of defaults or a rule is not what a recording says, as a list of sentences."""
    found = []
    for form in FORMS:
        theirs = recorded["defaults"][form.library].get(form.name)
        for word, ours in (form.defaults | form.first.switches).items():
            if theirs is None or _plain(theirs.get(word)) != _plain(ours):
                has = "is gone" if theirs is None else f"has {word} = {theirs.get(word)}"
                found.append(f"{LIBRARIES[form.library]}: {form.name} {has}, and the table {word} = {ours}")
    for case in recorded["cases"]:
        for dtype in TOLERANCE:
            if dtype in case and not agree(repeated(case, recorded, dtype), np.array(case[dtype], dtype), recorded):
                found.append(f"{LIBRARIES[case['library']]}: {called(case)} takes other steps than its rule in {dtype}")
    return list(dict.fromkeys(found))


def changes(old, new):
    """What a new recording has that an old one has not: defaults and paths, as a list of sentences."""
    found = []
    for library, optimizers in old["defaults"].items():
        for name, before in optimizers.items():
            after = new["defaults"][library].get(name, {})
            for word in {**before, **after}:
                was, now = (side[word] if word in side else "not there" for side in (before, after))
                if was != now:
                    found.append(f"{LIBRARIES[library]}: {word} of {name} was {was}, is {now}")
    key = lambda case: json.dumps([case[part] for part in ("library", "name", "arguments", "switches", "drop")])
    recorded = {key(case): case for case in new["cases"]}
    for case in old["cases"]:
        same = recorded.get(key(case), {})
        for dtype in TOLERANCE:
            if dtype in case and not (dtype in same and agree(*(np.array(one[dtype], dtype) for one in (same, case)), old)):
                found.append(f"{LIBRARIES[case['library']]}: {called(case)} takes other steps in {dtype}")
    return found


def _plain(value):
    """A default as a number, or numbers; None is Keras' and optax' word for nothing of the kind."""
    return [float(part or 0) for part in (value if isinstance(value, (list, tuple)) else [value])]


if __name__ == "__main__":
    before, after = read(), read(sys.argv[1])
    versions = {name: f"{before['versions'][name]} → {number}" for name, number in after["versions"].items()}
    print("Versions:", ", ".join(f"{name} {both}" for name, both in versions.items()))
    found = list(dict.fromkeys(changes(before, after) + disagreements(after)))
    print("\n".join(f"- {sentence}" for sentence in found) or "Nothing has changed.")
    sys.exit(bool(found))
