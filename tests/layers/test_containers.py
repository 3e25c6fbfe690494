import numpy as np
import pytest
from helpers.numeric import close

from tinyae import Autoencoder, Flatten, Linear, ReLU, Reshape, Sequential, Sigmoid, Tanh, summary
from tinyae.layers import leaves


def small(dtype=np.float64):
    rng = np.random.default_rng(0)
    return Autoencoder(
        Sequential(Linear(6, 4, rng=rng, dtype=dtype), ReLU(), Linear(4, 2, rng=rng, dtype=dtype)),
        Sequential(Linear(2, 6, rng=rng, dtype=dtype), Sigmoid()),
    )


X = np.random.default_rng(1).normal(size=(5, 6))


def test_keys_are_pytorchs():
    names = [
        "encoder.0.weight",
        "encoder.0.bias",
        "encoder.2.weight",
        "encoder.2.bias",
        "decoder.0.weight",
        "decoder.0.bias",
    ]
    assert list(small().params) == names
    assert list(small().encoder.params) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_params_are_the_arrays_that_the_layers_use():
    model = small()
    model.params["encoder.0.weight"][...] = 0
    assert not model.encoder[0].params["weight"].any()
    for key, w in model.params.items():
        assert w is model.params[key]


def test_encode_decode_and_call_are_one():
    model = small()
    close(model(X), model.decode(model.encode(X)), 1e-15)
    close(model.forward(X)[0], model(X), 1e-15)


@pytest.mark.parametrize(
    "model",
    [
        small(),
        small().encoder,
        Sequential(Flatten(), Tanh(), Linear(6, 3, rng=0, dtype=np.float64)),
        Autoencoder(
            Sequential(Tanh()), Sequential(Tanh(), Linear(6, 2, rng=0, dtype=np.float64), Tanh())
        ),
        Sequential(
            Tanh(),
            Sequential(Sigmoid(), Linear(6, 6, rng=0, dtype=np.float64)),
            Linear(6, 1, rng=0, dtype=np.float64),
        ),
        Sequential(Tanh(), Sigmoid()),
        Sequential(),
    ],
    ids=lambda m: " ".join(layer.__class__.__name__ for _, layer in leaves(m)) or "empty",
)
def test_without_input_gradient_the_others_are_equal(model):
    y, caches = model.forward(X)
    dx, grads = model.backward(np.cos(y), caches)
    none, same = model.backward(np.cos(y), caches, input_gradient=False)
    assert none is None and dx.shape == X.shape
    assert same.keys() == grads.keys() == model.params.keys()
    for key in grads:
        np.testing.assert_array_equal(same[key], grads[key])


def test_the_first_layers_dx_is_not_computed(monkeypatch):
    model, asked = small(), []
    monkeypatch.setattr(
        Linear, "vjp", lambda self, dy, x, vjp=Linear.vjp: asked.append(self) or vjp(self, dy, x)
    )
    y, caches = model.forward(X)
    model.backward(y, caches, input_gradient=False)
    assert asked == [model.decoder[0], model.encoder[2]]


def test_index_slice_and_length():
    encoder = small().encoder
    assert len(encoder) == 3 and isinstance(encoder[1], ReLU) and encoder[-1] is encoder[2]
    part = encoder[:2]
    assert isinstance(part, Sequential) and len(part) == 2 and part[0] is encoder[0]
    assert list(encoder[2:].params) == ["0.weight", "0.bias"]  # counted from 0 again, as in PyTorch


def test_one_layer_used_twice_gets_a_gradient_for_each_use():
    layer = Linear(6, 6, rng=0, dtype=np.float64)
    tied, apart = (
        Sequential(layer, Tanh(), layer),
        Sequential(layer, Tanh(), layer.astype(np.float64)),
    )
    y, caches = tied.forward(X)
    grads, reference = tied.backward(y, caches)[1], apart.backward(y, apart.forward(X)[1])[1]
    for key in ("0.weight", "2.weight", "0.bias", "2.bias"):
        close(grads[key], reference[key], 1e-15)


def test_caches_of_another_net_are_refused():
    model = small()
    y, caches = model.encoder.forward(X)
    for method, arguments in [("backward", [y]), ("vjp", [y]), ("double_backward", [X, y])]:
        with pytest.raises(ValueError, match="2 caches for 3 layers"):
            getattr(model.encoder, method)(*arguments, caches[:2])
    with pytest.raises(ValueError):
        model.encoder.jvp(X, caches[:2])


def test_what_is_not_a_layer_is_refused():
    with pytest.raises(TypeError, match=r"argument 1 is .*ReLU.* write ReLU\(\) with parentheses"):
        Sequential(Linear(2, 2), ReLU)
    with pytest.raises(TypeError, match="argument 0 is 3, expected a layer"):
        Sequential(3)


def test_repr():
    assert repr(small()) == (
        "Autoencoder(\n  encoder: Sequential(\n"
        "    (0) Linear(6 → 4)\n    (1) ReLU()\n    (2) Linear(4 → 2)\n  )\n"
        "  decoder: Sequential(\n    (0) Linear(2 → 6)\n    (1) Sigmoid()\n  )\n)"
    )


def test_summary():
    assert summary(small(np.float32), (6,)).splitlines() == [
        "input                     6    ",
        "encoder.0  Linear(6 → 4)  4  28",
        "encoder.1  ReLU()         4   -",
        "encoder.2  Linear(4 → 2)  2  10",
        "decoder.0  Linear(2 → 6)  6  18",
        "decoder.1  Sigmoid()      6   -",
        "56 parameters, 0.0 MiB as float32",
    ]
    text = summary(Sequential(Flatten(), Linear(784, 10), Reshape(1, 2, 5)), (1, 28, 28))
    assert "1×28×28" in text and "1×2×5" in text and "7,850 parameters" in text
    with pytest.raises(ValueError, match=r"Linear\(6 → 4\): input has 7 features"):
        summary(small(), (7,))


def test_summary_of_one_layer_and_of_none_with_parameters():
    assert "6 parameters" in summary(Linear(2, 2), (2,)) and "0 parameters" in summary(ReLU(), (2,))
