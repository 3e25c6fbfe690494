"""Contrastive divergence against the exact gradient of a machine small enough to enumerate."""

import itertools

import numpy as np
import pytest
from helpers.small import DATA

from tinyae import Objective, bce
from tinyae.applications import ContrastiveDivergence, make_rbm, rbm_pretrain

V, H = 4, 3
VISIBLE = np.array(list(itertools.product([0.0, 1.0], repeat=V)))  # all 16 states
HIDDEN = np.array(list(itertools.product([0.0, 1.0], repeat=H)))  # all 8
KEYS = ("encoder.0.weight", "encoder.0.bias", "decoder.0.bias")  # W, b, c


@pytest.fixture
def rbm():
    machine = make_rbm(V, H, np.random.default_rng(0)).astype(np.float64)
    rng = np.random.default_rng(1)
    for w in machine.params.values():
        w[...] = rng.normal(size=w.shape)
    return machine


def probabilities(rbm):
    """p(v) of all states, by summing over all hidden states."""
    w, b, c = (rbm.params[key] for key in KEYS)
    energy = HIDDEN @ w @ VISIBLE.T + (HIDDEN @ b)[:, None] + (VISIBLE @ c)[None]
    p = np.exp(energy).sum(axis=0)
    return p / p.sum()


def data_distribution():
    """Some distribution over the visible states."""
    p = np.random.default_rng(2).uniform(size=len(VISIBLE)) ** 3
    return p / p.sum()


def statistics(rbm, p):
    """E[h vᵀ], E[h], E[v] with v from p and h from p(h | v)."""
    h = rbm.encode(VISIBLE)
    return h.T @ (p[:, None] * VISIBLE), p @ h, p @ VISIBLE


def exact_gradient(rbm, p):
    """Of −E log p(v): the model's statistics minus the data's."""
    model, data = statistics(rbm, probabilities(rbm)), statistics(rbm, p)
    return dict(zip(KEYS, (m - d for m, d in zip(model, data, strict=True)), strict=True))


def transition(rbm):
    """The probability to get from v to v' in one step of the chain, (16, 16)."""
    h = rbm.encode(VISIBLE)
    h_given_v = np.stack([np.where(s == 1, h, 1 - h).prod(axis=1) for s in HIDDEN], axis=1)
    v = rbm.decode(HIDDEN)
    return h_given_v @ np.stack([np.where(s == 1, v, 1 - v).prod(axis=1) for s in VISIBLE], axis=1)


def expected_cd(rbm, p, steps):
    """The expectation of CD-k's gradient, over all chains."""
    end = p @ np.linalg.matrix_power(transition(rbm), steps)
    pairs = zip(statistics(rbm, end), statistics(rbm, p), strict=True)
    return dict(zip(KEYS, (model - data for model, data in pairs), strict=True))


def flat(grads):
    return np.concatenate([grads[key].ravel() for key in KEYS])


def test_the_exact_gradient_is_that_of_the_log_probability(rbm):
    p, h = data_distribution(), 1e-6
    for key, g in exact_gradient(rbm, p).items():
        w = rbm.params[key]
        for i in np.ndindex(w.shape):
            before = w[i]
            w[i] = before + h
            above = -p @ np.log(probabilities(rbm))
            w[i] = before - h
            below = -p @ np.log(probabilities(rbm))
            w[i] = before
            assert g[i] == pytest.approx((above - below) / (2 * h), abs=1e-8)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_mean_over_many_chains_is_the_expectation(rbm, steps):
    p, rng = data_distribution(), np.random.default_rng(3)
    v = VISIBLE[rng.choice(len(VISIBLE), 200_000, p=p)]
    cd = ContrastiveDivergence(steps, sample_visible=True)
    _, grads, _ = cd(rbm, v, rng)
    np.testing.assert_allclose(flat(grads), flat(expected_cd(rbm, p, steps)), atol=0.01)


def test_one_step_points_the_right_way_and_long_chains_are_exact(rbm):
    p = data_distribution()
    exact = flat(exact_gradient(rbm, p))
    errors = [
        np.linalg.norm(flat(expected_cd(rbm, p, steps)) - exact) for steps in (1, 2, 4, 8, 200)
    ]
    assert errors == sorted(errors, reverse=True) and errors[0] > 0.01 and errors[-1] < 1e-6
    one = flat(expected_cd(rbm, p, 1))
    assert one @ exact > 0.8 * np.linalg.norm(one) * np.linalg.norm(exact)


def test_at_the_models_own_distribution_nothing_is_to_learn(rbm):
    np.testing.assert_allclose(flat(expected_cd(rbm, probabilities(rbm), 1)), 0, atol=1e-12)


def test_probabilities_in_place_of_samples_change_no_visible_statistics(rbm):
    """v' as probabilities: the same expectation of v', with less noise."""
    v = VISIBLE[np.random.default_rng(4).integers(0, 16, 100_000)]
    results = [
        ContrastiveDivergence(1, sample)(rbm, v, np.random.default_rng(5))[1]["decoder.0.bias"]
        for sample in (False, True)
    ]
    np.testing.assert_allclose(*results, atol=0.01)


def test_the_code_of_the_last_machine_is_normal():
    rng = np.random.default_rng(0)
    machine = make_rbm(V, 1, rng, binary=False).astype(np.float64)
    seen = []

    def decode(h):
        seen.append(h)
        return np.full((len(h), V), 0.5)

    machine.decode = decode
    v = np.repeat(VISIBLE[5:6], 50_000, axis=0)
    ContrastiveDivergence()(machine, v, rng)
    mean = machine.encode(VISIBLE[5:6])[0, 0]
    assert seen[0].mean() == pytest.approx(mean, abs=0.02)
    assert seen[0].std() == pytest.approx(1, abs=0.02)


def test_a_stack_is_unrolled_and_a_good_start():
    x = DATA.repeat(8, axis=0)
    x = (x > 0.5).astype(np.float32)
    model, histories = rbm_pretrain((10, 6), x, epochs=30, batch_size=20, workers=1)
    sizes = [
        layer.params["weight"].shape
        for part in (model.encoder, model.decoder)
        for layer in part.layers
        if layer.params
    ]
    assert sizes == [(10, 12), (6, 10), (10, 6), (12, 10)] and len(histories) == 2
    assert not np.shares_memory(model.params["encoder.0.weight"], model.params["decoder.2.weight"])
    np.testing.assert_array_equal(
        model.params["encoder.0.weight"].T, model.params["decoder.2.weight"]
    )
    for history in histories:
        assert history["loss"][-1] < history["loss"][0]
    plateau = bce(np.broadcast_to(x.mean(axis=0), x.shape), x)[0]
    assert Objective(bce)(model, x)[0] < plateau


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="steps is 0"):
        ContrastiveDivergence(0)
    with pytest.raises(ValueError, match="no sizes"):
        rbm_pretrain((), DATA)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        rbm_pretrain((3,), 2 * DATA)
