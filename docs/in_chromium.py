"""Open a page of a local server in Chromium without a window, and wait for what it reports."""

from __future__ import annotations

import queue
import shutil
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def find_chromium() -> str | None:
    """The program, or None."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what a page posts."""

    reports: queue.Queue[str]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.reports.put(self.rfile.read(length).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def report_of(folder: Path, page: str, seconds: float = 120) -> str:
    """What a page posts to ``/report``; no other host than this computer is reached.

    Raises:
        TimeoutError: it posts nothing.
    """
    handler = type("OneRun", (Handler,), {"reports": queue.Queue()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update",
            "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}", "--remote-debugging-port=0",
        ]  # fmt: skip
        address = f"http://127.0.0.1:{server.server_address[1]}/{page}"
        browser = subprocess.Popen(
            [str(find_chromium()), *options, address],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return handler.reports.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"{page} reported nothing within {seconds:g} s") from None
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
            server.server_close()
