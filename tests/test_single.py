"""A rule for one parameter after the other: bit for bit what the rule gives on arrays, or left to arrays."""

import functools
import importlib
import math
import sys

import numpy as np
import pytest
from every import EVERY

from lib import descent, losses
from lib.descent import descend
from lib.rules import adam, rmsprop
from lib.single import NUMBERS, single

LOSSES = ["valley", "rosenbrock", "beale", "saddle"]
SPECIAL = [0.0, -0.0, 1.0, -2.5, 5e-324, 1e308, -1e308, math.inf, -math.inf, math.nan]


def both(monkeypatch, rule, grad, theta, steps=200, **hyper):
    """A path by numbers and by arrays, whatever becomes of it."""
    paths = []
    for few in (descent.FEW, ()):
        monkeypatch.setattr(descent, "FEW", few)
        paths.append(descend(rule, grad, theta, steps, on_divergence="record", **hyper))
    return paths


@pytest.mark.parametrize("name", EVERY)
def test_numbers_are_the_arrays(name, monkeypatch):
    rule = EVERY[name]
    assert single(rule) is not None
    for loss in (getattr(losses, each) for each in LOSSES):
        for hyper in [{}, *({"lr": lr} for lr in (1e-3, 0.5, 1e3) if "lr" in (rule.__kwdefaults__ or {}))]:
            monkeypatch.undo()
            np.testing.assert_array_equal(*both(monkeypatch, rule, loss.gradient, list(loss.start), **hyper))


def test_numbers_are_used(monkeypatch):
    def never(*_):
        raise AssertionError("an array")

    monkeypatch.setattr(descent.Schedule, "step", never)
    for theta in ([4.0], [4.0, 2.0]):
        assert descend(adam, lambda theta: theta, theta, 3, lr=lambda t: 1 / t).shape == (4, len(theta))
    for given in ([1.0, 2.0, 3.0], [[4.0, 2.0]], 4.0, np.array([4.0, 2.0], np.float32), []):
        with pytest.raises(AssertionError, match="an array"):
            descend(adam, lambda theta: theta, given, 3)
    with pytest.raises(AssertionError, match="an array"):
        descend(adam, lambda theta: theta, [4.0, 2.0], 3, lr=[0.1, 0.2])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, bool])
def test_a_gradient_of_another_precision_is_left_to_arrays(monkeypatch, dtype):
    np.testing.assert_array_equal(*both(monkeypatch, adam, lambda theta: (theta > 0.3).astype(dtype), [1.0, 2.0], lr=0.3))


@pytest.mark.parametrize("slope", SPECIAL)
@pytest.mark.parametrize("rule", [adam, rmsprop, EVERY["adamax"], EVERY["lion"], EVERY["rmsprop_centered"]])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_numbers_cannot_do_is_left_to_arrays(monkeypatch, rule, slope):
    eps = {name: 0.0 for name in ("eps", "eps_hat") if name in rule.__kwdefaults__}
    calls = iter(100 * [slope, 1.0, slope, 0.0])
    grad = lambda theta: np.array([next(calls), 2.0])
    mine = descend(rule, grad, [1.0, 2.0], 40, on_divergence="record", **eps)
    calls = iter(100 * [slope, 1.0, slope, 0.0])
    monkeypatch.setattr(descent, "FEW", ())
    np.testing.assert_array_equal(mine, descend(rule, grad, [1.0, 2.0], 40, on_divergence="record", **eps))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_numbers_are_numpys():
    same = lambda one, other: np.testing.assert_array_equal(one, other)
    for x in SPECIAL:
        for name in ("abs", "sign", "square"):
            same(getattr(NUMBERS, name)(x), getattr(np, name)(x))
        for y in SPECIAL:
            same(NUMBERS.maximum(x, y), np.maximum(x, y))
            same(NUMBERS.where(x > y, x, y), np.where(x > y, x, y))
    assert [NUMBERS.sqrt(x) for x in (0.0, 2.0, math.inf)] == [np.sqrt(x) for x in (0.0, 2.0, math.inf)]


def test_a_schedule_that_becomes_a_sweep_is_refused():
    with pytest.raises(ValueError, match="made theta of shape"):
        descend(adam, lambda theta: theta, [1.0, 2.0], 3, lr=lambda t: 0.1 if t < 2 else [0.1, 0.2])


# Rules that are read, and others.


def rule_of(body, arguments="theta, g, t, m, *, lr=0.1", **scope):
    """A rule made from text that ``inspect`` finds, as in a notebook."""
    text = f"def rule({arguments}):\n" + "".join(f"    {line}\n" for line in body.split("; "))
    rule_of.number += 1
    name = f"<cell {rule_of.number}>"
    sys.modules["linecache"].cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    found = {"np": np} | scope
    exec(compile(text, name, "exec"), found)
    return found["rule"]


rule_of.number = 0
END = "theta = theta - lr * m; return theta, m"


@pytest.mark.parametrize(
    "body",
    [f'"""Words."""; m = m + g; {END}', f"m = n = m + g; {END}", f"m = -m + 2 * g; {END}", f"m = m + np.where(t > 1, g, 0); {END}",
     f"m = np.where(g >= 0, m, -m); {END}", f"m = m / 0.5**t; {END}", f"m = np.maximum(np.abs(m), np.sqrt(np.sign(g)**2)); {END}",
     "m = m + g; return theta - lr * m, m"],
)  # fmt: skip
def test_what_is_done_number_by_number_is_read(body, monkeypatch):
    rule = rule_of(body)
    assert single(rule) is not None
    np.testing.assert_array_equal(*both(monkeypatch, rule, losses.valley.gradient, [4.0, 2.0], 5))


@pytest.mark.parametrize(
    "body",
    [
        f"m += g; {END}", f"m[...] = g; {END}", f"m = m + g.sum(); {END}", f"m = np.linalg.norm(g) + m; {END}", f"m = np.cumsum(g); {END}",
        f"m, n = g, m; {END}", f"m = m + g if t > 1 else g; {END}", f"if t > 1: m = g; {END}", f"m = m + g**3; {END}", f"m = m**g; {END}",
        f"m = 2.0**g; {END}", f"n = m + g; m = n**0.5; {END}", f"m = (g > 0) * m; {END}", f"m = np.where(0 < g < 1, g, m); {END}",
        f"m = np.add(m, g); {END}", f"m = np.sqrt(x=g); {END}", f"m = max(m, g); {END}", f"m = m @ g; {END}", f"m = m // g; {END}",
        f"m = EPS * g; {END}", f"import math; m = g; {END}", "m = g; return theta", "m = g; return theta, m, m", "m = g; return [theta, m]",
        "m = g; return (theta, (m,))", f"m = np.sqrt(*[g]); {END}", "m = g", "'''Words.'''", f"m = np.maximum; m = g; {END}", f"print(t); m = g; {END}",
    ],
)  # fmt: skip
def test_everything_else_is_left_to_arrays(body):
    assert single(rule_of(body, EPS=1.0)) is None


def test_a_mistake_is_shown_in_the_rule_itself():
    with pytest.raises(UnboundLocalError) as found:
        descend(rule_of(f"n = m_hat; m_hat = n; m = g; {END}"), lambda theta: theta, [1.0, 2.0], 1)
    assert found.traceback[-1].frame.code.raw.co_filename.startswith("<cell ")


def test_a_power_of_numbers_that_are_no_arrays_is_read():
    rule = single(rule_of("c = lr**t; m = m + g * (1 - c**0.5); return theta, m", "theta, g, t, m, *, lr"))
    assert rule(1.0, 2.0, 3, 0.0, lr=0.1) == (1.0, 2 * (1 - (0.1**3) ** 0.5))


def changed(rule):
    @functools.wraps(rule)
    def other(*args, **hyper):
        theta, *state = rule(*args, **hyper)
        return 2 * theta, *state

    return other


def with_a_closure(factor):
    def rule(theta, g, t, *, lr=0.1):
        theta = theta - factor * g
        return (theta,)

    return rule


@changed
def decorated(theta, g, t, *, lr=0.1):
    theta = theta - lr * g
    return (theta,)


def test_what_runs_must_be_what_is_read():
    assert single(changed(adam)) is single(decorated) is single(with_a_closure(2)) is single(functools.partial(adam)) is None
    assert single(np.add) is single(lambda theta, g, t: (theta,)) is single(eval("lambda theta, g, t: (theta,)")) is None
    assert single(rule_of(f"m = m + g; {END}", np=math)) is None


def test_a_file_that_has_changed_since_is_not_read(tmp_path, monkeypatch):
    text = "import numpy as np\n\n\ndef rule(theta, g, t, *, lr=0.1):\n    theta = theta - lr * np.sqrt({}g)\n    return (theta,)\n"
    (tmp_path / "own_rule.py").write_text(text.format(""), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    rule = importlib.import_module("own_rule").rule
    (tmp_path / "own_rule.py").write_text(text.format("2 * "), encoding="utf-8")
    assert single(rule) is None
    (tmp_path / "own_rule.py").write_text(text.format(""), encoding="utf-8")
    importlib.reload(sys.modules["own_rule"])
    assert single(sys.modules["own_rule"].rule)(1.0, 4.0, 1, lr=0.5) == (0.0,)
    del sys.modules["own_rule"]


def test_a_rule_is_read_once():
    assert single(adam) is single(adam)


def test_new_defaults_and_new_code_count():
    rule = rule_of("theta = theta - lr * g; return (theta,)", "theta, g, t, *, lr=0.5")
    assert single(rule)(1.0, 1.0, 1) == (0.5,)
    rule.__kwdefaults__ = {"lr": 0.25}
    assert single(rule)(1.0, 1.0, 1) == (0.75,)
    rule.__code__ = rule_of("theta = theta + lr * g; return (theta,)", "theta, g, t, *, lr=0.5").__code__
    assert single(rule)(1.0, 1.0, 1) == (1.25,)
