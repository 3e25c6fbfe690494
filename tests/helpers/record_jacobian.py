"""Write recorded_jacobian.json: values and sums of gradients from PyTorch, for tests without
PyTorch.

cd tests && python -m helpers.record_jacobian
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("recorded_jacobian.json")


def fingerprint(array):
    """Two scalars that a gradient must match: its norm, and its sum with fixed random weights."""
    return [
        float(np.linalg.norm(array)),
        float((np.random.default_rng(7).normal(size=array.shape) * array).sum()),
    ]


def main():
    from helpers.nets import KINDS, build
    from helpers.torch_nets import by_torch

    recorded = {}
    for kind in KINDS:
        value, dx, grads = by_torch(*build(kind))
        recorded[kind] = {
            "value": value,
            "x": fingerprint(dx),
            **{key: fingerprint(g) for key, g in grads.items()},
        }
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
