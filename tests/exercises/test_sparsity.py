"""Exercise 14: what the grader says about right, empty and wrong solutions."""

import pytest
from helpers.exercises import check_mistake, check_solution_and_stub

KL = ["KL value", "KL dz", "KL minimum"]
DMEAN = "dmean = -rho / mean + (1 - rho) / (1 - mean)"
MEAN = "mean = z.mean(axis=0)  # ρ̂, one for each unit"
DZ = "dz = np.zeros_like(z) + dmean / len(z)  # the same for every example"
ORDER = 'order = np.argsort(-x, axis=1, kind="stable")  # of equal values, the first ones'
DIRECTION = "direction = groups / np.where(length == 0, 1, length)"
GROUPS = "groups = z.reshape(len(z), -1, size)  # (N, groups, size)"

MISTAKES = {
    "l1 is a mean over all entries": (
        [("return np.abs(z).sum() / len(z), np.sign(z) / len(z)",
          "return np.abs(z).mean(), np.sign(z) / z.size")],
        ["l1 value", "l1 dz"],
        "the mean over all entries",
    ),
    "l1 without 1/N in dz": (
        [("np.sign(z) / len(z)", "np.sign(z)")],
        ["l1 dz"],
        "not divided by the number of examples",
    ),
    "l1 with |z| in dz": (
        [("np.sign(z) / len(z)", "np.abs(z) / len(z)")], ["l1 dz"], "the sign of z",
    ),
    "half of the divergence": (
        [("return (on + off).sum(), dz", "return on.sum(), dz"), (DMEAN, "dmean = -rho / mean")],
        KL,
        "the second term",
    ),
    "half of the gradient": ([(DMEAN, "dmean = -rho / mean")], KL[1:], "the second term"),
    "a sigmoid too many": (
        [(MEAN, "s = 1 / (1 + np.exp(-z))\n    mean = s.mean(axis=0)"),
         (DZ, "dz = dmean / len(z) * s * (1 - s)")],
        KL,
        "z went through a sigmoid",
    ),
    "the divergence of each entry": (
        [(MEAN, "mean = z"), (DZ, "dz = dmean / len(z)"),
         ("return (on + off).sum(), dz", "return (on + off).sum() / len(z), dz")],
        KL,
        "the divergence of each entry",
    ),
    "KL without 1/N in dz": (
        [(DZ, "dz = np.zeros_like(z) + dmean")],
        ["KL dz"],
        "not divided by the number of examples",
    ),
    "KL with 1/N in the value too": (
        [("return (on + off).sum(), dz", "return (on + off).sum() / len(z), dz")],
        ["KL value"],
        "the mean is in ρ̂ already",
    ),
    "KL: dz has the shape of the mean": (
        [(DZ, "dz = dmean / len(z)")], ["KL dz"], "shape",
    ),
    "ρ and ρ̂ exchanged": (
        [("rho * np.log(rho / mean), (1 - rho) * np.log((1 - rho) / (1 - mean))",
          "mean * np.log(mean / rho), (1 - mean) * np.log((1 - mean) / (1 - rho))"),
         (DMEAN, "dmean = np.log(mean / rho) - np.log((1 - mean) / (1 - rho))")],
        KL[:2],  # its minimum is at ρ too
        "ρ and ρ̂ are exchanged",
    ),
    "KSparse: by magnitude": (
        [(ORDER, ORDER.replace("-x", "-np.abs(x)"))],
        ["KSparse y", "conduct"],
        "magnitudes",
    ),
    "KSparse: ties": (
        [(ORDER, "threshold = np.sort(x, axis=1)[:, -self.k, None]"),
         ("np.put_along_axis(kept, order[:, : self.k], 1, axis=1)", "kept[x >= threshold] = 1")],
        ["KSparse ties"],
        "are kept in one row, but k = 3",
    ),
    "KSparse: the smallest": (
        [(ORDER, ORDER.replace("-x", "x"))],
        ["KSparse y", "KSparse dx", "KSparse ties", "conduct"],
        "the smallest",
    ),
    "KSparse: the gradient of all": (
        [("return dy * cache, {}", "return dy, {}")],
        ["KSparse dx", "KSparse ties"],
        "all values get a gradient",
    ),
    "KSparse: of each column": (
        [(ORDER, ORDER.replace("axis=1", "axis=0")),
         ("np.put_along_axis(kept, order[:, : self.k], 1, axis=1)",
          "np.put_along_axis(kept, order[: self.k], 1, axis=0)")],
        ["KSparse y", "KSparse dx", "KSparse ties", "conduct"],
        "of each column",
    ),
    "KSparse: state": (
        [("return x * kept, kept", "self.kept = kept\n        return x * kept, None"),
         ("return dy * cache, {}", "return dy * self.kept, {}")],
        ["conduct"],
        "in the cache",
    ),
    "groups: no square root": (
        [("length = np.sqrt((groups**2).sum(axis=2, keepdims=True))",
          "length = (groups**2).sum(axis=2, keepdims=True)"),
         (DIRECTION, "direction = 2 * groups")],
        ["group value", "group dz"],
        "the square root is missing",
    ),
    "groups: not divided by the length": (
        [(DIRECTION, "direction = groups")],
        ["group dz"],
        "not divided by the length",
    ),
    "groups: 0 / 0": (
        [(DIRECTION, "with np.errstate(all='ignore'):\n        direction = groups / length")],
        ["group of zeros"],
        "NaN",
    ),
    "groups: every fourth unit": (
        [(GROUPS, "groups = z.reshape(len(z), size, -1).swapaxes(1, 2)"),
         ("direction.reshape(z.shape)", "direction.swapaxes(1, 2).reshape(z.shape)")],
        ["group value", "group dz"],
        "expected neighbors",
    ),
    "groups: size is their number": (
        [(GROUPS, "groups = z.reshape(len(z), size, -1)")],
        ["group value", "group dz"],
        "not the number of groups",
    ),
    "float64 whatever the input": (
        [(DZ, "dz = np.zeros(z.shape) + dmean / len(z)")],
        ["conduct"],
        "kl_sparsity: float32 codes",
    ),
    "the codes are changed": (
        [("return np.abs(z).sum()", "return np.abs(z, out=z).sum()")],
        ["l1 dz", "conduct"],
        "l1 changes its argument z in place",
    ),
}  # fmt: skip


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("sparsity", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("sparsity", *MISTAKES[mistake])
