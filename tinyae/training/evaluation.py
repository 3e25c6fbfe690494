"""How well a model reconstructs: mean squared error and peak signal-to-noise ratio."""

from __future__ import annotations

import math

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
    ``psnr`` in dB, ``10 log₁₀ (1 / mse)`` for images in [0, 1].

    Args:
        inputs: what the model is given in place of x, such as x with noise. The error is still
            measured against x, and the result also has ``input_mse`` and ``input_psnr``: how close
            the inputs were to x.

    Raises:
        ValueError: data that ``fit`` would refuse too.
        ValueError: ``inputs`` has another shape than x.
    """
    check_data(model, x, "x")
    if inputs is not None and inputs.shape != x.shape:
        raise ValueError(
            f"evaluate: inputs has shape {inputs.shape} and x {x.shape}: they must be equal"
        )

    def squared_error(start: int) -> float:
        batch = slice(start, start + batch_size)
        d = (model((x if inputs is None else inputs)[batch]) - x[batch]).ravel()
        return float(d.dot(d))

    if workers is None:
        workers = 1 if device_of(x) != "cpu" else default_workers(batch_size)
    with Workers(workers) as pool:
        error = sum(pool.map(squared_error, range(0, len(x), batch_size))) / x.size
    result = {"mse": error, "psnr": psnr(error)}
    if inputs is not None:
        d = (inputs - x).ravel()
        error = float(d.dot(d)) / x.size
        result |= {"input_mse": error, "input_psnr": psnr(error)}
    return result


def psnr(mse: float) -> float:
    """The peak signal-to-noise ratio in dB of images in [0, 1] with this mean squared error."""
    return 10 * math.log10(1 / mse) if mse else math.inf
