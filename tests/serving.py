"""Folders of this machine as sites, for tests, benchmarks and notebooks that install from one."""

import contextlib
import functools
import http.server
import threading


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a folder, and says nothing."""

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def served(folder, handler=Quiet):
    """The address, with a slash at its end, at which this machine serves a folder, from a thread; on a free port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
