"""The code of a notebook answers the checks as the code in a process of its own does."""

import types

import numpy as np
import pytest

from tinyae.course import MissingName, Seed, StudentCode, StudentException
from tinyae.course.notebook import NotebookCode

CODE = """
import numpy as np

threshold = 0.5

def scaled(x, factor=2):
    x *= factor
    return x, [x, {"twice": 2 * x}]

def slopes(f, v):
    dv = np.zeros(v.shape)
    for i in np.ndindex(v.shape):
        v[i] += 1
        dv[i] = f(v)
        v[i] -= 1
    return dv

def draw(rng, *shape):
    return rng.random(shape)

def apply(f, x):
    f(x)
    return x

def overflow(x):
    return np.exp(x)

class Layer:
    def __init__(self, n):
        self.params = {"w": np.ones(n)}
    def forward(self, x):
        return x * self.params["w"], x
    def broken(self):
        raise ValueError("not this one")

class Row:
    def __init__(self, layers):
        self.layers = layers
    def forward(self, x):
        for layer in self.layers:
            x, _ = layer.forward(x)
        return x
"""


@pytest.fixture(params=["notebook", "process"])
def code(request, tmp_path):
    if request.param == "notebook":
        module = types.ModuleType("student_code")
        exec(CODE, module.__dict__)
        yield NotebookCode(module)
    else:
        path = tmp_path / "homework.py"
        path.write_text(CODE, encoding="utf-8")
        with StudentCode(path) as student:
            yield student


def test_arrays_are_copied_on_both_ways(code):
    x = np.ones(3)
    y, (again, more) = code.call("scaled", x)
    np.testing.assert_array_equal(x, np.ones(3))
    y[...] = 7
    np.testing.assert_array_equal(again, np.full(3, 2.0))
    np.testing.assert_array_equal(more["twice"], np.full(3, 4.0))


def test_arguments_come_back_as_they_are_after_the_call(code):
    x = np.ones(3)
    _, (after, factor) = code.call_in_place("scaled", x, 5)
    np.testing.assert_array_equal(after, np.full(3, 5.0))
    np.testing.assert_array_equal(x, np.ones(3))
    assert factor == 5


def test_a_function_of_the_check_gets_copies(code):
    seen = []

    def f(v):
        seen.append(v)
        return float(v.sum())

    np.testing.assert_array_equal(code.call("slopes", f, np.zeros((2, 2))), np.ones((2, 2)))
    assert [v.sum() for v in seen] == [1, 1, 1, 1]  # not 0, as after v[i] -= 1
    x = code.call("apply", lambda x: x.fill(3), np.zeros(2))
    np.testing.assert_array_equal(x, np.zeros(2))


def test_a_function_of_the_code_gets_the_arrays_themselves(code):
    x = code.call("apply", code.get("scaled"), np.ones(2))
    np.testing.assert_array_equal(x, np.full(2, 2.0))


def test_a_seed_is_a_fresh_generator_at_each_call(code):
    expected = np.random.default_rng(3).random((2, 2))
    for _ in range(2):
        np.testing.assert_array_equal(code.call("draw", Seed(3), 2, 2), expected)


def test_objects_of_the_code_and_of_the_library_can_be_arguments(code):
    layers = [code.construct("Layer", 3), code.construct("tinyae.ReLU")]
    code.set_array(layers[0], "w", np.array([1.0, -1.0, 2.0]))
    row = code.construct("Row", layers)
    y = code.call((row, "forward"), np.ones(3))
    np.testing.assert_array_equal(y, [1, 0, 2])
    np.testing.assert_array_equal(code.arrays(layers[0])["w"], [1, -1, 2])
    twin = code.copy(layers[0])
    code.set_array(twin, "w", np.zeros(3))
    np.testing.assert_array_equal(code.arrays(layers[0])["w"], [1, -1, 2])


def test_values_of_the_code(code):
    assert code.get("threshold") == 0.5
    with pytest.raises(MissingName, match="did you mean 'threshold'"):
        code.get("thresholds")
    with pytest.raises(MissingName, match="does not have a method 'backward'"):
        code.call((code.construct("Layer", 2), "backward"), np.ones(2))
    with pytest.raises(MissingName):
        code.set_array(code.construct("Layer", 2), "w", np.ones(5))


def test_an_exception_has_its_type_and_the_lines_of_the_code(code):
    with pytest.raises(StudentException, match="ValueError: not this one") as caught:
        code.call((code.construct("Layer", 2), "broken"))
    assert caught.value.type == "ValueError"
    assert len(caught.value.lines) == 1 and ", in broken" in caught.value.lines[0]


def test_floating_point_errors_are_exceptions_on_request(code):
    with pytest.raises(StudentException, match="overflow") as caught:
        code.call_strictly("overflow", np.array([1000.0]))
    assert caught.value.type == "FloatingPointError"
    assert code.call_strictly("overflow", np.array([0.0])) == 1
