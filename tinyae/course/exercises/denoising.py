"""Exercise 13, denoising: two objectives, with the random numbers of a seed.

The model is an autoencoder of the library in the student's process. The reference needs only its
weights. A wrong loss costs its own points only: gradients that belong to the loss that the
student's code computes count too, if it is a loss that a known mistake leads to.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake
from tinyae.course.exercises._denoising_losses import (
    SETTINGS,
    Loss,
    Losses,
    Params,
    denoising,
    denoising_mistakes,
    emphasized,
    emphasized_mistakes,
)
from tinyae.course.values import Seed

KEYS = ("encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias")
N, D, H = 5, 6, 4


def draw(rng: Generator) -> tuple[Array, Params, Seed]:
    """Images, weights, and the seed of the noise."""
    shapes = (H, D), (H,), (D, H), (D,)
    W1, b1, W2, b2 = (rng.normal(size=shape) for shape in shapes)
    return rng.uniform(size=(N, D)), (W1, b1, W2, b2), Seed(int(rng.integers(2**31)))


class Model:
    """An autoencoder in the student's process: Linear, Tanh and Linear."""

    def __init__(self, code: Code, params: Params, dtype: str = "float64") -> None:
        self.code = code
        first, second = (
            code.construct("tinyae.Linear", *sizes, dtype=dtype) for sizes in ((D, H), (H, D))
        )
        encoder = code.construct("tinyae.Sequential", first, code.construct("tinyae.Tanh"))
        decoder = code.construct("tinyae.Sequential", second)
        self.handle = code.construct("tinyae.Autoencoder", encoder, decoder)
        self.write(params)

    def write(self, params: Params) -> None:
        for key, value in zip(KEYS, params, strict=True):
            self.code.set_array(self.handle, key, value)

    def loss(self, name: str, x: Array, seed: Seed) -> Any:
        """The loss of the student's objective."""
        return self._ask(name, x, seed)[0]

    def gradients(self, name: str, x: Array, seed: Seed) -> list[Any]:
        """The gradients, in the order of ``KEYS``."""
        grads = self._ask(name, x, seed)[1]
        if not isinstance(grads, dict):
            raise Mistake(f"grads is {judge.described(grads)}, expected a dict")
        if missing := [key for key in KEYS if key not in grads]:
            raise Mistake(f"grads does not have {missing[0]!r}, only {list(grads)}")
        return [grads[key] for key in KEYS]

    def _ask(self, name: str, x: Array, seed: Seed) -> tuple[Any, ...]:
        value = self.code.call(name, self.handle, x, seed, *SETTINGS[name])
        return judge.pair(value, "loss, grads, terms")


def check_loss(
    code: Code, rng: Generator, name: str, part: str, losses: Callable[..., tuple[Loss, Losses]]
) -> dict[str, str]:
    x, params, seed = draw(rng)
    model = Model(code, params)
    right, wrong = losses(x, seed)
    causes: dict[str, list[Array]] = {}
    for cause, known in wrong:
        causes.setdefault(cause, []).append(known.value(params))
    got = model.loss(name, x, seed)
    text = judge.compare(got, right.value(params), "the loss", causes)
    if text and not np.array_equal(got, model.loss(name, x, seed)):
        text = "the loss changes with the same rng: draw the noise with rng, not with np.random"
    return judge.only_wrong(**{part: text})


def check_gradients(
    code: Code,
    rng: Generator,
    name: str,
    losses: Callable[..., tuple[Loss, Losses]],
    mistakes: Callable[..., dict[str, list[Array]]],
) -> dict[str, str]:
    """What is wrong with the gradient of each parameter, by its name."""
    x, params, seed = draw(rng)
    model = Model(code, params)
    right, known = losses(x, seed)
    got = model.loss(name, x, seed)
    found = compare_gradients(model, name, x, params, seed, right, mistakes)
    for _, loss in known:
        if found and not judge.compare(got, loss.value(params), "the loss"):
            return compare_gradients(model, name, x, params, seed, loss, mistakes)
    return found


def compare_gradients(
    model: Model,
    name: str,
    x: Array,
    params: Params,
    seed: Seed,
    loss: Loss,
    mistakes: Callable[..., dict[str, list[Array]]],
) -> dict[str, str]:
    """What is wrong with them as gradients of this loss."""

    def reference(W1: Array, b1: Array, W2: Array, b2: Array) -> Array:
        return loss.value((W1, b1, W2, b2))

    def student(dy: Any, *params: Any) -> list[Any]:
        model.write(params)  # type: ignore[arg-type]
        return [dy * np.asarray(gradient) for gradient in model.gradients(name, x, seed)]

    def causes(dy: Any, *params: Any) -> Any:
        found: dict[str, dict[str, Any]] = {part: {} for part in ("dW1", "db1", "dW2", "db2")}
        for cause, values in mistakes(x, seed, loss, params).items():
            for known, gradient in zip(found.values(), values, strict=True):
                known[cause] = dy * gradient
        return found

    parts = judge.gradients(reference, student, *params, causes=causes)
    names = dict(zip(("W1", "b1", "W2", "b2"), KEYS, strict=True))
    # "dW1 is wrong: ... W1" becomes "encoder.0.weight is wrong: ..."
    return {
        names[part[1:]]: re.sub(r"\bd?([Wb][12])\b", lambda match: names[match[1]], text)
        for part, text in parts.items()
    }


def denoising_gradients(code: Code, rng: Generator) -> dict[str, str]:
    wrong = check_gradients(code, rng, "denoising", denoising, denoising_mistakes)
    decoder = next((wrong.pop(key) for key in KEYS[2:] if key in wrong), "")
    return {key: wrong[key] for key in KEYS[:2] if key in wrong} | judge.only_wrong(decoder=decoder)


def emphasized_gradients(code: Code, rng: Generator) -> dict[str, str]:
    wrong = check_gradients(code, rng, "emphasized", emphasized, emphasized_mistakes)
    found: dict[str, str] = {}
    for key, text in wrong.items():
        found.setdefault(f"emphasized {key.partition('.')[0]}", text)
    return found


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, params, seed = draw(rng)
    model, narrow = Model(code, params), Model(code, params, "float32")
    text = ""
    for name, settings in SETTINGS.items():
        model.gradients(name, x[:1], seed)
        _, (_, after, *_) = code.call_in_place(name, model.handle, x, seed, *settings)
        if not np.array_equal(after, x):
            text = text or f"{name} changes x in place: the next epoch needs the clean images"
        now = code.arrays(model.handle)
        if not all(np.array_equal(now[key], w) for key, w in zip(KEYS, params, strict=True)):
            text = text or f"{name} changes the model: that is the optimizer's task"
        grads = narrow.gradients(name, x.astype(np.float32), seed)
        if dtypes := {np.asarray(gradient).dtype.name for gradient in grads} - {"float32"}:
            text = text or (
                f"{name}: float32 images and weights give {dtypes.pop()} gradients. Noise and "
                "weights need the dtype of x"
            )
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="denoising",
    number=13,
    title="Repair what was destroyed",
    chapter="03_denoising",
    checks=(
        Check({"loss": 2.5}, lambda c, rng: check_loss(c, rng, "denoising", "loss", denoising)),
        Check({KEYS[0]: 1.5, KEYS[1]: 0.5, "decoder": 1}, denoising_gradients),
        Check(
            {"emphasized loss": 1.5},
            lambda c, rng: check_loss(c, rng, "emphasized", "emphasized loss", emphasized),
        ),
        Check({"emphasized encoder": 1, "emphasized decoder": 1}, emphasized_gradients),
        Check({"conduct": 1}, conduct, needs=("loss",)),
    ),
)
