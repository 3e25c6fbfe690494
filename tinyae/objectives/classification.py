"""Classification: the cross-entropy of logits, as an objective for ``fit``."""

from __future__ import annotations

import numpy as np

from tinyae._validate import check_array, check_layer
from tinyae.backend import Array, Rng
from tinyae.layers.base import Layer
from tinyae.losses import cross_entropy
from tinyae.objectives.base import ObjectiveResult


def classification(model: Layer, data: tuple[Array, Array], rng: Rng = None) -> ObjectiveResult:
    """The objective of a classifier: the cross-entropy of its logits (N, classes), and the accuracy
    as a term for the log.

    Use it as ``fit(model, (x, labels), classification, optimizer, ...)``. ``data`` is a batch of
    examples with their labels, (N,) integers.

    Raises:
        TypeError: the model is not a layer, or x or the labels are not arrays.
        ValueError: ``data`` is not such a pair.
        ValueError: the labels have another length than x, or are outside 0 … classes − 1.

    Example:
        >>> from tinyae.objectives import classification
        >>> x, labels = np.zeros((20, 784), np.float32), np.arange(20) % 10
        >>> loss, grads, terms = classification(Linear(784, 10, rng=0), (x, labels))
        >>> float(terms["accuracy"])
        0.1
    """
    check_layer("classification", "model", model)
    if not (isinstance(data, tuple) and len(data) == 2):
        raise ValueError(
            "classification: expected the pair (x, labels): "
            "fit(model, (x, labels), classification, ...)"
        )
    x, labels = data
    check_labels("classification", x, labels)
    logits, caches = model.forward(x)
    loss, dlogits = cross_entropy(logits, labels)
    accuracy = (logits.argmax(axis=1) == labels).mean()
    return loss, model.parameter_gradients(dlogits, caches), {"accuracy": accuracy}


def check_labels(name: str, x: Array, labels: Array) -> None:
    """
    Raises:
        TypeError: x or the labels are not an array.
        ValueError: there is not one label per example, or a label is negative.
    """
    check_array(name, "x", x)
    check_array(name, "labels", labels, kinds="iub")
    if labels.shape != (len(x),):
        raise ValueError(
            f"{name}: {len(x)} examples, but labels of shape {labels.shape}, expected ({len(x)},), "
            "one per example"
        )
    if isinstance(labels, np.ndarray) and labels.size and labels.min() < 0:
        raise ValueError(f"{name}: the labels start at {labels.min()}, expected 0 or above")
