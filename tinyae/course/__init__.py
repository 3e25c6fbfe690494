"""The course kit: run a student's code in isolation, and judge the arrays that it returns."""

from tinyae.course.errors import (
    MemoryLimit,
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentCodeError,
    StudentException,
    TimeLimit,
    UnreadableFile,
)
from tinyae.course.isolation import Handle, Limits, Name, StudentCode

__all__ = [
    "Handle",
    "Limits",
    "MemoryLimit",
    "MissingName",
    "Name",
    "ProcessEnded",
    "ProtocolError",
    "StudentCode",
    "StudentCodeError",
    "StudentException",
    "TimeLimit",
    "UnreadableFile",
]
