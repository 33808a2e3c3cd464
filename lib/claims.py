"""The ledger of checked claims: every statement of the book is checked where it stands.

A chapter states a theorem under a label and checks it in a cell beside it, with a form of statement for each part:
``claim("sgd-floor", identity(floor, formula), equal(measured, 0.25, within=0.002), seed=0)``. Each form is evaluated
twice: as it stands, where it must hold, and with its statement changed a little (a constant moved by 1 %, a term of an
identity changed, a bound moved or turned round, the order reversed), where it must fail. A check that cannot tell the
difference is too weak, and is refused as a false one is. So is what says nothing: an empty array, cases
of which there are none. ``always`` and ``holds`` take truth values and have no constant to move: they are for what no
other form can say, and ``tests/test_notebooks.py`` refuses numbers in them that another form could move.
"""

import numbers
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import sympy as sp

KINDS = ("proved", "exhaustive", "measured")
MOVE = sp.Rational(1, 100)
REACHED = 0.995  # a bound is attained by what comes this close: less than half of MOVE away
ROUNDING = 1e-12  # and may be passed by as much as floating point rounds
TRUTHS = (bool, np.bool_, sp.logic.boolalg.BooleanTrue, sp.logic.boolalg.BooleanFalse)
SAMPLES = [*map(sp.Rational, "2 3 5 7 11 4 6 0 -2 -3 2/13 5/13 8/13 11/13 -4/13 30/13".split())]


class ClaimFailed(AssertionError):
    """A statement of the book that did not hold."""


class ClaimTooWeak(AssertionError):
    """A check that would also pass if the statement were wrong."""


class Check(NamedTuple):
    """One part of a claim: how it is known, what is wrong with it, which changes of it would pass, its tolerance."""

    kind: str
    problem: str = ""
    survivors: tuple[str, ...] = ()
    within: float = 0.0


def claim(label, *checks, seed=None):
    """Check the statement ``label`` of the book: every one of ``checks``, made by the functions below, must hold.

    ``seed`` is the seed of what was measured. Prints one line that never changes: the label and how the statement is
    known, *proved*, *exhaustive* or *measured*. Raises :class:`ClaimFailed` where a check does not hold,
    :class:`ClaimTooWeak` where one would pass all the same if the statement were wrong, ``TypeError`` for what is no
    check, and ``ValueError`` without any.

        >>> claim("squares-end-so", always(n * n % 10 not in (2, 3, 7, 8) for n in range(10)))
        ✓ squares-end-so: exhaustive
        >>> claim("mean-of-three", equal(np.mean([1.0, 2.0, 3.0]), 2, within=1e-12), seed=0)
        ✓ mean-of-three: measured, seed 0, within 1e-12
    """
    if not isinstance(label, str) or not label:
        raise TypeError(f"The first argument is the label of a statement, got {label!r}.")
    if seed is not None and (isinstance(seed, TRUTHS) or not isinstance(seed, numbers.Integral)):
        raise TypeError(f"{label}: seed must be a whole number, got {seed!r}.")
    if not checks:
        raise ValueError(f"{label}: nothing to check.")
    for position, check in enumerate(checks, 1):
        where = f"{label}, check {position} of {len(checks)}"
        if not isinstance(check, Check):
            raise TypeError(f"{where}: use identity, equal, at_most, at_least, ordered, always, holds; got {check!r}.")
        if check.problem:
            raise ClaimFailed(f"{where}, does not hold: {check.problem}.")
        if check.survivors:
            raise ClaimTooWeak(f"{where}, would also hold with {' and with '.join(check.survivors)}.")
    kinds = [kind for kind in KINDS if any(check.kind == kind for check in checks)]
    tolerances = sorted({check.within for check in checks if check.within})
    words = [" and ".join(kinds)] + ([] if seed is None else [f"seed {seed}"])
    print(f"✓ {label}: {', '.join(words + [f'within {within:g}' for within in tolerances])}")


def identity(left, right):
    """Two SymPy expressions, or matrices of the same shape, are the same for all values of their symbols: *proved*.

    SymPy must show it, and numbers put in for the symbols must agree. Both sides are exact: fractions, no decimals.
    Refused unless numbers refute it with ``right``, and with each term of ``right``, changed by 1 %.
    """
    pairs = [*zip(_entries(left), _entries(right))]
    if np.shape(left) != np.shape(right):
        raise ValueError(f"identity needs two sides of the same shape, got {left} and {right}.")
    problem = next(filter(None, (_problem(*pair) for pair in pairs)), "")
    changed = [] if problem else [(one, *change) for one, other in pairs for change in _changes(other)]
    return Check("proved", problem, tuple(name for one, name, other in changed if not _refuted(one, other)))


@np.errstate(over="ignore", invalid="ignore")
def equal(value, constant, within=0.0):
    """A number, or each of an array of numbers, is ``constant``, up to the share ``within`` of it.

    ``constant`` is one number or has the shape of ``value``. *proved* for an exact number of SymPy's or ``Fraction``,
    *exhaustive* for an array of them, *measured* for all else, whole numbers too: they may count what was measured.
    Refused where it would also hold with the constant moved by 1 %: each number of a list alone, an array of NumPy's,
    such as a formula predicts, as a whole. So ``within`` is less than 1 %, and with half of that it is always fine.
    """
    if isinstance(within, TRUTHS) or not isinstance(within, numbers.Real) or not 0 <= within < MOVE:
        raise ValueError(f"within must be a share from 0 to less than 0.01, got {within!r}.")
    found, target = _pair("constant", value, constant)
    kind = "measured"
    if not within and all(map(_is_exact, [*found, *target])):
        same = lambda other: np.array([sp.simplify(gap) == 0 for gap in found - other])
        if any(isinstance(number, (Fraction, sp.Basic)) for number in found):
            kind = "exhaustive" if np.ndim(value) else "proved"
    else:
        found, target = _floats(found), _floats(target)
        same = lambda other: np.abs(found - other) <= within * np.abs(other)
    words = f"{_brief(found)} is not {_brief(target)}" + f" within {within:g}" * bool(within)
    passes = np.any if isinstance(constant, (list, tuple)) else np.all
    survivors = _survivors("the constant", target, lambda other: passes(same(other)))
    return Check(kind, "" if np.all(same(target)) else words, survivors, float(within))


def at_most(value, bound, attained=False):
    """Every number of ``value`` is at most ``bound``; if ``attained``, one of them comes within half a percent of it.

    ``bound`` is one number or has the shape of ``value``. Refused where it would also hold the other way round, or, if
    attained, with the bound moved by 1 %.
    """
    return _bounded("most", value, bound, attained)


def at_least(value, bound, attained=False):
    """Every number of ``value`` is at least ``bound``; all else is as in :func:`at_most`."""
    return _bounded("least", value, bound, attained)


def ordered(*values):
    """Each value is less than the next, two or more; arrays of one shape element by element, a number with all.

    Infinity is more than any number, so that a run that diverged has its place.
    """
    if len(values) < 2:
        raise ValueError("ordered needs two values or more.")
    found = [*map(_floats, _rows(*values))]
    rises = lambda chain: all(np.all(a < b) for a, b in zip(chain, chain[1:]))
    problem = "" if rises(found) else f"{', '.join(map(_brief, found))} are not in this order"
    return Check("measured", problem, ("the order reversed",) if rises(found[::-1]) else ())


def always(cases):
    """Every one of ``cases``, which are all that there are, is true: *exhaustive*."""
    if not np.iterable(cases):
        raise TypeError(f"always needs the cases one by one, got {cases!r}.")
    found = [_truth(case) for case in cases]
    if not found:
        raise ValueError("always: there is no case, which says nothing.")
    return Check("exhaustive", "" if all(found) else f"case {found.index(False) + 1} of {len(found)} is false")


def holds(condition):
    """A condition is true: *proved* if it is SymPy's, else *measured*. For what no other form can say."""
    kind = "proved" if isinstance(condition, sp.Basic) else "measured"
    return Check(kind, "" if _truth(condition) else "the condition is false")


# Expressions.


def _entries(side):
    """The entries of a matrix, or an expression alone, all exact and finite."""
    entries = [*side] if isinstance(side, sp.MatrixBase) else [side]
    if not entries:
        raise ValueError("identity: an empty matrix says nothing.")
    for entry in entries:
        if isinstance(entry, (sp.MatrixExpr, *TRUTHS)) or not isinstance(entry, (sp.Expr, int, Fraction)):
            raise TypeError(f"identity needs exact expressions or matrices of SymPy, got {entry!r}.")
        if sp.sympify(entry).has(sp.Float):
            raise TypeError(f"identity is exact: write a fraction for the decimal number in {entry}.")
        if not sp.sympify(entry).is_finite and not sp.sympify(entry).free_symbols:
            raise ValueError(f"identity needs finite sides, got {entry}.")
    return [*map(sp.sympify, entries)]


def _problem(left, right):
    """What is wrong with an identity; nothing if SymPy shows it and numbers agree."""
    if _refuted(left, right, undecided=False):
        return f"{left} and {right} differ"
    return "" if sp.simplify(left - right) == 0 else f"SymPy cannot show that {left} and {right} are the same"


def _changes(right):
    """The right side of an identity with a term changed, and what was changed."""
    if sp.simplify(right) == 0:
        return [("a hundredth added to its right side", right + MOVE)]
    terms = right.args if isinstance(right, sp.Add) else ()
    return [
        ("its right side moved by 1 %", right * (1 + MOVE)),
        *((f"the term {term} moved by 1 %", right + MOVE * term) for term in terms),
    ]


def _refuted(left, right, undecided=None):
    """Whether numbers put in for the symbols tell two expressions apart.

    Where no numbers can be put in, ``undecided``, or else whether SymPy cannot make the two the same.
    """
    symbols, compared = sorted(left.free_symbols | right.free_symbols, key=str), False
    for turn in range(4 if symbols else 1):
        point = _point(symbols, turn)
        if point is None:
            break
        a, b, gap = (sp.N(side.subs(point).doit(), 50) for side in (left, right, left - right))
        if a.is_number and b.is_number and a.is_finite and b.is_finite:
            compared = True
            if _is_significant(gap) and abs(gap) > 1e-9 * max(abs(a), abs(b)):
                return True
    if compared:
        return False
    return sp.simplify(left - right) != 0 if undecided is None else undecided


def _is_significant(number):
    """Whether a digit of what SymPy computed is known: differences that cancel leave noise of one bit."""
    return all(part._prec > 1 for part in number.atoms(sp.Float))


def _point(symbols, turn):
    """Numbers for the symbols that their assumptions allow, other ones each turn; None where there are none."""
    point = {}
    for position, symbol in enumerate(symbols):
        allowed = [number for number in SAMPLES if _allows(symbol, number)]
        if not allowed:
            return None
        point[symbol] = allowed[(3 * turn + position) % len(allowed)]
    return point


def _allows(symbol, number):
    facts = symbol.assumptions0.items()
    return all(getattr(number, f"is_{fact}", None) in (truth, None) for fact, truth in facts)


# Numbers.


@np.errstate(over="ignore", invalid="ignore")
def _bounded(side, value, bound, attained):
    if not isinstance(attained, TRUTHS):
        raise TypeError(f"attained must be True or False, got {attained!r}.")
    found, target = map(_floats, _pair("bound", value, bound))
    slack = ROUNDING if attained else 0
    up = 1 if side == "most" else -1
    kept = lambda limit, way: bool(np.all(way * found <= way * limit + slack * np.abs(limit)))
    near = lambda limit: bool(np.any(np.abs(found - limit) <= (1 - REACHED) * np.abs(limit)))
    problem = ""
    if not np.all(np.isfinite(found)) or not kept(target, up):
        problem = f"{_brief(found)} is not at {side} {_brief(target)}"
    elif attained and not near(target):
        problem = f"{_brief(found)} does not attain {_brief(target)}"
    if attained:
        survivors = _survivors("the bound", target, lambda limit: kept(limit, up) and near(limit))
    else:
        survivors = ("the bound on the other side",) if kept(target, -up) else ()
    return Check("measured", problem, survivors)


def _survivors(what, row, passes):
    """The moves of a row of numbers by 1 % that pass; where there is a zero, it moves by a hundredth."""
    hundredth = Fraction(1, 100) if row.dtype == object else 0.01
    moves = {percent: row + percent * hundredth * np.where(row == 0, 1, row) for percent in (1, -1)}
    return tuple(f"{what} moved by {percent:+d} %" for percent, moved in moves.items() if passes(moved))


def _pair(what, value, constant):
    """The rows of a value and of what it is compared with, which is finite and does not make the value longer."""
    found, target = _rows(value, constant)
    if not np.size(value) == len(found) >= len(target):
        raise ValueError(f"the {what} must be a number or have the shape {np.shape(value)}, got {np.shape(constant)}.")
    if not all(sp.sympify(number).is_finite for number in target):
        raise ValueError(f"the {what} must be finite, got {_brief(target)}.")
    return found, target


def _rows(*values):
    """The numbers of each value in a row; arrays have the same axes, of which one may be 1 long, and are made alike."""
    shapes = [_shape(value) for value in values]
    arrays = [shape for shape in shapes if shape]
    if any(len({*sizes} - {1}) > 1 for sizes in zip_longest(*arrays)):
        raise ValueError(f"numbers, or arrays with the same axes, are needed, got the shapes {shapes}.")
    common = np.broadcast_shapes(*arrays)
    rows = [np.broadcast_to(np.asarray(v, object), common if shape else ()).ravel() for v, shape in zip(values, shapes)]
    if not all(map(len, rows)):
        raise ValueError("an empty array says nothing.")
    for number in (number for row in rows for number in row):
        if isinstance(number, TRUTHS) or not isinstance(number, (numbers.Complex, sp.Expr)):
            raise TypeError(f"a number is needed, got {number!r}.")
        if isinstance(number, sp.Expr) and not number.is_number:
            raise TypeError(f"a number is needed, got {number}, which has symbols: use identity.")
    return rows


def _shape(value):
    try:
        return np.shape(value)
    except ValueError:
        raise ValueError(f"arrays need rows of one length, got {value!r}.") from None


def _floats(row):
    """A row of numbers as floats."""
    try:
        return row.astype(float)
    except (TypeError, OverflowError):
        raise TypeError(f"real numbers that a float can hold are needed, got {_brief(row)}.") from None


def _is_exact(number):
    return isinstance(number, numbers.Rational) or isinstance(number, sp.Expr) and not number.has(sp.Float)


def _brief(row):
    """The first few numbers of a row, in words short enough for a message."""
    return ", ".join(map(str, row[:4])) + ", …" * (len(row) > 4)


def _truth(condition):
    if not isinstance(condition, TRUTHS):
        raise TypeError(f"true or false is needed, got {condition!r}.")
    return bool(condition)
