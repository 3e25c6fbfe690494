import warnings

import numpy as np
import pytest
from helpers.small import DATA, noisy, run, same_bits, small_net

from tinyae import SGD, Adam, Autoencoder, Linear, Objective, ReLU, Sequential, bce, fit, mse
from tinyae.optim import cosine_schedule
from tinyae.training import TrainingDiverged, evaluate
from tinyae.training.checkpoint import read_checkpoint
from tinyae.training.epoch import Run
from tinyae.training.epoch import validation_loss as validation_loss_of
from tinyae.training.workers import Workers, loss_and_gradients


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_seed_gives_the_same_bits(workers):
    one, history = run(objective=noisy, workers=workers, rng=7, validation=DATA[:20])
    two, again = run(objective=noisy, workers=workers, rng=7, validation=DATA[:20])
    same_bits(one, two)
    assert history["loss"] == again["loss"] and history["val_loss"] == again["val_loss"]
    assert history["loss"][-1] < history["loss"][0]
    other, _ = run(objective=noisy, workers=workers, rng=8)
    assert not np.array_equal(one.params["encoder.0.weight"], other.params["encoder.0.weight"])


def test_a_generator_is_a_seed():
    same_bits(run(rng=np.random.default_rng(3))[0], run(rng=np.random.default_rng(3))[0])


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 16, 37])
def test_gradients_of_workers_are_those_of_one(workers, n):
    model, x = small_net(np.float64), DATA[:n].astype(np.float64)
    with Workers(workers) as team:
        loss, grads, _ = loss_and_gradients(model, x, Objective(bce), team, [0, 0, 0])
    expected, reference, _ = Objective(bce)(model, x)
    assert loss == pytest.approx(expected, rel=1e-12) and grads.keys() == reference.keys()
    for key, g in grads.items():
        np.testing.assert_allclose(g, reference[key], rtol=1e-12, atol=1e-15)


def test_workers_train_to_the_same_net():
    one, two = (run(data=DATA.astype(np.float64), workers=workers)[0] for workers in (1, 3))
    for key, w in one.params.items():
        np.testing.assert_allclose(w, two.params[key], rtol=1e-9, atol=1e-12)


def test_every_example_is_seen_once_an_epoch_in_a_new_order():
    seen = []

    def objective(model, x, rng):
        seen.append(x[:, 0].copy())
        return Objective(bce)(model, x)

    run(epochs=2, objective=objective)
    epochs = np.concatenate(seen[:4]), np.concatenate(seen[4:])
    assert [len(batch) for batch in seen] == [16, 16, 16, 2] * 2
    assert not np.array_equal(*epochs)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.sort(DATA[:, 0]))


def test_an_epochs_loss_is_the_mean_over_examples():
    """Also where the last batch is smaller: lr ≈ 0, so that the loss at the start is that of every
    step."""
    model = small_net(np.float64)
    x = DATA.astype(np.float64)
    expected = Objective(bce)(model, x)[0]
    _, history = run(
        epochs=1, model=model, data=x, optimizer=SGD(model.params, 1e-12), validation=x
    )
    assert history["loss"][0] == pytest.approx(expected, rel=1e-9)
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_validation_does_not_depend_on_the_batch(batch_size):
    def validation_loss(batch_size):
        model = small_net(np.float64)
        run(1, model, DATA[:8].astype(np.float64), rng=0, batch_size=8)
        with Workers(2) as team:
            data = DATA.astype(np.float64)
            run_ = Run(model, data, Objective(bce), None, batch_size, 0, team)
            return validation_loss_of(run_, data)

    assert validation_loss(batch_size) == pytest.approx(validation_loss(16), rel=1e-12)


def test_validation_does_not_change_training():
    same_bits(run()[0], run(validation=DATA[:10])[0])


def test_the_history_has_every_column():
    model, history = run(objective=noisy, validation=DATA[:10])
    assert history.columns == [
        "epoch",
        "loss",
        "twice",
        "val_loss",
        "seconds",
        "images_per_s",
        "lr",
    ]
    assert history["epoch"] == [1, 2, 3, 4]
    assert history["twice"] == pytest.approx([2 * loss for loss in history["loss"]])
    assert all(s > 0 for s in history["seconds"]) and len(history) == 4


def test_the_schedule_is_logged_and_followed():
    model = small_net()
    _, history = run(4, model, optimizer=SGD(model.params, cosine_schedule(0.1, steps=16)))
    assert history["lr"][0] > history["lr"][1] > history["lr"][-1] == 0


def test_a_batch_larger_than_the_data_is_all_of_it():
    same_bits(run(batch_size=50)[0], run(batch_size=10_000)[0])


def test_no_epochs_change_nothing():
    model, history = run(epochs=0)
    same_bits(model, small_net())
    assert len(history) == 0


def test_workers_end_even_when_the_objective_fails():
    import threading

    def broken(model, x, rng):
        raise ZeroDivisionError("from a shard")

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="from a shard"):
        run(objective=broken, workers=3)
    assert threading.active_count() == before


@pytest.mark.parametrize("shard", [0, 1, 2])
def test_an_error_in_any_thread_arrives(shard):
    def broken(model, x, rng):
        if (x[:, 0] == -shard).any():
            raise KeyError(f"shard {shard}")
        return Objective(mse)(model, x)

    data = np.repeat(-np.arange(3, dtype=np.float32), 4)[:, None] * np.ones((1, 3), np.float32)
    model = Autoencoder(Linear(3, 3, rng=0), ReLU())
    with pytest.raises(KeyError, match=f"shard {shard}"):
        run(1, model, data, broken, batch_size=12, workers=3)


def spoiled(value, example):
    x = DATA.copy()
    x[example:, 4] = value
    return x


class TestRefusals:
    """Each before anything is changed."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (DATA[:0], r"is empty \(shape \(0, 12\)\)"),
            (DATA[:, :11], r"Linear\(12 → 6\): input has 11 features, expected 12"),
            (DATA.reshape(50, 1, 3, 4), "flatten it first"),
            (DATA[0], "a single example needs"),
            ((DATA * 255).astype(np.uint8), "dtype uint8: convert pixels to floating point"),
            (DATA * 255, r"ranges from .* to 25\d.*, but the model ends in Sigmoid.*divide by 255"),
            (DATA - 0.5, "ranges from -0.49"),
            (DATA.astype(np.float64), "dtype float64 and the model float32: x.astype"),
            (spoiled(np.nan, 7), "holds NaN or infinite values, first in example 7"),
            (spoiled(np.inf, 3), "holds NaN or infinite values, first in example 3"),
        ],
    )
    def test_data(self, data, words):
        for options in ({"data": data}, {"data": DATA, "validation": data}):
            model = small_net()
            with pytest.raises(ValueError, match=words):
                run(model=model, **options)
            same_bits(model, small_net())

    def test_what_is_no_array(self):
        model = small_net()
        with pytest.raises(TypeError, match="data is of type list, expected an array"):
            fit(model, [[0.0] * 12], Objective(), Adam(model.params), 1)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"epochs": -1}, "epochs is -1, expected 0 or more"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"workers": -2}, "workers is -2"),
            ({"patience": 3}, "needs validation data"),
            ({"patience": 0, "validation": DATA}, "patience must be at least 1"),
            ({"resume": True}, "needs checkpoint="),
            (
                {"checkpoint": "run.ckpt"},
                "run.ckpt: weights are saved as .npz or .safetensors, not '.ckpt'",
            ),
        ],
    )
    def test_settings(self, options, words):
        model = small_net()
        with pytest.raises(ValueError, match=words):
            run(model=model, **options)
        same_bits(model, small_net())

    def test_a_checkpoint_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("")
        model = small_net()
        with pytest.raises(OSError, match="file"):
            run(model=model, checkpoint=tmp_path / "file" / "run.npz")
        same_bits(model, small_net())

    def test_an_optimizer_of_another_model(self):
        """model.astype and .to make copies: the old optimizer would train the old arrays, and
        nothing would be learned."""
        model = small_net()
        with pytest.raises(
            ValueError,
            match=r"another array than the model's encoder.0.weight: create it after astype\(\)",
        ):
            run(model=model.astype(np.float32), optimizer=Adam(model.params))

    def test_a_target_of_another_shape(self):
        model = Autoencoder(Linear(12, 6, rng=0), ReLU())
        with pytest.raises(ValueError, match=r"mse: y has shape \(16, 6\) and target \(16, 12\)"):
            run(model=model, objective=Objective(mse))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
class TestDivergence:
    def test_nan_in_a_layer_is_found(self, tmp_path):
        """The third epoch's second step: weights so large that the product overflows, and inf − inf
        follows."""
        model = small_net()
        steps = []

        def objective(model, x, rng):
            steps.append(1)
            if len(steps) == 2 * 4 + 2:
                model.params["encoder.2.weight"][...] = np.float32(3e38) * np.sign(
                    model.params["encoder.2.weight"]
                )
                model.params["encoder.0.bias"][...] = 1e30
            return Objective(bce)(model, x)

        with pytest.raises(
            TrainingDiverged,
            match=r"epoch 3, step 2: the loss is nan.*output of encoder.2, Linear\(6 → 3\)",
        ):
            run(5, model, objective=objective, checkpoint=tmp_path / "run.npz")
        expected, _ = run(2)
        resumed, history = run(
            2, checkpoint=tmp_path / "run.npz", resume=True
        )  # the last good checkpoint is still there
        same_bits(resumed, expected)
        assert len(history) == 2

    def test_nan_in_a_parameter_is_named(self):
        model = small_net()
        model.params["decoder.0.bias"][3] = np.nan
        with pytest.raises(TrainingDiverged, match="epoch 1, step 1: .* parameter decoder.0.bias"):
            run(1, model)

    def test_nan_in_the_last_gradient_of_an_epoch_is_not_saved(self, tmp_path):
        def objective(model, x, rng):
            loss, grads, parts = Objective(bce)(model, x)
            if len(x) == 2:  # the last batch of 50
                grads["encoder.2.bias"][...] = np.nan
            return loss, grads, parts

        with pytest.raises(TrainingDiverged, match="epoch 1: encoder.2.bias is no longer finite"):
            run(objective=objective, checkpoint=tmp_path / "run.npz")
        assert not (tmp_path / "run.npz").exists()

    def test_a_loss_that_overflows_alone(self):
        model = Autoencoder(Sequential(Linear(12, 12, rng=0)), Sequential(ReLU()))
        with pytest.raises(
            TrainingDiverged, match="the loss is inf. First not finite: the loss itself"
        ):
            run(1, model, DATA * 1e30, Objective(mse), optimizer=SGD(model.params, 1e-3))

    @pytest.mark.parametrize("loss", [mse, bce])
    def test_a_rate_far_too_high(self, loss):
        model = Autoencoder(Sequential(Linear(12, 12, rng=0), ReLU()), Linear(12, 12, rng=1))
        model = model if loss is mse else small_net()
        try:
            run(30, model, objective=Objective(loss), optimizer=SGD(model.params, 1e30))
        except TrainingDiverged as error:
            assert "A smaller learning rate" in str(error)
        else:
            assert loss is bce  # sigmoid outputs can saturate at 0 and 1 and stay finite

    def test_with_several_workers(self):
        model = small_net()
        model.params["encoder.0.weight"][...] = np.inf
        with pytest.raises(TrainingDiverged, match="parameter encoder.0.weight"):
            run(1, model, workers=3)


class TestEarlyStopping:
    def run(self, epochs=30, patience=3, **options):
        """An objective whose validation gets worse from epoch 6 on: from there training pushes the
        wrong way."""
        model = small_net()
        calls = {"train": 0}

        def objective(model, x, rng):
            if len(x) != 20:
                calls["train"] += 1
            loss, grads, _ = Objective(bce)(model, x)
            wrong_way = calls["train"] + 4 * self.done > 5 * 4
            return loss, {key: -g if wrong_way else g for key, g in grads.items()}, {}

        return run(
            epochs, model, objective=objective, validation=DATA[:20], patience=patience, **options
        )

    done = 0

    def test_stops_and_puts_the_best_weights_back(self):
        model, history = self.run()
        val = history["val_loss"]
        best_epoch = int(np.argmin(val)) + 1
        assert 1 < best_epoch < 10 and len(history) == best_epoch + 3
        assert Objective(bce)(model, DATA[:20])[0] == pytest.approx(min(val), rel=1e-6)
        best, _ = self.run(epochs=best_epoch, patience=30)
        same_bits(model, best)

    def test_across_a_resume(self, tmp_path):
        expected, whole = self.run()
        self.done = len(whole) - 1
        TestEarlyStopping().run(epochs=self.done, checkpoint=tmp_path / "run.npz")
        model, history = self.run(checkpoint=tmp_path / "run.npz", resume=True)
        same_bits(model, expected)
        assert history["val_loss"] == whole["val_loss"]
        again, same = self.run(
            checkpoint=tmp_path / "run.npz", resume=True
        )  # a run that had stopped stays stopped
        same_bits(again, expected)
        assert len(same) == len(whole)

    def test_going_on_without_patience_keeps_the_last_weights(self, tmp_path):
        self.run(epochs=7, checkpoint=tmp_path / "run.npz")
        model, _ = run(12, checkpoint=tmp_path / "run.npz", resume=True)
        last = read_checkpoint(tmp_path / "run.npz")[1]["model"]
        for key, w in model.params.items():
            np.testing.assert_array_equal(w, last[key])

    def test_training_that_improves_is_not_stopped(self):
        _, history = run(10, validation=DATA[:20], patience=2)
        assert len(history) == 10


def test_evaluate():
    model = small_net(np.float64)
    x = DATA.astype(np.float64)
    result = evaluate(model, x, batch_size=7, workers=2)
    assert result["mse"] == pytest.approx(((model(x) - x) ** 2).mean(), rel=1e-12)
    assert result["psnr"] == pytest.approx(-10 * np.log10(result["mse"]))
    identity = Sequential(Linear(12, 12, rng=0, dtype=np.float64))
    identity.params["0.weight"][...], identity.params["0.bias"][...] = np.eye(12), 0
    assert evaluate(identity, x) == {"mse": 0, "psnr": np.inf}
    with pytest.raises(ValueError, match="x is empty"):
        evaluate(model, x[:0])


def test_the_progress_bar_is_optional(capsys):
    run(1)
    assert capsys.readouterr().err == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(1, progress=True)
    assert "loss=" in capsys.readouterr().err
