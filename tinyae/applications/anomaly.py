"""Anomaly detection: a model that has only learned to rebuild what is normal rebuilds what is not normal badly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyae.backend import Array, to_numpy

Model = Callable[[Array], Array]


def reconstruction_errors(model: Model, x: Array, batch_size: int = 500) -> np.ndarray:
    """``e_n = Σ_d (x̂_nd − x_nd)² / D``, one number for each example: (N,), on the CPU.

    ``model`` is any function x -> x̂, an autoencoder for instance; it is given ``batch_size`` examples at a time.

    Raises:
        ValueError: x has no axis of examples or is of whole numbers, or the model's answer has another number of values than x.
    """
    if x.dtype.kind != "f":
        raise ValueError(
            f"reconstruction_errors: x has dtype {x.dtype}, expected floating point: for pixels x / 255"
        )
    if x.ndim < 2:
        raise ValueError(
            f"reconstruction_errors: x has shape {x.shape}, expected (N, ...), one example a row: x[None] for one"
        )
    errors = []
    for start in range(0, len(x), batch_size):
        batch = x[start : start + batch_size]
        y = model(batch)
        if y.size != batch.size:
            raise ValueError(
                f"reconstruction_errors: the model made {y.shape} of {batch.shape}, expected as many numbers"
            )
        errors.append(
            to_numpy(((y.reshape(batch.shape) - batch).reshape(len(batch), -1) ** 2).mean(axis=1))
        )
    return np.concatenate(errors) if errors else np.zeros(0, x.dtype)


def quantile_threshold(normal_errors: Array, quantile: float = 0.95) -> float:
    """The error that the share ``quantile`` of normal examples stays below: 1 − quantile of them will be false alarms.

    The errors must come from examples that the model was *not* trained on: on those that it knows it is better.

    Raises:
        ValueError: a quantile outside (0, 1), no errors at all, or NaN or infinite ones.
    """
    if not 0 < quantile < 1:
        raise ValueError(
            f"quantile_threshold: quantile is {quantile}, expected a number between 0 and 1, such as 0.95"
        )
    errors = to_numpy(normal_errors)
    if errors.ndim != 1:
        raise ValueError(
            f"quantile_threshold: the errors have shape {errors.shape}, expected (N,), one for each example"
        )
    if not len(errors):
        raise ValueError(
            "quantile_threshold: the normal set is empty: expected the errors of normal examples held out of training"
        )
    if not np.isfinite(errors).all():
        bad = int((~np.isfinite(errors)).argmax())
        raise ValueError(
            f"quantile_threshold: the error of normal example {bad} is {errors[bad]}, expected finite numbers"
        )
    return float(np.quantile(errors, quantile))


def detect_anomalies(model: Model, x: Array, threshold: float) -> np.ndarray:
    """True where an example's reconstruction error is above ``threshold``: (N,), bool.

    Raises:
        ValueError: a threshold that is NaN or not a number from 0 on; an example whose error is NaN (it is neither).
    """
    if math.isnan(threshold) or threshold < 0:
        raise ValueError(
            f"detect_anomalies: threshold is {threshold}, expected a number from 0 on: quantile_threshold(errors of normal examples)"
        )
    errors = reconstruction_errors(model, x)
    if np.isnan(errors).any():
        raise ValueError(
            f"detect_anomalies: the error of example {int(np.isnan(errors).argmax())} is NaN: is x, or a weight, NaN?"
        )
    return errors > threshold


def roc_auc(errors: Array, anomalous: Array) -> float:
    """The area under the ROC curve: the chance that an anomaly has a larger error than a normal example, a tie counting half.

    From ranks r = 1 … N, equal errors sharing the mean of theirs: ``(Σ_{anomalies} r − A (A+1) / 2) / (A (N − A))``, A the
    number of anomalies. (An anomaly's rank counts the examples below it; the subtraction takes off the other anomalies.)

    Raises:
        ValueError: labels of another length or other than 0 and 1, NaN, or only one of the two kinds.
    """
    errors, anomalous = _pair("roc_auc", errors, anomalous)
    _, place, times = np.unique(errors, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[place]
    a, n = int(anomalous.sum()), len(errors)
    return float((ranks[anomalous].sum() - a * (a + 1) / 2) / (a * (n - a)))


def roc_curve(errors: Array, anomalous: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's: ``false alarms, found, thresholds``, shares of the normal and of the anomalous examples above each."""
    return _sklearn_metrics().roc_curve(*reversed(_pair("roc_curve", errors, anomalous)))


def precision_recall_curve(
    errors: Array, anomalous: Array
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's: ``precision, recall, thresholds``: the share of alarms that are right, and of anomalies that are found."""
    return _sklearn_metrics().precision_recall_curve(
        *reversed(_pair("precision_recall_curve", errors, anomalous))
    )


def _pair(name: str, errors: Array, anomalous: Array) -> tuple[np.ndarray, np.ndarray]:
    errors, labels = to_numpy(errors), to_numpy(anomalous)
    anomalous = labels.astype(bool) if labels.dtype.kind in "biuf" else np.zeros(0, bool)
    if labels.dtype.kind not in "biuf" or not (labels == anomalous).all():
        kinds = ", ".join(map(str, np.unique(labels)[:5].tolist()))
        raise ValueError(
            f"{name}: the labels are {kinds} ..., expected True or 1 for an anomaly, False or 0 for what is normal"
        )
    if errors.ndim != 1 or errors.shape != anomalous.shape:
        raise ValueError(
            f"{name}: errors have shape {errors.shape} and labels {anomalous.shape}: expected (N,) both, one a picture"
        )
    if np.isnan(errors).any():
        raise ValueError(f"{name}: the error of example {int(np.isnan(errors).argmax())} is NaN")
    found = int(anomalous.sum())
    if found in (0, len(errors)):
        raise ValueError(
            f"{name}: {found} anomalies among {len(errors)} examples: expected some of each kind"
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
