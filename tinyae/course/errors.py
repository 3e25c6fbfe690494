"""What can go wrong with a student's code, each as an exception whose message is one sentence."""


class StudentCodeError(Exception):
    """The student's code could not be read or run, or did not answer. The message is a sentence."""


class UnreadableFile(StudentCodeError):
    """The file is not there, or is not a Python file or a notebook."""


class TimeLimit(StudentCodeError):
    """A request took too long."""


class MemoryLimit(StudentCodeError):
    """The code needed more memory than it may use."""


class ProcessEnded(StudentCodeError):
    """The student's process ended before it answered."""


class ProtocolError(StudentCodeError):
    """The student's process sent something that is not an answer."""


class MissingName(StudentCodeError):
    """The code does not define a name, a method or an array that was asked for."""


class StudentException(StudentCodeError):
    """The code raised an exception.

    Attributes:
        type: the name of the exception's class.
        message: the exception's message.
        lines: where it was raised, outermost first, in the student's file only:
            "line 12, in forward: y = x @ w".
    """

    def __init__(self, type: str, message: str, lines: tuple[str, ...]) -> None:
        self.type, self.message, self.lines = type, message, lines
        where = f" ({lines[-1]})" if lines else ""
        super().__init__(f"the code raised {type}: {message}{where}")
