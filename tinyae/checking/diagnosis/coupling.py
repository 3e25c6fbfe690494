"""Which entries does an output depend on, by forward and by backward?"""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint

Array = np.ndarray


def coupled_entries(case: Case) -> Hint | None:
    """Along which axes does an output depend on other entries than its own: in forward, by the
    numeric Jacobian, and in backward, for a dy with one entry?"""
    y, v = case.baseline.y, case.v
    if case.columns is None or case.name not in case.problem.inputs or y.ndim < 1:
        return None
    axes = [a for a in range(min(y.ndim, v.ndim)) if y.shape[: a + 1] == v.shape[: a + 1]]
    if not axes or y.size > 20_000:
        return None
    outputs = np.unique(np.linspace(0, y.size - 1, 16).astype(int))
    forward = {a: [False, False] for a in axes}  # couples to earlier, to later positions
    backward = {a: [False, False] for a in axes}
    entries = np.stack(np.unravel_index(case.index, v.shape), axis=1)
    tolerance = 1e-6 * np.abs(case.columns).max()
    for o in outputs:
        dy = np.zeros(y.shape)
        dy.flat[o] = 1.0
        got = np.asarray(case.problem.backward(dy, case.problem.forward()[1])[case.name])
        if got.shape != v.shape:
            return None
        at = np.unravel_index(o, y.shape)
        for found, column in ((forward, case.columns[:, o]), (backward, got.reshape(-1)[case.index])):
            for a in axes:
                away = entries[np.abs(column) > tolerance, a] - at[a]
                found[a][0] |= bool((away < 0).any())
                found[a][1] |= bool((away > 0).any())
    missing = [a for a in axes if any(forward[a]) and not any(backward[a])]
    extra = [a for a in axes if any(backward[a]) and not any(forward[a])]
    masked = [a for a in axes if sum(forward[a]) == 1 and all(backward[a])]
    return _told(case, missing, extra, masked)


def _told(case: Case, missing: list[int], extra: list[int], masked: list[int]) -> Hint | None:
    name, say = case.name, lambda axes: " and ".join("0 (examples)" if a == 0 else str(a) for a in axes)
    if masked:
        return case.hint(
            "mask missing",
            f"an output depends on entries of {name} on one side along axis {say(masked)}, and "
            "backward passes gradient to both sides: forward's (causal) mask is missing",
        )
    if extra and missing:
        return case.hint(
            "examples coupled",
            f"an output depends on other entries of {name} along axis {say(missing)}, and backward "
            f"couples entries along axis {say(extra)}: a sum or mean over the wrong axis",
        )
    if extra:
        return case.hint(
            "examples coupled",
            f"an output does not depend on other entries of {name} along axis {say(extra)}, but "
            "backward couples them: a sum or mean without axis, or over one axis too many",
        )
    if missing:
        return case.hint(
            "examples coupled",
            f"an output depends on other entries of {name} along axis {say(missing)} (through a "
            "mean, a norm, batch statistics), and backward does not couple them: these are treated "
            "as constants, or a sum lacks this axis",
        )
    return None
