"""Run the editions where nothing of the book is: in an environment with the packages of Colab.

``python tests/anywhere.py FOLDER`` runs every notebook of a folder, each in a folder of its own; with ``--freeze FILE``
the environment has the releases that this list of Colab's names, by default those of ``colab.txt``. The library comes
as a wheel from a server on this machine, in place of the repository; what it needs and Colab lacks comes from a folder,
or with ``--index`` from where pip always looks. Needs ``nbclient`` and a network the first time.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from serving import served

ROOT = Path(__file__).resolve().parents[1]
FREEZE = ROOT / "tests" / "colab.txt"
ENVIRONMENTS = ROOT / "_build" / "anywhere"
MISSING = ("anywidget", "latex2mathml", "psygnal", "autograd")  # what the editions need and Colab lacks
PIN = re.compile(r"^([\w.-]+)==([\w.!+]+)$", re.M)
STAND_IN = '''\
import os

def enable_custom_widget_manager():
    with open(os.environ["WIDGETS"], "a") as file:
        file.write("enabled\\n")
'''


def normal(name):
    """A package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text, names=None):
    """The lines ``name==release`` of a list, in order, of the packages ``names`` or of all."""
    wanted = names and {*map(normal, names)}
    return [f"{name}=={release}" for name, release in PIN.findall(text) if not wanted or normal(name) in wanted]


class Environment:
    """A virtual environment with given releases, and a stand-in for Colab's own module; made once for each list."""

    def __init__(self, freeze):
        stated = pins(FREEZE.read_text(encoding="utf-8"))
        self.pins = pins(freeze, [pin.partition("==")[0] for pin in stated])
        needed = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"), MISSING)
        key = hashlib.sha256(json.dumps([sys.version, self.pins, needed, STAND_IN]).encode()).hexdigest()[:12]
        self.folder = ENVIRONMENTS / key
        self.python = self.folder / "venv" / "bin" / "python"
        if not (self.folder / "made").exists():
            self._make(needed)

    def _make(self, needed):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder / "venv")], check=True)
        self._pip("install", "--quiet", *self.pins)
        self._pip("download", "--quiet", "--no-deps", "--dest", str(self.folder / "wheels"), *needed)
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = Path(subprocess.check_output([self.python, "-c", code], encoding="utf-8").strip())
        (packages / "google" / "colab").mkdir(parents=True)
        (packages / "google" / "colab" / "__init__.py").touch()
        (packages / "google" / "colab" / "output.py").write_text(STAND_IN, encoding="utf-8")
        (packages / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
        started = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (self.folder / "kernels" / "colab").mkdir(parents=True, exist_ok=True)
        (self.folder / "kernels" / "colab" / "kernel.json").write_text(
            json.dumps({"argv": started, "display_name": "Colab", "language": "python"}), encoding="utf-8"
        )
        (self.folder / "made").write_text(json.dumps(self.installed()), encoding="utf-8")

    def _pip(self, *words):
        return subprocess.check_output(
            [self.python, "-m", "pip", "--disable-pip-version-check", *words], env=clean(), encoding="utf-8"
        )

    def installed(self):
        """What is installed: {name: release}."""
        return {normal(one["name"]): one["version"] for one in json.loads(self._pip("list", "--format=json"))}

    @property
    def first(self):
        """What was installed when the environment was made."""
        return json.loads((self.folder / "made").read_text(encoding="utf-8"))

    def reset(self):
        """Remove what was installed since."""
        if added := self.installed().keys() - self.first.keys():
            self._pip("uninstall", "--quiet", "--yes", *added)

    @property
    def manager(self):
        """A class that manages a kernel of the environment, which it knows by the name ``colab``."""
        specs = KernelSpecManager(kernel_dirs=[str(self.folder / "kernels")], ensure_native_kernel=False)
        return type("Manager", (AsyncKernelManager,), {"_kernel_spec_manager_default": lambda self: specs})


def clean(**more):
    """The variables of this process without what would lead Python to the project, and with ``more``."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))} | more


def wheel(folder):
    """The path of the library's wheel, built into a folder."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (built,) = Path(folder).glob("downhill-*.whl")
    return built


def from_here(notebook, address):
    """Let the first code cell install from ``address``, not from the repository. Raises ``ValueError`` if it cannot."""
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source, count = re.subn(r"(downhill\[\w+\] @ )git\+https://[^\"\s]+", rf"\g<1>{address}", cell.source)
    if count != 1:
        raise ValueError(f"the first code cell names {count} repositories to install from; it must name one")


def run(path, environment, address, widgets, *, index=False, timeout=300):
    """Run a notebook in a folder of its own; returns what went wrong, or None.

    ``widgets``: a file that is there afterwards if the notebook has switched Colab's widgets on, as figures do once more.
    """
    notebook = nbformat.read(path, as_version=4)
    from_here(notebook, address)
    source = {} if index else {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(environment.folder / "wheels")}
    quiet = {"OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    variables = clean(WIDGETS=str(widgets), **quiet, **source)
    with tempfile.TemporaryDirectory() as folder:
        kernel = {"kernel_name": "colab", "kernel_manager_class": environment.manager}
        client = NotebookClient(notebook, timeout=timeout, record_timing=False, **kernel)
        try:
            client.execute(cwd=folder, env=variables)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return str(error)[-2000:]
    return None


def problems(paths, freeze, *, index=False, say=print):
    """Run notebooks one after the other; returns what went wrong, as a list of sentences."""
    environment = Environment(freeze)
    environment.reset()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        built, widgets = wheel(folder), [Path(folder) / f"{path.stem}.widgets" for path in paths]
        with served(folder) as address:
            for path, mark in zip(paths, widgets):
                start = time.perf_counter()
                error = run(path, environment, f"{address}{built.name}", mark, index=index)
                say(f"{path.name}: {'FAILED' if error else 'done'} in {time.perf_counter() - start:.0f} s")
                found += [f"{path.name} fails:\n{error}"] if error else []
        without = [path.name for path, mark in zip(paths, widgets) if not mark.exists()]
    found += [f"{name} does not switch the widgets on" for name in without]
    now = environment.installed()
    changed = {name: (was, now.get(name)) for name, was in environment.first.items() if now.get(name) != was}
    if changed:
        found.append(f"the notebooks changed what was installed: {changed}")
    if "downhill" not in now:
        found.append("no notebook installed the library")
    return found


def main(arguments=None):
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python tests/anywhere.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="a folder of notebooks")
    parser.add_argument("--freeze", type=Path, default=FREEZE, help="what pip freeze prints at Colab")
    parser.add_argument("--index", action="store_true", help="let the notebooks install the newest releases")
    given = parser.parse_args(arguments)
    paths = sorted(given.folder.glob("*.ipynb"))
    if not paths:
        parser.error(f"no notebook in {given.folder}")
    found = problems(paths, given.freeze.read_text(encoding="utf-8"), index=given.index)
    print("\n\n".join(found) or f"{len(paths)} notebooks ran, and nothing that was installed before has changed")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
