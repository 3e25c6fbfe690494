"""The classification objective, frozen features, subsets of the labels."""

import re

import numpy as np
import pytest

from tinyae import Adam, Linear, Sequential, Tanh, cross_entropy, fit, freeze
from tinyae.applications import (
    accuracy,
    classification,
    encode,
    linear_probe,
    predict,
    stratified_subset,
)
from tinyae.checking import gradcheck

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
LABELS = np.arange(30) % 3


def net(dtype=np.float32):
    return Sequential(Linear(4, 5, rng=0, dtype=dtype), Tanh(), Linear(5, 3, rng=1, dtype=dtype))


def test_classification_is_the_cross_entropy_of_the_models_output():
    model = net()
    loss, grads, terms = classification(model, (X, LABELS))
    logits, caches = model.forward(X)
    value, dlogits = cross_entropy(logits, LABELS)
    assert loss == value and grads.keys() == model.params.keys()
    for key, g in model.backward(dlogits, caches)[1].items():
        np.testing.assert_array_equal(grads[key], g)
    assert terms == {"accuracy": pytest.approx((logits.argmax(axis=1) == LABELS).mean())}


def test_the_gradients_of_the_classification_objective_are_right():
    def objective(model, x, rng):
        return classification(model, (x, LABELS), rng)

    assert gradcheck(objective, net(np.float64), X.astype(np.float64)).ok
    frozen = Sequential(freeze(net(np.float64)), Linear(3, 3, rng=2, dtype=np.float64))
    assert gradcheck(objective, frozen, X.astype(np.float64)).ok


@pytest.mark.parametrize("workers", [1, 2])
def test_fit_learns_labels_and_logs_the_accuracy(workers):
    labels = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
    model = net()
    history = fit(
        model,
        (X, labels),
        classification,
        Adam(model.params, 0.05),
        60,
        10,
        workers=workers,
        progress=False,
        validation=(X, labels),
    )
    assert history["accuracy"][-1] > 0.9 and history["val_loss"][-1] < history["val_loss"][0]
    assert accuracy(model, X, labels) == pytest.approx((model(X).argmax(axis=1) == labels).mean())
    assert predict(model, X, batch_size=7).tolist() == model(X).argmax(axis=1).tolist()


def test_a_linear_layer_on_precomputed_features_equals_one_on_a_frozen_encoder():
    """The codes of a frozen encoder do not change, so they need to be computed only once."""
    encoder = Sequential(Linear(4, 5, rng=3), Tanh())
    whole, head = Sequential(freeze(encoder), Linear(5, 3, rng=4)), Sequential(Linear(5, 3, rng=4))
    options = {
        "objective": classification,
        "epochs": 3,
        "batch_size": 8,
        "workers": 1,
        "progress": False,
    }
    fit(whole, (X, LABELS), optimizer=Adam(whole.params, 0.01), **options)
    fit(head, (encode(encoder, X), LABELS), optimizer=Adam(head.params, 0.01), **options)
    np.testing.assert_allclose(
        whole.params["1.weight"], head.params["0.weight"], rtol=1e-5, atol=1e-6
    )
    assert encode(encoder, X, batch_size=7).shape == (30, 5)


@pytest.mark.parametrize("n", [3, 10, 11, 29, 30])
def test_subsets_are_balanced_and_without_repeats(n):
    chosen = stratified_subset(LABELS, n, rng=0)
    assert len(chosen) == n == len(set(chosen.tolist()))
    counts = np.bincount(LABELS[chosen], minlength=3)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(chosen, stratified_subset(LABELS, n, rng=0))
    if n == 10:
        assert chosen.tolist() != stratified_subset(LABELS, n, rng=1).tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: classification(net(), (X, LABELS[:-1])),
            "classification: 30 examples, but labels of shape (29,), expected (30",
        ),
        (lambda: classification(net(), X), "classification: expected the pair (x, labels)"),
        (lambda: classification(net(), (X, LABELS + 5)), "labels run from 5 to 7, expected 0 to 2"),
        (
            lambda: accuracy(net(), X, LABELS[:-1]),
            "accuracy: 30 examples, but labels of shape (29,)",
        ),
        (
            lambda: fit(net(), (X, LABELS[:4]), classification, Adam(Linear(1, 1).params), 1),
            "30 examples, but 4 labels",
        ),
        (lambda: encode(net(), X[:0]), "encode: x is empty"),
        (
            lambda: linear_probe(X, LABELS[:-1], X, LABELS),
            "linear_probe: 30 examples, but labels of shape (29,)",
        ),
        (
            lambda: stratified_subset(LABELS, 2, 0),
            "n is 2, expected 3 (the number of classes) to 30 (the number of examples)",
        ),
        (lambda: stratified_subset(LABELS, 31, 0), "n is 31"),
        (
            lambda: stratified_subset(np.array([0] * 9 + [1]), 4, 0),
            "4 examples of 2 classes need 2 of class 1, which has 1",
        ),
        (
            lambda: stratified_subset(np.eye(3)[LABELS], 9, 0),
            "labels have shape (30, 3), expected (N,): one_hot.argmax(axis=1)?",
        ),
    ],
)
def test_mistakes_get_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_a_linear_probe_finds_linear_structure_and_is_repeatable():
    rng = np.random.default_rng(0)
    z = rng.normal(5, 3, (400, 4)).astype(np.float32)
    labels = (z[:, 0] > z[:, 1]).astype(int) + (z[:, 2] > 8)
    first, again = (
        linear_probe(z[:300], labels[:300], z[300:], labels[300:], rng=3) for _ in range(2)
    )
    assert first == again > 0.7
    assert (
        linear_probe(
            np.ones_like(z[:300]) + rng.normal(0, 1, (300, 4)).astype(np.float32),
            labels[:300],
            np.ones_like(z[300:]),
            labels[300:],
        )
        < first
    )
