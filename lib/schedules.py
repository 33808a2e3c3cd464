"""Learning-rate schedules: factors by which a step multiplies the learning rate.

A schedule is a function of the step t = 1, 2, …, and the number of ``steps`` of the whole training, and returns the
factor. ``functools.partial`` sets what else it takes: ``partial(warmup, over=100, then=cosine)``. With :func:`lib.descent.descend`
it makes a function of t alone: ``lr=lambda t: 0.1 * cosine(t, 500)``.
"""

import math


def constant(t, steps):
    """The learning rate as it is: 1."""
    return 1.0


def inverse_sqrt(t, steps):
    """1/√t, for which convex losses have an O(√T) regret: Zinkevich 2003, theorem 1; Kingma & Ba 2015, section 4."""
    return 1 / math.sqrt(t)


def linear(t, steps):
    """Straight down, from 1 at the first step to 1/steps at the last."""
    return 1 - (t - 1) / steps


def staircase(t, steps, stages=3, factor=0.1):
    """``factor`` as large in each of several ``stages`` of equal length as in the one before."""
    return factor ** ((t - 1) * stages // steps)


def cosine(t, steps, end=0.0):
    """Half a period of a cosine, from 1 towards ``end``: Loshchilov & Hutter 2017, eq. 5, without restarts."""
    return end + (1 - end) * (1 + math.cos(math.pi * (t - 1) / steps)) / 2


def warmup(t, steps, over, then=constant):
    """A schedule whose first ``over`` steps grow in a straight line to its full size: Goyal et al. 2017, section 2.2."""
    return min(1.0, t / over) * then(t, steps)


def adam_warmup(beta2=0.999):
    """How many steps Adam's warm-up should take without tuning, 2/(1 − β₂): Ma & Yarats 2021, section 5.

        >>> round(adam_warmup(0.99))
        200
    """
    return 2 / (1 - beta2)
