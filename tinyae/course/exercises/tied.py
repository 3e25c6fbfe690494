"""Exercise 8, tied weights: y = tanh(x Wᵀ) W, and the two paths of W's gradient."""

from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise


def tied(x: Array, W: Array) -> Array:
    """The reference."""
    return np.tanh(x @ W.T) @ W


def draw(rng: Generator, code_size: int = 3, size: int = 5) -> tuple[Array, Array]:
    return rng.normal(size=(6, size)), rng.normal(0, 0.6, (code_size, size))


def gradients_of(code: Code, dy: Array, x: Array, W: Array) -> tuple[Any, Any]:
    _, cache = judge.pair(code.call("tied_forward", x, W), "y, cache")
    dx, dW = judge.pair(code.call("tied_backward", dy, cache), "dx, dW")
    return dx, dW


def causes(dy: Array, x: Array, W: Array) -> dict[str, dict[str, Array]]:
    z = np.tanh(x @ W.T)
    dz = dy @ W.T
    da = dz * (1 - z**2)
    decoder, encoder = z.T @ dy, da.T @ x
    no_slope = "the derivative of tanh is missing"
    return {
        "dx": {no_slope: dz @ W, "it has z where 1 − z² belongs": (dz * z) @ W},
        "dW": {
            "the encoder's use of W is missing: W is used twice": decoder,
            "the decoder's use of W is missing: W is used twice": encoder,
            f"{no_slope} in the encoder's part": decoder + dz.T @ x,
            "it is the mean of the two parts, expected their sum": (decoder + encoder) / 2,
            "it is twice the encoder's part; the decoder's is another one": 2 * encoder,
            "it is twice the decoder's part; the encoder's is another one": 2 * decoder,
            "it is the difference of the two parts, expected their sum": encoder - decoder,
            "the decoder's part uses x Wᵀ, expected z = tanh(x Wᵀ)": (x @ W.T).T @ dy + encoder,
        },
    }


def output(code: Code, x: Array, W: Array) -> str:
    """What is wrong with y."""
    y, _ = judge.pair(code.call("tied_forward", x, W), "y, cache")
    causes = {
        "tanh is missing": x @ W.T @ W,
        "there is one tanh too many: y = z W": np.tanh(tied(x, W)),
        "tanh belongs to the code, not to the output": np.tanh(x @ W.T @ W),
        "W is transposed in y = z W": np.tanh(x @ W.T) @ (W.T if len(W) == W.shape[1] else W),
        "W is transposed in x Wᵀ": np.tanh(x @ (W if len(W) == W.shape[1] else W.T)) @ W,
    }
    return judge.compare(y, tied(x, W), "y", causes)


def forward(code: Code, rng: Generator) -> dict[str, str]:
    return judge.only_wrong(y=output(code, *draw(rng)))


def backward(code: Code, rng: Generator) -> dict[str, str]:
    def student(dy: Array, x: Array, W: Array) -> tuple[Any, Any]:
        return gradients_of(code, dy, x, W)

    x, W = draw(rng)
    wrong = judge.gradients(tied, student, x, W, causes=causes)
    return judge.after_output(wrong, output(code, x, W))


def paths(code: Code, rng: Generator) -> dict[str, str]:
    """One path at a time: where dy is orthogonal to W's rows only the decoder's is left, and where
    x is orthogonal to them only the encoder's is."""
    x, W = draw(rng)
    dy = rng.normal(size=x.shape)
    orthogonal = np.eye(W.shape[1]) - np.linalg.pinv(W) @ W
    z = np.tanh(x @ W.T)
    _, decoder = gradients_of(code, dy @ orthogonal, x, W)
    _, encoder = gradients_of(code, dy, x @ orthogonal, W)
    missing = "the {} part of dW is missing: W is used twice"
    return judge.only_wrong(
        **{
            "dW of the decoder": _path(decoder, z.T @ dy @ orthogonal, missing.format("decoder's")),
            "dW of the encoder": _path(
                encoder, (dy @ W.T).T @ x @ orthogonal, missing.format("encoder's")
            ),
        }
    )


def _path(got: Any, want: Array, missing: str) -> str:
    causes = {"it is half of it: the two parts are added, without a mean": want / 2}
    wrong = judge.compare(got, want, "dW", causes)
    is_small = isinstance(got, np.ndarray) and np.abs(got).max() < 1e-8
    return missing if wrong and is_small else wrong


def square(code: Code, rng: Generator) -> dict[str, str]:
    """With K = D, the shape no longer shows a transpose."""
    x, W = draw(rng, 4, 4)
    wrong = output(code, x, W)

    def transposes(dy: Array, x: Array, W: Array) -> dict[str, dict[str, Array]]:
        z = np.tanh(x @ W.T)
        da = (dy @ W.T) * (1 - z**2)
        decoder, encoder = z.T @ dy, da.T @ x
        wrong_dz = (dy @ W) * (1 - z**2)
        return {
            "dx": {"W is transposed": da @ W.T, "dz has W where Wᵀ belongs": wrong_dz @ W},
            "dW": {
                "the decoder's part is transposed": decoder.T + encoder,
                "the encoder's part is transposed": decoder + encoder.T,
                "it is transposed": (decoder + encoder).T,
                "dz has W where Wᵀ belongs": decoder + wrong_dz.T @ x,
            },
        }

    found = judge.gradients(
        tied, lambda dy, x, W: gradients_of(code, dy, x, W), x, W, causes=transposes
    )
    text = wrong or "; ".join(found.values())
    return judge.only_wrong(**{"K = D": text and f"for a square W, {text}"})


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, W = draw(rng)

    def forward(x: Array) -> tuple[Any, Any]:
        y, cache = judge.pair(code.call("tied_forward", x, W.astype(x.dtype)), "y, cache")
        return y, cache

    def backward(dy: Array, cache: Any) -> tuple[Any, ...]:
        return judge.pair(code.call("tied_backward", dy, cache), "dx, dW")

    text = judge.conduct(forward, backward, x, rng.normal(size=x.shape))
    text = text or judge.in_place(code, "tied_forward", {"x": x, "W": W})
    text = text or judge.in_place(code, "tied_backward", {"dy": x.copy()}, forward(x)[1])
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="tied",
    number=8,
    title="Tied weights",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"y": 2}, forward),
        Check({"dx": 2, "dW": 1}, backward),
        Check({"dW of the decoder": 2, "dW of the encoder": 2}, paths),
        Check({"K = D": 1}, square),
        Check({"conduct": 2}, conduct, needs=("y",)),
    ),
)
