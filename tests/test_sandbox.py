"""What holds a submission's process: namespaces, limits, the kernel's own refusal, and a hook in Python."""

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sample import ROOT

from lib.homework import sandbox

# Namespaces, and a disk of its own.


@pytest.fixture
def system(monkeypatch):
    """A system whose ``unshare`` is there or not, and ends with a code; ``system.ran`` has what was tried."""
    found = SimpleNamespace(there={"unshare"}, code=0, ran=[])

    def run(command, **how):
        found.ran.append((tuple(command), how))
        return SimpleNamespace(returncode=found.code)

    monkeypatch.setattr(sandbox.shutil, "which", lambda name: name if name in found.there else None)
    monkeypatch.setattr(sandbox.subprocess, "run", run)
    return found


@pytest.mark.parametrize(("code", "prefix"), [(0, sandbox.UNSHARE), (1, ()), (-1, ())])
def test_a_process_is_put_into_namespaces_where_that_is_allowed(system, code, prefix):
    system.code = code
    assert sandbox.prefix.__wrapped__() == prefix
    assert system.ran == [((*sandbox.UNSHARE, "true"), {"capture_output": True, "stdin": subprocess.DEVNULL})]


def test_without_the_command_nothing_is_tried(system):
    system.there = {*sandbox.UNSHARE[1:], "sh"}
    assert sandbox.prefix.__wrapped__() == () and system.ran == []


@pytest.mark.parametrize(("code", "disk"), [(0, True), (1, False), (-1, False)])
def test_a_process_has_a_disk_of_its_own_where_that_is_allowed(system, monkeypatch, code, disk):
    monkeypatch.setattr(sandbox, "prefix", lambda: ("cut", "off"))
    system.code, command = code, ("cut", "off", "--mount", *sandbox.OWN_DISK)
    assert sandbox.start.__wrapped__() == (command if disk else ("cut", "off"))
    ((tried, how),) = system.ran
    assert tried == (*command, "true") and (how["capture_output"], how["stdin"]) == (True, subprocess.DEVNULL)
    assert how["cwd"] != os.getcwd() and not os.path.exists(how["cwd"])


def test_without_namespaces_there_is_no_disk(system, monkeypatch):
    monkeypatch.setattr(sandbox, "prefix", lambda: ())
    assert sandbox.start.__wrapped__() == () and system.ran == []


# Limits.


@pytest.fixture
def limits(monkeypatch):
    """What was limited, by name; "RLIMIT_AS" fails with the error given."""
    found, names = {}, ("RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_CORE")

    def fake(error=None):
        def setrlimit(name, pair):
            if error and name == "RLIMIT_AS":
                raise error
            found[name] = pair

        there = names if error is AttributeError else (*names, "RLIMIT_AS")
        monkeypatch.setattr(sandbox, "resource", SimpleNamespace(setrlimit=setrlimit, **{name: name for name in there}))
        sandbox.limit(1000, 7)
        return found

    return fake


WANTED = {"RLIMIT_CPU": (24, 24), "RLIMIT_FSIZE": (50_000_000,) * 2, "RLIMIT_CORE": (0, 0)}


def test_memory_time_and_files_are_limited(limits):
    assert limits() == WANTED | {"RLIMIT_AS": (1000, 1000)}


@pytest.mark.parametrize("error", [AttributeError, ValueError, OSError])
def test_what_a_system_cannot_limit_stays(limits, error):
    assert limits(error) == WANTED


def test_where_there_are_no_limits_nothing_is_done(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    spec = importlib.util.spec_from_file_location("sandbox_elsewhere", sandbox.__file__)
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    assert elsewhere.resource is None and elsewhere.limit(1, 1) is None


# What the kernel refuses.


class Landlock:
    """py_landlock, which writes down what it is asked for; ``error`` is raised where the rules are applied."""

    AccessFs = SimpleNamespace(READ_FILE=1, WRITE_FILE=2)
    LandlockDisabledError, LandlockNotAvailableError = type("Disabled", (Exception,), {}), type("NotAvailable", (Exception,), {})

    def __init__(self, error=None):
        self.error, self.asked = error, []

    def Landlock(self, **how):
        self.asked.append(how)
        return self

    def allow_read(self, *places):
        self.asked.append(places)
        return self

    def allow_read_write(self, folder):
        self.asked.append(folder)
        return self

    def add_path_rule(self, *places, access):
        self.asked.append((places, access))

    def apply(self):
        self.asked.append("applied")
        if self.error:
            raise self.error


def test_the_kernel_is_asked_for_the_folder_and_what_may_be_read(monkeypatch, tmp_path):
    asked = Landlock()
    monkeypatch.setitem(sys.modules, "py_landlock", asked)
    sandbox._landlock("/own", [str(tmp_path), "/dev/zero"])
    assert asked.asked == [{"strict": False}, (str(tmp_path),), "/own", (("/dev/zero",), 1), ((os.devnull,), 3), "applied"]


@pytest.mark.parametrize("error", [Landlock.LandlockDisabledError, Landlock.LandlockNotAvailableError])
def test_a_kernel_that_cannot_refuse_is_no_error(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "py_landlock", Landlock(error()))
    assert sandbox._landlock("/own", []) is None
    monkeypatch.setitem(sys.modules, "py_landlock", Landlock(KeyError("x")))
    with pytest.raises(KeyError):
        sandbox._landlock("/own", [])


def test_without_the_package_the_hook_is_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "py_landlock", None)
    assert sandbox._landlock("/own", []) is None


@pytest.mark.skipif(not sandbox.prefix(), reason="needs the namespaces of Linux")
@pytest.mark.parametrize(
    "attempt",
    ["open({path!r}).read()", "open({path!r}, 'w').write('x')"],
)  # fmt: skip
def test_the_kernel_refuses_what_the_hook_does_not_see(tmp_path, attempt):
    """With the hook of Python out of the way, files of others stay unread and unwritten."""
    secret, folder = tmp_path / "secret.txt", tmp_path / "home"
    secret.write_text("hidden", encoding="utf-8")
    folder.mkdir()
    program = ("import sys; from lib.homework import sandbox\n"
               f"sandbox._landlock({str(folder)!r}, sandbox.readable({str(folder)!r}))\n"
               f"try: print({attempt.format(path=str(secret))})\nexcept PermissionError: print('refused')\n"
               "import socket\ntry: socket.create_connection(('192.0.2.1', 80), timeout=3); print('connected')\n"
               "except OSError as error: print(type(error).__name__)")  # fmt: skip
    ran = subprocess.run(
        [*sandbox.prefix(), sys.executable, "-c", program], capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert ran.stdout.splitlines()[0] == "refused", ran.stderr
    assert ran.stdout.splitlines()[1] in ("PermissionError", "OSError")
    assert secret.read_text(encoding="utf-8") == "hidden"


# What the hook refuses.


@pytest.fixture
def hook(tmp_path):
    """The hook for a folder, in which ``own`` and beside which ``packages`` may be read: called, it says what it refuses."""
    (tmp_path / "own").mkdir()
    (tmp_path / "packages").mkdir()
    refused = []
    places = [os.path.realpath(tmp_path / name) for name in ("own", "packages")]
    watch = sandbox._hook(places[0], places, refused)

    def refuses(event, *args):
        refused.clear()
        try:
            watch(event, args)
        except PermissionError as error:
            assert str(error) == f"a submission may not {refused[0]}"
            return refused[0]
        assert refused == []
        return ""

    return SimpleNamespace(refuses=refuses, folder=tmp_path)


@pytest.mark.parametrize("flag", ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"])
def test_files_are_written_in_the_own_folder_only(hook, flag):
    flags = getattr(os, flag)
    assert hook.refuses("open", str(hook.folder / "own" / "a"), "w", flags) == ""
    assert hook.refuses("open", os.fsencode(hook.folder / "own" / "a"), None, flags) == ""
    for path in (hook.folder / "packages" / "a", hook.folder / "own" / ".." / "a", hook.folder / "owner"):
        assert hook.refuses("open", str(path), "w", flags) == f"write outside its folder: {path}"
    assert hook.refuses("open", os.devnull, "w", flags) == ""


def test_files_are_read_where_packages_are(hook):
    (hook.folder / "own" / "link").symlink_to(hook.folder / "secret")
    for path in ("own/a", "packages/a/b"):
        assert hook.refuses("open", str(hook.folder / path), "r", os.O_RDONLY) == ""
    for path in ("secret", "packages2", "own/link"):
        assert hook.refuses("open", str(hook.folder / path), "r", os.O_RDONLY) == f"read outside its folder: {hook.folder / path}"
    assert hook.refuses("open", 3, "r", os.O_RDONLY) == ""
    assert hook.refuses("open", str(hook.folder / "packages"), "r", None) == ""


def test_folders_are_listed_where_files_are_read(hook, monkeypatch):
    monkeypatch.chdir(hook.folder / "own")
    for event in sandbox.LISTS:
        assert hook.refuses(event, str(hook.folder / "packages")) == hook.refuses(event, None) == hook.refuses(event, 3) == ""
        assert hook.refuses(event, str(hook.folder)) == f"list a folder outside its own: {hook.folder}"
    monkeypatch.chdir(hook.folder)
    assert hook.refuses("os.listdir", None) == "list a folder outside its own: ."


@pytest.mark.parametrize(
    "event",
    ["os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime",
     "shutil.rmtree"],
)  # fmt: skip
def test_every_path_that_changes_lies_in_the_own_folder(hook, event):
    own, other = str(hook.folder / "own" / "a"), str(hook.folder / "packages" / "a")
    paths = 2 if event in ("os.rename", "os.link", "os.symlink") else 1
    assert hook.refuses(event, *[own] * paths, other) == ""
    for place in range(paths):
        changed = [own] * paths
        changed[place] = other
        assert hook.refuses(event, *changed, 0) == f"change files outside its folder ({event})"


@pytest.mark.parametrize(
    ("events", "what"),
    [(sandbox.STARTS, "start another program ({})"), (sandbox.TALKS, "use the network ({})"), (sandbox.SIGNALS, "send signals ({})"),
     (("ctypes.dlopen", "ctypes.dlsym"), "load foreign code (ctypes)")],
)  # fmt: skip
def test_programs_the_network_signals_and_foreign_code_are_refused(hook, events, what):
    for event in events:
        assert hook.refuses(event, "x") == what.format(event)
    assert hook.refuses("import", "x") == hook.refuses("compile", "x", None) == ""


def test_what_may_be_read(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    places = sandbox.readable(str(tmp_path))
    assert places == sorted({*places})
    for path in (tmp_path, sys.prefix, "/usr", "/dev/null", sandbox.__file__, np.__file__, "/etc/passwd", "/proc/self"):
        assert any(os.path.realpath(path) == place or os.path.realpath(path).startswith(place + "/") for place in places), path
    assert os.path.realpath(ROOT / "lib") in places
    for path in ("/", "/etc/shadow", "/root", "/tmp", "/home", ROOT, ROOT / "lib" / "homework"):
        assert os.path.realpath(path) not in places
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "mpl"))
    (tmp_path / "mpl").mkdir()
    assert os.path.realpath(tmp_path / "mpl") in sandbox.readable(str(tmp_path))
