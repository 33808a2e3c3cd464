"""A claim prints one stable line when it holds, and stops the chapter when it does not."""

import numpy as np
import pytest
import sympy as sp

from lib.claims import ClaimFailed, claim


def test_a_claim_that_holds_prints_its_label(capsys):
    claim("sgd-example", True, np.bool_(True), sp.true, np.all([1, 1]))
    assert capsys.readouterr().out == "✓ sgd-example\n"


@pytest.mark.parametrize("wrong", [False, np.bool_(False), sp.false])
def test_a_claim_that_does_not_hold_says_which(wrong, capsys):
    with pytest.raises(ClaimFailed, match="sgd-example, condition 2 of 2 does not hold"):
        claim("sgd-example", True, wrong)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("unclear", [1, "yes", None, np.array([True]), sp.Symbol("x") > 0, [True]])
def test_what_is_not_a_truth_value_is_no_check(unclear):
    with pytest.raises(TypeError, match="sgd-example, condition 1: true or false is needed"):
        claim("sgd-example", unclear)


def test_a_claim_without_a_check():
    with pytest.raises(ValueError, match="nothing to check"):
        claim("sgd-example")
