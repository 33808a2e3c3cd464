"""How fast the book and its library are, and how well they are tested, as the page ``performance`` shows it.

The numbers stand in ``measured.json``, which the commands in ``benchmarks`` write; nothing in it is typed by hand.
"""

import json
import sys
from numbers import Real
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from .files import write
from .notation import markdown

MEASURED = Path(__file__).with_name("measured.json")
NAMED = 6  # notebooks, files or modules that a table names one by one
UNITS = ((1e-3, "µs", 1e6), (1, "ms", 1e3), (np.inf, "s", 1))


def measured():
    """Everything that was measured, a dict."""
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def update(**parts):
    """Put newly measured parts into ``measured.json``; the others stay."""
    text = json.dumps(measured() | parts, indent=1, ensure_ascii=False)
    write(MEASURED, text + "\n")


def comparisons(part):
    """A table of the comparisons of a part, ``"descent"``, ``"sweep"``, ``"step"`` or ``"training"``, else ``ValueError``.

    Times are medians. The ratio is our time over the peer's, taken turn by turn, with its quartiles; the last line of each
    comparison is the time that it takes to move the bytes which the computation must read and write.
    """
    rows, known = [], {made["part"]: None for made in measured()["comparisons"]}
    if not isinstance(part, str) or part not in known:
        raise ValueError(f"part must be one of {', '.join(known)}; got {part!r}.")
    for made in measured()["comparisons"]:
        if made["part"] == part:
            rows.append((f"**{made['title']}**", "", ""))
            for row in made["rows"]:
                ratio = "{1:.3g} ({0:.3g} to {2:.3g})".format(*row["ratio"]) if row["ratio"] else ""
                rows.append((row["name"], amount(row["seconds"][1]), ratio))
            if made["limit"]:
                rows.append(("*moving the bytes alone*", amount(made["limit"]), ""))
    return markdown(("who", "time", "ratio"), rows)


def memory():
    """A table of the megabytes that a step takes at its peak beyond parameters, gradient and state."""
    largest = max((made for made in measured()["comparisons"] if made["part"] == "step"), key=lambda made: made["size"])
    rows = [(name, f"{megabytes:.0f} MB") for name, megabytes in largest["memory"].items()]
    return markdown((largest["title"], "further memory"), rows)


def pages():
    """A table of the pages with figures: their weight, and when the first figure of a slow phone answers."""
    rows = [
        (f"`{name}`", f"{page['loaded'] / 1e3:.0f} kB", f"{page['scrolled'] / 1e3:.0f} kB", f"{page['interactive'] / 1e3:.1f} s")
        for name, page in measured()["pages"].items()
    ]
    return markdown(("page", "to load", "with all pictures", "first figure answers"), rows)


def times():
    """A table of the seconds that building and testing the book takes, with its longest notebooks and files of tests."""
    found = measured()["times"]
    rows = [("**building the book from nothing**, with installation", f"{found['build']} s"),
            *_longest(found["notebooks"], "notebooks"), ("**all tests**", f"{found['tests']} s"),
            *_longest(found["files"], "files of tests")]  # fmt: skip
    return markdown(("part", "time"), rows)


def _longest(seconds, what):
    names = sorted(seconds, key=seconds.get, reverse=True)
    rows = [(f"`{name}`", f"{seconds[name]:.0f} s") for name in names[:NAMED]]
    return [*rows, (f"{len(names) - NAMED} other {what}", f"{sum(seconds[name] for name in names[NAMED:]):.0f} s")]


def mutants():
    """A table of the modules of which one thing at a time was changed: how many of the changes a test noticed."""
    found = measured()["mutants"]
    everything = {key: sum(made[key] for made in found.values()) for key in ("mutants", "noticed", "explained")}
    rows = [(f"`{name}`", *_noticed(made)) for name, made in found.items()]
    return markdown(("module", "changes", "noticed", "share", "explained"), [*rows, ("**all**", *_noticed(everything))])


def coverage():
    """A table of the modules of ``lib`` of which the tests reach least, lines and branches, and of all."""
    found = sorted(measured()["coverage"].items(), key=lambda item: item[1]["reached"] / item[1]["there"])
    groups = {f"`{name}`": [made] for name, made in found[:NAMED]}
    groups |= {f"{len(found) - NAMED} other modules": [made for _, made in found[NAMED:]], "**all**": dict(found).values()}
    rows = [(name, _share(*(sum(made[key] for made in group) for key in ("reached", "there")))) for name, group in groups.items()]
    return markdown(("module", "lines and branches reached"), rows)


def _noticed(made):
    return str(made["mutants"]), str(made["noticed"]), _share(made["noticed"], made["mutants"]), str(made["explained"])


def _share(part, whole):
    """A share in percent, rounded down, so that only all is 100 %."""
    return f"{np.floor(1000 * part / whole) / 10:g}\N{NO-BREAK SPACE}%"


def releases():
    """A table of the releases with which the tests of the library ran, and how many passed and failed."""
    columns = "python", "numpy", "matplotlib", "sympy", "ipywidgets", "passed", "failed"
    rows = [(made["which"], *(str(made[name]) for name in columns)) for made in measured()["releases"]]
    return markdown(("releases", "Python", "NumPy", "Matplotlib", "SymPy", "ipywidgets", "passed", "failed"), rows)


def slopes():
    """How our time grows: the slope on log axes over the last two points, by what grows. About 1 is proportional."""
    found = {}
    for name, pairs in measured()["growth"].items():
        (x, seconds), (x_last, seconds_last) = pairs[-2:]
        found[name] = float(np.log(seconds_last / seconds) / np.log(x_last / x))
    return found


def growth():
    """Draw our time against the number of steps, of runs and of parameters. Returns the figure."""
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.6), layout="constrained", sharey=True)
    for axis, (name, pairs) in zip(axes, measured()["growth"].items(), strict=True):
        x, seconds = np.array(pairs).T
        axis.loglog(x, seconds, "o-", markersize=4)
        axis.set(xlabel=name, title=f"slope {slopes()[name]:.2f}")
    axes[0].set_ylabel("seconds")
    return figure


def amount(seconds):
    """A time in the unit in which it is read best, with three digits, on one line; else ``ValueError``."""
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not 0 <= seconds <= sys.float_info.max:
        raise ValueError(f"seconds must be a finite number >= 0, got {seconds!r}.")
    seconds = float(f"{seconds:.3g}")
    unit, factor = next((unit, factor) for below, unit, factor in UNITS if seconds < below)
    return f"{float(f'{seconds * factor:.3g}'):g}\N{NO-BREAK SPACE}{unit}"
