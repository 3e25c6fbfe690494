"""Hints: what they are worth on mistakes by others, and what they are made of."""

import math
import threading

import numpy as np
import pytest

from tinyae import Layer, Linear, ReLU, Sequential, Tanh
from tinyae.checking import diagnosis, gradcheck
from tinyae.checking.adapters import as_problem
from tinyae.checking.contract import measure_baseline
from tinyae.checking.diagnosis.chain_rule import Draw
from tinyae.checking.diagnosis.recording import record
from tinyae.known_bugs import BUGS
from tinyae.known_bugs.correct_all import CORRECT_MORE
from tinyae.known_bugs.homework_all import HOMEWORK, LAST, LATER, UNSEEN

SEEN = [h for h in HOMEWORK if h not in UNSEEN + LATER + LAST]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ---- what they are worth -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "named"),
    [(SEEN, 162), (UNSEEN, 52), (LATER, 45), (LAST, 32)],
    ids=["seen", "unseen", "later", "last"],
)
def test_homework_is_caught_and_named(entries, named):
    """``SEEN`` was written by somebody who had not read the relations, but the relations were
    improved with it. The other sets were written by the author of the relations. Each was looked
    at only after the relations had been changed, and then they were improved with it. At first
    sight, the words of the cause were in the hints for 42 of 56 mistakes in ``UNSEEN``, 37 of 45 in
    ``LATER``, and 31 of 32 in ``LAST`` (one of these by accident). By eye, 3, 1 and 0 hints were
    misleading. ``LATER`` and ``LAST`` were written by an author who knew the relations well, so a
    stranger's mistakes may do worse. The limits here are what is reached now."""
    caught = right = misled = 0
    for homework in entries:
        target, inputs = homework.make(0)
        report = gradcheck(target, *inputs, kind=homework.kind)
        text = " ".join(x.text for x in [*report.hints, *report.findings])
        caught += not report.ok
        right += not report.ok and homework.named_in(text)
        misled += homework.misled_by(text)
    print(f"{len(entries)} mistakes: caught {caught}, named {right}, misleading {misled}")
    assert caught == len(entries) and right >= named and misled == 0


@pytest.mark.parametrize("examples", [BUGS[::4], SEEN[::6], UNSEEN[::4]], ids=["zoo", "seen", "un"])
def test_no_relation_throws(examples, monkeypatch):
    monkeypatch.setattr(diagnosis, "safely", lambda relation, case: relation(case))
    for example in examples:
        target, inputs = example.make(3)
        gradcheck(target, *inputs, kind=getattr(example, "kind", None))


def test_a_report_of_many_wrong_tensors_fits_on_a_screen():
    for name in ("lstm_gates_in_another_order", "attention_mask_forgotten"):
        target, inputs = next(h for h in HOMEWORK if h.name == name).make(0)
        assert len(str(gradcheck(target, *inputs)).splitlines()) < 40


# ---- forward's chain rule ------------------------------------------------------------------------


def draw(target, inputs, kind=None):
    problem = as_problem(target, inputs, kind=kind)
    baseline = measure_baseline(problem, np.random.default_rng(0))
    return Draw(problem, baseline.dy, baseline.grads)


def test_the_recorded_chain_rule_is_right():
    """For right layers, it gives backward's gradients to 7 digits. (Not where forward calls
    math.erf through np.vectorize: a part of it is not seen, and no hint comes from the rest.)"""
    right = {e.name for e in CORRECT_MORE if not draw(*e.make(0, 1.0)).wrong}
    assert {e.name for e in CORRECT_MORE} - right <= {"gelu"}


class Steps(Layer):
    """y = W tanh(x / ‖x‖) + x, with a mistake."""

    def __init__(self, mistake=""):
        self.params, self.mistake = {"W": normal(4, 4)}, mistake

    def forward(self, x):
        norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
        u = x / norm
        h = np.tanh(u)
        return h @ self.params["W"] + x, (u, norm, h)

    def backward(self, dy, cache):
        u, norm, h = cache
        dh = dy @ (self.params["W"] if self.mistake == "transpose" else self.params["W"].T)
        du = dh * (1 if self.mistake == "slope" else 1 - h**2)
        dx = (du - (self.mistake != "norm") * u * (du * u).sum(axis=1, keepdims=True)) / norm
        sign = {"skip": 0, "sign": -1, "twice": 2}.get(self.mistake, 1)
        return dx + sign * dy, {"W": h.T @ dy}


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("slope", ["the derivative of `np.tanh(u)` is missing"]),
        ("norm", ["`np.sqrt((x**2).sum(axis=1, keepdims=True))`", "as a constant in `x / norm`"]),
        ("skip", ["the path from x", '`h @ self.params["W"] + x`', "skip connection", "missing"]),
        ("sign", ["skip connection", "has the wrong sign"]),
        ("twice", ["skip connection", "counts twice"]),
        ("transpose", ["W", "transpos"]),
    ],
)
def test_a_hint_quotes_the_step_of_forward_that_backward_gets_wrong(mistake, words):
    assert gradcheck(Steps(), normal(5, 4, seed=1)).ok
    (hint,) = gradcheck(Steps(mistake), normal(5, 4, seed=1)).hints
    assert all(word in hint.text for word in words), hint.text


def test_a_step_that_explains_one_draw_only_is_not_named():
    """The gradient is a constant array, which is right but for one path at this very point."""
    y, t = normal(4, 3), normal(4, 3, seed=1)
    norm = np.linalg.norm(y)

    def loss(y, t):
        return (y * t).sum() / np.linalg.norm(y), t / norm

    def right_but_for_a_path(y, t):
        return (y * t).sum() / np.linalg.norm(y), t / np.linalg.norm(y)

    assert "constant in" in gradcheck(right_but_for_a_path, y, t).hints[0].text
    assert not any("except for one step" in h.text for h in gradcheck(loss, y, t).hints)


def test_loops_into_empty_arrays_and_plain_math_are_recorded():
    """Arrays from np.zeros, softplus by logaddexp, one number at a time with math.exp."""

    class Naive(Layer):
        def forward(self, x):
            h, y = np.zeros((len(x), 2)), np.zeros((len(x), 2))
            for i in range(len(x)):
                for j in range(2):
                    h[i, j] += x[i, j] * x[i, j + 1]
                    y[i, j] = math.exp(h[i, j])
            return np.logaddexp(0, y) + np.maximum(h, 0), (x, h, y)

        def backward(self, dy, cache):
            x, h, y = cache
            dh = dy * (y / (1 + np.exp(-y)) + (h > 0))
            dx = np.zeros_like(x)
            dx[:, :2] += dh * x[:, 1:]
            dx[:, 1:] += dh * x[:, :2]
            return dx, {}

    assert not draw(Naive(), (normal(3, 3),)).wrong


def test_numpy_is_itself_again_also_after_an_exception():
    before = np.zeros, np.exp, np.maximum, math.exp

    class Throws(Tanh):
        def forward(self, x):
            if x.dtype == object:
                raise RuntimeError("no objects")
            return super().forward(x)

    problem = as_problem(Throws(), (normal(2, 3),))
    with pytest.raises(RuntimeError, match="no objects"):
        record(problem, problem.tensors)
    assert before == (np.zeros, np.exp, np.maximum, math.exp)


def test_other_threads_and_numpys_own_generators_see_the_originals():
    seen = []

    class Looks(Tanh):
        def forward(self, x):
            other = threading.Thread(target=lambda: seen.append(np.zeros(2).dtype))
            other.start()
            other.join()
            seen.append(np.random.default_rng(0).random(3).dtype)
            return super().forward(x)

    problem = as_problem(Looks(), (normal(2, 3),))
    record(problem, problem.tensors)
    assert set(seen) == {np.dtype(float)}


def test_where_forward_cannot_be_recorded_the_relations_remain():
    class Casts(Tanh):
        def forward(self, x):
            return super().forward(np.asarray(x, float))

        def backward(self, dy, y):
            return 3 * super().backward(dy, y)[0], {}

    (hint,) = gradcheck(Casts(), normal(4, 3)).hints
    assert hint.kind == "factor" and "3 × numeric" in hint.text


# ---- single relations ----------------------------------------------------------------------------


def test_a_term_without_dy_is_named():
    class Adds(Linear):
        def backward(self, dy, x):
            dx, grads = super().backward(dy, x)
            return dx + x, grads

    report = gradcheck(Adds(4, 4, rng=0), normal(3, 4))
    assert any("backward adds x itself" in h.text for h in report.hints)


def test_the_gradient_at_the_labels_is_named():
    labels = np.array([0, 2, 1, 1, 0, 2])

    def cross_entropy(y, labels):
        p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
        i, d = np.arange(len(y)), p.copy()
        d[i, labels] = np.cos(p[i, labels])
        return -np.log(p[i, labels]).sum(), d

    (hint,) = gradcheck(cross_entropy, normal(6, 3), labels).hints
    assert "the entries of the right class (labels)" in hint.text


def test_a_mask_that_is_forgotten_inside_a_net_is_named():
    class NoMask(ReLU):
        def backward(self, dy, cache):
            return dy, {}

    net = Sequential(Linear(4, 6, rng=0), NoMask(), Linear(6, 2, rng=1))
    (hint,) = gradcheck(net, normal(5, 4)).hints
    assert hint.tensor == "x, 0.weight, 0.bias"
    assert "the mask, a factor of 0 and 1, in `x * (x > 0)` is missing" in hint.text
