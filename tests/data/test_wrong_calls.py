"""Wrong calls of the functions that read data: a TypeError, ValueError or OSError in our words."""

import numpy as np
import pytest

from tinyae.data import Images, digits, image_dataset, load_data, mnist, read_idx, read_images
from tinyae.data.images import scale_images

HERE = __file__

CALLS = {
    "path is of type NoneType": lambda: load_data(None),
    "path is of type int": lambda: load_data(5),
    "path is of type ndarray": lambda: read_images(np.zeros((3, 3))),
    "path is of type bytes": lambda: read_idx(b"file"),
    "data_dir: the path is of type int": lambda: mnist(5),
    "the path is empty": lambda: load_data(""),
    "no such file or folder: a": lambda: load_data("a\0b.npy"),
    "download the file first": lambda: load_data("https://example.org/x.npz"),
    "image_dataset: seed='a'": lambda: image_dataset(HERE, seed="a"),
    "image_dataset: seed=-1": lambda: image_dataset(HERE, seed=-1),
    "read_images: size='a'": lambda: read_images(HERE, size="a"),
    "a folder, expected an IDX file": lambda: read_idx("."),
    "digits: size='8'": lambda: digits("8"),
    "digits: size=9": lambda: digits(9),
    "images is of type list": lambda: Images([1, 2]),
    "labels is of type list": lambda: Images(np.zeros((2, 1, 3, 3)), [1, 2]),
    "expected numbers, got object": lambda: scale_images(None),
    "equally long lists": lambda: scale_images([[1, 2], [3]]),
    "scale is 'a'": lambda: scale_images(np.zeros((2, 3, 3)), scale="a"),
}


@pytest.mark.parametrize("words", CALLS)
def test_wrong_calls(words):
    with pytest.raises((TypeError, ValueError, OSError), match=words):
        CALLS[words]()
