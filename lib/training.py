"""Train models on minibatches, once or over a grid of settings.

:func:`train` makes one call of a rule a step for several runs at a time, which differ in hyper-parameters alone: start,
order of the examples, dropout and noise are those of the seed. :func:`grid` tries many settings and seeds, in blocks of
runs, and returns a table.

A grid goes through joblib: by default in this process, and elsewhere, unchanged, under ``joblib.parallel_config``:

    with joblib.parallel_config("loky", n_jobs=4): ...     # four processes of this machine
    with joblib.parallel_config("dask"): ...               # the workers of dask.distributed.Client(address)

It needs the packages of the extra ``chapters``: joblib, pandas and tqdm.
"""

import hashlib
import inspect
from dataclasses import dataclass
from itertools import product
from numbers import Real
from pathlib import Path
from sys import float_info

import numpy as np

from . import data, schedules
from .arguments import whole
from .data.full import SOURCES
from .descent import Schedule

LIB = Path(__file__).resolve().parent
CHUNK = 500  # examples of the test set at a time: memory


@dataclass(frozen=True)
class Task:
    """What is learned, from what, for how long.

    ``model``: one of :mod:`lib.models`. ``epochs``: passes over the training examples. ``data``: a name of
    :func:`lib.data.load`. ``examples``: how many of the training examples, from the first; None for all. ``batch``:
    examples of a minibatch; the last of an epoch may be smaller. ``schedule``: a function of :mod:`lib.schedules`, which
    multiplies the learning rate. ``dtype``: float32 or float64.
    """

    model: object
    epochs: int
    data: str = "fashion"
    examples: int | None = None
    batch: int = 128
    schedule: object = schedules.constant
    dtype: str = "float32"

    def __post_init__(self):
        whole("epochs", self.epochs, 1)
        whole("batch", self.batch, 1)
        if self.examples is not None:
            whole("examples", self.examples, 1)
        if not callable(self.schedule):
            raise TypeError(f"schedule must be a function of t and steps, got {self.schedule!r}.")
        if not hasattr(self.model, "loss_and_gradient"):
            raise TypeError(f"model must be one of lib.models, got {self.model!r}.")
        self.load()

    def load(self):
        """Training and test examples, (X, y) each. Raises ``ValueError`` for data that are not there or do not fit."""
        found = self._data()
        if found.X_train.shape[1] != self.model.features:
            raise ValueError(f"{self.data!r} has {found.X_train.shape[1]} features, the model {self.model.features}.")
        if self.examples and self.examples > len(found.y_train):
            raise ValueError(f"examples must be at most {len(found.y_train)}, got {self.examples}.")
        some = slice(self.examples)
        return (found.X_train[some], found.y_train[some]), (found.X_test, found.y_test)

    @property
    def steps(self):
        """Number of steps of a whole training."""
        examples = self.examples or len(self._data().y_train)
        return self.epochs * -(-examples // self.batch)

    def _data(self):
        return data.load(self.data, self.dtype, full=isinstance(self.data, str) and self.data in SOURCES)


@dataclass(frozen=True, eq=False)
class Curves:
    """What a training was like, epoch by epoch: arrays of shape ``(epochs, *runs)``.

    ``train_loss``: mean loss of the epoch's minibatches, each before its step, with dropout; ``test_loss`` and
    ``test_accuracy``: after the epoch, without; a model that does not classify has no accuracy, NaN. From the epoch in
    which a run diverged its losses are infinite. ``theta``: the parameters at the end, shape ``(*runs, size)``.
    """

    train_loss: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    theta: np.ndarray


def train(task, rule, seed=0, **hyper):
    """Train a task's model by a rule; returns :class:`Curves`.

    ``seed``: a whole number from 0, for start, order, dropout and noise. ``hyper``: hyper-parameters of the rule, numbers
    or arrays of one value a run. A rule whose states are not as long as ``theta`` has their lengths as ``rule.sizes``.
    A run that diverges goes on as infinite; once all have, nothing more is computed.
    Raises ``ValueError`` or ``TypeError``, before the first step, for what cannot be meant.
    """
    _check(task, rule, seed, hyper)
    steps = task.steps
    lr = hyper.get("lr", inspect.signature(rule).parameters["lr"].default)
    scheduled = Schedule(rule, hyper | {"lr": lambda t: np.multiply(lr, task.schedule(t, steps))})
    (X, y), test = task.load()
    order, noise = (np.random.default_rng([seed, stream]) for stream in range(2))
    start = task.model.start(seed, task.dtype)
    theta = np.broadcast_to(start, np.broadcast_shapes(start.shape, scheduled.shape)).copy()
    sizes = getattr(rule, "sizes", theta.shape[-1:] * scheduled.states)
    state = [np.zeros((*theta.shape[:-1], size), theta.dtype) for size in sizes]
    train_loss, test_loss = np.full((2, task.epochs, *theta.shape[:-1]), np.inf)
    test_accuracy = np.full(test_loss.shape, np.nan)
    t = 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for epoch in range(task.epochs):
            total = 0
            for rows in minibatches(len(y), task.batch, order):
                t += 1
                loss, g = task.model.loss_and_gradient(theta, X[rows], y[rows], noise)
                total = total + np.asarray(loss, float) * len(rows)
                theta, *state = scheduled.step(theta, g, t, state)
                theta = theta.astype(g.dtype, copy=False)
            train_loss[epoch] = finite(total / len(y))
            if np.isinf(train_loss[epoch]).all():
                break
            test_loss[epoch], accuracy = evaluate(task.model, theta, *test, seed)
            test_accuracy[epoch] = np.where(np.isinf(test_loss[epoch]), np.nan, accuracy)
    return Curves(train_loss, test_loss, test_accuracy, theta)


def _check(task, rule, seed, hyper):
    """Raise ``ValueError`` or ``TypeError`` for what :func:`train` cannot mean."""
    if not isinstance(task, Task):
        raise TypeError(f"task must be a Task, got {task!r}.")
    whole("seed", seed)
    for name, value in hyper.items():
        if callable(value):
            raise TypeError(f"{name} must be a number or an array of numbers, got {value!r}; a Task has the schedule.")
    if "lr" not in Schedule(rule, hyper).defaults:
        raise TypeError(f"rule must have the hyper-parameter lr, which the task's schedule multiplies; got {rule!r}.")


def minibatches(n, batch, rng):
    """The numbers of ``n`` examples in random order, ``batch`` at a time, each once; else ``ValueError``."""
    whole("batch", batch, 1)
    order = rng.permutation(whole("n", n))
    return (order[first : first + batch] for first in range(0, n, batch))


def evaluate(model, theta, X, y, seed=0):
    """Loss, and accuracy where the model classifies and else NaN, without dropout, for every run: shape (…) each.

    An autoencoder's noise is that of the ``seed``. Raises ``ValueError`` where there is no example.
    """
    if not len(X):
        raise ValueError(f"X must have an example at least, got the shape {np.shape(X)}.")
    noise = None if hasattr(model, "accuracy") else np.random.default_rng([seed, 2])
    loss = accuracy = 0
    for first in range(0, len(X), CHUNK):
        rows = slice(first, first + CHUNK)
        share = len(y[rows]) / len(y)
        loss = loss + share * np.asarray(model.loss(theta, X[rows], y[rows], noise), float)
        accuracy = accuracy + share * (model.accuracy(theta, X[rows], y[rows]) if noise is None else np.nan)
    return finite(loss), accuracy


def finite(losses):
    """``losses``, infinite where they are not a number."""
    return np.where(np.isnan(losses), np.inf, losses)


def grid(task, settings, seeds=(0,), *, block=8, cache=None, progress=True):
    """Train with every combination of settings and every seed; returns a ``pandas.DataFrame``.

    ``settings``: for each rule its hyper-parameters, each a number or a list of those to be tried:
    ``{adam: {"lr": [1e-4, 1e-3], "beta2": 0.99}, sgd: {"lr": [0.1, 0.2]}}``. ``block``: runs that are trained together;
    from 4 to 16 is quick. ``cache``: a folder for finished blocks. A grid that was interrupted, or is asked for again,
    takes from it what was asked in the same words (task, rule's source, settings, seed, block, and the code of this
    package), so that it can go on. ``progress``: show a bar.

    A row is an epoch of a run: ``rule``, hyper-parameters, ``seed``, ``epoch`` from 1, ``train_loss``, ``test_loss``,
    ``test_accuracy``; in the order of the settings, wherever the blocks were computed. Raises ``ValueError`` or
    ``TypeError`` as :func:`train` does, before anything is computed.
    """
    import pandas
    from joblib import Memory, Parallel, delayed
    from tqdm.auto import tqdm

    whole("block", block, 1)
    if not isinstance(settings, dict):
        raise TypeError(f"settings must be a dict of rules and their hyper-parameters, got {settings!r}.")
    if not np.iterable(seeds):
        raise TypeError(f"seeds must be a list of whole numbers, got {seeds!r}.")
    blocks = []
    for (rule, hyper), seed in product(settings.items(), seeds):
        cases = combinations(hyper)
        _check(task, rule, seed, columns(cases))
        blocks += [(rule, cases[first : first + block], seed) for first in range(0, len(cases), block)]
    run = Memory(cache, verbose=0).cache(run_block) if cache else run_block
    jobs = (delayed(run)(task, rule, cases, seed, fingerprint(task, rule)) for rule, cases, seed in blocks)
    results = Parallel(return_as="generator")(jobs)
    parts = list(tqdm(results, total=len(blocks), unit="block", disable=not progress))
    return pandas.DataFrame([row for part in parts for row in part])


def combinations(hyper):
    """Every combination of hyper-parameters, as dicts: ``{"lr": [1, 2], "mu": 0.9}`` has two.

    Raises ``TypeError`` for what are no numbers, ``ValueError`` where there is nothing to combine.
    """
    if not isinstance(hyper, dict):
        raise TypeError(f"hyper-parameters must be a dict of numbers and lists of numbers, got {hyper!r}.")
    several = lambda value: isinstance(value, (list, tuple)) or isinstance(value, np.ndarray) and value.ndim
    choices = {name: value if several(value) else [value] for name, value in hyper.items()}
    for name, values in choices.items():
        if not len(values):
            raise ValueError(f"{name} has no value to be tried.")
        if wrong := [value for value in values if not isinstance(value, Real) or float_info.max < abs(value) < np.inf]:
            raise TypeError(f"{name} must be a number or a list of numbers, got {wrong[0]!r}.")
    return [dict(zip(hyper, map(float, values))) for values in product(*choices.values())]


def columns(cases):
    """Dicts with the same names, one or more, as one dict of arrays."""
    if not cases:
        raise ValueError("cases must be one dict or more, got none.")
    return {name: np.array([case[name] for case in cases]) for name in cases[0]}


def run_block(task, rule, cases, seed, code):
    """Train a block of runs; returns the rows of :func:`grid` as dicts. ``code`` stands for all that is run."""
    curves = train(task, rule, seed, **columns(cases))
    measured = ("train_loss", "test_loss", "test_accuracy")
    runs = {name: getattr(curves, name).reshape(task.epochs, -1) for name in measured}  # without hyper-parameters one
    return [
        {"rule": rule.__name__, **case, "seed": seed, "epoch": epoch + 1}
        | {name: float(values[epoch, number]) for name, values in runs.items()}
        for number, case in enumerate(cases)
        for epoch in range(task.epochs)
    ]


def fingerprint(task, rule):
    """Hash of the sources and releases that a result depends on."""
    files = sorted([LIB / "training.py", LIB / "descent.py", LIB / "schedules.py", *(LIB / "models").glob("*.py")])
    sources = [*(file.read_text(encoding="utf-8") for file in files), inspect.getsource(rule), np.__version__]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()
