"""Streams of gradients: what the figures feed a rule is what they say, in Python and in JavaScript."""

import json
from pathlib import Path

import numpy as np
import pytest
from py_mini_racer import MiniRacer

import lib
from lib.bounds import BOUNDS
from lib.descent import generator
from lib.equations import formula
from lib.losses import normals
from lib.streams import STREAMS, gradients

NOISE = Path(lib.__file__).parent / "explorer" / "noise.js"
every_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)


@every_stream
@pytest.mark.parametrize("seed", [0, 7])
def test_javascript_is_python(stream, seed):
    v8 = MiniRacer()
    v8.eval(NOISE.read_text(encoding="utf-8"))
    code = f"""JSON.stringify((random => Array.from({{length: 60}}, (_, i) =>
        ({formula(stream)})(i + 1, 60, normals(random, 1)[0])))(twister({seed})))"""
    np.testing.assert_allclose(json.loads(v8.eval(code)), gradients(stream, 60, seed), rtol=1e-12, atol=1e-13)


def test_the_streams_are_what_they_say():
    z = (lambda rng: np.array([normals(rng, 1)[0] for _ in range(40)]))(generator(3))
    t = np.arange(1, 41)
    expected = {
        "constant": np.ones(40),
        "noisy": 0.5 + z,
        "sparse": np.isin(t, (10, 20, 30, 40)),
        "flipping": np.where(t % 2, -1, 1),
        "drifting": 1 - t / 20 + 0.2 * z,
    }
    assert expected.keys() == STREAMS.keys()
    for name, stream in STREAMS.items():
        np.testing.assert_allclose(gradients(stream, 40, 3), expected[name], rtol=1e-14, err_msg=name)


@every_stream
def test_a_stream_is_an_array_of_floats_of_its_length(stream):
    assert gradients(stream, 0).shape == (0,)
    assert gradients(stream, 5).dtype == float and gradients(stream, 5).shape == (5,)


def test_the_noise_follows_the_seed():
    noisy = STREAMS["noisy"]
    assert (gradients(noisy, 9, 1) == gradients(noisy, 9, 1)).all()
    assert (gradients(noisy, 9, 1) != gradients(noisy, 9, 2)).all()
    with pytest.raises(ValueError, match="seed"):
        gradients(noisy, 9, -1)


def test_a_worst_stream_takes_the_hyper_parameters_that_it_needs():
    g = gradients(BOUNDS["adam"].worst, 3, lr=0.1, beta1=0.5, beta2=0.9, eps=0.0)
    np.testing.assert_allclose(g, [(0.5 / 0.9) ** 2, 0.5 / 0.9, 1], rtol=1e-14)
    with pytest.raises(TypeError, match="beta2"):
        gradients(BOUNDS["adam"].worst, 3, beta1=0.5)


def test_a_worst_stream_that_overflows_is_infinite_and_silent():
    assert np.isinf(gradients(BOUNDS["adam"].worst, 9, beta1=0.9, beta2=0.0)[0])
