"""Stacked denoising autoencoders: a deep encoder, trained layer by layer.

Source: P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and composing robust
features with denoising autoencoders", 2008.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyae._validate import as_rng, check_array, check_int, short
from tinyae.applications.features import encode
from tinyae.backend import Array
from tinyae.data.corruption import Corruption
from tinyae.layers import Layer, Linear, Sequential, Sigmoid, TiedAutoencoder, TransposedLinear
from tinyae.losses import bce_with_logits
from tinyae.objectives.autoencoder import Objective
from tinyae.optim import Adam, Schedule
from tinyae.training import History, fit


def greedy_pretrain(
    sizes: Sequence[int],
    x: Array,
    corruption: Corruption | Sequence[Corruption | None] | None,
    epochs: int = 10,
    lr: float | Schedule = 1e-3,
    batch_size: int = 128,
    rng: int | np.random.Generator = 0,
    workers: int | None = None,
    progress: bool = False,
) -> tuple[Sequential, list[History]]:
    """Train one layer after the other, each as a denoising autoencoder on the layer below.

    With ``h_0 = x``, layer l minimizes the cross-entropy between
    ``σ(W_lᵀ σ(W_l q(h_{l−1}) + b_l) + c_l)`` and ``h_{l−1}``, with tied weights as in the paper.
    Then ``h_l = σ(W_l h_{l−1} + b_l)`` of the clean h is the input of the next layer: the
    corruption q is only for training. The decoders are discarded.

    Args:
        sizes: the widths of the layers, such as (1000, 1000, 1000).
        x: (N, D) in [0, 1]. There are no labels.
        corruption: q, such as ``Masking(0.25)``; or a sequence, one per layer; None for plain
            autoencoders.
        epochs: per layer.
        lr: the learning rate of Adam, or a schedule, which starts anew for each layer.
        batch_size: examples per step.
        rng: a seed or a generator.
        workers: the number of threads, as in ``fit``.
        progress: show a progress bar, as in ``fit``.

    Returns:
        The encoder, ``Sequential(Linear, Sigmoid, Linear, Sigmoid, ...)``, and the History of each
        layer. To classify, add a Linear layer and train it alone (``freeze``) or train everything.

    Raises:
        TypeError: an argument has another type.
        ValueError: no sizes, x is not (N, D) or outside [0, 1], or the corruptions are not one per
            layer.

    Example:
        >>> from tinyae.applications import greedy_pretrain
        >>> x = data.strokes(200, 10).train.flat
        >>> encoder, histories = greedy_pretrain((64, 32), x, data.Masking(0.25), epochs=1)
        >>> encoder(x).shape, len(histories)
        ((200, 32), 2)
    """
    if not isinstance(sizes, Sequence):
        text = f"greedy_pretrain: sizes is {short(sizes)}"
        raise TypeError(f"{text}, expected a sequence such as (500, 250)")
    for size in sizes:
        check_int("greedy_pretrain", "a size", size)
    check_array("greedy_pretrain", "x", x, axes=0)
    corruptions = (
        list(corruption) if isinstance(corruption, Sequence) else [corruption] * len(sizes)
    )
    if not sizes or len(corruptions) != len(sizes):
        raise ValueError(
            f"greedy_pretrain: {len(sizes)} sizes and {len(corruptions)} corruptions, "
            "expected at least one size and one corruption per size"
        )
    if x.ndim != 2 or not len(x):
        raise ValueError(
            f"greedy_pretrain: x has shape {x.shape}, expected at least one row (N, D)"
        )
    low, high = float(x.min()), float(x.max())
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"greedy_pretrain: x runs from {low:g} to {high:g}, "
            "expected [0, 1]: the loss takes the values as probabilities"
        )
    generator = as_rng("greedy_pretrain", rng)
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)
    layers: list[Layer] = []
    histories, h = [], x
    for l, (size, corrupt) in enumerate(zip(sizes, corruptions, strict=True)):
        linear = Linear(h.shape[1], size, rng=generator, dtype=x.dtype)
        # The decoder's σ is part of the loss: bce_with_logits(a, t) = bce(σ(a), t).
        model = TiedAutoencoder(Sequential(linear, Sigmoid()), Sequential(TransposedLinear(linear)))
        objective = Objective(bce_with_logits, corrupt)
        histories.append(
            fit(
                model,
                h,
                objective,
                Adam(model.params, lr),
                epochs,
                batch_size,
                rng=seed + l,
                workers=workers,
                progress=progress,
            )
        )
        layers += [linear, Sigmoid()]
        if l + 1 < len(sizes):
            h = encode(model.encoder, h)
    return Sequential(*layers), histories
