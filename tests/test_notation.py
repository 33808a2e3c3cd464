"""One name for one thing: the table is consistent, and knows every name that a rule uses."""

import pytest

from lib.equations import equations, read_rule
from lib.notation import ALIASES, NAMES, SOURCES, TABLE, aliases, symbol, symbols
from lib.rules import RULES


def test_every_name_and_every_symbol_stands_once():
    assert len(NAMES) == len(TABLE)
    written = [(row.symbol, row.indexed) for row in TABLE]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_name_of_a_rule_is_in_the_table(rule):
    source = read_rule(rule)
    used = {*source.arguments, *source.hyper, *(name for name, _ in source.assignments)}
    assert used <= NAMES.keys()
    assert {name for name in source.hyper} == {name for name in used if NAMES[name].kind == "hyper-parameter"}
    assert all(NAMES[name].allowed[0] <= default < NAMES[name].allowed[1] for name, default in source.hyper.items())


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_two_names_of_a_rule_print_alike(rule):
    printed = list(equations(rule).symbols.values())
    assert len({str(name) for name in printed}) == len(set(printed))


def test_every_name_in_the_table_is_used_by_a_rule():
    sources = map(read_rule, RULES.values())
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
    called = ["", "$α$", "$ρ$", "$τ$", "$γ$", "`momentum`", "`momentum`", "`momentum`, `decay`"]
    assert ALIASES["mu"] == dict(zip(SOURCES, called))
