"""Files of arrays: ``.npz``, and ``.safetensors`` if that package is installed. The files of other
programs are named for what they are."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._validate import check_path
from tinyae.io.files import PathLike, write_atomically

METADATA = "__metadata__"  # the one entry of an .npz that is not a tensor: a JSON string

PICKLE = (
    "a pickle. Opening it could run any code, so tinyae does not open it. In PyTorch, call "
    'safetensors.torch.save_file(net.state_dict(), "{stem}.safetensors"), then load that file. '
    'Without the net, torch.load("{name}", weights_only=True) takes the place of net.state_dict(); '
    'if the result has an entry "state_dict", as that of Lightning has, take this entry'
)
KERAS = (
    'weights of Keras (HDF5). In Keras, call numpy.savez("{stem}.npz", **arrays) with PyTorch\'s '
    'names and shapes: {{"encoder.0.weight": dense.kernel.numpy().T, "encoder.0.bias": '
    "dense.bias.numpy(), ...}}; the kernel of a Conv2D needs .transpose(3, 2, 0, 1)"
)
TENSORFLOW = (
    "part of a TensorFlow checkpoint. In TensorFlow, read the arrays with tf.train.load_checkpoint "
    "and save them with numpy.savez, with the names and shapes of PyTorch"
)
ONNX = (
    "a model in the ONNX format. Convert its weights: onnx.numpy_helper.to_array for each entry of "
    "graph.initializer, then numpy.savez"
)
BY_START = {b"\x89HDF": KERAS, b"GGUF": "a language model in the GGUF format"} | {
    bytes([0x80, protocol]): PICKLE for protocol in range(1, 6)
}
BY_ENDING = {
    **dict.fromkeys((".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".tar", ".joblib"), PICKLE),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), KERAS),
    **dict.fromkeys((".index", ".pb"), TENSORFLOW),
    ".onnx": ONNX,
    ".npy": "a single array, not arrays with names: numpy.savez writes those",
}
# An archive that unpacks to more than this, and to more than a hundred times its size, is refused.
PLAUSIBLE = 1 << 30  # bytes
# How safetensors names the dtypes. BF16 has no dtype in NumPy: it is the upper half of a float32.
DTYPES = {
    **{"BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16},
    **{"U32": np.uint32, "I32": np.int32, "U64": np.uint64, "I64": np.int64},
    **{"F16": np.float16, "F32": np.float32, "F64": np.float64, "BF16": np.uint16},
}


def write_arrays(
    path: PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> None:
    """Write arrays and metadata to one file, completely or not at all.

    Raises:
        TypeError: ``path`` is not the name of a file, or the metadata cannot be written as JSON.
        ValueError: ``path`` has an unknown ending.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from tinyae.io import read_arrays, write_arrays
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_arrays(f"{folder}/codes.npz", {"z": np.zeros((5, 2))}, {"model": "basic"})
        ...     arrays, metadata = read_arrays(f"{folder}/codes.npz")
        >>> arrays["z"].shape, metadata
        ((5, 2), {'model': 'basic'})
    """
    check_ending(path)
    try:
        text = json.dumps(metadata)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{path}: the metadata must be JSON values: {error}") from None
    if Path(path).suffix == ".npz":
        entries: dict[str, Any] = {**arrays, METADATA: np.array(text)}
        write_atomically(path, lambda temporary: np.savez(temporary, **entries))
    else:
        contiguous = {key: np.asarray(a, order="C") for key, a in arrays.items()}
        header = {"tinyae": text, "sha256": _checksum(contiguous, text)}
        content = _safetensors().numpy.save(contiguous, header)
        write_atomically(path, lambda temporary: temporary.write_bytes(content))


def check_ending(path: PathLike) -> None:
    """Check the ending of a weight file's name.

    Raises:
        TypeError: ``path`` is not the name of a file.
        ValueError: it is neither .npz nor .safetensors.

    Example:
        >>> from tinyae.io import check_ending
        >>> check_ending("weights.pickle")
        Traceback (most recent call last):
            ...
        ValueError: weights.pickle: weights are saved as .npz or .safetensors, not '.pickle'
    """
    check_path("a weight file", path)
    suffix = Path(path).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(
            f"{path}: weights are saved as .npz or .safetensors, not {suffix or 'no ending'!r}"
        )


def read_arrays(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``arrays, metadata`` of an .npz or .safetensors file.

    Raises:
        TypeError: ``path`` is not the name of a file.
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, or is damaged.

    Example:
        >>> import tempfile
        >>> from tinyae.io import read_arrays
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(Linear(4, 3), f"{folder}/weights.npz")
        ...     arrays, metadata = read_arrays(f"{folder}/weights.npz")
        >>> {key: a.shape for key, a in arrays.items()}
        {'weight': (3, 4), 'bias': (3,)}
    """
    check_path("a weight file", path)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    if other := _other_format(path):
        what = other.format(stem=path.name.partition(".")[0], name=path.name)
        raise ValueError(f"{path}: not a weight file, but {what}")
    try:
        arrays, text = _read_safetensors(path) if path.suffix == ".safetensors" else _read_npz(path)
        metadata = json.loads(text)
        if not isinstance(metadata, dict):
            raise ValueError("its metadata is not a dictionary")
        return arrays, metadata
    except ImportError:
        raise
    except Exception as error:  # numpy, zipfile, zlib, safetensors raise many kinds
        raise ValueError(
            f"{path}: not a weight file, or damaged ({error or type(error).__name__})"
        ) from error


def _other_format(path: Path) -> str:
    """What a file of another program is, by its first bytes, else by its ending."""
    with open(path, "rb") as file:
        start = file.read(4)
    for beginning, what in BY_START.items():
        if start.startswith(beginning):
            return what
    if start == b"PK\x03\x04":  # a zip: .npz, the files of torch.save, .keras
        with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any(name.endswith("data.pkl") for name in names):
                return PICKLE
            if any(name.endswith(".weights.h5") for name in names):
                return KERAS
    return BY_ENDING.get(path.suffix.lower(), "")


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], str]:
    with zipfile.ZipFile(path) as archive:
        unpacked, packed = sum(info.file_size for info in archive.infolist()), path.stat().st_size
    if unpacked > max(PLAUSIBLE, 100 * packed):
        raise ValueError(f"its {packed:,} bytes would unpack to {unpacked:,}")
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return arrays, str(arrays.pop(METADATA, "{}"))


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], str]:
    library = _safetensors()
    with library.safe_open(path, framework="numpy") as file:
        header = file.metadata() or {}
    arrays: dict[str, np.ndarray] = {}
    for key, tensor in library.deserialize(path.read_bytes()):
        if tensor["dtype"] not in DTYPES:
            hint = "convert it with net.float() before saving"
            raise ValueError(f"tensor {key!r} has dtype {tensor['dtype']}: {hint}")
        a: np.ndarray = np.frombuffer(tensor["data"], DTYPES[tensor["dtype"]])
        if tensor["dtype"] == "BF16":
            a = (a.astype(np.uint32) << 16).view(np.float32)
        arrays[key] = a.reshape(tensor["shape"])
    text = header.get("tinyae", "{}")
    if "sha256" in header and header["sha256"] != _checksum(arrays, text):
        raise ValueError("the checksum differs")
    return arrays, text


def _checksum(arrays: Mapping[str, np.ndarray], text: str) -> str:
    """SHA-256 of names, dtypes, shapes, values and metadata."""
    digest = hashlib.sha256(text.encode())
    for key in sorted(arrays):
        a = arrays[key]
        digest.update(f"{key} {a.dtype.str} {a.shape}".encode())
        digest.update(np.ascontiguousarray(a).data.cast("B") if a.size else b"")
    return digest.hexdigest()


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            '.safetensors files need the safetensors package: pip install "tinyae[weights]"'
        ) from error

    return safetensors
