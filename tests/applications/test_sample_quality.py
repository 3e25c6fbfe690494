"""The measures of generated images, each on images with a known answer."""

import numpy as np
import pytest

from tinyae import Linear, Sequential
from tinyae.applications.sample_quality import max_probability, nearest_neighbors, sharpness


def test_max_probability_is_the_largest_softmax_value():
    x = np.random.default_rng(0).normal(size=(7, 6))
    c = Sequential(Linear(6, 4, rng=0, dtype=np.float64))
    e = np.exp(c(x))
    np.testing.assert_allclose(
        max_probability(c, x, batch_size=3), (e / e.sum(axis=1, keepdims=True)).max(axis=1)
    )
    c.params["0.weight"][...] = c.params["0.bias"][...] = 0
    np.testing.assert_allclose(max_probability(c, x), 0.25)
    c.params["0.bias"][2] = 1e4  # no overflow
    np.testing.assert_allclose(max_probability(c, x), 1)
    assert max_probability(c, x[:0]).shape == (0,)


def test_nearest_neighbors_are_those_that_a_loop_finds():
    rng = np.random.default_rng(0)
    x, real = rng.uniform(size=(11, 1, 3, 2)), rng.uniform(size=(8, 1, 3, 2))
    all_ = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in real] for a in x])
    distances, indices = nearest_neighbors(x, real, batch_size=4)
    np.testing.assert_allclose(distances, all_.min(axis=1))
    np.testing.assert_array_equal(indices, all_.argmin(axis=1))
    copies, which = nearest_neighbors(real[::-1], real)
    assert not copies.any() and which.tolist() == list(range(8))[::-1]


def test_sharpness_follows_its_definition_and_blur_lowers_it():
    stripes = np.tile([0.0, 1.0], (1, 1, 4, 2))  # 4×4: 12 differences of 1, 8 pixels of 1
    assert sharpness(stripes).tolist() == [12 / 8] and sharpness(
        stripes.reshape(1, 16)
    ).tolist() == [12 / 8]
    assert sharpness(0.3 * stripes)[0] == pytest.approx(12 / 8)
    assert sharpness(np.ones((2, 16))).tolist() == [0, 0] and sharpness(
        np.zeros((1, 16))
    ).tolist() == [0]
    sharp = np.random.default_rng(0).uniform(size=(5, 1, 8, 8)).round()
    blurred = (sharp + np.roll(sharp, 1, axis=-1)) / 2
    assert (sharpness(blurred) < sharpness(sharp)).all()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (
            lambda: max_probability(Linear(6, 1), np.zeros((2, 6), np.float32)),
            r"returns shape \(2, 1\), expected logits \(N, classes\)",
        ),
        (
            lambda: nearest_neighbors(np.zeros((2, 6)), np.zeros((3, 5))),
            r"shape \(2, 6\) and real images of shape \(3, 5\)",
        ),
        (
            lambda: nearest_neighbors(np.zeros((2, 6)), np.zeros((0, 6))),
            "expected at least one real image",
        ),
        (lambda: sharpness(np.zeros((2, 7))), "not square images"),
    ],
)
def test_mistakes_get_a_helpful_message(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
