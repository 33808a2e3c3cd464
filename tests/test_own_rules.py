"""Properties of rules that nobody knew before, and races: each holds where it should, and fails where it should."""

import inspect

import numpy as np
import pytest

from lib.homework import claimed, descends, house_form, moves, own, quarters, race_of, refused, stable_up_to, streams, unlike, uses_t
from lib.homework.session import Session
from lib.rules import RULES, adam, momentum, nesterov, sgd


def look_back(theta, g, t, p, *, lr=0.05, share=0.25):
    theta = theta - lr * ((1 - share) * g + share * p)
    p = g
    return theta, p


def soft(theta, g, t, *, lr=0.05):
    theta = theta - lr * g / (1 + np.abs(g))
    return (theta,)


def root(theta, g, t, *, lr=0.05):
    theta = theta - lr * np.sign(g) * np.sqrt(np.abs(g))
    return (theta,)


def stub(theta, g, t, *, lr=0.05):
    return (theta,)


def states(rule):
    return sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(rule).parameters.values()) - 3


@pytest.mark.parametrize("rule", [look_back, soft, root])
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_of_ones_own_is_unlike_those_of_the_book(rule, seed):
    found = unlike(rule, states(rule), RULES.values(), seed=seed, lr=0.1)
    assert found.holds, found


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_of_the_book_is_not(rule):
    found = unlike(rule, states(rule), RULES.values(), seed=5, lr=0.03)
    assert not found.holds
    assert "it makes the steps of" in found.what


def test_its_decay_rates_do_not_hide_it():
    found = unlike(adam, 2, RULES.values(), beta1=0.83, beta2=0.97)
    assert "adam(beta1=0.83, beta2=0.97)" in found.what


def test_a_path_downhill():
    assert own.down(sgd, lambda theta: theta, [1.0, 2.0], 3, 0, lr=0.5).tolist() == [[1, 2], [0.5, 1], [0.25, 0.5], [0.125, 0.25]]
    assert own.down(lambda theta, g, t: (theta + t * g,), np.ones_like, [0.0], 3, 0).ravel().tolist() == [0, 1, 3, 6]


def spied(meets):
    """SGD that tells ``meets`` the parameters, the gradient and the number of each step, and its learning rate."""

    def spy(theta, g, t, *, lr=0.1):
        meets(theta, g, t, lr)
        return (theta - lr * g,)

    return spy


@pytest.mark.parametrize(
    "ask",
    [
        lambda rule: moves(rule, 0),
        lambda rule: house_form(rule, 0, inspect.getsource(sgd)),
        lambda rule: unlike(rule, 0, []),
        lambda rule: claimed(rule, 0, {"rests": True}, "rests"),
        lambda rule: claimed(rule, 0, {"scales": 1}, "scales"),
    ],
)
def test_gradients_are_those_of_the_seed_0_unless_another_is_given(ask):
    seen = []
    ask(spied(lambda theta, g, t, lr: seen.append(g)))
    meant = streams(0).values()
    assert any(np.array_equal(seen[0], stream[0]) for stream in meant) or not seen[0].any()
    assert any((g == stream).all(axis=1).any() for g in seen[1:3] for stream in meant)


def test_every_coordinate_moves_but_not_in_every_step():
    assert not moves(lambda theta, g, t: (theta - g * [1, 1, 0],), 0).holds
    assert moves(lambda theta, g, t: (theta - g * (t == 1),), 0).holds


def test_a_rule_is_tried_with_each_share_and_every_other_number_that_is_one():
    tried = own._settings(adam, {"lr": 0.25, "power": 1.0, "other": -0.5, "more": 3})
    assert tried.keys() == {"beta1", "beta2"}
    assert {*tried["beta1"].ravel()} == {0, 0.25, 0.5, 0.9, 0.99, 0.999} == {*tried["beta2"].ravel()}
    assert tried["beta1"].shape == (37, 1)
    assert (tried["beta1"][0, 0], tried["beta2"][0, 0]) == (0.9, 0.999)
    gradients = streams(0)["random gradients"]
    assert own._steps(sgd, gradients, np.zeros(3), {}).shape == (len(gradients), 1, 3)


def test_a_rule_without_a_step_is_infinitely_far():
    assert unlike(sgd, 0, [stub], least=np.inf).holds


def test_a_stub_moves_nowhere_and_is_no_rule():
    assert not moves(stub, 0).holds
    assert not unlike(stub, 0, RULES.values()).holds
    assert moves(sgd, 0).holds


def test_the_text_of_a_rule_is_the_rule():
    assert house_form(look_back, 1, inspect.getsource(look_back), share=0.4).holds
    assert "part" in house_form(look_back, 1, inspect.getsource(momentum)).what


@pytest.mark.parametrize(
    "text",
    [
        None,
        "look_back",
        "x = 1",
        "def f(theta, g, t, *, lr=0.1):\n    theta -= lr * g\n    return (theta,)",
        "def f(theta, g, t, *, lr=0.1):\n    theta = theta - lr * (g if t > 1 else 0)\n    return (theta,)",
        "@print\ndef f(theta, g, t, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
        "def f(theta, g, t, *, lr=print(1)):\n    theta = theta - lr * g\n    return (theta,)",
        "def f(theta: print(1), g, t, *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
        "def f(theta, g, t, *, lr=0.1) -> print(1):\n    theta = theta - lr * g\n    return (theta,)",
        "def f(theta, g, t=print(1), *, lr=0.1):\n    theta = theta - lr * g\n    return (theta,)",
    ],
)
def test_a_text_out_of_the_house_form_is_refused(text, capsys):
    assert not house_form(sgd, 0, text, lr=0.1).holds
    assert capsys.readouterr().out == ""


BODY = ":\n    theta = theta - lr * g\n    return (theta,)\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"def f(theta, g, t, *more, lr=0.1){BODY}", "a name of its own"),
        (f"def f(theta, g, t, *, lr=0.1, **more){BODY}", "a name of its own"),
        (f"def f(theta, g, t, *, lr=0.1){BODY}def h(theta, g, t, *, lr=0.1){BODY}", "one function"),
        ("x = 1\n", "one function"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text, says):
    assert says in house_form(sgd, 0, text, lr=0.1).what


def test_a_text_is_read_before_it_is_run(tmp_path):
    path = tmp_path / "ran"
    text = f"def f(theta, g, t, *, lr=0.1):\n    x = open({str(path)!r}, 'w')\n    theta = theta - lr * g\n    return (theta,)"
    assert "house form" in house_form(sgd, 0, text, lr=0.1).what
    assert not path.exists()


def test_going_down():
    assert descends(sgd, 0, [1, 30], [-9.0, 2.0], lr=0.06).holds
    assert not descends(sgd, 0, [1, 30], [-9.0, 2.0], lr=0.07).holds
    assert not descends(sgd, 0, [1, 30], [-9.0, 2.0], lr=-0.06).holds


def test_downhill_is_a_hundredth_of_the_loss_in_300_steps():
    def jump(at, to):
        return lambda theta, g, t: (theta * to if t == at else theta,)

    seen = []
    assert descends(spied(lambda *step: seen.append(step)), 0, [1], [10.0]).holds and len(seen) == 300
    assert descends(jump(1, 0.1), 0, [3, 1], [10.0, 0.0]).holds and descends(jump(300, 0.1), 0, [1], [10.0]).holds
    found = descends(jump(1, 0.11), 0, [3, 1], [10.0, 0.0])
    assert not found.holds and found.what == "after 300 steps the loss is 1.8, from 1.5e+02 at the start"


def test_the_edge_is_looked_for_in_the_last_100_of_1000_steps():
    def large(at, value=2.0):
        return lambda theta, g, t, *, lr: (np.where((t == at or at is None) & (lr > 1), value, 0.5) + 0 * theta,)

    assert stable_up_to(large(901), 0, 1.0, 1.0).holds and not stable_up_to(large(900), 0, 1.0, 1.0).holds
    assert stable_up_to(large(None, 1.0), 0, 1.0, 1.0).holds and not stable_up_to(large(None, 0.9), 0, 1.0, 1.0).holds
    seen = []
    found = stable_up_to(spied(lambda *step: seen.append(step)), 0, 1.0, 1.0)
    assert len(seen) == 1000 and seen[0][3] == pytest.approx(np.array([0.05, 0.3, 0.7, 0.98, 1.02]))
    assert found.look == "1000 steps with lr = 1.02"
    stable_up_to(spied(lambda *step: seen.append(step)), 0, np.inf, 4.0)
    assert seen[1000][3] == pytest.approx(10.0 ** np.arange(-3, 5) / 4)
    assert stable_up_to(sgd, 0, 0.5, 4.0).holds
    for edge in (0, -0.5):
        assert stable_up_to(sgd, 0, edge, 0.8).what == f"it is {edge:g}; a positive number or infinity is needed"


@pytest.mark.parametrize(
    ("rule", "edge", "hyper"),
    [
        (sgd, 2, {}),
        (momentum, 3.8, {"mu": 0.9}),
        (nesterov, 2 * 1.9 / 2.8, {"mu": 0.9}),
        (look_back, 4, {}),
        (soft, 5, {}),
    ],
)
def test_the_edge_to_two_percent(rule, edge, hyper):
    h = 0.8 if rule is not soft else 2 / 3
    assert stable_up_to(rule, states(rule), edge / h if rule is not soft else 2 * (1 + h) / h, h, **hyper).holds
    for wrong in (0.9, 1.1, np.inf):
        assert not stable_up_to(rule, states(rule), wrong * edge / h, h, **hyper).holds


def test_an_edge_that_is_infinite_or_missing():
    assert stable_up_to(RULES["adagrad"], 1, np.inf, 0.8).holds
    assert not stable_up_to(RULES["adagrad"], 1, 3.0, 0.8).holds
    assert "no answer" in stable_up_to(sgd, 0, ..., 0.8).what
    assert "positive" in stable_up_to(sgd, 0, -1.0, 0.8).what


CLAIMS = {"scales": 1, "mirrored": True, "translated": True, "proportional": True, "rests": True, "uses_t": False}


@pytest.mark.parametrize("name", CLAIMS)
def test_true_and_false_claims(name):
    assert claimed(look_back, 1, CLAIMS, name).holds
    wrong = "none" if name == "scales" else not CLAIMS[name]
    for other in (wrong, None, ..., "yes"):
        assert not claimed(look_back, 1, CLAIMS | {name: other}, name).holds
    for missing in (None, {}, {name: None}, {name: ...}):
        assert claimed(look_back, 1, missing, name).what == f"nothing is claimed of {name} yet"


def test_where_to_look_after_a_false_claim():
    assert claimed(sgd, 0, {"rests": False}, "rests").look == "rests(mine, STATES, **setting)"
    assert claimed(sgd, 0, {"uses_t": True}, "uses_t").look == uses_t(sgd, 0).look != ""


@pytest.mark.parametrize("power", [-1, 2])
def test_a_power_that_is_rare_is_one_too(power):
    def rare(theta, g, t, *, lr=0.1):
        with np.errstate(divide="ignore"):
            return (theta - lr * np.where(g == 0, 0, np.sign(g) * np.abs(g) ** power),)

    assert claimed(rare, 0, {"scales": power}, "scales").holds and not claimed(rare, 0, {"scales": "none"}, "scales").holds


@pytest.mark.parametrize(("rule", "power"), [(root, 0.5), (adam, 0), (soft, "none"), (sgd, 1)])
def test_the_power_of_a_rule(rule, power):
    for claim in (0, 0.5, 1, "none"):
        assert claimed(rule, states(rule), {"scales": claim}, "scales").holds == (claim == power)
    assert not claimed(rule, states(rule), {"scales": True}, "scales").holds


def made_up(name, setting, seed, budget):
    return [[9, 9, 1, 9, 9, 9, 0, 9], [2, 2, 2, 2, 2, 3, 4, 5], [np.nan] * 8][setting["k"]][seed]


def test_a_fair_race_and_its_faults():
    parts = {"refuses": True, "lost": np.inf, "score": quarters(2), "report": quarters(1, 2, 3)}
    arguments = made_up, {"a": [{"k": 0}, {"k": 1}, {"k": 2}]}, [0, 1, 2, 3, 4], [5, 6, 7], 10
    assert race_of(**parts)(*arguments) == {"a": {"setting": {"k": 1}, "median": 4, "quartiles": [3, 5]}}
    for fault, chosen in (({"score": quarters(0)}, 0), ({"lost": 0}, 2)):
        assert race_of(**parts | fault)(*arguments)["a"]["setting"] == {"k": chosen}


@pytest.mark.parametrize("refuses", [True, False])
def test_a_race_refuses_or_not(refuses):
    race = race_of(refuses=refuses, lost=np.inf, score=quarters(2), report=quarters(1, 2, 3))
    one, two = [{"k": 0}], [{"k": 0}, {"k": 1}]
    assert refused(race, made_up, {"a": one, "b": two}, [0], [1], 9).holds is refuses
    assert refused(race, made_up, {"a": one, "b": one}, [0, 1], [1], 9).holds is refuses
    assert not refused(race, made_up, {"a": one}, [0], [1], 9).holds
    assert not refused(None).holds


def test_functions_call_each_other_across_the_pipe(tmp_path):
    cell = "seen = []\ndef f(g):\n    return g(lambda h, x: seen.append(x) or h(x + 1), 1), len(seen)"
    session = Session([cell], tmp_path)
    try:
        f = session.get("f")
        assert f(lambda own, x: own(lambda y: 10 * y, x) + own(lambda y: y, x)) == (22, 2)
        assert f(lambda own, x: x) == (1, 2)
    finally:
        session.stop()
