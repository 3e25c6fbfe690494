"""The course kit: exercises, and a grader that runs a student's code in isolation."""

from tinyae.course import judge
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
from tinyae.course.exercise import Check, Code, Exercise, Mistake
from tinyae.course.grading import Grade, PartGrade, grade, grade_names
from tinyae.course.isolation import StudentCode
from tinyae.course.sandbox import Limits
from tinyae.course.targets import remote_target
from tinyae.course.values import Handle, Name, Seed

__all__ = [
    "Check",
    "Code",
    "Exercise",
    "Grade",
    "Handle",
    "Limits",
    "MemoryLimit",
    "MissingName",
    "Mistake",
    "Name",
    "PartGrade",
    "ProcessEnded",
    "ProtocolError",
    "Seed",
    "StudentCode",
    "StudentCodeError",
    "StudentException",
    "TimeLimit",
    "UnreadableFile",
    "grade",
    "grade_names",
    "judge",
    "remote_target",
]
