"""The state of an interactive figure: the one that it begins with, and what it may become.

A state is flat and fit for JSON: numbers, booleans, strings and lists. ``rules`` maps the key of each run to its
rule, ``losses`` the key of each loss to it. :func:`checked` is the gate for every state, from Python or a front end.
"""

import difflib
import math
import numbers
import sys

import numpy as np

from ..arguments import whole
from ..descent import Schedule
from ..streams import STREAMS
from .runs import hyper, kind

MOST_STEPS = 10_000
MEASURES = ("loss", "rate")


# States to begin with.


def descent(on, rules, losses, *, start=None, steps=200, step=None, noise=0.0, seed=0, arrows=False, **given):
    """The first state of a descent figure; ``on`` are the runs that are on, ``given`` their hyper-parameters."""
    loss = next(iter(losses))
    return {
        **_common(on, steps, step, seed),
        "loss": loss,
        "start": losses[loss].start if start is None else start,
        "noise": noise,
        "arrows": arrows,
        **_hypers(rules, given),
    }


def plane(on, rules, losses, *, x="lr", y=None, x_range=None, y_range=None, measure="loss", steps=100, **given):
    """The first state of a plane figure, with ranges around the rule's defaults; the rest is as in :func:`descent`."""
    rule = rules[on[0]]
    defaults = hyper_defaults(rule)
    y = next((name for name in defaults if not isinstance(x, str) or name != x), None) if y is None else y
    for name in (x, y):
        if not isinstance(name, str) or name not in defaults:
            problem = "a plane needs two hyper-parameters" if name is None else f"there is no hyper-parameter {name!r}"
            raise ValueError(f"{problem}; {rule.__name__} has {', '.join(defaults) or 'none'}.")
    return descent(on, rules, losses, steps=steps, **given) | {
        "x_name": x,
        "y_name": y,
        "x_range": _usual(x, rule) if x_range is None else x_range,
        "y_range": _usual(y, rule) if y_range is None else y_range,
        "measure": measure,
    }


def stream(on, rules, losses, *, g="noisy", steps=100, step=None, seed=0, theta=0.0, corrected=True, **given):
    """The first state of a stream figure; ``g`` is the name of a stream or its gradients."""
    drawn = [] if isinstance(g, str) else _numbers("g", g)
    steps = steps if isinstance(g, str) else len(drawn)
    return {
        **_common(on, steps, step, seed),
        "stream": g if isinstance(g, str) else "drawn",
        "drawn": drawn,
        "theta": theta,
        "corrected": corrected,
        **_hypers(rules, given),
    }


def _common(on, steps, step, seed):
    return {"rules": on, "steps": steps, "step": steps if step is None else step, "seed": seed}


def _hypers(rules, given):
    """All hyper-parameters, by run: ``lr=…`` is for every run that has it, ``adam_lr=…`` for one."""
    defaults = {(run, name): value for run, rule in rules.items() for name, value in hyper_defaults(rule).items()}
    known = dict.fromkeys([name for _, name in defaults] + [f"{run}_{name}" for run, name in defaults])
    for name in given:
        if name not in known:
            raise TypeError(f"no rule here has the hyper-parameter {name!r}{_nearest(name, known)}")
    return {
        f"{run}.{name}": given.get(f"{run}_{name}", given.get(name, value)) for (run, name), value in defaults.items()
    }


def hyper_defaults(rule):
    """The hyper-parameters of a rule with their defaults."""
    return rule.__kwdefaults__ or {}


def _usual(name, rule):
    """The range of a plane's axis where none is given."""
    value = hyper_defaults(rule)[name]
    if kind(name) == "share":
        return [0.0, 0.99]
    if kind(name) == "rate" and value > 0:
        return [value / 100, value * 100]
    return [0.0, max(1.0, 2 * abs(value))]


# What a state may be.


def checked(rules, losses, state, like):
    """A state in its normal form: numbers as floats or whole numbers, sequences as lists.

    ``like`` is a state of the same figure, whose keys it must have. Raises ``ValueError`` or ``TypeError`` that names
    the argument, the value and what is allowed.
    """
    for key in state:
        if key not in like:
            raise ValueError(f"the state has no {key!r}{_nearest(key, like)}")
    for key in like:
        if key not in state:
            raise ValueError(f"{key!r} is missing from the state.")
    state = {key: _value(key, state[key], rules, losses, state) for key in like}
    for run, rule in rules.items():
        _check_hyper(rule, hyper(rules, run, state))
    if "measure" in like:
        _check_plane(rules, losses, state)
    return state


def changed(rules, losses, state, key, value):
    """The state with one entry changed, and what follows from that.

    A figure that stood at its last step still does with more or fewer steps; another loss is started on from its own
    start, and one without a minimum has no rate; a drawn stream is as long as it is; a plane's axis takes the usual range of what is put on it. Raises as
    :func:`checked` does.
    """
    value = _value(key, value, rules, losses, state)
    follows = {}
    if key == "steps":
        follows = {"step": value if state["step"] == state["steps"] else min(state["step"], value)}
    if key == "loss":
        follows = {"start": losses[value].start}
        if "measure" in state and not losses[value].minima:
            follows["measure"] = "loss"
    if key == "drawn":
        follows = {"stream": "drawn", "steps": len(value), "step": len(value)}
    if key in ("x_name", "y_name"):
        follows = {key.replace("name", "range"): _usual(value, rules[state["rules"][0]])}
    if key == "rules" and "measure" in state:
        follows = _axes(state, rules[value[0]])
    return checked(rules, losses, state | {key: value} | follows, state)


def _axes(state, rule):
    """What takes the place of the axes that another rule in the plane does not have."""
    names = [*hyper_defaults(rule)]
    usual = {"x": names[0], "y": names[min(1, len(names) - 1)]}
    gone = {axis: name for axis, name in usual.items() if state[f"{axis}_name"] not in names}
    names = {f"{axis}_name": name for axis, name in gone.items()}
    return names | {f"{axis}_range": _usual(name, rule) for axis, name in gone.items()}


def _value(key, value, rules, losses, state):
    match key:
        case "rules":
            return _runs(value, rules, single="measure" in state)
        case "steps":
            return int(whole(key, value, 1, MOST_STEPS))
        case "step":
            return int(whole(key, value, 0, state["steps"]))
        case "seed":
            return int(whole(key, value, 0, 2**32 - 1))
        case "noise":
            return _number(key, value, low=0)
        case "start" | "x_range" | "y_range":
            return _numbers(key, value, 2)
        case "drawn":
            return _numbers(key, value)
        case "loss":
            return _choice(key, value, losses)
        case "stream":
            return _choice(key, value, [*STREAMS, "worst", "drawn"])
        case "measure":
            return _choice(key, value, MEASURES)
        case "x_name" | "y_name":
            return _choice(key, value, hyper_defaults(rules[state["rules"][0]]))
        case "arrows" | "corrected":
            return _switch(key, value)
    return _number(key, value)


def _runs(value, rules, single):
    _sequence("rules", value)
    value = [_choice("rules", run, rules) for run in value]
    if single and len(value) != 1 or len({*value}) != len(value):
        raise ValueError(f"rules must name {'one run' if single else 'each run once'}, got {value!r}.")
    return [run for run in rules if run in value]


def _number(key, value, low=-math.inf):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{key} must be a number, got {value!r}.")
    if not low <= value or not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError(f"{key} must be finite{f' and at least {low}' if low == 0 else ''}, got {value!r}.")
    return float(value)


def _numbers(key, value, count=None):
    _sequence(key, value)
    if count not in (None, len(value)):
        raise ValueError(f"{key} must be {count} numbers, got {value!r}.")
    return [_number(key, item) for item in value]


def _sequence(key, value):
    if not isinstance(value, (list, tuple, np.ndarray)) or getattr(value, "ndim", 1) == 0:
        raise TypeError(f"{key} must be a list, got {value!r}.")


def _choice(key, value, choices):
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{key} must be one of {', '.join(choices)}; got {value!r}.")
    return value


def _switch(key, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{key} must be True or False, got {value!r}.")
    return bool(value)


def _check_hyper(rule, settings):
    try:
        Schedule(rule, settings)
    except ValueError as problem:
        raise ValueError(f"{rule.__name__}: {problem}") from None


def _check_plane(rules, losses, state):
    if state["measure"] == "rate" and not losses[state["loss"]].minima:
        raise ValueError(f"measure must be 'loss' for {state['loss']}, which has no minimum to converge to.")
    for axis in "xy":
        low, high = state[f"{axis}_range"]
        if not low < high:
            raise ValueError(f"{axis}_range must go from low to high, got {low:g} to {high:g}.")
        for limit in (low, high):
            _check_hyper(rules[state["rules"][0]], {state[f"{axis}_name"]: limit})


def _nearest(name, known):
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}."
