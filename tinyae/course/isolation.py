"""Run a student's code in a process of its own, and ask it for arrays.

    with StudentCode("homework.py") as student:
        y, cache = student.call("linear_forward", x, w, b)
        dx, dw, db = student.call("linear_backward", dy, cache)

Code that shares a process with its grader can change the grader. So this side never imports code
of the student: it sends requests to ``server.py``, which runs in a sandbox, and gets plain values
and NumPy arrays back. Every failure is a ``StudentCodeError`` whose message is one sentence.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.course import sandbox, wire
from tinyae.course.errors import (
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentCodeError,
    StudentException,
    TimeLimit,
)
from tinyae.course.replies import checked, exact, exception_of, why_ended
from tinyae.course.sandbox import Limits, Sandbox
from tinyae.course.source import read_cells

START_SECONDS = 20.0  # for Python and NumPy, before any code of the student runs

_kind: list[str] = []  # the kind of sandbox that works here, once it is known


@dataclass(frozen=True)
class Name:
    """A public name of the student's code."""

    name: str
    kind: str
    """"function", "class" or "object"."""
    own: bool
    """False for a function or a class imported from somewhere else."""
    parameters: tuple[str, ...] | None
    """Positional parameters; of ``__init__`` for a class; None if they are not known."""
    defaults: int
    """How many of them, counted from the last, have a default value."""


class Handle:
    """An object that stays in the student's process; it can be passed back as an argument.

    The object is released when its handle is no longer used here.
    """

    def __init__(self, owner: "StudentCode", number: int, type: str) -> None:
        self._owner, self._number, self._is_released = owner, number, False
        self.type = type

    def __repr__(self) -> str:
        return f"Handle({self._number}, type={self.type!r})"

    def __del__(self) -> None:
        self._owner._released.append(self._number)


class StudentCode:
    """A student's file, running in a process of its own. Use it in a ``with`` statement.

    Args:
        path: a .py file or a .ipynb notebook.
        limits: what the process may use.

    Attributes:
        cell_errors: for a notebook, (name of the cell, its exception) for each cell that failed.
    """

    def __init__(self, path: str | Path, limits: Limits | None = None) -> None:
        self.path = Path(path).absolute()
        self.limits = limits or Limits()
        self.cell_errors: tuple[tuple[str, StudentException], ...] = ()
        self._sandbox: Sandbox | None = None
        self._failure: StudentCodeError | None = None
        self._released: list[int] = []
        self._number = 0
        self._lock = threading.Lock()

    def __enter__(self) -> "StudentCode":
        """Start the process and run the file.

        Raises:
            StudentCodeError: if the file cannot be read, or if running it fails.
        """
        cells = read_cells(self.path)
        self._start()
        try:
            errors = self._request("load", str(self.path), cells)
            self.cell_errors = checked(
                lambda: tuple((error["cell"], exception_of(error)) for error in errors)
            )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all that it has started, and remove its files."""
        if self._sandbox is not None:
            self._sandbox.end()
            if self._failure is None:
                self._failure = ProcessEnded("the student's process was closed")

    @property
    def protection(self) -> tuple[str, ...]:
        """What this machine does not protect from the code, in sentences."""
        return sandbox.protection(self._sandbox.kind) if self._sandbox else ()

    @property
    def output(self) -> str:
        """What the code has printed so far, cut to a few KB; complete once this is closed."""
        return self._sandbox.output if self._sandbox else ""

    def names(self) -> list[Name]:
        """The public names of the code, in the order of their definition."""
        found = self._request("names")
        return checked(
            lambda: [
                Name(
                    name=str(entry["name"]),
                    kind=str(entry["kind"]),
                    own=bool(entry["own"]),
                    parameters=None
                    if entry["parameters"] is None
                    else tuple(str(name) for name in entry["parameters"]),
                    defaults=int(entry["defaults"]),
                )
                for entry in found
            ]
        )

    def call(self, target: str | tuple[Handle, str], *args: Any, **kwargs: Any) -> Any:
        """Call a function by its name, or a method as ``(handle, name)``.

        Arrays in the result are fresh plain ndarrays (0-d for a NumPy scalar). None, bool, int,
        float, str, list, tuple and dict come back as they are, and other objects as a ``Handle``.

        Raises:
            MissingName: if the code does not define the name.
            StudentException: if the code raises an exception.
            StudentCodeError: one of the other subclasses, if the process does not answer.
        """
        where = target if isinstance(target, str) else list(target)
        return self._request("call", where, args, kwargs)

    def construct(self, name: str, *args: Any, **kwargs: Any) -> Handle:
        """Make an object of the student's class ``name``. Raises the exceptions of ``call``."""
        made = self._request("construct", name, args, kwargs)
        return checked(lambda: exact(made, Handle))

    def copy(self, handle: Handle) -> Handle:
        """A deep copy of an object. Raises the exceptions of ``call``."""
        made = self._request("copy", handle)
        return checked(lambda: exact(made, Handle))

    def arrays(self, handle: Handle) -> dict[str, np.ndarray]:
        """The float arrays of an object: those in its ``params``, then those in its attributes.

        An attribute's name is its path, "encoder.weight". Each array is listed once.
        """
        found = self._request("arrays", handle)
        return checked(
            lambda: {str(name): exact(array, np.ndarray) for name, array in dict(found).items()}
        )

    def set_array(self, handle: Handle, name: str, array: np.ndarray) -> None:
        """Write new values of the same shape into one of the object's arrays, in place.

        Raises:
            MissingName: if there is no array with this name and shape.
        """
        self._request("set_array", handle, name, np.asarray(array))

    def release(self, handle: Handle) -> None:
        """Forget an object now. Without this, it is forgotten when its handle is garbage."""
        handle._is_released = True
        self._released.append(handle._number)

    def _start(self) -> None:
        """Start the best kind of sandbox that works here; remember which one."""
        reasons = []
        for kind in _kind or sandbox.kinds():
            self._sandbox = Sandbox(kind, self.limits, self.path.parent)
            try:
                if self._timed(START_SECONDS, lambda: self._read(0)) == "ready":
                    _kind[:] = [kind]
                    return
            except StudentCodeError as error:
                reasons.append(f"{kind}: {error}")
            except BaseException:
                self.close()
                raise
            self._sandbox.end()
            reasons[-1:] = [f"{reasons[-1]} {self.output.strip()[-500:]}"]
        raise ProcessEnded(f"the student's process could not be started ({'; '.join(reasons)})")

    def _request(self, do: str, *args: Any) -> Any:
        """Send one request and wait for its answer."""
        with self._lock:
            if self._sandbox is None:
                raise RuntimeError("use StudentCode in a with statement")
            if self._failure is not None:
                raise type(self._failure)(str(self._failure))
            self._number += 1
            released = self._released[:]
            request = {"id": self._number, "do": do, "args": args, "release": released}
            buffers = wire.encode(request, self._handle_entry)
            del self._released[: len(released)]
            try:
                return self._timed(self.limits.seconds, lambda: self._exchange(buffers))
            except _Ended:
                self._failure = why_ended(self._sandbox.report(2.0), self.limits)
            except (TimeLimit, ProtocolError) as error:
                self._failure = error
            except StudentCodeError:  # an answer: the process can go on
                raise
            except BaseException:  # the user pressed Ctrl-C: an answer may come too late
                self.close()
                raise
            self._sandbox.end()
            raise self._failure

    def _timed(self, seconds: float, work: Callable[[], Any]) -> Any:
        """Do the work in a thread: neither reading from nor writing to a process ends by itself."""
        assert self._sandbox is not None
        results: list[Any] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            self._sandbox.stop()  # closes the other ends of the pipes, so the thread ends too
            thread.join(2.0)
            self._sandbox.in_use = thread.is_alive()
            raise TimeLimit(f"the code took more than {seconds:g} seconds for one request")
        if errors:
            raise errors[0]
        return results[0]

    def _exchange(self, buffers: list[Any]) -> Any:
        """Write a request and read its answer."""
        assert self._sandbox is not None
        try:
            for buffer in buffers:
                self._sandbox.requests.write(buffer)
            self._sandbox.requests.flush()
        except OSError:
            raise _Ended from None
        return self._read(self._number)

    def _read(self, number: int) -> Any:
        """Read the answer to the request with this number."""
        assert self._sandbox is not None
        try:
            reply = wire.read(
                self._sandbox.responses, lambda number, kind: Handle(self, number, kind)
            )
        except (EOFError, OSError):
            raise _Ended from None
        except wire.ProtocolError as error:
            raise ProtocolError(f"the student's process sent no answer: {error}") from None
        if not isinstance(reply, dict) or reply.get("id") != number:
            raise ProtocolError("the student's process sent an answer that nobody asked for")
        if "error" in reply:
            raise checked(lambda: exception_of(reply["error"]))
        return reply.get("result")

    def _handle_entry(self, value: Any) -> dict[str, Any]:
        """How a handle is written in a message."""
        if not isinstance(value, Handle) or value._owner is not self:
            raise TypeError(f"a {type(value).__name__} cannot be sent to the student's process")
        if value._is_released:
            raise MissingName(f"the {value.type} was released")
        return {"handle": value._number, "type": value.type}


class _Ended(StudentCodeError):
    """The process has ended, and why is not known yet."""
