"""One name for one thing: the table is consistent, and knows every name that a rule uses."""

import pytest

from lib.beyond import BEYOND
from lib.equations import equations, read_rule
from lib.notation import ALIASES, COLOURS, NAMES, SOURCES, TABLE, aliases, colour, symbol, symbols
from lib.rules import RULES

ALL = RULES | BEYOND


def test_every_name_and_every_symbol_stands_once():
    assert len(NAMES) == len(TABLE)
    written = [(row.symbol, row.indexed) for row in TABLE]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("rule", ALL.values(), ids=ALL)
def test_every_name_of_a_rule_is_in_the_table(rule):
    source = read_rule(rule)
    used = {*source.arguments, *source.hyper, *(name for name, _ in source.assignments)}
    assert used <= NAMES.keys()
    assert {name for name in source.hyper} == {name for name in used if NAMES[name].kind == "hyper-parameter"}
    assert all(NAMES[name].allowed[0] <= default < NAMES[name].allowed[1] for name, default in source.hyper.items())


@pytest.mark.parametrize("rule", ALL.values(), ids=ALL)
def test_no_two_names_of_a_rule_print_alike(rule):
    printed = list(equations(rule).symbols.values())
    assert len({str(name) for name in printed}) == len(set(printed))


def test_every_name_in_the_table_is_used_by_a_rule():
    sources = map(read_rule, ALL.values())
    used = {name for s in sources for name in (*s.arguments, *s.hyper, *(name for name, _ in s.assignments))}
    assert used == NAMES.keys()


def test_symbols_of_names_that_the_table_does_not_have():
    assert (symbol("beta1"), symbol("k"), symbol("warm_up")) == (r"\beta_{1}", "k", r"\mathrm{warm\_up}")


def test_the_tables_have_a_row_for_every_name_and_a_column_for_every_source():
    lines = str(symbols()).split("\n")
    assert len(lines) == len(TABLE) + 2 and all(line.count("|") == 6 for line in lines)
    assert r"| `beta1` | $\beta_{1}$ | decay rate of the momentum (Adam) | hyper-parameter | $[0, 1)$ |" in lines
    assert r"| `lr` | $\alpha$ | learning rate | hyper-parameter | $[0, \infty)$ |" in lines
    columns = str(aliases()).split("\n")[0]
    assert all(source in columns for source in SOURCES)
    assert symbols()._repr_markdown_() == str(symbols())


def test_aliases_are_of_known_names_and_one_for_every_source():
    assert ALIASES.keys() <= NAMES.keys()
    assert all(tuple(called) == SOURCES and any(called.values()) for called in ALIASES.values())
    libraries = ["`momentum`", "`momentum`", "`momentum`, `decay`", "`momentum`", "`mass`", "`momentum`"]
    called = ["", "$α$", "$ρ$", "$τ$", "$γ$", *libraries]
    assert ALIASES["mu"] == dict(zip(SOURCES, called))


def luminance(hexadecimal):
    channels = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """The contrast ratio of two colours as WCAG 2.1 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_pairs():
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("letter", COLOURS)
def test_a_quantity_can_be_read_in_its_colour(letter):
    light, dark = COLOURS[letter]
    assert contrast(light, "#FFFFFF") >= 4.5 and contrast(light, "#F4F5F7") >= 4.5
    assert contrast(dark, "#121212") >= 4.5 and contrast(dark, "#222832") >= 4.5


def test_a_quantity_has_one_colour_by_its_letter():
    assert colour("v") == colour("v_hat") == colour("v_max") == COLOURS["v"]
    assert colour("theta_prev") == COLOURS["theta"] and colour("g_reg") == COLOURS["g"]
    assert colour("lr") is colour("beta1") is colour("t") is colour("rho_t") is colour("speed") is None
    assert {name.partition("_")[0] for name in NAMES if colour(name)} == COLOURS.keys()
    assert len({light for light, _ in COLOURS.values()}) == len({dark for _, dark in COLOURS.values()}) == len(COLOURS)
    assert all(colour(row.name) for row in TABLE if row.kind == "state" or row.name == "g")
