"""Optimizers: from gradients to new parameters.

``step(grads)`` changes the arrays in ``params`` in place. The update of one parameter, ``_update``,
works in blocks and with ``out=`` instead of temporary arrays, so it makes no copies as large as the
weights. ``adam_textbook`` is Adam in the notation of the paper; a test checks that they agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tinyae.backend import Array, block_size, device_of, to_device
from tinyae.layers.base import Gradients

Schedule = Callable[[int], float]  # learning rate as a function of the step, 0, 1, 2, ...
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
        ValueError: there are no parameters, or the rate, decay or norm is out of range.
        ValueError: in ``step``, the gradients do not belong to ``params``.
    """

    slots: tuple[str, ...] = ()  # names of the arrays that are kept for each parameter

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        name = type(self).__name__
        if not params:
            raise ValueError(f"{name}: there are no parameters to train")
        if not callable(lr) and not lr > 0:
            raise ValueError(f"{name}: lr is {lr}, expected a number above 0 or a schedule")
        if not weight_decay >= 0:
            raise ValueError(f"{name}: weight_decay is {weight_decay}, expected at least 0")
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"{name}: clip_norm is {clip_norm}, expected a number above 0")
        self.params, self.lr = params, lr
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self.steps = 0  # steps taken so far
        self.state = {s: {key: np.zeros_like(w) for key, w in params.items()} for s in self.slots}

    @property
    def current_lr(self) -> float:
        """The learning rate of the next step."""
        return self.lr(self.steps) if callable(self.lr) else self.lr

    def step(self, grads: Gradients, map: Callable = map) -> None:
        """Update every parameter. ``map`` is the builtin, or a map that divides the parameters
        among threads.

        Raises:
            ValueError: the gradients do not belong to ``params``. Nothing is changed then.
        """
        _check_gradients(self.params, grads)
        if self.clip_norm is not None:
            grads, _ = clip_by_norm(grads, self.clip_norm)
        rate = self.current_lr
        self.steps += 1

        def update(key: str) -> None:
            slots = [self.state[slot][key] for slot in self.slots]
            for w, g, *rest in _blocks(self.params[key], grads[key], *slots):
                if self.weight_decay:
                    w *= 1 - rate * self.weight_decay
                self._update(w, g, *rest, rate)

        largest_first = sorted(self.params, key=lambda key: -self.params[key].size)
        list(map(update, largest_first))

    def _update(self, w: Array, g: Array, *slots_and_rate: Any) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Array]:
        """Everything a checkpoint needs, as arrays:
        ``{"steps": 0-d, "m.encoder.0.weight": ..., ...}``."""
        slots = {
            f"{slot}.{key}": a for slot, arrays in self.state.items() for key, a in arrays.items()
        }
        return {"steps": np.array(self.steps), **slots}

    def check_state_dict(self, state: Mapping[str, Array]) -> None:
        """Raise what ``load_state_dict`` would raise, and change nothing."""
        mine = self.state_dict()
        for key in mine.keys() | state.keys():
            if key not in mine or key not in state or mine[key].shape != state[key].shape:
                raise ValueError(
                    f"{type(self).__name__}: the saved state does not fit at {key!r}: "
                    "does it belong to another optimizer or model?"
                )

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Restore what ``state_dict`` returned, in place.

        Raises:
            ValueError: the state belongs to another optimizer or model. Nothing is changed then.
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
        ValueError: the momentum is outside [0, 1), or ``nesterov`` is used without momentum.
    """

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: momentum is {momentum}, expected a number in [0, 1)")
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
        ValueError: a β is outside [0, 1), or ε is negative.
    """

    slots = ("m", "v")

    def __init__(
        self,
        params: Mapping[str, Array],
        lr: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **options: Any,
    ) -> None:
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas are {betas}, expected two numbers in [0, 1)")
        if not eps >= 0:
            raise ValueError(f"Adam: eps is {eps}, expected a non-negative number")
        self.betas, self.eps = betas, eps
        super().__init__(params, lr, **options)

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
    reference for ``Adam``."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def gradient_norm(grads: Gradients) -> float:
    """``√ Σ g²`` over all entries of all gradients."""
    return math.sqrt(sum(float(np.vdot(g, g).real) for g in grads.values()))


def clip_by_norm(grads: Gradients, max_norm: float) -> tuple[Gradients, float]:
    """``grads, norm``: the gradients times min(1, max_norm / norm), which keeps their direction,
    and the norm before clipping."""
    norm = gradient_norm(grads)
    if not norm > max_norm:
        return grads, norm
    return {key: g * (max_norm / norm) for key, g in grads.items()}, norm


def cosine_schedule(lr: float, steps: int, warmup: int = 0, final: float = 0.0) -> Schedule:
    """Linear from 0 to ``lr`` over ``warmup`` steps, then half a cosine down to ``final`` at step
    ``steps``.

    Raises:
        ValueError: not 0 ≤ warmup < steps.
    """
    if not 0 <= warmup < steps:
        raise ValueError(
            f"cosine_schedule: warmup is {warmup}, expected at least 0 and below steps = {steps}"
        )

    def rate(step: int) -> float:
        if step < warmup:
            return lr * (step + 1) / warmup
        progress = min(1.0, (step - warmup) / (steps - warmup))
        return final + (lr - final) * (1 + math.cos(math.pi * progress)) / 2

    return rate


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """``lr · factor^⌊step / every⌋``: multiplied by ``factor`` after every ``every`` steps.

    Raises:
        ValueError: ``every`` is below 1.
    """
    if every < 1:
        raise ValueError(f"step_decay: every is {every}, expected at least 1 step")
    return lambda step: lr * factor ** (step // every)


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """A parameter, its gradient and its slots, all split into the same blocks. The blocks of the
    first array are views, so changing them changes the parameter."""
    w = arrays[0]
    # the axes in memory order: the filters of a convolution are stored channels-last
    memory_order = sorted(range(w.ndim), key=lambda axis: -w.strides[axis])
    step = block_size(w, BLOCK)
    if step >= w.size or not w.transpose(memory_order).flags.c_contiguous:
        yield arrays
        return
    flat = [a.transpose(memory_order).reshape(-1) for a in arrays]
    for start in range(0, w.size, step):
        yield tuple(a[start : start + step] for a in flat)


def _check_gradients(params: Mapping[str, Array], grads: Gradients) -> None:
    if params.keys() != grads.keys():
        missing, extra = sorted(params.keys() - grads.keys()), sorted(grads.keys() - params.keys())
        raise ValueError(
            f"step: the gradients do not fit the parameters: missing {missing}, unknown {extra}"
        )
    for key, w in params.items():
        if (shape := grads[key].shape) != w.shape:
            raise ValueError(
                f"step: the gradient of {key!r} has shape {shape}, the parameter {w.shape}"
            )
