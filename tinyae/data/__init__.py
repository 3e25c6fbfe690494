"""Images to learn from: generated digits, classic data sets, or your own files.

data = load_data("mnist")
data.train.images      # (60000, 1, 28, 28) float32 in [0, 1]; a table may have any values
data.train.flat        # (60000, 784), a view of the same memory
data.train.labels      # (60000,) int64
"""

from tinyae.data.augmentation import shifts
from tinyae.data.batches import minibatches, train_test_split
from tinyae.data.corruption import Corruption, Gaussian, Masking, SaltAndPepper
from tinyae.data.dataset import Dataset, Images
from tinyae.data.drawing import draw, strokes
from tinyae.data.file_checks import DataNote
from tinyae.data.idx import read_idx
from tinyae.data.image_files import image_dataset, read_images
from tinyae.data.load import load_data
from tinyae.data.scaling import Scale
from tinyae.data.sources import digits, fashion_mnist, mnist

__all__ = [
    "Corruption",
    "DataNote",
    "Dataset",
    "Gaussian",
    "Images",
    "Masking",
    "SaltAndPepper",
    "Scale",
    "digits",
    "draw",
    "fashion_mnist",
    "image_dataset",
    "load_data",
    "minibatches",
    "mnist",
    "read_idx",
    "read_images",
    "shifts",
    "strokes",
    "train_test_split",
]
