"""A layer that is lent to a student's process behaves like the layer itself."""

import copy

import numpy as np
import pytest

from tinyae.checking import gradcheck
from tinyae.course import StudentCode
from tinyae.course.lent import LentLayer, RemoteLayer
from tinyae.known_bugs import BUGS, CORRECT

ALL = {example.name: example for example in (*BUGS, *CORRECT)}
CODE = """
import copy
import numpy as np

def run(layer, x, dy):
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    return y, dx, grads, x, dy, dict(layer.params)

def moved(layer, x):
    y, _ = layer.forward(x)
    other = copy.deepcopy(layer)
    other.params["weight"][0, 0] += 1.0
    z, _ = other.forward(x)
    again, _ = layer.forward(x)
    layer.params["weight"] = layer.params["weight"].astype(np.float64) + 1.0
    return y, z, again, layer.forward(x)[0]

def what_is_seen(layer):
    return [type(layer).__name__, repr(layer), *map(str, vars(layer))]

def send(layer, *args):
    return layer._forward(*args)
"""


def remote(name, seed=0):
    lent = LentLayer(*ALL[name].make(seed))
    params = {name: w.copy() for name, w in lent.params.items()}  # as between two processes
    return RemoteLayer(lent.forward, lent.backward, params), lent


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    path = tmp_path_factory.mktemp("remote") / "code.py"
    path.write_text(CODE, encoding="utf-8")
    with StudentCode(path) as student:
        yield student


def lend(student, name):
    lent = LentLayer(*ALL[name].make(0))
    construct = "tinyae.course.lent.RemoteLayer"
    return student.construct(construct, lent.forward, lent.backward, lent.params), lent


@pytest.mark.parametrize(
    "name", ["linear", "convolution", "deep_relu", "affine_pair", "mse_loss", "kl_penalty"]
)
def test_it_computes_what_the_target_computes(student, name):
    target, inputs = ALL[name].make(0)
    layer, lent = lend(student, name)
    x = lent.x
    if isinstance(target, tuple):
        y, cache = target[0](*inputs)
    elif hasattr(target, "forward"):
        y, cache = target.forward(x)
    else:
        y, cache = target(*inputs)
    dy = np.ones_like(y)
    got, dx, grads, *_ = student.call("run", layer, x, dy)
    np.testing.assert_array_equal(got, y)
    if isinstance(target, tuple):
        expected = target[1](dy, cache)
        found = [dx, *grads.values()]
    elif hasattr(target, "forward"):
        first, expected_grads = target.backward(dy, cache)
        expected, found = [first, *expected_grads.values()], [dx, *grads.values()]
    else:
        expected, found = [cache], [dx]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_the_layer_changes_in_place_changes_in_the_students_process(student):
    x = np.random.default_rng(1).normal(size=(6, 5))
    dy = np.random.default_rng(2).normal(size=(6, 4))
    for name, changed in [
        ("linear_overwrites_x", "x"),
        ("linear_overwrites_dy", "dy"),
        ("linear_updates_in_backward", "weight"),
        ("linear", ""),
    ]:
        layer, lent = lend(student, name)
        *_, x_after, dy_after, params = student.call("run", layer, x, dy)
        assert np.array_equal(x_after, x) == (changed != "x")
        assert np.array_equal(dy_after, dy) == (changed != "dy")
        assert np.array_equal(params["weight"], lent.params["weight"]) == (changed != "weight")


def test_parameters_can_be_moved_replaced_and_copied(student):
    layer, lent = lend(student, "linear_float32")
    y, z, again, shifted = student.call("moved", layer, lent.x)
    weight, x = lent.params["weight"].astype(float), lent.x.astype(float)
    np.testing.assert_array_equal(again, y)
    np.testing.assert_allclose(z[:, 0] - y[:, 0], x[:, 0], rtol=1e-5)
    expected = x @ (weight + 1).T + lent.params["bias"].astype(float)
    np.testing.assert_allclose(shifted, expected, rtol=1e-6)


def test_nothing_tells_a_bug_from_a_right_layer(student):
    seen = [student.call("what_is_seen", lend(student, n)[0]) for n in ("linear", "linear_half")]
    assert seen[0] == seen[1]


def test_it_knows_what_it_was_asked():
    layer, lent = remote("linear")
    assert not lent.has_varied_dy and lent.backwards == 0
    y, cache = layer.forward(lent.x)
    layer.backward(np.ones_like(y), cache)
    assert not lent.has_varied_dy and lent.backwards == 1
    layer.params["weight"][1, 2] += 1
    layer.backward(np.arange(y.size, dtype=float).reshape(y.shape), layer.forward(lent.x)[1])
    assert lent.has_varied_dy
    assert lent.moved["weight"].sum() == 1 and lent.moved["weight"][1, 2]
    assert not lent.moved["x"].any()


def test_gradcheck_refuses_to_work_for_a_student():
    layer, lent = remote("linear")
    with pytest.raises(RuntimeError, match="write the check yourself"):
        gradcheck(layer, lent.x)


def test_copies_see_their_own_parameters():
    layer, lent = remote("linear")
    other = copy.deepcopy(layer)
    y, _ = layer.forward(lent.x)
    other.params["bias"][:] += 1
    np.testing.assert_allclose(other.forward(lent.x)[0], y + 1)
    np.testing.assert_array_equal(layer.forward(lent.x)[0], y)


@pytest.mark.parametrize(
    "arguments",
    [
        (None,),
        ({"x": np.ones((10_000, 5))},),
        ({"x": np.ones((6, 5, 1))},),
        ({"x": "text"},),
        ({"weight": np.ones((4, 6))},),
        ({"nothing": np.ones(3)},),
        ([1, 2],),
        (),
    ],
)
def test_nonsense_is_an_exception_in_the_students_process(student, arguments):
    layer, lent = lend(student, "linear")
    with pytest.raises(Exception, match="raised"):
        student.call("send", layer, *arguments)
    *_, params = student.call("run", layer, lent.x, np.ones((6, 4)))
    assert set(params) == {"weight", "bias"}


def test_an_old_cache_is_refused():
    layer, lent = remote("linear")
    y, cache = layer.forward(lent.x)
    lent.forget()
    with pytest.raises(ValueError, match="one of the last"):
        layer.backward(y, cache)


def test_an_objective_cannot_be_lent():
    with pytest.raises(TypeError, match="objective"):
        LentLayer(*ALL["autoencoder_objective"].make(0))
