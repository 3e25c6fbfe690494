"""What stands for a value that cannot be sent to the student's process or back."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A public name of the student's code.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import StudentCode
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "homework.py")
        ...     _ = path.write_text("def double(x, times=1): return 2 * times * x")
        ...     with StudentCode(path) as student:
        ...         (name,) = student.names()
        >>> name.name, name.kind, name.parameters
        ('double', 'function', ('x', 'times'))
    """

    name: str
    kind: str
    """"function", "class" or "object"."""
    own: bool
    """False for a function or a class imported from somewhere else."""
    parameters: tuple[str, ...] | None
    """Positional parameters; of ``__init__`` for a class; None if they are not known."""
    defaults: int
    """How many of them, counted from the last, have a default value."""


@dataclass(frozen=True)
class Seed:
    """A random generator as an argument: the code gets ``np.random.default_rng(value)``.

    Each call with the same seed gets a generator in the same state.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import Seed, StudentCode
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "homework.py")
        ...     _ = path.write_text("def noise(rng): return rng.normal(size=3)")
        ...     with StudentCode(path) as student:
        ...         first, second = student.call("noise", Seed(7)), student.call("noise", Seed(7))
        >>> bool((first == second).all())
        True
    """

    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(f"Seed: value is {self.value}, expected at least 0")


class Handle:
    """An object that stays in the student's process; it can be passed back as an argument.

    The object is released when its handle is no longer used here.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import StudentCode
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "homework.py")
        ...     _ = path.write_text("class Net: pass")
        ...     with StudentCode(path) as student:
        ...         print(student.construct("Net").type)
        Net
    """

    def __init__(self, number: int, type: str, forget: Callable[[int], None]) -> None:
        self.number, self.type = number, type
        self.is_released = False
        self.forget = forget

    def __repr__(self) -> str:
        return f"Handle({self.number}, type={self.type!r})"

    def __del__(self) -> None:
        self.forget(self.number)
