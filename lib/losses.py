"""Loss functions of two variables: each written once, as ``f(x, y)``; all else is derived from it by SymPy.

A :class:`Loss` is called on parameters ``theta`` whose last axis is (x, y); its gradient, Hessian, LaTeX and
JavaScript come from the same source. Where they overflow, they are infinite or NaN, silently.
``valley.replace(kappa=100)`` is the same loss with another parameter.

    >>> from lib.losses import bowl
    >>> print(bowl([3.0, 4.0]), bowl.gradient([3.0, 4.0]))
    12.5 [3. 4.]
"""

import dataclasses
import sys
from dataclasses import dataclass, field
from functools import cached_property, reduce
from numbers import Real

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from .arguments import whole
from .equations import expression, javascript_of, latex_of, mathml_of


@dataclass(frozen=True)
class Loss:
    """A loss of two variables with what is needed to draw it and to start on it.

    ``function`` is ``f(x, y, *, …)`` in the house form; ``domain`` is ``((x_low, x_high), (y_low, y_high))``;
    ``start`` a point from which descent is interesting; ``minima`` the global minima inside the domain (none
    where the loss has no minimum); ``parameters`` the values of keyword-only arguments. Raises ``TypeError`` or
    ``ValueError`` for anything else.
    """

    function: object
    domain: tuple
    start: tuple
    minima: tuple = ()
    parameters: dict = field(default_factory=dict)

    def __post_init__(self):
        if not callable(self.function):
            raise TypeError(f"function must be a function f(x, y), got {self.function!r}.")
        if not str(getattr(self.function, "__name__", "")).isidentifier():
            raise ValueError(f"function must be made with def, and have its name; got {self.function!r}.")
        for name, value in self.parameters.items():
            _check_number(name, value)
        (low_x, high_x), (low_y, high_y) = _pairs("domain", self.domain, 2)
        if not (low_x < high_x and low_y < high_y):
            raise ValueError(f"domain must go from low to high for x and for y, got {self.domain!r}.")
        _pairs("start", [self.start], 1)
        _pairs("minima", self.minima)

    @property
    def name(self):
        """The name of the loss in code."""
        return self.function.__name__

    def __repr__(self):
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.name}.replace({given})" if given else self.name

    @np.errstate(all="ignore")
    def __call__(self, theta):
        """The loss at ``theta`` of shape (…, 2); returns shape (…). Raises ``ValueError`` for another shape."""
        return self.function(*_coordinates(theta), **self.parameters)

    def gradient(self, theta):
        """The gradient at ``theta`` of shape (…, 2), in the same shape; ``ValueError`` for another shape."""
        x, y = _coordinates(theta)
        if not x.shape and x.dtype.char == "d":
            try:
                return np.array(self._gradient(float(x), float(y)), x.dtype)
            except (OverflowError, ZeroDivisionError, TypeError):
                pass
        with np.errstate(all="ignore"):
            return _stack(self._gradient(x, y), x)

    @np.errstate(all="ignore")
    def hessian(self, theta):
        """The matrix of second derivatives at ``theta`` of shape (…, 2); returns shape (…, 2, 2)."""
        x, y = _coordinates(theta)
        (xx, xy), (yx, yy) = self._hessian(x, y)
        return np.stack([_stack((xx, xy), x), _stack((yx, yy), x)], axis=-2)

    def noisy(self, sigma):
        """A stochastic gradient ``(theta, rng) -> gradient + noise`` for :func:`lib.descent.descend`.

        The noise is normal with standard deviation ``sigma`` in each coordinate, the same for all runs of a
        sweep; with the generator of ``descend`` it is the same stream in Python and in JavaScript.
        Raises ``ValueError`` for a negative or non-finite ``sigma``.
        """
        if not isinstance(sigma, Real) or not 0 <= sigma <= sys.float_info.max:
            raise ValueError(f"sigma must be a finite number >= 0, got {sigma!r}.")
        return lambda theta, rng: self.gradient(theta) + sigma * normals(rng, 2)

    def replace(self, **parameters):
        """The same loss with other parameters.

        Raises ``ValueError`` for a name that its function does not have, or a number that is not finite, ``TypeError``
        for what is no number.
        """
        unknown = parameters.keys() - (self.function.__kwdefaults__ or {}).keys()
        if unknown:
            raise ValueError(f"{self.name} has no parameter {', '.join(sorted(unknown))}; it has "
                             f"{', '.join(self.function.__kwdefaults__ or {}) or 'none'}.")  # fmt: skip
        return dataclasses.replace(self, parameters=self.parameters | parameters)

    @cached_property
    def symbolic(self):
        """The loss as a SymPy expression and its two symbols: ``(expression, (x, y))``."""
        return expression(self.function, **self.parameters)

    @cached_property
    def curvatures(self):
        """The curvatures of a quadratic loss with a minimum, the smaller first; none for any other loss."""
        value, arguments = self.symbolic
        if not (value.is_polynomial(*arguments) and sp.Poly(value, *arguments).total_degree() == 2):
            return ()
        found = tuple(np.linalg.eigvalsh(self.hessian((0.0, 0.0))).tolist())
        return found if found[0] > 0 else ()

    @property
    def latex(self):
        """The loss as LaTeX, in the order in which it was written."""
        value, _ = self.symbolic
        return f"f(x, y) = {latex_of(value)}"

    @property
    def mathml(self):
        """The same as one MathML element."""
        return mathml_of(self.latex)

    def _repr_latex_(self):
        return f"$${self.latex}$$"

    @property
    def javascript(self):
        """Two JavaScript functions, ``NAME(x, y)`` and ``NAME_gradient(x, y)``, with the parameters filled in."""
        return f"{self.javascript_value(self.name)}\n{self.javascript_gradient(f'{self.name}_gradient')}"

    def javascript_value(self, name=""):
        """The loss as a JavaScript function ``NAME(x, y)``, nameless by default."""
        value, arguments = self.symbolic
        return javascript_of(value, name, arguments)

    def javascript_gradient(self, name=""):
        """The gradient as a JavaScript function ``NAME(x, y)`` that returns an array, nameless by default."""
        return javascript_of(self._derivatives[0], name, self.symbolic[1])

    @cached_property
    def _derivatives(self):
        value, arguments = self.symbolic
        gradient = [sp.diff(value.doit(), a) for a in arguments]
        hessian = [[sp.diff(slope, a).replace(sp.DiracDelta, lambda *_: 0) for a in arguments] for slope in gradient]
        return gradient, hessian

    @cached_property
    def _gradient(self):
        gradient = _numeric(self.symbolic[1], self._derivatives[0])
        return np.errstate(all="ignore")(gradient) if gradient.__code__.co_names else gradient  # numbers alone never warn

    @cached_property
    def _hessian(self):
        return _numeric(self.symbolic[1], self._derivatives[1])


class _NumPyPrinter(NumPyPrinter):
    """SymPy's own, with a maximum that takes numbers and arrays together, which SymPy 1.13 refuses."""

    def _print_Max(self, expr):
        maximum = self._module_format("numpy.maximum")
        return reduce(lambda left, right: f"{maximum}({left}, {right})", map(self._print, expr.args))


def _numeric(arguments, expression):
    """A SymPy expression as a function of numbers and arrays."""
    printer = _NumPyPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    return sp.lambdify(arguments, expression, "numpy", printer=printer, cse=True)


def normals(rng, count):
    """``count`` standard normal numbers by Box and Muller's method from ``2 * count`` calls of ``rng.random``.

    NumPy's own normals come from tables; these can be repeated in JavaScript. Returns shape ``(count,)``.
    Raises ``ValueError`` for a ``count`` that is no whole number from 0.
    """
    radius, angle = rng.random((2, whole("count", count)))
    return np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)


def _check_number(name, value):
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError(f"{name} must be finite, got {value!r}.")


def _pairs(name, value, count=None):
    """Pairs of finite numbers, ``count`` of them; ``TypeError`` or ``ValueError`` for anything else."""
    try:
        pairs = [(first, second) for first, second in value]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be made of pairs of numbers, got {value!r}.") from None
    if count not in (None, len(pairs)):
        raise ValueError(f"{name} must be {count} pairs of numbers, got {value!r}.")
    for number in (number for pair in pairs for number in pair):
        _check_number(f"a number in {name}", number)
    return pairs


def _coordinates(theta):
    try:
        theta = np.asarray(theta)
    except ValueError:
        raise ValueError(f"theta must be an array of the shape (…, 2), got {theta!r}.") from None
    if theta.ndim == 0 or theta.shape[-1] != 2:
        raise ValueError(f"theta must have the shape (…, 2), two coordinates last; got {theta.shape}.")
    if theta.dtype.kind != "f":
        if theta.dtype.kind not in "iub":
            raise TypeError(f"theta must hold real numbers, got {theta.dtype}.")
        theta = theta.astype(float)
    return theta[..., 0], theta[..., 1]


def _stack(parts, like):
    stacked = np.empty((len(parts), *like.shape), like.dtype)
    for row, part in enumerate(parts):
        stacked[row] = part
    return stacked.transpose(*range(1, stacked.ndim), 0)


def _loss(domain, start, minima=()):
    return lambda function: Loss(function, domain, start, minima)


def _square(half):
    return (-half, half), (-half, half)


_DEEPEST = -2.9035340277711770951


@_loss(domain=_square(5), start=(-4.0, 3.0), minima=((0.0, 0.0),))
def bowl(x, y):
    """A round bowl: the easiest loss there is."""
    return (x**2 + y**2) / 2


@_loss(domain=((-10, 10), (-4, 4)), start=(-9.0, 2.0), minima=((0.0, 0.0),))
def valley(x, y, *, kappa=25):
    """A valley along x: curvature 1 along it and ``kappa``, the condition number, across it."""
    return (x**2 + kappa * y**2) / 2


@_loss(domain=_square(6), start=(-5.5, -2.5), minima=((0.0, 0.0),))
def rotated_valley(x, y, *, kappa=25):
    """The valley turned by 45 degrees, so that no coordinate runs along it."""
    return ((x + y) ** 2 + kappa * (x - y) ** 2) / 4


@_loss(domain=((-2, 2), (-1, 3)), start=(-1.5, 2.0), minima=((1.0, 1.0),))
def rosenbrock(x, y):
    """Rosenbrock's banana: a curved, flat-bottomed valley (Rosenbrock 1960)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


@_loss(domain=_square(4.5), start=(1.0, 1.8), minima=((3.0, 0.5),))
def beale(x, y):
    """Beale's function: steep corners around a flat middle (Beale 1958)."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


@_loss(
    domain=_square(5),
    start=(0.0, -4.5),
    minima=(
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.28318599128617),
        (3.584428340330492, -1.848126526964404),
    ),
)
def himmelblau(x, y):
    """Himmelblau's function: four equal minima (Himmelblau 1972)."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


@_loss(domain=_square(2), start=(-1.5, 0.001))
def saddle(x, y):
    """The plain saddle: down along y without end, up along x."""
    return x**2 - y**2


@_loss(domain=_square(2), start=(-1.5, 0.001), minima=((0.0, 1.0), (0.0, -1.0)))
def bounded_saddle(x, y):
    """A saddle between two minima."""
    return x**2 - y**2 + y**4 / 2


@_loss(domain=_square(1.5), start=(1.2, 0.001))
def monkey_saddle(x, y):
    """The monkey saddle: three ways down, and a Hessian that vanishes at the origin."""
    return x**3 - 3 * x * y**2


@_loss(domain=_square(2.5), start=(-0.2, 1.8), minima=((1.0, 1.0), (-1.0, -1.0)))
def two_weights(x, y):
    """The smallest deep network: two linear weights in a row, fitted to 1. Its minima are the curve xy = 1."""
    return (1 - x * y) ** 2


@_loss(domain=_square(4), start=(-3.0, 2.0), minima=((0.0, 0.0),))
def plateau(x, y):
    """A basin in a plateau: far from the minimum the gradient all but vanishes."""
    return 1 - np.exp((-(x**2) - y**2) / 2)


@_loss(domain=_square(4), start=(2.5, 2.0), minima=((-7.2e-05, 0.0),))
def cliff(x, y):
    """A wide bowl with a cliff across it at x = 1: the gradient there is a hundred times larger than beside it."""
    return (x**2 + y**2) / 20 + 2 * np.tanh(8 * (x - 1))


@_loss(domain=_square(5), start=(0.2, 0.3), minima=((_DEEPEST, _DEEPEST),))
def styblinski_tang(x, y):
    """Four minima of different depth (Styblinski and Tang 1990)."""
    return (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2


@_loss(domain=((-10, 10), (-4, 4)), start=(-9.0, 2.0), minima=((0.0, 0.0),))
def absolute(x, y, *, kappa=10):
    """A valley with a kink: the gradient keeps its size down to the minimum."""
    return np.abs(x) + kappa * np.abs(y)


LOSSES = {
    loss.name: loss
    for loss in (
        bowl, valley, rotated_valley, rosenbrock, beale, himmelblau, saddle, bounded_saddle, monkey_saddle,
        two_weights, plateau, cliff, styblinski_tang, absolute,
    )
}  # fmt: skip
