"""Runs that are interrupted, killed, and go on."""

import os

import numpy as np
import pytest
from helpers.kill_runs import kill_runs
from helpers.small import DATA, noisy, run, same_bits, small_net

import tinyae
from tinyae import SGD, Adam, save_weights
from tinyae.training import checkpoint as checkpoints
from tinyae.training.checkpoint import load_checkpoint


class Interrupted(Exception):
    pass


def interrupted_at(step):
    """``noisy``, until it has been called ``step`` times."""
    calls = []

    def objective(model, x, rng):
        calls.append(1)
        if len(calls) > step:
            raise Interrupted
        return noisy(model, x, rng)

    return objective


OPTIMIZERS = {
    "SGD": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9),
    "Adam": lambda p: Adam(p, tinyae.optim.cosine_schedule(0.01, 20), weight_decay=0.01),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
@pytest.mark.parametrize("step", [4, 9, 12])
def test_interrupted_and_resumed_gives_the_same_bits(tmp_path, make, ending, step):
    if ending == ".safetensors":
        pytest.importorskip("safetensors", reason="safetensors is not installed")
    path = tmp_path / f"run{ending}"
    expected = small_net()
    _, whole = run(
        4, expected, objective=noisy, optimizer=make(expected.params), validation=DATA[:9]
    )
    model = small_net()
    with pytest.raises(Interrupted):
        run(4, model, objective=interrupted_at(step), optimizer=make(model.params), checkpoint=path)
    model = small_net(seed=5)  # as in a new process: other weights, which the checkpoint overwrites
    _, history = run(
        4, model, objective=noisy, optimizer=make(model.params), checkpoint=path, resume=True
    )
    same_bits(model, expected)
    assert history["loss"] == whole["loss"] and history["epoch"] == [1, 2, 3, 4]


def test_more_epochs_later_is_the_same_as_at_once(tmp_path):
    run(2, checkpoint=tmp_path / "run.npz")
    model, _ = run(5, checkpoint=tmp_path / "run.npz", resume=True)
    same_bits(model, run(5)[0])
    model, history = run(
        3, checkpoint=tmp_path / "run.npz", resume=True
    )  # has more than 3 already: nothing happens
    same_bits(model, run(5)[0])
    assert len(history) == 5


def test_killed_at_any_moment(tmp_path):
    """SIGKILL at ten moments: see the helper."""
    assert kill_runs(tmp_path, moments=10)["epochs"] > 2


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    expected, _ = run(2, checkpoint=path)

    def full(a, b):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="cannot write .*run.npz: No space left on device"):
        run(4, checkpoint=path, resume=True)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]
    same_bits(run(2, checkpoint=path, resume=True)[0], expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"batch_size": 8},
            "started with batch_size = 16, and cannot continue with batch_size = 8",
        ),
        ({"workers": 2}, "started with workers = 1"),
        ({"rng": 1}, "started with seed = 0, and cannot continue with seed = 1"),
        ({"data": DATA[:49]}, "started with examples = 50"),
        ({"settings": {"name": "b", "shape": (1, 2)}}, "started with name = a"),
        ({"settings": {}}, "started with .* cannot continue with .* = None"),
    ],
)
def test_other_settings_are_named(tmp_path, change, words):
    same = {"checkpoint": tmp_path / "run.npz", "settings": {"name": "a", "shape": (1, 2)}}
    run(1, **same)
    model = small_net()
    with pytest.raises(ValueError, match=words):
        run(2, model, resume=True, **{**same, **change})
    same_bits(model, small_net())
    run(2, resume=True, **same)  # a tuple comes back from JSON as a list: still the same


def test_no_checkpoint_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no weight file .*run.npz"):
        run(1, checkpoint=tmp_path / "run.npz", resume=True)


def test_a_weight_file_is_no_checkpoint(tmp_path):
    for metadata in ({}, {"epoch": 3}):
        save_weights(small_net(), tmp_path / "w.npz", **metadata)
        with pytest.raises(ValueError, match="not a checkpoint of a training run"):
            run(1, checkpoint=tmp_path / "w.npz", resume=True)


def test_a_checkpoint_of_another_model_or_optimizer_changes_nothing(tmp_path):
    run(1, checkpoint=tmp_path / "run.npz")
    for model, make, words in [
        (small_net(), lambda p: SGD(p, 0.1), "SGD: the saved state does not fit"),
        (
            small_net(code=2),
            Adam,
            r"tensor 'encoder.2.weight' has shape \(3, 6\), expected \(2, 6\)",
        ),
    ]:
        before = {key: w.copy() for key, w in model.params.items()}
        optimizer = make(model.params)
        with pytest.raises(ValueError, match=words):
            load_checkpoint(tmp_path / "run.npz", model, optimizer)
        assert optimizer.steps == 0
        for key, w in before.items():
            np.testing.assert_array_equal(w, model.params[key])


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(tmp_path, keep):
    path = tmp_path / "run.npz"
    run(1, checkpoint=path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match="run.npz: not a weight file, or damaged"):
        run(2, checkpoint=path, resume=True)


def test_a_checkpoint_is_saved_once_an_epoch(tmp_path, monkeypatch):
    epochs = []
    save = checkpoints.save_checkpoint
    monkeypatch.setattr(
        "tinyae.training.loop.save_checkpoint", lambda *a: epochs.append(a[3].epoch) or save(*a)
    )
    run(3, checkpoint=tmp_path / "run.npz")
    assert epochs == [1, 2, 3] and [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_rate_of_any_kind_of_number_can_be_saved(tmp_path):
    model = small_net()
    _, history = run(
        1,
        model,
        optimizer=SGD(model.params, lambda step: np.float32(0.5)),
        checkpoint=tmp_path / "run.npz",
    )
    assert history["lr"] == [0.5] and model.params["encoder.0.weight"].dtype == np.float32
