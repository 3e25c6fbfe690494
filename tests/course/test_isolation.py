"""Students' code in a process of its own: it answers, and its mistakes are reported."""

import json
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tinyae.course import (
    Handle,
    MissingName,
    ProcessEnded,
    StudentCode,
    StudentException,
    UnreadableFile,
)

# What it is for


def test_a_function_is_called_with_arrays_and_returns_fresh_plain_arrays(kind, solution):
    x = np.arange(6.0).reshape(2, 3)
    with StudentCode(solution) as student:
        y, cache = student.call("forward", x, np.eye(3), b=1.0)
        assert type(y) is np.ndarray and y.flags.writeable
        np.testing.assert_array_equal(y, x + 1)
        assert isinstance(cache, Handle) and cache.type == "Cache"
        np.testing.assert_array_equal(student.call("backward", np.eye(2), cache), x.T)
        assert student.call("structure", "b") == {"a": ["b", (1, 2.5, None, True)], 3: "text"}


def test_an_object_is_made_used_read_changed_copied_and_released(kind, solution):
    with StudentCode(solution) as student:
        net = student.construct("Net", 3, scale=2.0)
        arrays = student.arrays(net)
        assert list(arrays) == ["w", "bias", "blocks.0.gamma"]
        np.testing.assert_array_equal(arrays["w"], np.full((3, 2), 2.0))
        other = student.copy(net)
        student.set_array(net, "bias", np.array([1.0, -1.0]))
        x = np.ones((1, 3))
        np.testing.assert_array_equal(student.call((net, "forward"), x), [[7.0, 5.0]])
        np.testing.assert_array_equal(student.call((other, "forward"), x), [[6.0, 6.0]])
        with pytest.raises(MissingName, match="does not have an array 'nothing'"):
            student.set_array(net, "nothing", np.zeros(2))
        with pytest.raises(MissingName, match=r"shape \(2,\), not \(3,\)"):
            student.set_array(net, "bias", np.zeros(3))
        student.release(other)
        with pytest.raises(MissingName, match="the Net was released"):
            student.arrays(other)


def test_objects_are_released_when_their_handles_are_garbage(write):
    code = """
        import weakref
        alive = weakref.WeakSet()
        class Thing: pass
        def make():
            thing = Thing()
            alive.add(thing)
            return thing
        def count():
            return len(alive)
    """
    with StudentCode(write(code)) as student:
        things = [student.call("make") for _ in range(5)]
        assert student.call("count") == 5
        del things
        assert student.call("count") == 0


def test_the_public_names_come_with_kinds_and_parameters(solution):
    with StudentCode(solution) as student:
        names = {name.name: name for name in student.names()}
    assert list(names) == ["SIZE", "Cache", "forward", "backward", "Inner", "Net", "structure"]
    assert (names["SIZE"].kind, names["SIZE"].parameters) == ("object", None)
    assert (names["Net"].kind, names["Net"].parameters) == ("class", ("n", "scale"))
    assert names["Net"].own and names["Net"].defaults == 1
    assert names["forward"].parameters == ("x", "w", "b") and names["forward"].defaults == 1


def test_a_missing_name_or_method_is_named_with_the_nearest_one(solution):
    with StudentCode(solution) as student:
        with pytest.raises(MissingName, match="does not define 'forwrd'; did you mean 'forward'"):
            student.call("forwrd")
        with pytest.raises(MissingName, match="Net does not have a method 'step'"):
            student.call((student.construct("Net", 1), "step"))


def test_something_that_cannot_be_sent_is_refused_and_the_process_goes_on(solution):
    with StudentCode(solution) as student, StudentCode(solution) as other:
        with pytest.raises(TypeError, match="a object cannot be sent"):
            student.call("structure", object())
        with pytest.raises(TypeError, match="a Handle cannot be sent"):
            student.call("structure", other.construct("Net", 1))
        assert student.call("structure", 1)[3] == "text"


def test_a_helper_module_beside_the_file_is_found(write):
    write("def double(x): return 2 * x", "helper_of_homework.py")
    with StudentCode(write("from helper_of_homework import double")) as student:
        assert student.call("double", 4) == 8


def test_the_result_after_the_end_is_an_error_not_a_hang(solution):
    with StudentCode(solution) as student:
        pass
    with pytest.raises(ProcessEnded, match="was closed"):
        student.names()


def test_the_process_starts_in_well_under_a_second(kind, solution):
    path = solution
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with StudentCode(path):
            seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.7


# Files


def notebook(*cells):
    entries = [{"cell_type": "code", "source": textwrap.dedent(cell)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# Text"}, *entries]})


def test_a_notebook_runs_cell_by_cell_and_reports_the_cells_that_fail(write):
    path = write(
        notebook(
            "%matplotlib inline\n!pip install something\nimport numpy as np",
            "def broken():\n    return missing_name\nbroken()",
            "def f(x):\n    return np.sum(x)",
            "this is no Python",
            "%%bash\nls",
            "raise SystemExit",
            "def g():\n    return 5",
        ),
        "homework.ipynb",
    )
    with StudentCode(path) as student:
        assert student.call("f", np.ones(4)) == 4.0
        assert student.call("g") == 5
    (second, error), (fourth, syntax), (sixth, leave) = student.cell_errors
    assert (second, fourth, sixth) == ("code cell 2", "code cell 4", "code cell 6")
    assert error.type == "NameError"
    assert error.lines == (
        "code cell 2, line 3, in <module>: broken()",
        "code cell 2, line 2, in broken: return missing_name",
    )
    assert syntax.type == "SyntaxError" and "this is no Python" in syntax.lines[-1]
    assert leave.type == "SystemExit"


def test_a_file_that_is_missing_is_reported(tmp_path):
    with pytest.raises(UnreadableFile, match="homework.py cannot be read: No such file"):
        StudentCode(tmp_path / "homework.py").__enter__()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"x = 1", "neither a .py file nor a .ipynb notebook"),
        ("a.py", b"x = '\xff\xfe'", "not a UTF-8 text file"),
        ("a.py", b"# coding: nonsense\n", "not a UTF-8 text file"),
        ("a.ipynb", b"\xff", "not a UTF-8 text file"),
        ("a.ipynb", b"x = 1", "not a Jupyter notebook"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code"}]}', "not a Jupyter notebook"),
        ("a.ipynb", b"[" * 200_000, "not a Jupyter notebook"),
    ],
)
def test_a_file_of_another_form_is_reported_without_running_it(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match=message):
        StudentCode(path).__enter__()


def test_a_file_that_cannot_be_parsed_is_reported_with_its_line(write):
    with pytest.raises(StudentException) as caught:
        StudentCode(write("x = 1\ndef f(:\n    pass\n")).__enter__()
    assert caught.value.type == "SyntaxError"
    assert caught.value.lines == ("line 2, in <module>: def f(:",)


# Exceptions


def test_an_exception_comes_back_with_the_lines_of_the_students_file_only(write):
    code = """
        import numpy as np
        def inner(x):
            return np.linalg.inv(x)
        def outer(x):
            return inner(x)
    """
    with StudentCode(write(code)) as student:
        with pytest.raises(StudentException, match="the code raised LinAlgError") as caught:
            student.call("outer", np.zeros((2, 2)))
        assert caught.value.lines == (
            "line 6, in outer: return inner(x)",
            "line 4, in inner: return np.linalg.inv(x)",
        )
        with pytest.raises(StudentException, match="TypeError"):
            student.call("outer")
        np.testing.assert_array_equal(student.call("outer", np.eye(2)), np.eye(2))


def test_an_exception_at_import_is_reported_and_nothing_is_left(kind, write):
    student = StudentCode(write("print('before')\n1 / 0"))
    with pytest.raises(StudentException, match=r"ZeroDivisionError.*line 2, in <module>: 1 / 0"):
        student.__enter__()
    assert student.output == "before\n"
    assert not Path(student._connection.sandbox.scratch).exists()


def test_exceptions_that_lie_about_themselves_are_reported_all_the_same(write):
    code = """
        class Bad(BaseException):
            def __str__(self):
                raise RuntimeError
        def bad():
            raise Bad
        def long():
            raise ValueError("a" * 10**7)
        def deep():
            return deep()
    """
    with StudentCode(write(code)) as student:
        for name, kind in [("bad", "Bad"), ("long", "ValueError"), ("deep", "RecursionError")]:
            with pytest.raises(StudentException) as caught:
                student.call(name)
            assert caught.value.type == kind
            assert len(str(caught.value)) < 3000 and len(caught.value.lines) <= 20
