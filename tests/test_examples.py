"""Examples in docstrings and in the README give what they show."""

import doctest
import importlib
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.parametrize("name", ["lib.claims", "lib.descent", "lib.explorer", "lib.losses"])
def test_docstring_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed


def test_readme_examples():
    text = README.read_text(encoding="utf-8").replace("\n```\n", "\n\n")
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(README), 0)
    assert len(examples.examples) == 3
    assert not doctest.DocTestRunner().run(examples).failed
