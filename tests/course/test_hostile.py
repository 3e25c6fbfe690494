"""Students' code that ends its process, talks nonsense or lies about its results."""

import os
import sys

import numpy as np
import pytest

from tinyae.course import Handle, Limits, ProcessEnded, ProtocolError, StudentCode, StudentCodeError

QUICK = Limits(seconds=0.5)
SECRET = "a value that only the grader's process holds"


# The process ends, or talks nonsense


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os._exit(0)", r"called sys.exit\(0\) or os._exit\(0\)"),
        ("sys.exit(0)", r"called sys.exit\(0\) or os._exit\(0\)"),
        ("sys.exit('text')", r"called sys.exit\(1\)"),
        ("os.kill(os.getpid(), 9)", "stopped by SIGKILL"),
        ("os.abort()", "stopped by SIGABRT"),
        ("ctypes.string_at(0)", "stopped by SIGSEGV"),
    ],
)
@pytest.mark.parametrize("when", ["import", "call"])
def test_a_process_that_ends_itself_is_reported(kind, write, code, message, when):
    imports = "import ctypes, os, sys\n"
    if when == "import":
        with pytest.raises(ProcessEnded, match=message):
            StudentCode(write(imports + code)).__enter__()
    else:
        with StudentCode(write(f"{imports}def f():\n    {code}")) as student:
            with pytest.raises(ProcessEnded, match=message):
                student.call("f")


def test_garbage_on_every_file_descriptor_is_a_protocol_error(kind, write):
    code = """
        import os
        def f():
            for fd in range(3, 51):
                try: os.write(fd, b"PASS: 100 of 100 points")
                except OSError: pass
            return 1
    """
    with StudentCode(write(code)) as student:
        with pytest.raises(ProtocolError):
            student.call("f")


@pytest.mark.parametrize(
    "reply",
    [
        {"id": 2, "result": 1, "error": {}},
        {"id": 2, "error": {"kind": "exception", "type": 3, "message": "", "lines": []}},
        {"id": 2, "error": {"kind": "exception", "type": "E", "message": "", "lines": [1]}},
        {"id": 2, "error": 1},
        {"id": 3, "result": 1},
        [1],
    ],
)
def test_an_answer_of_another_form_is_a_protocol_error(write, reply):
    code = f"""
        import os, sys
        def f():
            frame = sys._getframe()
            while "responses" not in frame.f_locals:
                frame = frame.f_back
            for buffer in frame.f_locals["wire"].encode({reply!r}, None):
                os.write(frame.f_locals["responses"], buffer)
    """
    with StudentCode(write(code)) as student:
        with pytest.raises(ProtocolError):
            student.call("f")


def test_closing_all_file_descriptors_ends_the_process(kind, write):
    with StudentCode(write("import os\ndef f():\n    os.closerange(0, 500)")) as student:
        with pytest.raises(ProcessEnded, match="closed the connection"):
            student.call("f")


def test_output_and_input_of_the_code_do_not_touch_the_connection(kind, write):
    code = """
        import os, subprocess, sys
        def f():
            print("printed")
            os.write(1, b"written\\n")
            print("error", file=sys.stderr)
            subprocess.run(["echo", "from a process"])
            return sys.stdin.read()
    """
    with StudentCode(write(code)) as student:
        assert student.call("f") == ""
    assert student.output == "printed\nwritten\nerror\nfrom a process\n"


# Objects and modules that lie


def test_results_that_lie_about_their_values_arrive_as_plain_arrays(write):
    code = """
        import numpy as np
        class Liar(np.ndarray):
            def __eq__(self, other): return True
            def __array__(self, *args, **kwargs): return np.full(3, 7.0)
            def __sub__(self, other): return np.zeros(3)
            __rsub__ = __sub__
            def __array_ufunc__(self, *args, **kwargs): return np.zeros(3)
        class Fake:
            shape = (3,)
            def __array__(self, *args, **kwargs): return np.zeros(3)
        class Float(float):
            def __eq__(self, other): return True
        def liar(): return np.ones(3).view(Liar)
        def fake(): return Fake()
        def number(): return Float(3.0)
        def objects(): return np.array([object(), None])
    """
    with StudentCode(write(code)) as student:
        result = student.call("liar")
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, np.ones(3))
        assert type(student.call("number")) is float
        assert isinstance(student.call("fake"), Handle)
        objects = student.call("objects")
        assert isinstance(objects, Handle) and objects.type == "ndarray"


def test_patching_numpy_and_modules_changes_nothing_here(kind, write):
    code = """
        import sys
        import numpy as np
        np.allclose = np.array_equal = lambda *args, **kwargs: True
        np.testing.assert_allclose = lambda *args, **kwargs: None
        def before(): return np.ones(2)
        def patch():
            np.asarray = lambda *args, **kwargs: 1 / 0
            for name in list(sys.modules):
                sys.modules[name] = None
        def after(): return np.ones(2)
    """
    allclose, modules = np.allclose, len(sys.modules)
    with StudentCode(write(code), QUICK) as student:
        np.testing.assert_array_equal(student.call("before"), np.ones(2))
        with pytest.raises(StudentCodeError):
            student.call("patch")
            student.call("after")
    assert np.allclose is allclose and len(sys.modules) >= modules
    assert not np.allclose(1, 2)


def test_the_process_holds_no_module_and_no_data_of_the_grader(kind, write):
    code = """
        import gc, os, sys
        def look():
            found, frame = [], sys._getframe()
            while frame:
                found.append(repr(frame.f_locals) + repr(list(frame.f_globals)))
                frame = frame.f_back
            texts = [o for o in gc.get_objects() if isinstance(o, dict) and "SECRET" in o]
            return sorted(sys.modules), found, len(texts), dict(os.environ), sys.argv
    """
    os.environ["TINYAE_TEST_SECRET"] = SECRET
    try:
        with StudentCode(write(code)) as student:
            modules, frames, secrets, environment, arguments = student.call("look")
    finally:
        del os.environ["TINYAE_TEST_SECRET"]
    assert [name for name in modules if name.startswith(("tinyae", "pytest", "test_"))] == []
    assert SECRET not in repr(frames) and secrets == 0
    assert SECRET not in repr(environment) and arguments == [""]
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
