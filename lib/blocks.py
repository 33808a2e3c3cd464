"""Run a rule over long arrays block by block, in place, without a new array for each of its operations.

:func:`record` calls the rule once, with stand-ins for its arrays, and writes down which operation it does on what;
:func:`replay` does these operations on one block after the other, which stays in the processor's cache meanwhile. So the
rule remains the only text of what is computed, and the result is the rule's, bit for bit.
"""

import numpy as np

QUICKER = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}  # what an array's ** does for these exponents


class Recorded(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands in a rule for an array, and writes what is done with it on a tape, as ``(function, inputs, result)``."""

    def __init__(self, tape, dtype):
        self.tape, self.dtype = tape, dtype

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return NotImplemented if method != "__call__" or options else self._do(ufunc, inputs)

    def __array_function__(self, function, types, inputs, options):
        return self._do(where, inputs) if function is np.where else NotImplemented

    def __pow__(self, exponent):
        quicker = QUICKER.get(exponent) if isinstance(exponent, (int, float)) else None
        return quicker(self) if quicker else np.power(self, exponent)

    def __array__(self, *_, **__):
        raise TypeError("it has no values.")

    def __bool__(self):
        raise TypeError("it has no values.")

    def _do(self, function, inputs):
        example = function(*(np.empty(0, each.dtype) if isinstance(each, Recorded) else each for each in inputs))
        if example.shape != (0,):
            raise TypeError("not done number by number.")
        result = Recorded(self.tape, example.dtype)
        self.tape.append((function, inputs, result))
        return result


def where(condition, x, y, out=None):
    """``np.where``, which can write over an argument."""
    if out is None:
        return np.where(condition, x, y)
    out[...] = np.where(condition, x, y)


def record(rule, t, hyper, dtypes):
    """What ``rule`` does in step ``t`` with arrays of these dtypes: theta, the gradient, the states.

    Returns ``(steps, cells)`` for :func:`replay`. A step is ``(function, inputs, output)``, numbers of cells; a cell is a
    dtype, first of the arrays and then of scratch, or a constant. Returns None for a rule that does not do everything
    number by number.
    """
    tape = []
    theta, g, *state = given = [Recorded(tape, dtype) for dtype in dtypes]
    try:
        changed = rule(theta, g, t, *state, **hyper)
        results = [+each if any(each is old for old in given) else each for each in changed]
    except (TypeError, AttributeError, ValueError):
        return None
    kinds = [each.dtype.kind for each in results if isinstance(each, Recorded)]
    return _placed(tape, given, results) if kinds == ["f"] * len(results) and len(results) == len(given) - 1 else None


def _placed(tape, given, results):
    """Steps and cells of a tape: a result goes where nothing is needed any more, at the end where it belongs."""
    homes = [0, *range(2, len(given))]
    home = dict(zip(map(id, results), homes))
    last = {id(each): number for number, (_, inputs, _) in enumerate(tape) for each in inputs}
    last |= {id(each): len(tape) for each in (given[1], *results)}
    cells = [each.dtype for each in given]
    place = {id(each): number for number, each in enumerate(given)}
    free, steps = [], []
    for number, (function, inputs, result) in enumerate(tape):
        for each in inputs:
            if id(each) not in place:
                place[id(each)] = len(cells)
                cells.append(each)
        done = [each for each in inputs[::-1] if isinstance(each, Recorded) and last[id(each)] == number]
        free += dict.fromkeys(place[id(each)] for each in done)
        fit = [at for at in free if cells[at] == result.dtype and (at not in homes or home.get(id(result), at) == at)]
        if fit:
            free.remove(fit[-1])
        else:
            fit.append(len(cells))
            cells.append(result.dtype)
        steps.append((function, [place[id(each)] for each in inputs], fit[-1]))
        place[id(result)] = fit[-1]
    steps += [(np.positive, [place[id(each)]], at) for each, at in zip(results, homes) if place[id(each)] != at]
    return steps, cells


def replay(recorded, arrays, block, scratch):
    """Do what was recorded on ``arrays``, one-dimensional and of one length, ``block`` numbers at a time.

    The dict ``scratch`` keeps the short arrays for the next step: the system takes longer to give new ones than a rule to
    fill them.
    """
    steps, cells = recorded
    cells, size, short = list(cells), min(map(len, arrays)), {}
    for at, cell in enumerate(cells[len(arrays) :], len(arrays)):
        if isinstance(cell, np.dtype):
            if (at, cell) not in scratch:
                scratch[at, cell] = np.empty(block, cell)
            short[at] = scratch[at, cell]
    for start in range(0, size, block):
        cells[: len(arrays)] = [array[start : start + block] for array in arrays]
        for at, each in short.items():
            cells[at] = each[: size - start]
        for function, inputs, output in steps:
            function(*[cells[each] for each in inputs], out=cells[output])
