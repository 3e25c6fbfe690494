"""What people hand to ``fit`` and ``evaluate``: each wrong call gets a sentence, before anything is
changed. (``test_wrong_calls`` has thousands; here are the sentences.)"""

import re
import warnings

import numpy as np
import pytest
from helpers.small import DATA, run, same_bits, small_net

from tinyae import (
    ELU,
    Adam,
    Autoencoder,
    Conv2d,
    ConvTranspose2d,
    LeakyReLU,
    Linear,
    Objective,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    bce,
    bce_with_logits,
    fit,
    freeze,
    mse,
)
from tinyae.models import conv_denoiser, vae
from tinyae.objectives import Adversarial, GeneratorLoss, Variational, code_batches
from tinyae.training import evaluate


class TestPairs:
    """fit(model, (x, x)), as in Keras."""

    def test_an_autoencoder_takes_one_array(self):
        model = small_net()
        for options in ({"data": (DATA, DATA)}, {"validation": (DATA, DATA)}):
            data = options.pop("data", DATA)
            with pytest.raises(TypeError, match=r"expected one.*fit\(model, x, ...\), not"):
                fit(model, data, Objective(), Adam(model.params), 1, progress=False, **options)
        same_bits(model, small_net())

    def test_a_variational_one_too(self):
        model = vae(features=12, hidden=8, code=2)
        with pytest.raises(TypeError, match="Variational: the data are 2 arrays"):
            fit(model, (DATA, DATA), Variational(), Adam(model.params), 1, progress=False)

    def test_the_discriminator_has_not_moved_either(self):
        model, judge = small_net(), Sequential(Linear(3, 1, rng=0))
        before = judge.params["0.weight"].copy()
        objective = Adversarial(
            Objective(code_penalty=GeneratorLoss(judge)), judge, code_batches, Adam(judge.params)
        )
        with pytest.raises(TypeError, match="the data are 2 arrays"):
            fit(model, (DATA, DATA), objective, Adam(model.params), 1, progress=False)
        np.testing.assert_array_equal(judge.params["0.weight"], before)


def test_a_torch_tensor_is_told_how_to_become_an_array():
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
    model, x = small_net(), torch.rand(16, 12)
    for call in (
        lambda: fit(model, x, Objective(), Adam(model.params), 1, progress=False),
        lambda: evaluate(model, x),
        lambda: model(x),
    ):
        with pytest.raises(TypeError, match=r"ensor.*expected .*\.detach\(\)\.numpy\(\)"):
            call()


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("adam", r"optimizer is 'adam', expected an object such as Adam\(model.params\)"),
        (Adam, r"optimizer is <class .*Adam'>, expected an object"),
        (None, "optimizer is None"),
    ],
)
def test_what_is_not_an_optimizer(optimizer, words):
    with pytest.raises(TypeError, match=words):
        fit(small_net(), DATA, Objective(), optimizer, 1, progress=False)


@pytest.mark.parametrize("result", [0.5, (0.5, {}), None, (0.5, {}, None), (0.5, None, {})])
def test_an_objective_that_returns_something_else(result):
    with pytest.raises(TypeError, match="the objective returned .*, expected loss, grads, terms"):
        run(1, objective=lambda model, x, rng: result)


class TestImageSizes:
    """A convolution with stride 2 rounds up; the way back then gives another size."""

    def refused(self, model, height, width, **options):
        x = np.random.default_rng(0).random((2, 1, height, width)).astype(np.float32)
        with pytest.raises(ValueError) as error:
            fit(model, x, Objective(), Adam(model.params), 1, progress=False, **options)
        return str(error.value)

    @pytest.mark.parametrize(
        ("size", "fits"), [((27, 29), "28×32"), ((28, 30), "28×32"), ((105, 105), "108×108")]
    )
    def test_the_multiple_and_a_size_that_fits_are_named(self, size, fits):
        text = self.refused(conv_denoiser(), *size)
        assert f"{size[0]}×{size[1]} pixels" in text and "multiples of 4 and 4" in text
        assert f"such as {fits}" in text and "pad, crop or resize" in text

    def test_a_size_that_fits_trains(self):
        model = conv_denoiser()
        x = np.random.default_rng(0).random((2, 1, 28, 32)).astype(np.float32)
        fit(model, x, Objective(), Adam(model.params), 1, progress=False)

    def test_what_does_not_fit_either_is_not_suggested(self):
        """Without padding, only odd sizes come back: no multiple of the stride does."""
        down, up = Conv2d(1, 2, 3, stride=2, rng=0), ConvTranspose2d(2, 1, 3, stride=2, rng=0)
        model = Autoencoder(Sequential(down), Sequential(up, Sigmoid()))
        text = self.refused(model, 8, 9)
        assert "8×9 pixels, the reconstructions 7×9" in text and "multiple" not in text

    def test_a_loss_that_can_compare_the_sizes_is_not_stopped(self):
        def cropped(y, x):
            value, d = mse(y[..., :27, :29], x)
            dy = np.zeros_like(y)
            dy[..., :27, :29] = d
            return value, dy

        model = conv_denoiser()
        x = np.random.default_rng(0).random((2, 1, 27, 29)).astype(np.float32)
        fit(model, x, Objective(cropped), Adam(model.params), 1, progress=False)


class TestEvaluate:
    @pytest.mark.parametrize("batch_size", [-5, 0, 2.5, "3", True])
    def test_a_batch_size_that_cannot_be(self, batch_size):
        with pytest.raises((TypeError, ValueError), match="evaluate: batch_size is"):
            evaluate(small_net(), DATA, batch_size=batch_size)

    def test_an_output_of_another_shape_is_not_broadcast(self):
        model = Sequential(Linear(12, 1, rng=0), Sigmoid())
        with pytest.raises(ValueError, match=r"output has shape \(1, 1\), expected .* \(1, 12\)"):
            evaluate(model, DATA)

    @pytest.mark.parametrize("batch_size", [1, 500, 10**6])
    def test_the_sum_is_in_float64_whatever_the_batch(self, batch_size):
        """In float32, a sum of 10⁶ equal squares is visibly too small."""
        n = 2_000
        x = np.full((n, 500), 0.5, np.float32)
        x[:, ::2] = 0.25
        half = freeze(Linear(500, 500, rng=0, dtype=np.float32))
        half.layer.params["weight"][...] = 0
        half.layer.params["bias"][...] = 0.1
        d = np.float32(0.1) - x[0]
        right = (d.astype(np.float64) ** 2).mean()
        few = slice(None) if batch_size > 1 else slice(0, 500)
        result = evaluate(half, x[few], batch_size, workers=1, inputs=x[few] * np.float32(0.9))
        assert result["mse"] == pytest.approx(right, rel=1e-6)
        noise = (x[0] * np.float32(0.9) - x[0]).astype(np.float64)
        assert result["input_mse"] == pytest.approx((noise**2).mean(), rel=1e-6)


def test_bce_of_labels_or_pixels_outside_its_range_is_told():
    y = np.full((4, 3), 0.5, np.float32)
    for target in (np.full((4, 3), 2.0, np.float32), np.full((4, 3), -0.1), np.full((4, 3), 255)):
        with pytest.raises(ValueError, match=r"bce: target must be probabilities in \[0, 1\]"):
            bce(y, target)
    model = Autoencoder(Sequential(Linear(12, 3, rng=0)), Sequential(Linear(3, 12, rng=1)))
    with pytest.raises(ValueError, match=r"bce_with_logits: target .* from 1\.\d+ to"):
        run(1, model, DATA + 1.5, Objective(bce_with_logits))


class TestRange:
    """Data that the output layer cannot produce: the loss then has a floor that nobody explains."""

    def said(self, last, data, objective=None):
        model = Autoencoder(
            Sequential(Linear(12, 3, rng=0)), Sequential(Linear(3, 12, rng=1), last)
        )
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            run(1, model, data, objective or Objective(mse))
        return [str(warning.message) for warning in seen]

    Z_SCORES = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)

    @pytest.mark.parametrize(
        ("last", "words"),
        [
            (Tanh(), r"ends in Tanh, whose outputs are in \[-1, 1\].*divide by 3"),
            (ReLU(), "ends in ReLU, whose outputs are at least 0.*add 3"),
            (Softplus(), "ends in Softplus, whose outputs are at least 0"),
            (ELU(0.5), "ends in ELU, whose outputs are at least -0.5"),
        ],
    )
    def test_z_scores_after_a_layer_with_a_range_give_one_warning(self, last, words):
        (said,) = self.said(last, self.Z_SCORES)
        assert re.search(words, said) and "or end the model in a linear layer" in said

    @pytest.mark.parametrize("last", [Tanh(), ReLU(), Softplus(), ELU(), LeakyReLU()])
    def test_data_inside_the_range_say_nothing(self, last):
        assert self.said(last, DATA) == []

    def test_logits_are_not_the_data(self):
        assert self.said(Tanh(), DATA, Objective(bce_with_logits)) == []
        assert self.said(LeakyReLU(), self.Z_SCORES) == []
