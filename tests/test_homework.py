"""What students import: properties find the fault and only the fault; variants; values on the wire."""

import json
import math
import re

import numpy as np
import pytest
import sympy as sp

from lib import homework
from lib.homework import Finding, Unmet, Variant, faulty, properties, quarters, race_of, require, streams, wire
from lib.rules import RULES, adam, adamw, amsgrad, momentum, momentum_ema, nesterov, rmsprop, sgd

a, b, n = sp.symbols("a b n")
EPS_ON_THETA = ("theta - lr * m_hat / (np.sqrt(v_hat) + eps)", "theta - lr * m_hat / np.sqrt(v_hat) + eps")
FAULTS = {
    "stuck t": (("1 - beta1**t", "1 - beta1**1"),),
    "epsilon on the parameter": (EPS_ON_THETA,),
    "epsilon inside the root": (("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)"),),
    "betas swapped": (("m = beta1 * m + (1 - beta1)", "m = beta2 * m + (1 - beta2)"),),
    "square missing": (("g**2", "np.abs(g)"),),
    "one step late": (("1 - beta2**t", "1 - beta2 ** (t + 1)"),),
    "uphill": (("theta - lr", "theta + lr"),),
    "corrected v kept": (("return theta, m, v", "return theta, m, v_hat"),),
    "decays": (("theta - lr", "0.999 * theta - lr"),),
}


def in_place(theta, g, t, m, *, lr=1e-2, mu=0.9):
    m *= mu
    m += g
    return theta - lr * m, m


def sgd_of(lr):
    """SGD with another default."""
    return lambda theta, g, t: (theta - lr * g,)


class Remembering:
    """Momentum with its state in the object."""

    m = 0

    def __call__(self, theta, g, t, m, *, lr=1e-2, mu=0.9):
        self.m = mu * self.m + g
        return theta - lr * self.m, m


# Rules.


@pytest.mark.parametrize("name", RULES)
def test_every_rule_of_the_book_has_what_all_rules_have(name):
    rule = RULES[name]
    states = rule.__code__.co_argcount - 3
    for found in (homework.shapes, homework.pure, homework.stateless, homework.elementwise, homework.mirrored):
        if not (found is homework.shapes and name in ("momentum_polyak", "adam_reordered", "nadam", "radam")):
            finding = found(rule, states)
            assert finding.holds, finding
    require(homework.same_path(rule, states, rule))


def test_each_property_holds_where_it_is_true():
    require(
        homework.uses_t(adam, 2), homework.translated(adam, 2), homework.scales(adam, 2, 0, eps=0),
        homework.scales(sgd, 0, 1), homework.proportional(adam, 2), homework.rests(adam, 2),
        homework.becomes(momentum, 1, sgd, 0, {}, mu=0), homework.first_step(momentum, 1, lambda theta, g: -0.5 * g, lr=0.5),
    )  # fmt: skip


@pytest.mark.parametrize(
    "finding",
    [homework.uses_t(momentum, 1), homework.translated(adamw, 2), homework.scales(adam, 2, 1), homework.scales(sgd, 0, 0),
     homework.mirrored(lambda theta, g, t, **_: (theta - abs(g),), 0), homework.becomes(nesterov, 1, momentum, 1, {}),
     homework.elementwise(lambda theta, g, t, **_: (theta - np.mean(g) + 0 * theta,), 0),
     homework.proportional(lambda theta, g, t, *, lr: (theta - lr**2 * g,), 0),
     homework.rests(lambda theta, g, t, v: (theta - g / np.sqrt(g**2), v), 1),
     homework.rests(lambda theta, g, t: (theta - 0.1,), 0),
     homework.first_step(sgd, 0, lambda theta, g: g), homework.pure(in_place, 1), homework.stateless(Remembering(), 1),
     homework.shapes(lambda theta, g, t: (theta.astype(float),), 0), homework.shapes(lambda theta, g, t: (np.ones(7),), 0),
     homework.shapes(lambda theta, g, t: theta, 0), homework.shapes(adam, 1), homework.shapes(None, 1),
     homework.same_path(momentum_ema, 1, momentum), homework.same_path(amsgrad, 3, adam)],
    ids=lambda finding: finding.title.replace(" ", "-"),
)  # fmt: skip
def test_each_property_fails_where_it_is_false_and_says_what(finding):
    assert not finding.holds
    assert finding.what
    assert finding.title in str(finding)
    with pytest.raises(Unmet, match="✗"):
        require(finding)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("seed", [0, 1, 20260, 2**31 - 1])
def test_a_faulty_adam_leaves_the_path_for_every_seed(name, seed):
    with np.errstate(invalid="ignore", divide="ignore"):
        finding = homework.same_path(faulty(adam, *FAULTS[name]), 2, adam, seed=seed)
    assert not finding.holds


@pytest.mark.parametrize(
    "stub", [None, ..., 3, lambda *a, **k: None, lambda *a, **k: ..., lambda theta, g, t, m, **k: (theta, m)]
)
def test_a_stub_makes_no_path(stub):
    assert not homework.same_path(stub, 1, momentum).holds


def test_a_state_is_watched_as_theta_is():
    def right(theta, g, t, m, *, lr=0.1):
        return theta - lr * g, theta

    def wrong(theta, g, t, m, *, lr=0.1):
        return theta - lr * g, theta - lr * g

    watched = homework.watched
    require(homework.same_path(wrong, 1, right), homework.same_path(watched(right), 2, watched(right)))
    require(homework.becomes(watched(wrong), 2, sgd, 0, {"lr": 0.1}))
    assert not homework.same_path(watched(wrong), 2, watched(right)).holds
    assert "it returns nothing" in homework.pure(watched(lambda *a, **k: None), 2).what


def test_a_property_never_raises():
    def wild(*args, **kwargs):
        raise KeyboardInterrupt

    for found in (homework.shapes, homework.pure, homework.rests):
        assert "KeyboardInterrupt" in found(wild, 1).what


def test_streams_differ_by_seed_and_stay_the_same():
    assert all(np.array_equal(streams(3)[name], streams(3)[name]) for name in streams(3))
    assert not np.array_equal(streams(3)["random gradients"], streams(4)["random gradients"])
    assert all(stream.shape == (40, 2, 2) for stream in streams(0, shape=(2, 2)).values())


def test_check_prints_a_line_for_each_and_stops_for_none(capsys):
    homework.check(Finding(True, "first"), Finding(False, "second", "it fails", "there"), Finding(True, "third"))
    assert capsys.readouterr().out == "✓ first\n✗ second: it fails\n  Look: there\n✓ third\n"


# Numbers, expressions, functions, tests.


def test_numbers():
    require(homework.number(3.001, 3), homework.number([1, 2], [1, 2.001]), homework.between(0.5, 0, 1),
            homework.number(np.float64(0), 0))  # fmt: skip
    for wrong in (None, ..., 3.1, "3", [3, 3], np.nan, object()):
        assert not homework.number(wrong, 3).holds
    for wrong in (None, ..., 2, np.nan, [0.5, 2]):
        assert not homework.between(wrong, 0, 1).holds


def test_an_expression_is_compared_for_all_values_whatever_its_form():
    integer = sp.Symbol("n", integer=True, positive=True)
    expected = (1 - a**integer) / (1 - a)
    k = sp.Symbol("k", integer=True)
    require(homework.expression((1 - sp.Symbol("a", positive=True) ** integer) / (1 - a), expected),
            homework.expression(sp.Sum(a**k, (k, 0, integer - 1)), expected), homework.expression(2, sp.Integer(2)))  # fmt: skip
    for wrong in (None, ..., "a", a**integer, (1 - a**integer) / (1 - a) + sp.Rational(1, 1000), b, [a]):
        finding = homework.expression(wrong, expected)
        assert not finding.holds
        assert str(expected) not in str(finding)


def test_functions_and_tests():
    require(homework.values(np.exp, np.exp, (1.0,), (np.ones(3),)))
    for wrong in (None, np.cos, lambda x: None, lambda x: [x, x]):
        assert not homework.values(wrong, np.exp, (1.0,)).holds
    uphill = faulty(sgd, ("theta - lr * g", "theta + lr * g"))

    def tells(rule):
        return bool(rule(np.zeros(1), np.ones(1), 1)[0] < 0)

    require(homework.catches(tells, [sgd], uphill))
    for wrong in (None, lambda rule: True, lambda rule: False, lambda rule: None, lambda rule: 1):
        assert not homework.catches(wrong, [sgd], uphill).holds


def test_a_fault_of_nothing_is_refused():
    with pytest.raises(ValueError, match="stands 0 times in rmsprop"):
        faulty(rmsprop, ("theta + lr", "theta"))
    with pytest.raises(ValueError, match="must stand there once"):
        faulty(rmsprop, ("rho", "lr"))


def test_everything_offered_has_a_docstring():
    assert all(getattr(homework, name).__doc__ for name in homework.__all__)
    assert set(homework.__all__) <= vars(homework).keys()


# Variants.


def test_a_variant_depends_on_all_its_names_and_on_nothing_else():
    me = Variant("adam", "Ada-1", "autumn")
    assert me.seed("x") == Variant("adam", " ada-1 ", "autumn").seed("x")
    others = [Variant("adam", "ada-2", "autumn"), Variant("sgd", "Ada-1", "autumn"), Variant("adam", "Ada-1", "spring")]
    assert len({each.seed("x") for each in [me, *others]} | {me.seed("y")}) == 5
    assert all(0 <= each.seed("x") < 2**32 for each in others)


def test_picks_are_spread_evenly():
    picks = [Variant("adam", f"student-{k}").pick("lr", 1, 2, 3) for k in range(600)]
    assert min(picks.count(each) for each in (1, 2, 3)) > 150


@pytest.mark.parametrize(("student", "error"), [("", ValueError), ("  ", ValueError), ("x" * 41, ValueError), (7, TypeError), (..., TypeError)])  # fmt: skip
def test_a_name_that_cannot_be_is_refused(student, error):
    with pytest.raises(error, match="student is"):
        Variant("adam", student)
    with pytest.raises(ValueError, match="no choices"):
        Variant("adam", "a").pick("lr")


# On the wire.


def there(value):
    functions = wire.Functions()
    return wire.loads(wire.dumps(value, functions), functions, None)


def test_a_function_is_called_where_it_lives_and_comes_home_as_itself():
    ours, theirs = wire.Functions(), wire.Functions()

    def ask(number, args, kwargs):
        return wire.call(ours[number], list(args), kwargs)

    def zero(x):
        x[...] = 0
        return 7

    stub = wire.loads(wire.dumps(zero, ours), theirs, ask)
    array = np.ones(2)
    assert (stub.__name__, stub(array), array.tolist()) == ("zero", 7, [0, 0])
    assert wire.loads(wire.dumps(stub, theirs), ours, None) is zero


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2.5, "é", ..., [1, [2]], (1, (2.0, "x")), {"a": 1, 2: (3,)}, float("inf"), 10**30, 1 + 2j],
    ids=str,
)  # fmt: skip
def test_plain_values_arrive_as_they_were(value):
    assert there(value) == value
    assert type(there(value)) is type(value) or isinstance(value, complex)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3).T, np.float32(3), np.array(7), np.zeros((0, 3)), np.array([True]),
                                   np.array(["a", "bc"]), np.array([1, 2], ">i4")], ids=repr)  # fmt: skip
def test_arrays_arrive_as_they_were(array):
    back = there(array)
    assert (back.dtype, back.shape, type(back)) == (array.dtype, array.shape, type(array))
    assert np.array_equal(back, array)


@pytest.mark.parametrize(
    "expr",
    [a + b, sp.Symbol("n", integer=True) ** 2, sp.Rational(1, 3) * sp.pi, sp.Float("1.5"), sp.sqrt(a) / sp.E, sp.oo, sp.I,
     sp.Sum(a**n, (n, 1, b)), sp.Piecewise((a, a > 0), (b, True)), sp.Function("f")(a, 2), sp.Eq(a, b), sp.Matrix([[a, 1], [b, 2]]),
     sp.log(a) + sp.Abs(b), sp.Max(a, b), sp.Tuple(a, 2), sp.S.Half, sp.binomial(n, 2), sp.Derivative(sp.Function("f")(a), a)],
    ids=str,
)  # fmt: skip
def test_expressions_arrive_as_they_were(expr):
    assert there(expr) == expr or sp.simplify(there(expr) - expr) == 0


@pytest.mark.parametrize(
    "value", [object(), np, wire.Functions, np.array([object()]), iter([])], ids=lambda value: type(value).__name__
)
def test_what_does_not_travel_is_named(value):
    assert isinstance(there(value), wire.Opaque)


@pytest.mark.parametrize(
    "line",
    ["", "[", '["array", "|O", [1], "AAAA"]', '["sympy", ["lambdify", ["Symbol", "x", {}]]]', '["sympy", ["__import__", "os"]]',
     '["sympy", ["sympify", "1"]]', '["nothing"]', '["array", "<f8", [9], ""]', '["sympy", ["Rational", "__import__(1)"]]', '["list"', "[[]]",
     '["sympy", ["preorder_traversal"]]', '["function", "x", 1]', '["sympy", 3]', '["sympy", []]', '["opaque", "a", "b"]', "[]",
     '["stub", 1, 2]', '["ellipsis", 1]', '["sympy", ["Rational", "1", "2"]]', '["sympy", ["Pi"], ["Pi"]]'],
)  # fmt: skip
def test_a_line_that_nobody_wrote_is_refused_and_runs_nothing(line):
    with pytest.raises(ValueError):
        wire.loads(line, wire.Functions(), None)


def test_a_value_that_holds_itself_ends():
    endless = []
    endless.append(endless)
    assert "nested too deeply" in json.dumps(wire.dumps(endless, wire.Functions()))


@pytest.mark.parametrize(("around", "most"), [(lambda value: [value], 200), (lambda value: (value,), 200), (lambda value: {"a": value}, 100)])
def test_a_value_arrives_from_any_depth_up_to_200(around, most):
    value = 5
    for _ in range(most):
        value = around(value)
    assert there(value) == value
    assert "nested too deeply" in wire.dumps(around(value), wire.Functions())


def test_an_expression_is_not_evaluated_on_its_way():
    assert there(sp.Add(a, a, evaluate=False)).args == (a, a)


def test_what_does_not_travel_can_be_told_apart():
    assert {there(object()), there(object()), there(np)} == {wire.Opaque("object"), wire.Opaque("module")}


def test_arrays_that_a_call_changed_go_back_and_no_others():
    def f(x, y, word, *, by):
        x[0] = by
        return word + "!"

    x, y = np.ones(2), np.ones(2)
    result, changed = wire.call(f, (x, y, "no"), {"by": 5})
    assert (result, [*changed]) == ("no!", [0]) and changed[0] is x
    assert wire.taken((7, {1: np.zeros(2)}), ["no", y]) == 7
    assert y.tolist() == [0, 0]


def test_a_functions_number_says_nothing():
    numbers = [wire.Functions().number(sgd) for _ in range(64)]
    assert 2**47 <= max(numbers) < 2**48 and len({*numbers}) == 64


def test_titles_of_properties_differ():
    titles = [
        found.title
        for found in (homework.pure(sgd, 0), homework.shapes(sgd, 0), homework.rests(sgd, 0), homework.mirrored(sgd, 0))
    ]
    assert len({*titles}) == 4
    assert properties.STEPS >= 20


def test_a_race_is_what_was_decided():
    made = {("a", 1): [3, 1, 2, 9, 4], ("a", 2): [5, 5, 5, 5, 1], ("b", 7): [np.nan, 1, 2, np.inf, 3], ("b", 8): [9] * 5}
    run = lambda name, setting, seed, budget: made[name, setting][seed] * budget
    decided = {"lost": 100, "score": lambda losses: quarters(2)(losses)[0], "report": quarters(1, 2, 3)}
    grids, seeds = {"a": [1, 2], "b": [8, 7]}, [0, 1, 2, 3, 4]
    fair, unfair = race_of(refuses=True, **decided), race_of(refuses=False, **decided)
    table = unfair(run, grids, seeds, seeds, 2)
    assert table == {
        "a": {"setting": 1, "median": 6, "quartiles": [4, 8]}, "b": {"setting": 7, "median": 6, "quartiles": [4, 100]}
    }  # fmt: skip
    assert fair(run, grids, [0, 1, 2], [3, 4], 2)["a"] == {"setting": 1, "median": 18, "quartiles": [8, 18]}
    assert unfair(run, {"a": [1], "b": [7, 8]}, [0], [1], 1)["b"]["setting"] == 8
    for wrong in ({"grids": {"a": [1], "b": [7, 8]}}, {"judging": [2, 3]}):
        given = {"grids": grids, "tuning": [0, 1, 2], "judging": [3, 4], "budget": 1} | wrong
        with pytest.raises(ValueError, match="would not be fair"):
            fair(run, **given)


def test_a_faulty_rule_is_the_rule_with_its_text_changed():
    up = faulty(sgd, ("theta - lr * g", "theta + lr * g"))
    assert up(1.0, 2.0, 1, lr=0.5) == (2.0,) and faulty(sgd)(1.0, 2.0, 1, lr=0.5) == (0.0,)
    for old in ("theta", "nothing"):
        with pytest.raises(ValueError, match=f"'{old}' stands .* it must stand there once"):
            faulty(sgd, (old, "x"))


def test_a_variant_has_an_id_of_at_most_40_letters_and_cannot_be_changed():
    made = Variant("a", "x" * 40)
    with pytest.raises(ValueError):
        Variant("a", "x" * 41)
    with pytest.raises(AttributeError):
        made.student = "y"
    assert 2**31 < max(made.seed(str(number)) for number in range(20)) < 2**32


# What the properties try. The same seed tries the same on every machine, in every year: a grade does not depend on it.


def fingerprint(arrays):
    """A number that another number in the arrays, or another order of them, would change."""
    every = np.concatenate([np.ravel(array).astype(float) for array in arrays])
    return float(np.arcsinh(every / 1e-9) @ np.cos(np.arange(every.size)))


def tried(ask):
    """What a rule is asked for by a property, call by call."""
    asked = []

    def spy(theta, g, t, m, *, lr=0.5):
        asked.extend((theta.copy(), g.copy(), t, m.copy(), lr))
        m = m + g.astype(m.dtype)
        return (theta - theta.dtype.type(0.5) * m).astype(theta.dtype), m

    ask(spy)
    return fingerprint(asked)


STREAMS = {
    "random gradients": -251.353299605,
    "gradients of one direction": 1.00140475355,
    "tiny gradients (about 1e-8)": -30.2493305759,
    "huge gradients (about 1e6)": -390.484468008,
    "rare gradients (most are 0)": -32.4334356402,
    "gradients of 0, then others": -164.398064765,
}
FINGERPRINTS = {
    "shapes": 208.138556024,
    "pure": -58.0625470851,
    "stateless": 286.953791642,
    "uses_t": -88.1479809526,
    "elementwise": -129.154947883,
    "mirrored": 50.203878486,
    "translated": 185.596286105,
    "scales": 114.801254325,
    "proportional": 101.300250591,
    "rests": 20.5633055308,
    "first_step": -64.8784895042,
    "becomes": -14.250256579,
    "same_path": -76.1774379101,
    "moves": 90.5980819186,
}


def test_streams_are_the_same_everywhere():
    found = {name: fingerprint([stream]) for name, stream in streams(5).items()}
    assert found == pytest.approx(STREAMS, rel=1e-9)
    assert {stream.shape for stream in streams(5, 7, (2, 2)).values()} == {(7, 2, 2)}


TRIED = {
    "shapes": lambda rule: homework.shapes(rule, 1), "pure": lambda rule: homework.pure(rule, 1),
    "stateless": lambda rule: homework.stateless(rule, 1), "uses_t": lambda rule: homework.uses_t(rule, 1),
    "elementwise": lambda rule: homework.elementwise(rule, 1), "mirrored": lambda rule: homework.mirrored(rule, 1),
    "translated": lambda rule: homework.translated(rule, 1), "scales": lambda rule: homework.scales(rule, 1, 1),
    "proportional": lambda rule: homework.proportional(rule, 1), "rests": lambda rule: homework.rests(rule, 1),
    "first_step": lambda rule: homework.first_step(rule, 1, lambda theta, g: -0.5 * g),
    "becomes": lambda rule: homework.becomes(rule, 1, momentum, 1, {"lr": 0.5, "mu": 1.0}),
    "same_path": lambda rule: homework.same_path(rule, 1, lambda theta, g, t, m: (theta - 0.5 * (m + g), m + g)),
    "moves": lambda rule: homework.moves(rule, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", TRIED)
def test_what_a_property_tries_is_the_same_everywhere(name):
    assert tried(TRIED[name]) == pytest.approx(FINGERPRINTS[name], rel=1e-9)


def test_numbers_for_symbols():
    n, x = sp.Symbol("n", integer=True), sp.Symbol("x")
    drawn = [properties._sample([x, n], np.random.default_rng(seed)) for seed in range(1500)]
    assert {each[n] for each in drawn} == {2, 3, 4, 5}
    assert {each[x] for each in drawn} == {sp.Rational(k, 100) for k in range(10, 90)}


# How near is near enough, and what is said.


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (homework.translated(lambda theta, g, t: (theta - g * (1 + 1e-4 * (theta > 30)),), 0), False),
        (homework.translated(lambda theta, g, t: (theta - g * (1 + 1e-7 * (theta > 30)),), 0), True),
        (homework.first_step(sgd, 0, lambda theta, g: -g * (1 + 1e-3), lr=1.0), False),
        (homework.first_step(sgd, 0, lambda theta, g: -g * (1 + 1e-6), lr=1.0), True),
        (homework.first_step(sgd, 0, lambda theta, g: -g * (1 + 1e-2 * (abs(g) < 1e-6)), lr=1.0), False),
        (homework.scales(lambda theta, g, t: (theta - 0.01,), 0, 1), False),
        (homework.scales(lambda theta, g, t: (theta - g * (1 + 1e-3 * (abs(g) > 200)),), 0, 1), False),
        (homework.elementwise(lambda theta, g, t: (theta - g * (1 + (np.arange(g.size) == 2)),), 0), False),
        (homework.same_path(lambda theta, g, t: (theta - 1e-4 * g * (1 + 0.1 * (t == 1)),), 0, sgd_of(1e-4)), False),
        (homework.same_path(lambda theta, g, t: (theta - 1e-4 * g * (1 + 1e-9 * (t == 1)),), 0, sgd_of(1e-4)), True),
        (homework.same_path(lambda theta, g, t: (theta - 1e-9 * g + 4e-7 * (t == 1),), 0, sgd_of(1e-9)), False),
        (homework.same_path(lambda theta, g, t: (theta - 1e-9 * g + 4e-7 * (t == 1 and theta.shape == (3,)),), 0, sgd_of(1e-9)), False),
        (homework.values(lambda x: x + 1e-3, lambda x: x, (0.0,)), False),
        (homework.values(lambda x: x * (1 + 1e-3), lambda x: x, (1.0,)), False),
        (homework.values(lambda x: x * (1 + 5e-7), lambda x: x, (1.0,)), True),
        (homework.number(1.004, 1.0), True), (homework.number(1.006, 1.0), False), (homework.number(1e-200, 2e-200), False),
        (homework.between(1, 1, 2), True), (homework.between([1, 2], 1, 2), True), (homework.between([], 1, 2), False),
        (homework.between(np.inf, 1, np.inf), False),
        (homework.expression(10**6 + sp.Float("5e-4"), 10**6), True), (homework.expression(sp.Float("5e-10"), 0), True),
        (homework.expression(sp.Float("1.5e-9"), 0), False),
    ],
)  # fmt: skip
def test_how_near_is_near_enough(found, holds):
    assert found.holds is holds, found


def test_nan_agrees_with_nan():
    assert properties._agree([np.nan, 1], [np.nan, 1 + 5e-7]) and not properties._agree(0, 1e-9)


def two_states(theta, g, t, m, v):
    return theta, m + 1, v + 2


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (homework.scales(sgd, 0, 0, lr=0.1), "gradients 1000 times as large make steps about 1e+03 times as large"),
        (homework.shapes(lambda theta, g, t, m: (theta.astype(float), m.astype(np.float16)), 1), "float32 parameters become float64"),
        (homework.shapes(lambda theta, g, t: [theta], 0), "it must return a tuple: the new theta and 0 state(s); it returned a list"),
        (homework.shapes(lambda theta, g, t: (theta, g), 0), "it must return a tuple: the new theta and 0 state(s); it returned 2 values"),
        (homework.shapes(lambda theta, g, t, m: (theta, m + np.ones(2)), 1), "state 1 has shape (2,) after a step, and () before"),
        (homework.shapes(None, 0), "there is no function yet"), (homework.shapes(..., 0), "there is no function yet"),
        (homework.shapes(3, 0), "it is 3, not a function"),
        (homework.pure(lambda theta, g, t, m: (theta.__imul__(2), m.__imul__(2), g.__imul__(2))[:2], 1), "a call changes theta in place"),
        (homework.becomes(sgd, 0, sgd, 0, {}, lr=0.5), "with lr=0.5 it should be sgd with its defaults; it parts at step 1 of random gradients"),
        (homework.becomes(sgd, 0, sgd, 0, {"lr": 0.5}), "with its defaults it should be sgd with lr=0.5; it parts at step 1 of random gradients"),
        *((missing, "there is no answer yet") for value in (None, ...) for missing in (
            homework.number(value, 1), homework.between(value, 0, 1), homework.expression(value, sp.S.One))),
        (homework.between(3.14159, 0, 1), "3.142 does not"), (homework.between([3, 4], 0, 1), "it does not"),
        (homework.between([], 0, 1), "it does not"),
        (homework.expression(sp.Symbol("q") + sp.Symbol("p") + sp.Symbol("r"), 1), "it has the symbol p, which the answer does not need"),
        (homework.values(None, abs, (1,)), "there is no function yet"), (homework.values(3, abs, (1,)), "it is 3, not a function"),
        *((homework.values(lambda x, value=value: value, abs, (1,)), "it returns nothing") for value in (None, ...)),
        (homework.catches(None, [], 1), "there is no test yet"), (homework.catches(3, [], 1), "it is 3, not a function"),
    ],
)  # fmt: skip
def test_what_is_said(found, says):
    assert found.what == says


def test_steps_where_there_were_none_are_many_times_as_large():
    found = homework.scales(lambda theta, g, t: (theta - g * (abs(g) > 100),), 0, 1)
    assert re.fullmatch("gradients 1000 times as large make steps about .*e\\+30. times as large", found.what)


def test_where_to_look():
    assert homework.values(math.pow, lambda x, y: 0 * x[0], (2, 3)).look == "run it in a cell of its own"
    assert homework.values(lambda x, y: 1.0, lambda x, y: 2.0, (2.5, [3])).look == "<lambda>(2.5, …)"
    assert "rule of the book" in homework.catches(lambda rule: False, [sgd], adam).look
    assert homework.catches(lambda rule: False, [sgd], adam, kind="race").look == ""


def test_three_sets_of_numbers_are_tried_for_the_symbols(monkeypatch):
    drawn, sample = [], properties._sample
    monkeypatch.setattr(properties, "_sample", lambda *given: drawn.append(sample(*given)) or drawn[-1])
    assert homework.expression(sp.Symbol("x"), sp.Symbol("x")).holds
    assert len({*map(str, drawn)}) == len(drawn) == 3


def test_a_watched_state_is_the_first_unless_another_is_asked_for():
    zero = np.zeros(1)
    assert homework.watched(two_states)(zero, zero, 1, zero, zero, zero)[0] == 1
    assert homework.watched(two_states, 2)(zero, zero, 1, zero, zero, zero)[0] == 2


def test_a_finding_cannot_be_changed():
    with pytest.raises(AttributeError):
        homework.rests(sgd, 0).holds = False
