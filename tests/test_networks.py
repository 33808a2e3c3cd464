"""Networks: losses and gradients against autograd and central differences, for one run and for several."""

import warnings
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data import load
from lib.models import ConvolutionalNetwork, LogisticRegression, Network, VariationalAutoencoder
from lib.models.convolution import patched, pool, unpatched, unpool
from lib.models.flat import dropped

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import autograd
    import autograd.numpy as anp

MODELS = {
    "logistic": LogisticRegression(6, 4, 0.3, dropout=0.3),
    "shallow": Network((6, 5, 4), 0.1, (0.2, 0.4)),
    "deep": Network((6, 5, 7, 3), 0.0, (0.2, 0.5)),
    "no hidden layer": Network((6, 4), 0.3),
    "convolutional": ConvolutionalNetwork((2, 5, 6), (3, 2), 4, 3, 0.1, (0.2, 0.5)),
    "one stage": ConvolutionalNetwork((1, 4, 4), (2,), 3, 2),
    "autoencoder": VariationalAutoencoder(6, 5, 3),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def batch(model, seed=0, n=5, runs=(), dtype=np.float64):
    """Random parameters, features in [0, 1] and labels."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(*runs, model.size)).astype(dtype)
    return theta, rng.random((n, model.features)).astype(dtype), rng.integers(0, getattr(model, "classes", 2), n)


def factors(rng, shape, share):
    """Dropout's factors, drawn as the models draw them."""
    return 1 if rng is None or share == 0 else (rng.random(shape, dtype=np.float32) >= share) / (1 - share)


def parts(model, theta):
    ends = np.cumsum([int(np.prod(shape)) for shape in model.shapes])
    return [anp.reshape(theta[end - int(np.prod(shape)) : end], shape) for end, shape in zip(ends, model.shapes)]


def cost(Z, y, layers, l2):
    P = anp.exp(Z) / anp.sum(anp.exp(Z), axis=1, keepdims=True)
    penalty = l2 / 2 * sum(anp.sum(W**2) for W in layers if W.ndim > 1)
    return -anp.mean(anp.log(P[np.arange(len(y)), y])) + penalty


def dense(layers, A, share, rng):
    Z = anp.dot(A, layers[0]) + layers[1]
    for W, b in zip(layers[2::2], layers[3::2]):
        A = anp.where(Z > 0, Z, 0) * factors(rng, Z.shape, share)
        Z = anp.dot(A, W) + b
    return Z


def plain_loss(model, theta, X, y, rng):
    """Each model's loss written down once more, example by example and pixel by pixel, for ``autograd``."""
    layers = parts(model, theta)
    if isinstance(model, VariationalAutoencoder):
        E = 0 if rng is None else rng.standard_normal((len(X), model.code))
        W1, b1, W2, b2, W3, b3, W4, b4, W5, b5 = layers
        H = anp.log(1 + anp.exp(X @ W1 + b1))
        M, S = H @ W2 + b2, H @ W3 + b3
        G = anp.log(1 + anp.exp((M + anp.exp(S) ** 0.5 * E) @ W4 + b4))
        L = G @ W5 + b5
        bits = X * anp.log(1 + anp.exp(-L)) + (1 - X) * anp.log(1 + anp.exp(L))
        return anp.mean(anp.sum(bits, axis=1) + anp.sum(M**2 + anp.exp(S) - 1 - S, axis=1) / 2)
    shares = model.dropout if isinstance(model.dropout, tuple) else (model.dropout, 0)
    X = X * factors(rng, X.shape, shares[0])
    if isinstance(model, ConvolutionalNetwork):
        stages = 2 * len(model.filters)
        images = anp.reshape(X, (len(X), *model.image))
        for W, b in zip(layers[:stages:2], layers[1:stages:2]):
            images = stage(images, W, b)
        return cost(dense(layers[stages:], anp.reshape(images, (len(X), -1)), shares[1], rng), y, layers, model.l2)
    return cost(dense(layers, X, shares[1], rng), y, layers, model.l2)


def stage(images, W, b):
    """Filter, pool, ReLU: a sum over the neighbours of each pixel that exist."""
    n, _, height, width = images.shape

    def at(i, j):
        near = [(p, q) for p, q in product(range(3), repeat=2) if 0 <= i + p - 1 < height and 0 <= j + q - 1 < width]
        return b + sum(anp.dot(images[:, :, i + p - 1, j + q - 1], W[:, :, p, q].T) for p, q in near)

    def largest(i, j):
        four = anp.stack([at(2 * i + p, 2 * j + q) for p, q in product(range(2), repeat=2)])
        return anp.maximum(anp.max(four, axis=0), 0)

    rows = [anp.stack([largest(i, j) for j in range(width // 2)], axis=-1) for i in range(height // 2)]
    return anp.stack(rows, axis=-2)


@every_model
@pytest.mark.parametrize("random", [False, True])
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 9999))
def test_loss_and_gradient_against_autograd(model, random, seed):
    def rng():
        return np.random.default_rng(seed) if random else None

    theta, X, y = batch(model, seed)
    value, gradient = autograd.value_and_grad(lambda at: plain_loss(model, at, X, y, rng()))(theta)
    assert np.isclose(model.loss(theta, X, y, rng()), value, rtol=1e-11)
    assert np.allclose(model.gradient(theta, X, y, rng()), gradient, rtol=1e-9, atol=1e-11)
    both = model.loss_and_gradient(theta, X, y, rng())
    assert both[0] == model.loss(theta, X, y, rng())
    assert np.array_equal(both[1], model.gradient(theta, X, y, rng()))


@every_model
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-8), (np.float32, 3e-5)])
def test_gradient_against_central_differences(model, dtype, tolerance):
    theta, X, y = batch(model, 1, dtype=dtype)
    h = 1e-6
    steps = h * np.eye(model.size)
    up, down = (np.array([model.loss(theta.astype(float) + sign * step, X, y, np.random.default_rng(3))
                          for step in steps]) for sign in (1, -1))  # fmt: skip
    gradient = model.gradient(theta, X, y, np.random.default_rng(3))
    assert gradient.dtype == dtype
    assert np.allclose(gradient, (up - down) / (2 * h), rtol=tolerance, atol=tolerance)


@every_model
@pytest.mark.parametrize("runs", [(1,), (3,), (2, 3)])
@pytest.mark.parametrize("random", [False, True])
def test_runs_are_the_loop(model, runs, random):
    theta, X, y = batch(model, runs=runs)

    def rng():
        return np.random.default_rng(7) if random else None

    losses, gradients = model.loss_and_gradient(theta, X, y, rng())
    assert losses.shape == runs and gradients.shape == theta.shape
    for run in np.ndindex(*runs):
        loss, gradient = model.loss_and_gradient(theta[run], X, y, rng())
        assert np.allclose(losses[run], loss, rtol=1e-12)
        assert np.allclose(gradients[run], gradient, rtol=1e-11, atol=1e-13)
    if hasattr(model, "accuracy"):
        assert np.array_equal(model.accuracy(theta, X, y)[run], model.accuracy(theta[run], X, y))


@every_model
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_theta_is_that_of_everything(model, dtype):
    theta, X, y = batch(model, dtype=dtype)
    for data in (X.astype(np.float32), X.astype(np.float64), (X * 255).astype(np.uint8)):
        loss, gradient = model.loss_and_gradient(theta, data, y, np.random.default_rng(0))
        assert loss.dtype == gradient.dtype == dtype
    assert model.start(0, dtype).dtype == dtype


@every_model
def test_nothing_given_is_changed(model):
    arrays = batch(model, runs=(2,))
    for array in arrays:
        array.flags.writeable = False
    model.loss_and_gradient(*arrays, np.random.default_rng(0))


@every_model
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_divergence_is_silent_and_shows(model, value):
    theta, X, y = batch(model)
    theta[:] = value
    theta[::2] *= -1
    loss, gradient = model.loss_and_gradient(theta, X, y)
    assert gradient.shape == theta.shape
    assert not np.isfinite(loss) or not np.isfinite(gradient).all() or loss > 100


@every_model
def test_layers_are_views_in_the_order_of_shapes(model):
    theta = np.zeros((3, model.size))
    layers = model.unpack(theta)
    assert [layer.shape for layer in layers] == [(3, *shape) for shape in model.shapes]
    for number, layer in enumerate(layers, 1):
        layer[...] = number
    assert np.all(np.diff(theta[0]) >= 0) and theta.min() == 1 and theta[0, -1] == len(layers)


@every_model
def test_a_start_is_that_of_its_seed(model):
    assert np.array_equal(model.start(3), model.start(3))
    assert not np.array_equal(model.start(3), model.start(4))


@pytest.mark.parametrize("model, spread", [
    (Network((400, 300, 10)), {0: (2 / 400) ** 0.5, 2: 300**-0.5}),
    (ConvolutionalNetwork((3, 8, 8), (50, 40), 200, 10), {0: (2 / 27) ** 0.5, 2: (2 / 450) ** 0.5, 4: (2 / 160) ** 0.5,
                                                          6: 200**-0.5}),
    (VariationalAutoencoder(300, 200, 100), {0: 300**-0.5, 2: 200**-0.5, 4: 200**-0.5, 6: 0.1, 8: 200**-0.5}),
])  # fmt: skip
def test_a_start_has_the_spread_of_its_source(model, spread):
    for number, layer in enumerate(model.unpack(model.start(0))):
        assert np.isclose(layer.std(), spread.get(number, 0), rtol=0.06)


def test_a_network_without_a_hidden_layer_is_logistic_regression():
    theta, X, y = batch(MODELS["no hidden layer"])
    for method in ("loss", "gradient", "accuracy"):
        same = getattr(LogisticRegression(6, 4, 0.3), method)(theta, X, y)
        assert np.array_equal(getattr(MODELS["no hidden layer"], method)(theta, X, y), same)


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    X = np.ones((300, 400))
    changed, by = dropped(X, 0.25, np.random.default_rng(0))
    assert np.array_equal(changed, by) and set(np.unique(changed)) == {0, 4 / 3}
    assert np.isclose((changed == 0).mean(), 0.25, atol=0.005)
    assert dropped(X, 0.25, None)[0] is X and dropped(X, 0, np.random.default_rng(0))[0] is X


def test_dropout_of_sparse_rows_is_that_of_its_values():
    X, y = load("foods").X_train[:30], load("foods").y_train[:30]
    changed, by = dropped(X, 0.5, np.random.default_rng(0))
    assert np.array_equal(changed.dense()[X.dense() != 0], X.dense()[X.dense() != 0] * by)
    model = LogisticRegression(10_000, 2, dropout=0.5)
    theta = np.random.default_rng(0).normal(size=model.size)
    dense = LogisticRegression(10_000, 2).gradient(theta, changed.dense(), y)
    assert np.allclose(model.gradient(theta, X, y, np.random.default_rng(0)), dense, rtol=1e-10, atol=1e-13)


def test_neighbourhoods_and_their_transpose():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 3, 4, 5, 6)), rng.normal(size=(2, 27, 120))
    assert np.isclose(np.sum(patched(A) * B), np.sum(A * unpatched(B, (4, 5, 6))), rtol=1e-12)


def test_equal_pixels_share_and_odd_ones_are_left_out():
    Z = np.array([[1.0, 2, 9], [2, 0, 9], [9, 9, 9]])[None, :, :, None]
    assert pool(Z).item() == 2
    assert np.array_equal(unpool(np.ones((1, 1, 1, 1)), Z, pool(Z))[0, :, :, 0], [[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])


WRONG = {
    "sizes": lambda: Network([3, 2]),
    "two widths": lambda: Network((3,)),
    "width in sizes must be a whole number >= 1, got 0": lambda: Network((3, 0, 2)),
    "classes": lambda: Network((3, 1)),
    "l2": lambda: Network((3, 2), l2=-1),
    "dropout": lambda: Network((3, 2), dropout=0.5),
    "share in dropout is 1": lambda: Network((3, 2), dropout=(0.0, 1)),
    "dropout is 1.5": lambda: LogisticRegression(3, 2, dropout=1.5),
    "image": lambda: ConvolutionalNetwork((14, 14), (8,), 4, 2),
    "filters": lambda: ConvolutionalNetwork((1, 14, 14), (), 4, 2),
    "no pixel": lambda: ConvolutionalNetwork((1, 14, 14), (8, 8, 8, 8), 4, 2),
    "hidden": lambda: ConvolutionalNetwork((1, 14, 14), (8,), 0, 2),
    "a number in image": lambda: ConvolutionalNetwork((1, 14, 2.5), (8,), 4, 2),
    "two shares": lambda: ConvolutionalNetwork((1, 14, 14), (8,), 4, 2, dropout=(0.5,)),
    "code": lambda: VariationalAutoencoder(6, 5, 0),
    "theta has dtype": lambda: MODELS["deep"].loss(np.zeros(MODELS["deep"].size, int), np.zeros((2, 6)), [0, 1]),
    "theta has shape": lambda: MODELS["deep"].loss(np.zeros(4), np.zeros((2, 6)), [0, 1]),
    "X has shape": lambda: MODELS["autoencoder"].loss(np.zeros(MODELS["autoencoder"].size), np.zeros((2, 5))),
    "X has dtype": lambda: MODELS["deep"].loss(np.zeros(MODELS["deep"].size), np.full((2, 6), "a"), [0, 1]),
    "y has": lambda: MODELS["deep"].loss(np.zeros(MODELS["deep"].size), np.zeros((2, 6)), [0, 9]),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_is_refused(words):
    with pytest.raises((TypeError, ValueError), match=words):
        WRONG[words]()


def test_a_start_needs_floats():
    with pytest.raises(TypeError, match="dtype is .*int64"):
        MODELS["deep"].start(0, np.int64)


@pytest.mark.parametrize("model, lr, accuracy", [
    (Network((196, 64, 10)), 0.2, 0.75),
    (ConvolutionalNetwork((1, 14, 14), (8, 16), 32, 10), 0.3, 0.7),
])  # fmt: skip
def test_sgd_teaches_a_network_fashion(model, lr, accuracy):
    data = load("fashion", np.float32)
    theta, rng = model.start(0, np.float32), np.random.default_rng(0)
    for rows in np.array_split(rng.permutation(10_000), 150):
        theta = theta - lr * model.gradient(theta, data.X_train[rows], data.y_train[rows])
    assert model.accuracy(theta, data.X_test, data.y_test) > accuracy


def test_sgd_teaches_an_autoencoder_fashion():
    data, model = load("fashion", np.float32), VariationalAutoencoder(196, 50, 5)
    theta, rng = model.start(0, np.float32), np.random.default_rng(0)
    before = model.loss(theta, data.X_test, rng=rng)
    for rows in np.array_split(rng.permutation(10_000), 100):
        theta = theta - 1e-3 * model.gradient(theta, data.X_train[rows], rng=rng)
    assert model.loss(theta, data.X_test, rng=rng) < 0.8 * before
