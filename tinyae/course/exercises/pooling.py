"""Exercise 12, repeating pixels, and max pooling with ties and a remainder."""

from functools import partial

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.layer import StudentLayer


def repeat(x: Array) -> Array:
    """The reference: each pixel becomes 2 × 2 pixels."""
    return x.repeat(2, axis=2).repeat(2, axis=3)


def windows(x: Array, k: int) -> Array:
    """(N, C, h, w, k·k): the pixels of each window, row by row."""
    n, c, height, width = x.shape
    h, w = height // k, width // k
    blocks = x[:, :, : h * k, : w * k].reshape(n, c, h, k, w, k)
    return blocks.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, k * k)


def images(rows: Array, k: int, shape: tuple[int, ...]) -> Array:
    """The transpose of ``windows``: pixels without a window are 0."""
    n, c, h, w, _ = rows.shape
    x = np.zeros(shape)
    blocks = rows.reshape(n, c, h, w, k, k).transpose(0, 1, 2, 4, 3, 5)
    x[:, :, : h * k, : w * k] = blocks.reshape(n, c, h * k, w * k)
    return x


def max_pool(x: Array, k: int) -> Array:
    """The reference: the maximum of each window."""
    return windows(x, k).max(axis=-1)


def pool_gradients(dy: Array, x: Array, k: int) -> dict[str, Array]:
    """dx by several rules for equal pixels; "first" is the right one."""
    rows = windows(x, k)
    is_max = rows == rows.max(axis=-1, keepdims=True)
    places = np.arange(k * k)

    def at(chosen: Array) -> Array:
        return images((places == chosen[..., None]) * dy[..., None], k, x.shape)

    return {
        "first": at(rows.argmax(axis=-1)),
        "last": at(k * k - 1 - rows[..., ::-1].argmax(axis=-1)),
        "all": images(is_max * dy[..., None], k, x.shape),
        "shared": images(is_max * (dy / is_max.sum(axis=-1))[..., None], k, x.shape),
        "every pixel": images(np.broadcast_to(dy[..., None], rows.shape), k, x.shape),
    }


def image(rng: Generator, height: int, width: int) -> Array:
    """No two entries are close, so a small step changes no maximum; all are negative."""
    size = 2 * 3 * height * width
    x = rng.permutation(size) + rng.uniform(0, 0.5, size)
    return (x / size - 1.1).reshape(2, 3, height, width)


def repeat_forward(code: Code, rng: Generator) -> dict[str, str]:
    x = image(rng, 3, 4)
    y, _ = StudentLayer(code, "Repeat2x").forward(x)
    causes = {
        "the image as a whole is repeated (np.tile), expected each pixel": np.tile(x, (1, 1, 2, 2)),
        "its axes are mixed: check the order of the axes before reshape": x.repeat(4).reshape(
            2, 3, 6, 8
        ),
        "only the first of the four copies is written": repeat(x)
        * (np.indices((6, 8)) % 2 == 0).all(axis=0),
    }
    return judge.only_wrong(**{"Repeat2x y": judge.compare(y, repeat(x), "y", causes)})


def repeat_backward(code: Code, rng: Generator) -> dict[str, str]:
    def causes(dy: Array, x: Array) -> dict[str, Array]:
        n, c, h, w = x.shape
        blocks = dy.reshape(n, c, h, 2, w, 2)
        return {
            "it is the mean over the four copies, expected their sum": blocks.mean(axis=(3, 5)),
            "it has one of the four copies, expected their sum": blocks[:, :, :, 0, :, 0],
            "it is the maximum over the four copies, expected their sum": blocks.max(axis=(3, 5)),
            "its axes are mixed: (H, 2, W, 2), not (H, W, 2, 2)": dy.reshape(n, c, h, w, 4).sum(
                axis=-1
            ),
            "it is for np.tile: the copies of a pixel are next to each other": dy.reshape(
                n, c, 2, h, 2, w
            ).sum(axis=(2, 4)),
        }

    text = StudentLayer(code, "Repeat2x").check_dx(repeat, image(rng, 3, 4), causes)
    return judge.only_wrong(**{"Repeat2x dx": text})


def pool_output(layer: StudentLayer, x: Array, k: int) -> str:
    n, c, height, width = x.shape
    causes = {
        "it is the mean of each window, expected the maximum": windows(x, k).mean(axis=-1),
        "it is never below 0: negative pixels have a maximum too": np.maximum(max_pool(x, k), 0),
        "it is the maximum of the absolute values": np.abs(windows(x, k)).max(axis=-1),
    }
    if height % k == width % k == 0:
        h, w = height // k, width // k
        mixed = x.reshape(n, c, h, w, k * k).max(axis=-1)
        causes["its axes are mixed: (H/k, k, W/k, k), not (H/k, W/k, k, k)"] = mixed
        mixed = x.reshape(n, c, k, h, k, w).max(axis=(2, 4))
        causes["its axes are mixed: (H/k, k, W/k, k), not (k, H/k, k, W/k)"] = mixed
    return judge.compare(layer.forward(x)[0], max_pool(x, k), "y", causes)


def pool_forward(code: Code, rng: Generator) -> dict[str, str]:
    texts = [
        pool_output(StudentLayer(code, "MaxPool2d", k), image(rng, *size), k)
        for k, size in ((2, (4, 6)), (3, (6, 3)))
    ]
    return judge.only_wrong(**{"MaxPool2d y": texts[0] or texts[1]})


def pool_backward(code: Code, rng: Generator) -> dict[str, str]:
    k = 3
    layer = StudentLayer(code, "MaxPool2d", k)

    def causes(dy: Array, x: Array) -> dict[str, Array]:
        known = pool_gradients(dy, x, k)
        rows = windows(x, k)
        smallest = (rows == rows.min(axis=-1, keepdims=True)) * dy[..., None]
        return {
            "every pixel of a window has the gradient, expected the maximum only": known[
                "every pixel"
            ],
            "the gradient is spread evenly over the window, as for a mean": known["every pixel"]
            / k**2,
            "it is multiplied by the maximum": known["first"] * x,
            "it is 1 at the maximum: dy is missing": (known["first"] != 0).astype(float),
            "it goes to the minimum": images(smallest, k, x.shape),
        }

    text = layer.check_dx(partial(max_pool, k=k), image(rng, 6, 9), causes)
    return judge.only_wrong(**{"MaxPool2d dx": text})


def ties(code: Code, rng: Generator) -> dict[str, str]:
    """Small integers: most windows have several maxima."""
    x = rng.integers(0, 3, (2, 2, 8, 8)).astype(float)
    x[0, 0] = 0
    dy = rng.normal(size=(2, 2, 4, 4))
    layer = StudentLayer(code, "MaxPool2d", 2)
    rules = pool_gradients(dy, x, 2)
    causes = {
        "each of them gets dy, so the window's gradient is counted more than once": rules["all"],
        "they share dy, expected all of it at the first": rules["shared"],
        "the last of them gets dy, expected the first": rules["last"],
    }
    dx = layer.input_gradient(dy, x)
    text = judge.compare(dx, rules["first"], "dx", causes)
    return judge.only_wrong(ties=text and f"where pixels of a window are equal, {text}")


def remainder(code: Code, rng: Generator) -> dict[str, str]:
    x, k = image(rng, 8, 7), 3
    layer = StudentLayer(code, "MaxPool2d", k)
    dy = rng.normal(size=(2, 3, 2, 2))
    text = pool_output(layer, x, k) or judge.compare(
        layer.input_gradient(dy, x), pool_gradients(dy, x, k)["first"], "dx"
    )
    return judge.only_wrong(remainder=text and f"where k does not divide the size, {text}")


def conduct(name: str, code: Code, rng: Generator) -> dict[str, str]:
    layer = StudentLayer(code, name, *([2] if name == "MaxPool2d" else []))
    text = layer.conduct(image(rng, 4, 6), image(rng, 4, 6))
    return judge.only_wrong(**{f"{name} conduct": text})


EXERCISE = Exercise(
    name="pooling",
    number=12,
    title="Pooling, and its way back",
    chapter="02_convolution",
    checks=(
        Check({"Repeat2x y": 1}, repeat_forward),
        Check({"Repeat2x dx": 2}, repeat_backward),
        Check({"MaxPool2d y": 2}, pool_forward),
        Check({"MaxPool2d dx": 2}, pool_backward),
        Check({"ties": 2}, ties),
        Check({"remainder": 1}, remainder),
        *(
            Check({f"{name} conduct": 1}, partial(conduct, name), needs=(f"{name} y",))
            for name in ("Repeat2x", "MaxPool2d")
        ),
    ),
)
