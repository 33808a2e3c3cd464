"""What the models share: layers as views of a flat vector, and checks of what is given."""

from math import prod
from numbers import Real
from sys import float_info

import numpy as np

from lib.arguments import whole
from lib.data import SparseRows


class Flat:
    """A model with parameters in one flat vector. A subclass has ``shapes`` and ``_loss_and_gradient``."""

    @property
    def size(self):
        """Number of parameters."""
        return sum(map(prod, self.shapes))

    def unpack(self, theta):
        """The layers as views of ``theta``, one for each of ``shapes``, after the axes of runs.

        Raises ``TypeError`` for integers, ``ValueError`` if the last axis is not ``size`` long.
        """
        theta = check_theta(theta, self.size)
        ends = np.cumsum([prod(shape) for shape in self.shapes])
        return tuple(
            theta[..., end - prod(shape) : end].reshape(*theta.shape[:-1], *shape)
            for end, shape in zip(ends, self.shapes)
        )

    def loss(self, theta, X, y=None, rng=None):
        """The loss of a batch, one number for every run, of the dtype of ``theta``: see the class.

        Raises ``TypeError`` or ``ValueError`` for arguments of other kinds or shapes.
        """
        return self._loss_and_gradient(theta, X, y, rng, False)[0]

    def gradient(self, theta, X, y=None, rng=None):
        """Gradient of :meth:`loss`, of the shape and dtype of ``theta``; arguments and errors as there."""
        return self._loss_and_gradient(theta, X, y, rng, True)[1]

    def loss_and_gradient(self, theta, X, y=None, rng=None):
        """Both, at the price of the gradient: arguments and errors as for :meth:`loss`."""
        return self._loss_and_gradient(theta, X, y, rng, True)


def random_start(model, fans, seed, dtype):
    """A vector with normal weights of variance gain/fan-in, and zero biases.

    ``fans``: for each layer its gain/fan-in, or None for a bias. Raises ``TypeError`` for a dtype that is not floating,
    ``ValueError`` for a seed that is no whole number from 0.
    """
    theta = nowhere(model.size, dtype)
    rng = np.random.default_rng(whole("seed", seed))
    for layer, fan in zip(model.unpack(theta), fans):
        if fan is not None:
            layer[...] = rng.normal(0, fan**0.5, layer.shape)
    return theta


def nowhere(size, dtype):
    """A vector of ``size`` zeros. Raises ``TypeError`` for a dtype that is not floating."""
    try:
        return check_theta(np.zeros(size, dtype), size)
    except (TypeError, ValueError):
        raise TypeError(f"dtype is {dtype!r}; it must be a floating type: float32 or float64") from None


def dropped(X, rate, rng):
    """Dropout: each value of ``X`` is zero with probability ``rate``, and divided by 1 − rate otherwise.

    The mean stays, so that nothing changes in a test. ``X`` is an array or :class:`lib.data.SparseRows`. Returns the
    new ``X`` and its factors, or ``X`` itself and 1 where ``rng`` is None or ``rate`` is 0.
    Source: Srivastava et al. 2014, section 10 ("inverted" form).
    """
    if rng is None or rate == 0:
        return X, 1
    values = X.data if isinstance(X, SparseRows) else X
    factors = (rng.random(values.shape, dtype=np.float32) >= rate).astype(values.dtype)
    factors /= 1 - rate
    if isinstance(X, SparseRows):
        return SparseRows(values * factors, X.indices, X.indptr, X.columns), factors
    return X * factors, factors


def check_share(name, value):
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; it must be a number")
    if not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}; allowed are numbers from 0, below 1")


def check_dropout(dropout):
    if not isinstance(dropout, tuple) or len(dropout) != 2:
        raise TypeError(f"dropout is {dropout!r}; it must be two shares, of the features and of hidden units")
    for share in dropout:
        check_share("a share in dropout", share)


def check_penalty(l2):
    if not isinstance(l2, Real) or isinstance(l2, bool):
        raise TypeError(f"l2 is {l2!r}; it must be a number")
    if not 0 <= l2 <= float_info.max:
        raise ValueError(f"l2 is {l2!r}; allowed are finite numbers from 0")


def as_array(name, value):
    try:
        return np.asarray(value)
    except ValueError:
        raise TypeError(f"{name} is {value!r}; it must be an array, with rows of one length") from None


def check_theta(theta, size):
    theta = as_array("theta", theta)
    if not np.issubdtype(theta.dtype, np.floating):
        raise TypeError(f"theta has dtype {theta.dtype}; it must be a floating type: float32 or float64")
    if theta.shape[-1:] != (size,):
        raise ValueError(f"theta has shape {theta.shape}; its last axis must have the model's {size} parameters")
    return theta


def check_features(X, features, dtype, sparse=False):
    X = X if sparse and isinstance(X, SparseRows) else as_array("X", X)
    if not (np.issubdtype(X.dtype, np.floating) or np.issubdtype(X.dtype, np.integer)):
        raise TypeError(f"X has dtype {X.dtype}; it must be real numbers")
    if X.ndim != 2 or X.shape[1] != features or not len(X):
        raise ValueError(f"X has shape {X.shape}; it must have at least one row and the model's {features} features")
    return X.astype(dtype, copy=False)


def check_labels(y, n, classes):
    y = as_array("y", y)
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"y has dtype {y.dtype}; it must be integer labels")
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}; it must have one label for each of the {n} rows of X")
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(f"y has labels from {y.min()} to {y.max()}; allowed are 0 to {classes - 1}")
    return y
