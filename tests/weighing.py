"""What a page weighs, and how much of it moves while it loads; for tests and for the benchmark of the pages."""

import functools
import gzip
from urllib.parse import unquote, urlsplit

from serving import Quiet

SMALL = (".woff2", ".woff", ".png", ".avif", ".jpg", ".ico", ".pdf", ".zip")  # compressed already


class Gzipped(Quiet):
    """What pages are served by on the web: text goes out compressed, over connections that stay open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer with a file, compressed if it is text and the browser can read that."""
        path = self.translate_path(self.path)
        path = f"{path}/index.html" if self.path.split("?")[0].endswith("/") else path
        try:
            content = _content(path, "gzip" in self.headers.get("Accept-Encoding", ""))
        except OSError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path) + ("; charset=utf-8" if path.endswith(".html") else ""))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        if content[:2] == b"\x1f\x8b":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(content)


@functools.cache
def _content(path, compressed):
    with open(path, "rb") as file:
        content = file.read()
    return gzip.compress(content, 6) if compressed and not path.endswith(SMALL) else content


def weigh(browser, address, page, folder, width=1280, height=900, scroll=False):
    """Bytes, compressed, of all that a page asks for while it loads, by file name; with ``scroll`` until its end.

    The page is at ``address + page``, and what it asks for are files of ``folder``.
    """
    asked = set()
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = context.new_page()
    tab.on("request", lambda request: asked.add(request.url))
    tab.goto(address + page, wait_until="load")
    tab.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
    if scroll:
        tab.evaluate(SCROLL)
    tab.wait_for_load_state("networkidle")
    context.close()
    paths = (unquote(urlsplit(url).path) for url in asked if url.startswith(address))
    return {path.rsplit("/", 1)[1]: len(_content(f"{folder}{path}", True)) for path in paths}


SCROLL = """(async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise(requestAnimationFrame);
  }
})()"""

WATCH = """
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (!entry.hadRecentInput) window.shifts.push([entry.value, ...entry.sources.map(({ node }) =>
    (node?.outerHTML ?? node?.textContent ?? "").slice(0, 100))]);
})).observe({ type: "layout-shift", buffered: true });
"""


def shifts(browser, url, width=1280, height=900, slowdown=4):
    """What moves without the reader's doing while a page loads on a slow processor: values, each with what moved."""
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    session.send("Network.enable")
    slow = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 100_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.goto(url, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => new Promise((done) => setTimeout(done, 500)))")
    found = page.evaluate("shifts")
    context.close()
    return found
