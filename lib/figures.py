"""Static figures: contours of a loss, paths on it, the loss against the step.

Importing this module sets the book's style. Every optimizer has one colour and one dash through the whole book,
``STYLES``; what is no optimizer takes the style's cycle.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from .descent import descend
from .losses import valley
from .rules import adam, momentum, rmsprop, sgd

plt.style.use(Path(__file__).with_name("book.mplstyle"))

STYLES = {
    "sgd": ("#000000", "-"),
    "momentum": ("#0072B2", "--"),
    "nesterov": ("#56B4E9", "-."),
    "adagrad": ("#009E73", ":"),
    "rmsprop": ("#E69F00", "--"),
    "adam": ("#D55E00", "-"),
    "adamax": ("#CC79A7", "-."),
    "adamw": ("#882255", ":"),
}


def contours(loss, ax):
    """Draw filled contours of a :class:`lib.losses.Loss` over its domain, its minima as stars.

    Levels are closer together where the loss is low. Returns ``ax``.
    """
    (low_x, high_x), (low_y, high_y) = loss.domain
    x, y = np.meshgrid(np.linspace(low_x, high_x, 201), np.linspace(low_y, high_y, 201))
    height = loss(np.stack([x, y], -1))
    levels = height.min() + (height.max() - height.min()) * np.linspace(0, 1, 16) ** 3
    ax.contourf(x, y, height, levels, cmap="Greys", alpha=0.45)
    ax.contour(x, y, height, levels, colors="#999999", linewidths=0.5)
    for minimum in loss.minima:
        ax.plot(*minimum, "*", color="#CC3311", markersize=11, zorder=5)
    ax.set(xlim=(low_x, high_x), ylim=(low_y, high_y), xlabel="x", ylabel="y")
    ax.grid(False)
    return ax


def race(loss, paths):
    """Draw paths on the contours of a loss, and the loss above its lowest value against the step beside them.

    ``paths`` maps a label to a path of shape (steps + 1, 2) from :func:`lib.descent.descend`. A label that starts
    with the name of a rule has that rule's colour. A path that is no longer finite says so in the legend.
    Returns the figure; raises ``ValueError`` for a path of another shape.
    """
    figure, (map_, curve) = plt.subplots(1, 2, figsize=(7, 3.3), width_ratios=[1.1, 1])
    contours(loss, map_)
    floor = min((float(loss(minimum)) for minimum in loss.minima), default=None)
    for number, (label, path) in enumerate(paths.items()):
        path = np.asarray(path)
        if path.ndim != 2 or path.shape[-1] != 2:
            raise ValueError(f"the path {label!r} must have the shape (steps + 1, 2), got {path.shape}.")
        colour, dash = _style(label, number)
        finite = np.isfinite(path).all(axis=-1)
        label = label if finite.all() else f"{label} (diverged at step {finite.argmin()})"
        path = path[: len(path) if finite.all() else finite.argmin()]
        map_.plot(*path.T, color=colour, linestyle="-", marker=".", markersize=4, linewidth=0.9)
        with np.errstate(over="ignore", invalid="ignore"):
            height = loss(path)
        curve.plot(height if floor is None else height - floor, dash, color=colour, label=label)
    map_.plot(*path[0], "o", markerfacecolor="white", markeredgecolor="black", zorder=6)
    _loss_axis(curve, floor, loss(path[0]))
    return figure


def _loss_axis(ax, floor, start):
    ax.set(xlabel="step", ylabel="loss" if floor is None else "loss above the minimum")
    if floor is not None:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, 1e-12), min(high, 1e3 * (start - floor)))
    ax.legend()


def _style(label, number):
    first_word = label.replace(",", " ").partition(" ")[0]
    if first_word in STYLES:
        return STYLES[first_word]
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    return tuple(cycle[key][number % len(cycle[key])] for key in ("color", "linestyle"))


def cover():
    """The picture of the README and of the first page: four rules race down a valley, 80 steps each."""
    rates = {sgd: 0.07, momentum: 0.02, rmsprop: 0.2, adam: 0.5}
    start, slope = (-9.0, 3.0), valley.gradient
    return race(valley, {rule.__name__: descend(rule, slope, start, 80, lr=lr) for rule, lr in rates.items()})


if __name__ == "__main__":
    cover().savefig(Path(__file__).parents[1] / "book" / "static" / "cover.png", dpi=100)
