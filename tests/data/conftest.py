"""A web server in this process, a cache in a temporary folder, and no TINYAE_DATA variable."""

import http.server
import threading

import pytest


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("TINYAE_DATA", raising=False)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server for a folder: (its address, the folder). The cache is in the same temporary
    folder."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path / "web")

        def log_message(self, *_):
            pass

    (tmp_path / "web").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", tmp_path / "web"
        httpd.shutdown()
        thread.join()
