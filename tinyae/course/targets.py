"""What somebody names in a student's file, to be checked: ``"affine_forward"``, ``"f,g"``,
``"Conv2d(3, 8, 3)"``."""

from __future__ import annotations

import ast
from typing import Any

from tinyae.course.errors import MissingName, StudentException
from tinyae.course.isolation import StudentCode
from tinyae.course.remote import RemoteTarget
from tinyae.course.values import Handle, Name, Seed

Shape = tuple[int, ...]


def remote_target(code: StudentCode, names: str) -> RemoteTarget:
    """Something in the student's file, to be passed to ``gradcheck``.

    Args:
        code: the student's code, running.
        names: a layer, a loss, a penalty or an objective; a class, with its arguments if it needs
            some, as ``"Conv2d(3, 8, 3)"``; a function f whose backward is called ``f_backward``
            (``affine_backward`` for ``affine_forward``); or ``"f,g"``, with a backward called g.

    Raises:
        ValueError: if ``names`` is none of these, or the arguments are not literals.
        MissingName: if the file does not define a name.
        TypeError: if a class needs arguments.
        StudentCodeError: if the code raises an exception or does not answer.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from tinyae.course import StudentCode, remote_target
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "homework.py")
        ...     _ = path.write_text("f = lambda x: x * x; g = lambda x: 2 * x")
        ...     with StudentCode(path) as student:
        ...         print(gradcheck(remote_target(student, "f,g"), np.array([1.0, 2.0])).ok)
        True
    """
    try:
        tree = ast.parse(names.strip(), mode="eval").body
    except SyntaxError:
        raise _not_a_name(names) from None
    known = {entry.name: entry for entry in code.names()}
    if isinstance(tree, ast.Tuple):
        if len(tree.elts) != 2:
            raise _not_a_name(names)
        f, g = (_found(code, node, names, known) for node in tree.elts)
        return RemoteTarget(code, (f, g))
    target = _found(code, tree, names, known)
    if isinstance(tree, ast.Name) and _is_function(target):
        partner = known.get(f"{tree.id.removesuffix('_forward')}_backward")
        if partner is not None and partner.kind == "function":
            return RemoteTarget(code, (target, code.get(partner.name)))
    return RemoteTarget(code, target)


def input_shapes(target: RemoteTarget, names: str) -> list[Shape]:
    """The shapes of the inputs, if the target shows them: a layer by its ``weight``, a function of
    one or two arrays by its parameters.

    Raises:
        ValueError: if it does not.
    """
    code, subject = target.code, target.target
    if isinstance(subject, Handle) and not _is_function(subject):
        weight = code.arrays(subject).get("weight")
        if weight is not None and weight.ndim == 2:
            return [(4, weight.shape[1])]
        if weight is not None and weight.ndim == 4:
            channels = _attribute(code, subject, "in_channels", weight.shape[1])
            return [(2, channels, weight.shape[2] + 4, weight.shape[3] + 5)]
    if _is_function(subject) or isinstance(subject, tuple):
        function = {entry.name: entry for entry in code.names()}.get(names.split(",")[0].strip())
        needed = len(_needed(function)) if function else 0
        if needed == 1 or (needed == 2 and isinstance(subject, Handle)):
            return [(4, 5)] * needed
    raise ValueError(
        f"the input's shape cannot be guessed from {names}: specify it, batch first "
        "(--input 4,3,8,8, or for several inputs --input '4x3;3x5;5')"
    )


def _found(code: StudentCode, node: ast.expr, names: str, known: dict[str, Name]) -> Any:
    """The object that one name or one call stands for."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        try:
            args = [_literal(value) for value in node.args]
            kwargs = {str(k.arg): _literal(k.value) for k in node.keywords if k.arg}
        except ValueError:
            raise ValueError(
                f"{names}: an argument is not a literal such as 3, 0.5, 'same' or (2, 2), or "
                "default_rng(0)"
            ) from None
        return code.construct(node.func.id, *args, **kwargs)
    if not isinstance(node, ast.Name):
        raise _not_a_name(names)
    entry = known.get(node.id)
    if entry is None or entry.kind != "class":
        return code.get(node.id)
    if needed := _needed(entry):
        raise TypeError(
            f"the class {node.id} needs arguments ({', '.join(needed)}): write them after its "
            f"name, as in '{code.path.name}:{node.id}({', '.join(['3'] * len(needed))})'"
        )
    return code.construct(node.id)


def _literal(node: ast.expr) -> Any:
    """A literal, or a random generator: ``default_rng(0)``, ``np.random.default_rng(0)``.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        if name == "default_rng" and len(node.args) == 1 and not node.keywords:
            return Seed(int(ast.literal_eval(node.args[0])))
    return ast.literal_eval(node)


def _needed(entry: Name) -> tuple[str, ...]:
    """The parameters without default of a function or a class."""
    parameters = entry.parameters or ()
    return parameters[: len(parameters) - entry.defaults]


def _is_function(target: Any) -> bool:
    return isinstance(target, Handle) and target.type == "function"


def _attribute(code: StudentCode, handle: Handle, name: str, default: int) -> int:
    try:
        value = code.call((handle, "__getattribute__"), name)
    except (StudentException, MissingName):
        return default
    return value if type(value) is int and 0 < value < 10_000 else default


def _not_a_name(names: str) -> ValueError:
    return ValueError(f"{names!r} is not a name, two names f,g, or a call such as Conv2d(3, 8, 3)")
