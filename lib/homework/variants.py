"""Numbers of a student's own: the same task for everybody, with other values and other random streams."""

import hashlib
from dataclasses import dataclass

MOST = 40


@dataclass(frozen=True)
class Variant:
    """The numbers of one student in one assignment, made from names alone, so that grading finds them again.

    ``assignment``: its name; ``student``: a course id, 1 to 40 characters (no real name is needed); ``course``: a word
    that changes all the numbers, say once a year. Raises ``TypeError`` or ``ValueError`` for other values.

        >>> me = Variant("sgd", "student-17")
        >>> me.pick("lr", 0.1, 0.2, 0.5) in (0.1, 0.2, 0.5)
        True
    """

    assignment: str
    student: str
    course: str = "downhill"

    def __post_init__(self):
        for name, value in vars(self).items():
            if not isinstance(value, str):
                raise TypeError(f"{name} is {value!r}; it must be a word in quotes")
            if not 0 < len(value.strip()) <= MOST:
                raise ValueError(f"{name} is {value!r}; 1 to {MOST} characters are needed")
            if not value.isprintable():
                raise ValueError(f"{name} is {value!r}; it must be made of characters that can be printed")

    def seed(self, name):
        """A whole number from 0 to 2**32 − 1 for a random generator, another one for each ``name``."""
        if not isinstance(name, str):
            raise TypeError(f"name is {name!r}; it must be a word in quotes")
        words = "/".join((self.course.strip(), self.assignment, self.student.strip().lower(), name))
        return int.from_bytes(hashlib.sha256(words.encode(errors="surrogatepass")).digest()[:4], "big")

    def pick(self, name, *choices):
        """One of the ``choices``, for a quantity called ``name``. Raises ``ValueError`` if there is none."""
        if not choices:
            raise ValueError(f"pick({name!r}) has no choices")
        return choices[self.seed(name) % len(choices)]
