"""The data files are what :mod:`lib.data.make` says, and nobody can change them by accident."""

import gzip
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.data import SparseRows, load, make

HAVE_FASHION = make.FASHION.is_dir()
FIND_FOODS = ["Rscript", "--vanilla", "-e", 'find.package("modeldata")']
HAVE_FOODS = shutil.which("Rscript") and subprocess.run(FIND_FOODS, check=False, capture_output=True).returncode == 0


def arrays_of(data):
    """Every array that a data set hands out, by name."""
    named = {}
    for field in ("X_train", "y_train", "X_test", "y_test"):
        value = getattr(data, field)
        parts = ("data", "indices", "indptr") if isinstance(value, SparseRows) else ()
        named |= {f"{field}.{part}": getattr(value, part) for part in parts} or {field: value}
    return named


def random_rows(seed, rows=7, columns=5):
    """A random sparse matrix with an empty row and an empty column, and the same as an array."""
    rng = np.random.default_rng(seed)
    full = rng.integers(0, 4, (rows, columns)) * (rng.random((rows, columns)) < 0.5)
    full[rng.integers(rows)] = 0
    full[:, rng.integers(columns)] = 0
    row, column = np.nonzero(full)
    indptr = np.concatenate([[0], np.cumsum((full > 0).sum(axis=1))])
    return SparseRows(full[row, column].astype(float), column, indptr, columns), full.astype(float)


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.dtype(np.float64)])
def test_fashion(dtype):
    data = load("fashion", dtype)
    assert data.X_train.shape == (10_000, 196) and data.X_test.shape == (2000, 196)
    assert data.X_train.dtype == data.X_test.dtype == np.dtype(dtype)
    assert data.y_train.shape == (10_000,) and data.y_test.shape == (2000,)
    assert data.y_train.dtype == data.y_test.dtype == np.uint8
    assert data.image_shape == (14, 14) and data.vocabulary == ()
    assert len(data.classes) == 10 and data.classes[9] == "Ankle boot"
    for X in (data.X_train, data.X_test):
        assert X.min() == 0 and X.max() == 1
        assert np.allclose(X * 255, np.round(X * 255), atol=1e-4)


def test_fashion_is_balanced():
    data = load("fashion")
    assert set(data.y_train) == set(data.y_test) == set(range(10))
    assert np.all(np.abs(np.bincount(data.y_train) - 1000) < 60)
    assert np.all(np.abs(np.bincount(data.y_test) - 200) < 25)


def test_fashion_looks_like_clothes():
    """Trousers have a gap between the legs, and the first image of the training split is an ankle boot."""
    data = load("fashion")
    images = data.X_train.reshape(-1, *data.image_shape)
    mean_trousers = images[data.y_train == data.classes.index("Trouser")].mean(axis=0)
    assert mean_trousers[12, 7] < 0.5 * mean_trousers[12, [5, 8]].min()
    assert data.classes[data.y_train[0]] == "Ankle boot"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_foods(dtype):
    data = load("foods", dtype)
    assert data.X_train.shape == (4000, 10_000) and data.X_test.shape == (1000, 10_000)
    assert data.X_train.dtype == data.X_test.dtype == dtype
    assert data.classes == ("other", "great") and data.image_shape is None
    assert np.bincount(data.y_train).tolist() == [1400, 2600]
    assert np.bincount(data.y_test).tolist() == [342, 658]
    for X in (data.X_train, data.X_test):
        assert X.data.min() == 1 and X.data.max() < 100 and np.array_equal(X.data, np.round(X.data))
        assert X.indices.min() == 0 and X.indices.max() < 10_000
        inside = np.diff(X._rows()) == 0
        assert np.all(np.diff(X.indices)[inside] > 0)
        assert np.diff(X.indptr).min() > 0
    assert round(len(data.X_train.data) / 4000, 1) == 50.3


def test_foods_vocabulary_goes_down_in_frequency():
    data = load("foods")
    assert len(set(data.vocabulary)) == len(data.vocabulary) == 10_000
    assert data.vocabulary[:5] == ("the", "i", "and", "a", "to")
    frequency = np.bincount(data.X_train.indices, data.X_train.data, minlength=10_000)
    assert np.all(np.diff(frequency) <= 0) and frequency[-1] == 1


@pytest.mark.parametrize(
    "split, row, label, text",
    [
        ("train", 0, "other", "this stuff is  not stuffing  its  not good at all  save your money"),
        ("train", 941, "other", "These are great.  Good taste, very fresh and soft.  Get them and enjoy."),
        (
            "test", 0, "great",
            ("These are the best tasting gummy fruits I have ever eaten. "
             "Can't stop eating them and the flavors are great."),
        ),
    ],
)  # fmt: skip
def test_a_row_of_foods_is_the_text(split, row, label, text):
    data = load("foods")
    X, y = (getattr(data, f"{part}_{split}") for part in "Xy")
    document = X[row]
    counts = {data.vocabulary[k]: n for k, n in zip(document.indices, document.data)}
    known = set(data.vocabulary)
    assert counts == Counter(word for word in make.tokenize(text) if word in known)
    assert data.classes[y[row]] == label


@pytest.mark.parametrize(
    "text, words",
    [
        ("I LOVE it.<br />Don't you?", ["i", "love", "it", "don't", "you"]),
        ("100% 'natural' caf&eacute;—3 <3", ["natural", "café"]),
        ('<a href="http://x.y/z">Tea</a>&quot;s', ["tea", "s"]),
        ("it’s rock-hard, Crème", ["it's", "rock", "hard", "crème"]),
        ("12 $ !", []),
    ],
)
def test_tokenize(text, words):
    assert make.tokenize(text) == words


@pytest.mark.parametrize("name", ["fashion", "foods"])
def test_nobody_can_change_the_data(name):
    data = load(name)
    assert load(name) is data
    for label, array in arrays_of(data).items():
        assert not array.flags.writeable, label
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(FrozenInstanceError):
        data.X_train = None
    a, b = arrays_of(load(name, np.float32)), arrays_of(data)
    assert not any(np.shares_memory(a[label], b[label]) for label in a)


@pytest.mark.parametrize("name", ["fashion", "foods"])
def test_credit_and_licence(name):
    data = load(name)
    notes = (make.HERE / "LICENSES.md").read_text(encoding="utf-8")
    assert f"`{name}.npz`" in notes and data.licence.startswith("MIT") and "20" in data.credit
    assert name in repr(data) and len(repr(data)) < 120


@pytest.mark.parametrize("name", ["fasion", "food", "mnist", 3, None, ["fashion"]])
def test_unknown_name(name):
    with pytest.raises(ValueError, match="name is .*allowed are 'fashion', 'foods'") as error:
        load(name)
    assert ("Did you mean" in str(error.value)) == (name in ("fasion", "food", ["fashion"]))


@pytest.mark.parametrize("dtype", [np.int64, "uint8", "float16", "what", 3])
def test_unknown_dtype(dtype):
    with pytest.raises(ValueError, match="dtype is .*allowed are float32 and float64"):
        load("fashion", dtype)


@settings(deadline=None)
@given(st.integers(0, 999))
def test_sparse_rows_are_their_dense_array(seed):
    X, full = random_rows(seed)
    rng = np.random.default_rng(seed)
    assert np.array_equal(X.dense(), full) and X.shape == full.shape and len(X) == len(full)
    A, B = rng.normal(size=(5, 3)), rng.normal(size=(2, 4, 7, 3))
    assert np.allclose(X @ A, full @ A) and np.allclose(X.T @ B, full.T @ B)
    rows = rng.integers(-7, 7, 9)
    assert np.array_equal(X[rows].dense(), full[rows]) and np.allclose(X[rows] @ A, full[rows] @ A)
    for rows in (slice(2, None, 2), full[:, 0] > 0, slice(0)):
        assert np.array_equal(X[rows].dense(), full[rows])
    assert np.array_equal(X[3].dense(), full[3:4])


def test_sparse_rows_keep_their_dtype():
    X, full = random_rows(0)
    small = X.astype(np.float32)
    assert small.dtype == small.dense().dtype == (small @ np.ones((5, 2), np.float32)).dtype == np.float32
    assert X.astype(float, copy=False) is X and X.astype(float) is not X
    assert np.array_equal(replace(X, data=2 * X.data).dense(), 2 * full)


@pytest.mark.parametrize("shape", [(5,), (4, 2), (2, 7, 5), ()])
def test_sparse_product_with_a_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"A has shape .*needs \(…, 5, k\)"):
        random_rows(0)[0] @ np.ones(shape)


def test_sparse_rows_that_do_not_fit():
    X, _ = random_rows(0)
    with pytest.raises(ValueError, match="data, indices and indptr"):
        replace(X, data=X.data[1:])
    with pytest.raises(IndexError):
        X[7]


def idx(shape, values, kind=8):
    """A gzipped IDX file."""
    lengths = b"".join(n.to_bytes(4, "big") for n in shape)
    return gzip.compress(bytes([0, 0, kind, len(shape)]) + lengths + bytes(values), mtime=0)


def test_read_idx(tmp_path):
    path = tmp_path / "tiny.gz"
    path.write_bytes(idx((2, 2, 3), range(12)))
    assert np.array_equal(make.read_idx(path), np.arange(12).reshape(2, 2, 3))


@pytest.mark.parametrize(
    "content, message",
    [
        (idx((2,), [1, 2, 3]), "has 3 values"),
        (idx((2,), [1, 2], kind=13), "no IDX file"),
        (gzip.compress(b"\0\0", mtime=0), "no IDX file"),
        (gzip.compress(b"\0\0\x08\x03\0", mtime=0), "no IDX file"),
    ],
    ids=["a value too many", "floats", "two bytes", "no lengths"],
)
def test_read_idx_refuses(tmp_path, content, message):
    path = tmp_path / "tiny.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        make.read_idx(path)


def test_halve_rounds_halves_up():
    images = np.array([[[0, 1, 255, 255], [0, 1, 255, 254], [1, 0, 0, 0], [0, 0, 2, 1]]], np.uint8)
    assert make.halve(images).tolist() == [[1, 255, 0, 1]]


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(make, "FASHION", tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="dataset-fashion-mnist"):
        make.fashion()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="r-cran-modeldata"):
        make.foods()


def test_pictures_are_read_from_four_files(monkeypatch, tmp_path):
    monkeypatch.setattr(make, "FASHION", tmp_path)
    pictures = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    for stem, n in (("train", 3), ("t10k", 2)):
        for kind, values in (("images-idx3", pictures[:n]), ("labels-idx1", np.arange(n, dtype=np.uint8))):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            (tmp_path / f"{stem}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + values.tobytes()))
    made = make.fashion()
    assert made["X_train"].tolist() == make.halve(pictures).tolist() and made["X_test"].shape == (2, 4)
    assert (made["y_train"].tolist(), made["y_test"].tolist(), len(made["classes"])) == ([0, 1, 2], [0, 1], 10)


@pytest.mark.skipif(sys.platform == "win32", reason="a program of two lines for a shell")
def test_reviews_are_what_r_says(monkeypatch, tmp_path):
    lines = ["great\tGood good tea"] * 4000 + ["other\tbad tea", "great\tnew tea"]
    (tmp_path / "reviews.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = tmp_path / "Rscript"
    program.write_text(f"#!/bin/sh\nexec /bin/cat {tmp_path / 'reviews.txt'}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    made = make.foods()
    assert str(made["vocabulary"]).split() == ["good", "tea"]
    assert made["y_train"].tolist() == [1] * 4000 and made["y_test"].tolist() == [0, 1]
    assert made["data_train"][:2].tolist() == [2, 1] and made["indices_test"].tolist() == [1, 1]
    program.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="r-cran-modeldata\nno such package"):
        make.foods()


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")
def test_missing_r_package_is_named(monkeypatch):
    monkeypatch.setattr(make, "READ_FOODS", make.READ_FOODS.replace("modeldata", "nosuchpackage"))
    with pytest.raises(FileNotFoundError, match="r-cran-modeldata"):
        make.foods()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fashion", marks=pytest.mark.skipif(not HAVE_FASHION, reason="needs dataset-fashion-mnist")),
        pytest.param("foods", marks=pytest.mark.skipif(not HAVE_FOODS, reason="needs r-cran-modeldata")),
    ],
)
def test_the_files_are_what_the_script_makes(name):
    made = make.MAKERS[name]()
    committed = np.load(make.HERE / f"{name}.npz")
    assert set(made) == set(committed)
    for key, array in made.items():
        assert array.dtype == committed[key].dtype and np.array_equal(array, committed[key]), key


def test_writing_twice_gives_the_same_bytes(monkeypatch, tmp_path):
    arrays = {"a": np.arange(9, dtype=np.uint8), "b": np.array("x\ny")}
    monkeypatch.setattr(make, "MAKERS", {"tiny": lambda: arrays})
    make.main(tmp_path)
    first = (tmp_path / "tiny.npz").read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    make.main(tmp_path)
    assert (tmp_path / "tiny.npz").read_bytes() == first


def test_file_sizes():
    assert (make.HERE / "fashion.npz").stat().st_size < 1.7e6
    assert (make.HERE / "foods.npz").stat().st_size < 0.5e6
