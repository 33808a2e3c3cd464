"""Still pictures of the interactive figures, and what happens in them in words: for print, and as alternative text."""

import inspect
import io
import math
from decimal import ROUND_HALF_UP, Context
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from PIL import Image

from ..bounds import BOUNDS
from ..figures import STYLES, contours, style_of
from ..notation import colour, symbol
from .runs import descents, gap, hyper, is_library_rule, is_logarithmic, plane, predicted, rate_of, traces

COLOURS = 48
FAR = 1e9


@np.errstate(all="ignore")
def picture(kind, rules, loss, state):
    """The picture of a state, 700 pixels wide, as the bytes of a PNG file; ``loss`` is None for a stream."""
    return png(KINDS[kind].draw(rules, loss, state))


def png(figure):
    """A figure of matplotlib as the bytes of a small PNG file."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    coverage, small = Image.Quantize.MAXCOVERAGE, io.BytesIO()
    Image.open(drawn).convert("RGB").quantize(COLOURS, coverage, kmeans=1, dither=0).save(small, "PNG", optimize=True)
    return small.getvalue()


def sentence(kind, rules, loss, state):
    """What happens in a state, in one sentence (two for a plane); the front end says the same."""
    return KINDS[kind].tell(rules, loss, state) if state["rules"] else "No rule is switched on."


def alt(kind, rules, loss, state):
    """The alternative text of the picture: what is drawn, and what happens."""
    return f"{KINDS[kind].title(rules, loss, state)} {sentence(kind, rules, loss, state)}"


def short(x, digits=2):
    """A number in two digits, or in more: ``0.05``, ``−1300``, ``3.1e−4``."""
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal_from_float(float(x)).normalize()
    exponent = rounded.adjusted()
    written = f"{rounded:f}" if -3 <= exponent <= 3 else f"{rounded.scaleb(-exponent):f}e{exponent}"
    return written.replace("-", "−")


def looks(rules):
    """The :class:`lib.figures.Style` of every run; a rule's second run has a number behind its label."""
    names = list(dict.fromkeys(rule.__name__ for rule in rules.values() if not is_library_rule(rule)))
    found, before = {}, []
    for run, rule in rules.items():
        name = rule.__name__
        style = style_of(name, names.index(name)) if name in names else STYLES[name]
        before.append(name)
        again = before.count(name)
        found[run] = style if again == 1 else style._replace(label=f"{style.label} ({again})", dash=(again, again))
    return found


def listed(words):
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _labels(rules, state):
    return listed([looks(rules)[run].label for run in state["rules"]] or ["no rule"])


def _point(values):
    return f"({', '.join(f'{value:g}' for value in values)})"


def add_legend(figure, ax):
    """Name the lines of ``ax`` below the figure, which grows by that."""
    lines, labels = ax.get_legend_handles_labels()
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.25 * -(-len(lines) // 3))
    figure.legend(lines, labels, loc="outside lower center", ncols=3, fontsize="small")


# Descent.


def _draw_descent(rules, loss, state):
    figure = Figure((7, 3.3), layout="constrained")
    map_, curve = figure.subplots(1, 2, width_ratios=[1.1, 1])
    _draw_map(map_, rules, loss, state)
    _draw_curve(curve, rules, loss, state)
    add_legend(figure, curve)
    return figure


def _draw_map(ax, rules, loss, state):
    contours(loss, ax)
    for run, (path, _) in descents(rules, loss, state).items():
        style = looks(rules)[run]
        ax.plot(*np.clip(path, -FAR, FAR).T, ".-", color=style.colour, markersize=4, linewidth=0.9)
    ax.plot(*state["start"], "o", markerfacecolor="white", markeredgecolor="black", zorder=6)


def _draw_curve(ax, rules, loss, state):
    falls = bool(loss.minima)
    ax.set(xlabel="step", ylabel="loss above the minimum" if falls else "loss", yscale="log" if falls else "linear")
    for run, (path, _) in descents(rules, loss, state).items():
        ax.plot(np.clip(gap(loss, path), 1e-12 if falls else -FAR, FAR), **looks(rules)[run].line())
    low, high = ax.get_ylim()
    start = max(abs(float(gap(loss, state["start"]))), 1e-6)
    ax.set_ylim(max(low, -1e3 * start), min(high, 1e3 * start))


def _title_descent(rules, loss, state):
    labels, start = _labels(rules, state), _point(state["start"])
    return f"Contours of {loss} with the paths of {labels} from {start}, and their loss against the step."


def _tell_descent(rules, loss, state):
    runs = {looks(rules)[run].label: result for run, result in descents(rules, loss, state).items()}
    arrive = {label: short(gap(loss, run.path[-1])) for label, run in runs.items() if not lost(run, loss)}
    if len(arrive) < 2:
        return "; ".join(f"{label} {outcome(run, loss, state)}" for label, run in runs.items()) + "."
    (label, height), *more = arrive.items()
    words = f"is {height} above the minimum" if loss.minima else f"has a loss of {height}"
    told = ", ".join([f"After {state['steps']} steps {label} {words}", *map(" ".join, more)])
    others = (f"{label} {lost(run, loss)}" for label, run in runs.items() if label not in arrive)
    return "; ".join([told, *others]) + "."


def lost(run, loss):
    """How a run was lost, in a clause, or None."""
    if run.diverged is not None:
        return f"diverges at step {run.diverged}"
    inside = [all(low <= x <= high for x, (low, high) in zip(point, loss.domain)) for point in run.path.tolist()]
    if inside[-1]:
        return None
    return f"leaves the plot at step {len(inside) - inside[::-1].index(True) if any(inside) else 0}"


def outcome(run, loss, state):
    """What became of a run on a loss, in a clause."""
    if how := lost(run, loss):
        return how
    height, after = short(gap(loss, run.path[-1])), f"after {state['steps']} steps"
    return f"reaches {height} above the minimum {after}" if loss.minima else f"reaches a loss of {height} {after}"


# Stream.


def _draw_stream(rules, loss, state):
    runs = traces(rules, state)
    names = [*dict.fromkeys(name for trace in runs.values() for name in trace if name != "step/lr"), "step/lr"]
    columns = 2 if len(names) < 5 else 3
    rows = -(-len(names) // columns)
    figure = Figure((7, 0.4 + 1.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for name, ax in zip(names, panels):
        _draw_quantity(ax, name, rules, runs)
    for unused in panels:
        unused.remove()
    for run in runs:
        _draw_bound(ax, rules, run, state)
    ax.set_xlabel("step")
    add_legend(figure, ax)
    return figure


def _draw_quantity(ax, name, rules, runs):
    title = rf"step / ${symbol('lr')}$" if name == "step/lr" else f"${symbol(name)}$"
    ax.set_title(title, color=(colour(name) or ["black"])[0])
    for run, trace in runs.items():
        if name in trace:
            values = np.where(np.abs(trace[name]) < FAR, trace[name], np.nan)
            ax.plot(values, **looks(rules)[run].line(), marker="." if name == "g" else "", markersize=3)


def _draw_bound(ax, rules, run, state):
    """The tightest bound on |step| / lr, above and below, where the rule is one of those that have one."""
    if not is_library_rule(rules[run]) or rules[run].__name__ not in BOUNDS or not state["corrected"]:
        return
    bound = BOUNDS[rules[run].__name__].bounds[0].value
    needed = inspect.signature(bound).parameters
    settings = {name: value for name, value in hyper(rules, run, state).items() if name in needed}
    height = [bound(t, **settings) for t in range(1, state["steps"] + 1)]
    for side in (1, -1):
        ax.plot(range(1, state["steps"] + 1), side * np.array(height), color="#666666", linewidth=0.7)


def _title_stream(rules, loss, state):
    stream = {"worst": "The worst", "drawn": "A drawn"}.get(state["stream"], f"The {state['stream']}")
    labels = _labels(rules, state)
    return f"{stream} stream of {state['steps']} gradients, the quantities of {labels}, and step over learning rate."


def _tell_stream(rules, loss, state):
    longest = {run: _longest(trace["step/lr"][1:]) for run, trace in traces(rules, state).items()}
    return "; ".join(f"{looks(rules)[run].label}{words}" for run, words in longest.items()) + "."


def _longest(steps):
    sizes = np.abs(steps)
    if not np.isfinite(sizes).all():
        return f" gives NaN at step {np.isfinite(sizes).argmin() + 1}"
    first = (sizes >= (1 - 1e-9) * sizes.max()).argmax() + 1
    return f": the largest step is {short(sizes.max())} times the learning rate, at step {first}"


# Plane.


def _draw_plane(rules, loss, state):
    x, y, measured = plane(rules, loss, state)
    theory = predicted(rules, loss, state)
    fields = {"": measured} if theory is None else {"measured": measured, "predicted": theory}
    figure = Figure((7, 3.3), layout="constrained")
    *panels, map_ = figure.subplots(1, len(fields) + 1)
    shown = [np.ma.masked_invalid(np.clip(field, -FAR, FAR)) for field in fields.values()]
    edges, norm = (_edges("x", x, state), _edges("y", y, state)), _norm(loss, state, shown[0])
    ramp = colormaps["cividis"].with_extremes(over="white")
    here = [state[f"{state['rules'][0]}.{state[f'{name}_name']}"] for name in "xy"]
    for ax, title, field in zip(panels, fields, shown):
        image = ax.pcolormesh(*edges, field, cmap=ramp, norm=norm)
        ax.grid(False)
        for name in "xy":
            _set_axis(ax, name, state)
        ax.set_title(title, fontsize="medium")
        ax.plot(*here, "o", markerfacecolor="white", markeredgecolor="black")
    figure.colorbar(image, ax=panels, label=_measure(state), location="bottom" if theory is not None else "right")
    _draw_map(map_, rules, loss, state)
    return figure


def _norm(loss, state, measured):
    """What the colours run over: from the best to the start; what is worse, or diverges, stays white."""
    best = float(measured.min()) if measured.count() else 0.0
    if state["measure"] == "rate":
        return Normalize(min(best, 1), 1)
    most = float(np.clip(gap(loss, state["start"]), -FAR, FAR))
    if not loss.minima:
        return Normalize(min(best, most), most)
    most = max(most, 1e-9)
    return LogNorm(min(max(best, 1e-12), most / 10), most)


def _set_axis(ax, name, state):
    called, limits = state[f"{name}_name"], state[f"{name}_range"]
    scale = "log" if is_logarithmic(called, limits) else "linear"
    ax.set(**{f"{name}scale": scale, f"{name}lim": limits, f"{name}label": f"{called}, ${symbol(called)}$"})


def _edges(name, values, state):
    """Where the cells around the values of an axis begin and end."""
    log = is_logarithmic(state[f"{name}_name"], state[f"{name}_range"])
    flat = np.log10(values) if log else values
    half = (flat[1] - flat[0]) / 2
    edges = np.append(flat - half, flat[-1] + half)
    return 10**edges if log else edges


def _measure(state):
    if state["measure"] == "rate":
        return "factor per step"
    return f"loss after {state['steps']} steps"


def _title_plane(rules, loss, state):
    ranges = (" from ".join([state[f"{name}_name"], " to ".join(map(short, state[f"{name}_range"]))]) for name in "xy")
    measure = _measure(state).capitalize() + (", measured and predicted," if predicted(rules, loss, state) is not None else "")
    what = f"{measure} of {_labels(rules, state)} on {loss}"
    return f"{what}, as colours: {' across, '.join(ranges)} up."


def _tell_plane(rules, loss, state):
    ((run, result),) = descents(rules, loss, state).items()
    x, y, measured = plane(rules, loss, state)
    here = ", ".join(f"{name} {short(state[f'{run}.{name}'])}" for name in (state["x_name"], state["y_name"]))
    told = f"{looks(rules)[run].label}, {here}: {outcome(result, loss, state)}.{_best(x, y, measured, state)}"
    theory = predicted(rules, loss, state, at_all=False)
    if theory is None or result.diverged is not None:
        return told
    return f"{told} Factor per step: {rate_of(loss, result.path):.4g} measured, {theory:.4g} predicted."


def _best(x, y, measured, state):
    if np.isnan(measured).all():
        return ""
    row, column = np.unravel_index(np.nanargmin(measured), measured.shape)
    where = f"{state['x_name']} {short(x[column])}, {state['y_name']} {short(y[row])}"
    return f" The best of {measured.size} points: {where}, {short(measured[row, column])}."


class Kind(NamedTuple):
    """What one kind of figure is drawn with and told with: functions of the rules, the loss and the state."""

    draw: object
    title: object
    tell: object


KINDS = {
    "descent": Kind(_draw_descent, _title_descent, _tell_descent),
    "stream": Kind(_draw_stream, _title_stream, _tell_stream),
    "plane": Kind(_draw_plane, _title_plane, _tell_plane),
}
