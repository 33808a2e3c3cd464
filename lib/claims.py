"""The ledger of checked claims: every statement of the book is checked where it stands.

A chapter states a theorem under a label and checks it in a cell beside it, with a form of statement for each part:
``claim("sgd-floor", identity(floor, formula), equal(measured, 0.25, within=0.002), seed=0)``. Each form is evaluated
twice: as it stands, where it must hold, and with its statement changed a little (a constant moved by 1 %, a term of an
identity changed, a bound tightened or loosened, the order reversed), where it must fail. A check that cannot tell the
difference is too weak, and is refused as a false one is.
"""

from typing import NamedTuple

import numpy as np
import sympy as sp

MOVE = sp.Rational(1, 100)
REACHED = 0.995  # a bound is attained by what comes this close: less than half of MOVE away


class ClaimFailed(AssertionError):
    """A statement of the book that did not hold."""


class ClaimTooWeak(AssertionError):
    """A check that would also pass if the statement were wrong."""


class Check(NamedTuple):
    """One part of a claim: how it is known, whether it holds, which changes of it would pass, and its tolerance."""

    kind: str
    holds: bool
    survivors: tuple[str, ...] = ()
    within: float = 0.0


def claim(label, *checks, seed=None):
    """Check the statement ``label`` of the book: every one of ``checks``, made by the functions below, must hold.

    ``seed`` is the seed of what was measured. Prints one line that never changes: the label and how the statement is
    known, *proved*, *exhaustive* or *measured*. Raises :class:`ClaimFailed` where a check does not hold,
    :class:`ClaimTooWeak` where one would pass all the same if the statement were wrong, ``TypeError`` for what is no
    check, and ``ValueError`` without any.

        >>> claim("two-is-even", always(n % 2 == 0 for n in [2]))
        ✓ two-is-even: exhaustive
        >>> claim("mean-of-three", equal(np.mean([1.0, 2.0, 3.0]), 2, within=1e-12), seed=0)
        ✓ mean-of-three: measured, seed 0, within 1e-12
    """
    if not checks:
        raise ValueError(f"{label}: nothing to check.")
    for position, check in enumerate(checks, 1):
        where = f"{label}, check {position} of {len(checks)}"
        if not isinstance(check, Check):
            raise TypeError(f"{where}: use identity, equal, at_most, at_least, ordered, always or holds; got {check!r}.")
        if not check.holds:
            raise ClaimFailed(f"{where}, does not hold.")
        if check.survivors:
            raise ClaimTooWeak(f"{where}, would also hold with {' and with '.join(check.survivors)}.")
    kinds = dict.fromkeys(check.kind for check in checks)
    tolerances = sorted({check.within for check in checks if check.within})
    words = [" and ".join(kinds)] + ([] if seed is None else [f"seed {seed}"])
    print(f"✓ {label}: {', '.join(words + [f'within {within:g}' for within in tolerances])}")


def identity(left, right):
    """Two SymPy expressions, or matrices of the same shape, are the same for all values of their symbols.

    Refused where it would also hold with a term of ``right`` changed by 1 %.
    """
    left, right = sp.sympify(left), sp.sympify(right)
    changed = {"its right side moved by 1 %": _moved(right)}
    if isinstance(right, sp.Add):
        changed |= {f"the term {term} moved by 1 %": right + MOVE * term for term in right.args}
    return _check("proved", lambda other: _is_zero(left - other), right, changed)


def equal(value, constant, within=0.0):
    """A number, or each of an array of numbers, is ``constant``, up to the share ``within`` of it.

    *proved* for one exact number (whole, fraction, SymPy's), *exhaustive* for several, *measured* for floating point.
    Refused where it would also hold with the constant moved by 1 %, so ``within`` is less than that.
    """
    exact = not within and all(_is_exact(number) for each in (value, constant) for number in np.ravel(each))
    if exact:
        kind = "exhaustive" if np.ndim(value) else "proved"
        same = lambda other: bool(np.all(np.equal(value, other)))
    else:
        kind, value, constant = "measured", np.asarray(value, float), np.asarray(constant, float)
        same = lambda other: bool(np.all(np.abs(value - other) <= within * np.abs(other)))
    return _check(kind, same, constant, _around("the constant", constant))._replace(within=within)


def at_most(value, bound, attained=False):
    """Every number of ``value`` is at most ``bound``; if ``attained``, one of them comes within half a percent of it.

    Refused where it would also hold the other way round, or, if attained, with the bound moved by 1 %.
    """
    return _bounded(value, bound, attained, 1)


def at_least(value, bound, attained=False):
    """Every number of ``value`` is at least ``bound``; all else is as in :func:`at_most`."""
    return _bounded(value, bound, attained, -1)


def ordered(*values):
    """Each value is less than the next, two or more; arrays element by element, and where they are broadcast."""
    if len(values) < 2:
        raise ValueError("ordered needs two values or more.")
    rises = lambda found: all(bool(np.all(np.less(a, b))) for a, b in zip(found, found[1:]))
    return _check("measured", rises, values, {"the order reversed": values[::-1]})


def always(cases):
    """Every one of ``cases``, which are all that there are, is true."""
    found = [_truth(case) for case in cases]
    return Check("exhaustive", bool(found) and all(found))


def holds(condition):
    """A condition is true: *proved* if it is SymPy's, else *measured*. For what no other form can say."""
    return Check("proved" if isinstance(condition, sp.logic.boolalg.Boolean) else "measured", _truth(condition))


def _check(kind, passes, statement, changed):
    survivors = tuple(name for name, other in changed.items() if passes(other))
    return Check(kind, passes(statement), survivors)


def _bounded(value, bound, attained, side):
    value, bound = np.broadcast_arrays(np.asarray(value, float), np.asarray(bound, float))
    kept = lambda limit, way: bool(np.all(way * value <= way * limit))
    near = lambda limit: bool(np.any(np.abs(value - limit) <= (1 - REACHED) * np.abs(limit)))
    if not attained:
        return _check("measured", lambda way: kept(bound, way), side, {"the bound on the other side": -side})
    return _check("measured", lambda limit: kept(limit, side) and near(limit), bound, _around("the bound", bound))


def _is_exact(number):
    return isinstance(number, sp.Basic) or hasattr(number, "numerator")


def _is_zero(difference):
    return sp.simplify(difference) == (sp.zeros(*difference.shape) if isinstance(difference, sp.MatrixBase) else 0)


def _moved(value):
    if _is_zero(value):
        return value + MOVE * (sp.ones(*value.shape) if isinstance(value, sp.MatrixBase) else 1)
    return value * (1 + MOVE)


def _around(what, constant):
    """The constant moved by 1 % both ways; a zero moved by a hundredth."""
    numbers = np.ravel(constant)
    return {
        f"{what} moved by {percent:+d} %": np.reshape(
            [number * (100 + percent) / 100 if number else percent / 100 for number in numbers], np.shape(constant)
        )
        for percent in (1, -1)
    }


def _truth(condition):
    if type(condition).__name__ not in ("bool", "bool_", "BooleanTrue", "BooleanFalse"):
        raise TypeError(f"true or false is needed, got {condition!r}.")
    return bool(condition)
