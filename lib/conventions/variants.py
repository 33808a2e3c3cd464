"""The rules of libraries that differ from those of :mod:`lib.rules`, in the same form.

Each is what one library computes, or several, under a name that has another meaning elsewhere. A hyper-parameter that
is 0 by default switches a part off, as in the library.
"""

import numpy as np


def momentum_torch(theta, g, t, m, *, lr=1e-3, mu=0.0, dampening=0.0):
    """Momentum whose first gradient is not dampened, though all later ones are.

    :State: ``m``, the sum of past gradients.
    :Source: PyTorch, ``SGD(momentum=mu, dampening=dampening)``.
    """
    m = np.where(t > 1, mu * m + (1 - dampening) * g, g)
    theta = theta - lr * m
    return theta, m


def nesterov_keras(theta, g, t, delta, *, lr=1e-2, mu=0.0):
    """Nesterov momentum with the learning rate inside the velocity.

    :State: ``delta``, the velocity; ``theta`` is the look-ahead point, where the gradient is taken.
    :Source: Keras, ``SGD(momentum=mu, nesterov=True)``; scikit-learn, ``SGDOptimizer``.
    """
    delta = mu * delta - lr * g
    theta = theta + mu * delta - lr * g
    return theta, delta


def adagrad_torch(theta, g, t, s, *, lr=1e-2, lr_decay=0.0, start=0.0, eps=1e-10):
    """AdaGrad with a rate that can fall by itself, and a sum of squares that can start above 0.

    :State: ``s``, the sum of squared gradients.
    :Source: PyTorch, ``Adagrad``.
    """
    lr_t = lr / (1 + (t - 1) * lr_decay)
    s = np.where(t > 1, s, start) + g**2
    theta = theta - lr_t * g / (np.sqrt(s) + eps)
    return theta, s


def adagrad_keras(theta, g, t, s, *, lr=1e-3, start=0.1, eps_root=1e-7):
    """AdaGrad with its constant inside the root and a sum of squares that starts at 0.1.

    :State: ``s``, the sum of squared gradients.
    :Source: Keras, ``Adagrad``; optax, ``adagrad``.
    """
    s = np.where(t > 1, s, start) + g**2
    theta = theta - lr * g / np.sqrt(s + eps_root)
    return theta, s


def rmsprop_centered_torch(theta, g, t, m, v, delta, *, lr=1e-2, rho=0.99, mu=0.0, eps=1e-8):
    """Centred RMSProp with momentum on the rescaled gradient, the learning rate outside it.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares; ``delta``, the decaying sum of
      rescaled gradients.
    :Source: PyTorch, ``RMSprop(centered=True, momentum=mu)``.
    """
    m = rho * m + (1 - rho) * g
    v = rho * v + (1 - rho) * g**2
    delta = mu * delta + g / (np.sqrt(v - m**2) + eps)
    theta = theta - lr * delta
    return theta, m, v, delta


def rmsprop_keras(theta, g, t, v, delta, *, lr=1e-3, rho=0.9, mu=0.0, start=0.0, eps_root=1e-7):
    """RMSProp with its constant inside the root, and the learning rate inside the velocity.

    :State: ``v``, the moving average of squared gradients; ``delta``, the velocity.
    :Source: Keras, ``RMSprop(momentum=mu)``; optax, ``rmsprop(momentum=mu, initial_scale=start)``.
    """
    v = rho * np.where(t > 1, v, start) + (1 - rho) * g**2
    delta = mu * delta - lr * g / np.sqrt(v + eps_root)
    theta = theta + delta
    return theta, v, delta


def rmsprop_centered_keras(theta, g, t, m, v, delta, *, lr=1e-3, rho=0.9, mu=0.0, eps_root=1e-7):
    """Centred RMSProp with its constant inside the root, and the learning rate inside the velocity.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares; ``delta``, the velocity.
    :Source: Keras, ``RMSprop(centered=True, momentum=mu)``; optax, ``rmsprop(centered=True, momentum=mu)``.
    """
    m = rho * m + (1 - rho) * g
    v = rho * v + (1 - rho) * g**2
    delta = mu * delta - lr * g / np.sqrt(v - m**2 + eps_root)
    theta = theta + delta
    return theta, m, v, delta


def rmsprop_nesterov_optax(theta, g, t, v, delta, *, lr=1e-3, rho=0.9, mu=0.0, start=0.0, eps_root=1e-8):
    """RMSProp with Nesterov momentum and its constant inside the root.

    :State: ``v``, the moving average of squared gradients; ``delta``, the velocity.
    :Source: optax, ``rmsprop(momentum=mu, nesterov=True)``.
    """
    v = rho * np.where(t > 1, v, start) + (1 - rho) * g**2
    g_hat = g / np.sqrt(v + eps_root)
    delta = mu * delta - lr * g_hat
    theta = theta + mu * delta - lr * g_hat
    return theta, v, delta


def rmsprop_optax(theta, g, t, v, delta, *, lr=1e-3, rho=0.9, mu=0.0, start=0.0, eps=1e-8):
    """RMSProp with its constant outside the root, the learning rate inside the velocity, and a start of its own.

    :State: ``v``, the moving average of squared gradients; ``delta``, the velocity.
    :Source: optax, ``rmsprop(eps_in_sqrt=False)``; with ``start = 1`` autograd's ``rmsprop``.
    """
    v = rho * np.where(t > 1, v, start) + (1 - rho) * g**2
    delta = mu * delta - lr * g / (np.sqrt(v) + eps)
    theta = theta + delta
    return theta, v, delta


def rmsprop_centered_optax(theta, g, t, m, v, delta, *, lr=1e-3, rho=0.9, mu=0.0, eps=1e-8):
    """Centred RMSProp with its constant outside the root, and the learning rate inside the velocity.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares; ``delta``, the velocity.
    :Source: optax, ``rmsprop(centered=True, eps_in_sqrt=False)``.
    """
    m = rho * m + (1 - rho) * g
    v = rho * v + (1 - rho) * g**2
    delta = mu * delta - lr * g / (np.sqrt(v - m**2) + eps)
    theta = theta + delta
    return theta, m, v, delta


def adam_optax(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, eps_root=0.0):
    """Adam with two constants, one inside the root and one outside.

    :State: ``m`` and ``v``, the moving averages of gradients and of their squares.
    :Source: optax, ``adam(eps_root=eps_root)``.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat + eps_root) + eps)
    return theta, m, v


def amsgrad_keras(theta, g, t, m, v, v_max, *, lr=1e-3, beta1=0.9, beta2=0.999, eps_hat=1e-7):
    """AMSGrad in the cheaper order of computation: the largest raw second moment, corrected in the learning rate.

    :State: ``m`` and ``v`` as in Adam; ``v_max``, the largest ``v`` so far.
    :Source: Keras, ``Adam(amsgrad=True)``.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    lr_t = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    theta = theta - lr_t * m / (np.sqrt(v_max) + eps_hat)
    return theta, m, v, v_max


def amsgrad_optax(theta, g, t, m, v, v_max, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """AMSGrad with the largest *corrected* second moment: one large early gradient rules for good.

    :State: ``m`` and ``v`` as in Adam; ``v_max``, the largest corrected ``v`` so far.
    :Source: optax, ``amsgrad``.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    v_max = np.maximum(v_max, v_hat)
    theta = theta - lr * m_hat / (np.sqrt(v_max) + eps)
    return theta, m, v, v_max


def adamax_keras(theta, g, t, m, u, *, lr=1e-3, beta1=0.9, beta2=0.999, eps_hat=1e-7):
    """AdaMax whose constant is added to the decaying maximum, and is no part of it.

    :State: ``m``, the moving average of gradients; ``u``, the decaying maximum of their sizes.
    :Source: Keras, ``Adamax``.
    """
    m = beta1 * m + (1 - beta1) * g
    u = np.maximum(beta2 * u, np.abs(g))
    theta = theta - lr / (1 - beta1**t) * (m / (u + eps_hat))
    return theta, m, u


def radam_optax(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, threshold=5.0):
    """RAdam with its constant beside the corrected root, and a threshold that can be chosen.

    :State: ``m`` and ``v`` as in Adam.
    :Source: optax, ``radam``.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho_t = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    r = np.sqrt(np.maximum((rho_t - 4) * (rho_t - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho_t), 0))
    ell = np.where(rho_t < threshold, 1, r / (np.sqrt(v_hat) + eps))
    theta = theta - lr * m_hat * ell
    return theta, m, v


VARIANTS = {
    rule.__name__: rule
    for rule in (
        momentum_torch, nesterov_keras, adagrad_torch, adagrad_keras, rmsprop_centered_torch, rmsprop_keras,
        rmsprop_centered_keras, rmsprop_nesterov_optax, rmsprop_optax, rmsprop_centered_optax, adam_optax,
        amsgrad_keras, amsgrad_optax, adamax_keras, radam_optax,
    )
}  # fmt: skip
