"""Weight files: ``.npz``, or ``.safetensors`` where that package is installed. Keys and shapes are those of PyTorch's
state_dict, so weights travel both ways. Nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.backend import Array, device_of, to_device, to_numpy
from tinyae.layers.base import Layer

METADATA = "__metadata__"  # the one entry of an .npz that is not a tensor: a JSON text


def save_weights(model: Layer, path: str | os.PathLike[str], /, **metadata: Any) -> None:
    """Write ``model.params`` to ``path``, ending in .npz or .safetensors, with ``metadata`` (JSON values) beside them.

    In PyTorch: ``net.load_state_dict(safetensors.torch.load_file("weights.safetensors"))``, or from an .npz
    ``net.load_state_dict({k: torch.from_numpy(v) for k, v in numpy.load("weights.npz").items() if k != "__metadata__"})``.

    Raises:
        ValueError: another ending. OSError: the file cannot be written; what was there before stays.
    """
    write_arrays(path, {key: to_numpy(a) for key, a in model.params.items()}, metadata)


def load_weights(model: Layer, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Copy the tensors of a weight file into ``model`` and return the file's metadata.

    Reads what ``save_weights`` wrote, and a PyTorch state_dict saved with ``safetensors.torch.save_file`` or ``numpy.savez``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, is damaged, or belongs to another architecture (the first tensor that differs is
            named). The model is unchanged then.
    """
    arrays, metadata = read_arrays(path)
    copy_into(model.params, arrays, str(path))
    return metadata


def copy_into(params: dict[str, Array], arrays: dict[str, np.ndarray], source: str) -> None:
    """``params[key][...] = arrays[key]`` for every key, after everything has been checked."""
    check_arrays(params, arrays, source)
    for key, w in params.items():
        w[...] = to_device(arrays[key].astype(w.dtype), device_of(w))


def check_arrays(params: dict[str, Array], arrays: dict[str, np.ndarray], source: str) -> None:
    """Raise ValueError where the arrays are not those of a model with these params."""
    for key, w in params.items():
        if key not in arrays:
            raise ValueError(
                f"{source}: weights of another architecture: it has no tensor {key!r}, expected shape {w.shape}"
            )
        if arrays[key].shape != w.shape:
            raise ValueError(
                f"{source}: weights of another architecture: tensor {key!r} has shape {arrays[key].shape}, expected {w.shape}"
            )
        if arrays[key].dtype.kind not in "fiub":
            raise ValueError(
                f"{source}: tensor {key!r} has dtype {arrays[key].dtype}, expected numbers"
            )
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f"{source}: tensor {key!r} holds NaN or infinite values")
    for key in arrays:
        if key not in params:
            raise ValueError(
                f"{source}: weights of another architecture: tensor {key!r} is not in the model"
            )


def write_arrays(
    path: str | os.PathLike[str], arrays: dict[str, np.ndarray], metadata: dict[str, Any]
) -> None:
    """Arrays and metadata as one file, whole or not at all."""
    check_ending(path)
    text = json.dumps(metadata)
    if Path(path).suffix == ".npz":
        write_atomically(
            path, lambda temporary: np.savez(temporary, **arrays, **{METADATA: np.array(text)})
        )
    else:
        contiguous = {key: np.asarray(a, order="C") for key, a in arrays.items()}
        content = _safetensors().numpy.save(contiguous, {"tinyae": text})
        write_atomically(path, lambda temporary: temporary.write_bytes(content))


def check_ending(path: str | os.PathLike[str]) -> None:
    suffix = Path(path).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(
            f"{path}: weights are saved as .npz or .safetensors, not {suffix or 'without an ending'!r}"
        )


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``arrays, metadata`` of an .npz or .safetensors file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no weight file {path}")
    if path.suffix in (".pt", ".pth", ".pkl", ".bin"):
        raise ValueError(
            f"{path}: this is a pickle, which can run any code when it is opened, so tinyae does not. In PyTorch: "
            f'safetensors.torch.save_file(net.state_dict(), "{path.stem}.safetensors"), then load that'
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return arrays, json.loads(str(arrays.pop(METADATA, "{}")))
    except (
        Exception
    ) as error:  # numpy, zipfile and zlib have many ways to say that bytes make no sense
        raise ValueError(
            f"{path}: not a weight file, or damaged ({error or type(error).__name__})"
        ) from error


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    safe_open = _safetensors().safe_open
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, json.loads(
                (file.metadata() or {}).get("tinyae", "{}")
            )
    except (
        Exception
    ) as error:  # safetensors raises its own SafetensorError, which is only an Exception
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


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], None]) -> None:
    """``write(temporary)``, then rename it to ``path``. If anything fails, ``path`` is as it was.

    Raises:
        OSError: the folder does not exist or cannot be written to; the message names ``path``.
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


def writable_folder(path: str | os.PathLike[str]) -> Path:
    """The folder ``path``, made if need be, and tried out: a run should not fail at its end because of it.

    Raises:
        OSError: it cannot be made, is a file, or cannot be written to.
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
