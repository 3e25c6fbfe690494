"""Exercise 16, the contractive penalty of a deep encoder: second derivatives, layer by layer.

``omega`` gets layers of the library, so that a wrong ``double_backward`` of the student costs its
own part only.
"""

from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake
from tinyae.course.exercises._encoder import MISTAKES, Encoder, elementwise
from tinyae.course.layer import StudentLayer
from tinyae.course.parametric_layer import ParametricLayer

K, N, D = 3, 4, 5  # rows, examples, features
ENCODERS = ("Linear Sigmoid", "Linear Tanh Linear", "Linear Tanh Linear Sigmoid Linear")


def softmax(x: Array) -> Array:
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def times_jacobian(dy: Array, y: Array) -> Array:
    """dy (diag(y) − y yᵀ)"""
    return y * (dy - (y * dy).sum(axis=-1, keepdims=True))


def ask(code: Code, layer: StudentLayer, g: Array, dy: Array, x: Array) -> tuple[Any, ...]:
    """``d_dy, dx, grads`` of the student's layer."""
    _, cache = layer.forward(x)
    value = code.call((layer.handle, "double_backward"), g, dy, cache)
    return judge.pair(value, "d_dy, dx, grads")


def draw(rng: Generator) -> tuple[Array, Array, Array]:
    """g, dy, x; dy is not small, so that no term is."""
    g, dy = rng.normal(size=(2, K, N, D))
    return g, dy, rng.normal(size=(N, D))


def d_dy(wrong: dict[str, str]) -> str:
    """What is wrong with the gradient of dy."""
    return wrong.get("ddy", "").replace("ddy", "d_dy")


def linear(code: Code, rng: Generator) -> dict[str, str]:
    g, _, x = draw(rng)
    dy, W, b = rng.normal(size=(K, N, 4)), rng.normal(size=(4, D)), rng.normal(size=4)
    layer = ParametricLayer(code, "Linear", D, 4, params={"weight": W, "bias": b})
    also: dict[str, str] = {}  # what is wrong besides the gradients

    def s(dy: Array, W: Array) -> Array:
        return (g * (dy @ W)).sum()

    def student(ds: Any, dy: Array, W: Array) -> tuple[Any, ...]:
        layer.write(W, b)
        ddy, dx, grads = ask(code, layer, g, dy, x)
        if dx is not None and np.any(dx):
            also["Linear dW"] = "dx should be None: the layer's Jacobian does not depend on x"
        if np.any(grads.get("bias", 0)):
            also["Linear dW"] = "the gradient of the bias is 0: vjp does not use the bias"
        if "weight" not in grads:
            raise Mistake(f"grads does not have 'weight', only {list(grads)}")
        return ds * ddy, ds * grads["weight"]

    def causes(ds: Any, dy: Array, W: Array) -> Any:
        each = np.einsum("pno,pni->poi", dy, g)
        return {
            "dW": {
                "it has x where g belongs": ds * np.einsum("pno,ni->oi", dy, x),
                "it is the mean over the examples, expected the sum": ds * each.sum(axis=0) / N,
                "it is the mean over the rows, expected the sum": ds * each.mean(axis=0),
                "it has only the first row": ds * each[0],
                "it has only the last row": ds * each[-1],
            }
        }

    wrong = judge.gradients(s, student, dy, W, causes=causes)
    found = {"Linear d_dy": d_dy(wrong), "Linear dW": wrong.get("dW", "")}
    return also | judge.only_wrong(**found)


def activation(code: Code, rng: Generator, name: str) -> dict[str, str]:
    g, dy, x = draw(rng)
    layer = StudentLayer(code, name)
    also: dict[str, str] = {}

    def s(dy: Array, x: Array) -> Array:
        if name == "Softmax":
            return (g * times_jacobian(dy, softmax(x))).sum()
        return (g * dy * elementwise(name, x)[0]).sum()

    def student(ds: Any, dy: Array, x: Array) -> tuple[Any, ...]:
        ddy, dx, _ = ask(code, layer, g, dy, x)
        if dx is None:
            dx = np.zeros_like(x)
        if np.shape(dx) == dy.shape:
            also["dx"] = "dx has one value for each row, expected the sum over the rows"
        return ds * ddy, ds * dx

    def causes(ds: Any, dy: Array, x: Array) -> Any:
        find = softmax_causes if name == "Softmax" else elementwise_causes
        known = find(name, g, dy, x)
        return {part: {k: ds * v for k, v in values.items()} for part, values in known.items()}

    wrong = judge.gradients(s, student, dy, x, causes=causes) | also
    return judge.only_wrong(**{f"{name} d_dy": d_dy(wrong), f"{name} dx": wrong.get("dx", "")})


Causes = dict[str, dict[str, Array]]


def elementwise_causes(name: str, g: Array, dy: Array, x: Array) -> Causes:
    df, d2f = elementwise(name, x)
    rows = (g * dy).sum(axis=0)
    return {
        "ddy": {
            "f' is missing": g,
            "it is f' dy, expected f' g": df * dy,
            "it has f'' where f' belongs": d2f * g,
        },
        "dx": {
            "it is None or 0, but f' depends on x: f'' is not 0": np.zeros_like(x),
            "it has f' where f'' belongs": df * rows,
            "f'' is missing": rows,
            "f'' has the opposite sign": -d2f * rows,
            "f'' has one factor f' too few": d2f / df * rows,
            "f'' has one factor f' too many": d2f * df * rows,
            "g and dy were added over the rows first, and then multiplied": (
                d2f * g.sum(axis=0) * dy.sum(axis=0)
            ),
            "it has only the first row": d2f * g[0] * dy[0],
            "it is the mean over the rows, expected the sum": d2f * rows / len(g),
            "dy is missing": d2f * g.sum(axis=0),
            "g is missing": d2f * dy.sum(axis=0),
        },
    }


def softmax_causes(name: str, g: Array, dy: Array, x: Array) -> Causes:
    y = softmax(x)
    along_g, along_dy = ((y * a).sum(axis=-1, keepdims=True) for a in (g, dy))
    terms = [g * dy, -along_g * dy, -along_dy * g]
    first, second, third = (term.sum(axis=0) for term in terms)

    def dx(ds_dy: Array) -> Array:
        return times_jacobian(ds_dy, y)

    return {
        "ddy": {"only the diagonal of the Jacobian was used": y * g, "the Jacobian is missing": g},
        "dx": {
            "it is None or 0, but the Jacobian depends on x": np.zeros_like(x),
            "only the diagonal of the Jacobian was used": y
            * (1 - y)
            * (1 - 2 * y)
            * terms[0].sum(0),
            "it is the derivative with respect to y: its vjp is missing": first + second + third,
            "only one of the three y was differentiated": dx(first),
            "y occurs three times, and one of the three terms is missing: ⟨y, dy⟩ g": (
                dx(first + second)
            ),
            "y occurs three times, and one of the three terms is missing: ⟨y, g⟩ dy": (
                dx(first + third)
            ),
            "y occurs three times, and one of the three terms is missing: g dy": (
                dx(second + third)
            ),
            "the last step used only the diagonal of the Jacobian": y * (first + second + third),
            "the terms with ⟨y, g⟩ and ⟨y, dy⟩ have the wrong sign": dx(first - second - third),
            "the rows were added before they were multiplied": dx(
                g.sum(axis=0) * dy.sum(axis=0)
                - along_g.sum(axis=0) * dy.sum(axis=0)
                - along_dy.sum(axis=0) * g.sum(axis=0)
            ),
        },
    }


def omega_value(code: Code, rng: Generator) -> dict[str, str]:
    for names in ENCODERS:
        net = Encoder(code, names, rng)
        J = net.jacobian(net.x, *net.params)
        want = net.value(net.x, *net.params)
        causes = {
            "it is ‖Jᵀ1‖²: begin with the rows of the identity, not with ones": (
                (J.sum(axis=1) ** 2).sum() / N
            ),
            "it is the sum over the examples, expected the mean": want * N,
            "it is the mean over the units, expected the sum": want / J.shape[1],
            "it is the mean over all entries of J": want / (J.shape[1] * J.shape[2]),
            "it is the norm, expected the squared norm": [
                np.sqrt((J**2).sum(axis=(1, 2))).mean(),
                np.sqrt(want),
            ],
        }
        value, _, _ = net.ask(net.x, *net.params)
        if text := judge.compare(value, want, "the value", causes):
            return {"omega value": f"{text} ({names.replace(' ', ', ')})"}
    return {}


def omega_gradients(code: Code, rng: Generator) -> dict[str, str]:
    net = Encoder(code, ENCODERS[-1], rng)

    def reference(
        x: Array, W0: Array, b0: Array, W1: Array, b1: Array, W2: Array, b2: Array
    ) -> Any:
        return net.value(x, W0, b0, W1, b1, W2, b2)

    def student(dy: Any, x: Array, *params: Array) -> list[Any]:
        _, dx, grads = net.ask(x, *params)
        return [dy * np.asarray(gradient) for gradient in (dx, *grads)]

    def causes(dy: Any, x: Array, *params: Array) -> Any:
        names = ("dx", "dW0", "db0", "dW1", "db1", "dW2", "db2")
        known: dict[str, dict[str, Any]] = {name: {} for name in names}
        for mistake in MISTAKES:
            for name, wrong in zip(names, net.sweeps(x, params, mistake), strict=True):
                known[name][mistake] = dy * wrong
        return known

    wrong = judge.gradients(reference, student, net.x, *net.params, causes=causes)
    found: dict[str, str] = {}
    for name, text in wrong.items():
        found.setdefault(f"omega {name.rstrip('012')}", text)  # the first layer's
    return found


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    net = Encoder(code, ENCODERS[1], rng)
    first = net.ask(net.x, *net.params)
    single = net.ask(net.x[:1], *net.params)
    again = net.ask(net.x, *net.params)
    text = ""
    if not np.array_equal(first[1], again[1]):
        text = "omega returns another dx in a second call with the same arguments"
    elif np.shape(single[1]) != net.x[:1].shape:
        text = f"with one example, dx has shape {np.shape(single[1])}, expected {net.x[:1].shape}"
    for handle in net.handles:
        for name, array in code.arrays(handle).items():
            if not any(np.array_equal(array, value) for value in net.params):
                text = text or f"omega changes the {name} of a layer"
    if not text:
        after = code.call_in_place("omega", net.handles, net.x)[1][1]
        text = "" if np.array_equal(after, net.x) else "omega changes its argument x in place"
    return judge.only_wrong(conduct=text)


def second_order(name: str, points: float) -> Check:
    parts = {f"{name} d_dy": 0.5, f"{name} dx": points}
    return Check(parts, lambda code, rng: activation(code, rng, name))


EXERCISE = Exercise(
    name="contractive_deep",
    number=16,
    title="How much does a code move? A deep encoder",
    chapter="05_contractive",
    checks=(
        Check({"Linear d_dy": 0.5, "Linear dW": 1}, linear),
        second_order("Sigmoid", 1),
        second_order("Tanh", 1),
        second_order("Softmax", 1.5),
        Check({"omega value": 1}, omega_value),
        Check({"omega dW": 1, "omega db": 0.5, "omega dx": 0.5}, omega_gradients),
        Check({"conduct": 0.5}, conduct, needs=("omega value",)),
    ),
)
