"""What the checks of the exercises have in common: compare values, gradients and conduct.

Each function returns sentences for the student: what is wrong and, if it can be told, why. They
never show the inputs that were drawn or the values that were expected.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinyae.checking import gradcheck
from tinyae.checking.report import Report
from tinyae.course.errors import StudentException
from tinyae.course.exercise import Code, Mistake

Array = np.ndarray
RTOL = 1e-8


def compare(
    got: Any,
    expected: Array | float,
    name: str,
    causes: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> str:
    """What is wrong with one array or number, as a sentence; ``""`` if nothing is.

    Args:
        got: what the student's code returned.
        expected: the right values.
        name: what it is called in the sentence, such as ``"y"``.
        causes: the values that known mistakes lead to: ``{"b was not added": x @ W.T}``, or a list
            of them.
        rtol: the largest error, relative to the largest of the expected values.
        shapes: the shapes that known mistakes lead to, like ``causes``.

    Example:
        >>> from tinyae.course import judge
        >>> judge.compare(np.array([2.0, 4.0]), np.array([1.0, 2.0]), "dx")
        'dx is wrong: it is 2 times the right value'
        >>> judge.compare(np.array([1.0, 2.0]), np.array([1.0, 2.0]), "dx")
        ''
    """
    want = np.asarray(expected)
    if not isinstance(got, np.ndarray | np.generic | float | int) or isinstance(got, bool):
        return f"{name} is {described(got)}, expected {kind_of(want)}"
    have = np.asarray(got)
    if have.shape != want.shape:
        known = [cause for cause, shape in (shapes or {}).items() if shape == have.shape]
        why = f": {known[0]}" if known else ""
        return f"{name} has shape {have.shape}, expected {want.shape}{why}"
    if have.dtype.kind not in "fiu":
        return f"{name} has dtype {have.dtype}, expected real numbers"
    if not np.isfinite(have).all():
        return f"{name} has {int((~np.isfinite(have)).sum())} entries that are NaN or infinite"
    if close(have, want, rtol):
        return ""
    for cause, wrong in _each(causes or {}):
        if wrong.shape == have.shape and close(have, wrong, rtol) and not close(want, wrong, rtol):
            return f"{name} is wrong: {cause}"
    return f"{name} is wrong{_relation(have, want, rtol)}"


def close(a: Array, b: Array, rtol: float = RTOL) -> bool:
    """Whether two arrays agree, relative to the largest value in them."""
    size = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return bool(np.abs(a - b).max(initial=0.0) <= rtol * size)


def _relation(have: Array, want: Array, rtol: float) -> str:
    """A relation to the right values that helps to find a mistake, or how many are wrong."""
    have, want = have.astype(float), want.astype(float)
    if not have.any():
        return ": it is 0"
    norm = float((want * want).sum())
    factor = float((have * want).sum()) / norm if norm else 0.0
    if factor and close(have, factor * want, rtol):
        if close(have, -want, rtol):
            return ": it has the opposite sign"
        return f": it is {factor:.4g} times the right value"
    if have.size == 1:
        return ""
    if have.ndim and close(np.sort(have, None), np.sort(want, None), rtol):
        return ": its entries are right, but in the wrong places"
    difference = have - want
    if close(difference, np.broadcast_to(difference.flat[0], want.shape), rtol):
        return ": each entry is off by the same amount"
    count = int((np.abs(difference) > rtol * np.abs(want).max()).sum())
    return f": {count} of {want.size} entries are not right"


def gradients(
    reference: Callable[..., Any],
    student: Callable[..., Any],
    *inputs: Any,
    causes: Callable[..., Mapping[str, Mapping[str, Any]]] | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, str]:
    """Check the student's gradients against finite differences of the *reference's* output.

    Args:
        reference: ``reference(x, W, b) -> y``. The names of its parameters name the gradients:
            ``x`` has the gradient ``dx``.
        student: ``student(dy, x, W, b) -> dx, dW, db``, one gradient per input of floats.
        inputs: where to check. Integer inputs are held fixed.
        causes: ``causes(dy, *inputs)`` gives, for a gradient, the values that known mistakes lead
            to: ``{"dW": {"it is transposed": x.T @ dy}}``. They come before the checker's hints.
        seed: draws the cotangent dy.
        options: of ``gradcheck``.

    Returns:
        What is wrong, for each gradient that is wrong.

    Raises:
        Mistake: if the student's code does not return one gradient per input.

    Example:
        >>> from tinyae.course import judge
        >>> def f(x, W):
        ...     return x @ W.T
        >>> def student(dy, x, W):
        ...     return dy @ W, dy.T @ x / len(x)  # the second is divided once too often
        >>> rng = np.random.default_rng(0)
        >>> list(judge.gradients(f, student, rng.normal(size=(5, 4)), rng.normal(size=(3, 4))))
        ['dW']
    """
    parameters = inspect.signature(reference).parameters
    names = [n for n, a in zip(parameters, inputs, strict=False) if np.asarray(a).dtype.kind == "f"]
    shape: list[tuple[int, ...]] = []

    def f(*arrays: Any) -> tuple[Any, tuple[Any, ...]]:
        y = np.asarray(reference(*arrays))
        shape[:] = [y.shape]
        return y, tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arrays)

    def f_backward(dy: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        result = student(dy, *arrays)
        result = tuple(result) if isinstance(result, tuple | list) else (result,)
        if len(result) != len(names):
            wanted = ", ".join(f"d{n}" for n in names)
            raise Mistake(f"the backward pass returned {described(result)}, expected {wanted}")
        for name, value in zip(names, result, strict=True):
            if not isinstance(value, np.ndarray | np.generic | float):
                raise Mistake(f"d{name} is {described(value)}, expected an array")
        return result

    f.__signature__ = inspect.signature(reference)  # type: ignore[attr-defined]
    wrong = messages(gradcheck((f, f_backward), *inputs, seed=seed, **options))
    if causes and wrong:
        dy = np.random.default_rng(seed).standard_normal(shape[0])
        got = dict(zip(names, f_backward(dy, inputs), strict=True))
        for part, known in causes(dy, *inputs).items():
            for cause, values in _each(known):
                have = np.asarray(got[part[1:]])
                if part in wrong and have.shape == values.shape and close(have, values):
                    wrong[part] = f"{part} is wrong: {cause}"
    return wrong


def messages(report: Report) -> dict[str, str]:
    """A report as sentences, for each gradient that is wrong: that of the tensor ``x`` is ``dx``.

    A hint that shows values is left out: they could be copied.
    """
    found: dict[str, str] = {}
    for row in report.tensors:
        if row.verdict != "ok":
            count = f"{int(row.wrong.sum())} of {len(row.entries)} entries are not right"
            reasons = [
                hint.text
                for hint in report.hints
                if row.name in hint.tensor.split(", ")
                and hint.kind != "unknown"
                and "Backward for numeric" not in hint.text
            ]
            reason = "; ".join(reasons) or row.note or count
            found[f"d{row.name}"] = f"d{row.name} is wrong: {reason}"
    names = [row.name for row in report.tensors]
    for finding in report.findings:
        for name in [finding.tensor] if finding.tensor in names else names:
            found.setdefault(f"d{name}", finding.text)
    return found


def conduct(
    forward: Callable[[Any], tuple[Any, Any]],
    backward: Callable[[Any, Any], Sequence[Any]],
    x: Array,
    other: Array,
    dtype: bool = True,
    alone: bool = True,
) -> str:
    """How the code behaves, beyond the right values; ``""`` if well.

    It must keep nothing between calls: a second forward pass at ``other`` must not change what
    backward returns for the first one, and a second backward pass must return the same. A batch of
    one example must work. A float32 input must give a float32 output.

    Args:
        forward: ``forward(x) -> y, cache``.
        backward: ``backward(dy, cache) -> gradients``.
        x, other: two inputs, batch first, of the same shape.
        dtype: whether to ask for float32.
        alone: whether the output for an example must not depend on the other examples.
    """
    y, cache = forward(x)
    dy = np.cos(np.arange(np.size(y), dtype=float)).reshape(np.shape(y))
    first = [np.array(g) for g in backward(dy, cache)]
    again = [np.array(g) for g in backward(dy, cache)]
    if not _all_close(first, again):
        return "a second backward pass with the same cache returns different gradients"
    if not any(gradient.any() for gradient in first):
        return "the gradients are all 0"
    y, cache = forward(x)
    forward(other)
    if not _all_close(first, [np.array(g) for g in backward(dy, cache)]):
        return (
            "backward returns different gradients after a second forward pass: keep what backward "
            "needs in the cache, not in the object or in a global variable"
        )
    single, _ = forward(x[:1])
    if alone and not close(np.asarray(single), np.asarray(y)[:1]):
        return (
            "a batch of one example gives a different output from the same example in a larger "
            "batch"
        )
    if dtype:
        narrow = np.asarray(forward(x.astype(np.float32))[0])
        if narrow.dtype != np.float32:
            return f"a float32 input gives a {narrow.dtype} output, expected float32"
    return ""


def in_place(code: Code, target: Any, arguments: Mapping[str, Array], *more: Any) -> str:
    """Whether the code changes its arguments; ``""`` if not.

    Args:
        target: what to call, as in ``code.call``.
        arguments: the arrays that must not change, by name; positional, in this order.
        more: further positional arguments, such as a cache.
    """
    _, after = code.call_in_place(target, *arguments.values(), *more)
    for (name, before), now in zip(arguments.items(), after, strict=False):
        if not isinstance(now, np.ndarray) or not np.array_equal(now, before, equal_nan=True):
            what = target[1] if isinstance(target, tuple) else target
            return f"{what} changes its argument {name} in place: the caller still needs it"
    return ""


class FloatingPoint(Mistake):
    """NumPy warns about an overflow, a division by zero or an invalid operation."""


def strictly(code: Code, target: Any, *args: Any) -> Any:
    """``code.call``, but a floating-point error in the code is a mistake instead of a warning.

    Raises:
        FloatingPoint: if there is one, with the line where it happens.
    """
    try:
        return code.call_strictly(target, *args)
    except StudentException as error:
        if error.type != "FloatingPointError":
            raise
        where = f" ({error.lines[-1]})" if error.lines else ""
        raise FloatingPoint(f"NumPy warns: {error.message}{where}") from error


def after_output(wrong: Mapping[str, str], output: str) -> dict[str, str]:
    """Wrong gradients, with a hint where the output is wrong too (``output`` says how)."""
    hint = "; y is wrong too: repair it first" if output else ""
    return {name: text + hint for name, text in wrong.items()}


def only_wrong(**parts: str) -> dict[str, str]:
    """The parts that have a message: ``only_wrong(y=compare(...), cache="")``.

    Example:
        >>> from tinyae.course import judge
        >>> judge.only_wrong(y="", dx="it has the opposite sign")
        {'dx': 'it has the opposite sign'}
    """
    return {name: text for name, text in parts.items() if text}


def pair(value: Any, names: str) -> tuple[Any, ...]:
    """The values of ``names`` ("y, cache") that a function returned.

    Raises:
        Mistake: if it returned something else.
    """
    count = len(names.split(","))
    if not isinstance(value, tuple | list) or len(value) != count:
        raise Mistake(f"got {described(value)}, expected {count} values: {names}")
    return tuple(value)


def number(value: Any, name: str) -> float:
    """A number that the code returned. Raises a ``Mistake`` if it is something else."""
    if isinstance(value, bool) or np.shape(value) or np.asarray(value).dtype.kind not in "fiu":
        raise Mistake(f"{name} is {described(value)}, expected a number")
    return float(value)


def described(value: Any) -> str:
    """What a value is, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"{len(value)} values"
    return f"a {getattr(value, 'type', type(value).__name__)}"


def kind_of(want: Array) -> str:
    return f"an array of shape {want.shape}" if want.ndim else "a number"


def _each(causes: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Each cause with each of the arrays that it may lead to."""
    for cause, values in causes.items():
        for value in values if isinstance(values, list) else [values]:
            yield cause, np.asarray(value)


def _all_close(a: Sequence[Array], b: Sequence[Array]) -> bool:
    return len(a) == len(b) and all(
        np.shape(p) == np.shape(q) and close(p, q) for p, q in zip(a, b, strict=True)
    )
