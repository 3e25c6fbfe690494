"""Files are written completely or not at all."""

import os

import numpy as np
import pytest
from helpers.small import same_bits, small_net

from tinyae import load_weights, save_weights
from tinyae.io import writable_folder, write_atomically


@pytest.fixture(params=[".npz", ".safetensors"])
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    return tmp_path / f"weights{request.param}"


def test_the_old_content_stays_until_the_new_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("ne")
        assert (
            path.read_text() == "old"
            and temporary.parent == path.parent
            and temporary.suffix == ".txt"
        )
        temporary.write_text("new")

    write_atomically(path, write)
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_any_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(path, write)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_created_and_tested(tmp_path):
    assert writable_folder(tmp_path / "a" / "b").is_dir() and not list(
        (tmp_path / "a" / "b").iterdir()
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file: it is a file, expected a folder"):
        writable_folder(tmp_path / "file")
    with pytest.raises(OSError, match="cannot write to the folder"):
        writable_folder(tmp_path / "file" / "below")


def test_a_folder_without_permission(tmp_path, monkeypatch):
    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", denied)
    with pytest.raises(
        OSError, match="cannot write to the folder .*: Permission denied; choose another one"
    ):
        writable_folder(tmp_path)


class TestSavingWeightsFails:
    def test_no_folder(self, path):
        with pytest.raises(
            FileNotFoundError,
            match=r"cannot write .*weights.*: the folder .*nowhere does not exist",
        ):
            save_weights(small_net(), path.parent / "nowhere" / path.name)

    def test_a_file_where_the_folder_should_be(self, path):
        (path.parent / "file").write_text("")
        with pytest.raises(OSError, match="cannot write .*weights"):
            save_weights(small_net(), path.parent / "file" / path.name)

    def test_a_folder_where_the_file_should_be(self, path):
        path.mkdir()
        with pytest.raises(OSError, match="cannot write .*weights"):
            save_weights(small_net(), path)
        assert [p.name for p in path.parent.iterdir()] == [path.name]

    @pytest.mark.parametrize(
        "error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")]
    )
    def test_the_old_file_stays(self, path, error, monkeypatch):
        """Simulates a folder without permission or a full disk, because root can write
        anywhere."""
        model = small_net()
        save_weights(model, path)

        def fails(*args):
            raise error

        monkeypatch.setattr(os, "replace", fails)
        with pytest.raises(type(error), match=f"cannot write .*{path.name}: {error.strerror}"):
            save_weights(small_net(seed=9), path)
        monkeypatch.undo()
        assert [p.name for p in path.parent.iterdir()] == [path.name]
        other = small_net(seed=1)
        load_weights(other, path)
        same_bits(other, model)

    def test_interrupted_while_writing(self, tmp_path, monkeypatch):
        path, model = tmp_path / "w.npz", small_net()
        save_weights(model, path)

        def half(file, **arrays):
            file.write_bytes(b"half a")
            raise KeyboardInterrupt

        monkeypatch.setattr(np, "savez", half)
        with pytest.raises(KeyboardInterrupt):
            save_weights(small_net(seed=9), path)
        monkeypatch.undo()
        load_weights(small_net(), path)
        assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]
