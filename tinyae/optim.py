"""Optimizers: from gradients to new parameters.

``step(grads)`` changes the arrays in ``params`` in place. The update of one parameter, ``_update``,
works in blocks and with ``out=`` instead of temporary arrays, so it makes no copies as large as the
weights. ``adam_textbook`` is Adam in the notation of the paper; a test checks that they agree.
Schedules of the learning rate are in ``schedules``, clipping is in ``gradients``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinyae import compiled
from tinyae._validate import check_array_dict, check_flag, check_int, check_number, short
from tinyae.backend import Array, block_size, device_of, to_device, to_numpy
from tinyae.gradients import GradientSum, check_gradients, clip_by_norm, gradient_norm, weighted_sum
from tinyae.layers.base import Gradients
from tinyae.schedules import Schedule, cosine_schedule, step_decay

__all__ = [
    "SGD",
    "Adam",
    "Optimizer",
    "Schedule",
    "adam_textbook",
    "clip_by_norm",
    "cosine_schedule",
    "gradient_norm",
    "step_decay",
]

# Entries per block: half a MiB per array in float32. Smaller blocks were slower when measured,
# because the threads wait for each other's calls.
BLOCK = 1 << 17


class Optimizer:
    """What SGD and Adam share: the step count, the learning rate, weight decay, clipping, and
    checks of the gradients.

    Args:
        params: ``model.params``, the arrays to update in place.
        lr: the learning rate, above 0, or a function of the step such as
            ``cosine_schedule(1e-3, steps=4690)``.
        weight_decay: each step also subtracts ``lr · weight_decay · w`` from every parameter
            (decoupled from the gradient, Loshchilov & Hutter 2019). Range [0, ∞).
        clip_norm: scale all gradients together so that their norm is at most this value.

    Raises:
        TypeError: ``params`` is not a dictionary of arrays, or a setting is not a number.
        ValueError: there are no parameters, or the rate, decay or norm is out of range.
        ValueError: in ``step``, the gradients do not belong to ``params``.

    Example:
        >>> w = {"w": np.array([3.0, 4.0])}
        >>> optimizer = SGD(w, lr=0.5, clip_norm=1.0)
        >>> optimizer.step({"w": np.array([30.0, 40.0])})  # a gradient of norm 50, scaled to norm 1
        >>> w["w"]
        array([2.7, 3.6])
    """

    slots: tuple[str, ...] = ()  # names of the arrays that are kept for each parameter
    non_negative: tuple[str, ...] = ()  # slots that are never below 0

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        name = type(self).__name__
        check_array_dict(name, "params", params, hint=f": write {name}(model.params, ...)")
        if not params:
            raise ValueError(f"{name}: params is empty: there are no parameters to train")
        if isinstance(lr, type) or not callable(lr):
            expected = "a number above 0 or a schedule"
            check_number(name, "lr", lr, lambda v: 0 < v < math.inf, expected)
        check_number(name, "weight_decay", weight_decay, lambda v: 0 <= v < math.inf, "at least 0")
        if clip_norm is not None:
            check_number(name, "clip_norm", clip_norm, lambda v: v > 0, "a number above 0")
        self.params, self.lr = params, lr
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self._largest_first = sorted(params, key=lambda key: -params[key].size)  # for threads
        self.steps = 0  # steps taken so far
        self.state = {s: {key: np.zeros_like(w) for key, w in params.items()} for s in self.slots}

    @property
    def current_lr(self) -> float:
        """The learning rate of the next step."""
        return self.lr(self.steps) if callable(self.lr) else self.lr

    def step(self, grads: Gradients, map: Callable = map) -> None:
        """Update every parameter. ``map`` is the builtin, or a map that divides the parameters
        among threads.

        ``np.seterr(all="raise")`` does not hold inside: it would stop the step in the middle.

        Raises:
            TypeError: the gradients are not a dictionary of arrays, or the learning rate of the
                schedule is not a number. Nothing is changed then.
            ValueError: the gradients do not belong to ``params``, a parameter is read-only, or the
                schedule's learning rate is out of range. Nothing is changed then.
        """
        parts: Sequence[Gradients] = [grads]
        weights: Sequence[float] = [1.0]
        if isinstance(grads, GradientSum):
            parts, weights = grads.parts, grads.weights
        for part in parts:
            check_gradients(self.params, part)
        if self.clip_norm is not None:
            parts, weights = [clip_by_norm(dict(grads), self.clip_norm)[0]], [1.0]
        rate, what = self.current_lr, f"the learning rate at step {self.steps}"
        valid, expected = lambda v: 0 <= v < math.inf, "a finite number of at least 0"
        check_number(f"{type(self).__name__}.step", what, rate, valid, expected)
        self.steps += 1
        decay = 1 - rate * self.weight_decay

        def update(key: str) -> None:
            slots = [self.state[slot][key] for slot in self.slots]
            flat = _flat(self.params[key], *slots, *(part[key] for part in parts))
            if self._compiled_update(flat, weights, decay, rate):
                return
            for w, *rest in _blocks(flat):
                if decay != 1:
                    w *= decay
                g = weighted_sum(rest[len(slots) :], weights)
                self._update(w, g, *rest[: len(slots)], rate)

        # An exception in the middle would leave half of the parameters moved.
        raises = {"raise", "call"} & set(np.geterr().values())
        with np.errstate(all="ignore") if raises else nullcontext():
            list(map(update, self._largest_first))

    def _update(self, w: Array, g: Array, *slots_and_rate: Any) -> None:
        raise NotImplementedError

    def _compiled_update(
        self, flat: list[Array], weights: Sequence[float], decay: float, rate: float
    ) -> bool:
        """The same by a compiled loop; False where there is none. ``flat``: the parameter, its
        slots, and the parts of its gradient."""
        return False

    def state_dict(self) -> dict[str, Array]:
        """Everything a checkpoint needs, as arrays:
        ``{"steps": 0-d, "m.encoder.0.weight": ..., ...}``."""
        slots = {
            f"{slot}.{key}": a for slot, arrays in self.state.items() for key, a in arrays.items()
        }
        return {"steps": np.array(self.steps), **slots}

    def check_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raise what ``load_state_dict`` would raise, and change nothing."""
        name, mine = type(self).__name__, self.state_dict()
        check_array_dict(name, "the saved state", state, kinds="fcOiub")
        for key in sorted(mine.keys() | state.keys()):
            if key not in mine or key not in state or mine[key].shape != state[key].shape:
                raise ValueError(
                    f"{name}: the saved state does not fit at {key!r}: "
                    "does it belong to another optimizer or model?"
                )
        check_int(name, "the saved number of steps", to_numpy(state["steps"])[()], least=0)
        for slot, arrays in self.state.items():
            for key, a in arrays.items():
                with np.errstate(all="ignore"):
                    saved = to_numpy(state[f"{slot}.{key}"]).astype(a.dtype)
                if not np.isfinite(saved).all() or (slot in self.non_negative and saved.min() < 0):
                    raise ValueError(
                        f"{name}: {slot}.{key} of the saved state has values that are NaN, "
                        "infinite or negative, which cannot be: is the file damaged?"
                    )

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Restore what ``state_dict`` returned, in place.

        Raises:
            TypeError: the state is not a dictionary of arrays. Nothing is changed then.
            ValueError: the state belongs to another optimizer or model, or has values that cannot
                be. Nothing is changed then.
        """
        self.check_state_dict(state)
        self.steps = int(state["steps"])
        for slot, arrays in self.state.items():
            for key, a in arrays.items():
                a[...] = to_device(state[f"{slot}.{key}"], device_of(a))


class SGD(Optimizer):
    """Stochastic gradient descent, as in PyTorch: ``u ← μ u + g``, ``w ← w − lr · u``. With
    Nesterov momentum: ``w ← w − lr · (g + μ u)``.

    The momentum μ is in [0, 1). Sutskever et al. 2013.

    Raises:
        TypeError: an argument has another type.
        ValueError: the momentum is outside [0, 1), or ``nesterov`` is used without momentum.

    Example:
        >>> w = {"w": np.array([1.0])}
        >>> optimizer = SGD(w, lr=0.1, momentum=0.9)
        >>> for _ in range(100):
        ...     optimizer.step({"w": 2 * w["w"]})  # the gradient of w²
        >>> bool(abs(w["w"]) < 0.01)
        True
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        check_number("SGD", "momentum", momentum, lambda v: 0 <= v < 1, "a number in [0, 1)")
        check_flag("SGD", "nesterov", nesterov)
        if nesterov and not momentum:
            raise ValueError("SGD: nesterov=True needs a momentum above 0")
        self.momentum, self.nesterov = momentum, nesterov
        self.slots = ("u",) if momentum else ()
        super().__init__(params, lr, **options)

    def _update(self, w: Array, g: Array, *slots_and_rate: Any) -> None:
        *slots, rate = slots_and_rate
        if slots:
            (u,) = slots
            u *= self.momentum
            u += g
            g = g + self.momentum * u if self.nesterov else u
        w -= rate * g


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with decoupled weight decay AdamW.

    ``m ← β₁ m + (1−β₁) g``,   ``v ← β₂ v + (1−β₂) g²``,   ``w ← w − lr · m̂ / (√v̂ + ε)``,
    ``m̂ = m / (1−β₁ᵗ)``,   ``v̂ = v / (1−β₂ᵗ)``   for t = 1, 2, ...: m and v start at 0, and these
    divisions correct the bias toward 0.

    Raises:
        TypeError: an argument has another type.
        ValueError: a β is outside [0, 1), or ε is negative, or 0 in the dtype of the parameters.

    Example:
        >>> w = {"w": np.array([1.0, -100.0])}
        >>> Adam(w, lr=0.1).step({"w": np.array([0.01, -1000.0])})
        >>> w["w"].round(3)  # the first step has the size lr, however large the gradient is
        array([  0.9, -99.9])
    """

    slots = ("m", "v")
    non_negative = ("v",)

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **options: Any,
    ) -> None:
        expected = "two numbers in [0, 1)"
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            error = ValueError if isinstance(betas, tuple | list) else TypeError
            raise error(f"Adam: betas are {short(betas)}, expected {expected}")
        for beta in betas:
            check_number(f"Adam: betas are {betas}", "one", beta, lambda v: 0 <= v < 1, expected)
        check_number("Adam", "eps", eps, lambda v: 0 <= v < math.inf, "a non-negative number")
        self.betas, self.eps = betas, eps
        super().__init__(params, lr, **options)
        smallest = eps * math.sqrt(1 - betas[1])  # ε as it is used at the first step
        for key, w in params.items():
            if eps and w.dtype.kind == "f" and not w.dtype.type(smallest):
                raise ValueError(
                    f"Adam: {key} is {w.dtype}, in which eps = {eps} is 0, and a gradient of 0 "
                    "would give 0 / 0 = NaN: train in float32, model.astype(np.float32), or "
                    "choose a larger eps, such as 1e-4"
                )

    def _update(self, w: Array, g: Array, m: Array, v: Array, rate: float) -> None:
        (beta1, beta2), t = self.betas, self.steps
        root = math.sqrt(1 - beta2**t)
        # lr m̂ / (√v̂ + ε)  =  (lr root / (1−β₁ᵗ)) · m / (√v + ε root): the corrections are scalars
        a = np.subtract(g, m)
        a *= 1 - beta1
        m += a  # m + (1−β₁)(g − m)
        np.multiply(g, g, out=a)
        a -= v
        a *= 1 - beta2
        v += a
        np.sqrt(v, out=a)
        a += self.eps * root
        np.divide(m, a, out=a)
        a *= rate * root / (1 - beta1**t)
        w -= a

    def _compiled_update(
        self, flat: list[Array], weights: Sequence[float], decay: float, rate: float
    ) -> bool:
        loop = compiled.loop("adam", *flat)
        if loop is None or any(weight != weights[0] for weight in weights):
            return False
        (beta1, beta2), t = self.betas, self.steps
        root = math.sqrt(1 - beta2**t)
        step = rate * root / (1 - beta1**t)
        constants = weights[0], decay, 1 - beta1, 1 - beta2, self.eps * root, step
        w, m, v, *parts = flat
        loop(w, m, v, tuple(parts), *map(w.dtype.type, constants))
        return True


def adam_textbook(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Array, Array, Array]:
    """One step of Adam in the notation of the paper: ``w, m, v`` after step t = 1, 2, ... The
    reference for ``Adam``.

    Example:
        >>> from tinyae.optim import adam_textbook
        >>> w, g, zero = np.ones(1), np.array([4.0]), np.zeros(1)
        >>> w, m, v = adam_textbook(w, g, m=zero, v=zero, t=1, lr=0.1)
        >>> w.round(6), m.round(6), v.round(6)
        (array([0.9]), array([0.4]), array([0.016]))
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def _flat(w: Array, *others: Array) -> list[Array]:
    """A parameter, its slots and its gradients as 1-D arrays with the same order of entries. Those
    of the parameter and the slots are views, so changing them changes the arrays. (A parameter that
    is not contiguous in memory, and what belongs to it, stays as it is.)"""
    # the axes in memory order: the filters of a convolution are stored channels-last
    memory_order = sorted(range(w.ndim), key=lambda axis: -w.strides[axis])
    if not w.transpose(memory_order).flags.c_contiguous:
        return [w, *others]
    return [a.transpose(memory_order).reshape(-1) for a in (w, *others)]


def _blocks(flat: list[Array]) -> Iterator[list[Array]]:
    """The same, split into blocks."""
    w = flat[0]
    step = block_size(w, BLOCK) if w.ndim == 1 else max(1, len(w))
    for start in range(0, len(w), step):
        yield [a[start : start + step] for a in flat]
