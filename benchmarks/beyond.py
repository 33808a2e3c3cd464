"""A step of the newer rules against a step of Adam: ``OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/beyond.py``.

The network 196-100-100-10, mini-batches of 128, float32. Printed are the time of the rule alone and of the whole
training step, gradient included, each over Adam's; rules take turns, and the median of all turns counts.
"""

from time import perf_counter

import numpy as np

from lib import layers, rules
from lib.beyond import ademamix, adopt, schedule_free_adamw
from lib.data import load

RULES = rules.adam, rules.nadam, rules.radam, rules.lion, ademamix, adopt, schedule_free_adamw, layers.muon, layers.soap
TURNS, STEPS, BATCH = 15, 20, 128


def seconds(rule, X, y):
    """Seconds of 20 gradients and of the 20 steps of a rule."""
    theta = layers.NETWORK.start(0, "float32")
    lengths = getattr(rule, "sizes", theta.shape * (rule.__code__.co_argcount - 3))
    state, spent = [np.zeros(length, "float32") for length in lengths], np.zeros(2)
    for t in range(1, STEPS + 1):
        begin = perf_counter()
        g = layers.NETWORK.gradient(theta, X, y)
        middle = perf_counter()
        theta, *state = rule(theta, g, t, *state, lr=np.float32(1e-3))
        spent += middle - begin, perf_counter() - middle
    return spent


if __name__ == "__main__":
    data = load("fashion", "float32")
    X, y = data.X_train[:BATCH], data.y_train[:BATCH]
    times = np.median([[seconds(rule, X, y) for rule in RULES] for _ in range(TURNS)], axis=0)
    for rule, (gradient, step) in zip(RULES, times):
        print(f"{rule.__name__:20} rule {step / times[0, 1]:5.2f}   whole step {(gradient + step) / times[0].sum():5.2f}")
