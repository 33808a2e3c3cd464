"""Gradients are those of the loss, whatever the dtype, the batch and the number of runs."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data import load
from lib.models import LogisticRegression

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import autograd
    import autograd.numpy as anp

MODEL = LogisticRegression(features=6, classes=4, l2=0.3)


def batch(seed=0, model=MODEL, n=5, runs=(), dtype=np.float64):
    """Random parameters, features and labels."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(*runs, model.size)).astype(dtype)
    return theta, rng.normal(size=(n, model.features)).astype(dtype), rng.integers(0, model.classes, n)


def plain_loss(model, theta, X, y):
    """The loss written down once more, without care for overflow, for ``autograd``."""
    cut = model.features * model.classes
    W = anp.reshape(theta[:cut], (model.features, model.classes))
    P = anp.exp(anp.dot(X, W) + theta[cut:])
    P = P / anp.sum(P, axis=1, keepdims=True)
    return -anp.mean(anp.log(P[np.arange(len(y)), y])) + model.l2 / 2 * anp.sum(W**2)


@settings(deadline=None)
@given(
    seed=st.integers(0, 9999), features=st.integers(1, 8), classes=st.integers(2, 6), n=st.integers(1, 9),
    l2=st.sampled_from([0.0, 1e-4, 2.0]),
)  # fmt: skip
def test_loss_and_gradient_against_autograd(seed, features, classes, n, l2):
    model = LogisticRegression(features, classes, l2)
    theta, X, y = batch(seed, model, n)
    value, gradient = autograd.value_and_grad(lambda at: plain_loss(model, at, X, y))(theta)
    assert np.isclose(model.loss(theta, X, y), value, rtol=1e-12)
    assert np.allclose(model.gradient(theta, X, y), gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 2e-6)])
def test_gradient_against_central_differences(dtype, tolerance):
    theta, X, y = batch(1, dtype=dtype)
    at, h = theta.astype(np.float64), 1e-5
    steps = h * np.eye(MODEL.size)
    differences = (MODEL.loss(at + steps, X, y) - MODEL.loss(at - steps, X, y)) / (2 * h)
    assert np.allclose(MODEL.gradient(theta, X, y), differences, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data_dtype", [np.float32, np.float64, np.uint8])
def test_the_dtype_of_theta_is_kept(dtype, data_dtype):
    theta, X, y = batch(dtype=dtype)
    X = np.abs(X).astype(data_dtype)
    for model in (MODEL, LogisticRegression(6, 4, np.float64(0.3))):
        assert model.loss(theta, X, y).dtype == model.gradient(theta, X, y).dtype == dtype
        assert model.start(dtype=dtype).dtype == model.start(0, dtype).dtype == dtype


@settings(deadline=None)
@given(seed=st.integers(0, 9999), runs=st.sampled_from([(1,), (3,), (2, 3)]))
def test_runs_are_the_loop(seed, runs):
    theta, X, y = batch(seed, runs=runs)
    assert MODEL.loss(theta, X, y).shape == MODEL.accuracy(theta, X, y).shape == runs
    assert MODEL.gradient(theta, X, y).shape == theta.shape
    for run in np.ndindex(*runs):
        for method in (MODEL.loss, MODEL.gradient, MODEL.accuracy):
            assert np.allclose(method(theta, X, y)[run], method(theta[run], X, y), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("runs", [(), (3,)])
def test_sparse_features_are_dense_features(runs):
    data = load("foods")
    X, y = data.X_train[:20], data.y_train[:20]
    model = LogisticRegression(10_000, 2, l2=1e-3)
    theta = np.random.default_rng(0).normal(size=(*runs, model.size))
    for method in (model.loss, model.gradient, model.accuracy):
        assert np.allclose(method(theta, X, y), method(theta, X.dense(), y), rtol=1e-10, atol=1e-13)
    assert model.gradient(theta.astype(np.float32), X, y).dtype == np.float32


@pytest.mark.parametrize("classes", [2, 4, 10])
def test_zeros_know_nothing(classes):
    model = LogisticRegression(6, classes, l2=1.0)
    _, X, y = batch(model=model, n=50)
    theta = model.start()
    assert np.isclose(model.loss(theta, X, y), np.log(classes), rtol=1e-14)
    _, db = model.unpack(model.gradient(theta, X, y))
    assert np.allclose(db, 1 / classes - np.bincount(y, minlength=classes) / 50)
    assert model.accuracy(theta, X, y) == np.mean(y == 0)


def test_one_example_by_hand():
    """Logits (1, 0) and label 1: the loss is log(1 + e), the gradient by them (σ(1), −σ(1))."""
    model, s = LogisticRegression(1, 2), 1 / (1 + np.exp(-1))
    theta, X, y = np.array([0.5, 0.0, 0.0, 0.0]), np.array([[2.0]]), np.array([1])
    assert np.isclose(model.loss(theta, X, y), np.log1p(np.e), rtol=1e-15)
    assert np.allclose(model.gradient(theta, X, y), [2 * s, -2 * s, s, -s], rtol=1e-15)


def test_the_penalty_spares_the_bias():
    theta, X, y = batch()
    plain = LogisticRegression(6, 4)
    dW, db = MODEL.unpack(MODEL.gradient(theta, X, y) - plain.gradient(theta, X, y))
    W, _ = MODEL.unpack(theta)
    assert np.allclose(dW, 0.3 * W) and np.allclose(db, 0, atol=1e-15)
    assert np.isclose(MODEL.loss(theta, X, y) - plain.loss(theta, X, y), 0.15 * np.sum(W**2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_huge_logits(dtype, size):
    model = LogisticRegression(1, 3)
    theta = np.array([size, 0, 0, 0, 0, 0], dtype)
    X, y = np.ones((2, 1), dtype), np.array([0, 1])
    low, high = sorted([0.0, size])
    expected = (0 + high) / 2 if size > 0 else (-low + np.log(2) + np.log(2)) / 2
    assert np.isclose(model.loss(theta, X, y), expected, rtol=1e-6)
    gradient = model.gradient(theta, X, y)
    P = np.array([1, 0, 0]) if size > 0 else np.array([0, 0.5, 0.5])
    assert np.allclose(gradient, np.tile(P - [0.5, 0.5, 0], 2), atol=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_divergence_is_silent_and_shows(value):
    theta, X, y = batch()
    theta[:] = value
    theta[::2] *= -1
    assert not np.isfinite(MODEL.loss(theta, X, y))
    assert MODEL.gradient(theta, X, y).shape == theta.shape
    assert 0 <= MODEL.accuracy(theta, X, y) <= 1


@settings(deadline=None)
@given(st.integers(0, 9999), st.floats(0, 1))
def test_convex(seed, share):
    theta, X, y = batch(seed, runs=(2,))
    between = share * theta[0] + (1 - share) * theta[1]
    first, second = MODEL.loss(theta, X, y)
    assert MODEL.loss(between, X, y) <= share * first + (1 - share) * second + 1e-12


def test_unpack_gives_views():
    for theta in (MODEL.start(), np.zeros((3, MODEL.size)), np.zeros((MODEL.size, 3)).T):
        W, b = MODEL.unpack(theta)
        assert W.shape == (*theta.shape[:-1], 6, 4) and b.shape == (*theta.shape[:-1], 4)
        assert np.shares_memory(W, theta) and np.shares_memory(b, theta)
        W[..., 0, 1], b[..., -1] = 7, 8
        assert np.all(theta[..., 1] == 7) and np.all(theta[..., -1] == 8)
    assert MODEL.size == 28 and MODEL.shapes == ((6, 4), (4,))


def test_nothing_given_is_changed():
    given_arrays = batch(runs=(2,))
    for array in given_arrays:
        array.flags.writeable = False
    for method in (MODEL.loss, MODEL.gradient, MODEL.accuracy):
        method(*given_arrays)


def test_start():
    assert np.array_equal(MODEL.start(), np.zeros(28))
    assert np.array_equal(MODEL.start(3), MODEL.start(3)) and not np.array_equal(MODEL.start(3), MODEL.start(4))
    model = LogisticRegression(400, 10)
    W, b = model.unpack(model.start(0))
    assert np.isclose(W.std(), 1 / 20, rtol=0.05) and not b.any()


def test_accuracy_counts():
    model = LogisticRegression(2, 2)
    theta, X = np.array([1.0, 0, 0, 1, 0, 0]), np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    assert model.accuracy(theta, X, np.array([0, 1, 1, 1])) == 0.75


def test_sgd_learns_fashion():
    data = load("fashion", np.float32)
    model = LogisticRegression(196, 10, l2=1e-4)
    theta, rng = model.start(dtype=np.float32), np.random.default_rng(0)
    for _ in range(5):
        for rows in np.array_split(rng.permutation(10_000), 79):
            theta = theta - 0.3 * model.gradient(theta, data.X_train[rows], data.y_train[rows])
    assert theta.dtype == np.float32
    assert model.loss(theta, data.X_train, data.y_train) < 0.65
    assert model.accuracy(theta, data.X_test, data.y_test) >= 0.78


@pytest.mark.parametrize(
    "name, value, error, message",
    [
        ("theta", np.zeros(28, int), TypeError, "theta has dtype int64"),
        ("theta", np.zeros(28, complex), TypeError, "theta has dtype complex128"),
        ("theta", np.zeros(27), ValueError, r"theta has shape \(27,\).*28 parameters"),
        ("theta", np.zeros((28, 2)), ValueError, r"theta has shape \(28, 2\)"),
        ("theta", 1.0, ValueError, r"theta has shape \(\)"),
        ("X", np.zeros((5, 7)), ValueError, r"X has shape \(5, 7\).*6 features"),
        ("X", np.zeros(6), ValueError, r"X has shape \(6,\)"),
        ("X", np.zeros((0, 6)), ValueError, r"X has shape \(0, 6\).*at least one row"),
        ("X", 1.0, ValueError, r"X has shape \(\)"),
        ("X", np.zeros((5, 6), complex), TypeError, "X has dtype complex128"),
        ("X", np.full((5, 6), "a"), TypeError, "X has dtype <U1"),
        ("y", np.zeros(4, int), ValueError, r"y has shape \(4,\).*5 rows"),
        ("y", np.zeros((5, 1), int), ValueError, r"y has shape \(5, 1\)"),
        ("y", np.zeros(5), TypeError, "y has dtype float64"),
        ("y", np.zeros(5, bool), TypeError, "y has dtype bool"),
        ("y", np.array([0, 1, 2, 3, 4]), ValueError, "y has labels from 0 to 4; allowed are 0 to 3"),
        ("y", np.array([0, 1, 2, 3, -1]), ValueError, "y has labels from -1 to 3"),
    ],
)
@pytest.mark.parametrize("method", ["loss", "gradient", "accuracy"])
def test_bad_batch(method, name, value, error, message):
    arguments = dict(zip(("theta", "X", "y"), batch())) | {name: value}
    with pytest.raises(error, match=message):
        getattr(MODEL, method)(**arguments)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((0, 3), ValueError, "features must be a whole number >= 1, got 0"),
        ((3, 1), ValueError, "classes must be a whole number >= 2, got 1"),
        ((2.0, 3), ValueError, "features must be a whole number >= 1, got 2.0"),
        ((2, True), ValueError, "classes must be a whole number >= 2, got True"),
        ((2, 3, -1e-3), ValueError, "l2 is -0.001; allowed"),
        ((2, 3, np.inf), ValueError, "l2 is inf"),
        ((2, 3, np.nan), ValueError, "l2 is nan"),
        ((2, 3, "much"), TypeError, "l2 is 'much'"),
    ],
)
def test_bad_sizes(arguments, error, message):
    with pytest.raises(error, match=message):
        LogisticRegression(*arguments)


def test_start_and_unpack_refuse_integers():
    with pytest.raises(TypeError, match="dtype is .*int"):
        MODEL.start(dtype=int)
    with pytest.raises(TypeError, match="theta has dtype int"):
        MODEL.unpack(np.zeros(28, int))
