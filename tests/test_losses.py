"""Losses: derivatives against autograd, JavaScript against NumPy, minima, noise."""

import json
import types
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


def test_curvatures_are_those_of_a_quadratic_with_a_minimum():
    assert valley.curvatures == pytest.approx((1, 25)) and valley.replace(kappa=4).curvatures == pytest.approx((1, 4))
    rotated = LOSSES["rotated_valley"]
    np.testing.assert_allclose(rotated.curvatures, np.linalg.eigvalsh(rotated.hessian((1.0, -2.0))), rtol=1e-12)
    quadratic = {name for name, loss in LOSSES.items() if loss.curvatures}
    assert quadratic == {"bowl", "valley", "rotated_valley"}
