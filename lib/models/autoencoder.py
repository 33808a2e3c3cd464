"""A variational autoencoder."""

from dataclasses import dataclass

import numpy as np

from ..arguments import whole
from .flat import Flat, check_features, check_theta, random_start


@dataclass(frozen=True)
class VariationalAutoencoder(Flat):
    """A variational autoencoder of grey pictures, with one hidden layer of softplus units on either side.

    Encoder: H = softplus(XW₁ + b₁), mean M = HW₂ + b₂, log-variance S = HW₃ + b₃. Code: Z = M + exp(S/2) ⊙ E with
    standard normal noise E. Decoder: G = softplus(ZW₄ + b₄), logits L = GW₅ + b₅ of the pixels. The loss is the negative
    evidence lower bound in nats, its mean over the examples: Σ (softplus(L) − X ⊙ L), which is the cross-entropy of the
    pixels, plus the divergence −½ Σ (1 + S − M² − exp S) of the code from a standard normal.

    ``features``: pixels, at least 1. ``hidden``: units of a hidden layer. ``code``: length of a code.
    ``theta`` holds W₁, b₁, …, W₅, b₅; W is of shape (inputs, outputs). ``X``: shape (n, features), values in [0, 1].
    ``y`` is not looked at. ``rng`` makes the noise, the same for all runs; without it E = 0. Raises ``TypeError`` or
    ``ValueError`` for other sizes.

    Source: Kingma & Welling 2014, eq. 10 and appendices B and C.
    """

    features: int
    hidden: int
    code: int

    def __post_init__(self):
        for name in ("features", "hidden", "code"):
            whole(name, getattr(self, name), 1)

    @property
    def shapes(self):
        """Shapes of W₁, b₁, …, W₅, b₅."""
        pairs = [(self.features, self.hidden), (self.hidden, self.code), (self.hidden, self.code),
                 (self.code, self.hidden), (self.hidden, self.features)]  # fmt: skip
        return tuple(shape for pair in pairs for shape in (pair, pair[1:]))

    def start(self, seed, dtype=np.float64):
        """Parameters to begin with, of shape (size,): W normal with variance 1/inputs, b zero.

        ``dtype``: a floating type, else ``TypeError``.
        """
        fans = [1 / shape[0] if len(shape) > 1 else None for shape in self.shapes]
        return random_start(self, fans, seed, dtype)

    @np.errstate(over="ignore", invalid="ignore")
    def _loss_and_gradient(self, theta, X, y, rng, backward):
        theta = check_theta(theta, self.size)
        X = check_features(X, self.features, theta.dtype)
        W1, b1, W2, b2, W3, b3, W4, b4, W5, b5 = self.unpack(theta)
        E = np.zeros((len(X), self.code)) if rng is None else rng.standard_normal((len(X), self.code))
        E = E.astype(theta.dtype)

        A = X @ W1 + b1[..., None, :]
        H = softplus(A)
        M = H @ W2 + b2[..., None, :]
        S = H @ W3 + b3[..., None, :]
        spread = np.exp(S / 2)
        Z = M + spread * E
        B = Z @ W4 + b4[..., None, :]
        G = softplus(B)
        L = G @ W5 + b5[..., None, :]
        divergence = -(1 + S - M * M - spread * spread).sum(axis=(-2, -1)) / 2
        loss = ((softplus(L) - X * L).sum(axis=(-2, -1)) + divergence) / len(X)
        if not backward:
            return loss, None

        gradient = np.empty_like(theta)
        dlayers = self.unpack(gradient)

        def write(layer, inputs, D):
            np.matmul(np.swapaxes(inputs, -1, -2), D, out=dlayers[2 * layer - 2])
            dlayers[2 * layer - 1][...] = D.sum(axis=-2)

        dL = (sigmoid(L) - X) / len(X)
        dB = (dL @ np.swapaxes(W5, -1, -2)) * sigmoid(B)
        dZ = dB @ np.swapaxes(W4, -1, -2)
        dM = dZ + M / len(X)
        dS = dZ * E * spread / 2 + (spread * spread - 1) / (2 * len(X))
        dA = (dM @ np.swapaxes(W2, -1, -2) + dS @ np.swapaxes(W3, -1, -2)) * sigmoid(A)
        write(1, X, dA)
        write(2, H, dM)
        write(3, H, dS)
        write(4, Z, dB)
        write(5, G, dL)
        return loss, gradient


def softplus(A):
    """log(1 + eᴬ), element by element, without overflow."""
    return np.maximum(A, 0) + np.log1p(np.exp(-np.abs(A)))


@np.errstate(over="ignore")
def sigmoid(A):
    """The derivative of :func:`softplus`, 1/(1 + e⁻ᴬ): for a large −A the exponential is infinite, and the value 0."""
    return 1 / (1 + np.exp(-A))
