"""Faulty rules: a rule of the book with some of its text changed. Races, fair and unfair, from their decisions."""

import inspect
import textwrap

import numpy as np


def faulty(rule, *changes):
    """The rule with each ``(old, new)`` of ``changes`` made in its source.

    Raises ``ValueError`` for an ``old`` that does not stand in the source exactly once, so that no fault is made of
    nothing.

        >>> from lib.rules import sgd
        >>> uphill = faulty(sgd, ("theta - lr * g", "theta + lr * g"))
        >>> uphill(np.array([1.0]), np.array([2.0]), 1, lr=0.5)
        (array([2.]),)
    """
    source = textwrap.dedent(inspect.getsource(rule))
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in {rule.__name__}; it must stand there once")
        source = source.replace(old, new)
    scope = {"np": np}
    exec(compile(source, f"<faulty {rule.__name__}>", "exec"), scope)
    return scope[rule.__name__]


def race_of(*, refuses, lost, score, report):
    """A race of given decisions, fair or not: ``race(run, grids, tuning, judging, budget)``, which returns its table.

    ``refuses``: whether it raises ``ValueError`` for grids of different sizes and for seeds in common. ``lost``: the loss
    of a run that ends in NaN or infinity. Both others get sorted losses: the setting with the least ``score`` on the
    tuning seeds is chosen, the first of equals; ``report`` makes three numbers of its losses on the judging seeds, the
    lower quartile, the median and the upper quartile.
    """

    def race(run, grids, tuning, judging, budget):
        if refuses and (len({*map(len, grids.values())}) > 1 or {*tuning} & {*judging}):
            raise ValueError("this race would not be fair")
        table = {}
        for name, grid in grids.items():
            best = min(grid, key=lambda setting: score(losses(run, name, setting, tuning, budget)))
            low, middle, high = report(losses(run, name, best, judging, budget))
            table[name] = {"setting": best, "median": middle, "quartiles": [low, high]}
        return table

    def losses(run, name, setting, seeds, budget):
        found = [run(name, setting, seed, budget) for seed in seeds]
        return sorted(loss if np.isfinite(loss) else lost for loss in found)

    return race


def quarters(*which):
    """A function of sorted losses: the median for 2, the lowest for 0, a list of several for several, say 1, 2, 3."""
    return lambda losses: [losses[k * len(losses) // 4] for k in which]
