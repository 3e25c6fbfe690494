"""The training loop of exercise 6. The layers that are trained are tinyae's own, in the student's
process."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Code, Mistake
from tinyae.course.values import Seed
from tinyae.data import strokes
from tinyae.layers import Layer, Linear, Sequential, Sigmoid, Tanh
from tinyae.optim import adam_textbook

SIZE, HIDDEN = 64, 12  # images of 8 × 8 pixels


class Net:
    """The same autoencoder on both sides: tinyae's layers in the student's process, and here."""

    def __init__(self, code: Code, rng: Generator) -> None:
        self.code = code
        self.layers: list[Layer] = []
        self.handles: list[Any] = []
        for n, m, activation in ((SIZE, HIDDEN, Tanh), (HIDDEN, SIZE, Sigmoid)):
            linear = Linear(n, m, rng=rng, dtype=np.float64)
            handle = code.construct("tinyae.Linear", n, m, dtype="float64")
            for name, array in linear.params.items():
                code.set_array(handle, name, array)
            self.layers += [linear, activation()]
            self.handles += [handle, code.construct(f"tinyae.{activation.__name__}")]
        self.net = Sequential(*self.layers)

    def train(self, x: Array, epochs: int, seed: Seed, batch_size: int, lr: float) -> Any:
        """The student's training loop, on the student's side."""
        return self.code.call("train", self.handles, x, epochs, seed, batch_size, lr)

    def fetch(self) -> None:
        """Take over the weights of the student's side."""
        for layer, handle in zip(self.layers, self.handles, strict=True):
            for name, array in layer.params.items():
                array[...] = self.code.arrays(handle)[name]

    def loss(self, x: Array) -> float:
        return float(((self.net(x) - x) ** 2).mean())


Order = Callable[[Generator, int, int], list[Array]]  # (rng, N, batch size) -> batches of an epoch


def batches(rng: Generator, n: int, size: int) -> list[Array]:
    order = rng.permutation(n)
    return [order[start : start + size] for start in range(0, n, size)]


def train(
    net: Sequential,
    x: Array,
    epochs: int,
    seed: Seed,
    batch_size: int,
    lr: float,
    order: Order = batches,
    restarts: bool = False,
    first_t: int = 1,
) -> list[float]:
    """The reference: the losses of all steps. ``restarts`` is the mistake of a new Adam in each
    epoch, ``first_t`` that of a wrong first t."""
    rng = np.random.default_rng(seed.value)
    losses: list[float] = []
    for epoch in range(epochs):
        if epoch == 0 or restarts:
            steps: Iterator[int] = count(first_t)
            means = {k: (np.zeros_like(w), np.zeros_like(w)) for k, w in net.params.items()}
        for chosen in order(rng, len(x), batch_size):
            batch = x[chosen]
            y, caches = net.forward(batch)
            losses.append(float(((y - batch) ** 2).mean()))
            _, grads = net.backward(2 * (y - batch) / y.size, caches)
            t = next(steps)
            for key, w in net.params.items():
                w[...], *new = adam_textbook(w, grads[key], *means[key], t, lr)
                means[key] = new[0], new[1]
    return losses


def without_shuffling(rng: Generator, n: int, size: int) -> list[Array]:
    return [np.arange(n)[start : start + size] for start in range(0, n, size)]


def full_batches(rng: Generator, n: int, size: int) -> list[Array]:
    return [batch for batch in batches(rng, n, size) if len(batch) == size]


def numbers(losses: Any) -> list[float]:
    """The losses as floats.

    Raises:
        Mistake: if they are something else.
    """
    values = losses if isinstance(losses, list | tuple | np.ndarray) else None
    if values is None or not all(np.ndim(v) == 0 and np.isreal(v) for v in values):
        raise Mistake(f"train returns {judge.described(losses)}, expected a list of numbers")
    return [float(v) for v in values]


def learns(code: Code, rng: Generator) -> dict[str, str]:
    """The weights after training are judged here, on other images."""
    data = strokes(600, 200, seed=int(rng.integers(2**31)), size=8)
    x, x_test = data.train.flat.astype(float), data.test.flat.astype(float)
    net = Net(code, rng)
    start = net.loss(x_test)
    own = net.net.astype(np.float64)
    settings = 8, Seed(int(rng.integers(2**31))), 32, 0.01
    losses = numbers(net.train(x, *settings))
    net.fetch()
    train(own, x, *settings)
    reached, possible = net.loss(x_test), float(((own(x_test) - x_test) ** 2).mean())
    texts = {}
    if not np.isfinite(reached):
        texts["train learns"] = "the weights after training are NaN or infinite"
    elif reached > 0.999 * start:
        texts["train learns"] = "the weights of the layers are as good as before: are they changed?"
    elif reached > 1.2 * possible:
        texts["train learns"] = (
            f"the loss on new images is {reached:.3f} after training and was {start:.3f} before, "
            f"expected less than {1.2 * possible:.3f}"
        )
    steps = 8 * 19  # 600 images in batches of 32
    if reached > 0.999 * start:
        texts["losses"] = "this counts only when the layers are trained"
    elif len(losses) == 8:
        texts["losses"] = "there is one loss for each epoch, expected one for each step"
    elif len(losses) != steps:
        texts["losses"] = f"there are {len(losses)} losses for {steps} steps"
    elif not 0.7 < losses[0] / start < 1.4:
        texts["losses"] = (
            f"the first loss is {losses[0]:.3g}, but the mean squared error of the untrained "
            f"layers is about {start:.2f}: mean over all entries, before the step?"
        )
    return texts


def exact(code: Code, rng: Generator) -> dict[str, str]:
    """Step by step, with the same seed."""
    x = rng.uniform(size=(50, SIZE))
    settings = 3, Seed(int(rng.integers(2**31))), 16, 0.01  # the last batch has two images
    net = Net(code, rng)

    def variant(**options: Any) -> list[float]:
        return train(net.net.astype(np.float64), x, *settings, **options)

    want = variant()
    got = numbers(net.train(x, *settings))
    if len(got) != len(want):
        hint = ": the last batch of an epoch may be smaller" if len(got) == 9 else ""
        return {"train, exactly": f"there are {len(got)} losses for {len(want)} steps{hint}"}
    if np.isfinite(got[0]) and np.isnan(got[1]):
        return {
            "train, exactly": "the loss is NaN after the first step: t starts at 1, because "
            "1 − β⁰ is 0"
        }
    causes = {
        "m, v and t start again in each epoch": np.array(variant(restarts=True)),
        "the images are not shuffled": np.array(variant(order=without_shuffling)),
        "t counts from 2: add 1 before the step, once": np.array(variant(first_t=2)),
    }
    text = judge.compare(np.array(got), np.array(want), "the list of losses", causes, 1e-7)
    if text and judge.close(np.array(got[:1]), np.array(want[:1])):
        wrong = int(np.argmax(np.abs(np.array(got) - want) > 1e-7))
        text += f"; the first {wrong} are right"
    return judge.only_wrong(**{"train, exactly": text})
