"""Exercise 7, containers: layers one after the other, around a shortcut, and an autoencoder.

The layers inside are tinyae's own, in the student's process. The reference is ``tinyae.layers``.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise
from tinyae.course.layer import StudentLayer
from tinyae.layers import Autoencoder, Layer, Linear, Sequential, Sigmoid, Tanh

SIZE = 4  # all layers have one width, so that a gradient in the wrong place is an array that fits
KINDS: dict[str, Callable[[], Layer]] = {
    "Linear": lambda: Linear(SIZE, SIZE, dtype=np.float64),
    "Tanh": Tanh,
    "Sigmoid": Sigmoid,
}
NET = ("Linear", "Tanh", "Linear", "Sigmoid", "Linear")


class Pair:
    """The same layers on both sides: in the student's process (``handles``) and here."""

    def __init__(self, code: Code, rng: Generator, kinds: Sequence[str] = NET) -> None:
        self.layers = [KINDS[kind]() for kind in kinds]
        self.handles = []
        for kind, layer in zip(kinds, self.layers, strict=True):
            options: dict[str, Any] = {"dtype": "float64"} if kind == "Linear" else {}
            sizes = (SIZE, SIZE) if kind == "Linear" else ()
            handle = code.construct(f"tinyae.{kind}", *sizes, **options)
            for name, array in layer.params.items():
                array[...] = rng.normal(0, 0.7, array.shape)
                code.set_array(handle, name, array)
            self.handles.append(handle)
        self.net = Sequential(*self.layers)


def draw(rng: Generator) -> Array:
    return rng.normal(size=(5, SIZE))


def backward_of(reference: Layer, x: Array, dy: Array) -> tuple[Array, dict[str, Array]]:
    return reference.backward(dy, reference.forward(x)[1])


def check_grads(got: dict[str, Any], want: dict[str, Array], causes: dict[str, Any]) -> str:
    """What is wrong with the gradients of all parameters."""
    if got.keys() != want.keys():
        return f"grads has the keys {listed(got)}, expected {listed(want)}"
    wrong = {key: judge.compare(got[key], want[key], f"grads[{key!r}]") for key in want}
    if not any(wrong.values()):
        return ""
    for cause, values in causes.items():
        if not any(judge.compare(got[key], values[key], key) for key in want):
            return f"grads is wrong: {cause}"
    return "; ".join([text for text in wrong.values() if text][:2])


def listed(names: Iterable[Any]) -> str:
    return ", ".join(sorted(repr(name) for name in names)) or "none"


def forward(code: Code, rng: Generator) -> dict[str, str]:
    pair, x = Pair(code, rng), draw(rng)
    y, _ = StudentLayer(code, "Sequential", pair.handles).forward(x)
    causes = {
        "the layers are in reverse order": Sequential(*pair.layers[::-1])(x),
        "each layer gets x, expected the output of the layer before": pair.layers[-1](x),
        "the last layer is missing": pair.net[:-1](x),
    }
    return judge.only_wrong(y=judge.compare(y, pair.net(x), "y", causes))


def wrong_sweeps(pair: Pair, x: Array, dy: Array) -> dict[str, tuple[Array, dict[str, Array]]]:
    """dx and grads of backward passes with a known mistake."""
    _, caches = pair.net.forward(x)
    places = range(len(pair.layers))
    orders = {
        "the caches are in the wrong order: the last layer needs the last cache": zip(
            reversed(places), caches, strict=True
        ),
        "the layers are visited from the first to the last": zip(places, caches, strict=True),
        "all layers get the cache of the last one": ((i, caches[-1]) for i in reversed(places)),
    }
    found = {}
    for cause, order in orders.items():
        d, grads = dy, dict[str, Array]()
        for i, cache in order:
            d, own = pair.layers[i].backward(d, cache)
            grads |= {f"{i}.{name}": g for name, g in own.items()}
        found[cause] = d, grads
    return found


def backward(code: Code, rng: Generator) -> dict[str, str]:
    pair, x, dy = Pair(code, rng), draw(rng), draw(rng)
    model = StudentLayer(code, "Sequential", pair.handles)
    dx, grads = model.backward(dy, model.forward(x)[1])
    want_dx, want = backward_of(pair.net, x, dy)
    wrong = wrong_sweeps(pair, x, dy)
    last = len(pair.layers) - 1
    counted = {f"{last - int(key[0])}{key[1:]}": g for key, g in want.items()}
    return judge.only_wrong(
        dx=judge.compare(dx, want_dx, "dx", {cause: sweep[0] for cause, sweep in wrong.items()}),
        grads=check_grads(
            grads,
            want,
            {cause: sweep[1] for cause, sweep in wrong.items()}
            | {"the places are counted from the last layer": counted},
        ),
    )


def params(code: Code, rng: Generator) -> dict[str, str]:
    """They have the right keys, and they are the arrays of the layers."""
    pair, x = Pair(code, rng), draw(rng)
    model = StudentLayer(code, "Sequential", pair.handles)
    return judge.only_wrong(params=shared(code, model, pair, pair.net, x))


def shared(code: Code, model: StudentLayer, pair: Pair, reference: Layer, x: Array) -> str:
    """Whether a change of ``params`` changes what the layers compute."""
    found = code.arrays(model.handle)
    if missing := [key for key in reference.params if key not in found]:
        return f"params does not have {listed(missing)}"
    for key, array in reference.params.items():
        array[...] = np.cos(np.arange(array.size) + len(key)).reshape(array.shape)
        code.set_array(model.handle, key, array)
    if judge.compare(model.forward(x)[0], reference(x), "y"):
        return (
            "a change of params does not change y: params has copies, expected the arrays that "
            "the layers use"
        )
    return ""


def twice(code: Code, rng: Generator) -> dict[str, str]:
    """One layer in two places: both gradients, each under its own key."""
    pair, x, dy = Pair(code, rng, ("Linear", "Tanh")), draw(rng), draw(rng)
    reference = Sequential(*pair.layers, *pair.layers)
    model = StudentLayer(code, "Sequential", [*pair.handles, *pair.handles])
    y, cache = model.forward(x)
    if judge.compare(y, reference(x), "y"):
        return {"layer twice": "a list with the same layer twice gives a wrong y"}
    want = backward_of(reference, x, dy)
    dx, grads = model.backward(dy, cache)
    wrong = check_grads(grads, want[1], {}) or judge.compare(dx, want[0], "dx")
    return judge.only_wrong(
        **{"layer twice": wrong and f"with the same layer in two places, {wrong}"}
    )


def nested(code: Code, rng: Generator) -> dict[str, str]:
    inner, outer = Pair(code, rng, ("Linear", "Tanh")), Pair(code, rng, ("Linear",))
    x, dy = draw(rng), draw(rng)
    reference = Sequential(*outer.layers, inner.net)
    container = code.construct("Sequential", inner.handles)
    model = StudentLayer(code, "Sequential", [*outer.handles, container])
    dx, grads = model.backward(dy, model.forward(x)[1])
    want = backward_of(reference, x, dy)
    wrong = check_grads(grads, want[1], {}) or judge.compare(dx, want[0], "dx")
    wrong = wrong or shared(code, model, inner, reference, x)
    return judge.only_wrong(nested=wrong and f"for a Sequential in a Sequential, {wrong}")


def residual(code: Code, rng: Generator) -> dict[str, str]:
    """The layer inside is a tinyae.Sequential, so that this does not depend on the student's."""
    pair, x, dy = Pair(code, rng, ("Linear", "Tanh")), draw(rng), draw(rng)
    inside = code.construct("tinyae.Sequential", *pair.handles)
    model = StudentLayer(code, "Residual", inside)
    y, cache = model.forward(x)
    f, (df, want) = pair.net(x), backward_of(pair.net, x, dy)
    dx, grads = model.backward(dy, cache)
    causes = {
        "the gradient of the shortcut is missing: x is used twice": df,
        "the gradient of the layer is missing: x is used twice": dy,
        "the shortcut's gradient is dy, not x": df + x,
        "the two gradients are multiplied, expected their sum": df * dy,
        "the shortcut is counted twice": df + 2 * dy,
    }
    y_wrong = judge.compare(y, x + f, "y", {"x is missing": f, "they are multiplied": x * f})
    dx_wrong = judge.compare(dx, df + dy, "dx", causes)
    return judge.only_wrong(
        **{"Residual y": y_wrong, "Residual dx": dx_wrong or check_grads(grads, want, {})}
    )


def autoencoder(code: Code, rng: Generator) -> dict[str, str]:
    encoder, decoder = Pair(code, rng, ("Linear", "Tanh")), Pair(code, rng, ("Linear",))
    x, dy = draw(rng), draw(rng)
    reference = Autoencoder(encoder.net, decoder.net)
    parts = [code.construct("tinyae.Sequential", *p.handles) for p in (encoder, decoder)]
    model = StudentLayer(code, "Autoencoder", *parts)
    z = code.call((model.handle, "encode"), x)
    y, cache = model.forward(x)
    wrong = judge.compare(z, encoder.net(x), "z") or judge.compare(y, reference(x), "y")
    if not wrong:
        want = backward_of(reference, x, dy)
        dx, grads = model.backward(dy, cache)
        wrong = check_grads(grads, want[1], {}) or judge.compare(dx, want[0], "dx")
    wrong = wrong or shared(code, model, encoder, reference, x)
    return judge.only_wrong(Autoencoder=wrong)


def conduct(name: str, code: Code, rng: Generator) -> dict[str, str]:
    inside: Any = Pair(code, rng).handles
    if name == "Residual":
        inside = code.construct("tinyae.Sequential", *inside)
    text = StudentLayer(code, name, inside).conduct(draw(rng), draw(rng), dtype=False)
    return judge.only_wrong(**{f"{name} conduct": text})


EXERCISE = Exercise(
    name="sequential",
    number=7,
    title="Layers in a row, and around a shortcut",
    chapter="01_basic_autoencoder",
    checks=(
        Check({"y": 1}, forward),
        Check({"dx": 2, "grads": 2}, backward),
        Check({"params": 1}, params),
        Check({"layer twice": 1}, twice),
        Check({"nested": 1}, nested),
        Check({"Residual y": 1, "Residual dx": 1}, residual),
        Check({"Autoencoder": 1}, autoencoder),
        Check({"Sequential conduct": 0.5}, partial(conduct, "Sequential"), needs=("y",)),
        Check({"Residual conduct": 0.5}, partial(conduct, "Residual"), needs=("Residual y",)),
    ),
)
