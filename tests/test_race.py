"""The recorded experiments as a figure: its tables, its scores and sentences in Python and in JavaScript, and its page."""

import csv
import gzip
import io
import json
import re
from itertools import combinations, product

import numpy as np
import pytest
from browsing import breaches, is_too_wide, opened
from py_mini_racer import MiniRacer
from serving import served
from traitlets import TraitError

from lib.experiments import EXPERIMENTS, best, best_chances, expected_best, recorded
from lib.explorer import code, race
from lib.explorer.interactive import _json
from lib.explorer.race import MEASURES, Race, compact, sentence, standing
from lib.figures import STYLES
from lib.site import minified

THOROUGH = ["logistic", "words_flat", "network_dropout", "autoencoder", "decay_adamw", "schedules_deep", "beyond_matrix"]
PAGE = """<!doctype html><html lang="en"{theme}><meta charset="utf-8"><title>Race</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="race.css">
<script src="race.js" async></script><style>body {{ margin: 0 auto; max-width: 720px; {colours} }}</style>
<main><h1>Race</h1>{figure}</main></html>"""
DARK = "background: #14181e; color: #ddd; --pst-color-text-base: #ddd; --pst-color-text-muted: #aaa"
NETWORKS = ("network_dropout", "network")


# The best of so many tries.


@pytest.mark.parametrize("values", [[3.0], [2.0, 1.0], [4.0, 1.0, 3.0, 1.0, 9.5], [1.0, np.inf, 0.5, np.inf]])
def test_the_expected_best_is_the_mean_over_all_draws(values):
    for tries in range(1, len(values) + 1):
        draws = [min(draw) for draw in combinations(values, tries)]
        assert expected_best(values, tries, repeat=False) == pytest.approx(np.mean(draws), rel=1e-13)


def test_the_chances_of_a_draw_add_up_and_one_that_is_no_draw_is_refused():
    for count, tries in product(range(1, 20), repeat=2):
        if tries <= count:
            assert sum(best_chances(count, tries, repeat=False)) == pytest.approx(1)
    assert [*best_chances(4, 4, False)] == [1, 0, 0, 0] and [*best_chances(4, 1, False)] == [0.25] * 4
    for tries in (0, 5, 1.5, True):
        with pytest.raises(ValueError, match=f"tries must be a whole number from 1 to 4, got {tries}"):
            expected_best([1, 2, 3, 4], tries, repeat=False)


# The tables.


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_tables_are_the_recorded_ones_in_three_digits(name):
    table, found = recorded(name), compact(name)
    count = 0
    for rule, grid in found["rules"].items():
        rows = table[table.rule == rule]
        for at, setting in enumerate(grid["settings"]):
            part = rows[np.logical_and.reduce([rows[key] == value for key, value in setting.items()])]
            for measure in found["measures"]:
                values = part.sort_values(["seed", "epoch"])[measure].to_numpy()
                kept = np.array(grid[measure][at], float).ravel()
                np.testing.assert_allclose(kept, np.where(np.isfinite(values), values, np.nan), rtol=6e-3)
            count += len(part)
    assert count == len(table)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_whole_budget_gives_the_order_of_best(name):
    found = best(recorded(name)).set_index("rule").train_loss
    ranking = race(name).ranking
    assert list(ranking) == list(found.index)
    np.testing.assert_allclose([*ranking.values()], found, rtol=2e-3)


def test_a_shorter_budget_chooses_anew():
    figure, table = race("network"), recorded("network")
    for epochs in (1, 3, 10):
        figure.epochs = epochs
        assert list(figure.ranking) == list(best(table[table.epoch <= epochs]).rule)


def test_sizes():
    for name in NETWORKS:
        assert len(_json(compact(name))) < 60_000
    html = race(*NETWORKS)._repr_mimebundle_()[0]["text/html"]
    assert len(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1]) < 200_000
    texts = [minified(code._text(f"race.{kind}"), kind) for kind in ("js", "css")]
    assert sum(len(gzip.compress(text.encode(), 9)) for text in texts) <= 9_000
    assert not re.search(r"\beval\b|new Function|import\(", code.page_script("race"))


# Python and JavaScript.


@pytest.fixture(scope="module")
def engine():
    v8 = MiniRacer()
    texts = [code._text("engine.js"), "const KINDS = {};", code._text("race.js")]
    v8.eval("\n".join(texts))
    labels, tables = {name: look.label for name, look in STYLES.items()}, {name: compact(name) for name in EXPERIMENTS}
    v8.eval(f"const tables = completed({json.dumps(tables)}), measures = {json.dumps(MEASURES)}, labels = {json.dumps(labels)};")
    v8.eval("const label = (run) => labels[run];")
    return v8


def states(name):
    """States of an experiment: budgets, measures, seeds, and settings by hand."""
    figure, table = race(name), compact(name)
    rules = [*table["rules"]]
    lr = f"{rules[0]}.lr"
    yield figure.state
    budgets = [(1, 1000), (1, 2, 1000)] if name in THOROUGH else [(1000,), (2,)]
    for epochs, tries, measure, seed in product(*budgets, table["measures"], ("all", table["seeds"][-1])):
        budget = {"epochs": min(epochs, figure.epochs), "tries": min(tries, figure.tries)}
        yield figure.state | budget | {"measure": measure, "seed": seed}
    yield figure.state | {lr: figure._allowed[lr][1], "tries": 2}
    yield figure.state | {lr: figure._allowed[lr][-1], "rules": [*{rules[0]: 0, rules[-1]: 0}], "epochs": 2}
    yield figure.state | {"rules": []}
    for key in figure.state:
        if "." in key:
            yield figure.state | {key: figure._allowed[key][1], "tries": 3}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_both_sides_tell_the_same_with_the_same_numbers(engine, name):
    tables = {name: compact(name)}
    for state in states(name):
        told = engine.eval(f"standingSentence({{ tables, state: {json.dumps(state)}, label, measures }})")
        assert told == sentence(tables, state)
        found = engine.eval(f"JSON.stringify(standing(tables, {json.dumps(state)}))")
        expected = standing(tables, state)
        for entrant, ours in zip(json.loads(found), expected, strict=True):
            assert (entrant["run"], entrant["kept"], entrant["tries"], entrant["chosen"]) == ours[:4]
            assert entrant["value"] == (pytest.approx(ours.value, rel=1e-12) if np.isfinite(ours.value) else None)


def test_another_experiment_takes_of_the_state_what_it_has(engine):
    figure = race("network", "convolution", "autoencoder", measure="test_accuracy", seed=3, adam_lr=0.0316, adam_beta2=0.99)
    for experiment in figure._tables:
        figure.experiment = experiment
        told = engine.eval(f"standingSentence({{ tables, state: {json.dumps(figure.state)}, label, measures }})")
        assert repr(figure).endswith(told)
    assert "After 100 epochs and all tries, mean training loss: Adam, uncorrected" in repr(figure)


# Python alone.


def test_a_figure_says_the_call_that_makes_it():
    figure = race("network", "words", rules=["adam", "rmsprop"], tries=2, epochs=3, seed=1, adam_lr=0.01, name="one")
    assert repr(figure).startswith(
        'race("network", "words", rules=["adam", "rmsprop"], seed=1, epochs=3, tries=2, adam_lr=0.01): '
        "After 3 epochs of seed 1 and 2 tries a rule, expected mean training loss: Adam 0.6"
    )
    again = eval(figure.call, {"race": race})
    assert again.state == figure.state and again.spec["id"] == "race-network-words" and figure.spec["id"] == "one"


def test_traits_are_set_observed_and_checked():
    figure, seen = race("network"), []
    figure.observe(lambda change: seen.append((change["name"], change["new"])), ["tries", "adam_lr", "ranking"])
    figure.tries = 2
    figure.adam_lr = np.float64(0.001)
    names = [name for name, _ in seen]
    assert names.count("tries") == names.count("adam_lr") == 1 and names.count("ranking") == 2
    assert figure.state["adam.lr"] == 0.001 and figure.rules == ("adam", "rmsprop", "adagrad", "nesterov")
    before = dict(figure.state)
    for name, value, words in [
        ("adam_lr", 0.002, "adam_lr must be one of best, 0.0001, .*; got 0.002"), ("epochs", 21, "epochs must be one of 1, .*got 21"),
        ("tries", True, "tries .*got True"), ("measure", "loss", "train_loss, test_loss, test_accuracy; got 'loss'"),
        ("rules", "adam", "rules must be a list, got 'adam'"), ("rules", ["adam", "adam"], "each rule once"),
        ("state", {}, "the state needs 'experiment'"), ("state", before | {"a": 1}, "the state has no 'a'"),
    ]:  # fmt: skip
        with pytest.raises(TraitError, match=words):
            setattr(figure, name, value)
        assert figure.state == before
    figure.set_state({"state": before | {"epochs": 0}})
    assert figure.state == before
    assert isinstance(figure, Race) and figure.value == figure.ranking


@pytest.mark.parametrize(
    ("experiments", "settings", "error", "words"),
    [
        ((), {}, ValueError, "at least one experiment"),
        (("networks",), {}, ValueError, "experiments must be some of logistic, .*got 'networks'"),
        (("network", "network"), {}, ValueError, "each once"),
        (("network",), {"adam_rate": 1}, TypeError, "no rule here was tried with 'adam_rate'; did you mean"),
        (("network",), {"seed": 7}, ValueError, "seed must be one of all, 0, 1, 2, 3; got 7"),
        (("network",), {"name": "a b"}, ValueError, "name must be"),
    ],
)
def test_what_cannot_be_meant_is_refused(experiments, settings, error, words):
    with pytest.raises(error, match=words):
        race(*experiments, **settings)


@pytest.mark.parametrize(
    "settings", [{}, {"rules": []}, {"epochs": 1}, {"measure": "test_accuracy", "seed": 1}, {"logarithmic": False, "nesterov_lr": 1.0}]
)
def test_the_bundle_has_a_view_a_page_and_a_picture_with_its_words(settings):
    figure = race("network", **settings)
    data, metadata = figure._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "image/png", "text/plain"} <= data.keys()
    assert metadata["image/png"]["width"] == 700
    assert repr(figure).split("): ")[1] in metadata["image/png"]["alt"]
    assert 'data-kind="race"' in data["text/html"] and "<noscript><img alt=" in data["text/html"]


# In a page, and in a kernel's front end.


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("race")
    (folder / "race.js").write_text(minified(code.page_script("race"), "js"), encoding="utf-8")
    (folder / "race.css").write_text(minified(code.style("race"), "css"), encoding="utf-8")
    figures = {"networks": race(*NETWORKS, name="race"), "all": race(*EXPERIMENTS, name="race")}
    for name, figure in figures.items():
        html = figure._repr_mimebundle_()[0]["text/html"]
        for suffix, theme, colours in (("", "", "background: #fff"), ("-dark", ' data-theme="dark"', DARK)):
            (folder / f"{name}{suffix}.html").write_text(PAGE.format(theme=theme, colours=colours, figure=html), encoding="utf-8")
    return folder


WIDGET = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Widget</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="race.css"><main><h1>Widget</h1><div id="widget"></div></main><script type="module">
import widget from "./widget.js";
const values = {values}, heard = [];
window.model = {{
  get: (key) => values[key], set(key, value) {{ values[key] = value; window.sent = value; }}, save_changes() {{}}, off() {{}},
  on: (name, call) => heard.push(call), change(state) {{ values.state = state; heard.forEach((call) => call()); }},
}};
widget.render({{ model, el: document.getElementById("widget") }});
</script></html>"""


@pytest.fixture(scope="module")
def address(lab):
    with served(lab) as address:
        yield address


@pytest.fixture
def visitor(browser):
    """`visitor(url, width)` opens a page; the test fails at its end if the page complained or asked elsewhere."""
    pages, problems = [], []

    def open_page(url, width=1000):
        pages.append(opened(browser, url, problems, width))
        page = pages[-1].__enter__()
        settle(page)
        return page

    yield open_page
    for page in pages:
        page.__exit__(None, None, None)
    assert problems == []


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def told(page):
    settle(page)
    return page.inner_text(".sentence")


def expected(**settings):
    return repr(race(*NETWORKS, **settings)).split("): ", 1)[1]


def put(page, key, value):
    page.locator(f"input[data-key='{key}']").fill(str(value))


def ranked(page):
    return page.eval_on_selector_all(".ranking li", "(all) => all.map((li) => li.dataset.run)")


def test_budgets_change_the_ranking_as_in_python(visitor, address):
    page = visitor(f"{address}networks.html")
    assert told(page) == expected() and ranked(page)[0] == "rmsprop"
    put(page, "epochs", 9)
    assert told(page) == expected(epochs=9) and ranked(page)[0] == "adam"
    put(page, "tries", 2)
    assert told(page) == expected(epochs=9, tries=2)
    assert "expected, 2 of 6 tried" in page.inner_text(".ranking")
    page.locator("input[data-key=epochs]").press("ArrowLeft")
    assert told(page) == expected(epochs=8, tries=2)
    page.wait_for_function("(words) => document.querySelector('[aria-live]').textContent === words", arg=expected(epochs=8, tries=2))
    page.get_by_role("button", name="back to how the figure began").click()
    assert told(page) == expected()


def test_rules_seeds_and_measures(visitor, address):
    page = visitor(f"{address}networks.html")
    chip = page.get_by_role("button", name="RMSProp", exact=True)
    chip.click()
    rules = ["adam", "adagrad", "nesterov"]
    assert told(page) == expected(rules=rules) and chip.get_attribute("aria-pressed") == "false"
    chip.click()
    page.select_option("select[data-key=seed]", "2")
    assert told(page) == expected(seed=2)
    band = page.locator(".band").first.get_attribute("d")[1:].split("L")
    assert band == band[::-1]  # of no width
    page.select_option("select[data-key=measure]", "test_accuracy")
    assert told(page) == expected(seed=2, measure="test_accuracy") and " %" in told(page)
    page.select_option("select[data-key=experiment]", "network")
    assert told(page) == repr(race("network", seed=2, measure="test_accuracy")).split("): ", 1)[1]


def test_a_rate_is_chosen_by_slider_click_and_keys_and_let_go(visitor, address):
    page = visitor(f"{address}networks.html")
    put(page, "adam.lr", 0)
    assert told(page) == expected(adam_lr=0.0001)
    best_ = page.get_by_role("button", name="best settings of Adam")
    assert best_.get_attribute("aria-pressed") == "false"
    best_.click()
    assert told(page) == expected() and best_.get_attribute("aria-pressed") == "true"
    best_.click()
    assert told(page) == expected(adam_lr=0.00316)
    chart = page.get_by_role("slider", name="learning rates")
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert told(page) == expected(rmsprop_lr=0.01, adam_lr=0.00316)
    assert chart.get_attribute("aria-valuetext").startswith("RMSProp, learning rate 0.01, 0.8")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    assert told(page) == expected(rmsprop_lr=0.01, adam_lr=0.0001)
    press = "(c) => { const b = c.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }"
    x, y = page.locator(".choice[style*=nesterov]").evaluate(press)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 300, y + 20, steps=4)
    page.mouse.up()
    assert told(page) == expected(rmsprop_lr=0.01, adam_lr=0.0001, nesterov_lr=0.001)


def test_a_curve_tells_epoch_and_value(visitor, address):
    page = visitor(f"{address}networks.html")
    chart = page.get_by_role("slider", name="curves")
    box = chart.locator("svg.readable").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    tip = chart.locator(".tip")
    assert re.match(r"epoch (9|10)\nRMSProp 0\.\d+ \(0\.\d+ to 0\.\d+\)\nAdam", tip.inner_text())
    page.mouse.move(5, 5)
    assert not tip.is_visible()
    chart.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    values = recorded("network_dropout").query("rule == 'adam' and lr == 0.00316 and epoch == 2").train_loss
    assert tip.inner_text().startswith("epoch 2\n") and f"Adam {values.median():.3g}" in tip.inner_text()
    assert chart.get_attribute("aria-valuetext").startswith("epoch 2, RMSProp")


def test_a_link_brings_the_state_and_names_what_cannot_be(visitor, address):
    page = visitor(f"{address}networks.html")
    put(page, "tries", 3)
    put(page, "adam.lr", 1)
    page.select_option("select[data-key=experiment]", "network")
    page.evaluate("delete navigator.__proto__.clipboard")
    page.get_by_role("button", name="copy a link").click()
    link = page.input_value(".message .link")
    assert link.endswith("?figure=race&experiment=network&tries=3&adam.lr=0.000316#race")
    assert told(visitor(link)) == told(page) == repr(race("network", tries=3, adam_lr=0.000316)).split("): ", 1)[1]
    wrong = visitor(f"{address}networks.html?figure=race&epochs=99&adam.lr=0.002&rules=adam,sgd&pace=1&seed=1")
    words = wrong.inner_text(".message")
    assert all(part in words for part in ("epochs must be one of 1", "not 99", "not 0.002", "not sgd", "has no pace"))
    assert told(wrong) == expected(seed=1)


@pytest.mark.parametrize("name", THOROUGH)
def test_an_experiment_is_shown_from_the_disk(visitor, lab, name):
    page = visitor(f"{(lab / 'all.html').as_uri()}?figure=race&experiment={name}&tries=2&measure=test_accuracy")
    figure = race(*EXPERIMENTS, tries=2, measure="test_accuracy")
    figure.experiment = name
    assert told(page) == repr(figure).split("): ", 1)[1]
    assert page.locator(".ranking li").count() == len(compact(name)["rules"]) == page.locator(".chip:visible").count()
    assert "NaN" not in page.inner_html(".panels")


# Found and read in one breath: the next drawing puts new tables in the place of these.
TABLES = "[...document.querySelectorAll('.numbers table')].map((table) => table.innerText)"


def test_numbers_and_files(visitor, address):
    page = visitor(f"{address}networks.html?figure=race&epochs=5")
    page.get_by_role("button", name="the numbers as a table").click()
    page.wait_for_selector(".numbers table")
    order, curves = page.evaluate(TABLES)
    assert re.search(r"Adam\s+0\.\d+\s+6\s+6\s+lr 0\.01", order) and len(curves.splitlines()) == 7
    with page.expect_download() as caught:
        page.get_by_role("button", name=re.compile("as CSV$")).click()
    rows = list(csv.DictReader(io.StringIO(caught.value.path().read_text("utf-8"))))
    assert len(rows) == 20 and {row["rule"] for row in rows} == {"Adam", "RMSProp", "AdaGrad", "Nesterov"}
    assert all(float(row["lower quartile"]) <= float(row["median"]) <= float(row["upper quartile"]) for row in rows)
    with page.expect_download() as caught:
        page.get_by_role("button", name=re.compile("as SVG$")).click()
    assert caught.value.path().read_text("utf-8").count("<path") > 30


def test_in_a_kernel_the_state_goes_to_and_fro(visitor, lab, address):
    figure = race("network", epochs=5)
    (lab / "widget.js").write_text(figure._esm, encoding="utf-8")
    values = json.dumps({"spec": figure.spec, "state": figure.state, "call": figure.call})
    (lab / "widget.html").write_text(WIDGET.format(values=values), encoding="utf-8")
    page = visitor(f"{address}widget.html")
    assert told(page) == repr(figure).split("): ", 1)[1]
    put(page, "tries", 2)
    page.wait_for_function("window.sent")
    figure.set_state({"state": page.evaluate("window.sent")})
    assert figure.tries == 2 and told(page) == repr(figure).split("): ", 1)[1]
    figure.adam_lr = 0.001
    page.evaluate("(state) => model.change(state)", figure.state)
    assert told(page) == repr(figure).split("): ", 1)[1]
    assert page.get_by_role("button", name="copy the Python call").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_figure_is_sound(visitor, address, width, scheme):
    page = visitor(f"{address}networks{'-dark' if scheme == 'dark' else ''}.html?figure=race&tries=2&adam.lr=0.01", width)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.get_by_role("button", name="the numbers as a table").click()
    page.wait_for_selector(".numbers table")
    assert breaches(page) + is_too_wide(page) == []
    small = page.evaluate("""[...document.querySelectorAll(".stage :is(button, select, input, summary, [role=slider])")]
      .filter((e) => e.checkVisibility() && e.type !== "checkbox")
      .filter((e) => { const { width, height } = e.getBoundingClientRect(); return width < 44 || height < 43.9; })
      .map((e) => e.outerHTML.slice(0, 120))""")
    assert small == []


def test_every_control_is_reached_by_tab_and_has_a_name_of_its_own(visitor, address):
    page = visitor(f"{address}networks.html")
    parts = """[...document.querySelectorAll(".stage :is(button, select, input, summary, [tabindex])")]
      .filter((e) => e.checkVisibility() && e.tabIndex >= 0)"""
    names = page.evaluate(f"""{parts}.map((e) =>
      `${{e.closest("[role=group]")?.ariaLabel}}, ${{e.ariaLabel || e.labels?.[0]?.textContent || e.textContent}}`)""")
    assert len({*names}) == len(names) > 20
    reached = []
    for _ in names:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(f"{parts}.indexOf(document.activeElement)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == list(range(len(names)))
