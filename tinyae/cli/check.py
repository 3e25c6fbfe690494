"""``tinyae check FILE:NAME``: check the gradients of something in your own file.

The file's code runs in a process of its own, with limits. This process asks it for outputs and
gradients, compares them, and prints the report. So nothing in the file can change the verdict.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import itertools
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tinyae.checking.check import gradcheck
from tinyae.checking.report import Report
from tinyae.course import (
    Limits,
    MemoryLimit,
    StudentCode,
    StudentCodeError,
    StudentException,
    TimeLimit,
    UnreadableFile,
)
from tinyae.course.targets import input_shapes, remote_target

Shape = tuple[int, ...]
LINES = 30  # of what the file has printed


def check_file(
    spec: str,
    input_shape: str | Shape | None = None,
    seed: int = 0,
    method: str = "central",
    limits: Limits | None = None,
    **options: Any,
) -> Report:
    """Check the gradients of the object with this name in ``FILE:NAME``. The file, a .py file or a
    notebook, runs in a process of its own.

    NAME is one of:

    - a layer, or a layer's class, with its arguments if it needs some: ``Conv2d(3, 8, 3)``;
    - a function f, if the file also has ``f_backward``; or ``f,g`` if its backward is called g;
    - a loss (two arguments) or a code penalty (one argument).

    The inputs are drawn from N(0, 1) with ``seed``.

    Args:
        spec: ``"layers.py:MyLinear"``, ``"layers.py:affine"``,
            ``"layers.ipynb:affine_fwd,affine_bwd"``.
        input_shape: the shape of the input, batch first: ``(4, 3, 8, 8)`` or ``"4,3,8,8"``; for a
            function of several arrays, one shape each: ``"4x3;3x5;5"``; integers (indices, labels)
            as ``"4x5;int:0..4:4"``; settings as a dict. It can be left out for a
            layer whose ``weight`` shows it, and for losses and penalties, where it is (4, 5).
        seed, method, options: as for ``gradcheck``.
        limits: what the file's process may use.

    Raises:
        FileNotFoundError: there is no such file; the message suggests a similar name.
        ValueError: ``spec`` is not FILE:NAME, or the input shape is missing or invalid.
        MissingName: the file does not define the name; the message suggests a similar one.
        TypeError: the class needs arguments, or the object is not something to check.
        StudentCodeError: the file raises an exception, ends its process or meets a limit.
    """
    path, names = split(spec)
    with StudentCode(path, limits) as code:
        return check_names(code, names, input_shape, seed, method, **options)


def check_names(
    code: StudentCode,
    names: str,
    input_shape: str | Shape | None,
    seed: int,
    method: str,
    **options: Any,
) -> Report:
    """The check of ``check_file``, in code that is running."""
    shapes = parse_shapes(input_shape)
    target = remote_target(code, names)
    rng = np.random.default_rng(seed)
    inputs = [draw(s, rng) for s in shapes or input_shapes(target, names)]
    try:
        return gradcheck(target, *inputs, seed=seed, method=method, **options)
    except (IndexError, TypeError):
        if shapes or len(inputs) != 2:
            raise
        # a loss whose second argument is labels: integers, one per example
        labels = rng.integers(0, inputs[0].shape[1], len(inputs[0]))
        return gradcheck(target, inputs[0], labels, seed=seed, method=method, **options)


def split(spec: str) -> tuple[Path, str]:
    """The file and the names of ``FILE:NAME``.

    Raises:
        ValueError: it has another form.
        FileNotFoundError: there is no such file; the message suggests a similar name.
    """
    # The colon after the ending: arguments may have colons too, and so does "C:\\work\\layers.py".
    parts = re.fullmatch(r"(.+?\.\w+):(.+)", spec, re.DOTALL) or re.fullmatch(r"(.+):(.+)", spec)
    if parts is None:
        raise ValueError(f"{spec!r} is not FILE.py:NAME, for example layers.py:MyLinear")
    path = Path(parts[1])
    if not path.is_file():
        known = [p.name for ending in ("py", "ipynb") for p in path.parent.glob(f"*.{ending}")]
        close = difflib.get_close_matches(path.name, known, 1, 0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise FileNotFoundError(f"no file {path}{hint}")
    return path, parts[2]


def draw(part: Shape | str, rng: np.random.Generator) -> Any:
    """One input: normal random values of a shape; integers for ``"int:0..9:4x3"``; or a dict of
    settings, ``"{'stride': 1}"``.

    Raises:
        ValueError: it is none of these.
    """
    if not isinstance(part, str):
        return rng.standard_normal(part)
    try:
        if part.startswith("{"):
            return ast.literal_eval(part)
        _, bounds, shape = part.split(":")
        low, high = (int(n) for n in bounds.split(".."))
        return rng.integers(low, high + 1, _shape(shape))
    except (ValueError, SyntaxError):
        raise ValueError(
            f"input {part!r} cannot be read, expected int:LOW..HIGH:SHAPE such as int:0..9:4"
        ) from None


def parse_shapes(shape: str | Shape | None) -> list[Shape | str]:
    """``"4,3,8,8"`` or ``"4x3;int:0..9:4;{'stride': 1}"`` -> a list of shapes, ranges and settings.

    Raises:
        ValueError: it cannot be read.
    """
    if shape is None:
        return []
    if not isinstance(shape, str):
        return [tuple(int(n) for n in shape)]
    parts = [part.strip() for part in shape.split(";")]
    try:
        shapes = [part if part.startswith(("int:", "{")) else _shape(part) for part in parts]
    except ValueError:
        shapes = []
    if not shapes or any(n < 1 for s in shapes if not isinstance(s, str) for n in s):
        raise ValueError(
            f"input shape {shape!r} cannot be read, expected integers such as 4,3,8,8, "
            "or 4x3;3x5;5 for several inputs"
        )
    return shapes


def _shape(text: str) -> Shape:
    numbers = text.replace("×", "x").replace(",", "x").strip("() x").split("x")
    return tuple(int(n) for n in numbers)


def check(args: argparse.Namespace) -> int:
    """Print the report, and on standard error what the file has printed.

    Returns:
        The exit code: 0 if every gradient is correct, 1 if one is wrong, 2 if it was not checked.
    """
    code = None
    try:
        limits = _limits(args.timeout, args.memory)
        path, names = split(args.target)
        code = StudentCode(path, limits)
        with code:
            if not code.is_sandboxed:
                _say(f"this machine has no sandbox (bwrap or unshare). {' '.join(code.protection)}")
            for cell, error in code.cell_errors:
                _say(f"{_lines(error, f'{path.name}, {cell},')}\nThe other cells were run.")
            report = check_names(code, names, args.input, args.seed, args.method)
        print(report)
        return 0 if report.ok else 1
    except Exception as error:
        _say(_sentence(error, Path(args.target).name if code is None else code.path.name))
        return 2
    finally:
        if code is not None and code.output:
            print(f"output of {code.path.name}:\n{_marked(code.output)}", file=sys.stderr)


def _limits(timeout: float, memory: float) -> Limits:
    """The limits of the options.

    Raises:
        ValueError: one of them is out of range.
    """
    if not 0 < timeout < math.inf:
        raise ValueError(f"--timeout is {timeout:g}, expected a positive number of seconds")
    if not 0.25 <= memory < math.inf:
        raise ValueError(f"--memory is {memory:g}, expected at least 0.25: NumPy needs some")
    cpu = math.ceil(timeout) + 1
    return Limits(seconds=timeout, total=timeout, cpu=cpu, memory=int(memory * 2**30))


def _marked(output: str) -> str:
    """What the file has printed, a few lines of it, without escape sequences. Forward runs many
    times, so equal lines are counted."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in output)
    lines = []
    for line, equal in itertools.groupby(shown.splitlines()):
        count = len(list(equal))
        lines.append(f"  | {line}" + (f"  ({count} times)" if count > 1 else ""))
    rest = [f"  | ... {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    return "\n".join(lines[:LINES] + rest)


def _sentence(error: Exception, name: str) -> str:
    """What went wrong; for an exception in the file also where, in the file's own lines."""
    cause = error if isinstance(error, StudentException) else error.__cause__
    if isinstance(cause, StudentException) and (cause.lines or cause is error):
        return _lines(cause, name)
    if not isinstance(error, StudentCodeError) or isinstance(error, UnreadableFile):
        return str(error)
    option = {TimeLimit: " (see --timeout)", MemoryLimit: " (see --memory)"}.get(type(error), "")
    return f"{name}: {error}{option}"


def _lines(error: StudentException, name: str) -> str:
    lines = [f"{name} raised {error.type}: {error.message}".removesuffix(": ")]
    lines += [f"  {line}" for line in error.lines]
    return "\n".join(lines + [f"  {note}" for note in getattr(error, "__notes__", ())])


def _say(text: str) -> None:
    print(f"tinyae: {text}", file=sys.stderr)
