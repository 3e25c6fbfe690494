"""Exercise 17, anomaly detection: area under the ROC curve, threshold, average precision."""

from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from tinyae.applications import roc_auc
from tinyae.backend import Array
from tinyae.course import judge
from tinyae.course.exercise import Check, Code, Exercise

LARGE = 200_000  # examples: comparing all pairs would need 10 GB


def finite(errors: Array) -> Array:
    """The errors with a value above all of them in place of NaN."""
    return np.where(np.isnan(errors), np.nanmax(errors) + 1, errors)


def average_precision(errors: Array, unusual: Array) -> float:
    """The reference: Σ (increase of the recall) · precision, from the largest error down."""
    detected = errors >= np.unique(errors)[::-1, None]  # (thresholds, N)
    hits = (detected & unusual).sum(axis=1)
    recall, precision = hits / unusual.sum(), hits / detected.sum(axis=1)
    return float((np.diff(recall, prepend=0) * precision).sum())


def fraction_of_pairs(errors: Array, unusual: Array, tie: float) -> float:
    """The AUC with another value for a tie than ½; NaN is never larger."""
    a, m = errors[unusual][:, None], errors[~unusual]
    return float(((a > m) + tie * (a == m)).mean())


def draw(rng: Generator, n: int = 40) -> tuple[Array, Array]:
    """Errors without ties, and which examples are unusual: a third of them."""
    unusual = rng.permutation(np.arange(n) < n // 3)
    return rng.gamma(2.0, size=n) + 0.8 * unusual, unusual


def with_ties(rng: Generator) -> tuple[Array, Array]:
    errors, unusual = draw(rng)
    errors = errors.round()
    errors[[0, 1]] = errors.max()  # one tie at least is between an anomaly and a normal example
    unusual[[0, 1]] = True, False
    return errors, unusual


def compare_auc(got: Any, errors: Array, unusual: Array, causes: dict[str, float]) -> str:
    """What is wrong with an AUC, apart from its side, which the part "auc" decides about."""
    want = roc_auc(errors, unusual)
    if not judge.compare(got, 1 - want, "roc_auc"):
        return ""
    return judge.compare(got, want, "roc_auc", causes)


def from_ranks(errors: Array, unusual: Array, side: Literal["left", "right"]) -> float:
    """The AUC where equal errors all have the smallest or the largest of their ranks."""
    ranks = np.asarray(np.searchsorted(np.sort(errors), errors, side)) + (side == "left")
    a, n = int(unusual.sum()), len(errors)
    return float((ranks[unusual].sum() - a * (a + 1) / 2) / (a * (n - a)))


def auc(code: Code, rng: Generator) -> dict[str, str]:
    errors, unusual = draw(rng)
    want = roc_auc(errors, unusual)
    causes = {"it is 1 − AUC, the probability that a normal example has the larger error": 1 - want}
    got = code.call("roc_auc", errors, unusual)
    return judge.only_wrong(auc=judge.compare(got, want, "roc_auc", causes))


def ties(code: Code, rng: Generator) -> dict[str, str]:
    errors, unusual = with_ties(rng)
    causes = {
        "a tie counts as 0, expected ½": fraction_of_pairs(errors, unusual, 0.0),
        "a tie counts as 1, expected ½": fraction_of_pairs(errors, unusual, 1.0),
        "equal errors have the smallest of their ranks, expected the mean": from_ranks(
            errors, unusual, "left"
        ),
        "equal errors have the largest of their ranks, expected the mean": from_ranks(
            errors, unusual, "right"
        ),
    }
    orders = [np.lexsort((unusual, errors)), np.lexsort((~unusual, errors))]
    first, second = (code.call("roc_auc", errors[i], unusual[i]) for i in orders)
    text = compare_auc(first, errors, unusual, causes)
    if text and judge.compare(first, np.asarray(second), "roc_auc"):
        text = (
            "the result depends on the order of the examples: equal errors must have the same rank"
        )
    return judge.only_wrong(ties=text)


def missing(code: Code, rng: Generator) -> dict[str, str]:
    errors, unusual = draw(rng)
    errors[np.flatnonzero(unusual)[:5]] = np.nan  # more anomalies than normal examples, so that
    errors[np.flatnonzero(~unusual)[:2]] = np.nan  # no mistake leaves the AUC as it is
    known = ~np.isnan(errors)
    causes = {
        "examples whose error is NaN were left out": roc_auc(errors[known], unusual[known]),
        "NaN > 1 is False: a comparison with NaN must not decide": fraction_of_pairs(
            errors, unusual, 0.5
        ),
        "NaN was replaced by 0, expected to be larger than every error": roc_auc(
            np.nan_to_num(errors), unusual
        ),
    }
    got = judge.number(code.call("roc_auc", errors, unusual), "roc_auc")
    if np.isnan(got):
        return {"NaN": "roc_auc is NaN where one of the errors is"}
    errors = finite(errors)
    text = compare_auc(got, errors, unusual, causes)
    low, high = (fraction_of_pairs(errors, unusual, tie) for tie in (0.0, 1.0))
    if low - 1e-9 <= got <= high + 1e-9 and not any(cause in text for cause in causes):
        text = ""  # two NaN are a tie, and the part "ties" decides about ties
    return judge.only_wrong(NaN=text)


def labels(code: Code, rng: Generator) -> dict[str, str]:
    errors, unusual = draw(rng)
    as_bool = code.call("roc_auc", errors, unusual)
    if compare_auc(as_bool, errors, unusual, {}):
        return {"labels 0 and 1": "this counts only when auc is right"}
    as_int = code.call("roc_auc", errors, unusual.astype(int))
    text = (
        "labels 0 and 1 give another result than False and True: errors[labels] with integers "
        "reads the entries 0 and 1, and ~1 is −2"
    )
    return {"labels 0 and 1": text} if judge.compare(as_int, as_bool, "roc_auc") else {}


def large(code: Code, rng: Generator) -> dict[str, str]:
    """Only sorting can do it: all pairs do not fit into the memory."""
    errors, unusual = draw(rng, LARGE)
    got = code.call("roc_auc", errors, unusual)
    return judge.only_wrong(**{"200,000 examples": compare_auc(got, errors, unusual, {})})


def threshold(code: Code, rng: Generator) -> dict[str, str]:
    for n, q in ((20, 0.5), (37, 0.95), (37, float(rng.uniform(0.55, 0.85))), (16, 1.0)):
        errors = rng.gamma(2.0, size=n)
        ordered = np.sort(errors)
        want = np.quantile(errors, q, method="inverted_cdf")
        causes = {
            "it was interpolated between two errors, expected one of the errors": np.quantile(
                errors, q
            ),
            "q is the fraction at or below the threshold, not above it": np.quantile(
                errors, 1 - q, method="inverted_cdf"
            ),
            "it is the next larger error: q N errors must be at or below the threshold, "
            "and not one more": ordered[min(int(q * n), n - 1)],
            "it is the next smaller error": ordered[max(int(np.ceil(q * n)) - 2, 0)],
        }
        got = code.call("threshold", errors, q)
        if text := judge.compare(got, want, "threshold", causes):
            return {"threshold": text}
    return {}


def detect(code: Code, rng: Generator) -> dict[str, str]:
    errors, _ = draw(rng)
    errors[:3] = np.nan
    t = float(errors[7])  # one of the errors, as threshold() returns it
    got = code.call("detect", errors, t)
    if not isinstance(got, np.ndarray) or got.dtype != bool or got.shape != errors.shape:
        return {"detect": f"detect returned {judge.described(got)}, expected booleans, (N,)"}
    if not got[:3].all():
        return {"detect": "an example whose error is NaN is not detected"}
    if got[7]:
        return {"detect": "an error equal to the threshold is detected, expected only larger ones"}
    if (got == (errors < t)).sum() > len(errors) / 2:
        return {"detect": "the wrong side: it detects the small errors"}
    wrong = int((got[3:] != (errors[3:] > t)).sum())
    return judge.only_wrong(detect=f"{wrong} of {len(errors)} are wrong" if wrong else "")


def precision(code: Code, rng: Generator) -> dict[str, str]:
    found: dict[str, str] = {}
    for errors, unusual in (draw(rng), with_ties(rng)):
        want = average_precision(errors, unusual)
        order = np.argsort(-errors, kind="stable")
        hit = unusual[order]
        steps = np.cumsum(hit) / np.arange(1, len(hit) + 1)
        causes = {
            "the normal examples are not the ones to find": average_precision(errors, ~unusual),
            "it starts from the smallest error, expected from the largest": average_precision(
                -errors, unusual
            ),
            "it is the mean of the precision over all examples, expected over the anomalies": (
                steps.mean()
            ),
            "equal errors share one threshold, so they are detected together": steps[hit].mean(),
        }
        got = code.call("average_precision", errors, unusual)
        text = judge.compare(got, want, "average_precision", causes)
        found |= judge.only_wrong(**{"average precision": text})
    return found


EXERCISE = Exercise(
    name="anomaly",
    number=17,
    title="Anomaly detection: AUC, threshold and average precision",
    chapter="06_applications",
    checks=(
        Check({"auc": 2}, auc),
        Check({"ties": 1}, ties),
        Check({"NaN": 1}, missing),
        Check({"labels 0 and 1": 0.5}, labels),
        Check({"200,000 examples": 0.5}, large),
        Check({"threshold": 2}, threshold),
        Check({"detect": 1}, detect),
        Check({"average precision": 2}, precision),
    ),
)
