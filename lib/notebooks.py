"""Execute the book's notebooks and write them in one normal form, so that a diff shows what changed.

``python -m lib.notebooks`` does it with every notebook of ``book`` and ``homework``, in parallel by file;
``python -m lib.notebooks book/adam.ipynb`` with the named ones. A notebook that fails keeps its old content.
"""

import argparse
import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from lib.files import write

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
KEPT_OF_NOTEBOOK = {"mystnb", "otter"}
KEPT_OF_CELL = {"tags", "mystnb", "otter", "deletable", "editable"}
STRIPPED = ("image/", "application/pdf", "application/vnd.jupyter.widget")
INTERACTIVE = '<div class="downhill"'
TIMEOUT = 300


def all_notebooks(root=ROOT):
    """Paths of every notebook under ``book`` and ``homework``, sorted."""
    found = [path for folder in ("book", "homework") for path in (root / folder).rglob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def normalise(notebook):
    """A copy in normal form.

    Outputs keep text and lose images, widget views and interactive figures; metadata keeps what the book uses and
    loses versions and times; every cell has an id, made from its text where it had none. Idempotent.
    """
    notebook = deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(
        METADATA | {key: value for key, value in notebook.metadata.items() if key in KEPT_OF_NOTEBOOK}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    ids = set()
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in cell.metadata if key in KEPT_OF_CELL})
        cell.source = cell.source.rstrip()
        cell.pop("attachments", None)
        cell.id = _fresh_id(cell, ids)
        ids.add(cell.id)
        if cell.cell_type == "code":
            cell.outputs = _normal_outputs(cell)
    return notebook


def _fresh_id(cell, taken):
    return cell.id if cell.get("id") and cell.id not in taken else id_from(cell.source, taken)


def id_from(text, taken):
    """An id for a cell, made from its text; none of those that are ``taken``."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return next(digest[i : i + 8] for i in range(56) if digest[i : i + 8] not in taken)


def _normal_outputs(cell):
    outputs = []
    for output in cell.outputs:
        if output.output_type == "stream" and outputs and outputs[-1].get("name") == output.name:
            outputs[-1].text += output.text
            continue
        if "data" in output:
            output.data = nbformat.from_dict(
                {mime: data for mime, data in output.data.items() if not _is_picture(mime, data)}
            )
            output.metadata = nbformat.from_dict({})
        if output.output_type == "execute_result":
            output.execution_count = cell.execution_count
        outputs.append(output)
    return outputs


def _is_picture(mime, data):
    return mime.startswith(STRIPPED) or mime == "text/html" and data.startswith(INTERACTIVE)


def execute(path):
    """Run a notebook in its own folder and rewrite it in normal form; a failing cell raises, and nothing is written."""
    notebook = nbformat.read(path, as_version=4)
    begun = []
    client = NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=lambda cell, cell_index: begun.append(cell) if cell.cell_type == "code" else None,
    )  # fmt: skip
    try:
        client.execute()
    except DeadKernelError as error:
        source = begun[-1].source if begun else ""
        raise DeadKernelError(f"Its kernel died in code cell {len(begun)}:\n{source}") from error
    write(path, written(normalise(notebook)))


def written(notebook):
    """The text of a notebook's file."""
    return nbformat.writes(notebook) + "\n"


def _report(path):
    try:
        execute(path)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return f"FAILED  {path}\n{error}"
    except Exception as error:
        return f"FAILED  {path}\n{type(error).__name__}: {error}"
    return f"done    {path}"


def main(arguments=None):
    """Execute and rewrite the notebooks named in ``arguments``, or all; returns the number that failed."""
    parser = argparse.ArgumentParser(prog="python -m lib.notebooks", description=__doc__.split("\n\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="files (default: all of book/ and homework/)")
    paths = [path.resolve() for path in parser.parse_args(arguments).notebooks] or all_notebooks()
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for line in pool.map(_report, paths):
            failed += line.startswith("FAILED")
            print(line, flush=True)
    return failed


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(min(main(), 1))
