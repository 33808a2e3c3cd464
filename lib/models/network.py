"""A network of fully connected layers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..arguments import whole
from .classifier import Classifier
from .flat import check_dropout, check_penalty, dropped, random_start


@dataclass(frozen=True)
class Network(Classifier):
    """A multilayer network: layers of ReLUs, then softmax.

    A₀ = X, A_k = max(0, A_{k−1}W_k + b_k) for each hidden layer, logits Z = A_K W + b; the loss is as for
    :class:`LogisticRegression`, which is this network without a hidden layer. Backwards, the derivative of a layer's
    input is D_{k−1} = (D_k W_kᵀ) ⊙ [A_{k−1} > 0], and ∂W_k = A_{k−1}ᵀD_k.

    ``sizes``: width of each layer, features first and classes last, as (196, 100, 100, 10). ``l2``: strength of the
    penalty on the weights. ``dropout``: shares of the features, and of each hidden layer, that are zero where ``rng``
    is given; (0, 0) for none. ``theta`` holds W₁, b₁, W₂, b₂, …; W is of shape (inputs, outputs).
    ``X``: shape (n, features). ``y``: n integer labels. Raises ``TypeError`` or ``ValueError`` for other sizes.

    Source: Goodfellow et al. 2016, algorithms 6.3 and 6.4; dropout: Srivastava et al. 2014.
    """

    sizes: tuple[int, ...]
    l2: float = 0.0
    dropout: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self):
        if not isinstance(self.sizes, tuple) or len(self.sizes) < 2:
            raise TypeError(f"sizes is {self.sizes!r}; it must be a tuple of at least two widths")
        for width in self.sizes:
            whole("a width in sizes", width, 1)
        whole("the number of classes, last in sizes,", self.classes, 2)
        check_penalty(self.l2)
        check_dropout(self.dropout)

    @property
    def features(self):
        """Columns of ``X``."""
        return self.sizes[0]

    @property
    def classes(self):
        """Number of classes."""
        return self.sizes[-1]

    @property
    def shapes(self):
        """Shapes of W₁, b₁, W₂, b₂, …"""
        return tuple(shape for pair in pairwise(self.sizes) for shape in (pair, pair[1:]))

    def start(self, seed, dtype=np.float64):
        """Parameters to begin with, of shape (size,): W normal with variance 2/inputs, the last 1/inputs, b zero.

        Source: He et al. 2015, eq. 10. ``dtype``: a floating type, else ``TypeError``.
        """
        gains = [2.0] * (len(self.sizes) - 2) + [1.0]
        fans = [fan for gain, width in zip(gains, self.sizes) for fan in (gain / width, None)]
        return random_start(self, fans, seed, dtype)

    def _forward(self, layers, X, rng):
        A, _ = dropped(X, self.dropout[0], rng)
        return through(layers, A, self.dropout[1], rng)

    def _backward(self, layers, tape, D, dlayers):
        back(layers, tape, D, dlayers, False)


def through(layers, A, rate, rng):
    """Fully connected layers W, b, W, b, …, with ReLU and dropout before every one but the first.

    ``A``: shape (…, n, inputs). Returns the last outputs and, for each layer, its inputs and the factors that made them.
    """
    tape = []
    for i in range(0, len(layers), 2):
        factors = 1
        if i:
            A = np.maximum(Z, 0)
            factors = dropped(np.ones(A.shape[-2:], A.dtype), rate, rng)[1]
            A = A * factors if rng is not None and rate else A
        tape.append((A, factors))
        Z = A @ layers[i] + layers[i + 1][..., None, :]
    return Z, tape


def back(layers, tape, D, dlayers, to_inputs):
    """Write the derivatives by the layers of :func:`through` into ``dlayers``, given those by its outputs.

    Returns the derivatives by its inputs, or None unless ``to_inputs``.
    """
    for i in reversed(range(0, len(layers), 2)):
        A, factors = tape[i // 2]
        np.matmul(np.swapaxes(A, -1, -2), D, out=dlayers[i])
        dlayers[i + 1][...] = D.sum(axis=-2)
        if i or to_inputs:
            D = D @ np.swapaxes(layers[i], -1, -2)
        if i:
            D *= A > 0
            D *= factors
    return D if to_inputs else None
