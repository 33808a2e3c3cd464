"""Static figures: contours of a loss, paths on it, the loss against the step.

Importing this module sets the book's style. Every optimizer has one name, one colour and one dash through the whole
book, ``STYLES``; what is no optimizer takes the style's cycle. A variant has the colour of its family.
"""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from .descent import descend
from .losses import valley
from .rules import adam, momentum, rmsprop, sgd

plt.style.use(Path(__file__).with_name("book.mplstyle"))

SOLID, DASHED, DOTTED, DASH_DOT, LONG = (), (5, 2), (1.5, 1.5), (6, 2, 1.5, 2), (10, 3)


class Style(NamedTuple):
    """How a rule looks in every figure: its name in prose, its colour on a light and a dark page, its dashes.

    ``dash`` are lengths of dashes and gaps in line widths; none for a solid line.
    """

    label: str
    colour: str
    dark: str
    dash: tuple[float, ...]

    def line(self, **changes):
        """What matplotlib takes to draw the rule's line on a light page: keyword arguments, of which some may be others."""
        return {"color": self.colour, "linestyle": (0, self.dash), "label": self.label} | changes


_BLACK, _BLUE, _SKY = ("#000000", "#F2F2F2"), ("#0072B2", "#4C9BE8"), ("#56B4E9", "#9AD8FF")
_GREEN, _ORANGE, _VERMILLION = ("#009E73", "#2FC795"), ("#E69F00", "#F2C14E"), ("#D55E00", "#FF7F2A")
_PINK, _WINE, _INDIGO = ("#CC79A7", "#F2B8DA"), ("#882255", "#F25FA2"), ("#332288", "#A99BFF")

STYLES = {
    "sgd": Style("SGD", *_BLACK, SOLID),
    "momentum": Style("Momentum", *_BLUE, DASHED),
    "momentum_sutskever": Style("Momentum (Sutskever)", *_BLUE, DOTTED),
    "momentum_polyak": Style("Momentum (Polyak)", *_BLUE, DASH_DOT),
    "momentum_ema": Style("Momentum (average)", *_BLUE, LONG),
    "nesterov": Style("Nesterov", *_SKY, DASH_DOT),
    "adagrad": Style("AdaGrad", *_GREEN, DOTTED),
    "rmsprop": Style("RMSProp", *_ORANGE, DASHED),
    "rmsprop_centered": Style("RMSProp, centred", *_ORANGE, DOTTED),
    "rmsprop_momentum": Style("RMSProp with momentum", *_ORANGE, DASH_DOT),
    "rmsprop_nesterov": Style("RMSProp with Nesterov momentum", *_ORANGE, LONG),
    "adadelta": Style("AdaDelta", *_GREEN, LONG),
    "adam": Style("Adam", *_VERMILLION, SOLID),
    "adam_uncorrected": Style("Adam, uncorrected", *_VERMILLION, DOTTED),
    "adam_reordered": Style("Adam, reordered", *_VERMILLION, DASHED),
    "adamax": Style("AdaMax", *_PINK, DASH_DOT),
    "amsgrad": Style("AMSGrad", *_PINK, DASHED),
    "adam_l2": Style("Adam with L2", *_WINE, DASHED),
    "adamw": Style("AdamW", *_WINE, DOTTED),
    "nadam": Style("NAdam", *_SKY, LONG),
    "radam": Style("RAdam", *_VERMILLION, LONG),
    "lion": Style("Lion", *_INDIGO, SOLID),
    "ademamix": Style("AdEMAMix", *_WINE, LONG),
    "adopt": Style("ADOPT", *_PINK, DOTTED),
    "schedule_free": Style("Schedule-Free", *_ORANGE, SOLID),
    "schedule_free_adamw": Style("Schedule-Free AdamW", *_WINE, DASH_DOT),
    "muon": Style("Muon", *_INDIGO, DASHED),
    "soap": Style("SOAP", *_GREEN, SOLID),
}

OTHERS = (
    ("#7B3FB5", "#C39BF0", LONG),
    ("#007C80", "#3CCFCF", DASHED),
    ("#7A7A00", "#C9C94A", DASH_DOT),
    ("#8C510A", "#D8A25E", DOTTED),
    ("#666666", "#BBBBBB", SOLID),
)


def style_of(name, number):
    """The :class:`Style` of a rule that is not the library's: its name as the label, and a colour by its number."""
    return Style(name, *OTHERS[number % len(OTHERS)])


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
    Returns the figure; raises ``TypeError`` or ``ValueError`` for other paths, or for none.
    """
    if not isinstance(paths, dict) or not paths:
        raise TypeError(f"paths must be a dict of labels and their paths, one at least; got {paths!r}.")
    paths = {label: _path(label, path) for label, path in paths.items()}
    figure, (map_, curve) = plt.subplots(1, 2, figsize=(7, 3.3), width_ratios=[1.1, 1])
    contours(loss, map_)
    floor = min((float(loss(minimum)) for minimum in loss.minima), default=None)
    for number, (label, path) in enumerate(paths.items()):
        colour, dash = _style(label, number)
        finite = np.isfinite(path).all(axis=-1)
        label = label if finite.all() else f"{label} (diverged at step {finite.argmin()})"
        path = path[: len(path) if finite.all() else finite.argmin()]
        map_.plot(*path.T, color=colour, linestyle="-", marker=".", markersize=4, linewidth=0.9)
        height = loss(path)
        curve.plot(height if floor is None else height - floor, linestyle=dash, color=colour, label=label)
    map_.plot(*path[0], "o", markerfacecolor="white", markeredgecolor="black", zorder=6)
    _loss_axis(curve, floor, loss(path[0]))
    return figure


def _path(label, path):
    if not isinstance(label, str):
        raise TypeError(f"a label must be a word, got {label!r}.")
    try:
        path = np.asarray(path)
    except ValueError:
        path = np.asarray(None)
    if path.dtype.kind not in "fiu":
        raise TypeError(f"the path {label!r} must be an array of numbers, got {path!r}.")
    if path.ndim != 2 or path.shape[-1] != 2 or not len(path):
        raise ValueError(f"the path {label!r} must have the shape (steps + 1, 2), got {path.shape}.")
    if not np.isfinite(path[0]).all():
        raise ValueError(f"the path {label!r} must start somewhere finite, got {path[0]}.")
    return path


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
        look = STYLES[first_word]
        return look.colour, (0, look.dash) if look.dash else "-"
    cycle = plt.rcParams["axes.prop_cycle"].by_key()
    return tuple(cycle[key][number % len(cycle[key])] for key in ("color", "linestyle"))


def cover():
    """The picture of the README and of the first page: four rules race down a valley, 80 steps each."""
    rates = {sgd: 0.07, momentum: 0.02, rmsprop: 0.2, adam: 0.5}
    start, slope = (-9.0, 3.0), valley.gradient
    return race(valley, {rule.__name__: descend(rule, slope, start, 80, lr=lr) for rule, lr in rates.items()})


if __name__ == "__main__":
    cover().savefig(Path(__file__).parents[1] / "book" / "static" / "cover.png", dpi=100)
