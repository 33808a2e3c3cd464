"""What must be true of an answer: each property is tried on seeded random streams and says what it found.

A property is called with the answer and returns a :class:`Finding`: whether it holds and, if not, *what* fails and
*how to look at it*, never the answer. It does not raise, whatever the answer does. :func:`check` prints findings for a
student, :func:`require` turns them into an error for a test.

Rules are in the book's form, ``rule(theta, g, t, *state, **hyper) -> (theta, *state)``. ``states`` is the number of
its states, ``hyper`` are the hyper-parameters with which it is tried. ``seed`` chooses the random streams.
"""

import functools
import math
import numbers
import random
from dataclasses import dataclass

import numpy as np
import sympy as sp

STEPS = 40


@dataclass(frozen=True)
class Finding:
    """Whether a property holds; ``title`` names it, ``what`` fails, and ``look`` says how to see it."""

    holds: bool
    title: str
    what: str = ""
    look: str = ""

    def __str__(self):
        if self.holds:
            return f"✓ {self.title}"
        return f"✗ {self.title}: {self.what}" + (f"\n  Look: {self.look}" if self.look else "")


class Broken(Exception):
    """Raised inside a property: what fails, and how to look at it."""

    def __init__(self, what, look=""):
        super().__init__(what)
        self.what, self.look = what, look


class Unmet(AssertionError):
    """A property that :func:`require` asked for does not hold."""


def check(*findings):
    """Print what was found, a line for each property, for the student who asks. Nothing is recorded or scored."""
    for finding in findings:
        print(finding)


def require(*findings):
    """Raise :class:`Unmet` with the first finding that does not hold."""
    for finding in findings:
        if not isinstance(finding, Finding):
            raise TypeError(f"require needs what a property found, got {finding!r}")
        if not finding.holds:
            raise Unmet(str(finding))


def _property(title):
    """A property from a function that raises :class:`Broken`; ``title`` may use the names of its arguments."""

    def decorate(function):
        @functools.wraps(function)
        def found(*args, **kwargs):
            try:
                function(*args, **kwargs)
            except Broken as broken:
                return Finding(False, title, broken.what, broken.look)
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                return Finding(False, title, f"{type(error).__name__}: {error}", "run it in a cell of its own")
            return Finding(True, title)

        return found

    return decorate


# Rules.


def streams(seed, steps=STEPS, shape=(3,)):
    """Named streams of gradients, arrays of shape ``(steps, *shape)``: noise, one long direction, tiny, huge, rare, zero.

    Each has coordinates of its own size and sign.
    """
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(steps, *shape))
    sizes = 10 ** rng.uniform(-1, 1, shape)
    return {
        "random gradients": noise * sizes,
        "gradients of one direction": (1 + 0.1 * noise) * sizes * rng.choice([-1, 1], shape),
        "tiny gradients (about 1e-8)": 1e-8 * noise,
        "huge gradients (about 1e6)": 1e6 * noise,
        "rare gradients (most are 0)": np.where(rng.random((steps, *shape)) < 0.15, noise, 0.0),
        "gradients of 0, then others": np.concatenate([np.zeros((2, *shape)), noise])[:steps],
    }


def path(rule, gradients, theta, states, **hyper):
    """The parameters after each step along given gradients, an array of one row more than ``gradients``.

    Raises :class:`Broken` if the rule does not return the parameters and ``states`` states, in their shape.
    """
    theta = np.array(theta, float)
    state = [np.zeros_like(theta) for _ in range(states)]
    rows = [theta]
    for t, g in enumerate(gradients, 1):
        theta, *state = _step(rule, theta, g, t, state, hyper)
        rows.append(theta)
    return np.array(rows)


def _name(rule):
    return getattr(rule, "__name__", "rule")


def _step(rule, theta, g, t, state, hyper):
    """One step, its result checked for number and shapes; the arguments are copies."""
    if not callable(rule):
        raise Broken("there is no function yet" if rule in (None, ...) else f"it is {rule!r}, not a function")
    result = rule(theta.copy(), np.array(g), t, *(s.copy() for s in state), **hyper)
    call = f"{_name(rule)}(theta, g, 1{', 0 * theta' * len(state)})"
    if result is None or result is ...:
        raise Broken("it returns nothing", f"the value of {call}")
    if not isinstance(result, tuple) or len(result) != 1 + len(state):
        got = f"{len(result)} values" if isinstance(result, tuple) else f"a {type(result).__name__}"
        raise Broken(f"it must return a tuple: the new theta and {len(state)} state(s); it returned {got}", call)
    arrays = []
    for part, array in zip(["theta", *(f"state {i}" for i in range(1, len(result)))], result):
        array = np.asarray(array)
        if array.shape != theta.shape:
            raise Broken(
                f"{part} has shape {array.shape} after a step, and {theta.shape} before", f"the shapes in {call}"
            )
        if not np.issubdtype(array.dtype, np.floating):
            raise Broken(f"{part} is made of {array.dtype} after a step", f"the dtypes in {call}")
        arrays.append(array)
    return tuple(arrays)


def _theta(seed, shape=(3,)):
    return np.random.default_rng([seed, 1]).normal(size=shape)


def _agree(a, b, rtol=1e-6, atol=1e-12):
    return np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


@_property("it returns theta and its states, in their shape and precision")
def shapes(rule, states, seed=0, **hyper):
    """Shapes (), (3,) and (2, 3) and both float32 and float64 come back as they went in."""
    for shape in ((), (3,), (2, 3)):
        for dtype in (np.float32, np.float64):
            theta, g = (_theta(seed + k, shape).astype(dtype) for k in (0, 1))
            state = [np.zeros_like(theta) for _ in range(states)]
            results = _step(rule, theta, g, 1, state, hyper)
            wrong = [str(array.dtype) for array in results if array.dtype != dtype]
            if wrong:
                raise Broken(
                    f"{np.dtype(dtype)} parameters become {wrong[0]}", "result dtypes for theta.astype(np.float32)"
                )


@_property("it changes none of its arguments")
def pure(rule, states, seed=0, **hyper):
    """A step leaves theta, g and the states that it was given as they were."""
    theta, g = _theta(seed), _theta(seed + 1)
    state = [np.abs(_theta(seed + k)) + 1 for k in range(2, 2 + states)]
    given = [theta, g, *state]
    before = [array.copy() for array in given]
    _step(rule, theta, g, 1, state, hyper)
    rule(theta, g, 1, *state, **hyper)
    changed = [name for name, old, new in zip(["theta", "g", *["a state"] * states], before, given)
               if not np.array_equal(old, new)]  # fmt: skip
    if changed:
        raise Broken(f"a call changes {changed[0]} in place", "print the arguments before and after one call; `x += …` and "
                     "`x[...] = …` write into them")  # fmt: skip


@_property("it keeps nothing between calls")
def stateless(rule, states, seed=0, **hyper):
    """The same call gives the same result again, and two runs that take turns do not disturb each other."""
    first, second = (list(streams(seed + k).values())[0] for k in (0, 7))
    theta = _theta(seed)
    alone = [path(rule, gradients, theta, states, **hyper) for gradients in (first, second)]
    runs = [(theta, [np.zeros_like(theta) for _ in range(states)]) for _ in alone]
    for t in range(1, STEPS + 1):
        for k, gradients in enumerate((first, second)):
            at, state = runs[k]
            at, *state = _step(rule, at, gradients[t - 1], t, state, hyper)
            runs[k] = at, state
            if not _agree(at, alone[k][t]):
                raise Broken("two runs that take turns disturb each other, or a call gives another result the second time",
                             f"call {_name(rule)} twice with the same arguments; everything it remembers belongs into its states")  # fmt: skip


@_property("it takes the number of the step from t")
def uses_t(rule, states, seed=0, **hyper):
    """The first step differs when it is called the fifth, and does not depend on calls made before."""
    theta, g = _theta(seed), _theta(seed + 1)
    state = [np.zeros_like(theta) for _ in range(states)]
    first, fifth, again = (_step(rule, theta, g, t, state, hyper)[0] for t in (1, 5, 1))
    if _agree(first, fifth):
        raise Broken(
            "t = 1 and t = 5 give the same step from the same state", f"{_name(rule)}(theta, g, 5, …) beside t = 1"
        )
    if not _agree(first, again):
        raise Broken("t = 1 gives another step after a call with t = 5", "does something count calls?")


@_property("each coordinate goes its own way")
def elementwise(rule, states, seed=0, **hyper):
    """Coordinates can be permuted, or run one by one, and their paths stay the same."""
    theta, gradients = _theta(seed), streams(seed)["random gradients"]
    together = path(rule, gradients, theta, states, **hyper)
    for i in range(3):
        alone = path(rule, gradients[:, [i]], theta[[i]], states, **hyper)
        if not _agree(together[:, [i]], alone):
            raise Broken("a coordinate moves otherwise when the others are there", "run one coordinate alone, then all")


@_property("it is the same to both sides")
def mirrored(rule, states, seed=0, **hyper):
    """With all gradients turned round, each step is turned round."""
    for name, gradients in streams(seed).items():
        ways = [path(rule, sign * gradients, np.zeros(3), states, **hyper) for sign in (1, -1)]
        if not _agree(ways[0], -ways[1]):
            raise Broken(
                f"turning {name} round does not turn the path round",
                f"{_name(rule)} with g and with -g, from theta = 0",
            )


@_property("where it stands does not change how it steps")
def translated(rule, states, seed=0, **hyper):
    """From another start the same gradients make the same steps. True for every rule without weight decay."""
    gradients = streams(seed)["random gradients"]
    near, far = (path(rule, gradients, start, states, **hyper) for start in (np.zeros(3), np.full(3, 64.0)))
    if not _agree(near, far - 64, rtol=1e-5, atol=1e-9):
        raise Broken("the same gradients make other steps from theta = 64 than from 0", "the two first steps")


@_property("it answers a change of the gradient's unit as it should")
def scales(rule, states, power, factor=1000.0, seed=0, **hyper):
    """Gradients ``factor`` times as large make steps ``factor**power`` times as large."""
    gradients = streams(seed)["random gradients"]
    steps = [np.diff(path(rule, c * gradients, np.zeros(3), states, **hyper), axis=0) for c in (1, factor)]
    if not _agree(steps[1], factor**power * steps[0], rtol=1e-5):
        ratio = np.median(np.abs(steps[1]) / np.maximum(np.abs(steps[0]), 1e-300))
        raise Broken(f"gradients {factor:g} times as large make steps about {ratio:.3g} times as large",
                     f"the first step of {_name(rule)} for g and for {factor:g} * g")  # fmt: skip


@_property("its steps are proportional to the learning rate")
def proportional(rule, states, seed=0, **hyper):
    """Twice the ``lr`` along the same gradients doubles every step."""
    gradients, lr = streams(seed)["random gradients"], hyper.pop("lr", 0.01)
    slow, fast = (path(rule, gradients, np.zeros(3), states, lr=k * lr, **hyper) for k in (1, 2))
    if not _agree(fast, 2 * slow):
        raise Broken("twice the learning rate does not double the steps", "two runs along the same gradients")


@_property("it rests where there is no gradient")
def rests(rule, states, seed=0, **hyper):
    """From zero state and with zero gradients nothing moves, and nothing becomes NaN."""
    theta = _theta(seed)
    ran = path(rule, np.zeros((5, 3)), theta, states, **hyper)
    if not np.isfinite(ran).all():
        raise Broken("zero gradients make NaN or infinity", f"{_name(rule)}(theta, 0 * theta, 1, …)")
    if not _agree(ran, theta):
        raise Broken("theta moves though every gradient is 0", f"{_name(rule)}(theta, 0 * theta, 1, …)")


@_property("its first step is right")
def first_step(rule, states, expected, seed=0, **hyper):
    """From zero state the first step is ``expected(theta, g)``, for ordinary and tiny gradients."""
    theta = _theta(seed)
    for g in (_theta(seed + 1), 1e-8 * _theta(seed + 2), 1e6 * _theta(seed + 3)):
        new = path(rule, [g], theta, states, **hyper)[1]
        if not _agree(new - theta, expected(theta, g), rtol=1e-4, atol=1e-13):
            raise Broken(f"the first step for gradients of size {np.abs(g).max():.0e} is not what it should be",
                         "work it out by hand from zero state, with t = 1")  # fmt: skip


@_property("in a special case it becomes a rule of the book")
def becomes(rule, states, other, other_states, other_hyper, seed=0, **hyper):
    """With ``hyper`` it makes the path of ``other`` with ``other_hyper``."""
    theta = _theta(seed)
    for name, gradients in streams(seed).items():
        mine = path(rule, gradients, theta, states, **hyper)
        theirs = path(other, gradients, theta, other_states, **other_hyper)
        _same(
            mine, theirs, f"with {_shown(hyper)} it should be {_name(other)} with {_shown(other_hyper)}; it parts", name
        )


@_property("it makes the path that was asked for")
def same_path(rule, states, reference, seed=0, **hyper):
    """It follows ``reference`` along every stream of :func:`streams`, and in arrays of any shape."""
    for shape in ((3,), (), (2, 2)):
        theta = _theta(seed, shape)
        for name, gradients in streams(seed, shape=shape).items():
            mine, theirs = (path(each, gradients, theta, states, **hyper) for each in (rule, reference))
            _same(mine, theirs, "it parts from the rule that was asked for", name)


def watched(rule, state=1):
    """A rule that goes where a state of ``rule`` goes, so that a property looks at that state and not at theta.

    ``state`` is its number, from 1. There is one state more than in ``rule``: theta, which starts where the path does.
    """

    def watching(shown, g, t, theta, *states, **hyper):
        theta, *states = _step(rule, shown if t == 1 else theta, g, t, states, hyper)
        return states[state - 1], theta, *states

    return watching


def _same(mine, theirs, what, stream):
    scale = np.abs(np.diff(theirs, axis=0)).max(initial=0)
    for t, (a, b) in enumerate(zip(mine, theirs)):
        if not _agree(a, b, rtol=1e-7, atol=max(1e-6 * scale, 1e-15)):
            raise Broken(
                f"{what} at step {t} of {stream}", f"step {t} by hand, with such gradients and zero state at the start"
            )


def _shown(hyper):
    return ", ".join(f"{name}={value}" for name, value in hyper.items()) or "its defaults"


# Numbers, expressions, functions, tests.


@_property("the number is right")
def number(value, expected, rtol=0.005, look="compute it a second way"):
    """A number, or an array of numbers, within a share ``rtol`` of what is expected."""
    if value is None or value is ...:
        raise Broken("there is no answer yet")
    if np.asarray(value).dtype.kind not in "iuf":
        raise Broken(f"a number is needed, not {value!r}")
    value = np.asarray(value, float)
    expected = np.asarray(expected, float)
    if value.shape != expected.shape:
        raise Broken(f"it has shape {value.shape}; {expected.shape} is needed")
    if not np.allclose(value, expected, rtol=rtol, atol=1e-300):
        raise Broken("it is not the right one", look)


@_property("the number lies where it must")
def between(value, low, high, look="measure it again"):
    """``low <= value <= high``, for one number or all of an array."""
    if value is None or value is ...:
        raise Broken("there is no answer yet")
    value = np.asarray(value, float)
    if not (value.size and np.isfinite(value).all() and (value >= low).all() and (value <= high).all()):
        raise Broken("it does not" if value.size != 1 else f"{value.item():.4g} does not", look)


@_property("the expression is right")
def expression(given, expected, look="put numbers in for the symbols, on both sides"):
    """A SymPy expression that equals ``expected`` for all values of its symbols, which are matched by name."""
    if given is None or given is ...:
        raise Broken("there is no answer yet")
    if not isinstance(given, (sp.Basic, numbers.Real)):
        raise Broken(f"a SymPy expression is needed, not a {type(given).__name__}")
    given, expected = sp.sympify(given), sp.sympify(expected)
    symbols = {symbol.name: symbol for symbol in expected.free_symbols}
    strange = sorted({symbol.name for symbol in given.free_symbols} - symbols.keys())
    if strange:
        raise Broken(
            f"it has the symbol {strange[0]}, which the answer does not need", "which symbols the question names"
        )
    given = given.xreplace({symbol: symbols[symbol.name] for symbol in given.free_symbols})
    for seed in range(3):
        values = _sample(symbols.values(), np.random.default_rng(seed))
        left, right = (complex(side.xreplace(values).doit().evalf(30)) for side in (given, expected))
        if not math.isclose(abs(left - right), 0, abs_tol=1e-9 * (1 + abs(right))):
            raise Broken("it has another value when numbers are put in for the symbols", look)


def _sample(symbols, rng):
    """Numbers for the symbols: whole ones for those declared integer, else between 0.1 and 0.9."""
    return {
        symbol: sp.Integer(int(rng.integers(2, 6)))
        if symbol.is_integer
        else sp.Rational(int(rng.integers(10, 90)), 100)
        for symbol in sorted(symbols, key=lambda symbol: symbol.name)
    }


@_property("the function gives the right values")
def values(function, expected, *arguments, rtol=1e-6, atol=1e-12):
    """``function(*each)`` equals ``expected(*each)`` for each tuple of ``arguments``: numbers or arrays."""
    if not callable(function):
        raise Broken("there is no function yet" if function in (None, ...) else f"it is {function!r}, not a function")
    for each in arguments:
        given = function(*each)
        if given is None or given is ...:
            raise Broken("it returns nothing")
        given, right = np.asarray(given, float), np.asarray(expected(*each), float)
        if given.shape != right.shape:
            raise Broken(f"it returns shape {given.shape}; {right.shape} is needed", _call(function, each))
        if not np.allclose(given, right, rtol=rtol, atol=atol):
            raise Broken("it returns another value than it should", _call(function, each))


def _call(function, arguments):
    shown = ", ".join(f"{a:.4g}" if isinstance(a, numbers.Real) else "…" for a in arguments)
    return f"{_name(function)}({shown})"


@_property("your test tells right from wrong")
def catches(test, right, wrong, kind="rule"):
    """``test(each)`` is true for the ``right`` ones and false for the ``wrong`` one; ``kind`` says what they are.

    They come in random order, so that a test cannot know them by their place.
    """
    if not callable(test):
        raise Broken("there is no test yet" if test in (None, ...) else f"it is {test!r}, not a function")
    everything = [*right, wrong]
    order = random.sample(range(len(everything)), len(everything))
    verdicts = {place: _verdict(test, everything[place]) for place in order}
    if not all(verdicts[place] for place in range(len(right))):
        look = "give it the rule of the book, with other hyper-parameters and shapes" if kind == "rule" else ""
        raise Broken(f"it rejects a {kind} that is right", look)
    if verdicts[len(right)]:
        raise Broken(f"it lets a faulty {kind} pass", f"what in a {kind} could be wrong without your test noticing?")


def _verdict(test, rule):
    with np.errstate(all="ignore"):  # a faulty rule may well divide by zero
        verdict = test(rule)
    if not isinstance(verdict, (bool, np.bool_)):
        raise Broken(f"it must return True or False; it returned {type(verdict).__name__}")
    return bool(verdict)
