"""The rules of the chapter ``beyond``: in the form of the others, and as their authors' or a library's code has them.

The paths of the libraries are in ``beyond.json``, recorded by ``record_beyond.py``; the tests need no library.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import test_rules
from every import compiled, mutants

import lib.beyond
from lib import layers
from lib.beyond import BEYOND
from lib.equations import read_rule
from lib.explorer import explore
from lib.explorer.code import own_code
from lib.losses import valley
from lib.matrices import (
    MUON, adafactor, improved, lamb, muon, newton_schulz, polar, power, prodigy, quintic, shampoo, soap,
)  # fmt: skip
from lib.notation import NAMES
from lib.rules import RULES, adam

recorded = json.loads(Path(__file__).with_name("beyond.json").read_text(encoding="utf-8"))
ALL = RULES | BEYOND
every_rule = pytest.mark.parametrize("name", BEYOND)
MATRICES = {rule.__name__: rule for rule in (muon, shampoo, soap, adafactor, lamb, prodigy)}
PARTS = {"all": np.s_[:, :], "square": np.s_[:4, :], "wide": np.s_[:2, :]}
AVERAGE = {"schedule_free": 1, "schedule_free_adamw": 2}
start, target = np.array(recorded["start"]), np.array(recorded["target"])
gradients = np.array(recorded["gradients"])


# ---- The libraries ------------------------------------------------------------------------------


def run(rule, case):
    """The rule on what the library was given: parameters and states after the recorded steps."""
    part = PARTS[case["part"]]
    theta, kept = start[part], []
    state = [0.0] * len(test_rules.states(rule))
    for t, g in enumerate(gradients, 1):
        g = theta - target if case["library"] == "prodigyopt" else g[part]
        theta, *state = rule(theta, g, t, *state, **case["hyper"])
        if t in recorded["steps"]:
            kept.append((theta.ravel(), state))
    return kept


def gap(rule, case):
    """The largest difference from the library, in units of the largest parameter."""
    kept = run(rule, case)
    gaps = [np.abs(theta - path).max() for (theta, _), path in zip(kept, case["path"], strict=True)]
    for (_, state), mean in zip(kept, case.get("means", [])):
        gaps.append(np.abs(state[AVERAGE[case["rule"]]].ravel() - mean).max())
    return np.max(gaps) / np.abs(case["path"]).max()


CASES = [
    pytest.param(case, id=f"{case['rule']}-{case['library']}-{number}") for number, case in enumerate(recorded["cases"])
]


@pytest.mark.parametrize("case", CASES)
def test_same_path_as_the_library(case):
    assert gap((BEYOND | MATRICES)[case["rule"]], case) < 1e-12, case["call"]


def test_recording_covers_the_rules():
    """Every rule has a library's path but NAdam, RAdam and Lion, which test_rules.py has; each at two settings."""
    settings = {}
    for case in recorded["cases"]:
        settings.setdefault(case["rule"], []).append(case["hyper"])
    assert settings.keys() == (BEYOND | MATRICES).keys()
    for name, hyper in settings.items():
        assert all(len({h[key] for h in hyper}) > 1 for key in hyper[0] if (name, key) != ("prodigy", "eps")), name
        assert BEYOND.get(name) is None or hyper[0].keys() == test_rules.hypers(BEYOND[name]).keys()
    assert Path(__file__).with_name("beyond.json").stat().st_size < 150_000


def test_what_bfloat16_does_to_muon():
    """PyTorch rounds the iteration: a step is off by up to a few percent, and not by more."""
    for case in recorded["cases"]:
        if case["rule"] == "muon":
            first, exact = np.array(case["rounded"][0]), np.array(case["path"][0])
            assert 0 < np.abs(first - exact).max() < 0.05 * case["hyper"]["lr"]


# After step 1 all three sequences are at the same point, so that from step 2 on it is the same to start anew.
SAME = {"schedule_free": ["np.where(t > 2, z"], "schedule_free_adamw": ["np.where(t > 2, z"]}


def survives(name, changed):
    with np.errstate(all="ignore"):
        try:
            return all(gap(changed, case) < 1e-12 for case in recorded["cases"] if case["rule"] == name)
        except (ArithmeticError, TypeError, ValueError):
            return False


@every_rule
def test_every_operator_and_number_matters(name):
    changed = list(mutants(BEYOND[name]))
    alive = [source for source in changed if survives(name, compiled(source))]
    unexplained = [source for source in alive if not any(known in source for known in SAME.get(name, ()))]
    assert len(changed) > 5 and not unexplained, "\n".join(unexplained)


def test_the_rules_are_the_module_in_source_order():
    functions = [f for f in vars(lib.beyond).values() if inspect.isfunction(f)]
    assert list(BEYOND.values()) == sorted(functions, key=lambda f: f.__code__.co_firstlineno)
    assert not BEYOND.keys() & RULES.keys()


def names_of(rules):
    sources = [read_rule(rule) for rule in rules.values()]
    return {name for s in sources for name in (*s.arguments, *s.hyper, *(name for name, _ in s.assignments))}


def test_a_figure_brings_their_code_along():
    code = own_code(BEYOND, {})
    assert all(f"function {name}(" in code for name in BEYOND)
    assert all(NAMES[name].meaning in code for name in names_of(BEYOND) - names_of(RULES))
    assert "ademamix" in repr(explore(adam, *BEYOND.values(), on=valley, steps=20))


# ---- Elementwise rules ----------------------------------------------------------------------------


def steps_of(name, g, **hyper):
    return np.diff(test_rules.path(name, np.zeros(g.shape[1:]), g, **hyper), axis=0)


def test_ademamix_without_its_slow_momentum_is_adamw():
    g = test_rules.normal(30, 4)
    common = dict(lr=0.1, weight_decay=0.1)
    paths = (test_rules.path(name, np.ones(4), g, **common, **more)
             for name, more in (("ademamix", {"gamma": 0.0}), ("adamw", {})))  # fmt: skip
    assert test_rules.close(*paths)


def test_adopt_lets_no_step_be_longer_than_its_bound():
    g = test_rules.normal(30, 4) * 1e3 ** test_rules.normal(30, 4, seed=2)
    steps = np.abs(steps_of("adopt", g, lr=1.0, beta1=0.0)).max(axis=1)
    bound = np.arange(30) ** 0.25
    assert steps[0] == 0 and (steps <= bound + 1e-12).all() and np.isclose(steps, bound)[1:10].any()


@pytest.mark.parametrize("name, z, x", [("schedule_free", 0, 1), ("schedule_free_adamw", 1, 2)])
def test_x_is_the_average_of_z(name, z, x):
    _, history = test_rules.run(ALL[name], np.ones(3), test_rules.normal(40, 3), lr=0.1)
    points = np.array([state[z] for state in history])
    means = np.cumsum(points, axis=0) / np.arange(1, 41)[:, None]
    assert test_rules.close(np.array([state[x] for state in history]), means)


# ---- Matrix rules -----------------------------------------------------------------------------------


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_newton_schulz_finds_the_polar_factor(shape):
    G = normal(*shape)
    X = newton_schulz(G / np.linalg.norm(G), 30)
    assert np.abs(X - polar(G)).max() < 1e-12
    assert np.allclose(np.linalg.svd(polar(G))[1], 1, rtol=1e-13)


def test_newton_schulz_below_and_beyond_the_root_of_three():
    """Just below it one step gives a small number, from which it takes many; just above a negative one."""
    below, above = (newton_schulz(np.array([[3**0.5 + shift]]), 60)[0, 0] for shift in (-1e-6, 1e-6))
    assert np.isclose(below, 1) and np.isclose(above, -1)


def test_the_quintic_acts_on_each_singular_value():
    G = normal(6, 4)
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    s, (a, b, c) = s / np.linalg.norm(G), MUON
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    assert np.allclose(quintic(G), U * s @ Vt, rtol=1e-12)
    assert np.allclose(quintic(G.T), quintic(G).T, rtol=1e-12)
    stack = normal(3, 6, 4)
    assert np.allclose(quintic(stack), [quintic(matrix) for matrix in stack], rtol=1e-12)
    assert not quintic(np.zeros((2, 3))).any()


def test_a_power_of_a_matrix():
    A = normal(4, 4)
    A = A @ A.T
    assert np.allclose(np.linalg.matrix_power(power(A, -1 / 4), 4) @ A, np.eye(4), atol=1e-8)


def test_soaps_basis_becomes_that_of_the_eigenvectors():
    A = normal(5, 5)
    A, Q = A @ A.T, np.eye(5)
    for _ in range(300):
        Q, _ = improved(A, Q)
    turned = Q.T @ A @ Q
    assert np.allclose(turned, np.diag(np.sort(np.diag(turned))[::-1]), atol=1e-8)


def parts_of(flat, number):
    """A hidden weight of the network, from the flat vector."""
    part, shape, _, _ = layers.HIDDEN[number]
    return flat[part].reshape(shape)


def test_where_the_layers_are():
    views = layers.NETWORK.unpack(np.arange(float(layers.NETWORK.size)))
    flat = np.arange(float(layers.NETWORK.size))
    assert len(layers.HIDDEN) == 2
    assert np.array_equal(parts_of(flat, 0), views[0]) and np.array_equal(parts_of(flat, 1), views[2])
    places = layers.hidden(((5, 4), (4,), (4, 3), (3,), (3, 2), (2,)))
    assert [(left[1], right[1]) for _, _, left, right in places] == [
        (slice(0, 25), slice(0, 16)), (slice(25, 41), slice(16, 25))
    ]  # fmt: skip


@pytest.mark.parametrize("name, steps", [("muon", 4), ("soap", 13)])
def test_hidden_weights_by_the_matrix_rule_and_the_rest_by_adam(name, steps):
    """Two runs with other rates go as each alone."""
    rule, size, lr = getattr(layers, name), layers.NETWORK.size, np.array([[0.1], [0.01]])
    theta = np.tile(normal(size), (2, 1))
    state = [np.zeros((2, length)) for length in getattr(rule, "sizes", (size, size))]
    alone, weight, own = (normal(size), 0.0, 0.0), parts_of(normal(size), 1), [0.0] * 6
    for t in range(1, steps + 1):
        g = normal(size, seed=t)
        theta, *state = rule(theta, np.tile(g, (2, 1)), t, *state, lr=lr)
        alone = adam(alone[0], g, t, *alone[1:], lr=0.01)
        G = parts_of(g, 1)
        if name == "soap":
            weight, *own = soap(weight, G, t, *own, lr=0.01)
        else:
            weight, own[0] = muon(weight, G, t, own[0], lr=0.01 * 0.2 * 100**0.5, weight_decay=0.0)
    assert np.allclose(parts_of(theta[1], 1), weight, rtol=1e-9, atol=1e-9)
    rest = np.ones(size, bool)
    for part, *_ in layers.HIDDEN:
        rest[part] = False
    assert np.allclose(theta[1][rest], alone[0][rest], rtol=1e-12)
    assert not np.allclose(theta[0], theta[1])


def test_two_libraries_bound_the_second_step_of_adopt_differently():
    theta, *state = BEYOND["adopt"](0.0, 1.0, 1, 0.0, 0.0, lr=1.0)
    theta, *_ = BEYOND["adopt"](theta, 1000.0, 2, *state, lr=1.0)
    assert -theta == pytest.approx(recorded["second_step"]["optax"], rel=1e-12)
    assert recorded["second_step"]["pytorch_optimizer"] == pytest.approx(-theta * 2**0.25, rel=1e-12)
