"""Run a rule: :func:`descend` returns the whole path, :class:`Optimizer` steps in place.

Both check what they are given before anything is computed, and both run the same rule of :mod:`lib.rules`.
"""

import difflib
import inspect
import math

import numpy as np

from .arguments import whole
from .blocks import record, replay
from .notation import NAMES
from .single import single

FEW = (1,), (2,)  # shapes of theta for which arrays are slower than numbers


class Diverged(ArithmeticError):
    """A gradient or a parameter became NaN or infinite.

    ``step`` is the number of the step that could not be made; ``path`` holds the parameters before it.
    """

    def __init__(self, message, step, path):
        super().__init__(message)
        self.step = step
        self.path = path


def descend(rule, grad, theta, steps, *, seed=None, on_divergence="raise", **hyper):
    """Run ``rule`` for ``steps`` steps from ``theta`` and return the path.

    - ``grad(theta)`` returns the gradient in the shape of ``theta``. With a ``seed`` it is called as
      ``grad(theta, rng)``, with a generator from :func:`generator`: a stochastic gradient.
    - ``theta`` has the parameters on its last axis, runs on any axes before it, and a floating dtype, which
      the path keeps; a number is one parameter.
    - ``hyper`` are hyper-parameters of the rule: numbers; arrays, one value a run, which make a sweep; or
      functions of the step number t = 1, 2, …, which make a schedule.

    Returns an array of shape ``(steps + 1, *runs, parameters)`` that starts with ``theta``.

    A gradient or parameter that is NaN or infinite raises :class:`Diverged`, which keeps the path up to there;
    with ``on_divergence="record"`` the run goes on and the path shows it. Raises ``ValueError`` or ``TypeError``,
    before the first step, for what cannot be meant.

        >>> from lib.losses import bowl
        >>> from lib.rules import sgd
        >>> descend(sgd, bowl.gradient, [4.0, 2.0], steps=2, lr=0.5)
        array([[4. , 2. ],
               [2. , 1. ],
               [1. , 0.5]])
    """
    theta = _parameters(theta)
    schedule = Schedule(rule, hyper, parameter_axes=min(theta.ndim, 1))
    whole("steps", steps)
    if not isinstance(on_divergence, str) or on_divergence not in ("raise", "record"):
        raise ValueError(f'on_divergence must be "raise" or "record", got {on_divergence!r}.')
    gradient = _gradient_of(grad, seed)

    path = _path(theta, schedule.shape, steps)
    theta = path[0]
    state = [np.zeros_like(theta) for _ in range(schedule.states)]
    step = schedule.step
    if few := schedule.step_of_few(theta):
        step, state = few, [s.tolist() for s in state]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for t in range(1, steps + 1):
            g = _checked(gradient(theta), theta)
            if on_divergence == "raise" and not _finite(g):
                _check_path(path[:t])
                raise _diverged(path[:t], t, "gradient", g)
            path[t], *state = step(theta, g, t, state)
            theta = path[t]
        if on_divergence == "raise":
            _check_path(path)
    return path


class Optimizer:
    """Run a rule in place, a long ``theta`` in blocks that stay in the processor's cache.

    ``theta`` is a contiguous array of any shape with a floating dtype; ``hyper`` are numbers or functions of
    the step number. ``state`` holds the rule's state in the shape of ``theta``, ``t`` the steps made so far.
    Gradients are not searched for NaN: that would cost a tenth of the step. Raises ``ValueError`` or
    ``TypeError`` for what cannot be meant, before anything is changed.

        >>> from lib.rules import adam
        >>> theta = np.array([1.0, -2.0])
        >>> Optimizer(adam, theta, lr=0.1).step(np.array([0.3, -40.0]))
        >>> theta.round(6)
        array([ 0.9, -1.9])
    """

    BLOCK = 1 << 16

    def __init__(self, rule, theta, **hyper):
        if not isinstance(theta, np.ndarray):
            raise TypeError(f"theta must be a NumPy array, which is changed in place; got {type(theta).__name__}.")
        self.theta = _parameters(theta)
        if not theta.flags.writeable or not theta.flags.c_contiguous:
            raise ValueError("theta must be writeable and contiguous to be changed in place; pass a copy.")
        self._schedule = Schedule(rule, hyper)
        if self._schedule.shape:
            raise ValueError("Optimizer makes one run, so that hyper-parameters are numbers; got an array. "
                             "For a sweep use descend.")  # fmt: skip
        self.state = [np.zeros_like(theta) for _ in range(self._schedule.states)]
        self.t, self._scratch = 0, {}

    def step(self, g):
        """Make one step with the gradient ``g``, in the shape of ``theta``; changes ``theta`` and ``state``."""
        g = _checked(g, self.theta).reshape(-1)
        theta, *state = (array.reshape(-1) for array in (self.theta, *self.state))
        arrays, schedule, t = (theta, g, *state), self._schedule, self.t + 1
        dtypes, long = [array.dtype for array in arrays], g.size >= self.BLOCK
        if recorded := long and record(schedule.rule, t, schedule.at(t), dtypes):
            replay(recorded, arrays, self.BLOCK, self._scratch)
        else:
            changed = schedule.step(theta, g, t, state)
            changed = [new.copy() if any(new is old for old in arrays) else new for new in changed]
            for old, new in zip((theta, *state), changed):
                old[...] = new
        self.t = t


def generator(seed):
    """The book's random generator: NumPy's methods on the Mersenne Twister, started as ``RandomState(seed)``.

    Its ``random()`` is thereby a stream that can be repeated in JavaScript. ``seed`` is a whole number from 0
    to 2³² − 1; ``ValueError`` for any other.
    """
    twister = np.random.MT19937()
    twister.state = np.random.RandomState(whole("seed", seed, most=2**32 - 1)).get_state()
    return np.random.Generator(twister)


class Schedule:
    """A rule with its hyper-parameters, checked, at every step t."""

    def __init__(self, rule, hyper, parameter_axes=1):
        self.rule = rule
        self.parameter_axes = parameter_axes
        positional, defaults = _schema(rule)
        for name in hyper:
            if name not in defaults:
                hints = (f"; did you mean {near!r}?" for near in difflib.get_close_matches(name, defaults, 1))
                hint = "".join(hints) or "."
                raise TypeError(f"{_name(rule)} has no hyper-parameter {name!r}{hint} It has {', '.join(defaults)}.")
        self.states, self.defaults = len(positional) - 3, defaults
        self.given = hyper
        self.changes = any(callable(value) for value in hyper.values())
        self.fixed = self._evaluated(1)
        self.shape = self._shape()

    def at(self, t):
        """The hyper-parameters of step ``t``: numbers, and arrays with an axis for the parameters added."""
        return self._evaluated(t) if self.changes else self.fixed

    def step(self, theta, g, t, state):
        """The rule's new ``(theta, *state)``, with the state in the dtype of ``theta``."""
        changed = self.rule(theta, g, t, *state, **self.at(t))
        if not isinstance(changed, tuple) or len(changed) != self.states + 1:
            got = len(changed) - 1 if isinstance(changed, tuple) else f"a {type(changed).__name__}, which is no tuple"
            raise ValueError(f"{_name(self.rule)} takes {self.states} states and returns {got}.")
        if getattr(changed[0], "shape", ()) != theta.shape:
            raise ValueError(f"{_name(self.rule)} made theta of shape {np.shape(changed[0])} from {theta.shape}.")
        return changed[0], *[np.asarray(s, theta.dtype) for s in changed[1:]]

    def step_of_few(self, theta):
        """:meth:`step` for a short ``theta``, one parameter after the other, with states that are lists of numbers.

        None where that is slower than arrays, or another thing.
        """
        rule = single(self.rule) if theta.shape in FEW and theta.dtype == float and not self.shape else None

        def step(theta, g, t, state):
            try:
                given = zip(theta.tolist(), _doubles(g), *state)
                hyper = self.at(t)
                if self.changes and any(isinstance(value, np.ndarray) for value in hyper.values()):
                    raise ValueError("a run of its own for each value")
                return zip(*[rule(x, slope, t, *s, **hyper) for x, slope, *s in given])
            except Exception:  # arrays say what is wrong, if anything is
                theta, *state = self.step(theta, g, t, [np.array(s) for s in state])
                return [theta, *(s.tolist() for s in state)]

        return step if rule else None

    def _shape(self):
        shapes = {name: np.shape(value)[: -self.parameter_axes or None] for name, value in self.fixed.items()}
        try:
            return np.broadcast_shapes(*(np.shape(value) for value in self.fixed.values()))
        except ValueError:
            raise ValueError(f"hyper-parameters must broadcast, one value a run; got the shapes {shapes}.") from None

    def _evaluated(self, t):
        return {
            name: _hyper(name, value(t) if callable(value) else value, self.parameter_axes)
            for name, value in self.given.items()
        }


def _schema(rule):
    if not callable(rule):
        raise TypeError(f"rule must be a function rule(theta, g, t, …), as in lib.rules; got {rule!r}.")
    parameters = inspect.signature(rule).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if positional[:3] != ["theta", "g", "t"]:
        raise TypeError(f"a rule starts with the arguments theta, g, t; {_name(rule)} has {', '.join(positional)}.")
    return positional, [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def _name(rule):
    return getattr(rule, "__name__", repr(rule))


def _hyper(name, value, parameter_axes):
    try:
        array = _numbers(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, an array of numbers or a function of t; got {value!r}.") from None
    low, high = NAMES[name].allowed if name in NAMES and NAMES[name].allowed else (-math.inf, math.inf)
    if not np.all(np.isfinite(array) & (array >= low) & (array < high)):
        interval = "be finite" if low == -math.inf else f"be finite and lie in [{low:g}, {high:g})"
        raise ValueError(f"{name} must {interval}, got {value!r}.")
    return array.reshape(array.shape + (1,) * parameter_axes) if array.ndim else float(array)


def _numbers(value):
    """A value as an array of floats, infinite where it is too large; ``TypeError`` or ``ValueError`` for words."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiuO" or isinstance(value, bool):
        raise TypeError(array.dtype)
    try:
        return np.asarray(array, float)
    except OverflowError:
        return np.full(array.shape, math.inf)


def _parameters(theta):
    try:
        theta = np.asarray(theta)
    except ValueError:
        raise TypeError(f"theta must be an array, with rows of one length; got {theta!r}.") from None
    if not np.issubdtype(theta.dtype, np.floating):
        raise TypeError(f"theta must hold floating-point numbers, got {theta.dtype}: a step would be rounded away.")
    with np.errstate(over="ignore", invalid="ignore"):
        if not _finite(theta):
            raise ValueError("theta must be finite at the start.")
    return theta


def _path(theta, runs, steps):
    """An empty path that starts with theta; the longer of parameters and runs lies innermost in memory."""
    try:
        shape = np.broadcast_shapes(theta.shape, runs)
    except ValueError:
        raise ValueError(f"theta of shape {theta.shape} and hyper-parameters of shape {runs[:-1]} do not broadcast: "
                         "the runs come first in theta, the parameters last.") from None  # fmt: skip
    if shape and shape[-1] < math.prod(shape[:-1]):
        path = np.moveaxis(np.empty((steps + 1, *shape[-1:], *shape[:-1]), theta.dtype), 1, -1)
    else:
        path = np.empty((steps + 1, *shape), theta.dtype)
    path[0] = theta
    return path


def _checked(g, theta):
    try:
        g = np.asarray(g)
    except ValueError:
        raise TypeError(f"the gradient must be an array, with rows of one length; got {g!r}.") from None
    if g.shape != theta.shape:
        raise ValueError(f"the gradient must have the shape of theta, {theta.shape}; got {g.shape}.")
    if g.dtype is not theta.dtype and g.dtype.kind not in "fiub":
        raise TypeError(f"the gradient must hold real numbers, got {g.dtype}.")
    return g


def _doubles(array):
    """An array's numbers as Python's floats; ``ValueError`` where these compute in another precision."""
    if array.dtype != float:
        raise ValueError(array.dtype)
    return array.tolist()


def _gradient_of(grad, seed):
    """``grad`` as a function of theta alone, with the generator that a seed asks for."""
    if seed is None:
        _check_arguments(grad, "theta", "a stochastic gradient grad(theta, rng) needs a seed")
        return grad
    rng = generator(seed)
    _check_arguments(grad, "theta, rng", "with a seed it is called as grad(theta, rng)")
    return lambda theta: grad(theta, rng)


def _check_arguments(grad, names, hint):
    if not callable(grad):
        raise TypeError(f"grad must be a function, got {grad!r}; of a loss it is loss.gradient.")
    try:
        signature = inspect.signature(grad)
    except ValueError:
        return
    try:
        signature.bind(*names.split(", "))
    except TypeError:
        raise TypeError(f"grad must be callable as grad({names}), but it is grad{signature}: {hint}.") from None


def _finite(array):
    return math.isfinite(np.add.reduce(array, axis=None)) or bool(np.isfinite(array).all())


def _check_path(path):
    if not _finite(path):
        bad = next(t for t in range(len(path)) if not _finite(path[t]))
        raise _diverged(path[:bad], bad, "parameters", path[bad])


def _diverged(path, step, what, values):
    runs = np.argwhere(~np.isfinite(values).all(axis=-1)) if values.ndim > 1 else []
    where = f" in {len(runs)} runs, the first at index {tuple(map(int, runs[0]))}" if len(runs) else ""
    return Diverged(f"diverged at step {step}: the {what} became NaN or infinite{where}. The path up to there is in "
                    'the exception\'s .path; on_divergence="record" goes on.', step, path)  # fmt: skip
