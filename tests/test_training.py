"""Training: the same numbers as a loop written out, whatever the block, the place or the interruption."""

import importlib
import os
import subprocess
import sys
from functools import partial

import joblib
import numpy as np
import pandas
import pytest
from copies import ROOT

from lib import schedules, training
from lib.data import load
from lib.models import LogisticRegression, Network, VariationalAutoencoder
from lib.rules import adam, momentum, sgd
from lib.training import Task, combinations, evaluate, grid, minibatches, train

SMALL = Task(Network((196, 8, 10), dropout=(0.1, 0.3)), epochs=2, examples=300, batch=64, schedule=schedules.cosine)
SETTINGS = {adam: {"lr": [1e-3, 1e-2, 0.1], "beta2": [0.9, 0.999]}, momentum: {"lr": [0.01, 0.1], "mu": 0.9}}


def same(first, second):
    pandas.testing.assert_frame_equal(first, second, check_exact=True)


# One training.


def test_a_task_has_batches_of_128_and_cannot_be_changed():
    assert SMALL.model == Task(SMALL.model, 1).model and Task(SMALL.model, 1).batch == 128
    with pytest.raises(AttributeError):
        SMALL.epochs = 3
    curves = train(Task(SMALL.model, 1, examples=1), sgd)
    with pytest.raises(AttributeError):
        curves.theta = None


def test_a_training_is_the_loop_written_out():
    task = Task(LogisticRegression(196, 10, 1e-3, dropout=0.2), epochs=2, examples=100, batch=30, dtype="float64")
    curves = train(task, sgd, seed=3, lr=0.2)
    data, model = load("fashion"), task.model
    order, noise = np.random.default_rng([3, 0]), np.random.default_rng([3, 1])
    theta, losses = model.start(3), []
    for epoch in range(2):
        shuffled = order.permutation(100)
        costs = []
        for rows in (shuffled[:30], shuffled[30:60], shuffled[60:90], shuffled[90:]):
            loss, g = model.loss_and_gradient(theta, data.X_train[rows], data.y_train[rows], noise)
            theta = theta - 0.2 * g
            costs += [loss] * len(rows)
        losses.append(np.mean(costs))
    assert np.allclose(curves.theta, theta, rtol=1e-12, atol=1e-15)
    assert np.allclose(curves.train_loss, losses, rtol=1e-12)
    assert np.isclose(curves.test_loss[1], model.loss(theta, data.X_test, data.y_test), rtol=1e-12)
    assert np.isclose(curves.test_accuracy[1], model.accuracy(theta, data.X_test, data.y_test), rtol=1e-12)


def test_runs_of_a_block_are_single_runs():
    lr = np.array([1e-3, 3e-3, 1e-2])
    curves = train(SMALL, adam, seed=1, lr=lr, beta2=0.99)
    assert curves.train_loss.shape == curves.test_accuracy.shape == (2, 3)
    for run, value in enumerate(lr):
        alone = train(SMALL, adam, seed=1, lr=value, beta2=0.99)
        assert np.allclose(curves.train_loss[:, run], alone.train_loss, rtol=1e-4)
        assert np.allclose(curves.theta[run], alone.theta, rtol=1e-2, atol=1e-4)


def test_the_schedule_multiplies_the_learning_rate():
    factors = []

    def halved(t, steps):
        factors.append((t, steps))
        return 0.5

    task = Task(SMALL.model, 2, examples=300, batch=64)
    slow = Task(SMALL.model, 2, examples=300, batch=64, schedule=halved)
    assert np.array_equal(train(slow, sgd, lr=0.2).theta, train(task, sgd, lr=0.1).theta)
    assert np.array_equal(train(slow, sgd).theta, train(task, sgd, lr=0.005).theta)
    assert {steps for _, steps in factors} == {10 == slow.steps and 10} and max(t for t, _ in factors) == 10


def test_seeds_decide():
    first, again, other = (train(SMALL, adam, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.theta, again.theta) and not np.array_equal(first.theta, other.theta)


def test_an_autoencoder_has_no_accuracy():
    curves = train(Task(VariationalAutoencoder(196, 10, 3), epochs=2, examples=200), adam, lr=np.array([1e-3, 1e-2]))
    assert np.isnan(curves.test_accuracy).all() and np.all(curves.test_loss[1] < curves.test_loss[0])


def test_a_run_that_diverges_leaves_the_others_alone_and_all_of_them_stop_the_work(monkeypatch):
    task = Task(VariationalAutoencoder(196, 10, 3), epochs=3, examples=200, batch=16)
    curves = train(task, sgd, lr=np.array([1e-4, 1e5]))
    assert np.isfinite(curves.train_loss[:, 0]).all() and np.isinf(curves.train_loss[:, 1]).all()
    assert np.allclose(curves.train_loss[:, 0], train(task, sgd, lr=1e-4).train_loss, rtol=1e-4)
    calls = []
    monkeypatch.setattr(training, "minibatches", lambda *given: calls.append(1) or minibatches(*given))
    gone = train(task, sgd, lr=np.array([1e6, 1e5]))
    assert len(calls) == 1 and np.isinf(gone.train_loss).all() and np.isinf(gone.test_loss).all()


def test_minibatches_have_each_example_once():
    rows = list(minibatches(10, 4, np.random.default_rng(0)))
    assert [len(each) for each in rows] == [4, 4, 2] and sorted(np.concatenate(rows)) == list(range(10))


def test_minibatches_of_nothing_and_of_one():
    assert list(minibatches(0, 1, np.random.default_rng(0))) == []
    assert sorted(map(list, minibatches(2, 1, np.random.default_rng(0)))) == [[0], [1]]
    for n, batch in ((-1, 4), (4, 0)):
        with pytest.raises(ValueError, match="must be a whole number"):
            minibatches(n, batch, np.random.default_rng(0))


def test_of_classes_all_are_tried_and_an_autoencoder_has_noise_of_its_own():
    model = VariationalAutoencoder(6, 5, 2)
    theta, X = model.start(0), np.random.default_rng(0).random((1001, 6))
    parts = [(slice(0, 500), 500), (slice(500, 1000), 500), (slice(1000, 1001), 1)]
    noise = np.random.default_rng([3, 2])
    expected = sum(model.loss(theta, X[rows], X[rows], noise) * count for rows, count in parts) / 1001
    assert np.isclose(evaluate(model, theta, X, X, 3)[0], expected, rtol=1e-13)
    assert np.array_equal(evaluate(model, theta, X, X)[0], evaluate(model, theta, X, X, 0)[0])


def test_sparse_rows_train_too():
    task = Task(LogisticRegression(10_000, 2, dropout=0.5), epochs=1, data="foods", examples=500)
    assert train(task, adam, lr=1e-2).train_loss[0] < np.log(2)


WRONG = {
    "epochs must be a whole number >= 1, got 0": lambda: Task(SMALL.model, 0),
    "batch must be a whole number >= 1, got 0": lambda: Task(SMALL.model, 1, batch=0),
    "examples must be a whole number >= 1, got 0": lambda: Task(SMALL.model, 1, examples=0),
    "batch must be": lambda: Task(SMALL.model, 1, batch=2.5),
    "examples must be a whole": lambda: Task(SMALL.model, 1, examples=True),
    "examples must be at most 10000": lambda: Task(SMALL.model, 1, examples=10_001),
    "schedule must be": lambda: Task(SMALL.model, 1, schedule=0.5),
    "Did you mean 'fashion'": lambda: Task(SMALL.model, 1, data="fashon"),
    "has 196 features, the model 7": lambda: Task(LogisticRegression(7, 10), 1),
    "dtype": lambda: Task(SMALL.model, 1, dtype="int32"),
    "seed must be": lambda: train(SMALL, adam, seed=-1),
    "no hyper-parameter 'beta3'": lambda: train(SMALL, adam, beta3=0.9),
    "lr must be finite": lambda: grid(SMALL, {adam: {"lr": [0.1, -1]}}),
    "block must be": lambda: grid(SMALL, SETTINGS, block=0),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_is_refused(words):
    with pytest.raises((TypeError, ValueError), match=words):
        WRONG[words]()


# Grids.


def test_a_grid_has_a_row_for_every_epoch_of_every_combination():
    table = grid(SMALL, SETTINGS, seeds=(0, 1), progress=False)
    assert list(table.columns) == ["rule", "lr", "beta2", "seed", "epoch", "train_loss", "test_loss", "test_accuracy",
                                   "mu"]  # fmt: skip
    assert len(table) == (6 + 2) * 2 * 2
    assert not table.duplicated(["rule", "lr", "beta2", "mu", "seed", "epoch"]).any()
    row = table.query("rule == 'momentum' and lr == 0.1 and seed == 1 and epoch == 2").iloc[0]
    alone = train(SMALL, momentum, seed=1, lr=np.array([0.01, 0.1]), mu=np.array([0.9, 0.9]))
    assert row.train_loss == alone.train_loss[1, 1] and row.test_accuracy == alone.test_accuracy[1, 1]


def test_a_grid_has_seed_0_and_is_quiet_about_its_cache(tmp_path, capsys):
    task = Task(SMALL.model, 1, examples=1, batch=1)
    table = grid(task, {sgd: {}}, cache=tmp_path, progress=False)
    assert table.seed.tolist() == [0] and capsys.readouterr().out == ""


def test_combinations_are_of_numbers():
    assert combinations({"lr": [np.inf, -np.finfo(float).max], "mu": 2}) == [
        {"lr": np.inf, "mu": 2.0}, {"lr": -np.finfo(float).max, "mu": 2.0}
    ]  # fmt: skip
    for wrong in (["a", "b"], [10**400, "b"]):
        with pytest.raises(TypeError, match=f"lr must be a number or a list of numbers, got {wrong[0]!r}."):
            combinations({"lr": wrong})
    with pytest.raises(ValueError, match="lr has no value"):
        combinations({"lr": []})


def test_a_block_has_eight_runs(monkeypatch):
    together = []
    monkeypatch.setattr(training, "train", lambda *given, **hyper: together.append(len(hyper["lr"])) or train(*given, **hyper))
    grid(Task(SMALL.model, 1, examples=1), {sgd: {"lr": [0.1] * 17}}, progress=False)
    assert together == [8, 8, 1]


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_grid_is_the_same_wherever_it_is_computed(backend):
    with joblib.parallel_config(backend, n_jobs=2):
        spread = grid(SMALL, SETTINGS, seeds=(0, 1), block=2, progress=False)
    same(spread, grid(SMALL, SETTINGS, seeds=(0, 1), block=2, progress=False))


def test_a_grid_with_a_rule_of_ones_own_goes_to_other_processes():
    def half_sign(theta, g, t, *, lr=0.01):
        theta = theta - lr * (g + np.sign(g)) / 2
        return (theta,)

    with joblib.parallel_config("loky", n_jobs=2):
        spread = grid(SMALL, {half_sign: {"lr": [1e-3, 1e-2]}}, block=1, progress=False)
    same(spread, grid(SMALL, {half_sign: {"lr": [1e-3, 1e-2]}}, block=1, progress=False))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Dask cluster of two processes on this machine."""
    from dask.distributed import Client, LocalCluster

    folder, before = str(tmp_path_factory.mktemp("dask")), dict(os.environ)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=folder) as cluster:
        with Client(cluster) as client:
            yield client
    os.environ.clear()
    os.environ.update(before)  # it sets the number of threads for all that begins later


def test_a_cluster_gives_the_same_table(cluster):
    with joblib.parallel_config("dask"):
        spread = grid(SMALL, SETTINGS, seeds=(0, 1), block=2, progress=False)
    assert len(cluster.run(os.getpid)) == 2
    same(spread, grid(SMALL, SETTINGS, seeds=(0, 1), block=2, progress=False))


def test_a_worker_that_dies_loses_nothing(cluster, tmp_path):
    deaths = tmp_path / "deaths"

    def sgd_or_die(theta, g, t, *, lr=0.01):
        if not deaths.exists() and lr[0, 0] > 0.02:
            deaths.touch()
            os._exit(1)
        return (theta - lr * g,)

    before = set(cluster.run(os.getpid).values())
    with joblib.parallel_config("dask"):
        spread = grid(SMALL, {sgd_or_die: {"lr": [0.01, 0.02, 0.03, 0.04]}}, block=1, progress=False)
    assert deaths.exists()
    assert before != set(cluster.run(os.getpid).values())
    same(spread, grid(SMALL, {sgd_or_die: {"lr": [0.01, 0.02, 0.03, 0.04]}}, block=1, progress=False))


KILLED = """
import os, signal
from pathlib import Path
from lib.models import Network
from lib.training import Task, grid

FOLDER = Path(__file__).parent
TASK = Task(Network((196, 8, 10)), epochs=1, examples=200)

def sgd_or_die(theta, g, t, *, lr=0.01):
    if lr[0, 0] > 0.025 and (FOLDER / "die").exists():
        os._exit(9)
    return (theta - lr * g,)

def run(cache):
    return grid(TASK, {sgd_or_die: {"lr": [0.01, 0.02, 0.03, 0.04]}}, block=1, cache=cache, progress=False)

if __name__ == "__main__":
    from killed import run
    run(FOLDER / "cache")
"""


def test_a_grid_that_was_killed_goes_on_and_ends_with_the_same_table(tmp_path, monkeypatch):
    (tmp_path / "killed.py").write_text(KILLED, encoding="utf-8")
    (tmp_path / "die").touch()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    died = subprocess.run([sys.executable, "killed.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path})
    assert died.returncode == 9
    done = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("output.pkl")}
    assert len(done) == 2
    (tmp_path / "die").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    killed = importlib.import_module("killed")
    trained = []
    monkeypatch.setattr(training, "train", lambda *given, **hyper: trained.append(hyper) or train(*given, **hyper))
    resumed = killed.run(tmp_path / "cache")
    assert [hyper["lr"].item() for hyper in trained] == [0.03, 0.04]
    same(resumed, killed.run(None))
    assert {file: file.stat().st_mtime_ns for file in done} == done


def test_the_cache_knows_what_was_asked(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(training, "train", lambda *given, **hyper: trained.append(hyper) or train(*given, **hyper))

    def asked(task=SMALL, lr=(0.1, 0.2), seeds=(0,), **more):
        trained.clear()
        grid(task, {sgd: {"lr": list(lr)}}, seeds, cache=tmp_path, progress=False, **more)
        return len(trained)

    assert asked() == 1
    assert asked() == 0
    assert asked(lr=(0.1, 0.3)) == asked(seeds=(1,)) == 1
    assert asked(block=1) == 2
    assert asked(Task(SMALL.model, 1, examples=300)) == 1
    warm = partial(schedules.warmup, over=3)
    assert asked(Task(SMALL.model, 1, examples=300, schedule=warm)) == 1
    assert asked(Task(SMALL.model, 1, examples=300, schedule=partial(schedules.warmup, over=3))) == 0
    assert asked(Task(SMALL.model, 1, examples=300, schedule=partial(schedules.warmup, over=4))) == 1
    monkeypatch.setattr(training, "fingerprint", lambda *_: "other code")
    assert asked() == 1


def test_a_damaged_file_of_the_cache_is_computed_again(tmp_path):
    first = grid(SMALL, {sgd: {"lr": 0.1}}, cache=tmp_path, progress=False)
    (file,) = tmp_path.rglob("output.pkl")
    file.write_bytes(file.read_bytes()[:20])
    same(first, grid(SMALL, {sgd: {"lr": 0.1}}, cache=tmp_path, progress=False))


def test_the_bar_counts_blocks(capsys):
    grid(SMALL, {sgd: {"lr": [0.1, 0.2, 0.3]}}, block=1)
    assert "3/3" in capsys.readouterr().err


# Schedules.


def test_schedules():
    steps = range(1, 101)
    assert schedules.inverse_sqrt(4, 100) == 0.5 and schedules.constant(7, 100) == 1
    assert [schedules.staircase(t, 9) for t in range(1, 10)] == pytest.approx([1] * 3 + [0.1] * 3 + [0.01] * 3)
    assert schedules.cosine(1, 100) == 1 and np.isclose(schedules.cosine(51, 100), 0.5)
    assert np.isclose(schedules.cosine(101, 100, end=0.2), 0.2)
    assert schedules.linear(1, 100) == 1 and np.isclose(schedules.linear(100, 100), 0.01)
    warm = [schedules.warmup(t, 100, over=10, then=schedules.linear) for t in steps]
    assert np.allclose(warm[:10], [t / 10 * (1 - (t - 1) / 100) for t in range(1, 11)])
    assert warm[10:] == [schedules.linear(t, 100) for t in range(11, 101)]
    assert np.isclose(schedules.adam_warmup(), 2000)
    for schedule in (schedules.cosine, schedules.linear, schedules.staircase, schedules.inverse_sqrt):
        assert all(np.diff([schedule(t, 100) for t in steps]) <= 0)
