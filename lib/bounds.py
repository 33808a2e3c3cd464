"""How far one coordinate can move in a step: bounds on the size of a step over lr, and the gradients that attain them.

A bound is a function ``bound(t, *, …)`` of the step number and of those hyper-parameters that it depends on, a worst
stream ``worst(t, steps, *, …)`` the gradient of step t that makes step number ``steps`` as long as it can be. Both
are in the house form of :mod:`lib.rules`, so :func:`lib.equations.formula` turns them into JavaScript.

Each exact bound is the supremum over all gradients g_1, …, g_t with ε = 0; ε > 0 only makes steps shorter.

- Adam: m̂ = Σ a_i g_i and v̂ = Σ b_i g_i² with positive weights, so by Cauchy and Schwarz the size of m̂ / √v̂ is at
  most √(Σ a_i² / b_i), with equality where g_i is proportional to a_i / b_i, that is to (β₁ / β₂)^(t−i). The sum is a
  geometric series in β₁² / β₂. AMSGrad divides by more, and by the same where β₁ ≤ β₂.
- AdaMax: u is at least β₂^(t−i) times the size of g_i, so the size of m / u is at most (1 − β₁) Σ (β₁ / β₂)^(t−i),
  with equality where g_i is proportional to β₂^(i−t).
- RMSProp: v ≥ (1 − ρ) g_t², with equality where all gradients before were 0. AdaGrad: s ≥ g_t² in the same way.
"""

from typing import NamedTuple

import numpy as np


class Bound(NamedTuple):
    """A bound on the size of a step over lr: its name in a figure, and its value as a function of t and hyper-parameters."""

    label: str
    value: object


class Bounds(NamedTuple):
    """The bounds of a rule, the tightest first, and the stream that attains the tightest."""

    bounds: tuple[Bound, ...]
    worst: object


def adam_exact(t, *, beta1, beta2):
    """The longest step that Adam can make at step t."""
    ratio = beta1**2 / np.maximum(beta2, 1e-300)
    near = np.abs(1 - ratio) < 1e-9
    series = np.where(near, t, (1 - ratio**t) / np.where(near, 1, 1 - ratio))
    return (1 - beta1) / (1 - beta1**t) * np.sqrt((1 - beta2**t) / (1 - beta2) * series)


def adam_uncorrected_exact(t, *, beta1, beta2):
    """The longest step at step t without the bias corrections, which divide it by √(1 − β₂^t) / (1 − β₁^t)."""
    ratio = beta1**2 / np.maximum(beta2, 1e-300)
    near = np.abs(1 - ratio) < 1e-9
    series = np.where(near, t, (1 - ratio**t) / np.where(near, 1, 1 - ratio))
    return (1 - beta1) * np.sqrt(series / (1 - beta2))


def adam_paper(t, *, beta1, beta2):
    """Kingma & Ba 2015, section 2.1, as printed; gradients exist that break its second case."""
    return np.where(1 - beta1 > np.sqrt(1 - beta2), (1 - beta1) / np.sqrt(1 - beta2), 1)


def adam_worst(t, steps, *, beta1, beta2):
    """Gradients that grow by β₂ / β₁ from step to step, up to 1 at the last; a single spike where β₁ = 0."""
    return (beta1 / np.maximum(beta2, 1e-300)) ** (steps - t)


def adamax_exact(t, *, beta1, beta2):
    """The longest step that AdaMax can make at step t."""
    ratio = beta1 / np.maximum(beta2, 1e-300)
    near = np.abs(1 - ratio) < 1e-9
    series = np.where(near, t, (1 - ratio**t) / np.where(near, 1, 1 - ratio))
    return (1 - beta1) / (1 - beta1**t) * series


def adamax_paper(t):
    """Kingma & Ba 2015, section 7.1: no step is longer than α."""
    return 1


def adamax_worst(t, steps, *, beta2):
    """Gradients that shrink just as fast as AdaMax forgets them, down to 1 at the last step."""
    return np.maximum(beta2, 1e-300) ** (t - steps)


def rmsprop_exact(t, *, rho):
    """The longest step that RMSProp can make."""
    return 1 / np.sqrt(1 - rho)


def adagrad_exact(t):
    """The longest step that AdaGrad can make: its first."""
    return 1


def spike(t, steps):
    """Nothing, and one gradient at the last step."""
    return 0 ** (steps - t)


_EXACT, _PAPER = Bound("exact", adam_exact), Bound("paper", adam_paper)

BOUNDS = {
    "adagrad": Bounds((Bound("exact", adagrad_exact),), spike),
    "rmsprop": Bounds((Bound("exact", rmsprop_exact),), spike),
    "adam": Bounds((_EXACT, _PAPER), adam_worst),
    "adam_uncorrected": Bounds((Bound("exact", adam_uncorrected_exact),), adam_worst),
    "adam_reordered": Bounds((_EXACT, _PAPER), adam_worst),
    "adamax": Bounds((Bound("exact", adamax_exact), Bound("paper", adamax_paper)), adamax_worst),
    "amsgrad": Bounds((Bound("Adam's", adam_exact),), adam_worst),
}
