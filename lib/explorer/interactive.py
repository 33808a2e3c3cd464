"""What every interactive figure is: a widget in a live notebook, a piece of HTML in a page, a picture on paper."""

import base64
import html
import json
import re
import struct

from anywidget import AnyWidget
from ipywidgets import ValueWidget
from traitlets import Any, Bunch, Dict, TraitError, TraitType, Unicode, validate


class Interactive(AnyWidget, ValueWidget):
    """A figure with a state whose entries are traits.

    A kind of figure says what its state may be (``_check``), what follows from a change (``_changed``), what hangs on
    it (``_compute``), the call that makes it (``_call``), and how it looks and is told (``_sentence``, ``_picture``, and
    ``_heights``: about how many pixels it is high in one column, as on a phone, and in two).
    """

    _esm = Unicode().tag(sync=True)
    _css = Unicode().tag(sync=True)
    spec = Dict().tag(sync=True)
    state = Dict().tag(sync=True)
    call = Unicode(read_only=True).tag(sync=True)
    value = Any(read_only=True)

    _ipython_display_ = None
    description = ""  # which interact of ipywidgets 7 asks for

    def __init__(self, spec, entries, module, css):
        self._entries = entries
        super().__init__(spec=spec, state=spec["state"], _dom_classes=("downhill",), _esm=module, _css=css)
        self.add_traits(**{name: _Entry(key) for name, key in entries.items()})
        self._compute()
        self._recall()
        self.observe(self._follow, "state")

    @validate("state")
    def _checked(self, proposal):
        try:
            return self._check(proposal.value)
        except (ValueError, TypeError) as problem:
            raise TraitError(str(problem)) from None

    def _follow(self, change):
        """Compute again what hangs on the state, and tell the observers of its entries."""
        if any(change.old[key] != change.new[key] for key in change.new.keys() - {"step", "arrows"}):
            self._compute()
        self._recall()
        for name, key in self._entries.items():
            old, new = _shown(change.old[key]), _shown(change.new[key])
            if old != new:
                self.notify_change(Bunch(name=name, old=old, new=new, owner=self, type="change"))

    def _recall(self):
        self.set_trait("call", self._call(exact=True))

    def set_state(self, sync_data):
        """Take a state from the front end; one that cannot be is sent back as it was."""
        try:
            super().set_state(sync_data)
        except TraitError as problem:
            self.log.warning("The figure %s refuses a state: %s", self.spec["id"], problem)
            self.send_state("state")

    def __repr__(self):
        return f"{self._call(exact=False)}: {self._sentence()}"

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        drawn, words = self._picture()
        png = base64.b64encode(drawn).decode()
        width, height = struct.unpack(">II", drawn[16:24])
        image = f'<img alt="{html.escape(words)}" src="data:image/png;base64,{png}" width="{width}" height="{height}">'
        data["text/html"] = self._html(image)
        data["image/png"] = png
        return data, metadata | {"image/png": {"alt": words, "width": width, "height": height}}

    def _html(self, image):
        """The figure for a page without a kernel: its state, what it brings along, and its picture for want of both."""
        spec = self.spec | {"state": self.state, "host": "page"}
        tall, flat = self._heights()
        own = f'<script>(window.downhill ||= {{}})["{spec["id"]}"] = {self._brought()};</script>\n'
        return (
            f'<div class="downhill" id="{spec["id"]}" data-kind="{spec["kind"]}" '
            f'style="--tall: {tall}px; --flat: {flat}px">\n{own if self._brought() else ""}'
            f'<script type="application/json">{_json(spec)}</script>\n<noscript>{image}</noscript>\n</div>'
        )

    def _brought(self):
        """JavaScript of what is not the library's; empty if there is nothing."""
        return ""


class _Entry(TraitType):
    """A trait that is one entry of a figure's state."""

    def __init__(self, key):
        super().__init__()
        self.key = key

    def get(self, figure, cls=None):
        return _shown(figure.state[self.key])

    def set(self, figure, value):
        try:
            figure.state = figure._changed(self.key, value)
        except (ValueError, TypeError) as problem:
            raise TraitError(str(problem)) from None


def figure_id(name, parts):
    """The id of a figure in the page: its name, or the parts that it shows. Raises ``ValueError`` for another name."""
    if name is None:
        if not re.fullmatch(r"[\w-]+", made := "-".join(parts)):
            raise ValueError(f"the id {made!r} is made of letters, digits, _ and -; give the figure a name.")
        return made
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][\w-]*", name, re.ASCII):
        raise ValueError(f"name must be letters, digits, _ and -, and begin with a letter; got {name!r}.")
    return name


def _shown(value):
    return tuple(value) if isinstance(value, list) else value


def _json(value):
    """JSON that cannot end the script it stands in."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
