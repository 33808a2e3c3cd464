"""Every public function of the library on what nobody means to give it: a right answer or a clear error.

``CHECKS`` has one check for each function and class without an underscore in the modules that a reader or a student
calls; ``LEFT_OUT`` has the others, each with its reason. A check is a property with an oracle (a loop by hand, finite
differences, a plain copy of an array, exact fractions), and then a list of wrong arguments: each must be refused by the
library itself, in words that name the argument, before anything is changed. Warnings are errors here, as in all tests.
"""

import functools
import importlib
import inspect
import json
import linecache
import math
import pkgutil
import re
import traceback
from fractions import Fraction
from html import escape
from itertools import combinations, product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy as sp
from bs4 import BeautifulSoup
from every import EVERY
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from py_mini_racer import MiniRacer
from traitlets import TraitError

import lib
from lib import (
    bounds,
    claims,
    conventions,
    data,
    descent,
    equations,
    experiments,
    explorer,
    figures,
    homework,
    html,
    layers,
    ledger,
    losses,
    matrices,
    models,
    notation,
    performance,
    rates,
    schedules,
    streams,
    training,
)
from lib.explorer import code, interactive, pictures
from lib.homework import canvas, own, pages, properties, wire
from lib.models import autoencoder, classifier, convolution, flat
from lib.rules import RULES, adam, momentum, sgd

races = importlib.import_module("lib.explorer.race")
HOME = str(Path(lib.__file__).parent)
CHECKS, LEFT_OUT = {}, {}


def tried(examples=20, **strategies):
    """A property of random arguments, the same ones in every run."""

    def decorate(function):
        often = settings(
            max_examples=examples, derandomize=True, deadline=None, database=None, print_blob=False,
            phases=(Phase.explicit, Phase.generate), suppress_health_check=[*HealthCheck],
        )  # fmt: skip
        return often(given(**strategies)(function))

    return decorate


def checks(*names, module=""):
    """Put a check into the table, for each of the functions that it is about; it runs once."""

    def decorate(check):
        once = functools.cache(check)
        CHECKS.update({f"lib.{module}{'.' * bool(module)}{name}": once for name in names})
        return check

    return decorate


def left_out(reason, *names):
    LEFT_OUT.update({f"lib.{name}": reason for name in names})


# ---- What is wrong, and what a clear error is ---------------------------------------------------

RAGGED = [[1.0], [1.0, 2.0]]
WRONG = [
    None, True, "word", "", b"bytes", 1j, object(), [], {}, set(), [None], ["word"], RAGGED, math.nan, math.inf,
    -math.inf, -1, 0, 0.5, 2.5, 10**400, Fraction(1, 3), np.array(["word"]), np.array([1j]), np.array([None]),
    np.zeros((0, 3)), np.array(math.nan), np.datetime64("2026-01-01"), sp.Symbol("z"), lambda *_: None, "\ud800",
    "</script>", slice(None),
]  # fmt: skip

RUNS = [value for value in WRONG if not isinstance(value, list) or value]


def whole(low, high=math.inf):
    return lambda value: type(value) is int and low <= value <= high


def number(low=-math.inf, high=math.inf):
    return lambda value: type(value) in (int, float, Fraction) and low <= value < high and abs(value) < 1e300


def hyper_parameter(low=-math.inf, high=math.inf):
    """A hyper-parameter; an empty array is a sweep of no runs."""
    return lambda value: number(low, high)(value) or isinstance(value, np.ndarray) and not value.size


def no_name(value):
    return value is None or isinstance(value, str) and value == "word"


def nothing(value):
    return False


def assert_clear(error, *words):
    """The library itself refuses, in words that name the argument; no error of NumPy's or Python's comes through."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, TraitError) and error.__context__ and "trait of" not in str(error):
        return assert_clear(error.__context__, *words)
    assert isinstance(error, (TypeError, ValueError, TraitError)), repr(error)
    if not isinstance(error, TraitError):
        assert frame.filename.startswith(HOME) and frame.line.startswith("raise"), f"{error!r} at {frame}"
    assert any(word in str(error) for word in words), (words, str(error))


def refuses(call, *words, allowed=nothing, wrong=WRONG):
    """``call`` refuses each wrong value with a clear error; those that are ``allowed`` are not tried."""
    for value in wrong:
        if not allowed(value):
            with pytest.raises(Exception) as caught:
                call(value)
                pytest.fail(f"{value!r} was taken for {words}")
            assert_clear(caught.value, *words)


# ---- Arrays as they come ------------------------------------------------------------------------


def _strided(array):
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]) if array.ndim else (), 7.0)
    wide[..., ::2] = array
    return wide[..., ::2]


def _read_only(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


LAYOUTS = {
    "plain": np.array,
    "read-only": _read_only,
    "not contiguous": lambda array: _strided(array) if array.ndim else array.copy(),
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1] if array.ndim else array.copy(),
    "by columns": lambda array: np.array(array, order="F"),
    "big-endian": lambda array: array.astype(">f8"),
}
layout = st.sampled_from([*LAYOUTS])
EXTREMES = [0.0, -0.0, 5e-324, -1e-310, 1e-300, 1e-8, 1.0, -3.5, 1e8, -1e150, 1e300, 1.7e308]
usual = st.floats(-10, 10, allow_subnormal=False)
anything = usual | st.sampled_from([*EXTREMES, math.nan, math.inf, -math.inf])
extreme = usual | st.sampled_from(EXTREMES)
seeds = st.integers(0, 2**32 - 1)


def unchanged(*given):
    """A function that asserts that arrays are as they were when it was made."""
    before = [(array.tobytes(), array.dtype, array.shape) for array in given]

    def check():
        assert [(array.tobytes(), array.dtype, array.shape) for array in given] == before

    return check


def same(got, want, rtol=0.0, atol=0.0):
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, equal_nan=True)


def slopes(f, x, h=1e-6):
    """Central differences of a function of one flat array."""
    flat = x.ravel()
    sides = [[f((flat + sign * h * one).reshape(x.shape)) for sign in (1, -1)] for one in np.eye(len(flat))]
    return np.array([(right - left) / (2 * h) for right, left in sides]).reshape(x.shape)


# ---- The table is complete ----------------------------------------------------------------------


def public():
    """The full names of all functions and classes without an underscore."""
    for found in pkgutil.walk_packages(lib.__path__, "lib."):
        if found.name not in LEFT_OUT and not found.name.endswith("__main__"):
            module = importlib.import_module(found.name)
            for name, member in vars(module).items():
                ours = (inspect.isfunction(member) or inspect.isclass(member)) and member.__module__ == found.name
                if ours and not name.startswith("_"):
                    yield f"{found.name}.{name}"


def test_every_public_function_is_fuzzed_or_left_out_for_a_reason():
    named = {
        name for name in LEFT_OUT if name not in {found.name for found in pkgutil.walk_packages(lib.__path__, "lib.")}
    }
    assert {*public()} == {*CHECKS} | named
    assert not CHECKS.keys() & LEFT_OUT.keys() and all(len(reason.split()) > 2 for reason in LEFT_OUT.values())


left_out("tests/test_blocks.py compares it with rules of every kind", "blocks.Recorded", "blocks.record", "blocks.replay",
         "blocks.where")  # fmt: skip
left_out("tests/test_single.py compares it with rules of every kind", "single.single")
left_out("tests/test_arguments.py tries both of its ends", "arguments.whole")
left_out("tests/test_faults.py fills the disk under it", "files.draft", "files.write")
left_out("it writes what a benchmark measured", "performance.update")
left_out(
    "builds pages, files or releases: it takes a Sphinx application or folders, and has tests of its own",
    *(
        "editions fork icons install katex newest notebooks pages plain publish release site web html.PlainContents "
        "html.content html.visit_content html.depart_content html.setup ledger.Ledger ledger.Badges ledger.setup "
        "ledger.parts ledger.page_of data.make"
    ).split(),
)
left_out(
    "runs the libraries or compares recordings of them, which tests/test_conventions.py does",
    "conventions.record", "conventions.changes",
)  # fmt: skip
left_out("fetches files over the network; tests/test_full_data.py damages them", "data.full")
left_out(
    "an instructor's command over folders and processes, which tests/test_gradebook.py, test_grading.py and test_assignments.py run",
    "homework.build", "homework.grade", "homework.masters", "homework.sandbox", "homework.session", "homework.student",
    "homework.canvas.main", "homework.canvas.table",
)  # fmt: skip
left_out("trains for hours and writes the tables that recorded() reads", "experiments.record", "experiments.main")
left_out("draws one picture, without arguments", "figures.cover")


# ---- Rules --------------------------------------------------------------------------------------


def arguments(rule, draw, shape, elements):
    count = rule.__code__.co_argcount - 3
    theta, g = (draw(arrays(float, shape, elements=elements)) for _ in range(2))
    return [theta, g, *(np.abs(draw(arrays(float, shape, elements=elements))) for _ in range(count))]


def rule_is_right(rule):
    @tried(
        12,
        values=st.data(),
        shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        t=st.integers(1, 400),
        kind=layout,
    )
    def elementwise_whatever_the_array_is(values, shape, t, kind):
        plain = arguments(rule, values.draw, shape, anything)
        given = [LAYOUTS[kind](array) for array in plain]
        untouched = unchanged(*given)
        with np.errstate(all="ignore"):
            theta, *others = given
            results = rule(theta, others[0], t, *others[1:])
            for place in np.ndindex(shape):
                alone = [array[place] for array in plain]
                for got, want in zip(results, rule(alone[0], alone[1], t, *alone[2:])):
                    same(got[place], want, rtol=1e-13)
        assert all(np.shape(result) == shape for result in results)
        untouched()

    @tried(8, values=st.data(), t=st.integers(1, 400))
    def precise_in_float32(values, t):
        wide = arguments(rule, values.draw, (4,), st.floats(0.125, 8, width=32))
        narrow = [array.astype(np.float32) for array in wide]
        with np.errstate(invalid="ignore"):
            narrow, wide = (rule(array[0], array[1], t, *array[2:]) for array in (narrow, wide))
        for got, want in zip(narrow, wide):
            same(got, want, rtol=1e-3, atol=1e-3)

    elementwise_whatever_the_array_is()
    precise_in_float32()


for each in EVERY.values():
    checks(each.__name__, module=each.__module__.removeprefix("lib."))(functools.partial(rule_is_right, each))


# ---- Descent ------------------------------------------------------------------------------------


def by_hand(rule, grad, theta, steps, **hyper):
    """The loop in its three lines, in the dtype of theta."""
    state = [np.zeros_like(theta)] * (rule.__code__.co_argcount - 3)
    path, slopes = [theta], []
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            slopes.append(grad(theta))
            theta, *state = (np.asarray(new, theta.dtype) for new in rule(theta, slopes[-1], t, *state, **hyper))
            path.append(theta)
    return np.array(path), np.array(slopes).reshape(steps, *path[0].shape)


some_rule = st.sampled_from([*RULES.values()])


def refuses_a_run(run):
    """What both drivers refuse: ``run(rule, hyper)``."""
    for rule in (None, "adam", 5, [], lambda g, t: 0, lambda theta, g: 0, functools.partial(lambda x: x)):
        with pytest.raises(Exception) as caught:
            run(rule, {})
        assert_clear(caught.value, "rule")
    refuses(
        lambda value: run(adam, {"beta1": value}),
        "beta1",
        allowed=hyper_parameter(0, 1),
        wrong=[*RUNS, 1.0, -1e-9, [0.1, 2]],
    )
    refuses(lambda value: run(adam, {"lr": lambda t: value}), "lr", allowed=hyper_parameter(0), wrong=RUNS)
    for rule in (adam, functools.partial(adam, beta1=0.5)):
        with pytest.raises(TypeError, match="did you mean 'lr'"):
            run(rule, {"lrr": 0.1})


@checks("descend", "Diverged", module="descent")
def descend_is_the_loop():
    @tried(
        60,
        rule=some_rule,
        values=st.data(),
        shape=array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
        steps=st.integers(0, 5),
        dtype=st.sampled_from(["f8", "f4"]),
        kind=layout,
        lr=st.sampled_from([0.0, 5e-324, 0.1, 1e308]),
    )
    @example(sgd, None, (2,), 2, "f8", "plain", 0.1)
    def paths(rule, values, shape, steps, dtype, kind, lr):
        start = values.draw(arrays(dtype, shape, elements=extreme.filter(lambda x: abs(x) < 1e38 or dtype == "f8").map(
            np.dtype(dtype).type))) if values else np.array([1e308, 1e308])  # fmt: skip
        given = LAYOUTS[kind](start) if dtype == "f8" else start
        untouched, grad = unchanged(given), lambda theta: 1.5 * theta
        want, g = by_hand(rule, grad, given, steps, lr=lr)
        same(descent.descend(rule, grad, given, steps, lr=lr, on_divergence="record"), want)
        lost = [
            t for t in range(steps + 1) if not np.isfinite(want[t]).all() or t < steps and not np.isfinite(g[t]).all()
        ]
        if lost:
            stop = lost[0] + (
                not np.isfinite(g[lost[0]]).all() if lost[0] < steps and np.isfinite(want[lost[0]]).all() else 0
            )
            with pytest.raises(descent.Diverged) as caught:
                descent.descend(rule, grad, given, steps, lr=lr)
            assert caught.value.step == stop
            same(caught.value.path, want[:stop])
            assert f"step {stop}" in str(caught.value)
        else:
            path = descent.descend(rule, grad, given, steps, lr=lr)
            assert path.dtype == given.dtype and path.shape == (steps + 1, *shape)
            same(path, want)
        untouched()

    @tried(
        20,
        rule=some_rule,
        starts=arrays(float, (3, 2), elements=usual),
        rates=arrays(float, (3,), elements=st.floats(0, 0.5)),
    )
    def a_stack_is_its_runs(rule, starts, rates):
        grad = lambda theta: theta * np.array([1.0, 3.0])
        together = descent.descend(rule, grad, starts, 5, lr=rates)
        for run in range(3):
            same(together[:, run], descent.descend(rule, grad, starts[run], 5, lr=rates[run]), rtol=1e-12, atol=1e-300)

    paths()
    a_stack_is_its_runs()
    grad = lambda theta: 2 * theta
    run = lambda **changes: descent.descend(**{"rule": adam, "grad": grad, "theta": [1.0, 2.0], "steps": 2} | changes)
    refuses_a_run(lambda rule, hyper: run(rule=rule, **hyper))
    refuses(
        lambda value: run(theta=value),
        "theta",
        allowed=lambda value: (
            value in (0.5, 2.5)
            if type(value) is float
            else isinstance(value, (list, np.ndarray)) and np.size(value if value is not RAGGED else 0) == 0
        ),
    )
    refuses(lambda value: run(steps=value), "steps", allowed=whole(0), wrong=WRONG[:-1])
    refuses(lambda value: run(seed=value), "seed", "grad", allowed=lambda value: value is None)
    refuses(lambda value: run(on_divergence=value), "on_divergence")
    refuses(lambda value: run(grad=value), "grad", allowed=callable)
    refuses(lambda value: run(grad=lambda theta: value), "gradient")
    refuses(lambda value: run(grad=lambda theta: np.array([value, value])), "gradient",
            wrong=["a", 1j, None, b"a", np.datetime64("2026-01-01")])  # fmt: skip
    for lr, mu in (([0.1, 0.2], [0.1, 0.2, 0.3]), (np.ones((2, 2)), np.zeros(3))):
        with pytest.raises(ValueError, match="hyper-parameters must broadcast"):
            run(rule=momentum, lr=lr, mu=mu)
    with pytest.raises(ValueError, match="made theta of shape"):
        run(lr=lambda t: 0.1 if t < 2 else [0.1, 0.2])


def test_a_rule_that_forgets_its_tuple_is_refused():
    """With as many parameters as values to return it would be unpacked, parameter by parameter."""
    forgets = lambda theta, g, t, m, *, lr=0.1: theta - lr * g
    with pytest.raises(ValueError, match="takes 1 states and returns a ndarray, which is no tuple"):
        descent.descend(forgets, lambda theta: theta, [1.0, 2.0], 3)


def test_a_rule_that_returns_other_shapes_is_refused():
    with pytest.raises(ValueError, match=r"made theta of shape \(\) from \(2,\)"):
        descent.descend(lambda theta, g, t: (theta.mean(),), lambda theta: theta, [1.0, 2.0], 3)


def test_a_path_that_diverged_holds_what_is_finite():
    """The gradient at parameters that have become infinite is none either, but they come first."""
    with pytest.raises(descent.Diverged, match="step 1: the parameters") as caught:
        descent.descend(sgd, lambda theta: theta, [1e308, 1.0], 3, lr=1e308)
    assert caught.value.path.tolist() == [[1e308, 1.0]]


@checks("Optimizer", module="descent")
def optimizer_is_descend():
    @tried(
        40,
        rule=some_rule,
        start=arrays(float, array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=4), elements=extreme),
        lr=st.sampled_from([0.0, 0.1, 1e308]),
        kind=layout,
    )
    def steps(rule, start, lr, kind):
        theta, grad = start.copy(), lambda theta: 1.5 * theta
        optimizer = descent.Optimizer(rule, theta, lr=lr)
        want, slopes = by_hand(rule, grad, start, 3, lr=lr)
        with np.errstate(all="ignore"):
            for g in slopes:
                g = LAYOUTS[kind](g)
                untouched = unchanged(g)
                optimizer.step(g)
                untouched()
        same(theta, want[-1], rtol=1e-15)
        assert (
            optimizer.theta is theta
            and optimizer.t == 3
            and [s.shape for s in optimizer.state] == [theta.shape] * len(optimizer.state)
        )

    @tried(
        10,
        rule=some_rule,
        g=st.sampled_from([np.zeros(3), np.zeros((2, 1)), np.array([1j, 1]), np.array(["a", "b"]), None, RAGGED, 0.0]),
    )
    def nothing_is_half_written(rule, g):
        theta = np.array([1.0, 2.0])
        optimizer = descent.Optimizer(rule, theta, lr=lambda t: 0.1 if t < 3 else math.nan)
        optimizer.step(np.ones(2))
        untouched = unchanged(theta, *optimizer.state)
        with pytest.raises(Exception) as caught:
            optimizer.step(g)
        assert_clear(caught.value, "gradient")
        untouched()
        assert optimizer.t == 1
        optimizer.step(np.ones(2))
        untouched = unchanged(theta, *optimizer.state)
        with pytest.raises(ValueError, match="lr"):
            optimizer.step(np.ones(2))
        untouched()
        assert optimizer.t == 2

    steps()
    nothing_is_half_written()
    refuses_a_run(lambda rule, hyper: descent.Optimizer(rule, np.ones(2), **hyper))
    refuses(
        lambda value: descent.Optimizer(adam, value),
        "theta",
        allowed=lambda value: isinstance(value, np.ndarray) and not value.size,
    )
    for name in ("read-only", "not contiguous", "backwards"):
        with pytest.raises(ValueError, match="theta must be writeable and contiguous"):
            descent.Optimizer(adam, LAYOUTS[name](np.ones((2, 2))))


@checks("generator", module="descent")
def generator_is_the_old_one():
    @tried(seed=seeds)
    @example(0)
    @example(2**32 - 1)
    def streams_(seed):
        same(descent.generator(seed).random(5), np.random.RandomState(seed).random_sample(5))
        same(descent.generator(np.uint32(seed)).random(5), descent.generator(seed).random(5))

    streams_()
    refuses(descent.generator, "seed", allowed=whole(0, 2**32 - 1), wrong=[*WRONG, 2**32])


@checks("Schedule", module="descent")
def schedule_holds_what_was_given():
    @tried(lr=st.floats(0, 1e300), shape=array_shapes(min_dims=0, max_dims=2, max_side=3), t=st.integers(1, 9))
    def values(lr, shape, t):
        schedule = descent.Schedule(momentum, {"lr": np.full(shape, lr), "mu": lambda t: 1 - 1 / t})
        assert schedule.shape == (*shape, 1) if shape else schedule.shape == ()
        same(schedule.at(t)["lr"], np.full(schedule.shape, lr))
        same(schedule.at(t)["mu"], 1 - 1 / t)
        with np.errstate(over="ignore"):
            theta, m = schedule.step(np.ones((*shape, 2)), np.ones((*shape, 2)), t, [np.zeros((*shape, 2))])
            same(theta, np.full((*shape, 2), 1 - lr))

    values()
    refuses_a_run(lambda rule, hyper: descent.Schedule(rule, hyper))


# ---- Losses -------------------------------------------------------------------------------------

some_loss = st.sampled_from([*losses.LOSSES.values()])
points = arrays(
    float, array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3).map(lambda shape: (*shape, 2)), elements=usual
)


@checks("Loss", module="losses")
def loss_is_its_function():
    @tried(60, loss=some_loss, theta=points, kind=layout)
    def values(loss, theta, kind):
        given = LAYOUTS[kind](theta)
        untouched = unchanged(given)
        value, gradient, hessian = loss(given), loss.gradient(given), loss.hessian(given)
        assert (np.shape(value), gradient.shape, hessian.shape) == (theta.shape[:-1], theta.shape, (*theta.shape, 2))
        smooth = np.abs(theta) > 1e-3 if loss.name == "absolute" else np.ones(theta.shape, bool)
        for place in np.ndindex(theta.shape[:-1]):
            x, y = map(float, theta[place])
            same(value[place], loss.function(x, y, **loss.parameters), rtol=1e-12, atol=1e-12)
            same(gradient[place], loss.gradient(theta[place].tolist()), rtol=1e-12, atol=1e-12)
            size = 1 + np.abs(hessian[place]).max() + np.abs(gradient[place]).max()
            if smooth[place].all():
                same(gradient[place], slopes(loss, theta[place]), rtol=1e-5, atol=1e-5 * size)
                rows = [slopes(lambda at: loss.gradient(at)[i], theta[place]) for i in (0, 1)]
                same(hessian[place], rows, rtol=1e-4, atol=1e-4 * size)
        untouched()
        narrow = theta.astype(np.float32)
        assert loss.gradient(narrow).dtype == np.float32
        same(
            loss.gradient(narrow),
            loss.gradient(narrow.astype(float)),
            rtol=1e-2,
            atol=1e-3 * (1 + np.abs(gradient).max(initial=0)),
        )

    @tried(
        60,
        loss=some_loss,
        theta=arrays(float, st.sampled_from([(2,), (2, 2)]), elements=anything),
        dtype=st.sampled_from(["f8", "f4"]),
    )
    @example(losses.rosenbrock, np.array([1e200, 1e200]), "f8")
    @example(losses.plateau, np.array([1.0, math.inf]), "f8")
    @example(losses.rosenbrock, np.full((2, 2), 1e200), "f8")
    @example(losses.rosenbrock, np.array([1e30, 1e30]), "f4")
    def far_away_it_is_silent(loss, theta, dtype):
        with np.errstate(all="ignore"):
            theta = theta.astype(dtype)
        for place in np.ndindex(theta.shape[:-1]):
            with np.errstate(all="ignore"):
                want = loss.function(*theta[place], **loss.parameters)
            same(loss(theta)[place], want, rtol=1e-12 if dtype == "f8" else 1e-5)
            same(np.isnan(loss.gradient(theta)[place]), np.isnan(loss.gradient(theta[place])))
        assert loss.gradient(theta).shape == theta.shape and loss.hessian(theta).shape == (*theta.shape, 2)

    @tried(10, kappa=st.floats(-100, 100), sigma=st.floats(0, 100), seed=seeds)
    def variants(kappa, sigma, seed):
        loss = losses.valley.replace(kappa=kappa)
        same(loss([3.0, 2.0]), (9 + kappa * 4) / 2)
        same(loss.gradient([3.0, 2.0]), [3, 2 * kappa], rtol=1e-12)
        noise = losses.normals(descent.generator(seed), 2)
        same(
            loss.noisy(sigma)(np.array([3.0, 2.0]), descent.generator(seed)), loss.gradient([3.0, 2.0]) + sigma * noise
        )

    values()
    far_away_it_is_silent()
    variants()
    empty = lambda value: isinstance(value, np.ndarray) and not value.size and value.shape[-1] == 2
    for call in (losses.bowl, losses.bowl.gradient, losses.bowl.hessian):
        refuses(call, "theta", allowed=empty, wrong=[*WRONG, [1.0], ["a", "b"], [1j, 2], [None, 1], np.zeros((2, 3))])
    refuses(losses.bowl.noisy, "sigma", allowed=number(0), wrong=[value for value in WRONG if value is not True])
    refuses(lambda value: losses.valley.replace(kappa=value), "kappa", allowed=number())
    refuses(lambda value: losses.valley.replace(**{value: 1.0}), "no parameter", wrong=["kapa", "</script>", ""])
    make = lambda **changes: losses.Loss(
        **{"function": losses.bowl.function, "domain": ((-1, 1), (-1, 1)), "start": (0.0, 1.0)} | changes
    )
    refuses(lambda value: make(function=value), "function")
    refuses(
        lambda value: make(domain=value),
        "domain",
        wrong=[*WRONG, ((1, -1), (0, 1)), ((0, math.nan), (0, 1)), ((0, 1),) * 3],
    )
    refuses(lambda value: make(start=value), "start", wrong=[*WRONG, (1.0,), (1.0, math.inf), ("a", "b")])
    refuses(
        lambda value: make(minima=value),
        "minima",
        wrong=[None, True, 1j, 0.5, RAGGED, ((1.0, "a"),), ((1.0, math.nan),)],
    )


def test_a_gradient_at_a_pole_is_infinite():
    """Python's floats raise ZeroDivisionError there, and make a complex number of a root of what is negative."""

    def pole(x, y):
        return 1 / x + y**2

    def root(x, y):
        return x**0.3 + y

    domain = ((-1, 1), (-1, 1))
    np.testing.assert_array_equal(losses.Loss(pole, domain, (1.0, 1.0)).gradient([0.0, 1.0]), [-np.inf, 2])
    np.testing.assert_array_equal(losses.Loss(root, domain, (1.0, 1.0)).gradient([-1.0, 1.0]), [np.nan, 1])
    np.testing.assert_array_equal(losses.Loss(root, domain, (1.0, 1.0))([-1.0, 1.0]), np.nan)


@checks("normals", module="losses")
def normals_are_box_and_mullers():
    @tried(seed=seeds, count=st.integers(0, 5))
    def values(seed, count):
        u = descent.generator(seed).random(2 * count)
        want = [math.sqrt(-2 * math.log1p(-u[i])) * math.cos(2 * math.pi * u[count + i]) for i in range(count)]
        same(losses.normals(descent.generator(seed), count), want, rtol=1e-12, atol=1e-15)

    values()
    refuses(lambda value: losses.normals(descent.generator(0), value), "count", allowed=whole(0))


# ---- Functions in the house form, written by chance ---------------------------------------------


def written(names, calls, depth=2):
    """Source of expressions in the house form."""
    leaf = st.sampled_from(names) | st.sampled_from(["1", "2", "0.5", "3.25", "10", "1e-3"])
    if not depth:
        return leaf
    part = written(names, calls, depth - 1)
    return leaf | st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/"]), part).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(leaf, st.sampled_from(["+", "-", "*"]), part).map("{0[0]} {0[1]} {0[2]}".format).map("({})".format),
        part.map("-({})".format).map("({})".format),
        st.tuples(part, st.sampled_from(["2", "3", "-1", "-2"])).map("({0[0]})**{0[1]}".format).map("({})".format),
        part.map("np.sqrt(np.abs({}))".format),
        leaf.map("np.sign({})".format),
        st.tuples(leaf, leaf).map("np.maximum({0[0]}, {0[1]})".format),
        st.tuples(leaf, st.sampled_from([">", "<", ">=", "<="]), leaf, part, part).map(
            "np.where({0[0]} {0[1]} {0[2]}, {0[3]}, {0[4]})".format),
        *(part.map(f"np.{call}({{}})".format) for call in calls),
    )  # fmt: skip


RULE = "def made(theta, g, t, m, *, lr=0.1, mu=0.5):\n    m = {}\n    c = {}\n    theta = {}\n    return theta, m\n"
NAMES = ["theta", "g", "t", "m", "lr", "mu"]
made_rule = st.tuples(written(NAMES, []), written(NAMES, []), written([*NAMES, "c"], [])).map(
    lambda parts: RULE.format(*parts)
)
made_loss = written(["x", "y", "kappa"], ["exp", "sin", "cos", "tanh"]).map(
    "def made(x, y, *, kappa=2.0):\n    return {}\n".format
)
SIGNS = {"m": 0.5, "theta": -1.25, "g": 2.0, "t": 3}


@functools.cache
def function(source):
    """The function that a source defines, with lines that ``inspect`` finds."""
    name = f"<made {source}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    scope = {"np": np}
    exec(compile(source, name, "exec"), scope)
    return scope["made"]


@functools.cache
def engine():
    return MiniRacer()


def told(text):
    """What JavaScript makes of a text: numbers, None for what JSON has no number for."""
    return json.loads(engine().eval(f"JSON.stringify({text})"))


def sane(*values):
    """Whether numbers are neither lost nor so large that rounding decides."""
    return all(np.isfinite(value) and abs(value) < 1e6 for value in values)


@checks(
    *("equations Equations javascript values mathml mathml_symbols read_rule Source corrects_bias").split(),
    module="equations",
)
def a_rule_is_its_equations():
    @tried(30, source=made_rule)
    def the_same_numbers(source):
        rule = function(source)
        read = equations.equations(rule)
        now = {"theta": -1.25, "g": 2.0, "t": 3, "m": 0.5}
        lines = source.splitlines()[1:4]
        found = dict(now)
        with np.errstate(all="ignore"):
            for line in lines:
                name, right = line.strip().split(" = ", 1)
                try:
                    value = eval(
                        right, {"np": np}, {**{k: np.float64(v) for k, v in found.items()}, "lr": 0.1, "mu": 0.5}
                    )
                except ZeroDivisionError:
                    assume(False)
                found[name] = float(value)
        assume(sane(found["m"], found["c"], found["theta"]))
        assert equations.values(rule) == ("c",) and not equations.corrects_bias(rule)
        script = told(f"({equations.javascript(rule)})(-1.25, 2, 3, 0.5)")
        same(script, [found["theta"], found["m"], found["c"]], rtol=1e-9, atol=1e-9)
        assert [str(line.lhs) for line in read.lines] == ["m_{t}", "c_{t}", r"\theta_{t}"]
        assert read.latex().count("{") == read.latex().count("}") and len(repr(read).splitlines()) == 3
        for line in [
            *equations.mathml(rule),
            *(f"<math>{symbol}</math>" for symbol in equations.mathml_symbols(rule).values()),
        ]:
            assert ElementTree.fromstring(line).tag == "math"
            assert not {element.tag for element in ElementTree.fromstring(line).iter()} - {
                *equations.ELEMENTS.split("|")
            }

    the_same_numbers()
    for call in (
        equations.equations,
        equations.javascript,
        equations.values,
        equations.mathml,
        equations.mathml_symbols,
        equations.read_rule,
        equations.corrects_bias,
        equations.formula,
        equations.expression,
    ):
        refuses(
            call, "source", "def", "return", wrong=[*WRONG, np.sqrt, print, int, math.sin, lambda theta, g, t: (theta,)]
        )
    assert equations.corrects_bias(adam) and not equations.corrects_bias(sgd)


@checks("HouseFormError", module="equations")
def what_is_no_equation_is_refused():
    bodies = [
        "    return theta\n",
        "    theta = theta\n",
        "    pass\n",
        "    import os\n    return theta,\n",
        "    theta = open('x')\n    return (theta,)\n",
        "    theta = theta.real\n    return (theta,)\n",
        "    theta = '</script>'\n    return (theta,)\n",
        "    theta = np.load(g)\n    return (theta,)\n",
        "    theta = theta @ g\n    return (theta,)\n",
        "    theta += g\n    return (theta,)\n",
        "    theta = True\n    return (theta,)\n",
        "    theta = 1j\n    return (theta,)\n",
        "    theta = np.sqrt(g, g)\n    return (theta,)\n",
        "    theta = np.where(g)\n    return (theta,)\n",
        "    theta = strange\n    return (theta,)\n",
        "    lr = g\n    theta = lr\n    return (theta,)\n",
        "    theta = g\n    theta = g\n    return (theta,)\n",
        "    for i in g:\n        theta = g\n    return (theta,)\n",
    ]
    for body in bodies:
        with pytest.raises(equations.HouseFormError, match="made, line 2|made, line 3|made, line 4"):
            equations.javascript(function(f"def made(theta, g, t, *, lr=0.1):\n{body}"))
    for default in ("None", "True", "'word'", "float('inf')", "float('nan')", "1j"):
        with pytest.raises(equations.HouseFormError, match="the hyper-parameter lr needs a finite number"):
            equations.javascript(
                function(f"def made(theta, g, t, *, lr={default}):\n    theta = theta - lr * g\n    return (theta,)\n")
            )


@checks("expression", "javascript_of", "latex_of", module="equations")
def a_loss_is_its_expression():
    @tried(30, source=made_loss)
    def the_same_numbers(source):
        loss = losses.Loss(function(source), ((-2, 2), (-2, 2)), (0.75, -1.5))
        with np.errstate(all="ignore"):
            try:
                want = float(loss.function(np.float64(0.75), np.float64(-1.5)))
            except ZeroDivisionError:
                assume(False)
        assume(sane(want))
        value, symbols = equations.expression(loss.function)
        same(told(f"({equations.javascript_of(value, 'f', symbols)})(0.75, -1.5)"), want, rtol=1e-9, atol=1e-9)
        written_ = equations.latex_of(value)
        assert written_.count("{") == written_.count("}")

    the_same_numbers()
    refuses(
        lambda value: equations.javascript_of(sp.Integer(1), value, ()),
        "name",
        wrong=[
            "</script>",
            "a b",
            "x;alert(1)",
            "f(){}//",
            '"',
            "\\",
            "\u2028",
            "\ud800",
            "\0",
            "größe",
            "class",
            "1x",
            None,
            5,
        ],
    )
    refuses(
        lambda value: equations.javascript_of(sp.Integer(1), "f", (sp.Symbol(value),)),
        "name",
        wrong=["</script>", "a,b", "eval"],
    )


@checks("formula", module="equations")
def a_formula_is_the_same_in_javascript():
    source = written(["t", "beta1"], []).map("def made(t, *, beta1):\n    return {}\n".format)

    @tried(40, source=source, t=st.integers(1, 9))
    def the_same_numbers(source, t):
        formula = function(source)
        with np.errstate(all="ignore"):
            try:
                want = float(formula(np.float64(t), beta1=np.float64(0.75)))
            except ZeroDivisionError:
                assume(False)
        assume(sane(want))
        same(told(f"({equations.formula(formula)})({t}, {{beta1: 0.75}})"), want, rtol=1e-9, atol=1e-9)

    the_same_numbers()


HOSTILE = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    '"onload="alert(1)', "'", "\\", "\u2028", "\ud800", "\0", "${alert(1)}", "`", "]]>", "<!--",
    "{}", "%", "&lt;img src=x&gt;", "a\nb", "$x$", "javascript:alert(1)",
]  # fmt: skip
hostile = st.lists(
    st.sampled_from([*HOSTILE, "x", "a b", "</", "\\text{", "}", "\\href{", "{"]), min_size=1, max_size=4
).map("".join)


@checks("mathml_of", "is_mathml", module="equations")
def mathml_is_mathematics_alone():
    @tried(
        60,
        words=hostile,
        around=st.sampled_from(
            ["{}", r"\text{{{}}}", r"\mathrm{{{}}}", r"\mbox{{{}}}", r"\href{{{}}}{{x}}", r"\style{{{}}}{{x}}"]
        ),
    )
    @example("<img src=x onerror=alert(1)>", r"\text{{{}}}")
    @example("&lt;img src=x&gt;", r"\mathrm{{{}}}")
    @example("\\", r"\mbox{{{}}}")
    @example("javascript:alert(1)", r"\href{{{}}}{{x}}")
    def nothing_else(words, around):
        try:
            made = equations.mathml_of(around.format(words))
        except ValueError as error:
            assert_clear(error, "latex")
        else:
            assert equations.is_mathml(made)
            tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([a-zA-Z0-9-]+)", made)}
            assert tags <= {*equations.ELEMENTS.split("|")}, made

    nothing_else()
    assert equations.is_mathml('<math display="block"><mi>x</mi><mspace width="1em" /></math>')
    for bad in (
        "<math><mtext><img src=x></mtext></math>",
        "<meta x>",
        '<mi onclick="x">',
        '<mrow href="x">',
        "<",
        "<mi",
        "<!-- x -->",
        "<svg>",
    ):
        assert not equations.is_mathml(bad)


# ---- Names --------------------------------------------------------------------------------------


@checks("Name", "symbol", "colour", module="notation")
def names_are_names_in_code():
    @tried(
        60,
        name=st.text("abgtxyz_01éΩ", min_size=1, max_size=8).filter(str.isidentifier)
        | st.sampled_from([*notation.NAMES]),
    )
    def symbols(name):
        tex = notation.symbol(name)
        assert tex.count("{") == tex.count("}") and not set(tex) & set("$%#&<>")
        assert notation.colour(name) is None or len(notation.colour(name)) == 2

    symbols()
    assert all(notation.symbol(row.name) == row.symbol for row in notation.TABLE)
    refuses(
        notation.symbol,
        "name",
        allowed=lambda value: value in ("word",) if isinstance(value, str) else False,
        wrong=[*WRONG, *HOSTILE, ""],
    )


@checks("symbols", "aliases", "markdown", module="notation")
def tables_have_their_cells():
    cell = st.text(st.characters(exclude_characters="|\n\r", codec="utf-8"), max_size=8)

    @tried(head=st.lists(cell, min_size=1, max_size=4), data=st.data())
    def cells(head, data):
        rows = data.draw(st.lists(st.lists(cell, min_size=len(head), max_size=len(head)), max_size=3))
        table = notation.markdown(head, rows)
        assert table._repr_markdown_() == str(table)
        lines = str(table).split("\n")
        assert [line[2:-2].split(" | ") for line in lines[:1] + lines[2:]] == [[*head], *rows]

    cells()
    with pytest.raises(ValueError, match="a row of this table has 2 cells"):
        notation.markdown(("a", "b"), [("one",)])
    for table in (notation.symbols(), notation.aliases()):
        assert len({line.count(" | ") for line in table.split("\n")}) == 1


# ---- Schedules, streams, bounds, rates ----------------------------------------------------------


@checks("constant", "inverse_sqrt", "linear", "staircase", "cosine", "warmup", "adam_warmup", module="schedules")
def schedules_are_their_formulas():
    @tried(60, steps=st.integers(1, 1000), share=st.floats(0, 1), over=st.integers(1, 50), end=st.floats(0, 1))
    def values(steps, share, over, end):
        t = 1 + int(share * (steps - 1))
        assert schedules.constant(t, steps) == 1
        same(schedules.inverse_sqrt(t, steps) ** 2 * t, 1, rtol=1e-12)
        same(schedules.linear(t, steps), float(Fraction(steps - t + 1, steps)), rtol=1e-12)
        same(schedules.staircase(t, steps), 0.1 ** sum(t - 1 >= steps * stage / 3 for stage in (1, 2)), rtol=1e-12)
        same(
            schedules.cosine(t, steps, end),
            end + (1 - end) * math.cos(math.pi * (t - 1) / (2 * steps)) ** 2,
            rtol=1e-9,
            atol=1e-12,
        )
        same(
            schedules.warmup(t, steps, over, schedules.linear),
            min(1, t / over) * schedules.linear(t, steps),
            rtol=1e-12,
        )
        assert type(schedules.linear(np.int64(t), steps)) in (float, np.float64)

    values()
    assert schedules.adam_warmup(0.5) == 4


@checks(*streams.STREAMS, "gradients", module="streams")
def streams_are_their_steps():
    @tried(40, name=st.sampled_from([*streams.STREAMS]), steps=st.integers(0, 40), seed=seeds)
    def values(name, steps, seed):
        rng, stream = descent.generator(seed), streams.STREAMS[name]
        z = [float(losses.normals(rng, 1)[0]) for _ in range(steps)]
        want = {
            "constant": lambda t: 1, "noisy": lambda t: 0.5 + z[t - 1], "sparse": lambda t: int(t % 10 == 0),
            "flipping": lambda t: 1 if t % 2 == 0 else -1, "drifting": lambda t: 1 - 2 * t / steps + 0.2 * z[t - 1],
        }[name]  # fmt: skip
        found = streams.gradients(stream, steps, seed, strange=1)
        assert found.dtype == float and found.shape == (steps,)
        same(found, [want(t) for t in range(1, steps + 1)], rtol=1e-12)

    values()
    refuses(lambda value: streams.gradients(value, 3), "stream", allowed=callable)
    refuses(lambda value: streams.gradients(streams.noisy, value), "steps", allowed=whole(0))
    refuses(lambda value: streams.gradients(streams.noisy, 3, value), "seed", allowed=whole(0, 2**32 - 1))


@checks(
    *(name for name, f in inspect.getmembers(bounds, inspect.isfunction) if f.__module__ == bounds.__name__),
    "Bound",
    "Bounds",
    module="bounds",
)
def no_step_is_longer_than_its_bound():
    shares = st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 0.999])

    @tried(
        80,
        name=st.sampled_from([*bounds.BOUNDS]),
        beta1=shares,
        beta2=shares,
        rho=shares,
        t=st.integers(1, 12),
        seed=seeds,
        scale=st.sampled_from([1e-100, 1.0, 1e100]),
    )
    def runs_(name, beta1, beta2, rho, t, seed, scale):
        rule, (tight, *_), worst = RULES[name], *bounds.BOUNDS[name]
        given = {"beta1": beta1, "beta2": beta2, "rho": rho}
        take = lambda f: {key: value for key, value in given.items() if key in inspect.signature(f).parameters}
        with np.errstate(over="ignore"):
            limit = float(tight.value(t, **take(tight.value)))
        kinds = {"random": scale * np.random.default_rng(seed).normal(size=t)}
        with np.errstate(over="ignore"):
            kinds["worst"] = streams.gradients(worst, t, **take(worst))
        for kind, g in kinds.items():
            hyper = take(rule) | ({"eps": 0.0} if "eps" in rule.__kwdefaults__ else {"eps_hat": 0.0})
            theta, *state = (np.zeros(1),) * (rule.__code__.co_argcount - 2)
            with np.errstate(all="ignore"):
                for k in range(t):
                    old = theta
                    theta, *state = rule(old, g[k : k + 1], k + 1, *state, lr=1.0, **hyper)
                    theta = np.where(np.isnan(theta), old, theta)
            step = abs(float(theta[0] - old[0]))
            assert not step > limit * (1 + 1e-6) + 1e-12, (kind, step, limit)
            if (
                kind == "worst"
                and tight.label == "exact"
                and math.isfinite(limit)
                and (np.abs(g) < 1e150).all()
                and beta1 <= beta2
            ):
                assert step >= limit * (1 - 1e-6) - 1e-12, (step, limit)

    runs_()
    for rule in bounds.BOUNDS.values():
        assert rule.bounds and all(isinstance(bound.label, str) and callable(bound.value) for bound in rule.bounds)


@checks(*(name for name, _ in inspect.getmembers(rates, inspect.isfunction)), module="rates")
def rates_are_spectral_radii():
    @tried(
        80,
        name=st.sampled_from([*rates.RATES]),
        h=st.floats(0, 100),
        lr=st.floats(0, 1),
        mu=st.sampled_from([0.0, 0.3, 0.9, 0.99]),
    )
    def values(name, h, lr, mu):
        rule = RULES[name]
        size = rule.__code__.co_argcount - 2
        given = {"lr": lr} | ({"mu": mu} if "mu" in rule.__kwdefaults__ else {})
        columns = [np.hstack(rule(one[:1], h * one[:1], 5, *np.split(one[1:], size - 1), **given)) if size > 1
                   else rule(one, h * one, 5, **given)[0] for one in np.eye(size)]  # fmt: skip
        want = np.abs(np.linalg.eigvals(np.array(columns).T)).max()
        same(rates.RATES[name](h, **given), want, rtol=1e-6, atol=1e-6)
        same(rates.RATES[name](np.full((2, 1), h), **given), np.full((2, 1), rates.RATES[name](h, **given)))

    values()


# ---- Claims -------------------------------------------------------------------------------------


@checks(
    *("claim Check ClaimFailed ClaimTooWeak equal at_most at_least ordered always holds identity").split(),
    module="claims",
)
def claims_hold_where_they_are_true():
    sizes = st.floats(1e-300, 1e300) | st.floats(-1e300, -1e-300)

    @tried(40, value=sizes, off=st.sampled_from([0.0, 0.003, -0.003, 0.02, -0.02]))
    @example(1e308, 0.02)
    @example(-1.7e308, 0.0)
    def equalities(value, off):
        check = claims.equal(np.array([value]), value * (1 + off), within=0.005)
        assert (not check.problem) == (abs(off) < 0.005) and not (check.survivors and not check.problem)
        assert bool(claims.at_most(value, value * 0.9).problem) == (value > 0)
        assert bool(claims.at_least(value, value * 0.9).problem) == (value < 0)
        assert bool(claims.ordered(value, value / 2).problem) == (value > 0)

    @tried(15, a=st.integers(-50, 50), b=st.integers(1, 50))
    def exact(a, b):
        x = sp.Symbol("x", real=True)
        assert claims.equal(Fraction(a, b), Fraction(a, b)).kind == "proved"
        assert not claims.identity((x + a) ** 2, x**2 + 2 * a * x + a**2).problem
        assert claims.identity(x + a, x + a + 1).problem

    equalities()
    exact()
    for call, words in (
        (lambda v: claims.equal(v, 1), ("number", "array", "real")),
        (lambda v: claims.equal(1, v), ("number", "array", "constant", "real")),
        (lambda v: claims.at_most(v, 1), ("number", "array", "real")),
        (lambda v: claims.at_least(1, v), ("number", "array", "bound", "real")),
        (lambda v: claims.ordered(v, 1), ("number", "array", "real")),
    ):
        refuses(
            call,
            *words,
            allowed=lambda v: (
                type(v) in (int, float, Fraction) or isinstance(v, np.ndarray) and v.dtype == float and v.size
            ),
        )
    refuses(lambda v: claims.equal(1, 1, within=v), "within", allowed=number(0, 0.01))
    refuses(lambda v: claims.at_most(1, 1, attained=v), "attained", allowed=lambda v: v is True)
    refuses(
        lambda v: claims.identity(v, sp.Integer(1)),
        "identity",
        allowed=lambda v: type(v) in (int, Fraction) or isinstance(v, sp.Basic),
    )
    refuses(claims.always, "always", "true or false", allowed=nothing)
    refuses(claims.holds, "true or false", allowed=lambda v: v is True)
    refuses(claims.claim, "label", "check", wrong=WRONG)
    refuses(lambda v: claims.claim("label", v), "check")
    refuses(
        lambda v: claims.claim("label", claims.holds(True), seed=v),
        "seed",
        allowed=lambda v: v is None or type(v) is int,
        wrong=WRONG,
    )
    with pytest.raises(claims.ClaimFailed):
        claims.claim("label", claims.equal(1.0, 2.0, within=0.001))
    with pytest.raises(claims.ClaimTooWeak):
        claims.claim("label", claims.at_most(1.0, 1.0))
    with pytest.raises(ValueError, match="same axes"):
        claims.ordered(np.zeros((2, 3)), np.ones((3, 2)))


# ---- Matrices and layers ------------------------------------------------------------------------

matrix = arrays(
    float, array_shapes(min_dims=2, max_dims=2, max_side=4), elements=st.floats(-4, 4, allow_subnormal=False)
)


@checks(*(name for name, _ in inspect.getmembers(matrices, inspect.isfunction)), module="matrices")
def matrices_are_what_linear_algebra_says():
    @tried(30, G=matrix, kind=layout)
    def decompositions(G, kind):
        U, s, Vt = np.linalg.svd(G, full_matrices=False)
        given = LAYOUTS[kind](G) if kind != "big-endian" else G
        untouched = unchanged(given)
        same(
            matrices.newton_schulz(given / 10, 2),
            U @ np.diag(functools.reduce(lambda s, _: 1.5 * s - s**3 / 2, range(2), s / 10)) @ Vt,
            atol=1e-9,
        )
        length = max(np.linalg.norm(G), 1e-7)
        a, b, c = matrices.MUON
        same(
            matrices.quintic(given, steps=1),
            U @ np.diag((lambda s: a * s + b * s**3 + c * s**5)(s / length)) @ Vt,
            atol=1e-9,
        )
        same(matrices.rms(given), math.sqrt(sum(x * x for x in G.ravel().tolist()) / G.size), rtol=1e-12, atol=1e-300)
        if s.min() > 1e-6:
            P = matrices.polar(given)
            same(P @ P.T if G.shape[0] <= G.shape[1] else P.T @ P, np.eye(min(G.shape)), atol=1e-9)
            same(np.linalg.norm(P - G), np.linalg.norm(s - 1), rtol=1e-7, atol=1e-7)
        A = G @ G.T + np.eye(len(G))
        root = matrices.power(A, 0.5)
        same(root @ root, A, rtol=1e-9, atol=1e-9)
        Q, order = matrices.improved(A, np.eye(len(A)))
        same(Q.T @ Q, np.eye(len(A)), atol=1e-9)
        assert sorted(order.ravel()) == [*range(len(A))]
        untouched()

    @tried(20, theta=matrix, seed=seeds, kind=layout)
    def rules(theta, seed, kind):
        assume(kind != "big-endian")
        g = np.random.default_rng(seed).normal(size=theta.shape)
        count = {"muon": 1, "shampoo": 2, "soap": 6, "adafactor": 2, "lamb": 2, "prodigy": 6}
        for name, number in count.items():
            rule, results = getattr(matrices, name), []
            for made in (np.array, LAYOUTS[kind]):
                at, state = made(theta), [0] * number
                if name == "prodigy":
                    at = made(theta + 1)
                for t in (1, 2, 3):
                    slope = made(g)
                    untouched = unchanged(at, slope)
                    at_new, *state = rule(at, slope, t, *state)
                    untouched()
                    at = at_new
                results.append(at)
            assert results[0].shape == theta.shape and np.isfinite(results[0]).all()
            same(results[1], results[0], rtol=1e-6, atol=1e-6)

    decompositions()
    rules()


@checks(*(name for name, _ in inspect.getmembers(layers, inspect.isfunction) if name != "adam"), module="layers")
def layers_are_matrices_side_by_side():
    rng = np.random.default_rng(3)
    shapes = ((3, 2), (2,), (2, 4), (4,), (4, 2), (2,))
    found = layers.hidden(shapes)
    flat_ = np.arange(40.0)
    assert [shape for _, shape, _, _ in found] == [(3, 2), (2, 4)]
    same(np.concatenate([flat_[part] for part, *_ in found]), [*range(6), *range(8, 16)])
    same(layers.folded(np.stack([flat_[:6]] * 2), 3, 2), np.stack([flat_[:6].reshape(3, 2)] * 2))
    theta, g = rng.normal(size=(2, layers.NETWORK.size))
    for rule, sizes in ((layers.muon, [len(theta)] * 2), (layers.soap, layers.soap.sizes)):
        state = [np.zeros(size) for size in sizes]
        untouched = unchanged(theta, g, *state)
        results = rule(theta, g, 1, *state)
        untouched()
        rest = np.ones(len(theta), bool)
        for part, *_ in layers.HIDDEN:
            rest[part] = False
        same(results[0][rest], adam(theta, g, 1, 0, 0, lr=rule.__kwdefaults__["lr"])[0][rest], rtol=1e-12)
        again = rule(_strided(theta), _read_only(g), 1, *state)
        same(again[0], results[0], rtol=1e-6, atol=1e-9)


# ---- Models and training ------------------------------------------------------------------------

SMALL = (
    models.LogisticRegression(3, 2, l2=0.1),
    models.Network((3, 4, 2), l2=0.1),
    models.VariationalAutoencoder(3, 2, 2),
    models.ConvolutionalNetwork((1, 3, 2), (2,), 2, 2),
)


@checks(
    *(
        "logistic.LogisticRegression network.Network autoencoder.VariationalAutoencoder "
        "convolution.ConvolutionalNetwork "
        "classifier.Classifier flat.Flat flat.random_start flat.nowhere flat.check_theta flat.check_features "
        "flat.check_labels flat.as_array network.through network.back"
    ).split(),
    module="models",
)
def gradients_are_slopes():
    @tried(24, model=st.sampled_from(SMALL), seed=st.integers(0, 999), n=st.integers(1, 3), kind=layout)
    def values(model, seed, n, kind):
        rng = np.random.default_rng(seed)
        theta, X, y = (
            model.start(seed) + 0.1 * rng.normal(size=model.size),
            rng.random((n, model.features)),
            rng.integers(0, 2, n),
        )
        given = [LAYOUTS[kind](theta), LAYOUTS[kind](X), y]
        untouched = unchanged(*given)
        loss, gradient = model.loss_and_gradient(*given)
        untouched()
        same(loss, model.loss(theta, X, y), rtol=1e-12)
        same(gradient, slopes(lambda at: model.loss(at, X, y), theta), rtol=1e-4, atol=1e-5)
        both = model.gradient(np.stack([theta, 2 * theta]), X, y)
        same(both, [model.gradient(theta, X, y), model.gradient(2 * theta, X, y)], rtol=1e-9, atol=1e-12)
        narrow = model.gradient(theta.astype(np.float32), X, y)
        assert narrow.dtype == np.float32
        same(narrow, gradient, rtol=1e-3, atol=1e-4)
        for scale in (1e30, 1e200, math.nan, math.inf):
            model.loss_and_gradient(np.full(model.size, scale), X, y)
        same(np.concatenate([layer.ravel() for layer in model.unpack(given[0])]), theta)

    values()
    for model in SMALL:
        theta, X, y = model.start(0), np.zeros((2, model.features)), np.zeros(2, int)
        refuses(lambda value: model.loss(value, X, y), "theta")
        refuses(lambda value: model.gradient(theta, value, y), "X")
        refuses(lambda value: model.start(0, value), "dtype", allowed=lambda value: value is None)
        refuses(model.start, "seed", allowed=lambda value: value is None and model is SMALL[0] or whole(0)(value))
        if hasattr(model, "accuracy"):
            refuses(lambda value: model.loss(theta, X, value), "y has", "y is")
            refuses(lambda value: model.accuracy(theta, X, value), "y has", "y is")


@checks("flat.check_share", "flat.check_dropout", "flat.check_penalty", module="models")
def sizes_are_checked():
    refuses(lambda value: flat.check_share("it", value), "it is", allowed=number(0, 1))
    refuses(flat.check_penalty, "l2", allowed=number(0))
    refuses(flat.check_dropout, "dropout", wrong=[*WRONG, (0.1,), (0.1, 1.0), ("a", 0)])
    refuses(lambda value: models.Network(value), "sizes", wrong=[*WRONG, (3,), (3, 0), (3, "a"), (3, 1)])
    refuses(lambda value: models.ConvolutionalNetwork(value, (2,), 2, 2), "image", wrong=[*WRONG, (1, 2), (1, 1, 1)])


@checks(
    *(
        "flat.dropped classifier.cross_entropy autoencoder.softplus autoencoder.sigmoid convolution.patched "
        "convolution.unpatched convolution.filtered convolution.corner convolution.pool convolution.unpool"
    ).split(),
    module="models",
)
def parts_of_models_are_their_formulas():
    @tried(20, seed=seeds, a=st.floats(-1e4, 1e4), rate=st.sampled_from([0.0, 0.25, 0.5]))
    def values(seed, a, rate):
        rng = np.random.default_rng(seed)
        same(autoencoder.softplus(np.array([a])), [np.logaddexp(0, a)], rtol=1e-12, atol=1e-300)
        same(autoencoder.sigmoid(np.array([a, -1e4])), [0.5 * (1 + math.tanh(a / 2)), 0], rtol=1e-9, atol=1e-15)
        X = rng.random((5, 4))
        dropped, factors = flat.dropped(X, rate, rng)
        same(dropped, X * factors)
        assert {*np.ravel(factors).tolist()} <= {0.0, 1 / (1 - rate), 1}
        Z, y = rng.normal(size=(4, 3)), rng.integers(0, 3, 4)
        loss, D = classifier.cross_entropy(Z, y)
        same(loss, -np.mean([Z[i, y[i]] - math.log(sum(map(math.exp, Z[i]))) for i in range(4)]), rtol=1e-12)
        same(D, slopes(lambda at: classifier.cross_entropy(at, y, False)[0], Z), atol=1e-8)
        A, height, width = rng.normal(size=(2, 3, 4, 2)), 3, 4
        patches = convolution.patched(A)
        other = rng.normal(size=patches.shape)
        same(np.sum(patches * other), np.sum(A * convolution.unpatched(other, A.shape[-3:])), rtol=1e-9, atol=1e-9)
        filters, b = rng.normal(size=(1, 2, 3, 3)), rng.normal(size=1)
        padded = np.pad(A, [(0, 0), (1, 1), (1, 1), (0, 0)])
        want = b[0] + sum(
            filters[0, c, i, j] * padded[c, i : i + height, j : j + width]
            for c in range(2)
            for i in range(3)
            for j in range(3)
        )
        same(convolution.filtered(filters, b, patches, A.shape[-3:])[0], want, rtol=1e-9, atol=1e-9)
        pooled = convolution.pool(A)
        same(pooled, [[[A[c, 0:2, j : j + 2].max(axis=(0, 1)) for j in (0, 2)]] for c in range(2)])
        D = rng.normal(size=pooled.shape)
        back = convolution.unpool(D, A, pooled)
        same(back, slopes(lambda at: np.sum(D * convolution.pool(at)), A), atol=1e-6)
        same(convolution.corner(A, 1, 0), A[:, 1:2:2, 0:4:2])

    values()


@checks(
    *("Task train Curves grid run_block evaluate finite columns combinations minibatches fingerprint").split(),
    module="training",
)
def trainings_are_their_loops():
    @tried(30, n=st.integers(0, 20), batch=st.integers(1, 25), seed=seeds)
    def parts(n, batch, seed):
        found = [*training.minibatches(n, batch, np.random.default_rng(seed))]
        assert sorted(np.concatenate([[], *found])) == [*range(n)] and {*map(len, found[:-1])} <= {batch}
        rates_ = [0.1] * (n % 3 + 1)
        cases = training.combinations({"lr": rates_, "mu": 0.5})
        assert len(cases) == len(rates_) and training.columns(cases)["mu"].tolist() == [0.5] * len(cases)

    parts()
    task = training.Task(models.Network((196, 2, 10)), 1, examples=60, batch=40, dtype="float64")
    curves = training.train(task, momentum, 3, lr=[0.1, 0.2])
    (X, y), test = task.load()
    order = np.random.default_rng([3, 0])
    theta, m, total = task.model.start(3), 0, 0
    for t, rows in enumerate(training.minibatches(60, 40, order), 1):
        total += task.model.loss(theta, X[rows], y[rows]) * len(rows) / 60
        theta, m = momentum(theta, task.model.gradient(theta, X[rows], y[rows]), t, m, lr=0.2)
    same(curves.theta[1], theta, rtol=1e-9, atol=1e-12)
    same(curves.train_loss[0, 1], total, rtol=1e-9)
    same(curves.test_loss[0, 1], task.model.loss(theta, *test), rtol=1e-9)
    table = training.grid(task, {momentum: {"lr": [0.1, 0.2]}, sgd: {}}, (3,), progress=False)
    same(table[table.rule == "momentum"].train_loss, curves.train_loss[0], rtol=1e-6)
    same(table[table.rule == "sgd"].train_loss, training.train(task, sgd, 3).train_loss, rtol=1e-9)
    same(training.finite(np.array([math.nan, 1.0, -math.inf])), [math.inf, 1, -math.inf])
    assert training.fingerprint(task, sgd) == training.fingerprint(task, sgd) != training.fingerprint(task, adam)
    make = lambda **changes: training.Task(**{"model": task.model, "epochs": 1} | changes)
    refuses(lambda value: make(model=value), "model")
    for name in ("epochs", "batch", "examples"):
        refuses(lambda value: make(**{name: value}), name,
                allowed=lambda value: value is None if name == "examples" else whole(1)(value))  # fmt: skip
    refuses(lambda value: make(data=value), "name is")
    refuses(lambda value: make(dtype=value), "dtype", allowed=lambda value: value is None)
    refuses(lambda value: make(schedule=value), "schedule", allowed=callable)
    refuses(lambda value: training.train(value, adam), "task")
    refuses(lambda value: training.train(task, value), "rule", wrong=[value for value in WRONG if not callable(value)])
    refuses(lambda value: training.train(task, adam, value), "seed", allowed=whole(0))
    refuses(lambda value: training.train(task, adam, lr=value), "lr", allowed=hyper_parameter(0), wrong=RUNS)
    refuses(
        lambda value: training.grid(task, value, progress=False),
        "settings",
        allowed=lambda value: value == {} if isinstance(value, dict) else False,
    )
    refuses(
        lambda value: training.grid(task, {adam: {"lr": value}}, progress=False),
        "lr",
        allowed=lambda value: type(value) in (int, float, Fraction) and 0 <= value < 10 or value is True,
    )
    refuses(
        lambda value: training.grid(task, {adam: value}, progress=False),
        "hyper",
        allowed=lambda value: isinstance(value, dict),
    )
    refuses(lambda value: training.grid(task, {adam: {}}, (0, value), progress=False), "seed", allowed=whole(0))
    refuses(lambda value: training.grid(task, {adam: {}}, value, progress=False), "seeds", wrong=[None, 1, 0.5, 1j])
    refuses(lambda value: training.grid(task, {adam: {}}, block=value, progress=False), "block", allowed=whole(1))
    for name in ("n", "batch"):
        refuses(
            lambda value: training.minibatches(**{"n": 3, "batch": 2, "rng": order} | {name: value}),
            name,
            allowed=whole(0 if name == "n" else 1),
        )
    with pytest.raises(ValueError, match="an example at least"):
        training.evaluate(task.model, theta, X[:0], y[:0])
    with pytest.raises(ValueError, match="one dict or more"):
        training.columns([])


@checks("SparseRows", "Dataset", "load", module="data")
def sparse_rows_are_their_array():
    @tried(40, seed=seeds, rows=st.integers(0, 4), columns=st.integers(1, 4), at=st.integers(0, 3))
    def values(seed, rows, columns, at):
        rng = np.random.default_rng(seed)
        full = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.5)
        where = np.nonzero(full)
        X = data.SparseRows(
            full[where], where[1], np.concatenate([[0], np.cumsum((full != 0).sum(axis=1))]).astype(int), columns
        )
        same(X.dense(), full)
        A, B = rng.normal(size=(columns, 2)), rng.normal(size=(rows, 2))
        same(X @ A, full @ A, atol=1e-12)
        same(X.T @ B, full.T @ B, atol=1e-12)
        same(X[:at].dense(), full[:at])
        same(X[np.arange(rows)[::-1]].dense(), full[::-1])
        assert X.astype("f4").dtype == np.float32 and len(X) == rows and X.shape == full.shape
        with pytest.raises(ValueError, match="A has shape"):
            X @ np.ones((columns + 1, 2))

    values()
    with pytest.raises(ValueError, match="indptr"):
        data.SparseRows(np.zeros(0), np.zeros(0, int), np.zeros(0, int), 3)
    with pytest.raises(ValueError, match="values"):
        data.SparseRows(np.ones(2), np.zeros(1, int), np.array([0, 1]), 3)
    refuses(data.load, "name is")
    refuses(lambda value: data.load("fashion", value), "dtype is", allowed=lambda value: value is None)
    fashion = data.load("fashion")
    assert fashion is data.load("fashion", "float64") and not fashion.X_train.flags.writeable


# ---- What was recorded and measured -------------------------------------------------------------


@checks("expected_best", "best_chances", module="experiments")
def chances_are_counted():
    @tried(
        30,
        scores=st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0, 1e308, math.inf]), min_size=1, max_size=4),
        tries=st.integers(1, 4),
        repeat=st.booleans(),
    )
    def values(scores, tries, repeat):
        assume(repeat or tries <= len(scores))
        drawn = [min(some) for some in (product(scores, repeat=tries) if repeat else combinations(scores, tries))]
        same(
            experiments.expected_best(scores, tries, repeat),
            math.fsum(each / len(drawn) for each in drawn),
            rtol=1e-9,
            atol=1e-12,
        )
        same(experiments.best_chances(len(scores), tries, repeat).sum(), 1, rtol=1e-12)

    values()
    refuses(
        lambda value: experiments.expected_best(value, 1),
        "scores",
        wrong=[*WRONG, [1.0, math.nan], [-math.inf, math.inf], ["a"]],
    )
    refuses(lambda value: experiments.expected_best([1.0, 2.0], value), "tries", allowed=whole(1, 9))
    refuses(
        lambda value: experiments.best_chances(value, 1), "size", allowed=whole(1, 9), wrong=[*WRONG[:20], *WRONG[21:]]
    )


@checks(
    *("Experiment rates doublings four scheduled batched recorded best settings_of chosen quartiles").split(),
    module="experiments",
)
def recorded_tables_are_what_was_trained():
    table = experiments.recorded("wide")
    winner = experiments.best(table)
    for rule, rows in table.groupby("rule"):
        means = {lr: part.train_loss.mean() for lr, part in rows.groupby("lr")}
        same(winner[winner.rule == rule].train_loss.item(), min(means.values()), rtol=1e-12)
    part = experiments.chosen(table, winner.iloc[0])
    curves = experiments.quartiles(part, "test_loss")
    assert (
        curves.shape == (3, 20)
        and (np.diff(curves, axis=0) >= 0).all()
        and experiments.settings_of(table) == ["rule", "lr"]
    )
    table.loc[:, "train_loss"] = 0
    assert (experiments.recorded("wide").train_loss > 0).all()
    same(experiments.doublings(-2, 1), [0.25, 0.5, 1, 2])
    same(experiments.rates(-1, 1), 10 ** np.arange(-1, 1.5, 0.5), rtol=5e-3)
    assert [*experiments.four((-3, -2), (-1, 0))] == [
        RULES[name] for name in ("adam", "rmsprop", "adagrad", "nesterov")
    ]
    assert (
        experiments.batched(16).task.batch == 16
        and experiments.scheduled((196, 2, 10), schedules.linear, {}).task.schedule is schedules.linear
    )
    refuses(experiments.recorded, "name is")
    refuses(lambda value: experiments.best(experiments.recorded("wide"), value), "by is")
    refuses(lambda value: experiments.quartiles(part, value), "column is")
    with pytest.raises(ValueError, match="one setting"):
        experiments.quartiles(experiments.recorded("wide"), "test_loss")


@checks(
    *(name for name, made in inspect.getmembers(performance, inspect.isfunction)
      if made.__module__ == "lib.performance" and not name.startswith("_") and name != "update"),
    module="performance",
)
def measured_times_are_told():
    @tried(60, seconds=st.floats(1e-9, 1e4) | st.sampled_from([0.0, 0.0009999, 0.9999, 5e-324, 1.7e308]))
    def amounts(seconds):
        value, unit = performance.amount(seconds).split("\N{NO-BREAK SPACE}")
        same(float(value) * {"µs": 1e-6, "ms": 1e-3, "s": 1}[unit], seconds, rtol=0.006, atol=1e-323)

    amounts()
    refuses(performance.amount, "seconds", allowed=number(0))
    refuses(performance.comparisons, "part")
    for part in {made["part"] for made in performance.measured()["comparisons"]}:
        assert len({line.count(" | ") for line in performance.comparisons(part).split("\n")}) == 1
    assert "MB" in performance.memory() and "kB" in performance.pages()
    for table in (performance.times(), performance.mutants(), performance.coverage(), performance.releases()):
        assert len({line.count(" | ") for line in table.split("\n")}) == 1
    assert performance.slopes().keys() == performance.measured()["growth"].keys()
    assert len(performance.growth().axes) == len(performance.slopes())


@checks("Style", "style_of", "contours", "race", module="figures")
def static_figures_draw_or_refuse():
    path = [[1.0, 1.0], [0.5, 0.5], [math.nan, 1.0]]
    for label in ["adam", "a < b", "\\", "日本", *HOSTILE[:5]]:
        figure = figures.race(losses.bowl, {label: path})
        assert figure.axes[1].lines[0].get_label() == f"{label} (diverged at step 2)"
        assert len(figure.axes[0].lines[1].get_xdata()) == 2
        figures.plt.close(figure)
    bad = [value for value in WRONG if not isinstance(value, dict)]
    refuses(lambda value: figures.race(losses.bowl, value), "paths", wrong=[*bad, {}])
    refuses(
        lambda value: figures.race(losses.bowl, {"adam": value}),
        "the path 'adam'",
        wrong=[*WRONG, np.zeros((0, 2)), [[math.nan, 1.0]], np.zeros((3, 3))],
    )
    refuses(lambda value: figures.race(losses.bowl, {value: path}), "label", wrong=[None, 5, 1j])
    assert (
        figures.style_of("mine", 7) == figures.style_of("mine", 2)
        and figures.style_of("mine", 0).line()["label"] == "mine"
    )
    assert not figures.plt.get_fignums() or figures.plt.close("all") is None


@checks("mended", module="html")
def mending_changes_no_text():
    piece = st.sampled_from(
        [
            '<summary aria-label="Toggle hidden content"><p class="collapsed admonition-title">a</p></summary>',
            '<th class="head">b</th>',
            '<th class="stub">c</th>',
            '<div id="jb-print-docs-body" class="onlyprint"> <h1>d</h1></div>',
            'role="doc-biblioentry"',
            *HOSTILE,
        ]
    )

    @tried(60, text=st.lists(piece, max_size=5).map("".join))
    def once_is_enough(text):
        made = html.mended(text)
        assert html.mended(made) == made
        visible = lambda text: re.sub(r"<[^>]*>", "", text)
        assert visible(made).replace('role="listitem"', 'role="doc-biblioentry"') == visible(text)

    once_is_enough()


@checks("Statement", "Check", "statements", "checks", "entry", "summary", "table", module="ledger")
def a_ledger_has_what_stands_in_a_notebook():
    word = st.text("abz $<>\\&é_", max_size=8).map(str.strip)

    @tried(30, title=word, text=word, fence=st.sampled_from([":::", "````"]))
    def read(title, text, fence):
        cells = [
            new_markdown_cell(f"before\n\n{fence}{{prf:theorem}} {title}\n:label: one-two\n{text}\n{fence}\n"),
            new_code_cell(
                'claim("one-two", holds(True))',
                outputs=[new_output("stream", name="stdout", text="✓ one-two: proved and measured, seed 0\n")],
            ),
        ]
        book = new_notebook(cells=cells)
        (statement,), (check,) = ledger.statements(book), ledger.checks(book)
        assert (statement.label, statement.title, statement.text, statement.kind) == ("one-two", title, text, "theorem")
        assert check.ways == ["proved", "measured"]
        assert text in ledger.entry(statement, check) and "seed 0" in ledger.entry(statement, check)
        assert "**1 claim**: 1 proved, 1 measured" in ledger.summary([check])
        assert ledger.table([("A", "book/claims_part_1", [check])]).split("\n")[-1].endswith("| 1 | 1 | 0 | 1 |")

    read()


# ---- The libraries ------------------------------------------------------------------------------

EXAMPLES = [one for library in conventions.LIBRARIES for one in conventions.examples(library)]


@checks("Form", "Call", "NoEquivalent", "call", "translate", "examples", module="conventions")
def translations_take_the_same_steps():
    @tried(60, source=st.sampled_from(EXAMPLES), to=st.sampled_from([*conventions.LIBRARIES]), seed=seeds)
    def there_and_back(source, to, seed):
        given = source.values | source.form.switches
        try:
            there = conventions.translate(source.form.library, source.form.name, to=to, **given)
        except conventions.NoEquivalent as none:
            assert none.reasons and all(reason in str(none) for reason in none.reasons)
            assert to != source.form.library
            return
        start, gradients = (np.random.default_rng(seed).normal(size=size) for size in ((3,), (6, 3)))
        for kind in ("plain", "read-only", "not contiguous"):
            same(
                there.path(LAYOUTS[kind](start), LAYOUTS[kind](gradients)),
                source.path(start, gradients),
                rtol=1e-9,
                atol=1e-12,
            )
        back = conventions.translate(to, there.form.name, to=source.form.library, **there.values, **there.form.switches)
        same(back.path(start, gradients), source.path(start, gradients), rtol=1e-9, atol=1e-12)
        called = conventions.call(to, there.form.name, **there.values, **there.form.switches)
        assert str(called) == str(there).partition("  #")[0]

    there_and_back()
    refuses(lambda value: conventions.call(value, "Adam"), "library")
    refuses(lambda value: conventions.call("torch", value), "optimizer")
    refuses(lambda value: conventions.translate("torch", "Adam", to=value), "library")
    refuses(
        lambda value: conventions.call("torch", "Adam", lr=value),
        "lr",
        allowed=lambda value: number(0)(value) or value is True,
        wrong=WRONG[1:],
    )
    refuses(
        lambda value: conventions.call("torch", "Adam", betas=value),
        "betas",
        wrong=[*WRONG[1:], (0.9, "a"), (0.9, None), (0.9, 10**400)],
    )
    refuses(
        lambda value: conventions.call("torch", "Adam", amsgrad=value),
        "amsgrad",
        allowed=lambda value: value is True or whole(0, 1)(value),
    )
    refuses(
        lambda value: conventions.call("torch", "Adam", **{value: 1}),
        "no argument",
        wrong=["lrr", "</script>", "\ud800"],
    )
    sgd_ = conventions.call("torch", "SGD")
    refuses(
        lambda value: sgd_.path(value, [[1.0, 2.0]]),
        "start",
        "gradients",
        wrong=[None, [1, 2], 1j, "word", ["a", "b"], np.zeros(3)],
    )
    with pytest.raises(ValueError, match="gradients must have the shape"):
        sgd_.path([1.0, 2.0], [[1.0, 2.0, 3.0]])


@checks("porting", module="conventions")
def a_porting_table_has_its_cells():
    for library in conventions.LIBRARIES:
        rows = str(conventions.porting(library)).split("\n")
        assert {row.count(" | ") for row in rows} == {2} and len(rows) > 3


# ---- Homework -----------------------------------------------------------------------------------


def around(value):
    functions = wire.Functions()
    return wire.loads(wire.dumps(value, functions), functions, None)


@checks("dumps", "loads", "call", "taken", "Functions", "Stub", "Opaque", module="homework.wire")
def what_travels_arrives():
    plain = (
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False)
        | st.text(st.characters(), max_size=5)
        | st.sampled_from(HOSTILE)
    )
    nested = st.recursive(
        plain,
        lambda part: (
            st.lists(part, max_size=3) | st.tuples(part, part) | st.dictionaries(st.text(max_size=3), part, max_size=3)
        ),
        max_leaves=8,
    )
    dtypes = st.sampled_from(["f8", "f4", "f2", ">f8", "i8", "u1", "?", "c16", "U3"])
    x, k = sp.Symbol("x", nonnegative=True), sp.Symbol("k", integer=True, positive=True)
    leaves = st.sampled_from(
        [x, k, sp.pi, sp.E, sp.I, sp.Rational(2, 7), sp.Float(1) / 3, sp.Float("0.1", 40), sp.Integer(-3)]
    )
    trees = st.recursive(
        leaves,
        lambda part: (
            st.tuples(st.sampled_from([sp.Add, sp.Mul, sp.Pow]), part, part).map(lambda t: t[0](t[1], t[2]))
            | part.map(sp.sin)
            | part.map(sp.Function("f"))
        ),
        max_leaves=4,
    )

    def alike(a, b):
        return type(a) is type(b) and (
            all(map(alike, a, b)) and len(a) == len(b) if isinstance(a, (list, tuple)) else a == b
        )

    @tried(80, value=nested)
    def containers(value):
        assert alike(around(value), value)

    @tried(
        60,
        data=st.data(),
        dtype=dtypes,
        shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        kind=layout,
    )
    def numbers(data, dtype, shape, kind):
        array = np.zeros(shape, dtype) if dtype == "U3" else data.draw(arrays(dtype, shape))
        array = array[..., ::-1] if array.ndim else array
        found = around(array)
        assert (
            (found.dtype, found.shape) == (array.dtype, shape)
            and found.tobytes() == array.tobytes()
            and found.flags.writeable
        )
        for entry in array.ravel()[:1]:
            assert (
                type(around(entry)) is type(entry)
                and np.asarray(around(entry)).tobytes() == np.asarray(entry).tobytes()
            )

    @tried(40, tree=trees)
    @example(sp.Float(1) / 3)
    @example(sp.Matrix(0, 3, []))
    @example(sp.Matrix([[x, 1], [k, sp.pi]]))
    @example(sp.Eq(x, 1))
    def expressions(tree):
        assert around(tree) == tree or sp.simplify(around(tree) - tree) == 0

    @tried(
        60,
        line=st.text(max_size=20)
        | st.recursive(
            st.none()
            | st.integers(-9, 9)
            | st.sampled_from(
                ["array", "scalar", "sympy", "function", "stub", "dict", "tuple", "opaque", "<f8", "O", "Symbol", "Pow"]
            ),
            lambda part: st.lists(part, max_size=4),
            max_leaves=8,
        ).map(json.dumps),
    )
    def other_lines(line):
        try:
            wire.loads(line, wire.Functions(), None)
        except ValueError:
            pass

    containers()
    numbers()
    expressions()
    other_lines()
    assert around(object()) == wire.Opaque("object") and around(math.nan) != around(math.nan) and around(...) is ...
    there, place = wire.Functions(), np.zeros(2)

    def fill(array, value):
        array[:] = value
        return "done"

    stub = wire.loads(
        wire.dumps(fill, there),
        wire.Functions(),
        lambda number, args, kwargs: wire.call(there[number], [args[0].copy(), *args[1:]], kwargs),
    )
    assert stub.__name__ == "fill" and stub(place, 3.0) == "done" and place.tolist() == [3, 3]
    assert wire.taken(wire.call(sum, ([1, 2],), {}), ([1, 2],)) == 3


@checks("Variant", module="homework.variants")
def variants_are_of_one_student():
    @tried(40, student=st.text(min_size=1, max_size=40), name=st.text(max_size=9) | st.sampled_from(HOSTILE))
    def numbers(student, name):
        try:
            me = homework.Variant("sgd", student)
        except ValueError as error:
            assert_clear(error, "student is")
            return
        assert 0 <= me.seed(name) < 2**32 and me.seed(name) == homework.Variant("sgd", student.strip()).seed(name)
        assert me.pick(name, 1, 2, 3) in (1, 2, 3)

    numbers()
    for word in ("assignment", "student", "course"):
        refuses(
            lambda value: homework.Variant(**{"assignment": "a", "student": "b"} | {word: value}),
            f"{word} is",
            allowed=lambda value: value in ("word", "</script>") if isinstance(value, str) else False,
            wrong=[*WRONG, "x" * 41, " ", "a\0", "\u2028"],
        )
    refuses(homework.Variant("a", "b").seed, "name is", allowed=lambda value: isinstance(value, str))
    with pytest.raises(ValueError, match="no choices"):
        homework.Variant("a", "b").pick("lr")


def leaves(theta, g, t, **hyper):
    raise SystemExit


def divides(theta, g, t, **hyper):
    return (theta / 0,)


def recurs(theta, g, t, **hyper):
    return recurs(theta, g, t)


ANSWERS = [
    *WRONG,
    ...,
    leaves,
    divides,
    recurs,
    lambda theta, g, t, **hyper: theta,
    lambda theta, g, t, **hyper: (theta, g, t),
    lambda theta, g, t, **hyper: ("a",),
    lambda theta, g, t, **hyper: (None,),
    lambda theta, g, t, **hyper: (theta[..., None],),
]
OF_A_RULE = {
    "shapes": (),
    "pure": (),
    "stateless": (),
    "uses_t": (),
    "elementwise": (),
    "mirrored": (),
    "translated": (),
    "scales": (1,),
    "proportional": (),
    "rests": (),
    "first_step": (lambda theta, g: -0.01 * g,),
    "becomes": (sgd, 0, {}),
    "same_path": (sgd,),
    "moves": (),
    "descends": ([1.0, 2.0], [1.0, 1.0]),
    "stable_up_to": (2.0, 1.0),
    "house_form": ("def made(): pass",),
    "unlike": ([sgd],),
    "claimed": ({"rests": True}, "rests"),
}
OF_AN_ANSWER = {
    "number": (3.0,), "between": (2.0, 4.0), "expression": (sp.Symbol("x") + 1,), "values": (math.sin, (1.0,)),
    "catches": ([sgd], adam), "refused": (-1,),
}  # fmt: skip
OF_BOTH = {
    "path": "",
    "streams": "",
    "watched": "",
    "down": "",
    "check": "",
    "require": "",
    "Finding": "",
    "Broken": "",
    "Unmet": "",
}


@functools.cache
def findings_never_raise():
    for module in (properties, own):
        for name, more in (OF_A_RULE | OF_AN_ANSWER).items():
            if hasattr(module, name):
                for answer in ANSWERS:
                    with np.errstate(all="ignore"):
                        given = (answer, 0, *more) if name in OF_A_RULE else (answer, *more)
                        found = getattr(module, name)(*given)
                    assert isinstance(found, properties.Finding) and str(found)[0] in "✓✗", name
                    right = (
                        answer is divides
                        or name in ("number", "between")
                        and isinstance(answer, (int, float))
                        and 2 <= answer <= 4
                    )
                    if (
                        name in OF_A_RULE
                        and name not in ("claimed", "uses_t")
                        or name in ("number", "between", "expression", "values")
                    ):
                        assert not found.holds or right, (name, answer)
                    if not found.holds:
                        with pytest.raises(properties.Unmet):
                            properties.require(found)
    refuses(properties.require, "require")
    for rule, states in ((sgd, 0), (momentum, 1), (adam, 2)):
        for name in (
            "shapes",
            "pure",
            "stateless",
            "elementwise",
            "mirrored",
            "translated",
            "proportional",
            "rests",
            "moves",
        ):
            assert getattr(homework, name)(rule, states).holds, name
        assert homework.same_path(homework.watched(rule), states + 1, homework.watched(rule)).holds if states else True
        g = homework.streams(0, 4)["random gradients"]
        want = [np.zeros(3)]
        state = [np.zeros(3)] * states
        for t, slope in enumerate(g, 1):
            theta, *state = rule(want[-1], slope, t, *state)
            want.append(theta)
        same(homework.path(rule, g, np.zeros(3), states), want)
        same(
            homework.down(rule, lambda theta: theta, [1.0, 2.0], 3, states),
            by_hand(rule, lambda theta: theta, np.array([1.0, 2.0]), 3)[0],
        )


for each in (*OF_A_RULE, *OF_AN_ANSWER, *OF_BOTH):
    for module in (properties, own):
        if getattr(getattr(module, each, None), "__module__", "") == module.__name__:
            CHECKS[f"{module.__name__}.{each}"] = findings_never_raise


@checks("faulty", "race_of", "quarters", module="homework.faults")
def faults_are_made_of_something():
    uphill = homework.faulty(sgd, ("theta - lr", "theta + lr"))
    assert uphill(np.ones(1), np.ones(1), 1, lr=0.5)[0] == 1.5
    refuses(lambda value: homework.faulty(sgd, (value, "")), "stands", wrong=["nowhere", "theta", "", "</script>"])
    losses_ = {0.1: [3.0, 1.0], 0.2: [math.nan, 0.5]}
    race = homework.race_of(refuses=True, lost=math.inf, score=max, report=homework.quarters(0, 1, 1))
    found = race(lambda name, setting, seed, budget: losses_[setting][seed % 2], {"a": [0.1, 0.2]}, [0, 1], [2, 3], 5)
    assert found == {"a": {"setting": 0.1, "median": 1.0, "quartiles": [1.0, 1.0]}} or found["a"]["setting"] == 0.1
    with pytest.raises(ValueError, match="not be fair"):
        race(None, {"a": [1]}, [0], [0], 1)


@checks("scores", "filled", module="homework.canvas")
def scores_reach_their_students():
    @tried(30, numbers=st.lists(st.integers(1, 99), unique=True, max_size=4), word=st.sampled_from(HOSTILE))
    def everybody(numbers, word):
        grades = [["file", "assignment", "score"], *([f"{word}_{n}_7_x.ipynb", "a", str(n)] for n in numbers)]
        slash = "/" in word
        found, without = canvas.scores(grades, "a")
        assert found == {str(n): str(n) for n in numbers} and not without or slash
        full = canvas.filled(
            [["ID", word, "Home (3)"], *([str(n), "b", ""] for n in numbers)], {str(n): "5" for n in numbers}, "Home"
        )
        assert [row[2] for row in full[1:]] == ["5"] * len(numbers)

    everybody()
    for bad in ([], [[]], [["file"]]):
        with pytest.raises(ValueError, match="no columns"):
            canvas.scores(bad, "a")
        with pytest.raises(ValueError, match="no column ID"):
            canvas.filled(bad, {}, "a")


@checks("render", "notebook_html", module="homework.pages")
def pages_can_do_nothing():
    around_ = st.sampled_from(
        ["{}", "${}$", r"$\text{{{}}}$", r"$$\mbox{{{}}}$$", r"`$\text{{{}}}$`", r"$\href{{{}}}{{x}}$", "[x]({})"]
    )
    safe = {*pages.TAGS, *equations.ELEMENTS.split("|"), "html", "body", "head"}

    def assert_harmless(text):
        for tag in BeautifulSoup(text, "html.parser").find_all():
            assert tag.name in safe or tag.name in ("meta", "style", "title", "main", "section"), tag
            assert not [key for key in tag.attrs if key.startswith("on")], tag
            assert not str(tag.get("href", "")).startswith("javascript:"), tag

    @tried(60, words=hostile, around=around_)
    @example("<img src=x onerror=alert(1)>", r"$\text{{{}}}$")
    @example("<meta http-equiv=refresh content=0>", r"$\text{{{}}}$")
    @example("\ud800", "[x]({})")
    def cells(words, around):
        text = around.format(words)
        output = new_output("stream", name="stdout", text=text)
        book = new_notebook(cells=[new_markdown_cell(text), new_code_cell(text, outputs=[output])])
        body = pages.notebook_html(book)
        body.encode()
        assert_harmless(body)
        soup = BeautifulSoup(body, "html.parser")
        assert all("src" not in tag.attrs or not tag["src"].startswith("javascript") for tag in soup.find_all("img"))
        assert not soup.find(["meta", "style", "script", "iframe", "link", "base", "form"])

    @tried(20, words=hostile)
    def names(words):
        question = {
            "name": words,
            "title": words,
            "points": 1,
            "score": 0,
            "manual": False,
            "tests": [{"passed": False, "says": words, "points": 1, "message": words}],
        }
        result = {
            "assignment": words,
            "student": words,
            "status": words,
            "notes": [words],
            "refused": [words],
            "questions": [question],
            "body": "",
        }
        page = pages.render("feedback.html", file=words, result=result, row={"score": 1, "out_of": 2}, given={})
        page.encode()
        soup = BeautifulSoup(page, "html.parser")
        assert not soup.find(["script", "img", "iframe", "svg"]) and not [
            tag for tag in soup.find_all() if any(key.startswith("on") for key in tag.attrs)
        ]

    cells()
    names()


# ---- Interactive figures ------------------------------------------------------------------------

FIGURES = {
    "descent": lambda **more: explorer.explore(adam, sgd, **more),
    "stream": lambda **more: explorer.stream(adam, momentum, **more),
    "plane": lambda **more: explorer.plane(momentum, **more),
}


def made_of(text):
    """What stands in a figure's HTML, as a browser reads it."""
    soup = BeautifulSoup(text, "html.parser")
    assert [tag.name for tag in soup.find_all(recursive=False)] == ["div"]
    assert [tag.name for tag in soup.div.find_all(recursive=False)] in (
        ["script", "noscript"],
        ["script", "script", "noscript"],
    )
    assert not [tag for tag in soup.find_all() if any(key.startswith("on") for key in tag.attrs)]
    text.encode()
    return soup


@checks(
    *(
        "explorer.explore explorer.stream explorer.plane explorer.Figure explorer.states.descent "
        "explorer.states.stream explorer.states.plane explorer.states.checked explorer.states.changed "
        "explorer.states.hyper_defaults "
        "explorer.runs.Run explorer.runs.hyper explorer.runs.kind explorer.runs.descents explorer.runs.traces "
        "explorer.runs.gradients explorer.runs.is_library_rule explorer.interactive.Interactive"
    ).split()
)
def figures_are_their_runs():
    @tried(
        20, start=st.tuples(extreme, extreme), steps=st.integers(1, 5), lr=st.sampled_from([0.0, 0.1, 1e308, 5e-324])
    )
    def paths(start, steps, lr):
        figure = explorer.explore(adam, sgd, on=losses.valley, start=start, steps=steps, lr=lr)
        for rule in (adam, sgd):
            want = by_hand(rule, losses.valley.gradient, np.array(start), steps, lr=lr)[0]
            same(figure.path[rule.__name__], want[: len(figure.path[rule.__name__])])
        assert repr(figure).startswith("explore(adam, sgd") and figure.start == tuple(start)

    @tried(20, g=st.lists(extreme, min_size=1, max_size=4), theta=extreme)
    def traces(g, theta):
        figure = explorer.stream(momentum, g=g, theta=theta)
        want, state = [theta], [0.0]
        with np.errstate(all="ignore"):
            for t, slope in enumerate(g, 1):
                at, *state = momentum(np.float64(want[-1]), np.float64(slope), t, *map(np.float64, state))
                want.append(at)
        same(figure.trace["theta"], want)

    paths()
    traces()
    clear = lambda make, name, **more: refuses(lambda value: make(**{name: value}), name, "state", "rule", **more)
    for make in FIGURES.values():
        clear(make, "offer", wrong=[None, 1, "word", adam, {}])
        clear(make, "lr", allowed=number(0), wrong=[None, "word", 1j, math.nan, -1, 10**400])
    for make in (FIGURES["stream"],):
        clear(make, "steps", allowed=whole(1, 10_000))
        clear(make, "seed", allowed=whole(0, 2**32))
        refuses(lambda value: make(name=value), "name", allowed=no_name)
    for name in ("noise", "start", "arrows"):
        clear(
            FIGURES["descent"],
            name,
            allowed=lambda value: (
                name == "noise"
                and number(0)(value)
                or name == "arrows"
                and value is True
                or name == "start"
                and value is None
            ),
        )
    clear(
        FIGURES["stream"],
        "g",
        wrong=[value for value in WRONG if value is not None and not isinstance(value, (list, np.ndarray))]
        + [["a"], [None], [10**400]],
    )
    for name in ("x", "y", "x_range", "measure"):
        refuses(
            lambda value: FIGURES["plane"](**{name: value}),
            name,
            "hyper-parameter",
            allowed=lambda value: value is None and name != "measure" and name != "x",
        )
    refuses(lambda value: explorer.explore(adam, on=value), "on must")
    refuses(lambda value: explorer.explore(value), "source", "def")
    figure = explorer.explore(adam, on=[losses.valley, losses.bowl])
    for name in ("steps", "step", "seed", "rules", "loss", "start", "noise", "arrows", "lr", "beta1", "state"):
        before = dict(figure.state), figure.path.tobytes()
        for value in [*WRONG, {**figure.state, "adam.lr": 10**400}, {**figure.state, "steps": None}, {"rules": []}]:
            try:
                setattr(figure, name, value)
            except TraitError as error:
                assert_clear(error, name, "state", "lr", "steps", "rules")
                assert (figure.state, figure.path.tobytes()) == before, (name, value)
            else:
                figure.state = before[0]


@checks(
    *(
        "code.Code code.library_code code.own_code code.page_script code.widget_module code.style code.literal "
        "interactive.figure_id"
    ).split(),
    module="explorer",
)
def no_name_leaves_its_string():
    nested = st.recursive(
        hostile | st.integers(-9, 9) | st.booleans() | st.none() | st.floats(-9, 9),
        lambda part: st.lists(part, max_size=3) | st.dictionaries(hostile, part, max_size=3),
        max_leaves=6,
    )

    @tried(60, value=nested)
    def literals(value):
        written_ = code.literal(value)
        assert "<" not in written_
        if (
            "\ud800" not in repr(value).encode("unicode_escape").decode()
            and "\\ud800" not in ascii(value)
            and "\\x00" not in ascii(value)
        ):
            assert told(f"({written_})") == value

    @tried(30, words=hostile, named=st.booleans())
    @example("</script><script>alert(1)</script>", False)
    @example("\ud800", True)
    def names(words, named):
        assume(not words.isidentifier())

        def dish(x, y):
            return x**2 + y**2

        def mine(theta, g, t, *, lr=0.1):
            theta = theta - lr * g
            return (theta,)

        with pytest.raises(ValueError):
            dish.__name__ = words
            losses.Loss(dish, ((-1, 1), (-1, 1)), (0.5, 0.5))
        dish.__name__ = "dish"
        loss = losses.Loss(dish, ((-1, 1), (-1, 1)), (0.5, 0.5))
        dish.__name__ = mine.__name__ = words
        with pytest.raises(ValueError) as caught:
            explorer.explore(mine, steps=2)
        assert_clear(caught.value, "called")
        try:
            figure = explorer.explore(sgd, on=loss, steps=2, name="quiet" if named else None)
        except ValueError as error:
            assert_clear(error, "called", "the id")
        else:
            made_of(figure._html(f'<img alt="{escape(repr(figure))}">'))

    literals()
    names()
    for text in (
        code.page_script(),
        code.widget_module("{}"),
        code.library_code(RULES, losses.LOSSES),
        code.own_code({}, {}),
    ):
        assert "</script" not in text
    assert code.Code("a < b") == code.literal(code.Code("a < b")) and "</style" not in code.style()
    refuses(lambda value: interactive.figure_id(value, []), "name", allowed=no_name, wrong=[*WRONG, *HOSTILE])
    refuses(lambda value: interactive.figure_id(None, ["a", value]), "id", wrong=HOSTILE[:-1])


@checks(
    *(
        "pictures.picture pictures.png pictures.sentence pictures.alt pictures.short pictures.looks pictures.listed "
        "pictures.add_legend pictures.lost pictures.outcome pictures.Kind runs.gap runs.plane runs.predicted runs.axis "
        "runs.is_logarithmic runs.rate_of"
    ).split(),
    module="explorer",
)
def pictures_are_told():
    @tried(60, x=st.floats(-1e300, 1e300) | st.sampled_from(EXTREMES[:-1]), digits=st.integers(1, 5))
    def numbers(x, digits):
        same(float(pictures.short(x, digits).replace("−", "-")), x, rtol=0.6 * 10.0 ** (1 - digits), atol=1e-323)

    numbers()
    assert pictures.listed(["a"]) == "a" and pictures.listed(["a", "b", "c"]) == "a, b and c"
    hard = [
        explorer.explore(sgd, adam, on=losses.saddle, start=[1e200, 1e200], steps=2),
        explorer.plane(momentum, steps=2, x_range=[1e-30, 1e30]),
        explorer.plane(momentum, steps=2, x_range=[0, 1e308], measure="rate"),
        explorer.stream(adam, g=[1e200, -1e200], lr=1e308),
    ]
    for figure in hard:
        soup = made_of(figure._repr_mimebundle_()[0]["text/html"])
        assert soup.img["alt"].endswith(figure._sentence())


@checks("race", "checked", "Entrant", "Scope", "scope", "standing", "sentence", "told", "picture", "title", "Race",
        module="explorer.race")  # fmt: skip
def races_are_their_tables():
    figure = explorer.race("wide", epochs=3, seed=1)
    table = experiments.recorded("wide")
    part = table[(table.epoch <= 3) & (table.seed == 1)]
    for rule, value in figure.ranking.items():
        same(value, part[part.rule == rule].fillna(math.inf).groupby("lr").train_loss.mean().min(), rtol=5e-3)
    assert [*figure.ranking.values()] == sorted(figure.ranking.values())
    made_of(figure._repr_mimebundle_()[0]["text/html"])
    refuses(explorer.race, "experiments")
    for name in ("rules", "measure", "seed", "epochs", "tries", "logarithmic"):
        refuses(
            lambda value: explorer.race("wide", **{name: value}),
            name,
            allowed=lambda value: value is None or type(value) in (int, bool, list) and value in (0, 1, True, []),
        )
        before = dict(figure.state)
        for value in [*WRONG, ["adam", "adam"], 10**400]:
            try:
                setattr(figure, name, value)
            except TraitError as error:
                assert_clear(error, name)
                assert figure.state == before
            else:
                figure.state = before
    assert races.told("test_accuracy", 0.5) == "50 %"


@pytest.mark.parametrize("name", CHECKS)
def test_right_or_clearly_refused(name):
    CHECKS[name]()
