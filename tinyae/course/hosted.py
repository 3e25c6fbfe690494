"""A gradient check of something in the student's process: the half that runs beside it.

``remote.py`` is the other half. The checker's common form of a target, a ``Problem``, is built here
from the student's object, so whatever can be checked in one process can be checked in two. Both
processes have the same arrays (inputs, parameters, other arrays of the object). What the checker
changes in its arrays is written into the ones here before each call, and what the student's code
changes in them goes back. ``server.py`` loads this file by its path.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


class Mirror:
    """Arrays that both processes have, and the values at which they were last equal."""

    def __init__(self, arrays: list[Array]) -> None:
        self.arrays = arrays
        self.known = [a.copy() for a in arrays]

    def changes(self) -> dict[int, Any]:
        """What has changed here: new values by the array's place, or (indices, values) if these
        are few."""
        found: dict[int, Any] = {}
        for i, (a, known) in enumerate(zip(self.arrays, self.known, strict=True)):
            where = np.flatnonzero(a != known)  # a NaN counts as changed, each time
            if where.size:
                values = a.flat[where]  # the array need not be contiguous
                known.flat[where] = values
                found[i] = (where, values) if 4 * where.size < a.size else known
        return found

    def apply(self, changes: dict[int, Any]) -> None:
        """Write what has changed in the other process.

        Raises:
            ValueError: if the shapes differ.
            IndexError: if there is no such place.
            TypeError: if the changes have another form.
        """
        for i, new in changes.items():
            a, known = self.arrays[i], self.known[i]
            if isinstance(new, tuple):
                where, values = new
                a.flat[where] = known.flat[where] = values
            else:
                if new.shape != a.shape:
                    raise ValueError("another shape")
                a[...] = new
                known[...] = new

    def restore(self) -> None:
        """Undo what has changed here."""
        for a, known in zip(self.arrays, self.known, strict=True):
            a[...] = known


class Cache:
    """The cache of one forward pass, with the output that belongs to it."""

    def __init__(self, value: Any, y: Array) -> None:
        self.value, self.y = value, y


class Hosted:
    """A problem of the checker, built from the student's object.

    Args:
        target, inputs, seed, kind: as for ``gradcheck``.
        dtype: name of the dtype of the copies.
    """

    def __init__(self, target: Any, inputs: Any, dtype: str, seed: int, kind: str | None) -> None:
        from tinyae.checking.adapters import as_problem

        with np.errstate(all="ignore"):
            self.problem = as_problem(target, tuple(inputs), np.dtype(dtype), seed, kind)
        p = self.problem
        fixed = [a for a in p.fixed.values() if isinstance(a, np.ndarray)]
        self.mirror = Mirror([*p.tensors.values(), *fixed, *p.unlisted.values()])
        self.returned: list[tuple[str, Array, Array]] = []  # the last gradients, and copies

    def describe(self) -> dict[str, Any]:
        """Everything about the problem that can be sent."""
        names = ("title", "kind", "scalar", "inputs", "integer_parameters", "chain")
        arrays = ("tensors", "fixed", "unlisted")
        return {name: getattr(self.problem, name) for name in (*names, *arrays)}

    def forward(self, changes: dict[int, Any], random: Any, given: list[Any]) -> dict[str, Any]:
        """Forward at the given inputs; None stands for the tensor of that place."""
        self.mirror.apply(changes)
        names = self.problem.inputs
        values = [
            self.problem.tensors[name] if a is None else a
            for name, a in zip(names, given, strict=True)
        ]
        (y, cache), reply = self._watched(random, lambda: self.problem.run(values))
        y = np.asarray(y)
        return reply | {"y": y, "cache": Cache(cache, y)}

    def backward(
        self, changes: dict[int, Any], random: Any, dy: Array, cache: Cache, y: Array | None
    ) -> dict[str, Any]:
        """Backward for dy. ``y`` is not None if the checker has changed the output since."""
        self.mirror.apply(changes)
        if y is not None:
            cache.y[...] = y
        lent = Mirror([dy, cache.y])
        raw, reply = self._watched(random, lambda: self.problem.backward(dy, cache.value))
        grads = {n: None if g is None else np.asarray(g) for n, g in raw.items()}
        for name, g in grads.items():
            if g is not None and g.dtype.kind not in "biufc":
                raise TypeError(f"gradcheck: {name}'s gradient has dtype {g.dtype}")
        self.returned = [(n, g, g.copy()) for n, g in grads.items() if g is not None]
        return reply | {"grads": grads, "lent": lent.changes()}

    def _watched(self, random: Any, work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
        """Do the work, with ``np.random`` in the state ``random`` unless that is None, and note
        what it has changed besides."""
        if random is not None:
            np.random.set_state(random)  # noqa: NPY002
        before: Any = np.random.get_state()  # noqa: NPY002
        try:
            with np.errstate(all="ignore"):
                result = work()
        except BaseException:  # the checker will not hear of any changes
            self.mirror.restore()
            raise
        after: Any = np.random.get_state()  # noqa: NPY002
        moved = after[2:] != before[2:] or bool(np.any(after[1] != before[1]))
        reused = {n: g for n, g, copy in self.returned if not np.array_equal(g, copy)}
        return result, {
            "changes": self.mirror.changes(),
            "random": after if moved else None,
            "returned": reused,
        }
