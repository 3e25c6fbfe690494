"""The common form of everything that can be checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


Run = Callable[[list[Array]], tuple[Array, Any]]


class Stop(BaseException):
    """Ends a check from inside of a target, past every ``except Exception``: the process that runs
    the target has ended. Its cause is the exception that ``gradcheck`` raises."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass
class Problem:
    """A map from named tensors to one output y, and the gradients that its author wrote.

    ``tensors`` are the checker's own copies: it perturbs them in place, and ``forward`` sees that.
    """

    title: str
    kind: str
    tensors: dict[str, Array]  # what the output is differentiated with respect to
    run: Run  # the target's forward on given values of ``inputs`` -> y, cache
    backward: Callable[[Array, Any], dict[str, Any]]  # (dy, cache) -> gradients by tensor name
    scalar: bool = False  # y is one number, and the gradients are its own: there is no cotangent
    fixed: dict[str, Array] = field(default_factory=dict)  # inputs that are held fixed
    inputs: tuple[str, ...] = ("x",)  # the tensors that are inputs; the others are parameters
    unlisted: dict[str, Array] = field(default_factory=dict)  # float arrays outside params
    integer_parameters: tuple[str, ...] = ()
    chain: bool = False  # a container of layers in a row: gradients flow from the last to the first
    remake: Callable[[], Problem] | None = None  # the same problem on a fresh copy of the target
    is_remote: bool = False  # the target runs in another process
    # in another process: forward's operations on given tensors, see ``diagnosis.recording.sent``
    record: Callable[[dict[str, Array], int | None], Any] | None = None
    # (tensor, place, values): which values one entry will have in the next calls of ``run``
    announce: Callable[[str, int, Array], None] | None = None

    def forward(self) -> tuple[Array, Any]:
        return self.run([self.tensors[name] for name in self.inputs])
