"""Check a name in a file of one's own: what ``tinyae check FILE.py:NAME`` does."""

from __future__ import annotations

import argparse
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
    """Load ``FILE.py:NAME`` and check the gradients of what it names.

    NAME is a layer (an object, or a class that can be made without arguments); or a function f beside ``f_backward``, or
    ``NAME,OTHER`` for a pair with other names; or a loss (two arguments) or code penalty (one argument). Inputs are random
    numbers, N(0, 1), from ``seed``.

    Args:
        spec: ``"layers.py:MyLinear"``, ``"layers.py:affine"``, ``"layers.py:affine_fwd,affine_bwd"``.
        input_shape: of the input, batch first: ``(4, 3, 8, 8)`` or ``"4,3,8,8"``; for functions of several arrays one shape
            each, ``"4x3;3x5;5"``. May be left out for a layer with a ``weight`` that shows it, and for losses: (4, 5).
        seed, method, options: as for ``gradcheck``.

    Raises:
        FileNotFoundError: no such file (with the nearest name in its folder).
        ValueError: ``spec`` is not FILE.py:NAME; the shape is missing or cannot be read.
        AttributeError: no such name in the file (with the nearest).
        TypeError: a class that needs arguments, or something that is no target at all.
        Exception: whatever the file itself throws, with its traceback.
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
    return gradcheck(
        target,
        *(rng.standard_normal(s) for s in shapes or guess_shapes(target, names)),
        seed=seed,
        method=method,
        **options,
    )


def load(path: Path) -> ModuleType:
    """The file as a module under a private name: not findable by ``import``, and its folder on sys.path while it loads."""
    name = f"_tinyae_checked_{path.stem}"
    loader = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(loader)
    sys.modules[name] = module  # dataclasses and pickling look their module up here
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        loader.loader.exec_module(module)
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
                f"{path.name}: the class {names} needs arguments ({', '.join(needed)}): write a line such as "
                f"`layer = {names}(...)` in the file and check {path.name}:layer"
            ) from error
    partner = getattr(module, backward_name(names), None)
    return (target, partner) if inspect.isfunction(target) and callable(partner) else target


def backward_name(name: str) -> str:
    """``affine`` and ``affine_forward`` both belong to ``affine_backward``."""
    return f"{name.removesuffix('_forward')}_backward"


def lookup(module: ModuleType, name: str, path: Path) -> Any:
    if not hasattr(module, name):
        known = [n for n in vars(module) if not n.startswith("_")]
        raise AttributeError(f"{path.name} has no {name!r}{nearest(name, known)}")
    return getattr(module, name)


def nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def parse_shapes(shape: str | Shape | None) -> list[Shape]:
    """``"4,3,8,8"`` or ``"4x3;3x5;5"`` -> a list of shapes."""
    if shape is None:
        return []
    if not isinstance(shape, str):
        return [tuple(int(n) for n in shape)]
    try:
        shapes = [
            tuple(int(n) for n in part.replace("×", "x").replace(",", "x").strip("() x").split("x"))
            for part in shape.split(";")
        ]
    except ValueError:
        shapes = []
    if not shapes or any(n < 1 for s in shapes for n in s):
        raise ValueError(
            f"input shape {shape!r} cannot be read, expected numbers like 4,3,8,8, or 4x3;3x5;5 for several inputs"
        )
    return shapes


def guess_shapes(target: Any, names: str) -> list[Shape]:
    """The inputs' shapes where the target shows them."""
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
        f"the input's shape cannot be guessed from {names}: give it, batch first (--input 4,3,8,8; several inputs: "
        "--input '4x3;3x5;5')"
    )


def check(args: argparse.Namespace) -> int:
    """Prints the report. Exit code 0: every gradient is right; 1: one is wrong; 2: it could not be checked."""
    try:
        report = check_file(args.target, args.input, args.seed, args.method)
    except Exception as error:
        ours = (
            Path(tinyae.__file__).parent
            in Path(traceback.extract_tb(error.__traceback__)[-1].filename).parents
        )
        if ours:  # a mistake in how it was asked for
            print(f"tinyae: {error}", file=sys.stderr)
        else:  # the file's own error: its author wants to see where
            traceback.print_exc()
        return 2
    print(report)
    return 0 if report.ok else 1
