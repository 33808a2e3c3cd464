"""Make the data files of :mod:`lib.data` from Debian packages: ``python -m lib.data.make``.

=================  ==========================================  ===========================
file               made from                                   Debian package
=================  ==========================================  ===========================
``fashion.npz``    Fashion-MNIST, four gzipped IDX files       ``dataset-fashion-mnist``
``foods.npz``      ``training_data`` and ``testing_data``      ``r-cran-modeldata``
=================  ==========================================  ===========================

The R data are read by R itself, which ``r-cran-modeldata`` brings along. The files are committed, so that
nobody needs to run this; a test runs it where the packages are installed and compares. Same packages,
same NumPy, same zlib: same bytes.
"""

import gzip
import html
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np

from lib.files import draft

HERE = Path(__file__).parent
FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FOODS_CLASSES = ("other", "great")
WORDS = 10_000

READ_FOODS = """
data(small_fine_foods, package = "modeldata")
for (d in list(training_data, testing_data))
  writeLines(paste(d$score, enc2utf8(d$review), sep = "\\t"), stdout(), useBytes = TRUE)
"""


def read_idx(path):
    """Read one gzipped IDX file of unsigned bytes, the format of MNIST.

    The header is two zero bytes, the type (8), the number of axes, and the length of each as a big-endian
    32-bit integer. Returns a uint8 array. Raises ``ValueError`` for any other content.
    """
    raw = gzip.decompress(Path(path).read_bytes())
    if raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"{path} is no IDX file of unsigned bytes: it starts with {raw[:4]!r}, allowed is 00 00 08")
    shape = np.frombuffer(raw, ">u4", raw[3], offset=4)
    values = np.frombuffer(raw, np.uint8, offset=4 + shape.nbytes)
    if values.size != shape.prod():
        raise ValueError(f"{path} has {values.size} values, its header {tuple(shape.tolist())} asks for {shape.prod()}")
    return values.reshape(shape)


def halve(images):
    """Shrink uint8 images to half their height and width: 2×2 means, halves rounded up.

    ``images`` has shape (n, 2h, 2w); returns uint8 of shape (n, h·w), row by row.
    """
    n, height, width = images.shape
    sums = images.reshape(n, height // 2, 2, width // 2, 2).sum(axis=(2, 4), dtype=np.uint16)
    return ((sums + 2) // 4).astype(np.uint8).reshape(n, -1)


def fashion():
    """Arrays of ``fashion.npz``: the first 10,000 training and the first 2000 test images, 14×14.

    Raises ``FileNotFoundError`` where the Debian package is missing.
    """
    if not FASHION.is_dir():
        raise FileNotFoundError(f"{FASHION} not found: install the Debian package dataset-fashion-mnist")
    arrays = {"classes": np.array(FASHION_CLASSES)}
    for split, stem, n in (("train", "train", 10_000), ("test", "t10k", 2000)):
        arrays[f"X_{split}"] = halve(read_idx(FASHION / f"{stem}-images-idx3-ubyte.gz")[:n])
        arrays[f"y_{split}"] = read_idx(FASHION / f"{stem}-labels-idx1-ubyte.gz")[:n]
    return arrays


def reviews():
    """All 5000 reviews as pairs (score, text), score ``great`` or ``other``, the 4000 training reviews first.

    Raises ``FileNotFoundError`` where R or its package is missing.
    """
    advice = "install the Debian package r-cran-modeldata"
    if shutil.which("Rscript") is None:
        raise FileNotFoundError(f"Rscript not found: {advice}")
    command = ["Rscript", "--vanilla", "-e", READ_FOODS]
    done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise FileNotFoundError(f"R cannot read small_fine_foods: {advice}\n{done.stderr.decode(errors='replace')}")
    return [tuple(line.split("\t")) for line in done.stdout.decode().splitlines()]


def tokenize(text):
    """The words of a review: lower case, without HTML tags and entities; letters, with apostrophes between them.

    ``tokenize("I LOVE it.<br />Don't you?")`` gives ``["i", "love", "it", "don't", "you"]``. Digits,
    punctuation and smileys are dropped, nothing is stemmed, and common words stay.
    """
    text = html.unescape(re.sub(r"</?[a-z][^>]*>", " ", text.lower())).replace("’", "'")
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text)


def count(documents, vocabulary):
    """Word counts of ``documents``, lists of words, as a sparse matrix with one column per vocabulary word.

    Words outside the vocabulary are dropped. Returns ``data``, ``indices``, ``indptr`` (compressed sparse rows):
    document ``i`` has word ``indices[k]`` ``data[k]`` times for ``k`` in ``range(indptr[i], indptr[i + 1])``.
    """
    column = {word: k for k, word in enumerate(vocabulary)}
    rows = [sorted(Counter(column[w] for w in words if w in column).items()) for words in documents]
    entries = np.array([entry for row in rows for entry in row])
    indptr = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    return entries[:, 1].astype(np.uint8), entries[:, 0].astype(np.uint16), indptr


def foods():
    """Arrays of ``foods.npz``: counts of the 10,000 most frequent training words in 4000 + 1000 reviews.

    The vocabulary goes from the most frequent word down, ties in order of first appearance.
    Raises ``FileNotFoundError`` where R or its package is missing.
    """
    scores, texts = zip(*reviews())
    documents = [tokenize(text) for text in texts]
    labels = np.array([FOODS_CLASSES.index(score) for score in scores], np.uint8)
    frequency = Counter(word for words in documents[:4000] for word in words)
    vocabulary = [word for word, _ in frequency.most_common(WORDS)]
    arrays = {"classes": np.array(FOODS_CLASSES), "vocabulary": np.array("\n".join(vocabulary))}
    for split, part in (("train", slice(4000)), ("test", slice(4000, None))):
        data, indices, indptr = count(documents[part], vocabulary)
        arrays |= {f"data_{split}": data, f"indices_{split}": indices, f"indptr_{split}": indptr}
        arrays[f"y_{split}"] = labels[part]
    return arrays


MAKERS = {"fashion": fashion, "foods": foods}


def main(folder=HERE):
    """Write every file into ``folder``; the npz format of NumPy keeps no times, so the bytes can be compared."""
    for name, maker in MAKERS.items():
        path = Path(folder) / f"{name}.npz"
        arrays = maker()
        with draft(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
