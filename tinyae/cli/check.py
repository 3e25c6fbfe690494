"""``tinyae check FILE.py:NAME``: check the gradients of something in your own file."""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import tinyae
from tinyae.checking.check import gradcheck
from tinyae.checking.report import Report

Shape = tuple[int, ...]


def check_file(
    spec: str,
    input_shape: str | Shape | None = None,
    seed: int = 0,
    method: str = "central",
    **options: Any,
) -> Report:
    """Load ``FILE.py:NAME`` and check the gradients of the object with this name.

    NAME is one of:

    - a layer, or a layer's class if it needs no arguments;
    - a function f, if the file also has ``f_backward``; or ``f,g`` if its backward is called g;
    - a loss (two arguments) or a code penalty (one argument).

    The inputs are drawn from N(0, 1) with ``seed``.

    Args:
        spec: ``"layers.py:MyLinear"``, ``"layers.py:affine"``,
            ``"layers.py:affine_fwd,affine_bwd"``.
        input_shape: the shape of the input, batch first: ``(4, 3, 8, 8)`` or ``"4,3,8,8"``; for a
            function of several arrays, one shape each: ``"4x3;3x5;5"``; integers (indices, labels)
            as ``"4x5;int:0..4:4"``; settings as a dict. It can be left out for a
            layer whose ``weight`` shows it, and for losses and penalties, where it is (4, 5).
        seed, method, options: as for ``gradcheck``.

    Raises:
        FileNotFoundError: there is no such file; the message suggests a similar name.
        ValueError: ``spec`` is not FILE.py:NAME, or the input shape is missing or invalid.
        AttributeError: the file has no such name; the message suggests a similar one.
        TypeError: the class needs arguments, or the object is not something to check.
        Exception: whatever the file itself raises, with its traceback.
    """
    path_text, colon, names = spec.rpartition(":")
    if not colon or not names or not path_text:
        raise ValueError(f"{spec!r} is not FILE.py:NAME, for example layers.py:MyLinear")
    path = Path(path_text)
    if not path.is_file():
        near = (
            nearest(path.name, [p.name for p in path.parent.glob("*.py")])
            if path.parent.is_dir()
            else ""
        )
        raise FileNotFoundError(f"no file {path_text}{near}")
    module = load(path)
    target = find_target(module, names, path)
    shapes = parse_shapes(input_shape)
    rng = np.random.default_rng(seed)
    inputs = [draw(s, rng) for s in shapes or guess_shapes(target, names)]
    try:
        return gradcheck(target, *inputs, seed=seed, method=method, **options)
    except (IndexError, TypeError):
        if shapes or len(inputs) != 2:
            raise
        # a loss whose second argument is labels: integers, one per example
        labels = rng.integers(0, inputs[0].shape[1], len(inputs[0]))
        return gradcheck(target, inputs[0], labels, seed=seed, method=method, **options)


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


def load(path: Path) -> ModuleType:
    """Load a file as a module with a private name, which ``import`` cannot find.

    While it loads, its folder is in ``sys.path``.
    """
    name = f"_tinyae_checked_{path.stem}"
    module_spec = importlib.util.spec_from_file_location(name, path)
    if module_spec is None or module_spec.loader is None:
        raise ValueError(f"{path} is not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module  # dataclasses and pickle look up their module here
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        module_spec.loader.exec_module(module)
    except BaseException as error:
        error.add_note(f"raised while loading {path}")
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def find_target(module: ModuleType, names: str, path: Path) -> Any:
    found = [lookup(module, name.strip(), path) for name in names.split(",")]
    if len(found) == 2:
        return tuple(found)
    if len(found) > 2:
        raise ValueError(f"{names!r}: expected one name, or two for a function and its backward")
    (target,) = found
    if isinstance(target, type):
        try:
            return target()
        except TypeError as error:
            needed = [
                p.name
                for p in inspect.signature(target).parameters.values()
                if p.default is p.empty and p.kind < 2
            ]
            if not needed:
                raise
            raise TypeError(
                f"{path.name}: the class {names} needs arguments ({', '.join(needed)}): "
                f"add a line such as `layer = {names}(...)` to the file and check {path.name}:layer"
            ) from error
    partner = getattr(module, backward_name(names), None)
    return (target, partner) if inspect.isfunction(target) and callable(partner) else target


def backward_name(name: str) -> str:
    """``affine_backward``, for ``affine`` and for ``affine_forward``."""
    return f"{name.removesuffix('_forward')}_backward"


def lookup(module: ModuleType, name: str, path: Path) -> Any:
    if not hasattr(module, name):
        known = [n for n in vars(module) if not n.startswith("_")]
        raise AttributeError(f"{path.name} has no {name!r}{nearest(name, known)}")
    return getattr(module, name)


def nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


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


def guess_shapes(target: Any, names: str) -> list[Shape]:
    """The shapes of the inputs, if the target shows them.

    Raises:
        ValueError: it does not.
    """
    weight = (
        getattr(target, "params", {}).get("weight")
        if callable(getattr(target, "forward", None))
        else None
    )
    if weight is not None and np.ndim(weight) == 2:
        return [(4, np.shape(weight)[1])]
    if weight is not None and np.ndim(weight) == 4:
        channels = getattr(target, "in_channels", np.shape(weight)[1])
        return [(2, channels, np.shape(weight)[2] + 4, np.shape(weight)[3] + 5)]
    if inspect.isfunction(target):
        needed = [p for p in inspect.signature(target).parameters.values() if p.default is p.empty]
        if len(needed) in (1, 2):
            return [(4, 5)] * len(needed)
    raise ValueError(
        f"the input's shape cannot be guessed from {names}: specify it, batch first "
        "(--input 4,3,8,8, or for several inputs --input '4x3;3x5;5')"
    )


def check(args: argparse.Namespace) -> int:
    """Print the report.

    Returns:
        The exit code: 0 if every gradient is correct, 1 if one is wrong, 2 if it was not checked.
    """
    try:
        report = check_file(args.target, args.input, args.seed, args.method)
    except Exception as error:
        ours = (
            Path(tinyae.__file__).parent
            in Path(traceback.extract_tb(error.__traceback__)[-1].filename).parents
        )
        if ours:  # a mistake in the command
            print(f"tinyae: {error}", file=sys.stderr)
        else:  # an error in the file: its author needs to see where
            traceback.print_exc()
        return 2
    print(report)
    return 0 if report.ok else 1
