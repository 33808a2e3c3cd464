"""What several modules ask of an argument."""

from numbers import Integral


def whole(name, value, least=0, most=None):
    """``value``, if it is a whole number from ``least`` to ``most``; else ``ValueError`` with the ``name``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least or most is not None and value > most:
        allowed = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {allowed}, got {value!r}.")
    return value
