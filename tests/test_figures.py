"""Static figures: what is drawn is what was computed, and divergence is said."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from lib.descent import descend  # noqa: E402
from lib.beyond import BEYOND  # noqa: E402
from lib.figures import OTHERS, STYLES, contours, cover, race, style_of  # noqa: E402
from lib.losses import LOSSES, rosenbrock, saddle, valley  # noqa: E402
from lib.rules import RULES, adam, sgd  # noqa: E402
from test_notation import contrast  # noqa: E402


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


LOOKS = {**STYLES, **{f"other {number}": style_of("", number) for number in range(len(OTHERS))}}
FAINT = {"#56B4E9", "#E69F00", "#CC79A7"}  # Okabe and Ito's light colours, which a dash and a marker tell apart


def test_every_rule_has_a_style_and_no_two_look_or_read_alike():
    assert list(STYLES) == [*RULES, *BEYOND, "muon", "soap"]
    assert len({(look.colour, look.dash) for look in LOOKS.values()}) == len(LOOKS)
    assert len({(look.dark, look.dash) for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.label for look in STYLES.values()}) == len(STYLES)
    assert len({look.colour for look in LOOKS.values()}) == len({look.dark for look in LOOKS.values()})


@pytest.mark.parametrize("name", LOOKS)
def test_a_colour_stands_out_on_a_light_and_on_a_dark_page(name):
    look = LOOKS[name]
    assert contrast(look.colour, "#FFFFFF") >= (2.2 if look.colour in FAINT else 3)
    assert contrast(look.dark, "#121212") >= 3 and contrast(look.dark, "#3D4653") >= 3


def test_the_style_of_a_rule_that_is_not_the_librarys():
    assert style_of("heavy", 0).label == "heavy"
    assert style_of("heavy", 1) == style_of("heavy", 1 + len(OTHERS)) != style_of("heavy", 2)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_contours_fill_the_domain_and_mark_the_minima(loss):
    _, ax = plt.subplots()
    contours(loss, ax)
    assert (ax.get_xlim(), ax.get_ylim()) == loss.domain
    stars = [tuple(map(float, line.get_xydata()[0])) for line in ax.lines if line.get_marker() == "*"]
    assert stars == [tuple(map(float, minimum)) for minimum in loss.minima]


def test_a_race_draws_the_paths_and_their_losses():
    path = descend(sgd, valley.gradient, valley.start, 30, lr=0.05)
    figure = race(valley, {"sgd": path, "sgd, slower": path[:10]})
    map_, curve = figure.axes
    np.testing.assert_array_equal(map_.lines[1].get_xydata(), path)
    np.testing.assert_allclose(curve.lines[0].get_ydata(), valley(path))
    assert curve.lines[0].get_color() == curve.lines[1].get_color() == STYLES["sgd"].colour
    assert [text.get_text() for text in curve.get_legend().get_texts()] == ["sgd", "sgd, slower"]


def test_a_race_says_that_a_path_diverged():
    path = descend(sgd, rosenbrock.gradient, rosenbrock.start, 50, lr=0.05, on_divergence="record")
    fine = descend(adam, rosenbrock.gradient, rosenbrock.start, 50)
    figure = race(rosenbrock, {"sgd": path, "adam": fine})
    first = np.isfinite(path).all(axis=-1).argmin()
    labels = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert labels == [f"sgd (diverged at step {first})", "adam"]
    assert len(figure.axes[0].lines[1].get_xydata()) == first


def test_other_labels_have_colours_of_their_own():
    path = descend(sgd, valley.gradient, valley.start, 3, lr=0.05)
    curve = race(valley, {"α = 1": path, "α = 2": path}).axes[1]
    assert curve.lines[0].get_color() != curve.lines[1].get_color()


def test_a_loss_without_a_minimum_has_a_plain_axis():
    path = descend(sgd, saddle.gradient, saddle.start, 30, lr=0.05)
    curve = race(saddle, {"sgd": path}).axes[1]
    assert curve.get_yscale() == "linear" and curve.get_ylabel() == "loss"
    np.testing.assert_allclose(curve.lines[0].get_ydata(), saddle(path))


def test_a_path_of_another_shape():
    with pytest.raises(ValueError, match=r"the path 'sgd' must have the shape \(steps \+ 1, 2\), got \(3,\)"):
        race(valley, {"sgd": np.zeros(3)})


def test_a_line_has_the_dashes_of_its_rule():
    path = descend(sgd, valley.gradient, valley.start, 3, lr=0.05)
    solid, dashed = race(valley, {"sgd": path, "momentum": path}).axes[1].lines
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")


def test_the_cover_is_drawn():
    assert [line.get_label() for line in cover().axes[1].lines] == ["sgd", "momentum", "rmsprop", "adam"]
