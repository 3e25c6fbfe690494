"""Tied weights: one array, two uses, the sum of two gradients."""

import copy

import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient

from tinyae import (
    Adam,
    Autoencoder,
    Linear,
    Objective,
    Sequential,
    Sigmoid,
    bce,
    fit,
    load_weights,
    save_weights,
    summary,
)
from tinyae.checking import check_second, gradcheck
from tinyae.layers import TiedAutoencoder, TransposedLinear
from tinyae.models import tied_autoencoder

X = np.random.default_rng(1).uniform(size=(5, 6))


def small(dtype=np.float64):
    return tied_autoencoder(0, features=6, code=3, dtype=dtype)


def test_it_is_the_papers_model():
    model = small()
    w, b, c = model.params.values()
    c += 0.1
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    close(model(X), sigmoid(sigmoid(X @ w.T + b) @ w + c), 1e-15)


def test_one_array_one_name():
    model = small()
    assert list(model.params) == ["encoder.0.weight", "encoder.0.bias", "decoder.0.bias"]
    assert (
        model.decoder[0].params["weight"]
        is model.encoder[0].params["weight"]
        is model.params["encoder.0.weight"]
    )
    assert "33 parameters" not in summary(model, (6,)) and "27 parameters" in summary(
        model, (6,)
    )  # 3·6 + 3 + 6
    assert repr(model).startswith("TiedAutoencoder(") and "TransposedLinear(3 → 6)" in repr(model)


@pytest.mark.parametrize("bias", [True, False])
def test_transposed_first_and_second_derivatives(bias):
    layer = TransposedLinear(Linear(6, 3, rng=0, dtype=np.float64), bias)
    z = np.random.default_rng(2).normal(size=(4, 3))
    assert gradcheck(layer, z).ok and check_second(layer, z).ok


@pytest.mark.parametrize(
    "objective",
    [Objective(), Objective(bce, contraction=0.7), Objective(contraction=0.3, probes=2)],
)
def test_objective(objective):
    report = gradcheck(objective, small(), X)
    assert report.ok, str(report)


def test_the_gradient_is_the_sum_of_both_uses():
    tied = small()
    linear = tied.encoder[0]
    apart = Autoencoder(tied.encoder, Sequential(Linear(3, 6, rng=0, dtype=np.float64), Sigmoid()))
    apart.params["decoder.0.weight"][...] = linear.params["weight"].T
    apart.params["decoder.0.bias"][...] = tied.params["decoder.0.bias"]
    _, grads, _ = Objective()(tied, X)
    _, both, _ = Objective()(apart, X)
    close(grads["encoder.0.weight"], both["encoder.0.weight"] + both["decoder.0.weight"].T, 1e-15)
    close(
        grads["encoder.0.weight"],
        numeric_gradient(lambda: Objective()(tied, X)[0], linear.params["weight"]),
        1e-8,
    )
    assert grads.keys() == tied.params.keys()


@pytest.mark.parametrize(
    "copied", [lambda m: m.astype(np.float64), lambda m: m.to("cpu"), copy.deepcopy]
)
def test_copies_are_tied_to_themselves(copied):
    model = small(np.float32)
    other = copied(model)
    w = other.params["encoder.0.weight"]
    assert other.decoder[0].params["weight"] is w and w is not model.params["encoder.0.weight"]
    before = model(X.astype(np.float32))
    w[...] = 0
    np.testing.assert_array_equal(model(X.astype(np.float32)), before)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_weight_files(tmp_path, ending):
    if ending == "safetensors":
        pytest.importorskip("safetensors", reason="pip install safetensors")
    model, other = small(np.float32), tied_autoencoder(5, features=6, code=3)
    save_weights(model, tmp_path / f"w.{ending}")
    load_weights(other, tmp_path / f"w.{ending}")
    np.testing.assert_array_equal(model(X.astype(np.float32)), other(X.astype(np.float32)))


def test_training_keeps_them_tied():
    model, x = small(np.float32), X.astype(np.float32)
    history = fit(
        model,
        x,
        Objective(contraction=0.1),
        Adam(model.params, 0.05),
        30,
        progress=False,
        workers=1,
    )
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert model.decoder[0].params["weight"] is model.encoder[0].params["weight"]


def test_bad_input():
    with pytest.raises(
        TypeError, match=r"expected the Linear layer whose weights it shares, got Sigmoid\(\)"
    ):
        TransposedLinear(Sigmoid())
    with pytest.raises(ValueError, match="share no weights"):
        TiedAutoencoder(Sequential(Linear(6, 3)), Sequential(Linear(3, 6)))
    with pytest.raises(
        ValueError, match=r"TransposedLinear\(3 → 6\): input has shape \(5, 6\), expected \(N, 3\)"
    ):
        small().decoder(X)
