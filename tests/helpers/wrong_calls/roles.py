"""The roles of arguments: for each, values that no argument of this role can have."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinyae
from helpers.wrong_calls import without


class Tensor:
    """What matters of a PyTorch tensor: a shape, and a dtype that is not NumPy's."""

    shape, ndim = (5, 6), 2

    class dtype:
        pass

    def __len__(self) -> int:
        return 5

    def __repr__(self) -> str:
        return "tensor(...)"


class Sparse:
    """What matters of a SciPy sparse matrix."""

    shape, ndim, dtype = (50, 12), 2, np.dtype(np.float32)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous")


class Thing:
    """An object that no function could want."""

    def __repr__(self) -> str:
        return "Thing()"


NAN, INFINITE = float("nan"), float("inf")

ARRAY: dict[str, Any] = {
    "None": None,
    "string": "pixels",
    "number": 3.5,
    "list": [[0.5] * 6] * 5,
    "tensor": Tensor(),
    "integer pixels": np.full((5, 6), 200, np.uint8),
    "strings": np.full((5, 6), "a"),
}
ANY_NUMBERS = without(ARRAY, "integer pixels")
SHAPED = ARRAY | {
    "a column more": np.ones((5, 7), np.float32),
    "one axis fewer": np.ones(6, np.float32),
    "0-d": np.array(1.0, np.float32),
    "two axes more": np.ones((2, 3, 5, 6), np.float32),
}
COTANGENT = without(SHAPED, "integer pixels") | {
    "one row": np.ones((1, 6), np.float32),
    "a row more": np.ones((6, 6), np.float32),
}
CACHE = {"None": None, "string": "cache", "number": 3, "empty list": [], "thing": Thing()}
SIZE = {
    "zero": 0,
    "negative": -1,
    "fraction": 2.5,
    "string": "3",
    "None": None,
    "NaN": NAN,
    "True": True,
    "list": [3],
    "array": np.ones(2, int),
}
COUNT = without(SIZE, "zero")  # 0 is right, too
OPTIONAL_SIZE = without(SIZE, "None")
PAIR = without(SIZE, "list") | {"three": (1, 1, 1)}
PADDING = without(PAIR, "zero")
WEIGHT = {
    "negative": -1.0,
    "NaN": NAN,
    "infinite": INFINITE,
    "string": "1",
    "None": None,
    "list": [1.0],
    "complex": 1j,
}
POSITIVE = WEIGHT | {"zero": 0.0}
OPTIONAL_POSITIVE = without(POSITIVE, "None", "infinite")
FRACTION = POSITIVE | {"above one": 1.5}
FLAG = {"string": "no", "None": None, "2": 2}
LAYER = {
    "None": None,
    "string": "relu",
    "class": tinyae.ReLU,
    "number": 3,
    "array": np.ones((5, 6)),
    "thing": Thing(),
}
FUNCTION = {"string": "mse", "None": None, "number": 3, "class": tinyae.Adam, "array": np.ones(3)}
OPTIONAL_FUNCTION = without(FUNCTION, "None")
RNG = {"string": "seed", "negative": -1, "fraction": 1.5, "thing": Thing(), "array": np.ones(2)}
DTYPE = {"int": int, "bool": bool, "string": str, "nonsense": "float33", "number": 32}
INIT = {"rng": RNG, "dtype": DTYPE}
PATH = {"None": None, "number": 3, "list": ["w.npz"], "empty": ""}
NAME = {"None": None, "number": 3, "unknown": "nowhere-to-be-found", "list": ["mnist"]}
LABELS = {
    "None": None,
    "string": "labels",
    "number": 3,
    "list": [0, 1, 2, 0, 1],
    "tensor": Tensor(),
    "too few": np.zeros(3, int),
    "negative": np.full(5, -1),
    "fractions": np.full(5, 0.5),
    "strings": np.full(5, "a"),
}
PARAMS = {
    "None": None,
    "string": "weights",
    "empty": {},
    "model": tinyae.Linear(6, 4, rng=0),
    "list": [np.ones(3)],
    "lists": {"weight": [1.0, 2.0]},
    "integers": {"weight": np.ones((4, 6), int)},
    "None inside": {"weight": None},
}
