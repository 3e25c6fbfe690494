"""Features: an encoder trained without labels, used for classification with few labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyae._validate import as_rng, check_array, check_function, check_int
from tinyae.backend import Array, Rng, to_numpy
from tinyae.layers import Layer, Linear, Sequential
from tinyae.objectives.classification import check_labels, classification
from tinyae.optim import Adam, cosine_schedule
from tinyae.training import fit


def encode(encoder: Callable[[Array], Array], x: Array, batch_size: int = 500) -> Array:
    """``encoder(x)`` as rows (N, features), computed for ``batch_size`` examples at a time.

    The features of a frozen encoder do not change, so they need to be computed only once.

    Raises:
        TypeError: the encoder is not a function, or x is not an array.
        ValueError: x is empty, or ``batch_size`` is below 1.

    Example:
        >>> from tinyae.applications import encode
        >>> model = models.conv_autoencoder()
        >>> encode(model.encode, np.zeros((3, 1, 28, 28), np.float32)).shape
        (3, 128)
    """
    check_function("encode", "encoder", encoder, "model.encode")
    check_array("encode", "x", x, kinds="fciub")
    check_int("encode", "batch_size", batch_size)
    parts = [encoder(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
    if not parts:
        raise ValueError(f"encode: x is empty (shape {x.shape})")
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def predict(model: Layer, x: Array, batch_size: int = 500) -> np.ndarray:
    """The most likely label of each example: (N,), on the CPU.

    Raises:
        TypeError: the model is not a function, or x is not an array.
        ValueError: x is empty, or ``batch_size`` is below 1.

    Example:
        >>> from tinyae.applications import predict
        >>> predict(lambda x: x, np.array([[0.1, 0.9], [2.0, -1.0]]))  # logits as they come
        array([1, 0])
    """
    return to_numpy(encode(model, x, batch_size).argmax(axis=1))


def accuracy(model: Layer, x: Array, labels: Array) -> float:
    """The fraction of the examples x whose predicted label is right.

    Raises:
        TypeError: the model is not a function, or x or the labels are not an array.
        ValueError: the labels are not one per example, or are not integers from 0.

    Example:
        >>> from tinyae.applications import accuracy
        >>> logits = np.array([[0.1, 0.9], [2.0, -1.0]])
        >>> accuracy(lambda x: x, logits, labels=np.array([1, 1]))
        0.5
    """
    check_function("accuracy", "model", model, "a classifier")
    check_labels("accuracy", x, labels)
    return float((predict(model, x) == to_numpy(labels)).mean())


def linear_probe(z: Array, labels: Array, z_test: Array, test_labels: Array, rng: int = 0) -> float:
    """A linear probe: the accuracy on ``z_test`` of one Linear layer trained on the features ``z``.

    It measures how much the features (N, features) tell about the labels. All features are
    normalized with one mean and one standard deviation. Adam trains for at least 4 epochs and at
    least 300 steps, with batches of 128 and a learning rate that falls from 0.003 to 0. For few
    labels: ``chosen = stratified_subset(labels, 1000, rng)``, then ``z[chosen], labels[chosen]``.

    Raises:
        TypeError: the features or labels are not an array.
        ValueError: the labels are not one per example, or are not integers from 0.

    Example:
        >>> from tinyae.applications import linear_probe
        >>> rng, labels = np.random.default_rng(0), np.arange(200) % 2
        >>> z = (labels[:, None] + 0.1 * rng.normal(size=(200, 3))).astype(np.float32)
        >>> linear_probe(z[:100], labels[:100], z[100:], labels[100:])
        1.0
    """
    check_labels("linear_probe", z, labels)
    check_labels("linear_probe", z_test, test_labels)
    mean, std = z.mean(), z.std()
    n_classes = int(max(labels.max(), test_labels.max())) + 1
    head = Sequential(Linear(z.shape[1], n_classes, rng=rng, dtype=z.dtype))
    steps = -(-len(z) // 128)  # per epoch
    epochs = max(4, -(-300 // steps))
    optimizer = Adam(head.params, cosine_schedule(3e-3, epochs * steps))
    fit(
        head, ((z - mean) / std, labels), classification, optimizer, epochs, rng=rng, progress=False
    )
    return accuracy(head, (z_test - mean) / std, test_labels)


def stratified_subset(labels: Array, n: int, rng: Rng) -> Array:
    """Indices of ``n`` random examples, balanced over the classes: n / classes of each, ± 1.

    Raises:
        ValueError: n is below the number of classes or above the number of examples, a class has
            too few examples, or the labels are not (N,).

    Example:
        >>> from tinyae.applications import stratified_subset
        >>> labels = np.array([0] * 90 + [1] * 10)
        >>> np.bincount(labels[stratified_subset(labels, 10, rng=0)])
        array([5, 5])
    """
    labels = to_numpy(labels)
    if labels.ndim != 1:
        raise ValueError(
            f"stratified_subset: labels have shape {labels.shape}, expected (N,): "
            "one_hot.argmax(axis=1)?"
        )
    check_int("stratified_subset", "n", n, least=0)
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) <= n <= len(labels):
        raise ValueError(
            f"stratified_subset: n is {n}, expected {len(classes)} (the number of classes) "
            f"to {len(labels)} (the number of examples)"
        )
    if n == len(labels):
        return np.arange(n)
    rng = as_rng("stratified_subset", rng)
    per_class, remainder = divmod(n, len(classes))
    extra = rng.permutation(len(classes)) < remainder  # the classes that give one example more
    if (counts < per_class + extra).any():
        short = int((counts < per_class + extra).argmax())
        raise ValueError(
            f"stratified_subset: {n} examples of {len(classes)} classes need "
            f"{per_class + int(extra[short])} of class {classes[short]}, which has {counts[short]}"
        )
    chosen = [
        rng.permutation(np.flatnonzero(labels == c))[: per_class + e]
        for c, e in zip(classes, extra, strict=True)
    ]
    return rng.permutation(np.concatenate(chosen))
