"""The book's experiments on real data: what is trained, and recorded results of it.

``python -m lib.experiments`` runs all of them again and writes the tables beside this file, with the machine's
description in ``record.json``; ``python -m lib.experiments network`` runs the named ones. They need the packages of the
extra ``chapters``.

========================  ===========================================================  ================
name                      what is trained                                              Kingma & Ba 2015
========================  ===========================================================  ================
``logistic``              logistic regression on Fashion-MNIST, rate falling as 1/√t   section 6.1
``logistic_flat``         the same with a constant learning rate, AdaGrad alone        not in it
``words``                 logistic regression on reviews as bags of words              section 6.1
``words_dropout``         the same, half of the words dropped at random                section 6.1
``words_flat``            ``words`` with a constant learning rate, AdaGrad alone       not in it
``words_dropout_flat``    the same, half of the words dropped at random                not in it
``network``               two hidden layers of 100 ReLUs                               section 6.2
``network_dropout``       the same with dropout                                        section 6.2
``convolution``           three stages of filters and a hidden layer                   section 6.3
``convolution_dropout``   the same with dropout                                        section 6.3
``convolution_long``      ``convolution`` for 30 epochs, at the rates that it chose    not in it
``autoencoder``           a variational autoencoder, Adam with and without correction  section 6.4
``wide``                  one hidden layer, few photographs, one grid for all rules    not in it
``generalization``        the same network for longer, rate falling as a cosine        not in it
``decay_adamw``           the same network, AdamW: learning rate by weight decay       not in it
``decay_adam_l2``         the same with an L2 penalty inside Adam                      not in it
``decay_seeds``           the best of both, and Adam without decay, on other seeds     not in it
``schedules_constant``    ``network`` with SGD and Adam, constant learning rate        not in it
``schedules_sqrt``        the same, rate falling as 1/√t                               not in it
``schedules_linear``      the same, in a straight line                                 not in it
``schedules_staircase``   the same, in three stages                                    not in it
``schedules_cosine``      the same, in half a period of a cosine                       not in it
``schedules_warmup``      the same for Adam, after a warm-up of 100 steps              not in it
``schedules_deep``        six hidden layers of 50 ReLUs, Adam and RAdam, cosine        not in it
``schedules_deep_100``    the same for Adam, after a warm-up of 100 steps              not in it
``schedules_deep_400``    the same for Adam, after a warm-up of 400 steps              not in it
``batch_16``              ``network``, 10 epochs, SGD and Adam, mini-batches of 16     not in it
``batch_64``              the same, mini-batches of 64                                 not in it
``batch_256``             the same, mini-batches of 256                                not in it
``batch_1024``            the same, mini-batches of 1024                               not in it
``beyond_adam``           ``network``, constant rate: Adam, NAdam, RAdam, Lion         not in it
``beyond_mean``           the same: AdEMAMix, ADOPT, Schedule-Free AdamW               not in it
``beyond_matrix``         the same: Muon and SOAP on hidden weights, Adam elsewhere    not in it
``beyond_adam_cosine``    ``beyond_adam``, rate falling as a cosine                    not in it
``beyond_mean_cosine``    the same: AdEMAMix, ADOPT                                    not in it
``beyond_matrix_cosine``  the same: Muon and SOAP on hidden weights, Adam elsewhere    not in it
========================  ===========================================================  ================
"""

import json
import math
import os
import platform
import re
import sys
import time
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

import numpy as np

from lib import layers, rules
from lib.arguments import whole
from lib.beyond import ademamix, adopt, schedule_free_adamw
from lib.files import draft, write
from lib.models import ConvolutionalNetwork, LogisticRegression, Network, VariationalAutoencoder
from lib.schedules import constant, cosine, inverse_sqrt, linear, staircase, warmup
from lib.training import Task, grid

FOLDER = Path(__file__).resolve().parent
DIGITS = 5  # of a recorded number
MEASURED = ("train_loss", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Experiment:
    """A task, what is tried on it, and with which seeds: the arguments of :func:`lib.training.grid`."""

    task: Task
    settings: dict
    seeds: tuple


def rates(low, high):
    """Learning rates, two to a power of ten, from 10^low to 10^high."""
    return [float(f"{10**exponent:.3g}") for exponent in np.arange(low, high + 0.25, 0.5)]


def four(adaptive, plain, mu=0.9):
    """The four rules of the paper's comparisons, each with its learning rates."""
    return {
        rules.adam: {"lr": rates(*adaptive)},
        rules.rmsprop: {"lr": rates(*adaptive)},
        rules.adagrad: {"lr": rates(*plain)},
        rules.nesterov: {"lr": rates(*plain), "mu": mu},
    }


def scheduled(sizes, schedule, settings, seeds=(0, 1, 2, 3)):
    """A network that is trained for 20 epochs, 940 steps, under a schedule."""
    return Experiment(Task(Network(sizes), epochs=20, examples=6000, schedule=schedule), settings, seeds)


def batched(batch):
    """The network of ``scheduled``, trained for ten epochs with mini-batches of another size, constant rate."""
    settings = {rules.sgd: {"lr": doublings(-9, 1)}, rules.adam: {"lr": doublings(-13, -4)}}
    return Experiment(Task(Network(SHALLOW), epochs=10, examples=6000, batch=batch), settings, (0, 1, 2))


def doublings(low, high):
    """Learning rates, powers of two to as many digits as are recorded, from 2^low to 2^high."""
    return [float(f"{2.0**exponent:.{DIGITS}g}") for exponent in range(low, high + 1)]


LINEAR = LogisticRegression(196, 10, l2=1e-4)
CONVOLUTIONAL = (1, 14, 14), (8, 16, 32), 128, 10
WORDS = {"data": "foods", "epochs": 15, "schedule": inverse_sqrt}
FLAT = {"schedule": constant}
SMALL = {"model": Network((196, 64, 10)), "examples": 2000, "batch": 32}
OVERFIT = Task(Network((196, 64, 10)), epochs=30, examples=500, batch=8, schedule=cosine)
SHALLOW, DEEP = (196, 100, 100, 10), (196, 50, 50, 50, 50, 50, 50, 10)
PAIR = {rules.sgd: {"lr": rates(-2, 0.5)}, rules.adam: {"lr": rates(-4, -1)}}
HIGHER = {rules.sgd: {"lr": rates(-1, 1.5)}, rules.adam: {"lr": rates(-3, 0)}}
LARGE = {"lr": rates(-3.5, -0.5)}
THREE = 0, 1, 2
USUAL = {"lr": rates(-3.5, -1)}
LIKE_ADAM = {rules.adam: USUAL, rules.nadam: USUAL, rules.radam: USUAL, rules.lion: {"lr": rates(-4.5, -2)}}
MEANS = {ademamix: {"lr": rates(-4, -1.5)}, adopt: USUAL}
MATRIX = {layers.muon: USUAL, layers.soap: USUAL}
FREE = {schedule_free_adamw: {"lr": rates(-3, -0.5)}}
CORRECTION = {"lr": rates(-5, -1), "beta1": [0.0, 0.9], "beta2": [0.99, 0.999, 0.9999]}

EXPERIMENTS = {
    "logistic": Experiment(
        Task(LINEAR, epochs=45, schedule=inverse_sqrt), four((-3, 0.5), (-3, 0.5), [0.9, 0.99]), (0, 1, 2)
    ),
    "logistic_flat": Experiment(Task(LINEAR, epochs=45), {rules.adagrad: {"lr": rates(-3, 0.5)}}, (0, 1, 2)),
    "words": Experiment(Task(LogisticRegression(10_000, 2), **WORDS), four((-3, 0.5), (-2.5, 1)), (0, 1, 2)),
    "words_dropout": Experiment(
        Task(LogisticRegression(10_000, 2, dropout=0.5), **WORDS), four((-3, 0.5), (-2.5, 1)), (0, 1, 2)
    ),
    "words_flat": Experiment(
        Task(LogisticRegression(10_000, 2), **WORDS | FLAT), {rules.adagrad: {"lr": rates(-2.5, 1)}}, (0, 1, 2)
    ),
    "words_dropout_flat": Experiment(
        Task(LogisticRegression(10_000, 2, dropout=0.5), **WORDS | FLAT), {rules.adagrad: {"lr": rates(-2.5, 1)}}, (0, 1, 2)
    ),
    "network": Experiment(
        Task(Network((196, 100, 100, 10)), epochs=20, examples=6000), four((-4, -1.5), (-3, 0)), (0, 1, 2, 3)
    ),
    "network_dropout": Experiment(
        Task(Network((196, 100, 100, 10), dropout=(0.2, 0.5)), epochs=20, examples=6000),
        four((-4, -1.5), (-3, 0)), (0, 1, 2, 3),
    ),
    "convolution": Experiment(
        Task(ConvolutionalNetwork(*CONVOLUTIONAL), epochs=10, examples=3000), four((-4, -1.5), (-3, -0.5)), (0, 1, 2)
    ),
    "convolution_dropout": Experiment(
        Task(ConvolutionalNetwork(*CONVOLUTIONAL, dropout=(0.2, 0.5)), epochs=10, examples=3000),
        four((-4, -1.5), (-3, -0.5)), (0, 1, 2),
    ),
    "convolution_long": Experiment(
        Task(ConvolutionalNetwork(*CONVOLUTIONAL), epochs=30, examples=3000), four((-2, -2), (-1.5, -1.5)), (0, 1, 2)
    ),
    "autoencoder": Experiment(
        Task(VariationalAutoencoder(196, 100, 10), epochs=100, examples=2000),
        {rules.adam: CORRECTION, rules.adam_uncorrected: CORRECTION}, (0,),
    ),
    "wide": Experiment(
        Task(**SMALL, epochs=20),
        dict.fromkeys((rules.sgd, rules.momentum, rules.adagrad, rules.rmsprop, rules.adam), {"lr": rates(-4, 0)}),
        (0, 1, 2, 3),
    ),
    "generalization": Experiment(
        Task(**SMALL | {"batch": 16}, epochs=20, schedule=cosine),
        {
            rules.sgd: {"lr": rates(-2, 0.5)}, rules.momentum: {"lr": rates(-3, -0.5)},
            rules.adagrad: {"lr": rates(-2.5, 0)},
            rules.rmsprop: {"lr": rates(-4, -1.5)}, rules.adam: {"lr": rates(-4, -1.5)},
        }, (0, 1, 2, 3),
    ),
    "decay_adamw": Experiment(OVERFIT, {rules.adamw: {"lr": rates(-3.5, -1), "weight_decay": rates(-3, 1)}}, (0, 1)),
    "decay_adam_l2": Experiment(OVERFIT, {rules.adam_l2: {"lr": rates(-3.5, -1), "weight_decay": rates(-5, -1)}}, (0, 1)),
    "decay_seeds": Experiment(
        OVERFIT,
        {
            rules.adamw: {"lr": 0.01, "weight_decay": 0.1}, rules.adam_l2: {"lr": 0.01, "weight_decay": 0.00316},
            rules.adam: {"lr": 0.00316},
        }, tuple(range(2, 18)),
    ),
    "schedules_constant": scheduled(SHALLOW, constant, PAIR),
    "schedules_sqrt": scheduled(SHALLOW, inverse_sqrt, HIGHER),
    "schedules_linear": scheduled(SHALLOW, linear, PAIR),
    "schedules_staircase": scheduled(SHALLOW, staircase, PAIR),
    "schedules_cosine": scheduled(SHALLOW, cosine, PAIR),
    "schedules_warmup": scheduled(SHALLOW, partial(warmup, over=100, then=cosine), {rules.adam: PAIR[rules.adam]}),
    "schedules_deep": scheduled(DEEP, cosine, {rules.adam: LARGE, rules.radam: LARGE}),
    "schedules_deep_100": scheduled(DEEP, partial(warmup, over=100, then=cosine), {rules.adam: LARGE}),
    "schedules_deep_400": scheduled(DEEP, partial(warmup, over=400, then=cosine), {rules.adam: LARGE}),
    "batch_16": batched(16),
    "batch_64": batched(64),
    "batch_256": batched(256),
    "batch_1024": batched(1024),
    "beyond_adam": scheduled(SHALLOW, constant, LIKE_ADAM, THREE),
    "beyond_mean": scheduled(SHALLOW, constant, MEANS | FREE, THREE),
    "beyond_matrix": scheduled(SHALLOW, constant, MATRIX, THREE),
    "beyond_adam_cosine": scheduled(SHALLOW, cosine, LIKE_ADAM, THREE),
    "beyond_mean_cosine": scheduled(SHALLOW, cosine, MEANS, THREE),
    "beyond_matrix_cosine": scheduled(SHALLOW, cosine, MATRIX, THREE),
}  # fmt: skip


@cache
def _recorded(name):
    import pandas

    with files(__name__).joinpath(f"{name}.csv.gz").open("rb") as file:
        return pandas.read_csv(file, compression="gzip", dtype={"rule": "object"})


def recorded(name):
    """The recorded table of an experiment, as :func:`lib.training.grid` returns it, numbers of five digits.

    Raises ``ValueError`` for another name.
    """
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise ValueError(f"name is {name!r}; allowed are {', '.join(map(repr, EXPERIMENTS))}.")
    return _recorded(name).copy()


def best(table, by="train_loss"):
    """The setting of each rule with the lowest mean of ``by`` over all epochs and seeds: one row a rule, best first.

    The mean over the epochs, and not the last of them, so that a setting that explodes first is not preferred. A setting
    with a run that diverged comes last. Columns: ``rule``, hyper-parameters, ``by``.
    Raises ``ValueError`` for another ``by``.
    """
    _check_column("by", by)
    names = settings_of(table)
    means = table.groupby(names, dropna=False, sort=False)[by].mean().reset_index()
    return means.sort_values(by).groupby("rule", sort=False).head(1).reset_index(drop=True)


def _check_column(name, value):
    if not isinstance(value, str) or value not in MEASURED:
        raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, MEASURED))}.")


def settings_of(table):
    """The names of the columns that say what was set: ``rule`` and hyper-parameters."""
    return [name for name in table.columns if name not in ("seed", "epoch", *MEASURED)]


def chosen(table, setting):
    """The rows of one setting, a row of :func:`best`."""
    kept = np.ones(len(table), bool)
    for name in settings_of(table):
        kept &= table[name].isna() if setting[name] != setting[name] else table[name] == setting[name]
    return table[kept]


def quartiles(table, column):
    """Lower quartile, median and upper quartile over the seeds, for each epoch: an array of shape (3, epochs).

    ``table`` has one setting alone, as :func:`chosen` gives it; ``ValueError`` for several, or for another ``column``.
    """
    _check_column("column", column)
    if table.duplicated(["seed", "epoch"]).any():
        raise ValueError("table must have one setting, see chosen; it has several.")
    curves = table.pivot(index="seed", columns="epoch", values=column).to_numpy()
    return np.quantile(curves, [0.25, 0.5, 0.75], axis=0)


def expected_best(scores, tries, repeat=True):
    """The lowest score to be expected when ``tries`` settings are tried at random.

    ``scores``: one for each of N settings, lower is better; infinite for one
    that diverged, and then so is what is expected wherever it may be the best.
    ``tries``: a whole number from 1. ``repeat``: whether a setting may be tried
    twice; if not, ``tries`` is at most N. Returns a number. Raises
    ``ValueError`` for other scores and tries.

    Source: Dodge et al. 2019, who take the highest of tries that may repeat.
    """
    ordered = _ordered(scores)
    chances = best_chances(ordered.size, tries, repeat)
    return float(ordered[chances > 0] @ chances[chances > 0])


def best_chances(size, tries, repeat=True):
    """How probable it is that the best of the tried settings is the very best
    of all, the second, and so on: an array of ``size`` numbers.

    ``missed`` is the probability that none of the i best settings is tried;
    all else is as in :func:`expected_best`.
    """
    whole("size", size, 1)
    whole("tries", tries, 1, sys.maxsize if repeat else size)
    if repeat:
        missed = [((size - i) / size) ** tries for i in range(size + 1)]
    else:
        ways = math.comb(size, tries)
        missed = [math.comb(size - i, tries) / ways for i in range(size + 1)]
    return -np.diff(missed)


def _ordered(scores):
    """The scores from the lowest up, once it is clear that something can be expected of them."""
    try:
        ordered = np.asarray(scores)
        ordered = np.sort(ordered.astype(float)) if ordered.dtype.kind in "fiuO" else np.empty(0)
    except (TypeError, ValueError, OverflowError):
        ordered = np.empty(0)
    if ordered.ndim != 1 or not ordered.size or not (ordered > -np.inf).all():
        raise ValueError(f"scores must be one number or more, in a row, none of them NaN or −∞, got {scores!r}.")
    return ordered


def record(name, folder=FOLDER, cache=None):
    """Run an experiment, and write its table and what it was run on into ``folder``."""
    experiment = EXPERIMENTS[name]
    begin = time.process_time()
    table = grid(experiment.task, experiment.settings, experiment.seeds, cache=cache)
    seconds = time.process_time() - begin
    columns = table.select_dtypes("float").columns
    table[columns] = table[columns].map(lambda value: float(f"{value:.{DIGITS}g}"))
    with draft(folder / f"{name}.csv.gz") as part:
        table.to_csv(part, index=False, compression={"method": "gzip", "mtime": 0}, lineterminator="\n")
    path = folder / "record.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[name] = {
        "command": f"python -m lib.experiments {name}",
        "task": re.sub(r"<function (\w+) at \w+>", r"\1", repr(experiment.task)),
        "seeds": list(experiment.seeds),
        "runs": len(table) // experiment.task.epochs,
        "CPU seconds": round(seconds),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "releases": f"Python {platform.python_version()}, NumPy {np.__version__}",
    }
    ordered = {key: known[key] for key in EXPERIMENTS if key in known}
    write(path, json.dumps(ordered, indent=2) + "\n")


def main(arguments):
    """The command; returns its exit status."""
    unknown = set(arguments) - set(EXPERIMENTS)
    if unknown:
        print(f"no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}", file=sys.stderr)
        return 2
    for name in arguments or EXPERIMENTS:
        print(name, flush=True)
        record(name, cache=FOLDER.parents[1] / "_build" / "experiments")
    return 0
