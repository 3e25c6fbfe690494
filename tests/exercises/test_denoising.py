"""Exercise 13: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

GRADIENTS = ["encoder.0.weight", "encoder.0.bias", "decoder"]
NOISE = "noise = rng.standard_normal(x.shape, dtype=x.dtype)"
NOISY = "noisy = np.clip(x + sigma * noise, 0, 1)"
LOSS = "loss = ((x_hat - x) ** 2).mean()"
DX_HAT = "dx_hat = 2 * (x_hat - x) / x.size"
RETURN = 'return loss, model.named({"encoder": encoder_grads, "decoder": decoder_grads}), {}'
SEEN = "np.where(masked, x.dtype.type(0), x)"
WEIGHTS = "weights = np.where(masked, alpha, beta).astype(x.dtype)"
TOTAL = "total = (weights * (x_hat - x) ** 2).mean()"
WEIGHTED = "dx_hat = 2 * weights * (x_hat - x) / x.size"

MISTAKES = {
    "the noisy target": (
        [(LOSS, "loss = ((x_hat - noisy) ** 2).mean()"),
         (DX_HAT, "dx_hat = 2 * (x_hat - noisy) / x.size")],
        ["loss", "conduct"],
        "expected with the clean ones",
    ),
    "the noisy target in the gradient only": (
        [(DX_HAT, "dx_hat = 2 * (x_hat - noisy) / x.size")],
        GRADIENTS,
        "the noisy images as target",
    ),
    "no clip": (
        [(NOISY, "noisy = x + sigma * noise")],
        ["loss", "conduct"],
        "not clipped",
    ),
    "the variance": (
        [(NOISY, "noisy = np.clip(x + sigma**2 * noise, 0, 1)")],
        ["loss", "conduct"],
        "sigma², expected sigma",
    ),
    "uniform noise": (
        [(NOISE, "noise = rng.random(x.shape, dtype=x.dtype)")],
        ["loss", "conduct"],
        "uniform, expected normal",
    ),
    "a fresh draw in backward": (
        [(DX_HAT, "noisy = np.clip(x + sigma * rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)\n"
          "    z, encoder_cache = model.encoder.forward(noisy)\n"
          "    x_hat, decoder_cache = model.decoder.forward(z)\n    " + DX_HAT)],
        GRADIENTS,
        "drawn a second time for the gradients",
    ),
    "a fresh draw for dW1": (
        [(DX_HAT, DX_HAT + "\n    _, encoder_cache[0:1] = 0, [np.clip(x + sigma * "
          "rng.standard_normal(x.shape, dtype=x.dtype), 0, 1)]")],
        ["encoder.0.weight"],
        "drawn a second time for dW₁",
    ),
    "the clean image in backward": (
        [(DX_HAT, DX_HAT + "\n    encoder_cache[0] = x")],
        ["encoder.0.weight"],
        "backward sees the clean images",
    ),
    "np.random": (
        [(NOISE, "noise = np.random.standard_normal(x.shape)")],
        ["loss", *GRADIENTS, "conduct"],
        "not with np.random",
    ),
    "the clean input": (
        [(NOISY, "noisy = x")],
        ["loss", "conduct"],
        "the model gets the clean images",
    ),
    "the sum over the pixels": (
        [(LOSS, "loss = ((x_hat - x) ** 2).sum(axis=1).mean()"),
         (DX_HAT, "dx_hat = 2 * (x_hat - x) / len(x)")],
        ["loss", "conduct"],
        "expected the mean",
    ),
    "the factor 2": ([(DX_HAT, "dx_hat = (x_hat - x) / x.size")], GRADIENTS, "0.5"),
    "names without their part": (
        [(RETURN, "return loss, encoder_grads | decoder_grads, {}")],
        [*GRADIENTS, "conduct"],
        "grads does not have 'encoder.0.weight'",
    ),
    "noise in float64": (
        [(NOISE, "noise = rng.standard_normal(x.shape)")], ["conduct"], "need the dtype of x",
    ),
    "x is changed": (
        [(NOISY, "noise *= sigma\n    clean = x.copy()\n    x += noise\n"
          "    noisy = np.clip(x, 0, 1)\n    x, seen = clean, noisy")],
        ["conduct"],
        "denoising changes x in place",
    ),
    "the model is changed": (
        [(RETURN, "for name, w in model.params.items():\n        w -= 0.1\n    " + RETURN)],
        ["conduct"],
        "the optimizer's task",
    ),
    "emphasized: alpha and beta exchanged": (
        [(WEIGHTS, "weights = np.where(masked, beta, alpha).astype(x.dtype)")],
        ["emphasized loss"],
        "alpha and beta are exchanged",
    ),
    "emphasized: no weights in the gradient": (
        [(WEIGHTED, "dx_hat = 2 * (x_hat - x) / x.size")],
        ["emphasized encoder", "emphasized decoder"],
        "alpha and beta are missing",
    ),
    "emphasized: the square of the weights": (
        [(WEIGHTED, "dx_hat = 2 * weights**2 * (x_hat - x) / x.size")],
        ["emphasized encoder", "emphasized decoder"],
        "alpha and beta are squared",
    ),
    "emphasized: two means": (
        [(TOTAL, "errors, k = (x_hat - x) ** 2, masked.sum()\n"
          "    total = alpha * (errors * masked).sum() / max(k, 1)\n"
          "    total += beta * (errors * ~masked).sum() / max(x.size - k, 1)")],
        ["emphasized loss"],
        "its own number of pixels",
    ),
    "emphasized: the wrong pixels are masked": (
        [(SEEN, "np.where(masked, x, x.dtype.type(0))"),
         (WEIGHTS, "weights = np.where(masked, beta, alpha).astype(x.dtype)")],
        ["emphasized loss"],
        "the pixels that are not masked were set to 0",
    ),
    "emphasized: nothing is masked": (
        [(SEEN, "x")],
        ["emphasized loss"],
        "nothing was set to 0",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("denoising", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("denoising", *MISTAKES[mistake])
