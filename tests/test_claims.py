"""A claim prints one stable line when it holds, and stops the chapter when it does not or says too little."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from lib import claims
from lib.claims import (
    ClaimFailed, ClaimTooWeak, always, at_least, at_most, claim, equal, holds, identity, ordered,
)  # fmt: skip

x, y = sp.symbols("x y")
p, q = sp.symbols("p q", positive=True)
n = sp.symbols("n", integer=True, positive=True)
i = sp.symbols("i", integer=True)
f = sp.Function("f")
A, B = sp.symbols("A B", commutative=False)
M = sp.Matrix([[x, 0], [1, y]])
RNG = np.random.default_rng(0)
NOISY = 1 + 0.003 * RNG.standard_normal(50)

# What holds: the check, and how it is known.

GOOD = {
    "an expansion": (lambda: identity((x + y) ** 2, x**2 + 2 * x * y + y**2), "proved"),
    "a fraction": (lambda: identity(x / Fraction(2), x * Fraction(1, 2)), "proved"),
    "a zero": (lambda: identity(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1, 0), "proved"),
    "only for positive": (lambda: identity(sp.sqrt(p**2), p), "proved"),
    "a symbolic power": (lambda: identity(p ** (n + 1) - p**n, p**n * (p - 1)), "proved"),
    "a symbolic sum": (lambda: identity(sp.Sum(i, (i, 1, n)), n * (n + 1) / 2), "proved"),
    "an integral": (lambda: identity(sp.integrate(sp.exp(-p * x), (x, 0, sp.oo)), 1 / p), "proved"),
    "very small": (lambda: identity(sp.exp(-1000 * p), sp.exp(-500 * p) ** 2), "proved"),
    "any function": (lambda: identity(2 * f(x).diff(x), (f(x) + f(x)).diff(x)), "proved"),
    "symbols that do not commute": (lambda: identity((A + B) ** 2, A**2 + A * B + B * A + B**2), "proved"),
    "matrices": (lambda: identity(M * M, sp.Matrix([[x**2, 0], [x + y, y**2]])), "proved"),
    "an exact number": (lambda: equal(sp.sqrt(5 + 2 * sp.sqrt(6)), sp.sqrt(2) + sp.sqrt(3)), "proved"),
    "an exact zero": (lambda: equal(sp.sqrt(2) ** 2 - 2, 0), "proved"),
    "a fraction and SymPy's": (lambda: equal(Fraction(1, 3), sp.Rational(1, 3)), "proved"),
    "fractions": (lambda: equal([Fraction(1, 3), Fraction(0)], [Fraction(1, 3), 0]), "exhaustive"),
    "a matrix of numbers": (lambda: equal(sp.Matrix([1, 2]), sp.Matrix([1, 2])), "exhaustive"),
    "a count": (lambda: equal(12, 12), "measured"),
    "great counts": (lambda: equal(2**100, 2**100), "measured"),
    "counts": (lambda: equal(np.arange(3), [0, 1, 2]), "measured"),
    "an exact float": (lambda: equal(0.5, Fraction(1, 2)), "measured"),
    "a float that is zero": (lambda: equal(np.zeros(3), 0), "measured"),
    "about a number": (lambda: equal(0.2503, 0.25, within=0.002), "measured"),
    "about a negative number": (lambda: equal(-0.2503, -0.25, within=0.002), "measured"),
    "about a number of SymPy's": (lambda: equal(1.414, sp.sqrt(2), within=0.001), "measured"),
    "about one number": (lambda: equal([0.996, 1.004], 1, within=0.005), "measured"),
    "about several": (lambda: equal([[1.001, 2.0]], [[1, 2]], within=0.002), "measured"),
    "below": (lambda: at_most([0.2, 0.7], 1), "measured"),
    "below, negative": (lambda: at_most(-3.0, -2), "measured"),
    "below zero": (lambda: at_most(-1e-9, 0), "measured"),
    "below an array": (lambda: at_most([0.2, 0.7], [0.3, 0.7]), "measured"),
    "attained": (lambda: at_most([0.2, 0.997], 1, attained=True), "measured"),
    "attained up to rounding": (lambda: at_most(0.1 + 0.2, 0.3, attained=True), "measured"),
    "attained, up to nearly all of it": (lambda: at_most(1 + 0.9e-12, 1, attained=True), "measured"),
    "attained from above, up to nearly all of it": (lambda: at_least(1 - 0.9e-12, 1, attained=True), "measured"),
    "attained, negative": (lambda: at_most([-7, -2.004], -2, attained=True), "measured"),
    "attained at zero": (lambda: at_least([0.0, 0.5], 0, attained=True), "measured"),
    "above": (lambda: at_least(0.81, 0.8), "measured"),
    "attained from above": (lambda: at_least([1.002, 5], 1, attained=np.True_), "measured"),
    "in order": (lambda: ordered(1, 2.5, Fraction(7, 2), sp.Integer(4)), "measured"),
    "arrays in order": (lambda: ordered(0, [1, 2], [3, 4], 5), "measured"),
    "infinity in order": (lambda: ordered(1, np.inf), "measured"),
    "columns in order": (lambda: ordered([[1], [2]], [[2, 3], [4, 3]]), "measured"),
    "a column of constants": (lambda: equal(np.array([[1, 1], [2, 2]]), [[1], [2]]), "measured"),
    "a row of bounds": (lambda: at_most(np.array([[1, 3], [2, 2]]), [[2, 4]]), "measured"),
    "a prediction": (lambda: equal([1.0, 2.012], np.array([1, 2]), within=0.008), "measured"),
    "all cases": (lambda: always(k**2 >= k for k in range(10)), "exhaustive"),
    "cases of NumPy": (lambda: always(np.array([True, True])), "exhaustive"),
    "cases of SymPy": (lambda: always([sp.true, sp.Integer(3) > 2]), "exhaustive"),
    "SymPy's truth": (lambda: holds(p + q > 0), "proved"),
    "a truth": (lambda: holds("a" in "abc"), "measured"),
    "a truth of NumPy": (lambda: holds(np.array_equal(["a"], ["a"])), "measured"),
}


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.replace(" ", "-"))
def test_what_holds_is_said_and_how_it_is_known(case, capsys):
    check, kind = GOOD[case]
    claim("a-label", check())
    assert capsys.readouterr().out.split(",")[0].strip() == f"✓ a-label: {kind}"


def test_the_line_names_kinds_seed_and_tolerances_once(capsys):
    near = [equal(1.001, 1, within=within) for within in (0.004, 0.002, 0.004)]
    claim("sgd-floor", identity(x + x, 2 * x), *near, always([True]), ordered(1, 2), seed=np.int64(7))
    expected = "✓ sgd-floor: proved and exhaustive and measured, seed 7, within 0.002, within 0.004\n"
    assert capsys.readouterr().out == expected


# What does not.

FALSE = {
    "another expression": (lambda: identity((x + y) ** 2, x**2 + y**2), "differ"),
    "a symbol on one side": (lambda: identity(x, 2), "x and 2 differ"),
    "not for negative": (lambda: identity(sp.sqrt(x**2), x), "differ"),
    "not for all n": (lambda: identity(sp.Sum(i, (i, 1, n)), n**2), "differ"),
    "other functions": (lambda: identity(f(x), f(y)), "SymPy cannot show"),
    "hard for SymPy": (lambda: identity(sp.Sum(p**i, (i, 0, n - 1)), (1 - p**n) / (1 - p)), "SymPy cannot show"),
    "in the wrong order": (lambda: identity(A * B, B * A), "SymPy cannot show"),
    "one entry of a matrix": (lambda: identity(M, sp.Matrix([[x, 0], [1, 2 * y]])), "y and 2.y differ"),
    "two numbers": (lambda: identity(sp.sqrt(2), sp.Rational(3, 2)), "sqrt.2. and 3/2 differ"),
    "another number": (lambda: equal(sp.sqrt(2), sp.Rational(7, 5)), "sqrt.2. is not 7/5"),
    "another count": (lambda: equal(2**100 + 1, 2**100), "is not"),
    "rounding": (lambda: equal(0.1 + 0.2, 0.3), "0.30000000000000004 is not 0.3"),
    "four of several": (lambda: equal([1.0, 1.0, 1.0, 1.1], 1), "1.0, 1.0, 1.0, 1.1 is not 1.0"),
    "too far": (lambda: equal(0.2507, 0.25, within=0.002), "0.2507 is not 0.25 within 0.002"),
    "one of several": (lambda: equal([1.0, 1.0, 1.1, 1.0, 1.0], 1, within=0.002), "1.0, 1.0, 1.1, 1.0, … is not 1.0"),
    "NaN": (lambda: equal(np.nan, 1, within=0.002), "nan is not"),
    "NaN among others": (lambda: equal([1, np.nan], 1, within=0.002), "nan is not"),
    "SymPy's NaN": (lambda: equal(sp.nan, 1), "nan is not"),
    "infinity": (lambda: equal(np.inf, 1, within=0.002), "inf is not"),
    "SymPy's infinity": (lambda: equal(sp.oo, 1), "oo is not"),
    "nearly zero": (lambda: equal(1e-9, 0, within=0.009), "1e-09 is not"),
    "above the bound": (lambda: at_most([0.5, 1.01], 1), "0.5, 1.01 is not at most 1"),
    "above by rounding": (lambda: at_most(0.1 + 0.2, 0.3), "not at most"),
    "above one bound": (lambda: at_most([0.5, 0.5], [0.6, 0.4]), "not at most"),
    "below the bound": (lambda: at_least(-2.1, -2), "-2.1 is not at least -2"),
    "NaN below": (lambda: at_most(np.nan, 1), "nan is not at most"),
    "NaN attained": (lambda: at_most([np.nan, 1], 1, attained=True), "not at most"),
    "minus infinity below": (lambda: at_most(-np.inf, 1), "-inf is not at most"),
    "infinity above": (lambda: at_least([2, np.inf], 1), "inf is not at least"),
    "not attained": (lambda: at_most([0.2, 0.99], 1, attained=True), "does not attain 1"),
    "attained and above by more than rounding": (lambda: at_most(1 + 1.1e-12, 1, attained=True), "not at most"),
    "attained and below by more than rounding": (lambda: at_least(1 - 1.1e-12, 1, attained=True), "not at least"),
    "above and attained": (lambda: at_most([1.0, 1.001], 1, attained=True), "not at most"),
    "not in order": (lambda: ordered(1, 3, 2), "1.0, 3.0, 2.0 are not in this order"),
    "equal": (lambda: ordered(1, 1), "order"),
    "one pair not in order": (lambda: ordered([1, 2], [3, 2]), "order"),
    "NaN in order": (lambda: ordered(1, np.nan, 2), "order"),
    "infinities in order": (lambda: ordered(np.inf, np.inf), "order"),
    "a case": (lambda: always(k != 3 for k in range(5)), "case 4 of 5 is false"),
    "a case of NumPy": (lambda: always(np.array([True, False])), "case 2 of 2"),
    "a condition": (lambda: holds(np.bool_(False)), "the condition is false"),
    "a condition of SymPy": (lambda: holds(p < 0), "the condition is false"),
}


@pytest.mark.parametrize("case", FALSE, ids=lambda case: case.replace(" ", "-"))
def test_what_does_not_hold_stops_the_chapter_and_says_why(case, capsys):
    check, reason = FALSE[case]
    with pytest.raises(ClaimFailed, match=f"a-label, check 2 of 2, does not hold: .*{reason}"):
        claim("a-label", holds(True), check())
    assert capsys.readouterr().out == ""


# What holds and would also hold if the statement were wrong.

WEAK = {
    "a term that is nothing": (lambda: identity(x, x + f(0) * (sp.cos(1) ** 2 + sp.sin(1) ** 2 - 1)), "the term"),
    "a term that is too small": (lambda: identity(1 + x / 10**12, 1 + x / 10**12), "the term x/1000000000000"),
    "just at the edge": (lambda: equal(1.00009, 1, within=0.0099), "the constant moved by .1 %"),
    "near the edge": (lambda: equal(1.006, 1, within=0.008), "the constant moved by .1 %"),
    "near the lower edge": (lambda: equal(-0.994, -1, within=0.008), "the constant moved by -1 %"),
    "one of several constants": (lambda: equal([1.0, 2.012], [1, 2], within=0.008), "the constant moved by .1 %"),
    "an equality as a bound": (lambda: at_most([2, 2], 2), "the bound on the other side"),
    "an equality from above": (lambda: at_least(0, 0), "the bound on the other side"),
}


@pytest.mark.parametrize("case", WEAK, ids=lambda case: case.replace(" ", "-"))
def test_what_would_also_hold_if_it_were_wrong_is_refused(case, capsys):
    check, change = WEAK[case]
    with pytest.raises(ClaimTooWeak, match=f"a-label, check 1 of 1, would also hold with .*{change}"):
        claim("a-label", check())
    assert capsys.readouterr().out == ""


def passes(check):
    try:
        claim("a-label", check)
    except (ClaimFailed, ClaimTooWeak):
        return False
    return True


@pytest.mark.parametrize("percent", [-1, 1])
@pytest.mark.parametrize("constant", [3, -3, 1e-12, 7e30, Fraction(-2, 7), sp.sqrt(2)])
def test_a_moved_constant_never_passes(constant, percent):
    """Whatever the value and the tolerance: what passes for a constant does not pass for it moved by 1 %."""
    moved = constant + percent * constant / 100
    for offset in np.linspace(-0.012, 0.012, 25):
        value = float(constant) * (1 + offset)
        for form in (
            *(lambda c, w=within: equal(value, c, within=w) for within in (0.0, 0.001, 0.004, 0.007, 0.0099)),
            lambda c: at_most([value, value - 5 * abs(value)], c, attained=True),
            lambda c: at_least([value, value + 5 * abs(value)], c, attained=True),
        ):  # fmt: skip
            assert not (passes(form(constant)) and passes(form(moved)))
    assert passes(equal(constant, constant)) and not passes(equal(constant, moved))


@pytest.mark.parametrize("right", [2 * x + 1, p**n - q, sp.sin(x) * y - x / 7, sp.Sum(p**i, (i, 0, n)) - 2 * p])
def test_a_changed_term_never_passes(right):
    assert passes(identity(sp.expand(3 * right) / 3, right))
    for term in right.args:
        for share in (sp.Rational(1, 100), -2, sp.Rational(-1, 10**6)):
            assert not passes(identity(right, right + share * term))


def test_what_is_changed_is_what_the_words_say():
    sides = {"its right side": 2 + x, "the term x": x, "the term 2": 2}
    changed = {words.removesuffix(" moved by 1 %"): side for words, side in claims._changes(2 + x)}
    assert changed.keys() == sides.keys()
    assert all(sp.expand(changed[words] - (2 + x) - part / 100) == 0 for words, part in sides.items())
    assert [side for _, side in claims._changes(x - x)] == [sp.Rational(1, 100)]


def test_numbers_at_which_both_sides_are_infinite_are_passed_over():
    a, b = sp.symbols("a b", integer=True)
    assert passes(identity(1 / (a * b), 1 / (a * b)))
    pole = sp.Symbol("pole", integer=True)
    for number in claims.SAMPLES:
        assert passes(identity(pole / (pole - number), 1 + number / (pole - number)))


def test_the_largest_numbers_can_be_claimed():
    largest = np.finfo(float).max
    assert passes(equal(10**400, 10**400)) and not passes(equal(10**400 + 1, 10**400))
    assert passes(equal(largest, largest))
    assert passes(at_most(1.0, 1.0, attained=True)) and not passes(at_most(largest, largest, attained=True))
    assert passes(at_most([-largest, 0], largest)) and not passes(at_least(-largest, largest))


def test_a_tolerance_just_below_one_percent_will_do():
    assert passes(equal(100.0, 100.0, within=0.0099))


def test_a_chain_turned_round_never_passes():
    for _ in range(20):
        low = RNG.standard_normal(4)
        high = low + RNG.random(4)
        assert passes(ordered(low, high)) and not passes(ordered(high, low))
        assert passes(at_most(low, high)) and not passes(at_least(low, high))


@pytest.mark.parametrize("within", [0.0001, 0.001, 0.0045])
def test_half_a_percent_is_safe(within):
    """A tolerance below half a percent is never called too weak, wherever the value lies in it."""
    for value in 1 + within * np.linspace(-0.99, 0.99, 9):
        assert passes(equal(value, 1, within=within))


# What is no check at all.

MISUSED = {
    "no check": (TypeError, lambda: claim("a-label", True), "use identity, equal"),
    "an array": (TypeError, lambda: claim("a-label", np.array([True])), "use identity, equal"),
    "a form that was not called": (TypeError, lambda: claim("a-label", holds), "use identity, equal"),
    "nothing": (ValueError, lambda: claim("a-label"), "nothing to check"),
    "exactly one percent": (ValueError, lambda: equal(1.0, 1, within=Fraction(1, 100)), "within must be a share from 0 to less than"),
    "no label": (TypeError, lambda: claim(holds(True)), "label of a statement"),
    "an empty label": (TypeError, lambda: claim("", holds(True)), "label of a statement"),
    "a seed that is none": (TypeError, lambda: claim("a-label", holds(True), seed=0.5), "seed must be a whole number"),
    "a seed that is true": (TypeError, lambda: claim("a-label", holds(True), seed=True), "seed must be a whole number"),
    "a decimal number": (TypeError, lambda: identity(x / 2, 0.5 * x), "fraction for the decimal number in 0.5.x"),
    "floats": (TypeError, lambda: identity(0.5, 0.5), "exact expressions"),
    "arrays as identity": (TypeError, lambda: identity(np.array([x]), np.array([x])), "exact expressions"),
    "an equation": (TypeError, lambda: identity(sp.Eq(x, y), sp.Eq(x, y)), "exact expressions"),
    "text": (TypeError, lambda: identity("x", "x"), "exact expressions"),
    "truths": (TypeError, lambda: identity(True, True), "exact expressions"),
    "a matrix without entries": (TypeError, lambda: identity(*[sp.MatrixSymbol("X", 2, 2)] * 2), "exact expressions"),
    "infinite sides": (ValueError, lambda: identity(sp.oo, sp.oo), "finite sides"),
    "NaN on both sides": (ValueError, lambda: identity(sp.nan, sp.nan), "finite sides"),
    "an empty matrix": (ValueError, lambda: identity(sp.zeros(0, 0), sp.zeros(0, 0)), "says nothing"),
    "another shape": (ValueError, lambda: identity(sp.eye(2), sp.eye(3)), "same shape"),
    "a matrix and its entry": (ValueError, lambda: identity(sp.eye(1), 1), "same shape"),
    "a truth as number": (TypeError, lambda: equal(True, 1), "a number is needed, got True"),
    "truths as numbers": (TypeError, lambda: equal(np.array([True]), [1]), "a number is needed, got True"),
    "text as number": (TypeError, lambda: equal("1", 1), "a number is needed, got '1'"),
    "no number": (TypeError, lambda: equal([1, None], 1), "a number is needed, got None"),
    "a generator": (TypeError, lambda: equal((k for k in [1]), 1), "a number is needed, got <generator"),
    "values of a dictionary": (TypeError, lambda: equal({1: 2}.values(), 2), "a number is needed, got dict_values"),
    "a symbol": (TypeError, lambda: equal(x, x), "has symbols: use identity"),
    "complex": (TypeError, lambda: equal(1 + 0j, 1, within=0.001), "real numbers"),
    "complex array": (TypeError, lambda: at_most(np.array([1j]), 1), "real numbers"),
    "complex of SymPy's": (TypeError, lambda: ordered(sp.I, 1), "real numbers"),
    "an empty array": (ValueError, lambda: equal([], 1), "an empty array says nothing"),
    "an empty array of two dimensions": (ValueError, lambda: at_most(np.zeros((3, 0)), 1), "says nothing"),
    "an infinite constant": (ValueError, lambda: equal(1, np.inf, within=0.001), "constant must be finite, got inf"),
    "a constant of SymPy's": (ValueError, lambda: equal(sp.oo, sp.oo), "constant must be finite, got oo"),
    "a constant that is NaN": (ValueError, lambda: equal(1, np.nan), "constant must be finite, got nan"),
    "a shape to be repeated": (ValueError, lambda: equal(np.ones((2, 3)), np.ones(3)), r"shapes \[\(2, 3\), \(3,\)\]"),
    "a column": (ValueError, lambda: equal(np.ones((3, 1)), np.ones(3)), "shape"),
    "a number for an array": (ValueError, lambda: equal(1, [1, 1]), "shape"),
    "a value to be repeated": (ValueError, lambda: equal(np.ones((2, 1)), np.ones((2, 3))), r"shape \(2, 1\)"),
    "ragged": (ValueError, lambda: equal([[1, 2], [3]], 1), "rows of one length"),
    "one percent": (ValueError, lambda: equal(1, 1, within=0.01), "less than 0.01, got 0.01"),
    "a negative tolerance": (ValueError, lambda: equal(1, 1, within=-0.001), "got -0.001"),
    "a tolerance that is NaN": (ValueError, lambda: equal(1, 1, within=np.nan), "got nan"),
    "a tolerance that is false": (ValueError, lambda: equal(1, 1, within=False), "got False"),
    "an infinite bound": (ValueError, lambda: at_most(1, np.inf), "bound must be finite"),
    "a bound that is NaN": (ValueError, lambda: at_least(1, np.nan), "bound must be finite"),
    "bounds to be repeated": (ValueError, lambda: at_most(np.ones((2, 3)), [1, 2, 3]), "shape"),
    "attained by how much": (TypeError, lambda: at_most(1, 1, attained=0.1), "attained must be True or False"),
    "a symbolic bound": (TypeError, lambda: at_most(x, 1), "has symbols"),
    "one value": (ValueError, lambda: ordered([1, 2]), "two values or more"),
    "an order of shapes": (ValueError, lambda: ordered([1, 2], [3, 4, 5]), "shape"),
    "no cases": (ValueError, lambda: always([]), "no case"),
    "no cases left": (ValueError, lambda: always(k > 0 for k in ()), "no case"),
    "one truth": (TypeError, lambda: always(True), "one by one"),
    "numbers as cases": (TypeError, lambda: always([1, 1]), "true or false is needed, got 1"),
    "rows as cases": (TypeError, lambda: always(np.ones((2, 2), bool)), "true or false is needed"),
    "text as cases": (TypeError, lambda: always("yes"), "true or false is needed, got 'y'"),
    **{
        f"{unclear!r} as a condition": (TypeError, lambda unclear=unclear: holds(unclear), "true or false is needed")
        for unclear in (1, 0.5, "yes", None, np.array([True]), np.array(True), x > 0, sp.Integer(1), [True])
    },
}  # fmt: skip


@pytest.mark.parametrize("case", MISUSED, ids=lambda case: case.replace(" ", "-"))
def test_misuse_is_named(case):
    error, misuse, words = MISUSED[case]
    with pytest.raises(error, match=words):
        misuse()
