"""The step-size sweep: the error of a numerical derivative for many steps, a V-shaped curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyae.checking import baseline as baselines
from tinyae.checking import contract, numeric
from tinyae.checking.adapters import as_problem
from tinyae.checking.tensor_check import Check

Array = np.ndarray


@dataclass
class StepSizeSweep:
    """``errors[method][i]`` is |numeric − backward| / |backward| with ``steps[i]``, for one entry
    of one tensor.

    Example:
        >>> from tinyae.checking import step_sweep
        >>> sweep = step_sweep(Tanh(), np.array([[0.3, -0.5]]), methods_used=["central"])
        >>> step, error = sweep.best("central")
        >>> 1e-7 < step < 1e-3, error < 1e-8
        (True, True)
    """

    tensor: str
    index: tuple[int, ...]
    backward: float
    steps: Array
    errors: dict[str, Array]
    refused: dict[str, str]  # methods that do not apply, and why

    def best(self, method: str) -> tuple[float, float]:
        """(step, error) at the bottom of the V."""
        i = int(np.nanargmin(self.errors[method]))
        return float(self.steps[i]), float(self.errors[method][i])

    def to_dict(self) -> dict[str, Any]:
        return {
            "tensor": self.tensor,
            "index": list(self.index),
            "backward": self.backward,
            "steps": self.steps.tolist(),
            "errors": {m: e.tolist() for m, e in self.errors.items()},
            "refused": dict(self.refused),
        }

    def plot(self, ax: Any = None) -> Any:
        """Plot the errors against the steps, both on logarithmic axes. Returns the axes."""
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(6, 4), layout="constrained")[1] if ax is None else ax
        for marker, (method, errors) in zip("osd^", self.errors.items(), strict=False):
            ax.loglog(
                self.steps,
                np.maximum(errors, numeric.EPS / 8),
                marker=marker,
                markersize=3,
                linewidth=1,
                label=method,
            )
        ax.set(
            xlabel="step h",
            ylabel="relative error",
            title=f"{self.tensor}[{', '.join(map(str, self.index))}]",
        )
        ax.legend(frameon=False)
        return ax


def step_sweep(
    target: Any,
    *inputs: Any,
    tensor: str | None = None,
    index: tuple[int, ...] | None = None,
    steps: Sequence[float] | None = None,
    methods_used: Sequence[str] = ("forward", "central", "richardson", "complex"),
    seed: int = 0,
    kind: str | None = None,
) -> StepSizeSweep:
    """The error of the numerical derivative with respect to one entry, for many steps and methods.
    Backward's value counts as the true one.

    From large steps to small ones, the truncation error falls as h (forward), h² (central), h⁴
    (richardson), and then the rounding error grows as eps/h. The complex step has no rounding
    branch, because nothing is subtracted.

    Args:
        target: as for ``gradcheck``.
        inputs: as for ``gradcheck``.
        tensor: the tensor's name. Default: the first one.
        index: which entry. Default: the one with the largest gradient.
        steps: relative steps. Default: 1e-1 ... 1e-15, four per decade.
        methods_used: some of ``forward``, ``central``, ``richardson``, ``complex``.
        seed: seed of the cotangent.
        kind: the kind of the target, if it cannot be recognized.

    Raises:
        KeyError: there is no such tensor.
        IndexError: the tensor has no such entry.

    Example:
        >>> from tinyae.checking import step_sweep
        >>> sweep = step_sweep(Tanh(), np.array([[0.3, -0.5]]), steps=[1e-1, 1e-5, 1e-12])
        >>> [f"{error:.0e}" for error in sweep.errors["central"]][:2]  # the error of truncation
        ['2e-03', '2e-11']
        >>> bool(sweep.errors["central"][2] > sweep.errors["central"][1])  # then that of rounding
        True
    """
    tried = np.logspace(-1, -15, 57) if steps is None else np.asarray(steps, float)
    with baselines.undisturbed():
        rng = np.random.default_rng(seed)
        problem = as_problem(target, inputs, np.float64, seed, kind)
        baseline = contract.measure_baseline(problem, rng)
        name = next(iter(problem.tensors)) if tensor is None else tensor
        if name not in problem.tensors:
            raise KeyError(f"step_sweep: no tensor {name!r}, only {', '.join(problem.tensors)}")
        gradient = baseline.grads[name]
        if index is None:
            index = tuple(
                int(i) for i in np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape)
            )
        i, true = (
            int(np.ravel_multi_index(index, gradient.shape)) if gradient.ndim else 0,
            float(gradient[index]),
        )
        check = Check(problem, baseline, rng)
        size, errors, refused = max(1.0, abs(float(problem.tensors[name][index]))), {}, {}
        for method in methods_used:
            rule, source = numeric.ESTIMATES.get(method, numeric.complex_step), problem
            if method == "complex":
                try:
                    source = numeric.complex_copy(
                        problem, as_problem(target, inputs, np.complex128, seed, kind)
                    )
                except ValueError as error:
                    refused[method] = str(error)
                    continue
            probe = check.probe(source, name, i, 1.0)
            values = np.array([rule(probe, baseline.y, baseline.dy, h * size).value for h in tried])
            errors[method] = np.abs(values - true) / (abs(true) or 1.0)
    return StepSizeSweep(name, index, true, tried, errors, refused)
