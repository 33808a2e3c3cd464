"""Small real data sets that travel with the package, so that no network is needed.

===========  ==================================================================  =========
name         what it is                                                          licence
===========  ==================================================================  =========
``fashion``  Fashion-MNIST: 10,000 + 2000 grey images of clothes, 14×14, ten      MIT
             classes
``foods``    Amazon reviews of foods: 4000 + 1000 word counts, five stars or      MIT
             fewer
===========  ==================================================================  =========

``load(name)`` returns a :class:`Dataset`. The files are made by ``lib.data.make``; credits and licences are
in ``LICENSES.md`` beside them.

Three more are too large for the package; ``load(name, full=True)`` fetches them where there is a network, and keeps
them (:mod:`lib.data.full`):

===========  ==================================================================  =========
name         what it is                                                          fetched
===========  ==================================================================  =========
``mnist``    MNIST: 60,000 + 10,000 grey images of digits, 28×28                 11 MB
``cifar10``  CIFAR-10: 50,000 + 10,000 colour images, 3×32×32, ten classes       162 MB
``imdb``     IMDB: counts of 10,000 words in 25,000 + 25,000 reviews of films    80 MB
===========  ==================================================================  =========
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from math import prod

import numpy as np

from .full import SOURCES, arrays, fetch, folder


@dataclass(frozen=True, eq=False, repr=False)
class SparseRows:
    """A matrix of mostly zeros that keeps only the others, row by row: a bag of words for every document.

    Compressed sparse rows: row ``i`` has the value ``data[k]`` in column ``indices[k]`` for ``k`` in
    ``range(indptr[i], indptr[i + 1])``, and zero elsewhere.

    It behaves like an array where a linear model needs it, at a cost that goes with the number of values kept:
    ``X[rows]`` (a slice, mask or array of row numbers), ``X @ A``, ``X.T @ A``, ``X.astype(dtype)``, ``len(X)``,
    ``X.shape``, ``X.dtype``. ``X.dense()`` is the ordinary array; take it of a few rows, since 4000 documents
    of 10,000 words in float64 fill 320 MB. To change the values (dropout, say, or presence in place of counts) use
    ``dataclasses.replace(X, data=...)``. Raises ``ValueError`` where the three arrays do not fit together.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    columns: int

    ndim = 2

    def __post_init__(self):
        if not len(self.indptr):
            raise ValueError("indptr must have one number more than there are rows; it has none")
        kept = len(self.data), len(self.indices), int(self.indptr[-1])
        if len(set(kept)) > 1:
            raise ValueError(f"data, indices and indptr speak of {kept} values; all three must be the same number")

    @property
    def shape(self):
        """Rows and columns."""
        return len(self.indptr) - 1, self.columns

    @property
    def dtype(self):
        """Type of the values."""
        return self.data.dtype

    @property
    def T(self):
        """The transpose, for ``X.T @ A``."""
        return _Transposed(self)

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"<SparseRows: {self.shape[0]} × {self.columns}, {len(self.data)} values, {self.dtype}>"

    def __getitem__(self, rows):
        """The given rows, always as a :class:`SparseRows`. Raises ``IndexError`` for a row that is not there."""
        rows = np.arange(len(self))[rows].reshape(-1)
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        kept = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return SparseRows(self.data[kept], self.indices[kept], indptr, self.columns)

    def __matmul__(self, A):
        """``X @ A`` for an array ``A`` of shape (…, columns, k). Raises ``ValueError`` for any other shape."""
        return _collect(self.data, self._rows(), self.indices, self.shape, A)

    def astype(self, dtype, copy=True):
        """The same matrix with values of another type; ``copy=False`` returns the matrix itself if it has it."""
        return self if self.dtype == dtype and not copy else replace(self, data=self.data.astype(dtype))

    def dense(self):
        """The ordinary array, zeros and all, of shape (rows, columns) and the same dtype."""
        full = np.zeros(self.shape, self.dtype)
        full[self._rows(), self.indices] = self.data
        return full

    def _rows(self):
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


@dataclass(frozen=True, eq=False, repr=False)
class _Transposed:
    """The transpose of ``X``, good for one thing: ``X.T @ A``."""

    X: SparseRows

    @property
    def shape(self):
        return self.X.shape[::-1]

    def __matmul__(self, A):
        return _collect(self.X.data, self.X.indices, self.X._rows(), self.shape, A)


def _collect(data, to, source, shape, A):
    """Row ``to[k]`` of the result collects ``data[k] * A[source[k]]``: a sparse matrix of ``shape`` times ``A``."""
    A = np.asarray(A)
    if A.ndim < 2 or A.shape[-2] != shape[1]:
        raise ValueError(f"A has shape {A.shape}; a product with {shape[0]} × {shape[1]} needs (…, {shape[1]}, k)")
    runs, k = A.shape[:-2], A.shape[-1]
    values = data[:, None] * A[..., source, :]
    firsts = np.arange(prod(runs))[:, None, None] * shape[0] * k
    places = firsts + to[:, None] * k + np.arange(k)
    sums = np.bincount(places.ravel(), values.ravel(), minlength=prod(runs) * shape[0] * k)
    return sums.reshape(*runs, shape[0], k).astype(values.dtype, copy=False)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One data set, split for training and test; no array of it can be written to.

    ``X_train``, ``X_test``: one row per example, an array or :class:`SparseRows` of floats. ``y_train``, ``y_test``:
    uint8 labels, the places of the class names in ``classes``. ``image_shape``: height and width to which a row of
    ``X`` can be reshaped, after a number of channels if it has colours, or ``None``. ``vocabulary``: the word that each column of ``X`` counts, or empty.
    ``credit``, ``licence``: to be named wherever the data are shown.
    """

    name: str
    X_train: np.ndarray | SparseRows
    y_train: np.ndarray
    X_test: np.ndarray | SparseRows
    y_test: np.ndarray
    classes: tuple[str, ...]
    credit: str
    licence: str
    image_shape: tuple[int, ...] | None = None
    vocabulary: tuple[str, ...] = ()

    def __repr__(self):
        train, test, (features,) = len(self.y_train), len(self.y_test), self.X_train.shape[1:]
        return f"<Dataset {self.name}: {train} + {test} examples, {features} features, {len(self.classes)} classes>"


FASHION_CREDIT = "Fashion-MNIST: Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; © 2017 Zalando SE"
FOODS_CREDIT = (
    "Amazon fine-food reviews: McAuley & Leskovec 2013, through SNAP (snap.stanford.edu/data/web-FineFoods.html) "
    "and the R package modeldata 1.1.0; © 2019 Max Kuhn, RStudio"
)
FULL_CREDITS = {
    "mnist": {"credit": "MNIST: LeCun, Cortes & Burges", "licence": "CC BY-SA 3.0"},
    "cifar10": {"credit": "CIFAR-10: Krizhevsky 2009", "licence": "none stated; cite the technical report"},
    "imdb": {"credit": "Large Movie Review Dataset: Maas et al. 2011", "licence": "none stated; cite the paper"},
}


def load(name, dtype=np.float64, *, full=False):
    """Load a data set that comes with the package or, with ``full=True``, one that must be fetched once.

    ``name``: ``"fashion"``, whose ``X`` are arrays of shape (n, 196) in [0, 1], 0 the background; or ``"foods"``, whose
    ``X`` are :class:`SparseRows` of counts, of shape (n, 10000), columns from the most frequent training word down,
    and whose class 1 (``great``) is a review with five stars; with ``full=True``, ``"mnist"``, ``"cifar10"`` (a row has
    its red, then its green, then its blue pixels) or ``"imdb"``, in the same form.
    ``dtype``: float32 or float64, the type of ``X``.

    Returns a :class:`Dataset`, the same object each time: its arrays are read-only, ``.copy()`` what is to be changed.
    Raises ``ValueError`` for another name or dtype, and for a file that is damaged; ``ConnectionError`` where a file
    cannot be fetched.
    """
    names = SOURCES if full else _LOADERS
    if not isinstance(name, str) or name not in names:
        near = get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        hint = " It is not in the package: full=True fetches it." if not full and str(name) in SOURCES else hint
        raise ValueError(f"name is {name!r}; allowed are {', '.join(map(repr, names))}.{hint}")
    try:
        kind = np.dtype(dtype)
    except (TypeError, ValueError):
        kind = None
    if kind not in (np.float32, np.float64):
        raise ValueError(f"dtype is {dtype!r}; allowed are float32 and float64")
    return _load_full(name, kind) if full else _load(name, kind)


@cache
def _load_full(name, dtype):
    found = arrays(name, [fetch(source, folder() / name) for source in SOURCES[name]])
    columns = len(found.get("vocabulary", ()))

    def examples(split):
        if not columns:
            return _frozen(found[f"X_{split}"].astype(dtype) / 255)
        parts = zip(found[f"X_{split}"], (dtype, np.intp, np.intp))
        return SparseRows(*(_frozen(part.astype(kind)) for part, kind in parts), columns=columns)

    return Dataset(
        name=name, X_train=examples("train"), y_train=_frozen(found["y_train"].copy()), X_test=examples("test"),
        y_test=_frozen(found["y_test"].copy()), classes=found["classes"], image_shape=found.get("image_shape"),
        vocabulary=found.get("vocabulary", ()), **FULL_CREDITS[name],
    )  # fmt: skip


@cache
def _load(name, dtype):
    with files(__name__).joinpath(f"{name}.npz").open("rb") as file:
        arrays = dict(np.load(file))
    return _LOADERS[name](arrays, dtype)


def _fashion(arrays, dtype):
    return Dataset(
        name="fashion",
        X_train=_frozen(arrays["X_train"].astype(dtype) / 255),
        y_train=_frozen(arrays["y_train"]),
        X_test=_frozen(arrays["X_test"].astype(dtype) / 255),
        y_test=_frozen(arrays["y_test"]),
        classes=tuple(arrays["classes"].tolist()),
        credit=FASHION_CREDIT,
        licence="MIT",
        image_shape=(14, 14),
    )


def _foods(arrays, dtype):
    vocabulary = tuple(str(arrays["vocabulary"]).split("\n"))

    def rows(split):
        data, indices, indptr = (arrays[f"{part}_{split}"] for part in ("data", "indices", "indptr"))
        types = dtype, np.intp, np.intp
        parts = (_frozen(part.astype(kind)) for part, kind in zip((data, indices, indptr), types))
        return SparseRows(*parts, columns=len(vocabulary))

    return Dataset(
        name="foods",
        X_train=rows("train"),
        y_train=_frozen(arrays["y_train"]),
        X_test=rows("test"),
        y_test=_frozen(arrays["y_test"]),
        classes=tuple(arrays["classes"].tolist()),
        credit=FOODS_CREDIT,
        licence="MIT (the R package)",
        vocabulary=vocabulary,
    )


def _frozen(array):
    array.flags.writeable = False
    return array


_LOADERS = {"fashion": _fashion, "foods": _foods}
