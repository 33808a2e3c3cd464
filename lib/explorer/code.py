"""What the interactive figures run in the browser, made from the sources of rules, losses, bounds and streams.

:func:`library_code` is the JavaScript of rules and losses with all that a figure says about them, :func:`style` the
colours, :func:`page_script` and :func:`widget_module` the whole front end for a static page and for a live kernel.
"""

import json
import re
from functools import cache
from pathlib import Path

from ..bounds import BOUNDS, Bounds
from ..equations import corrects_bias, formula, javascript, mathml, mathml_of, mathml_symbols, read_rule, values
from ..figures import OTHERS, STYLES, style_of
from ..losses import LOSSES
from ..notation import NAMES, RATE, SHARE, colour, symbol
from ..rates import RATES
from ..rules import RULES
from ..streams import STREAMS

FOLDER = Path(__file__).parent
SCRIPTS = (
    "noise.js", "engine.js", "charts.js", "controls.js", "descent.js", "stream.js", "plane.js", "host.js",
)  # fmt: skip
KINDS = {RATE: "rate", SHARE: "share", None: "number"}
NO_BOUNDS = Bounds((), None)
DARK = ('html[data-theme="dark"]', 'html[theme="dark"]', '[data-jp-theme-light="false"]', ".vscode-dark")


class Code(str):
    """JavaScript that stands in an object literal as it is."""


def library_code(rules, losses):
    """Rules and losses, by the keys that a figure calls them, with all names and streams, as a JavaScript object.

    ``rules`` are functions in the house form, ``losses`` are :class:`lib.losses.Loss`. Safe inside a ``<script>``.
    Raises :class:`lib.equations.HouseFormError` for a rule or loss that cannot be read.
    """
    streams = {key: {"label": key, "value": Code(formula(stream))} for key, stream in STREAMS.items()}
    return _object(rules, _library(rules, losses, _names(rules)) | {"streams": streams})


def own_code(rules, losses):
    """The same of rules and losses that are not the library's: only their own names, no streams."""
    known = _names(RULES)
    return _object(rules, _library(rules, losses, [name for name in _names(rules) if name not in known]))


def page_script(*more):
    """The text of a page's one script, which needs no module and no network; ``more`` are kinds of figures that most pages do without."""
    front = _front_end(*more)
    return f'(() => {{\n"use strict";\nconst library = {_library_text()};\n{front}\nmountAll(library);\n}})();\n'


def widget_module(own, *more):
    """The text of a widget's ECMAScript module, for :class:`anywidget.AnyWidget`; ``own`` is :func:`own_code` or the like."""
    return (
        f"const library = {_library_text()};\nconst own = {own};\n{_front_end(*more)}\n"
        "export default { render({ model, el }) { return render({ model, el }, library, own); } };\n"
    )


def style(*more):
    """The stylesheet of the figures: the colours of rules and quantities, light and dark, and the rest; ``more`` is as above.

    ``--rule-adam`` and ``--dash-adam`` are a rule's colour and its dashes in lines 2 px wide, ``--rule-own-0`` and so
    on those of rules that are not the library's, ``--q-m`` a quantity's colour; an element of the class ``q-m`` has it.
    """
    styles = {name: STYLES[name] for name in RULES} | {f"own-{number}": style_of("", number) for number in range(len(OTHERS))}
    quantities = {name: colour(name) for name in NAMES if colour(name)}
    light = {f"--rule-{name}": look.colour for name, look in styles.items()}
    light |= {f"--dash-{name}": _dash(look) for name, look in styles.items()}
    light |= {f"--q-{name}": on_light for name, (on_light, _) in quantities.items()}
    dark = {f"--rule-{name}": look.dark for name, look in styles.items()}
    dark |= {f"--q-{name}": on_dark for name, (_, on_dark) in quantities.items()}
    rules = [_css(":root", light), _css(", ".join(DARK), dark)]
    rules += [_css(f".q-{name}", {"color": f"var(--q-{name})"}) for name in quantities]
    return "\n".join([*rules, *map(_text, ("explorer.css", *(f"{kind}.css" for kind in more)))])


def literal(value):
    """A value as a JavaScript literal without ``<`` outside :class:`Code`, so that no string can end a script."""
    match value:
        case Code():
            return value
        case dict():
            return f"{{{', '.join(f'{_key(key)}: {literal(item)}' for key, item in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case float() if value.is_integer():
            return str(int(value))
    return json.dumps(value, ensure_ascii=False).replace("<", r"\u003c")


@cache
def _library_text():
    return library_code(RULES, LOSSES)


def _key(key):
    return key if key.isidentifier() and key.isascii() else literal(key)


def _object(rules, library):
    """The literal of a library, with each symbol of its equations written once, in the array ``q``."""
    symbols = list(dict.fromkeys(symbol for rule in rules.values() for symbol in mathml_symbols(rule).values()))
    text = literal(library)
    for number, symbol in enumerate(symbols):
        text = text.replace(literal(symbol)[1:-1], f'"+q[{number}]+"')
    return f"(q => ({text}))({literal(symbols)})"


def _library(rules, losses, names):
    return {
        "rules": {key: _rule(rule) for key, rule in rules.items()},
        "losses": {key: _loss(loss) for key, loss in losses.items()},
        "names": {name: {"math": mathml_of(symbol(name)), "meaning": _meaning(name)} for name in names},
    }


def _rule(rule):
    source = read_rule(rule)
    is_ours = RULES.get(source.name) is rule
    bounds, worst = BOUNDS.get(source.name, NO_BOUNDS) if is_ours else NO_BOUNDS
    return {
        "label": STYLES[source.name].label if is_ours else source.name,
        "step": Code(javascript(rule)),
        "states": source.arguments[3:],
        "values": values(rule),
        "hyper": {name: _hyper(name, default) for name, default in source.hyper.items()},
        "lines": mathml(rule),
        "corrected": corrects_bias(rule),
        "bounds": [{"label": label, "value": Code(formula(value))} for label, value in bounds],
        "worst": Code(formula(worst)) if worst else None,
        "rate": Code(formula(RATES[source.name])) if is_ours and source.name in RATES else None,
    }


def _hyper(name, default):
    allowed = NAMES[name].allowed if name in NAMES else None
    low, high = allowed or (None, None)
    return {"value": default, "low": low, "high": None if allowed == RATE else high, "kind": KINDS[allowed]}


def _loss(loss):
    return {
        "label": repr(loss),
        "value": Code(loss.javascript_value()),
        "gradient": Code(loss.javascript_gradient()),
        "domain": _numbers(loss.domain),
        "start": _numbers(loss.start),
        "minima": _numbers(loss.minima),
        "curvatures": loss.curvatures,
        "math": loss.mathml,
    }


def _numbers(nested):
    return [_numbers(item) for item in nested] if hasattr(nested, "__len__") else float(nested)


def _names(rules):
    sources = [(read_rule(rule), values(rule)) for rule in rules.values()]
    return list(dict.fromkeys(name for source, own in sources for name in (*source.arguments, *source.hyper, *own)))


def _meaning(name):
    return NAMES[name].meaning if name in NAMES else name.replace("_", " ")


def _dash(look):
    return " ".join(f"{2 * length:g}" for length in look.dash) or "none"


def _css(selector, declarations):
    return f"{selector} {{ {' '.join(f'{name}: {value};' for name, value in declarations.items())} }}"


def _front_end(*more):
    """The scripts without indentation, empty lines and lines of comment."""
    texts = map(_text, [*SCRIPTS, *(f"{kind}.js" for kind in more)])
    return re.sub(r"^\s*(?://.*)?\n?", "", "\n".join(texts).strip(), flags=re.MULTILINE)


def _text(file):
    return (FOLDER / file).read_text(encoding="utf-8")
