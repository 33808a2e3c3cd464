"""The Python face of the interactive figures: what they show, their traits, and what goes into a page."""

import base64
import io
import json
import re

import ipywidgets
import matplotlib
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from traitlets import TraitError, dlink, link

from lib.bounds import BOUNDS
from lib.descent import descend
from lib.equations import HouseFormError
from lib.explorer import explore, plane, stream
from lib.explorer.pictures import short
from lib.explorer.runs import plane as grid
from lib.explorer.runs import predicted
from lib.losses import Loss, bowl, rosenbrock, saddle, valley
from lib.rules import RULES, adam, adamax, momentum, rmsprop, sgd
from lib.streams import STREAMS, gradients


def heavy(theta, g, t, speed, *, lr=0.1, warmup=10):
    speed = 0.9 * speed + g
    theta = theta - lr * np.where(t < warmup, t / warmup, 1) * speed
    return theta, speed


def tilted(x, y, *, slope=2.0):
    return np.abs(x) + slope * y**2


def bundle(figure):
    return figure._repr_mimebundle_()


def page(figure):
    return BeautifulSoup(bundle(figure)[0]["text/html"], "html.parser")


def specification(figure):
    return json.loads(page(figure).find("script", type="application/json").string)


FIGURES = {
    "descent": lambda **more: explore(sgd, adam, on=[valley, rosenbrock], sgd_lr=0.05, adam_lr=0.5, **more),
    "stream": lambda **more: stream(adam, g="noisy", **more),
    "plane": lambda **more: plane(momentum, **more),
}


@pytest.fixture(params=FIGURES)
def figure(request):
    return FIGURES[request.param]()


# What is computed.


def test_a_path_is_that_of_descend():
    one = explore(adam, on=rosenbrock, steps=50, lr=0.1)
    np.testing.assert_array_equal(one.path, descend(adam, rosenbrock.gradient, rosenbrock.start, 50, lr=0.1))
    several = explore(sgd, adam, noise=0.3, seed=7, steps=20)
    for rule in (sgd, adam):
        expected = descend(rule, valley.noisy(0.3), valley.start, 20, seed=7)
        np.testing.assert_array_equal(several.path[rule.__name__], expected)


def test_a_path_ends_where_it_is_no_longer_finite():
    figure = explore(sgd, on=rosenbrock, lr=0.1)
    assert len(figure.path) < 20 and np.isfinite(figure.path).all()
    assert repr(figure).endswith(f": SGD diverges at step {len(figure.path)}.")


def test_parameters_that_overflow_diverge_at_their_own_step():
    figure = explore(sgd, on=valley, start=(1e200, 0.0), lr=1e120)
    assert figure.path.shape == (1, 2)
    assert "diverges at step 1." in repr(figure)


@pytest.mark.parametrize("name", RULES)
def test_a_trace_has_every_quantity_of_the_rule_and_its_theta(name):
    rule = RULES[name]
    figure = stream(rule, g="noisy", steps=40, seed=3, theta=2.0)
    g = gradients(STREAMS["noisy"], 40, 3)
    answers = iter(g)
    expected = descend(rule, lambda theta: np.array([next(answers)]), [2.0], 40)[:, 0]
    np.testing.assert_allclose(figure.path, expected, rtol=1e-13)
    np.testing.assert_array_equal(figure.trace["g"], [np.nan, *g])
    lr = (rule.__kwdefaults__ or {}).get("lr", 1)
    np.testing.assert_allclose(figure.trace["step/lr"][1:], np.diff(expected) / lr, rtol=1e-9, atol=1e-12)
    assert all(values.shape == (41,) for values in figure.trace.values())


def test_a_trace_has_what_the_rule_computes_on_the_way():
    trace = stream(adam, g=[1.0, -2.0, 0.5]).trace
    assert list(trace) == ["g", "theta", "m", "v", "m_hat", "v_hat", "step/lr"]
    np.testing.assert_allclose(trace["m_hat"][1:], trace["m"][1:] / (1 - 0.9 ** np.arange(1, 4)))
    assert trace["m"][0] == 0 and np.isnan(trace["m_hat"][0])


def test_without_bias_correction():
    trace = stream(adam, g="constant", corrected=False).trace
    np.testing.assert_array_equal(trace["m_hat"][1:], trace["m"][1:])
    plain = stream(sgd, g="constant", corrected=False).path
    np.testing.assert_array_equal(plain, stream(sgd, g="constant").path)


def test_the_worst_stream_is_that_of_the_first_rule_that_has_one():
    trace = stream(sgd, adamax, adam, g="worst", steps=30).trace
    np.testing.assert_allclose(trace["sgd"]["g"][1:], gradients(BOUNDS["adamax"].worst, 30, beta2=0.999))
    assert (stream(sgd, g="worst").trace["g"][1:] == 1).all()


def test_the_plane_is_many_runs():
    figure = plane(momentum, steps=30, start=(-5.0, 1.0))
    x, y, loss = grid(figure._rules, valley, figure.state)
    assert loss.shape == (41, 41) and x[0] == pytest.approx(1e-4) and (y[0], y[-1]) == (0, 0.99)
    for row, column in ((0, 0), (10, 20), (40, 5)):
        path = descend(momentum, valley.gradient, [-5.0, 1.0], 30, lr=x[column], mu=y[row])
        assert loss[row, column] == pytest.approx(valley(path[-1]), rel=1e-12)


def test_the_rate_of_a_plane_is_that_of_gradient_descent():
    figure = plane(momentum, on=bowl, measure="rate", steps=40)
    x, y, rate = grid(figure._rules, bowl, figure.state)
    slow = x < 0.5
    np.testing.assert_allclose(rate[0][slow], 1 - x[slow], rtol=1e-9)


def test_a_plane_marks_the_runs_that_diverge():
    figure = plane(momentum, on=rosenbrock, x_range=(1e-3, 1e3))
    _, _, loss = grid(figure._rules, rosenbrock, figure.state)
    assert np.isnan(loss[:, -1]).all() and np.isfinite(loss[0, 0])


# Traits.


def test_traits_follow_the_state_and_the_state_follows_them(figure):
    for name, key in figure._entries.items():
        shown, kept = getattr(figure, name), figure.state[key]
        assert shown == (tuple(kept) if isinstance(kept, list) else kept)
    figure.steps = 60
    assert figure.state["steps"] == figure.state["step"] == figure.step == 60
    figure.state = figure.state | {"step": 7}
    assert figure.step == 7
    figure.steps = 5
    assert figure.step == 5


def test_hyper_parameters_are_traits_of_one_run_or_of_each():
    one, several = explore(adam, lr=0.2), explore(sgd, adam, lr=0.2, adam_lr=0.4)
    assert (one.lr, several.sgd_lr, several.adam_lr) == (0.2, 0.2, 0.4)
    one.lr = 0.3
    assert one.state["adam.lr"] == 0.3
    np.testing.assert_array_equal(one.path, descend(adam, valley.gradient, valley.start, 200, lr=0.3))
    several.state = several.state | {"sgd.lr": 0.01}
    assert several.sgd_lr == 0.01


def radius(loss, lr, mu):
    """The spectral radius of heavy ball on a quadratic, from the matrix of one step: (theta, m) to the next."""
    found = []
    for h in np.linalg.eigvalsh(loss.hessian((0.0, 0.0))):
        found += [*np.abs(np.linalg.eigvals([[1 - lr * h, -lr * mu], [h, mu]]))]
    return max(found)


def test_predicted_rates_stand_beside_the_measured_ones():
    figure = plane(momentum, on=valley, measure="rate", steps=400, x_range=(0.01, 0.2), lr=0.06, mu=0.3)
    theory = predicted(figure._rules, valley, figure.state)
    x, y, measured = grid(figure._rules, valley, figure.state)
    np.testing.assert_allclose(theory, [[radius(valley, lr, mu) for lr in x] for mu in y], rtol=1e-12, atol=0)
    assert np.nanmedian(np.abs(measured / theory - 1)) < 0.01
    told = re.search(r"Factor per step: ([\d.]+) measured, ([\d.]+) predicted\.$", repr(figure))
    assert float(told[2]) == pytest.approx(radius(valley, 0.06, 0.3), abs=1e-4) == pytest.approx(float(told[1]), rel=0.01)
    assert ", measured and predicted, of Momentum on valley" in bundle(figure)[1]["image/png"]["alt"]


def no_momentum(theta, g, t, *, lr=0.01, mu=0.5):
    theta = theta - lr * g + 0 * mu
    return (theta,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: plane(momentum),
        lambda: plane(momentum, measure="rate", noise=0.1),
        lambda: plane(momentum, measure="rate", on=rosenbrock),
        lambda: plane(adam, measure="rate"),
        lambda: plane(no_momentum, measure="rate"),
    ],
)
def test_nothing_is_predicted_where_theory_says_nothing(make):
    figure = make()
    assert predicted(figure._rules, figure._loss, figure.state) is None and "predicted" not in repr(figure)


def test_a_loss_without_a_minimum_has_no_rate_of_convergence():
    figure = plane(momentum, on=(bowl, saddle), measure="rate", steps=40)
    figure.loss = "saddle"
    assert figure.measure == "loss"
    with pytest.raises(TraitError, match="saddle, which has no minimum"):
        figure.measure = "rate"


def test_the_same_rule_twice():
    figure = explore(adam, adam, offer=[sgd], adam_lr=0.1, adam_2_lr=0.5)
    assert list(figure.path) == ["adam", "adam_2"]
    np.testing.assert_array_equal(figure.path["adam_2"], explore(adam, lr=0.5).path)
    assert re.search(r": After 200 steps Adam is [\d.]+ above the minimum, Adam \(2\) [\d.e−]+\.$", repr(figure))
    figure.rules = ["sgd"]
    assert list(figure.path) == ["sgd"] and figure.rules == ("sgd",)
    figure.rules = ()
    assert figure.path == {} and repr(figure).endswith(": No rule is switched on.")


def test_observers_hear_of_every_change_and_find_the_new_path():
    figure, heard = explore(sgd), []
    figure.observe(lambda change: heard.append((change.name, change.old, change.new, len(figure.path))), "lr")
    figure.observe(lambda change: heard.append((change.name, len(change.new))), "path")
    figure.lr = 0.02
    figure.lr = 0.02
    figure.state = figure.state | {"sgd.lr": 0.03, "steps": 10, "step": 10}
    assert heard == [("path", 201), ("lr", 0.01, 0.02, 201), ("path", 11), ("lr", 0.02, 0.03, 11)]


def test_the_step_shown_computes_nothing():
    figure, heard = explore(sgd), []
    figure.observe(heard.append, "path")
    figure.step = 3
    figure.arrows = True
    assert heard == []


def test_sliders_can_be_linked(figure):
    name = [trait for trait in figure._entries if trait.endswith("lr")][0]
    slider = ipywidgets.FloatSlider(value=0.5, max=2, step=0.001)
    link((slider, "value"), (figure, name))
    assert getattr(figure, name) == 0.5
    slider.value = 0.25
    assert getattr(figure, name) == 0.25
    setattr(figure, name, 0.125)
    assert slider.value == 0.125


def test_figures_can_be_linked():
    one, other = explore(sgd), explore(adam)
    link((one, "start"), (other, "start"))
    dlink((one, "steps"), (other, "steps"))
    other.start = np.array([1.0, 2.0])
    one.steps = 10
    assert one.start == (1.0, 2.0) and other.path.shape == (11, 2)


def test_interact_gets_the_path():
    figure, seen = explore(sgd, steps=5), []
    ipywidgets.interactive_output(lambda path: seen.append(path.shape), {"path": figure})
    figure.steps = 8
    assert seen == [(6, 2), (9, 2)]
    assert ipywidgets.interactive(lambda path: None, path=figure).children[0] is figure


def test_changes_that_belong_together():
    figure = explore(sgd, on=[valley, rosenbrock])
    figure.loss = "rosenbrock"
    assert figure.start == rosenbrock.start
    drawn = stream(sgd, steps=50)
    drawn.drawn = [1, 2, 3]
    assert (drawn.stream, drawn.steps, drawn.step) == ("drawn", 3, 3)
    assert drawn.trace["g"].tolist()[1:] == [1, 2, 3]
    drawn.steps = 5
    assert drawn.trace["g"].tolist()[1:] == [1, 2, 3, 0, 0]
    pair = plane(adam, "lr", "beta1", offer=[momentum, sgd])
    pair.x_name = "beta2"
    assert pair.x_range == (0.0, 0.99)
    pair.rules = ["momentum"]
    assert (pair.x_name, pair.y_name, pair.x_range) == ("lr", "mu", (1e-4, 1.0))
    pair.rules = ["sgd"]
    assert repr(pair).startswith('plane(sgd, "lr", "lr", offer=[adam, momentum], on=valley): SGD, lr 0.01, lr 0.01: ')


def test_one_run_that_is_switched_off():
    figure, still = explore(sgd), stream(sgd)
    figure.rules = still.rules = []
    assert figure.path.shape == (0, 2) and still.trace == {}


# Bad input.


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: explore(), ValueError, "at least one rule"),
        (lambda: explore("adam"), HouseFormError, "'adam' has no source"),
        (lambda: explore(np.sin), HouseFormError, "has no source"),
        (lambda: explore(tilted), HouseFormError, "starts with the arguments theta, g, t"),
        (lambda: explore(sgd, on="valley"), TypeError, "on must be a Loss of lib.losses or several, got 'valley'"),
        (lambda: explore(sgd, on=[]), TypeError, r"on must be a Loss of lib.losses or several, got \[\]"),
        (lambda: explore(sgd, lr=-1), ValueError, r"sgd: lr must be finite and lie in \[0, inf\), got -1"),
        (lambda: explore(sgd, lr="a"), TypeError, "sgd.lr must be a number, got 'a'"),
        (lambda: explore(sgd, lr=[0.1, 0.2]), TypeError, "sgd.lr must be a number"),
        (lambda: explore(sgd, lr=float("nan")), ValueError, "sgd.lr must be finite, got nan"),
        (lambda: explore(adam, beta1=1.0), ValueError, r"beta1 must be finite and lie in \[0, 1\), got 1"),
        (lambda: explore(adam, beta=0.5), TypeError, "'beta'; did you mean 'beta2'|'beta'; did you mean 'beta1'"),
        (lambda: explore(sgd, adam, mu=0.5), TypeError, "no rule here has the hyper-parameter 'mu'"),
        (lambda: explore(sgd, adam, smd_lr=0.5), TypeError, "did you mean 'sgd_lr'"),
        (lambda: explore(sgd, steps=-3), ValueError, "steps must be a whole number from 1 to 10000, got -3"),
        (lambda: explore(sgd, steps=2.5), ValueError, "steps must be a whole number"),
        (lambda: explore(sgd, step=201), ValueError, "step must be a whole number from 0 to 200, got 201"),
        (lambda: explore(sgd, start=(1, 2, 3)), ValueError, r"start must be 2 numbers, got \(1, 2, 3\)"),
        (lambda: explore(sgd, start=3), TypeError, "start must be a list, got 3"),
        (lambda: explore(sgd, start=(1, None)), TypeError, "start must be a number, got None"),
        (lambda: explore(sgd, noise=-0.1), ValueError, "noise must be finite and at least 0, got -0.1"),
        (lambda: explore(sgd, seed=-1), ValueError, "seed must be a whole number"),
        (lambda: explore(sgd, arrows="yes"), TypeError, "arrows must be True or False, got 'yes'"),
        (lambda: explore(sgd, name='a"><b'), ValueError, "name must be letters"),
        (lambda: stream(adam, g="loud"), ValueError, "stream must be one of constant, noisy, .*; got 'loud'"),
        (lambda: stream(adam, g=[1, float("inf")]), ValueError, "g must be finite, got inf"),
        (lambda: stream(adam, g=3), TypeError, "g must be a list, got 3"),
        (lambda: stream(adam, g=[]), ValueError, "steps must be a whole number from 1 to 10000, got 0"),
        (lambda: plane(sgd), ValueError, "a plane needs two hyper-parameters; sgd has lr"),
        (lambda: plane(momentum, "lr", "beta1"), ValueError, "no hyper-parameter 'beta1'; momentum has lr, mu"),
        (lambda: plane(momentum, x_range=(1, 0)), ValueError, "x_range must go from low to high, got 1 to 0"),
        (lambda: plane(momentum, y_range=(0, 1)), ValueError, r"mu must be finite and lie in \[0, 1\)"),
        (lambda: plane(momentum, measure="speed"), ValueError, "measure must be one of loss, rate; got 'speed'"),
        (lambda: plane(momentum, on=saddle, measure="rate"), ValueError, "saddle, which has no minimum"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_names_that_would_clash():
    def adam(theta, g, t, *, lr=0.1):
        theta = theta - lr * g
        return (theta,)

    def stepping(theta, g, t, *, steps=0.1):
        theta = theta - steps * g
        return (theta,)

    with pytest.raises(ValueError, match="two different runs would be called adam"):
        explore(RULES["adam"], adam)
    with pytest.raises(ValueError, match="a figure has a steps of its own"):
        explore(stepping)


@pytest.mark.parametrize(
    ("name", "value"),
    [("sgd_lr", -1), ("sgd_lr", "a"), ("adam_beta1", 1), ("steps", -3), ("steps", "many"), ("step", 201),
     ("loss", "bowl"), ("start", (1,)), ("rules", ["rmsprop"]), ("rules", ["sgd", "sgd"]), ("noise", None), ("arrows", 1), ("path", 3),
     ("value", 3), ("state", {}), ("state", {"steps": 3}), ("state", None)],
)  # fmt: skip
def test_a_bad_value_changes_nothing(name, value):
    figure = FIGURES["descent"]()
    before, path = figure.state, figure.path
    with pytest.raises(TraitError):
        setattr(figure, name, value)
    assert figure.state is before and figure.path is path


def test_the_front_end_sets_everything(figure):
    steps = figure.state | {"steps": 20, "step": 4}
    figure.set_state({"state": json.loads(json.dumps(steps))})
    assert figure.steps == 20 and figure.step == 4


@pytest.mark.parametrize(
    "change", [{"sgd.lr": -1}, {"sgd.lr": None}, {"rules": ["rmsprop"]}, {"steps": 10**9}, {"mu": 1}]
)
def test_a_bad_state_from_the_front_end_is_sent_back(change, caplog):
    figure, sent = FIGURES["descent"](), []
    before, path = figure.state, figure.path
    figure.send_state = lambda key=None: sent.append((key, figure.state))
    figure.set_state({"state": before | change})
    assert figure.state == before and figure.path is path
    assert sent[-1] == ("state", before)
    figure.set_state({"state": before | {"steps": 3, "step": 3}})
    assert figure.path["sgd"].shape == (4, 2)


# In words.


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: explore(sgd, steps=5, lr=0.02), "explore(sgd, on=valley, steps=5, lr=0.02): SGD reaches "),
        (lambda: explore(sgd, steps=500), "explore(sgd, on=valley, steps=500): SGD reaches "),
        (lambda: explore(sgd, step=5), "explore(sgd, on=valley, step=5): SGD "),
        (
            lambda: explore(sgd, adam, on=valley.replace(kappa=100), offer=[rmsprop], sgd_lr=0.021, start=(-9, 3)),
            "explore(sgd, adam, offer=[rmsprop], on=valley.replace(kappa=100), start=[-9, 3], sgd_lr=0.021): "
            "SGD leaves the plot at step 4; Adam reaches ",
        ),
        (lambda: explore(sgd, on=saddle), "explore(sgd, on=saddle): SGD "),
        (
            lambda: explore(sgd, adam, momentum, steps=9, lr=0.05, momentum_lr=3),
            "explore(sgd, adam, momentum, on=valley, steps=9, sgd_lr=0.05, adam_lr=0.05, momentum_lr=3): "
            "After 9 steps SGD is 16 above the minimum, Adam 67; Momentum leaves the plot at step 1.",
        ),
        (
            lambda: explore(sgd, adam, on=saddle, steps=3, lr=0.01),
            "explore(sgd, adam, on=saddle, steps=3, adam_lr=0.01): After 3 steps SGD has a loss of 2, Adam 2.2.",
        ),
        (lambda: stream(adam, g=[1, 0, 2]), "stream(adam, steps=3, g=[1, 0, 2]): Adam: the largest step is "),
        (lambda: stream(adam, g="constant"), 'stream(adam, g="constant"): Adam: the largest step is 1 times the learn'),
        (lambda: stream(sgd, g=[1, 3, 2]), "stream(sgd, steps=3, g=[1, 3, 2]): SGD: the largest step is 3 times the "
         "learning rate, at step 2."),
        (lambda: plane(momentum, x_range=(1e-3, 1)), 'plane(momentum, "lr", "mu", on=valley, x_range=[0.001, 1]): '
         "Momentum, lr 0.01, mu 0.9: reaches "),
    ],
)  # fmt: skip
def test_a_figure_prints_its_call_and_what_happens(make, words):
    assert repr(make()).startswith(words)
    assert "0x" not in repr(make()) and repr(make()) == repr(make())


def test_a_stream_that_ends_in_nan_says_so():
    def reciprocal(theta, g, t, *, lr=0.1):
        theta = theta - lr / (g - g)
        return (theta,)

    assert repr(stream(reciprocal)).endswith(": reciprocal gives NaN at step 1.")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.05, "0.05"), (12, "12"), (1300, "1300"), (1234, "1200"), (0.314, "0.31"), (9.9, "9.9"),
     (3.14e-4, "3.1e−4"), (2e7, "2e7"), (-3e-4, "−3e−4"), (0.125, "0.13"), (9996, "1e4"), (0.00099999, "0.001"), (100, "100"),
     (-20.0, "−20"), (np.float64(1e-300), "1e−300"), (float("nan"), "NaN"), (float("inf"), "∞"), (-float("inf"), "−∞")],
)  # fmt: skip
def test_numbers_in_two_digits(number, text):
    assert short(number) == text


# In a page.


def test_the_bundle_has_a_widget_a_page_a_picture_and_words(figure):
    data, metadata = bundle(figure)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert data["text/plain"] == repr(figure)
    alt = metadata["image/png"]["alt"]
    assert alt.endswith(repr(figure).partition("): ")[2])
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.size == (metadata["image/png"]["width"], metadata["image/png"]["height"])
    assert image.width == 700 and image.mode == "P" and len(data["image/png"]) < 30_000
    assert len(image.convert("RGB").getcolors(10**6)) > 20
    assert data["text/html"].count(data["image/png"]) == 1
    found = page(figure).select("div.downhill > noscript > img")
    assert [image["alt"] for image in found] == [alt]


def test_the_page_has_the_state_as_it_is_now(figure):
    figure.steps = 30
    spec = specification(figure)
    assert spec["state"] == figure.state and spec["host"] == "page"
    assert spec | {"state": 0, "host": 0} == figure.spec | {"state": 0, "host": 0}
    assert page(figure).div["id"] == spec["id"]
    assert len(page(figure).find_all("script")) == 1


def test_ids_are_fixed():
    assert explore(sgd, adam, offer=[rmsprop]).spec["id"] == "descent-sgd-adam-valley"
    assert stream(adam).spec["id"] == "stream-adam-noisy"
    assert plane(momentum, name="mine").spec["id"] == "mine"


def test_alternative_texts_say_what_is_drawn_and_what_happened():
    wild = bundle(explore(sgd, adam, on=rosenbrock, sgd_lr=0.1))[1]["image/png"]["alt"]
    assert wild.startswith("Contours of rosenbrock with the paths of SGD and Adam from (-1.5, 2), and their loss")
    assert "SGD diverges at step" in wild and "Adam reaches" in wild
    drawn = bundle(stream(adam, sgd, g=[1, 2]))[1]["image/png"]["alt"]
    assert drawn.startswith("A drawn stream of 2 gradients, the quantities of Adam and SGD,")
    coloured = bundle(plane(momentum))[1]["image/png"]["alt"]
    assert coloured.startswith("Loss after 100 steps of Momentum on valley, as colours: lr from 1e−4 to 1 across, mu")
    assert "The best of 1681 points: lr " in coloured


@pytest.mark.parametrize(
    "make",
    [
        lambda: explore(*RULES.values(), on=saddle, lr=0.5),
        lambda: explore(sgd, on=valley, start=(1e300, 0.0), lr=1e6),
        lambda: explore(sgd, on=bowl, start=(0.0, 0.0)),
        lambda: stream(*RULES.values(), g="worst"),
        lambda: stream(adam, g="worst", beta1=0.0, beta2=0.0),
        lambda: plane(momentum, on=saddle, x_range=(1e-3, 1e3)),
        lambda: plane(adam, "beta1", "beta2", measure="rate"),
        lambda: plane(momentum, on=rosenbrock, x_range=(1.0, 1e3), start=(50.0, 50.0)),
        lambda: plane(momentum, measure="rate", steps=1),
        lambda: plane(momentum, measure="rate", x_range=(10.0, 1e6), steps=300),
        lambda: plane(momentum, measure="rate", start=(0.0, 0.0)),
    ],
    ids=range(11),
)
def test_pictures_of_the_unusual(make):
    assert len(bundle(make())[0]["image/png"]) > 2000


def test_pictures_leave_no_open_figure():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    bundle(explore(sgd))
    assert plt.get_fignums() == before and matplotlib.get_backend()


def test_what_is_not_the_librarys_is_brought_along():
    tilt = Loss(tilted, ((-4, 4), (-2, 2)), (-3.0, 1.0), ((0.0, 0.0),))
    figure = explore(heavy, sgd, on=[tilt, valley, valley.replace(kappa=5)])
    own, spec = page(figure).find_all("script")
    assert own.string.startswith(f'(window.downhill ||= {{}})["{figure.spec["id"]}"] = ')
    for text in ("function heavy(theta, g, t, speed", "tilted_1", "valley_2"):
        assert text in own.string
    assert "function sgd" not in own.string
    assert figure.spec["losses"] == ["tilted_1", "valley", "valley_2"]
    assert "function heavy(" in figure._esm and "function sgd(" in figure._esm
    np.testing.assert_array_equal(figure.path["heavy"], descend(heavy, tilt.gradient, tilt.start, 200))


def test_hostile_names_stay_in_their_script():
    def low(x, y, *, text=1.0):
        return x**2 + text * y**2

    class Hostile(float):
        def __format__(self, spec):
            return "</script><b>&"

        __repr__ = __str__ = lambda self: "</script><b>&"

    loss = Loss(low, valley.domain, valley.start, valley.minima, {"text": Hostile(2.0)})
    low.__name__ = 'x"</script><img src=x onerror=alert(1)>'
    figure = explore(sgd, on=loss, name="quiet")
    html = BeautifulSoup(f"<p>{bundle(figure)[0]['text/html']}<i>end</i></p>", "html.parser")
    assert [tag.name for tag in html.p.find_all(recursive=False)] == ["div", "i"]
    assert [tag.name for tag in html.div.find_all(recursive=False)] == ["script", "script", "noscript"]
    assert not html.find("b") and len(html.find_all("img")) == 1
    assert "</script><b>&" in html.find("img")["alt"]
    assert specification(figure)["losses"] == ['x"</script><img src=x onerror=alert(1)>_1']


def test_a_rule_and_a_loss_from_a_cell():
    shell = InteractiveShell.instance()
    try:
        shell.run_cell(
            "import numpy as np\n"
            "from lib.explorer import explore\n"
            "from lib.losses import Loss\n"
            "def fast(theta, g, t, *, lr=0.1):\n"
            "    step = lr * np.sign(g)\n"
            "    theta = theta - step\n"
            "    return (theta,)\n"
            "def dish(x, y, *, depth=2.0):\n"
            "    return depth * (x**2 + y**2)\n"
            "figure = explore(fast, on=Loss(dish, ((-2, 2), (-2, 2)), (1.0, 1.0), ((0.0, 0.0),)))"
        ).raise_error()
        figure = shell.user_ns["figure"]
        assert repr(figure).startswith("explore(fast, on=dish): fast reaches ")
        assert "function fast(" in bundle(figure)[0]["text/html"]
        np.testing.assert_allclose(figure.path[3], [0.7, 0.7])
    finally:
        InteractiveShell.clear_instance()


def test_ipython_displays_the_whole_bundle(figure):
    shell = InteractiveShell.instance()
    try:
        data, metadata = shell.display_formatter.format(figure)
        assert data.keys() == bundle(figure)[0].keys() and "alt" in metadata["image/png"]
    finally:
        InteractiveShell.clear_instance()
