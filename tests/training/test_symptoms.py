"""A run that cannot learn says so, once, and a run that learns says nothing."""

import shutil
import warnings

import numpy as np
import pytest
from helpers.small import DATA, run, small_net

from tinyae import SGD, Adam, Autoencoder, Linear, Objective, ReLU, Sequential, Sigmoid, Tanh, mse
from tinyae.models import basic_autoencoder
from tinyae.training import symptoms


def dead(layer, bias):
    """A net whose code layer is the same for every example from the start."""
    rng = np.random.default_rng(0)
    model = Autoencoder(
        Sequential(Linear(12, 6, rng=rng), layer, Linear(6, 3, rng=rng)),
        Sequential(Linear(3, 12, rng=rng), Sigmoid()),
    )
    model.params["encoder.0.weight"][...] = 0
    model.params["encoder.0.bias"][...] = bias
    return model


def says(epochs, model, **options):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run(epochs, model, **options)
    return [str(warning.message) for warning in seen]


def test_a_net_that_one_step_has_killed_is_noticed_and_the_rate_is_named():
    x = np.random.default_rng(0).random((64, 20)).astype(np.float32)
    model = basic_autoencoder(features=20)
    optimizer = Adam(model.params, lr=10)
    (said,) = says(12, model, data=x, objective=Objective(), optimizer=optimizer, batch_size=64)
    assert "same for every example" in said and "the learning rate" not in said[:30]
    assert "smaller learning rate (it is 10)" in said and "same for all of them is decoder." in said


@pytest.mark.parametrize(("layer", "bias"), [(ReLU(), -1), (Sigmoid(), 80), (Tanh(), 30)])
def test_the_first_layer_that_is_dead_or_saturated_is_named(layer, bias):
    model = dead(layer, bias)
    optimizer = SGD(model.params, 1e-9)
    (said,) = says(4, model, objective=Objective(), optimizer=optimizer)
    assert "is encoder.0, Linear(12 → 6), so" in said
    model.params["encoder.0.weight"][0, 0] = 1e-3  # its output differs, that of the next does not
    (said,) = says(4, model, objective=Objective(), optimizer=SGD(model.params, 1e-9))
    assert f"is encoder.1, {layer!r}, so" in said


@pytest.mark.parametrize("lr", [1e-12, 0.01, 0.3])
def test_a_run_that_learns_or_stands_still_with_a_living_net_says_nothing(lr):
    model = small_net()
    assert says(5, model, optimizer=SGD(model.params, lr)) == []


def test_a_net_whose_outputs_are_alike_but_whose_loss_still_falls_says_nothing():
    """The last bias learns the mean of the data: as long as it does, the run may be what it is."""
    model = dead(ReLU(), -1)
    assert says(5, model, optimizer=Adam(model.params, 0.03)) == []


def test_data_that_are_all_alike_say_nothing():
    data = np.repeat(DATA[:1], 40, axis=0)
    model = small_net()
    assert says(60, model, data=data, optimizer=Adam(model.params, 0.01)) == []


def test_the_warning_does_not_change_the_weights():
    models = [dead(ReLU(), -1) for _ in range(2)]
    says(4, models[0])
    run(4, models[1])
    for key, w in models[0].params.items():
        np.testing.assert_array_equal(w, models[1].params[key])


class TestCheckpointSize:
    def test_a_large_checkpoint_is_announced_with_its_largest_parameter(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(symptoms, "LARGE_CHECKPOINT", 1000)
        (said,) = says(1, small_net(), checkpoint=tmp_path / "run.npz")
        assert "each checkpoint will have" in said and "encoder.0.weight, of shape (6, 12)" in said

    @pytest.mark.parametrize("patience", [None, 5])
    def test_the_size_is_that_of_the_file(self, tmp_path, patience, monkeypatch):
        model = small_net()
        run(1, model, checkpoint=tmp_path / "run.npz", validation=DATA[:9], patience=patience)
        w = sum(w.nbytes for w in model.params.values())
        size = w * (4 if patience else 3)  # the weights, m and v, and the best weights
        monkeypatch.setattr(symptoms, "LARGE_CHECKPOINT", size + 100)
        again = {"checkpoint": tmp_path / "two.npz", "validation": DATA[:9], "patience": patience}
        assert says(1, small_net(), **again) == []
        monkeypatch.setattr(symptoms, "LARGE_CHECKPOINT", size - 100)
        assert len(says(1, small_net(), checkpoint=tmp_path / "three.npz", **without(again))) == 1
        assert size < (tmp_path / "run.npz").stat().st_size < size + 12_000

    def test_a_disk_that_is_too_small_is_refused_before_training(self, tmp_path, monkeypatch):
        full = shutil.disk_usage(tmp_path)._replace(free=100)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
        model = small_net()
        with pytest.raises(OSError, match=r"cannot write .*run.npz: a checkpoint needs .* GB"):
            run(1, model, checkpoint=tmp_path / "run.npz")
        for key, w in small_net().params.items():
            np.testing.assert_array_equal(w, model.params[key])
        assert not list(tmp_path.iterdir())


def without(options):
    return {key: value for key, value in options.items() if key != "checkpoint"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_half_precision_run_that_overflows_is_told_so():
    linear = [Linear(12, 12, rng=seed, dtype=np.float16) for seed in (0, 1)]
    model, data = Autoencoder(*linear), DATA.astype(np.float16)
    with pytest.raises(FloatingPointError, match=r"float16 ends at 65504: .*astype\(np.float32\)"):
        run(9, model, data=data, objective=Objective(mse), optimizer=SGD(model.params, 1e4))
