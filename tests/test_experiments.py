"""The recorded experiments are complete, and are what running them gives."""

import json
import runpy
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pandas
import pytest

from lib import experiments
from lib.experiments import EXPERIMENTS, best, chosen, expected_best, quartiles, recorded, settings_of
from lib.models import Network
from lib.rules import adam, adam_uncorrected, sgd
from lib.training import Task, combinations, grid

RECORD = json.loads((experiments.FOLDER / "record.json").read_text(encoding="utf-8"))
every_experiment = pytest.mark.parametrize("name", EXPERIMENTS)


@every_experiment
def test_a_table_has_every_epoch_of_every_run(name):
    table, experiment = recorded(name), EXPERIMENTS[name]
    assert set(table.rule) == {rule.__name__ for rule in experiment.settings}
    for rule, hyper in experiment.settings.items():
        own, cases = table[table.rule == rule.__name__], combinations(hyper)
        assert len(own) == len(cases) * len(experiment.seeds) * experiment.task.epochs
        for name, values in zip(cases[0], zip(*(case.values() for case in cases))):
            assert set(own[name]) == set(values)
    assert not table.duplicated([*settings_of(table), "seed", "epoch"]).any()
    assert not table[["train_loss", "test_loss"]].isna().any(axis=None)


@every_experiment
def test_a_table_says_how_it_was_made(name):
    said = RECORD[name]
    assert said["command"] == f"python -m lib.experiments {name}"
    assert said["seeds"] == list(EXPERIMENTS[name].seeds)
    assert said["runs"] * EXPERIMENTS[name].task.epochs == len(recorded(name))
    assert all(said[key] for key in ("task", "CPU seconds", "machine", "releases"))
    assert repr(EXPERIMENTS[name].task.model) in said["task"]


@every_experiment
def test_the_first_epochs_run_again_are_those_recorded(name):
    """Sums of float32 differ from machine to machine, and training makes differences grow: two epochs, a percent.

    Where the schedule depends on the length, it is that of the whole training.
    """
    experiment, table = EXPERIMENTS[name], recorded(name)
    whole = experiment.task
    short = replace(whole, epochs=2, schedule=lambda t, steps: whole.schedule(t, whole.steps))
    rule, hyper = next(iter(experiment.settings.items()))
    case = combinations(hyper)[len(combinations(hyper)) // 2]
    again = grid(short, {rule: case}, seeds=experiment.seeds[:1], progress=False)
    known = chosen(table[table.rule == rule.__name__], {"rule": rule.__name__, **case, "mu": np.nan})
    known = known[(known.seed == experiment.seeds[0]) & (known.epoch <= 2)]
    assert len(known) == 2
    for column in ("train_loss", "test_loss"):
        assert np.allclose(again[column], known[column], rtol=0.01)


def test_names():
    with pytest.raises(ValueError, match="allowed are 'logistic'"):
        recorded("logistics")
    assert experiments.main(["logistics"]) == 2


def test_a_table_can_be_changed_without_changing_the_record():
    table = recorded("network")
    table.train_loss = 0.0
    assert recorded("network").train_loss.min() > 0


TABLE = pandas.DataFrame(
    [
        ("a", 0.1, np.nan, seed, epoch, loss, 0.0, 0.0)
        for seed, losses in enumerate([(4, 1), (2, 1)]) for epoch, loss in enumerate(losses, 1)
    ] + [
        ("a", 1.0, np.nan, seed, epoch, loss, 0.0, 0.0)
        for seed, losses in enumerate([(9, 0), (9, 0)]) for epoch, loss in enumerate(losses, 1)
    ] + [("b", 0.1, 0.9, seed, epoch, np.inf if seed else 0.5, 0.0, 0.0) for seed in range(2) for epoch in (1, 2)],
    columns=["rule", "lr", "mu", "seed", "epoch", "train_loss", "test_loss", "test_accuracy"],
)  # fmt: skip


def test_the_best_setting_has_the_lowest_mean_over_epochs_and_seeds():
    found = best(TABLE)
    assert found.rule.tolist() == ["a", "b"] and found.lr.tolist() == [0.1, 0.1]
    assert found.train_loss.tolist() == [2, np.inf]
    assert len(chosen(TABLE, found.iloc[0])) == len(chosen(TABLE, found.iloc[1])) == 4


def test_quartiles_over_the_seeds():
    middle = quartiles(chosen(TABLE, best(TABLE).iloc[0]), "train_loss")
    assert np.array_equal(middle, [[2.5, 1], [3, 1], [3.5, 1]])


@pytest.mark.parametrize("scores", [(3.0,), (4.0, 1.0), (2.0, 5.0, 5.0, 3.0), (0.5, np.inf, 7.0)])
@pytest.mark.parametrize("repeat", [True, False])
def test_the_expected_best_is_the_mean_over_all_searches(scores, repeat):
    for tries in range(1, len(scores) + 1):
        searches = product(scores, repeat=tries) if repeat else permutations(scores, tries)
        assert expected_best(scores, tries, repeat) == pytest.approx(np.mean([min(search) for search in searches]))


def test_the_expected_best_goes_from_the_mean_to_the_lowest():
    scores = np.random.default_rng(0).normal(size=30)
    assert expected_best(scores, 1) == expected_best(scores, 1, repeat=False) == pytest.approx(scores.mean())
    assert expected_best(scores, 30, repeat=False) == scores.min() < expected_best(scores, 30)
    assert expected_best(scores, 3000) == pytest.approx(scores.min())


@pytest.mark.parametrize(
    "scores, tries, repeat, problem",
    [([], 1, True, "scores"), ([[1.0]], 1, True, "scores"), ([1.0, np.nan], 1, True, "scores"), ([1.0], 0, True, "tries"),
     ([1.0], 1.0, True, "tries"), ([1.0], True, True, "tries"), ([1.0, 2.0], 3, False, "from 1 to 2")],
)  # fmt: skip
def test_nothing_is_expected_of_what_cannot_be_tried(scores, tries, repeat, problem):
    with pytest.raises(ValueError, match=problem):
        expected_best(scores, tries, repeat)


def test_recording_writes_a_table_that_is_the_grid(tmp_path, monkeypatch):
    small = experiments.Experiment(Task(Network((196, 4, 10)), 2, examples=100), {sgd: {"lr": [0.1, 0.2]}}, (0, 1))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"small": small})
    experiments.record("small", tmp_path)
    first = (tmp_path / "small.csv.gz").read_bytes()
    table = pandas.read_csv(tmp_path / "small.csv.gz")
    expected = grid(small.task, small.settings, small.seeds, progress=False)
    assert list(table.columns) == list(expected.columns) and len(table) == 8
    assert np.allclose(table.train_loss, expected.train_loss, rtol=1e-4)
    assert json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))["small"]["runs"] == 4
    experiments.record("small", tmp_path)
    assert (tmp_path / "small.csv.gz").read_bytes() == first


def test_the_command_records_what_it_is_asked_for(monkeypatch, capsys):
    made = []
    monkeypatch.setattr(experiments, "record", lambda name, cache: made.append(name))
    assert experiments.main(["words", "wide"]) == 0 and made == ["words", "wide"]
    assert experiments.main([]) == 0 and made[2:] == [*EXPERIMENTS]
    monkeypatch.setattr("sys.argv", ["experiments", "wide", "wider"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("lib.experiments")
    assert ended.value.code == 2 and "no experiment wider; there are logistic" in capsys.readouterr().err


def test_the_autoencoder_compares_the_same_settings():
    settings = EXPERIMENTS["autoencoder"].settings
    assert settings[adam] == settings[adam_uncorrected]
