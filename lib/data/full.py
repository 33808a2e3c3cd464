"""Data sets that are too large to travel with the package: fetched once, from where their authors keep them.

A file is fetched into the folder that the variable ``DOWNHILL_DATA`` names, or else ``.cache/downhill`` in the home
folder. A download that was interrupted goes on where it stopped; a file whose checksum is wrong is thrown away.
"""

import errno
import gzip
import hashlib
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np

TIMEOUT = 60  # seconds without a byte
PIECE = 1 << 20
IDX_TYPES = {8: np.uint8}
CIFAR_RECORD = 1 + 3 * 32 * 32
WORDS = 10_000
NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


@dataclass(frozen=True)
class Source:
    """One file: where it is, and the MD5 checksum that is published for it."""

    url: str
    md5: str

    @property
    def name(self):
        """The file's own name."""
        return self.url.rpartition("/")[2]


MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
SOURCES = {
    "mnist": (
        Source(f"{MNIST}/train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Source(f"{MNIST}/train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        Source(f"{MNIST}/t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        Source(f"{MNIST}/t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "cifar10": (
        Source("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
    ),
    "imdb": (
        Source("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", "7c2ac02c03563afcf9b574c7e56c153a"),
    ),
}


def folder():
    """Where fetched files are kept."""
    return Path(os.environ.get("DOWNHILL_DATA") or Path.home() / ".cache" / "downhill")


def fetch(source, to):
    """The path of a file of ``SOURCES`` in the folder ``to``, fetched if it is not there yet.

    Raises ``ConnectionError`` where it cannot be fetched, another ``OSError`` where it cannot be kept, and
    ``ValueError`` where what came has another checksum.
    """
    path = Path(to) / source.name
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            continue_download(source.url, part)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise OSError(
                    error.errno,
                    f"{source.name} cannot be kept in {to} ({os.strerror(error.errno)}): name another folder in the "
                    "variable DOWNHILL_DATA",
                ) from error
            raise ConnectionError(
                f"{source.name} could not be fetched from {source.url} ({error}). It needs a network once; what came is "
                f"kept, and the next try goes on from there. Or fetch the file by other means and put it into {to}."
            ) from error
        check(part, source)
        part.replace(path)
    check(path, source)
    return path


def continue_download(url, part):
    """Add to the file ``part`` what it lacks of what is at ``url``; all of it, if the server cannot give a part."""
    begin = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"User-Agent": "downhill", **({"Range": f"bytes={begin}-"} if begin else {})})
    try:
        answer = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        if begin and error.code == 416:  # nothing is left to send
            return
        raise
    if answer.status != 206:
        part.unlink(missing_ok=True)
    with answer, open(part, "ab") as file:
        expected = answer.headers.get("Content-Length")
        written = 0
        while piece := answer.read(PIECE):
            written += file.write(piece)
    if expected and written < int(expected):
        raise OSError(f"the connection ended after {written} of {expected} bytes")


def check(path, source):
    """Throw a file away, and raise ``ValueError``, if its checksum is not the one of its source."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != source.md5:
        path.unlink()
        raise ValueError(f"{path} is damaged: its MD5 checksum is {found}, not {source.md5}. It was deleted; try again.")


def arrays(name, files):
    """The arrays of a data set from its files, in the order of ``SOURCES``, as :func:`lib.data.load` takes them.

    Raises ``ValueError`` for a file that is not what it should be.
    """
    try:
        return PARSERS[name](*files)
    except (EOFError, KeyError, OSError, tarfile.TarError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{', '.join(map(str, files))} cannot be read as {name}: {error}") from error


def mnist(*files):
    """Four IDX files, of the training and the test set: images and labels of each."""
    X_train, y_train, X_test, y_test = map(read_idx, files)
    for X, y, file in ((X_train, y_train, files[0]), (X_test, y_test, files[2])):
        if X.ndim != 3 or y.shape != X.shape[:1]:
            raise ValueError(f"{file}: images of shape {X.shape} and labels of shape {y.shape} do not belong together")
    return dict(
        X_train=X_train.reshape(len(X_train), -1), y_train=y_train, X_test=X_test.reshape(len(X_test), -1),
        y_test=y_test, classes=tuple("0123456789"), image_shape=X_train.shape[1:],
    )  # fmt: skip


def read_idx(path):
    """The array of a gzipped IDX file: two zero bytes, type, number of axes, their lengths, values."""
    with gzip.open(path, "rb") as file:
        content = file.read()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES or not content[3]:
        raise ValueError(f"{path} is not an IDX file of bytes: it begins with {content[:4]!r}")
    begin = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:begin], ">u4"))
    values = np.frombuffer(content[begin:], IDX_TYPES[content[2]])
    if len(shape) != content[3] or values.size != np.prod(shape):
        raise ValueError(f"{path} holds {values.size} values; its head says {shape}")
    return values.reshape(shape)


def cifar10(archive):
    """The binary version: for each picture a byte for its class, and 3072 for its red, green and blue pixels."""
    with tarfile.open(archive) as tar:
        names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
        parts = [member(tar, f"cifar-10-batches-bin/{name}") for name in names]
        classes = member(tar, "cifar-10-batches-bin/batches.meta.txt").decode("ascii").split()
    for name, part in zip(names, parts):
        if not part or len(part) % CIFAR_RECORD:
            raise ValueError(f"{archive}: {name} has {len(part)} bytes, not a multiple of {CIFAR_RECORD}")
    train, test = (np.frombuffer(b"".join(some), np.uint8).reshape(-1, CIFAR_RECORD) for some in (parts[:5], parts[5:]))
    return dict(
        X_train=train[:, 1:], y_train=train[:, 0], X_test=test[:, 1:], y_test=test[:, 0], classes=tuple(classes),
        image_shape=(3, 32, 32),
    )  # fmt: skip


def imdb(archive):
    """Counts of the most frequent words in 25,000 + 25,000 reviews, positive from seven of ten stars."""
    with tarfile.open(archive) as tar:
        vocabulary = member(tar, "aclImdb/imdb.vocab").decode("utf-8").split("\n")[:WORDS]
        train, test = (member(tar, f"aclImdb/{split}/labeledBow.feat") for split in ("train", "test"))
    parsed = {split: read_counts(text, len(vocabulary)) for split, text in {"train": train, "test": test}.items()}
    return dict(
        X_train=parsed["train"][0], y_train=parsed["train"][1], X_test=parsed["test"][0], y_test=parsed["test"][1],
        classes=("negative", "positive"), vocabulary=tuple(vocabulary),
    )  # fmt: skip


def read_counts(text, columns):
    """Lines ``stars word:count word:count …`` as (data, indices, indptr) of the first ``columns`` words, and labels."""
    labels, indices, data, indptr = [], [], [], [0]
    for number, line in enumerate(text.decode("ascii").splitlines(), 1):
        try:
            stars, *pairs = line.split()
            words = [(int(word), int(count)) for word, count in (pair.split(":") for pair in pairs)]
            labels.append(int(stars) >= 7)
        except ValueError:
            raise ValueError(f"line {number} of the counts is {line[:40]!r}, not stars and word:count") from None
        kept = [(word, count) for word, count in words if word < columns]
        indices += (word for word, _ in kept)
        data += (count for _, count in kept)
        indptr.append(len(data))
    return tuple(map(np.array, (data, indices, indptr))), np.array(labels, np.uint8)


def member(tar, name):
    """The content of a file in an archive; ``KeyError`` if it is not there."""
    return tar.extractfile(name).read()


PARSERS = {"mnist": mnist, "cifar10": cifar10, "imdb": imdb}
