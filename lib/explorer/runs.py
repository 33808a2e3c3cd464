"""What the state of an interactive figure means: its runs, in NumPy as in the front end.

A state is a flat dict of numbers, strings and lists, such as ``{"steps": 200, "adam.lr": 0.001, …}``; ``rules`` maps
the key of each run to its rule.
"""

import ast
from typing import NamedTuple

import numpy as np

from .. import streams
from ..bounds import BOUNDS
from ..descent import Diverged, descend
from ..equations import corrects_bias, read_rule, values
from ..notation import NAMES, RATE, SHARE
from ..rates import RATES
from ..rules import RULES

POINTS = 41


class Run(NamedTuple):
    """A path, up to where it is finite, and the step at which it diverged or ``None``."""

    path: np.ndarray
    diverged: int | None


def hyper(rules, run, state):
    """The hyper-parameters of a run."""
    return {name: state[f"{run}.{name}"] for name in rules[run].__kwdefaults__ or {}}


def kind(name):
    """The kind of a hyper-parameter: ``"rate"`` from 0 on, ``"share"`` of 1, or just a ``"number"``."""
    return {RATE: "rate", SHARE: "share"}.get(NAMES[name].allowed if name in NAMES else None, "number")


# Descent.


def descents(rules, loss, state):
    """The runs that are on, down a loss: run key to :class:`Run`."""
    return {run: _descent(rules[run], loss, state, hyper(rules, run, state)) for run in state["rules"]}


def _descent(rule, loss, state, settings):
    try:
        return Run(_path(rule, loss, state, settings), None)
    except Diverged as error:
        finite = np.isfinite(error.path).all(axis=-1)
        path = error.path if finite.all() else error.path[: finite.argmin()]
        return Run(path, len(path))


def _path(rule, loss, state, settings, **options):
    gradient, seed = (loss.noisy(state["noise"]), state["seed"]) if state["noise"] else (loss.gradient, None)
    return descend(rule, gradient, np.array(state["start"], float), state["steps"], seed=seed, **options, **settings)


def gap(loss, theta):
    """The loss above its lowest value, or the loss itself where it has no minimum."""
    floor = min((float(loss(minimum)) for minimum in loss.minima), default=0.0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return loss(theta) - floor


# Plane.


def plane(rules, loss, state):
    """Every run of a plane: the values on its two axes, and the measure of shape (y, x), NaN for a run that diverged.

    The measure is the final loss above its minimum, or the mean factor by which the second half of the run shrinks
    the distance to the nearest minimum with each step.
    """
    (run,) = state["rules"]
    x, y, settings = _grid(rules, run, state)
    path = _path(rules[run], loss, state, settings, on_divergence="record")
    with np.errstate(all="ignore"):
        fine = np.isfinite(path).all(axis=(0, -1)) & np.isfinite(loss.gradient(path[:-1])).all(axis=(0, -1))
        measured = gap(loss, path[-1]) if state["measure"] == "loss" else rate_of(loss, path)
    return x, y, np.broadcast_to(np.where(fine, measured, np.nan), (POINTS, POINTS))


def predicted(rules, loss, state, at_all=True):
    """What :mod:`lib.rates` says of the rates of a plane, of shape (y, x), or of its chosen run if not ``at_all``.

    None where it says nothing: of another measure, with noise, of a loss that is not quadratic, of other rules.
    """
    (run,) = state["rules"]
    rate = RATES.get(rules[run].__name__) if is_library_rule(rules[run]) else None
    if state["measure"] != "rate" or state["noise"] or not rate or not loss.curvatures:
        return None
    settings = _grid(rules, run, state)[2] if at_all else hyper(rules, run, state)
    with np.errstate(over="ignore", invalid="ignore"):
        factor = np.max([rate(h, **settings) for h in loss.curvatures], axis=0)
    return np.broadcast_to(factor, (POINTS, POINTS)) if at_all else float(factor)


def _grid(rules, run, state):
    """The values on the two axes of a plane, and the hyper-parameters of all its runs, of shape (y, x)."""
    x, y = (axis(state[f"{name}_name"], state[f"{name}_range"]) for name in "xy")
    return x, y, hyper(rules, run, state) | {state["x_name"]: x, state["y_name"]: y[:, None]}


def axis(name, limits):
    """The values on an axis, both ends included; by equal factors for a rate that does not start at 0."""
    return (np.geomspace if is_logarithmic(name, limits) else np.linspace)(*limits, POINTS)


def is_logarithmic(name, limits):
    """Whether an axis goes by equal factors."""
    return kind(name) == "rate" and limits[0] > 0


def rate_of(loss, path):
    """The mean factor per step by which the second half of a path, or of many, comes nearer to a minimum."""
    half, last = path[(len(path) - 1) // 2], path[-1]
    far = [np.linalg.norm(last - np.array(minimum), axis=-1) for minimum in loss.minima]
    nearest = np.array(loss.minima)[np.argmin(far, axis=0)]
    before = np.linalg.norm(half - nearest, axis=-1)
    shrunk = np.where(before == 0, 0.0, np.min(far, axis=0) / np.where(before == 0, 1.0, before))
    return shrunk ** (1 / (len(path) - 1 - (len(path) - 1) // 2))


# Stream.


def gradients(rules, state):
    """The gradients g_1, …, g_steps of a stream figure; a drawn stream that ends earlier goes on with 0."""
    steps, seed = state["steps"], state["seed"]
    if state["stream"] == "drawn":
        return np.array([*state["drawn"], *np.zeros(steps)][:steps])
    if state["stream"] != "worst":
        return streams.gradients(streams.STREAMS[state["stream"]], steps, seed)
    for run in state["rules"]:
        if bounds := BOUNDS.get(rules[run].__name__) if is_library_rule(rules[run]) else None:
            settings = {name: np.float64(value) for name, value in hyper(rules, run, state).items()}
            return streams.gradients(bounds.worst, steps, seed, **settings)
    return np.ones(steps)


def is_library_rule(rule):
    """Whether a rule is one of :data:`lib.rules.RULES` itself, and not one of the same name."""
    return RULES.get(rule.__name__) is rule


def traces(rules, state):
    """All quantities of the runs that are on, under the figure's stream: run key to name to array, by step.

    At index 0, before the first step, are the start and the empty state, and NaN for all else. ``"step/lr"`` is the
    change of theta over the learning rate.
    """
    g = gradients(rules, state)
    return {
        run: _trace(rules[run], hyper(rules, run, state), g, state["theta"], state["corrected"])
        for run in state["rules"]
    }


def _trace(rule, settings, g, theta, corrected):
    """The rule line by line, so that what it computes on the way is there as well."""
    source = read_rule(rule)
    lines = [(name, compile(ast.Expression(node), source.name, "eval")) for name, node in source.assignments]
    names = ("theta", *source.arguments[3:], *values(rule))
    now = {name: np.float64(value) for name, value in settings.items()}
    now |= {name: np.float64(0) for name in source.arguments[3:]} | {"theta": np.float64(theta)}
    steps = range(1, len(g) + 1) if corrected or not corrects_bias(rule) else np.full(len(g), np.inf)
    rows = [[now.get(name, np.nan) for name in names]]
    with np.errstate(all="ignore"):
        for now["g"], now["t"] in zip(g, steps):
            for name, line in lines:
                now[name] = eval(line, {"np": np}, now)
            rows.append([now[name] for name in names])
        trace = dict(zip(names, np.array(rows, float).T))
        change = np.diff(trace["theta"]) / settings.get("lr", 1.0)
    return {"g": np.append(np.nan, g), **trace, "step/lr": np.append(np.nan, change)}
