"""The mean of the weights, moved images, and batches that grow."""

import numpy as np
import pytest
from helpers.small import DATA, noisy, run, same_bits, small_net

from tinyae import SGD, Adam, Objective, bce
from tinyae.data import shifts
from tinyae.training.averaging import WeightAverage, averaged


def test_the_mean_is_first_an_ordinary_one_and_then_forgets():
    w = {"w": np.array([5.0])}
    average = WeightAverage(w, 0.75)
    values = [1.0, 2.0, 3.0, 4.0]
    for t, value in enumerate(values, 1):
        w["w"][:] = value
        average.update(t)
        assert average.mean["w"][0] == pytest.approx(np.mean(values[:t]))
    w["w"][:] = 10
    average.update(5)
    assert average.mean["w"][0] == pytest.approx(0.75 * 2.5 + 0.25 * 10)


def test_the_model_has_the_mean_only_inside_the_block():
    w = {"w": np.array([1.0])}
    average = WeightAverage(w, 0.5)
    average.mean["w"][:] = 7
    array = w["w"]
    with pytest.raises(KeyError), averaged(average):
        assert array[0] == 7 and w["w"] is array
        raise KeyError
    assert array[0] == 1 and average.mean["w"][0] == 7
    with averaged(None):
        pass


def test_fit_validates_with_the_mean_and_leaves_it_in_the_model():
    """One step per epoch, so the mean over the epochs can be computed from separate runs."""
    steps = [
        run(e, batch_size=50, optimizer=None)[0].params["encoder.0.weight"].copy()
        for e in (1, 2, 3)
    ]
    model, history = run(3, batch_size=50, average=0.9, validation=DATA[:20])
    np.testing.assert_allclose(model.params["encoder.0.weight"], np.mean(steps, axis=0), rtol=1e-5)
    assert history["val_loss"][-1] == pytest.approx(Objective(bce)(model, DATA[:20])[0], rel=1e-6)
    plain, _ = run(3, batch_size=50, validation=DATA[:20])
    assert history["loss"] == run(3, batch_size=50)[1]["loss"]  # the steps are the same
    assert not np.array_equal(plain.params["encoder.0.weight"], model.params["encoder.0.weight"])


@pytest.mark.parametrize("patience", [None, 2])
def test_resumed_with_a_mean_gives_the_same_bits(tmp_path, patience):
    options = {
        **{"average": 0.95, "augment": shifts(1, 0.5, (3, 4)), "objective": noisy},
        **{"batch_size": lambda epoch: 10 + 10 * epoch, "validation": DATA[:9]},
    }
    expected, whole = run(5, patience=patience, **options)
    model = small_net()
    run(2, model, patience=patience, checkpoint=tmp_path / "run.npz", **options)
    model, history = run(
        5, patience=patience, checkpoint=tmp_path / "run.npz", resume=True, **options
    )
    same_bits(model, expected)
    assert history["val_loss"] == whole["val_loss"]


def test_a_run_with_a_mean_is_not_continued_without(tmp_path):
    run(2, average=0.9, checkpoint=tmp_path / "run.npz")
    with pytest.raises(ValueError, match="average = 0.9"):
        run(4, checkpoint=tmp_path / "run.npz", resume=True)


def test_no_step_leaves_the_weights_alone():
    same_bits(run(0, average=0.9)[0], small_net())


@pytest.mark.parametrize("average", [0, 1, -0.5, float("nan"), "0.9"])
def test_a_mean_out_of_range_is_refused(average):
    with pytest.raises(ValueError, match="average is"):
        run(1, average=average)


def test_early_stopping_restores_the_mean_of_the_best_epoch():
    model, history = run(12, average=0.9, validation=DATA[:20], patience=3, optimizer=None)
    best = min(history["val_loss"])
    assert Objective(bce)(model, DATA[:20])[0] == pytest.approx(best, rel=1e-6)


def test_the_batch_size_may_grow():
    sizes = []

    def spy(model, x, rng):
        sizes.append(len(x))
        return Objective(bce)(model, x)

    run(3, objective=spy, batch_size=lambda epoch: (10, 25, 50)[epoch])
    assert sizes == [10] * 5 + [25] * 2 + [50]


@pytest.mark.parametrize("size", [0, 2.5, None, "10"])
def test_a_batch_size_of_no_examples_is_refused_before_the_first_step(size):
    model = small_net()
    with pytest.raises(ValueError, match=r"batch_size\(0\) is .*integer of at least 1"):
        run(1, model, batch_size=lambda epoch: size)
    same_bits(model, small_net())


def test_inputs_and_targets_move_together_and_validation_does_not():
    seen, judged = [], []

    def spy(model, x, rng):
        (seen if len(x) == 16 else judged).append(x.copy())
        return Objective(bce)(model, x)

    def negative(x, rng):
        return 1 - x

    run(1, data=DATA[:48], objective=spy, augment=negative, validation=DATA[:5])
    order = np.concatenate(seen)
    assert {tuple(row) for row in order} == {tuple(row) for row in 1 - DATA[:48]}
    np.testing.assert_array_equal(judged[0], DATA[:5])


def test_labels_do_not_move():
    def objective(model, data, rng):
        x, labels = data
        assert (1 - x).sum(axis=1) == pytest.approx(labels)
        return Objective(bce)(model, x)

    run(1, small_net(), (DATA, DATA.sum(axis=1)), objective=objective, augment=lambda x, rng: 1 - x)


def test_something_that_is_not_a_function_is_refused():
    with pytest.raises(TypeError, match="augment is 3, expected a function"):
        run(1, augment=3)


def test_a_batch_size_that_fails_later_is_refused_before_the_first_step():
    model = small_net()
    with pytest.raises(ValueError, match=r"batch_size\(3\) is 0"):
        run(5, model, batch_size=lambda epoch: 3 - epoch)
    same_bits(model, small_net())


@pytest.mark.parametrize(
    "augment, text",
    [
        (lambda x, rng: x.astype(np.float64), r"returned float64 \(16, 12\), expected float32"),
        (lambda x, rng: x[:, :5], r"\(16, 5\), expected float32 \(16, 12\)"),
        (lambda x, rng: None, "returned NoneType"),
    ],
)
def test_an_augmentation_that_changes_the_form_is_refused(augment, text):
    with pytest.raises(ValueError, match=text):
        run(1, augment=augment)


def test_average_works_with_every_optimizer():
    for make in (lambda p: SGD(p, 0.1, momentum=0.9), lambda p: Adam(p, 0.01)):
        model = small_net()
        run(2, model, optimizer=make(model.params), average=0.99)
