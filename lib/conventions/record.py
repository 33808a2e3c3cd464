"""Record what the libraries do: every form of every optimizer of :data:`lib.conventions.FORMS`, on given gradients.

Run where the six libraries are installed; it writes ``recorded.json`` beside this file, or another file::

    python -m lib.conventions.record [FILE]

Every coordinate of the parameters meets its own stream of gradients. Gradients do not depend on the parameters, so a
difference in rounding stays what it is and does not grow. Both float types read the same decimal numbers. Floats are
written with as many digits as it takes to read the same number back.
"""

import importlib.metadata
import inspect
import os
import sys
from pathlib import Path

import numpy as np

from . import FORMS, LIBRARIES, RECORD, call
from .changes import shortest, write

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("DEV", "PYTHON")  # tinygrad without a compiler

import autograd.misc.optimizers as from_autograd  # noqa: E402
import jax  # noqa: E402
import keras  # noqa: E402
import optax  # noqa: E402
import sklearn.neural_network._stochastic_optimizers as from_sklearn  # noqa: E402
import tinygrad  # noqa: E402
import tinygrad.nn.optim as from_tinygrad  # noqa: E402
import torch  # noqa: E402

MODULES = {
    "torch": torch.optim, "keras": keras.optimizers, "optax": optax, "tinygrad": from_tinygrad,
    "autograd": from_autograd, "sklearn": from_sklearn,
}  # fmt: skip
PACKAGES = ("torch", "keras", "optax", "tinygrad", "autograd", "scikit-learn", "jax", "numpy")
STEPS = 200
KEPT = [1, 2, 10, 100, 200]
DROP = {"from": 101, "factor": 0.1}

# Settings that vary every hyper-parameter; each optimizer takes those that it has, and again without the parts that it
# can leave out. In the second the learning rate drops on the way, in the third there is weight decay. lr * weight_decay / eps stays below 2: beyond it an L2 penalty on a
# coordinate with hardly any gradient jumps to and fro over zero, and rounding grows a hundredfold and more.
PARTS = ("mu", "start", "lr_decay", "dampening")
VARIED = (
    dict(lr=0.03, mu=0.5, rho=0.95, beta1=0.5, beta2=0.9, eps=1e-3, eps_hat=1e-3, eps_root=1e-4, momentum_decay=0.1,
         lr_decay=0.05, start=0.5, dampening=0.3, threshold=6.0),
    dict(lr=3e-4, mu=0.99, rho=0.5, beta1=0.95, beta2=0.95, eps=3e-5, eps_hat=3e-5, eps_root=1e-7, momentum_decay=0.03,
         lr_decay=0.01, start=0.01, dampening=0.6, threshold=4.5),
    dict(lr=2e-3, mu=0.8, rho=0.9, beta1=0.8, beta2=0.99, eps=1e-3, eps_hat=1e-3, eps_root=1e-3, momentum_decay=0.01,
         lr_decay=0.0, start=0.0, dampening=0.0, threshold=5.0, l2=0.05, decoupled=0.5),
)  # fmt: skip


def streams(rng):
    """The start of every coordinate and its gradients, as decimal numbers of four digits."""
    normal = lambda: rng.normal(size=STEPS)
    made = {
        "normal": (0.7, normal()),
        "offset": (-1.3, 3 + normal()),
        "tiny": (1.0, 1e-8 * normal()),
        "zero": (0.5, np.zeros(STEPS)),
        "sparse": (0.02, np.where(rng.random(STEPS) < 0.15, normal(), 0)),
        "huge": (-2.0, 1e10 * normal()),
        "flipping": (5.0, (-1.0) ** np.arange(STEPS) * (1 + 0.1 * normal())),
        "many scales": (0.1, np.exp(3 * normal()) * np.sign(normal())),
    }
    made["sparse"][1][:2] = 0
    return {name: (start, [float(f"{g:.4g}") for g in gradients]) for name, (start, gradients) in made.items()}


def in_torch(name, arguments, dtype, start, gradients, factor):
    torch.set_default_dtype(getattr(torch, dtype))  # NAdam keeps its product in the default type
    theta = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theta], **arguments, foreach=False)
    for t, g in enumerate(gradients, 1):
        optimizer.param_groups[0]["lr"] = arguments["lr"] * factor(t)
        theta.grad = torch.tensor(g)
        optimizer.step()
        yield theta.detach().numpy().copy()


def in_keras(name, arguments, dtype, start, gradients, factor):
    keras.backend.set_floatx(dtype)
    theta = keras.Variable(np.array(start, dtype), dtype=dtype)
    optimizer = getattr(keras.optimizers, name)(**arguments)
    optimizer.build([theta])
    for t, g in enumerate(gradients, 1):
        optimizer.learning_rate = arguments["learning_rate"] * factor(t)
        optimizer.apply([np.array(g, dtype)], [theta])
        yield np.array(theta)


def in_optax(name, arguments, dtype, start, gradients, factor):
    rate = arguments.pop("learning_rate")
    factors = np.array([factor(t) for t in range(1, len(gradients) + 1)])
    optimizer = getattr(optax, name)(lambda count: rate * jax.numpy.asarray(factors, dtype)[count], **arguments)
    theta = jax.numpy.asarray(start, dtype)
    state = optimizer.init(theta)

    @jax.jit
    def step(theta, state, g):
        updates, state = optimizer.update(g, state, theta)
        return optax.apply_updates(theta, updates), state

    for g in gradients:
        theta, state = step(theta, state, jax.numpy.asarray(g, dtype))
        yield np.array(theta)


def in_tinygrad(name, arguments, dtype, start, gradients, factor):
    theta = tinygrad.Tensor(np.array(start, dtype)).is_param_(True)
    optimizer = getattr(from_tinygrad, name)([theta], **arguments)
    with tinygrad.Context(TRAINING=1):
        for t, g in enumerate(gradients, 1):
            optimizer.lr.assign(tinygrad.Tensor([arguments["lr"] * factor(t)], dtype=optimizer.lr.dtype)).realize()
            theta.grad = tinygrad.Tensor(np.array(g, dtype))
            optimizer.step()
            yield theta.numpy()


def in_autograd(name, arguments, dtype, start, gradients, factor):
    seen = []
    gradient = lambda theta, i: (seen.append(theta), np.array(gradients[min(i, len(gradients) - 1)], dtype))[1]
    getattr(from_autograd, name)(gradient, np.array(start, dtype), num_iters=len(gradients) + 1, **arguments)
    yield from seen[1:]


def in_sklearn(name, arguments, dtype, start, gradients, factor):
    theta = np.array(start, dtype)
    optimizer = getattr(from_sklearn, name)([theta], **arguments)
    rate = "learning_rate_init" if name == "AdamOptimizer" else "learning_rate"
    for t, g in enumerate(gradients, 1):
        setattr(optimizer, rate, arguments["learning_rate_init"] * factor(t))
        optimizer.update_params([theta], [np.array(g, dtype)])
        yield theta.copy()


RUNS = {"torch": in_torch, "keras": in_keras, "optax": in_optax, "tinygrad": in_tinygrad, "autograd": in_autograd,
        "sklearn": in_sklearn}  # fmt: skip


def settings_of(form):
    """The calls of a form that are recorded, and whether the learning rate drops in each."""
    given = {word: 1e-3 for word, value in form.defaults.items() if value is None}
    if form.switches.get("nesterov") and not form.defaults["momentum"]:
        given["momentum"] = 0.9  # PyTorch refuses to look ahead without momentum
    yield given, False
    ours = {word: form.ours(word) for word in form.defaults}
    take = lambda varied, names: tuple(varied[n] for n in names) if isinstance(names, tuple) else varied.get(names, 0)
    for number, varied in enumerate(VARIED):
        if number < 2 or "weight_decay" in ours:
            yield {word: take(varied, names) for word, names in ours.items()}, number == 1 and form.library != "autograd"
    if not form.switches.get("nesterov") and set(PARTS) & set(ours.values()):
        for varied in VARIED[:2]:
            yield {word: take(varied | dict.fromkeys(PARTS, 0.0), names) for word, names in ours.items()}, False


def paths(made, drop, start, gradients):
    """The recorded steps of a call in both float types, or in the one that the library has."""
    factor = lambda t: DROP["factor"] if drop and t >= DROP["from"] else 1
    found = {}
    for dtype in ("float64", "float32") if made.form.library != "tinygrad" else ("float32",):
        given = made.form.name, made.values | made.form.switches, dtype
        run = RUNS[made.form.library](*given, np.array(start, dtype), np.array(gradients, dtype), factor)
        path = list(run)
        found[dtype] = [shortest(np.asarray(path[step - 1], dtype)) for step in KEPT]
    return found


def defaults(library, name):
    """The arguments of an optimizer in the installed library that have a plain default, with it."""
    function = getattr(MODULES[library], name)
    if library == "autograd":  # behind a decorator that hides its arguments
        function = next(cell.cell_contents for cell in function.__closure__ if inspect.isfunction(cell.cell_contents))
    found = inspect.signature(function).parameters.values()
    plain = (bool, int, float, tuple, type(None))
    return {p.name: list(p.default) if isinstance(p.default, tuple) else p.default
            for p in found if p.default is not p.empty and isinstance(p.default, plain)}  # fmt: skip


def record():
    jax.config.update("jax_enable_x64", True)
    made = streams(np.random.default_rng(2025))
    start = [s for s, _ in made.values()]
    gradients = list(zip(*(g for _, g in made.values())))
    cases = []
    for form in FORMS:
        for arguments, drop in settings_of(form):
            one = call(form.library, form.name, **arguments, **form.switches)
            cases.append(dict(
                library=form.library, name=form.name, arguments=one.values, switches=form.switches, drop=drop,
                **paths(one, drop, start, gradients),
            ))  # fmt: skip
        print(form.library, form.name, form.switches)
    names = {library: dict.fromkeys(form.name for form in FORMS if form.library == library) for library in LIBRARIES}
    return dict(
        versions={package: importlib.metadata.version(package) for package in PACKAGES},
        defaults={library: {name: defaults(library, name) for name in names[library]} for library in LIBRARIES},
        steps=KEPT, drop=DROP, streams=list(made), start=start, gradients=gradients, cases=cases,
    )  # fmt: skip


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORD
    write(record(), path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
