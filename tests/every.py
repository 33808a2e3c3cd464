"""Every update rule in house form, wherever the library has it, and small faults of a rule."""

import ast
import inspect
import itertools

import numpy as np

from lib.beyond import BEYOND
from lib.conventions.variants import VARIANTS
from lib.rules import RULES

TAUGHT = RULES | BEYOND
EVERY = TAUGHT | VARIANTS


def compiled(source):
    namespace = {"np": np}
    exec(source, namespace)
    return namespace[ast.parse(source).body[0].name]


EXCHANGED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}


def mutants(rule):
    """The rule with one operator exchanged, one function left out or one number changed, for each of them."""
    source = inspect.getsource(rule)
    for number in itertools.count():
        tree = ast.parse(source)
        del tree.body[0].body[0]  # the docstring
        nodes = [node for line in tree.body[0].body for node in ast.walk(line)]
        if number == len(nodes):
            return
        node = nodes[number]
        if isinstance(node, ast.BinOp):
            node.op = EXCHANGED[type(node.op)]()
        elif isinstance(node, ast.UnaryOp):
            node.op = ast.UAdd()
        elif isinstance(node, ast.Call):
            node.func, node.args = ast.parse("(lambda x: x)", mode="eval").body, [node.args[len(node.args) > 2]]
        elif isinstance(node, ast.Constant):
            node.value += 1
        else:
            continue
        yield ast.unparse(ast.fix_missing_locations(tree))
