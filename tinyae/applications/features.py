"""Features: what an encoder has learned without labels, put to use where labels are few."""

from __future__ import annotations

import numpy as np

from tinyae.backend import Array, to_numpy
from tinyae.layers import Layer, Linear, Sequential
from tinyae.objectives.classification import check_labels, classification
from tinyae.optim import Adam, cosine_schedule
from tinyae.training import fit


def encode(encoder: Layer, x: Array, batch_size: int = 500) -> Array:
    """``encoder(x)`` as rows (N, features), ``batch_size`` examples at a time: a frozen net's features, computed once."""
    parts = [encoder(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
    if not parts:
        raise ValueError(f"encode: x is empty (shape {x.shape})")
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def predict(model: Layer, x: Array, batch_size: int = 500) -> np.ndarray:
    """The most likely label of each example: (N,), on the CPU."""
    return to_numpy(encode(model, x, batch_size).argmax(axis=1))


def accuracy(model: Layer, x: Array, labels: Array) -> float:
    """The share of the examples x that get their label.

    Raises:
        ValueError: labels of another length than x.
    """
    check_labels("accuracy", x, labels)
    return float((predict(model, x) == to_numpy(labels)).mean())


def linear_probe(z: Array, labels: Array, z_test: Array, test_labels: Array, rng: int = 0) -> float:
    """How good are features? The accuracy on ``z_test`` of a Linear layer that is trained on ``z``, (N, features), alone.

    All features are shifted and scaled by two numbers, to mean 0 and variance 1. Adam takes 300 steps of 128 examples at least,
    and 4 epochs at least, at rates that fall from 0.003 to 0. With few labels: ``chosen = stratified_subset(labels, 1000, rng)``,
    and ``z[chosen], labels[chosen]``.

    Raises:
        ValueError: not one label for each example.
    """
    check_labels("linear_probe", z, labels)
    check_labels("linear_probe", z_test, test_labels)
    shift, scale = z.mean(), z.std()
    head = Sequential(
        Linear(z.shape[1], int(max(labels.max(), test_labels.max())) + 1, rng=rng, dtype=z.dtype)
    )
    steps = -(-len(z) // 128)  # of an epoch
    epochs = max(4, -(-300 // steps))
    optimizer = Adam(head.params, cosine_schedule(3e-3, epochs * steps))
    fit(
        head,
        ((z - shift) / scale, labels),
        classification,
        optimizer,
        epochs,
        rng=rng,
        progress=False,
    )
    return accuracy(head, (z_test - shift) / scale, test_labels)


def stratified_subset(labels: Array, n: int, rng: np.random.Generator | int) -> Array:
    """Indices of ``n`` examples chosen at random, as many of each class as possible (n / classes each, ± 1).

    Raises:
        ValueError: n is not between the number of classes and that of the examples, a class has too few, or labels that are not
            (N,), one for each.
    """
    labels = to_numpy(labels)
    if labels.ndim != 1:
        raise ValueError(
            f"stratified_subset: labels have shape {labels.shape}, expected (N,): one_hot.argmax(axis=1)?"
        )
    classes, counts = np.unique(labels, return_counts=True)
    if not len(classes) <= n <= len(labels):
        raise ValueError(
            f"stratified_subset: n is {n}, expected {len(classes)} (the classes) to {len(labels)} (the examples)"
        )
    if n == len(labels):
        return np.arange(n)
    rng = np.random.default_rng(rng)
    share, more = divmod(n, len(classes))
    extra = rng.permutation(len(classes)) < more
    if (counts < share + extra).any():
        short = int((counts < share + extra).argmax())
        raise ValueError(
            f"stratified_subset: {n} examples of {len(classes)} classes are {share + int(extra[short])} of class {classes[short]}, "
            f"which has {counts[short]}"
        )
    chosen = [
        rng.permutation(np.flatnonzero(labels == c))[: share + e]
        for c, e in zip(classes, extra, strict=True)
    ]
    return rng.permutation(np.concatenate(chosen))
