"""Rules that know that the parameters of a layer are a matrix, as the papers write them.

A rule here takes one matrix ``theta``, of shape (m, n), its gradient ``g`` and the number ``t`` of the step, then its
state, then hyper-parameters, and returns the new ``theta`` and state: the signature of :mod:`lib.rules`. But it uses
matrix products and norms, so that no equations and no JavaScript are made of it. State is zero before step 1; the
number 0 will do for it. :func:`muon` and :func:`soap`, and what they are made of, take axes of runs before the last two.
"""

import numpy as np

MUON = 3.4445, -4.7750, 2.0315


def polar(G):
    """The polar factor UVᵀ of ``G`` = USVᵀ: the same singular vectors, all singular values 1."""
    U, _, Vt = np.linalg.svd(G, full_matrices=False)
    return U @ Vt


def newton_schulz(X, steps):
    """``steps`` of the classical Newton–Schulz iteration, cubic: X ← (3X − XXᵀX)/2.

    Each singular value s becomes (3s − s³)/2, and singular vectors stay. From 0 < s < √3 all go to 1: to :func:`polar`.
    Source: Higham 2008, chapter 8.
    """
    for _ in range(steps):
        X = 1.5 * X - 0.5 * X @ X.mT @ X
    return X


def quintic(G, steps=5, coefficients=MUON, eps=1e-7):
    """Muon's iteration X ← aX + b(XXᵀ)X + c(XXᵀ)²X, from ``G`` over its Frobenius norm.

    Each singular value s becomes as + bs³ + cs⁵. Its coefficients are tuned to lift small ones fast, and 1 is no fixed
    point. A tall matrix is transposed first, which makes the products smaller and changes nothing else.
    Source: Jordan et al. 2024.
    """
    if G.shape[-2] > G.shape[-1]:
        return quintic(G.mT, steps, coefficients, eps).mT
    a, b, c = coefficients
    X = G / np.maximum(np.linalg.norm(G, axis=(-2, -1), keepdims=True), eps)
    for _ in range(steps):
        A = X @ X.mT
        X = a * X + (b * A + c * A @ A) @ X
    return X


def muon(theta, g, t, m, *, lr=1e-3, mu=0.95, weight_decay=0.1):
    """Muon: momentum, made nearly orthogonal before the step.

    State: ``m``, the moving average of gradients; Nesterov's look-ahead counts the newest gradient once more.
    Source: Jordan et al. 2024. PyTorch: ``Muon`` on a weight of shape (outputs, inputs), which rounds the iteration to
    bfloat16 and is else the same.
    """
    rows, columns = g.shape[-2:]
    m = mu * m + (1 - mu) * g
    update = quintic(mu * m + (1 - mu) * g)
    theta = theta - lr * (weight_decay * theta + max(1, rows / columns) ** 0.5 * update)
    return theta, m


def power(A, exponent):
    """A power of a symmetric matrix with positive eigenvalues."""
    values, Q = np.linalg.eigh(A)
    return Q * values**exponent @ Q.T


def shampoo(theta, g, t, L, R, *, lr=1e-3, eps=1e-6):
    """Shampoo: AdaGrad with one matrix for the rows and one for the columns.

    State: ``L`` and ``R``, sums of ``g @ g.T`` and ``g.T @ g``.
    Source: Gupta et al. 2018, algorithm 1, whose sums start at ε times the identity. PyTorch: has none.
    """
    L = L + g @ g.T
    R = R + g.T @ g
    left, right = (power(A + eps * np.eye(len(A)), -1 / 4) for A in (L, R))
    theta = theta - lr * left @ g @ right
    return theta, L, R


def soap(theta, g, t, m, v, L, R, QL, QR, *, lr=3e-3, beta1=0.95, beta2=0.95, eps_hat=1e-8, every=10):
    """SOAP: Adam, with its second moment in the eigenvectors of Shampoo's two matrices.

    Step 1 moves nothing: its gradient only gives the first eigenvectors. State: ``m``, the moving average of gradients;
    ``v``, that of squared gradients in the turned basis; ``L`` and ``R``, those of ``g @ g.T`` and ``g.T @ g``; ``QL``
    and ``QR``, their approximate eigenvectors, one power step better after each ``every`` steps.
    Source: Vyas et al. 2025. PyTorch: has none.
    """
    if t == 1:
        L, R = (1 - beta2) * g @ g.mT, (1 - beta2) * g.mT @ g
        return theta, m, v, L, R, np.linalg.eigh(L)[1][..., ::-1], np.linalg.eigh(R)[1][..., ::-1]
    k = t - 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (QL.mT @ g @ QR) ** 2
    lr_t = lr * np.sqrt(1 - beta2**k) / (1 - beta1**k)
    theta = theta - lr_t * (QL @ (QL.mT @ m @ QR / (np.sqrt(v) + eps_hat)) @ QR.mT)
    L = beta2 * L + (1 - beta2) * g @ g.mT
    R = beta2 * R + (1 - beta2) * g.mT @ g
    if k % every == 0:
        (QL, rows), (QR, columns) = improved(L, QL), improved(R, QR)
        v = np.take_along_axis(np.take_along_axis(v, rows.mT, -2), columns, -1)
    return theta, m, v, L, R, QL, QR


def improved(A, Q):
    """Eigenvectors of ``A``, better than ``Q`` by one step of orthogonal iteration, and the order they were put into.

    Source: Vyas et al. 2025; ordered by their estimated eigenvalues, largest first, as in the authors' code.
    """
    order = np.argsort(-np.sum(Q * (A @ Q), axis=-2, keepdims=True))
    return np.linalg.qr(np.take_along_axis(A @ Q, order, -1))[0], order


def adafactor(theta, g, t, r, c, *, lr=1e-2, decay=0.8, eps1=1e-30, eps2=1e-3, limit=1.0):
    """Adafactor: of Adam's second moment only the means of its rows and of its columns.

    Steps are relative to the size of ``theta``, and no longer than ``limit`` in root mean square before that.
    State: ``r`` and ``c``, moving averages of the row means of ``g**2``, of shape (m, 1), and of its column means, (1, n).
    Source: Shazeer & Stern 2018, algorithm 4, with means for sums. PyTorch: ``Adafactor``, which bounds by ε₁ instead
    of adding it.
    """
    beta2_t = 1 - t**-decay
    square = g**2 + eps1
    r = beta2_t * r + (1 - beta2_t) * square.mean(axis=1, keepdims=True)
    c = beta2_t * c + (1 - beta2_t) * square.mean(axis=0, keepdims=True)
    u = g / np.sqrt(r * c / r.mean())
    u = u / max(1, rms(u) / limit)
    theta = theta - max(eps2, rms(theta)) * min(lr, t**-0.5) * u
    return theta, r, c


def rms(x):
    """Root mean square of all entries."""
    return np.sqrt(np.mean(x**2))


def lamb(theta, g, t, m, v, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    """LAMB: AdamW's direction, with a step as long as the layer's parameters times ``lr``.

    State: as in :func:`lib.rules.adam`. The *trust ratio* ‖θ‖/‖u‖ is 1 where one of the norms is zero.
    Source: You et al. 2020, algorithm 2, with φ(z) = z. PyTorch: has none.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * theta
    size, length = np.linalg.norm(theta), np.linalg.norm(u)
    theta = theta - lr * (size / length if size * length > 0 else 1) * u
    return theta, m, v


def prodigy(theta, g, t, m, v, s, r, d, start, *, lr=1.0, beta1=0.9, beta2=0.999, eps=1e-8, d0=1e-6):
    """Prodigy: Adam whose learning rate is a growing estimate of how far the start is from the solution.

    State: ``m`` and ``v``, moving averages of d·g and of its square; ``s``, that of d²·g; ``r``, that of d² times how
    far the steps went along the gradients; ``d``, the estimate; ``start``, the first ``theta``.
    Source: Mishchenko & Defazio 2024, the version for Adam. PyTorch: has none; the authors' ``Prodigy`` has ε times the
    *new* d.
    """
    start, d = (theta, d0) if t == 1 else (start, d)
    beta3 = beta2**0.5
    m = beta1 * m + (1 - beta1) * d * g
    v = beta2 * v + (1 - beta2) * (d * g) ** 2
    r = beta3 * r + (1 - beta3) * lr * d**2 * np.vdot(g, start - theta)
    s = beta3 * s + (1 - beta3) * lr * d**2 * g
    theta = theta - lr * d * m / (np.sqrt(v) + d * eps)
    d = max(d, r / np.abs(s).sum())
    return theta, m, v, s, r, d, start
