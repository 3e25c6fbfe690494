"""The bug zoo: each bug is caught and named, each fix is accepted, and nothing else is."""

import numpy as np
import pytest

from tinyae.checking import gradcheck
from tinyae.course.notebook import NotebookCode
from tinyae.course.zoo import (
    MAX_LINES,
    changed_lines,
    check,
    find_bug,
    start,
    what_is_wrong,
    zoo_names,
)

# The kind of hint or of finding that names the bug. gradcheck finds the others, and has no name.
NAMED = {
    "batch_statistics": "weight",
    "half_lambda": "factor",
    "initial_weights": "missing path",
    "kl_terms": "missing path",
    "log_variance": "factor",
    "overlapping_windows": "examples coupled",
    "penalty_without_gradient": "flat",
    "recurrent_weights": "zero",
    "repeated_words": "overwritten sum",
    "residual_block": "missing path",
    "row_length": "missing path",
    "second_batch": "second call",
    "sigmoid_formula": "foreign slope",
    "slow_bias": "factor",
    "small_steps": "factor",
    "softmax_classes": "diagonal",
    "square_layer": "transpose",
    "tied_weights": "missing path",
    "updating_layer": "overwritten",
    "used_twice": "stale",
    "visual_relu": "linear",
}
each = pytest.mark.parametrize("name", zoo_names())


def run(text):
    """The names of a file."""
    names = {"__name__": "zoo_file"}
    exec(compile(text, "zoo_file.py", "exec"), names)
    return names


def report(text, seed=0):
    names = run(text)
    arrays = names["inputs"](np.random.default_rng(seed))
    return gradcheck((names["forward"], names["backward"]), *arrays)


def test_there_are_enough_bugs_and_most_are_named():
    assert len(zoo_names()) >= 22
    assert len(NAMED) >= 20 and set(NAMED) < set(zoo_names())


@each
def test_gradcheck_catches_the_bug_and_names_it(name):
    for seed in range(3):
        result = report(find_bug(name).released, seed)
        assert not result.ok
        kinds = {hint.kind for hint in result.hints} | {f.kind for f in result.findings}
        assert NAMED.get(name, next(iter(kinds))) in kinds, str(result)
        assert report(find_bug(name).fixed, seed).ok


@each
def test_a_bug_has_a_story_and_is_fixed_in_three_lines(name):
    bug = find_bug(name)
    assert bug.title and len(bug.story.split()) > 20
    assert "BUG" not in bug.released and "FIX" not in bug.released
    assert "BUG" not in bug.fixed and "FIX" not in bug.fixed
    assert 1 <= changed_lines(bug.released, bug.fixed) <= MAX_LINES
    assert f"tinyae zoo check {name}.py" in bug.released


@each
def test_the_bug_is_seen_and_the_fix_is_accepted(name):
    bug = find_bug(name)
    assert what_is_wrong(NotebookCode(run(bug.released)), bug)
    assert what_is_wrong(NotebookCode(run(bug.fixed)), bug) == []


@pytest.mark.parametrize("name", ["half_lambda", "repeated_words", "second_batch", "used_twice"])
def test_in_a_process_of_its_own_too(name, tmp_path):
    path = start(name, tmp_path)
    assert path == tmp_path / f"{name}.py"
    first = check(path)
    assert not first.ok and first.lines == 0 and f"{name}: not fixed yet" in str(first)
    path.write_text(find_bug(name).fixed, encoding="utf-8")
    assert check(path).ok


def test_start_never_writes_over_work(tmp_path):
    path = start("half_lambda", tmp_path)
    path.write_text("# my work\n", encoding="utf-8")
    assert start("half_lambda", tmp_path) is None
    assert path.read_text("utf-8") == "# my work\n"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("@ norms).sum() / len(x)", "@ norms).sum() / len(x) / 2", "forward is wrong"),
        ("scale = 1 / len(x)", "scale = 2 / len(x)\n    n = 1\n    n = 2\n    n = 3", "4 lines"),
        ("scale = 1 / len(x)", "scale = 3 / len(x)", "1.5"),
        ("scale = 1 / len(x)", "scale = 2 / len(", "SyntaxError"),
        ("def backward(dy, cache):", "def backwards(dy, cache):", "does not define 'backward'"),
        (
            "def backward(dy, cache):",
            "def backward(dy, cache):\n    return None",
            "expected dx, dW, db",
        ),
    ],
)
def test_what_is_not_a_fix(tmp_path, old, new, reason):
    path = start("half_lambda", tmp_path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    result = check(path)
    assert not result.ok and reason in str(result)


def test_comments_and_empty_lines_do_not_count():
    text = find_bug("half_lambda").released
    changed = text.replace("    return dy", "    # the chain rule\n\n    return dy")
    assert changed_lines(text, changed) == 0


def test_an_unknown_bug_gets_a_suggestion(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'half_lambda'"):
        find_bug("half_lamda")
    with pytest.raises(ValueError, match="does not have a bug 'homework'"):
        check(tmp_path / "homework.py")
