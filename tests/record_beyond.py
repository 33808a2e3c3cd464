"""Record what the authors' and other libraries do, for ``test_beyond.py``: writes ``beyond.json`` beside this file.

Run by hand, in an environment with numpy, torch (CPU), jax, optax, schedulefree, prodigyopt and pytorch_optimizer::

    PYTHONPATH=. python tests/record_beyond.py

All in float64. Muon rounds its iteration to bfloat16, and pytorch_optimizer's SOAP its basis to float32: both are
recorded without that rounding, and Muon also as it is. Prodigy meets the gradient of a parabola around ``target``, the
others one stream of gradients that does not depend on ``theta``.
"""

from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import jax
import numpy as np
import optax
import prodigyopt
import pytorch_optimizer
import schedulefree
import torch

from lib.conventions.changes import shortest, write

STEPS = 30
KEPT = [1, 2, 3, 5, 10, 20, 30]


def matrices(rng):
    """A start, 30 gradients and a target of shape (6, 4), as decimal numbers of four digits."""
    short = np.vectorize(lambda value: float(f"{value:.4g}"))
    scales = 10 ** rng.uniform(-1, 1, (6, 1)) * 10 ** rng.uniform(-1, 1, (1, 4))
    gradients = scales * (0.3 + rng.normal(size=(STEPS, 6, 4)))
    return short(rng.normal(size=(6, 4))), short(gradients), short(3 * rng.normal(size=(6, 4)))


@contextmanager
def exact():
    """Without bfloat16 and float32 inside of PyTorch's optimizers."""
    whole = mock.patch.object(torch.Tensor, "bfloat16", lambda x: x.clone())
    with whole, mock.patch.object(torch, "float32", torch.float64):
        yield


def run_torch(make, start, gradient, averaged=False):
    theta = torch.tensor(start, requires_grad=True)
    optimizer, kept, means = make([theta]), [], []
    optimizer.train() if averaged else None
    for t in range(1, STEPS + 1):
        theta.grad = torch.tensor(gradient(t, theta.detach().numpy()))
        optimizer.step()
        if t in KEPT:
            kept.append(shortest(theta.detach().numpy().ravel()))
            if averaged:
                optimizer.eval()
                means.append(shortest(theta.detach().numpy().ravel()))
                optimizer.train()
    return {"path": kept} | ({"means": means} if averaged else {})


def run_optax(optimizer, start, gradient):
    theta, kept = jax.numpy.array(start), []
    state = optimizer.init(theta)
    for t in range(1, STEPS + 1):
        updates, state = optimizer.update(jax.numpy.array(gradient(t, theta)), state, theta)
        theta = optax.apply_updates(theta, updates)
        if t in KEPT:
            kept.append(shortest(np.asarray(theta).ravel()))
    return {"path": kept}


def record():
    jax.config.update("jax_enable_x64", True)
    torch.set_default_dtype(torch.float64)
    start, gradients, target = matrices(np.random.default_rng(2025))
    cases = []

    def given(part):
        return lambda t, theta: gradients[t - 1][part]

    def add(rule, library, call, path, hyper, part="all"):
        cases.append(dict(rule=rule, library=library, call=call, hyper=hyper, part=part) | path)

    parts = {"all": np.s_[:, :], "square": np.s_[:4, :], "wide": np.s_[:2, :]}
    everything = given(parts["all"])
    varied = dict(lr=0.03, beta1=0.8, beta2=0.9, beta3=0.99, gamma=8.0, eps=1e-3, weight_decay=0.05)
    for hyper in (dict(lr=0.01), varied):
        full = dict(beta1=0.9, beta2=0.999, beta3=0.9999, gamma=5.0, eps=1e-8, weight_decay=0.0) | hyper
        ours = dict(b1=full["beta1"], b2=full["beta2"], b3=full["beta3"], alpha=full["gamma"], eps=full["eps"],
                    weight_decay=full["weight_decay"])  # fmt: skip
        path = run_optax(optax.contrib.ademamix(full["lr"], **ours), start, everything)
        add("ademamix", "optax", f"contrib.ademamix({full['lr']}, ...)", path, full)
        make = lambda p: pytorch_optimizer.AdEMAMix(
            p, full["lr"], betas=(full["beta1"], full["beta2"], full["beta3"]), alpha=full["gamma"], eps=full["eps"],
            weight_decay=full["weight_decay"], weight_decouple=True, foreach=False)  # fmt: skip
        add("ademamix", "pytorch_optimizer", "AdEMAMix", run_torch(make, start, everything), full)
    for hyper in (dict(lr=0.01, beta1=0.9, beta2=0.9999, eps=1e-6), dict(lr=0.03, beta1=0.5, beta2=0.9, eps=0.05)):
        optimizer = optax.contrib.adopt(hyper["lr"], hyper["beta1"], hyper["beta2"], hyper["eps"])
        path = run_optax(optimizer, start, everything)
        add("adopt", "optax", "contrib.adopt", path, hyper)
    for hyper in (dict(lr=0.1, mu=0.9), dict(lr=0.01, mu=0.5)):
        make = lambda p: schedulefree.SGDScheduleFree(p, hyper["lr"], momentum=hyper["mu"], foreach=False)
        add("schedule_free", "schedulefree", "SGDScheduleFree", run_torch(make, start, everything, True), hyper)
    for hyper in (dict(lr=0.0025, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0),
                  dict(lr=0.05, beta1=0.6, beta2=0.9, eps=1e-3, weight_decay=0.1)):  # fmt: skip
        make = lambda p: schedulefree.AdamWScheduleFree(
            p, hyper["lr"], betas=(hyper["beta1"], hyper["beta2"]), eps=hyper["eps"],
            weight_decay=hyper["weight_decay"], foreach=False)  # fmt: skip
        add("schedule_free_adamw", "schedulefree", "AdamWScheduleFree", run_torch(make, start, everything, True), hyper)
    for hyper in (dict(lr=0.001, mu=0.95, weight_decay=0.1), dict(lr=0.05, mu=0.5, weight_decay=0.0)):
        for part in ("all", "wide"):
            make = lambda p: torch.optim.Muon(
                p, hyper["lr"], momentum=hyper["mu"], weight_decay=hyper["weight_decay"])  # fmt: skip
            rounded = run_torch(make, start[parts[part]], given(parts[part]))["path"]
            with exact():
                path = run_torch(make, start[parts[part]], given(parts[part]))
            add("muon", "torch", "Muon", path | {"rounded": rounded}, hyper, part)
    for hyper in (dict(lr=0.1, eps=1e-6), dict(lr=1.0, eps=0.01)):
        make = lambda p: pytorch_optimizer.Shampoo(p, hyper["lr"], matrix_eps=hyper["eps"])
        add("shampoo", "pytorch_optimizer", "Shampoo", run_torch(make, start, everything), hyper)
    for hyper in (dict(lr=0.003, beta1=0.95, beta2=0.95, eps_hat=1e-8, every=10),
                  dict(lr=0.1, beta1=0.5, beta2=0.9, eps_hat=1e-3, every=3)):  # fmt: skip
        make = lambda p: pytorch_optimizer.SOAP(
            p, hyper["lr"], betas=(hyper["beta1"], hyper["beta2"]), eps=hyper["eps_hat"], weight_decay=0.0,
            precondition_frequency=hyper["every"])  # fmt: skip
        with exact():
            path = run_torch(make, start[parts["square"]], given(parts["square"]))
        add("soap", "pytorch_optimizer", "SOAP", path, hyper, "square")
    for hyper in (dict(lr=0.01, decay=0.8, eps2=1e-3, limit=1.0), dict(lr=0.3, decay=0.5, eps2=1.0, limit=1.2)):
        make = lambda p: torch.optim.Adafactor(
            p, hyper["lr"], beta2_decay=-hyper["decay"], eps=(1e-30, hyper["eps2"]), d=hyper["limit"], weight_decay=0.0,
            foreach=False)  # fmt: skip
        add("adafactor", "torch", "Adafactor", run_torch(make, start, everything), hyper)
    for hyper in (dict(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0),
                  dict(lr=0.1, beta1=0.5, beta2=0.9, eps=1e-3, weight_decay=0.3)):  # fmt: skip
        ours = {"b1": "beta1", "b2": "beta2", "eps": "eps", "weight_decay": "weight_decay"}
        optimizer = optax.lamb(hyper["lr"], **{theirs: hyper[name] for theirs, name in ours.items()})
        add("lamb", "optax", "lamb", run_optax(optimizer, start, everything), hyper)
    for hyper in (dict(lr=1.0, beta1=0.9, beta2=0.999, eps=1e-16, d0=1e-6),
                  dict(lr=0.5, beta1=0.5, beta2=0.9, eps=1e-16, d0=1e-3)):  # fmt: skip
        make = lambda p: prodigyopt.Prodigy(
            p, hyper["lr"], betas=(hyper["beta1"], hyper["beta2"]), eps=hyper["eps"], d0=hyper["d0"])  # fmt: skip
        add("prodigy", "prodigyopt", "Prodigy", run_torch(make, start, lambda t, theta: theta - target), hyper)

    bounds = {
        "optax": run_optax(optax.contrib.adopt(1.0), np.zeros(1), lambda t, theta: [1000.0 if t > 1 else 1.0]),
        "pytorch_optimizer": run_torch(
            lambda p: pytorch_optimizer.ADOPT(p, 1.0, betas=(0.9, 0.9999), foreach=False),
            np.zeros(1), lambda t, theta: [1000.0 if t > 1 else 1.0]),
    }  # fmt: skip
    names = ("torch", "optax", "jax", "numpy", "pytorch_optimizer", "schedulefree", "prodigyopt")
    return dict(
        versions={name: version(name) for name in names}, steps=KEPT,
        second_step={library: -made["path"][1][0] for library, made in bounds.items()}, start=start.tolist(),
        target=target.tolist(), gradients=gradients.tolist(), cases=cases,
    )  # fmt: skip


if __name__ == "__main__":
    path = Path(__file__).with_name("beyond.json")
    write(record(), path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
