"""Downhill against PyTorch and optax, on one thread: ``PYTHONPATH=. python benchmarks/peers.py``.

Every peer runs in the same process, in turns, and does the same computation, which is checked first. A ratio is
Downhill's time over the peer's, taken turn by turn; printed are the median and, in brackets, the quartiles.
PyTorch, jax and optax are optional: what is missing is left out.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # jax has no other way

import gc
import subprocess
import sys
import tracemalloc
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np

from lib.descent import Optimizer, descend
from lib.losses import rosenbrock
from lib.rules import adam

STEPS, LR, START = 500, 1e-2, (-1.5, 2.0)
MILLION = 1_000_000

HAS_TORCH, HAS_OPTAX = find_spec("torch") is not None, find_spec("optax") is not None
if HAS_TORCH:
    import torch

    torch.set_num_threads(1)
if HAS_OPTAX:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)


def compare(title, runs, *, turns, targets):
    """Time the callables of ``runs``, ours first, in turns after one warm-up; print a table."""
    for run in runs.values():
        run()
    times = {name: [] for name in runs}
    gc.disable()
    for _ in range(turns):
        for name, run in runs.items():
            begin = perf_counter()
            run()
            times[name].append(perf_counter() - begin)
    gc.enable()
    ours = np.array(times[next(iter(runs))])
    print(f"\n{title}")
    for name, taken in times.items():
        row = f"  {name:<38}{quartiles(1e3 * np.array(taken), 'ms')}"
        if name != next(iter(runs)):
            row += f"ratio {quartiles(ours / taken, '')}"
            if name in targets:
                met = np.median(ours / taken) <= targets[name]
                row += f"target <= {targets[name]:.3g}, {'met' if met else 'MISSED'}"
        print(row)


def quartiles(values, unit):
    low, middle, high = np.percentile(values, [25, 50, 75])
    digits = 1 if middle >= 100 else 3
    return f"{middle:9.{digits}f} {unit:<2} [{low:.{digits}f}, {high:.{digits}f}]".ljust(33)


def banana(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


# ---- (a) One run of 500 steps -------------------------------------------------------------------


def one_run():
    runs = {"descend(adam)": lambda: descend(adam, rosenbrock.gradient, START, STEPS, lr=LR)[-1]}
    if HAS_TORCH:

        def pytorch():
            theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
            optimizer = torch.optim.Adam([theta], lr=LR)
            for _ in range(STEPS):
                optimizer.zero_grad()
                banana(theta[0], theta[1]).backward()
                optimizer.step()
            return theta.detach().numpy()

        runs["PyTorch: autograd, Adam"] = pytorch
    agree(runs, rtol=1e-9)
    compare(f"Adam on Rosenbrock, {STEPS} steps, float64", runs, turns=15,
            targets={"PyTorch: autograd, Adam": 1 / 15})  # fmt: skip


# ---- (b) A sweep of 1000 learning rates ---------------------------------------------------------


def sweep():
    rates = np.geomspace(1e-4, 1, 1000)
    runs = {"descend(adam), lr an array": lambda: descend(adam, rosenbrock.gradient, START, STEPS, lr=rates)}
    if HAS_OPTAX:

        def one(lr):
            optimizer = optax.adam(lr)

            def step(carry, _):
                theta, state = carry
                updates, state = optimizer.update(jax.grad(lambda theta: banana(*theta))(theta), state)
                theta = optax.apply_updates(theta, updates)
                return (theta, state), theta

            start = jax.numpy.array(START)
            _, path = jax.lax.scan(step, (start, optimizer.init(start)), length=STEPS)
            return jax.numpy.concatenate([start[None], path])

        def compile():
            return jax.jit(jax.vmap(lambda lr: one(lr), out_axes=1)).lower(rates).compile()

        compiled = compile()
        runs["optax: jit(vmap(scan)), compiled"] = lambda: compiled(rates).block_until_ready()
        runs["optax: the same, with compiling"] = lambda: compile()(rates).block_until_ready()
    agree(runs, rtol=1e-6)
    compare(f"Adam on Rosenbrock, {STEPS} steps, 1000 learning rates, the paths of all, float64", runs, turns=15,
            targets={"optax: jit(vmap(scan)), compiled": 0.6})  # fmt: skip


# ---- (c) Ten million parameters in place --------------------------------------------------------


def large():
    rng = np.random.default_rng(0)
    start, g = (rng.normal(size=10 * MILLION).astype("float32") for _ in range(2))

    optimizer = Optimizer(adam, start.copy())
    runs = {"Optimizer(adam).step": lambda: optimizer.step(g)}
    results = {"Optimizer(adam).step": lambda: optimizer.theta}
    ways = {"default, for-loop": dict(foreach=False), "foreach": dict(foreach=True), "fused": dict(fused=True)}
    if HAS_TORCH:
        for way, given in ways.items():
            theta = torch.tensor(start, requires_grad=True)
            theta.grad = torch.tensor(g)
            runs[f"PyTorch: {way}"] = torch.optim.Adam([theta], **given).step
            results[f"PyTorch: {way}"] = lambda theta=theta: theta.detach().numpy()
    for run in runs.values():
        run()
    agree(results, rtol=1e-5)
    compare("One Adam step on 10 M parameters, float32", runs, turns=15,
            targets={"PyTorch: default, for-loop": 0.6, "PyTorch: foreach": 0.85})  # fmt: skip
    memory("  extra memory at the peak of Optimizer.step", runs["Optimizer(adam).step"])
    if HAS_TORCH:
        for way in ways:
            memory(f"  the same, PyTorch {way}", runs[f"PyTorch: {way}"])


def memory(title, run):
    """What ``run`` takes at its peak beyond what is there: NumPy's own count, and the process's (Linux)."""
    tracemalloc.start()
    run()
    counted = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = f"{title:<50}NumPy counts {counted / 1e6:.1f} MB"
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if reset.exists():
        resident = lambda field: int(status.read_text(encoding="ascii").split(field + ":")[1].split()[0]) / 1e3
        reset.write_text("5", encoding="ascii")  # the peak starts again from the present
        before = resident("VmRSS")
        run()
        text += f", resident {resident('VmHWM') - before:.1f} MB"
    print(text)


# ---- (d) Imports --------------------------------------------------------------------------------


def imports(turns=7):
    print("\nImport in a fresh Python")
    for modules in ("numpy", "lib.rules", "lib.descent", "lib.losses", "torch", "optax"):
        if find_spec(modules.split(".")[0]):
            taken = []
            for _ in range(turns):
                begin = perf_counter()
                subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
                taken.append(perf_counter() - begin)
            print(f"  {modules:<38}{quartiles(1e3 * np.array(taken), 'ms')}")


def agree(runs, rtol):
    """The peers give what we give, or there is nothing to compare."""
    ours, *theirs = (np.asarray(run()) for run in runs.values())
    for other in theirs:
        np.testing.assert_allclose(other, ours, rtol=rtol, atol=rtol)


if __name__ == "__main__":
    packages = ["numpy", *["torch"] * HAS_TORCH, *["jax", "optax"] * HAS_OPTAX]
    print("one thread;", ", ".join(f"{package} {version(package)}" for package in packages))
    one_run()
    sweep()
    large()
    imports()
