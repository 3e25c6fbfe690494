"""Large files stay on the disk: the same values, read batch by batch, in little memory."""

import gzip
import struct

import numpy as np
import pytest
from helpers.strict_device import pretend_gpu

from tinyae import Adam, Objective, fit, load_data
from tinyae.backend import device_of, to_device, to_numpy
from tinyae.data import DataNote, Gaussian, lazy, minibatches, read_images
from tinyae.data.batches import take
from tinyae.data.lazy import FileRows, LazyArray
from tinyae.models import basic_autoencoder

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 6, 6), dtype=np.uint8)
LABELS = np.arange(300) % 3
pytestmark = pytest.mark.filterwarnings("ignore:.*all of it is read into memory")


@pytest.fixture
def large(monkeypatch):
    """Every file counts as large, and is read in parts of 70 images."""
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    monkeypatch.setattr(lazy, "PART", 70 * 36)


def write_idx(path, x, labels=None):
    code = {"uint8": 8, "int16": 11, "float32": 13}[x.dtype.name]
    header = struct.pack(f">BBBB{x.ndim}I", 0, 0, code, x.ndim, *x.shape)
    path.write_bytes(header + x.astype(x.dtype.newbyteorder(">")).tobytes())


def both(path, monkeypatch):
    """A file as arrays in memory, and as a large one."""
    in_memory = load_data(path)
    assert isinstance(in_memory.train.images, np.ndarray)
    monkeypatch.setattr(lazy, "IN_MEMORY", 0)
    monkeypatch.setattr(lazy, "PART", 70 * 36)
    return in_memory, load_data(path)


FILES = {
    "bytes": PIXELS,
    "few gray levels": PIXELS // 16,
    "bool": PIXELS > 128,
    "uint16": PIXELS.astype(np.uint16) * 16,
    "big-endian": (PIXELS / 255).astype(">f8"),
    "float32": (PIXELS / 255).astype(np.float32),
    "float16": (PIXELS / 255).astype(np.float16),
    "beyond 1 by rounding": (PIXELS / np.float32(255)) * np.float32(1 + 5e-7),
    "any range": PIXELS.astype(np.float32) - 100,
    "rows of a table": PIXELS.reshape(300, 36)[:, :35].astype(np.float32),
    "flat images": PIXELS.reshape(300, 36),
    "color, channels last": np.stack([PIXELS] * 3, axis=-1),
    "transparent": np.stack([PIXELS] * 4, axis=1),
    "Fortran order": np.asfortranarray(PIXELS),
}


@pytest.mark.filterwarnings("ignore::tinyae.data.DataNote")
@pytest.mark.parametrize("kind", FILES)
def test_a_large_npy_file_has_the_values_that_it_has_in_memory(kind, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", FILES[kind])
    small, large = both(tmp_path / "x.npy", monkeypatch)
    assert isinstance(large.train.images, LazyArray)
    assert (large.scale, large.is_table) == (small.scale, small.is_table)
    for part, same in ((large.train, small.train), (large.test, small.test)):
        assert part.images.dtype == np.float32
        np.testing.assert_array_equal(part.images[:], same.images)
        np.testing.assert_array_equal(part.flat[:], same.flat)
        assert (part.images.min(), part.images.max()) == (same.images.min(), same.images.max())
        mean = same.images.mean(dtype=np.float64)
        np.testing.assert_allclose(part.images.mean(), mean, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(part.images.var(), same.images.astype(float).var(), rtol=1e-12)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_with_labels(save, tmp_path, monkeypatch):
    save(tmp_path / "x.npz", y=LABELS, x=PIXELS)
    small, large = both(tmp_path / "x.npz", monkeypatch)
    np.testing.assert_array_equal(large.train.images[:], small.train.images)
    np.testing.assert_array_equal(large.train.labels, small.train.labels)
    threes = large.train[large.train.labels == 2]
    assert isinstance(threes.images, LazyArray)
    np.testing.assert_array_equal(threes.images[:], small.train.images[small.train.labels == 2])


def test_only_an_npz_file_without_compression_is_read_in_parts(tmp_path, large):
    np.savez(tmp_path / "stored.npz", x=PIXELS)
    assert isinstance(load_data(tmp_path / "stored.npz").train.images.source, FileRows)
    np.savez_compressed(tmp_path / "packed.npz", x=PIXELS)
    with pytest.warns(DataNote, match="packed.npz: all of it is read into memory.*compressed"):
        packed = load_data(tmp_path / "packed.npz").train.images
    assert packed.source.dtype == np.uint8  # not four times as large


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.filterwarnings("ignore::tinyae.data.DataNote")
def test_a_large_idx_file(dtype, packed, tmp_path, monkeypatch):
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, PIXELS.astype(dtype))
    write_idx(tmp_path / "train-labels-idx1-ubyte", LABELS.astype(np.uint8))
    if packed:
        path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        path = path.with_suffix(".gz")
    small, large = both(path, monkeypatch)
    np.testing.assert_array_equal(large.train.images[:], small.train.images)
    np.testing.assert_array_equal(large.test.labels, small.test.labels)
    assert isinstance(large.train.images.source, np.ndarray if packed else FileRows)


def test_emnist_is_turned_upright(tmp_path, large):
    path = tmp_path / "emnist-letters-train-images-idx3-ubyte"
    write_idx(path, PIXELS)
    with pytest.warns(DataNote, match="upright"):
        images = read_images(path).images
    np.testing.assert_array_equal(images[:, 0] * 255, PIXELS.transpose(0, 2, 1))


# ---- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("objective", [Objective(), Objective(corrupt=Gaussian(0.3))])
def test_training_gives_the_same_weights_bit_for_bit(objective, workers, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", PIXELS)

    def trained(data):
        model = basic_autoencoder(rng=0, features=36)
        history = fit(
            model,
            data.train.flat,
            objective,
            Adam(model.params),
            epochs=2,
            batch_size=32,
            validation=data.test.flat,
            workers=workers,
            progress=False,
        )
        return history, model.params

    small, large = both(tmp_path / "x.npy", monkeypatch)
    (history, w), (same_history, same_w) = trained(large), trained(small)
    assert history["loss"] == same_history["loss"]
    assert history["val_loss"] == same_history["val_loss"]
    for key in w:
        np.testing.assert_array_equal(w[key], same_w[key])


def test_training_on_a_gpu_copies_each_batch(tmp_path, large, monkeypatch):
    np.save(tmp_path / "x.npy", PIXELS)
    data = load_data(tmp_path / "x.npy")
    pretend_gpu(monkeypatch)
    weights = {}
    for device in ("cpu", "gpu"):
        model = basic_autoencoder(rng=0, features=36).to(device)
        x, x_test = (to_device(part.flat, device) for part in (data.train, data.test))
        assert isinstance(x, LazyArray) and device_of(x) == device == device_of(x[:100])
        optimizer = Adam(model.params)
        fit(model, x, Objective(), optimizer, 1, 50, x_test, 1, progress=False)
        weights[device] = to_numpy(model.params["encoder.0.weight"])
    np.testing.assert_array_equal(weights["gpu"], weights["cpu"])


def test_a_run_in_memory_is_resumed_from_the_file(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", PIXELS)

    def run(data, epochs, **options):
        model = basic_autoencoder(rng=0, features=36)
        fit(
            model,
            data.train.flat,
            Objective(),
            Adam(model.params),
            epochs,
            progress=False,
            **options,
        )
        return model.params

    small, large = both(tmp_path / "x.npy", monkeypatch)
    expected = run(small, 2)
    run(small, 1, checkpoint=tmp_path / "run.npz")
    resumed = run(large, 2, checkpoint=tmp_path / "run.npz", resume=True)
    np.testing.assert_array_equal(resumed["encoder.0.weight"], expected["encoder.0.weight"])
    np.save(tmp_path / "y.npy", PIXELS[::-1])
    with pytest.raises(ValueError, match="data"):
        run(load_data(tmp_path / "y.npy"), 3, checkpoint=tmp_path / "run.npz", resume=True)


def test_batches_have_their_labels(tmp_path, large):
    np.savez(tmp_path / "x.npz", x=PIXELS, y=PIXELS[:, 0, 0])  # the label is the first pixel
    train = load_data(tmp_path / "x.npz").train
    for index in minibatches(len(train), 50, rng=0):
        x, labels = take((train.images, train.labels), index)
        np.testing.assert_array_equal(np.rint(x[:, 0, 0, 0] * 255), labels)


# ---- bad files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["shorter", "longer", "other values", "gone"])
def test_a_file_that_changes_during_training_ends_it_with_a_message(change, tmp_path, large):
    path = tmp_path / "x.npy"
    np.save(path, PIXELS)
    data = load_data(path)
    model = basic_autoencoder(rng=0, features=36)

    def objective(model, x, rng):
        content = path.read_bytes() if path.exists() else b""
        if change == "gone":
            path.unlink(missing_ok=True)
        elif change == "other values":
            path.write_bytes(bytes(len(content)))
        else:
            path.write_bytes(content[:200] if change == "shorter" else content + b"0")
        return Objective()(model, x, rng)

    with pytest.raises(OSError, match=r"x\.npy"):
        fit(model, data.train.flat, objective, Adam(model.params), 2, 16, workers=1, progress=False)


def test_a_file_that_ends_while_it_is_read_is_a_message(tmp_path, large):
    path = tmp_path / "x.npy"
    np.save(path, PIXELS)
    source = load_data(path).train.images.source
    with open(path, "r+b") as file:
        file.truncate(5000)
    source.state = lazy._state(path.stat())  # as if it happened after the look at its size
    with pytest.raises(OSError, match="became shorter"):
        source[np.array([299])]
    with pytest.raises(OSError, match="became shorter"):
        source[np.array([1, 299])]


@pytest.mark.parametrize("ending", ["npy", "idx"])
def test_a_truncated_file_is_refused_at_once(ending, tmp_path, large):
    path = tmp_path / f"x.{ending}"
    np.save(path, PIXELS) if ending == "npy" else write_idx(path, PIXELS)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="truncated"):
        load_data(path)


def test_python_objects_are_refused(tmp_path, large):
    x = np.empty((300, 36), object)
    np.save(tmp_path / "x.npy", x, allow_pickle=True)
    with pytest.raises(ValueError, match="never unpickled"):
        load_data(tmp_path / "x.npy")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_found(value, tmp_path, monkeypatch):
    x = PIXELS / 255
    x[[123, 250], 2, 3] = value
    np.save(tmp_path / "x.npy", x)
    messages = []
    for size in (1 << 30, 0):
        monkeypatch.setattr(lazy, "IN_MEMORY", size)
        with pytest.raises(ValueError, match="example 123") as error:
            load_data(tmp_path / "x.npy")
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_data_beyond_the_range_of_the_model_are_refused(tmp_path, large):
    np.save(tmp_path / "x.npy", PIXELS.astype(np.float32))
    model = basic_autoencoder(rng=0, features=36)
    data = load_data(tmp_path / "x.npy")
    with pytest.raises(ValueError, match="from 0 to 255.*divide by 255"):
        fit(model, data.train.flat, Objective(), Adam(model.params), 1, progress=False)


def test_fortran_order_is_read_into_memory_with_a_note(tmp_path, large):
    np.save(tmp_path / "x.npy", np.asfortranarray(PIXELS))
    with pytest.warns(DataNote, match="Fortran order"):
        load_data(tmp_path / "x.npy")
