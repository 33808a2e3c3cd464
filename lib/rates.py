"""How fast a rule with momentum converges on a quadratic: the factor per step, in closed form.

On the loss ``h / 2 * theta**2`` a rule without noise and without a schedule is linear in its parameters and state, so
that one step is a matrix. Its spectral radius, the largest size of a root of its characteristic polynomial, is the
factor by which the distance to the minimum shrinks per step in the long run; above 1 the run diverges. A quadratic of
several curvatures has the largest of their factors.

A rate is a function ``rate(h, *, …)`` of the curvature and of the hyper-parameters of its rule. All are in the house
form of :mod:`lib.rules`, broadcast, and become JavaScript with :func:`lib.equations.formula`.

- Momentum: r² − (1 + μ − αh) r + μ. Its roots are complex for αh between (1 − √μ)² and (1 + √μ)², and of the size √μ.
- Nesterov: r² − (1 + μ)(1 − αh) r + μ(1 − αh). Complex roots have the size √(μ(1 − αh)).

Where the two roots are one, the distance shrinks like t times the factor to the t: measured rates come near it slowly.
"""

import numpy as np


def sgd_rate(h, *, lr):
    """The factor per step of gradient descent where the curvature is ``h``."""
    return np.abs(1 - lr * h)


def momentum_rate(h, *, lr, mu):
    """The factor per step of the heavy ball, the same with the learning rate inside and outside of the velocity."""
    b = 1 + mu - lr * h
    discriminant = (lr * h - (1 - np.sqrt(mu)) ** 2) * (lr * h - (1 + np.sqrt(mu)) ** 2)
    return np.maximum(np.sqrt(mu), (np.abs(b) + np.sqrt(np.maximum(discriminant, 0))) / 2)


def momentum_ema_rate(h, *, lr, mu):
    """The factor per step of momentum as an average: that of :func:`momentum_rate` with ``lr * (1 - mu)``."""
    a = (1 - mu) * lr * h
    discriminant = (a - (1 - np.sqrt(mu)) ** 2) * (a - (1 + np.sqrt(mu)) ** 2)
    return np.maximum(np.sqrt(mu), (np.abs(1 + mu - a) + np.sqrt(np.maximum(discriminant, 0))) / 2)


def nesterov_rate(h, *, lr, mu):
    """The factor per step of Nesterov momentum, the same at the look-ahead point and at the parameters proper."""
    c = 1 - lr * h
    discriminant = c * ((1 - mu) ** 2 - (1 + mu) ** 2 * lr * h)
    complex_size = np.sqrt(np.maximum(mu * c, 0))
    return np.maximum(complex_size, (np.abs((1 + mu) * c) + np.sqrt(np.maximum(discriminant, 0))) / 2)


RATES = {
    "sgd": sgd_rate,
    "momentum": momentum_rate,
    "momentum_sutskever": momentum_rate,
    "momentum_polyak": momentum_rate,
    "momentum_ema": momentum_ema_rate,
    "nesterov": nesterov_rate,
}
