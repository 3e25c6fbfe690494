"""Losses: ``loss(y, target) -> value, dy`` with dy = ∂value/∂y. The values equal those of PyTorch's
losses with the same names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyae._validate import check_array, check_function, check_layer, check_weight
from tinyae.backend import Array, Scalar, namespace, scalar
from tinyae.layers.base import Layer

Loss = Callable[[Array, Array], tuple[Scalar, Array]]


def mse(y: Array, target: Array) -> tuple[Scalar, Array]:
    """Mean squared error over all M elements: ``value = Σ (y − t)² / M``, ``dy = 2 (y − t) / M``.
    Range [0, ∞).

    Raises:
        TypeError: y or target is not an array.
        ValueError: y and target differ in shape or are empty, or y is not floating point.

    Example:
        >>> value, dy = mse(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
        >>> value, dy
        (2.0, array([[0., 2.]]))
    """
    target = _target("mse", y, target)
    dy = y - target
    flat = dy.ravel()
    value = flat.dot(flat) / dy.size
    dy *= 2 / dy.size
    return scalar(value), dy


def bce(y: Array, target: Array) -> tuple[Scalar, Array]:
    """Binary cross-entropy of probabilities y in [0, 1], mean over all M elements. Targets are in
    [0, 1] too.

        ``value = −Σ [t log y + (1−t) log(1−y)] / M``,   ``dy = (y − t) / (y (1−y)) / M``

    As in PyTorch, log is clamped at −100 and y (1−y) at 1e-12, so y = 0 or 1 does not give
    infinity. If the model ends in a Sigmoid, leaving out the Sigmoid and using ``bce_with_logits``
    is exact and faster.

    Raises:
        TypeError: y or target is not an array.
        ValueError: y and target differ in shape or are empty, or y is not floating point.
        ValueError: y or target has values outside [0, 1] (for logits, use ``bce_with_logits``).

    Example:
        >>> value, dy = bce(np.array([[0.5, 0.9]]), np.array([[0.0, 1.0]]))
        >>> round(value, 4), dy.round(4)
        (0.3993, array([[ 1.    , -0.5556]]))
    """
    target = _target("bce", y, target)
    _check_probabilities("bce: y", y, "end the model in Sigmoid, or use bce_with_logits for logits")
    _check_probabilities("bce: target", target, SCALE)
    with np.errstate(divide="ignore"):  # log 0 = −inf is clamped at −100
        log_y, log_1y = np.maximum(np.log(y), -100), np.maximum(np.log1p(-y), -100)
    value = -(target * log_y + (1 - target) * log_1y).mean()
    return scalar(value), (y - target) / (np.maximum(y * (1 - y), 1e-12) * y.size)


def bce_with_logits(logits: Array, target: Array) -> tuple[Scalar, Array]:
    """Binary cross-entropy of σ(logits), mean over all M elements. It never computes log 0.

        ``value = Σ [max(a, 0) − a t + log(1 + e^−|a|)] / M``,   ``da = (σ(a) − t) / M``

    Raises:
        TypeError: logits or target is not an array.
        ValueError: logits and target differ in shape or are empty, or the logits are not floating
            point.
        ValueError: the target has values outside [0, 1].

    Example:
        >>> logits, t = np.array([[0.0, 2.0]]), np.array([[0.0, 1.0]])
        >>> value, da = bce_with_logits(logits, t)
        >>> round(value, 4), round(bce(Sigmoid()(logits), t)[0], 4)
        (0.41, 0.41)
        >>> da.round(4)
        array([[ 0.25  , -0.0596]])
    """
    target = _target("bce_with_logits", logits, target)
    _check_probabilities("bce_with_logits: target", target, SCALE)
    e = np.exp(-np.abs(logits))  # in (0, 1]: never overflows
    value = (np.maximum(logits, 0) - logits * target + np.log1p(e)).mean()
    sigmoid = np.where(logits >= 0, 1, e) / (1 + e)
    return scalar(value), (sigmoid - target) / logits.size


def cross_entropy(logits: Array, target: Array) -> tuple[Scalar, Array]:
    """Cross-entropy of softmax(logits), mean over the N examples. Logits (N, C); target: labels
    (N,) or one-hot (N, C).

        ``value = −Σ_n log softmax(a_n)[t_n] / N``,   ``da = (softmax(a) − onehot(t)) / N``

    Raises:
        TypeError: logits or target is not an array.
        ValueError: logits are not (N, C) with N, C > 0, the target has a different shape, a label
            is outside 0 … C−1, or a one-hot target is outside [0, 1].

    Example:
        >>> logits = np.zeros((4, 10))  # all classes equally probable
        >>> value, da = cross_entropy(logits, np.array([7, 2, 1, 0]))
        >>> round(value, 4), round(float(np.log(10)), 4), da.shape
        (2.3026, 2.3026, (4, 10))
    """
    check_array("cross_entropy", "logits", logits)
    check_array("cross_entropy", "target", target, kinds="fcOiub")
    if logits.ndim != 2 or not logits.size:
        raise ValueError(f"cross_entropy: logits have shape {logits.shape}, expected (N, classes)")
    n, classes = logits.shape
    if target.shape == (n,) and target.dtype.kind in "iu":
        if not (target.min() >= 0 and target.max() < classes):
            raise ValueError(
                f"cross_entropy: labels run from {target.min()} to {target.max()}, "
                f"expected 0 to {classes - 1}"
            )
        onehot = (target[:, None] == namespace(logits).arange(classes)).astype(logits.dtype)
    elif target.shape == logits.shape:
        onehot = _target("cross_entropy", logits, target)
        _check_probabilities("cross_entropy: target", onehot, "expected one-hot")
    else:
        raise ValueError(
            f"cross_entropy: target has shape {target.shape} and dtype {target.dtype}, "
            f"expected integer labels ({n},) or one-hot ({n}, {classes})"
        )
    # Adding a constant to the logits does not change softmax. Now the largest power is e⁰.
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    value = -(onehot * log_softmax).sum() / n
    return scalar(value), (np.exp(log_softmax) * onehot.sum(axis=1, keepdims=True) - onehot) / n


SCALE = "scale the data, or use mse"


def _check_probabilities(what: str, a: Array, hint: str) -> None:
    # Checked on the CPU only: on a GPU, the training step would have to wait for the result. NaN is
    # a different mistake and passes.
    if isinstance(a, np.ndarray) and a.dtype.kind == "f" and (a.min() < 0 or a.max() > 1):
        raise ValueError(
            f"{what} must be probabilities in [0, 1], got values from {float(a.min()):.4g} to "
            f"{float(a.max()):.4g}: {hint}"
        )


def _target(name: str, y: Array, target: Array) -> Array:
    """The target, after a check of both. Integers are cast to the dtype of y, because
    float32 − int64 is float64."""
    check_array(name, "y", y)
    check_array(name, "target", target, kinds="fcOiub")
    if y.shape != target.shape:
        raise ValueError(
            f"{name}: y has shape {y.shape} and target {target.shape}: they must be equal"
        )
    if not y.size:
        raise ValueError(f"{name}: y is empty (shape {y.shape}): it has no mean")
    return target.astype(y.dtype) if target.dtype.kind in "iub" else target


@dataclass(frozen=True)
class Perceptual:
    """``value = pixels(y, t) + weight · mse(φ(y), φ(t))``,
    ``dy = dpixels + weight · J_φ(y)ᵀ · 2 (φ(y) − φ(t)) / M``, where M is the size of φ(y).

    Used like any loss: ``Objective(reconstruction=Perceptual(classifier[:4]))``. The weights of φ
    get no gradient and are not trained: ``vjp`` is backward without the parameters. The second term
    is the feature loss of Johnson et al. 2016, section 3.2. Range [0, ∞).

    Args:
        features: φ, any layer or model that takes images. A slice such as ``classifier[:4]`` is the
            first layers of a model.
        weight: the non-negative weight of the distance between features. Features and pixels differ
            in scale: try several weights.
        pixels: a loss of the images themselves, which is added. None uses the features alone, and
            these do not determine every pixel.

    Raises:
        TypeError: ``features`` is not a layer (for example a class instead of an object),
            ``weight`` is not a number, or ``pixels`` is not a function.
        ValueError: ``weight`` is negative or not finite.
        ValueError: in a call, y and target differ in shape, or φ does not accept the images.

    Example:
        >>> from tinyae.losses import Perceptual
        >>> features = Sequential(Flatten(), Linear(784, 16, rng=0), ReLU())
        >>> loss = Perceptual(features, weight=0.1)
        >>> x = np.zeros((3, 1, 28, 28), np.float32)
        >>> value, dy = loss(x + 1, x)
        >>> value > mse(x + 1, x)[0], dy.shape
        (True, (3, 1, 28, 28))
    """

    features: Layer
    weight: float = 1.0
    pixels: Loss | None = mse

    def __post_init__(self) -> None:
        check_layer("Perceptual", "features", self.features)
        check_weight("Perceptual", "weight", self.weight)
        if self.pixels is not None:
            check_function("Perceptual", "pixels", self.pixels, "mse")

    def __call__(self, y: Array, target: Array) -> tuple[Scalar, Array]:
        target = _target("Perceptual", y, target)
        features, caches = self.features.forward(y)
        value, dfeatures = mse(features, self.features(target))
        value, dy = self.weight * value, self.weight * self.features.vjp(dfeatures, caches)
        if self.pixels is not None:
            pixel_value, dpixels = self.pixels(y, target)
            value, dy = value + pixel_value, dy + dpixels
        return value, dy
