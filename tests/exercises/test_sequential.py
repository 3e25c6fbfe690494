"""Exercise 7: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

GRADS = "dy, grads[i] = self.layers[i].backward(dy, cache[i])"
MISTAKES = {
    "caches in the wrong order": (
        [(GRADS, "dy, grads[i] = self.layers[i].backward(dy, cache[-1 - i])")],
        ["dx", "grads", "layer twice", "nested"],
        "the last layer needs the last cache",
    ),
    "from the first to the last": (
        [("reversed(range(len(self.layers)))", "range(len(self.layers))")],
        ["dx", "grads", "layer twice", "nested"],
        "from the first to the last",
    ),
    "params copied": (
        [
            (
                "prefixed({i: layer.params for",
                "prefixed({i: {k: v.copy() for k, v in layer.params.items()} for",
            )
        ],
        ["params", "nested"],
        "params has copies",
    ),
    "counted from the back": (
        [(GRADS, "dy, grads[len(self.layers) - 1 - i] = self.layers[i].backward(dy, cache[i])")],
        ["grads", "layer twice", "nested"],
        "counted from the last layer",
    ),
    "keys without the place": (
        [
            (
                "return dy, prefixed(grads)",
                "return dy, {k: g for d in grads.values() for k, g in d.items()}",
            )
        ],
        ["grads", "layer twice", "nested"],
        "expected '0.bias', '0.weight'",
    ),
    "caches kept in self": (
        [
            (
                "        return x, caches\n",
                "        self.caches = caches\n        return x, None\n",
            ),
            (GRADS, "dy, grads[i] = self.layers[i].backward(dy, self.caches[i])"),
        ],
        ["Sequential conduct"],
        "in the cache",
    ),
    "caches by layer": (
        [
            ("caches = []", "caches = {}"),
            ("caches.append(cache)", "caches[type(layer).__name__, id(layer)] = cache"),
            (
                "return x, caches\n",
                "return x, [caches[type(l).__name__, id(l)] for l in self.layers]\n",
            ),
        ],
        ["layer twice"],
        "same layer in two places",
    ),
    "shortcut forgotten in backward": (
        [("return dy + dx, grads", "return dx, grads")],
        ["Residual dx"],
        "shortcut is missing: x is used twice",
    ),
    "shortcut in place": (
        [("return x + y, cache", "x += y\n        return x, cache")],
        ["Residual dx", "Residual conduct"],
        "changes its argument x",
    ),
    "encoder's key on the decoder": (
        [
            (
                'prefixed({"encoder": encoder_grads, "decoder": decoder_grads})',
                'prefixed({"encoder": decoder_grads, "decoder": encoder_grads})',
            )
        ],
        ["Autoencoder"],
        "grads['",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("sequential", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("sequential", *MISTAKES[mistake])
