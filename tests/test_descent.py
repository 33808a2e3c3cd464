"""descend and Optimizer: closed forms, sweep == loop, blocked == whole, and what cannot be meant."""

import numpy as np
import pytest

from lib.descent import Diverged, Optimizer, Schedule, descend, generator
from lib.losses import LOSSES, bowl, rosenbrock, valley
from lib.rules import RULES, adam, lion, momentum, nesterov, sgd

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def by_hand(rule, grad, theta, steps, **hyper):
    """The driver in its three lines."""
    theta, state = np.array(theta), [np.zeros(len(theta))] * (rule.__code__.co_argcount - 3)
    path = [theta]
    for t in range(1, steps + 1):
        theta, *state = rule(theta, grad(theta), t, *state, **hyper)
        path.append(theta)
    return np.array(path)


@every_rule
def test_descend_is_the_loop(rule):
    path = descend(rule, rosenbrock.gradient, rosenbrock.start, 60, lr=1e-4)
    assert path.shape == (61, 2)
    np.testing.assert_array_equal(path, by_hand(rule, rosenbrock.gradient, rosenbrock.start, 60, lr=1e-4))


def test_gradient_descent_in_closed_form():
    path = descend(sgd, valley.gradient, [3.0, 1.0], 40, lr=0.05)
    t = np.arange(41)[:, None]
    np.testing.assert_allclose(path, np.array([3.0, 1.0]) * (1 - 0.05 * np.array([1, 25])) ** t, rtol=1e-12, atol=1e-15)


@every_rule
def test_a_sweep_is_the_loop(rule):
    rates = np.geomspace(1e-5, 1e-3, 7)
    sweep = descend(rule, rosenbrock.gradient, rosenbrock.start, 50, lr=rates)
    assert sweep.shape == (51, 7, 2)
    for run, lr in enumerate(rates):
        alone = descend(rule, rosenbrock.gradient, rosenbrock.start, 50, lr=lr)
        np.testing.assert_allclose(sweep[:, run], alone, rtol=1e-9, atol=1e-12)


def test_a_grid_of_two_hyper_parameters():
    rates, mus = np.array([[0.01], [0.02]]), np.array([0.0, 0.5, 0.9])
    grid = descend(momentum, valley.gradient, valley.start, 30, lr=rates, mu=mus)
    assert grid.shape == (31, 2, 3, 2)
    alone = descend(momentum, valley.gradient, valley.start, 30, lr=0.02, mu=0.5)
    np.testing.assert_allclose(grid[:, 1, 1], alone, rtol=1e-12)


def test_many_starts_and_one_rate_each():
    starts = np.array([[1.0, 1.0], [2.0, 3.0], [0.0, -1.0]])
    paths = descend(sgd, bowl.gradient, starts, 5, lr=np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(paths[-1], starts * (1 - np.array([[0.1], [0.2], [0.3]])) ** 5)


def test_a_schedule_is_a_function_of_t():
    path = descend(sgd, lambda theta: np.ones_like(theta), [0.0], 4, lr=lambda t: 1 / t)
    np.testing.assert_allclose(path[:, 0], -np.cumsum([0, 1, 1 / 2, 1 / 3, 1 / 4]))
    swept = descend(sgd, lambda theta: np.ones_like(theta), [0.0], 4, lr=lambda t: np.array([1.0, 2.0]) / t)
    np.testing.assert_allclose(swept[-1, :, 0], [-25 / 12, -25 / 6])


def test_a_scalar_parameter():
    np.testing.assert_allclose(descend(sgd, lambda theta: 2 * theta, 1.0, 3, lr=0.25), [1, 0.5, 0.25, 0.125])
    assert descend(sgd, lambda theta: 2 * theta, 1.0, 3, lr=[0.1, 0.2]).shape == (4, 2)


def test_a_stochastic_gradient_has_a_seed():
    noisy = bowl.noisy(0.5)
    first, again, other = (descend(sgd, noisy, bowl.start, 50, seed=seed, lr=0.1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    rng, theta = generator(1), np.array(bowl.start)
    for expected in first[1:]:
        theta = theta - 0.1 * noisy(theta, rng)
        np.testing.assert_allclose(theta, expected)


def test_all_runs_of_a_sweep_see_the_same_noise():
    sweep = descend(sgd, bowl.noisy(1.0), bowl.start, 20, seed=4, lr=np.array([0.1, 0.1]))
    np.testing.assert_array_equal(sweep[:, 0], sweep[:, 1])


@pytest.mark.parametrize(
    ("parameters", "runs", "axis"),
    [((2,), (50,), 1), ((50,), (2,), 2), ((2,), (2,), 2), ((5,), (3, 4), 2), ((20,), (3, 4), 3), ((3,), (), 1)],
)
def test_the_longer_of_parameters_and_runs_lies_innermost(parameters, runs, axis):
    path = descend(sgd, lambda theta: theta, np.ones(parameters), 2, lr=np.full(runs, 0.1))
    assert path.shape == (3, *runs, *parameters)
    assert path.strides[axis] == path.itemsize


def test_gradients_of_other_real_numbers_are_taken():
    for kind in (np.float32, np.int64, np.bool_):
        path = descend(sgd, lambda theta, kind=kind: np.ones(2, kind), [1.0, 2.0], 1, lr=0.5)
        np.testing.assert_array_equal(path[-1], [0.5, 1.5])


def test_a_hyper_parameter_of_ones_own_is_any_finite_number():
    def shifted(theta, g, t, *, shift=0.0):
        return (theta + shift,)

    np.testing.assert_array_equal(descend(shifted, bowl.gradient, [1.0, 2.0], 1, shift=-3.5)[-1], [-2.5, -1.5])
    with pytest.raises(ValueError, match="shift must be finite, got inf"):
        descend(shifted, bowl.gradient, [1.0, 2.0], 1, shift=np.inf)


def test_a_rule_that_sums_its_parameters_is_refused():
    def summed(theta, g, t, m, *, lr=0.1):
        return (theta - lr * g).sum(), m

    with pytest.raises(ValueError, match=r"summed made theta of shape \(\) from \(2,\)"):
        descend(summed, bowl.gradient, [1.0, 2.0], 1)


def test_a_schedule_begins_with_step_1():
    asked = []
    Schedule(sgd, {"lr": lambda t: asked.append(t) or 0.1})
    assert asked == [1]


def test_an_array_of_hyper_parameters_has_an_axis_for_the_parameters():
    assert Schedule(sgd, {"lr": [0.1, 0.2, 0.3]}).shape == (3, 1)


@pytest.mark.parametrize("seed", [0, 1, 2**31 + 1, 2**32 - 1, np.int64(7)])
def test_a_generator_takes_every_seed_that_has_32_bits(seed):
    expected = np.random.RandomState(seed).random_sample(3)
    np.testing.assert_array_equal(generator(seed).random(3), expected)


@pytest.mark.parametrize("seed", [-1, 2**32, True, 1.0, "1", None])
def test_a_generator_takes_nothing_else(seed):
    with pytest.raises(ValueError, match="seed must be a whole number from 0"):
        generator(seed)


@every_rule
def test_the_path_keeps_the_dtype(rule):
    for shape in ((2,), (3, 2)):
        path = descend(rule, rosenbrock.gradient, np.full(shape, 0.3, np.float32), 5, lr=1e-4)
        assert path.dtype == np.float32 and np.isfinite(path).all()


def test_a_gradient_that_is_no_python_function():
    np.testing.assert_array_equal(descend(sgd, np.sign, [1.0, -2.0], 2, lr=1.0), [[1, -2], [0, -1], [0, 0]])


def test_no_steps():
    np.testing.assert_array_equal(descend(adam, bowl.gradient, [1.0, 2.0], 0), [[1.0, 2.0]])


def test_the_start_is_not_changed():
    theta = np.array([1.0, 2.0])
    path = descend(sgd, bowl.gradient, theta, 3)
    path[0] = 99
    np.testing.assert_array_equal(theta, [1.0, 2.0])


def test_divergence_stops_with_the_step_and_keeps_the_path():
    with pytest.raises(Diverged, match="diverged at step 6: the gradient became NaN or infinite") as caught:
        descend(sgd, rosenbrock.gradient, rosenbrock.start, 500, lr=0.05)
    assert caught.value.step == 6 and caught.value.path.shape == (6, 2) and np.isfinite(caught.value.path).all()
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(rosenbrock.gradient(caught.value.path[-1])).all()


def test_divergence_of_the_parameters_alone():
    with pytest.raises(Diverged, match="the parameters became NaN or infinite") as caught:
        descend(sgd, lambda theta: -np.ones(2), [1e308, 0.0], 5, lr=1e308)
    assert caught.value.step == 1 and caught.value.path.tolist() == [[1e308, 0.0]]
    assert " runs" not in str(caught.value)


def test_divergence_recorded():
    path = descend(sgd, rosenbrock.gradient, rosenbrock.start, 50, lr=[1e-3, 0.05], on_divergence="record")
    assert path.shape == (51, 2, 2) and np.isfinite(path[:, 0]).all() and not np.isfinite(path[-1, 1]).any()
    with pytest.raises(Diverged, match=r"in 1 runs, the first at index \(1,\)"):
        descend(sgd, rosenbrock.gradient, rosenbrock.start, 50, lr=[1e-3, 0.05])
    with pytest.raises(Diverged, match=r"in 2 runs, the first at index \(0, 1\)"):
        descend(sgd, rosenbrock.gradient, rosenbrock.start, 50, lr=[[1e-3, 0.05, 0.05]])


def test_a_large_finite_gradient_is_no_divergence():
    path = descend(lion, lambda theta: np.full(2, 1.7e308), [0.0, 0.0], 3, lr=1.0, beta1=0.0, beta2=0.0)
    np.testing.assert_array_equal(path[-1], [-3, -3])


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (dict(lr=-0.1), ValueError, "lr must be finite and lie in [0, inf), got -0.1"),
        (dict(lr=float("nan")), ValueError, "lr must be"),
        (dict(lr=float("inf")), ValueError, "lr must be"),
        (dict(lr=[0.1, -1]), ValueError, "got [0.1, -1]"),
        (dict(lr="fast"), TypeError, "lr must be a number, an array of numbers or a function of t; got 'fast'"),
        (dict(lr=lambda t: 1 - t), ValueError, "lr must be"),
        (dict(lr=True), TypeError, "lr must be a number"),
        (dict(lr="0.1"), TypeError, "lr must be a number"),
        (dict(lr=10**400), ValueError, "lr must be finite"),
        (dict(lr=[0.1, 0.2], eps=[1e-8] * 3), ValueError, "one value a run; got the shapes {'lr': (2,), 'eps': (3,)}"),
        (dict(lr=np.ones((2, 3)), eps=[1e-8] * 4), ValueError, "got the shapes {'lr': (2, 3), 'eps': (4,)}"),
        (dict(theta=np.zeros((5, 3)), lr=np.full((4, 2), 0.1)), ValueError, "theta of shape (5, 3) and hyper-parameters of shape (4, 2)"),
        (dict(theta=[[1.0], [1.0, 2.0]]), TypeError, "rows of one length"),
        (dict(grad=lambda theta: [[1.0], [1.0, 2.0]]), TypeError, "the gradient must be an array, with rows of one length"),
        (dict(grad=lambda theta: np.array([1j, 1])), TypeError, "the gradient must hold real numbers, got complex128"),
        (dict(grad=max), ValueError, "the gradient must have the shape of theta, (2,); got ()"),
        (dict(beta1=1.0), ValueError, "beta1 must be finite and lie in [0, 1), got 1.0"),
        (dict(beta2=-0.1), ValueError, "beta2 must be"),
        (dict(eps=-1e-8), ValueError, "eps must be"),
        (dict(beta_1=0.9), TypeError, "no hyper-parameter 'beta_1'; did you mean 'beta1'? It has lr, beta1, beta2, eps."),
        (dict(beta=0.9), TypeError, "no hyper-parameter 'beta'; did you mean 'beta2'? It has"),
        (dict(nonsense=1), TypeError, "It has lr, beta1, beta2, eps"),
        (dict(theta=[1, 2]), TypeError, "theta must hold floating-point numbers"),
        (dict(theta=[1.0, np.nan]), ValueError, "theta must be finite"),
        (dict(theta=np.zeros((3, 2)), lr=[0.1, 0.2]), ValueError, "do not broadcast"),
        (dict(steps=-1), ValueError, "steps must be a whole number >= 0, got -1"),
        (dict(steps=2.5), ValueError, "steps must be"),
        (dict(seed=-1), ValueError, "seed must be"),
        (dict(on_divergence="ignore"), ValueError, "on_divergence must be"),
        (dict(grad=lambda theta: np.zeros(3)), ValueError, "the gradient must have the shape of theta, (2,); got (3,)"),
        (dict(grad=bowl.noisy(0.1)), TypeError, "grad must be callable as grad(theta), but it is grad(theta, rng)"),
        (dict(grad=lambda theta: theta, seed=1), TypeError, "with a seed it is called as grad(theta, rng)"),
        (dict(grad=np.zeros(2)), TypeError, "grad must be a function"),
        (dict(rule=lambda g, theta, t: theta), TypeError, "a rule starts with the arguments theta, g, t"),
    ],
)
def test_bad_input(arguments, error, words):
    given = dict(rule=adam, grad=bowl.gradient, theta=[1.0, 2.0], steps=3) | arguments
    with pytest.raises(error) as caught:
        descend(**given)
    assert words in str(caught.value)


def test_a_schedule_is_checked_at_every_step():
    with pytest.raises(ValueError, match="lr must be"):
        descend(sgd, bowl.gradient, [1.0, 2.0], 10, lr=lambda t: 3 - t)


def test_a_rule_that_returns_too_little():
    def short(theta, g, t, m, *, lr=0.1):
        return (theta - lr * g,)

    with pytest.raises(ValueError, match="short takes 1 states and returns 0"):
        descend(short, bowl.gradient, [1.0, 2.0], 3)


@every_rule
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_blocked_is_whole(rule, dtype, monkeypatch):
    monkeypatch.setattr(Optimizer, "BLOCK", 7)
    rng = np.random.default_rng(2)
    start, gradients = rng.standard_normal((4, 5)).astype(dtype), rng.standard_normal((6, 4, 5)).astype(dtype)
    theta, whole = start.copy(), start
    optimizer = Optimizer(rule, theta, lr=0.1)
    state = [np.zeros_like(start) for _ in optimizer.state]
    for t, g in enumerate(gradients, 1):
        optimizer.step(g)
        whole, *state = (array.astype(dtype) for array in rule(whole, g, t, *state, lr=0.1))
    np.testing.assert_array_equal(theta, whole)
    for mine, other in zip(optimizer.state, state):
        np.testing.assert_array_equal(mine, other)
    assert optimizer.t == 6 and optimizer.theta is theta


def test_optimizer_is_descend():
    theta = np.array(rosenbrock.start)
    optimizer = Optimizer(nesterov, theta, lr=lambda t: 1e-3 / t, mu=0.5)
    for _ in range(20):
        optimizer.step(rosenbrock.gradient(theta))
    path = descend(nesterov, rosenbrock.gradient, rosenbrock.start, 20, lr=lambda t: 1e-3 / t, mu=0.5)
    np.testing.assert_allclose(theta, path[-1], rtol=1e-14)


def test_optimizer_bad_input_changes_nothing():
    theta = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match="theta must be a NumPy array"):
        Optimizer(sgd, [1.0, 2.0])
    with pytest.raises(TypeError, match="floating-point"):
        Optimizer(sgd, np.array([1, 2]))
    with pytest.raises(ValueError, match="writeable and contiguous"):
        Optimizer(sgd, np.zeros((4, 4))[:, ::2])
    with pytest.raises(ValueError, match="For a sweep use descend"):
        Optimizer(sgd, theta, lr=[0.1, 0.2])
    optimizer = Optimizer(adam, theta)
    with pytest.raises(ValueError, match=r"shape of theta, \(2,\); got \(3,\)"):
        optimizer.step(np.zeros(3))
    assert optimizer.t == 0 and theta.tolist() == [1.0, 2.0] and not optimizer.state[0].any()


def test_every_loss_is_descended():
    for loss in LOSSES.values():
        path = descend(adam, loss.gradient, loss.start, 300, lr=0.02)
        assert loss(path[-1]) < loss(path[0])
