"""A running mean of the weights: the last steps jump around the minimum, their mean is closer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tinyae._validate import check_array_dict
from tinyae.backend import Array


class WeightAverage:
    """``mean ← a · mean + (1 − a) · w`` with a = min(keep, 1 − 1/t) at step t = 1, 2, ...

    So the mean of the first steps is an ordinary one, and later it forgets (Polyak & Juditsky 1992;
    Martens & Grosse 2015, section 8).

    Args:
        params: ``model.params``.
        keep: between 0 and 1, such as 0.98: about the last 50 steps.

    Raises:
        ValueError: ``keep`` is not between 0 and 1.
    """

    def __init__(self, params: Mapping[str, Array], keep: float) -> None:
        check_array_dict("average", "params", params)
        if not isinstance(keep, float) or not 0 < keep < 1:
            raise ValueError(f"average is {keep}, expected a number between 0 and 1, such as 0.98")
        self.params, self.keep = params, keep
        self.mean = {key: w.copy() for key, w in params.items()}

    def update(self, t: int) -> None:
        """Take the weights after step t = 1, 2, ... into the mean."""
        a = min(self.keep, 1 - 1 / t)
        for key, mean in self.mean.items():
            mean *= a
            mean += (1 - a) * self.params[key]

    def swap(self) -> None:
        """Exchange the model's weights and the mean, in place."""
        for key, w in self.params.items():
            kept = w.copy()
            w[...] = self.mean[key]
            self.mean[key][...] = kept


@contextmanager
def averaged(average: WeightAverage | None) -> Iterator[None]:
    """Inside the ``with`` block, the model has the mean of the weights."""
    if average is None:
        yield
        return
    average.swap()
    try:
        yield
    finally:
        average.swap()
