"""Files: weights (``.npz``, ``.safetensors``), and writing that leaves no half-written file.

Keys and shapes of weights are those of PyTorch's state_dict, so weights can be exchanged in both
directions. Nothing is ever unpickled.
"""

from tinyae.io.files import locked, remove_leftovers, writable_folder, write_atomically
from tinyae.io.formats import METADATA, check_ending, read_arrays, write_arrays
from tinyae.io.weights import check_arrays, copy_into, load_weights, save_weights

__all__ = [
    "METADATA",
    "check_arrays",
    "check_ending",
    "copy_into",
    "load_weights",
    "locked",
    "read_arrays",
    "remove_leftovers",
    "save_weights",
    "writable_folder",
    "write_arrays",
    "write_atomically",
]
