"""What the student's process can be asked for. ``server.py`` loads this file by its path.

Nothing here judges the student's code, and nothing here must be trusted: the code shares the
process, so it can change all of it.
"""

import copy
import difflib
import importlib
import inspect
import itertools
import linecache
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MAX_TEXT = 2000  # characters of an exception's message
MAX_FILES = 1000  # beside the student's file
MODULE = "student_code"


class Missing(Exception):
    """A name, a method or an array that a request asks for is not there."""


class Server:
    """The requests. Objects that cannot be sent stay in ``objects``, under their number."""

    def __init__(self, ask: Callable[..., Any], host: Callable[..., Any] | None = None) -> None:
        self.ask = ask  # calls a function of the grader
        self.host = host  # hosted.Hosted, in a process of its own
        self.module = types.ModuleType(MODULE)
        self.files: set[str] = set()  # file names in tracebacks that are the student's
        self.objects: dict[int, Any] = {}
        self.next_number = 1

    def handle(self, value: Any) -> dict[str, Any]:
        """Keep ``value`` here and return the entry that stands for it in a message."""
        number, self.next_number = self.next_number, self.next_number + 1
        self.objects[number] = value
        return {"handle": number, "type": type(value).__name__[:100]}

    def load(self, path: str, cells: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """Run the file's code; for a notebook, return the exceptions of its cells."""
        sys.modules[MODULE] = self.module
        folder = Path(path).parent
        sys.path.insert(0, str(folder))
        link_files(folder)
        self.module.__dict__["__file__"] = path
        errors = []
        for name, source in cells:
            file = name or path
            self.files.add(file)
            linecache.cache[file] = (len(source), None, source.splitlines(True), file)
            try:
                exec(compile(source, file, "exec", dont_inherit=True), self.module.__dict__)
            except BaseException as error:
                if not name:  # a .py file: nothing more to run
                    raise
                errors.append(self.describe(error) | {"cell": name})
        return errors

    def names(self) -> list[dict[str, Any]]:
        """The public names, with what they are and the parameters that they take."""
        return [
            {
                "name": name,
                "kind": "class" if inspect.isclass(value) else "function",
                "own": getattr(value, "__module__", None) == MODULE,
                **parameters(value),
            }
            if callable(value)
            else {"name": name, "kind": "object", "own": True, "parameters": None, "defaults": 0}
            for name, value in list(self.module.__dict__.items())
            if not name.startswith("_") and not inspect.ismodule(value)
        ]

    def find(self, name: str) -> Any:
        """The object called ``name`` in the student's code, or "tinyae.NAME" in the library."""
        if name.startswith("tinyae."):
            path, _, last = name.rpartition(".")
            try:
                return getattr(importlib.import_module(path), last)
            except (ImportError, AttributeError):
                raise Missing(f"the library does not define {name!r}") from None
        if name not in self.module.__dict__:
            close = difflib.get_close_matches(name, [n for n in vars(self.module) if n[0] != "_"])
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise Missing(f"the code does not define {name!r}{hint}")
        return self.module.__dict__[name]

    def construct(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Kept":
        """Make an object of a class of the student; it stays here."""
        return Kept(self.find(name)(*args, **kwargs))

    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function by its name, an object, or a method: [object, name of the method]."""
        if isinstance(target, str):
            return self.find(target)(*args, **kwargs)
        if not isinstance(target, list):
            return target(*args, **kwargs)
        obj, name = target
        if not hasattr(obj, name):
            raise Missing(f"an object of type {type(obj).__name__} does not have a method {name!r}")
        return getattr(obj, name)(*args, **kwargs)

    def call_in_place(
        self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...]]:
        """``call``, and the arguments as they are afterward."""
        return self.call(target, args, kwargs), args

    def hosted(self, *args: Any) -> tuple["Kept", dict[str, Any]]:
        """A problem of the gradient checker, and what it is."""
        assert self.host is not None
        hosted = self.host(*args)
        return Kept(hosted), hosted.describe()

    def call_strictly(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``call``; what NumPy would warn about (an overflow, 0/0) raises FloatingPointError."""
        import numpy as np

        with np.errstate(over="raise", divide="raise", invalid="raise"):
            return self.call(target, args, kwargs)

    def received(self, tag: str, number: int, kind: str) -> Any:
        """What stands here for a handle, a function or a seed in a request."""
        if tag == "seed":
            import numpy as np

            return np.random.default_rng(number)
        if tag == "function":
            return lambda *args, **kwargs: self.ask(number, args, kwargs)
        return self.objects[number]

    def arrays(self, obj: Any) -> dict[str, Any]:
        """The object's float arrays by name: those of ``params`` first, then attributes."""
        return dict(float_arrays(obj))

    def set_array(self, obj: Any, name: str, array: Any) -> None:
        """Write new values into one of the arrays, in place."""
        found = dict(float_arrays(obj))
        if name not in found:
            raise Missing(f"an object of type {type(obj).__name__} does not have an array {name!r}")
        if found[name].shape != array.shape:
            raise Missing(f"{name!r} has shape {found[name].shape}, not {array.shape}")
        found[name][...] = array

    def copy(self, obj: Any) -> "Kept":
        """A deep copy, under a handle of its own."""
        return Kept(copy.deepcopy(obj))

    def describe(self, error: BaseException) -> dict[str, Any]:
        """An exception in plain values: type, message and the lines of the student's file."""
        try:
            message = str(error)[:MAX_TEXT]
            notes = [str(note)[:MAX_TEXT] for note in getattr(error, "__notes__", ())][:10]
        except BaseException:
            message, notes = "(its message cannot be shown)", []
        lines = []
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename in self.files:
                lines.append((frame.filename, frame.lineno or 0, frame.name, frame.line or ""))
        if isinstance(error, SyntaxError) and error.filename in self.files:
            lines.append((error.filename, error.lineno or 0, "<module>", error.text or ""))
            message = str(error.msg)[:MAX_TEXT]
        kind = "exception"
        if isinstance(error, Missing):
            kind = "missing"
        elif isinstance(error, MemoryError):
            kind = "memory"
        name = type(error).__name__[:100]
        where = [
            (file, line, function[:100], text.strip()[:200])
            for file, line, function, text in lines[-20:]
        ]
        return {"kind": kind, "type": name, "message": message, "lines": where, "notes": notes}


class Kept:
    """A result that stays here, even where it could be sent."""

    def __init__(self, value: Any) -> None:
        self.value = value


def link_files(folder: Path) -> None:
    """The code finds the files beside it by their names, and can write new ones."""
    if folder.samefile("."):
        return
    for entry in itertools.islice(folder.iterdir(), MAX_FILES):
        try:
            if not entry.name.startswith("."):
                os.symlink(entry, entry.name)
        except OSError:  # Windows wants a privilege for it
            return


def parameters(function: Any) -> dict[str, Any]:
    """Names of the positional parameters, and how many of them have a default."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except Exception:  # built-in functions, and objects that lie about themselves
        return {"parameters": None, "defaults": 0}
    found = [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    defaults = sum(p.default is not p.empty for p in found)
    return {"parameters": [p.name for p in found], "defaults": defaults}


def float_arrays(obj: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, array) for ``params`` and for what is reachable through ``__dict__``, once each.

    An attribute's name is its path: "weight", "encoder.weight", "layers.0.weight".
    """
    import numpy as np

    seen: set[int] = set()
    names: set[str] = set()

    def walk(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
        if id(value) in seen or depth > 8:
            return
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            if value.dtype.kind in "fc":
                while name in names:  # an attribute that is called like another array in params
                    name = f"self.{name}"
                names.add(name)
                yield name, value
        elif isinstance(value, (dict, list, tuple)):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in list(items):
                yield from walk(f"{name}.{key}" if name else str(key), item, depth + 1)
        elif not isinstance(value, (type, types.ModuleType, types.FunctionType)):
            for key, item in list(getattr(value, "__dict__", {}).items()):
                yield from walk(f"{name}.{key}" if name else key, item, depth + 1)

    yield from walk("", getattr(obj, "params", None), 0)
    yield from walk("", obj, 0)
