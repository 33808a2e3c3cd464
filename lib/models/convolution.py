"""A small convolutional network."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..arguments import whole
from .classifier import Classifier
from .flat import check_dropout, check_penalty, dropped, random_start
from .network import back, through

WIDTH = 3  # of a filter
OFFSETS = tuple(product(range(WIDTH), repeat=2))
CORNERS = tuple(product(range(2), repeat=2))


@dataclass(frozen=True)
class ConvolutionalNetwork(Classifier):
    """Stages of 3×3 filters, 2×2 pooling by the maximum and ReLU; then a hidden layer, and softmax.

    A filter sees zeros around the picture, so that its output is as large; pooling drops an odd last row or column.
    The loss is as for :class:`LogisticRegression`. Of equal pixels that are the largest of four, each gets an equal
    part of the derivative (PyTorch gives all of it to the first).

    ``image``: channels, height and width of a row of ``X``, which holds one channel after the other. ``filters``: their
    number in each stage, as (8, 16, 32). ``hidden``: width of the hidden layer. ``classes``: at least 2. ``l2``: strength
    of the penalty on the weights. ``dropout``: shares of the pixels and of the hidden layer that are zero where ``rng`` is
    given. ``theta`` holds for each stage its filters, of shape (filters, channels, 3, 3), and biases; then W, b of the
    hidden layer and of the last, W of shape (inputs, outputs).
    ``X``: shape (n, channels · height · width). ``y``: n integer labels. Raises ``TypeError`` or ``ValueError`` for other
    sizes, or where pooling leaves no pixel.

    Inside, the examples are the last axis of all arrays, which makes every copy of a part of a picture one of long runs
    of memory. Source: Goodfellow et al. 2016, sections 9.1 to 9.3.
    """

    image: tuple[int, int, int]
    filters: tuple[int, ...]
    hidden: int
    classes: int
    l2: float = 0.0
    dropout: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self):
        for name, value in {"image": self.image, "filters": self.filters}.items():
            if not isinstance(value, tuple) or not value or name == "image" and len(value) != 3:
                raise TypeError(f"{name} is {value!r}; it must be a tuple of integers, for image of three")
            for number in value:
                whole(f"a number in {name}", number, 1)
        whole("hidden", self.hidden, 1)
        whole("classes", self.classes, 2)
        check_penalty(self.l2)
        check_dropout(self.dropout)
        if min(self.image[1:]) >> len(self.filters) < 1:
            raise ValueError(f"image is {self.image}; {len(self.filters)} stages of pooling leave no pixel of it")

    @property
    def features(self):
        """Columns of ``X``: channels · height · width."""
        return int(np.prod(self.image))

    @property
    def shapes(self):
        """Shapes of filters and biases of each stage, then of W, b, W, b."""
        channels, height, width = self.image
        shapes = []
        for count in self.filters:
            shapes += (count, channels, WIDTH, WIDTH), (count,)
            channels, height, width = count, height // 2, width // 2
        inputs = channels * height * width
        return (*shapes, (inputs, self.hidden), (self.hidden,), (self.hidden, self.classes), (self.classes,))

    def start(self, seed, dtype=np.float64):
        """Parameters to begin with, of shape (size,): weights normal with variance 2/inputs, the last 1/inputs, b zero.

        A filter's inputs are its channels times 9. Source: He et al. 2015, eq. 10. ``dtype``: a floating type, else
        ``TypeError``.
        """
        *stages, (inputs, _), _, _, _ = self.shapes
        fans = [2 / int(np.prod(shape[1:])) if len(shape) > 1 else None for shape in stages]
        return random_start(self, [*fans, 2 / inputs, None, 1 / self.hidden, None], seed, dtype)

    def _forward(self, layers, X, rng):
        X, _ = dropped(X, self.dropout[0], rng)
        A = np.ascontiguousarray(X.T).reshape(*self.image, len(X))
        tape = []
        for filters, b in zip(layers[: 2 * len(self.filters) : 2], layers[1::2]):
            patches = patched(A)
            Z = filtered(filters, b, patches, A.shape[-3:])
            pooled = pool(Z)
            A = np.maximum(pooled, 0)
            tape.append((patches, Z, pooled, A))
        rows = np.swapaxes(A.reshape(*A.shape[:-4], -1, len(X)), -1, -2)
        Z, dense = through(layers[2 * len(self.filters) :], rows, self.dropout[1], rng)
        return Z, (tape, dense)

    def _backward(self, layers, tape, D, dlayers):
        stages, dense = tape
        first = 2 * len(stages)
        D = np.swapaxes(back(layers[first:], dense, D, dlayers[first:], True), -1, -2)
        for k in reversed(range(len(stages))):
            patches, Z, pooled, A = stages[k]
            D = unpool(D.reshape(A.shape) * (A > 0), Z, pooled)
            flat = D.reshape(*D.shape[:-3], -1)
            filters, dfilters = layers[2 * k], dlayers[2 * k]
            dfilters[...] = (flat @ np.swapaxes(patches, -1, -2)).reshape(filters.shape)
            dlayers[2 * k + 1][...] = flat.sum(axis=-1)
            if k:
                rows = filters.reshape(*filters.shape[:-3], -1)
                D = unpatched(np.swapaxes(rows, -1, -2) @ flat, D.shape[-3:])


def patched(A):
    """The neighbourhood of every pixel, zero beyond the border.

    ``A``: shape (…, channels, height, width, n). Returns shape (…, channels · 9, height · width · n).
    """
    *runs, channels, height, width, n = A.shape
    padded = np.pad(A, [(0, 0)] * (len(runs) + 1) + [(1, 1), (1, 1), (0, 0)])
    patches = np.empty((*runs, channels, len(OFFSETS), height, width, n), A.dtype)
    for k, (i, j) in enumerate(OFFSETS):
        patches[..., k, :, :, :] = padded[..., i : i + height, j : j + width, :]
    return patches.reshape(*runs, channels * len(OFFSETS), -1)


def unpatched(patches, pixels):
    """The transpose of :func:`patched`: every pixel collects what its copies hold. ``pixels``: height, width and n."""
    height, width, n = pixels
    parts = patches.reshape(*patches.shape[:-2], -1, len(OFFSETS), height, width, n)
    padded = np.zeros((*parts.shape[:-4], height + 2, width + 2, n), patches.dtype)
    for k, (i, j) in enumerate(OFFSETS):
        padded[..., i : i + height, j : j + width, :] += parts[..., k, :, :, :]
    return padded[..., 1:-1, 1:-1, :]


def filtered(filters, b, patches, pixels):
    """Every filter at every pixel, with its bias: shape (…, filters, height, width, n)."""
    Z = filters.reshape(*filters.shape[:-3], -1) @ patches
    Z += b[..., None]
    return Z.reshape(*Z.shape[:-1], *pixels)


def corner(Z, i, j):
    """One of the four pixels in each square of two by two, without an odd last row or column."""
    height, width = (size - size % 2 for size in Z.shape[-3:-1])
    return Z[..., i:height:2, j:width:2, :]


def pool(Z):
    """The largest pixel of each square of two by two: shape (…, height // 2, width // 2, n)."""
    first, *others = (corner(Z, i, j) for i, j in CORNERS)
    pooled = first.copy()
    for other in others:
        np.maximum(pooled, other, out=pooled)
    return pooled


def unpool(D, Z, pooled):
    """The derivative by ``Z``, given ``D``, the one by :func:`pool` of it; equal largest pixels share it."""
    largest = [corner(Z, i, j) == pooled for i, j in CORNERS]
    share = D / np.maximum(sum(each.astype(D.dtype) for each in largest), 1)
    dZ = np.zeros_like(Z)
    for (i, j), each in zip(CORNERS, largest):
        corner(dZ, i, j)[...] = share * each
    return dZ
