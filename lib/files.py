"""Files that are written as a whole or not at all: after a full disk or an interruption the old one is still there."""

import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def draft(path):
    """A path beside ``path`` to write to; the folder is made if need be. At the end it takes the place of ``path``.

    If anything goes wrong meanwhile, ``path`` stays as it is and the draft is deleted; an ``OSError`` names ``path``.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    except OSError as error:
        if error.errno is None:
            raise
        what = f"{os.strerror(error.errno)}; it was not written, and is as it was before"
        raise OSError(error.errno, what, str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write(path, content):
    """Write a text (as UTF-8, with its own ends of lines) or bytes."""
    with draft(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
