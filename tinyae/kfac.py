"""K-FAC: natural-gradient steps for dense nets, from Kronecker factors (Martens & Grosse 2015).

Write W̄ = [W b] for a Linear layer and x̄ = [x 1] for its input, so that a = W̄ x̄, and g = ∂L/∂a for
one example. The gradient of this example is g x̄ᵀ, and the layer's block of the Fisher matrix is

    F = E[vec(g x̄ᵀ) vec(g x̄ᵀ)ᵀ] = E[g gᵀ ⊗ x̄ x̄ᵀ] ≈ E[g gᵀ] ⊗ E[x̄ x̄ᵀ] = G ⊗ A

The approximation takes g and x̄ as independent. The inverse of G ⊗ A is G⁻¹ ⊗ A⁻¹, so the natural
gradient of a layer needs two small matrices instead of one with (out·in)² entries:

    Δ = −G⁻¹ (∂h/∂W̄) A⁻¹

There is no learning rate. The step is δ = αΔ + μδ₀, with δ₀ the previous step, and α and μ minimize
a quadratic model of the objective h, which uses the exact Gauss-Newton matrix (section 6.4, 7):

    M(δ) = ½ δᵀ(F + (λ+η)I)δ + ∇hᵀδ,      δᵀFδ = E[(Jδ)ᵀ H (Jδ)]

J is the derivative of the net's output with respect to the weights (``parameter_jvp``), H the
second derivative of the loss with respect to the output. The damping λ grows where the model
promises more than the step keeps, and falls where it is good (Levenberg-Marquardt, section 6.5).

    kfac = KFAC(model, bce)
    fit(model, x, kfac.objective, kfac, epochs=13, batch_size=500, average=0.98)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyae._validate import check_function, check_int, check_number, check_weight
from tinyae.backend import Array
from tinyae.data.batches import Data, examples_of
from tinyae.gradients import check_gradients
from tinyae.layers import Linear, Sigmoid
from tinyae.layers.base import Gradients, Layer
from tinyae.layers.containers import Chain
from tinyae.layers.dense import dense_chain
from tinyae.losses import Loss, bce
from tinyae.objectives.base import (
    BaseObjective,
    GradientFunction,
    ObjectiveFunction,
    ObjectiveResult,
    Terms,
)
from tinyae.objectives.likelihood import LIKELIHOODS
from tinyae.optim import Optimizer


class KFAC(Optimizer):
    """The optimizer K-FAC for a dense autoencoder; ``self.objective`` is the objective that belongs
    to it, ``loss(model(x), x)``. Both go to ``fit``.

    It minimizes h = D · loss + η/2 ‖w‖², where D is the number of outputs (pixels), so D · loss is
    the sum over an image, in nats for cross-entropy. The damping is in these units too.

    Args:
        model: a ``Sequential`` or ``Autoencoder`` of Linear layers and activations.
        loss: ``bce`` for a model that ends in Sigmoid, ``bce_with_logits`` or ``mse``.
        damping, damping_floor: the first value of λ, and its smallest, above 0.
        l2: η, non-negative.
        fraction: the fraction of each batch from which A, G and M(δ) are computed, in (0, 1].
        memory: the running means of A and G keep min(memory, 1 − 1/k) at step k, in [0, 1).
        invert_every, adapt_every: steps between two inversions of A and G (the first 5 steps all
            invert), and between two changes of λ.

    Raises:
        TypeError: the model is not such a net; the message names the layer.
        ValueError: the loss is none of the three, or the model does not end as it needs.
        ValueError: a number is out of range.

    Example:
        >>> from tinyae.kfac import KFAC
        >>> model = models.deep_autoencoder((784, 32, 8), rng=0)
        >>> x = data.strokes(200, 50).train.flat
        >>> kfac = KFAC(model, bce)
        >>> history = fit(model, x, kfac.objective, kfac, epochs=5, batch_size=100, progress=False)
        >>> history["loss"][-1] < history["loss"][0] / 2
        True
    """

    slots = ("last",)  # δ₀, the previous step

    def __init__(
        self,
        model: Layer,
        loss: Loss = bce,
        damping: float = 3.0,
        damping_floor: float = 1e-3,
        l2: float = 1e-5,
        fraction: float = 0.25,
        memory: float = 0.95,
        invert_every: int = 20,
        adapt_every: int = 5,
    ) -> None:
        self.net = _net_up_to_the_output(model, loss)
        super().__init__(model.params, 1.0)
        check_weight("KFAC", "l2", l2)
        check_number("KFAC", "damping_floor", damping_floor, lambda v: 0 < v < math.inf, "above 0")
        valid, expected = lambda v: damping_floor <= v < math.inf, "at least damping_floor"
        check_number("KFAC", "damping", damping, valid, expected)
        check_number("KFAC", "fraction", fraction, lambda v: 0 < v <= 1, "above 0 and at most 1")
        check_number("KFAC", "memory", memory, lambda v: 0 <= v < 1, "at least 0 and below 1")
        check_int("KFAC", "invert_every", invert_every, expected="at least 1")
        check_int("KFAC", "adapt_every", adapt_every, expected="at least 1")
        self.likelihood, self.fraction, self.memory = LIKELIHOODS[loss], fraction, memory
        self.l2, self.damping_floor = l2, damping_floor
        self.invert_every, self.adapt_every = invert_every, adapt_every
        self.linears = {k: a for k, a in self.net.named_layers.items() if isinstance(a, Linear)}
        self.outputs = list(self.linears.values())[-1].out_features  # D
        # A and G of each layer, running means, and the inverses of the damped A and G
        for name, layer in self.linears.items():
            w, bias = layer.params["weight"], "bias" in layer.params
            for factor, size in (("A", layer.in_features + bias), ("G", layer.out_features)):
                for key in (factor, f"{factor}_inverse"):
                    self.state.setdefault(key, {})[name] = np.zeros_like(w, shape=(size, size))
        self.state["scalars"] = {"damping": np.array(float(damping)), "alpha": np.array(1.0)}
        self.objective = KFACObjective(self)
        self.batch_mean: Callable[[ObjectiveFunction], ObjectiveResult] | None = None

    @property
    def damping(self) -> float:
        """λ."""
        return float(self.state["scalars"]["damping"])

    @property
    def current_lr(self) -> float:
        """α of the last step, for the log."""
        return float(self.state["scalars"]["alpha"])

    def loss(self, model: Layer, batch: Data, rng: np.random.Generator) -> ObjectiveResult:
        x, target = _pair(batch)
        return self.likelihood.loss(self.net(x), target)[0], {}, {}

    def factors(self, model: Layer, batch: Data, rng: np.random.Generator) -> ObjectiveResult:
        """``A`` and ``G`` of each layer. The targets are drawn from the model itself: with those of
        the data, G would not be the Fisher matrix (Martens & Grosse 2015, section 2.2)."""
        a, caches = self.net.forward(self._part(batch))
        _, da = self.likelihood.loss(a, self.likelihood.sample(a, rng))
        given, _ = self.net.cotangents(da * da.size, caches)  # g of each example, not of the mean
        means = {}
        for name, layer, cache in self.net.with_caches(caches):
            if isinstance(layer, Linear):
                root = math.sqrt(len(a))  # of N: the means over the examples
                inputs, g = (
                    _with_ones(layer, cache) / root,
                    given[name] / root,
                )  # (N, in+1), (N, out)
                means[f"A.{name}"], means[f"G.{name}"] = inputs.T @ inputs, g.T @ g
        return 0.0, means, {}

    def curvature(self, steps: list[Gradients]) -> ObjectiveFunction:
        """The matrix of δᵢᵀ F δⱼ for some steps δ, F the exact Gauss-Newton matrix."""

        def mean(model: Layer, batch: Data, rng: np.random.Generator) -> ObjectiveResult:
            a, caches = self.net.forward(self._part(batch))
            h = self.likelihood.curvature(a)
            changes = [self.net.parameter_jvp(step, caches) for step in steps]  # Jδ: (N, D)
            matrix = [[float((u * h * v).sum()) / len(a) for v in changes] for u in changes]
            return 0.0, {"matrix": np.array(matrix)}, {}

        return mean

    def _part(self, batch: Data) -> Array:
        x = examples_of(batch)
        return x[: math.ceil(self.fraction * len(x))]

    def observe(self, batch_mean: Callable[[ObjectiveFunction], ObjectiveResult]) -> None:
        """Take the factors of the next step's batch into the running means. ``batch_mean``
        evaluates a function of a shard on this batch and returns the mean over its shards."""
        self.batch_mean = batch_mean
        keep = min(self.memory, 1 - 1 / (self.steps + 1))
        for key, now in batch_mean(self.factors)[1].items():
            factor, _, name = key.partition(".")
            mean = self.state[factor][name]
            mean *= keep
            now *= 1 - keep
            mean += now

    def step(self, grads: Gradients, map: Callable = map) -> None:
        """Move the weights by δ = αΔ + μδ₀.

        Raises:
            TypeError: the gradients are not a dictionary of arrays.
            ValueError: the gradients do not belong to ``params``.
            RuntimeError: ``observe`` was not called; ``fit`` does it through ``self.objective``.
        """
        if self.batch_mean is None:
            raise RuntimeError("KFAC: train with fit(model, x, kfac.objective, kfac, ...)")
        check_gradients(self.params, grads)
        self.steps += 1
        gradient = {key: self.outputs * g + self.l2 * self.params[key] for key, g in grads.items()}
        if self.steps <= 5 or self.steps % self.invert_every == 0:
            list(map(self._invert, self.linears))
        steps = [self.natural_gradient(gradient, map)]
        if self.steps > 1:
            steps.append(self.state["last"])
        # M(δ) = ½ cᵀ m c + bᵀ c for δ = Σ cᵢ δᵢ. Its minimum is at m c = −b, and M = ½ bᵀ c there.
        m = np.asarray(self.batch_mean(self.curvature(steps))[1]["matrix"])
        m = m + (self.damping + self.l2) * np.array([[_dot(u, v) for v in steps] for u in steps])
        b = np.array([_dot(gradient, step) for step in steps])
        c = np.linalg.lstsq(m, -b, rcond=None)[0]
        adapt = self.steps % self.adapt_every == 0
        before = self._value() if adapt else 0.0
        for key, w in self.params.items():
            last = self.state["last"][key]
            last *= w.dtype.type(c[1] if len(c) > 1 else 0)
            last += w.dtype.type(c[0]) * steps[0][key]
            w += last
        self.state["scalars"]["alpha"][...] = c[0]
        if adapt:
            self._adapt((self._value() - before) / (b @ c / 2))
        self.batch_mean = None

    def natural_gradient(self, gradient: Gradients, map: Callable = map) -> Gradients:
        """``Δ = −G⁻¹ (∂h/∂W̄) A⁻¹`` of each layer, with the keys of ``params``."""

        def one(name: str) -> Gradients:
            w, bias = gradient[f"{name}.weight"], gradient.get(f"{name}.bias")
            full = w if bias is None else np.concatenate([w, bias[:, None]], axis=1)
            delta = -(self.state["G_inverse"][name] @ full @ self.state["A_inverse"][name])
            parts = {f"{name}.weight": delta[:, : w.shape[1]]}
            return parts if bias is None else {**parts, f"{name}.bias": delta[:, -1]}

        return {key: d for part in map(one, self.linears) for key, d in part.items()}

    def _invert(self, name: str) -> None:
        """Invert G ⊗ A + (λ+η) I, about: (A + πγ I) and (G + γ/π I), with γ² = λ + η. π gives each
        factor a damping of its own scale (section 6.3)."""
        a, g = self.state["A"][name], self.state["G"][name]
        scale_a, scale_g = (max(float(np.trace(m)) / len(m), 1e-30) for m in (a, g))
        gamma, pi = math.sqrt(self.damping + self.l2), math.sqrt(scale_a / scale_g)
        for factor, matrix, damping in (("A", a, pi * gamma), ("G", g, gamma / pi)):
            damped = matrix.copy()
            damped.reshape(-1)[:: len(matrix) + 1] += damping  # the diagonal
            inverse = np.linalg.inv(damped)
            self.state[f"{factor}_inverse"][name][...] = (inverse + inverse.T) / 2

    def _value(self) -> float:
        """h on this batch."""
        assert self.batch_mean is not None
        decay = self.l2 / 2 * _dot(self.params, self.params)
        return self.outputs * float(self.batch_mean(self.loss)[0]) + decay

    def _adapt(self, ratio: float) -> None:
        """``ratio``: by how much h fell, divided by what M(δ) had promised."""
        damping, factor = self.damping, 0.95**self.adapt_every
        if ratio > 0.75:
            damping *= factor
        elif not ratio >= 0.25:  # not <: NaN is a failure too
            damping /= factor
        self.state["scalars"]["damping"][...] = max(damping, self.damping_floor)


class KFACObjective(BaseObjective):
    """``loss(model(x), x)``, and the batch's factors for the optimizer before each step. Data that
    are a pair (x, target) have a target of their own.

    Example:
        >>> from tinyae.kfac import KFAC
        >>> model = models.deep_autoencoder((784, 32, 8), rng=0)
        >>> x = data.strokes(50, 10).train.flat
        >>> loss, grads, terms = KFAC(model, bce).objective(model, x, np.random.default_rng(0))
        >>> bool(np.isclose(loss, bce(model(x), x)[0]))
        True
    """

    def __init__(self, kfac: KFAC) -> None:
        self.kfac = kfac

    def check(self, model: Layer, data: Data) -> None:
        if any(model.params.get(key) is not w for key, w in self.kfac.params.items()):
            raise ValueError("KFAC: it was made for another model than the one to train")

    def before_step(self, model: Layer, batch: Data, gradients: GradientFunction) -> Terms:
        self.kfac.observe(lambda function: gradients(model, function))
        return {}

    def __call__(self, model: Any, batch: Data, rng: np.random.Generator) -> ObjectiveResult:
        x, target = _pair(batch)
        a, caches = self.kfac.net.forward(x)
        value, da = self.kfac.likelihood.loss(a, target)
        return value, self.kfac.net.parameter_gradients(da, caches), {}


def _pair(batch: Data) -> tuple[Array, Array]:
    """x and its target: x itself for an autoencoder."""
    return (batch[0], batch[1]) if isinstance(batch, tuple) else (batch, batch)


def _net_up_to_the_output(model: Layer, loss: Loss) -> Chain:
    """The model as one chain, without the Sigmoid that belongs to ``bce``."""
    check_function("KFAC", "loss", loss, "bce")
    if loss not in LIKELIHOODS:
        raise ValueError(f"KFAC: loss is {loss!r}, expected bce, bce_with_logits or mse")
    net = dense_chain("KFAC", model)
    if loss is not bce:
        return net
    *names, last = net.named_layers
    if not isinstance(net.named_layers[last], Sigmoid):
        raise ValueError(
            f"KFAC: the model ends in {net.layers[-1]!r}, but bce needs a Sigmoid at the end; for "
            "logits, use bce_with_logits"
        )
    return Chain({name: net.named_layers[name] for name in names})  # bce(σ(a)) by its logits a


def _with_ones(layer: Linear, x: Array) -> Array:
    """x̄: the inputs with a 1 at the end, if the layer has a bias."""
    ones = np.ones_like(x, shape=(len(x), 1))
    return np.concatenate([x, ones], axis=1) if "bias" in layer.params else x


def _dot(u: Mapping[str, Array], v: Mapping[str, Array]) -> float:
    return sum(float(np.vdot(u[key], v[key])) for key in u)
