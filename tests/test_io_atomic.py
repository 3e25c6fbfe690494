import pytest

from tinyae.io import writable_folder, write_atomically


def test_the_old_content_is_seen_until_the_new_is_whole(tmp_path):
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


def test_any_failure_leaves_the_old_and_no_rubbish(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(path, write)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_made_and_tried(tmp_path):
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
