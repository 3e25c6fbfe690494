"""Weight files: ``.npz``, or ``.safetensors`` if that package is installed. Keys and shapes are
those of PyTorch's state_dict, so weights can be exchanged in both directions. Nothing is ever
unpickled."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, to_device, to_numpy
from tinyae.layers.base import Layer

METADATA = "__metadata__"  # the one entry of an .npz that is not a tensor: a JSON string


PathLike = str | os.PathLike[str]


def save_weights(model: Layer, path: PathLike, /, **metadata: Any) -> None:
    """Write ``model.params`` and ``metadata`` (JSON values) to ``path``, which ends in .npz or
    .safetensors.

    In PyTorch, load a .safetensors file with
    ``net.load_state_dict(safetensors.torch.load_file("weights.safetensors"))``, and an .npz file
    with ``arrays = numpy.load("weights.npz")`` and ``net.load_state_dict({k: torch.from_numpy(v)
    for k, v in arrays.items() if k != "__metadata__"})``.

    Raises:
        ValueError: ``path`` has another ending.
        OSError: the file cannot be written. A file that was there before stays unchanged.
    """
    write_arrays(path, {key: to_numpy(a) for key, a in model.params.items()}, metadata)


def load_weights(model: Layer, path: PathLike) -> dict[str, Any]:
    """Copy the tensors of a weight file into ``model`` and return the file's metadata.

    Reads the files of ``save_weights``, and a PyTorch state_dict saved with
    ``safetensors.torch.save_file`` or ``numpy.savez``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, is damaged, or belongs to another architecture (the
            message names the first tensor that differs). The model is unchanged then.
    """
    arrays, metadata = read_arrays(path)
    copy_into(model.params, arrays, str(path))
    return metadata


def copy_into(params: Mapping[str, Array], arrays: Mapping[str, np.ndarray], source: str) -> None:
    """``params[key][...] = arrays[key]`` for every key, after everything has been checked.

    Raises:
        ValueError: the arrays are not those of a model with these params.
    """
    check_arrays(params, arrays, source)
    for key, w in params.items():
        w[...] = to_device(arrays[key].astype(w.dtype), device_of(w))


def check_arrays(
    params: Mapping[str, Array], arrays: Mapping[str, np.ndarray], source: str
) -> None:
    """Check that the arrays are those of a model with these params.

    Raises:
        ValueError: a tensor is missing, unknown or of another shape, or its values are not finite.
    """
    other = f"{source}: weights of another architecture"
    for key, w in params.items():
        if key not in arrays:
            raise ValueError(f"{other}: it has no tensor {key!r}, expected shape {w.shape}")
        a = arrays[key]
        if a.shape != w.shape:
            raise ValueError(f"{other}: tensor {key!r} has shape {a.shape}, expected {w.shape}")
        if a.dtype.kind not in "fiub":
            raise ValueError(f"{source}: tensor {key!r} has dtype {a.dtype}, expected numbers")
        if not np.isfinite(a).all():
            raise ValueError(f"{source}: tensor {key!r} contains NaN or infinite values")
    for key in arrays:
        if key not in params:
            raise ValueError(f"{other}: tensor {key!r} is not in the model")


def write_arrays(
    path: PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
) -> None:
    """Write arrays and metadata to one file, completely or not at all.

    Raises:
        ValueError: ``path`` has an unknown ending.
        OSError: the file cannot be written.
    """
    check_ending(path)
    text = json.dumps(metadata)
    if Path(path).suffix == ".npz":
        entries: dict[str, Any] = {**arrays, METADATA: np.array(text)}
        write_atomically(path, lambda temporary: np.savez(temporary, **entries))
    else:
        contiguous = {key: np.asarray(a, order="C") for key, a in arrays.items()}
        content = _safetensors().numpy.save(contiguous, {"tinyae": text})
        write_atomically(path, lambda temporary: temporary.write_bytes(content))


def check_ending(path: PathLike) -> None:
    """Check the ending of a weight file's name.

    Raises:
        ValueError: it is neither .npz nor .safetensors.
    """
    suffix = Path(path).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(
            f"{path}: weights are saved as .npz or .safetensors, not {suffix or 'no ending'!r}"
        )


def read_arrays(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``arrays, metadata`` of an .npz or .safetensors file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    if path.suffix in (".pt", ".pth", ".pkl", ".bin"):
        raise ValueError(
            f"{path}: this is a pickle. Opening it could run any code, so tinyae does not open it. "
            "In PyTorch, call "
            f'safetensors.torch.save_file(net.state_dict(), "{path.stem}.safetensors"), '
            "then load that file"
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return arrays, json.loads(str(arrays.pop(METADATA, "{}")))
    except Exception as error:  # numpy, zipfile and zlib raise many kinds for damaged files
        raise ValueError(
            f"{path}: not a weight file, or damaged ({error or type(error).__name__})"
        ) from error


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    safe_open = _safetensors().safe_open
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("tinyae", "{}")
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(text)
    except Exception as error:  # SafetensorError is a subclass of Exception only
        raise ValueError(f"{path}: not a weight file, or damaged ({error})") from error


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            '.safetensors files need the safetensors package: pip install "tinyae[weights]"'
        ) from error

    return safetensors


def write_atomically(path: PathLike, write: Callable[[Path], object]) -> None:
    """Call ``write(temporary)``, then rename the temporary file to ``path``. If anything fails,
    ``path`` stays as it was.

    Raises:
        OSError: the folder does not exist or is not writable. The message names ``path``.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"cannot write {path}: the folder {path.parent} does not exist"
        ) from error
    except OSError as error:  # no permission, disk full, a file where a folder should be, ...
        raise type(error)(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def writable_folder(path: PathLike) -> Path:
    """The folder ``path``, created if needed. A test file is written and deleted, so that a run
    does not fail only at its end.

    Raises:
        OSError: the folder cannot be created, is a file, or is not writable.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".tinyae.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError as error:
        raise FileExistsError(f"cannot write to {path}: it is a file, expected a folder") from error
    except OSError as error:
        raise OSError(
            f"cannot write to the folder {path}: {error.strerror}; choose another one"
        ) from error
    return path
