"""Layer by layer: each layer learns from the clean output of the one below, with its own noise."""

import re

import numpy as np
import pytest
from helpers.small import DATA

from tinyae import Linear, Sequential, Sigmoid
from tinyae.applications import greedy_pretrain
from tinyae.data import Masking
from tinyae.losses import bce

QUICK = {"epochs": 3, "batch_size": 16, "workers": 1}


def test_the_encoder_has_the_given_sizes_and_a_history_per_layer():
    encoder, histories = greedy_pretrain((8, 5), DATA, Masking(0.25), **QUICK)
    assert repr(encoder) == repr(Sequential(Linear(12, 8), Sigmoid(), Linear(8, 5), Sigmoid()))
    assert (
        [len(h) for h in histories] == [3, 3]
        and encoder(DATA).shape == (50, 5)
        and encoder(DATA).dtype == np.float32
    )
    for history in histories:
        assert history["loss"][-1] < history["loss"][0]


def test_lower_layers_are_not_changed_by_those_above():
    one, _ = greedy_pretrain((8,), DATA, Masking(0.25), rng=3, **QUICK)
    two, _ = greedy_pretrain((8, 5), DATA, Masking(0.25), rng=3, **QUICK)
    for key, w in one.params.items():
        np.testing.assert_array_equal(w, two.params[key])


def test_each_layer_sees_the_clean_output_of_the_one_below():
    seen = []

    def spy(x, rng):
        seen.append(x)
        return np.zeros_like(x)

    encoder, _ = greedy_pretrain(
        (8, 5), DATA, [Masking(0.5), spy], epochs=1, batch_size=50, workers=1
    )
    below = encoder[:2](DATA)
    (given,) = seen
    key = lambda rows: rows[np.lexsort(rows.T)]  # noqa: E731  (fit shuffles)
    np.testing.assert_allclose(key(given), key(below), rtol=1e-5)


def test_the_loss_is_that_of_the_paper_with_tied_weights():
    """With a learning rate near 0 the logged loss is the cross-entropy of σ(Wᵀ σ(W x + b) + c) with
    c = 0."""
    encoder, (history,) = greedy_pretrain(
        (8,), DATA, None, epochs=1, batch_size=50, workers=1, lr=1e-12
    )
    w, b = encoder.params["0.weight"], encoder.params["0.bias"]
    y = 1 / (1 + np.exp(-(encoder(DATA) @ w)))
    assert b.shape == (8,) and history["loss"][0] == pytest.approx(bce(y, DATA)[0], rel=1e-5)


def test_the_same_seed_gives_the_same_stack():
    a, b, c = (
        greedy_pretrain((6,), DATA, Masking(0.5), rng=seed, **QUICK)[0].params["0.weight"]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    a, b = (
        greedy_pretrain((6,), DATA, Masking(0.5), rng=np.random.default_rng(5), **QUICK)[0]
        for _ in range(2)
    )
    np.testing.assert_array_equal(a.params["0.weight"], b.params["0.weight"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: greedy_pretrain((), DATA, None), "0 sizes"),
        (
            lambda: greedy_pretrain((4, 3), DATA, [Masking(0.1)]),
            "2 sizes and 1 corruptions, expected at least one size",
        ),
        (
            lambda: greedy_pretrain((4,), DATA[0], None),
            "x has shape (12,), expected at least one row (N, D)",
        ),
        (
            lambda: greedy_pretrain((4,), 3 * DATA - 1, None),
            "expected [0, 1]: the loss takes the values as probabilities",
        ),
        (lambda: greedy_pretrain((4,), np.full_like(DATA, np.nan), None), "x runs from nan to nan"),
    ],
)
def test_mistakes_get_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()
