"""Fixtures for the tests of the course kit: students' files, and each kind of sandbox."""

import functools
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import student_layers

from tinyae.course import Limits, ProcessEnded, StudentCode, connection, errors, sandbox


@functools.cache
def works(kind):
    """Whether this kind of sandbox works on this machine."""
    connection._kind[:] = [kind]
    try:
        with StudentCode(errors.__file__):  # any small file will do
            return True
    except ProcessEnded:
        return False
    finally:
        connection._kind[:] = []


def use(kind, monkeypatch):
    if not works(kind):
        pytest.skip(f"{kind} does not work here")
    monkeypatch.setattr(connection, "_kind", [kind])
    return kind


@pytest.fixture(params=sandbox.kinds())
def kind(request, monkeypatch):
    """Each kind of sandbox that works here."""
    return use(request.param, monkeypatch)


@pytest.fixture(params=["bwrap", "unshare"])
def namespace(request, monkeypatch):
    """Each kind of sandbox with namespaces that works here."""
    if request.param not in sandbox.kinds():
        pytest.skip(f"{request.param} is not installed")
    return use(request.param, monkeypatch)


@pytest.fixture
def write(tmp_path):
    """Write a student's file and return its path."""

    def write(code, name="homework.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        return path

    return write


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


@pytest.fixture
def solution(write):
    """The path of a file with functions and classes."""
    return write(SOLUTION)


@pytest.fixture
def processes_with():
    """A function that finds running processes by a text in their command line."""

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

    return processes_with


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Start a process for the targets of ``helpers.student_layers``, and more code. It has time,
    for many tests share it."""

    @contextmanager
    def start(more="", **limits):
        path = tmp_path_factory.mktemp("code") / "homework.py"
        path.write_text(Path(student_layers.__file__).read_text() + textwrap.dedent(more))
        with StudentCode(path, Limits(**{"seconds": 30, **limits})) as student:
            yield student

    return start


@pytest.fixture(scope="module")
def there(start):
    """``helpers.student_layers`` in a process of its own."""
    with start() as student:
        yield student


@pytest.fixture
def local():
    """A function that gives the same targets in this process."""

    def local(names):
        found = [getattr(student_layers, name) for name in names.split(",")]
        found = [target() if isinstance(target, type) else target for target in found]
        return tuple(found) if len(found) == 2 else found[0]

    return local
