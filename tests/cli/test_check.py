"""``tinyae check``: a layer or function in your own file."""

import json
import sys

import numpy as np
import pytest

from tinyae.cli.check import check_file, parse_shapes, split
from tinyae.cli.main import main
from tinyae.course import MissingName, StudentException, UnreadableFile

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

def made(factor):
    layer = Good()
    layer.params["weight"] *= factor
    return layer

number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "helper.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("x = 1\n")
    path = tmp_path / "layers.py"
    path.write_text(SOURCE)
    return path


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
        ("NeedsArguments(5, 4, rng=1)", None, True),
        ("NeedsArguments(5, out_features=4, rng=np.random.default_rng(0))", None, True),
        ("Conv2d(3, 8, (3, 2), padding='same'.__len__())", None, None),
        ("Conv2d(3, 8, (3, 2))", "2,3,5,5", True),
        ("made(2.0)", "3,5", True),
    ],
)
def test_names_in_a_file(file, name, shape, ok):
    path, modules = list(sys.path), set(sys.modules)
    if ok is None:
        with pytest.raises(ValueError, match="not a literal"):
            check_file(f"{file}:{name}", shape)
    else:
        assert check_file(f"{file}:{name}", shape).ok is ok
    assert sys.path == path
    assert {"helper", "layers"}.isdisjoint(set(sys.modules) - modules)  # it ran somewhere else


@pytest.mark.parametrize(
    "spec, error, text",
    [
        ("layers.py", ValueError, "is not FILE.py:NAME"),
        ("{folder}/layer.py:Good", FileNotFoundError, "did you mean 'layers.py'"),
        ("{folder}/notes.txt:x", UnreadableFile, "notes.txt is neither a .py file nor a .ipynb"),
        ("{file}:good", MissingName, "did you mean 'Good'"),
        ("{file}:NeedsArguments", TypeError, r"needs arguments \(in_features, out_features\)"),
        ("{file}:relu", ValueError, "cannot be guessed from relu"),
        ("{file}:number", TypeError, "cannot check a int"),
        ("{file}:Good + 1", ValueError, "not a name, two names f,g, or a call"),
        ("{file}:f,g,h", ValueError, "not a name, two names f,g, or a call"),
        ("{file}:relu.forward", ValueError, "not a name, two names f,g, or a call"),
    ],
)
def test_errors_help(file, spec, error, text):
    with pytest.raises(error, match=text):
        check_file(
            spec.format(file=file, folder=file.parent), "2,2" if spec.endswith("number") else None
        )


def test_a_file_that_raises_shows_its_own_lines(tmp_path, capsys):
    path = tmp_path / "broken.py"
    path.write_text("def f(x):\n    return x\n\n1 / 0\n")
    with pytest.raises(StudentException) as caught:
        check_file(f"{path}:f")
    assert caught.value.lines == ("line 4, in <module>: 1 / 0",)
    assert main(["check", f"{path}:f"]) == 2
    assert capsys.readouterr().err == (
        "tinyae: broken.py raised ZeroDivisionError: division by zero\n"
        "  line 4, in <module>: 1 / 0\n"
    )


def test_an_exception_in_forward_shows_its_own_lines_and_the_shapes(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("def f(x, w):\n    y = x @ w\n    return y, (x, w)\ndef g(dy, c): pass\n")
    assert main(["check", f"{path}:f,g", "--input", "4x3;2x5"]) == 2
    text = capsys.readouterr().err
    assert text.startswith("tinyae: mine.py raised ValueError: matmul")
    assert "  line 2, in f: y = x @ w" in text and "shapes (4, 3), (2, 5)" in text


def test_the_exit_code_and_the_output_of_the_file(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(
        "print('loaded\\x1b[2J')\ndef right(x):\n    print('called')\n"
        "    return (x**2).sum(), 2 * x\ndef wrong(x):\n    return (x**2).sum(), x\n"
    )
    assert main(["check", f"{path}:right"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("gradcheck passed  right")
    assert shown.err.startswith("output of mine.py:\n  | loaded?[2J\n  | called  (")
    assert main(["check", f"{path}:wrong"]) == 1
    assert "backward = 0.5 × numeric" in capsys.readouterr().out
    for option, value in [("--timeout", "0"), ("--timeout", "inf"), ("--memory", "0.1")]:
        assert main(["check", f"{path}:right", option, value]) == 2
        assert f"tinyae: {option} is {value}, expected" in capsys.readouterr().err


def test_a_notebook_is_checked_and_its_failing_cells_are_named(tmp_path, capsys):
    cells = [
        "%matplotlib inline\nimport numpy as np",
        "broken()",
        "def f(x):\n  return x.sum(), np.ones_like(x)",
    ]
    path = tmp_path / "homework.ipynb"
    path.write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})
    )
    assert main(["check", f"{path}:f"]) == 0
    shown = capsys.readouterr()
    assert "gradcheck passed  f" in shown.out
    assert "homework.ipynb, code cell 2, raised NameError" in shown.err
    assert "line 1, in <module>: broken()" in shown.err and "other cells were run" in shown.err


def test_a_missing_sandbox_is_said_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tinyae.course.connection._kind", ["plain"])
    path = tmp_path / "mine.py"
    path.write_text("def f(x):\n    return x.sum(), 1 + 0 * x\n")
    assert main(["check", f"{path}:f"]) == 0
    text = capsys.readouterr().err
    assert text.count("no sandbox") == 1 and "The code can use the network." in text


def test_the_file_finds_tinyae_and_what_is_beside_it(tmp_path, monkeypatch):
    (tmp_path / "weights.txt").write_text("2.0")
    (tmp_path / "neighbor.py").write_text("def slope(x):\n    return 2 * x\n")
    path = tmp_path / "mine.py"
    path.write_text(
        "import tinyae\nfrom neighbor import slope\nw = float(open('weights.txt').read())\n"
        "open('new.txt', 'w').write('x')\ndef f(x):\n    return (x**2).sum() * w / 2, slope(x)\n"
    )
    assert check_file(f"{path}:f").ok
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.py", "neighbor.py", "weights.txt"]


def test_the_file_is_split_from_the_name():
    for spec in ("C:\\work\\f.py:g", "./a.b/f.py:g", "f.py:Net({'a': 1})", "f.txt:a:b"):
        with pytest.raises(FileNotFoundError) as caught:
            split(spec)
        name = {"C": "C:\\work\\f.py", ".": "a.b/f.py"}.get(spec[0], spec.partition(":")[0])
        assert str(caught.value) == f"no file {name}"


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
