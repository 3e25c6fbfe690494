"""Exercise 6, Adam and Adamax in place, and a training loop. The layers that are trained are
tinyae's own, in the student's process."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake
from tinyae.course.values import Seed
from tinyae.data import strokes
from tinyae.layers import Layer, Linear, Sequential, Sigmoid, Tanh
from tinyae.optim import adam_textbook

RTOL = 1e-11
SIZE, HIDDEN = 64, 12  # images of 8 × 8 pixels


def draw(rng: Generator) -> tuple[tuple[Array, ...], tuple[Any, ...]]:
    """``(w, g, m, v), (t, lr, b1, b2, eps)`` in the middle of a training, with a large ε.

    Gradients of both signs, and v both smaller and larger than |g|, so that every mistake shows.
    """
    w, m = rng.normal(size=(2, 4, 3))
    place = np.arange(12).reshape(4, 3)
    g = rng.uniform(0.5, 1.5, (4, 3)) * np.where(place % 2, 1, -1)
    v = np.abs(g) * np.where(place % 4 < 2, 0.3, 3)
    t = int(rng.integers(2, 6))
    settings = rng.uniform([0.01, 0.7, 0.9, 0.05], [0.1, 0.85, 0.95, 0.2])
    return (w, g, m, v), (t, *map(float, settings))


def adamax(
    w: Array, g: Array, m: Array, u: Array, t: int, lr: float, b1: float, b2: float, eps: float
) -> tuple[Array, Array, Array]:
    """The reference: ``w, m, u`` after step t."""
    m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g) + eps)
    return w - lr * m / (1 - b1**t) / u, m, u


def stepped(code: Code, name: str, arrays: tuple[Array, ...], settings: tuple[Any, ...]) -> Any:
    """``(w, g, m, v) after the call, result``. If the code returns new arrays instead of changing
    its arguments, they are taken: what is in place has points of its own."""
    result, after = code.call_in_place(name, *arrays, *settings)
    w, g, m, v = after[:4]
    if isinstance(result, tuple | list) and len(result) == 3 and np.array_equal(w, arrays[0]):
        w, m, v = result
    return (w, g, m, v), result


def adam_causes(
    w: Array, g: Array, m: Array, v: Array, t: int, lr: float, b1: float, b2: float, eps: float
) -> dict[str, Array]:
    """w after steps with a known mistake."""
    old_m, old_v = m, v
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    right = m_hat / (np.sqrt(v_hat) + eps)
    steps = {
        "both bias corrections are missing": m / (np.sqrt(v) + eps),
        "the bias correction of m is missing": m / (np.sqrt(v_hat) + eps),
        "the bias correction of v is missing": m_hat / (np.sqrt(v) + eps),
        "eps belongs outside of the root": m_hat / np.sqrt(v_hat + eps),
        "eps is missing": m_hat / np.sqrt(v_hat),
        "eps is added before the bias correction of v": m_hat
        / ((np.sqrt(v) + eps) / np.sqrt(1 - b2**t)),
        "the root of v is missing": m_hat / (v_hat + eps),
        "it uses g where m belongs": g / (np.sqrt(v_hat) + eps),
        "it uses the old m and v, expected the new ones": old_m
        / (1 - b1**t)
        / (np.sqrt(old_v / (1 - b2**t)) + eps),
        "it moves uphill: the sign": -right,
        "lr is missing": right / lr,
        "the bias correction has t·β, expected β to the power of t": m
        / (1 - b1 * t)
        / (np.sqrt(np.abs(v / (1 - b2 * t))) + eps),
    }
    for wrong, text in ((t - 1, "t − 1"), (t + 1, "t + 1")):
        steps[f"the bias correction has {text}, expected t"] = (
            m / (1 - b1**wrong) / (np.sqrt(v / (1 - b2**wrong)) + eps)
        )
    return {cause: w - lr * step for cause, step in steps.items()}


def mean_causes(old: Array, new: Array, weight: float) -> dict[str, Array]:
    return {
        "it did not change: write into the argument, m[...] = ..., not m = ...": old,
        "the weights β and 1 − β are exchanged": (1 - weight) * old + weight * new,
        "the factor 1 − β is missing": weight * old + new,
        "the factor β is missing": old + (1 - weight) * new,
    }


def adam(code: Code, rng: Generator) -> dict[str, str]:
    arrays, settings = draw(rng)
    (w, _, m, v), _ = stepped(code, "adam_step", arrays, settings)
    want_w, want_m, want_v = adam_textbook(*arrays, *settings)
    g, b1, b2 = arrays[1], settings[2], settings[3]
    unchanged = {"it did not change: write into the argument, w -= ..., not w = w - ...": arrays[0]}
    v_causes = mean_causes(arrays[3], g**2, b2) | {
        "it has g, expected g²": b2 * arrays[3] + (1 - b2) * g,
        "it has |g|, expected g²": b2 * arrays[3] + (1 - b2) * np.abs(g),
        "it has β1, expected β2": b1 * arrays[3] + (1 - b1) * g**2,
    }
    text = judge.compare(m, want_m, "m", mean_causes(arrays[2], g, b1), RTOL) or judge.compare(
        v, want_v, "v", v_causes, RTOL
    )
    causes = unchanged | adam_causes(*arrays, *settings)
    return judge.only_wrong(
        **{"Adam w": judge.compare(w, want_w, "w", causes, RTOL), "Adam m, v": text}
    )


def ax(code: Code, rng: Generator) -> dict[str, str]:
    arrays, settings = draw(rng)
    (w, _, m, u), _ = stepped(code, "adamax_step", arrays, settings)
    want_w, want_m, want_u = adamax(*arrays, *settings)
    (old_w, g, old_m, old_u), (t, lr, b1, b2, eps) = arrays, settings
    m_hat = want_m / (1 - b1**t)
    u_causes = {
        "it did not change: write into the argument, u[...] = ..., not u = ...": old_u,
        "eps is missing": np.maximum(b2 * old_u, np.abs(g)),
        "|g| has lost its absolute value": np.maximum(b2 * old_u, g + eps),
        "the factor β2 is missing": np.maximum(old_u, np.abs(g) + eps),
        "it has g², expected |g|": np.maximum(b2 * old_u, g**2 + eps),
    }
    w_causes = {
        "it did not change: write into the argument, w -= ..., not w = w - ...": old_w,
        "the bias correction of m is missing": old_w - lr * want_m / want_u,
        "u has a bias correction; only m needs one": old_w - lr * m_hat / (want_u / (1 - b2**t)),
        "u has a square root": old_w - lr * m_hat / np.sqrt(want_u),
        "it uses the old u, expected the new one": old_w - lr * m_hat / old_u,
        "it uses g where m belongs": old_w - lr * g / want_u,
        "it moves uphill: the sign": old_w + lr * m_hat / want_u,
    }
    text = judge.compare(m, want_m, "m", mean_causes(old_m, g, b1), RTOL)
    text = text or judge.compare(u, want_u, "u", u_causes, RTOL)
    text = text or judge.compare(w, want_w, "w", w_causes, RTOL)
    return judge.only_wrong(Adamax=text)


def in_place(code: Code, rng: Generator) -> dict[str, str]:
    for name, third in (("adam_step", "v"), ("adamax_step", "u")):
        arrays, settings = draw(rng)
        result, after = code.call_in_place(name, *arrays, *settings)
        for letter, old, new in zip(("w", "g", "m", third), arrays, after, strict=False):
            same = np.array_equal(old, new)
            if same and letter != "g":
                return {"in place": f"{name} does not change its argument {letter} in place"}
            if not same and letter == "g":
                return {"in place": f"{name} changes the gradient g, which is not its own"}
        if result is not None:
            return {"in place": f"{name} returns {judge.described(result)}, expected nothing"}
    return {}


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
        texts["losses"] = "this counts once the layers are trained"
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
        "m, v and t start again in each epoch": variant(restarts=True),
        "the images are not shuffled": variant(order=without_shuffling),
        "t counts from 2: add 1 before the step, once": variant(first_t=2),
    }
    text = judge.compare(np.array(got), np.array(want), "the list of losses", causes, 1e-7)
    if text and adam(code, rng):
        text += "; adam_step is wrong too: repair it first"
    elif text and judge.close(np.array(got[:1]), np.array(want[:1])):
        wrong = int(np.argmax(np.abs(np.array(got) - want) > 1e-7))
        text += f"; the first {wrong} are right"
    return judge.only_wrong(**{"train, exactly": text})


EXERCISE = Exercise(
    name="adam",
    number=6,
    title="Adam, and a training loop",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"Adam w": 2, "Adam m, v": 1}, adam),
        Check({"Adamax": 2}, ax),
        Check({"in place": 1}, in_place, needs=("Adam m, v",)),
        Check({"train learns": 3, "losses": 1}, learns),
        Check({"train, exactly": 2}, exact),
    ),
)
