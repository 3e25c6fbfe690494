"""Check the gradients of something in the student's process, as if it were here.

    with StudentCode("homework.py") as student:
        print(gradcheck(remote_target(student, "MyLayer(3, 8)"), x))

Forward and backward run in the student's process, and only arrays come back. The comparison and the
report are made here, where the student's code cannot change them. ``hosted.py`` is the other half.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.backend import to_numpy
from tinyae.checking.copies import is_array
from tinyae.checking.problem import Problem, Stop
from tinyae.course.errors import ProtocolError, StudentCodeError, StudentException
from tinyae.course.hosted import Mirror
from tinyae.course.isolation import StudentCode
from tinyae.course.replies import exact
from tinyae.course.values import Handle

Array = np.ndarray
MAX_NAME = 200  # characters
MOST_OUTPUTS = 256  # in one answer


@dataclass(frozen=True)
class RemoteTarget:
    """Something in the student's process that ``gradcheck`` and ``assert_gradients`` take as they
    take a local object: a layer, a loss, a penalty, an objective, or a pair of functions.

    Exact arithmetic (``method="exact"`` and ``"dual"``) is not possible: its numbers are Python
    objects, which are not sent. ``gradcheck`` says so and uses finite differences.
    """

    code: StudentCode
    target: Handle | tuple[Handle, Handle]

    def as_problem(
        self, inputs: tuple[Any, ...], dtype: Any, seed: int, kind: str | None
    ) -> Problem:
        """The checker's form of the target, on copies of this dtype.

        Raises:
            TypeError: the target or its inputs are not something to check, or dtype is object.
            StudentException: the code raises an exception that is not built into Python.
        """
        if np.dtype(dtype) == object:
            raise TypeError("gradcheck: Python objects cannot be sent to the target's process")
        sent = [to_numpy(a) if is_array(a) else a for a in inputs]

        def remake(other: Any = dtype) -> Problem:
            return self.as_problem(inputs, other, seed, kind)

        arguments = (self.target, sent, np.dtype(dtype).name, seed, kind)
        answer = _answer(self.code, "hosted", *arguments)
        with _expected_form():
            hosted, about = answer
            remote = _Remote(self.code, hosted, about)
            return Problem(
                title=_text(about["title"]),
                kind=_text(about["kind"]),
                tensors=remote.tensors,
                run=remote.run,
                backward=remote.backward,
                scalar=exact(about["scalar"], bool),
                fixed=exact(about["fixed"], dict),
                inputs=remote.inputs,
                unlisted=remote.unlisted,
                integer_parameters=tuple(map(_text, about["integer_parameters"])),
                chain=exact(about["chain"], bool),
                remake=remake,
                is_remote=True,
                announce=remote.coming.announce,
                record=remote.record,
            )


@dataclass
class _Cache:
    """The cache of one forward pass, which stays there, with the output that belongs to it."""

    handle: Handle
    y: Array
    known: Array  # the output's values there


class _Remote:
    """Forward and backward of a problem whose target is in the student's process."""

    def __init__(self, code: StudentCode, hosted: Any, about: dict[str, Any]) -> None:
        self.code, self.hosted = code, exact(hosted, Handle)
        self.tensors, self.unlisted = _arrays(about["tensors"]), _arrays(about["unlisted"])
        self.inputs = tuple(map(_text, about["inputs"]))
        if not self.tensors or not self.tensors.keys() >= set(self.inputs):
            raise KeyError("a tensor is missing")
        fixed = [a for a in about["fixed"].values() if isinstance(a, np.ndarray)]
        self.mirror = Mirror([*self.tensors.values(), *fixed, *self.unlisted.values()])
        self.random: Any = None  # the state of np.random there, as far as it is known
        self.returned: dict[str, Array] = {}  # the last gradients
        self.coming = _Coming(self)

    def run(self, given: list[Array]) -> tuple[Array, _Cache | None]:
        own = [self.tensors[name] for name in self.inputs]
        known = self.coming.take() if all(a is b for a, b in zip(given, own, strict=True)) else None
        if known is not None:
            return known, None  # forward at an announced value: nobody asks for its gradients
        reply = self.ask(
            "forward", [None if a is b else a for a, b in zip(given, own, strict=True)]
        )
        with _expected_form():
            y = exact(reply["y"], np.ndarray)
            return y, _Cache(exact(reply["cache"], Handle), y, y.copy())

    def backward(self, dy: Array, cache: _Cache) -> dict[str, Array | None]:
        y_changed = not np.array_equal(cache.y, cache.known, equal_nan=True)
        reply = self.ask("backward", dy, cache.handle, cache.y if y_changed else None)
        with _expected_form():
            Mirror([dy, cache.y]).apply(reply["lent"])
            cache.known = cache.y.copy()
            grads = dict(reply["grads"])
            self.returned = _arrays({n: g for n, g in grads.items() if g is not None})
            return {n: None for n in grads} | self.returned

    def record(self, values: dict[str, Array], dropped: int | None) -> dict[str, Any]:
        """Forward's operations, for the hints. Nothing here counts for the verdict."""
        self.random = None  # it may draw random numbers
        parts = _answer(self.code, "call", [self.hosted, "record"], (values, dropped), {})
        with _expected_form():
            return parts | {"names": {n: _text(name) for n, name in parts["names"].items()}}

    def ask(self, do: str, *args: Any) -> dict[str, Any]:
        """Call the other half, with what has changed here; take over what has changed there."""
        state: Any = np.random.get_state()  # noqa: NPY002
        known, self.random = self.random, None  # unknown after an exception
        random = None if known and _same_state(known, state) else state
        sent = (self.mirror.changes(), random, *args)
        reply = _answer(self.code, "call", [self.hosted, do], sent, {})
        if do == "outputs":  # they change nothing
            return reply
        self.coming.outputs.clear()
        with _expected_form():
            self.mirror.apply(reply["changes"])
            for name, values in reply["returned"].items():
                self.returned[name][...] = values
            if reply["random"] is not None:
                np.random.set_state(state := _state(reply["random"]))  # noqa: NPY002
            self.random = state
            return exact(reply, dict)


class _Coming:
    """Outputs that the checker will ask for, as it has announced: many are computed at a time."""

    def __init__(self, remote: _Remote) -> None:
        self.remote = remote
        self.name = ""  # of the tensor in which one entry moves
        self.base: Array = np.zeros(0)  # the tensor before that
        self.wanted: dict[tuple[int, Any], None] = {}  # (place, value), in the order of the calls
        self.outputs: dict[tuple[int, Any], Array] = {}
        self.failures = 0

    def announce(self, name: str, place: int, values: Array) -> None:
        now = self.remote.tensors[name]
        if name != self.name or not np.array_equal(now, self.base):
            self.name, self.base = name, now.copy()
            self.wanted.clear()
            self.outputs.clear()
        self.wanted |= dict.fromkeys((place, value) for value in values.tolist())

    def take(self) -> Array | None:
        """The output at the present values, if it was announced."""
        if not self.wanted or self.failures > 3:
            return None
        v = self.remote.tensors[self.name]
        moved = np.flatnonzero(v != self.base)
        key = (int(moved[0]), v.flat[moved[0]].item()) if moved.size == 1 else None
        if key not in self.wanted:
            return None
        if key not in self.outputs:
            self.fetch(key)
        del self.wanted[key]
        return self.outputs.pop(key, None)

    def fetch(self, key: tuple[int, Any]) -> None:
        """Ask for the output at this value, and for those that come next."""
        remote, keys = self.remote, list(self.wanted)
        keys = keys[keys.index(key) :][:MOST_OUTPUTS]
        v, (place, value) = remote.tensors[self.name], key
        v.flat[place] = self.base.flat[place]
        tensor = list(remote.tensors).index(self.name)
        where, values = np.array([i for i, _ in keys]), np.array([t for _, t in keys])
        reply = remote.ask("outputs", tensor, where, values.astype(v.dtype))
        v.flat[place] = value
        with _expected_form():
            found = exact(reply["outputs"], list)
            self.outputs |= {k: exact(y, np.ndarray) for k, y in zip(keys, found, strict=False)}
            self.failures = 0 if found else self.failures + 1  # it raises, or changes something


def _answer(code: StudentCode, do: str, *args: Any) -> Any:
    """The answer to a request. An exception of a type that is built into Python is raised as such,
    with the ``StudentException`` as its cause: the checker need not know where the code runs."""
    try:
        return code.request(do, *args)
    except StudentException as error:
        kind = getattr(builtins, error.type, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise
        try:
            here = kind(error.message)
        except TypeError:  # UnicodeDecodeError needs five arguments
            raise error from None
        for note in getattr(error, "__notes__", ()):
            here.add_note(note)
        raise here from error
    except StudentCodeError as error:
        raise Stop(error) from None


@contextmanager
def _expected_form() -> Iterator[None]:
    """Read an answer, whose sender may be hostile."""
    try:
        yield
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise Stop(ProtocolError("the code's process sent an answer of another form")) from error


def _arrays(named: Any) -> dict[str, Array]:
    return {_text(n): exact(a, np.ndarray) for n, a in exact(named, dict).items()}


def _text(value: Any) -> str:
    """Text for the report: of a length that can be printed, without escape sequences."""
    text = exact(value, str)
    return text if len(text) <= MAX_NAME and text.isprintable() else ascii(text[:MAX_NAME])


def _same_state(a: Any, b: Any) -> bool:
    return a[2:] == b[2:] and np.array_equal(a[1], b[1])


def _state(state: Any) -> Any:
    """A state of ``np.random``. NumPy does not check the position: it would read other memory."""
    name, key, position, has_gauss, gauss = state
    if name != "MT19937" or key.shape != (624,) or not 0 <= exact(position, int) <= 624:
        raise ValueError("not a state of np.random")
    return name, key, position, exact(has_gauss, int), exact(gauss, float)
