"""Models whose loss is a function of one flat vector of parameters, with gradients derived by hand.

An update rule knows one array ``theta``. So does a model here: its layers are views of slices of that array, and its
gradient is an array of the same shape. Every model is a frozen dataclass of its sizes with the same face:

- ``model.size``: the number of parameters; ``model.shapes``: the shapes of the layers, in their order in ``theta``;
- ``model.start(seed)``: a vector to begin with;
- ``model.unpack(theta)``: the layers, as views;
- ``model.loss(theta, X, y)`` and ``model.gradient(theta, X, y)``, for a batch of examples.

``theta`` may have leading axes of runs, shape (runs, size): one call then computes every run's loss or gradient on the
same batch. The dtype of ``theta`` is the dtype of the whole computation. A ``theta`` that has diverged gives an
infinite or NaN loss, silently: :mod:`lib.descent` says so.

The gradients are tested against automatic differentiation and central differences.
"""

from dataclasses import dataclass
from math import isfinite, prod
from numbers import Real

import numpy as np

from lib.data import SparseRows


@dataclass(frozen=True)
class LogisticRegression:
    """Multinomial logistic regression: scores linear in the features, and softmax makes them probabilities.

    Logits Z = XW + b, probabilities P = softmax(Z) row by row, loss = mean over the examples of −log P[i, y[i]],
    plus ``l2``/2 times the sum of the squared weights. The bias is not penalised. With ``l2 > 0`` the loss is strictly
    convex in W.

    ``features``: columns of ``X``, at least 1. ``classes``: at least 2. ``l2``: strength of the penalty, at least 0.
    ``theta`` holds W, of shape (features, classes), row by row, and then b, of shape (classes,).
    Raises ``TypeError`` or ``ValueError`` for other sizes.

    Source: Bishop 2006, section 4.3.4; Goodfellow et al. 2016, section 6.2.2.3. PyTorch: ``Linear`` with
    ``CrossEntropyLoss``; its ``weight`` is W transposed, and an optimizer's ``weight_decay`` shrinks the bias too.
    """

    features: int
    classes: int
    l2: float = 0.0

    def __post_init__(self):
        _check_count("features", self.features, 1)
        _check_count("classes", self.classes, 2)
        if not isinstance(self.l2, Real):
            raise TypeError(f"l2 is {self.l2!r}; it must be a number")
        if not (isfinite(self.l2) and self.l2 >= 0):
            raise ValueError(f"l2 is {self.l2!r}; allowed are finite numbers from 0")

    @property
    def shapes(self):
        """Shapes of W and b."""
        return (self.features, self.classes), (self.classes,)

    @property
    def size(self):
        """Number of parameters: (features + 1) · classes."""
        return sum(map(prod, self.shapes))

    def start(self, seed=None, dtype=np.float64):
        """Parameters to begin with, of shape (size,): zeros, which make every class equally likely.

        The loss there is log(classes). With a ``seed``, W is normal with standard deviation 1/√features, which turns
        features of size 1 into logits of size 1, and b is zero. ``dtype``: a floating type, else ``TypeError``.
        """
        theta = _check_theta(np.zeros(self.size, dtype), self.size)
        if seed is not None:
            W, _ = self.unpack(theta)
            W[...] = np.random.default_rng(seed).normal(0, self.features**-0.5, W.shape)
        return theta

    def unpack(self, theta):
        """The layers (W, b) as views of ``theta``, of shapes (…, features, classes) and (…, classes).

        Raises ``TypeError`` for integers, ``ValueError`` if the last axis is not ``size`` long.
        """
        return _views(_check_theta(theta, self.size), self.shapes)

    @np.errstate(over="ignore", invalid="ignore")
    def loss(self, theta, X, y):
        """Mean cross-entropy of a batch in nats, plus the penalty.

        ``theta``: shape (…, size). ``X``: shape (n, features), an array or :class:`lib.data.SparseRows`.
        ``y``: n integer labels from 0 to classes − 1.
        Returns one number for every run, shape (…), of the dtype of ``theta``.
        Raises ``TypeError`` or ``ValueError`` for arguments of other kinds or shapes.
        """
        theta, X, y = self._check(theta, X, y)
        W, _ = self.unpack(theta)
        Z = self._logits(theta, X)
        costs = np.log(np.exp(Z).sum(axis=-1)) - Z[..., np.arange(len(y)), y]
        return costs.mean(axis=-1) + (float(self.l2) / 2 * W * W).sum(axis=(-2, -1))

    @np.errstate(over="ignore", invalid="ignore")
    def gradient(self, theta, X, y):
        """Gradient of :meth:`loss`, of the shape and dtype of ``theta``; arguments and errors as there.

        One example's loss is log Σⱼ exp zⱼ − z_y. Its derivative by z_k is exp z_k / Σⱼ exp zⱼ − [k = y]: probabilities
        minus one-hot label. With these rows as D = (P − Y)/n, Z = XW + b gives ∂W = XᵀD + l2·W and ∂b = the
        column sums of D.
        Source: Bishop 2006, eq. 4.109, for the sum over the examples.
        """
        theta, X, y = self._check(theta, X, y)
        W, _ = self.unpack(theta)
        D = np.exp(self._logits(theta, X))
        D /= D.sum(axis=-1, keepdims=True)
        D[..., np.arange(len(y)), y] -= 1
        D /= len(y)
        gradient = np.empty_like(theta)
        dW, db = self.unpack(gradient)
        dW[...] = X.T @ D + self.l2 * W
        db[...] = D.sum(axis=-2)
        return gradient

    @np.errstate(over="ignore", invalid="ignore")
    def accuracy(self, theta, X, y):
        """Share of the examples whose label has the largest logit, from 0 to 1, for every run: shape (…), float64.

        Of equal logits the first counts. Arguments and errors as for :meth:`loss`.
        """
        theta, X, y = self._check(theta, X, y)
        return (self._logits(theta, X).argmax(axis=-1) == y).mean(axis=-1)

    def _logits(self, theta, X):
        """Logits, less the largest of their row: no probability changes, and no exponential overflows."""
        W, b = self.unpack(theta)
        Z = X @ W + b[..., None, :]
        return Z - Z.max(axis=-1, keepdims=True)

    def _check(self, theta, X, y):
        theta = _check_theta(theta, self.size)
        return theta, _check_features(X, self.features, theta.dtype), _check_labels(y, len(X), self.classes)


def _views(theta, shapes):
    """Views of consecutive slices of the last axis of ``theta``, one for each shape."""
    ends = np.cumsum([prod(shape) for shape in shapes])
    return tuple(
        theta[..., end - prod(shape) : end].reshape(*theta.shape[:-1], *shape) for end, shape in zip(ends, shapes)
    )


def _check_count(name, value, least):
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; it must be an integer")
    if value < least:
        raise ValueError(f"{name} is {value}; allowed are integers from {least}")


def _check_theta(theta, size):
    theta = np.asarray(theta)
    if not np.issubdtype(theta.dtype, np.floating):
        raise TypeError(f"theta has dtype {theta.dtype}; it must be a floating type: float32 or float64")
    if theta.shape[-1:] != (size,):
        raise ValueError(f"theta has shape {theta.shape}; its last axis must have the model's {size} parameters")
    return theta


def _check_features(X, features, dtype):
    X = X if isinstance(X, SparseRows) else np.asarray(X)
    if not (np.issubdtype(X.dtype, np.floating) or np.issubdtype(X.dtype, np.integer)):
        raise TypeError(f"X has dtype {X.dtype}; it must be real numbers")
    if X.ndim != 2 or X.shape[1] != features or not len(X):
        raise ValueError(f"X has shape {X.shape}; it must have at least one row and the model's {features} features")
    return X.astype(dtype, copy=False)


def _check_labels(y, n, classes):
    y = np.asarray(y)
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"y has dtype {y.dtype}; it must be integer labels")
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}; it must have one label for each of the {n} rows of X")
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(f"y has labels from {y.min()} to {y.max()}; allowed are 0 to {classes - 1}")
    return y
