"""Values as lines of JSON, between the grader and the process that holds a student's notebook.

Nothing that is read is executed: numbers, words, containers, NumPy arrays of plain numbers, SymPy expressions as trees
of SymPy's own classes, and functions, which stay on their side and are called from the other by number. Any other value
arrives as an :class:`Opaque`.
"""

import base64
import json
import secrets
from dataclasses import dataclass
from types import EllipsisType

import numpy as np
import sympy as sp
from mpmath.libmp import repr_dps, to_str

PLAIN = (type(None), bool, int, float, str)
KINDS = "biufcU"
DEEPEST = 200


@dataclass(frozen=True)
class Opaque:
    """A value of a kind that does not travel; ``kind`` is the name of its type."""

    kind: str


class Functions:
    """The functions that one side has shown to the other, by number."""

    def __init__(self):
        self._shown = {}

    def number(self, function):
        """The number under which the other side can call ``function``: random, so that it says nothing."""
        number = secrets.randbelow(1 << 48)
        self._shown[number] = function
        return number

    def __getitem__(self, number):
        return self._shown[number]


class Stub:
    """Stands for a function of the other side: ``ask(number, args, kwargs)`` calls it there."""

    def __init__(self, ask, number, name):
        self.number, self.__name__, self._ask = number, name, ask

    def __call__(self, *args, **kwargs):
        return taken(self._ask(self.number, args, kwargs), args)


def dumps(value, functions):
    """One line, without its end, that holds ``value``; functions in it are added to ``functions``."""
    return json.dumps(_encoded(value, functions, 0))


def loads(line, functions, ask):
    """The value in a line. Functions of the other side arrive as stubs, our own as what they are in ``functions``.

    Raises ``ValueError`` for a line that :func:`dumps` did not write.
    """
    try:
        return _decoded(json.loads(line), functions, ask)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"not a value: {error!r}") from None


def call(function, args, kwargs):
    """The result of a call that the other side asked for, and the arrays among ``args`` that it changed, by place."""
    before = [argument.copy() if isinstance(argument, np.ndarray) else None for argument in args]
    result = function(*args, **kwargs)
    changed = {place: argument for place, (old, argument) in enumerate(zip(before, args))
               if old is not None and old.tobytes() != argument.tobytes()}  # fmt: skip
    return result, changed


def taken(reply, args):
    """The result in a reply made by :func:`call`; what was changed there is changed in ``args`` here."""
    result, changed = reply
    for place, new in changed.items():
        np.copyto(args[place], new)
    return result


def _encoded(value, functions, depth):
    if depth > DEEPEST:
        return ["opaque", "value nested too deeply"]
    if type(value) in PLAIN:
        return value
    if isinstance(value, (np.ndarray, np.generic, complex)):
        return _array(np.asarray(value), "array" if isinstance(value, np.ndarray) else "scalar")
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, *(_encoded(part, functions, depth + 1) for part in value)]
    if isinstance(value, dict):
        return ["dict", *(_encoded(pair, functions, depth + 1) for pair in value.items())]
    if isinstance(value, (sp.Basic, sp.MatrixBase)):
        return ["sympy", _tree(value)]
    if isinstance(value, EllipsisType):
        return ["ellipsis"]
    if isinstance(value, Stub):
        return ["stub", value.number]
    if callable(value) and not isinstance(value, type):
        return ["function", functions.number(value), str(getattr(value, "__name__", "function"))]
    return ["opaque", type(value).__name__]


def _array(array, kind):
    if array.dtype.kind not in KINDS:
        return ["opaque", f"array of {array.dtype}"]
    return [kind, array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _decoded(value, functions, ask):
    if not isinstance(value, list):
        return value
    match value:
        case ["array" | "scalar" as kind, dtype, shape, data] if np.dtype(dtype).kind in KINDS:
            array = np.frombuffer(base64.b64decode(data), np.dtype(dtype)).reshape(shape).copy()
            return array if kind == "array" else array[()]
        case ["list", *parts]:
            return [_decoded(part, functions, ask) for part in parts]
        case ["tuple", *parts]:
            return tuple(_decoded(part, functions, ask) for part in parts)
        case ["dict", *pairs]:
            return dict(_decoded(pair, functions, ask) for pair in pairs)
        case ["sympy", tree]:
            with sp.evaluate(False):
                return _grown(tree)
        case ["ellipsis"]:
            return ...
        case ["function", number, name]:
            return Stub(ask, int(number), str(name))
        case ["stub", number]:
            return functions[number]
        case ["opaque", kind]:
            return Opaque(str(kind))
    raise ValueError(f"no value is written as {value!r}")


def _tree(expr):
    """A SymPy expression as [class, *parts]; a function without a definition as ["Function", name, *arguments]."""
    if isinstance(expr, sp.MatrixBase):
        return ["Matrix", *map(_tree, sp.Tuple(*expr)), list(expr.shape)]
    if isinstance(expr, sp.Symbol):
        return ["Symbol", expr.name, expr.assumptions0]
    if isinstance(expr, sp.Rational):
        return ["Rational", str(expr)]
    if isinstance(expr, sp.Float):
        return ["Float", to_str(expr._mpf_, repr_dps(expr._prec)), expr._prec]
    if isinstance(expr, sp.core.function.AppliedUndef):
        return ["Function", expr.func.__name__, *map(_tree, expr.args)]
    name = "Tuple" if isinstance(expr, sp.functions.elementary.piecewise.ExprCondPair) else type(expr).__name__
    return [name, *map(_tree, expr.args)]


def _grown(tree):
    match tree:
        case ["Symbol", name, assumptions]:
            return sp.Symbol(name, **assumptions)
        case ["Rational", number]:
            return sp.Rational(number)
        case ["Float", digits, precision]:
            return sp.Float(digits, precision=precision)
        case ["Function", name, *parts]:
            return sp.Function(name)(*map(_grown, parts))
        case ["Matrix", *entries, [rows, columns]]:
            return sp.Matrix(rows, columns, [_grown(entry) for entry in entries])
        case [str() as name, *parts] if isinstance(known := getattr(sp, name, None), type) and issubclass(known, sp.Basic):
            return known(*map(_grown, parts))
        case [str() as name] if isinstance(constant := getattr(sp.S, name, None), sp.Basic):
            return constant
    raise ValueError(f"no expression is written as {tree!r}")
