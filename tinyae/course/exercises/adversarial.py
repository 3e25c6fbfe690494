"""Exercise 19, adversarial training: the losses of both sides, and a step of the discriminator."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.layers import Linear, Sequential, Tanh

SIZES = 3, 5  # of the codes, and of the hidden layer


def softplus(a: Array) -> Array:
    """log(1 + e^a)."""
    return np.logaddexp(0, a)


def sigmoid(a: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * a))


def discriminator_loss(a_real: Array, a_fake: Array, smooth: float) -> Array:
    """The reference."""
    real = (1 - smooth) * softplus(-a_real) + smooth * softplus(a_real)
    return real.mean() + softplus(a_fake).mean()


def hinge_loss(a_real: Array, a_fake: Array) -> Array:
    """The reference."""
    return np.maximum(0, 1 - a_real).mean() + np.maximum(0, 1 + a_fake).mean()


def draw(rng: Generator) -> tuple[Array, Array]:
    """Logits of real and of fake examples, not equally many."""
    return 2 * rng.normal(size=(7, 1)), 2 * rng.normal(size=(4, 1))


def networks(code: Code, rng: Generator) -> tuple[Any, Sequential]:
    """A discriminator among the student's objects, and the same one here."""
    inputs, hidden = SIZES
    layers = [
        code.construct("tinyae.Linear", inputs, hidden, dtype="float64"),
        code.construct("tinyae.Tanh"),
        code.construct("tinyae.Linear", hidden, 1, dtype="float64"),
    ]
    theirs = code.construct("tinyae.Sequential", *layers)
    ours = Sequential(
        Linear(inputs, hidden, dtype=np.float64), Tanh(), Linear(hidden, 1, dtype=np.float64)
    )
    for name, w in ours.params.items():
        w[...] = rng.normal(size=w.shape)
        code.set_array(theirs, name, w)
    return theirs, ours


def losses(code: Code, rng: Generator) -> dict[str, str]:
    a_real, a_fake = draw(rng)
    s = float(rng.uniform(0.05, 0.3))
    names = "value, da_real, da_fake"
    value, _, _ = judge.pair(code.call("discriminator_loss", a_real, a_fake, s), names)
    right = discriminator_loss(a_real, a_fake, s)
    n, m = len(a_real), len(a_fake)
    both = discriminator_loss(a_real, a_fake, s)
    both += s * (softplus(-a_fake) - softplus(a_fake)).mean()
    causes = {
        "smooth was not used": discriminator_loss(a_real, a_fake, 0.0),
        "the targets of the fake examples were smoothed too": both,
        "real and fake are exchanged": discriminator_loss(a_fake, a_real, s),
        "it is a sum over the examples, expected their mean": (
            discriminator_loss(a_real, a_fake, s) * n + softplus(a_fake).mean() * (m - n)
        ),
        "it is a mean over all examples, expected one mean for each kind": (
            (right - softplus(a_fake).mean()) * n + softplus(a_fake).sum()
        )
        / (n + m),
        "a probability was taken for a logit": discriminator_loss(
            sigmoid(a_real), sigmoid(a_fake), s
        ),
    }
    return judge.only_wrong(value=judge.compare(value, right, "value", causes))


def loss_gradients(code: Code, rng: Generator) -> dict[str, str]:
    s = float(rng.uniform(0.05, 0.3))

    def reference(a_real, a_fake):
        return discriminator_loss(a_real, a_fake, s)

    def student(dy, a_real, a_fake):
        found = code.call("discriminator_loss", a_real, a_fake, s)
        return tuple(dy * np.asarray(d) for d in judge.pair(found, "value, da_real, da_fake")[1:])

    def causes(dy, a_real, a_fake):
        p, q = sigmoid(a_real), sigmoid(a_fake)
        n, m = len(p), len(q)
        return {
            "da_real": {
                "smooth was not used": dy * (p - 1) / n,
                "it was not divided by the number of real examples": dy * (p - (1 - s)),
                "the target of a real example is 1 − s, expected σ − (1 − s)": dy * p / n,
                "the sigmoid's slope is in the loss already": dy * (p - 1 + s) * p * (1 - p) / n,
            },
            "da_fake": {
                "it was not divided by the number of fake examples": dy * q,
                "it was divided by the number of real examples": dy * q / n,
                "it is the gradient of −log σ, which is for real examples": dy * (q - 1) / m,
                "the sigmoid's slope is in the loss already": dy * q * q * (1 - q) / m,
            },
        }

    return judge.gradients(reference, student, *draw(rng), causes=causes)


def large(code: Code, rng: Generator) -> dict[str, str]:
    a_real, a_fake = (rng.choice([-1e3, 1e3], size=(n, 1)) for n in (6, 5))
    a_real[0], a_fake[0] = -1e3, 1e3
    found = judge.strictly(code, "discriminator_loss", a_real, a_fake, 0.125)
    value, da_real, da_fake = judge.pair(found, "value, da_real, da_fake")
    text = (
        judge.compare(value, discriminator_loss(a_real, a_fake, 0.125), "value")
        or judge.compare(da_real, (sigmoid(a_real) - 0.875) / 6, "da_real")
        or judge.compare(da_fake, sigmoid(a_fake) / 5, "da_fake")
    )
    return judge.only_wrong(**{"large logits": f"at logits of ±1000, {text}" if text else ""})


def hinge(code: Code, rng: Generator) -> dict[str, str]:
    a_real, a_fake = draw(rng)
    a_real[:2, 0], a_fake[:2, 0] = (3.0, -3.0), (-3.0, 3.0)  # both sides of each hinge
    names = "value, da_real, da_fake"
    value, _, _ = judge.pair(code.call("hinge_loss", a_real, a_fake), names)
    causes = {
        "real and fake are exchanged": hinge_loss(a_fake, a_real),
        "the margin of 1 is missing": hinge_loss(a_real + 1, a_fake - 1),
    }
    text = judge.compare(value, hinge_loss(a_real, a_fake), "value", causes)

    def student(dy, a_real, a_fake):
        found = code.call("hinge_loss", a_real, a_fake)
        return tuple(dy * np.asarray(d) for d in judge.pair(found, names)[1:])

    def of_gradients(dy, a_real, a_fake):
        active = a_real < 1
        return {
            "da_real": {
                "it is not 0 where the hinge is": -dy * np.ones_like(a_real) / len(a_real),
                "the mask is that of a > 0": -dy * (a_real > 0) / len(a_real),
                "the sign is wrong": dy * active / len(a_real),
            }
        }

    wrong = judge.gradients(hinge_loss, student, a_real, a_fake, causes=of_gradients)
    return judge.only_wrong(hinge="; ".join(filter(None, [text, *wrong.values()])))


def generator(code: Code, rng: Generator) -> dict[str, str]:
    theirs, ours = networks(code, rng)
    z = rng.normal(size=(6, SIZES[0]))
    value, dz = judge.pair(code.call("generator_loss", theirs, z), "value, dz")
    a, caches = ours.forward(z)
    right = softplus(-a).mean()
    causes = {
        "it is mean log(1 − σ), whose gradient vanishes where the discriminator is sure; expected "
        "−mean log σ": -softplus(a).mean(),
        "it is the loss of fake examples, which the discriminator minimizes; expected −mean "
        "log σ": softplus(a).mean(),
        "it is a sum over the examples, expected their mean": right * len(a),
    }
    n = len(z)
    of_dz = {
        "it is the gradient of log(1 − σ)": ours.vjp(-sigmoid(a) / n, caches),
        "it is the gradient of the discriminator's loss": ours.vjp(sigmoid(a) / n, caches),
        "it was not divided by the number of examples": ours.vjp(sigmoid(a) - 1, caches),
        "the loss's own derivative, σ − 1, is missing": ours.vjp(np.ones_like(a), caches),
    }
    text = judge.compare(dz, ours.vjp((sigmoid(a) - 1) / n, caches), "dz", of_dz)
    if text and isinstance(dz, np.ndarray) and dz.shape == a.shape != z.shape:
        text = "dz has shape (N, 1): it is the logit's gradient; discriminator.backward is missing"
    return judge.only_wrong(generator=judge.compare(value, right, "value", causes), dz=text)


def weights_stay(code: Code, rng: Generator) -> dict[str, str]:
    theirs, _ = networks(code, rng)
    before = code.arrays(theirs)
    code.call("generator_loss", theirs, rng.normal(size=(6, SIZES[0])))
    after = code.arrays(theirs)
    changed = [name for name, w in before.items() if not np.array_equal(w, after[name])]
    text = f"generator_loss changes the discriminator's {', '.join(changed)}" if changed else ""
    return judge.only_wrong(**{"weights stay": text})


def saturated(code: Code, rng: Generator) -> dict[str, str]:
    """The discriminator is sure that z is fake."""
    theirs, ours = networks(code, rng)
    z = rng.normal(size=(4, SIZES[0]))
    bias = np.array([-60.0])
    ours.params["2.bias"][...] = bias
    code.set_array(theirs, "2.bias", bias)
    value, dz = judge.pair(judge.strictly(code, "generator_loss", theirs, z), "value, dz")
    a, caches = ours.forward(z)
    if isinstance(dz, np.ndarray) and dz.shape == z.shape and np.abs(dz).max() < 1e-9:
        text = "the gradient vanishes where the discriminator is sure, so nothing is learned there"
    else:
        text = judge.compare(value, softplus(-a).mean(), "value") or judge.compare(
            dz, ours.vjp((sigmoid(a) - 1) / len(z), caches), "dz"
        )
    return judge.only_wrong(saturated=text)


def step(code: Code, rng: Generator) -> dict[str, str]:
    theirs, ours = networks(code, rng)
    real, fake = rng.normal(size=(6, SIZES[0])), rng.normal(size=(4, SIZES[0]))
    lr, s = 0.03125, 0.125
    value = code.call("discriminator_step", theirs, real, fake, lr, s)
    moved = code.arrays(theirs)
    (a_real, real_caches), (a_fake, fake_caches) = ours.forward(real), ours.forward(fake)
    right = discriminator_loss(a_real, a_fake, s)
    g_real = ours.parameter_gradients((sigmoid(a_real) - (1 - s)) / len(real), real_caches)
    g_fake = ours.parameter_gradients(sigmoid(a_fake) / len(fake), fake_caches)
    before = {name: w.copy() for name, w in ours.params.items()}
    ways: dict[str, Callable[[str], Array]] = {
        "it goes uphill": lambda name: before[name] + lr * (g_real[name] + g_fake[name]),
        "the fake examples are missing": lambda name: before[name] - lr * g_real[name],
        "the real examples are missing": lambda name: before[name] - lr * g_fake[name],
        "lr was not used": lambda name: before[name] - g_real[name] - g_fake[name],
        "nothing was changed: w = w − … makes a new array, w −= … changes it": lambda name: before[
            name
        ],
    }
    for name, w in before.items():
        causes = {cause: way(name) for cause, way in ways.items()}
        expected = w - lr * (g_real[name] + g_fake[name])
        if text := judge.compare(moved.get(name), expected, f"{name} after the step", causes):
            return {"step": text}
    after = {"the loss is that after the step": discriminator_loss_of(ours, moved, real, fake, s)}
    return judge.only_wrong(step=judge.compare(value, right, "the loss returned", after))


def discriminator_loss_of(
    network: Sequential, params: dict[str, Array], real: Array, fake: Array, smooth: float
) -> Array:
    for name, w in network.params.items():
        w[...] = params[name]
    return discriminator_loss(network(real), network(fake), smooth)


EXERCISE = Exercise(
    name="adversarial",
    number=19,
    title="Adversarial training: the losses of both sides",
    chapter="08_ways_out",
    checks=(
        Check({"value": 1.5}, losses),
        Check({"da_real": 1, "da_fake": 1}, loss_gradients),
        Check({"large logits": 1}, large),
        Check({"hinge": 1}, hinge),
        Check({"generator": 1, "dz": 1.5}, generator),
        Check({"weights stay": 0.5}, weights_stay, needs=("generator",)),
        Check({"saturated": 0.5}, saturated),
        Check({"step": 1}, step),
    ),
)
