"""A rule over long arrays: bit for bit what the rule gives at once, without long intermediate arrays."""

import tracemalloc

import numpy as np
import pytest
from every import EVERY

from lib.blocks import Recorded, record
from lib.descent import Optimizer, Schedule
from lib.rules import adam

BLOCK = 7
SIZES = [0, 1, BLOCK, 3 * BLOCK, 3 * BLOCK + 2]


def both(rule, monkeypatch, size=3 * BLOCK + 2, dtype=np.float64, steps=4):
    """Where ``steps`` steps lead in blocks and at once: two lists of arrays, theta and the states."""
    monkeypatch.setattr(Optimizer, "BLOCK", BLOCK)
    rng = np.random.default_rng(0)
    theta, schedule = rng.standard_normal(size).astype(dtype), Schedule(rule, {})
    whole = [theta.copy(), *(np.zeros_like(theta) for _ in range(schedule.states))]
    optimizer = Optimizer(rule, theta)
    for t in range(1, steps + 1):
        g = rng.standard_normal(size).astype(dtype)
        optimizer.step(g)
        whole = [np.array(new, dtype) for new in schedule.step(whole[0], g, t, whole[1:])]
    return [theta, *optimizer.state], whole


def steps_of(rule):
    dtypes = [np.dtype(np.float64)] * (2 + Schedule(rule, {}).states)
    return record(rule, 3, {}, dtypes)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", EVERY)
def test_blocks_are_the_whole(name, dtype, monkeypatch):
    with np.errstate(all="ignore"):
        for size in SIZES:
            for mine, other in zip(*both(EVERY[name], monkeypatch, size, dtype), strict=True):
                np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", EVERY)
def test_every_rule_is_recorded_and_reads_its_gradient_only(name):
    steps, cells = steps_of(EVERY[name])
    assert all(output != 1 for _, _, output in steps) and len(cells) >= max(output for _, _, output in steps)


def test_adam_needs_two_short_arrays_and_copies_nothing():
    steps, cells = steps_of(adam)
    assert sum(isinstance(cell, np.dtype) for cell in cells) == 4 + 2
    assert [function for function, _, _ in steps].count(np.positive) == 0


def test_no_long_array_is_made():
    theta, g = np.ones((2, 2_000_000), np.float32)
    optimizer = Optimizer(adam, theta)
    tracemalloc.start()
    optimizer.step(g)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < theta.nbytes / 8


def clipped(theta, g, t, *, lr=0.1):
    return (theta - lr * g / np.maximum(1, np.linalg.norm(g)),)


def summed(theta, g, t, *, lr=0.1):
    return (theta - lr * g / (1 + np.add.reduce(np.abs(g))),)


def branching(theta, g, t, *, lr=0.1):
    return (theta - (lr if g[0] > 0 else 2 * lr) * g,)


def doubtful(theta, g, t, *, lr=0.1):
    return (theta - lr * g,) if np.all(g > 0) else (theta - 2 * lr * g,)


def indexed(theta, g, t, *, lr=0.1):
    return (theta - lr * g * np.arange(g.size),)


def converted(theta, g, t, *, lr=0.1):
    return (theta - lr * np.asarray(g),)


def wider(theta, g, t, *, lr=0.1):
    return (theta - lr * np.add(g, 0.1, dtype=np.float32),)


def constant(theta, g, t, m, *, lr=0.1):
    return theta - lr * g, np.float64(t)


def swapped(theta, g, t, a, b, *, lr=0.1):
    return theta - lr * (a - b + g), b, a + g


def twice(theta, g, t, a, b, *, lr=0.1):
    a = a + g
    return theta - lr * a, a, a


def crossed(theta, g, t, m, *, lr=0.1):
    return m - lr * g, theta + g


def remembering(theta, g, t, last, *, lr=0.1):
    return theta - lr * (g - last), g


def counting(theta, g, t, n, *, lr=0.1):
    return theta - lr * g, n + np.int64(1) * (g > 0)


def chosen(theta, g, t, m, *, lr=0.1):
    m = np.where(g > m, g, m)
    return theta - lr * m**0.5**2 * m**0, m


def powers(theta, g, t, m, *, lr=0.1):
    m = np.abs(g) + m**1
    return theta - lr * (m**-1 + m**3 + m**0.5 + m**2), m


def raised(theta, g, t, *, lr=0.1):
    return (theta - lr * np.abs(theta) ** np.abs(g),)


def unused(theta, g, t, *, lr=0.1):
    g * theta
    return (theta - lr * g,)


ALL_AT_ONCE = [clipped, summed, branching, doubtful, indexed, converted, wider, constant]
IN_BLOCKS = [swapped, twice, crossed, remembering, counting, chosen, powers, raised, unused]


@pytest.mark.parametrize("rule", ALL_AT_ONCE + IN_BLOCKS, ids=lambda rule: rule.__name__)
def test_a_rule_of_ones_own_gives_what_it_gives_at_once(rule, monkeypatch):
    with np.errstate(invalid="ignore"):
        for mine, other in zip(*both(rule, monkeypatch), strict=True):
            np.testing.assert_array_equal(mine, other)
    assert (steps_of(rule) is None) == (rule in ALL_AT_ONCE)


def test_powers_are_done_as_quickly_as_by_an_array():
    functions = {function for function, _, _ in steps_of(powers)[0]}
    assert {np.square, np.sqrt, np.reciprocal, np.power} <= functions


def wrong(theta, g, t, *, lr=0.1):
    return (theta - lr * g.no_such_thing,)


def short(theta, g, t, m, *, lr=0.1):
    return (theta - lr * g,)


def long(theta, g, t, *, lr=0.1):
    return theta - lr * g, g


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (wrong, AttributeError, "no_such_thing"),
        (short, ValueError, "short takes 1 states and returns 0"),
        (long, ValueError, "long takes 0 states and returns 1"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_and_changes_nothing(rule, error, message, monkeypatch):
    monkeypatch.setattr(Optimizer, "BLOCK", BLOCK)
    theta = np.ones(3 * BLOCK)
    optimizer = Optimizer(rule, theta)
    with pytest.raises(error, match=message):
        optimizer.step(theta.copy())
    assert (theta == 1).all() and optimizer.t == 0 and not any(state.any() for state in optimizer.state)


def test_the_end_of_a_long_array_is_a_shorter_block(monkeypatch):
    monkeypatch.setattr(Optimizer, "BLOCK", BLOCK)
    met = []

    def watched(theta, g, t, *, lr=0.1):
        met.append(type(g))
        return (theta - lr * g,)

    Optimizer(watched, np.ones(2 * BLOCK - 1)).step(np.ones(2 * BLOCK - 1))
    assert met == [Recorded]


def alternating(theta, g, t, *, lr=0.1):
    if t % 2:
        return (theta - lr * (g + theta) * (theta * g),)
    return (theta - lr * np.where(g > theta, g - theta, (0.5 + t) * theta + g * (0.25 + t)),)


def test_short_arrays_are_kept_and_never_taken_for_others(monkeypatch):
    for mine, other in zip(*both(alternating, monkeypatch), strict=True):
        np.testing.assert_array_equal(mine, other)
    optimizer = Optimizer(alternating, np.ones(BLOCK))
    kept = []
    for _ in range(4):
        optimizer.step(np.ones(BLOCK))
        kept.append({key: id(array) for key, array in optimizer._scratch.items()})
    assert kept[0].items() < kept[1].items() and kept[1] == kept[2] == kept[3]
