"""Exercise 14, sparse codes: three penalties and a layer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise, Mistake
from tinyae.course.exercises import _k_sparse as k_sparse

SIZE = 3  # of a group


def l1(z: Array) -> Array:
    """The reference."""
    return np.abs(z).sum() / len(z)


def terms(z: Array, rho: float) -> tuple[Array, Array]:
    """The two terms of the divergence, for each column of z."""
    mean = z.mean(axis=0)
    return rho * np.log(rho / mean), (1 - rho) * np.log((1 - rho) / (1 - mean))


def kl_sparsity(z: Array, rho: float) -> Array:
    """The reference."""
    on, off = terms(z, rho)
    return (on + off).sum()


def kl_gradient(z: Array, rho: float) -> tuple[Array, Array]:
    """dz of the two terms."""
    mean, n = z.mean(axis=0), len(z)
    return np.zeros_like(z) - rho / mean / n, np.zeros_like(z) + (1 - rho) / (1 - mean) / n


def group_sparsity(z: Array, size: int) -> Array:
    """The reference."""
    return np.linalg.norm(z.reshape(len(z), -1, size), axis=2).sum() / len(z)


def group_gradient(z: Array, size: int) -> Array:
    groups = z.reshape(len(z), -1, size)
    length = np.linalg.norm(groups, axis=2, keepdims=True)
    return (groups / length).reshape(z.shape) / len(z)


def spread(z: Array, size: int) -> Array:
    """The order of the units in which groups of neighbors are groups of every fourth unit."""
    return z.reshape(len(z), size, -1).swapaxes(1, 2).reshape(z.shape)


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def penalty_value(
    code: Code, part: str, want: Any, causes: dict[str, Any], name: str, *arguments: Any
) -> dict[str, str]:
    value, _ = judge.pair(code.call(name, *arguments), "value, dz")
    return judge.only_wrong(**{part: judge.compare(value, want, "the value", causes)})


def penalty_gradient(
    code: Code,
    part: str,
    reference: Callable[[Array], Any],
    z: Array,
    causes: Callable[[Array], dict[str, Any]],
    name: str,
    *arguments: Any,
) -> dict[str, str]:
    def student(dy: Any, z: Array) -> Any:
        dz = judge.pair(code.call(name, z, *arguments), "value, dz")[1]
        if not isinstance(dz, np.ndarray):
            raise Mistake(f"dz is {judge.described(dz)}, expected an array of shape {z.shape}")
        return dy * dz

    def known(dy: Any, z: Array) -> dict[str, dict[str, Any]]:
        each = {k: v if isinstance(v, list) else [v] for k, v in causes(z).items()}
        return {"dz": {cause: [dy * dz for dz in values] for cause, values in each.items()}}

    wrong = judge.gradients(reference, student, z, causes=known)
    return judge.only_wrong(**{part: wrong.get("dz", "")})


def l1_value(code: Code, rng: Generator) -> dict[str, str]:
    z = rng.normal(size=(5, 6))
    causes = {
        "it is the mean over all entries, expected the sum over the units": np.abs(z).mean(),
        "it is the sum over the examples, expected the mean": np.abs(z).sum(),
        "the absolute value is missing": z.sum() / len(z),
        "it is the sum of the squares": (z * z).sum() / len(z),
    }
    return penalty_value(code, "l1 value", l1(z), causes, "l1", z)


def l1_gradient(code: Code, rng: Generator) -> dict[str, str]:
    def causes(z: Array) -> dict[str, Any]:
        n, units = z.shape
        return {
            "it is not divided by the number of examples": np.sign(z),
            "it is divided by another number than that of the examples": [
                np.sign(z) / z.size,
                np.sign(z) / units,
            ],
            "the derivative of |z| is the sign of z": [np.ones_like(z) / n, np.abs(z) / n, z / n],
        }

    return penalty_gradient(code, "l1 dz", l1, rng.normal(size=(5, 6)), causes, "l1")


def draw_activations(rng: Generator) -> tuple[Array, float]:
    """Codes between 0 and 1, and a target that is not a special value."""
    return rng.uniform(0.05, 0.8, size=(5, 6)), float(rng.uniform(0.1, 0.3))


def kl_value(code: Code, rng: Generator) -> dict[str, str]:
    z, rho = draw_activations(rng)
    on, off = terms(z, rho)
    mean = z.mean(axis=0)
    swapped = mean * np.log(mean / rho) + (1 - mean) * np.log((1 - mean) / (1 - rho))
    flat = z.reshape(1, -1)
    causes = {
        "the second term, (1 − ρ) log …, is missing": on.sum(),
        "the first term, ρ log …, is missing": off.sum(),
        "the second term has the wrong sign": (on - off).sum(),
        "it is the mean over the units, expected the sum": (on + off).mean(),
        "it is divided by the number of examples, but the mean is in ρ̂ already": (
            (on + off).sum() / len(z)
        ),
        "z went through a sigmoid, but it is an activation already": kl_sparsity(sigmoid(z), rho),
        "ρ and ρ̂ are exchanged": swapped.sum(),
        "it is the divergence of each entry, expected that of each unit's mean": [
            kl_sparsity(flat, rho) / n for n in (1, len(z), z.size)
        ],
        "ρ̂ is the mean over all units, expected one for each unit": kl_sparsity(flat.T, rho),
        "ρ̂ is the mean over the units of an example, expected over the examples of a unit": (
            kl_sparsity(z.T, rho)
        ),
    }
    return penalty_value(code, "KL value", kl_sparsity(z, rho), causes, "kl_sparsity", z, rho)


def kl_dz(code: Code, rng: Generator) -> dict[str, str]:
    z, rho = draw_activations(rng)

    def causes(z: Array) -> dict[str, Any]:
        n, s = len(z), sigmoid(z)
        on, off = kl_gradient(z, rho)
        each_on, each_off = kl_gradient(z.reshape(1, -1), rho)
        mean = z.mean(axis=0)
        swapped = np.log(mean / rho) - np.log((1 - mean) / (1 - rho))
        return {
            "the second term, (1 − ρ) / (1 − ρ̂), is missing": on,
            "the first term, −ρ / ρ̂, is missing": off,
            "the second term has the wrong sign": on - off,
            "the first term has the wrong sign": off - on,
            "it is not divided by the number of examples": n * (on + off),
            "it is divided by the number of units, expected the number of examples": (
                (on + off) * n / z.shape[1]
            ),
            "z went through a sigmoid, but it is an activation already": (
                sum(kl_gradient(s, rho)) * s * (1 - s)
            ),
            "ρ and ρ̂ are exchanged": np.zeros_like(z) + swapped / n,
            "it is that of each entry, expected that of each unit's mean": [
                (each_on + each_off).reshape(z.shape) / m for m in (1, n, z.size)
            ],
        }

    reference = partial(kl_sparsity, rho=rho)
    return penalty_gradient(code, "KL dz", reference, z, causes, "kl_sparsity", rho)


def kl_minimum(code: Code, rng: Generator) -> dict[str, str]:
    """Values and signs near the minimum: they are right or wrong whatever the factor."""
    rho = float(rng.uniform(0.1, 0.3))
    spread = rng.uniform(0.2, 0.8, size=(4, 3)) * rho
    for shift in (0.0, 0.5 * rho, -0.5 * rho, 2 * rho):
        z = spread - spread.mean(axis=0) + rho + shift
        value, dz = judge.pair(code.call("kl_sparsity", z, rho), "value, dz")
        size = float(np.abs(kl_gradient(z, rho)[0]).max())
        if shift == 0:
            if abs(value) > 1e-9:
                raise Mistake("the value is not 0 where the mean of each unit is ρ")
            if np.abs(dz).max() > 1e-9 * size:
                raise Mistake("dz is not 0 where the mean of each unit is ρ")
            continue
        side = "more" if shift > 0 else "less"
        if value < 0:
            raise Mistake(f"the value is negative where units are {side} active than ρ")
        if value == 0 or not np.all(np.sign(dz) == np.sign(shift)):
            raise Mistake(f"it does not pull units toward ρ that are {side} active")
    return {}


def group_value(code: Code, rng: Generator) -> dict[str, str]:
    z = rng.normal(size=(5, 12))
    squares = (z.reshape(5, -1, SIZE) ** 2).sum(axis=2)
    causes = {
        "it is the sum of the squared lengths: the square root is missing": squares.sum() / 5,
        "the square root is taken of the sum over all groups": np.sqrt(squares.sum(axis=1)).mean(),
        "the square root is taken of the whole sum": np.sqrt(squares.sum()) / 5,
        "it is the sum over the examples, expected the mean": np.sqrt(squares).sum(),
        "it is the mean over the groups, expected the sum": np.sqrt(squares).mean(),
        "it is the sum of absolute values": l1(z),
        "a group has every fourth unit, expected neighbors": (
            group_sparsity(spread(z, SIZE), SIZE)
        ),
        "size is the size of a group, not the number of groups": group_sparsity(z, 12 // SIZE),
    }
    want = group_sparsity(z, SIZE)
    return penalty_value(code, "group value", want, causes, "group_sparsity", z, SIZE)


def group_dz(code: Code, rng: Generator) -> dict[str, str]:
    def causes(z: Array) -> dict[str, Any]:
        n, units = z.shape
        groups = z.reshape(n, -1, SIZE)
        length = np.linalg.norm(groups, axis=2, keepdims=True)
        every_fourth = group_gradient(spread(z, SIZE), SIZE)
        return {
            "it is not divided by the number of examples": n * group_gradient(z, SIZE),
            "it is not divided by the length of the group": [z / n, 2 * z / n],
            "it is divided by the squared length of the group": (
                (groups / length**2).reshape(z.shape) / n
            ),
            "it is the sign of z": np.sign(z) / n,
            "the factor z is missing": (0 * groups + 1 / length).reshape(z.shape) / n,
            "a group has every fourth unit, expected neighbors": (
                spread(every_fourth, units // SIZE)
            ),
            "size is the size of a group, not the number of groups": (
                group_gradient(z, units // SIZE)
            ),
        }

    z, reference = rng.normal(size=(5, 12)), partial(group_sparsity, size=SIZE)
    return penalty_gradient(code, "group dz", reference, z, causes, "group_sparsity", SIZE)


def group_of_zeros(code: Code, rng: Generator) -> dict[str, str]:
    z = rng.normal(size=(5, 12))
    z[0] = z[:, SIZE : 2 * SIZE] = 0
    _, dz = judge.pair(code.call("group_sparsity", z, SIZE), "value, dz")
    if np.shape(dz) != z.shape:
        raise Mistake(judge.compare(dz, z, "dz"))
    if not np.isfinite(dz).all():
        raise Mistake("dz is NaN where all units of a group are 0: 0 / 0")
    if dz[z == 0].any() or not dz.any():
        raise Mistake("dz is not 0 where all units of a group are 0, and only there")
    return {}


def conduct(code: Code, rng: Generator) -> dict[str, str]:
    text = k_sparse.conduct(code, rng)
    z, rho = draw_activations(rng)
    other = rng.normal(size=(5, 6))
    calls: list[tuple[Any, ...]] = [
        ("l1", other),
        ("kl_sparsity", z, rho),
        ("group_sparsity", other, SIZE),
    ]
    for name, codes, *arguments in calls:
        _, dz = judge.pair(code.call(name, codes.astype(np.float32), *arguments), "value, dz")
        if not text and np.asarray(dz).dtype != np.float32:
            text = f"{name}: float32 codes give a {np.asarray(dz).dtype} dz, expected float32"
        text = text or judge.in_place(code, name, {"z": codes}, *arguments)
    return judge.only_wrong(conduct=text)


EXERCISE = Exercise(
    name="sparsity",
    number=14,
    title="Four ways to a sparse code",
    chapter="04_sparse",
    checks=(
        Check({"l1 value": 0.5}, l1_value),
        Check({"l1 dz": 0.5}, l1_gradient),
        Check({"KL value": 1}, kl_value),
        Check({"KL dz": 1}, kl_dz),
        Check({"KL minimum": 1}, kl_minimum),
        Check({"KSparse y": 1}, k_sparse.forward),
        Check({"KSparse dx": 1}, k_sparse.backward),
        Check({"KSparse ties": 1}, k_sparse.ties),
        Check({"group value": 1}, group_value),
        Check({"group dz": 1}, group_dz),
        Check({"group of zeros": 0.5}, group_of_zeros),
        Check({"conduct": 0.5}, conduct, needs=("KSparse y",)),
    ),
)
