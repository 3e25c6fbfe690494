"""``tinyae check``: a layer or function in your own file."""

import sys

import numpy as np
import pytest

from tinyae.cli.check import check_file, parse_shapes

SOURCE = """
import numpy as np
import helper
from tinyae import Conv2d, Linear, ReLU

class Good(Linear):
    def __init__(self):
        super().__init__(5, 4, rng=0)

class NeedsArguments(Linear):
    pass

class Bad(Good):
    def backward(self, dy, x):
        dx, grads = super().backward(dy, x)
        return dx, grads | {"bias": dy.mean(axis=0)}

conv = Conv2d(3, 4, 3, rng=0)
relu = ReLU()

def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

def half(dout, cache):
    return tuple(g / 2 for g in affine_backward(dout, cache))

def loss(y, target):
    return ((y - target) ** 2).sum(), 2 * (y - target)

number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("x = 1\n")
    path = tmp_path / "layers.py"
    path.write_text(SOURCE)
    yield path
    sys.modules.pop("helper", None)


@pytest.mark.parametrize(
    "name, shape, ok",
    [
        ("Good", None, True),
        ("Good", "3,5", True),
        ("Bad", None, False),
        ("conv", None, True),
        ("conv", (2, 3, 5, 6), True),
        ("relu", "4x5", True),
        ("affine_forward", "4x3;3x5;5", True),
        ("affine_forward,half", "4,3;3,5;5", False),
        ("loss", None, True),
    ],
)
def test_names_in_a_file(file, name, shape, ok):
    path, modules = list(sys.path), set(sys.modules)
    assert check_file(f"{file}:{name}", shape).ok is ok
    assert sys.path == path
    ours = ("_tinyae", "numpy", "threadpoolctl", "tinyae")  # what the checker imports at first use
    assert {m for m in set(sys.modules) - modules if not m.startswith(ours)} <= {"helper"}


@pytest.mark.parametrize(
    "spec, error, text",
    [
        ("layers.py", ValueError, "is not FILE.py:NAME"),
        ("{folder}/layer.py:Good", FileNotFoundError, "did you mean 'layers.py'"),
        ("{folder}/notes.txt:x", ValueError, "notes.txt is not a Python file"),
        ("{file}:good", AttributeError, "did you mean 'Good'"),
        ("{file}:NeedsArguments", TypeError, r"needs arguments \(in_features, out_features\)"),
        ("{file}:relu", ValueError, "cannot be guessed from relu"),
        ("{file}:number", TypeError, "cannot check a int"),
    ],
)
def test_errors_help(file, spec, error, text):
    with pytest.raises(error, match=text):
        check_file(
            spec.format(file=file, folder=file.parent), "2,2" if spec.endswith("number") else None
        )


def test_a_file_that_raises_keeps_its_traceback(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(x):\n    return x\n\n1 / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        check_file(f"{path}:f")
    assert caught.traceback[-1].path == path and "while loading" in caught.value.__notes__[0]


def test_shapes():
    assert parse_shapes("4,3,8,8") == parse_shapes("(4x3x8x8)") == [(4, 3, 8, 8)]
    assert parse_shapes("4x3;3x5;5") == [(4, 3), (3, 5), (5,)]
    assert parse_shapes(np.array([2, 3])) == [(2, 3)] and parse_shapes(None) == []
    for wrong in ("4,a", "0,3", "", "-1"):
        with pytest.raises(ValueError, match="cannot be read"):
            parse_shapes(wrong)


def test_integer_inputs_and_settings(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\ndef softmax_loss(x, y):\n    p = np.exp(x - x.max(axis=1, "
        "keepdims=True))\n    p /= p.sum(axis=1, keepdims=True)\n    n = np.arange(len(y))\n    d "
        "= p.copy()\n    d[n, y] -= 1\n    return -np.log(p[n, y]).mean(), d / len(y)\ndef "
        "scaled(x, settings):\n    return settings['a'] * x, settings\ndef scaled_backward(dy, "
        "settings):\n    return settings['a'] * dy\n",
        encoding="utf-8",
    )
    assert check_file(f"{file}:softmax_loss").ok  # labels are found out
    assert check_file(f"{file}:softmax_loss", "6x3;int:0..2:6").ok
    assert check_file(f"{file}:scaled", "4x3;{'a': 3.0}").ok
    with pytest.raises(ValueError, match="expected int:LOW..HIGH:SHAPE"):
        check_file(f"{file}:softmax_loss", "6x3;int:2:6")
