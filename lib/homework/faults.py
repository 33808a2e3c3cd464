"""Faulty rules: a rule of the book with some of its text changed."""

import inspect
import textwrap

import numpy as np


def faulty(rule, *changes):
    """The rule with each ``(old, new)`` of ``changes`` made in its source.

    Raises ``ValueError`` for an ``old`` that does not stand in the source exactly once, so that no fault is made of
    nothing.

        >>> from lib.rules import sgd
        >>> uphill = faulty(sgd, ("theta - lr * g", "theta + lr * g"))
        >>> uphill(np.array([1.0]), np.array([2.0]), 1, lr=0.5)
        (array([2.]),)
    """
    source = textwrap.dedent(inspect.getsource(rule))
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in {rule.__name__}; it must stand there once")
        source = source.replace(old, new)
    scope = {"np": np}
    exec(compile(source, f"<faulty {rule.__name__}>", "exec"), scope)
    return scope[rule.__name__]
