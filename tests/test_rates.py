"""Rates on a quadratic: closed forms against the eigenvalues of each rule's own matrix, and against measured runs."""

import inspect
import itertools
import json

import mpmath
import numpy as np
import pytest
from py_mini_racer import MiniRacer

from lib.descent import descend
from lib.equations import formula
from lib.rates import RATES, momentum_ema_rate, momentum_rate, nesterov_rate, sgd_rate
from lib.rules import RULES

SETTINGS = [*itertools.product((-1.0, 0.0, 0.5, 1.0, 25.0), (0.0, 0.01, 0.1, 0.3, 2.0), (0.0, 0.3, 0.9, 0.99))]


def known(name, lr, mu):
    """Those of the two hyper-parameters that a rule has."""
    return {key: value for key, value in (("lr", lr), ("mu", mu)) if key in RULES[name].__kwdefaults__}


def matrices(name, h, lr, mu):
    """The matrix of a rule on h / 2 * theta**2 for each setting: the rule itself, run on the unit vectors."""
    rule, states = RULES[name], RULES[name].__code__.co_argcount - 3
    units = np.eye(1 + states)
    columns = [rule(theta, h * theta, 2, *state, **known(name, lr, mu)) for theta, *state in units]
    return np.array([[entry + 0 * h for entry in column] for column in columns]).transpose(2, 1, 0)


def roots(name, a, mu):
    """The two roots of the characteristic polynomial in 40 digits; ``a`` is lr * h."""
    a, mu = mpmath.mpf(float(a)), mpmath.mpf(float(mu))
    trace, determinant = ((1 + mu) * (1 - a), mu * (1 - a)) if name == "nesterov" else (1 + mu - a, mu)
    root = mpmath.sqrt(trace**2 - 4 * determinant)
    return (trace + root) / 2, (trace - root) / 2


@pytest.mark.parametrize("name", RATES)
def test_a_rate_is_the_spectral_radius_of_the_rules_matrix(name):
    rng = np.random.default_rng(0)
    h, lr = rng.uniform(-1, 5, 40_000), rng.uniform(0, 1.5, 40_000)
    mu = np.where(rng.random(40_000) < 0.1, 0, rng.uniform(0, 0.999, 40_000))
    values = np.linalg.eigvals(matrices(name, h, lr, mu))
    apart = (values.shape[1] == 1) | (np.abs(values[:, 0] - values[:, -1]) > 0.02)
    assert np.mean(apart) > 0.99
    radius, predicted = np.abs(values).max(axis=1), RATES[name](h, **known(name, lr, mu))
    np.testing.assert_allclose(np.where(apart, predicted, 1), np.where(apart, radius, 1), rtol=1e-12)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_near_a_double_root_too(name, distance):
    with mpmath.workdps(40):
        for mu in (0.01, 0.25, 0.81, 0.99):
            double = ((1 - mu) / (1 + mu)) ** 2 if name == "nesterov" else (1 - np.sqrt(mu)) ** 2
            for a in (double * (1 - distance), double * (1 + distance)):
                exact = max(abs(root) for root in roots(name, a, mu))
                assert RATES[name](1.0, lr=a, mu=mu) == pytest.approx(float(exact), rel=1e-12)


def test_at_a_double_root_exactly():
    assert momentum_rate(1.0, lr=0.25, mu=0.25) == momentum_rate(1.0, lr=2.25, mu=0.25) == 0.5
    assert nesterov_rate(1.0, lr=0.25, mu=1 / 3) == pytest.approx(0.5, rel=1e-8)
    assert nesterov_rate(2.0, lr=0.5, mu=0.7) == 0


def test_edges_of_stability():
    mu = np.linspace(0, 0.99, 100)
    np.testing.assert_allclose(sgd_rate(1.0, lr=2.0), 1, rtol=1e-12)
    np.testing.assert_allclose(momentum_rate(1.0, lr=2 + 2 * mu, mu=mu), 1, rtol=1e-12)
    np.testing.assert_allclose(momentum_ema_rate(1.0, lr=2 * (1 + mu) / (1 - mu), mu=mu), 1, rtol=1e-12)
    np.testing.assert_allclose(nesterov_rate(1.0, lr=(2 + 2 * mu) / (1 + 2 * mu), mu=mu), 1, rtol=1e-12)
    for rate in RATES.values():
        hyper = {"lr": 0.1, "mu": 0.5} if rate is not sgd_rate else {"lr": 0.1}
        assert rate(0.0, **hyper) == pytest.approx(1) and rate(-1.0, **hyper) > 1 > rate(1.0, **hyper)


@pytest.mark.parametrize("name", RATES)
def test_a_run_shrinks_by_the_rate(name):
    """The largest distance among 200 steps against that of the next 200, as complex roots turn."""
    h, lr, mu = 2.0, 0.03, 0.6
    path = np.abs(descend(RULES[name], lambda theta: h * theta, 1.0, 500, **known(name, lr, mu)))
    measured = (path[201:401].max() / path[1:201].max()) ** (1 / 200)
    assert measured == pytest.approx(RATES[name](h, **known(name, lr, mu)), rel=0.01)


@pytest.mark.parametrize("name", RATES)
def test_javascript_is_python(name):
    v8, rate = MiniRacer(), RATES[name]
    arguments = [[h, known(name, lr, mu)] for h, lr, mu in SETTINGS]
    code = f"JSON.stringify({json.dumps(arguments)}.map(given => ({formula(rate)})(...given)))"
    expected = [rate(h, **hyper) for h, hyper in arguments]
    np.testing.assert_allclose(json.loads(v8.eval(code)), expected, rtol=1e-13)
    assert [*inspect.signature(rate).parameters] == ["h", *RULES[name].__kwdefaults__]
