"""Writes jacobian_recorded.json: values and sums of gradients from PyTorch, for where PyTorch is missing.

    python tests/penalties/record_jacobian.py
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "layers")]

FILE = HERE / "jacobian_recorded.json"


def fingerprint(array):
    """Two numbers that an array of gradients must match: its norm, and its sum with fixed random weights."""
    return [float(np.linalg.norm(array)), float((np.random.default_rng(7).normal(size=array.shape) * array).sum())]


def main():
    from nets import KINDS, build
    from test_jacobian_pytorch import by_torch

    recorded = {}
    for kind in KINDS:
        value, dx, grads = by_torch(*build(kind))
        recorded[kind] = {"value": value, "x": fingerprint(dx), **{key: fingerprint(g) for key, g in grads.items()}}
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
