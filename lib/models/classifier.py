"""What models that classify share: softmax and cross-entropy on their logits."""

import numpy as np

from .flat import Flat, check_features, check_labels, check_theta


class Classifier(Flat):
    """A model whose logits softmax makes probabilities.

    A subclass has ``features``, ``classes``, ``l2``, and two functions, of which the second takes what the first kept:
    ``_forward(layers, X, rng)`` returns logits, shape (…, n, classes), and a tape; ``_backward(layers, tape, D, dlayers)``
    writes the derivatives by the layers, given those by the logits. ``l2``/2 times the sum of the squared weights is
    added to the loss; a layer of one axis is a bias, and not penalised.
    """

    sparse = False

    @np.errstate(over="ignore", invalid="ignore")
    def _loss_and_gradient(self, theta, X, y, rng, backward):
        theta, X, y = self._check(theta, X, y)
        layers = self.unpack(theta)
        Z, tape = self._forward(layers, X, rng)
        weights = [i for i, shape in enumerate(self.shapes) if len(shape) > 1]
        axes = [tuple(range(-len(self.shapes[i]), 0)) for i in weights]
        l2 = float(self.l2)
        loss, D = cross_entropy(Z, y, backward)
        loss += sum((l2 / 2 * layers[i] * layers[i]).sum(axis=axis) for i, axis in zip(weights, axes)) if l2 else 0
        if not backward:
            return loss, None
        gradient = np.empty_like(theta)
        dlayers = self.unpack(gradient)
        self._backward(layers, tape, D, dlayers)
        for i in weights if l2 else ():
            dlayers[i][...] += l2 * layers[i]
        return loss, gradient

    @np.errstate(over="ignore", invalid="ignore")
    def accuracy(self, theta, X, y):
        """Share of the examples whose label has the largest logit, from 0 to 1, for every run: shape (…), float64.

        Of equal logits the first counts. Arguments and errors as for :meth:`loss`.
        """
        theta, X, y = self._check(theta, X, y)
        Z, _ = self._forward(self.unpack(theta), X, None)
        return (Z.argmax(axis=-1) == y).mean(axis=-1)

    def _check(self, theta, X, y):
        theta = check_theta(theta, self.size)
        X = check_features(X, self.features, theta.dtype, self.sparse)
        return theta, X, check_labels(y, len(X), self.classes)


def cross_entropy(Z, y, derivative=True):
    """Mean cross-entropy of softmax in nats, and its derivative by the logits: probabilities less one-hot labels, over n.

    ``Z``: logits, shape (…, n, classes). ``y``: n labels. The largest logit of a row is subtracted from it first: no
    probability changes, and no exponential overflows. Returns the loss, shape (…), and the derivative, of the shape of
    ``Z``, or None in its place.
    Source: Bishop 2006, section 4.3.4, eq. 4.109 for the sum over the examples.
    """
    Z = Z - Z.max(axis=-1, keepdims=True)
    own = np.arange(len(y)), y
    D = np.exp(Z)
    total = D.sum(axis=-1, keepdims=True)
    loss = (np.log(total[..., 0]) - Z[..., *own]).mean(axis=-1)
    if not derivative:
        return loss, None
    D /= total
    D[..., *own] -= 1
    D /= len(y)
    return loss, D
