"""Classification: cross-entropy of logits, as an objective that ``fit`` trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyae.backend import Array
from tinyae.layers.base import Gradients, Layer
from tinyae.losses import cross_entropy


def classification(
    model: Layer, data: tuple[Array, Array], rng: np.random.Generator | None = None
) -> tuple[Any, Gradients, dict[str, Any]]:
    """The objective of a classifier: the cross-entropy of its logits (N, classes), and the accuracy beside it, for the log.

    ``fit(model, (x, labels), classification, optimizer, ...)``: ``data`` is a batch of examples with their labels, (N,) integers.

    Raises:
        ValueError: ``data`` is no such pair; labels of another length than x, or outside 0 … classes − 1.
    """
    if not (isinstance(data, tuple) and len(data) == 2):
        raise ValueError(
            "classification: expected the pair (x, labels): fit(model, (x, labels), classification, ...)"
        )
    x, labels = data
    check_labels("classification", x, labels)
    logits, caches = model.forward(x)
    loss, dlogits = cross_entropy(logits, labels)
    right = (logits.argmax(axis=1) == labels).mean()
    return loss, model.parameter_gradients(dlogits, caches), {"accuracy": right}


def check_labels(name: str, x: Array, labels: Array) -> None:
    if labels.shape != (len(x),):
        raise ValueError(
            f"{name}: {len(x)} examples, but labels of shape {labels.shape}, expected ({len(x)},), one for each"
        )
