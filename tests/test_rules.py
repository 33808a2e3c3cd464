"""The rules against six libraries, against independent oracles, and the properties that the book claims.

What the libraries did is recorded in ``lib/conventions/recorded.json``; the tests need none of them.
"""

import ast
import inspect

import numpy as np
import pytest
from every import EVERY, TAUGHT, compiled, mutants
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lib.rules
from lib.conventions import changes
from lib.notation import NAMES
from lib.rules import RULES

settings.register_profile("rules", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("rules")

every_rule = pytest.mark.parametrize("name", TAUGHT)
recorded = changes.read()
FLOATS = ("float64", "float32")


def hypers(rule):
    return {p.name: p.default for p in inspect.signature(rule).parameters.values() if p.kind == p.KEYWORD_ONLY}


def states(rule):
    return [p.name for p in inspect.signature(rule).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD][3:]


def run(rule, start, gradients, *, lr, state=None, **hyper):
    """The path, and the states after each step, on gradients that are given. ``lr`` may be one rate a step."""
    theta = start
    state = [np.zeros_like(start) for _ in states(rule)] if state is None else state
    path, history = [theta], []
    for t, (g, rate) in enumerate(zip(gradients, [lr] * len(gradients) if np.ndim(lr) == 0 else lr), 1):
        theta, *state = rule(theta, g, t, *state, lr=rate, **hyper)
        theta = np.asarray(theta, start.dtype)  # as descend does
        path.append(theta)
        history.append(state)
    return np.array(path), history


def path(name, start, gradients, **hyper):
    """The path alone, with the rule's own ``lr`` unless one is given."""
    return run(EVERY[name], start, gradients, **({"lr": hypers(EVERY[name])["lr"]} | hyper))[0]


def close(got, want, ulps=1000):
    """Finite, and equal but for rounding: within ``ulps`` units in the last place of the largest number so far."""
    assert np.isfinite(got).all() and np.isfinite(want).all()
    scale = np.maximum.accumulate(np.maximum(np.abs(got), np.abs(want)))
    return bool((np.abs(got - want) <= ulps * np.finfo(got.dtype).eps * scale).all())


# ---- The form of a rule -------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_signature_is_the_schema(name):
    parameters = list(inspect.signature(EVERY[name]).parameters.values())
    assert [p.name for p in parameters[:3]] == ["theta", "g", "t"]
    assert {p.kind for p in parameters} <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert all((p.default is p.empty) == (p.kind == p.POSITIONAL_OR_KEYWORD) for p in parameters)
    assert list(hypers(EVERY[name]))[0] == "lr"
    for p in parameters[3:]:
        assert NAMES[p.name].kind == ("hyper-parameter" if p.kind == p.KEYWORD_ONLY else "state")


@pytest.mark.parametrize("name", EVERY)
def test_defaults_are_allowed(name):
    for hyper, value in hypers(EVERY[name]).items():
        low, high = NAMES[hyper].allowed
        assert isinstance(value, float) and low <= value < high, hyper


ADAM = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
ADAM_HAT = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps_hat": 1e-8}
MOMENTUM = {"lr": 0.01, "mu": 0.9}
RMSPROP = {"lr": 0.001, "rho": 0.9, "eps": 1e-8}
DEFAULTS = {
    "sgd": {"lr": 0.01}, "momentum": MOMENTUM, "momentum_sutskever": MOMENTUM, "momentum_polyak": MOMENTUM,
    "momentum_ema": MOMENTUM, "nesterov": MOMENTUM, "adagrad": {"lr": 0.01, "eps": 1e-7}, "rmsprop": RMSPROP,
    "rmsprop_centered": RMSPROP, "rmsprop_momentum": RMSPROP | {"mu": 0.9}, "rmsprop_nesterov": RMSPROP | {"mu": 0.9},
    "adadelta": {"lr": 1.0, "rho": 0.9, "eps": 1e-6}, "adam": ADAM, "adam_uncorrected": ADAM, "adam_reordered": ADAM_HAT,
    "adamax": ADAM | {"lr": 0.002}, "amsgrad": ADAM, "adam_l2": ADAM | {"weight_decay": 0.01},
    "adamw": ADAM | {"weight_decay": 0.01}, "nadam": ADAM | {"lr": 0.002, "momentum_decay": 0.004}, "radam": ADAM_HAT,
    "lion": {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_defaults_are_those_of_the_sources(name):
    assert hypers(RULES[name]) == DEFAULTS[name]


@pytest.mark.parametrize("name", EVERY)
def test_house_form(name):
    """Assignments to names of the table and one return of theta and the state; operators and six functions."""
    body = ast.parse(inspect.getsource(EVERY[name])).body[0].body[1:]
    assert [type(line) for line in body] == [ast.Assign] * (len(body) - 1) + [ast.Return]
    assert all(line.targets[0].id in NAMES for line in body[:-1])
    assert [element.id for element in body[-1].value.elts] == ["theta", *states(EVERY[name])]
    calls = {ast.unparse(node.func) for line in body for node in ast.walk(line) if isinstance(node, ast.Call)}
    assert calls <= {"np.sqrt", "np.abs", "np.sign", "np.maximum", "np.where"}


@every_rule
def test_docstring(name):
    text = inspect.getdoc(EVERY[name])
    assert text.split("\n")[0].endswith(".") and "Source: " in text and "PyTorch: " in text
    assert ("State: " in text) == bool(states(EVERY[name]))
    assert all(f"``{s}``" in text or "as in :func:" in text for s in states(EVERY[name]))


def test_rules_is_the_module_in_source_order():
    functions = inspect.getmembers(lib.rules, inspect.isfunction)
    public = [f for n, f in functions if not n.startswith("_") and f.__module__ == "lib.rules"]
    assert list(RULES.values()) == sorted(public, key=lambda f: f.__code__.co_firstlineno)
    assert list(RULES) == [f.__name__ for f in RULES.values()]


# ---- The libraries ------------------------------------------------------------------------------

# A rule of a library is a simpler one of the book where the parts are 0 that the simpler one does not have.
SIMPLER = {
    "momentum_torch": ("momentum", {"dampening"}), "momentum": ("sgd", {"mu"}), "adam_optax": ("adam", {"eps_root"}),
    "adagrad_torch": ("adagrad", {"lr_decay", "start"}), "rmsprop_momentum": ("rmsprop", {"mu"}),
    "rmsprop_centered_torch": ("rmsprop_centered", {"mu"}),
}  # fmt: skip
DECAYED = {("adam", "l2"): "adam_l2", ("adam", "decoupled"): "adamw", ("lion", "decoupled"): "lion"}
# The same iterates under a constant lr; later they part ways.
ALSO = {"momentum": ("momentum_sutskever", "momentum_polyak")}


def books_rules(case):
    """The rules of the book that must have the path of a recorded case, each with its hyper-parameters."""
    call = changes.called(case)
    name, hyper = call.form.rule.__name__, call.hyper
    decay = next((kind for kind in ("l2", "decoupled") if call.settings.get(kind)), None)
    while name in SIMPLER and not any(hyper.get(part) for part in SIMPLER[name][1]):
        name, hyper = SIMPLER[name][0], {key: value for key, value in hyper.items() if key not in SIMPLER[name][1]}
    if decay:
        name, hyper = DECAYED.get((name, decay)), hyper | {"weight_decay": float(call.settings[decay])}
    for rule in (name, *(ALSO.get(name, ()) if not case["drop"] else ())):
        if rule in RULES:
            yield rule, hyper


CASES = [
    pytest.param(rule, case | {"hyper": hyper}, id=f"{rule}-{case['library']}-{number}")
    for number, case in enumerate(recorded["cases"])
    for rule, hyper in books_rules(case)
]


def repeat(rule, case, dtype):
    """The rule on the recorded gradients: its path at the recorded steps."""
    start, gradients = np.array(recorded["start"], dtype), np.array(recorded["gradients"], dtype)
    hyper, drop = dict(case["hyper"]), recorded["drop"]
    if case["drop"]:
        late = np.arange(1, len(gradients) + 1) >= drop["from"]
        hyper["lr"] = [hyper["lr"] * (drop["factor"] if x else 1) for x in late]
    return run(rule, start, gradients, **hyper)[0][recorded["steps"]]


def agrees(rule, case, dtype):
    """Within two units in the last place per step, of the largest number on the path, and eight for the start.

    Both sides round every step: theta at least once (AdamW in PyTorch twice) and the five or ten operations of
    the step itself, which is no larger than twice the largest theta; half a unit each at most, on both sides.
    Nothing amplifies it: gradients are given, and a weight decay only shrinks. At step 200 this is 9e-14 in float64
    and 4.9e-5 in float32.
    """
    want = np.array(case[dtype], dtype)
    got = repeat(rule, case, dtype)
    scale = np.maximum.accumulate(np.abs(np.vstack([recorded["start"], want])))[1:]
    units = 2 * np.array(recorded["steps"])[:, None] + 8
    return bool((np.abs(got - want) <= units * np.finfo(dtype).eps * scale).all())


@pytest.mark.parametrize("rule, case", CASES)
def test_same_path_as_the_library(rule, case):
    assert all(agrees(RULES[rule], case, dtype) for dtype in FLOATS if dtype in case), changes.called(case)


def test_recording_covers_the_rules():
    """Every rule has a library's path but the one that no library has, with several values of everything."""
    settings_of = {}
    for param in CASES:
        settings_of.setdefault(param.values[0], []).append(param.values[1]["hyper"])
    assert set(RULES) - set(settings_of) <= CLOSED.keys(), "a rule that no library has needs its steps in closed form"
    for rule, hyper in settings_of.items():
        assert {name for name in hyper[0]} == {*hypers(RULES[rule])} or rule == "lion"
        for name in hyper[0]:
            few = rule in ("adam_l2", "adamw", "momentum_polyak") or name == "momentum_decay"
            assert len({h[name] for h in hyper}) >= (1 if few else 2), (rule, name)


# Variants that are known under the same name, and slips. Each must miss the recorded path.
WRONG = [
    ("momentum", "mu * m + g", "mu * m + (1 - mu) * g"),
    ("momentum", "theta - lr * m", "theta - lr * m / (1 - mu**t)"),
    ("nesterov", "g + mu * m", "m + mu * m"),
    ("adagrad", "(np.sqrt(s) + eps)", "np.sqrt(s + eps)"),
    ("adagrad", "s + g**2", "np.where(t > 1, s, 0.1) + g**2"),
    ("rmsprop", "(np.sqrt(v) + eps)", "np.sqrt(v + eps)"),
    ("rmsprop", "rho * v", "np.where(t > 1, rho * v, rho)"),
    ("rmsprop_centered", "v - m**2, 0", "v - m**2 + eps, 0"),
    ("rmsprop_momentum", "(np.sqrt(v) + eps)", "np.sqrt(v + eps)"),
    ("rmsprop_nesterov", "theta + mu * delta", "theta + mu * mu * delta"),
    ("adadelta", "theta + lr * delta", "theta - lr * g / (np.sqrt(v) + eps)"),
    ("adam", "(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)"),
    ("adam", "(np.sqrt(v_hat) + eps)", "(np.sqrt(v_hat) + eps / np.sqrt(1 - beta2**t))"),
    ("adam", "m / (1 - beta1**t)", "m"),
    ("adam", "v / (1 - beta2**t)", "v"),
    ("adam", "beta2**t", "beta2 ** (t + 1)"),
    ("adamax", "np.abs(g) + eps", "np.abs(g)"),
    ("adamax", "m / u", "m / (u + eps)"),
    ("amsgrad", "np.maximum(v_max, v)", "np.maximum(v_max, v / (1 - beta2**t)) * (1 - beta2**t)"),
    ("amsgrad", "v_max / (1 - beta2**t)", "v_max"),
    ("adam_l2", "g_reg**2", "g**2"),
    ("adamw", "lr * (m_hat / (np.sqrt(v_hat) + eps) + weight", "(lr * m_hat / (np.sqrt(v_hat) + eps) + weight"),
    ("nadam", "m = beta1 * m + (1 - beta1) * g", "m = mu_t * m + (1 - mu_t) * g"),
    ("nadam", "(t + 1)", "t"),
    ("radam", "rho_t > 5", "rho_t > 4"),
    ("radam", "(np.sqrt(v) + eps_hat)", "(np.sqrt(v) + eps_hat * np.sqrt(1 - beta2**t))"),
    ("lion", "np.sign(c)", "np.sign(m)"),
    ("lion", "m = beta2 * m + (1 - beta2) * g", "m = c"),
]  # fmt: skip


def survives(name, mutant):
    """Whether a changed rule still has every recorded float64 path of the rule."""
    cases = [case for rule, case in (param.values for param in CASES) if rule == name and "float64" in case]
    with np.errstate(all="ignore"):
        try:
            return all(agrees(mutant, case, "float64") for case in cases)
        except (ArithmeticError, TypeError, ValueError):
            return False


@pytest.mark.parametrize("name, right, wrong", WRONG)
def test_a_wrong_rule_is_noticed(name, right, wrong):
    source = inspect.getsource(EVERY[name])
    assert right in source
    assert survives(name, compiled(source))
    assert not survives(name, compiled(source.replace(right, wrong)))


# Changes that no path can show: a guard against rounding, the sign of what is squared, a guard of what is not used.
SAME = {
    "rmsprop_centered": ["np.sqrt((lambda x: x)(v - m ** 2))", "m = rho * m - (1 - rho) * g"],
    "radam": ["r = np.sqrt((lambda x: x)(", "rho_inf = (lambda x: x)(", "rho_inf = np.maximum(2 / (1 - beta2) - 1, 6)"],
}


@pytest.mark.parametrize("name", sorted({param.values[0] for param in CASES}))
def test_every_operator_and_number_matters(name):
    changed = list(mutants(EVERY[name]))
    assert len(changed) >= 2
    alive = [source for source in changed if survives(name, compiled(source))]
    unexplained = [source for source in alive if not any(known in source for known in SAME.get(name, ()))]
    assert not unexplained, "\n".join(unexplained)


# ---- Independent oracles ------------------------------------------------------------------------


def normal(*shape, seed=1, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def decayed(gradients, decay):
    """At every step, the sum of all gradients so far, each times ``decay`` to the power of its age."""
    age = np.subtract.outer(np.arange(len(gradients)), np.arange(len(gradients)))
    return np.tensordot(np.where(age >= 0, float(decay) ** np.maximum(age, 0), 0), gradients, 1)


def average(gradients, decay):
    return (1 - decay) * decayed(gradients, decay)


def root(gradients, decay):
    return np.sqrt(average(gradients**2, decay))


def corrected(gradients, decay):
    """An average corrected for its zero start: a mean with weights that sum to one."""
    return decayed(gradients, decay) / decayed(np.ones_like(gradients), decay)


H = dict(mu=0.8, rho=0.7, beta1=0.6, beta2=0.9, eps=1e-3)

# The steps of rules in closed form, over lr, from all gradients at once: nothing is carried from step to step.
CLOSED = {
    "sgd": lambda g, mu, **_: g,
    "momentum": lambda g, mu, **_: decayed(g, mu),
    "momentum_sutskever": lambda g, mu, **_: decayed(g, mu),
    "momentum_polyak": lambda g, mu, **_: decayed(g, mu),
    "momentum_ema": lambda g, mu, **_: average(g, mu),
    "nesterov": lambda g, mu, **_: g + mu * decayed(g, mu),
    "adagrad": lambda g, eps, **_: g / (np.sqrt(np.cumsum(g**2, 0)) + eps),
    "rmsprop": lambda g, rho, eps, **_: g / (root(g, rho) + eps),
    "rmsprop_centered": lambda g, rho, eps, **_: g / (np.sqrt(average(g**2, rho) - average(g, rho) ** 2) + eps),
    "rmsprop_momentum": lambda g, rho, mu, eps, **_: decayed(g / (root(g, rho) + eps), mu),
    "rmsprop_nesterov": lambda g, rho, mu, eps, **_: (h := g / (root(g, rho) + eps)) + mu * decayed(h, mu),
    "adam": lambda g, beta1, beta2, eps, **_: corrected(g, beta1) / (np.sqrt(corrected(g**2, beta2)) + eps),
    "adam_uncorrected": lambda g, beta1, beta2, eps, **_: average(g, beta1) / (root(g, beta2) + eps),
    "adam_reordered": lambda g, beta1, beta2, eps, **_: (
        corrected(g, beta1)
        / (np.sqrt(corrected(g**2, beta2)) + eps / np.sqrt(average(np.ones_like(g), beta2)))
    ),
    "amsgrad": lambda g, beta1, beta2, eps, **_: (
        corrected(g, beta1)
        / (np.maximum.accumulate(root(g, beta2)) / np.sqrt(average(np.ones_like(g), beta2)) + eps)
    ),
    "lion": lambda g, beta1, beta2, **_: np.sign(
        (1 - beta1) * g + beta1 * np.vstack([np.zeros_like(g[:1]), average(g, beta2)[:-1]])
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_closed_form(name):
    start, gradients = normal(3, seed=2), normal(40, 3)
    own = {hyper: H[hyper.replace("_hat", "")] for hyper in hypers(EVERY[name]) if hyper.replace("_hat", "") in H}
    steps = 0.1 * CLOSED[name](gradients, **H)
    expected = start - np.vstack([np.zeros_like(start), np.cumsum(steps, 0)])
    assert close(path(name, start, gradients, lr=0.1, **own), expected)


def curved(theta):
    """The gradient of a loss that is no quadratic and couples its coordinates."""
    return np.tanh(theta) + 0.3 * np.roll(theta, 1) ** 3


def literal(name, start, steps, **hyper):
    """The rule on the gradient at its own parameters; the path."""
    theta, state, points = start, [np.zeros_like(start) for _ in states(EVERY[name])], [start]
    for t in range(1, steps + 1):
        theta, *state = EVERY[name](theta, curved(theta), t, *state, **hyper)
        points.append(theta)
    return np.array(points)


def test_nesterov_is_sutskevers_with_the_gradient_ahead():
    """Sutskever et al. 2013, eq. 3-4, and algorithm 8.3: the rule's path is that of the interim points."""
    lr, mu, theta, velocity = 0.05, 0.8, normal(3), np.zeros(3)
    ahead = [theta]
    for _ in range(50):
        velocity = mu * velocity - lr * curved(theta + mu * velocity)
        theta = theta + velocity
        ahead.append(theta + mu * velocity)
    assert close(literal("nesterov", ahead[0], 50, lr=lr, mu=mu), np.array(ahead))


def test_rmsprop_nesterov_is_algorithm_8_6():
    """With the interim point, its gradient and the velocity as in the book, which has no eps."""
    lr, rho, mu, theta, velocity, r = 0.01, 0.9, 0.8, normal(3), np.zeros(3), np.zeros(3)
    interim = [theta]
    for _ in range(50):
        g = curved(theta + mu * velocity)
        r = rho * r + (1 - rho) * g * g
        velocity = mu * velocity - lr / np.sqrt(r) * g
        theta = theta + velocity
        interim.append(theta + mu * velocity)
    assert close(literal("rmsprop_nesterov", interim[0], 50, lr=lr, rho=rho, mu=mu, eps=0.0), np.array(interim))


def test_polyaks_recursion():
    lr, mu, points = 0.05, 0.8, [normal(3)]
    points.append(points[0] - lr * curved(points[0]))
    for _ in range(49):
        points.append(points[-1] - lr * curved(points[-1]) + mu * (points[-1] - points[-2]))
    for name in ("momentum_polyak", "momentum_sutskever", "momentum"):
        assert close(literal(name, points[0], 50, lr=lr, mu=mu), np.array(points))


def test_centered_guard():
    """Constant gradients leave no variance: without the guard rounding would take the root of less than 0."""
    g = np.tile(np.abs(normal(200)), (100, 1))
    points, history = run(RULES["rmsprop_centered"], np.ones(200), g, lr=1e-3, rho=0.5)
    assert any((v < m**2).any() for m, v in history) and np.isfinite(points).all()


def test_numbers_in_the_book():
    """First steps that tell the variants apart, and the AMSGrads after a gradient of 10 and 999 of 1."""
    first = lambda name, g, **hyper: -path(name, np.zeros(()), np.array([g]), **hyper)[1]
    assert first("adam", 1e-8, lr=1.0) == pytest.approx(0.5)
    assert first("adam_reordered", 1e-8, lr=1.0, eps_hat=1e-7) == pytest.approx(0.0032, rel=0.02)
    assert first("adam_uncorrected", 1.0, lr=1.0) == pytest.approx(0.1 / 0.001**0.5)
    assert first("rmsprop", 1.0, lr=1.0, rho=0.99) == pytest.approx(10)
    assert first("rmsprop", 1.0, lr=1.0) == pytest.approx(3.16, abs=0.005)
    assert first("adagrad", 0.01, lr=1.0) == pytest.approx(1.0, abs=1e-4)
    amsgrad = path("amsgrad", np.zeros(()), np.array([10.0] + [1.0] * 999), lr=1.0)
    assert amsgrad[-2] - amsgrad[-1] == pytest.approx(0.97, abs=0.005)


# ---- Properties ---------------------------------------------------------------------------------

sizes = st.floats(1e-6, 1e6)
shares = st.floats(0, 0.99)
rates = st.floats(1e-5, 1)
signed = st.builds(lambda size, sign: size * sign, sizes, st.sampled_from([-1.0, 1.0]))
starts = arrays("float64", (3,), elements=signed)
gradients_ = arrays("float64", (12, 3), elements=signed)


@pytest.mark.parametrize("name", ["momentum", "momentum_sutskever", "momentum_polyak", "momentum_ema", "nesterov"])
@given(start=starts, g=gradients_, lr=rates)
def test_no_momentum_is_sgd(name, start, g, lr):
    assert np.array_equal(path(name, start, g, lr=lr, mu=0.0), path("sgd", start, g, lr=lr))


@pytest.mark.parametrize("name", ["rmsprop_momentum", "rmsprop_nesterov"])
@given(start=starts, g=gradients_, lr=rates, rho=shares)
def test_rmsprop_without_momentum_is_rmsprop(name, start, g, lr, rho):
    assert close(path(name, start, g, lr=lr, rho=rho, mu=0.0), path("rmsprop", start, g, lr=lr, rho=rho))


@pytest.mark.parametrize("name", ["adamw", "adam_l2"])
@given(start=starts, g=gradients_, lr=rates, beta1=shares, beta2=shares)
def test_without_weight_decay_it_is_adam(name, start, g, **hyper):
    assert close(path(name, start, g, weight_decay=0.0, **hyper), path("adam", start, g, **hyper))


@given(start=starts, g=gradients_, lr=rates, decay=st.floats(0, 1))
def test_decay_alone_shrinks_the_parameters(start, g, lr, decay):
    """AdamW and Lion on zero gradients: a factor of 1 - lr * weight_decay a step."""
    expected = start * (1 - lr * decay) ** np.arange(13)[:, None]
    for name in ("adamw", "lion"):
        assert close(path(name, start, 0 * g, lr=lr, weight_decay=decay), expected)


@given(start=starts, g=gradients_, lr=rates, rho=shares)
def test_adam_without_momentum_or_correction_is_rmsprop(start, g, lr, rho):
    adam = path("adam_uncorrected", start, g, lr=lr, beta1=0.0, beta2=rho)
    assert close(adam, path("rmsprop", start, g, lr=lr, rho=rho))


@given(start=starts, g=gradients_, lr=rates, beta1=shares, beta2=shares, eps_hat=st.floats(0, 1))
def test_the_reordered_adam_has_another_eps(start, g, lr, beta1, beta2, eps_hat):
    """It is Adam with an ``eps`` that shrinks, from ``eps_hat / sqrt(1 - beta2)`` down to ``eps_hat``."""
    theta, m, v = start, np.zeros(3), np.zeros(3)
    expected = [theta]
    for t, gradient in enumerate(g, 1):
        eps = eps_hat / np.sqrt(1 - beta2**t)
        theta, m, v = RULES["adam"](theta, gradient, t, m, v, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
        expected.append(theta)
    got = path("adam_reordered", start, g, lr=lr, beta1=beta1, beta2=beta2, eps_hat=eps_hat)
    assert close(got, np.array(expected))


@given(start=starts, g=gradients_, lr=rates, beta1=shares, beta2=shares)
def test_amsgrad_is_adam_while_the_gradient_grows(start, g, **hyper):
    g = np.sort(np.abs(g), axis=0)
    assert close(path("amsgrad", start, g, **hyper), path("adam", start, g, **hyper))


@pytest.mark.parametrize("name", ["adam", "adam_reordered", "amsgrad", "adamax"])
@given(start=starts, g=signed, lr=rates, beta1=shares, beta2=shares)
def test_the_first_step_is_a_sign(name, start, g, lr, beta1, beta2):
    none = {hyper: 0.0 for hyper in hypers(EVERY[name]) if hyper.startswith("eps")}
    got = path(name, start, np.array([[g] * 3]), lr=lr, beta1=beta1, beta2=beta2, **none)
    assert close(got, np.array([start, start - lr * np.sign(g)]))


SCALED = ["adagrad", "rmsprop", "rmsprop_momentum", "rmsprop_nesterov", "adam", "adam_uncorrected", "adam_reordered",
          "adamax", "amsgrad", "nadam", "lion"]  # fmt: skip


@pytest.mark.parametrize("name", SCALED)
@given(start=starts, g=gradients_, power=st.integers(-60, 60), factor=st.floats(1e-3, 1e3))
def test_the_scale_of_the_gradient_does_not_matter(name, start, g, power, factor):
    """Without eps the path stays where it is, to the bit if the factor is a power of two."""
    none = {hyper: 0.0 for hyper in hypers(EVERY[name]) if hyper.startswith("eps")}
    plain = path(name, start, g, **none)
    assert np.array_equal(path(name, start, g * 2.0**power, **none), plain)
    if name != "lion":  # whose sign may turn where its argument is zero but for rounding
        assert close(path(name, start, g * factor, **none), plain)


@pytest.mark.parametrize("name", ["sgd", "momentum", "momentum_sutskever", "momentum_ema", "nesterov"])
@given(start=starts, g=gradients_, power=st.integers(-10, 10))
def test_without_rescaling_steps_grow_with_the_gradient(name, start, g, power):
    steps = lambda factor: path(name, np.zeros(3), g * factor)
    assert np.array_equal(steps(2.0**power), steps(1.0) * 2.0**power)


@given(start=starts, g=gradients_, lr=rates)
def test_adagrad_is_a_limit_of_adam(start, g, lr):
    """Kingma & Ba 2015, section 5: beta1 = 0, beta2 -> 1, the rate falling as 1/sqrt(t); bias correction matters."""
    near = dict(lr=lr / np.sqrt(np.arange(1, 13)), beta1=0.0, beta2=1 - 1e-9, eps=0.0)
    adagrad = path("adagrad", start, g, lr=lr, eps=0.0)
    # 1 - beta2**t has lost seven digits; each step is off by beta2**t, 1e-8, in its share of lr
    assert np.abs(path("adam", start, g, **near) - adagrad).max() <= 1e-6 * lr + 1e-15 * np.abs(start).max()
    uncorrected = path("adam_uncorrected", start, g, **near)
    assert (np.abs(uncorrected - start)[1] > 1000 * lr).all()


@given(start=starts, g=gradients_, lr=rates)
def test_sign_descent_is_a_limit_of_adam(start, g, lr):
    signs = path("sgd", start, np.sign(g), lr=lr)
    assert close(path("adam", start, g, lr=lr, beta1=0.0, beta2=0.0, eps=0.0), signs)
    assert close(path("rmsprop", start, g, lr=lr, rho=0.0, eps=0.0), signs)
    assert close(path("lion", start, g, lr=lr, beta1=0.0), signs)


@given(start=starts, g=gradients_, lr=rates, mu=shares)
def test_the_momenta_agree_while_lr_is_constant(start, g, lr, mu):
    momentum = path("momentum", start, g, lr=lr, mu=mu)
    assert close(path("momentum_sutskever", start, g, lr=lr, mu=mu), momentum)
    assert close(path("momentum_polyak", start, g, lr=lr, mu=mu), momentum)
    assert close(path("momentum_ema", start, g, lr=lr / (1 - mu), mu=mu), momentum)


def test_the_momenta_part_when_lr_drops():
    """With lr inside the velocity, the old velocity runs on; with lr outside, it shrinks along with lr."""
    start, g = np.zeros(3), np.abs(normal(12, 3))
    lr = [0.1] * 6 + [0.01] * 6
    inside, outside = (path(name, start, g, lr=lr, mu=0.9) for name in ("momentum_sutskever", "momentum"))
    assert close(inside[:7], outside[:7])
    assert (np.abs(inside[7] - inside[6]) > 2 * np.abs(outside[7] - outside[6])).all()
    assert close(path("momentum_polyak", start, g, lr=lr, mu=0.9), inside)
    assert close(path("momentum_ema", start, g, lr=np.array(lr) * 10, mu=0.9), outside)


@given(g=gradients_, beta2=shares)
def test_amsgrads_second_moment_never_shrinks(g, beta2):
    _, history = run(RULES["amsgrad"], np.zeros(3), g, lr=1.0, beta2=beta2)
    v, v_max = (np.array([state[i] for state in history]) for i in (1, 2))
    assert (np.diff(v_max, axis=0) >= 0).all() and (v_max >= v).all()
    assert np.array_equal(v_max, np.maximum.accumulate(v))


def test_amsgrads_correction_lets_steps_grow():
    """v_max / (1 - beta2**t) does shrink, towards v_max: that steps never grow holds for the uncorrected rule only."""
    points, history = run(RULES["amsgrad"], np.zeros(()), np.array([10.0] + [0.1] * 99), lr=1.0)
    m, _, v_max = np.array(history).T
    t = np.arange(1, 101)
    size = -np.diff(points) / (m / (1 - 0.9**t))  # the step size of the coordinate: lr / (sqrt(v_hat) + eps)
    assert np.ptp(v_max) == 0 and (np.diff(size) > 0).all()
    assert size[-1] / size[0] == pytest.approx(9.76, abs=0.005)


@given(start=starts, g=gradients_, lr=rates, beta1=st.floats(0, 0.95), gap=st.floats(0.01, 1))
def test_adamax_steps_are_bounded(start, g, lr, beta1, gap):
    """|step| <= lr (1 - beta1) / (1 - beta1 / beta2) for beta1 < beta2: a little more than the paper's lr."""
    beta2 = beta1 + gap * (0.9999 - beta1)
    steps = np.diff(path("adamax", np.zeros(3), g, lr=lr, beta1=beta1, beta2=beta2, eps=0.0), axis=0)
    assert np.abs(steps).max() <= lr * (1 - beta1) / (1 - beta1 / beta2) * (1 + 1e-12)


def test_adamax_steps_can_exceed_lr():
    g = 0.999 ** np.arange(400)
    steps = np.diff(path("adamax", np.zeros(()), g, lr=1.0, eps=0.0))
    assert 1.0085 < np.abs(steps).max() <= 0.1 / (1 - 0.9 / 0.999)


@given(g=gradients_, beta1=shares, momentum_decay=st.floats(0, 0.5))
def test_nadams_q_is_one_minus_the_product(g, beta1, momentum_decay):
    _, history = run(RULES["nadam"], np.zeros(3), g, lr=1.0, beta1=beta1, momentum_decay=momentum_decay)
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, 13) * momentum_decay))
    assert np.allclose([state[2][0] for state in history], 1 - np.cumprod(mu), rtol=1e-13, atol=0)


@given(start=starts, g=gradients_, lr=rates, beta1=shares)
def test_radam_begins_unrectified(start, g, lr, beta1):
    """Five steps at beta2 = 0.999, and all of them while the average is short, follow the corrected momentum."""
    plain = start - np.vstack([np.zeros(3), np.cumsum(lr * corrected(g, beta1), axis=0)])
    assert close(path("radam", start, g, lr=lr, beta1=beta1)[:6], plain[:6])
    assert close(path("radam", start, g, lr=lr, beta1=beta1, beta2=0.5), plain)


def test_radam_rectifies_from_the_sixth_step():
    """The step drops from lr to lr / 40 and comes back as the average grows."""
    steps = -np.diff(path("radam", np.zeros(()), np.ones(5000), lr=1.0))
    assert np.allclose(steps[:5], 1) and steps[5] == pytest.approx(0.026, abs=0.0005)
    assert (np.diff(steps[5:]) > 0).all() and 0.98 < steps[-1] < 1


# ---- Every rule ---------------------------------------------------------------------------------


def arguments(rule, shape, dtype="float64"):
    """Theta, a gradient and a possible state: what the rule itself gives after three steps."""
    g = normal(4, *shape, dtype=dtype)
    points, history = run(rule, normal(*shape, seed=5, dtype=dtype), g[:3], lr=hypers(rule)["lr"])
    return points[-1], g[3], [np.asarray(s) for s in history[-1]]


@every_rule
def test_pure(name):
    """Inputs may be read-only, stay what they are, and the same call gives the same result."""
    theta, g, state = arguments(EVERY[name], (2, 3))
    inputs = [theta, g, *state]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    first, second = (EVERY[name](theta, g, 4, *state) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(inputs, before, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0] is not theta


@every_rule
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_shapes_and_coordinates(name, shape):
    """Results have the shape of theta, and every coordinate goes its own way."""
    rule = EVERY[name]
    theta, g, state = arguments(rule, shape)
    together = rule(theta, g, 4, *state)
    assert isinstance(together, tuple) and len(together) == 1 + len(state)
    assert all(np.shape(array) == shape for array in together)
    for index in np.ndindex(shape):
        alone = rule(theta[index], g[index], 4, *(s[index] for s in state))
        assert all(np.allclose(a[index], b, rtol=1e-14, atol=0) for a, b in zip(together, alone))


@every_rule
def test_arrays_of_hyper_parameters_are_a_sweep(name):
    rule = EVERY[name]
    start, g = normal(2, seed=3), normal(12, 2)
    factors = np.array([1.0, 0.9, 0.5])
    swept = {hyper: factors[:, None] * (value or 0.1) for hyper, value in hypers(rule).items()}
    sweep = path(name, np.tile(start, (3, 1)), g, **{**swept, "lr": [swept["lr"]] * 12})
    for i in range(3):
        assert close(sweep[:, i], path(name, start, g, **{hyper: float(value[i, 0]) for hyper, value in swept.items()}))


# A NumPy function of plain numbers gives a float64, which theta then takes over; descend and Optimizer put it back
# into its own type.
WIDENED = ("momentum_polyak", "adam_reordered", "radam")


@every_rule
def test_dtype_is_kept(name):
    rule = EVERY[name]
    for dtype in FLOATS:
        theta, *state = rule(*arguments(rule, (3,), dtype)[:2], 4, *arguments(rule, (3,), dtype)[2])
        assert all(s.dtype == dtype for s in state)
        assert theta.dtype == ("float64" if name in WIDENED else dtype)


@every_rule
@pytest.mark.parametrize("dtype", FLOATS)
def test_zero_gradients(name, dtype):
    """Nothing is divided by zero, and only weight decay moves the parameters; before a gradient and after one."""
    start = normal(3, dtype=dtype)
    hyper = {hyper: 0.0 for hyper in hypers(EVERY[name]) if hyper == "weight_decay"}
    assert np.array_equal(path(name, start, np.zeros((5, 3), dtype), **hyper), [start] * 6)
    g = np.zeros((400, 3), dtype)
    g[0] = 1
    assert np.isfinite(path(name, start, g)).all()


@every_rule
@pytest.mark.parametrize("dtype, smallest, largest", [("float64", 5e-324, 1e150), ("float32", 1e-45, 1e18)])
def test_extreme_gradients(name, dtype, smallest, largest):
    """Subnormal gradients and those whose squares are just finite leave finite parameters, without a warning."""
    for size in (smallest, largest):
        g = np.array([[size], [-size], [0], [size], [size]], dtype)
        points, history = run(EVERY[name], np.ones(1, dtype), g, lr=1e-3)
        assert np.isfinite(points).all() and np.isfinite(history).all()
