"""Exercise 2, a linear layer by hand: y = x Wᵀ + b, and its three gradients."""

from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise


def linear(x: Array, W: Array, b: Array) -> Array:
    """The reference."""
    return x @ W.T + b


def draw(rng: Generator) -> tuple[Array, Array, Array]:
    """Five examples; in and out differ, so a transpose shows in the shape."""
    return rng.normal(size=(5, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)


def forward(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng)
    y, _ = judge.pair(code.call("linear_forward", x, W, b), "y, cache")
    causes = {"b was not added": x @ W.T, "b was subtracted": x @ W.T - b}
    return judge.only_wrong(y=judge.compare(y, linear(x, W, b), "y", causes))


def backward(code: Code, rng: Generator) -> dict[str, str]:
    def student(dy, x, W, b):
        _, cache = judge.pair(code.call("linear_forward", x, W, b), "y, cache")
        return judge.pair(code.call("linear_backward", dy, cache), "dx, dW, db")

    def causes(dy, x, W, b):
        return {
            "dW": {"it was divided by the number of examples": dy.T @ x / len(x)},
            "db": {"it is the mean over the examples, expected the sum": dy.mean(axis=0)},
        }

    return judge.gradients(linear, student, *draw(rng), causes=causes)


def square(code: Code, rng: Generator) -> dict[str, str]:
    """With in = out, the shape no longer shows a transpose."""

    def student(dy, x, W, b):
        _, cache = judge.pair(code.call("linear_forward", x, W, b), "y, cache")
        return judge.pair(code.call("linear_backward", dy, cache), "dx, dW, db")

    inputs = rng.normal(size=(6, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)

    def causes(dy, x, W, b):
        mean = "it is the mean over the examples, expected the sum"
        return {
            "dx": {"W is transposed": dy @ W.T},
            "dW": {"it is transposed": x.T @ dy},
            "db": {mean: dy.mean(axis=0)},
        }

    wrong = judge.gradients(linear, student, *inputs, causes=causes)
    return judge.only_wrong(**{"in = out": "; ".join(wrong.values())})


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng)

    def forward(x):
        same = {"dtype": x.dtype, "copy": False}
        arguments = x, W.astype(**same), b.astype(**same)
        return judge.pair(code.call("linear_forward", *arguments), "y, cache")

    def backward(dy, cache):
        return judge.pair(code.call("linear_backward", dy, cache), "dx, dW, db")

    text = judge.conduct(forward, backward, x, rng.normal(size=x.shape))
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="linear",
    number=2,
    title="A linear layer and its three gradients",
    chapter="00_derivatives_by_hand",
    checks=(
        Check({"y": 2}, forward),
        Check({"dx": 2, "dW": 2, "db": 1}, backward),
        Check({"in = out": 1}, square),
        Check({"conduct": 2}, conduct, needs=("y",)),
    ),
)
