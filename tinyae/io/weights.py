"""Weight files. Keys and shapes are those of PyTorch's state_dict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyae._validate import check_layer, short
from tinyae.backend import Array, device_of, to_device, to_numpy
from tinyae.io.files import PathLike
from tinyae.io.formats import read_arrays, write_arrays
from tinyae.layers.base import Layer

# What PyTorch adds to the names: DataParallel and torch.compile
WRAPPERS = ("module", "_orig_mod")


def save_weights(model: Layer, path: PathLike, /, **metadata: Any) -> None:
    """Write ``model.params`` and ``metadata`` (JSON values) to ``path``, which ends in .npz or
    .safetensors.

    In PyTorch, load a .safetensors file with
    ``net.load_state_dict(safetensors.torch.load_file("weights.safetensors"))``, and an .npz file
    with ``arrays = numpy.load("weights.npz")`` and ``net.load_state_dict({k: torch.from_numpy(v)
    for k, v in arrays.items() if k != "__metadata__"})``.

    Raises:
        TypeError: ``model`` is not a layer, ``path`` is not the name of a file, or the metadata
            cannot be written as JSON.
        ValueError: ``path`` has another ending.
        OSError: the file cannot be written. A file that was there before stays unchanged.

    Example:
        >>> import tempfile
        >>> layer, other = Linear(4, 3, rng=0), Linear(4, 3, rng=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(layer, f"{folder}/weights.npz", epochs=20)
        ...     print(load_weights(other, f"{folder}/weights.npz"))
        {'epochs': 20}
        >>> bool((other.params["weight"] == layer.params["weight"]).all())
        True
    """
    check_layer("save_weights", "model", model)
    write_arrays(path, {key: to_numpy(a) for key, a in model.params.items()}, metadata)


def load_weights(model: Layer, path: PathLike) -> dict[str, Any]:
    """Copy the tensors of a weight file into ``model`` and return the file's metadata.

    Reads the files of ``save_weights``, the model in a checkpoint of ``fit``, and a PyTorch
    state_dict saved with ``safetensors.torch.save_file`` or ``numpy.savez``. If all names fit
    without a common prefix, such as the ``model.`` of Lightning, or without what DataParallel and
    torch.compile add (``module.``, ``_orig_mod.``), these are left out, and a warning says so.

    Raises:
        TypeError: ``model`` is not a layer, or ``path`` is not the name of a file.
        FileNotFoundError: there is no such file.
        ValueError: it is not a weight file, is damaged, or belongs to another architecture (the
            message names the first tensor that differs). The model is unchanged then.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(Linear(4, 3), f"{folder}/weights.npz", data="strokes")
        ...     model = Linear(4, 3)
        ...     print(load_weights(model, f"{folder}/weights.npz"))
        {'data': 'strokes'}
    """
    check_layer("load_weights", "model", model)
    arrays, metadata = read_arrays(path)
    if {"epoch", "seed", "history"} <= metadata.keys():  # a checkpoint
        arrays = {k.removeprefix("model/"): a for k, a in arrays.items() if k.startswith("model/")}
    names = _without_prefixes(model.params, arrays)
    if names:
        key = next(key for key, name in names.items() if key != name)
        text = f"{path}: the prefixes of the names are left out: {key!r} is read as {names[key]!r}"
        warnings.warn(text, stacklevel=2)
        arrays = {names[key]: a for key, a in arrays.items()}
    copy_into(model.params, arrays, str(path))
    return metadata


def _without_prefixes(
    params: Mapping[str, Array], arrays: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """``{name in the file: name in the model}`` if all names fit after prefixes are left out; {} if
    they fit as they are, or do not fit."""
    if not params or arrays.keys() == params.keys():
        return {}
    first = next(iter(params))
    plain = {
        key: ".".join(part for part in key.split(".") if part not in WRAPPERS) for key in arrays
    }
    for names in ({key: key for key in arrays}, plain):
        for key in names.values():
            prefix = key.removesuffix(first)
            short_names = [name.removeprefix(prefix) for name in names.values()]
            complete = all(name.startswith(prefix) for name in names.values())
            if complete and prefix[-1:] in ("", ".") and sorted(short_names) == sorted(params):
                return dict(zip(names, short_names, strict=True))
    return {}


def copy_into(params: Mapping[str, Array], arrays: Mapping[str, np.ndarray], source: str) -> None:
    """``params[key][...] = arrays[key]`` for every key, after everything has been checked.

    Raises:
        ValueError: the arrays are not those of a model with these params.

    Example:
        >>> from tinyae.io import copy_into
        >>> layer = Linear(2, 1)
        >>> copy_into(layer.params, {"weight": np.ones((1, 2)), "bias": np.zeros(1)}, "ones")
        >>> layer(np.array([[2.0, 3.0]]))
        array([[5.]])
    """
    check_arrays(params, arrays, source)
    for key, w in params.items():
        w[...] = to_device(arrays[key].astype(w.dtype), device_of(w))


def check_arrays(
    params: Mapping[str, Array], arrays: Mapping[str, np.ndarray], source: str
) -> None:
    """Check that the arrays are those of a model with these params.

    Raises:
        ValueError: a tensor is missing, unknown or of another shape, or its values are not finite
            in the dtype of the model.

    Example:
        >>> from tinyae.io import check_arrays
        >>> check_arrays(Linear(4, 3).params, {"weight": np.ones((3, 5))}, "w.npz")
        Traceback (most recent call last):
            ...
        ValueError: w.npz: weights of another architecture: tensor 'weight' has shape (3, 5), ...
    """
    other = f"{source}: weights of another architecture"
    for key, w in params.items():
        if key not in arrays:
            has = f"; it has {short(sorted(arrays))}"
            raise ValueError(f"{other}: it has no tensor {key!r}, expected shape {w.shape}{has}")
        a = arrays[key]
        if a.shape != w.shape:
            raise ValueError(f"{other}: tensor {key!r} has shape {a.shape}, expected {w.shape}")
        if a.dtype.kind not in f"fiub{w.dtype.kind}":
            raise ValueError(f"{source}: tensor {key!r} has dtype {a.dtype}, expected numbers")
        check_finite_as(w.dtype, a, f"{source}: tensor {key!r}")
    for key in arrays:
        if key not in params:
            raise ValueError(f"{other}: tensor {key!r} is not in the model")


def check_finite_as(dtype: np.dtype, a: np.ndarray, what: str) -> None:
    """Check that the values of an array are finite, also after a cast: 1e300 is infinite in
    float32.

    Raises:
        ValueError: they are not.
    """
    if not np.isfinite(a).all():
        raise ValueError(f"{what} contains NaN or infinite values")
    with np.errstate(over="ignore"):
        if not np.isfinite(a.astype(dtype)).all():
            raise ValueError(f"{what} contains values that are infinite in {dtype}")
