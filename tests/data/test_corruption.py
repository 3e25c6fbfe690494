import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import (
    Adam,
    Autoencoder,
    Linear,
    Objective,
    Sequential,
    Sigmoid,
    Tanh,
    assert_gradients,
    fit,
)
from tinyae.backend import to_numpy
from tinyae.data import Gaussian, Masking, SaltAndPepper
from tinyae.data.corruption import _choose

ALL = [Gaussian(0.3), Masking(0.25), SaltAndPepper(0.25)]
each = pytest.mark.parametrize("corrupt", ALL, ids=repr)
fractions = st.floats(0, 1)
shapes = st.sampled_from([(1, 1), (3, 7), (2, 1, 4, 5), (4, 3, 6, 6), (2, 5000), (0, 9)])


def images(shape=(20, 784), dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(dtype)


@each
@pytest.mark.parametrize("shape", [(6, 50), (6, 1, 5, 10), (6, 3, 4, 4)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shape_dtype_and_range_are_kept_and_x_is_not_changed(corrupt, shape, dtype):
    x = images(shape, dtype)
    before = x.copy()
    x.flags.writeable = False
    noisy = corrupt(x, np.random.default_rng(0))
    assert noisy.shape == x.shape and noisy.dtype == dtype and not np.shares_memory(noisy, x)
    assert noisy.min() >= 0 and noisy.max() <= 1
    np.testing.assert_array_equal(x, before)


@each
def test_each_call_draws_new_noise_and_the_same_seed_repeats_it(corrupt):
    x = images()
    rng = np.random.default_rng(5)
    first, second = corrupt(x, rng), corrupt(x, rng)
    assert (first != second).any()
    np.testing.assert_array_equal(first, corrupt(x, np.random.default_rng(5)))
    np.testing.assert_array_equal(first, corrupt(x, 5))  # a seed will do
    change = first - x
    assert (change[0] != 0).any() and (change[1:] != change[0]).any(
        axis=1
    ).all()  # each example gets its own noise


def test_corruptions_are_compared_and_printed_as_values():
    assert [repr(c) for c in ALL] == [
        "Gaussian(sigma=0.3, clip=True)",
        "Masking(fraction=0.25)",
        "SaltAndPepper(fraction=0.25)",
    ]
    assert Gaussian(0.3) == Gaussian(0.3) != Gaussian(0.2) and len({*ALL, Gaussian(0.3)}) == 3
    assert repr(Gaussian(0.3)) in repr(Objective(corrupt=Gaussian(0.3)))


def test_gaussian_is_x_plus_sigma_times_a_standard_normal_clipped():
    x = images(dtype=np.float64)
    noise = np.random.default_rng(3).standard_normal(x.shape)
    np.testing.assert_array_equal(Gaussian(0.3, clip=False)(x, 3), 0.3 * noise + x)
    np.testing.assert_array_equal(Gaussian(0.3)(x, 3), np.clip(0.3 * noise + x, 0, 1))
    wide = Gaussian(0.5, clip=False)(np.zeros((200, 784), np.float32), 0)
    assert abs(wide.mean()) < 0.01 and abs(wide.std() - 0.5) < 0.01


@given(shapes, fractions, st.integers(0, 2**32 - 1))
def test_masking_hides_exactly_the_fraction_of_each_example(shape, fraction, seed):
    x = images(shape)
    noisy = Masking(fraction)(x, seed)
    hidden = noisy == 0
    d = int(np.prod(shape[1:]))
    assert (hidden.reshape(len(x), d).sum(axis=1) == round(fraction * d)).all()
    np.testing.assert_array_equal(noisy[~hidden], x[~hidden])


@given(shapes, fractions, st.integers(0, 2**32 - 1))
def test_salt_and_pepper_replaces_exactly_the_fraction_of_each_example(shape, fraction, seed):
    x = images(shape)
    noisy = SaltAndPepper(fraction)(x, seed)
    replaced = noisy != x
    d = int(np.prod(shape[1:]))
    assert (replaced.reshape(len(x), d).sum(axis=1) == round(fraction * d)).all()
    assert set(np.unique(noisy[replaced])) <= {0.0, 1.0}


def test_salt_and_pepper_gives_0_and_1_equally_often():
    noisy = SaltAndPepper(1.0)(images((100, 784)), 0)
    assert abs(noisy.mean() - 0.5) < 0.01


@pytest.mark.parametrize("d", [10, 784, 5000])
def test_every_position_is_chosen_equally_often(d):
    """The column in the lowest bits of the keys must not favor any column: the frequencies are ν up
    to the spread of a binomial."""
    n, fraction = 4000, 0.3
    frequency = _choose((n, d), fraction, np.random.default_rng(0)).mean(axis=0)
    spread = (fraction * (1 - fraction) / n) ** 0.5
    assert np.abs(frequency - fraction).max() < 5.5 * spread
    assert (
        np.abs(frequency[: d // 2].mean() - frequency[d // 2 :].mean())
        < 5 * spread / (d / 4) ** 0.5
    )


def test_neighbors_are_chosen_independently():
    chosen = _choose((4000, 40), 0.5, np.random.default_rng(1)).astype(float)
    correlations = np.corrcoef(chosen.T)[~np.eye(40, dtype=bool)]
    assert np.abs(correlations + 1 / 39).max() < 0.1  # −1/39: what an exact fraction must have


@each
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integers_are_refused(corrupt, dtype):
    x = np.zeros((2, 4), dtype)
    with pytest.raises(
        ValueError,
        match=f"{type(corrupt).__name__}: x has dtype {x.dtype}, expected floating point.* / 255",
    ):
        corrupt(x, 0)


@pytest.mark.parametrize("corrupt", [Gaussian(0.3), SaltAndPepper(0.1)], ids=repr)
def test_data_outside_0_and_1_are_refused_where_the_range_matters(corrupt):
    x = np.array([[-2.0, 3.0]])
    with pytest.raises(ValueError, match=r"x runs from -2 to 3, expected \[0, 1\]"):
        corrupt(x, 0)
    assert Gaussian(0.1, clip=False)(x, 0).max() > 2 and Masking(0.5)(x, 0).min() in (-2, 0)


@pytest.mark.parametrize("kind", [Masking, SaltAndPepper])
@pytest.mark.parametrize("fraction", [-0.01, 1.01, 25, np.nan, np.inf])
def test_a_fraction_out_of_range_is_refused(kind, fraction):
    with pytest.raises(
        ValueError, match=f"{kind.__name__}: fraction is {fraction}, expected a number from 0 to 1"
    ):
        kind(fraction)


@pytest.mark.parametrize("sigma", [-0.1, np.nan, np.inf])
def test_a_sigma_out_of_range_is_refused(sigma):
    with pytest.raises(
        ValueError, match=f"Gaussian: sigma is {sigma}, expected a finite non-negative number"
    ):
        Gaussian(sigma)


@each
def test_zero_noise_changes_nothing_and_masking_everything_leaves_0(corrupt):
    x = images()
    no_noise = type(corrupt)(0.0)
    np.testing.assert_array_equal(no_noise(x, 0), x)
    assert not Masking(1.0)(x, 0).any()


@pytest.mark.parametrize("corrupt", [Masking(0.5), SaltAndPepper(0.5)])
def test_a_single_example_without_its_axis_is_refused(corrupt):
    with pytest.raises(ValueError, match=r"x has shape \(784,\), expected \(N, ...\).*x\[None\]"):
        corrupt(np.ones(784, np.float32), 0)


@pytest.mark.parametrize("corrupt", [Gaussian(0.3), Masking(0.5), SaltAndPepper(0.5)])
def test_the_gradients_of_a_denoising_objective_are_right(corrupt):
    """The noise is fixed: gradcheck passes a generator with the same seed each time."""
    model = Autoencoder(
        Sequential(Linear(6, 4, rng=0), Tanh()), Sequential(Linear(4, 6, rng=1), Sigmoid())
    ).astype(np.float64)
    assert_gradients(
        Objective(corrupt=corrupt), model, np.random.default_rng(0).uniform(0.1, 0.9, (5, 6))
    )


@pytest.mark.parametrize("wrong", [Masking, 0.3, "gaussian"])
def test_something_that_is_not_a_corruption_is_refused(wrong):
    with pytest.raises(TypeError, match="Objective: corrupt is .*expected a function"):
        Objective(corrupt=wrong)


def test_nan_passes_through():
    x = np.full((2, 3), np.nan, np.float32)
    for corrupt in (Gaussian(0.3), Masking(0.3), SaltAndPepper(0.3)):
        assert np.isnan(corrupt(x, 0)).any()


@each
def test_the_noise_is_the_same_on_a_device(corrupt, monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device

    pretend_gpu(monkeypatch)
    x = images((5, 1, 6, 6))
    there = corrupt(to_device(x, "gpu"), 7)
    assert isinstance(there, DeviceArray)
    np.testing.assert_array_equal(to_numpy(there), corrupt(x, 7))


@each
def test_in_training_each_step_draws_new_noise_and_a_run_can_be_repeated(corrupt):
    from helpers.small import DATA, small_net

    drawn = []

    def spy(x, rng):
        drawn.append(corrupt(x, rng))
        return drawn[-1]

    def run():
        model = small_net()
        fit(
            model,
            DATA,
            Objective(corrupt=spy),
            Adam(model.params),
            2,
            batch_size=25,
            workers=1,
            progress=False,
        )
        return model

    first = run()
    draws, drawn[:] = [d != 0 for d in drawn], []
    assert len(draws) == 4 and all((a != b).any() for a, b in zip(draws, draws[1:], strict=False))
    for key, w in run().params.items():
        np.testing.assert_array_equal(w, first.params[key])
