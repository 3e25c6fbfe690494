"""Exercise 19: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

REAL = "real = (1 - smooth) * softplus(-a_real) + smooth * softplus(a_real)"
VALUE = "value = real.sum() / n + softplus(a_fake).sum() / m"
GRADIENTS = "return value, (sigmoid(a_real) - (1 - smooth)) / n, sigmoid(a_fake) / m"
DA = "da = (sigmoid(a) - 1) / len(a)"
GENERATOR = "return softplus(-a).sum() / len(a), dz"
LOSSES = ["value", "large logits", "step"]
MISTAKES = {
    "no smoothing": (
        [(REAL, "real = softplus(-a_real)"), (GRADIENTS, GRADIENTS.replace("(1 - smooth)", "1"))],
        ["value", "da_real", "large logits", "step"],
        "smooth was not used",
    ),
    "smooth fake targets": (
        [
            (
                VALUE,
                "f = (1 - smooth) * softplus(a_fake) + smooth * softplus(-a_fake)\n"
                "    value = real.sum() / n + f.sum() / m",
            )
        ],
        LOSSES,
        "fake examples were smoothed",
    ),
    "real and fake exchanged": (
        [
            (REAL, "a_real, a_fake = a_fake, a_real\n    n, m = m, n\n    " + REAL),
            (
                GRADIENTS,
                GRADIENTS.replace("return value, ", "out = ").replace("out", "g_f, g_r", 1)
                + "\n    return value, g_r, g_f",
            ),
        ],
        ["value", "da_real", "da_fake", "large logits", "step"],
        "exchanged",
    ),
    "gradient not divided": (
        [(GRADIENTS, GRADIENTS.replace(") / n", ")"))],
        ["da_real", "large logits", "step"],
        "not divided by the number of real examples",
    ),
    "divided by the wrong number": (
        [(GRADIENTS, GRADIENTS.replace(" / m", " / n"))],
        ["da_fake", "large logits", "step"],
        "number of real examples",
    ),
    "log of σ, which overflows": (
        [
            (
                "return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))",
                "return np.log(1 + np.exp(a))",
            )
        ],
        ["large logits"],
        "overflow",
    ),
    "log(1 − σ) for −log σ": (
        [
            (DA, "da = -sigmoid(a) / len(a)"),
            (GENERATOR, GENERATOR.replace("softplus(-", "-softplus(")),
        ],
        ["generator", "dz", "saturated", "weights stay"],
        "vanishes",
    ),
    "the discriminator's loss": (
        [(DA, "da = sigmoid(a) / len(a)"), (GENERATOR, GENERATOR.replace("-a", "a"))],
        ["generator", "dz", "saturated", "weights stay"],
        "which the discriminator minimizes",
    ),
    "not through the discriminator": (
        [("dz, _ = discriminator.backward(da, caches)", "dz = da")],
        ["dz", "saturated"],
        "discriminator.backward is missing",
    ),
    "the discriminator learns in the generator's step": (
        [
            (
                "dz, _ = discriminator.backward(da, caches)",
                "dz, g = discriminator.backward(da, caches)\n"
                "    for k, w in discriminator.params.items():\n        w -= 0.1 * g[k]",
            )
        ],
        ["weights stay"],
        "changes the discriminator's 0.weight",
    ),
    "uphill": ([("w -= lr *", "w += lr *")], ["step"], "uphill"),
    "fake examples forgotten": (
        [("(real_grads[name] + fake_grads[name])", "real_grads[name]")],
        ["step"],
        "fake examples are missing",
    ),
    "not in place": ([("w -= lr *", "w = w - lr *")], ["step"], "makes a new array"),
    "hinge without a mask": (
        [("(real > 0) / -n", "np.ones_like(a_real) / -n")],
        ["hinge"],
        "not 0 where the hinge is",
    ),
    "hinge without its margin": (
        [
            (
                "np.maximum(0, 1 - a_real), np.maximum(0, 1 + a_fake)",
                "np.maximum(0, -a_real), np.maximum(0, a_fake)",
            )
        ],
        ["hinge"],
        "margin of 1",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("adversarial", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("adversarial", *MISTAKES[mistake])
