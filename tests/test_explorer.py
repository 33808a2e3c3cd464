"""The interactive figures as a reader meets them: in Chromium, on a page without a kernel, by mouse, touch and keys."""

import csv
import gzip
import io
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from browsing import visit
from serving import served

from lib import streams
from lib.descent import Diverged, descend
from lib.equations import equations
from lib.explorer import code, explore, plane, stream
from lib.explorer.runs import predicted
from lib.losses import LOSSES, beale, bounded_saddle, rosenbrock, saddle, valley
from lib.rules import RULES, adam, adamax, momentum, rmsprop, sgd
from lib.site import minified

PAGE = """<!doctype html><html lang="en"{theme}><meta charset="utf-8"><title>Figures</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="explorer.css">
<script src="explorer.js" defer></script><style>body {{ margin: 0 auto; max-width: 720px; {colours} }}</style>
<main><h1>Figures</h1>{figures}</main></html>"""
DARK = "background: #14181e; color: #ddd; --pst-color-text-base: #ddd; --pst-color-text-muted: #aaa"


def reciprocal(theta, g, t, *, lr=0.1):
    theta = theta - lr / (g - g)
    return (theta,)


def warming(theta, g, t, m, *, lr=0.1, warmup=10.0, shift=-0.5):
    m = 0.9 * m + g
    theta = theta - lr * np.where(t < warmup, t / warmup, 1) * m + 0 * shift
    return theta, m


def html(figure):
    return figure._repr_mimebundle_()[0]["text/html"]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A folder of small pages with figures, by name."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "explorer.js").write_text(code.page_script(), encoding="utf-8")
    (folder / "explorer.css").write_text(code.style(), encoding="utf-8")
    rules = tuple(RULES.values())
    race = explore(
        sgd, momentum, adam, offer=(rmsprop, adamax), on=(valley, rosenbrock, saddle), steps=80, sgd_lr=0.07,
        momentum_lr=0.02, adam_lr=0.5, name="race",
    )  # fmt: skip
    pages = {
        "race": [race],
        "all": [explore(*rules, on=(valley, rosenbrock, beale, bounded_saddle), steps=120, lr=0.01, name="all")],
        "many": [explore(sgd, offer=rules[1:], steps=40, lr=0.02, name="many")],
        "stream": [stream(adam, rmsprop, g="noisy", steps=60, name="stream")],
        "stream-all": [stream(*rules, steps=40, name="stream")],
        "plane": [plane(momentum, "lr", "mu", on=(valley, rosenbrock, saddle), offer=[sgd], x_range=(1e-3, 1.0), steps=60, name="plane")],
        "own": [explore(warming, sgd, on=valley, steps=30, name="own")],
        "broken": [explore(reciprocal, sgd, on=valley, steps=30, name="broken")],
        "wild": [explore(sgd, adam, on=valley, steps=600, sgd_lr=3.0, name="wild")],
    }
    for name, figures in pages.items():
        body = "\n".join(map(html, figures))
        for suffix, theme, colours in (("", "", "background: #fff"), ("-dark", ' data-theme="dark"', DARK)):
            text = PAGE.format(theme=theme, colours=colours, figures=body)
            (folder / f"{name}{suffix}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def address(lab):
    with served(lab) as address:
        yield address


@pytest.fixture
def visitor(browser):
    """`visitor(url, width=…)` opens a page and fails the test at its end if the page threw or complained."""
    contexts, problems = [], []

    def open_page(url, width=1000, **options):
        options = {"reduced_motion": "no-preference", "accept_downloads": True} | options
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".stage .sentence:not(:empty)")
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def lines(page, place=".map"):
    """The drawn paths, point by point, in pixels of the map: one array for each run that is on."""
    return [
        np.array([point.split() for point in re.sub("^M", "", d).split("L")], float) / 10
        for d in page.eval_on_selector_all(f"{place} path.line", "(paths) => paths.map((p) => p.getAttribute('d'))")
    ]


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def put(page, key, text):
    """Type into a figure's field."""
    box = page.locator(f"input[type=text][data-key='{key}']")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.evaluate("document.querySelectorAll('.more[aria-expanded=false]:not([hidden])').forEach((more) => more.click())")
    box.fill(text)
    box.press("Enter")
    box.blur()
    settle(page)


def sentence(page):
    return page.inner_text(".sentence")


def download(page, name):
    with page.expect_download() as caught:
        page.get_by_role("button", name=re.compile(f"as {name}$")).click()
    return caught.value.path().read_bytes()


def table(page):
    """The CSV file of a figure: rows as dicts."""
    return list(csv.DictReader(io.StringIO(download(page, "CSV").decode())))


def ring(page, place=".ring"):
    box = page.locator(place).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


# The path is the one of NumPy.


@pytest.mark.parametrize("loss", [valley, rosenbrock, beale, bounded_saddle], ids=lambda loss: loss.name)
def test_every_rule_draws_the_path_of_descend(visitor, address, loss):
    page = visitor(f"{address}all.html?figure=all&loss={loss.name}")
    rows = table(page)
    labels = list(dict.fromkeys(row["rule"] for row in rows))
    assert len(labels) == len(RULES)
    for label, (name, rule) in zip(labels, RULES.items()):
        path = np.array([[row["x"], row["y"]] for row in rows if row["rule"] == label], float)
        try:
            expected = descend(rule, loss.gradient, np.array(loss.start), 120, lr=0.01)
        except Diverged as stopped:
            expected = stopped.path
        assert path.shape == expected.shape, name
        np.testing.assert_allclose(path, expected, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_picture_is_the_path(visitor, address):
    page = visitor(f"{address}race.html")
    frame = page.evaluate("(({x, y, width, height}) => [x, y, width, height].map((v) => v.baseVal.value))"
                          "(document.querySelector('.map svg svg'))")  # fmt: skip
    drawn = lines(page)
    rates = {sgd: 0.07, momentum: 0.02, adam: 0.5}
    assert len(drawn) == 3
    for points, (rule, lr) in zip(drawn, rates.items()):
        x, y = descend(rule, valley.gradient, np.array(valley.start), 80, lr=lr).T
        expected = np.stack([(x + 10) / 20 * frame[2], (4 - y) / 8 * frame[3]], -1)
        np.testing.assert_allclose(points, expected, atol=0.051)


def test_noise_is_the_stream_of_numpy(visitor, address):
    page = visitor(f"{address}race.html?figure=race&noise=2&seed=7")
    path = np.array([[row["x"], row["y"]] for row in table(page) if row["rule"] == "Adam"], float)
    expected = descend(adam, valley.noisy(2), np.array(valley.start), 80, seed=7, lr=0.5)
    np.testing.assert_allclose(path, expected, rtol=1e-9, atol=1e-9)
    page.evaluate("document.querySelector('details').open = true")
    press(page, "other noise")
    settle(page)
    path = np.array([[row["x"], row["y"]] for row in table(page) if row["rule"] == "Adam"], float)
    np.testing.assert_allclose(path, descend(adam, valley.noisy(2), np.array(valley.start), 80, seed=8, lr=0.5), atol=1e-9)


@pytest.mark.parametrize("key", [*streams.STREAMS, "worst"])
def test_every_rule_under_every_stream_gives_the_states_of_numpy(visitor, address, key):
    page = visitor(f"{address}stream-all.html?figure=stream&stream={key}")
    rows = table(page)
    figure = stream(*RULES.values(), g=key, steps=40)
    for label, run in zip(dict.fromkeys(row["rule"] for row in rows), RULES):
        mine = [row for row in rows if row["rule"] == label]
        assert len(mine) == 41
        trace = figure.trace[run]
        assert {"g", "theta"} <= trace.keys()
        for name, expected in trace.items():
            shown = np.array([float(row[name] or "nan") if row[name] != "NaN" else np.nan for row in mine])
            np.testing.assert_allclose(shown[1:], expected[1:], rtol=1e-9, atol=1e-12, err_msg=f"{run} {name}")


# What the reader's hand does.


def test_dragging_the_start_by_mouse_redraws_while_dragging(visitor, address):
    page = visitor(f"{address}race.html")
    assert page.locator(".hint").is_visible()
    seen = [lines(page)[0]]
    x, y = ring(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in (20, 40, 60):
        page.mouse.move(x + step, y + step)
        settle(page)
        seen.append(lines(page)[0])
    page.mouse.up()
    starts = np.array([path[0] for path in seen])
    assert np.all(np.diff(starts, axis=0) > 15)
    assert not page.locator(".hint").is_visible()
    page.mouse.move(x, y)
    settle(page)
    assert np.array_equal(lines(page)[0], seen[-1])


def test_dragging_the_start_by_touch(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}race.html")
    page.wait_for_selector(".stage .sentence:not(:empty)")
    before = lines(page)[0]
    x, y = ring(page)
    touch = context.new_cdp_session(page)
    send = lambda kind, points: touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    send("touchStart", [{"x": x, "y": y}])
    for step in range(10, 70, 10):
        send("touchMove", [{"x": x + step, "y": y + step}])
    settle(page)
    during = lines(page)[0]
    send("touchEnd", [])
    assert np.all(during[0] - before[0] > 40)
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("getComputedStyle(document.querySelector('.map > svg')).touchAction") == "auto"
    context.close()


def test_the_start_by_keys(visitor, address):
    page = visitor(f"{address}race.html")
    page.locator(".ring").focus()
    before = lines(page)[0][0]
    for key, way in {"ArrowRight": (1, 0), "ArrowDown": (0, 1), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1)}.items():
        page.keyboard.press(key)
        settle(page)
        after = lines(page)[0][0]
        assert np.array_equal(np.sign(np.round(after - before)), way), key
        before = after
    page.keyboard.press("Shift+ArrowRight")
    settle(page)
    assert 0 < lines(page)[0][0][0] - before[0] < 3
    assert re.fullmatch(r"start at x -[\d.]+, y [\d.]+", page.get_attribute(".ring", "aria-label"))


def test_a_click_on_the_map_moves_the_start(visitor, address):
    page = visitor(f"{address}race.html")
    box = page.locator(".map > svg").bounding_box()
    page.mouse.click(box["x"] + 200, box["y"] + 100)
    settle(page)
    np.testing.assert_allclose(ring(page), [box["x"] + 200, box["y"] + 100], atol=3)


def test_a_slider_a_number_and_what_they_say(visitor, address):
    page = visitor(f"{address}race.html")
    slider = page.locator("input[type=range][data-key='sgd.lr']")
    assert slider.get_attribute("aria-valuetext") == "learning rate 0.07"
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    value = float(page.input_value("input[type=text][data-key='sgd.lr']"))
    assert 0.07 < value < 0.075
    slider.evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
    settle(page)
    assert page.input_value("input[type=text][data-key='sgd.lr']") == "0"
    put(page, "sgd.lr", "0.01")
    assert "SGD" in sentence(page)
    rows = [row for row in table(page) if row["rule"] == "SGD"]
    assert float(rows[1]["x"]) == -9 - 0.01 * -9


@pytest.mark.parametrize("typed, said", [("-1", "-1"), ("much", "much"), ("", "none"), ("1e999", "Infinity"), ("NaN", "NaN")])
def test_a_wrong_number_is_refused_in_words_that_are_in_sight(visitor, address, typed, said):
    page = visitor(f"{address}race.html", width=390)
    before = page.locator(".map path.line").first.get_attribute("d")
    put(page, "sgd.lr", typed)
    assert f"sgd.lr must be a number from 0 on, not {said}." in page.inner_text(".message")
    assert page.locator(".message").evaluate("(e) => e.getBoundingClientRect().bottom <= innerHeight")
    assert page.locator(".map path.line").first.get_attribute("d") == before
    put(page, "sgd.lr", "0.05")
    assert not page.locator(".message").is_visible()


def test_a_number_may_have_a_decimal_comma(visitor, address):
    page = visitor(f"{address}race.html")
    put(page, "sgd.lr", "0,02")
    assert page.input_value("input[type=text][data-key='sgd.lr']") == "0.02"
    assert not page.locator(".message").is_visible()


def test_a_thumb_that_scrolls_the_page_changes_no_slider(visitor, address):
    page = visitor(f"{address}race.html")
    for key in ("sgd.lr", "step"):
        slider = page.locator(f"input[type=range][data-key='{key}']")
        before = slider.input_value()
        slider.dispatch_event("pointerdown")
        slider.evaluate("(s) => { s.value = 0; s.dispatchEvent(new Event('input')); }")
        settle(page)
        slider.dispatch_event("pointercancel")
        settle(page)
        assert slider.input_value() == before != "0"


def test_every_kind_of_slider_reaches_both_ends(visitor, address):
    page = visitor(f"{address}own.html")
    for key, low, high in (("warming.lr", 0, 10), ("warming.warmup", 0, 40), ("warming.shift", -2, 0), ("steps", 1, 10000)):
        slider = page.locator(f"input[type=range][data-key='{key}']")
        for place, expected in ((0, low), (1000, high)):
            slider.evaluate("(s, place) => { s.value = place; s.dispatchEvent(new Event('input')); }", place)
            settle(page)
            assert float(page.input_value(f"input[type=text][data-key='{key}']")) == expected, key


def test_rules_are_switched_on_and_off(visitor, address):
    page = visitor(f"{address}race.html")
    assert len(lines(page)) == 3
    press(page, "RMSProp")
    settle(page)
    assert len(lines(page)) == 4 and "RMSProp" in sentence(page)
    for name in ("SGD", "Momentum", "Adam", "RMSProp"):
        press(page, name)
    settle(page)
    assert lines(page) == [] and sentence(page) == "No rule is switched on."


def test_many_rules_wait_in_a_menu(visitor, address):
    page = visitor(f"{address}many.html")
    menu = page.get_by_label("add a rule")
    assert page.locator(".chip:visible").count() == 1 and menu.locator("option").count() == len(RULES)
    menu.select_option(label="AdaMax")
    settle(page)
    assert page.locator(".chip:visible").count() == len(lines(page)) == 2 and menu.input_value() == ""
    press(page, "AdaMax")
    settle(page)
    assert len(lines(page)) == 1 and page.get_by_role("button", name="AdaMax", exact=True).is_visible()


def test_the_start_can_be_typed(visitor, address):
    page = visitor(f"{address}race.html")
    put(page, "start", "-3, 1.5")
    assert page.get_attribute(".ring", "aria-label") == "start at x -3, y 1.5"
    put(page, "start", "3")
    assert "start must be two numbers" in page.inner_text(".message")


def test_another_loss_starts_where_it_is_interesting(visitor, address):
    page = visitor(f"{address}race.html")
    page.select_option("select[data-key=loss]", "rosenbrock")
    settle(page)
    assert page.get_attribute(".ring", "aria-label") == "start at x -1.5, y 2"
    assert [row["x"] for row in table(page) if row["step"] == "0"] == ["-1.5"] * 3


def test_step_and_scrub(visitor, address):
    page = visitor(f"{address}race.html")
    whole = len(lines(page)[0])
    press(page, "back to the start")
    settle(page)
    assert len(lines(page)[0]) == 1
    press(page, "one step on")
    settle(page)
    assert len(lines(page)[0]) == 2
    page.locator("input[type=range][data-key=step]").evaluate("(s) => { s.value = 40; s.dispatchEvent(new Event('input')); }")
    settle(page)
    assert len(lines(page)[0]) == 41 and page.inner_text(".count") == "step 40 of 80"
    page.locator(".curve > svg").click(position={"x": 52, "y": 60})
    settle(page)
    assert len(lines(page)[0]) <= 3 < whole


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_playing_goes_through_the_steps_and_stops(visitor, address, motion):
    page = visitor(f"{address}race.html", reduced_motion=motion)
    page.evaluate("""() => {
      window.seen = new Set();
      new MutationObserver(() => seen.add(document.querySelector(".count").textContent))
        .observe(document.querySelector(".count"), { childList: true });
    }""")
    press(page, "play")
    page.wait_for_function("document.querySelector('.count').textContent === 'step 80 of 80' && seen.size > 3", timeout=9000)
    page.wait_for_selector("button.play[aria-label=play]")
    assert (page.evaluate("seen.size") > 20) == (motion == "no-preference")


def test_pausing_keeps_the_step(visitor, address):
    page = visitor(f"{address}race.html")
    press(page, "play")
    page.wait_for_function("/^step [1-9]/.test(document.querySelector('.count').textContent)")
    press(page, "pause")
    settle(page)
    shown = page.inner_text(".count")
    page.wait_for_timeout(150)
    assert page.inner_text(".count") == shown != "step 80 of 80"


def test_arrows_of_the_current_step(visitor, address):
    page = visitor(f"{address}race.html")
    assert page.locator(".arrow").count() == 0
    page.evaluate("document.querySelector('details').open = true")
    page.check("input[data-key=arrows]")
    put(page, "steps", "5")
    assert page.locator(".arrow").count() == 2 + 3 + 3
    assert sorted(set(page.locator(".arrowname").all_text_contents())) == ["−g", "−m"]


def test_a_point_under_the_pointer_is_named(visitor, address):
    page = visitor(f"{address}race.html")
    put(page, "steps", "5")
    box = page.locator(".map > svg").bounding_box()
    x, y = lines(page)[0][1]
    page.mouse.move(box["x"] + 40 + x, box["y"] + 18 + y)
    assert page.inner_text(".tip").startswith("SGD, step 1\nθ = (−8.37, −1.5)\nloss = ")


# What becomes of it.


def test_divergence_is_shown_and_said(visitor, address):
    page = visitor(f"{address}wild.html")
    assert re.match(r"SGD diverges at step \d+; Adam reaches", sentence(page))
    assert re.match(r"SGD diverges, step \d+", page.text_content(".exit"))
    path = lines(page)[0]
    assert np.isfinite(path).all() and np.abs(path).max() < 30_000
    put(page, "sgd.lr", "0.0801")
    assert re.match(r"SGD reaches|SGD leaves the plot at step \d+", sentence(page))


def test_sentences_are_those_of_python(visitor, address):
    for name, figure in {
        "race": explore(sgd, momentum, adam, on=valley, steps=80, sgd_lr=0.07, momentum_lr=0.02, adam_lr=0.5),
        "wild": explore(sgd, adam, on=valley, steps=600, sgd_lr=3.0),
        "stream": stream(adam, rmsprop, g="noisy", steps=60),
        "plane": plane(momentum, "lr", "mu", on=valley, x_range=(1e-3, 1.0), steps=60),
    }.items():
        page = visitor(f"{address}{name}.html")
        page.wait_for_timeout(600 if name == "plane" else 0)
        assert repr(figure).endswith(": " + sentence(page)), name


def test_a_rule_that_divides_by_zero_says_so(visitor, address):
    page = visitor(f"{address}broken.html")
    assert sentence(page).startswith("reciprocal diverges at step 1; SGD ")
    assert page.locator(".map path.line").count() == 2


# Links.


def state_of(page):
    """All that a figure shows of its state."""
    return page.evaluate("""() => [
      ...[...document.querySelectorAll("[data-key]")].map((e) => `${e.dataset.key}=${e.type === "checkbox" ? e.checked : e.value}`),
      ...[...document.querySelectorAll("[aria-pressed]")].map((e) => e.textContent + e.ariaPressed),
      ...[...document.querySelectorAll("path.line")].map((e) => e.getAttribute("d")),
      document.querySelector(".sentence").textContent, document.querySelector(".count").textContent]""")


def link(page):
    press(page, "copy a link to this figure as it is now")
    page.wait_for_selector(".message")
    return page.evaluate("document.querySelector('.message .link')?.value ?? navigator.clipboard.readText()")


@pytest.mark.parametrize("place", ["served", "file"])
def test_a_link_restores_everything(visitor, lab, address, place):
    url = f"{address}race.html" if place == "served" else (lab / "race.html").as_uri()
    page = visitor(url, permissions=["clipboard-read", "clipboard-write"])
    press(page, "RMSProp")
    press(page, "Momentum")
    page.select_option("select[data-key=loss]", "rosenbrock")
    page.locator(".ring").focus()
    page.keyboard.press("ArrowRight")
    for key, text in {"adam.beta2": "0.987654321", "noise": "0.125", "steps": "77", "sgd.lr": "0.00123"}.items():
        put(page, key, text)
    press(page, "other noise")
    press(page, "one step back")
    page.check("input[data-key=arrows]")
    settle(page)
    shown, copied = state_of(page), link(page)
    assert copied.startswith(url) and copied.endswith("#race")
    again = visitor(copied)
    assert state_of(again) == shown
    press(again, "back to how the figure began")
    settle(again)
    assert state_of(again) == state_of(visitor(url))


@pytest.mark.parametrize("name, changes", [
    ("stream", {"adam.beta1": "0.5", "steps": "33", "theta": "2"}), ("plane", {"momentum.mu": "0.5", "steps": "33"}),
])  # fmt: skip
def test_links_of_the_other_kinds(visitor, address, name, changes):
    page = visitor(f"{address}{name}.html", permissions=["clipboard-read", "clipboard-write"])
    for key, text in changes.items():
        put(page, key, text)
    page.wait_for_timeout(400)
    shown, copied = state_of(page), link(page)
    again = visitor(copied)
    again.wait_for_timeout(400)
    assert state_of(again) == shown


WRONG_LINKS = {
    "sgd.lr=abc": "sgd.lr must be a number from 0 on",
    "adam.beta1=1": "adam.beta1 must be a number from 0 on and less than 1, not 1",
    "adam.beta1=NaN": "adam.beta1 must be",
    "steps=1e9": "steps must be a whole number from 1 to 10000",
    "step=-1": "step must be",
    "loss=__proto__": "loss must be one of",
    "rules=sgd,constructor": "rules must be some of",
    "start=1": "start must be two numbers",
    "start=1,Infinity": "start must be two numbers",
    "arrows=maybe": "arrows must be true or false",
    "noise=-2": "noise must be",
    "__proto__=1": "this figure has no __proto__",
    "toString=1": "this figure has no toString",
    "colour=red": "this figure has no colour",
    "sgd.lr=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E": "sgd.lr must be",
}


@pytest.mark.parametrize("query", WRONG_LINKS, ids=lambda query: query[:20])
def test_a_hand_edited_link_gives_a_message_and_the_beginning(visitor, address, query):
    page = visitor(f"{address}race.html?figure=race&{query}")
    assert WRONG_LINKS[query] in page.inner_text(".message")
    assert len(lines(page)) == 3 and page.locator(".message img").count() == 0
    assert state_of(page) == state_of(visitor(f"{address}race.html"))


def test_a_link_of_another_figure_changes_nothing(visitor, address):
    page = visitor(f"{address}race.html?figure=other&steps=5")
    assert page.inner_text(".count") == "step 80 of 80" and not page.locator(".message").is_visible()


# Taking it away.


def test_downloads_are_pictures_and_numbers(visitor, address):
    for name in ("race", "plane", "stream"):
        page = visitor(f"{address}{name}.html")
        page.wait_for_timeout(300)
        svg = download(page, "SVG")
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg") and float(root.get("width")) > 300
        assert b"var(--" not in svg.replace(b"--c: var(--", b"") or b'stroke="rgb' in svg
        assert len(root.findall(".//{*}path")) > 5
        png = download(page, "PNG")
        assert png.startswith(b"\x89PNG") and len(png) > 5000
        assert len(table(page)) > 50


def test_the_table_of_numbers(visitor, address):
    page = visitor(f"{address}race.html")
    assert not page.locator(".numbers").is_visible()
    press(page, "the numbers as a table")
    assert "SGD" in page.inner_text(".numbers")
    assert page.locator(".numbers tbody tr").count() == 3 + 81
    put(page, "steps", "10")
    page.wait_for_function("document.querySelectorAll('.numbers tbody tr').length === 3 + 11")


# Stream.


def test_the_equations_show_the_numbers_of_the_step(visitor, address):
    page = visitor(f"{address}stream.html")
    assert page.locator(".stage math").count() >= 2 * (len(equations(adam).lines) + len(equations(rmsprop).lines))
    put(page, "adam.lr", "0.5")
    trace = stream(adam, g="noisy", steps=60, lr=0.5).trace
    for step in (60, 59):
        shown = page.inner_text(".stage").replace("−", "-")
        for name in ("m", "v", "m_hat", "v_hat", "theta"):
            assert f"{abs(trace[name][step]):.4g}"[:4] in shown, (name, step)
        press(page, "one step back")
        settle(page)


def test_drawing_a_stream_by_hand(visitor, address):
    page = visitor(f"{address}stream.html")
    before = np.array([float(row["g"]) for row in table(page) if row["step"] != "0"])
    plot = page.locator("[role=slider]").first
    plot.focus()
    page.keyboard.press("ArrowUp")
    settle(page)
    after = np.array([float(row["g"]) for row in table(page) if row["step"] != "0"])
    changed = ~np.isclose(before, after, rtol=2e-3, atol=2e-3)
    assert changed.sum() == 2 and changed[[59, 119]].all()  # the last step, of both rules
    plot.scroll_into_view_if_needed()
    box = plot.locator("svg.strip").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 15, steps=15)
    page.mouse.up()
    settle(page)
    drawn = [float(row["g"]) for row in table(page)[25:35]]
    assert np.ptp(drawn) < 0.2 * (1 + abs(drawn[0]))
    assert page.input_value("select[data-key=stream]") == "drawn"


def test_without_bias_correction(visitor, address):
    page = visitor(f"{address}stream.html?figure=stream&stream=constant&corrected=false")
    steps = [float(row["step/lr"]) for row in table(page) if row["rule"] == "Adam" and row["step"] != "0"]
    assert steps[0] == pytest.approx(-3.1623, abs=1e-3) and min(steps) == pytest.approx(-6.57, abs=0.01)


# Plane.


def test_a_point_of_the_plane_is_a_run(visitor, address):
    page = visitor(f"{address}plane.html")
    field = page.locator(".map svg").first.bounding_box()
    page.mouse.click(field["x"] + field["width"] * 0.7, field["y"] + field["height"] * 0.5)
    settle(page)
    lr, mu = (float(page.input_value(f"input[type=text][data-key='momentum.{name}']")) for name in ("lr", "mu"))
    assert 0.05 < lr < 0.5 and 0.3 < mu < 0.7
    x = [float(row["x"]) for row in table(page)]
    np.testing.assert_allclose(x, descend(momentum, valley.gradient, np.array(valley.start), 60, lr=lr, mu=mu)[:, 0], rtol=1e-9)
    page.locator(".ring").first.focus()
    page.keyboard.press("ArrowUp")
    settle(page)
    assert float(page.input_value("input[type=text][data-key='momentum.mu']")) == pytest.approx(mu + 0.99 / 40, abs=1e-3)


def test_a_plane_shows_every_setting_and_no_rate_without_a_minimum(visitor, address):
    page = visitor(f"{address}plane.html?figure=plane&measure=rate")
    for name in ("lr", "mu"):
        assert page.locator(f"input[type=range][data-key='momentum.{name}']").is_visible()
    measure = page.locator("select[data-key=measure]")
    assert measure.input_value() == "rate"
    page.select_option("select[data-key=loss]", "saddle")
    measure.wait_for(state="hidden")
    page.wait_for_function("/of 1681 points/.test(document.querySelector('.sentence').textContent)")
    assert "loss in the end" in page.inner_text(".legend")


def test_the_predicted_rates_are_those_of_python(visitor, address):
    page = visitor(f"{address}plane.html?figure=plane&measure=rate")
    page.wait_for_function("/predicted/.test(document.querySelector('.sentence').textContent)")
    assert page.locator("canvas.field:visible").count() == 2
    press(page, "the numbers as a table")
    page.wait_for_function("document.querySelectorAll('.numbers table').length === 4")
    cells = page.locator(".numbers table").nth(1).locator("tbody td").all_inner_texts()
    figure = plane(momentum, "lr", "mu", on=valley, x_range=(1e-3, 1.0), steps=60, measure="rate")
    expected = predicted(figure._rules, valley, figure.state)[::8, ::8].ravel()
    np.testing.assert_allclose([float(cell) for cell in cells], expected, rtol=0.05)
    put(page, "noise", "1")
    settle(page)
    assert page.locator("canvas.field:visible").count() == 1


@pytest.mark.parametrize("measure", ["loss", "rate"])
def test_the_plane_is_the_one_of_numpy(visitor, address, measure):
    page = visitor(f"{address}plane.html?figure=plane&measure={measure}")
    page.wait_for_function("/The best of 1681 points/.test(document.querySelector('.sentence').textContent)")
    figure = plane(momentum, "lr", "mu", on=valley, x_range=(1e-3, 1.0), steps=60, measure=measure)
    assert repr(figure).endswith(sentence(page))


# For everyone.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", ["race", "stream", "plane"])
def test_a_figure_is_sound(browser, address, name, width, scheme):
    suffix = "-dark" if scheme == "dark" else ""
    assert visit(browser, f"{address}{name}{suffix}.html", width, scheme) == []


@pytest.mark.parametrize("name", ["race", "stream", "plane", "own"])
def test_a_figure_works_from_the_disk(browser, visitor, lab, name):
    url = (lab / f"{name}.html").as_uri()
    assert visit(browser, url, axe=False) == []
    assert visitor(url).locator(".stage svg path").count() > 5


@pytest.mark.parametrize("name", ["race", "stream", "plane"])
def test_targets_are_large_enough_for_a_finger(visitor, address, name):
    page = visitor(f"{address}{name}.html", 390)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    small = page.evaluate("""[...document.querySelectorAll(".stage :is(button, select, input, summary, [role=slider])")]
      .filter((e) => e.checkVisibility() && e.type !== "checkbox")
      .filter((e) => { const { width, height } = e.getBoundingClientRect(); return width < 44 || height < 43.9; })
      .map((e) => e.outerHTML.slice(0, 120))""")
    assert small == []


@pytest.mark.parametrize("name", ["race", "stream", "plane"])
def test_everything_is_reached_and_seen_by_the_keyboard(visitor, address, name):
    page = visitor(f"{address}{name}.html")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    wanted = page.evaluate("""[...document.querySelectorAll(".stage :is(button, select, input, summary, [tabindex])")]
      .filter((e) => e.checkVisibility() && e.tabIndex >= 0).length""")
    reached = set()
    for _ in range(wanted + 3):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("""(() => {
          const e = document.activeElement, outline = getComputedStyle(e).outlineStyle;
          return [...document.querySelectorAll("*")].indexOf(e) + " " + (outline !== "none" || e === document.body);
        })()"""))
    assert not [place for place in reached if place.endswith("false")]
    assert len(reached) >= wanted


def test_no_script_gives_the_still_picture_with_its_words(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}wild.html")
    alt = page.locator("noscript img, .downhill img").first.get_attribute("alt")
    assert "SGD diverges at step" in alt and "valley" in alt
    assert page.locator(".downhill img").first.evaluate("(i) => i.naturalWidth") == 700
    context.close()


def test_the_front_end_is_small_and_evaluates_nothing():
    script = minified(f"(() => {{ const library = window.x; {code._front_end()}; mountAll(library); }})()", "js")
    style = minified(code._text("explorer.css"), "css")
    assert sum(len(gzip.compress(text.encode(), 9)) for text in (script, style)) <= 25_000
    assert not re.search(r"\beval\b|new Function|import\(", code.page_script())


def test_specs_in_pages_are_json(lab):
    for page in lab.glob("*.html"):
        for text in re.findall(r'<script type="application/json">(.*?)</script>', page.read_text("utf-8"), re.S):
            spec = json.loads(text)
            assert spec["kind"] in ("descent", "stream", "plane") and set(spec["losses"]) <= LOSSES.keys()
