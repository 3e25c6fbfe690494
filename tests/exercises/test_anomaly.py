"""Exercise 17: what the grader says about right, empty and wrong solutions."""

import numpy as np
import pytest
from helpers.exercises import check_mistake, check_solution_and_stub, lost

from tinyae.course import grade
from tinyae.course.exercises import find
from tinyae.course.exercises.anomaly import average_precision
from tinyae.course.tasks import solved, source

RANKS = "ranks = (np.cumsum(times) - (times - 1) / 2)[place]"
NO_NAN = "errors = np.where(np.isnan(errors), np.inf, errors)"
MISTAKES = {
    "1 − AUC": ([("return (ranks", "return 1 - (ranks")], ["auc"], "1 − AUC"),
    "ties by the order of sorting": (
        [(RANKS, "ranks = np.argsort(np.argsort(errors, kind='stable')) + 1")],
        ["ties"],
        "the order of the examples",
    ),
    "a tie counts as 1": (
        [
            (
                "return (ranks",
                "below = np.sort(errors[~unusual])\n"
                "    return np.searchsorted(below, errors[unusual], 'right').mean() / m\n"
                "    return (ranks",
            )
        ],
        ["ties"],
        "a tie counts as 1",
    ),
    "the largest rank": (
        [(RANKS, "ranks = np.cumsum(times)[place]")],
        ["ties", "NaN"],
        "the largest of their ranks",
    ),
    "NaN left out": (
        [(NO_NAN, "unusual, errors = unusual[~np.isnan(errors)], errors[~np.isnan(errors)]")],
        ["NaN"],
        "left out",
    ),
    "NaN as 0": ([(NO_NAN, "errors = np.nan_to_num(errors)")], ["NaN"], "replaced by 0"),
    "labels as indices": (
        [("unusual = np.asarray(unusual).astype(bool)\n    errors = np", "errors = np")],
        ["labels 0 and 1"],
        "integers",
    ),
    "quantile with interpolation": (
        [("return np.sort(errors)[k - 1]", "return np.quantile(errors, q)")],
        ["threshold"],
        "interpolated",
    ),
    "the other side of the quantile": (
        [("np.ceil(q * len(errors))", "np.ceil((1 - q) * len(errors) + 1e-9)")],
        ["threshold"],
        "at or below",
    ),
    "one too far": (
        [("[k - 1]", "[min(int(q * len(errors)), len(errors) - 1)]")],
        ["threshold"],
        "next larger",
    ),
    "detects the normal ones": ([("~(errors <= t)", "errors < t")], ["detect"], "NaN"),
    "detects the threshold itself": ([("~(errors <= t)", "~(errors < t)")], ["detect"], "equal"),
    "NaN is not detected": ([("~(errors <= t)", "errors > t")], ["detect"], "NaN"),
    "one threshold per example": (
        [
            ("for t in np.unique(errors)[::-1]:", "for i in np.argsort(-errors, kind='stable'):"),
            (
                "detected = errors >= t",
                "order = np.argsort(-errors, kind='stable'); detected = np.isin(np.arange("
                "len(errors)), order[: list(order).index(i) + 1])",
            ),
        ],
        ["average precision"],
        "share one threshold",
    ),
    "from the smallest error": (
        [("np.unique(errors)[::-1]", "np.unique(errors)"), ("errors >= t", "errors <= t")],
        ["average precision"],
        "starts from the smallest",
    ),
}


def test_solution_and_stub(tmp_path):
    check_solution_and_stub("anomaly", tmp_path)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_loses_the_right_part_and_is_named(mistake):
    check_mistake("anomaly", *MISTAKES[mistake])


def test_all_pairs_need_too_much_memory(tmp_path):
    text = solved(source(find("anomaly")))
    start = text.index("    unusual = np.asarray")
    end = text.index("def threshold")
    pairs = """    unusual = np.asarray(unusual).astype(bool)
    errors = np.where(np.isnan(errors), np.inf, errors)
    a, m = errors[unusual][:, None], errors[~unusual]
    return ((a > m) + 0.5 * (a == m)).mean()


"""
    path = tmp_path / "pairs.py"
    path.write_text(text[:start] + pairs + text[end:], encoding="utf-8")
    found = lost(grade(path, find("anomaly")))
    assert list(found) == ["200,000 examples"] and "memory" in found["200,000 examples"]


def test_the_reference_of_average_precision_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(20):
        errors, unusual = rng.normal(size=30).round(1), rng.random(30) < 0.4
        expected = metrics.average_precision_score(unusual, errors)
        np.testing.assert_allclose(average_precision(errors, unusual), expected)
