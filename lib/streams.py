"""Streams of gradients for one coordinate: what a rule makes of g_1, g_2, … when no loss answers.

A stream is a function ``stream(t, steps, z)`` in the house form: the gradient of step t of ``steps``, where ``z`` is a
standard normal number of that step. ``STREAMS`` has them by name, :func:`gradients` makes the array.
"""

import inspect

import numpy as np

from .arguments import whole
from .descent import generator
from .losses import normals


def constant(t, steps, z):
    """The same gradient at every step."""
    return 1


def noisy(t, steps, z):
    """A small gradient in noise of twice its size."""
    return 0.5 + z


def sparse(t, steps, z):
    """A gradient at every tenth step only, as that of a rare word."""
    return np.where(np.mod(t, 10) > 0, 0, 1)


def flipping(t, steps, z):
    """A gradient that changes its sign at every step, as across a narrow valley."""
    return (-1) ** t


def drifting(t, steps, z):
    """A gradient that falls from 1 to −1, with some noise."""
    return 1 - 2 * t / steps + 0.2 * z


STREAMS = {stream.__name__: stream for stream in (constant, noisy, sparse, flipping, drifting)}


def gradients(stream, steps, seed=0, **hyper):
    """The gradients g_1, …, g_steps of a stream as an array of floats.

    ``stream`` is one of ``STREAMS``, or a worst stream of :mod:`lib.bounds`, to which ``hyper`` gives its
    hyper-parameters; others in ``hyper`` are left out. The noise starts from ``seed`` as in
    :func:`lib.descent.generator`. Raises ``ValueError`` for a seed that it does not take and for ``steps`` that are no
    whole number from 0, ``TypeError`` for a stream that is no function.
    """
    if not callable(stream):
        raise TypeError(f"stream must be a function, such as one of lib.streams.STREAMS; got {stream!r}.")
    whole("steps", steps)
    rng = generator(seed)
    parameters = inspect.signature(stream).parameters
    given = {name: value for name, value in hyper.items() if name in parameters}
    z = [normals(rng, 1)[0] for _ in range(steps)]
    arguments = {"steps": steps} | given
    with np.errstate(over="ignore", invalid="ignore"):
        values = [stream(t, **arguments, **({"z": z[t - 1]} if "z" in parameters else {})) for t in range(1, steps + 1)]
    return np.array(values, float)
