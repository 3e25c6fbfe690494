"""Weights from elsewhere: names with prefixes, bfloat16, the files of other programs, and files
that are damaged in any byte."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from helpers.small import run, same_bits, small_net

from tinyae import load_weights, save_weights
from tinyae.io import read_arrays


def renamed(path, rename, model=None):
    """The weights of a net, with other names, in a file."""
    model = model or small_net(seed=3)
    np.savez(path, **{rename(key): w for key, w in model.params.items()})
    return model


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: f"module.{key}",  # DataParallel
        lambda key: f"_orig_mod.{key}",  # torch.compile
        lambda key: f"model.{key}",  # Lightning
        lambda key: f"model._orig_mod.module.{key}",
        lambda key: f"ema.net.{key}",
        lambda key: key.replace("encoder.", "encoder._orig_mod."),  # one part compiled
        lambda key: key.replace("coder.", "coder.module."),
    ],
)
def test_prefixes_are_left_out_and_a_warning_says_so(tmp_path, rename):
    saved, model = renamed(tmp_path / "w.npz", rename), small_net()
    first = rename("encoder.0.weight")
    with pytest.warns(UserWarning, match="prefixes .* left out: .* is read as 'encoder.0"):
        load_weights(model, tmp_path / "w.npz")
    same_bits(model, saved)
    assert first != "encoder.0.weight"


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: f"model.{key}" if "encoder" in key else key,  # only some
        lambda key: f"model{key}",  # no dot
        lambda key: f"model.{key}x",
        lambda key: key.upper(),
    ],
)
def test_names_that_do_not_all_fit_are_shown(tmp_path, rename):
    renamed(tmp_path / "w.npz", rename)
    model = small_net()
    with pytest.raises(
        ValueError, match="it has no tensor 'encoder.0.weight', .* it has "
    ) as error:
        load_weights(model, tmp_path / "w.npz")
    assert sorted(map(rename, model.params))[0] in str(error.value)
    same_bits(model, small_net())


def test_a_part_of_a_larger_model_is_not_taken_for_a_prefix(tmp_path):
    save_weights(small_net(), tmp_path / "w.npz")
    with pytest.raises(ValueError, match="another architecture"):
        load_weights(small_net().encoder, tmp_path / "w.npz")


def test_a_model_whose_own_names_have_such_a_word_loads_without_a_warning(tmp_path, recwarn):
    model = small_net(seed=3)
    model.named_layers = {"module": model.encoder, "model": model.decoder}
    save_weights(model, tmp_path / "w.npz")
    other = small_net()
    other.named_layers = {"module": other.encoder, "model": other.decoder}
    load_weights(other, tmp_path / "w.npz")
    same_bits(model, other)
    assert not recwarn.list


def test_the_model_in_a_checkpoint_can_be_loaded(tmp_path):
    trained, _ = run(2, checkpoint=tmp_path / "run.npz")
    model = small_net(seed=5)
    assert load_weights(model, tmp_path / "run.npz")["epoch"] == 2
    same_bits(model, trained)


def safetensors_file(path, dtype, arrays):
    """Written by hand: 8 bytes of length, a JSON header, the values."""
    header, content, start = {}, b"", 0
    for key, (shape, values) in arrays.items():
        header[key] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [start, start + len(values)],
        }
        content, start = content + values, start + len(values)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def test_bfloat16(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    model = small_net(seed=3)
    arrays = {}
    for key, w in model.params.items():
        upper = (w.view(np.uint32) >> 16).astype(np.uint16)  # truncated
        w[...] = (upper.astype(np.uint32) << 16).view(np.float32)
        arrays[key] = (w.shape, upper.tobytes())
    safetensors_file(tmp_path / "w.safetensors", "BF16", arrays)
    other = small_net()
    load_weights(other, tmp_path / "w.safetensors")
    same_bits(model, other)


def test_a_dtype_that_numpy_does_not_have_is_named(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    safetensors_file(tmp_path / "w.safetensors", "F8_E4M3", {"w": ((3,), b"abc")})
    with pytest.raises(ValueError, match="tensor 'w' has dtype F8_E4M3: convert it with net.float"):
        read_arrays(tmp_path / "w.safetensors")


def torch_zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({"a": 1}))
        archive.writestr("net/data/0", b"\0" * 16)
    return content.getvalue()


PICKLED = pickle.dumps({"a": 1})
HDF5 = b"\x89HDF\r\n\x1a\n" + b"\0" * 50


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("net.ckpt", torch_zip(), "a pickle.*torch.load.*net.ckpt.*state_dict"),
        ("net.pth.tar", torch_zip(), "a pickle.*net.safetensors"),
        ("net.pth.tar", PICKLED, "a pickle"),
        ("net.pt", b"\0" * 20, "a pickle"),  # by its ending
        ("net.npz", torch_zip(), "a pickle"),  # by its content
        ("net.safetensors", PICKLED, "a pickle"),
        ("net", PICKLED, "a pickle"),
        ("net.joblib", b"x", "a pickle"),
        ("net.h5", HDF5, r"Keras.*kernel.numpy\(\).T"),
        ("net.weights", HDF5, "Keras"),
        ("net.keras", b"PK", "Keras"),
        ("model.ckpt.index", b"\0\0", "TensorFlow"),
        ("net.onnx", b"\x08\x07", "ONNX"),
        ("net.gguf", b"GGUF\3\0", "GGUF"),
        ("net.npy", b"\x93NUMPY", "a single array"),
    ],
)
def test_the_files_of_other_programs_are_named_and_the_way_is_told(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    model = small_net()
    with pytest.raises(ValueError, match=f"{name}: not a weight file, but .*{words}"):
        load_weights(model, path)
    same_bits(model, small_net())


class TestDamage:
    def test_a_changed_byte_of_a_safetensors_file_is_found_or_harmless(self, tmp_path):
        pytest.importorskip("safetensors", reason="safetensors is not installed")
        path, model = tmp_path / "w.safetensors", small_net()
        save_weights(model, path, note="metadata", epochs=3)
        content = path.read_bytes()
        found = 0
        places = [*range(0, 1000, 3), *range(1000, len(content), 37)]  # the header, the values
        for i in places:
            for flip in (0x01, 0x80):
                path.write_bytes(content[:i] + bytes([content[i] ^ flip]) + content[i + 1 :])
                other = small_net(seed=1)
                try:
                    metadata = load_weights(other, path)
                except ValueError as error:
                    assert "w.safetensors" in str(error)
                    found += 1
                else:
                    same_bits(model, other)
                    assert metadata == {"note": "metadata", "epochs": 3}
        assert found > 0.9 * 2 * len(places)

    def test_a_safetensors_file_without_a_checksum_loads(self, tmp_path):
        library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
        model, other = small_net(), small_net(seed=1)
        library.save_file(model.params, tmp_path / "w.safetensors")
        assert load_weights(other, tmp_path / "w.safetensors") == {}
        same_bits(model, other)

    def test_values_that_are_infinite_after_the_cast_are_refused(self, tmp_path):
        model = small_net(np.float64)
        model.params["decoder.0.weight"][1, 1] = 1e39  # finite in float64
        save_weights(model, tmp_path / "w.npz")
        with pytest.raises(ValueError, match="'decoder.0.weight' .* infinite in float32"):
            load_weights(small_net(np.float32), tmp_path / "w.npz")
        load_weights(small_net(np.float64), tmp_path / "w.npz")

    def test_an_archive_that_would_fill_the_memory_is_not_unpacked(self, tmp_path, monkeypatch):
        path = tmp_path / "w.npz"
        np.savez_compressed(path, a=np.zeros(1 << 20))
        read_arrays(path)  # 8 MiB are no harm, however small the file is
        monkeypatch.setattr("tinyae.io.formats.PLAUSIBLE", 1 << 20)
        monkeypatch.setattr(np, "load", lambda *a, **k: pytest.fail("unpacked"))
        with pytest.raises(ValueError, match="its .* bytes would unpack to 8,388,736"):
            read_arrays(path)

    def test_metadata_that_is_not_a_dictionary(self, tmp_path):
        np.savez(tmp_path / "w.npz", __metadata__=np.array("[1, 2]"))
        with pytest.raises(ValueError, match="not a weight file, or damaged .*metadata"):
            read_arrays(tmp_path / "w.npz")


def test_a_checkpoint_whose_adam_state_cannot_be_is_refused(tmp_path):
    """A negative second moment has no root; the model must not change either."""
    run(1, checkpoint=tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as file:
        arrays = dict(file)
    for key, value in [
        ("optimizer/v.encoder.0.weight", -1.0),
        ("optimizer/v.encoder.0.weight", np.nan),
        ("optimizer/m.decoder.0.bias", np.inf),
    ]:
        damaged = {k: a.copy() for k, a in arrays.items()}
        damaged[key].flat[2] = value
        np.savez(tmp_path / "damaged.npz", **damaged)
        model = small_net()
        with pytest.raises(ValueError, match=f"Adam: {key.partition('/')[2]} .* cannot be"):
            run(2, model, checkpoint=tmp_path / "damaged.npz", resume=True)
        same_bits(model, small_net())
