"""Several processes, on one machine or on many, that train one model together (MPI).

    mpiexec -n 4 tinyae train basic --data mnist

Every process runs the same program and holds the same weights. Of each batch it takes one part. One
``Allreduce`` sums the gradients of all parts. Then every process makes the same step of the
optimizer, so the weights stay equal without ever being sent. Process 0 alone writes files and
prints. The result is that of one process with as many workers, up to rounding.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import Any, Self

import numpy as np

from tinyae.backend import Array, namespace
from tinyae.layers.base import Gradients
from tinyae.objectives.base import ObjectiveResult, Terms

# Set by mpiexec in the processes that it starts: of MPICH and Intel MPI, of Open MPI, of Slurm
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_SIZE")


class Machines:
    """The processes of a run: this one is number ``rank`` of ``size``.

    Inside the ``with`` block, an exception in one process ends all of them, with its message.

    Args:
        comm: a communicator of mpi4py; None for a single process.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm
        self.rank = comm.Get_rank() if comm else 0
        self.size = comm.Get_size() if comm else 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or self.size == 1:
            return
        # Others may wait for this process in an Allreduce for ever, so all are ended
        text = "".join(traceback.format_exception_only(error)).strip()
        print(f"process {self.rank} of {self.size}: {text}", file=sys.stderr, flush=True)
        time.sleep(0.5)  # mpiexec passes the message on; an abort right away can lose it
        self.comm.Abort(1)

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and prints."""
        return self.rank == 0

    def mine(self, items: list[Any]) -> list[Any]:
        """This process's part of a list, in order: all of it for a single process."""
        n = len(items)
        return items[n * self.rank // self.size : n * (self.rank + 1) // self.size]

    def sum(self, result: ObjectiveResult) -> ObjectiveResult:
        """``loss, grads, terms``, each summed over the processes.

        The gradients travel as one flat buffer: one message costs less than many.
        """
        if self.size == 1:
            return result
        loss, grads, terms = result
        names = sorted(terms)
        numbers = self.sum_numbers([float(loss), *(float(terms[name]) for name in names)])
        means: Terms = dict(zip(names, numbers[1:], strict=True))
        return float(numbers[0]), self._sum_gradients(dict(grads)) if grads else {}, means

    def sum_numbers(self, values: list[float]) -> Array:
        """A few numbers, summed in float64."""
        numbers = np.array(values, float)
        if self.size > 1:
            self.comm.Allreduce(_in_place(), numbers)
        return numbers

    def _sum_gradients(self, grads: Gradients) -> Gradients:
        names = list(grads)  # the same order in every process: they run the same layers
        first = grads[names[0]]
        flat = namespace(first).concatenate([grads[name].ravel() for name in names])
        self.comm.Allreduce(_in_place(), flat)
        sums, start = {}, 0
        for name in names:
            stop = start + grads[name].size
            sums[name] = flat[start:stop].reshape(grads[name].shape)  # a view, no copy
            start = stop
        return sums

    def wait(self) -> None:
        """Wait until every process is here: after process 0 has written a file, for example."""
        if self.size > 1:
            self.comm.Barrier()

    def threads(self, wanted: int) -> int:
        """How many of ``wanted`` threads this process gets, where several share a machine."""
        if self.size == 1:
            return wanted
        from mpi4py import MPI

        here = self.comm.Split_type(MPI.COMM_TYPE_SHARED).Get_size()
        return max(1, wanted // here)


ALONE = Machines()


def find_machines() -> Machines:
    """The processes that ``mpiexec`` has started; a single one without it.

    Raises:
        ImportError: if there are several and mpi4py is not installed.
    """
    size = max((int(os.environ.get(name, "1")) for name in SIZES), default=1)
    if size == 1:
        return Machines()
    try:
        from mpi4py import MPI
    except ImportError:
        raise ImportError(
            f"mpiexec has started {size} processes, and they need mpi4py to train together: "
            "pip install 'tinyae[mpi]'"
        ) from None
    return Machines(MPI.COMM_WORLD)


def _in_place() -> Any:
    from mpi4py import MPI

    return MPI.IN_PLACE
