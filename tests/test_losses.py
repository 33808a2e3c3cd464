"""Losses: derivatives against autograd, JavaScript against NumPy, minima, noise."""

import json
import math
import types
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from py_mini_racer import MiniRacer

import lib
from lib.descent import generator
from lib.losses import LOSSES, Loss, normals, rosenbrock, saddle, valley

NOISE = Path(lib.__file__).parent / "explorer" / "noise.js"
POINTS = np.random.default_rng(1).uniform(-3, 3, (20, 2))
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def by_autograd(loss):
    """The same source on autograd's NumPy."""
    function = types.FunctionType(loss.function.__code__, {"np": anp})
    function.__kwdefaults__ = loss.function.__kwdefaults__
    return lambda theta: function(theta[0], theta[1])


@every_loss
def test_gradient_and_hessian_against_autograd(loss):
    oracle = by_autograd(loss)
    for point in POINTS:
        assert loss(point) == pytest.approx(oracle(point), rel=1e-12, abs=1e-13)
        np.testing.assert_allclose(loss.gradient(point), autograd.grad(oracle)(point), rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(loss.hessian(point), autograd.hessian(oracle)(point), rtol=1e-8, atol=1e-9)


@every_loss
def test_javascript_is_numpy(loss):
    v8 = MiniRacer()
    v8.eval(loss.javascript)
    code = f"{json.dumps(POINTS.tolist())}.map(([x, y]) => [{loss.name}(x, y), ...{loss.name}_gradient(x, y)])"
    answer = np.array(json.loads(v8.eval(f"JSON.stringify({code})")))
    expected = np.column_stack([loss(POINTS), loss.gradient(POINTS)])
    np.testing.assert_allclose(answer, expected, rtol=1e-12, atol=1e-12)


@every_loss
def test_value_and_gradient_stand_alone_in_javascript(loss):
    value, slope = loss.javascript_value(), loss.javascript_gradient("slope")
    assert value.startswith("function (x, y) {") and slope.startswith("function slope(x, y) {")
    v8 = MiniRacer()
    answer = json.loads(v8.eval(f"JSON.stringify([({value})(0.3, -0.7), ...({slope})(0.3, -0.7)])"))
    np.testing.assert_allclose(answer, [loss((0.3, -0.7)), *loss.gradient((0.3, -0.7))], rtol=1e-12)


def hinge(x, y):
    return np.maximum(x - 1, 0) ** 2 + np.maximum(x + y, 0)


def test_a_maximum_has_a_slope_in_javascript_too():
    loss = Loss(hinge, ((-3, 3), (-3, 3)), (2.0, 1.0))
    points = [[0.5, 1.0], [2.0, -1.0], [2.0, -3.0], [1.0, -1.0]]
    code = f"JSON.stringify({json.dumps(points)}.map(([x, y]) => hinge_gradient(x, y)))"
    v8 = MiniRacer()
    v8.eval(loss.javascript)
    np.testing.assert_array_equal(json.loads(v8.eval(code)), [[1, 1], [3, 1], [2, 0], [0.5, 0.5]])
    np.testing.assert_array_equal(loss.gradient(points), [[1, 1], [3, 1], [2, 0], [0.5, 0.5]])


@every_loss
def test_the_mathml_of_a_loss(loss):
    math = ET.fromstring(loss.mathml)
    text = "".join(math.itertext())
    assert math.tag == "math" and text.startswith("f(x,y)=")
    assert {"x", "y"} <= {mi.text for mi in math.iter("mi")}


@every_loss
def test_many_points_are_the_loop(loss):
    grid = POINTS.reshape(4, 5, 2)
    assert loss(grid).shape == (4, 5) and loss.gradient(grid).shape == (4, 5, 2)
    assert loss.hessian(grid).shape == (4, 5, 2, 2)
    for derived in (loss.gradient, loss.hessian):
        one_by_one = [derived(point) for point in POINTS]
        np.testing.assert_allclose(derived(POINTS), one_by_one, rtol=1e-12, atol=1e-13)
    assert loss.gradient(POINTS.astype(np.float32)).dtype == np.float32


@every_loss
def test_minima_are_minima(loss):
    (low_x, high_x), (low_y, high_y) = loss.domain
    around = np.stack(np.meshgrid(np.linspace(low_x, high_x, 101), np.linspace(low_y, high_y, 101)), -1)
    for x, y in loss.minima:
        assert low_x <= x <= high_x and low_y <= y <= high_y
        assert np.abs(loss.gradient((x, y))).max() < 1e-6
        assert loss((x, y)) <= loss(around).min() + 1e-9
    assert len(loss.minima) or loss(np.multiply(around, 10)).min() < loss(around).min()
    assert low_x <= loss.start[0] <= high_x and low_y <= loss.start[1] <= high_y


# As their sources define them; where each is drawn (half a square, or x and y) and from where one starts; its minima.
DEFINED = {
    "bowl": (lambda x, y: 0.5 * x * x + 0.5 * y * y, 5, (-4, 3), 1),
    "valley": (lambda x, y: 0.5 * x * x + 12.5 * y * y, ((-10, 10), (-4, 4)), (-9, 2), 1),
    "rotated_valley": (lambda x, y: 6.5 * x * x - 12 * x * y + 6.5 * y * y, 6, (-5.5, -2.5), 1),
    "rosenbrock": (lambda x, y: 100 * (x * x - y) * (x * x - y) + (x - 1) * (x - 1), ((-2, 2), (-1, 3)), (-1.5, 2), 1),
    "beale": (lambda x, y: sum((c - x * (1 - y**k)) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625))), 4.5, (1, 1.8), 1),
    "himmelblau": (lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2, 5, (0, -4.5), 4),
    "saddle": (lambda x, y: (x - y) * (x + y), 2, (-1.5, 0.001), 0),
    "bounded_saddle": (lambda x, y: x * x + (y * y - 1) ** 2 / 2 - 0.5, 2, (-1.5, 0.001), 2),
    "monkey_saddle": (lambda x, y: ((x + 1j * y) ** 3).real, 1.5, (1.2, 0.001), 0),
    "two_weights": (lambda x, y: 1 - 2 * x * y + x * x * y * y, 2.5, (-0.2, 1.8), 2),
    "plateau": (lambda x, y: 1 - math.exp(-x * x / 2) * math.exp(-y * y / 2), 4, (-3, 2), 1),
    "cliff": (lambda x, y: x * x / 20 + y * y / 20 + 2 - 4 / (1 + math.exp(16 * (x - 1))), 4, (2.5, 2), 1),
    "styblinski_tang": (lambda x, y: sum(c * c * (c * c / 2 - 8) + 2.5 * c for c in (x, y)), 5, (0.2, 0.3), 1),
    "absolute": (lambda x, y: max(x, -x) + 10 * max(y, -y), ((-10, 10), (-4, 4)), (-9, 2), 1),
}


@every_loss
def test_a_loss_is_what_its_source_says(loss):
    formula, domain, start, minima = DEFINED[loss.name]
    for x, y in POINTS:
        assert loss((x, y)) == pytest.approx(formula(x, y), rel=1e-11, abs=1e-12)
    assert loss.domain == (domain if isinstance(domain, tuple) else ((-domain, domain),) * 2)
    assert loss.start == start and len({*loss.minima}) == len(loss.minima) == minima


def test_noise_is_added_to_each_coordinate():
    theta = np.array([1.0, -2.0])
    for sigma in (0, 0.5, np.finfo(float).max):
        noise = np.float64(sigma) * normals(generator(4), 2) if sigma < 1 else None
        found = valley.noisy(sigma)
        assert noise is None or np.array_equal(found(theta, generator(4)), valley.gradient(theta) + noise)
    with pytest.raises(ValueError, match="sigma must be a finite number >= 0, got '1'"):
        valley.noisy("1")


def test_a_loss_cannot_be_changed_and_says_what_it_cannot_be():
    with pytest.raises(AttributeError):
        valley.start = (0.0, 0.0)
    made = {"function": saddle.function, "domain": ((-1, 1), (-1, 1)), "start": (0, 0)}
    largest = np.finfo(float).max
    assert Loss(**made | {"domain": ((-largest, largest), (-1, 1))}).domain[0] == (-largest, largest)
    for wrong, error, words in (
        ({"domain": ((1, 1), (-1, 1))}, ValueError, "from low to high"),
        ({"domain": ((-1, 1), (1, 1))}, ValueError, "from low to high"),
        ({"domain": ((1, -1), (-1, 1))}, ValueError, "from low to high"),
        ({"domain": 3}, TypeError, "domain must be made of pairs"),
        ({"domain": ((1, 2, 3), (1, 2))}, TypeError, "domain must be made of pairs"),
        ({"start": (0, np.inf)}, ValueError, "a number in start must be finite"),
        ({"start": (0, True)}, TypeError, "a number in start must be a number"),
        ({"start": (0, "1")}, TypeError, "a number in start must be a number"),
        ({"parameters": {"kappa": "1"}}, TypeError, "kappa must be a number"),
    ):
        with pytest.raises(error, match=words):
            Loss(**made | wrong)
    with pytest.raises(ValueError, match="theta must be an array"):
        saddle([[1.0, 2.0], [1.0]])


def test_where_a_derivative_is_no_number_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for loss in LOSSES.values():
            for point in ((1e308, -1e308), (np.inf, 0.0), (0.0, 0.0)):
                loss(point), loss.hessian(point), loss.gradient(point), loss.gradient([point])


def test_a_saddle_by_hand():
    np.testing.assert_array_equal(saddle.gradient((3.0, 5.0)), [6, -10])
    np.testing.assert_array_equal(saddle.hessian((3.0, 5.0)), [[2, 0], [0, -2]])


def test_rosenbrock_by_hand():
    x, y = -1.2, 1.0
    np.testing.assert_allclose(rosenbrock.gradient((x, y)), [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])


def test_parameters_are_replaced():
    steep = valley.replace(kappa=100)
    assert steep((0.0, 1.0)) == 50 and valley((0.0, 1.0)) == 12.5
    assert repr(steep) == "valley.replace(kappa=100)" and "100" in steep.latex and "100" in steep.javascript
    with pytest.raises(ValueError, match="valley has no parameter kapa; it has kappa"):
        valley.replace(kapa=3)


def test_whole_numbers_are_taken_as_floats():
    assert valley([3, 1]) == 17 and valley.gradient([3, 1]).tolist() == [3, 25]


def test_a_notebook_shows_the_loss_as_it_was_written():
    assert rosenbrock._repr_latex_() == r"$$f(x, y) = \left(1 - x\right)^{2} + 100 \left(y - x^{2}\right)^{2}$$"


def test_bad_input():
    for theta in (1.0, (1.0, 2.0, 3.0), np.zeros((2, 3))):
        with pytest.raises(ValueError, match="two coordinates last"):
            rosenbrock.gradient(theta)
    for sigma in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="sigma"):
            rosenbrock.noisy(sigma)


def test_a_huge_point_overflows_to_infinity():
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(rosenbrock.gradient(np.array([1e200, 1.0]))).all()


def test_the_noise_is_the_same_stream_in_javascript():
    v8 = MiniRacer()
    v8.eval(NOISE.read_text(encoding="utf-8"))
    for seed in (0, 7, 2**32 - 1):
        rng = generator(seed)
        numbers = f"(random => Array.from({{length: 400}}, () => normals(random, 2)))(twister({seed}))"
        answer = json.loads(v8.eval(f"JSON.stringify({numbers})"))
        np.testing.assert_allclose(answer, [normals(rng, 2) for _ in range(400)], rtol=1e-12, atol=1e-13)


def test_normals_are_standard_normal():
    sample = np.array([normals(generator(3), 100_000)])
    assert abs(sample.mean()) < 0.01 and abs(sample.std() - 1) < 0.01
    assert abs((np.abs(sample) < 1).mean() - 0.6827) < 0.005


def test_the_generator_is_numpys_random_state():
    np.testing.assert_array_equal(generator(5).random(10), np.random.RandomState(5).random_sample(10))
    for seed in (-1, 2**32, 0.5, True, None):
        with pytest.raises(ValueError, match="seed"):
            generator(seed)


def ridge(x, y):
    return -(x**2) / 4 + 0 * y**2


def trough(x, y):
    return x**2 / 2 + 0 * y


def test_curvatures_are_those_of_a_quadratic_with_a_minimum():
    assert valley.curvatures == pytest.approx((1, 25)) and valley.replace(kappa=4).curvatures == pytest.approx((1, 4))
    rotated = LOSSES["rotated_valley"]
    np.testing.assert_allclose(rotated.curvatures, np.linalg.eigvalsh(rotated.hessian((1.0, -2.0))), rtol=1e-12)
    flat = Loss(ridge, ((-1, 1), (-1, 1)), (0, 0))
    assert flat.curvatures == () and saddle.curvatures == ()
    assert Loss(trough, ((-1, 1), (-1, 1)), (0, 0)).curvatures == ()
    quadratic = {name for name, loss in LOSSES.items() if loss.curvatures}
    assert quadratic == {"bowl", "valley", "rotated_valley"}
