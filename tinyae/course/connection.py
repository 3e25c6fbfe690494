"""Ask the student's process, and wait for its answer.

A request is {"id", "do", "args", "release"}; ``server.py`` says more. While the process works on
it, it can call a function of the grader that was an argument: it sends {"id", "function", "args",
"kwargs"} and gets {"id", "result"} or {"id", "error"} back.
"""

import math
import threading
import time
from collections.abc import Callable
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
from tinyae.course.pipes import Pipes
from tinyae.course.replies import checked, exact, exception_of, why_ended
from tinyae.course.sandbox import Limits, Sandbox
from tinyae.course.values import Handle, Seed

START_SECONDS = 20.0  # for Python and NumPy, before any code of the student runs

_kind: list[str] = []  # the kind of sandbox that works here, once it is known


class Connection:
    """A process for a student's code, once ``start`` was called.

    Args:
        limits: what the process may use.
        folder: the folder of the student's file.
        hide: folders that the code may not see.
    """

    def __init__(self, limits: Limits, folder: Path, hide: tuple[Path, ...]) -> None:
        self.limits, self.folder, self.hide = limits, folder, hide
        self.sandbox: Sandbox | None = None
        self.failure: StudentCodeError | None = None
        self._released: list[int] = []
        self._functions: list[Callable[..., Any]] = []  # their numbers are their places
        self._error: Exception | None = None  # what one of them raised during this request
        self._number = 0
        self._end = math.inf  # of the time for all requests
        self._lock = threading.RLock()
        self._is_asking = False

    def start(self) -> None:
        """Start the best kind of sandbox that works here; remember which one.

        Raises:
            ProcessEnded: if none works.
        """
        reasons = []
        for kind in _kind or sandbox.kinds():
            self.sandbox = Sandbox(kind, self.limits, self.folder, self.hide)
            self._pipes = Pipes(self.sandbox.requests, self.sandbox.responses, self.sandbox.stop)
            try:
                with self._pipes.limit(START_SECONDS, "Python did not start"):
                    if self._read(0).get("result") == "ready":
                        _kind[:] = [kind]
                        self._end = time.monotonic() + self.limits.total
                        return
            except StudentCodeError as error:
                reasons.append(f"{kind}: {error}")
            except BaseException:
                self.close()
                raise
            self.sandbox.end()
            said = self.sandbox.output.strip().splitlines()[-1:]
            reasons[-1:] = [" ".join([reasons[-1], *said])[:500]]
        raise ProcessEnded(f"the code's process could not be started ({'; '.join(reasons)})")

    def close(self) -> None:
        """End the process and all that it has started, and remove its files."""
        if self.sandbox is not None:
            self.sandbox.end()
            if self.failure is None:
                self.failure = ProcessEnded("the code's process was closed")

    def release(self, handle: Handle) -> None:
        """Forget the object of a handle."""
        handle.is_released = True
        self._released.append(handle.number)

    def request(self, do: str, *args: Any) -> Any:
        """Send one request and wait for its answer.

        Raises:
            StudentCodeError: if the answer is an exception, or if there is none.
            TypeError: if an argument cannot be sent.
        """
        with self._lock:
            if self.sandbox is None:
                raise RuntimeError("use StudentCode in a with statement")
            if self._is_asking:
                raise RuntimeError(
                    "a function that the student's code calls cannot ask the student's code"
                )
            if self.failure is not None:
                raise type(self.failure)(str(self.failure))
            self._number += 1
            released = self._released[:]
            request = {"id": self._number, "do": do, "args": args, "release": released}
            buffers = wire.encode(request, self._entry)
            del self._released[: len(released)]
            self._is_asking, self._error = True, None
            try:
                return self._timed(buffers)
            except _Ended:
                self.failure = why_ended(self.sandbox.report(2.0), self.limits)
                if self._pipes.is_late:
                    self.failure = TimeLimit(self._pipes.too_late)
            except (TimeLimit, ProtocolError) as error:
                self.failure = error
            except StudentException as error:  # an answer: the process can go on
                raise error from self._error
            except StudentCodeError:
                raise
            except BaseException:  # Ctrl-C, or a result of ours that cannot be sent
                self.close()
                raise
            finally:
                self._is_asking = False
            self.sandbox.end()
            raise self.failure

    def _timed(self, buffers: list[Any]) -> Any:
        """Write a request and read its answer within the limits of time."""
        seconds = self.limits.seconds
        text = f"the code took more than {seconds:g} seconds for one request"
        if (left := self._end - time.monotonic()) <= seconds:
            seconds, text = left, f"it took more than {self.limits.total:g} seconds"
        with self._pipes.limit(seconds, text):
            reply = self._exchange(buffers)
        if "error" in reply:
            raise checked(lambda: exception_of(reply["error"]))
        return reply.get("result")

    def _exchange(self, buffers: list[Any]) -> dict[str, Any]:
        """Write a request and read its answer; in between, call the functions asked for."""
        while True:
            try:
                self._pipes.write(buffers)
            except OSError:
                raise _Ended from None
            reply = self._read(self._number)
            if "function" not in reply:
                return reply
            buffers = wire.encode(self._called(reply), self._entry)

    def _called(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Call the function that the student's process asks for."""
        number, args, kwargs = checked(
            lambda: (
                exact(reply["function"], int),
                exact(reply["args"], tuple),
                exact(reply["kwargs"], dict),
            )
        )
        if type(number) is not int or not 0 <= number < len(self._functions):
            raise ProtocolError("the code's process called a function that it was not given")
        try:
            return {"id": self._number, "result": self._functions[number](*args, **kwargs)}
        except Exception as error:  # the student's code has to know: perhaps its arguments are
            self._error = error  # wrong
            return {"id": self._number, "error": [type(error).__name__, str(error)[:2000]]}

    def _read(self, number: int) -> dict[str, Any]:
        """Read the answer to the request with this number."""
        try:
            reply = wire.read(self._pipes, self._resolve)
        except (EOFError, OSError):
            raise _Ended from None
        except wire.ProtocolError as error:
            raise ProtocolError(f"the code's process sent no answer: {error}") from None
        if not isinstance(reply, dict) or reply.get("id") != number:
            raise ProtocolError("the code's process sent an answer that nobody asked for")
        return reply

    def _resolve(self, tag: str, number: int, kind: str) -> Handle:
        """What stands here for an object that stays in the student's process."""
        if tag != "handle":
            raise wire.ProtocolError(f"a {tag} cannot be an answer")
        return Handle(number, kind, self._released.append)

    def _entry(self, value: Any) -> dict[str, Any]:
        """How a handle, a function or a seed is written in a message."""
        kind = type(value).__name__
        if isinstance(value, Handle) and value.forget == self._released.append:
            if value.is_released:
                raise MissingName(f"the {value.type} was released")
            return {"handle": value.number, "type": value.type}
        if isinstance(value, Seed):
            return {"seed": int(value.value), "type": kind}
        if callable(value) and not isinstance(value, Handle | type):
            known = [number for number, f in enumerate(self._functions) if f is value]
            if not known:
                self._functions.append(value)
            return {"function": known[0] if known else len(self._functions) - 1, "type": kind}
        hint = ": send Seed(n)" if isinstance(value, np.random.Generator) else ""
        raise TypeError(f"a {kind} cannot be sent to the code's process{hint}")


class _Ended(StudentCodeError):
    """The process has ended, and why is not known yet."""
