"""Run a student's code in a process of its own, and ask it for arrays.

    with StudentCode("homework.py") as student:
        y, cache = student.call("linear_forward", x, w, b)
        dx, dw, db = student.call("linear_backward", dy, cache)

Code that shares a process with its grader can change the grader. So this side never imports code
of the student: it sends requests to ``server.py``, which runs in a sandbox, and gets plain values
and NumPy arrays back. Every failure is a ``StudentCodeError`` whose message is one sentence.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._threads import IN_BROWSER
from tinyae.course import sandbox
from tinyae.course.connection import Connection
from tinyae.course.errors import StudentException
from tinyae.course.replies import checked, exact, exception_of
from tinyae.course.sandbox import Limits
from tinyae.course.source import read_cells
from tinyae.course.values import Handle, Name

Target = str | Handle | tuple[Handle, str]


class StudentCode:
    """A student's file, running in a process of its own. Use it in a ``with`` statement.

    Args:
        path: a .py file or a .ipynb notebook.
        limits: what the process may use.
        hide: folders that the code may not see, such as one with solutions. Home folders are
            hidden too. The folder of ``path`` is not, even inside a hidden one. Where this
            machine cannot hide folders, ``protection`` says so.

    Attributes:
        cell_errors: for a notebook, (name of the cell, its exception) for each cell that failed.

    Raises:
        OSError: in a browser, which has no processes.
        ValueError: if ``hide`` has something that is not a folder.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import StudentCode
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "homework.py")
        ...     _ = path.write_text("def double(x): return 2 * x")
        ...     with StudentCode(path) as student:
        ...         print(student.call("double", np.ones(2)))
        [2. 2.]
    """

    def __init__(
        self, path: str | Path, limits: Limits | None = None, hide: Iterable[str | Path] = ()
    ) -> None:
        check_processes()
        self.path = Path(path).absolute()
        self.limits = limits or Limits()
        self.cell_errors: tuple[tuple[str, StudentException], ...] = ()
        folders = tuple(Path(folder).resolve() for folder in hide)
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"StudentCode: hide has {folder}, which is not a folder")
            if folder == self.path.parent.resolve():
                raise ValueError(f"StudentCode: hide has {folder}, the folder of {self.path.name}")
        self._connection = Connection(self.limits, self.path.parent, folders)

    def __enter__(self) -> "StudentCode":
        """Start the process and run the file.

        Raises:
            StudentCodeError: if the file cannot be read, or if running it fails.
        """
        cells = read_cells(self.path)
        self._connection.start()
        try:
            errors = self.request("load", str(self.path), cells)
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
        self._connection.close()

    def request(self, do: str, *args: Any) -> Any:
        """Send one request of ``answers.py`` and wait for its answer."""
        return self._connection.request(do, *args)

    @property
    def protection(self) -> tuple[str, ...]:
        """What this machine does not protect from the code, in sentences."""
        used = self._connection.sandbox
        return sandbox.protection(used.kind, used.hidden) if used else ()

    @property
    def is_sandboxed(self) -> bool:
        """Whether the code runs without a network and with a read-only file system."""
        used = self._connection.sandbox
        return used is not None and used.kind in sandbox.NAMESPACES

    @property
    def output(self) -> str:
        """What the code has printed so far, cut to a few KB; complete once this is closed."""
        used = self._connection.sandbox
        return used.output if used else ""

    def names(self) -> list[Name]:
        """The public names of the code, in the order of their definition."""
        found = self.request("names")
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

    def get(self, name: str) -> Any:
        """What the code calls ``name``: a value as it is, everything else as a ``Handle``.

        Raises:
            MissingName: if the code does not define the name.
        """
        return self.request("find", name)

    def call(self, target: Target, *args: Any, **kwargs: Any) -> Any:
        """Call a function by its name, a method as ``(handle, name)``, or what a handle stands for.

        A name such as ``"tinyae.losses.mse"`` is one of tinyae's own functions, in the student's
        process. An argument can be an array, a plain value, a handle, a ``Seed`` (the code gets a
        random generator), or a function: when the code calls it, it runs here, with copies of the
        arrays. Arrays in the result are fresh plain ndarrays (0-d for a NumPy scalar). None, bool,
        int, float, str, list, tuple and dict come back as they are, and other objects as a
        ``Handle``.

        Raises:
            MissingName: if the code does not define the name.
            StudentException: if the code raises an exception.
            StudentCodeError: one of the other subclasses, if the process does not answer.
            TypeError: if an argument cannot be sent.
        """
        return self.request("call", _where(target), args, kwargs)

    def call_in_place(
        self, target: Target, *args: Any, **kwargs: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """``call`` for code that writes into its arguments. Returns the result, and all positional
        arguments as they are after the call. Raises the exceptions of ``call``.

            _, (w, g, m, v) = student.call_in_place("adam_step", w, g, m, v)
        """
        both = self.request("call_in_place", _where(target), args, kwargs)
        return checked(lambda: _result_and_arguments(both, len(args)))

    def call_strictly(self, target: Target, *args: Any, **kwargs: Any) -> Any:
        """``call``; an overflow, a division by zero or an invalid operation (inf - inf) of NumPy
        is a ``StudentException`` of type FloatingPointError instead of a warning."""
        return self._connection.request("call_strictly", _where(target), args, kwargs)

    def construct(self, name: str, *args: Any, **kwargs: Any) -> Handle:
        """Make an object of the class ``name``, the student's or tinyae's own
        (``"tinyae.Linear"``). Raises the exceptions of ``call``."""
        made = self.request("construct", name, args, kwargs)
        return checked(lambda: exact(made, Handle))

    def copy(self, handle: Handle) -> Handle:
        """A deep copy of an object. Raises the exceptions of ``call``."""
        made = self.request("copy", handle)
        return checked(lambda: exact(made, Handle))

    def arrays(self, handle: Handle) -> dict[str, np.ndarray]:
        """The float arrays of an object: those in its ``params``, then those in its attributes.

        An attribute's name is its path, "encoder.weight". Each array is listed once.
        """
        found = self.request("arrays", handle)
        return checked(
            lambda: {str(name): exact(array, np.ndarray) for name, array in dict(found).items()}
        )

    def set_array(self, handle: Handle, name: str, array: np.ndarray) -> None:
        """Write new values of the same shape into one of the object's arrays, in place.

        Raises:
            MissingName: if there is no array with this name and shape.
        """
        self.request("set_array", handle, name, np.asarray(array))

    def release(self, handle: Handle) -> None:
        """Forget an object now. Without this, it is forgotten when its handle is garbage."""
        self._connection.release(handle)


def check_processes() -> None:
    """Say so where there are no processes.

    Raises:
        OSError: in a browser.
    """
    if IN_BROWSER:
        raise OSError(
            "a file is graded in a process of its own, which a browser does not have. In a "
            "notebook there, use tinyae.course.grade_names(globals(), 'linear'), with the name of "
            "your exercise; for a layer, use tinyae.gradcheck(layer, x)"
        )


def _where(target: Target) -> Any:
    """A target as it is sent: a name, a handle, or [handle, name]."""
    return list(target) if isinstance(target, tuple) else target


def _result_and_arguments(both: Any, count: int) -> tuple[Any, tuple[Any, ...]]:
    result, arguments = exact(both, tuple)
    if len(exact(arguments, tuple)) != count:
        raise ValueError("another number of arguments")
    return result, arguments
