"""Arguments that are more than values: functions of the grader, random generators, and arrays that
the code writes into."""

import numpy as np
import pytest

from tinyae.course import (
    Handle,
    Limits,
    MissingName,
    ProtocolError,
    Seed,
    StudentCode,
    StudentException,
    TimeLimit,
)

CODE = """
    import numpy as np

    def numeric_gradient(f, x, h=1e-5):
        dx = np.zeros_like(x)
        for i in np.ndindex(*x.shape):
            before = x[i]
            x[i] = before + h
            up = f(x)
            x[i] = before - h
            dx[i] = (up - f(x)) / (2 * h)
            x[i] = before
        return dx

    class Kept:
        def __init__(self, f):
            self.f = f
        def twice(self, x):
            return self.f(self.f(x))

    def caught(f):
        try:
            f(1.0)
        except ValueError as error:
            return str(error)

    def endless(f):
        while True:
            f(1.0)

    def draw(rng, *shape):
        return rng.standard_normal(shape)

    def adam_step(w, m, lr=0.1):
        m *= 0.5
        w -= lr * m

    def settings(v, config):
        config["velocity"] = v + 1
        return v
"""


@pytest.fixture
def student(write):
    with StudentCode(write(CODE)) as student:
        yield student


def test_the_code_can_call_a_function_of_ours(kind, write):
    x = np.random.default_rng(0).normal(size=(3, 2))
    with StudentCode(write(CODE)) as student:
        given = x.copy()
        dx = student.call("numeric_gradient", lambda x: float((x**3).sum()), given)
        np.testing.assert_allclose(dx, 3 * x**2, rtol=1e-6)
        np.testing.assert_array_equal(given, x)  # the code got a copy
        dx = student.call("numeric_gradient", f=lambda x: x.sum(), x=x, h=1e-3)
        np.testing.assert_allclose(dx, np.ones((3, 2)))


def test_an_object_may_keep_a_function_of_ours(student):
    kept = student.construct("Kept", lambda x: x + 1)
    assert student.call((kept, "twice"), 3) == 5


def test_a_function_of_ours_gets_an_object_of_the_code_as_a_handle(student):
    seen = []
    kept = student.construct("Kept", lambda x: seen.append(x))
    student.call((kept, "twice"), kept)
    assert isinstance(seen[0], Handle)


def test_an_exception_in_a_function_of_ours_is_raised_in_the_code_and_named(student):
    def f(x):
        raise ValueError("f needs an array")

    assert student.call("caught", f) == "f needs an array"
    with pytest.raises(StudentException, match="ValueError: f needs an array") as caught:
        student.call("numeric_gradient", f, np.ones(2))
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.lines == ("line 9, in numeric_gradient: up = f(x)",)
    assert student.call("draw", Seed(0)).shape == ()  # the process goes on


def test_a_result_of_ours_that_cannot_be_sent_is_our_own_error(student):
    with pytest.raises(TypeError, match="a object cannot be sent"):
        student.call("caught", lambda x: object())


def test_a_function_of_ours_cannot_ask_the_code(student):
    with pytest.raises(StudentException, match="cannot ask the student's code"):
        student.call("numeric_gradient", lambda x: student.call("draw", Seed(0)), np.ones(2))


def test_calls_without_end_meet_the_time_limit(write):
    with StudentCode(write(CODE), Limits(seconds=0.5)) as student:
        with pytest.raises(TimeLimit):
            student.call("endless", lambda x: x)


@pytest.mark.parametrize("number", ["7", "-1", "'a'", "True"])
def test_a_function_that_was_never_sent_cannot_be_called(write, number):
    code = f"""
        import sys
        def g():
            frame = sys._getframe()
            while "ask" not in frame.f_locals:
                frame = frame.f_back
            frame.f_locals["ask"]({number}, (), {{}})
    """
    with StudentCode(write(code)) as student:
        with pytest.raises(ProtocolError):
            student.call("g")


def test_a_seed_becomes_a_random_generator(student):
    expected = np.random.default_rng(5).standard_normal((2, 3))
    for _ in range(2):
        np.testing.assert_array_equal(student.call("draw", Seed(5), 2, 3), expected)
    with pytest.raises(TypeError, match=r"send Seed\(n\)"):
        student.call("draw", np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least 0"):
        Seed(-1)


def test_changed_arguments_come_back_on_request(student):
    w, m = np.ones(3), np.full(3, 4.0)
    result, (w_after, m_after) = student.call_in_place("adam_step", w, m, lr=0.5)
    assert result is None
    np.testing.assert_array_equal(w_after, np.zeros(3))
    np.testing.assert_array_equal(m_after, np.full(3, 2.0))
    np.testing.assert_array_equal(w, np.ones(3))  # ours did not change
    v, (_, config) = student.call_in_place("settings", np.ones(2), {"lr": 1})
    np.testing.assert_array_equal(config["velocity"], v + 1)


def test_names_of_the_code_can_be_used_as_values(student):
    assert isinstance(student.get("draw"), Handle)
    x = np.ones((1, 2))
    function = student.get("draw")
    np.testing.assert_array_equal(student.call(function, Seed(1)), student.call("draw", Seed(1)))
    with pytest.raises(MissingName, match="did you mean 'draw'"):
        student.get("drawn")
    assert student.call("settings", x, {}).shape == (1, 2)


def test_tinyaes_own_classes_and_functions_can_be_arguments(student):
    layer = student.construct("tinyae.Linear", 3, 2, rng=0)
    y, _ = student.call((layer, "forward"), np.ones((4, 3)))
    assert y.shape == (4, 2)
    value, _ = student.call("tinyae.losses.mse", np.ones((2, 2)), np.zeros((2, 2)))
    assert value > 0
    with pytest.raises(MissingName, match="the library does not define 'tinyae.Lineal'"):
        student.construct("tinyae.Lineal", 3, 2)
