"""The score of a checker: what counts, and what is said about it."""

import numpy as np
import pytest

from tinyae.course import Limits, StudentCodeError
from tinyae.course.checker_hints import MISSED, REJECTED
from tinyae.course.checker_score import (
    FAMILIES,
    LARGE,
    ask,
    ask_about,
    examples,
    score,
    score_function,
)
from tinyae.course.exercises.checker import TRAPS
from tinyae.course.notebook import NotebookCode
from tinyae.course.verdicts import FamilyScore
from tinyae.known_bugs import BUGS, CORRECT

NAMES = {example.name for example in (*BUGS, *CORRECT)}


def test_each_example_belongs_to_a_family():
    in_families = [e.name for family in FAMILIES for e, _ in examples(family)]
    bugs = [name for name in in_families if name in {bug.name for bug in BUGS}]
    assert sorted(bugs) == sorted(bug.name for bug in BUGS)
    assert NAMES - set(in_families) == {"autoencoder_objective"}  # its input is a model


@pytest.mark.parametrize(
    "names",
    [
        *(names for _, names in FAMILIES.values()),
        *MISSED,
        *REJECTED,
        *(text for pair in TRAPS.values() for text in pair),
        " ".join(LARGE),
    ],
)
def test_the_tables_name_existing_examples(names):
    assert set(names.split()) <= NAMES


def verdicts(check, family="behavior"):
    code = NotebookCode({"check": check})
    chosen = [e for e in examples(family)][::3]
    return ask_about(code, family, chosen, np.random.default_rng(0))


def test_a_checker_that_always_says_the_same_gets_nothing():
    for answer in (True, False):
        result = verdicts(lambda layer, x, answer=answer: answer)
        assert result.score == 0
        assert result.caught == result.rejected == (not answer)


def test_an_exception_counts_as_a_rejection_and_no_answer_is_wrong():
    def broken(layer, x):
        raise ValueError("broken")

    result = verdicts(broken)
    assert result.caught == result.rejected == 1 and result.score == 0
    assert "check raised ValueError: broken" in str(result.wrong(False))
    result = verdicts(lambda layer, x: None)
    assert result.caught == 0 and result.rejected == 1
    assert "expected True or False" in str(result.wrong(True))


def test_the_score_is_caught_minus_rejected():
    (bug, _), (right, _) = examples("linear")[0], examples("linear")[-2]
    code = NotebookCode({"check": lambda layer, x: False})
    result = FamilyScore("linear", [ask(code, bug, True, 0), ask(code, right, False, 0)])
    assert (result.caught, result.rejected, result.score) == (1, 1, 0)
    code = NotebookCode({"check": lambda layer, x: np.bool_(True)})
    result.verdicts.append(ask(code, right, False, 0))
    assert (result.caught, result.rejected, result.score) == (1, 0.5, 0.5)


def test_the_table_has_all_families():
    text = str(score_function(lambda layer, x: True, ["behavior", "penalties"]))
    assert "behavior" in text and "penalties" in text and "check never calls backward" in text


def test_a_checker_without_end_is_stopped(tmp_path):
    path = tmp_path / "my_check.py"
    path.write_text("def check(layer, x):\n    while True:\n        pass\n", encoding="utf-8")
    result = score(path, draws=1, seed=0, limits=Limits(seconds=0.2))
    assert result.total.score == 0 and "stopped after" in str(result)
    assert "more than 0.2 seconds" in str(result)


def test_a_checker_that_ends_its_process_is_wrong_about_that_layer_only(tmp_path):
    path = tmp_path / "my_check.py"
    path.write_text(
        "import os\ndef check(layer, x):\n"
        "    if x.size > 2000:\n        os._exit(0)\n    return False\n",
        encoding="utf-8",
    )
    result = score(path, draws=1, seed=0)
    assert not result.notes
    no_answer = [v.example.name for v in result.total.verdicts if v.accepted is None]
    assert sorted(no_answer) == ["mse_large"]


def test_a_file_without_a_check_is_an_error(tmp_path):
    path = tmp_path / "my_check.py"
    path.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(StudentCodeError, match="does not define 'check'"):
        score(path)
