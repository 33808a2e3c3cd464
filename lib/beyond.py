"""Elementwise rules that came after Adam, in the form of :mod:`lib.rules`, which says what that form is.

They belong to the chapter ``beyond``. A figure that shows one brings its code along, so that no other page grows.
NAdam, RAdam and Lion stand in :mod:`lib.rules`; rules for whole matrices in :mod:`lib.matrices`.
"""

import numpy as np


def ademamix(theta, g, t, m, m_slow, v, *, lr=1e-3, beta1=0.9, beta2=0.999, beta3=0.9999, gamma=5.0, eps=1e-8,
             weight_decay=0.0):  # fmt: skip
    """AdEMAMix: Adam with a second, far slower momentum beside the first, so that old gradients still count.

    :State: ``m`` and ``v`` as in :func:`lib.rules.adam`; ``m_slow``, the slow average of gradients, which is not
      corrected for its zero start.
    :Source: Pagliardini et al. 2024, algorithm 1 without its two warm-ups; ``gamma`` is the paper's α.
    :PyTorch: has none; optax' ``contrib.ademamix``, exactly (up to rounding).
    """
    m = beta1 * m + (1 - beta1) * g
    m_slow = beta3 * m_slow + (1 - beta3) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * ((m_hat + gamma * m_slow) / (np.sqrt(v_hat) + eps) + weight_decay * theta)
    return theta, m, m_slow, v


def adopt(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.9999, eps=1e-6):
    """ADOPT: Adam that divides by the second moment of the *earlier* gradients, and takes momentum afterwards.

    Step 1 moves nothing: its gradient only starts the second moment. ``bound`` limits the rescaled gradient, and is 0
    in that step.

    :State: ``m``, the moving average of rescaled gradients; ``v``, the moving average of squared gradients.
    :Source: Taniguchi et al. 2024, with clipping by t^(1/4), where the paper counts from our second step.
    :PyTorch: has none; optax' ``contrib.adopt``, exactly (up to rounding).
    """
    bound = (t - 1) ** 0.25
    g_hat = g / np.maximum(np.sqrt(v), eps)
    m = beta1 * m + (1 - beta1) * np.maximum(-bound, -np.maximum(-bound, -g_hat))
    theta = theta - lr * m
    v = np.where(t > 1, beta2 * v + (1 - beta2) * g**2, g**2)
    return theta, m, v


def schedule_free(theta, g, t, z, x, *, lr=1.0, mu=0.9):
    """Schedule-Free SGD: plain steps from gradients that are taken near the average of all points so far.

    ``theta`` is where the gradient is taken, the paper's y. The model to keep is ``x``.

    :State: ``z``, the sequence of plain steps; ``x``, its average.
    :Source: Defazio et al. 2024, with the weights 1/t of its algorithm 1 for a constant rate; ``mu`` is the paper's β.
    :PyTorch: has none; the authors' ``SGDScheduleFree``, exactly (up to rounding).
    """
    z = np.where(t > 1, z, theta) - lr * g
    x = x + (z - x) / t
    theta = z + mu * (x - z)
    return theta, z, x


def schedule_free_adamw(theta, g, t, v, z, x, *, lr=2.5e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """Schedule-Free AdamW: the same average, of steps that are divided by the root of Adam's second moment.

    :State: ``v`` as in :func:`lib.rules.adam`; ``z`` and ``x`` as in :func:`schedule_free`.
    :Source: Defazio et al. 2024, algorithm 1, without warm-up.
    :PyTorch: has none; the authors' ``AdamWScheduleFree``, exactly (up to rounding).
    """
    v = beta2 * v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    z = np.where(t > 1, z, theta) - lr * (g / (np.sqrt(v_hat) + eps) + weight_decay * theta)
    x = x + (z - x) / t
    theta = z + beta1 * (x - z)
    return theta, v, z, x


BEYOND = {rule.__name__: rule for rule in (ademamix, adopt, schedule_free, schedule_free_adamw)}
