"""The source that is read is the code that runs: equations == NumPy == JavaScript, for every rule."""

import ast
import json
import linecache
import xml.etree.ElementTree as ET
from collections import Counter

import numpy as np
import pytest
import sympy as sp
from every import EVERY
from py_mini_racer import MiniRacer

from lib.equations import (
    HouseFormError, corrects_bias, equations, expression, formula, javascript, javascript_of, mathml, mathml_of,
    mathml_symbols, read_rule, values,
)  # fmt: skip
from lib.rules import RULES, adam, momentum, nadam

STEPS = 500


@pytest.fixture(scope="module")
def v8():
    return MiniRacer()


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(STEPS) * 10.0 ** rng.integers(-3, 4, STEPS)
    g[rng.random(STEPS) < 0.1] = 0
    return g


def hypers(rule):
    """The defaults, and values that are as far from them as the rule allows."""
    unusual = dict(
        lr=0.37, mu=0.5, rho=0.7, beta1=0.3, beta2=0.95, eps=1e-3, eps_hat=1e-2, weight_decay=0.3, momentum_decay=0.1,
        eps_root=1e-2, dampening=0.4, lr_decay=0.1, start=0.2, threshold=4.2, beta3=0.98, gamma=3.0,
    )  # fmt: skip
    return dict(rule.__kwdefaults__), {name: unusual[name] for name in rule.__kwdefaults__}


def states(rule):
    return rule.__code__.co_argcount - 3


def run_numpy(rule, g, hyper):
    theta, *state = np.array([0.7]), *(np.zeros(1) for _ in range(states(rule)))
    path = []
    for t, value in enumerate(g, 1):
        theta, *state = rule(theta, np.array([value]), t, *state, **hyper)
        path.append(float(theta[0]))
    return np.array(path)


def run_javascript(v8, rule, g, hyper):
    zeros = ", 0" * states(rule)
    return np.array(json.loads(v8.eval(f"""(() => {{
      {javascript(rule)}
      const path = []; let now = [0.7{zeros}];
      {json.dumps(g.tolist())}.forEach((g, i) => {{
        now = {rule.__name__}(now[0], g, i + 1, ...now.slice(1, {1 + states(rule)}), {json.dumps(hyper)});
        path.push(now[0]);
      }});
      return JSON.stringify(path);
    }})()""")))


def run_equations(rule, g, hyper):
    read = equations(rule)
    names = ["theta", *rule.__code__.co_varnames[3 : rule.__code__.co_argcount]]
    values = {read.symbols[name]: value for name, value in hyper.items()}
    values |= {read.symbols[f"{name}_old"]: 0.0 for name in names} | {read.symbols["theta_old"]: 0.7}
    lines = [(line.lhs, sp.lambdify(sorted(line.rhs.free_symbols, key=str), line.rhs, "numpy")) for line in read.lines]
    arguments = [sorted(line.rhs.free_symbols, key=str) for line in read.lines]
    path = []
    for t, value in enumerate(g, 1):
        values |= {read.symbols["g"]: value, read.symbols["t"]: t}
        for (left, right), needed in zip(lines, arguments):
            values[left] = float(right(*(values[symbol] for symbol in needed)))
        values |= {read.symbols[f"{name}_old"]: values[read.symbols[name]] for name in names}
        path.append(values[read.symbols["theta"]])
    return np.array(path)


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_equations_and_javascript_are_the_rule(rule, v8):
    for hyper in hypers(rule):
        expected = run_numpy(rule, gradients(), hyper)
        assert np.isfinite(expected).all() and np.ptp(expected) > 0
        scale = np.abs(expected).max()
        for other in (run_javascript(v8, rule, gradients(), hyper), run_equations(rule, gradients(), hyper)):
            np.testing.assert_allclose(other, expected, rtol=1e-12, atol=1e-12 * scale)


def test_the_comparison_can_fail(v8):
    expected = run_numpy(adam, gradients(), {})
    other = run_javascript(v8, adam, gradients(), {"eps": 1.0001e-3})
    assert not np.allclose(other, expected, rtol=1e-12)


def assigned(rule, *arguments):
    """Every assigned name with its value, one line of the source after the other."""
    source = read_rule(rule)
    known = dict(zip(source.arguments, arguments)) | source.hyper
    for name, node in source.assignments:
        known[name] = eval(compile(ast.Expression(node), "<line>", "eval"), {"np": np}, known)
    return known


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_javascript_returns_the_parameters_the_state_and_the_other_values(rule, v8):
    arguments = (0.7, -0.3, 9, 0.2, 0.5, 0.4)[: 3 + states(rule)]
    known = assigned(rule, *arguments)
    names = ["theta", *read_rule(rule).arguments[3:], *values(rule)]
    assert set(names) == {name for name, _ in read_rule(rule).assignments}
    returned = json.loads(v8.eval(f"JSON.stringify(({javascript(rule)})(...{json.dumps(arguments)}))"))
    np.testing.assert_allclose(returned, [known[name] for name in names], rtol=1e-12)


def test_the_values_of_a_rule():
    assert values(adam) == ("m_hat", "v_hat") and values(momentum) == ()
    assert "return [theta, m, v, m_hat, v_hat];" in javascript(adam)


def test_which_rules_use_the_step_for_bias_correction_alone():
    found = [name for name, rule in RULES.items() if corrects_bias(rule)]
    assert found == ["adam", "adam_reordered", "adamax", "amsgrad", "adam_l2", "adamw"]


@pytest.mark.parametrize("name", ["adam", "adam_reordered", "adamax", "amsgrad", "adam_l2", "adamw"])
def test_an_infinite_step_switches_the_bias_correction_off(name):
    late, never = (RULES[name](0.7, -0.3, t, *(0.2,) * states(RULES[name])) for t in (10**6, np.inf))
    np.testing.assert_allclose(never, late, rtol=1e-12)


# MathML.


def marked(element):
    """The keys of the symbols in a MathML element, with how often each stands there."""
    return Counter(mrow.get("data-name") for mrow in element.iter("mrow") if mrow.get("data-name"))


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_mathml_marks_every_name_of_the_source_as_often_as_it_stands_there(rule):
    source = read_rule(rule)
    old = {"theta", *source.arguments[3:]}
    for (name, node), line in zip(source.assignments, mathml(rule), strict=True):
        used = Counter(part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id != "np")
        expected = Counter({f"{key}_old" if key in old else key: count for key, count in used.items()})
        assert marked(ET.fromstring(line)) == expected + Counter([name])
        old.discard(name)


@pytest.mark.parametrize("rule", EVERY.values(), ids=EVERY)
def test_mathml_has_the_numbers_of_the_source_and_nothing_private(rule):
    for (_, node), line in zip(read_rule(rule).assignments, mathml(rule)):
        parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        root = ET.fromstring(line)
        for symbol in [mrow for mrow in root.iter("mrow") if mrow.get("data-name")]:
            symbol.clear()
        assert Counter(float(number.text) for number in root.iter("mn")) == Counter(map(float, parts))
        assert not any(0xE000 <= ord(character) < 0xF900 for character in line)


def test_the_symbols_of_a_rule():
    symbols = mathml_symbols(adam)
    assert {"m", "m_old", "theta", "theta_old", "g", "t", "lr", "m_hat"} <= symbols.keys()
    assert symbols.keys() <= equations(adam).symbols.keys()
    assert symbols["m"] == '<mrow class="q q-m" data-name="m"><msub><mi>m</mi><mi>t</mi></msub></mrow>'


def test_a_marked_symbol():
    assert mathml(momentum)[1] == (
        '<math><mrow class="q q-theta" data-name="theta"><msub><mi>θ</mi><mi>t</mi></msub></mrow><mo>=</mo>'
        '<mrow class="q q-theta" data-name="theta_old">'
        '<msub><mi>θ</mi><mrow><mi>t</mi><mo>−</mo><mn>1</mn></mrow></msub></mrow><mo>−</mo>'
        '<mrow class="q q-lr" data-name="lr"><mi>α</mi></mrow>'
        '<mrow class="q q-m" data-name="m"><msub><mi>m</mi><mi>t</mi></msub></mrow></math>'
    )


def test_two_numbers_have_a_dot_between_them():
    assert str(equations(nadam)).startswith(r"\mu_{t} = \beta_{1} \left(1 - 0.5 \cdot {0.96}^{t \psi}\right)")
    assert "<mn>0.5</mn><mo>·</mo>" in mathml(nadam)[0]


def test_a_word_is_one_identifier_and_text_cannot_become_markup():
    assert mathml_of(r"\mathrm{warm\_up}_{t}") == "<math><msub><mi>warm_up</mi><mi>t</mi></msub></math>"
    assert ET.fromstring(mathml_of("a < b > c")).findall("mo")[0].text == "<"


def test_parentheses_grow_around_a_fraction_only():
    low = mathml_of(r"\left(\left(a + b\right) c\right)")
    high = mathml_of(r"\left(\frac{a}{\left(b\right)}\right)")
    assert low.count('stretchy="false"') == 4 and high.count('stretchy="false"') == 2


# Formulas.


def weighted(t, steps, *, beta1, beta2):
    share = np.where(np.mod(t, 3) > 0, beta1, 0)
    return share ** (steps - t) + np.abs(-beta2)


def test_a_formula_is_its_function(v8):
    code = formula(weighted)
    assert code.startswith("function (t, steps, {beta1, beta2}) {")
    for t in range(7):
        hyper = {"beta1": 0.9, "beta2": 0.99}
        assert v8.eval(f"({code})({t}, 6, {json.dumps(hyper)})") == pytest.approx(weighted(t, 6, **hyper), rel=1e-15)


def test_adam_is_the_five_lines_of_the_paper():
    assert str(equations(adam)).split("\n") == [
        r"m_{t} = \beta_{1} m_{t-1} + \left(1 - \beta_{1}\right) g_{t}",
        r"v_{t} = \beta_{2} v_{t-1} + \left(1 - \beta_{2}\right) g_{t}^{2}",
        r"\hat{m}_{t} = \frac{m_{t}}{1 - \beta_{1}^{t}}",
        r"\hat{v}_{t} = \frac{v_{t}}{1 - \beta_{2}^{t}}",
        r"\theta_{t} = \theta_{t-1} - \frac{\alpha \hat{m}_{t}}{\sqrt{\hat{v}_{t}} + \epsilon}",
    ]


def test_a_notebook_shows_aligned_mathematics():
    shown = equations(adam)._repr_latex_()
    assert shown.startswith("$$\n\\begin{aligned}\nm_{t} &= ") and shown.count("\\\\\n") == 4


def test_every_rule_has_one_line_per_assignment_and_ends_what_it_returns():
    for rule in RULES.values():
        read = equations(rule)
        assert {line.lhs for line in read.lines} >= {read.symbols["theta"]}


def test_a_rule_from_a_notebook_cell():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        shell.run_cell(
            "import numpy as np\n"
            "from lib.equations import equations, javascript\n"
            "def heavy(theta, g, t, speed, *, lr=0.1, warmup=10):\n"
            "    speed = 0.9 * speed + g\n"
            "    theta = theta - lr * np.where(t < warmup, t / warmup, 1) * speed\n"
            "    return theta, speed\n"
            "shown, code = str(equations(heavy)), javascript(heavy)"
        ).raise_error()
        assert shell.user_ns["shown"].startswith(r"\mathrm{speed}_{t} = 0.9 \mathrm{speed}_{t-1} + g_{t}")
        assert "(t < warmup ? t/warmup : 1)" in shell.user_ns["code"]
    finally:
        InteractiveShell.clear_instance()


def as_written(theta, g, t, *, lr=0.1):
    u = lr * g * g
    w = lr / t * g
    z = g + lr + t
    y = lr * (g / t) * t
    theta = theta - u - w - z - y
    return (theta,)


def test_a_line_is_printed_as_it_was_written():
    assert str(equations(as_written)).split("\n") == [
        r"u_{t} = \alpha g_{t} g_{t}", r"w_{t} = \frac{\alpha}{t} g_{t}", r"z_{t} = g_{t} + \alpha + t",
        r"y_{t} = \alpha \frac{g_{t}}{t} t", r"\theta_{t} = \theta_{t-1} - u_{t} - w_{t} - z_{t} - y_{t}",
    ]  # fmt: skip
    assert [line.strip() for line in javascript(as_written).split("\n")[1:6]] == [
        "let u = (lr*g)*g;", "let w = (lr/t)*g;", "let z = g + lr + t;", "let y = (lr*(g/t))*t;", "theta = theta - u - w - z - y;"
    ]  # fmt: skip


def test_symbols_are_real_numbers_and_the_step_is_a_whole_one():
    read = equations(RULES["adam"])
    assert all(symbol.is_real for symbol in read.symbols.values())
    assert read.symbols["t"].is_integer and read.symbols["t"].is_positive and not read.symbols["m"].is_integer
    assert all(symbol.is_real for symbol in expression(product)[1])
    with pytest.raises(AttributeError):
        read.name = "other"
    with pytest.raises(AttributeError):
        read_rule(RULES["adam"]).name = "other"


def product(x, y):
    return x * y


def imaginary(theta, g, t, *, lr=1.7976931348623157e308):
    u = np.sqrt(-1)
    theta = theta - lr * u * g
    return (theta,)


def test_an_equation_is_not_judged():
    assert [type(line) for line in equations(imaginary).lines] == [sp.Eq, sp.Eq]


def loops(theta, g, t, *, lr=0.1):
    for _ in range(2):
        theta = theta - lr * g
    return (theta,)


def in_place(theta, g, t, *, lr=0.1):
    theta -= lr * g
    return (theta,)


def calls(theta, g, t, *, lr=0.1):
    theta = theta - lr * np.clip(g, -1, 1)
    return (theta,)


def unknown(theta, g, t, *, lr=0.1):
    theta = theta - rate * g  # noqa: F821
    return (theta,)


def twice(theta, g, t, m, *, lr=0.1):
    m = 0.9 * m
    m = m + g
    theta = theta - lr * m
    return theta, m


def changes_g(theta, g, t, *, lr=0.1):
    g = g / np.abs(g)
    theta = theta - lr * g
    return (theta,)


def forgets(theta, g, t, m, *, lr=0.1):
    m = m + g
    theta = theta - lr * m
    return (theta,)


def no_return(theta, g, t, *, lr=0.1):
    theta = theta - lr * g


def no_return_after_two(theta, g, t, *, lr=0.1):
    u = lr * g
    theta = theta - u


def bare_return(theta, g, t, *, lr=0.1):
    u = lr * g
    theta = theta - u
    return


def two_targets(theta, g, t, *, lr=0.1):
    theta = u = theta - lr * g
    return (theta,)


def infinite(theta, g, t, *, lr=float("inf")):
    theta = theta - lr * g
    return (theta,)


def wrong_order(g, theta, t, *, lr=0.1):
    theta = theta - lr * g
    return (theta,)


def indexes(theta, g, t, *, lr=0.1):
    theta = theta - lr * g[0]
    return (theta,)


def truth(theta, g, t, *, lr=0.1):
    theta = theta - lr * g * True
    return (theta,)


def two_parts(theta, g, t, *, lr=0.1):
    theta = theta - lr * np.where(t > 3, g)
    return (theta,)


def no_default(theta, g, t, *, lr):
    theta = theta - lr * g
    return (theta,)


def unassigned(theta, g, t, m, *, lr=0.1):
    theta = theta - lr * g
    return theta, m


@pytest.mark.parametrize(
    "rule, problem, line",
    [
        (loops, "not an assignment to a plain name", "for _ in range(2):"),
        (in_place, "not an assignment to a plain name", "theta -= lr * g"),
        (calls, "np.clip(g, -1, 1) is not in the house form", "theta = theta - lr * np.clip(g, -1, 1)"),
        (unknown, "rate is neither an argument nor assigned above", "theta = theta - rate * g"),
        (twice, "m is assigned twice", "m = m + g"),
        (changes_g, "g is given", "g = g / np.abs(g)"),
        (forgets, "a rule returns theta, m", "return (theta,)"),
        (no_return, "the last line must be a return", "theta = theta - lr * g"),
        (no_return_after_two, "the last line must be a return", "theta = theta - u"),
        (bare_return, "the last line must be a return", "return"),
        (two_targets, "not an assignment to a plain name", "theta = u = theta - lr * g"),
        (infinite, "the hyper-parameter lr needs a finite number as its default", "def infinite"),
        (wrong_order, "a rule starts with the arguments theta, g, t", "def wrong_order"),
        (indexes, "g[0] is not in the house form", "theta = theta - lr * g[0]"),
        (truth, "True is not a number", "theta = theta - lr * g * True"),
        (two_parts, "np.where(t > 3, g) is not in the house form", "theta = theta - lr * np.where(t > 3, g)"),
        (no_default, "the hyper-parameter lr needs a finite number as its default", "def no_default"),
        (unassigned, "m is returned but never assigned", "return theta, m"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_house_form_names_the_line_and_what_is_allowed(rule, problem, line):
    for read in (equations, javascript):
        with pytest.raises(HouseFormError) as caught:
            read(rule)
        message = str(caught.value)
        assert problem in message and line in message and "Allowed: assignments to plain names" in message
        number = int(message.split("line ")[1].split(":")[0])
        assert line in linecache.getline(__file__, number)


def test_a_function_without_source_or_def():
    with pytest.raises(HouseFormError, match="no source"):
        equations(np.sqrt)
    with pytest.raises(HouseFormError, match="not defined with def"):
        equations(lambda theta, g, t: theta)
    table = {
        "in a table": lambda theta, g, t: theta,
    }
    with pytest.raises(HouseFormError, match="not defined with def"):
        equations(table["in a table"])


def inverse(theta, g, t, s, *, lr=0.1):
    s = s + g**2 + 1
    w = s**-1
    theta = theta - lr * g * w**3 / (2 / s)
    return theta, s


def test_powers_and_nested_fractions(v8):
    assert "let w = 1/s;" in javascript(inverse)
    expected = run_numpy(inverse, gradients(), {})
    np.testing.assert_allclose(run_javascript(v8, inverse, gradients(), {}), expected, rtol=1e-12)
    np.testing.assert_allclose(run_equations(inverse, gradients(), {"lr": 0.1}), expected, rtol=1e-12)


def delete(theta, g, t, *, lr=0.1):
    theta = theta - lr * g
    return (theta,)


def test_a_name_that_javascript_reserves():
    with pytest.raises(HouseFormError, match="delete cannot be a name in JavaScript"):
        javascript(delete)


def test_a_function_of_expressions_with_a_reserved_name():
    x = sp.Symbol("x")
    assert javascript_of([x, 2 * x], "f", (x,)) == "function f(x) { return [x, 2*x]; }"
    assert javascript_of([[x], (1, x)], "", (x,)) == "function (x) { return [[x], [1, x]]; }"
    wrong = "delete", "a b", "é", "1x", "x'"
    for name, argument in ((5, x), *((name, x) for name in wrong), *(("f", sp.Symbol(name)) for name in ("var", *wrong))):
        with pytest.raises(HouseFormError, match="cannot be a name in JavaScript; choose another"):
            javascript_of(x, name, (argument,))


def test_latex_that_cannot_be_read():
    for latex in ("a^b^c", "{"):
        with pytest.raises(ValueError) as error:
            mathml_of(latex)
        assert str(error.value) == f"latex cannot be read, got {latex!r}."


def folded(x, y, *, k=3):
    radius = x**2 + k * y**2
    return np.exp(-radius) + np.log(1 + radius)


def test_expression_of_a_loss_with_an_intermediate():
    value, (x, y) = expression(folded, k=2)
    assert sp.simplify(value - (sp.exp(-(x**2) - 2 * y**2) + sp.log(1 + x**2 + 2 * y**2))) == 0
