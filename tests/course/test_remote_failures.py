"""What ``gradcheck`` says where the student's process raises, ends, or sends something else."""

import numpy as np
import pytest

from tinyae.checking import gradcheck
from tinyae.course import (
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentException,
    TimeLimit,
    remote_target,
)

X = np.random.default_rng(1).standard_normal((3, 5))


@pytest.mark.parametrize(
    "name, inputs", [("shapes", (X,)), ("shapes,mse", (X,)), ("mse", ()), ("Layer", (X.T,))]
)
def test_exceptions_are_those_of_a_local_target(there, local, name, inputs):
    with pytest.raises((TypeError, ValueError)) as expected:
        gradcheck(local(name), *inputs)
    with pytest.raises(expected.type) as caught:
        gradcheck(remote_target(there, name), *inputs)
    assert str(caught.value) == str(expected.value)
    assert getattr(caught.value, "__notes__", []) == getattr(expected.value, "__notes__", [])
    assert isinstance(caught.value.__cause__, StudentException)


def test_an_exception_that_is_not_built_into_python_is_a_student_exception(there):
    with pytest.raises(StudentException, match="LinAlgError") as caught:
        gradcheck(remote_target(there, "singular"), np.eye(2))
    assert "in singular: return np.linalg.inv" in caught.value.lines[-1]
    with pytest.raises(MissingName):
        remote_target(there, "lengths")


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_the_end_of_the_process_ends_the_check(start, method, call):
    code = f"""
    class Ends(Layer):
        calls = 0
        def {method}(self, *args):
            Ends.calls += 1
            if Ends.calls == {call}:
                __import__("os")._exit(0)
            return super().{method}(*args)
    """
    with start(code) as student:
        target = remote_target(student, "Ends")
        with pytest.raises(ProcessEnded, match="ended its process"):
            gradcheck(target, X)
    state = np.random.get_state()[1]  # noqa: NPY002
    assert len(state) == 624  # and np.random is as it was, whatever the code did


def test_the_time_of_all_requests_together_is_limited(start):
    code = """
    class Slow(Layer):
        def forward(self, x):
            __import__("time").sleep(0.05)
            return super().forward(x)
    """
    with start(code, total=0.8) as student:
        with pytest.raises(TimeLimit, match=r"it took more than 0\.8 seconds"):
            gradcheck(remote_target(student, "Slow"), X)


STATE = "answer | {'random': ('MT19937', np.zeros(624, np.uint32), %d, 0, 0.0)}"
ANY = ["5", "{}", "{k: None for k in answer}", "{k: 'text' for k in answer}"]


@pytest.mark.parametrize(
    "do, changes",
    [
        ("describe", [*ANY, "answer | {'tensors': {'x': 3}}", "answer | {'tensors': {}}"]),
        ("describe", ["answer | {'inputs': ('y',)}", "answer | {'tensors': {3: np.ones(2)}}"]),
        ("describe", ["answer | {'title': 3}", "answer | {'scalar': 1}", "answer | {'fixed': 3}"]),
        ("forward", [*ANY, "answer | {'changes': {99: np.zeros(3)}}", "answer | {'y': 'text'}"]),
        ("forward", ["answer | {'changes': {0: np.zeros(99)}}", STATE % 10**9, STATE % -1]),
        ("forward", ["answer | {'changes': {0: (np.array([99]), np.zeros(1))}}"]),
        ("forward", ["answer | {'changes': {0: (np.array(['a']), np.zeros(1))}}"]),
        ("backward", [*ANY, "answer | {'grads': {1: 2}}", "answer | {'grads': {'x': 'text'}}"]),
        ("backward", ["answer | {'lent': {0: (np.array([-99]), np.zeros(1))}}"]),
        ("backward", ["answer | {'returned': {'x': np.zeros(99)}}"]),
        ("outputs", [*ANY, "{'outputs': 1}", "{'outputs': [None]}", "{'outputs': [3.0]}"]),
    ],
)
def test_an_answer_of_another_form_ends_the_check(start, do, changes):
    code = f"""
    def patch(change):
        kind = next(t for t in object.__subclasses__() if t.__name__ == "Hosted")
        right = kind.{do}
        def wrong(self, *args):
            answer = right(self, *args)
            return eval(change, dict(answer=answer, np=np))
        kind.{do} = wrong
    """
    for change in changes:
        with start(code) as student:
            student.call("patch", change)
            with pytest.raises(ProtocolError, match="of another form"):
                gradcheck(remote_target(student, "Layer"), X)


def test_a_problem_of_python_objects_is_refused_and_the_check_could_go_on(there):
    with pytest.raises(TypeError, match="Python objects cannot be sent"):
        remote_target(there, "Layer").as_problem((X,), object, 0, None)
