"""Students' code in a process of its own: it answers, and it cannot hang, fool or outlive us."""

import json
import os
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tinyae.course import (
    Handle,
    Limits,
    MemoryLimit,
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentCode,
    StudentCodeError,
    StudentException,
    TimeLimit,
    UnreadableFile,
    isolation,
    sandbox,
)

LINUX = sys.platform == "linux"
linux = pytest.mark.skipif(not LINUX, reason="needs Linux")
QUICK = Limits(seconds=0.5)
SECRET = "a value that only the grader's process holds"


def working_kinds() -> list[str]:
    """The kinds of sandbox that work on this machine."""
    found = []
    for kind in sandbox.kinds():
        isolation._kind[:] = [kind]
        try:
            with StudentCode(__file__.replace("test_isolation", "example_solution")):
                found.append(kind)
        except ProcessEnded:
            pass
    isolation._kind[:] = []
    return found


KINDS = working_kinds()


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    """Each kind of sandbox that works here."""
    monkeypatch.setattr(isolation, "_kind", [request.param])
    return request.param


@pytest.fixture
def write(tmp_path):
    """Write a student's file and return its path."""

    def write(code, name="homework.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        return path

    return write


def processes_with(text):
    """The running processes whose command line contains the text."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and text.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            pass
    return found


# What it is for


SOLUTION = """
    import numpy as np

    SIZE = 3
    _private = 1

    class Cache:
        def __init__(self, x):
            self.x = x

    def forward(x, w, b=0.0):
        return x @ w + b, Cache(x)

    def backward(dy, cache):
        return cache.x.T @ dy

    class Inner:
        def __init__(self):
            self.gamma = np.full(2, 5.0)
            self.step = np.arange(2)

    class Net:
        def __init__(self, n, scale=1.0):
            self.params = {"w": np.full((n, 2), scale)}
            self.bias = np.zeros(2)
            self.same = self.params["w"]
            self.blocks = [Inner()]

        def forward(self, x):
            return x @ self.params["w"] + self.bias

    def structure(value):
        return {"a": [value, (1, 2.5, None, True)], 3: "text"}
"""


def test_a_function_is_called_with_arrays_and_returns_fresh_plain_arrays(kind, write):
    x = np.arange(6.0).reshape(2, 3)
    with StudentCode(write(SOLUTION)) as student:
        y, cache = student.call("forward", x, np.eye(3), b=1.0)
        assert type(y) is np.ndarray and y.flags.writeable
        np.testing.assert_array_equal(y, x + 1)
        assert isinstance(cache, Handle) and cache.type == "Cache"
        np.testing.assert_array_equal(student.call("backward", np.eye(2), cache), x.T)
        assert student.call("structure", "b") == {"a": ["b", (1, 2.5, None, True)], 3: "text"}


def test_an_object_is_made_used_read_changed_copied_and_released(kind, write):
    with StudentCode(write(SOLUTION)) as student:
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


def test_the_public_names_come_with_kinds_and_parameters(write):
    with StudentCode(write(SOLUTION)) as student:
        names = {name.name: name for name in student.names()}
    assert list(names) == ["SIZE", "Cache", "forward", "backward", "Inner", "Net", "structure"]
    assert (names["SIZE"].kind, names["SIZE"].parameters) == ("object", None)
    assert (names["Net"].kind, names["Net"].parameters) == ("class", ("n", "scale"))
    assert names["Net"].own and names["Net"].defaults == 1
    assert names["forward"].parameters == ("x", "w", "b") and names["forward"].defaults == 1


def test_a_missing_name_or_method_is_named_with_the_nearest_one(write):
    with StudentCode(write(SOLUTION)) as student:
        with pytest.raises(MissingName, match="does not define 'forwrd'; did you mean 'forward'"):
            student.call("forwrd")
        with pytest.raises(MissingName, match="Net does not have a method 'step'"):
            student.call((student.construct("Net", 1), "step"))


def test_something_that_cannot_be_sent_is_refused_and_the_process_goes_on(write):
    with StudentCode(write(SOLUTION)) as student, StudentCode(write(SOLUTION)) as other:
        with pytest.raises(TypeError, match="a object cannot be sent"):
            student.call("structure", object())
        with pytest.raises(TypeError, match="a Handle cannot be sent"):
            student.call("structure", other.construct("Net", 1))
        assert student.call("structure", 1)[3] == "text"


def test_a_helper_module_beside_the_file_is_found(write):
    write("def double(x): return 2 * x", "helper_of_homework.py")
    with StudentCode(write("from helper_of_homework import double")) as student:
        assert student.call("double", 4) == 8


def test_the_result_after_the_end_is_an_error_not_a_hang(write):
    with StudentCode(write(SOLUTION)) as student:
        pass
    with pytest.raises(ProcessEnded, match="was closed"):
        student.names()


def test_the_process_starts_in_well_under_a_second(kind, write):
    path = write(SOLUTION)
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
    assert not Path(student._sandbox.scratch).exists()


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


# Limits


def test_an_endless_loop_in_a_call_meets_the_time_limit(kind, write):
    with StudentCode(write("def f():\n    while True: pass"), QUICK) as student:
        with pytest.raises(TimeLimit, match=r"more than 0\.5 seconds"):
            student.call("f")
        with pytest.raises(TimeLimit):  # the process is gone, and the reason stays
            student.names()


def test_an_endless_loop_at_import_meets_the_time_limit(kind, write):
    with pytest.raises(TimeLimit):
        StudentCode(write("while True: pass"), QUICK).__enter__()


@linux
def test_a_request_that_is_never_read_meets_the_time_limit(write):
    code = """
        import os, signal, threading
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGSTOP)).start()
    """
    with StudentCode(write(code), QUICK) as student:
        time.sleep(0.3)
        with pytest.raises(TimeLimit):
            student.call("f", np.zeros(10**6))


@linux
def test_cpu_time_is_limited(kind, write):
    with StudentCode(write("def f():\n    while True: pass"), Limits(cpu=1)) as student:
        with pytest.raises(TimeLimit, match="more than 1 seconds of CPU time"):
            student.call("f")


@linux
def test_an_allocation_of_50_gb_meets_the_memory_limit_and_the_process_goes_on(kind, write):
    code = """
        import numpy as np
        def array(): return np.ones(50 << 27)
        def buffer(): return bytearray(50 << 30)
        def small(): return np.ones(3)
    """
    with StudentCode(write(code)) as student:
        for name in ("array", "buffer"):
            with pytest.raises(MemoryLimit, match="more memory than it may use"):
                student.call(name)
        np.testing.assert_array_equal(student.call("small"), np.ones(3))


@linux
def test_memory_that_grows_step_by_step_meets_the_memory_limit(kind, write):
    code = """
        kept = []
        def f():
            while True: kept.append(bytearray(50 << 20))
    """
    with StudentCode(write(code), Limits(memory=1 << 29)) as student:
        with pytest.raises(MemoryLimit):
            student.call("f")


def test_a_result_that_is_too_large_is_an_error_of_the_code(write):
    code = """
        import numpy as np
        def f(): return np.broadcast_to(np.zeros(1), (1 << 40,))
        def g(): return [[]] * 2_000_000
    """
    with StudentCode(write(code)) as student:
        for name in "fg":
            with pytest.raises(StudentException, match="at most|more than"):
                student.call(name)


def test_endless_output_is_cut_and_meets_the_time_limit(kind, write):
    code = """
        def f():
            while True: print("spam " * 1000)
    """
    with StudentCode(write(code), QUICK) as student:
        with pytest.raises(TimeLimit):
            student.call("f")
        assert student.output.startswith("spam spam") and len(student.output) < 5000
        assert "cut here" in student.output


@linux
def test_files_are_limited_in_size_and_removed_with_the_scratch_folder(kind, write):
    code = """
        import os, tempfile
        def save(n):
            with open("result.bin", "wb") as f: f.write(bytes(n))
            os.mkdir("locked")
            os.chmod("locked", 0)
            return os.getcwd(), os.path.expanduser("~"), tempfile.gettempdir()
    """
    with StudentCode(write(code), Limits(file_size=1 << 16)) as student:
        folder, home, temporary = student.call("save", 100)
        assert folder == home == temporary == student._sandbox.scratch
        with pytest.raises(StudentException, match="OSError"):
            student.call("save", 1 << 17)
    assert not Path(folder).exists()


@linux
def test_a_fork_bomb_is_stopped_and_nothing_of_it_is_left(kind, write):
    code = """
        import os, time
        def f():
            for _ in range(7):
                os.fork()
            time.sleep(60)
    """
    with StudentCode(write(code), Limits(processes=20, seconds=1.5)) as student:
        with pytest.raises((ProcessEnded, StudentException), match=r"processes|BlockingIOError"):
            student.call("f")
        scratch = student._sandbox.scratch
    assert processes_with(scratch) == []


def test_a_copy_made_by_fork_does_not_answer_too(write):
    code = """
        import os
        def f():
            if hasattr(os, "fork"): os.fork()
            return 1
    """
    with StudentCode(write(code)) as student:
        assert [student.call("f") for _ in range(5)] == [1] * 5


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


# What is left running


def test_threads_left_running_do_not_delay_the_end(kind, write):
    code = """
        import threading, time
        for _ in range(5):
            threading.Thread(target=time.sleep, args=(60,)).start()
        def f(): return 1
    """
    start = time.perf_counter()
    with StudentCode(write(code)) as student:
        assert student.call("f") == 1
    assert time.perf_counter() - start < 2


@linux
def test_a_process_in_a_session_of_its_own_is_dead_afterwards(kind, write):
    mark = f"91{os.getpid()}{time.monotonic_ns()}"
    code = f"""
        import os, subprocess
        def f():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execvp("sleep", ["sleep", "{mark}"])
                os._exit(0)
            subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    """
    with StudentCode(write(code)) as student:
        student.call("f")
        end = time.monotonic() + 1
        while len(processes_with(mark)) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert len(processes_with(mark)) == 2
    assert processes_with(mark) == []


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


# Namespaces


@pytest.fixture(params=[kind for kind in KINDS if kind in ("bwrap", "unshare")])
def namespace(request, monkeypatch):
    """Each kind of sandbox with namespaces that works here; no test where there is none."""
    monkeypatch.setattr(isolation, "_kind", [request.param])
    return request.param


def test_in_a_namespace_the_file_system_is_read_only_and_stays_so(namespace, write):
    code = """
        import ctypes, os
        def attempt(path):
            try:
                with open(path, "ab") as f: f.write(b"x")
            except OSError as error:
                return type(error).__name__
            return "written"
        def remount(path):
            libc = ctypes.CDLL(None)
            libc.mount(None, path.encode(), None, ctypes.c_ulong(32 | 4096), None)
            libc.unshare(0x10020000)
            libc.mount(None, path.encode(), None, ctypes.c_ulong(32 | 4096), None)
            libc.umount2(path.encode(), 2)
    """
    path = write(code)
    with StudentCode(path) as student:
        scratch = student._sandbox.scratch
        targets = [
            path,
            path.with_name("new"),
            "/new",
            "/dev/new",
            "/run/new",
            "/proc/sys/vm/overcommit_memory",
        ]
        for _ in range(2):
            for target in map(str, targets):
                assert student.call("attempt", target) != "written", target
            assert student.call("attempt", f"{scratch}/new") == "written"
            assert student.call("attempt", "/dev/null") == "written"
            for folder in ("/", str(path.parent), "/run", "/dev"):
                student.call("remount", folder)


def test_in_a_namespace_there_is_no_network_and_no_other_process(namespace, write):
    code = """
        import os, socket
        def look():
            names = [name for _, name in socket.if_nameindex()]
            try:
                socket.create_connection(("1.1.1.1", 53), 0.2)
                names.append("connected")
            except OSError:
                pass
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            disks = [n for n in os.listdir("/dev") if n.startswith(("sd", "vd", "nvme", "mem"))]
            return names, len(pids), disks
    """
    with StudentCode(write(code)) as student:
        names, processes, disks = student.call("look")
        assert student.protection == sandbox.protection(namespace)
    assert names in ([], ["lo"]) and processes <= 3 and disks == []


def test_in_a_namespace_the_code_cannot_end_its_supervisor(namespace, write):
    code = """
        import os
        def f():
            for pid in (1, -1, os.getppid()):
                try: os.kill(pid, 9)
                except OSError: pass
            return 1
    """
    with StudentCode(write(code)) as student:
        assert student.call("f") == 1


# Other systems


def test_without_linux_the_code_runs_and_the_missing_protection_is_said(write, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.kinds() == ["plain"]
    monkeypatch.setattr(isolation, "_kind", [])
    with StudentCode(write(SOLUTION), QUICK) as student:
        assert student.call("structure", 1)[3] == "text"
        assert any("are not limited" in sentence for sentence in student.protection)
        assert isolation._kind == ["plain"]
    with StudentCode(write("def f():\n    while True: pass"), QUICK) as student:
        with pytest.raises(TimeLimit):
            student.call("f")


@linux
def test_a_kind_that_does_not_work_is_skipped_and_the_choice_is_remembered(write, monkeypatch):
    monkeypatch.setattr(isolation, "_kind", [])
    monkeypatch.setattr(sandbox, "kinds", lambda: ["bwrap", "supervisor"])
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "false")
    with StudentCode(write(SOLUTION)) as student:
        assert student.call("structure", 1)[3] == "text"
    assert isolation._kind == ["supervisor"]
