"""Grades: parts, half-done files, broken files, and code that tries to cheat."""

import json

import pytest

from tinyae.course import Check, Exercise, Limits, Mistake, grade, grade_names
from tinyae.course.exercises import NAMES, find
from tinyae.course.tasks import released, solved, source

LINEAR = find("linear")
SOLUTION = solved(source(LINEAR))


def outputs(result):
    return " ".join(part.output for part in result.tests)


def write_solution(write, old="", new="", name="linear.py"):
    assert old in SOLUTION
    return write(SOLUTION.replace(old, new, 1) if old else SOLUTION, name)


def test_a_half_done_file_gets_half_of_the_feedback(write):
    text = SOLUTION.replace("x, W = cache", "raise NotImplementedError()")
    result = grade(write(text), "linear")
    assert result.tests[0].score == 2 and result.score == 2
    assert {part.output for part in result.tests[1:]} == {"not written yet"}


def test_a_function_that_is_missing_is_named_with_a_similar_one(write):
    result = grade(write(SOLUTION.replace("def linear_forward", "def linear_foward")), "linear")
    assert result.score == 0 and "did you mean 'linear_foward'" in outputs(result)


def test_the_same_seed_gives_the_same_grade_and_a_grade_is_json(write):
    path = write_solution(write, "dW = dy.T @ x", "dW = 2 * dy.T @ x")
    first, second = (grade(path, "linear", seed=3).to_dict() for _ in range(2))
    assert first == second and json.loads(json.dumps(first)) == first
    assert first["score"] == 7 and first["max_score"] == 10


def test_feedback_has_no_expected_values(write):
    path = write_solution(write, "dW = dy.T @ x", "dW = np.cos(dy.T @ x)")
    report = outputs(grade(path, "linear"))
    assert "dW is wrong" in report and "numeric" not in report.replace("numeric one", "")


@pytest.mark.parametrize(
    ("code", "words"),
    {
        "exception at import": ("raise RuntimeError('at import')", "at import"),
        "sys.exit at import": ("import sys\nsys.exit(0)", "ended its process"),
        "os._exit at import": ("import os\nos._exit(0)", "ended its process"),
        "endless loop at import": ("while True: pass", "more than 1 seconds"),
        "not Python": ("def (", "SyntaxError"),
        "not UTF-8": (b"\xff\xfe\x00x", "not a UTF-8"),
        "empty": ("", "does not define"),
    }.values(),
)
def test_a_file_that_cannot_be_run_gets_no_points_and_a_sentence(tmp_path, code, words):
    path = tmp_path / "linear.py"
    path.write_bytes(code if isinstance(code, bytes) else code.encode())
    result = grade(path, "linear", limits=Limits(seconds=1))
    assert result.score == 0 and all(words in part.output for part in result.tests)


@pytest.mark.parametrize(
    ("body", "words"),
    {
        "endless loop": ("while True: pass", "more than 1 seconds"),
        "os._exit": ("__import__('os')._exit(0)", "ended its process"),
        "50 GB": ("return np.ones((50_000, 1_000, 125)), None", "memory"),
        "endless output": ("\n    while True: print('x' * 10_000)", "more than 1 seconds"),
    }.values(),
)
def test_code_that_kills_its_process_costs_only_the_parts_that_need_it(write, body, words):
    text = SOLUTION.replace("x, W = cache", body)
    result = grade(write(text), "linear", limits=Limits(seconds=1))
    assert result.tests[0].score == 2 and result.score == 2
    assert all(words in part.output for part in result.tests[1:])


CHEATS = {
    "patched checker": """
        import numpy as np
        import tinyae.checking, tinyae.checking.report
        tinyae.checking.report.Report.ok = property(lambda self: True)
        np.allclose = lambda *a, **k: True
        np.abs = lambda x: 0 * x
        """,
    "a printed report": """
        print('{"score": 10, "max_score": 10}')
        print("linear: 10 of 10 points")
        """,
    "an array that lies": """
        import numpy as np

        class Liar(np.ndarray):
            def __eq__(self, other): return np.bool_(True)
            def __sub__(self, other): return np.zeros(self.shape)
            __rsub__ = __sub__

        def linear_forward(x, W, b): return np.zeros((len(x), len(W))).view(Liar), None
        def linear_backward(dy, cache):
            return tuple(np.zeros(shape).view(Liar) for shape in ((5, 4), (3, 4), (3,)))
        """,
    "reading the solution": """
        import glob, os, tinyae
        root = os.path.dirname(tinyae.__file__)
        for path in glob.glob(root + "/**/*linear*.py", recursive=True):
            try:
                exec(open(path).read(), globals())
            except Exception:
                pass
        for path in glob.glob(root + "/../chapters/exercises/*linear*.py"):
            exec(open(path).read(), globals())
        """,
    "looking up the stack": """
        import inspect

        def linear_forward(x, W, b):
            for frame in inspect.stack():
                for name, value in frame.frame.f_locals.items():
                    if "expected" in name or "reference" in name:
                        return value, None
            return x @ W.T * 0, None

        def linear_backward(dy, cache):
            return np.zeros((5, 4)), np.zeros((3, 4)), np.zeros(3)
        """,
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_gains_nothing(write, cheat):
    result = grade(write(CHEATS[cheat]), "linear")
    assert result.score == 0, str(result)


def test_threads_left_running_do_not_harm(write):
    text = (
        SOLUTION
        + "\nimport threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    )
    assert grade(write(text), "linear").score == 10


def test_a_check_that_raises_costs_its_parts_only():
    def broken(code, rng):
        raise Mistake("no")

    def unusable(code, rng):
        return code.call("f", 1) + 1

    exercise = Exercise("toy", 1, "toy", "00", (
        Check({"a": 1}, broken), Check({"b": 1}, unusable), Check({"c": 1}, lambda c, r: {}),
    ))  # fmt: skip
    result = grade_names({"f": lambda x: "text"}, exercise)
    assert [part.status for part in result.tests] == ["failed", "failed", "passed"]
    assert "cannot be used" in result.tests[1].output


@pytest.mark.parametrize("name", NAMES)
def test_the_released_file_is_python_and_has_nothing_secret(name):
    exercise = find(name)
    text = released(source(exercise))
    compile(text, name, "exec")
    assert "SOLUTION" not in text and "HIDDEN" not in text and "nbgrader" not in text
    assert "YOUR CODE HERE" in text
    assert f"{exercise.max_score:g} points" in text, "the task must say how many points it has"
    assert sum(exercise.parts.values()) == exercise.max_score
    assert len(exercise.parts) == sum(len(check.points) for check in exercise.checks)
