"""What is asked of an argument: just that, at both ends."""

import numpy as np
import pytest

from lib.arguments import whole


@pytest.mark.parametrize("value", [3, 5, 8, np.int64(3), np.uint8(8)])
def test_a_whole_number_is_returned(value):
    assert whole("count", value, 3, 8) is value


@pytest.mark.parametrize("value", [2, 9, -3, True, np.True_, 4.0, np.float64(4), "4", None, [4], np.array(4)])
def test_all_else_is_refused(value):
    with pytest.raises(ValueError) as error:
        whole("count", value, 3, 8)
    assert str(error.value) == f"count must be a whole number from 3 to 8, got {value!r}."


def test_without_limits_it_is_from_0():
    assert whole("steps", 0) == 0 and whole("steps", 10**30) == 10**30
    with pytest.raises(ValueError, match="steps must be a whole number >= 0, got -1"):
        whole("steps", -1)
    assert whole("seed", 1, most=1) == 1
    with pytest.raises(ValueError, match="seed must be a whole number from 0 to 0, got 1"):
        whole("seed", 1, most=0)
