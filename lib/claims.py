"""The ledger of checked claims: every statement of the book is checked where it stands.

A chapter states a theorem under a label and checks it in a cell beside it: ``claim("sgd-stable", condition)``.
"""


class ClaimFailed(AssertionError):
    """A statement of the book that did not hold."""


def claim(label, *conditions):
    """Check the statement ``label`` of the book: every one of ``conditions`` must be true.

    A condition is a ``bool``, NumPy's or SymPy's ``True``. Prints one line, ``✓ label``, that never changes.
    Raises :class:`ClaimFailed` where a condition is false, ``TypeError`` where one is not a truth value at all
    (an array, a symbolic relation that SymPy could not decide, a number), and ``ValueError`` without any.

        >>> claim("two-is-even", 2 % 2 == 0)
        ✓ two-is-even
    """
    if not conditions:
        raise ValueError(f"{label}: nothing to check.")
    for position, condition in enumerate(conditions, 1):
        if type(condition).__name__ not in ("bool", "bool_", "BooleanTrue", "BooleanFalse"):
            raise TypeError(f"{label}, condition {position}: true or false is needed, got {condition!r}.")
        if not condition:
            raise ClaimFailed(f"{label}, condition {position} of {len(conditions)} does not hold.")
    print(f"✓ {label}")
