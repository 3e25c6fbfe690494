"""``gradcheck`` of a target in the student's process says what it says of the same target here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.checking import assert_gradients, gradcheck
from tinyae.course import remote_target
from tinyae.course.hosted import Mirror
from tinyae.course.remote import RemoteTarget
from tinyae.known_bugs import BUGS, CORRECT
from tinyae.known_bugs.correct_all import CORRECT_MORE
from tinyae.known_bugs.homework_all import HOMEWORK

COLLECTIONS = {"BUGS": BUGS, "CORRECT": CORRECT, "HOMEWORK": HOMEWORK, "CORRECT_MORE": CORRECT_MORE}
EXAMPLES = """
from tinyae.known_bugs import BUGS, CORRECT
from tinyae.known_bugs.correct_all import CORRECT_MORE
from tinyae.known_bugs.homework_all import HOMEWORK

def make(collection, name):
    return next(e for e in globals()[collection] if e.name == name).make(0)
"""


@pytest.fixture(scope="module")
def examples(start):
    """EXAMPLES in a process of its own."""
    with start(EXAMPLES) as student:
        yield student


def draw(*shape):
    return np.random.default_rng(1).standard_normal(shape)


X = draw(3, 5)
LABELS = np.array([0, 2, 4])


@pytest.mark.parametrize(
    "name, inputs, options",
    [
        ("Layer", (X,), {}),
        ("Layer", (X,), {"method": "complex"}),
        ("Layer", (X,), {"method": "richardson"}),
        ("Layer", (X,), {"method": "forward"}),
        ("Layer", (X,), {"method": "directions"}),
        ("Layer", (X,), {"dtype": np.float32}),
        ("Layer", (X,), {"max_entries": 10, "samples": 4}),
        ("Layer", (X.tolist(),), {}),
        ("Dropout", (X,), {}),
        ("Stale", (X,), {}),
        ("InPlace", (X,), {}),
        ("Buffer", (X,), {}),
        ("Unlisted", (X,), {}),
        ("Domain", (np.ones((2, 3)),), {}),
        ("TwoInputs", (X, X + 1), {}),
        ("scaled", (X, X[0], {"a": 3.0}), {}),
        ("sine,cosine", (X,), {}),
        ("mse", (X, X + 1), {}),
        ("labels", (X, LABELS), {}),
        ("net", (X,), {}),
    ],
)
def test_every_kind_of_target_gets_the_same_report(there, local, name, inputs, options):
    before = [np.array(a, copy=True) for a in inputs if not isinstance(a, dict)]
    remote = gradcheck(remote_target(there, name), *inputs, **options)
    both = f"{name},scaled_backward" if name == "scaled" else name
    expected = gradcheck(local(both), *inputs, **options)
    assert str(remote) == str(expected)
    assert remote.to_dict() == expected.to_dict()
    for a, b in zip(inputs, before, strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name, kind", [("length", "jacobian"), ("objective", "objective")])
def test_a_penalty_and_an_objective_get_a_layer_of_the_code(there, local, name, kind):
    layer = there.construct("Layer")
    remote = gradcheck(remote_target(there, name), layer, X, kind=kind)
    assert str(remote) == str(gradcheck(local(name), local("Layer"), X, kind=kind))


def sample():
    for collection, examples in COLLECTIONS.items():
        for example in examples[::12]:
            yield pytest.param(collection, example, id=f"{collection}-{example.name}")


@pytest.mark.parametrize("collection, example", [*sample()])
def test_known_bugs_and_correct_targets_get_the_same_report(examples, collection, example):
    kind = getattr(example, "kind", None)
    target, inputs = examples.call("make", collection, example.name)
    remote = gradcheck(RemoteTarget(examples, target), *inputs, kind=kind)
    target, inputs = example.make(0)
    local = gradcheck(target, *inputs, kind=kind)
    assert str(remote) == str(local)
    assert (remote.ok, [h.kind for h in remote.hints]) == (local.ok, [h.kind for h in local.hints])


def test_many_outputs_come_in_one_message(there):
    before = there._connection._number
    assert_gradients(remote_target(there, "Layer"), X)
    assert there._connection._number - before < 40  # of more than 70 forward passes
    with pytest.raises(AssertionError, match="WRONG"):
        assert_gradients(remote_target(there, "TwoInputs"), X, X)


def test_exact_arithmetic_is_replaced_and_it_is_said(there):
    report = gradcheck(remote_target(there, "net"), X, method="dual")
    assert report.ok and "finite differences were used" in str(report)


# Arrays that both processes have


@given(st.data())
def test_mirrors_are_equal_after_each_exchange(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    shapes = data.draw(st.lists(st.sampled_from([(), (3,), (2, 9), (4, 2, 3)]), max_size=3))
    arrays = [rng.standard_normal(shape) for shape in shapes]
    views = [a.T for a in arrays]  # an array need not be contiguous
    one, other = Mirror(views), Mirror([v.copy() for v in views])
    for _ in range(3):
        for a in one.arrays:
            if data.draw(st.booleans()):
                where = rng.random(a.shape) < data.draw(st.sampled_from([0.1, 0.9]))
                a[where] = rng.standard_normal()
        other.apply(one.changes())
        for a, b in zip(one.arrays, other.arrays, strict=True):
            np.testing.assert_array_equal(a, b)
        assert one.changes() == other.changes() == {}
        one, other = other, one


def test_few_changes_are_sent_alone():
    a = np.zeros((100, 100))
    mirror = Mirror([a])
    a[3, 4] = 1
    ((where, values),) = mirror.changes().values()
    assert where.tolist() == [304] and values.tolist() == [1.0]
    a += 1
    assert mirror.changes()[0].shape == (100, 100)
    a[0, 0] = 7
    mirror.restore()
    assert a[0, 0] == 1
