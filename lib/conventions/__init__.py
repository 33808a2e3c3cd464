"""What six libraries compute under the names that this book uses, and how to go from one to another.

``FORMS`` has every optimizer of PyTorch, Keras, optax, tinygrad, autograd and scikit-learn that the book teaches, with
the library's own defaults and the rule in house form that equals it; ``recorded.json`` has what the libraries really
did. :func:`translate` writes a call of one library as the call of another that takes the same steps:

    >>> print(translate("keras", "RMSprop", learning_rate=1e-3, momentum=0.9, epsilon=0, to="torch"))
    RMSprop(lr=0.001, alpha=0.9, eps=0, momentum=0.9)  # as long as the learning rate stays the same
    >>> translate("keras", "RMSprop", learning_rate=1e-3, to="torch")
    Traceback (most recent call last):
    lib.conventions.NoEquivalent: PyTorch has no equivalent of Keras' RMSprop(learning_rate=0.001), because in Keras ε = \
1e-07 is added inside the root; the nearest is RMSprop(lr=0.001, alpha=0.9, eps=0.000316228).
"""

import ast
import difflib
import inspect
import math
import sys
from numbers import Real
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np

from .. import rules
from ..descent import Schedule
from ..notation import markdown
from .variants import (
    adagrad_keras, adagrad_torch, adam_optax, adamax_keras, amsgrad_keras, amsgrad_optax, momentum_torch,
    nesterov_keras, radam_optax, rmsprop_centered_keras, rmsprop_centered_optax, rmsprop_centered_torch, rmsprop_keras,
    rmsprop_nesterov_optax, rmsprop_optax,
)  # fmt: skip

LIBRARIES = {
    "torch": "PyTorch", "keras": "Keras", "optax": "optax", "tinygrad": "tinygrad", "autograd": "autograd",
    "sklearn": "scikit-learn",
}  # fmt: skip
RECORD = Path(__file__).with_name("recorded.json")

# What a library calls our hyper-parameters; "eps" is the one constant of a rule, wherever it stands.
WORDS = {
    "torch": {"lr": "lr", "momentum": "mu", "dampening": "dampening", "alpha": "rho", "rho": "rho", "eps": "eps",
              "betas": ("beta1", "beta2"), "lr_decay": "lr_decay", "initial_accumulator_value": "start",
              "momentum_decay": "momentum_decay", "weight_decay": "weight_decay"},
    "keras": {"learning_rate": "lr", "momentum": "mu", "rho": "rho", "epsilon": "eps", "beta_1": "beta1",
              "beta_2": "beta2", "initial_accumulator_value": "start", "weight_decay": "weight_decay"},
    "optax": {"learning_rate": "lr", "momentum": "mu", "decay": "rho", "rho": "rho", "eps": "eps",
              "eps_root": "eps_root", "b1": "beta1", "b2": "beta2", "initial_accumulator_value": "start",
              "initial_scale": "start", "threshold": "threshold", "weight_decay": "weight_decay"},
    "tinygrad": {"lr": "lr", "momentum": "mu", "b1": "beta1", "b2": "beta2", "eps": "eps",
                 "weight_decay": "weight_decay"},
    "autograd": {"step_size": "lr", "mass": "mu", "gamma": "rho", "b1": "beta1", "b2": "beta2", "eps": "eps"},
    "sklearn": {"learning_rate_init": "lr", "momentum": "mu", "beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"},
}  # fmt: skip

AT_ONCE = 1e6  # NAdam's momentum_decay with which 0.96 to its power is 0, and momentum is β₁ from the first step

# Each optimizer with its defaults, the rule that it is, what its weight decay is, and what the rule has and it has not.
# A truth value is a switch. The first form of a name has the library's own setting of its switches.
_TABLE = {
    "torch": (
        ("SGD(lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False)", momentum_torch, "l2"),
        ("SGD(lr=1e-3, momentum=0, weight_decay=0, nesterov=True)", rules.nesterov, "l2"),
        ("Adagrad(lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10)", adagrad_torch, "l2"),
        ("RMSprop(lr=1e-2, alpha=.99, eps=1e-8, weight_decay=0, momentum=0, centered=False)", rules.rmsprop_momentum, "l2"),
        ("RMSprop(lr=1e-2, alpha=.99, eps=1e-8, weight_decay=0, momentum=0, centered=True)", rmsprop_centered_torch, "l2"),
        ("Adadelta(lr=1., rho=.9, eps=1e-6, weight_decay=0)", rules.adadelta, "l2"),
        ("Adam(lr=1e-3, betas=(.9, .999), eps=1e-8, weight_decay=0, amsgrad=False)", rules.adam, "l2"),
        ("Adam(lr=1e-3, betas=(.9, .999), eps=1e-8, weight_decay=0, amsgrad=True)", rules.amsgrad, "l2"),
        ("AdamW(lr=1e-3, betas=(.9, .999), eps=1e-8, weight_decay=1e-2, amsgrad=False)", rules.adam, "decoupled"),
        ("AdamW(lr=1e-3, betas=(.9, .999), eps=1e-8, weight_decay=1e-2, amsgrad=True)", rules.amsgrad, "decoupled"),
        ("Adamax(lr=2e-3, betas=(.9, .999), eps=1e-8, weight_decay=0)", rules.adamax, "l2"),
        ("NAdam(lr=2e-3, betas=(.9, .999), eps=1e-8, weight_decay=0, momentum_decay=4e-3)", rules.nadam, "l2"),
        ("RAdam(lr=1e-3, betas=(.9, .999), eps=1e-8, weight_decay=0)", rules.radam, "l2"),
    ),
    "keras": (
        ("SGD(learning_rate=1e-2, momentum=0., nesterov=False, weight_decay=0)", rules.momentum_sutskever, "decoupled"),
        ("SGD(learning_rate=1e-2, momentum=0., nesterov=True, weight_decay=0)", nesterov_keras, "decoupled"),
        ("Adagrad(learning_rate=1e-3, initial_accumulator_value=.1, epsilon=1e-7, weight_decay=0)", adagrad_keras,
         "decoupled"),
        ("RMSprop(learning_rate=1e-3, rho=.9, momentum=0, epsilon=1e-7, centered=False, weight_decay=0)", rmsprop_keras,
         "decoupled"),
        ("RMSprop(learning_rate=1e-3, rho=.9, momentum=0, epsilon=1e-7, centered=True, weight_decay=0)",
         rmsprop_centered_keras, "decoupled"),
        ("Adadelta(learning_rate=1e-3, rho=.95, epsilon=1e-7, weight_decay=0)", rules.adadelta, "decoupled"),
        ("Adam(learning_rate=1e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, amsgrad=False, weight_decay=0)",
         rules.adam_reordered, "decoupled"),
        ("Adam(learning_rate=1e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, amsgrad=True, weight_decay=0)", amsgrad_keras,
         "decoupled"),
        ("AdamW(learning_rate=1e-3, weight_decay=4e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, amsgrad=False)",
         rules.adam_reordered, "decoupled"),
        ("AdamW(learning_rate=1e-3, weight_decay=4e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, amsgrad=True)",
         amsgrad_keras, "decoupled"),
        ("Adamax(learning_rate=1e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, weight_decay=0)", adamax_keras, "decoupled"),
        ("Nadam(learning_rate=1e-3, beta_1=.9, beta_2=.999, epsilon=1e-7, weight_decay=0)", rules.nadam, "decoupled",
         {"momentum_decay": 1.0}),
        ("Lion(learning_rate=1e-3, beta_1=.9, beta_2=.99, weight_decay=0)", rules.lion, "decoupled"),
    ),
    "optax": (
        ("sgd(learning_rate=None, momentum=0, nesterov=False)", rules.momentum, ""),
        ("sgd(learning_rate=None, momentum=0, nesterov=True)", rules.nesterov, ""),
        ("adagrad(learning_rate=None, initial_accumulator_value=.1, eps=1e-7)", adagrad_keras, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, initial_scale=0, eps_in_sqrt=True, centered=False, momentum=0, "
         "nesterov=False)", rmsprop_keras, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, eps_in_sqrt=True, centered=True, momentum=0, nesterov=False)",
         rmsprop_centered_keras, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, initial_scale=0, eps_in_sqrt=True, centered=False, momentum=0, "
         "nesterov=True)", rmsprop_nesterov_optax, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, initial_scale=0, eps_in_sqrt=False, centered=False, momentum=0, "
         "nesterov=False)", rmsprop_optax, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, eps_in_sqrt=False, centered=True, momentum=0, nesterov=False)",
         rmsprop_centered_optax, ""),
        ("rmsprop(learning_rate=None, decay=.9, eps=1e-8, eps_in_sqrt=False, centered=False, momentum=0, nesterov=True)",
         rules.rmsprop_nesterov, ""),
        ("adadelta(learning_rate=None, rho=.9, eps=1e-6, weight_decay=0)", rules.adadelta, "l2"),
        ("adam(learning_rate=None, b1=.9, b2=.999, eps=1e-8, eps_root=0)", adam_optax, ""),
        ("adamw(learning_rate=None, b1=.9, b2=.999, eps=1e-8, eps_root=0, weight_decay=1e-4)", adam_optax, "decoupled"),
        ("amsgrad(learning_rate=None, b1=.9, b2=.999, eps=1e-8)", amsgrad_optax, ""),
        ("adamax(learning_rate=None, b1=.9, b2=.999, eps=1e-8)", rules.adamax, ""),
        ("adamaxw(learning_rate=None, b1=.9, b2=.999, eps=1e-8, weight_decay=1e-4)", rules.adamax, "decoupled"),
        ("nadam(learning_rate=None, b1=.9, b2=.999, eps=1e-8)", rules.nadam, "", {"momentum_decay": AT_ONCE}),
        ("nadamw(learning_rate=None, b1=.9, b2=.999, eps=1e-8, weight_decay=1e-4)", rules.nadam, "decoupled",
         {"momentum_decay": AT_ONCE}),
        ("radam(learning_rate=None, b1=.9, b2=.999, eps=1e-8, threshold=5)", radam_optax, ""),
        ("lion(learning_rate=None, b1=.9, b2=.99, weight_decay=1e-3)", rules.lion, "decoupled"),
    ),
    "tinygrad": (
        ("SGD(lr=1e-3, momentum=0, weight_decay=0, nesterov=False, classic=False)", rules.momentum, "l2"),
        ("SGD(lr=1e-3, momentum=0, weight_decay=0, nesterov=True, classic=False)", rules.nesterov, "l2"),
        ("SGD(lr=1e-3, momentum=0, weight_decay=0, nesterov=False, classic=True)", rules.momentum_sutskever, "l2"),
        ("SGD(lr=1e-3, momentum=0, weight_decay=0, nesterov=True, classic=True)", nesterov_keras, "l2"),
        ("Adam(lr=1e-3, b1=.9, b2=.999, eps=1e-8)", rules.adam, ""),
        ("AdamW(lr=1e-3, b1=.9, b2=.999, eps=1e-8, weight_decay=1e-2)", rules.adam, "decoupled"),
    ),
    "autograd": (
        ("sgd(step_size=.1, mass=.9)", rules.momentum_ema, ""),
        ("rmsprop(step_size=.1, gamma=.9, eps=1e-8)", rmsprop_optax, "", {"start": 1.0, "mu": 0.0}),
        ("adam(step_size=1e-3, b1=.9, b2=.999, eps=1e-8)", rules.adam, ""),
    ),
    "sklearn": (
        ("SGDOptimizer(learning_rate_init=.1, momentum=.9, nesterov=True)", nesterov_keras, ""),
        ("SGDOptimizer(learning_rate_init=.1, momentum=.9, nesterov=False)", rules.momentum_sutskever, ""),
        ("AdamOptimizer(learning_rate_init=1e-3, beta_1=.9, beta_2=.999, epsilon=1e-8)", rules.adam_reordered, ""),
    ),
}  # fmt: skip

# The family of each rule, in which rules differ by what they set, and its own settings.
_FAMILIES = {
    "momentum": {
        rules.momentum: {}, momentum_torch: {}, rules.momentum_sutskever: {"inside": True},
        rules.momentum_ema: {"average": True}, rules.nesterov: {"ahead": True},
        nesterov_keras: {"ahead": True, "inside": True},
    },
    "AdaGrad": {adagrad_torch: {}, adagrad_keras: {}},
    "RMSProp": {
        rules.rmsprop_momentum: {}, rmsprop_centered_torch: {"centered": True}, rmsprop_keras: {"inside": True},
        rmsprop_centered_keras: {"inside": True, "centered": True}, rmsprop_optax: {"inside": True},
        rmsprop_centered_optax: {"inside": True, "centered": True},
        rmsprop_nesterov_optax: {"inside": True, "ahead": True}, rules.rmsprop_nesterov: {"inside": True, "ahead": True},
    },
    "AdaDelta": {rules.adadelta: {}},
    "Adam": {
        rules.adam: {}, rules.adam_reordered: {}, adam_optax: {}, rules.amsgrad: {"largest": "raw"},
        amsgrad_keras: {"largest": "raw"}, amsgrad_optax: {"largest": "corrected"},
    },
    "AdaMax": {rules.adamax: {"joined": True}, adamax_keras: {}},
    "NAdam": {rules.nadam: {}},
    "RAdam": {rules.radam: {"threshold": 5.0}, radam_optax: {}},
    "Lion": {rules.lion: {}},
}  # fmt: skip

# What a setting that is not 0 means, in words that follow "because in Keras".
_MEANS = {
    "eps": "ε = {:g} is added beside the root",
    "eps_root": "ε = {:g} is added inside the root",
    "eps_hat": "ε = {:g} is added to what is not yet corrected",
    "start": "the sum or average of squares starts at {:g}",
    "lr_decay": "the learning rate falls by itself, with lr_decay = {:g}",
    "dampening": "all gradients but the first are dampened by {:g}",
    "mu": "there is momentum, μ = {:g}",
    "ahead": "momentum looks ahead",
    "average": "gradients are averaged",
    "centered": "the squared mean is taken off the second moment",
    "largest": "the largest {} second moment is kept",
    "joined": "ε is a part of the maximum",
    "momentum_decay": "momentum warms up, with ψ = {:g}",
    "at once": "momentum does not warm up",
    "threshold": "rescaling waits for a length of {:g}",
    "l2": "λ = {:g} times the parameters is added to the gradient",
    "decoupled": "λ = {:g} is decoupled from the gradient",
}
CONSTANT_RATE = "as long as the learning rate stays the same"


class NoEquivalent(ValueError):
    """No call of the other library takes the same steps.

    ``reasons`` says why, a list of sentences' ends; ``nearest`` is the :class:`Call` that differs in these alone, or
    None where the other library has nothing of the kind.
    """

    def __init__(self, message, reasons, nearest):
        super().__init__(message)
        self.reasons, self.nearest = reasons, nearest


class Form(NamedTuple):
    """One form of an optimizer of a library.

    - ``library`` and ``name`` say what it is called; ``switches`` are arguments that choose this form;
    - ``defaults`` are its other arguments, None for one that must be given;
    - ``rule`` is what it computes, a function in house form; ``fixed`` are hyper-parameters of the rule that it has not;
    - ``decay`` is what its ``weight_decay`` is: ``"l2"``, ``"decoupled"``, or ``""`` where there is none.
    """

    library: str
    name: str
    switches: dict[str, bool]
    defaults: dict[str, float | tuple | None]
    rule: Callable
    decay: str
    fixed: dict[str, float]

    @property
    def family(self):
        """The name of the family of its rule."""
        return next(family for family, members in _FAMILIES.items() if self.rule in members)

    @property
    def first(self):
        """The first form of the same name, whose switches are set as the library sets them."""
        return next(form for form in FORMS if (form.library, form.name) == (self.library, self.name))

    def ours(self, word):
        """Our name of one of its arguments; a tuple of names for a tuple."""
        ours = WORDS[self.library][word]
        if ours == "eps":
            return next(name for name in ("eps", "eps_hat", "eps_root") if name in _hypers(self.rule))
        return self.decay if ours == "weight_decay" else ours


class Call(NamedTuple):
    """A call of an optimizer: its :class:`Form`, all values of its arguments, and when it holds.

    ``condition`` says when a translation is exact; it is empty where it always is.
    """

    form: Form
    values: dict[str, float | tuple]
    condition: str = ""

    def __str__(self):
        given = {word: value for word, value in self.values.items()
                 if _must_be_named(word, value, self.form.defaults[word])}  # fmt: skip
        given |= {word: on for word, on in self.form.switches.items() if on != self.form.first.switches[word]}
        words = ", ".join(f"{word}={_plain(value)}" for word, value in given.items())
        return f"{self.form.name}({words})" + (f"  # {self.condition}" if self.condition else "")

    @property
    def settings(self):
        """What the call means: our names of hyper-parameters, and of what tells rules of a family apart, to values."""
        found = dict(_FAMILIES[self.form.family][self.form.rule]) | self.form.fixed
        for word, value in self.values.items():
            ours = self.form.ours(word)
            found |= dict(zip(ours, value)) if isinstance(ours, tuple) else {ours: value}
        if self.form.family == "momentum" and not found["mu"]:
            found.pop("dampening", None)  # PyTorch has no buffer then, and nothing to dampen
        return found

    @property
    def hyper(self):
        """The rule's hyper-parameters."""
        return {name: float(value) for name, value in self.settings.items() if name in _hypers(self.form.rule)}

    def path(self, start, gradients, factor=None, rule=None):
        """Where the optimizer goes on gradients that are given. Its moves do not depend on where it is.

        ``start`` has the shape (n,), ``gradients`` (steps, n); ``factor``, a function of the step's number from 1,
        multiplies the learning rate; ``rule`` is one to run in place of the form's own. Returns an array of shape
        (steps + 1, n) in the dtype of ``start``, which is a floating one. Raises ``TypeError`` or ``ValueError`` for
        anything else.
        """
        hyper, settings = self.hyper, self.settings
        rate = hyper["lr"]
        lr = (lambda t: rate * factor(t)) if factor else rate
        step = Schedule(rule or self.form.rule, hyper | {"lr": lr})
        start = np.asarray(start)
        if not np.issubdtype(start.dtype, np.floating):
            raise TypeError(f"start must hold floating-point numbers, got {start.dtype}: a step would be rounded away.")
        gradients = np.asarray(gradients, start.dtype)
        if gradients.shape[1:] != start.shape:
            raise ValueError(f"gradients must have the shape (steps, *{start.shape}), got {gradients.shape}.")
        path, state, nowhere = [start], [np.zeros_like(start)] * step.states, np.zeros_like(start)
        l2, decoupled = settings.get("l2", 0), settings.get("decoupled", 0)
        for t, g in enumerate(gradients, 1):
            theta = path[-1]
            move, *state = step.step(nowhere, g + l2 * theta if l2 else g, t, state)
            shrunk = theta - step.at(t)["lr"] * decoupled * theta if decoupled else theta
            path.append(np.asarray(shrunk + move, theta.dtype))
        return np.array(path)


def call(library, name, **arguments):
    """The :class:`Call` of an optimizer with some of its arguments, the others being the library's defaults.

    Raises ``ValueError`` for a library, an optimizer or a combination of switches that the table does not have, and
    ``TypeError`` for an argument that the optimizer does not have, or that must be given.
    """
    _known("library", library, LIBRARIES)
    theirs = _possessive(LIBRARIES[library])
    _known(f"optimizer of {LIBRARIES[library]}", name, {form.name: 0 for form in FORMS if form.library == library})
    forms = [form for form in FORMS if (form.library, form.name) == (library, name)]
    switches = forms[0].switches | {word: value for word, value in arguments.items() if word in forms[0].switches}
    plain = all(map(np.isscalar, switches.values()))
    form = next((form for form in forms if plain and form.switches == switches), None)
    if form is None:
        chosen = ", ".join(f"{word}={value}" for word, value in switches.items())
        raise ValueError(f"this table does not have {theirs} {name} with {chosen}.")
    values = form.defaults | {word: value for word, value in arguments.items() if word not in switches}
    for word, value in values.items():
        if word not in form.defaults:
            near = difflib.get_close_matches(word, [*form.defaults, *switches], 1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise TypeError(f"{theirs} {name} has no argument {word!r} here{hint} "
                            f"It has {', '.join([*form.defaults, *switches])}.")  # fmt: skip
        if value is None:
            if WORDS[library][word] == "lr":
                raise TypeError(f"{theirs} {name} must be given {word}.")
            values[word] = 0  # Keras' and optax' word for "none of it"
        elif isinstance(form.ours(word), tuple) and not _are_numbers(value, 2):
            raise TypeError(f"{word} must be a pair of numbers, got {value!r}.")
        elif not isinstance(form.ours(word), tuple) and not _are_numbers([value], 1):
            raise TypeError(f"{word} must be a number, got {value!r}.")
    made = Call(form, values)
    Schedule(form.rule, made.hyper)
    if "weight_decay" in values:
        Schedule(rules.adamw, {"weight_decay": values["weight_decay"]})
    return made


def translate(library, name, *, to, **arguments):
    """The call of the library ``to`` that takes the same steps as a call of ``library``.

    ``arguments`` are those of ``library``'s optimizer ``name``, under its own words; the others are its defaults.
    Returns a :class:`Call`, whose ``condition`` is empty if the two agree whatever happens, learning rates that change
    included. Raises :class:`NoEquivalent` where there is none, which says why, and what comes nearest; and what
    :func:`call` raises.

        >>> print(translate("keras", "Nadam", to="torch"))
        NAdam(lr=0.001, eps=1e-07, momentum_decay=1)
    """
    source = call(library, name, **arguments)
    _known("library", to, LIBRARIES)
    family = source.form.family
    forms = [form for form in FORMS if form.library == to and form.family == family]
    tried = [
        (_differences(settings, form), form, settings, condition)
        for settings, condition in _spellings(family, source.settings)
        for form in forms
    ]
    for differences, form, settings, condition in sorted(tried, key=lambda one: (bool(one[3]), *_unlike(one[1], name))):
        if not differences:
            return Call(form, _values(form, settings), condition)
    ours, theirs = f"{_possessive(LIBRARIES[library])} {source}", LIBRARIES[to]
    if not tried:
        raise NoEquivalent(f"{theirs} has no equivalent of {ours}, because it has no {family}.", [f"it has no {family}"], None)
    differences, form, settings, _ = min(tried, key=lambda one: (_distance(one[0]), bool(one[3]), *_unlike(one[1], name)))
    nearest = Call(form, _values(form, _moved(settings, form)))
    places = LIBRARIES[library], theirs
    reasons = [_reason(setting, places, values) for setting, values in differences.items()
               if not (setting.startswith("eps") and "joined" in differences)]  # fmt: skip
    raise NoEquivalent(f"{theirs} has no equivalent of {ours}, because {' and '.join(reasons)}; the nearest is {nearest}.",
                       reasons, nearest)  # fmt: skip


def examples(library):
    """The calls of a library that the porting table shows: every form, with momentum and with weight decay where it can be.

    Returns a list of :class:`Call`; where the library has no default learning rate it is 0.001.
    """
    made = []
    for form in (form for form in FORMS if form.library == library):
        rate = {word: 1e-3 for word, value in form.defaults.items() if value is None}
        momentum = {"momentum": 0.9} if form.defaults.get("momentum") == 0 else {}
        decay = {"weight_decay": 1e-2} if form.defaults.get("weight_decay") == 0 else {}
        plain = momentum if form.switches.get("nesterov") else {}  # who looks ahead has momentum
        made += [call(library, form.name, **rate, **form.switches, **more) for more in (plain, momentum, plain | decay)]
    return list({str(one): one for one in made}.values())


def porting(library):
    """A table of what the calls of a library are in every other one, as Markdown that a notebook renders.

    Of the calls with a weight decay that is not the default it has SGD's and Adam's; :func:`translate` knows all.
    """
    others = {to: title for to, title in LIBRARIES.items() if to != library}
    rows = []
    for source in filter(_is_usual, examples(library)):
        answers = {}
        for to, title in others.items():
            answers.setdefault(_answer(source, to), []).append(title)
        rows += [(f"`{source}`", ", ".join(titles), answer) for answer, titles in answers.items()]
    return markdown((LIBRARIES[library], "in", "is"), rows)


def _is_usual(source):
    form = source.form
    decay = source.values.get("weight_decay", 0) != (form.defaults.get("weight_decay") or 0)
    return not decay or (form is form.first and form.name in ("SGD", "Adam"))


def _answer(source, to):
    try:
        there = translate(source.form.library, source.form.name, to=to, **source.values, **source.form.switches)
    except NoEquivalent as none:
        why = "; ".join(none.reasons)
        return f"– (it has no {source.form.family})" if none.nearest is None else f"– ({why}); nearest `{none.nearest}`"
    return f"`{there._replace(condition='')}`" + (f", {there.condition}" if there.condition else "")


def _spellings(family, settings):
    """The settings, and others that take the same steps, each with the condition under which they do."""
    found = [(settings, "")]
    if family == "momentum":
        mu = settings["mu"]
        if settings.get("average"):
            found.append((_without(settings, "average") | {"lr": settings["lr"] * (1 - mu)}, ""))
        elif mu < 1:
            found.append((settings | {"average": True, "lr": settings["lr"] / (1 - mu)}, ""))
    if family == "AdaGrad" and settings.get("eps_root"):
        found.append((_without(settings, "eps_root") | {"start": settings["start"] + settings["eps_root"]}, ""))
    if family == "AdaMax" and not (settings.get("eps") or settings.get("eps_hat")):
        found.append((settings | {"joined": not settings.get("joined", False)}, ""))
    if family in ("momentum", "RMSProp"):
        for same, _ in list(found):
            found += _with_switches(same, () if settings["mu"] else ("ahead",))
    if family == "momentum" and not settings["mu"]:
        for same, condition in list(found):
            for here, there in (("l2", "decoupled"), ("decoupled", "l2")):
                if same.get(here):
                    found.append((_without(same, here) | {there: same[here]}, condition))
    return found


def _with_switches(settings, free):
    """The same with the learning rate on the other side of the velocity; without momentum nobody sees on which."""
    other = settings | {"inside": not settings.get("inside", False)}
    found = [(other, CONSTANT_RATE if settings["mu"] else "")]
    for switch in free:
        found += [(same | {switch: not same.get(switch, False)}, "") for same in (settings, other)]
    return found


def _differences(settings, form):
    """The settings that a form cannot have, each with the value that is wanted and the one that the form has."""
    offered = _offered(form)
    fixed = _FAMILIES[form.family][form.rule] | form.fixed
    names = [*settings, *(name for name in fixed if name not in settings)]
    pairs = {name: (settings.get(name, 0), fixed.get(name, 0)) for name in names if name not in offered}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _distance(differences):
    """How far apart: a constant in another place is near, another value of a setting further, a setting itself far."""
    weight = lambda name, wanted, offered: 1 if name.startswith("eps") else 2 if wanted and offered else 3
    return sum(weight(name, *pair) for name, pair in differences.items())


def _unlike(form, name):
    """How little a form looks like the obvious answer: by its name, then by the switches that must be turned."""
    return form.name.lower() != name.lower(), sum(on != form.first.switches[word] for word, on in form.switches.items())


def _offered(form):
    """Our names of everything that a form lets its user set."""
    ours = [form.ours(word) for word in form.defaults]
    return {name for names in ours for name in (names if isinstance(names, tuple) else (names,))}


def _values(form, settings):
    """The values of a form's arguments for settings in our names; what is not set is 0."""
    take = lambda ours: tuple(settings.get(name, 0) for name in ours) if isinstance(ours, tuple) else settings.get(ours, 0)
    return {word: take(form.ours(word)) for word in form.defaults}


def _moved(settings, form):
    """The settings with a constant where the form has one: equal where the second moment is zero."""
    offered, moved = _offered(form), dict(settings)
    for constant in ("eps", "eps_hat", "eps_root"):
        place = next((name for name in ("eps", "eps_hat", "eps_root") if name in offered), None)
        if moved.get(constant) and constant not in offered and place:
            power = {"eps_root": 0.5}.get(constant, 1) * {"eps_root": 2}.get(place, 1)
            moved[place] = moved.get(place, 0) + moved.pop(constant) ** power
    return moved


def _reason(setting, places, values):
    means = lambda value: _MEANS[setting if value != AT_ONCE else "at once"].format(value)
    return " and ".join(f"in {place} {means(value)}" for place, value in zip(places, values) if value)


def _hypers(rule):
    return [p.name for p in inspect.signature(rule).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _without(settings, name):
    return {key: value for key, value in settings.items() if key != name}


def _must_be_named(word, value, default):
    return word in ("lr", "learning_rate", "step_size", "learning_rate_init") or not _same(value, default)


def _same(value, default):
    if default is None or isinstance(value, tuple):
        return value == default
    return math.isclose(value, default, rel_tol=1e-12)


def _plain(value):
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_plain, value))})"
    return str(value) if isinstance(value, bool) else f"{value:.6g}"


def _possessive(name):
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def _are_numbers(values, count):
    if not isinstance(values, (tuple, list)) or len(values) != count:
        return False
    return all(isinstance(value, Real) and not sys.float_info.max < abs(value) < math.inf for value in values)


def _known(what, name, names):
    if not isinstance(name, str) or name not in names:
        near = difflib.get_close_matches(str(name), names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}."
        raise ValueError(f"{name!r} is no {what} of this table; {hint}")


def _read(library, signature, rule, decay, fixed=None):
    """A row of the table as a :class:`Form`."""
    node = ast.parse(signature, mode="eval").body
    arguments = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
    switches = {word: value for word, value in arguments.items() if isinstance(value, bool)}
    defaults = {word: value for word, value in arguments.items() if word not in switches}
    return Form(library, node.func.id, switches, defaults, rule, decay, fixed or {})


FORMS = [_read(library, *row) for library, rows in _TABLE.items() for row in rows]
