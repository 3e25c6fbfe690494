"""Understand what the student's process says, or why it says nothing.

An answer's sender may be hostile, so nothing about its form is taken for granted.
"""

import signal
from collections.abc import Callable
from typing import Any

from tinyae.course.errors import (
    MemoryLimit,
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentCodeError,
    StudentException,
    TimeLimit,
)
from tinyae.course.sandbox import Limits

SIGXCPU = getattr(signal, "SIGXCPU", 0)  # Windows does not have it
CONNECTION_LOST = 97  # exit code of server.py: the code closed the connection


def checked(make: Callable[[], Any]) -> Any:
    """Take an answer apart: its sender may be hostile, so any part may be missing or different."""
    try:
        return make()
    except (TypeError, ValueError, KeyError, AttributeError):
        raise ProtocolError("the code's process sent an answer of another form") from None


def exact(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}")
    return value


def exception_of(error: dict[str, Any]) -> StudentCodeError:
    """The exception that an error in an answer stands for."""
    kind, message = error["kind"], exact(error["message"], str)
    if kind == "missing":
        return MissingName(message)
    if kind == "memory":
        return MemoryLimit(f"the code needed more memory than it may use: {message}")
    lines = []
    for file, line, function, text in error["lines"]:
        cell = f"{file}, " if str(file).startswith("code cell") else ""
        lines.append(f"{cell}line {line}, in {function}: {text}")
    exception = StudentException(exact(error["type"], str), message, tuple(lines))
    for note in error["notes"]:
        exception.add_note(note)
    return exception


def why_ended(report: dict[str, Any], limits: Limits) -> StudentCodeError:
    """Why the process has ended, from the report of its supervisor (``Sandbox.report``)."""
    if "processes" in report:
        return ProcessEnded(f"the code started more than {limits.processes} processes")
    code = report.get("code", CONNECTION_LOST)
    if code == CONNECTION_LOST:
        return ProcessEnded("the code closed the connection to this program")
    if code >= 0:
        return ProcessEnded(
            f"the code ended its process: it called sys.exit({code}) or os._exit({code})"
        )
    if code == -SIGXCPU or report.get("cpu", 0) >= limits.cpu:
        return TimeLimit(f"the code used more than {limits.cpu} seconds of CPU time")
    if report.get("memory", 0) >= min(limits.memory // 2, 1 << 30):
        return MemoryLimit("the code was stopped because it used too much memory")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return ProcessEnded(f"the code's process was stopped by {name}")
