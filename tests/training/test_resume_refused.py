"""What a resumed run must have in common with its checkpoint is named where it differs, and
nothing is changed then."""

import functools
import json

import numpy as np
import pytest
from helpers.small import DATA, noisy, run, same_bits, small_net

from tinyae import (
    SGD,
    Adam,
    Autoencoder,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    l1,
    mse,
)
from tinyae import bce as binary_cross_entropy
from tinyae.data import Gaussian, Masking
from tinyae.optim import cosine_schedule, step_decay
from tinyae.training.checkpoint import load_checkpoint, read_checkpoint
from tinyae.training.identity import describe_run, difference


def net(activation=None, last=None):
    rng = np.random.default_rng(0)
    return Autoencoder(
        Sequential(Linear(12, 6, rng=rng), activation or ReLU(), Linear(6, 3, rng=rng)),
        Sequential(Linear(3, 12, rng=rng), last or Sigmoid()),
    )


def start(path, **options):
    return resume(path, epochs=1, resume=False, **options)


def resume(path, epochs=3, resume=True, model=None, make=None, objective=None, **options):
    model = model or net()
    optimizer = (make or (lambda params: Adam(params, 0.01)))(model.params)
    objective = objective or Objective(binary_cross_entropy)
    return run(epochs, model, objective=objective, optimizer=optimizer, checkpoint=path,
               resume=resume, **options)  # fmt: skip


def other(objective):
    return {"objective": objective}


def with_optimizer(make):
    return {"make": make}


def squares(model, x, rng):
    return noisy(model, x, rng)


def shuffled():
    return np.random.default_rng(5).permutation(DATA)


DIFFERENT = {
    "other data": ({"data": DATA[::-1].copy()}, r"data = \['50×12 float32, checksum .*cannot"),
    "data in another order": ({"data": shuffled()}, "data = "),
    "one pixel": ({"data": DATA + (np.arange(600).reshape(50, 12) == 77) * np.float32(1e-6)},
                  "data = "),
    "lr": (with_optimizer(lambda p: Adam(p, 0.02)), "lr = 0.01, and .* with lr = 0.02"),
    "betas": (with_optimizer(lambda p: Adam(p, 0.01, (0.9, 0.99))),
              r"betas = \[0.9, 0.999\], and .* \[0.9, 0.99\]"),
    "eps": (with_optimizer(lambda p: Adam(p, 0.01, eps=1e-6)), "eps = 1e-08"),
    "weight decay": (with_optimizer(lambda p: Adam(p, 0.01, weight_decay=0.1)), "weight_decay = "),
    "clipping": (with_optimizer(lambda p: Adam(p, 0.01, clip_norm=1.0)), "clip_norm = None"),
    "a schedule": (with_optimizer(lambda p: Adam(p, cosine_schedule(0.01, 50))), "lr = 0.01"),
    "the optimizer": (with_optimizer(lambda p: SGD(p, 0.01)), "optimizer = Adam, .* = SGD"),
    "the loss": (other(Objective(mse)), "objective reconstruction = bce, .* = mse"),
    "a penalty": (other(Objective(binary_cross_entropy, code_penalty=l1)),
                  "objective code_penalty = None, .* = l1"),
    "its weight": (other(Objective(binary_cross_entropy, contraction=0.1)),
                   "objective contraction = 0.0, .* = 0.1"),
    "noise": (other(Objective(binary_cross_entropy, Gaussian(0.1))), "objective corrupt = None"),
    "a function": (other(noisy), "objective = .*, and cannot continue with objective = noisy"),
    "an activation": ({"model": net(Tanh())}, r"layer encoder.1 = ReLU\(\), .* = Tanh\(\)"),
    "the last activation": ({"model": net(last=Tanh())}, "layer decoder.1 = "),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_named_and_nothing_is_changed(tmp_path, change, words):
    start(tmp_path / "run.npz")
    before = (tmp_path / "run.npz").read_bytes()
    model = change.get("model") or net()
    weights = {key: w.copy() for key, w in model.params.items()}
    with pytest.raises(ValueError, match=f"run.npz: the run was started with .*{words}"):
        resume(tmp_path / "run.npz", **{**change, "model": model})
    for key, w in weights.items():
        np.testing.assert_array_equal(w, model.params[key])
    assert (tmp_path / "run.npz").read_bytes() == before
    resume(tmp_path / "run.npz")


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        (Gaussian(0.1), Gaussian(0.2), "objective corrupt sigma = 0.1, .* = 0.2"),
        (Gaussian(0.1), Masking(0.1), "objective corrupt type = Gaussian, .* = Masking"),
    ],
)
def test_inside_an_objective(tmp_path, then, now, words):
    start(tmp_path / "run.npz", objective=Objective(corrupt=then))
    with pytest.raises(ValueError, match=words):
        resume(tmp_path / "run.npz", objective=Objective(corrupt=now))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (cosine_schedule(0.01, 50), cosine_schedule(0.01, 60)),
        (cosine_schedule(0.01, 50), step_decay(0.01, 50)),
        (step_decay(0.01, 50), 0.01),
    ],
)
def test_schedules_are_compared_by_their_rates(tmp_path, then, now):
    start(tmp_path / "run.npz", make=lambda p: Adam(p, then))
    with pytest.raises(ValueError, match="started with lr = "):
        resume(tmp_path / "run.npz", make=lambda p: Adam(p, now))
    again = cosine_schedule(0.01, 50) if then.__qualname__.startswith("cos") else then
    resume(tmp_path / "run.npz", make=lambda p: Adam(p, again))


def test_plain_functions_are_compared_by_name_and_local_ones_not_at_all(tmp_path):
    start(tmp_path / "run.npz", objective=noisy)
    with pytest.raises(ValueError, match="objective = noisy, .* = squares"):
        resume(tmp_path / "run.npz", objective=squares)
    _, history = resume(tmp_path / "run.npz", objective=lambda *args: noisy(*args))
    assert len(history) == 3


def test_labels_belong_to_the_data(tmp_path):
    from tinyae.objectives import classification

    labels = np.arange(50) % 3
    options = {"objective": classification, "batch_size": 16}
    model = Sequential(Linear(12, 3, rng=0))
    start(tmp_path / "run.npz", model=model, data=(DATA, labels), **options)
    with pytest.raises(ValueError, match="started with data = "):
        resume(tmp_path / "run.npz", model=model, data=(DATA, labels[::-1].copy()), **options)


def test_objects_that_were_used_before_still_belong_to_the_same_run(tmp_path):
    """The same objects, used before: what they have counted meanwhile does not matter."""

    class Counting:
        def __init__(self):
            self.calls = 0

        def __call__(self, model, x, rng):
            self.calls += 1
            return noisy(model, x, rng)

    objective, optimizers = Counting(), []

    def make(params):
        optimizers.append(Adam(params, 0.01))
        return optimizers[-1]

    start(tmp_path / "run.npz", objective=objective, make=make)
    model, _ = resume(tmp_path / "run.npz", objective=objective, make=make)
    same_bits(model, run(3, net(), objective=noisy, optimizer=None)[0])


def test_the_description_survives_json_and_knows_itself():
    model = net()
    objective = Objective(functools.partial(mse), Gaussian(np.float32(0.1)))
    identity = describe_run(model, (DATA, np.arange(50)), objective, Adam(model.params))
    read = json.loads(json.dumps(identity))
    assert difference(identity, read) is None
    assert difference(read, {**read, "dtype": "float64"}) == ("dtype", "float32", "float64")
    assert difference({"a": None}, {"a": 3}) is None  # what could not be described fits everything


class TestOtherVersions:
    def changed(self, path, **metadata):
        """A checkpoint with other metadata."""
        run(1, checkpoint=path)
        with np.load(path) as file:
            arrays = dict(file)
        meta = json.loads(str(arrays.pop("__metadata__"))) | metadata
        meta = {key: value for key, value in meta.items() if value != "removed"}
        np.savez(path, __metadata__=np.array(json.dumps(meta)), **arrays)
        return path

    def test_an_older_checkpoint_without_a_description_is_continued(self, tmp_path):
        path = self.changed(tmp_path / "run.npz", identity="removed", format="removed")
        same_bits(run(3, checkpoint=path, resume=True)[0], run(3)[0])

    @pytest.mark.parametrize("format", [2, 99, "2", None])
    def test_a_later_version_is_named(self, tmp_path, format):
        path = self.changed(tmp_path / "run.npz", format=format)
        with pytest.raises(ValueError, match="run.npz: a later version of tinyae wrote this"):
            run(3, checkpoint=path, resume=True)

    @pytest.mark.parametrize(
        "metadata",
        [
            {"scheduler": {"a": 1}},
            {"epoch": "three"},
            {"epoch": -1},
            {"history": 3},
            {"history": [1]},
            {"settings": []},
            {"best_loss": "low"},
            {"seed": None},
        ],
    )
    def test_metadata_of_another_kind_is_refused_in_words(self, tmp_path, metadata):
        path = self.changed(tmp_path / "run.npz", **metadata)
        for read in (
            lambda: read_checkpoint(path),
            lambda: load_checkpoint(path, model := small_net(), Adam(model.params)),
        ):
            with pytest.raises(ValueError, match="run.npz: .*(damaged|not a checkpoint)"):
                read()

    def test_an_array_of_another_group(self, tmp_path):
        run(1, checkpoint=tmp_path / "run.npz")
        with np.load(tmp_path / "run.npz") as file:
            np.savez(tmp_path / "more.npz", **file, **{"scaler/x": np.ones(3)})
        with pytest.raises(ValueError, match="it has an array 'scaler/x'"):
            read_checkpoint(tmp_path / "more.npz")

    def test_best_weights_that_are_not_finite(self, tmp_path):
        run(1, checkpoint=tmp_path / "run.npz", validation=DATA[:9], patience=2)
        with np.load(tmp_path / "run.npz") as file:
            arrays = dict(file)
        arrays["best/encoder.0.weight"] = arrays["best/encoder.0.weight"] * np.nan
        np.savez(tmp_path / "run.npz", **arrays)
        with pytest.raises(ValueError, match="the best epoch: tensor 'encoder.0.weight' contains"):
            run(2, checkpoint=tmp_path / "run.npz", resume=True)


class TestANewRun:
    def test_the_checkpoint_of_an_earlier_run_is_kept_under_another_name(self, tmp_path):
        old, _ = run(2, checkpoint=tmp_path / "run.npz")
        with pytest.warns(UserWarning, match="checkpoint of an earlier run.*now run.previous.npz"):
            new, _ = run(1, rng=9, checkpoint=tmp_path / "run.npz")
        same_bits(run(2, checkpoint=tmp_path / "run.previous.npz", resume=True)[0], old)
        same_bits(run(1, rng=9, checkpoint=tmp_path / "run.npz", resume=True)[0], new)

    def test_a_run_killed_in_its_first_epoch_leaves_no_checkpoint_of_another(self, tmp_path):
        run(2, checkpoint=tmp_path / "run.npz")

        def killed(model, x, rng):
            raise KeyboardInterrupt

        with pytest.warns(UserWarning, match="earlier run"), pytest.raises(KeyboardInterrupt):
            run(2, rng=9, objective=killed, checkpoint=tmp_path / "run.npz")
        with pytest.raises(FileNotFoundError):
            run(2, checkpoint=tmp_path / "run.npz", resume=True)

    def test_what_is_refused_at_the_door_moves_nothing(self, tmp_path):
        run(2, checkpoint=tmp_path / "run.npz")
        with pytest.raises(ValueError, match="is empty"):
            run(2, data=DATA[:0], model=small_net(), checkpoint=tmp_path / "run.npz")
        assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
