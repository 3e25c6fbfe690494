"""Errors per example, thresholds, detections and the area under the ROC curve, compared with their
definitions, with loops and with scikit-learn."""

import re

import numpy as np
import pytest
from helpers.small import DATA, small_net
from hypothesis import given
from hypothesis import strategies as st

from tinyae.applications import detect_anomalies, quantile_threshold, reconstruction_errors, roc_auc
from tinyae.applications.anomaly import precision_recall_curve, roc_curve
from tinyae.models import conv_autoencoder


def half(x):
    return 0.5 * x


def test_errors_are_the_mean_square_of_each_example():
    model = small_net()
    errors = reconstruction_errors(model, DATA, batch_size=7)
    expected = [((model(x[None]) - x) ** 2).mean() for x in DATA]
    assert errors.shape == (len(DATA),)
    np.testing.assert_allclose(errors, expected, rtol=1e-5)


def test_errors_of_images_and_of_a_function_that_returns_rows():
    x = np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)
    conv = conv_autoencoder(0)
    np.testing.assert_allclose(
        reconstruction_errors(conv, x), ((conv(x) - x) ** 2).mean(axis=(1, 2, 3)), rtol=1e-5
    )
    np.testing.assert_allclose(
        reconstruction_errors(lambda t: half(t).reshape(len(t), -1), x),
        (x**2).mean(axis=(1, 2, 3)) / 4,
        rtol=1e-5,
    )
    assert reconstruction_errors(half, x[:0]).shape == (0,)


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95])
def test_the_threshold_fixes_the_false_positive_rate(quantile):
    normal = np.random.default_rng(0).exponential(size=1001)
    t = quantile_threshold(normal, quantile)
    assert (normal > t).mean() == pytest.approx(1 - quantile, abs=1.5e-3)


def test_errors_above_the_threshold_are_detected():
    x = np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]])  # errors 0, 1 and 1/4
    assert detect_anomalies(half, x, 0.25).tolist() == [False, True, False]
    assert detect_anomalies(half, x, 0.0).tolist() == [False, True, True]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_probability_that_an_anomaly_has_the_larger_error(pairs):
    errors, anomalous = np.array([e for e, _ in pairs]), np.array([a for _, a in pairs])
    if anomalous.all() or not anomalous.any():
        return
    wins = [(a > n) + 0.5 * (a == n) for a in errors[anomalous] for n in errors[~anomalous]]
    assert roc_auc(errors, anomalous) == pytest.approx(np.mean(wins))


def test_curves_and_area_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn")
    rng = np.random.default_rng(0)
    errors, anomalous = rng.random(200).round(1), rng.random(200) < 0.3
    assert roc_auc(errors, anomalous) == pytest.approx(metrics.roc_auc_score(anomalous, errors))
    false_positives, true_positives, thresholds = roc_curve(errors, anomalous)
    middle = len(thresholds) // 2
    assert true_positives[middle] == pytest.approx((errors[anomalous] >= thresholds[middle]).mean())
    assert false_positives[middle] == pytest.approx(
        (errors[~anomalous] >= thresholds[middle]).mean()
    )
    assert np.trapezoid(true_positives, false_positives) == pytest.approx(
        roc_auc(errors, anomalous)
    )
    precision, recall, thresholds = precision_recall_curve(errors, anomalous)
    detected = errors >= thresholds[0]
    assert precision[0] == pytest.approx(anomalous[detected].mean()) and recall[0] == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: detect_anomalies(half, DATA, np.nan),
            "detect_anomalies: threshold is nan, expected a non-negative number",
        ),
        (lambda: detect_anomalies(half, DATA, -1.0), "threshold is -1.0"),
        (
            lambda: detect_anomalies(half, np.array([[1.0], [np.nan]]), 1.0),
            "the error of example 1 is NaN",
        ),
        (
            lambda: quantile_threshold(np.zeros(0)),
            "quantile_threshold: there are no errors: expected those of normal examples",
        ),
        (
            lambda: quantile_threshold(np.ones(9), 0),
            "quantile is 0, expected a number between 0 and 1, such as 0.95",
        ),
        (lambda: quantile_threshold(np.ones(9), 1.0), "quantile is 1.0"),
        (lambda: quantile_threshold(np.ones(9), 95), "quantile is 95"),
        (lambda: quantile_threshold(np.ones(9), np.nan), "quantile is nan"),
        (
            lambda: quantile_threshold(np.array([1, np.inf, np.nan])),
            "the error of normal example 1 is inf",
        ),
        (
            lambda: quantile_threshold(np.ones((3, 2))),
            "the errors have shape (3, 2), expected (N,)",
        ),
        (lambda: roc_auc(np.ones(5), np.zeros(4)), "errors have shape (5,) and labels (4,)"),
        (
            lambda: roc_curve(np.ones(5), np.zeros(4)),
            "roc_curve: errors have shape (5,) and labels (4,)",
        ),
        (
            lambda: roc_auc(np.ones(5), np.zeros(5)),
            "0 anomalies among 5 examples: expected both anomalies and normal examples",
        ),
        (lambda: roc_auc(np.array([1, np.nan]), np.array([0, 1])), "the error of example 1 is NaN"),
        (
            lambda: roc_auc(np.ones(4), np.array([0, 1, 2, 1])),
            "the labels are 0, 1, 2 ..., expected True or 1 for an anomaly",
        ),
        (lambda: roc_auc(np.ones(2), np.array([-1, 1])), "the labels are -1, 1"),
        (lambda: roc_auc(np.ones(2), np.array([0.0, np.nan])), "expected True or 1"),
        (
            lambda: roc_auc(np.ones(2), np.array(["normal", "anomaly"])),
            "the labels are anomaly, normal",
        ),
        (
            lambda: detect_anomalies(half, (DATA * 255).astype(np.uint8), 0.1),
            "x has dtype uint8, expected floating point",
        ),
        (lambda: reconstruction_errors(half, DATA[0]), "x has shape (12,), expected (N, ...)"),
        (
            lambda: reconstruction_errors(lambda x: x[:, :5], DATA),
            "the model returned shape (50, 5) for an input of shape (50, 12)",
        ),
    ],
)
def test_mistakes_get_a_helpful_message(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_errors_on_a_device_come_back_to_the_cpu(monkeypatch):
    from helpers.strict_device import pretend_gpu

    from tinyae import to_device

    pretend_gpu(monkeypatch)
    model = small_net()
    there = reconstruction_errors(model.to("gpu"), to_device(DATA, "gpu"))
    assert type(there) is np.ndarray  # statistics on the CPU follow
    np.testing.assert_allclose(there, reconstruction_errors(model, DATA), rtol=1e-6)
    assert (
        detect_anomalies(model.to("gpu"), to_device(DATA, "gpu"), float(np.median(there))).sum()
        == 25
    )
