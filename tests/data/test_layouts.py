"""Folders as people have them: what is read, what is left out, and what is said about it."""

import os
import warnings

import numpy as np
import pytest

from tinyae.data import DataNote, image_dataset, load_data, read_images
from tinyae.data.formats import FILES, FOLDERS, format_table

PIL = pytest.importorskip("PIL.Image")


def write(folder, n=3, shape=(28, 28)):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        image = np.full(shape, 60 * i % 256, np.uint8)
        PIL.fromarray(image).save(folder / f"{i}.png")


def notes_of(path, **options):
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        data = load_data(path, **options)
    return data, " / ".join(str(note.message) for note in notes)


# Splits and classes


def test_anomaly_detection_as_in_mvtec(tmp_path):
    for sub, n in (("train/good", 4), ("test/good", 2), ("test/broken", 3), ("test/scratch", 1)):
        write(tmp_path / sub, n)
    write(tmp_path / "ground_truth" / "scratch", 9)
    data, notes = notes_of(tmp_path)
    assert (len(data.train), len(data.test)) == (4, 6) and not notes
    assert data.classes == ("broken", "good", "scratch")
    assert set(data.train.labels) == {1} and data.test.labels.tolist() == [0, 0, 0, 1, 1, 2]
    assert len(read_images(tmp_path)) == 6  # the test part


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("train", "test"), "test"),
        (("train", "val"), "val"),
        (("Training", "Testing"), "Testing"),
        (("train", "valid"), "valid"),
        (("train", "validation", "test"), "test"),
        (("train", "test1"), "test1"),
    ],
)
def test_the_split_by_folders(names, chosen, tmp_path):
    for i, name in enumerate(names):
        for label in ("a", "b"):
            write(tmp_path / name / label, 2 + i)
    data, notes = notes_of(tmp_path)
    assert len(data.train) == 4 and len(data.test) == 2 * (2 + names.index(chosen))
    assert data.classes == ("a", "b")
    assert ("validation/ is left out" in notes) == (len(names) == 3)


def test_a_test_part_without_classes(tmp_path):
    write(tmp_path / "train" / "a")
    write(tmp_path / "train" / "b")
    write(tmp_path / "test", 2)
    data, _ = notes_of(tmp_path)
    assert data.train.labels is not None and data.test.labels is None


def test_other_classes_in_the_test_part_are_refused_with_a_way_out(tmp_path):
    for sub in ("train/a", "train/b", "test/a", "test/c"):
        write(tmp_path / sub)
    with pytest.raises(ValueError, match="To train on the training part alone, pass .*train"):
        load_data(tmp_path)
    assert len(load_data(tmp_path / "train").train) == 5


def test_folders_that_are_links(tmp_path):
    write(tmp_path / "store" / "cats")
    write(tmp_path / "store" / "dogs")
    (tmp_path / "data").mkdir()
    for name in ("cats", "dogs"):
        os.symlink(tmp_path / "store" / name, tmp_path / "data" / name)
    os.symlink(tmp_path / "data", tmp_path / "store" / "cats" / "loop")  # contains itself
    os.symlink(tmp_path / "nowhere", tmp_path / "data" / "cats" / "broken.png")
    data, notes = notes_of(tmp_path / "data")
    assert data.classes == ("cats", "dogs") and "left out: 1 .png" in notes
    assert len(data.train) + len(data.test) == 6


def test_the_folder_inside_a_folder_is_found(tmp_path):
    write(tmp_path / "archive" / "pets" / "cats")
    write(tmp_path / "archive" / "pets" / "dogs")
    write(tmp_path / "archive" / "__MACOSX" / "pets")
    data, notes = notes_of(tmp_path / "archive")
    assert data.classes == ("cats", "dogs") and "the only folder inside" in notes


def test_a_training_part_alone(tmp_path):
    write(tmp_path / "train", 4)
    data, notes = notes_of(tmp_path)
    assert data.train.labels is None and "the only folder inside" in notes
    write(tmp_path / "pets" / "cats", 4)  # a single class
    assert load_data(tmp_path / "pets").classes == ("cats",)


# What is left out


def test_what_is_left_out_is_counted_and_explained(tmp_path):
    write(tmp_path, 3)
    for i in range(7):
        (tmp_path / f"IMG_{i}.HEIC").write_bytes(b"photo")
    (tmp_path / "Thumbs.db").write_bytes(b"junk")
    data, notes = notes_of(tmp_path)
    assert len(data.train) + len(data.test) == 3
    assert "read 3 of 10 files; left out: 7 .heic (convert it to .jpg" in notes


def test_a_folder_without_images_says_what_it_has(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"")
    (tmp_path / "IMG.HEIC").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no images here .*: found 1 \.npy, 1 \.heic \(convert"):
        load_data(tmp_path)


# Files


def test_jfif_is_jpeg(tmp_path):
    PIL.fromarray(np.full((28, 28), 99, np.uint8)).save(tmp_path / "a.jfif", "JPEG")
    assert read_images(tmp_path / "a.jfif").images.mean() == pytest.approx(99 / 255, abs=0.01)


def test_every_page_of_a_tiff_is_an_image(tmp_path):
    pages = [PIL.fromarray(np.full((28, 28), 50 * i, np.uint8)) for i in range(5)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    stack = read_images(tmp_path / "stack.tif")
    assert stack.images[:, 0, 0, 0] * 255 == pytest.approx([0, 50, 100, 150, 200])
    assert stack.names.tolist() == [f"stack.tif#{i}" for i in range(1, 6)]
    write(tmp_path, 2)
    assert len(read_images(tmp_path)) == 7


def test_colors_are_kept_on_request_and_sizes_may_differ(tmp_path):
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 255
    PIL.fromarray(red).save(tmp_path / "red.png")
    write(tmp_path, 2, shape=(31, 17))
    images = read_images(tmp_path, color=True, size=(20, 30)).images
    assert images.shape == (3, 3, 20, 30)
    assert images[2].max(axis=(1, 2)).tolist() == [1, 0, 0]
    assert read_images(tmp_path).images.shape == (3, 1, 28, 28)


@pytest.mark.parametrize("size", [0, -1, 2.5, "28", (28,), (28, 0), True])
def test_a_size_is_an_integer_or_a_pair(size, tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match="size="):
        image_dataset(tmp_path, size=size)


def test_images_with_a_wrong_name_say_what_they_are(tmp_path):
    for begin, hint in (
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"%!PS-Adobe", "PostScript"),
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com", "Git LFS"),
    ):
        (tmp_path / "photo.jpg").write_bytes(begin + b" " * 100)
        with pytest.raises(ValueError, match=f"photo.jpg: not a readable image .*{hint}"):
            read_images(tmp_path / "photo.jpg")


# The table


@pytest.mark.parametrize("ending", [e for row in FILES if not row.is_read for e in row.names])
def test_every_ending_that_is_not_read_is_refused_with_a_way_out(ending, tmp_path):
    path = tmp_path / f"data{ending}"
    path.write_bytes(b"content")
    with pytest.raises(ValueError, match="data.*not read: .{10,}") as error:
        load_data(path)
    (row,) = (row for row in FILES if ending in row.names)
    assert row.instead in str(error.value)


def test_unknown_endings_are_refused_with_a_way_out(tmp_path):
    for name, words in (("data.xyz", "'.xyz' is unknown"), ("data", "'.none.' is unknown")):
        (tmp_path / name).write_bytes(b"\x80\x04 pickled")
        with pytest.raises(ValueError, match=f"it is a pickle.*{words}.*np.savez"):
            load_data(tmp_path / name)


def test_the_table_names_everything():
    text = format_table()
    assert all(name in text for row in FILES + FOLDERS for name in row.names)
    assert all(row.read_as or row.instead for row in FILES + FOLDERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataNote)
        assert text.isascii()
