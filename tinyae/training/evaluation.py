"""How well a model reconstructs: mean squared error and peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from tinyae._validate import check_array, check_int, check_layer, check_number
from tinyae.backend import Array, device_of
from tinyae.data.validation import check_data
from tinyae.layers.base import Layer
from tinyae.training.workers import Workers, default_workers


def evaluate(
    model: Layer,
    x: Array,
    batch_size: int = 500,
    workers: int | None = None,
    inputs: Array | None = None,
) -> dict[str, float]:
    """How well ``model`` reconstructs ``x``: ``mse``, the mean over all elements of (x̂ − x)², and
    ``psnr`` in dB, ``10 log₁₀ (1 / mse)`` for images in [0, 1]. The sums are in float64: a sum of
    10⁸ squares in float32 is too small.

    Args:
        inputs: what the model is given in place of x, such as x with noise. The error is still
            measured against x, and the result also has ``input_mse`` and ``input_psnr``: how close
            the inputs were to x.

    Raises:
        TypeError: an argument has another type.
        ValueError: data that ``fit`` would refuse too, or ``batch_size`` or ``workers`` below 1.
        ValueError: ``inputs``, or the output of the model, has another shape than x.

    Example:
        >>> x = np.full((4, 9), 0.5, np.float32)
        >>> from tinyae.training import evaluate
        >>> {name: round(value, 4) for name, value in evaluate(Sigmoid(), x).items()}
        {'mse': 0.015, 'psnr': 18.2402}
    """
    check_layer("evaluate", "model", model)
    check_int("evaluate", "batch_size", batch_size)
    check_array("evaluate", "x", x, kinds="fciub")  # not a pair of examples and labels
    check_data(model, x, "x")
    if inputs is not None:
        check_array("evaluate", "inputs", inputs)
        if inputs.shape != x.shape:
            raise ValueError(
                f"evaluate: inputs has shape {inputs.shape} and x {x.shape}: they must be equal"
            )
        if not bool(np.isfinite(inputs).all()):
            raise ValueError("evaluate: inputs holds NaN or infinite values")
    shape = model(x[:1]).shape
    if shape != x[:1].shape:
        raise ValueError(
            f"evaluate: the model's output has shape {shape}, expected that of x, {x[:1].shape}"
        )

    def squared_errors(start: int) -> tuple[float, float]:
        batch = slice(start, start + batch_size)
        given = x[batch] if inputs is None else inputs[batch]
        return _sum_of_squares(model(given) - x[batch]), _sum_of_squares(given - x[batch])

    if workers is None:
        workers = 1 if device_of(x) != "cpu" else default_workers(batch_size)
    with Workers(workers) as pool:
        errors = pool.map(squared_errors, range(0, len(x), batch_size))
    error, input_error = (sum(part) / x.size for part in zip(*errors, strict=True))
    result = {"mse": error, "psnr": psnr(error)}
    if inputs is not None:
        result |= {"input_mse": input_error, "input_psnr": psnr(input_error)}
    return result


def _sum_of_squares(d: Array) -> float:
    return float(np.sum(d * d, dtype=np.float64))


def psnr(mse: float) -> float:
    """The peak signal-to-noise ratio in dB of images in [0, 1] with this mean squared error.

    Raises:
        TypeError: ``mse`` is not a number.
        ValueError: it is negative or NaN.

    Example:
        >>> from tinyae.training import psnr
        >>> psnr(0.01), psnr(0.0)
        (20.0, inf)
    """
    check_number("psnr", "mse", mse, lambda v: v >= 0, "a number of at least 0")
    return 10 * math.log10(1 / mse) if mse else math.inf
