"""Anomaly detection: a model trained only on normal data reconstructs anomalies badly."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae._validate import check_array, check_function, check_int, check_number
from tinyae.backend import Array, to_numpy

Model = Callable[[Array], Array]


def reconstruction_errors(model: Model, x: Array, batch_size: int = 500) -> np.ndarray:
    """``e_n = Σ_d (x̂_nd − x_nd)² / D``, one error per example: (N,), on the CPU.

    ``model`` is any function x -> x̂, for example an autoencoder. It is called with ``batch_size``
    examples at a time.

    Raises:
        TypeError: the model is not a function, or x is not an array.
        ValueError: x has no axis of examples or an integer dtype, or the output of the model does
            not have the size of its input.

    Example:
        >>> from tinyae.applications import reconstruction_errors
        >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> reconstruction_errors(lambda x: 0 * x, x)  # a model that can only draw black
        array([0., 1.])
    """
    check_function("reconstruction_errors", "model", model, "an autoencoder")
    check_array("reconstruction_errors", "x", x, kinds="fiub", axes=0)
    check_int("reconstruction_errors", "batch_size", batch_size)
    if x.dtype.kind != "f":
        raise ValueError(
            f"reconstruction_errors: x has dtype {x.dtype}, expected floating point: "
            "x / 255 for pixels"
        )
    if x.ndim < 2:
        raise ValueError(
            f"reconstruction_errors: x has shape {x.shape}, expected (N, ...): "
            "use x[None] for one example"
        )
    errors = []
    for start in range(0, len(x), batch_size):
        batch = x[start : start + batch_size]
        y = model(batch)
        if y.size != batch.size:
            raise ValueError(
                f"reconstruction_errors: the model returned shape {y.shape} for an input of shape "
                f"{batch.shape}, expected equally many values"
            )
        errors.append(
            to_numpy(((y.reshape(batch.shape) - batch).reshape(len(batch), -1) ** 2).mean(axis=1))
        )
    return np.concatenate(errors) if errors else np.zeros(0, x.dtype)


def quantile_threshold(normal_errors: Array, quantile: float = 0.95) -> float:
    """The error below which the fraction ``quantile`` of the normal examples lies.

    As a threshold it gives a false-positive rate of 1 − ``quantile``. The errors must come from
    normal examples that the model was *not* trained on: its errors on the training set are smaller.

    Warns:
        UserWarning: there are so few errors that less than one of them is expected above the
            threshold, which is then close to their maximum.

    Raises:
        ValueError: the quantile is outside (0, 1), there are no errors, or they are not finite.

    Example:
        >>> from tinyae.applications import quantile_threshold
        >>> quantile_threshold(np.arange(101.0), quantile=0.95)
        95.0
    """
    expected = "a number between 0 and 1, such as 0.95"
    check_number("quantile_threshold", "quantile", quantile, lambda v: 0 < v < 1, expected)
    errors = to_numpy(normal_errors)
    check_array("quantile_threshold", "normal_errors", errors, kinds="fiub", axes=0)
    if errors.ndim != 1:
        raise ValueError(
            f"quantile_threshold: the errors have shape {errors.shape}, "
            "expected (N,), one per example"
        )
    if not len(errors):
        raise ValueError(
            "quantile_threshold: there are no errors: "
            "expected those of normal examples that the model was not trained on"
        )
    if not np.isfinite(errors).all():
        bad = int((~np.isfinite(errors)).argmax())
        raise ValueError(
            f"quantile_threshold: the error of normal example {bad} is {errors[bad]}, "
            "expected finite numbers"
        )
    if len(errors) * (1 - quantile) < 1 - 1e-9:
        warnings.warn(
            f"the {quantile:g} quantile of only {len(errors)} errors is close to their maximum: "
            f"use at least {math.ceil(1 / (1 - quantile) - 1e-9)} normal examples, or a smaller "
            "quantile",
            stacklevel=2,
        )
    return float(np.quantile(errors, quantile))


def detect_anomalies(model: Model, x: Array, threshold: float) -> np.ndarray:
    """True for examples with a reconstruction error above ``threshold``: (N,), bool.

    Raises:
        ValueError: the threshold is negative or NaN, or the error of an example is NaN.

    Example:
        >>> from tinyae.applications import detect_anomalies
        >>> x = np.array([[0.0, 0.1], [1.0, 1.0]])
        >>> detect_anomalies(lambda x: 0 * x, x, threshold=0.5)
        array([False,  True])
    """
    expected = "a non-negative number: quantile_threshold(errors of normal examples)"
    check_number("detect_anomalies", "threshold", threshold, lambda v: v >= 0, expected)
    errors = reconstruction_errors(model, x)
    if np.isnan(errors).any():
        raise ValueError(
            f"detect_anomalies: the error of example {int(np.isnan(errors).argmax())} is NaN: "
            "does x, or a weight, contain NaN?"
        )
    return errors > threshold


def roc_auc(errors: Array, anomalous: Array) -> float:
    """The area under the ROC curve.

    It is the probability that a random anomaly has a larger error than a random normal example; a
    tie counts one half. With ranks r = 1 … N, where equal errors share their mean rank, and with A
    anomalies,

        ``AUC = (Σ_{anomalies} r − A (A + 1) / 2) / (A (N − A))``.

    (The rank of an anomaly counts all examples up to it; the subtraction removes the anomalies.)

    Raises:
        ValueError: the labels have another length or values other than 0 and 1, an error is NaN, or
            one of the two classes is empty.

    Example:
        >>> from tinyae.applications import roc_auc
        >>> roc_auc(np.array([0.1, 0.4, 0.3, 0.8]), anomalous=np.array([0, 0, 1, 1]))
        0.75
    """
    errors, anomalous = _checked_pair("roc_auc", errors, anomalous)
    _, place, times = np.unique(errors, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]
    a, n = int(anomalous.sum()), len(errors)
    return float((ranks[anomalous].sum() - a * (a + 1) / 2) / (a * (n - a)))


def roc_curve(errors: Array, anomalous: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's ROC curve: false-positive rates, true-positive rates, thresholds.

    Raises:
        ValueError: as for ``roc_auc``.
        ImportError: scikit-learn is not installed.

    Example:
        >>> from tinyae.applications.anomaly import roc_curve
        >>> errors, anomalous = np.array([0.1, 0.4, 0.3, 0.8]), np.array([0, 0, 1, 1])
        >>> false_positives, true_positives, thresholds = roc_curve(errors, anomalous)
        >>> true_positives
        array([0. , 0.5, 0.5, 1. , 1. ])
    """
    return _sklearn_metrics().roc_curve(*reversed(_checked_pair("roc_curve", errors, anomalous)))


def precision_recall_curve(
    errors: Array, anomalous: Array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's precision-recall curve: precision, recall, thresholds.

    Precision is the fraction of detections that are anomalies, recall the fraction of anomalies
    that are detected.

    Raises:
        ValueError: as for ``roc_auc``.
        ImportError: scikit-learn is not installed.

    Example:
        >>> from tinyae.applications.anomaly import precision_recall_curve
        >>> errors, anomalous = np.array([0.1, 0.4, 0.3, 0.8]), np.array([0, 0, 1, 1])
        >>> precision, recall, thresholds = precision_recall_curve(errors, anomalous)
        >>> recall
        array([1. , 1. , 0.5, 0.5, 0. ])
    """
    return _sklearn_metrics().precision_recall_curve(
        *reversed(_checked_pair("precision_recall_curve", errors, anomalous))
    )


def _checked_pair(name: str, errors: Array, anomalous: Array) -> tuple[np.ndarray, np.ndarray]:
    errors, labels = to_numpy(errors), to_numpy(anomalous)
    check_array(name, "errors", errors, kinds="fiub", axes=0)
    anomalous = labels.astype(bool) if labels.dtype.kind in "biuf" else np.zeros(0, bool)
    if labels.dtype.kind not in "biuf" or not (labels == anomalous).all():
        found = ", ".join(map(str, np.unique(labels)[:5].tolist()))
        raise ValueError(
            f"{name}: the labels are {found} ..., expected True or 1 for an anomaly, "
            "False or 0 for a normal example"
        )
    if errors.ndim != 1 or errors.shape != anomalous.shape:
        raise ValueError(
            f"{name}: errors have shape {errors.shape} and labels {anomalous.shape}: "
            "expected (N,) for both, one per example"
        )
    if np.isnan(errors).any():
        raise ValueError(f"{name}: the error of example {int(np.isnan(errors).argmax())} is NaN")
    count = int(anomalous.sum())
    if count in (0, len(errors)):
        raise ValueError(
            f"{name}: {count} anomalies among {len(errors)} examples: "
            "expected both anomalies and normal examples"
        )
    return errors, anomalous


def _sklearn_metrics() -> Any:
    try:
        from sklearn import metrics
    except ImportError as error:
        raise ImportError(
            'ROC and precision-recall curves need scikit-learn: pip install "tinyae[apps]"'
        ) from error
    return metrics
