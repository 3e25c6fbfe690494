"""Students' code that takes too much of something is stopped, and nothing of it is left."""

import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tinyae.course import (
    Limits,
    MemoryLimit,
    ProcessEnded,
    StudentCode,
    StudentException,
    TimeLimit,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
QUICK = Limits(seconds=0.5)


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
        assert folder == home == temporary == student._connection.sandbox.scratch
        with pytest.raises(StudentException, match="OSError"):
            student.call("save", 1 << 17)
    assert not Path(folder).exists()


@linux
def test_a_fork_bomb_is_stopped_and_nothing_of_it_is_left(kind, write, processes_with):
    code = """
        import os, time
        def f():
            for _ in range(7):
                os.fork()
            time.sleep(60)
    """
    with StudentCode(write(code), Limits(processes=20, seconds=1.5)) as student:
        # Root: the supervisor counts. Other users: the kernel refuses some forks, in the first
        # process (an exception) or only in its copies (the first one sleeps on).
        with pytest.raises((ProcessEnded, StudentException, TimeLimit)) as caught:
            student.call("f")
        expected = r"more than 20 processes|BlockingIOError|more than 1\.5 seconds"
        assert re.search(expected, str(caught.value))
        scratch = student._connection.sandbox.scratch
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
def test_a_process_in_a_session_of_its_own_is_dead_afterwards(kind, write, processes_with):
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
