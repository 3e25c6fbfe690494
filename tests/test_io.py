"""Weight files: what is saved is loaded, and anything else is refused."""

import os

import numpy as np
import pytest
from helpers.small import DATA, same_bits, small_net

from tinyae import load_weights, save_weights
from tinyae.io import read_arrays

ENDINGS = [".npz", ".safetensors"]


@pytest.fixture(params=ENDINGS)
def path(request, tmp_path):
    if request.param == ".safetensors":
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    return tmp_path / f"weights{request.param}"


def refused(path, words, model=None, error=ValueError):
    """load_weights raises, names the file, and does not change the model."""
    model = model or small_net(seed=1)
    before = {key: w.copy() for key, w in model.params.items()}
    with pytest.raises(error, match=words) as caught:
        load_weights(model, path)
    assert path.name in str(caught.value)
    for key, w in model.params.items():
        np.testing.assert_array_equal(w, before[key])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(path, dtype):
    model, other = small_net(dtype), small_net(dtype, seed=1)
    save_weights(model, path, epochs=30, note="größer", nested={"lr": [0.1]})
    arrays = dict(other.params)
    assert load_weights(other, path) == {"epochs": 30, "note": "größer", "nested": {"lr": [0.1]}}
    same_bits(model, other)
    assert all(
        other.params[key] is w for key, w in arrays.items()
    )  # in place: an optimizer still holds them


def test_float64_file_into_a_float32_model(path):
    model, other = small_net(np.float64), small_net(np.float32, seed=1)
    save_weights(model, path)
    load_weights(other, path)
    assert other.params["encoder.0.weight"].dtype == np.float32
    np.testing.assert_allclose(other(DATA), model(DATA), rtol=1e-5)


def test_a_transposed_view_is_saved_with_its_shape(path):
    model = small_net()
    model.encoder[0].params["weight"] = np.arange(72, dtype=np.float32).reshape(12, 6).T
    save_weights(model, path)
    other = small_net(seed=1)
    load_weights(other, path)
    same_bits(model, other)


def test_no_such_file(path):
    refused(path, "there is no weight file", error=FileNotFoundError)
    refused(path.parent, "there is no weight file", error=FileNotFoundError)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"PK\x03\x04", b"not weights at all, but a text\n" * 50, bytes(range(256)) * 40],
)
def test_garbage(path, content):
    path.write_bytes(content)
    refused(path, "not a weight file, or damaged")


def test_truncated_anywhere(path):
    save_weights(small_net(), path)
    content = path.read_bytes()
    for length in sorted(
        {*range(0, len(content), 97), 1, 7, 8, 9, len(content) - 1, len(content) - 30}
    ):
        path.write_bytes(content[:length])
        refused(path, "not a weight file, or damaged")


def test_a_changed_byte_is_found_or_harmless(tmp_path):
    """.npz has checksums: whatever is loaded is what was saved. (.safetensors has none.)"""
    path, model = tmp_path / "w.npz", small_net()
    save_weights(model, path)
    content = path.read_bytes()
    found = 0
    for i in np.random.default_rng(0).choice(len(content), 250, replace=False):
        path.write_bytes(content[:i] + bytes([content[i] ^ 0xFF]) + content[i + 1 :])
        other = small_net(seed=1)
        try:
            load_weights(other, path)
        except ValueError as error:
            assert "w.npz" in str(error)
            found += 1
        else:
            same_bits(model, other)
    assert found > 100


def test_other_numpy_files(tmp_path):
    path = tmp_path / "w.npz"
    with open(path, "wb") as file:
        np.save(file, np.ones(3))  # an .npy file with another ending
    refused(path, "not a weight file")
    with open(path, "wb") as file:
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    refused(path, "not a weight file")
    with open(path, "wb") as file:
        np.savez(file, **{key: w.astype(object) for key, w in small_net().params.items()})
    refused(path, "not a weight file")
    with open(path, "wb") as file:
        np.savez(file, **{key: np.full(w.shape, "1.0") for key, w in small_net().params.items()})
    refused(path, "tensor 'encoder.0.weight' has dtype <U3, expected numbers")


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.pkl", "pytorch_model.bin"])
def test_a_pickle_is_never_opened(tmp_path, name):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    import pickle

    path = tmp_path / name
    path.write_bytes(pickle.dumps(Bomb()))
    refused(
        path,
        r"a pickle. Opening it could run any code.*safetensors.torch.save_file\(net.state_dict\(\)",
    )
    (tmp_path / "w.npz").write_bytes(path.read_bytes())
    refused(tmp_path / "w.npz", "not a weight file")
    assert not (tmp_path / "boom").exists()


def test_weights_of_another_architecture(path):
    save_weights(small_net(code=4), path)
    refused(
        path,
        r"another architecture: tensor 'encoder.2.weight' has shape \(4, 6\), expected \(3, 6\)",
    )
    model = small_net()
    model.encoder[0].params["weight"] = (
        model.encoder[0].params["weight"].T.copy()
    )  # (in, out), as in other libraries
    save_weights(model, path)
    refused(path, r"tensor 'encoder.0.weight' has shape \(12, 6\), expected \(6, 12\)")
    model = small_net()
    save_weights(model.encoder, path)
    refused(
        path, r"another architecture: it has no tensor 'encoder.0.weight', expected shape \(6, 12\)"
    )
    save_weights(model, path)
    refused(path, "it has no tensor '0.weight'", small_net().encoder)
    del model.decoder[0].params["bias"]
    refused(path, "tensor 'decoder.0.bias' is not in the model", model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(path, value):
    model = small_net()
    model.params["decoder.0.weight"][1, 1] = value
    save_weights(model, path)
    refused(path, "tensor 'decoder.0.weight' contains NaN or infinite values")


@pytest.mark.parametrize("name", ["weights.pt", "weights", "weights.h5"])
def test_an_unknown_ending(tmp_path, name):
    with pytest.raises(ValueError, match="weights are saved as .npz or .safetensors"):
        save_weights(small_net(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_metadata_that_is_not_json_is_refused_first(path):
    with pytest.raises(TypeError):
        save_weights(small_net(), path, what=object())
    assert not list(path.parent.iterdir())


@pytest.mark.oracle
class TestPyTorch:
    @pytest.fixture(autouse=True)
    def needs_pytorch(self):
        pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
        pytest.importorskip("safetensors", reason="safetensors is not installed")

    @staticmethod
    def net():
        from torch import manual_seed, nn

        manual_seed(3)
        net = nn.Sequential()
        net.add_module("encoder", nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 3)))
        net.add_module("decoder", nn.Sequential(nn.Linear(3, 12), nn.Sigmoid()))
        return net

    def outputs(self, net):
        import torch

        with torch.no_grad():
            return net(torch.from_numpy(DATA)).numpy()

    def test_from_pytorch(self, path):
        import safetensors.torch

        net, model = self.net(), small_net()
        if path.suffix == ".npz":
            np.savez(path, **{key: t.numpy() for key, t in net.state_dict().items()})
        else:
            safetensors.torch.save_file(net.state_dict(), path)
        assert load_weights(model, path) == {}
        np.testing.assert_allclose(model(DATA), self.outputs(net), atol=1e-6)

    def test_to_pytorch(self, path):
        """As in the docstring."""
        import safetensors.torch
        import torch

        net, model = self.net(), small_net(seed=4)
        save_weights(model, path, name="x")
        if path.suffix == ".npz":
            net.load_state_dict(
                {k: torch.from_numpy(v) for k, v in np.load(path).items() if k != "__metadata__"}
            )
        else:
            net.load_state_dict(safetensors.torch.load_file(path))
        np.testing.assert_allclose(model(DATA), self.outputs(net), atol=1e-6)

    @pytest.mark.parametrize("dtype", ["float16", "float64"])
    def test_other_precisions(self, tmp_path, dtype):
        import safetensors.torch
        import torch

        net, model = self.net().to(getattr(torch, dtype)), small_net()
        safetensors.torch.save_file(net.state_dict(), tmp_path / "w.safetensors")
        load_weights(model, tmp_path / "w.safetensors")
        np.testing.assert_allclose(model(DATA), self.outputs(net.float()), atol=1e-6)

    def test_torch_save_by_another_name(self, tmp_path):
        """torch.save writes a zip with a pickle in it, and np.load opens zips."""
        import torch

        torch.save(self.net().state_dict(), tmp_path / "w.npz")
        refused(tmp_path / "w.npz", "weight")


def test_a_file_of_many_arrays_reads_without_a_model(path):
    model = small_net()
    save_weights(model, path, a=1)
    arrays, metadata = read_arrays(path)
    assert arrays.keys() == model.params.keys() and metadata == {"a": 1}
