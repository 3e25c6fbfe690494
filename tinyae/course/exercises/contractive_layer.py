"""Exercise 15, the contractive penalty of one layer, for any activation."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise


def sigmoid(a: Array) -> tuple[Array, Array, Array]:
    """f(a), f'(a), f''(a)"""
    z = 1 / (1 + np.exp(-a))
    return z, z * (1 - z), z * (1 - z) * (1 - 2 * z)


def tanh(a: Array) -> tuple[Array, Array, Array]:
    z = np.tanh(a)
    return z, 1 - z * z, -2 * z * (1 - z * z)


def softsign(a: Array) -> tuple[Array, Array, Array]:
    size = 1 + np.abs(a)
    return a / size, 1 / size**2, -2 * np.sign(a) / size**3


Activation = Callable[[Array], tuple[Array, Array, Array]]


def jacobians(x: Array, W: Array, b: Array, f: Activation) -> Array:
    """(N, K, D): what nobody should compute, except to check something."""
    return f(x @ W.T + b)[1][:, :, None] * W


def omega(x: Array, W: Array, b: Array, f: Activation) -> Array:
    """The reference."""
    return (jacobians(x, W, b, f) ** 2).sum() / len(x)


def draw(rng: Generator) -> tuple[Array, Array, Array]:
    """Five examples, four inputs, three units."""
    return rng.normal(size=(5, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)


def ask(code: Code, x: Array, W: Array, b: Array, f: Activation) -> tuple[Any, ...]:
    """``value, dx, dW, db``"""
    _, df, d2f = f(x @ W.T + b)
    return judge.pair(code.call("contractive_layer", x, W, df, d2f), "value, dx, dW, db")


def value(code: Code, rng: Generator) -> dict[str, str]:
    for f in (sigmoid, tanh):
        x, W, b = draw(rng)
        x, W = x / 3, 3 * W  # a value that is not below 1, which // would round down to 0
        J, n, want = jacobians(x, W, b, f), len(x), omega(x, W, b, f)
        df, norms = f(x @ W.T + b)[1], (W * W).sum(axis=1)
        causes = {
            "it is ‖Jᵀ1‖²: the rows were added first, and then squared": (
                (J.sum(axis=1) ** 2).sum() / n
            ),
            "it is ‖J1‖²: the columns were added first, and then squared": (
                (J.sum(axis=2) ** 2).sum() / n
            ),
            "it is the sum over the examples, expected the mean": want * n,
            "it is the mean over all entries of J, expected the sum over its rows and columns": [
                want / size for size in (W.size, *W.shape)
            ],
            "f' is not squared": (df * norms).sum() / n,
            "f' is missing: this is weight decay": [norms.sum(), norms.sum() / n],
            "the weights are not squared": (df**2 * W.sum(axis=1)).sum() / n,
            "it is the norm, expected the squared norm": [
                np.sqrt((J**2).sum(axis=(1, 2))).mean(),
                np.sqrt(want),
                np.sqrt(want * n),
            ],
            "// rounds down to an integer: use /": [np.floor(want * n), want * n // n],
            "f' of the mean example: first square, then take the mean": (
                (df.mean(axis=0) ** 2 * norms).sum()
            ),
        }
        got = ask(code, x, W, b, f)[0]
        if text := judge.compare(got, want, "the value", causes):
            return {"value": text}
    return {}


def gradients(code: Code, rng: Generator) -> dict[str, str]:
    found: dict[str, str] = {}
    for f in (sigmoid, tanh):

        def reference(x: Array, W: Array, b: Array, f: Activation = f) -> Array:
            return omega(x, W, b, f)

        def student(dy: Any, x: Array, W: Array, b: Array, f: Activation = f) -> Any:
            return tuple(dy * np.asarray(g) for g in ask(code, x, W, b, f)[1:])

        def causes(dy: Any, x: Array, W: Array, b: Array, f: Activation = f) -> Any:
            _, df, d2f = f(x @ W.T + b)
            n, norms = len(x), (W * W).sum(axis=1)
            da = dy * 2 * df * d2f * norms / n
            each = dy * 2 * (df**2)[:, :, None] * W / n  # the direct term of each example
            direct, through = each.sum(axis=0), da.T @ x
            missing = "the term through a is missing: f'(a) depends on W, too"
            return {
                "dW": {
                    missing: direct,
                    "the direct term is missing: 2 f'(a)² W": through,
                    "the direct term is not a mean over the examples": [
                        n * direct + through,
                        each[0] + through,
                    ],
                    "the term through a is not a mean over the examples": direct + n * through,
                    "in the term through a, the factor 2 is missing": direct + through / 2,
                    "in the direct term, the factor 2 is missing": direct / 2 + through,
                    "in the term through a, f'' stands without f'": direct
                    + (da / df).T @ x,
                    "in the term through a, f' stands without f''": direct
                    + (da / d2f).T @ x,
                    "in the term through a, Σ W² is missing": direct + (da / norms).T @ x,
                },
                "dx": {
                    "it is 0, but f'(a) depends on x": 0 * x,
                    "f'' stands without f'": (da / df) @ W,
                    "f' stands without f''": (da / d2f) @ W,
                    "Σ W² is missing": (da / norms) @ W,
                    "it is not a mean over the examples": n * da @ W,
                },
                "db": {
                    "it is 0, but f'(a) depends on b": 0 * b,
                    "it is the mean over the examples, expected the sum": da.mean(axis=0),
                    "it is not a mean over the examples": n * da.sum(axis=0),
                    "f'' stands without f'": (da / df).sum(axis=0),
                    "f' stands without f''": (da / d2f).sum(axis=0),
                    "Σ W² is missing": (da / norms).sum(axis=0),
                },
            }  # fmt: skip

        found = judge.gradients(reference, student, *draw(rng), causes=causes) | found
    return found


def derivatives(code: Code, rng: Generator, name: str, f: Activation) -> dict[str, str]:
    """f' and f'', from z."""
    z, df, d2f = f(rng.uniform(0.2, 1.5, size=(4, 3)) * rng.choice([-1, 1], size=(4, 3)))
    again = f(z)  # the mistake to take z for a
    got = judge.pair(code.call(f"{name}_derivatives", z), "df, d2f")
    misread = "z is the output f(a), not a: f is applied twice"
    first: dict[str, Any] = {misread: again[1]}
    second: dict[str, Any] = {
        misread: again[2],
        "it has the opposite sign": -d2f,
        "the factor f' is missing, since d/da = f'(a) d/dz": d2f / df,
        "the factor 2 is missing": d2f / 2,
        "it is f' squared": df**2,
        "it is f'": df,
    }
    if name == "sigmoid":
        first["it is 1 − z, expected z (1 − z)"] = 1 - z
        second["it is f' (1 − z), expected f' (1 − 2z)"] = df * (1 - z)
    if name == "tanh":
        first["it is 1 − z, expected 1 − z²"] = 1 - z
    if name == "softsign":
        first["the power is wrong: 1 / (1 + |a|) = 1 − |z|, and f' has its square"] = 1 - np.abs(z)
        first["for negative z, |z| is missing"] = (1 - z) ** 2
        second["for negative z, |z| is missing"] = -2 * np.sign(z) * (1 - z) ** 3
        second["the sign of z is missing: f'' is positive for a < 0"] = [-np.abs(d2f), np.abs(d2f)]
        second["the power is wrong: f'' has 1 − |z| to the third power"] = [
            -2 * np.sign(z) * (1 - np.abs(z)) ** power for power in (1, 2, 4)
        ]
    return judge.only_wrong(
        **{
            f"{name} f'": judge.compare(got[0], df, "f'", first),
            f"{name} f''": judge.compare(got[1], d2f, "f''", second),
        }
    )


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    x, W, b = draw(rng)
    _, df, d2f = tanh(x @ W.T + b)
    arguments = {"x": x, "W": W, "df": df, "d2f": d2f}
    text = judge.in_place(code, "contractive_layer", arguments)
    _, *single = ask(code, x[:1], W, b, tanh)
    x32, W32, b32 = (a.astype(np.float32) for a in (x, W, b))
    _, *narrow = ask(code, x32, W32, b32, tanh)
    for i, name in enumerate(("x", "W", "b")):
        shape, want = np.shape(single[i]), (x[:1], W, b)[i].shape
        if not text and shape != want:
            text = f"with one example, d{name} has shape {shape}, expected {want}"
        dtype = np.asarray(narrow[i]).dtype
        if not text and dtype != np.float32:
            text = f"float32 arrays give a {dtype} d{name}, expected float32"
    return judge.only_wrong(conduct=text)


def derivative_check(name: str, f: Activation) -> Check:
    points = {f"{name} f'": 0.5, f"{name} f''": 0.5}
    return Check(points, lambda code, rng: derivatives(code, rng, name, f))


EXERCISE = Exercise(
    name="contractive_layer",
    number=15,
    title="How much does a code move? One layer",
    chapter="05_contractive",
    checks=(
        Check({"value": 2}, value),
        Check({"dW": 2, "dx": 1, "db": 1}, gradients),
        derivative_check("sigmoid", sigmoid),
        derivative_check("tanh", tanh),
        derivative_check("softsign", softsign),
        Check({"conduct": 1}, conduct, needs=("value",)),
    ),
)
