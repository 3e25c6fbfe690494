"""Which entries does an output depend on, by forward and by backward?"""

from __future__ import annotations

import numpy as np

from tinyae.checking.diagnosis.case import Case
from tinyae.checking.report import Hint, shape_text

Array = np.ndarray


def coupled_entries(case: Case) -> Hint | None:
    """Along which axes does an output depend on other entries than its own: in forward, by the
    numeric Jacobian, and in backward, for a dy with one entry?"""
    shares = _shares(case)
    if shares is None:
        return None
    y, v, (F, B, outputs, tolerance) = case.baseline.y, case.v, shares
    axes = [a for a in range(min(y.ndim, v.ndim)) if y.shape[: a + 1] == v.shape[: a + 1]]
    entries = np.stack(np.unravel_index(case.index, v.shape), axis=1)
    at = np.stack(np.unravel_index(outputs, y.shape), axis=1)

    def sides(M: Array, axis: int) -> tuple[bool, bool]:
        """Does an output depend on entries at earlier, at later positions along the axis?"""
        away = np.where(np.abs(M) > tolerance, entries[:, None, axis] - at[None, :, axis], 0)
        return bool((away < 0).any()), bool((away > 0).any())

    forward, backward = ({a: sides(M, a) for a in axes} for M in (F, B))
    missing = [a for a in axes if any(forward[a]) and not any(backward[a])]
    extra = [a for a in axes if any(backward[a]) and not any(forward[a])]
    masked = [a for a in axes if sum(forward[a]) == 1 and all(backward[a])]
    for a in axes:
        if sum(forward[a]) == sum(backward[a]) == 1 and forward[a] != backward[a]:
            there, back = ("earlier", "later") if forward[a][0] else ("later", "earlier")
            return case.hint(
                "permutation",
                f"an output depends on {there} entries of {case.name} along axis {a}, and backward "
                f"gives the gradient to {back} ones: the order is not reversed, or a Jacobian not "
                "transposed",
            )
    return _told(case, missing, extra, masked)


def misplaced_shares(case: Case) -> Hint | None:
    """Each output's share in the gradient has the right values in the wrong places."""
    shares = _shares(case)
    if shares is None:
        return None
    F, B, _, tolerance = shares
    same = np.abs(np.sort(F, axis=0) - np.sort(B, axis=0)).max() <= tolerance
    if not same or np.abs(F - B).max() <= tolerance:
        return None
    return case.hint(
        "permutation",
        f"the share of each output in {case.name}'s gradient has the right values in other places: "
        "a reshape or transpose in the wrong order, or a wrong index",
    )


def other_support(case: Case) -> Hint | None:
    """Entries that reach an output in forward only, or in backward only."""
    shares = _shares(case)
    if shares is None:
        return None
    F, B, outputs, tolerance = shares
    only_back = (np.abs(B) > tolerance) & (np.abs(F) <= tolerance)
    only_forth = (np.abs(F) > tolerance) & (np.abs(B) <= tolerance)
    for found, told in (
        (
            only_back,
            "does not depend on, as with a sum or mean over too many entries (other groups)",
        ),
        (only_forth, "depends on, and backward leaves it out, as with a sum over too few entries"),
    ):
        if found.mean() > 0.02 and not (found is only_forth and only_back.any()):
            e, o = (int(i[0]) for i in np.nonzero(found))
            entry = shape_text(np.unravel_index(case.index[e], case.v.shape))
            output = shape_text(np.unravel_index(outputs[o], case.baseline.y.shape))
            verb = "gives" if found is only_back else "does not give"
            return case.hint(
                "examples coupled",
                f"backward {verb} entry {entry} of {case.name} a share of output {output}, which "
                f"it {told}",
            )
    return None


def _shares(case: Case) -> tuple[Array, Array, Array, float] | None:
    """What some outputs contribute to each entry by the numeric Jacobian and by backward, both
    (entries, outputs); the outputs, and what counts as 0."""
    y = case.baseline.y
    if case.columns is None or case.name not in case.problem.inputs or y.ndim < 1:
        return None
    outputs = np.unique(np.linspace(0, y.size - 1, 16).astype(int))
    back = [case.backward_of_output(o) for o in outputs.tolist()]
    if any(b.shape != case.v.shape for b in back):
        return None
    F = case.columns[:, outputs]
    B = np.stack([b.reshape(-1)[case.index] for b in back], axis=1)
    return F, B, outputs, 1e-6 * float(np.abs(F).max(initial=0))


def _told(case: Case, missing: list[int], extra: list[int], masked: list[int]) -> Hint | None:
    name, say = (
        case.name,
        lambda axes: " and ".join("0 (examples)" if a == 0 else str(a) for a in axes),
    )
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
