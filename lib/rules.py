"""Every update rule of the book, written once, simplest first.

A rule is a pure function ``rule(theta, g, t, *state, **hyper) -> (theta, *state)``:

- ``theta``: the parameters, an array of any shape; ``g``: the gradient at ``theta``, same shape;
  ``t``: the number of this step, 1 for the first;
- further positional parameters are the rule's state, zero before step 1, in the shape of ``theta``;
- keyword-only parameters are hyper-parameters with the source's defaults. They broadcast against
  ``theta``, so an array of learning rates runs a whole sweep in one call.

The *house form* keeps a rule readable by people and by :mod:`lib.equations`: assignments to plain
names and one ``return``, with operators and ``np.sqrt, np.abs, np.sign, np.maximum, np.where`` only.
One line is one equation of the source, in its order. Nothing is changed in place and nothing is
checked here: :mod:`lib.descent` checks what it is given before the first step.

Symbols, allowed values and other names of every argument: :mod:`lib.notation`.
"""

import numpy as np


def sgd(theta, g, t, *, lr=1e-2):
    """Stochastic gradient descent: a step against the gradient.

    :Source: Robbins & Monro 1951; Goodfellow et al. 2016, algorithm 8.1.
    :PyTorch: ``SGD``, whose ``lr`` is 1e-3, as in all its forms below.
    """
    theta = theta - lr * g
    return (theta,)


def momentum(theta, g, t, m, *, lr=1e-2, mu=0.9):
    """Momentum: step along a decaying sum of past gradients, with the learning rate outside it.

    :State: ``m``, the sum of past gradients, each shrunk by ``mu`` per step since.
    :Source: Sutskever et al. 2013, eq. 1–2, with ``lr`` taken out of the velocity.
    :PyTorch: ``SGD(momentum=mu)``, exactly.
    """
    m = mu * m + g
    theta = theta - lr * m
    return theta, m


def momentum_sutskever(theta, g, t, delta, *, lr=1e-2, mu=0.9):
    """Momentum with the learning rate inside the velocity: the velocity is the last step.

    :State: ``delta``, the last change of ``theta``.
    :Source: Sutskever et al. 2013, eq. 1–2; Goodfellow et al. 2016, algorithm 8.2 (eq. 8.15–8.16).
    :PyTorch: same iterates as ``SGD(momentum=mu)`` until ``lr`` changes; Keras' ``SGD(momentum=mu)``.
    """
    delta = mu * delta - lr * g
    theta = theta + delta
    return theta, delta


def momentum_polyak(theta, g, t, theta_prev, *, lr=1e-2, mu=0.9):
    """The heavy ball: a gradient step plus a fraction of the last displacement.

    :State: ``theta_prev``, the parameters one step ago; the first step has no displacement.
    :Source: Polyak 1964, the two-step form.
    :PyTorch: see :func:`momentum_sutskever`, of which this is a rewriting.
    """
    mu_t = np.where(t > 1, mu, 0)
    delta = mu_t * (theta - theta_prev) - lr * g
    theta_prev = theta
    theta = theta + delta
    return theta, theta_prev


def momentum_ema(theta, g, t, m, *, lr=1e-2, mu=0.9):
    """Momentum as an exponential moving average of gradients: steps are smaller by ``1 - mu``.

    :State: ``m``, the average.
    :Source: Cevher 2018, lecture 8 (heavy ball); Adam's first moment.
    :PyTorch: ``SGD(momentum=mu, dampening=mu)`` is this rule with ``m`` started at the first gradient.
    """
    m = mu * m + (1 - mu) * g
    theta = theta - lr * m
    return theta, m


def nesterov(theta, g, t, m, *, lr=1e-2, mu=0.9):
    """Nesterov momentum: momentum that already counts the current gradient once more.

    :State: ``m``, as in :func:`momentum`. ``theta`` is the look-ahead point, where the gradient is taken.
    :Source: Sutskever et al. 2013, eq. 3–4, re-parametrised at the look-ahead point (Bengio et al. 2013).
    :PyTorch: ``SGD(momentum=mu, nesterov=True)``, exactly.
    """
    m = mu * m + g
    theta = theta - lr * (g + mu * m)
    return theta, m


def adagrad(theta, g, t, s, *, lr=1e-2, eps=1e-7):
    """AdaGrad: divide each coordinate's step by the root of all its squared gradients so far.

    :State: ``s``, the sum of squared gradients.
    :Source: Duchi et al. 2011; Goodfellow et al. 2016, algorithm 8.4.
    :PyTorch: ``Adagrad``, whose ``eps`` is 1e-10.
    """
    s = s + g**2
    theta = theta - lr * g / (np.sqrt(s) + eps)
    return theta, s


def rmsprop(theta, g, t, v, *, lr=1e-3, rho=0.9, eps=1e-8):
    """RMSProp: AdaGrad that forgets, dividing by the recent root mean square of the gradient.

    :State: ``v``, the moving average of squared gradients.
    :Source: Tieleman & Hinton 2012; Goodfellow et al. 2016, algorithm 8.5, which has its constant inside the root.
    :PyTorch: ``RMSprop(alpha=rho)``, whose defaults are ``lr=0.01``, ``alpha=0.99``.
    """
    v = rho * v + (1 - rho) * g**2
    theta = theta - lr * g / (np.sqrt(v) + eps)
    return theta, v


def rmsprop_centered(theta, g, t, m, v, *, lr=1e-3, rho=0.9, eps=1e-8):
    """Centred RMSProp: divide by the recent standard deviation of the gradient instead.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares.
    :Source: Graves 2013, eq. 38–41 without their momentum and with the constant outside the root.
    :PyTorch: ``RMSprop(centered=True)``, with the defaults of :func:`rmsprop` there and without the guard: where
      rounding makes ``v - m**2`` negative, it gives NaN.
    """
    m = rho * m + (1 - rho) * g
    v = rho * v + (1 - rho) * g**2
    theta = theta - lr * g / (np.sqrt(np.maximum(v - m**2, 0)) + eps)
    return theta, m, v


def rmsprop_momentum(theta, g, t, v, m, *, lr=1e-3, rho=0.9, mu=0.9, eps=1e-8):
    """RMSProp with momentum on the rescaled gradient.

    :State: ``v``, the moving average of squared gradients; ``m``, the decaying sum of rescaled gradients.
    :Source: Graves 2013, eq. 38–41, uncentred, with ``lr`` outside the sum and the constant outside the root.
    :PyTorch: ``RMSprop(momentum=mu)``, with the defaults of :func:`rmsprop` there.
    """
    v = rho * v + (1 - rho) * g**2
    m = mu * m + g / (np.sqrt(v) + eps)
    theta = theta - lr * m
    return theta, v, m


def rmsprop_nesterov(theta, g, t, v, delta, *, lr=1e-3, rho=0.9, mu=0.9, eps=1e-8):
    """RMSProp with Nesterov momentum, stored at the look-ahead point, where the gradient is taken.

    :State: ``v``, the moving average of squared gradients; ``delta``, the velocity. ``theta`` is the book's interim
      point: its θ is ``theta - mu * delta``.
    :Source: Goodfellow et al. 2016, algorithm 8.6, re-parametrised and with ``eps``.
    :PyTorch: has none; optax' ``rmsprop(momentum=mu, nesterov=True, eps_in_sqrt=False)``.
    """
    v = rho * v + (1 - rho) * g**2
    g_hat = g / (np.sqrt(v) + eps)
    delta = mu * delta - lr * g_hat
    theta = theta + mu * delta - lr * g_hat
    return theta, v, delta


def adadelta(theta, g, t, v, w, *, lr=1.0, rho=0.9, eps=1e-6):
    """AdaDelta: RMSProp whose learning rate is the recent root mean square of its own updates.

    :State: ``v`` and ``w``, the moving averages of squared gradients and of squared updates.
    :Source: Zeiler 2012, algorithm 1 (``lr = 1``, ``rho = 0.95``).
    :PyTorch: ``Adadelta``, exactly.
    """
    v = rho * v + (1 - rho) * g**2
    delta = -np.sqrt((w + eps) / (v + eps)) * g
    w = rho * w + (1 - rho) * delta**2
    theta = theta + lr * delta
    return theta, v, w


def adam(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam: momentum, rescaled by the recent size of the gradient, both corrected for their zero start.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares.
    :Source: Kingma & Ba 2015, algorithm 1.
    :PyTorch: ``Adam``, exactly (up to rounding).
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v


def adam_uncorrected(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam without bias correction: its first steps are too large.

    :State: as in :func:`adam`.
    :Source: Kingma & Ba 2015, section 6.4.
    :PyTorch: has none.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    theta = theta - lr * m / (np.sqrt(v) + eps)
    return theta, m, v


def adam_reordered(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps_hat=1e-8):
    """Adam in the paper's cheaper order, where a constant ``eps_hat`` makes it another algorithm.

    It equals :func:`adam` with ``eps = eps_hat / sqrt(1 - beta2**t)``.

    :State: as in :func:`adam`.
    :Source: Kingma & Ba 2015, end of section 2.
    :PyTorch: has none; Keras' ``Adam``.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lr_t = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    theta = theta - lr_t * m / (np.sqrt(v) + eps_hat)
    return theta, m, v


def adamax(theta, g, t, m, u, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AdaMax: Adam with the largest recent gradient in place of the root mean square.

    :State: ``m``, the moving average of gradients; ``u``, the decaying maximum of their sizes.
    :Source: Kingma & Ba 2015, algorithm 2, which has no ``eps`` and divides 0 by 0 until the first nonzero
      gradient.
    :PyTorch: ``Adamax``, exactly.
    """
    m = beta1 * m + (1 - beta1) * g
    u = np.maximum(beta2 * u, np.abs(g) + eps)
    theta = theta - lr / (1 - beta1**t) * (m / u)
    return theta, m, u


def amsgrad(theta, g, t, m, v, v_max, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad: Adam that divides by the largest second moment so far, which never shrinks.

    :State: as in :func:`adam`, and ``v_max``, the largest ``v`` so far.
    :Source: Reddi et al. 2018, algorithm 2, which corrects no bias, so that there no step size ever grows.
    :PyTorch: ``Adam(amsgrad=True)``, exactly (up to rounding): the maximum of the raw ``v``, corrected afterwards.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    m_hat = m / (1 - beta1**t)
    v_hat = v_max / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v, v_max


def adam_l2(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    """Adam on a loss with an L2 penalty: the penalty's gradient is rescaled with all the rest.

    :State: as in :func:`adam`.
    :Source: Loshchilov & Hutter 2019, algorithm 2 (L2).
    :PyTorch: ``Adam(weight_decay=…)``, which is 0 by default.
    """
    g_reg = g + weight_decay * theta
    m = beta1 * m + (1 - beta1) * g_reg
    v = beta2 * v + (1 - beta2) * g_reg**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v


def adamw(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    """AdamW: Adam with weight decay of its own, which the rescaling does not touch.

    :State: as in :func:`adam`.
    :Source: Loshchilov & Hutter 2019, algorithm 2 (decoupled), with ``lr`` in front of the decay as libraries have
      it; the paper's decay is ``eta_t * lambda``, without α.
    :PyTorch: ``AdamW``, exactly (up to rounding).
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * theta)
    return theta, m, v


def nadam(theta, g, t, m, v, q, *, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3):
    """NAdam: Adam with Nesterov's look-ahead and a momentum coefficient that warms up.

    :State: ``m`` and ``v`` as in :func:`adam`; ``q``, one minus the product of all momentum coefficients so far,
      which replaces ``1 - beta1**t``.
    :Source: Dozat 2016, algorithm 2 and its schedule 0.96^(tψ), with ``beta1`` in place of ``mu_t`` in ``m``.
    :PyTorch: ``NAdam``, exactly (up to rounding); it stores the product itself.
    """
    mu_t = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    q = 1 - (1 - q) * mu_t
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = mu_next * m / (1 - (1 - q) * mu_next) + (1 - mu_t) * g / q
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v, q


def radam(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps_hat=1e-8):
    """RAdam: Adam that waits with rescaling until its second moment is worth trusting.

    ``rho_t`` is the length of the average that ``v`` has really taken, ``r`` the rectification, ``ell`` the
    rescaling. ``rho_inf`` is held at 5, below which no step is ever rescaled.

    :State: as in :func:`adam`.
    :Source: Liu et al. 2020, algorithm 2, which has no ε and rescales where ``rho_t > 4``.
    :PyTorch: ``RAdam(eps=eps_hat)``, exactly (up to rounding), with the threshold 5.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    rho_inf = np.maximum(2 / (1 - beta2) - 1, 5)
    rho_t = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r = np.sqrt(np.maximum((rho_t - 4) * (rho_t - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho_t), 0))
    ell = np.where(rho_t > 5, r * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps_hat), 1)
    theta = theta - lr * m_hat * ell
    return theta, m, v


def lion(theta, g, t, m, *, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Lion: the sign of a momentum that looks at the newest gradient twice.

    :State: ``m``, the moving average of gradients.
    :Source: Chen et al. 2023, algorithm 2.
    :PyTorch: has none.
    """
    c = beta1 * m + (1 - beta1) * g
    theta = theta - lr * (np.sign(c) + weight_decay * theta)
    m = beta2 * m + (1 - beta2) * g
    return theta, m


RULES = {
    rule.__name__: rule
    for rule in (
        sgd, momentum, momentum_sutskever, momentum_polyak, momentum_ema, nesterov,
        adagrad, rmsprop, rmsprop_centered, rmsprop_momentum, rmsprop_nesterov, adadelta,
        adam, adam_uncorrected, adam_reordered, adamax, amsgrad, adam_l2, adamw, nadam, radam, lion,
    )
}  # fmt: skip
