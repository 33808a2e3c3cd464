"""What a submission's process may do: its own folder and the installed packages, no network, no other program.

Three layers. ``start`` puts the process into namespaces and on a small disk of its own, without network (Linux).
``confine`` lets the kernel refuse other files (Landlock, Linux 5.13 and later) and adds a hook that refuses the same
things in Python, on every system, and says so. ``limit`` bounds processor time (Linux, macOS) and memory (Linux). Without the first two, a
submission that means harm can get round the hook: grade in a container there.
"""

import functools
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:
    resource = None

UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
OWN_DISK = ("sh", "-c", 'mount -t tmpfs -o size=200m,mode=700 tmpfs . && cd "$PWD" && exec "$@"', "sh")
DEVICES = tuple(f"/dev/{name}" for name in ("full", "null", "random", "urandom", "zero"))
LARGEST_FILE = 50_000_000
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn",
          "os.startfile")  # fmt: skip
TALKS = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
)
SIGNALS = ("os.kill", "os.killpg", "signal.pthread_kill")
CHANGES = {"os.remove": 1, "os.rename": 2, "os.rmdir": 1, "os.mkdir": 1, "os.link": 2, "os.symlink": 2, "os.truncate": 1,
           "os.chmod": 1, "os.chown": 1, "os.utime": 1, "shutil.rmtree": 1}  # fmt: skip
LISTS = ("os.listdir", "os.scandir")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@functools.cache
def prefix():
    """The command in front of the process's own: without network where the system allows it, else nothing."""
    if not shutil.which(UNSHARE[0]):
        return ()
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, stdin=subprocess.DEVNULL)
    return UNSHARE if tried.returncode == 0 else ()


@functools.cache
def start():
    """:func:`prefix`, and where the system allows it a disk of 200 MB in the place of the process's folder."""
    if not prefix():
        return ()
    with tempfile.TemporaryDirectory() as folder:
        command = (*prefix(), "--mount", *OWN_DISK)
        tried = subprocess.run([*command, "true"], capture_output=True, stdin=subprocess.DEVNULL, cwd=folder)
    return command if tried.returncode == 0 else prefix()


def limit(memory, seconds):
    """Bound this process: bytes of memory, seconds of processor time, the size of a file; no core dump.

    What the system does not let it set, as macOS memory, stays as it is.
    """
    if resource is None:
        return
    wanted = {"RLIMIT_AS": memory, "RLIMIT_CPU": 2 * seconds + 10, "RLIMIT_FSIZE": LARGEST_FILE, "RLIMIT_CORE": 0}
    for name, most in wanted.items():
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def readable(folder):
    """Folders from which a submission may read: its own, Python's, the packages', the system's."""
    places = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"], str(Path(__file__).parents[1])}
    places |= {folder, os.environ.get("MPLCONFIGDIR", folder)}
    places |= {"/usr", "/lib", "/lib64", *DEVICES, "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys"}
    places |= {f"/etc/{name}" for name in ("fonts", "ld.so.cache", "localtime", "mime.types", "os-release", "passwd")}
    return sorted({os.path.realpath(place) for place in places if os.path.exists(place)} - {"/"})


def confine(folder, refused):
    """Hold this process to ``folder`` for the rest of its life; what was refused is added to ``refused`` in words."""
    import ctypes  # noqa: F401  its own start would be refused later

    folder, places = os.path.realpath(folder), readable(folder)
    _landlock(folder, places)
    sys.addaudithook(_hook(folder, places, refused))


def _landlock(folder, places):
    """Let the kernel refuse other files, and TCP, where it can."""
    try:
        from py_landlock import AccessFs, Landlock, LandlockDisabledError, LandlockNotAvailableError
    except ImportError:
        return
    rules = Landlock(strict=False).allow_read(*filter(os.path.isdir, places)).allow_read_write(folder)
    rules.add_path_rule(*itertools.filterfalse(os.path.isdir, places), access=AccessFs.READ_FILE)
    rules.add_path_rule(os.devnull, access=AccessFs.READ_FILE | AccessFs.WRITE_FILE)
    try:
        rules.apply()
    except (LandlockDisabledError, LandlockNotAvailableError):
        return


def _hook(folder, places, refused):
    """An audit hook that refuses what a submission does not need."""

    null = os.path.realpath(os.devnull)

    def inside(path, roots):
        if isinstance(path, int) or path is None:
            return True
        real = os.path.realpath(os.fsdecode(path))
        return any(real == root or real.startswith(root + os.sep) for root in (null, *roots))

    def refuse(what):
        refused.append(what)
        raise PermissionError(f"a submission may not {what}")

    def hook(event, args):
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & WRITES and not inside(path, (folder,)):
                refuse(f"write outside its folder: {os.fsdecode(path)}")
            if not inside(path, places):
                refuse(f"read outside its folder: {os.fsdecode(path)}")
        elif event in CHANGES and not all(inside(path, (folder,)) for path in args[: CHANGES[event]]):
            refuse(f"change files outside its folder ({event})")
        elif event in LISTS and not inside(args[0] or ".", places):
            refuse(f"list a folder outside its own: {os.fsdecode(args[0] or '.')}")
        elif event in STARTS:
            refuse(f"start another program ({event})")
        elif event in TALKS:
            refuse(f"use the network ({event})")
        elif event in SIGNALS:
            refuse(f"send signals ({event})")
        elif event in ("ctypes.dlopen", "ctypes.dlsym"):
            refuse("load foreign code (ctypes)")

    return hook
