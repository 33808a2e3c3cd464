"""Homework: what a student's notebook imports. Plain Python, no notebook metadata, no network.

:class:`~lib.homework.variants.Variant` has a student's own numbers, :func:`~lib.homework.properties.check` prints what
properties find, and the properties say what must be true of an answer: see :mod:`lib.homework.properties`. Instructors
build with :mod:`lib.homework.build` and grade with :mod:`lib.homework.grade`.
"""

from .faults import faulty, quarters, race_of
from .own import claimed, descends, down, house_form, moves, refused, stable_up_to, unlike
from .properties import (
    Finding,
    Unmet,
    becomes,
    between,
    catches,
    check,
    elementwise,
    expression,
    first_step,
    mirrored,
    number,
    path,
    proportional,
    pure,
    require,
    rests,
    same_path,
    scales,
    shapes,
    stateless,
    streams,
    translated,
    uses_t,
    values,
    watched,
)
from .variants import Variant

__all__ = [
    "Finding", "Unmet", "Variant", "becomes", "between", "catches", "check", "claimed", "descends", "down",
    "elementwise", "expression", "faulty", "first_step", "house_form", "mirrored", "moves", "number", "path",
    "proportional", "pure", "quarters", "race_of", "refused", "require", "rests", "same_path", "scales", "shapes",
    "stable_up_to", "stateless", "streams", "translated", "unlike", "uses_t", "values", "watched",
]  # fmt: skip
