"""``gradcheck`` of a target in the student's process says what it says of the same target here."""

import textwrap
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae.checking import assert_gradients, gradcheck
from tinyae.course import (
    Limits,
    MissingName,
    ProcessEnded,
    ProtocolError,
    StudentCode,
    StudentException,
    TimeLimit,
    remote_target,
)
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
CODE = """
    import numpy as np
    from tinyae import Linear, Sequential, Tanh

    class Layer:
        def __init__(self, n=5):
            self.params = {"W": np.random.default_rng(0).standard_normal((4, n)) * 0.5}
        def forward(self, x):
            return np.tanh(x @ self.params["W"].T), x
        def backward(self, dy, x):
            dz = dy * (1 - np.tanh(x @ self.params["W"].T) ** 2)
            return dz @ self.params["W"], {"W": dz.T @ x}

    class Dropout(Layer):
        def forward(self, x):
            mask = np.random.random(x.shape) < 0.5
            return x * mask, mask
        def backward(self, dy, mask):
            return dy * mask, {}

    class Stale(Layer):
        def forward(self, x):
            self.x = x
            return super().forward(x)
        def backward(self, dy, x):
            return super().backward(dy, self.x)

    class InPlace(Layer):
        def forward(self, x):
            y, x = super().forward(x)
            return y, (x, y)
        def backward(self, dy, cache):
            x, y = cache
            y *= y
            dy *= 1 - y
            return dy @ self.params["W"], {"W": dy.T @ x}

    class Buffer(Layer):
        dx = np.zeros((3, 5))
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            self.dx[...] = dx
            return self.dx, grads

    class Unlisted(Layer):
        def __init__(self):
            super().__init__()
            self.W = self.params.pop("W")
        def forward(self, x):
            return x @ self.W.T, None
        def backward(self, dy, _):
            return dy @ self.W, {}

    class Domain(Layer):
        def forward(self, x):
            if x[0, 0] > 1.00001:
                raise ValueError("outside")
            return np.log(2 + x**2), x
        def backward(self, dy, x):
            return dy * 2 * x / (2 + x**2), {}

    class TwoInputs:
        def forward(self, a, b):
            return (a * b, a + b), (a, b)
        def backward(self, dys, cache):
            (d, e), (a, b) = dys, cache
            return (d * b + e, d * a - e), {}

    def scaled(x, w, settings):
        return settings["a"] * x * w, (x, w, settings)
    def scaled_backward(dy, cache):
        x, w, settings = cache
        return settings["a"] * dy * w, (settings["a"] * dy * x).sum(axis=0), None

    def sine(x):
        return np.sin(x)
    def cosine(x):
        return np.cos(x)

    def mse(y, t):
        return ((y - t) ** 2).mean(), (y - t) / y.size

    def labels(x, i):
        return x[np.arange(len(i)), i].sum(), np.eye(x.shape[1])[i]

    def length(encoder, caches):
        value = 0.5 * (encoder.params["W"] ** 2).sum()
        return value, None, {"W": encoder.params["W"].copy()}

    def objective(model, x, rng):
        y, cache = model.forward(x + rng.standard_normal(x.shape))
        return 0.5 * (y**2).sum(), model.backward(y, cache)[1], {}

    def shapes(x):
        return x @ x, x

    def singular(x):
        return np.linalg.inv(0 * x), 1

    net = Sequential(Linear(5, 4, rng=0), Tanh(), Linear(4, 2, rng=1))
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Start a process for some code, which many tests then share."""

    @contextmanager
    def start(code):
        path = tmp_path_factory.mktemp("code") / "homework.py"
        path.write_text(textwrap.dedent(code))
        with StudentCode(path, Limits(seconds=30)) as student:
            yield student

    return start


@pytest.fixture(scope="module")
def there(start):
    """CODE in a process of its own."""
    with start(CODE) as student:
        yield student


@pytest.fixture(scope="module")
def examples(start):
    """EXAMPLES in a process of its own."""
    with start(EXAMPLES) as student:
        yield student


@pytest.fixture
def here():
    """The names of CODE, in this process."""
    names = {}
    exec(textwrap.dedent(CODE), names)
    return names


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
def test_every_kind_of_target_gets_the_same_report(there, here, name, inputs, options):
    before = [np.array(a, copy=True) for a in inputs if not isinstance(a, dict)]
    remote = gradcheck(remote_target(there, name), *inputs, **options)
    local = [here[n]() if isinstance(here[n], type) else here[n] for n in name.split(",")]
    if name == "scaled":
        local.append(here["scaled_backward"])
    target = tuple(local) if len(local) == 2 else local[0]
    expected = gradcheck(target, *inputs, **options)
    assert str(remote) == str(expected)
    assert remote.to_dict() == expected.to_dict()
    for a, b in zip(inputs, before, strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name, kind", [("length", "jacobian"), ("objective", "objective")])
def test_a_penalty_and_an_objective_get_a_layer_of_the_code(there, here, name, kind):
    layer = there.construct("Layer")
    remote = gradcheck(remote_target(there, name), layer, X, kind=kind)
    assert str(remote) == str(gradcheck(here[name], here["Layer"](), X, kind=kind))


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


# Exceptions


@pytest.mark.parametrize(
    "name, inputs", [("shapes", (X,)), ("shapes,mse", (X,)), ("mse", ()), ("Layer", (X.T,))]
)
def test_exceptions_are_those_of_a_local_target(there, here, name, inputs):
    local = [here[n]() if isinstance(here[n], type) else here[n] for n in name.split(",")]
    with pytest.raises((TypeError, ValueError)) as expected:
        gradcheck(tuple(local) if len(local) == 2 else local[0], *inputs)
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
        remote_target(there, "lenght")


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_the_end_of_the_process_ends_the_check(write, method, call):
    code = (
        CODE
        + f"""
    class Ends(Layer):
        calls = 0
        def {method}(self, *args):
            Ends.calls += 1
            if Ends.calls == {call}:
                __import__("os")._exit(0)
            return super().{method}(*args)
    """
    )
    with StudentCode(write(code)) as student:
        target = remote_target(student, "Ends")
        with pytest.raises(ProcessEnded, match="ended its process"):
            gradcheck(target, X)
    state = np.random.get_state()[1]  # noqa: NPY002
    assert len(state) == 624  # and np.random is as it was, whatever the code did


def test_the_time_of_all_requests_together_is_limited(write):
    code = (
        CODE
        + """
    class Slow(Layer):
        def forward(self, x):
            __import__("time").sleep(0.05)
            return super().forward(x)
    """
    )
    with StudentCode(write(code), Limits(total=0.8)) as student:
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
    code = (
        CODE
        + f"""
    def patch(change):
        kind = next(t for t in object.__subclasses__() if t.__name__ == "Hosted")
        right = kind.{do}
        def wrong(self, *args):
            answer = right(self, *args)
            return eval(change, dict(answer=answer, np=np))
        kind.{do} = wrong
    """
    )
    for change in changes:
        with start(code) as student:
            student.call("patch", change)
            with pytest.raises(ProtocolError, match="of another form"):
                gradcheck(remote_target(student, "Layer"), X)


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
