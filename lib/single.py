"""Run a rule for one parameter after the other, on Python's floats: of few parameters, arrays are the slower way.

:func:`single` reads a rule's own lines and runs them with ``math.sqrt`` in the place of ``np.sqrt``, and so on. So the rule
remains the only text of what is computed, and the result is the rule's, bit for bit.
"""

import ast
import functools
import inspect
import math
import textwrap
from types import CodeType, SimpleNamespace

import numpy as np

ALLOWED = (
    ast.Assign, ast.Constant, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.Gt, ast.GtE, ast.Lt, ast.LtE,
)  # fmt: skip
NUMBERS = SimpleNamespace(
    sqrt=math.sqrt,
    abs=abs,
    sign=lambda x: math.copysign(1.0, x) if x and x == x else x,
    maximum=lambda x, y: x if x >= y or x != x else y,
    where=lambda condition, x, y: x if condition else y,
    square=lambda x: x * x,
)


def single(rule):
    """``rule`` as a function of numbers in the place of arrays: ``(theta, g, t, *state, **hyper) -> (theta, *state)``.

    It may raise ``ArithmeticError`` or ``ValueError`` where NumPy makes an infinite number or NaN. Returns None for a rule
    that is not in the house form, see :mod:`lib.rules`, or whose source is not what runs.
    """
    if not inspect.isfunction(rule) or rule.__closure__ or rule.__globals__.get("np") is not np:
        return None
    made = _made(rule, rule.__code__)
    if made:
        made.__kwdefaults__ = rule.__kwdefaults__
    return made


@functools.lru_cache
def _made(rule, code):
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(rule))).body
        if not _is_what_runs(definition, code):
            return None
        lines = [*map(_Reader(code).visit, definition.body[ast.get_docstring(definition) is not None :])]
    except (OSError, TypeError, ValueError, SyntaxError):
        return None
    if not isinstance(lines and lines[-1], ast.Return):
        return None
    arguments, hyper = code.co_varnames[: code.co_argcount], code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
    scope, text = {"np": NUMBERS}, "\n ".join(map(ast.unparse, lines))
    exec(f"def single({', '.join([*arguments, *['*'][: len(hyper)], *hyper])}):\n {text}", scope)
    return scope["single"]


def _is_what_runs(definition, code):
    """Whether a function's code is that of this text: a file may have changed since, a decorator may do more."""
    if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
        return False
    essence = lambda code: (code.co_code, code.co_consts, code.co_names, code.co_varnames)
    for before in ("", "import numpy as np"):  # CPython calls what it sees imported by another instruction
        module = compile(ast.Module([*ast.parse(before).body, definition], []), "<single>", "exec")
        if any(essence(each) == essence(code) for each in module.co_consts if isinstance(each, CodeType)):
            return True
    return False


class _Reader(ast.NodeTransformer):
    """Lets pass what is done number by number, and writes an array's square as a product; else ``ValueError``."""

    def __init__(self, code):
        self.code, self.arrays = code, {*code.co_varnames[: code.co_argcount]} - {"t"}

    def generic_visit(self, node):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"{type(node).__name__} is not read")
        return super().generic_visit(node)

    def visit_Assign(self, node):
        if self._is_array(node.value):
            self.arrays |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        return self.generic_visit(node)

    def visit_Return(self, node):
        match node.value:
            case ast.Tuple(values) if len(values) == self.code.co_argcount - 2:
                return ast.Return(ast.Tuple([self.visit(each) for each in values], ast.Load()))
        raise ValueError("a rule returns theta and its states")

    def visit_Name(self, node):
        if node.id not in self.code.co_varnames:
            raise ValueError(f"{node.id} is neither given nor assigned")
        return node

    def visit_Call(self, node):
        match node:
            case ast.Call(ast.Attribute(ast.Name("np"), "where"), [ast.Compare(left, [sign], [right]), *rest], []):
                condition = ast.Compare(self.visit(left), [self.visit(sign)], [self.visit(right)])
                return ast.Call(node.func, [condition, *map(self.visit, rest)], [])
            case ast.Call(ast.Attribute(ast.Name("np"), name), arguments, []) if hasattr(NUMBERS, name):
                return ast.Call(node.func, [*map(self.visit, arguments)], [])
        raise ValueError("a call that is not read")

    def visit_BinOp(self, node):
        if not isinstance(node.op, ast.Pow):
            return self.generic_visit(node)
        if not self._is_array(node):
            return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))
        if not (isinstance(node.right, ast.Constant) and node.right.value == 2):
            raise ValueError("a power that Python and NumPy may round in two ways")
        return ast.Call(ast.parse("np.square", mode="eval").body, [self.visit(node.left)], [])

    def _is_array(self, node):
        return any(isinstance(each, ast.Name) and each.id in self.arrays for each in ast.walk(node))
