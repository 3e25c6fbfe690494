"""Restricted Boltzmann machines, and a deep autoencoder made of them (Hinton & Salakhutdinov 2006).

An RBM has visible units v (pixels) and hidden units h, both 0 or 1, with

    p(v, h) ∝ exp(hᵀW v + bᵀh + cᵀv)
    p(h_i = 1 | v) = σ(W v + b)_i,      p(v_j = 1 | h) = σ(Wᵀ h + c)_j

So it is a tied autoencoder with random codes: ``TiedAutoencoder(Sequential(linear, Sigmoid()),
Sequential(TransposedLinear(linear), Sigmoid()))`` has just these W, b and c. Without the Sigmoid of
the encoder, h is normal with mean W v + b and variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyae._validate import as_rng, check_array, check_flag, check_int, short
from tinyae.applications.features import encode
from tinyae.backend import Array, Rng, namespace, standard_normal
from tinyae.layers import (
    Autoencoder,
    Layer,
    Linear,
    Sequential,
    Sigmoid,
    TiedAutoencoder,
    TransposedLinear,
    leaves,
)
from tinyae.losses import bce
from tinyae.objectives.base import BaseObjective, ObjectiveResult
from tinyae.optim import SGD, cosine_schedule
from tinyae.training import History, fit


@dataclass(frozen=True)
class ContrastiveDivergence(BaseObjective):
    """An objective for ``fit``: the gradient of −log p(v), with a short chain of samples in place
    of the model's distribution (Hinton 2002).

        ``dW = E[h vᵀ] at the end of the chain − E[h vᵀ] at the data``, likewise db and dc

    The chain is v → h ~ p(h | v) → v' = p(v = 1 | h) → p(h | v'), ``steps`` times. These are not
    the gradients of any function. The loss, for the log, is the cross-entropy of v' and v.

    Args:
        steps: 1 for CD-1. The longer the chain, the closer to the exact gradient.
        sample_visible: also sample v' instead of taking its probabilities, which are less noisy.

    Raises:
        ValueError: steps is below 1.

    Example:
        >>> from tinyae.applications import ContrastiveDivergence, make_rbm
        >>> rbm, v = make_rbm(784, 32, rng=0), data.strokes(50, 10).train.flat
        >>> loss, grads, terms = ContrastiveDivergence(steps=1)(rbm, v, np.random.default_rng(0))
        >>> list(grads)
        ['encoder.0.weight', 'encoder.0.bias', 'decoder.0.bias']
    """

    steps: int = 1
    sample_visible: bool = False

    def __post_init__(self) -> None:
        check_int("ContrastiveDivergence", "steps", self.steps, expected="at least 1")
        check_flag("ContrastiveDivergence", "sample_visible", self.sample_visible)

    def __call__(self, rbm: TiedAutoencoder, v: Array, rng: np.random.Generator) -> ObjectiveResult:
        h = h_data = rbm.encode(v)  # (N, H), probabilities; means if the hidden units are normal
        binary = isinstance(list(leaves(rbm.encoder))[-1][1], Sigmoid)
        for _ in range(self.steps):
            sample = _bernoulli(h, rng) if binary else h + standard_normal(h.shape, h, rng)
            v_model = rbm.decode(sample)  # (N, V), probabilities
            loss, _ = bce(v_model, v)
            if self.sample_visible:
                v_model = _bernoulli(v_model, rng)
            h = rbm.encode(v_model)
        weight, bias = [key for key in rbm.params if key.startswith("encoder")]
        (visible_bias,) = [key for key in rbm.params if key.startswith("decoder")]
        grads = {
            weight: (h.T @ v_model - h_data.T @ v) / len(v),
            bias: (h - h_data).mean(axis=0),
            visible_bias: (v_model - v).mean(axis=0),
        }
        return loss, grads, {}


def make_rbm(visible: int, hidden: int, rng: Rng, binary: bool = True) -> TiedAutoencoder:
    """An RBM with weights N(0, 0.01²) and biases 0, as in Hinton's practical guide (2010).

    Example:
        >>> from tinyae.applications import make_rbm
        >>> rbm = make_rbm(784, 32, rng=0)
        >>> h = rbm.encode(np.zeros((1, 784), np.float32))  # p(h = 1 | v) of a black image
        >>> float(h.mean())
        0.5
    """
    check_flag("make_rbm", "binary", binary)
    rng = as_rng("make_rbm", rng)
    linear = Linear(visible, hidden)
    linear.params["weight"][...] = 0.01 * rng.standard_normal((hidden, visible))
    linear.params["bias"][...] = 0
    encoder = Sequential(linear, Sigmoid()) if binary else Sequential(linear)
    return TiedAutoencoder(encoder, Sequential(TransposedLinear(linear), Sigmoid()))


def rbm_pretrain(
    sizes: Sequence[int],
    x: Array,
    epochs: int = 10,
    lr: float = 0.1,
    code_lr: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 2e-4,
    batch_size: int = 100,
    rng: int = 0,
    workers: int | None = None,
    progress: bool = False,
) -> tuple[Autoencoder, list[History]]:
    """A deep autoencoder whose weights come from a stack of RBMs, ready for fine-tuning.

    The RBM of each layer learns the probabilities of the hidden units of the layer below, by CD-1.
    The last one has normal hidden units: the code is linear. Then the stack is unrolled: the
    encoder's layers upward, and the same weights transposed, as copies, downward.

    Args:
        sizes: the widths of the encoder's layers, the code last, such as (1000, 500, 250, 30).
        x: (N, D) in [0, 1].
        epochs: per layer.
        lr: the highest learning rate of SGD, after half an epoch of warm-up; then it falls to 0.
        code_lr: the same for the last RBM. Its normal hidden units have no upper bound, so a large
            step can blow up.
        momentum: of SGD.
        weight_decay: of SGD.
        batch_size: examples per step.
        rng: a seed.
        workers: the number of threads, as in ``fit``.
        progress: show a progress bar.

    Returns:
        The autoencoder, with Sigmoid at the end, and the History of each layer.

    Raises:
        TypeError: an argument has another type.
        ValueError: no sizes or epochs, or x is not (N, D) in [0, 1].

    Example:
        >>> from tinyae.applications import rbm_pretrain
        >>> x = data.strokes(200, 10).train.flat
        >>> model, histories = rbm_pretrain((64, 8), x, epochs=1)
        >>> model.encode(x).shape, len(histories)
        ((200, 8), 2)
    """
    check_int("rbm_pretrain", "epochs", epochs)
    check_int("rbm_pretrain", "batch_size", batch_size)
    check_array("rbm_pretrain", "x", x, axes=0)
    if not isinstance(sizes, Sequence) or not sizes:
        raise ValueError(f"rbm_pretrain: no sizes ({short(sizes)}), expected at least one")
    if x.ndim != 2 or not len(x) or not 0 <= float(x.min()) <= float(x.max()) <= 1:
        raise ValueError(f"rbm_pretrain: x has shape {x.shape}, expected rows (N, D) in [0, 1]")
    check_int("rbm_pretrain", "rng", rng, least=0, expected="a seed")
    generator = as_rng("rbm_pretrain", rng)
    up: list[Layer] = []
    down: list[Layer] = []
    histories, v = [], x
    for l, size in enumerate(sizes):
        last, steps = l + 1 == len(sizes), epochs * -(-len(v) // batch_size)
        rbm = make_rbm(v.shape[1], size, generator, binary=not last).astype(x.dtype)
        rate = cosine_schedule(code_lr if last else lr, steps, warmup=steps // (2 * epochs))
        optimizer = SGD(rbm.params, rate, momentum, weight_decay=weight_decay)
        histories.append(
            fit(
                rbm,
                v,
                ContrastiveDivergence(),
                optimizer,
                epochs,
                batch_size,
                rng=rng + l,
                workers=workers,
                progress=progress,
            )
        )
        w, b, c = rbm.params.values()
        upward = Linear(v.shape[1], size, dtype=x.dtype)
        downward = Linear(size, v.shape[1], dtype=x.dtype)
        upward.params["weight"][...], upward.params["bias"][...] = w, b
        downward.params["weight"][...], downward.params["bias"][...] = w.T, c
        up += [upward] if last else [upward, Sigmoid()]
        down = [downward, Sigmoid(), *down]
        if not last:
            v = encode(rbm.encoder, v)
    return Autoencoder(Sequential(*up), Sequential(*down)), histories


def _bernoulli(p: Array, rng: np.random.Generator) -> Array:
    """0 or 1, with probability p of 1."""
    uniform = namespace(p).asarray(rng.random(p.shape, dtype=np.float32))
    return (uniform < p).astype(p.dtype)
