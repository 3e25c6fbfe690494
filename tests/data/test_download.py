"""Downloads from a server in this process: mirrors, checksums, the cache, and helpful errors."""

import hashlib
import re
import sys

import pytest

from tinyae.data.download import fetch


def put(web, mirror, data):
    (web / mirror).mkdir()
    (web / mirror / "file.gz").write_bytes(data)


MD5 = hashlib.md5(b"right").hexdigest()


def test_a_good_mirror_is_used_then_the_cache(server, tmp_path):
    address, web = server
    put(web, "good", b"right")
    path = fetch("file.gz", MD5, [f"{address}/good/"], "mnist")
    assert path == tmp_path / "cache" / "mnist" / "file.gz" and path.read_bytes() == b"right"
    (web / "good" / "file.gz").unlink()
    assert fetch("file.gz", MD5, [f"{address}/good/"], "mnist").read_bytes() == b"right"


def test_absent_and_corrupt_mirrors_are_skipped(server, tmp_path):
    address, web = server
    put(web, "corrupt", b"wrong")
    put(web, "good", b"right")
    mirrors = [f"{address}/absent", f"{address}/corrupt", f"{address}/good"]
    assert fetch("file.gz", MD5, mirrors, "mnist").read_bytes() == b"right"
    assert [p.name for p in (tmp_path / "cache" / "mnist").iterdir()] == [
        "file.gz"
    ]  # no temporary files are left


def test_a_damaged_copy_in_the_cache_is_downloaded_again(server, tmp_path):
    address, web = server
    put(web, "good", b"right")
    (tmp_path / "cache" / "mnist").mkdir(parents=True)
    (tmp_path / "cache" / "mnist" / "file.gz").write_bytes(b"rig")
    assert fetch("file.gz", MD5, [f"{address}/good"], "mnist").read_bytes() == b"right"


def test_if_all_mirrors_fail_the_error_lists_each_with_its_reason(server, tmp_path):
    address, web = server
    put(web, "corrupt", b"wrong")
    dead = "http://127.0.0.1:1"
    with pytest.raises(ConnectionError) as error:
        fetch("file.gz", MD5, [f"{address}/absent", f"{address}/corrupt", dead], "mnist")
    message = str(error.value)
    for text in (
        f"{address}/absent/file.gz",
        "404",
        f"{address}/corrupt/file.gz",
        MD5,
        "hash",
        f"{dead}/file.gz",
        "Connection",
        "TINYAE_DATA=DIR",
        "DIR/mnist/",
        "strokes",
    ):
        assert text in message
    assert not list((tmp_path / "cache").rglob("*.gz"))  # the wrong bytes were not kept


def test_without_pooch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=re.escape('pip install "tinyae[data]"')):
        fetch("file.gz", MD5, ["http://127.0.0.1:1"], "mnist")
