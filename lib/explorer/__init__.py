"""Interactive figures: :func:`explore` paths on a loss, a :func:`stream` of gradients, a :func:`plane` of settings, a
:func:`race` of recorded trainings.

A figure runs in the page by itself, without Python; in a live notebook it is also a widget, whose settings and
results are traits. Python and JavaScript run the same rules, made from the same source.

    >>> from lib.explorer import explore
    >>> from lib.losses import valley
    >>> from lib.rules import adam, sgd
    >>> figure = explore(sgd, adam, on=valley, sgd_lr=0.05, adam_lr=0.5)
    >>> figure.path["adam"].shape
    (201, 2)
    >>> figure.sgd_lr = 0.085
    >>> print(figure)  # doctest: +ELLIPSIS
    explore(sgd, adam, on=valley, sgd_lr=0.085, adam_lr=0.5): SGD leaves the plot at step 6; Adam reaches ...
"""

import json

import numpy as np
from traitlets import Any

from ..equations import read_rule
from ..losses import LOSSES, Loss, valley
from . import states
from .code import own_code, style, widget_module
from .interactive import Interactive, figure_id
from .pictures import alt, picture, sentence
from .race import Race, race
from .runs import descents, is_library_rule, traces

__all__ = ["explore", "plane", "race", "stream", "Figure", "Race"]


def explore(
    *rules, on=valley, start=None, steps=200, step=None, noise=0.0, seed=0, arrows=False, offer=(), name=None, **hyper
):
    """An interactive figure of rules that run down a loss from the same start.

    - ``rules`` are functions in the house form, from :mod:`lib.rules` or from a cell; ``offer`` are further ones
      that the reader can switch on. The same rule twice makes the runs ``adam`` and ``adam_2``.
    - ``on`` is a :class:`lib.losses.Loss`, or several, of which the first is shown and the reader can choose.
    - ``start`` is the point to start from, the loss's own by default; ``steps`` their number, ``step`` the one that
      is shown, the last by default.
    - ``noise`` is the standard deviation of the gradient's noise, which starts from ``seed``; ``arrows`` shows the
      vectors at the step.
    - ``name`` is the figure's id in the page, by default made from what it shows.
    - ``hyper`` are hyper-parameters: ``lr=0.1`` for every run that has it, ``adam_lr=0.1`` for one.

    Returns a :class:`Figure`. Raises ``ValueError`` or ``TypeError`` for what cannot be meant, and
    :class:`lib.equations.HouseFormError` for a rule or loss that cannot be read.
    """
    return _figure(
        "descent", rules, offer, on, name,
        start=start, steps=steps, step=step, noise=noise, seed=seed, arrows=arrows, **hyper,
    )  # fmt: skip


def stream(
    *rules, g="noisy", steps=100, step=None, seed=0, theta=0.0, corrected=True, offer=(), name=None, **hyper
):
    """An interactive figure of what rules make of a stream of gradients, quantity by quantity, for one parameter.

    - ``g`` is the name of a stream in ``lib.streams.STREAMS``; ``"worst"`` for the gradients that make the
      longest step of the first rule for which they are known; or a list of gradients, one a step.
    - ``theta`` is where the parameter starts; ``corrected=False`` leaves out corrections of the form 1 − βᵗ.
    - all else as in :func:`explore`.
    """
    return _figure(
        "stream", rules, offer, None, name,
        g=g, steps=steps, step=step, seed=seed, theta=theta, corrected=corrected, **hyper,
    )  # fmt: skip


def plane(
    rule, x="lr", y=None, on=valley, x_range=None, y_range=None, measure="loss", start=None, steps=100, step=None,
    noise=0.0, seed=0, arrows=False, offer=(), name=None, **hyper,
):  # fmt: skip
    """An interactive figure of two hyper-parameters: how good each pair is, and the run of the chosen one beside it.

    - ``x`` and ``y`` are names of hyper-parameters, by default the learning rate and the next; ``x_range`` and
      ``y_range`` are their limits, by default two powers of ten around a rate's default and 0 to 0.99 for a share.
    - ``measure`` is ``"loss"``, the loss above its minimum after ``steps`` steps, or ``"rate"``, the mean factor by
      which the second half of the run shrinks the distance to the minimum with each step; where :mod:`lib.rates`
      knows that factor in closed form, it is drawn beside the measured one.
    - ``hyper`` are the values of the chosen run; all else is as in :func:`explore`.
    """
    return _figure(
        "plane", (rule,), offer, on, name,
        x=x, y=y, x_range=x_range, y_range=y_range, measure=measure,
        start=start, steps=steps, step=step, noise=noise, seed=seed, arrows=arrows, **hyper,
    )  # fmt: skip


FIRST_STATES = {"descent": states.descent, "stream": states.stream, "plane": states.plane}
CALLS = {"descent": "explore", "stream": "stream", "plane": "plane"}
ARGUMENTS = {"stream": "g", "drawn": "g"}


def _figure(kind, rules, offer, on, name, **settings):
    if not isinstance(offer, (list, tuple)):
        raise TypeError(f"offer must be a list of rules, got {offer!r}.")
    runs = _runs([*rules, *offer])
    losses = {} if kind == "stream" else _losses(on)
    shown = list(runs)[: len(rules)]
    state = FIRST_STATES[kind](shown, runs, losses, **settings)
    state = states.checked(runs, losses, state, state)
    return Figure(kind, runs, losses, state, _id(name, kind, state))


def _runs(rules):
    """Run keys to rules; each is read, so that one that cannot be is refused here."""
    if not rules:
        raise ValueError("name at least one rule, as in explore(adam).")
    runs = {}
    for rule in rules:
        read_rule(rule)
        if not rule.__name__.isidentifier():
            raise ValueError(f"a rule is called {rule.__name__!r}; a name that Python allows is needed.")
        again = sum(other is rule for other in runs.values())
        key = f"{rule.__name__}_{again + 1}" if again else rule.__name__
        if key in runs:
            raise ValueError(f"two different runs would be called {key}; give one rule another name.")
        runs[key] = rule
    return runs


def _losses(on):
    """Loss keys to losses: a loss of the library by its name, any other by its name with a number."""
    found = {}
    for loss in on if isinstance(on, (list, tuple)) and on else [on]:
        if not isinstance(loss, Loss):
            raise TypeError(f"on must be a Loss of lib.losses or several, got {on!r}.")
        if not loss.name.isprintable():
            raise ValueError(f"a loss is called {loss.name!r}; a name that can be printed is needed.")
        ours = LOSSES.get(loss.name) is loss
        number = 1 + sum(other.name == loss.name for other in found.values())
        found[loss.name if ours else f"{loss.name}_{number}"] = loss
    return found


def _id(name, kind, state):
    return figure_id(name, [kind, *state["rules"], state.get("loss", state.get("stream"))])


class Figure(Interactive):
    """An interactive figure; :func:`explore`, :func:`stream` and :func:`plane` make one.

    In a live notebook its traits can be set, observed and linked, and follow what the reader does:

    - ``state``, a dict, and each of its entries: ``steps``, ``step``, ``seed``, ``rules``, ``loss``, ``start`` …;
    - the hyper-parameters, ``lr`` with one run, ``adam_lr`` and ``sgd_lr`` with several;
    - ``path``, read only: an array of shape (steps + 1, 2), up to where it is finite; a dict of them by run with
      several; of a stream the values of theta. ``value`` is the same, for ``interact``;
    - ``call``, read only: the Python call that makes the figure as it is now;
    - ``trace``, read only, of a stream: a dict of arrays by quantity, index 0 before the first step, in a dict by run
      with several.

    A value that cannot be meant raises ``TraitError`` and changes nothing; one from the front end is sent back.
    """

    path = Any(read_only=True)
    trace = Any(read_only=True)

    def __init__(self, kind, rules, losses, state, name):
        self._kind, self._rules, self._losses, self._first = kind, rules, losses, state
        self._own = _own(rules, losses)
        runs = {run: rule.__name__ for run, rule in rules.items()}
        spec = {"id": name, "kind": kind, "runs": runs, "losses": [*losses], "state": state, "host": "kernel"}
        super().__init__(spec, _entries(rules, state), widget_module(own_code(*self._own)), style())

    def _check(self, state):
        return states.checked(self._rules, self._losses, state, self._first)

    def _changed(self, key, value):
        return states.changed(self._rules, self._losses, self.state, key, value)

    def _compute(self):
        if self._kind == "stream":
            found = traces(self._rules, self.state)
            self.set_trait("trace", self._single(found, {}))
            found = {run: trace["theta"] for run, trace in found.items()}
        else:
            found = {run: result.path for run, result in descents(self._rules, self._loss, self.state).items()}
        for name in ("path", "value"):
            self.set_trait(name, self._single(found, np.empty((0, 2))))

    def _call(self, exact):
        return _call(self._kind, self._rules, self._losses, self.state, exact)

    def _single(self, found, none):
        """What was found of each run; of the one run by itself where the figure has one."""
        return found if len(self._rules) > 1 else next(iter(found.values()), none)

    @property
    def _loss(self):
        return self._losses.get(self.state.get("loss"))

    def _sentence(self):
        return sentence(self._kind, self._rules, self._loss, self.state)

    def _picture(self):
        shown = (self._kind, self._rules, self._loss, self.state)
        return picture(*shown), alt(*shown)

    def _brought(self):
        return own_code(*self._own) if any(self._own) else ""

    def _heights(self):
        if self._kind == "stream":
            runs = len(self.state["rules"])
            return 996 + 696 * runs, 673 + 424 * runs
        return {"descent": (1240, 665), "plane": (1560, 950)}[self._kind]


def _entries(rules, state):
    """Names of traits to keys of the state: a hyper-parameter's own name with one run, ``adam_lr`` with several."""
    names = {}
    for key in state:
        name = _trait(key, rules)
        if name in names or hasattr(Figure, name):
            raise ValueError(f"a figure has a {name} of its own; give that hyper-parameter another name.")
        names[name] = key
    return names


def _trait(key, rules):
    run, _, name = key.rpartition(".")
    return f"{run}_{name}" if run and len(rules) > 1 else name


def _own(rules, losses):
    """The rules and losses that are not the library's."""
    own_rules = {rule.__name__: rule for rule in rules.values() if not is_library_rule(rule)}
    return own_rules, {key: loss for key, loss in losses.items() if LOSSES.get(key) is not loss}


def _call(kind, rules, losses, state, exact=False):
    """The call that makes a figure of this state, without what is so by default; numbers in full if ``exact``."""
    axes = {name: state[f"{name}_name"] for name in "xy"} if kind == "plane" else {}
    words = [rules[run].__name__ for run in state["rules"]] + [json.dumps(name) for name in axes.values()]
    if off := [rules[run].__name__ for run in rules if run not in state["rules"]]:
        words.append(f"offer=[{', '.join(off)}]")
    if losses := dict(sorted(losses.items(), key=lambda item: item[0] != state["loss"])):
        words.append(f"on={[*losses.values()] if len(losses) > 1 else losses[state['loss']]}")
    first = FIRST_STATES[kind](state["rules"], rules, losses, **axes)
    first = states.checked(rules, losses, first, first) | {"step": state["steps"]}
    for key, value in first.items():
        if state[key] != value and key not in ("rules", "loss") and state[key] != "drawn":
            words.append(f"{ARGUMENTS.get(key, _trait(key, rules))}={repr(state[key]) if exact else _python(state[key])}")
    return f"{CALLS[kind]}({', '.join(words)})"


def _python(value):
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value[:6]))}{', …' if len(value) > 6 else ''}]"
    return json.dumps(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
