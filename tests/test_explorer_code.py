"""What the interactive figures run: the library's code in a JavaScript engine against Python."""

import gzip
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from py_mini_racer import MiniRacer

from lib.bounds import BOUNDS
from lib.equations import mathml, read_rule, values
from lib.explorer.code import (
    DARK, FOLDER, SCRIPTS, Code, library_code, literal, own_code, page_script, style, widget_module,
)  # fmt: skip
from lib.figures import OTHERS, STYLES
from lib.losses import LOSSES, Loss, bowl, valley
from lib.notation import COLOURS, NAMES
from lib.rules import RULES
from lib.streams import STREAMS, gradients


def heavy(theta, g, t, speed, *, lr=0.1, warmup=10, beta3=0.5):
    speed = beta3 * speed + g
    pace = np.where(t < warmup, t / warmup, 1)
    theta = theta - lr * pace * speed
    return theta, speed


def tilted(x, y, *, slope=2.0):
    return np.abs(x) + slope * y**2


def engine(code):
    """A JavaScript engine that knows the library as ``library``."""
    v8 = MiniRacer()
    v8.eval(f'"use strict"; var library = {code};')
    return v8


def told(v8, expression):
    return json.loads(v8.eval(f"JSON.stringify({expression})"))


@pytest.fixture(scope="module")
def whole():
    return engine(library_code(RULES, LOSSES))


def test_the_library_has_everything_in_order(whole):
    assert told(whole, "Object.keys(library)") == ["rules", "losses", "names", "streams"]
    for part, expected in (("rules", RULES), ("losses", LOSSES), ("streams", STREAMS)):
        assert told(whole, f"Object.keys(library.{part})") == list(expected)
    sources = map(read_rule, RULES.values())
    used = {name for s in sources for name in (*s.arguments, *s.hyper, *(name for name, _ in s.assignments))}
    assert set(told(whole, "Object.keys(library.names)")) == used < NAMES.keys()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_the_library(whole, name):
    rule = RULES[name]
    found = told(whole, f"library.rules.{name}")
    positional = rule.__code__.co_varnames[3 : rule.__code__.co_argcount]
    assert found["label"] == STYLES[name].label
    assert (found["states"], found["values"]) == (list(positional), list(values(rule)))
    assert {key: hyper["value"] for key, hyper in found["hyper"].items()} == rule.__kwdefaults__
    assert found["lines"] == mathml(rule)
    bounds = BOUNDS[name].bounds if name in BOUNDS else ()
    assert [bound["label"] for bound in found["bounds"]] == [bound.label for bound in bounds]
    state = (0.2, 0.5, 0.4)[: len(positional)]
    arguments = json.dumps([0.7, -0.3, 9, *state])
    stepped = told(whole, f"library.rules.{name}.step(...{arguments}, {{}})")
    expected = rule(np.float64(0.7), -0.3, 9, *state)
    np.testing.assert_allclose(stepped[: len(expected)], expected, rtol=1e-13)
    assert len(stepped) == len(expected) + len(found["values"])


def test_hyper_parameters_say_what_they_may_be(whole):
    hyper = told(whole, "library.rules.adam.hyper")
    assert hyper["lr"] == {"value": 0.001, "low": 0, "high": None, "kind": "rate"}
    assert hyper["beta2"] == {"value": 0.999, "low": 0, "high": 1, "kind": "share"}


def test_bounds_and_worst_streams(whole):
    hyper = {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 0}
    limit = told(whole, f"library.rules.adam.bounds[0].value(5, {json.dumps(hyper)})")
    assert limit == pytest.approx(BOUNDS["adam"].bounds[0].value(5, beta1=0.5, beta2=0.9), rel=1e-13)
    worst = told(whole, f"[1, 2, 3].map(t => library.rules.adam.worst(t, 3, {json.dumps(hyper)}))")
    np.testing.assert_allclose(worst, gradients(BOUNDS["adam"].worst, 3, **hyper), rtol=1e-13)
    assert told(whole, "[library.rules.sgd.worst, library.rules.sgd.bounds]") == [None, []]
    assert told(whole, "library.rules.adam.corrected && !library.rules.radam.corrected")


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_the_library(whole, name):
    loss, found = LOSSES[name], told(whole, f"library.losses.{name}")
    assert (found["label"], found["start"]) == (name, list(loss.start))
    assert found["domain"] == [list(side) for side in loss.domain]
    assert found["minima"] == [list(minimum) for minimum in loss.minima]
    assert ET.fromstring(found["math"]).tag == "math"
    answer = told(whole, f"[library.losses.{name}.value(0.3, -0.7), ...library.losses.{name}.gradient(0.3, -0.7)]")
    np.testing.assert_allclose(answer, [loss((0.3, -0.7)), *loss.gradient((0.3, -0.7))], rtol=1e-12)


def test_names_have_a_symbol_and_a_meaning(whole):
    assert told(whole, "library.names.lr") == {"math": "<math><mi>α</mi></math>", "meaning": "learning rate"}


def test_streams_run(whole):
    assert told(whole, "library.streams.drifting.value(2, 4, 0.5)") == pytest.approx(0.1)


def test_own_rules_and_losses_bring_only_what_is_theirs():
    losses = {"valley_1": valley.replace(kappa=100), "tilted": Loss(tilted, ((-1, 1), (-1, 1)), (0.5, 0.5))}
    own = engine(own_code({"heavy": heavy}, losses))
    assert told(own, "Object.keys(library)") == ["rules", "losses", "names"]
    assert told(own, "library.names").keys() == {"speed", "warmup", "beta3", "pace"}
    assert told(own, "library.names.speed") == {"math": "<math><mi>speed</mi></math>", "meaning": "speed"}
    rule = told(own, "library.rules.heavy")
    assert (rule["label"], rule["states"], rule["values"], rule["bounds"]) == ("heavy", ["speed"], ["pace"], [])
    assert rule["hyper"]["warmup"] == {"value": 10, "low": None, "high": None, "kind": "number"}
    assert told(own, "library.rules.heavy.step(1, 2, 5, 3, {lr: 0.5})") == [0.125, 3.5, 0.5]
    steep = told(own, "library.losses.valley_1")
    assert (steep["label"], steep["minima"]) == ("valley.replace(kappa=100)", [[0, 0]])
    assert told(own, "library.losses.tilted.gradient(-0.5, 1)") == [-1, 4]


def test_a_rule_with_the_name_of_one_of_the_library_has_not_its_bounds():
    def adam(theta, g, t, m, v, *, lr=1.0):
        m = m + g
        v = v + g**2
        theta = theta - lr * m / np.sqrt(v)
        return theta, m, v

    found = told(engine(own_code({adam.__name__: adam}, {})), "library.rules.adam")
    assert (found["label"], found["bounds"], found["worst"]) == ("adam", [], None)


# Nothing in it can end a script.

HOSTILE = ["</script><script>alert(1)</script>", "<!-- <script>", "\u2028\u2029", 'a"b\\c\n\'`${1}', "</ScRiPt >", "𝛼é"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_string_stays_a_string(text):
    written = literal({"label": text, text: [text]})
    assert "<" not in written
    assert told(engine(written), "library") == {"label": text, text: [text]}


def test_a_hostile_loss_stays_in_its_script():
    evil = type("Evil", (Loss,), {"__repr__": lambda self: HOSTILE[0]})(bowl.function, bowl.domain, bowl.start)
    code = own_code({}, {HOSTILE[0]: evil})
    assert "<" not in code and code in widget_module(own_code({}, {HOSTILE[0]: evil}))
    assert told(engine(code), "library.losses")[HOSTILE[0]]["label"] == HOSTILE[0]


def test_nothing_in_the_scripts_opens_or_closes_one():
    for text in (page_script(), widget_module(own_code({"heavy": heavy}, {}))):
        assert not re.search(r"</?script|<!--", text, re.IGNORECASE)


def test_literals():
    written = literal({"a": Code("x => x < 1"), "b-c": (1.0, 0.5, True, None)})
    assert written == '{a: x => x < 1, "b-c": [1, 0.5, true, null]}'


# The two front ends.


def test_the_page_script_is_a_script_and_the_widget_module_a_module():
    page, module = page_script(), widget_module(own_code({"heavy": heavy}, {}))
    assert MiniRacer().eval(f"new Function({json.dumps(page)}); 1") == 1
    with pytest.raises(Exception, match="Unexpected token 'export'"):
        MiniRacer().eval(module)
    plain = module.replace("export default", "const exported =")
    assert MiniRacer().eval(f"new Function('\"use strict\";' + {json.dumps(plain)}); 1") == 1
    assert "mountAll(library);" in page and "function heavy(" in module and "function heavy(" not in page
    assert not re.search(r"^\s*(import|export)\b", page, re.MULTILINE)


def test_the_front_end_is_every_script_of_the_folder():
    assert sorted((*SCRIPTS, "race.js")) == sorted(file.name for file in FOLDER.glob("*.js"))
    assert [line for line in page_script().splitlines() if not line.strip() or line.lstrip().startswith("//")] == []


def test_the_library_is_small():
    assert len(gzip.compress(library_code(RULES, LOSSES).encode(), 9)) < 6_400


# The style.


def test_the_style_has_every_colour_light_and_dark():
    css = style()
    light, dark = css.split(", ".join(DARK), 1)
    dark = dark[: dark.index("}")]
    for name, look in ((name, STYLES[name]) for name in RULES):
        assert f"--rule-{name}: {look.colour};" in light and f"--rule-{name}: {look.dark};" in dark
        assert f"--dash-{name}: " in light
    assert all(f"--rule-own-{number}: " in light and f"--rule-own-{number}: " in dark for number in range(len(OTHERS)))
    assert f"--q-v_hat: {COLOURS['v'][0]};" in light and f"--q-v_hat: {COLOURS['v'][1]};" in dark
    assert ".q-v_hat { color: var(--q-v_hat); }" in css and "--q-lr" not in css
    assert "--dash-adam: none;" in light and "--dash-momentum: 10 4;" in light
    assert "\n.downhill {" in css
