"""Multinomial logistic regression."""

from dataclasses import dataclass

import numpy as np

from ..arguments import whole
from .classifier import Classifier
from .flat import check_penalty, check_share, dropped, nowhere, random_start


@dataclass(frozen=True)
class LogisticRegression(Classifier):
    """Multinomial logistic regression: scores linear in the features, and softmax makes them probabilities.

    Logits Z = XW + b, probabilities P = softmax(Z) row by row, loss = mean over the examples of −log P[i, y[i]], in
    nats, plus ``l2``/2 times the sum of the squared weights. The bias is not penalised. With ``l2 > 0`` the loss is
    strictly convex in W. With D = (P − Y)/n for the one-hot labels Y, ∂W = XᵀD + l2·W, and ∂b is the column sums of D.

    ``features``: columns of ``X``, at least 1. ``classes``: at least 2. ``l2``: strength of the penalty, at least 0.
    ``dropout``: share of the features that is zero where ``rng`` is given.
    ``theta`` holds W, of shape (features, classes), row by row, and then b, of shape (classes,); with axes of runs in
    front the loss has their shape. ``X``: shape (n, features), an array or :class:`lib.data.SparseRows`. ``y``: n
    integer labels from 0 to classes − 1.
    Raises ``TypeError`` or ``ValueError`` for other sizes.

    Source: Bishop 2006, section 4.3.4; Goodfellow et al. 2016, section 6.2.2.3. PyTorch: ``Linear`` with
    ``CrossEntropyLoss``; its ``weight`` is W transposed, and an optimizer's ``weight_decay`` shrinks the bias too.
    """

    features: int
    classes: int
    l2: float = 0.0
    dropout: float = 0.0

    sparse = True

    def __post_init__(self):
        whole("features", self.features, 1)
        whole("classes", self.classes, 2)
        check_penalty(self.l2)
        check_share("dropout", self.dropout)

    @property
    def shapes(self):
        """Shapes of W and b."""
        return (self.features, self.classes), (self.classes,)

    def start(self, seed=None, dtype=np.float64):
        """Parameters to begin with, of shape (size,): zeros, which make every class equally likely.

        The loss there is log(classes). With a ``seed``, W is normal with standard deviation 1/√features, which turns
        features of size 1 into logits of size 1, and b is zero. ``dtype``: a floating type, else ``TypeError``.
        """
        if seed is None:
            return nowhere(self.size, dtype)
        return random_start(self, (1 / self.features, None), seed, dtype)

    def _forward(self, layers, X, rng):
        W, b = layers
        X, _ = dropped(X, self.dropout, rng)
        return X @ W + b[..., None, :], X

    def _backward(self, layers, X, D, dlayers):
        dW, db = dlayers
        dW[...] = X.T @ D
        db[...] = D.sum(axis=-2)
