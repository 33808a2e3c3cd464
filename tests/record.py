"""Record what PyTorch and optax do, for ``test_rules.py``: writes ``trajectories.json`` beside this file.

Run by hand, in an environment with numpy, torch (CPU), jax and optax, when a rule or a version is to be added::

    PYTHONPATH=. python tests/record.py

Every coordinate of ``theta`` meets its own stream of gradients. Gradients do not depend on ``theta``, so a
difference in rounding stays what it is and does not grow. Both float types read the same decimal numbers.
Floats are written with as many digits as it takes to read the same number back.
"""

import inspect
import json
from pathlib import Path

import jax
import numpy as np
import optax
import torch

from lib.rules import RULES

STEPS = 100
KEPT = [1, 2, 3, 5, 10, 20, 50, 100]
DROP = {"from": 21, "factor": 0.1}

# Settings that vary every hyper-parameter. Each rule takes the names it has; in the second, lr drops on the way.
# lr * weight_decay / eps stays below 2: beyond it an L2 penalty on a coordinate with hardly any gradient jumps
# to and fro over zero, and differences in rounding grow a hundredfold and more.
VARIED = (
    dict(lr=0.03, mu=0.5, rho=0.95, beta1=0.5, beta2=0.9, eps=1e-3, eps_hat=1e-3,
         weight_decay=0.05, momentum_decay=0.1),
    dict(lr=3e-4, mu=0.99, rho=0.5, beta1=0.95, beta2=0.95, eps=3e-5, eps_hat=3e-5,
         weight_decay=0.1, momentum_decay=0.03),
)  # fmt: skip

SGD = {"lr": "lr"}
MOMENTUM = {"lr": "lr", "momentum": "mu"}
RMSPROP = {"lr": "lr", "alpha": "rho", "eps": "eps"}
ADAM = {"lr": "lr", "betas": ("beta1", "beta2"), "eps": "eps"}
DECAY = {"weight_decay": "weight_decay"}

# rule: class, {its argument: our hyper-parameter}, further arguments. A callable gets the hyper-parameters.
TORCH = {
    "sgd": ("SGD", SGD, {}),
    "momentum": ("SGD", MOMENTUM, {}),
    "momentum_ema": ("SGD", MOMENTUM, lambda hyper: {"dampening": hyper["mu"]}),
    "nesterov": ("SGD", MOMENTUM, {"nesterov": True}),
    "adagrad": ("Adagrad", {"lr": "lr", "eps": "eps"}, {}),
    "rmsprop": ("RMSprop", RMSPROP, {}),
    "rmsprop_centered": ("RMSprop", RMSPROP, {"centered": True}),
    "rmsprop_momentum": ("RMSprop", RMSPROP | {"momentum": "mu"}, {}),
    "adadelta": ("Adadelta", {"lr": "lr", "rho": "rho", "eps": "eps"}, {}),
    "adam": ("Adam", ADAM, {}),
    "adamax": ("Adamax", ADAM, {}),
    "amsgrad": ("Adam", ADAM, {"amsgrad": True}),
    "adam_l2": ("Adam", ADAM | DECAY, {}),
    "adamw": ("AdamW", ADAM | DECAY, {}),
    "nadam": ("NAdam", ADAM | {"momentum_decay": "momentum_decay"}, {}),
    "radam": ("RAdam", ADAM | {"eps": "eps_hat"}, {}),
}

RMS = dict(decay="rho", eps="eps")
BETAS = dict(b1="beta1", b2="beta2")
OPTAX = {
    "momentum_ema": ("ema", dict(decay="mu"), {"debias": False}),
    "rmsprop_centered": ("rmsprop", RMS, {"eps_in_sqrt": False, "centered": True}),
    "rmsprop_nesterov": ("rmsprop", RMS | dict(momentum="mu"), {"eps_in_sqrt": False, "nesterov": True}),
    "adadelta": ("adadelta", dict(rho="rho", eps="eps"), {}),
    "adam": ("adam", BETAS | dict(eps="eps"), {}),
    "adamax": ("adamax", BETAS | dict(eps="eps"), {}),
    "adamw": ("adamw", BETAS | dict(eps="eps") | DECAY, {}),
    "lion": ("lion", BETAS | DECAY, {}),
}


def streams(rng):
    """The start of every coordinate and its 100 gradients, as decimal numbers of four digits."""
    normal = lambda: rng.normal(size=STEPS)
    made = {
        "normal": (0.7, normal()),
        "offset": (-1.3, 3 + normal()),
        "tiny": (3e-10, 1e-8 * normal()),
        "sparse": (0.02, np.where(rng.random(STEPS) < 0.15, normal(), 0)),
        "huge": (-2e6, 1e10 * normal()),
        "flipping": (5.0, (-1.0) ** np.arange(STEPS) * (1 + 0.1 * normal())),
        "many scales": (1e-3, np.exp(3 * normal()) * np.sign(normal())),
    }
    made["sparse"][1][:2] = 0
    return {name: (start, [float(f"{g:.4g}") for g in gradients]) for name, (start, gradients) in made.items()}


def defaults(rule):
    return {p.name: p.default for p in inspect.signature(RULES[rule]).parameters.values() if p.kind == p.KEYWORD_ONLY}


def arguments(names, hyper):
    value = lambda ours: tuple(hyper[name] for name in ours) if isinstance(ours, tuple) else hyper[ours]
    return {theirs: value(ours) for theirs, ours in names.items()}


def torch_defaults(rule):
    """PyTorch's own defaults under our names; a momentum of 0, which would switch it off, stays ours."""
    kind, names, _ = TORCH[rule]
    theirs = {p.name: p.default for p in inspect.signature(getattr(torch.optim, kind)).parameters.values()}
    hyper = {}
    for argument, ours in names.items():
        values = theirs[argument] if isinstance(ours, tuple) else (theirs[argument],)
        hyper |= dict(zip(ours if isinstance(ours, tuple) else (ours,), map(float, values)))
    return hyper | ({"mu": defaults(rule)["mu"]} if "mu" in hyper else {})


def shortest(array):
    """Plain floats that read back as exactly these numbers."""
    values = [float(str(x)) for x in array]
    assert (np.array(values, array.dtype) == array).all(), array
    return values


def run_torch(make, dtype, start, gradients, drop):
    torch.set_default_dtype(getattr(torch, dtype))  # NAdam keeps its product in the default type
    theta = torch.tensor(start, dtype=getattr(torch, dtype), requires_grad=True)
    optimizer = make([theta])
    kept = []
    for t, g in enumerate(gradients, 1):
        if drop and t == drop["from"]:
            optimizer.param_groups[0]["lr"] *= drop["factor"]
        theta.grad = torch.tensor(g, dtype=theta.dtype)
        optimizer.step()
        if t in KEPT:
            kept.append(shortest(theta.detach().numpy()))
    return kept


def run_optax(make, dtype, start, gradients):
    theta = jax.numpy.array(start, dtype)
    optimizer = make()
    state, kept = optimizer.init(theta), []
    for t, g in enumerate(gradients, 1):
        updates, state = optimizer.update(jax.numpy.array(g, dtype), state, theta)
        theta = optax.apply_updates(theta, updates)
        if t in KEPT:
            kept.append(shortest(np.asarray(theta)))
    return kept


def make_optax(name, hyper, given):
    if name == "ema":
        return optax.chain(optax.ema(**given), optax.scale(-hyper["lr"]))
    return getattr(optax, name)(hyper["lr"], **given)


def record():
    jax.config.update("jax_enable_x64", True)
    made = streams(np.random.default_rng(2025))
    start = [s for s, _ in made.values()]
    gradients = list(zip(*(g for _, g in made.values())))
    cases = []

    for rule, (kind, names, further) in TORCH.items():
        settings = [defaults(rule), torch_defaults(rule)]
        settings += [{name: varied[name] for name in defaults(rule)} for varied in VARIED]
        for i, hyper in enumerate(settings):
            if hyper in settings[:i]:
                continue
            given = arguments(names, hyper) | (further(hyper) if callable(further) else further)
            drop = DROP if i == 3 else None
            make = lambda params: getattr(torch.optim, kind)(params, **given, foreach=False)
            paths = {dtype: run_torch(make, dtype, start, gradients, drop) for dtype in ("float64", "float32")}
            call = f"{kind}({listed(given)})"
            cases.append(dict(rule=rule, library="torch", call=call, hyper=hyper, drop=drop, **paths))

    for rule, (name, names, further) in OPTAX.items():
        for hyper in [defaults(rule)] + [{n: varied[n] for n in defaults(rule)} for varied in VARIED]:
            given = arguments(names, hyper) | further
            make = lambda: make_optax(name, hyper, given)
            paths = {dtype: run_optax(make, dtype, start, gradients) for dtype in ("float64", "float32")}
            call = f"{name}({listed({'lr': hyper['lr']} | given)})"
            cases.append(dict(rule=rule, library="optax", call=call, hyper=hyper, drop=None, **paths))

    return dict(
        versions={m.__name__: m.__version__ for m in (torch, optax, jax, np)},
        torch_defaults={rule: torch_defaults(rule) for rule in TORCH},
        steps=KEPT, streams=list(made), start=start, gradients=gradients, cases=cases,
    )  # fmt: skip


def listed(given):
    return ", ".join(f"{name}={value}" for name, value in given.items())


def write(recorded, path):
    """JSON with one case a line, so that a change is a readable difference."""
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    cases = ",\n".join(compact(case) for case in recorded.pop("cases"))
    lines = [f"{compact(key)}:{compact(value)}" for key, value in recorded.items()]
    path.write_text("{" + ",\n".join(lines) + ',\n"cases":[\n' + cases + "\n]}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    path = Path(__file__).with_name("trajectories.json")
    write(record(), path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
