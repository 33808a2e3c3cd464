"""The recorded experiments as an interactive figure: :func:`race`.

The figure holds the tables themselves, three digits a number, and :func:`standing` is all that it computes of them; the
front end does the same in ``race.js``.
"""

import difflib
import json
from functools import cache
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter
from traitlets import Any

from ..experiments import EXPERIMENTS, best_chances, recorded, settings_of
from ..figures import STYLES
from ..rules import RULES
from .code import literal, style, widget_module
from .interactive import Interactive, figure_id
from .pictures import add_legend, listed, png, short

MEASURES = {"train_loss": "training loss", "test_loss": "test loss", "test_accuracy": "test accuracy"}
DIGITS = 3
FREE = "best"
HIGHER = 4


def race(
    *experiments, rules=None, measure="train_loss", seed="all", epochs=None, tries=None, logarithmic=True, name=None,
    **settings,
):  # fmt: skip
    """An interactive figure of recorded trainings: rules, their settings, and the budget of the comparison.

    - ``experiments`` are names in ``lib.experiments.EXPERIMENTS``; the first is shown, the reader can choose.
    - ``rules`` are the names of those that are on, by default all; ``measure`` is ``"train_loss"``, ``"test_loss"`` or
      ``"test_accuracy"``; ``seed`` is ``"all"`` or one of those recorded; ``logarithmic`` is the axis of a loss.
    - ``epochs`` is the budget of a run, ``tries`` how many settings of a rule are tried, drawn at random from its grid;
      by default all. The best of those tried has the lowest training loss, mean of its epochs and seeds.
    - ``settings`` are chosen by hand: ``adam_lr=0.01`` takes Adam's settings with that rate only; ``"best"`` for all.
    - ``name`` is the figure's id in the page, by default made from the experiments.

    Returns a :class:`Race`. Raises ``ValueError`` or ``TypeError`` for what cannot be meant.
    """
    if not experiments:
        raise ValueError('name at least one experiment, as in race("network").')
    for experiment in experiments:
        if not isinstance(experiment, str) or experiment not in EXPERIMENTS or experiments.count(experiment) > 1:
            raise ValueError(f"experiments must be some of {', '.join(EXPERIMENTS)}, each once; got {experiment!r}.")
    tables = {experiment: compact(experiment) for experiment in experiments}
    allowed = _allowed(tables)
    state = _usual(allowed) | {"measure": measure, "seed": seed, "logarithmic": logarithmic}
    for key, value in {"rules": rules, "epochs": epochs, "tries": tries}.items():
        state[key] = state[key] if value is None else value
    state = checked(allowed, state | _by_hand(allowed, settings))
    return Race(tables, allowed, state, figure_id(name, ["race", *experiments]))


def _by_hand(allowed, settings):
    """Settings by the keys of the state: ``adam_lr`` is ``adam.lr``."""
    keys = {_trait(key): key for key in allowed if "." in key}
    for word in settings:
        if word not in keys:
            near = difflib.get_close_matches(word, keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys)}."
            raise TypeError(f"no rule here was tried with {word!r}; {hint}")
    return {keys[word]: value for word, value in settings.items()}


# The tables.


@cache
def compact(experiment):
    """A recorded table as nested lists, for JSON.

    ``{"epochs", "seeds", "measures", "rules"}``; each rule has ``settings``, dicts of the hyper-parameters of which
    several values were tried, and by measure a list of settings of seeds of epochs. ``None`` is a run that diverged.
    """
    table = recorded(experiment)
    measures = [name for name in MEASURES if table[name].notna().any()]
    rules = {rule: _grid(rows, measures) for rule, rows in table.groupby("rule", sort=False)}
    seeds = sorted(map(int, table.seed.unique()))
    return {"epochs": int(table.epoch.max()), "seeds": seeds, "measures": measures, "rules": rules}


def _grid(rows, measures):
    names = [name for name in settings_of(rows) if name == "lr" or name != "rule" and rows[name].nunique() > 1]
    parts = {setting: part.sort_values(["seed", "epoch"]) for setting, part in rows.groupby(names, sort=True)}
    grid = {"settings": [dict(zip(names, map(float, setting))) for setting in parts]}
    for name in measures:
        grid[name] = [[_rounded(run[name]) for _, run in part.groupby("seed")] for part in parts.values()]
    return grid


def _rounded(values):
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values]


@cache
def _curves(experiment, rule, measure):
    """Shape (settings, seeds, epochs); a run that diverged has the worst value that there can be."""
    worst = 0.0 if measure == "test_accuracy" else np.inf
    values = np.array(compact(experiment)["rules"][rule][measure], float)
    return np.where(np.isnan(values), worst, values)


# The state, and what it may be.


def _allowed(tables):
    """What each entry of a state may be: a list of choices, of which ``rules`` has some and all others one."""
    grids = {}
    for table in tables.values():
        for rule, grid in table["rules"].items():
            for setting in grid["settings"]:
                for name, value in setting.items():
                    grids.setdefault(f"{rule}.{name}", set()).add(value)
    most = max(len(grid["settings"]) for table in tables.values() for grid in table["rules"].values())
    return {
        "experiment": [*tables],
        "rules": list(dict.fromkeys(rule for table in tables.values() for rule in table["rules"])),
        "measure": [name for name in MEASURES if any(name in table["measures"] for table in tables.values())],
        "seed": ["all", *sorted({seed for table in tables.values() for seed in table["seeds"]})],
        "logarithmic": [True, False],
        "epochs": [*range(1, 1 + max(table["epochs"] for table in tables.values()))],
        "tries": [*range(1, 1 + most)],
        **{key: [FREE, *sorted(values)] for key, values in grids.items()},
    }


def _usual(allowed):
    """The state of a figure of which nothing was said: the first choice everywhere, whole budgets, all rules."""
    whole = {"rules": allowed["rules"], "epochs": allowed["epochs"][-1], "tries": allowed["tries"][-1]}
    return {key: choices[0] for key, choices in allowed.items()} | whole


def checked(allowed, state):
    """A state in its normal form. Raises ``ValueError`` or ``TypeError`` that names entry, value and what may be."""
    for key in (*state, *allowed):
        if (key in state) != (key in allowed):
            raise ValueError(f"the state {'has no' if key in state else 'needs'} {key!r}; it has {', '.join(allowed)}.")
    normal = {key: _one(key, state[key], choices) for key, choices in allowed.items() if key != "rules"}
    rules = _some(state["rules"], allowed["rules"])
    return {key: normal.get(key, rules) for key in allowed}


def _some(value, rules):
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"rules must be a list, got {value!r}.")
    chosen = [_one("rules", rule, rules) for rule in value]
    if len({*chosen}) != len(chosen):
        raise ValueError(f"rules must name each rule once, got {value!r}.")
    return [rule for rule in rules if rule in chosen]


def _one(key, value, choices):
    for choice in choices:
        if isinstance(value, (bool, np.bool_)) == isinstance(choice, bool) and np.isscalar(value) and value == choice:
            return choice
    raise ValueError(f"{_trait(key)} must be one of {', '.join(map(str, choices))}; got {value!r}.")


def _trait(key):
    return key.replace(".", "_")


# Who is first.


class Entrant(NamedTuple):
    """A rule in the race: how many settings it has and how many are tried, the best of all, the expected score."""

    rule: str
    settings: int
    tries: int
    chosen: int
    value: float


class Scope(NamedTuple):
    """What a state means for the experiment that is shown."""

    table: dict
    epochs: int
    measure: str
    seeds: list


def scope(tables, state):
    """What a state means for its experiment, which may have fewer epochs, seeds and measures than the others."""
    table = tables[state["experiment"]]
    measure = state["measure"] if state["measure"] in table["measures"] else "train_loss"
    seeds = [at for at, seed in enumerate(table["seeds"]) if seed == state["seed"]] or [*range(len(table["seeds"]))]
    return Scope(table, min(state["epochs"], table["epochs"]), measure, seeds)


def standing(tables, state, epochs=None):
    """The rules that are on, first one first: a list of :class:`Entrant`, after ``epochs`` or the state's budget."""
    table, budget, measure, seeds = scope(tables, state)
    entrants = []
    for rule in state["rules"]:
        if rule in table["rules"]:
            losses, scores = (
                _means(state["experiment"], rule, name, seeds, epochs or budget) for name in ("train_loss", measure)
            )
            kept = sorted(_kept(rule, table["rules"][rule]["settings"], state), key=losses.__getitem__)
            tries = min(state["tries"], len(kept))
            chances = best_chances(len(kept), tries, repeat=False)
            value = sum(chance * scores[at] for at, chance in zip(kept, chances) if chance)
            entrants.append(Entrant(rule, len(kept), tries, kept[0], float(value)))
    sign = -1 if measure == "test_accuracy" else 1
    return sorted(entrants, key=lambda entrant: sign * entrant.value)


def _means(experiment, rule, measure, seeds, epochs):
    """The score of each setting: its mean over seeds and epochs, added up in the order of the front end."""
    some = np.array([curves[seeds, :epochs].ravel() for curves in _curves(experiment, rule, measure)])
    return (np.cumsum(some, axis=1)[:, -1] / some.shape[1]).tolist()


def _kept(rule, settings, state):
    """The settings that agree with what was chosen by hand; a value that this grid has not leaves the choice free."""
    wanted = {name: state[f"{rule}.{name}"] for name in settings[0]}
    wanted = {name: value for name, value in wanted.items() if any(setting[name] == value for setting in settings)}
    return [at for at, setting in enumerate(settings) if wanted.items() <= setting.items()]


def sentence(tables, state):
    """Who is how good after which budget, and with which other budget someone else would be first."""
    _, epochs, measure, seeds = scope(tables, state)
    entrants = standing(tables, state)
    if not entrants:
        return "No rule is switched on."
    known = max(entrant.settings for entrant in entrants)
    tries = min(state["tries"], known)
    tried = "all tries" if tries == known else f"{_many(tries, 'tr', 'y', 'ies')} a rule"
    seed = f" of seed {state['seed']}" if len(seeds) < len(tables[state["experiment"]]["seeds"]) else ""
    what = "expected " * any(entrant.tries < entrant.settings for entrant in entrants) + f"mean {MEASURES[measure]}"
    scores = ", ".join(f"{STYLES[entrant.rule].label} {told(measure, entrant.value)}" for entrant in entrants)
    other = _otherwise(tables, state, entrants[0].rule)
    return f"After {_many(epochs, 'epoch')}{seed} and {tried}, {what}: {scores}{other}."


def _otherwise(tables, state, leader):
    """The nearest other number of epochs after which another rule would be first."""
    table, epochs, *_ = scope(tables, state)
    if len([rule for rule in state["rules"] if rule in table["rules"]]) < 2:
        return ""
    for other in sorted(range(1, 1 + table["epochs"]), key=lambda other: abs(other - epochs)):
        first = standing(tables, state, other)[0].rule
        if first != leader:
            return f"; {STYLES[first].label} would be first after {_many(other, 'epoch')}"
    return f"; {STYLES[leader].label} is first after any number of epochs"


def _many(number, stem, one="", many="s"):
    return f"{number} {stem}{one if number == 1 else many}"


def told(measure, value):
    """A score in three digits, an accuracy in per cent; what differs in the last bits alone is told alike."""
    value = float(f"{100 * value if measure == 'test_accuracy' else value:.12g}")
    return f"{short(value, 3)}{' %' if measure == 'test_accuracy' else ''}"


# The still picture.


def picture(tables, state):
    """The curves of the chosen settings, and the score of every learning rate: a figure of matplotlib."""
    _, epochs, measure, seeds = scope(tables, state)
    figure = Figure((7, 3.3), layout="constrained")
    curves, rates = figure.subplots(1, 2)
    for entrant in standing(tables, state):
        look = STYLES[entrant.rule]
        runs = _curves(state["experiment"], entrant.rule, measure)[entrant.chosen][seeds][:, :epochs]
        low, middle, high = np.quantile(runs, [0.25, 0.5, 0.75], axis=0, method="linear")
        curves.plot(range(1, epochs + 1), middle, marker="" if epochs > 1 else "o", **look.line())
        curves.fill_between(range(1, epochs + 1), low, high, color=look.colour, alpha=0.2)
        _draw_rates(rates, tables, state, entrant)
    curves.set(xlabel="epoch", ylabel=MEASURES[measure])
    rates.set(xlabel="learning rate", ylabel=f"mean {MEASURES[measure]}", xscale="log")
    curves.set_xlim(0.5, epochs + 0.5)
    curves.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if measure != "test_accuracy":
        low, high = _heights(tables, state)
        rates.set_ylim(0.9 * low, 1.05 * high)
        if state["logarithmic"]:
            _set_logarithmic(curves)
            _set_logarithmic(rates)
    add_legend(figure, curves)
    return figure


def _set_logarithmic(ax):
    """A logarithmic axis, with numbers on it that can be read."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if high < 9 * low else NullFormatter())


def _heights(tables, state):
    """From where to where the plot of rates goes: it has the chosen scores, and what is not many times the lowest."""
    _, epochs, measure, seeds = scope(tables, state)
    chosen = [(entrant.rule, entrant.chosen) for entrant in standing(tables, state)]
    scores = [_means(state["experiment"], rule, measure, seeds, epochs)[at] for rule, at in chosen]
    finite = [score for score in scores if np.isfinite(score)] or [1.0]
    return min(finite), max(HIGHER * min(finite), *finite)


def _draw_rates(ax, tables, state, entrant):
    table, epochs, measure, seeds = scope(tables, state)
    settings, look = table["rules"][entrant.rule]["settings"], STYLES[entrant.rule]
    scores = np.array(_means(state["experiment"], entrant.rule, measure, seeds, epochs))
    chosen = settings[entrant.chosen]
    line = [at for at, setting in enumerate(settings) if setting | {"lr": 0} == chosen | {"lr": 0}]
    finite = np.where(np.isinf(scores), np.nan, scores)
    ax.plot([settings[at]["lr"] for at in line], finite[line], marker=".", **look.line())
    ax.plot(chosen["lr"], finite[entrant.chosen], "o", ms=10, markerfacecolor="none", markeredgecolor=look.colour)


def title(tables, state):
    """What is drawn, in a sentence."""
    labels = listed([STYLES[entrant.rule].label for entrant in standing(tables, state)] or ["no rule"])
    what = f"{MEASURES[scope(tables, state).measure].capitalize()} of {labels}, experiment {state['experiment']}"
    return f"{what}, against the epoch, and its mean against the learning rate."


class Race(Interactive):
    """An interactive figure of recorded trainings; :func:`race` makes one.

    In a live notebook its traits can be set, observed and linked, and follow what the reader does:

    - ``state``, a dict, and each of its entries: ``experiment``, ``rules``, ``measure``, ``seed``, ``logarithmic``,
      ``epochs``, ``tries``, and by rule and hyper-parameter, as in ``adam_lr``, the recorded value chosen by hand or
      ``"best"``;
    - ``ranking``, read only: the rules that are on, first one first, with their scores, a dict. ``value`` is the same;
    - ``call``, read only: the Python call that makes the figure as it is now.

    A value that cannot be meant raises ``TraitError`` and changes nothing; one from the front end is sent back.
    """

    ranking = Any(read_only=True)

    def __init__(self, tables, allowed, state, name):
        self._tables, self._allowed = tables, allowed
        runs = {rule: rule for rule in allowed["rules"]}
        spec = {
            "id": name, "kind": "race", "runs": runs, "losses": [], "state": state, "host": "kernel",
            "allowed": allowed, "tables": tables, "measures": MEASURES,
        }  # fmt: skip
        others = {rule: {"label": STYLES[rule].label} for rule in runs if rule not in RULES}
        self._others = literal({"rules": others}) if others else ""
        module = widget_module(self._others or "{}", "race")
        super().__init__(spec, {_trait(key): key for key in state}, module, style("race"))

    def _check(self, state):
        return checked(self._allowed, state)

    def _changed(self, key, value):
        return checked(self._allowed, self.state | {key: value})

    def _compute(self):
        for name in ("ranking", "value"):
            self.set_trait(name, {entrant.rule: entrant.value for entrant in standing(self._tables, self.state)})

    def _call(self, exact):
        shown = self.state["experiment"]
        words = [json.dumps(name) for name in sorted(self._tables, key=lambda name: name != shown)]
        usual = _usual(self._allowed) | {"experiment": shown}
        words += [f"{_trait(key)}={value!r}" for key, value in self.state.items() if value != usual[key]]
        return f"race({', '.join(words)})".replace("'", '"')

    def _sentence(self):
        return sentence(self._tables, self.state)

    def _picture(self):
        words = f"{title(self._tables, self.state)} {self._sentence()}"
        return png(picture(self._tables, self.state)), words

    def _brought(self):
        return self._others

    def _heights(self):
        runs = len(self.state["rules"])
        return 1000 + 133 * runs, 514 + 49 * runs
