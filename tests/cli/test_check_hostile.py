"""Files that try to change the verdict of ``tinyae check``, or never to get one: the exit code is
1 or 2, with a clear line, and never 0."""

import sys
import textwrap
import time

import pytest

from tinyae.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits need Linux")

WRONG = """
import numpy as np

class Layer:
    def __init__(self):
        self.params = {"weight": np.ones((3, 4))}
    def forward(self, x):
        return x @ self.params["weight"].T, x
    def backward(self, dy, x):
        return dy @ self.params["weight"], {"weight": dy.T @ x / 2}
"""


@pytest.fixture
def run(tmp_path, capsys):
    """Check a wrong layer in a file with more code; return the exit code and what was printed."""

    def run(code, *options, name="Layer"):
        path = tmp_path / "mine.py"
        path.write_text(WRONG + textwrap.dedent(code))
        started = time.monotonic()
        result = main(["check", f"{path}:{name}", *options])
        assert time.monotonic() - started < 20
        shown = capsys.readouterr()
        return result, shown.out, shown.err

    return run


AT_IMPORT = {
    "an endless loop": ("while True: pass", "it took more than 1 seconds (see --timeout)"),
    "endless output": ("while True: print('spam' * 100)", "it took more than 1 seconds"),
    "50 GB": ("a = np.ones(50 << 27)", "needed more memory than it may use"),
    "os._exit": ("import os; os._exit(0)", "called sys.exit(0) or os._exit(0)"),
    "sys.exit": ("import sys; sys.exit(0)", "called sys.exit(0) or os._exit(0)"),
    "an exception": ("1 / 0", "mine.py raised ZeroDivisionError: division by zero"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "mine.py raised KeyboardInterrupt"),
    "a closed pipe": ("import os; os.closerange(0, 100)", "closed the connection"),
    "garbage": (
        "import os\nfor fd in range(3, 30):\n  try: os.write(fd, b'gradcheck passed')\n"
        "  except OSError: pass",
        "sent no answer",
    ),
    "a crash": ("import ctypes; ctypes.string_at(0)", "was stopped by SIGSEGV"),
    "a fork bomb": (
        "import os, time\nfor _ in range(9): os.fork()\ntime.sleep(60)",
        "more than",  # 64 processes, or 4 seconds where the kernel refuses some of them
    ),
}
DURING_THE_CHECK = {
    "an endless loop": ("while True: pass", "it took more than 1 seconds (see --timeout)"),
    "a slow loop": ("__import__('time').sleep(0.3)", "it took more than 1 seconds"),
    "50 GB": ("np.ones(50 << 27)", "needed more memory than it may use"),
    "os._exit": ("__import__('os')._exit(0)", "called sys.exit(0) or os._exit(0)"),
    "sys.exit": ("__import__('sys').exit(0)", "called sys.exit(0) or os._exit(0)"),
    "an exception": ("raise RuntimeError('no')", "mine.py raised RuntimeError: no"),
    "a closed pipe": ("__import__('os').closerange(0, 100)", "closed the connection"),
}


@pytest.mark.parametrize("case", AT_IMPORT)
def test_at_import(run, case):
    code, text = AT_IMPORT[case]
    seconds = {"an endless loop": "1", "endless output": "1", "a fork bomb": "4"}.get(case, "60")
    result, out, err = run(code, "--timeout", seconds)
    assert result == 2 and out == ""
    assert err.startswith("tinyae: mine.py") and text in err.splitlines()[0]
    assert len(err) < 10_000


@pytest.mark.parametrize("method, call", [("forward", 1), ("forward", 12), ("backward", 3)])
@pytest.mark.parametrize("case", DURING_THE_CHECK)
def test_during_the_check(run, case, method, call):
    """At the first call, and at a later one, in the middle of the finite differences."""
    code, text = DURING_THE_CHECK[case]
    hostile = f"""
    class Hostile(Layer):
        calls = 0
        def {method}(self, *args):
            Hostile.calls += 1
            if Hostile.calls >= {call}:
                {code}
            return super().{method}(*args)
    """
    options = ("--timeout", "1") if "loop" in case else ()
    result, out, err = run(hostile, *options, name="Hostile")
    if case == "an exception" and call > 1:  # an exception a step away is not the end
        assert result in (1, 2)
    else:
        assert result == 2 and out == "" and text in err.splitlines()[0]


PATCHES = {
    "the report": """
        import tinyae.checking.report as report
        report.Report.ok = property(lambda self: True)
        report.Report.__str__ = lambda self: "gradcheck passed"
    """,
    "the checker": """
        import sys, tinyae, tinyae.checking, tinyae.checking.check, tinyae.checking.numeric as n
        class Passed:
            ok = True
        for module in list(sys.modules.values()):
            if hasattr(module, "gradcheck"):
                module.gradcheck = lambda *args, **kwargs: Passed()
        n.judge = lambda analytic, *args: n.Verdict("ok", analytic)
    """,
    "numpy": """
        np.allclose = np.array_equal = np.isclose = lambda *args, **kwargs: True
        np.abs = np.zeros_like
    """,
    "exit": """
        import sys, os, builtins, atexit
        sys.exit = os._exit = builtins.exit = lambda *args: None
        atexit.register(lambda: print("gradcheck passed"))
    """,
    "the stack": """
        import gc, sys
        def look():
            frame = sys._getframe()
            while frame:
                for values in (frame.f_locals, frame.f_globals):
                    for name in list(values):
                        if type(values[name]).__name__ in ("Report", "Check", "Baseline"):
                            values[name] = None
                frame = frame.f_back
            for thing in gc.get_objects():
                if type(thing).__name__ in ("Report", "TensorReport", "Verdict"):
                    thing.__dict__.update(verdict="ok", state="ok", ok=True)
        forward = Layer.forward
        Layer.forward = lambda self, x: look() or forward(self, x)
    """,
    "liars": """
        class Liar(np.ndarray):
            def __eq__(self, other): return np.ones(self.shape, bool)
            __ne__ = lambda self, other: np.zeros(self.shape, bool)
            def __array__(self, *args, **kwargs): return np.zeros(self.shape)
            def __sub__(self, other): return np.zeros(self.shape)
            __rsub__ = __sub__
            def __array_function__(self, *args): return True
        backward = Layer.backward
        def lying(self, dy, x):
            dx, grads = backward(self, dy, x)
            return dx.view(Liar), {"weight": grads["weight"].view(Liar)}
        Layer.backward = lying
    """,
    "threads": """
        import threading, time
        for _ in range(5):
            threading.Thread(target=time.sleep, args=(60,)).start()
    """,
    "a thread that ends all": """
        import os, threading, time
        threading.Timer(0.01, os._exit, (0,)).start()
        forward = Layer.forward
        Layer.forward = lambda self, x: time.sleep(0.01) or forward(self, x)
    """,
}


@pytest.mark.parametrize("case", PATCHES)
def test_nothing_in_the_file_makes_a_wrong_gradient_right(run, case):
    result, out, err = run(PATCHES[case])
    assert result in (1, 2)
    assert not out.startswith("gradcheck passed")
    if result == 1:
        assert "WRONG" in out
    else:
        assert err.startswith("tinyae: ")


def test_threads_left_running_do_not_fail_a_right_layer(run):
    code = (
        PATCHES["threads"]
        + """
        Layer.backward = lambda self, dy, x: (dy @ self.params["weight"], {"weight": dy.T @ x})
    """
    )
    assert run(code)[0] == 0


def test_endless_output_is_cut(run):
    result, _, err = run("for i in range(10**5): print('spam', i, flush=True)")
    assert result == 1
    assert len(err) < 3000 and "more lines" in err
