"""Bounds on a step: what claims to be exact is attained, and nothing goes beyond it."""

import inspect
import json

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from lib.bounds import BOUNDS, adam_exact, adam_paper, adam_worst, adamax_paper
from lib.equations import formula
from lib.rules import RULES
from lib.streams import gradients

EXACT = [name for name, (bounds, _) in BOUNDS.items() if bounds[0].label == "exact"]
SETTINGS = [
    {},
    {"beta1": 0.0, "rho": 0.5},
    {"beta1": 0.9, "beta2": 0.9**2},
    {"beta1": 0.9, "beta2": 0.5, "rho": 0.99},
    {"beta1": 0.5, "beta2": 0.9, "rho": 0.0},
    {"beta1": 0.6, "beta2": 0.6},
]
SHAPES = ("normal", "heavy tails", "sparse", "growing")


def settings(function, given):
    """Those of the hyper-parameters that a function takes, as Python numbers."""
    return {name: value for name, value in given.items() if name in inspect.signature(function).parameters}


def longest_steps(rule, g, given):
    """|step| / lr at every step of a run over gradients of shape (steps, runs), with nothing added to denominators."""
    lr, eps = 1e-3, {name: 0.0 for name in rule.__kwdefaults__ if name.startswith("eps")}
    theta, *state = np.zeros((rule.__code__.co_argcount - 2, g.shape[1]))
    lengths = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for t, slope in enumerate(g, 1):
            moved, *state = rule(theta, slope, t, *state, lr=lr, **eps, **settings(rule, given))
            lengths.append(np.abs(moved - theta) / lr)
    return np.nan_to_num(lengths)


def arguments(name, given):
    """The hyper-parameters of a rule: its defaults, and what is given of them."""
    return RULES[name].__kwdefaults__ | settings(RULES[name], given)


def bound(function, t, known):
    return float(function(t, **settings(function, known)))


def random_streams(shape, steps, runs, rng):
    normal = rng.standard_normal((steps, runs))
    return {
        "normal": normal,
        "heavy tails": normal * np.exp(3 * rng.standard_normal((steps, runs))),
        "sparse": normal * (rng.random((steps, runs)) < 0.1),
        "growing": np.abs(normal) * rng.uniform(0.3, 3, runs) ** np.arange(steps)[:, None],
    }[shape]


@pytest.mark.parametrize("given", SETTINGS, ids=str)
@pytest.mark.parametrize("steps", [1, 2, 7, 60])
@pytest.mark.parametrize("name", BOUNDS)
def test_the_worst_stream_attains_the_bound(name, steps, given):
    known = arguments(name, given)
    exact, worst = BOUNDS[name].bounds[0].value, BOUNDS[name].worst
    attained = longest_steps(RULES[name], gradients(worst, steps, **known)[:, None], given)[-1, 0]
    if name == "amsgrad" and known["beta1"] > known["beta2"]:
        assert attained <= bound(exact, steps, known) * (1 + 1e-12)
    else:
        assert attained == pytest.approx(bound(exact, steps, known), rel=1e-9)


@pytest.mark.parametrize("given", SETTINGS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BOUNDS)
def test_no_stream_goes_beyond_the_bound(name, shape, given):
    steps, known = 25, arguments(name, given)
    streams = random_streams(shape, steps, 1000, np.random.default_rng(SHAPES.index(shape)))
    lengths = longest_steps(RULES[name], streams, given)
    limits = [bound(BOUNDS[name].bounds[0].value, t, known) for t in range(1, steps + 1)]
    assert lengths.max() > 0.3
    assert (lengths.max(axis=1) <= np.array(limits) * (1 + 1e-9)).all()


@pytest.mark.parametrize("name", BOUNDS)
def test_a_search_for_longer_steps_ends_at_the_bound(name):
    steps, rng, known = 12, np.random.default_rng(4), arguments(name, {})
    limit = bound(BOUNDS[name].bounds[0].value, steps, known)
    best = rng.standard_normal((steps, 1))
    for _ in range(300):
        changed = rng.random((steps, 200)) < 0.2
        tried = np.hstack([best, best * np.where(changed, 1 + rng.standard_normal((steps, 200)), 1)])
        lengths = longest_steps(RULES[name], tried, {})[-1]
        best = tried[:, [lengths.argmax()]]
    assert 0.9 * limit < lengths.max() <= limit * (1 + 1e-9)


def test_adams_bound_by_its_sum():
    for beta1, beta2 in ((0.9, 0.999), (0.9, 0.81), (0.99, 0.9), (0.0, 0.5)):
        for t in (1, 5, 40):
            i = np.arange(1, t + 1)
            a = (1 - beta1) * beta1 ** (t - i) / (1 - beta1**t)
            b = (1 - beta2) * beta2 ** (t - i) / (1 - beta2**t)
            assert adam_exact(t, beta1=beta1, beta2=beta2) == pytest.approx(np.sqrt((a**2 / b).sum()), rel=1e-12)


def test_adams_first_step_is_never_longer_than_the_learning_rate():
    assert adam_exact(1, beta1=0.9, beta2=0.999) == pytest.approx(1, rel=1e-12)


def test_the_bounds_of_the_paper_are_broken():
    known = {"beta1": 0.9, "beta2": 0.999}
    assert adam_paper(1, **known) == pytest.approx(np.sqrt(10), rel=1e-12)
    assert adam_exact(10_000, **known) == pytest.approx(np.sqrt(10 / (1 - 0.81 / 0.999)), rel=1e-3)
    assert adam_exact(10_000, **known) > 2 * adam_paper(10_000, **known)
    assert adam_paper(100, beta1=0.9, beta2=0.95) == 1 < 1.16 < adam_exact(100, beta1=0.9, beta2=0.95)
    g = gradients(BOUNDS["adamax"].worst, 100, beta2=0.999)[:, None]
    assert longest_steps(RULES["adamax"], g, {})[-1, 0] > 1.004 > adamax_paper(100)


def test_where_the_second_moment_forgets_at_once_the_bound_is_infinite():
    with np.errstate(over="ignore"):
        assert adam_exact(3, beta1=0.9, beta2=0.0) > 1e100
    assert adam_exact(3, beta1=0.0, beta2=0.0) == 1


@pytest.mark.parametrize("name", BOUNDS)
def test_javascript_is_python(name):
    v8 = MiniRacer()
    bounds, worst = BOUNDS[name]
    for given in SETTINGS:
        known = arguments(name, given)
        for value in [each.value for each in bounds]:
            code = f"JSON.stringify([1, 2, 30].map(t => ({formula(value)})(t, {json.dumps(known)})))"
            expected = [bound(value, t, known) for t in (1, 2, 30)]
            np.testing.assert_allclose(json.loads(v8.eval(code)), expected, rtol=1e-9)
        code = f"JSON.stringify([1, 2, 30].map(t => ({formula(worst)})(t, 30, {json.dumps(known)})))"
        expected = [float(worst(t, 30, **settings(worst, known))) for t in (1, 2, 30)]
        np.testing.assert_allclose(json.loads(v8.eval(code)), expected, rtol=1e-12)


def test_every_bound_is_of_a_rule_of_the_library_and_takes_its_hyper_parameters():
    assert BOUNDS.keys() <= RULES.keys()
    for name, (bounds, worst) in BOUNDS.items():
        for function in (worst, *(each.value for each in bounds)):
            keywords = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
            assert set(keywords) <= set(RULES[name].__kwdefaults__)
