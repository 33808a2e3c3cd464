"""The book's rules against PyTorch, optax and Keras, on one thread; ``make bench`` runs it with the other benchmarks.

Every peer runs in the same process, in turns, and does the same computation, which is checked first. A ratio is
Downhill's time over the peer's, taken turn by turn. PyTorch, optax with jax, and Keras are optional: what is missing is
left out. Alone, ``PYTHONPATH=. python benchmarks/peers.py`` prints the tables.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["KERAS_BACKEND"] = "jax"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # jax has no other way

import gc
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np

from lib.descent import Optimizer, descend
from lib.losses import rosenbrock
from lib.rules import adam

STEPS, LR, START = 500, 1e-2, (-1.5, 2.0)
SIZES = [10**exponent for exponent in range(3, 8)]
ADAM_MOVES = 7 * 4  # bytes for each float32 parameter: theta, m and v are read and written, g is read

HAS_TORCH, HAS_OPTAX, HAS_KERAS = (find_spec(name) is not None for name in ("torch", "optax", "keras"))
if HAS_TORCH:
    import torch

    torch.set_num_threads(1)
if HAS_OPTAX:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)
if HAS_KERAS:
    import keras


def compare(part, title, runs, *, turns, targets={}, limit=None):
    """Time the callables of ``runs``, ours first, in turns after one warm-up.

    ``targets`` are the largest ratios that we want, by the peer's name; ``limit`` is the time that moving the bytes takes.
    Returns a dict for the page: quartiles of the seconds, and of the ratios of our time to the peer's.
    """
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
    rows = [
        {"name": name, "seconds": quartiles(taken), "ratio": quartiles(ours / taken) if number else None,
         "target": targets.get(name)}
        for number, (name, taken) in enumerate(times.items())
    ]  # fmt: skip
    made = {"part": part, "title": title, "limit": limit, "rows": rows}
    print(text(made), flush=True)
    return made


def quartiles(values):
    """Lower quartile, median and upper quartile, with four digits."""
    return [float(f"{value:.4g}") for value in np.percentile(values, [25, 50, 75])]


def text(made):
    """A comparison as lines of text."""
    lines = [f"\n{made['title']}"]
    for row in made["rows"]:
        low, middle, high = (1e3 * value for value in row["seconds"])
        line = f"  {row['name']:<38}{middle:10.3f} ms [{low:.3f}, {high:.3f}]".ljust(80)
        if row["ratio"]:
            line += "ratio {1:.3f} [{0:.3f}, {2:.3f}]".format(*row["ratio"])
        if row["target"]:
            line += f"  target <= {row['target']:.3g}, {'met' if row['ratio'][1] <= row['target'] else 'MISSED'}"
        lines.append(line)
    if made["limit"]:
        lines.append(f"  {'moving the bytes alone':<38}{1e3 * made['limit']:10.3f} ms")
    return "\n".join(lines)


def bandwidth(turns=25):
    """Bytes a second, read and written, while 256 MB are changed in place on this thread: at its fastest, as a limit is.

    A copy would be slower: before a processor writes to other memory, it reads what was there.
    """
    array = np.ones(32_000_000)
    taken = []
    for _ in range(turns):
        begin = perf_counter()
        np.negative(array, out=array)
        taken.append(perf_counter() - begin)
    return 2 * array.nbytes / min(taken)


def banana(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def one_run(speed):
    """One run of 500 steps on a loss of two variables."""
    runs = {"Downhill: descend": lambda: descend(adam, rosenbrock.gradient, START, STEPS, lr=LR)[-1]}
    if HAS_TORCH:
        for way, given in {"PyTorch": {}, "PyTorch, fused": {"fused": True}}.items():

            def pytorch(given=given):
                theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
                optimizer = torch.optim.Adam([theta], lr=LR, **given)
                for _ in range(STEPS):
                    optimizer.zero_grad()
                    banana(theta[0], theta[1]).backward()
                    optimizer.step()
                return theta.detach().numpy()

            runs[way] = pytorch
    if HAS_OPTAX:
        slope = jax.grad(lambda theta: banana(*theta))
        compiled = jax.jit(_scan, static_argnums=1)
        runs["optax: jit(scan), compiled"] = lambda: np.asarray(compiled(LR, STEPS)[-1])
    if HAS_KERAS:
        eager = jax.jit(slope)

        def in_keras():
            keras.backend.set_floatx("float64")
            theta = keras.Variable(np.array(START), dtype="float64")
            optimizer = keras.optimizers.Adam(learning_rate=LR, epsilon=1e-12)
            optimizer.build([theta])
            for _ in range(STEPS):
                optimizer.apply([eager(theta.value)], [theta])
            return np.array(theta.value)

        runs["Keras, jax"] = in_keras
    agree(runs, rtol=1e-4)
    return compare("descent", f"Adam on Rosenbrock, {STEPS} steps, float64", runs, turns=9,
                   targets={"PyTorch": 1 / 20}, limit=16 * STEPS / speed)  # fmt: skip


def _scan(lr, steps):
    optimizer = optax.adam(lr)

    def step(carry, _):
        theta, state = carry
        updates, state = optimizer.update(jax.grad(lambda theta: banana(*theta))(theta), state)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta

    start = jax.numpy.array(START)
    _, path = jax.lax.scan(step, (start, optimizer.init(start)), length=steps)
    return jax.numpy.concatenate([start[None], path])


def sweep(speed):
    """A sweep of 1000 learning rates, with the paths of all."""
    rates = np.geomspace(1e-4, 1, 1000)
    runs = {"Downhill: descend, lr an array": lambda: descend(adam, rosenbrock.gradient, START, STEPS, lr=rates)}
    if HAS_OPTAX:
        every = jax.vmap(lambda lr: _scan(lr, STEPS), out_axes=1)
        compiled = jax.jit(every).lower(rates).compile()
        runs["optax: jit(vmap(scan)), compiled"] = lambda: compiled(rates).block_until_ready()
        runs["optax: the same, with compiling"] = lambda: anew(every, rates)
    agree(runs, rtol=1e-6)
    return compare("sweep", f"Adam on Rosenbrock, {STEPS} steps, 1000 learning rates, float64", runs, turns=9,
                   targets={"optax: jit(vmap(scan)), compiled": 0.45}, limit=16 * STEPS * 1000 / speed)  # fmt: skip


def anew(function, argument):
    """The result of a function that jax compiles once more for it."""
    jax.clear_caches()
    return jax.jit(function)(argument).block_until_ready()


def step(size, speed):
    """One step in place on ``size`` parameters in float32; the comparison and the memory at the peak of each."""
    rng = np.random.default_rng(0)
    start, g = (rng.normal(size=size).astype("float32") for _ in range(2))
    optimizer = Optimizer(adam, start.copy())
    runs = {"Downhill: Optimizer": lambda: optimizer.step(g)}
    results = {"Downhill: Optimizer": lambda: optimizer.theta}
    if HAS_TORCH:
        for way, given in {"loop": dict(foreach=False), "foreach": dict(foreach=True), "fused": dict(fused=True)}.items():
            theta = torch.tensor(start, requires_grad=True)
            theta.grad = torch.tensor(g)
            runs[f"PyTorch: {way}"] = torch.optim.Adam([theta], **given).step
            results[f"PyTorch: {way}"] = lambda theta=theta: theta.detach().numpy()
    if HAS_OPTAX:
        runs["optax: jit"], results["optax: jit"] = in_optax(start, g)
    if HAS_KERAS:
        keras.backend.set_floatx("float32")
        variable = keras.Variable(start)
        trained = keras.optimizers.Adam(epsilon=1e-12)
        trained.build([variable])
        gradient = jax.numpy.asarray(g)
        runs["Keras, jax"] = lambda: (trained.apply([gradient], [variable]), variable.value.block_until_ready())
        results["Keras, jax"] = lambda: np.array(variable.value)
    for run in runs.values():
        run()
    agree(results, rtol=1e-4)
    targets = {"PyTorch: loop": 0.5, "PyTorch: foreach": 0.75} if size == SIZES[-1] else {}
    made = compare("step", f"One step of Adam, {size:,} parameters, float32", runs, turns=max(9, min(199, 10**7 // size)),
                   targets=targets, limit=ADAM_MOVES * size / speed)  # fmt: skip
    return made | {"size": size, "memory": {name: memory(run) for name, run in runs.items()}}


def in_optax(start, g):
    """A function that makes a step, its state given away to be written over, and one that tells where it is."""
    optimizer = optax.adam(1e-3)

    def update(theta, state, gradient):
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(theta, updates), state

    moved, gradient = jax.jit(update, donate_argnums=(0, 1)), jax.numpy.asarray(g)
    now = [jax.numpy.asarray(start), optimizer.init(jax.numpy.asarray(start))]

    def run():
        now[:] = moved(*now, gradient)
        now[0].block_until_ready()

    return run, lambda: np.array(now[0])


def memory(run):
    """Megabytes that ``run`` takes at its peak beyond what is there: the process's own count on Linux, else NumPy's."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return round(peak / 1e6, 1)
    resident = lambda field: int(status.read_text(encoding="ascii").split(field + ":")[1].split()[0]) / 1e3
    reset.write_text("5", encoding="ascii")  # the peak starts again from the present
    before = resident("VmRSS")
    run()
    return round(max(resident("VmHWM") - before, 0), 1)


def growth():
    """Seconds of ours against the number of steps, of runs and of parameters: a dict of lists of pairs."""
    timed = lambda run: min(_once(run) for _ in range(5))
    descent = lambda steps, runs: lambda: descend(adam, rosenbrock.gradient, START, steps, lr=np.geomspace(1e-4, 1, runs))
    found = {
        "steps": [(steps, timed(descent(steps, 1))) for steps in (30, 100, 300, 1000, 3000, 10_000)],
        "runs": [(runs, timed(descent(100, runs))) for runs in (1, 10, 100, 1000, 10_000, 100_000)],
        "parameters": [],
    }
    for size in SIZES:
        optimizer, g = Optimizer(adam, np.zeros(size, "float32")), np.ones(size, "float32")
        found["parameters"].append((size, timed(lambda: optimizer.step(g))))
    return {name: [(x, float(f"{seconds:.4g}")) for x, seconds in pairs] for name, pairs in found.items()}


def _once(run):
    begin = perf_counter()
    run()
    return perf_counter() - begin


def agree(runs, rtol):
    """The peers give what we give, or there is nothing to compare."""
    ours, *theirs = (np.asarray(run()) for run in runs.values())
    for other in theirs:
        np.testing.assert_allclose(other, ours, rtol=rtol, atol=rtol)


def comparisons(speed):
    """All comparisons of this module, a list of dicts."""
    return [one_run(speed), sweep(speed), *(step(size, speed) for size in SIZES)]


if __name__ == "__main__":
    comparisons(bandwidth())
