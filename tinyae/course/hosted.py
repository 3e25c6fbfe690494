"""A gradient check of something in the student's process: the half that runs beside it.

``remote.py`` is the other half. The checker's common form of a target, a ``Problem``, is built here
from the student's object, so whatever can be checked in one process can be checked in two. Both
processes have the same arrays (inputs, parameters, other arrays of the object). What the checker
changes in its arrays is written into the ones here before each call, and what the student's code
changes in them goes back. ``server.py`` loads this file by its path.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
BATCH_SECONDS = 0.1
BATCH_BYTES = 8 << 20


class Mirror:
    """Arrays that both processes have, and the values at which they were last equal."""

    def __init__(self, arrays: list[Array]) -> None:
        self.arrays = arrays
        self.known = [a.copy() for a in arrays]

    def moved(self) -> dict[int, Array]:
        """The flat indices of what has changed here, by the array's place."""
        pairs = enumerate(zip(self.arrays, self.known, strict=True))
        found = {i: np.flatnonzero(a != known) for i, (a, known) in pairs}  # a NaN always counts
        return {i: where for i, where in found.items() if where.size}

    def changes(self) -> dict[int, Any]:
        """What has changed here, to be sent: new values by the array's place, or (indices, values)
        if these are few."""
        found: dict[int, Any] = {}
        for i, where in self.moved().items():
            a, known = self.arrays[i], self.known[i]
            values = known.flat[where] = a.flat[where]  # the array need not be contiguous
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
        (y, cache), state = self._run(random, lambda: self.problem.run(values))
        y = np.asarray(y)
        return self._noted(state) | {"y": y, "cache": Cache(cache, y)}

    def outputs(
        self, changes: dict[int, Any], random: Any, tensor: int, where: Array, values: Array
    ) -> dict[str, Any]:
        """Outputs with one entry of a tensor moved to each of the values in turn: as many as were
        computed before the time was up, or something else happened than that."""
        self.mirror.apply(changes)
        v, known, found = self.mirror.arrays[tensor], self.mirror.known[tensor], []
        end, room, alone = time.monotonic() + BATCH_SECONDS, BATCH_BYTES, True
        for done, (i, value) in enumerate(zip(where.tolist(), values, strict=True)):
            before = v.flat[i]
            v.flat[i] = known.flat[i] = value
            try:
                (y, _), state = self._run(random, self.problem.forward)
                found.append(np.array(y))  # a copy: y may be a view of a tensor
                alone = state is None and not self.mirror.moved()
            except Exception:  # forward will be called again for this one alone, and raise it
                alone = False
            self.mirror.restore()
            v.flat[i] = known.flat[i] = before
            if not alone:
                return {"outputs": found[:done]}
            room -= found[-1].nbytes
            if room < 0 or time.monotonic() > end:
                break
        return {"outputs": found}

    def backward(
        self, changes: dict[int, Any], random: Any, dy: Array, cache: Cache, y: Array | None
    ) -> dict[str, Any]:
        """Backward for dy. ``y`` is not None if the checker has changed the output since."""
        self.mirror.apply(changes)
        if y is not None:
            cache.y[...] = y
        lent = Mirror([dy, cache.y])
        raw, state = self._run(random, lambda: self.problem.backward(dy, cache.value))
        grads = {n: None if g is None else np.asarray(g) for n, g in raw.items()}
        for name, g in grads.items():
            if g is not None and g.dtype.kind not in "biufc":
                raise TypeError(f"gradcheck: {name}'s gradient has dtype {g.dtype}")
        reply = self._noted(state) | {"grads": grads, "lent": lent.changes()}
        self.returned = [(n, g, g.copy()) for n, g in grads.items() if g is not None]
        return reply

    def record(self, values: dict[str, Array], dropped: int | None) -> dict[str, Any]:
        """Forward's operations, for the hints."""
        from tinyae.checking.diagnosis.recording import record, sent

        try:
            return sent(record(self.problem, values, dropped))
        except MemoryError as error:  # too large to be traced: no limit was met
            raise ValueError(str(error)) from None

    def _run(self, random: Any, work: Callable[[], Any]) -> tuple[Any, Any]:
        """Do the work, with ``np.random`` in the state ``random`` unless that is None. Returns the
        result, and the new state if it has changed."""
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
        is_same = after[2:] == before[2:] and np.array_equal(after[1], before[1])
        return result, None if is_same else after

    def _noted(self, state: Any) -> dict[str, Any]:
        """What a call has changed besides."""
        reused = {n: g for n, g, copy in self.returned if not np.array_equal(g, copy)}
        return {"changes": self.mirror.changes(), "random": state, "returned": reused}
