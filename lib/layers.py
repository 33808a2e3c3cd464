"""Rules of :mod:`lib.matrices` on a whole network: hidden weights by the matrix rule, all else by Adam.

They are rules of the flat vector of ``NETWORK``, in the signature of :mod:`lib.rules`, and may be given to
:func:`lib.training.train`. All weights but the last are the hidden ones. One ``lr`` serves both parts.
"""

from itertools import accumulate, pairwise
from math import prod

import numpy as np

from . import matrices
from .models import Network
from .rules import adam

NETWORK = Network((196, 100, 100, 10))


def hidden(shapes):
    """For every weight but the last: where it is, its shape, and where its square matrices of rows and of columns are.

    ``shapes``: those of the layers in the flat vector, weights (inputs, outputs). The squares, matrices of (inputs, inputs)
    and of (outputs, outputs), lie one after the other in two flat vectors of their own. Returns a list of tuples.
    """
    ends = [0, *accumulate(map(prod, shapes))]
    weights = [(start, shape) for start, shape in zip(ends, shapes) if len(shape) == 2][:-1]
    squares = [[0, *accumulate(shape[side] ** 2 for _, shape in weights)] for side in (0, 1)]
    return [
        (np.s_[..., start : start + prod(shape)], shape, *(np.s_[..., a:b] for a, b in sides))
        for (start, shape), *sides in zip(weights, *map(pairwise, squares))
    ]


HIDDEN = hidden(NETWORK.shapes)


def folded(flat, *shape):
    """A flat vector as matrices, after the axes of runs."""
    return flat.reshape(*flat.shape[:-1], *shape)


def muon(theta, g, t, m, v, *, lr=1e-3, mu=0.95):
    """Muon for hidden weights, whose update is made as long as Adam's usually is: 0.2 in root mean square.

    State: as in :func:`lib.rules.adam`; of hidden weights ``m`` is Muon's.
    Source: Jordan et al. 2024; of the 0.2: Liu et al. 2025. PyTorch: ``Muon(adjust_lr_fn="match_rms_adamw")``.
    """
    new, new_m, v = adam(theta, g, t, m, v, lr=lr)
    for part, shape, _, _ in HIDDEN:
        slow = mu * m[part] + (1 - mu) * g[part]
        update = 0.2 * max(shape) ** 0.5 * matrices.quintic(folded(mu * slow + (1 - mu) * g[part], *shape))
        new[part], new_m[part] = theta[part] - lr * update.reshape(slow.shape), slow
    return new, new_m, v


def soap(theta, g, t, m, v, L, R, QL, QR, *, lr=3e-3):
    """SOAP for hidden weights.

    State: as in :func:`lib.matrices.soap`, the square matrices of all layers one after the other in flat vectors, as
    long as ``soap.sizes`` say.
    """
    results = *adam(theta, g, t, m, v, lr=lr), *(np.array(side) for side in (L, R, QL, QR))
    for part, (rows, columns), left, right in HIDDEN:
        weight, *squares = (part, rows, columns), (left, rows, rows), (right, columns, columns)
        places = (weight,) * 3 + (*squares, *squares)
        given = [folded(array[at], *shape) for array, (at, *shape) in zip((theta, m, v, L, R, QL, QR), places)]
        gradient, rate = folded(g[part], rows, columns), np.expand_dims(lr, -1)
        for result, (at, *_), array in zip(results, places, matrices.soap(given[0], gradient, t, *given[1:], lr=rate)):
            result[at] = array.reshape(result[at].shape)
    return results


_SQUARES = [sum(shape[side] ** 2 for _, shape, _, _ in HIDDEN) for side in (0, 1)]
soap.sizes = NETWORK.size, NETWORK.size, *_SQUARES, *_SQUARES
