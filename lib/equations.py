"""The source of a rule or loss is its equations: read it, print it as LaTeX, run it as JavaScript.

A function in the house form (see :mod:`lib.rules`) is parsed, and each assignment is rebuilt from SymPy
symbols without simplification, so what is printed stands in the order in which it was written. It works on
every rule of the library and on one defined in a notebook cell.

- ``equations(adam)`` shows the five lines of the paper;
- ``mathml(adam)`` is them for a browser, with every symbol marked by its name in code;
- ``javascript(adam)`` is the same rule for one coordinate in a browser;
- ``expression(f)`` is the value of a loss ``f(x, y)`` as a SymPy expression.
"""

import ast
import html
import inspect
import linecache
import re
import sys
import textwrap
from dataclasses import dataclass, replace

import sympy as sp
from latex2mathml.converter import convert
from sympy.printing.jscode import JavascriptCodePrinter
from sympy.printing.precedence import PRECEDENCE

from .notation import NAMES, symbol

OPERATORS = {
    ast.Add: lambda a, b: sp.Add(*_terms(a), b),
    ast.Sub: lambda a, b: sp.Add(*_terms(a), -b),
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
    ast.USub: lambda a: -a,
    ast.Gt: sp.Gt,
    ast.GtE: sp.Ge,
    ast.Lt: sp.Lt,
    ast.LtE: sp.Le,
}
RULE_CALLS = {
    "sqrt": sp.sqrt,
    "abs": sp.Abs,
    "sign": sp.sign,
    "maximum": sp.Max,
    "where": lambda condition, then, otherwise: sp.Piecewise((then, condition), (otherwise, True)),
}
LOSS_CALLS = RULE_CALLS | {"exp": sp.exp, "log": sp.log, "sin": sp.sin, "cos": sp.cos, "tanh": sp.tanh}
FORMULA_CALLS = RULE_CALLS | {"mod": sp.Mod}

ARGUMENTS = {"maximum": 2, "where": 3, "mod": 2}

SIMPLER_MATHML = {
    r"<math .*?><mrow>(.*)</mrow></math>": r"<math>\1</math>",
    r' stretchy="true" fence="true" form="\w+"': "",
    r'(?<=[^>])</mi><mi mathvariant="normal">': "",
    r'<mi mathvariant="normal">([^<]{2,})</mi>': r"<mi>\1</mi>",
    r"<mrow>(<(m[ino])>[^<]*</\2>)</mrow>": r"\1",
}
ELEMENTS = (
    "math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub msubsup "
    "msup mtable mtd mtext mtr munder munderover".replace(" ", "|")
)
TAG = re.compile(rf'</?(?:{ELEMENTS})(?: (?!on|href|style)[a-z]+="[^"<>]*")* ?/?>')
FIRST_PRIVATE = 0xE000  # a character that Unicode leaves to us, so that no equation has it

RESERVED = frozenset(
    "__proto__ arguments await break case catch class const continue debugger default delete do else enum eval export extends "
    "false finally for function if implements import in instanceof interface let new null package private protected "
    "public return static super switch this throw true try typeof undefined var void while with yield Math".split()
)


class HouseFormError(ValueError):
    """A function that cannot be read as equations; the message names the line and says what is allowed."""


@dataclass(frozen=True)
class Source:
    """A function in the house form: its arguments, its assignments as syntax trees, and what it returns."""

    function: object
    name: str
    arguments: tuple[str, ...]
    hyper: dict[str, object]
    assignments: tuple[tuple[str, ast.expr], ...]
    returned: ast.expr
    calls: dict[str, object]

    def error(self, node, problem):
        """A :class:`HouseFormError` that names the line of ``node`` and says what is allowed."""
        line = inspect.getsourcelines(self.function)[1] + getattr(node, "lineno", 1) - 1
        text = linecache.getline(inspect.getsourcefile(self.function), line).strip()
        return HouseFormError(
            f"{self.name}, line {line}: {problem}\n    {text}\n"
            "Allowed: assignments to plain names and one return at the end; numbers, arguments and names assigned "
            f"above; + - * / **; comparisons inside np.where; {', '.join(f'np.{call}' for call in self.calls)}."
        )


@dataclass(frozen=True)
class Equations:
    """A rule as SymPy equations, one per assignment, in their order.

    ``lines`` are the equations; ``symbols`` maps each name in code to its symbol after the step
    (``symbols["m"]`` is m at t), and, with ``_old`` appended, before it (``symbols["m_old"]`` is m at t−1).
    In a notebook they show as aligned mathematics; ``print`` gives their LaTeX, a line each.
    """

    name: str
    lines: tuple[sp.Eq, ...]
    symbols: dict[str, sp.Symbol]

    def latex(self):
        """The equations as one ``aligned`` environment."""
        rows = " \\\\\n".join(_line(line, " &= ") for line in self.lines)
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    def _repr_latex_(self):
        return f"$$\n{self.latex()}\n$$"

    def __repr__(self):
        return "\n".join(_line(line, " = ") for line in self.lines)


def equations(rule):
    """The equations of a rule, read from its source.

    ``rule`` is a function in the house form, from the library or from a notebook cell. State and ``theta``
    get the index t−1 until they are assigned and t afterwards; hyper-parameters get none. Returns
    :class:`Equations`. Raises :class:`HouseFormError` if the source cannot be read as equations.
    """
    source = read_rule(rule)
    names = {name: _symbol(name, "t" if name == "g" else "t-1") for name in source.arguments}
    names |= {name: _symbol(name, "") for name in source.hyper}
    symbols = names | {f"{name}_old": names[name] for name in source.arguments if name not in ("g", "t")}
    lines = []
    for name, node in source.assignments:
        right = _symbolic(node, names, source)
        names[name] = symbols[name] = _symbol(name, "t")
        lines.append(sp.Eq(names[name], right, evaluate=False))
    return Equations(source.name, tuple(lines), symbols)


def mathml(rule):
    """The equations of a rule as MathML, one ``<math>`` element for each line.

    Its symbols are those of :func:`mathml_symbols`. Raises :class:`HouseFormError` as :func:`equations` does.
    """
    read = equations(rule)
    private = {read.symbols[key]: chr(FIRST_PRIVATE + number) for number, key in enumerate(_keys(read))}
    marked = dict(zip(private.values(), mathml_symbols(rule).values()))
    lines = (f"{private[line.lhs]} = {latex_of(line.rhs, symbol_names=private)}" for line in read.lines)
    one = f"<mi>([{''.join(marked)}])</mi>"
    return [re.sub(one, lambda found: marked[found[1]], mathml_of(line)) for line in lines]


def mathml_symbols(rule):
    """The symbols of a rule's equations as MathML, marked by their names in code.

    Each is ``<mrow class="q q-m" data-name="m_old">``: the name, and the key in the ``symbols`` of :class:`Equations`,
    which tells m before the step from m after it. Returns a dict from that key. Raises :class:`HouseFormError`.
    """
    read = equations(rule)
    return {
        key: f'<mrow class="q q-{key.removesuffix("_old")}" data-name="{key}">{_inner(str(read.symbols[key]))}</mrow>'
        for key in _keys(read)
    }


def mathml_of(latex):
    """LaTeX as one MathML element, ``<math>…</math>``.

    A word in ``\\mathrm`` is one upright identifier, and parentheses grow only around what is higher than a line:
    where there is no font for mathematics, a browser makes them far too high. Raises ``ValueError`` for LaTeX that
    cannot be read or would make more than mathematics, such as ``\\text{<script>}``.
    """
    try:
        converted = convert(_stretch_less(latex))
    except Exception as problem:
        raise ValueError(f"latex cannot be read, got {latex!r}.") from problem
    elements = re.sub("&#x0003([CE]);", r"&amp;#x3\1;", converted)
    for pattern, shorter in SIMPLER_MATHML.items():
        elements = re.sub(pattern, shorter, elements)
    made = html.unescape(elements)
    if not is_mathml(made):
        raise ValueError(f"latex must be mathematics alone, got {latex!r}.")
    return made


def is_mathml(text):
    """Whether all elements of a text are MathML's that show something, without links, styles and scripts."""
    return not re.search("[<>]", TAG.sub("", text))


def latex_of(value, **options):
    """A SymPy expression as LaTeX in the order in which it was written, with a dot between two numbers."""
    return re.sub(r"(?<=\d) (?={\d)", r" \\cdot ", sp.latex(value, order="none", **options))


def corrects_bias(rule):
    """Whether a rule uses the number of the step, and in nothing but corrections of the form ``1 - beta**t``.

    With an infinite ``t`` such a rule is itself without bias correction. Raises :class:`HouseFormError`.
    """
    source = read_rule(rule)
    nodes = [node for _, tree in source.assignments for node in ast.walk(tree)]
    uses = sum(isinstance(node, ast.Name) and node.id == "t" for node in nodes)
    return 0 < uses == sum(_is_correction(node, source.hyper) for node in nodes)


def javascript(rule):
    """A rule as a JavaScript function of one coordinate.

    ``javascript(adam)`` is the text of ``function adam(theta, g, t, m, v, {lr = 0.001, …} = {})``, which
    returns ``[theta, m, v, m_hat, v_hat]``: the parameters, the state, then the other assigned names in their
    order (:func:`values`). Raises :class:`HouseFormError` as :func:`equations` does, and where a name means
    something else in JavaScript.
    """
    source = read_rule(rule)
    known = list(source.arguments)
    body = []
    for name, code in _statements(source):
        body.append(f"  {name} = {code};" if name in known else f"  let {name} = {code};")
        known.append(name)
    returned = ", ".join((*_returned_names(source), *values(rule)))
    return _function(source, [*body, f"  return [{returned}];"])


def values(rule):
    """The names that a rule assigns and does not return, in their order: ``("m_hat", "v_hat")`` of Adam."""
    source = read_rule(rule)
    return tuple(name for name, _ in source.assignments if name not in source.arguments)


def formula(function):
    """A function in the house form that returns one number, as a nameless JavaScript function.

    ``formula(f)`` of ``f(t, *, beta1)`` is the text of ``function (t, {beta1})``. It may also use ``np.mod``.
    Raises :class:`HouseFormError`.
    """
    source = _read(function, FORMULA_CALLS)
    named = replace(source, assignments=(*source.assignments, ("result", source.returned)))
    body = " ".join(f"const {name} = {code};" for name, code in _statements(named))
    hyper = [f"{{{', '.join(source.hyper)}}}"] if source.hyper else []
    return f"function ({', '.join((*source.arguments, *hyper))}) {{ {body} return result; }}"


def expression(loss, **parameters):
    """The value of a loss as one SymPy expression of its arguments, as written.

    ``loss`` is a function ``f(x, y, *, …)`` in the house form with one returned expression, which may also use
    ``np.exp, np.log, np.sin, np.cos, np.tanh``. Returns ``(expression, arguments)``: keyword-only parameters
    are replaced by the numbers in ``parameters``, or by their defaults. Raises :class:`HouseFormError`.
    """
    source = _read(loss, LOSS_CALLS)
    names = {name: sp.Symbol(name, real=True) for name in source.arguments}
    arguments = tuple(names.values())
    names |= {name: sp.sympify(value) for name, value in (source.hyper | parameters).items()}
    for name, node in source.assignments:
        names[name] = _symbolic(node, names, source)
    return _symbolic(source.returned, names, source), arguments


def javascript_of(expressions, name, arguments):
    """A JavaScript function that returns SymPy expressions: a number for one, nested arrays for a list or lists.

    ``javascript_of([2 * x, y], "f", (x, y))`` is ``function f(x, y) { return [2*x, y]; }``. Raises
    :class:`HouseFormError` for a name that is none in JavaScript or means something else there.
    """
    for other in {name, *map(str, arguments)} - {""}:
        if not (isinstance(other, str) and other.isidentifier() and other.isascii()):
            raise HouseFormError(f"{other!r} cannot be a name in JavaScript; choose another.")
    for reserved in RESERVED & {name, *map(str, arguments)}:
        raise HouseFormError(f"{reserved} cannot be a name in JavaScript; choose another.")
    return f"function {name}({', '.join(map(str, arguments))}) {{ return {_nested(expressions)}; }}"


def read_rule(rule):
    """The source of a rule, checked against the schema of :mod:`lib.rules`; returns :class:`Source`.

    Raises :class:`HouseFormError` where the signature or the returned names do not fit.
    """
    source = _read(rule, RULE_CALLS)
    if source.arguments[:3] != ("theta", "g", "t"):
        raise source.error(None, f"a rule starts with the arguments theta, g, t; got {', '.join(source.arguments)}.")
    state = ("theta", *source.arguments[3:])
    if _returned_names(source) != state:
        raise source.error(source.returned, f"a rule returns {', '.join(state)}, in the order of its arguments.")
    for name, default in source.hyper.items():
        if isinstance(default, bool) or not isinstance(default, (int, float)) or not abs(default) <= sys.float_info.max:
            raise source.error(None, f"the hyper-parameter {name} needs a finite number as its default.")
    missing = [name for name in state if name not in dict(source.assignments)]
    if missing:
        raise source.error(source.returned, f"{' and '.join(missing)} is returned but never assigned.")
    return source


def _read(function, calls):
    definition = _definition(function)
    arguments = tuple(argument.arg for argument in definition.args.args)
    hyper = {name: p.default for name, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}
    body = definition.body[1:] if ast.get_docstring(definition) is not None else definition.body
    source = Source(function, definition.name, arguments, hyper, (), None, calls)
    if not body or not isinstance(body[-1], ast.Return) or body[-1].value is None:
        raise source.error(definition.body[-1], "the last line must be a return.")
    assignments = tuple(_assignment(node, source) for node in body[:-1])
    _check_names([name for name, _ in assignments], body, source)
    return replace(source, assignments=assignments, returned=body[-1].value)


def _definition(function):
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as problem:
        raise HouseFormError(f"{function!r} has no source: define it with def in a file or a cell.") from problem
    try:
        (definition,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        definition = None
    if not isinstance(definition, ast.FunctionDef):
        raise HouseFormError(f"{function!r} is not defined with def.")
    return definition


def _assignment(node, source):
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
    raise source.error(node, "this is not an assignment to a plain name.")


def _check_names(assigned, body, source):
    for position, name in enumerate(assigned):
        if name in assigned[:position]:
            raise source.error(body[position], f"{name} is assigned twice; give the second value a name of its own.")
        if name in ("g", "t") or name in source.hyper:
            raise source.error(body[position], f"{name} is given; give the new value a name of its own.")


def _returned_names(source):
    nodes = source.returned.elts if isinstance(source.returned, ast.Tuple) else [source.returned]
    return tuple(node.id if isinstance(node, ast.Name) else None for node in nodes)


def _symbol(name, index):
    tex = symbol(name)
    if name == "t":
        return sp.Symbol(tex, integer=True, positive=True)
    if not index or (name in NAMES and not NAMES[name].indexed):
        return sp.Symbol(tex, real=True)
    return sp.Symbol(f"{tex}_{{{index}}}", real=True)


def _stretch_less(latex):
    flat = re.sub(r"\\left\(((?:(?!\\left|\\right|\\frac|\\begin|\\sqrt).)*)\\right\)", r"(\1)", latex)
    return latex if flat == latex else _stretch_less(flat)


def _keys(read):
    """One key for each symbol: ``"m"`` and not ``"m_old"`` where both are the same."""
    return list({printed: key for key, printed in reversed(read.symbols.items())}.values())


def _inner(latex):
    return mathml_of(latex).removeprefix("<math>").removesuffix("</math>")


def _is_correction(node, hyper):
    match node:
        case ast.BinOp(ast.Constant(value=1), ast.Sub(), ast.BinOp(ast.Name(id=base), ast.Pow(), ast.Name(id="t"))):
            return base in hyper
    return False


def _terms(value):
    return value.args if isinstance(value, sp.Add) else (value,)


def _symbolic(node, names, source):
    with sp.evaluate(False):
        return _value(node, names, source)


def _value(node, names, source):
    match node:
        case ast.Constant(value=bool() | str() | bytes() | None | complex()):
            raise source.error(node, f"{node.value!r} is not a number.")
        case ast.Constant(value=number):
            return sp.sympify(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name):
            raise source.error(node, f"{name} is neither an argument nor assigned above.")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, names, source), _value(right, names, source))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return OPERATORS[ast.USub](_value(operand, names, source))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPERATORS:
            return OPERATORS[type(op)](_value(left, names, source), _value(right, names, source))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=call), keywords=[]) if call in source.calls:
            arguments = [_value(argument, names, source) for argument in node.args]
            if len(arguments) == ARGUMENTS.get(call, 1):
                return source.calls[call](*arguments)
    raise source.error(node, f"{ast.unparse(node)} is not in the house form.")


def _line(equation, relation):
    return sp.latex(equation.lhs) + relation + latex_of(equation.rhs)


class _JavaScript(JavascriptCodePrinter):
    """SymPy's printer, with numbers in full, squares as products, and conditions on one line."""

    def __init__(self):
        super().__init__({"order": "none"})

    def _print_Float(self, number):
        return repr(float(number))

    def _print_Pow(self, power):
        base = self.parenthesize(power.base, PRECEDENCE["Pow"])
        if power.exp == 2 and power.base.is_Symbol:
            return f"({base}*{base})"
        if power.exp == 1:
            return base
        return super()._print_Pow(power)

    def _print_Piecewise(self, piecewise):
        *cases, (otherwise, _) = piecewise.args
        code = self._print(otherwise)
        for then, condition in reversed(cases):
            code = f"({self._print(condition)} ? {self._print(then)} : {code})"
        return code


def _code(value):
    with sp.evaluate(False):
        return _JavaScript().doprint(value)


def _statements(source):
    known = (*source.arguments, *source.hyper)
    for name in (source.name, *known, *(name for name, _ in source.assignments)):
        if name in RESERVED or not name.isascii():
            raise source.error(None, f"{name} cannot be a name in JavaScript; choose another.")
    names = {name: sp.Symbol(name) for name in known}
    for name, node in source.assignments:
        code = _code(_symbolic(node, names, source))
        names[name] = sp.Symbol(name)
        yield name, code


def _function(source, body):
    hyper = ", ".join(f"{name} = {float(default)!r}" for name, default in source.hyper.items())
    signature = ", ".join((*source.arguments, f"{{{hyper}}} = {{}}"))
    return "\n".join([f"function {source.name}({signature}) {{", *body, "}"])


def _nested(value):
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_nested, value))}]"
    return _code(value)
