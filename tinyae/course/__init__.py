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
from tinyae.course.isolation import StudentCode
from tinyae.course.sandbox import Limits
from tinyae.course.values import Handle, Name, Seed

__all__ = [
    "Handle",
    "Limits",
    "MemoryLimit",
    "MissingName",
    "Name",
    "ProcessEnded",
    "ProtocolError",
    "Seed",
    "StudentCode",
    "StudentCodeError",
    "StudentException",
    "TimeLimit",
    "UnreadableFile",
]
