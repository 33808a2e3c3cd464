"""What must be true of a rule that nobody knew before its author wrote it: properties as in :mod:`lib.homework.properties`.

There is no reference to compare such a rule with. It is held to what every rule must do, to what its author claims of
it, and to being none of the book's.
"""

import ast
import inspect
import itertools
import linecache
import textwrap

import numpy as np

from lib.equations import HouseFormError, equations
from lib.notation import NAMES, SHARE

from .properties import (
    Broken,
    _name,
    _property,
    _same,
    _step,
    _theta,
    mirrored,
    path,
    proportional,
    rests,
    scales,
    streams,
    translated,
    uses_t,
)

CLAIMS = {each.__name__: each for each in (mirrored, translated, proportional, rests, uses_t)}
POWERS = (-1, 0, 0.5, 1, 2)
SHARES = (0.0, 0.5, 0.9, 0.99, 0.999)
ORDINARY = "random gradients", "gradients of one direction", "rare gradients (most are 0)"


def down(rule, grad, theta, steps, states, **hyper):
    """The parameters after each step down ``grad(theta)`` from zero state, an array of one row more than ``steps``.

    Raises :class:`~lib.homework.properties.Broken` if the rule does not return the parameters and ``states`` states, in their shape.
    """
    theta = np.array(theta, float)
    state = [np.zeros_like(theta) for _ in range(states)]
    rows = [theta]
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, steps + 1):
            theta, *state = _step(rule, theta, grad(theta), t, state, hyper)
            rows.append(theta)
    return np.array(rows)


@_property("it moves where there is a gradient")
def moves(rule, states, seed=0, **hyper):
    """Along random gradients every coordinate moves."""
    steps = np.diff(path(rule, streams(seed)["random gradients"], _theta(seed), states, **hyper), axis=0)
    if not steps.any(axis=0).all():
        raise Broken("theta stays where it is", f"{_name(rule)}(theta, g, 1, …) with a g that is not 0")


@_property("it goes downhill")
def descends(rule, states, curvatures, start, share=0.01, steps=300, **hyper):
    """On the quadratic with ``curvatures`` the loss after ``steps`` steps is at most ``share`` of that at ``start``."""
    h = np.array(curvatures, float)
    ran = down(rule, lambda theta: h * theta, start, steps, states, **hyper)
    first, last = (ran[[0, -1]] ** 2 @ h) / 2
    if not last <= share * first:
        raise Broken(f"after {steps} steps the loss is {last:.2g}, from {first:.2g} at the start",
                     "explore(…) on such a loss; is the learning rate tuned?")  # fmt: skip


@_property("every learning rate below the edge is stable, and none just above")
def stable_up_to(rule, states, edge, h, margin=0.02, **hyper):
    """Runs from 1 on the curvature ``h``, 1000 steps: within 1 in the last 100 for ``lr`` below ``edge`` only.

    Tried at 0.05, 0.3 and 0.7 of it and ``margin`` below and above; an infinite ``edge`` at 0.001 to 10,000 over ``h``.
    """
    if edge is None or edge is ...:
        raise Broken("there is no answer yet")
    edge = float(edge)
    if not edge > 0:
        raise Broken(f"it is {edge:g}; a positive number or infinity is needed")
    finite = np.isfinite(edge)
    lr = edge * np.array([0.05, 0.3, 0.7, 1 - margin, 1 + margin]) if finite else 10.0 ** np.arange(-3, 5) / h
    ran = down(rule, lambda theta: h * theta, np.ones(lr.shape), 1000, states, **{**hyper, "lr": lr})
    stable = np.abs(ran[-100:]).max(axis=0) < 1
    if finite and stable[-1]:
        raise Broken("a larger learning rate is stable too", f"1000 steps with lr = {lr[-1]:.4g}")
    if not stable[: len(lr) - finite].all():
        raise Broken("a smaller learning rate is not stable", f"1000 steps with lr = {lr[stable.argmin()]:.4g}")


@_property("its source is in the house form")
def house_form(rule, states, source, seed=0, **hyper):
    """The text ``source`` is a rule in the house form, and makes the path of ``rule``."""
    if not isinstance(source, str):
        raise Broken("there is no text yet", "inspect.getsource(mine)")
    read = _from_text(source)
    theta = _theta(seed)
    for name, gradients in streams(seed).items():
        ran, meant = (path(each, gradients, theta, states, **hyper) for each in (rule, read))
        _same(ran, meant, "the rule and its source part", name)


def _from_text(source):
    """The function that a text defines; its lines are read as equations first, and none is run before.

    This happens in the grader's own process, so nothing may stand in its first line that Python computes.
    """
    text = textwrap.dedent(source)
    match ast.parse(text).body:
        case [ast.FunctionDef() as function]:
            head = function.args
        case _:
            raise Broken("the text must be one function, made with def", "print(source)")
    arguments = [*head.posonlyargs, *head.args, *head.kwonlyargs]
    if function.decorator_list or function.returns or head.defaults or any(each.annotation for each in arguments):
        raise Broken("a rule has no decorators, annotations and defaults of positional arguments", "its first line")
    if head.vararg or head.kwarg or getattr(function, "type_params", []):
        raise Broken("each argument of a rule has a name of its own, without * or type parameters", "its first line")
    for default in head.kw_defaults:
        if not isinstance(default, ast.Constant):
            raise Broken("each hyper-parameter needs a number as its default", "its first line")
    name = f"<rule {hash(text):x}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    try:
        equations(scope[function.name])
    except HouseFormError as error:
        raise Broken(str(error).splitlines()[0], "equations(mine)") from None
    return scope[function.name]


@_property("it is unlike every rule of the book")
def unlike(rule, states, others, seed=0, least=0.05, **hyper):
    """From each rule of ``others`` it differs on one ordinary stream at least, by a share ``least`` of its steps.

    The other rule is tried with its defaults, and with 0, 0.5, 0.9, 0.99, 0.999 and the numbers in ``hyper`` for each of
    its hyper-parameters that is a share; its steps are multiplied by what fits best, as by a learning rate.
    """
    theta = _theta(seed)
    everything = streams(seed)
    mine = {name: np.diff(path(rule, everything[name], theta, states, **hyper), axis=0) for name in ORDINARY}
    if not all(steps.any() for steps in mine.values()):
        raise Broken("theta stays where it is", f"{_name(rule)}(theta, g, 1, …) with a g that is not 0")
    for other in others:
        tried = _settings(other, hyper)
        worst = np.max(
            [_misfit(mine[name], _steps(other, everything[name], theta, tried)) for name in ORDINARY], axis=0
        )
        nearest = int(worst.argmin())
        if worst[nearest] < least:
            setting = ", ".join(f"{name}={values[nearest].item():g}" for name, values in tried.items())
            raise Broken(f"it makes the steps of {other.__name__}({setting}), up to {worst[nearest]:.1%} and a learning rate",
                         f"stream(mine, {other.__name__}, …)")  # fmt: skip


def _settings(other, hyper):
    """What each share of a rule is tried with: columns, one row a combination."""
    parameters = inspect.signature(other).parameters.values()
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and NAMES[p.name].allowed == SHARE]
    defaults = [other.__kwdefaults__[name] for name in names]
    numbers = sorted({*SHARES, *(float(value) for value in hyper.values() if 0 <= value < 1)})
    rows = np.array([defaults, *itertools.product(numbers, repeat=len(names))])
    return {name: rows[:, [k]] for k, name in enumerate(names)}


def _steps(other, gradients, theta, tried):
    """Its steps with every setting, of shape (steps, settings, parameters)."""
    runs = max((len(values) for values in tried.values()), default=1)
    theta = np.tile(theta, (runs, 1))
    states = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(other).parameters.values()) - 3
    with np.errstate(all="ignore"):
        return np.diff(path(other, np.repeat(gradients[:, None], runs, axis=1), theta, states, **tried), axis=0)


def _misfit(mine, theirs):
    """What is left of ``mine`` after the best multiple of each setting's steps, as a share."""
    flat, columns = mine.ravel(), theirs.swapaxes(1, 2).reshape(mine.size, theirs.shape[1])
    with np.errstate(all="ignore"):
        fitted = columns * (flat @ columns / (columns**2).sum(axis=0))
        left = np.sqrt(((flat[:, None] - fitted) ** 2).sum(axis=0) / (flat**2).sum())
    return np.where(np.isfinite(left), left, np.inf)


@_property("what you claim of it is true")
def claimed(rule, states, claims, name, seed=0, **hyper):
    """``claims[name]`` says of the property with this name whether the rule has it, or the power with which it ``scales``.

    A power is a number, or ``"none"`` where there is none.
    """
    claim = claims.get(name) if isinstance(claims, dict) else None
    if claim is None or claim is ...:
        raise Broken(f"nothing is claimed of {name} yet")
    if name == "scales":
        return _scales_as_claimed(rule, states, claim, seed, hyper)
    if not isinstance(claim, (bool, np.bool_)):
        raise Broken(f"claim True or False of {name}, not {claim!r}")
    found = CLAIMS[name](rule, states, seed=seed, **hyper)
    if found.holds != claim:
        raise Broken(f"you claim {name}: {claim}. It is otherwise", found.look or f"{name}(mine, STATES, **setting)")


def _scales_as_claimed(rule, states, claim, seed, hyper):
    if isinstance(claim, (bool, np.bool_)) or not isinstance(claim, (int, float, str)):
        raise Broken(f'claim a power, or "none"; not {claim!r}')
    if isinstance(claim, str) and claim != "none":
        raise Broken(f'claim a power, or "none"; not {claim!r}')
    powers = POWERS if claim == "none" else [claim]
    found = [scales(rule, states, power, seed=seed, **hyper).holds for power in powers]
    if any(found) == (claim == "none"):
        raise Broken(f"you claim scales: {claim}. It is otherwise", "the steps for g and for 1000 * g")


@_property("it refuses what would be unfair")
def refused(function, *arguments):
    """``function(*arguments)`` raises ``ValueError``."""
    try:
        function(*arguments)
    except Exception as error:
        if "ValueError" not in f"{type(error).__name__}: {error}":
            raise
    else:
        raise Broken("it raises no ValueError", f"{_name(function)}(…) with such arguments")
