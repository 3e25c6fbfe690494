"""Stacked denoising autoencoders (Vincent, Larochelle, Bengio & Manzagol 2008): a deep encoder, trained layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyae.applications.features import encode
from tinyae.backend import Array
from tinyae.layers import Linear, Sequential, Sigmoid, TiedAutoencoder, TransposedLinear
from tinyae.losses import bce_with_logits
from tinyae.objectives.autoencoder import Objective
from tinyae.optim import Adam
from tinyae.training import History, fit

Corruption = Callable[[Array, np.random.Generator], Array]


def greedy_pretrain(
    sizes: Sequence[int],
    x: Array,
    corruption: Corruption | Sequence[Corruption | None] | None,
    epochs: int = 10,
    lr: float = 1e-3,
    batch_size: int = 128,
    rng: int | np.random.Generator = 0,
    workers: int | None = None,
    progress: bool = False,
) -> tuple[Sequential, list[History]]:
    """Train one layer after the other, each as a denoising autoencoder of what the layers below make of the clean x:

        ``h_0 = x``,   minimise the cross-entropy between ``σ(W_lᵀ σ(W_l q(h_{l−1}) + b_l) + c_l)`` and ``h_{l−1}``,
        ``h_l = σ(W_l h_{l−1} + b_l)``   (the clean h goes up: the noise is for learning only)

    with tied weights, as in the paper. The decoders are thrown away.

    Args:
        sizes: the widths of the layers, (1000, 1000, 1000) for three.
        x: (N, D) in [0, 1]; no labels.
        corruption: q, such as ``Masking(0.25)``; or one for each layer; None for plain autoencoders.

    Returns:
        the encoder, ``Sequential(Linear, Sigmoid, Linear, Sigmoid, ...)``, and each layer's History. Put a Linear on top, and
        train that alone (``freeze``) or everything.

    Raises:
        ValueError: no sizes, x not (N, D) or outside [0, 1], or not one corruption for each layer.
    """
    corruptions = (
        list(corruption) if isinstance(corruption, Sequence) else [corruption] * len(sizes)
    )
    if not sizes or len(corruptions) != len(sizes):
        raise ValueError(
            f"greedy_pretrain: {len(sizes)} sizes and {len(corruptions)} corruptions, expected one size at least "
            "and one corruption for each"
        )
    if x.ndim != 2 or not len(x):
        raise ValueError(
            f"greedy_pretrain: x has shape {x.shape}, expected rows (N, D), one at least"
        )
    low, high = float(x.min()), float(x.max())
    if not 0 <= low <= high <= 1:
        raise ValueError(
            f"greedy_pretrain: x runs from {low:g} to {high:g}, expected [0, 1]: each layer is compared as a probability"
        )
    generator = np.random.default_rng(rng)
    seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else int(rng)
    layers, histories, h = [], [], x
    for l, (size, corrupt) in enumerate(zip(sizes, corruptions, strict=True)):
        linear = Linear(h.shape[1], size, rng=generator, dtype=x.dtype)
        # the decoder's σ is in the loss: bce_with_logits(a, t) is bce(σ(a), t)
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
