"""Data sets that are fetched: from a server of this machine, and parsed from tiny files made here."""

import gzip
import hashlib
import http.server
import io
import struct
import tarfile
import threading
from dataclasses import replace

import numpy as np
import pytest

import lib.data
from lib.data import SparseRows, full, load
from lib.models import LogisticRegression
from lib.rules import adam
from lib.training import Task, train


def idx(array, kind=8):
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes())


def tar(members):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    return content.getvalue()


RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (7, 3, 4), np.uint8), RNG.integers(0, 10, 7, np.uint8)
RECORDS = RNG.integers(0, 256, (6, 2, 3073), np.uint8)
RECORDS[..., 0] %= 10
CIFAR = {f"cifar-10-batches-bin/data_batch_{k + 1}.bin": RECORDS[k].tobytes() for k in range(5)} | {
    "cifar-10-batches-bin/test_batch.bin": RECORDS[5].tobytes(),
    "cifar-10-batches-bin/batches.meta.txt": b"airplane\nautomobile\n\n",
}
IMDB = {
    "aclImdb/imdb.vocab": "the\nand\nfilm\nété".encode(),
    "aclImdb/train/labeledBow.feat": b"9 0:9 2:1\n7 1:2 3:1\n4 0:1\n",
    "aclImdb/test/labeledBow.feat": b"1 2:3\n10 0:1 1:1\n",
}
FILES = {
    "mnist": [idx(IMAGES), idx(LABELS), idx(IMAGES[:2]), idx(LABELS[:2])],
    "cifar10": [tar(CIFAR)],
    "imdb": [tar(IMDB)],
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``server.files``; knows parts; ends the connection early ``server.broken`` times."""

    def do_GET(self):
        content, begin = self.server.files.get(self.path[1:]), 0
        self.server.asked.append((self.path[1:], self.headers.get("Range")))
        if content is None:
            return self.send_error(404)
        if self.server.parts and (part := self.headers.get("Range")):
            begin = int(part.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                return self.send_error(416)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        end = len(content)
        if self.server.broken:
            self.server.broken -= 1
            end = (begin + end) // 2
        self.wfile.write(content[begin:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server of the tiny files, at the addresses of the real ones, with their checksums; an empty cache."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked, server.parts, server.broken = {}, [], True, 0
    sources = {}
    for name, contents in FILES.items():
        sources[name] = []
        for source, content in zip(full.SOURCES[name], contents, strict=True):
            server.files[source.name] = content
            url = f"http://127.0.0.1:{server.server_port}/{source.name}"
            sources[name].append(replace(source, url=url, md5=hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(lib.data, "SOURCES", sources)
    monkeypatch.setenv("DOWNHILL_DATA", str(tmp_path / "cache"))
    lib.data._load_full.cache_clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    lib.data._load_full.cache_clear()


def test_digits(server):
    data = load("mnist", np.float32, full=True)
    assert np.array_equal(np.round(data.X_train * 255), IMAGES.reshape(7, 12)) and data.X_train.dtype == np.float32
    assert np.array_equal(data.y_train, LABELS) and np.array_equal(data.y_test, LABELS[:2])
    assert data.image_shape == (3, 4) and data.classes[7] == "7" and data.X_test.shape == (2, 12)
    assert not data.X_train.flags.writeable and not data.y_train.flags.writeable


def test_colour_pictures(server):
    data = load("cifar10", full=True)
    assert np.array_equal(np.round(data.X_train * 255), RECORDS[:5].reshape(10, -1)[:, 1:])
    assert np.array_equal(data.y_test, RECORDS[5, :, 0])
    assert data.classes == ("airplane", "automobile") and data.image_shape == (3, 32, 32)


def test_reviews_of_films(server):
    data = load("imdb", full=True)
    assert isinstance(data.X_train, SparseRows) and data.vocabulary == ("the", "and", "film", "été")
    assert np.array_equal(data.X_train.dense(), [[9, 0, 1, 0], [0, 2, 0, 1], [1, 0, 0, 0]])
    assert data.y_train.tolist() == [1, 1, 0] and data.y_test.tolist() == [0, 1]


def test_only_frequent_words_are_kept(server, monkeypatch):
    monkeypatch.setattr(full, "WORDS", 2)
    data = load("imdb", full=True)
    assert np.array_equal(data.X_train.dense(), [[9, 0], [0, 2], [1, 0]]) and len(data.vocabulary) == 2


def test_a_file_is_fetched_once(server):
    assert load("mnist", full=True) is load("mnist", full=True)
    lib.data._load_full.cache_clear()
    load("mnist", full=True)
    assert len(server.asked) == 4


@pytest.mark.parametrize("parts", [True, False])
def test_an_interrupted_download_goes_on(server, parts):
    server.parts, server.broken = parts, 2
    size = len(FILES["cifar10"][0])
    for _ in range(2):
        with pytest.raises(ConnectionError, match="the next try goes on from there"):
            load("cifar10", full=True)
    assert load("cifar10", full=True).X_train.shape == (10, 3072)
    begins = [None if part is None else int(part[6:-1]) for _, part in server.asked]
    assert begins == ([None, size // 2, size // 2 + (size - size // 2) // 2] if parts else [None, size // 2, size // 2])


def test_a_download_that_stopped_at_its_very_end_is_whole(server, tmp_path):
    part = tmp_path / "cache" / "imdb" / "aclImdb_v1.tar.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES["imdb"][0])
    assert len(load("imdb", full=True).y_train) == 3


def test_a_file_with_another_checksum_is_refused_and_thrown_away(server, tmp_path):
    server.files["cifar-10-binary.tar.gz"] += b"more"
    with pytest.raises(ValueError, match="is damaged: its MD5"):
        load("cifar10", full=True)
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    server.files["cifar-10-binary.tar.gz"] = FILES["cifar10"][0]
    load("cifar10", full=True)
    (file,) = (tmp_path / "cache").rglob("*.gz")
    file.write_bytes(file.read_bytes()[:-5])
    lib.data._load_full.cache_clear()
    with pytest.raises(ValueError, match="It was deleted; try again"):
        load("cifar10", full=True)
    assert load("cifar10", full=True)


def test_without_a_network_it_says_what_to_do(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match="It needs a network once.*put it into"):
        load("mnist", full=True)


def test_a_file_that_is_not_there_any_more(server):
    server.files.clear()
    with pytest.raises(ConnectionError, match="404"):
        load("imdb", full=True)


def test_names():
    with pytest.raises(ValueError, match="It is not in the package: full=True fetches it"):
        load("mnist")
    with pytest.raises(ValueError, match="allowed are 'mnist', 'cifar10', 'imdb'. Did you mean 'cifar10'"):
        load("cifar", full=True)


def test_a_model_learns_from_what_was_fetched(server, monkeypatch):
    monkeypatch.setattr("lib.training.SOURCES", full.SOURCES)
    task = Task(LogisticRegression(12, 10), epochs=2, data="mnist", batch=4)
    assert task.steps == 4
    assert np.isfinite(train(task, adam, lr=0.01).train_loss).all()


MEMBERS = {
    "cut off": {**CIFAR, "cifar-10-batches-bin/test_batch.bin": RECORDS[5].tobytes()[:-1]},
    "empty": {**CIFAR, "cifar-10-batches-bin/data_batch_3.bin": b""},
    "missing": {name: text for name, text in CIFAR.items() if "batch_2" not in name},
}
WRONG = {
    "mnist: no gzip": ("mnist", [b"nothing", *FILES["mnist"][1:]], "cannot be read as mnist"),
    "mnist: cut off": ("mnist", [FILES["mnist"][0][:-9], *FILES["mnist"][1:]], "cannot be read as mnist"),
    "mnist: too short": ("mnist", [gzip.compress(gzip.decompress(idx(IMAGES))[:-1]), *FILES["mnist"][1:]], "holds 83"),
    "mnist: a short head": ("mnist", [gzip.compress(b"\0\0\x08\x03\0\0"), *FILES["mnist"][1:]], "holds|head|buffer"),
    "mnist: empty": ("mnist", [gzip.compress(b""), *FILES["mnist"][1:]], "is not an IDX file"),
    "mnist: of floats": ("mnist", [idx(IMAGES, 13), *FILES["mnist"][1:]], "is not an IDX file of bytes"),
    "mnist: others' labels": ("mnist", [*FILES["mnist"][:3], idx(LABELS)], "do not belong together"),
    "cifar10: no archive": ("cifar10", [b"nothing"], "cannot be read as cifar10"),
    "cifar10: a bad archive": ("cifar10", [FILES["cifar10"][0][:-2000]], "cannot be read as cifar10"),
    "cifar10: cut off": ("cifar10", [tar(MEMBERS["cut off"])], "test_batch.bin has 6145 bytes"),
    "cifar10: empty": ("cifar10", [tar(MEMBERS["empty"])], "data_batch_3.bin has 0 bytes"),
    "cifar10: missing": ("cifar10", [tar(MEMBERS["missing"])], "cannot be read as cifar10.*data_batch_2"),
    "imdb: no counts": ("imdb", [tar({**IMDB, "aclImdb/test/labeledBow.feat": b"1 2:3\n7 x"})], "line 2 of the counts"),
    "imdb: no stars": ("imdb", [tar({**IMDB, "aclImdb/test/labeledBow.feat": b"1 2:3\n\n"})], "line 2 of the counts"),
    "imdb: not UTF-8": ("imdb", [tar({**IMDB, "aclImdb/imdb.vocab": b"\xff"})], "cannot be read as imdb"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(tmp_path, case):
    name, contents, words = WRONG[case]
    files = [tmp_path / str(number) for number in range(len(contents))]
    for file, content in zip(files, contents):
        file.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        full.arrays(name, files)


def test_the_real_addresses_are_safe_and_the_checksums_whole():
    for source in [source for sources in full.SOURCES.values() for source in sources]:
        assert source.url.startswith("https://") and len(bytes.fromhex(source.md5)) == 16
