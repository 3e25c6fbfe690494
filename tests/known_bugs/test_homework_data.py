"""The homework is wrong where it says so, and only there; the correct entries are right.

``tinyae.checking`` is not asked: the numbers come from ``helpers.numeric``.
"""

import copy
import inspect
import re

import numpy as np
import pytest
from helpers.numeric import numeric_gradient

from tinyae.known_bugs.correct_all import CORRECT_MORE, SCALES
from tinyae.known_bugs.homework_all import HOMEWORK
from tinyae.known_bugs.homework_state import Affine
from tinyae.layers import Layer

TIES = [h for h in HOMEWORK if h.needs == "ties"]
STATE = [h for h in HOMEWORK if h.needs == "state"]
UNLISTED = [h for h in HOMEWORK if h.needs == "unlisted arrays"]
WRONG = [h for h in HOMEWORK if h not in TIES + STATE + UNLISTED]


def name(example):
    return example.name


class Claim:
    """A target's claimed gradients, and the number ``value()`` whose gradients they must be."""

    def __init__(self, target, inputs, seed=0):
        self.inputs = [np.array(a) for a in inputs]
        rng = np.random.default_rng(seed + 1000)  # not the inputs' seed: dy must not equal x
        if isinstance(target, Layer):
            twin = copy.deepcopy(target)  # backward may change its layer: a state bug
            self.f, forward, back = target.forward, twin.forward, twin.backward
            tensors = {**self.named(self.f), **target.params}
        elif isinstance(target, tuple):
            (self.f, back), forward = target, target[0]
            tensors = self.named(self.f)
        else:
            self.f, forward, back = target, target, None
            tensors = dict([*self.named(target).items()][:1])
        self.tensors = {n: v for n, v in tensors.items() if v.dtype.kind == "f"}
        y, cache = forward(*[a.copy() for a in self.inputs])
        self.dy = None if back is None else self.like(y, rng)
        self.gradients = self.claimed(back, cache)

    def named(self, f):
        return dict(zip(inspect.signature(f).parameters, self.inputs, strict=False))

    @staticmethod
    def like(y, rng):
        if isinstance(y, tuple):
            return tuple(rng.normal(size=a.shape) for a in y)
        return rng.normal(size=y.shape)

    def claimed(self, back, cache):
        if back is None:  # a loss returns its gradient in the cache's place
            return dict(zip(self.tensors, [cache], strict=True))
        given = back(copy.deepcopy(self.dy), cache)
        dx, grads = given if isinstance(given[1], dict) else (given, {})
        dx = dx if isinstance(dx, tuple) else (dx,)
        dx = [d for d in dx if d is not None]  # None: an input of integers
        return dict(zip([n for n in self.tensors if n not in grads], dx, strict=True)) | grads

    def value(self):
        y, _ = self.f(*[a.copy() for a in self.inputs])
        if self.dy is None:
            return float(y)
        ys, dys = (y, self.dy) if isinstance(y, tuple) else ((y,), (self.dy,))
        return float(sum((a * d).sum() for a, d in zip(ys, dys, strict=True)))

    def wrong(self, tolerance=1e-5):
        """The tensors with a wrong gradient. At a kink each number between both slopes is right."""
        return {n for n, v in self.tensors.items() if self.differs(n, v, tolerance)}

    def differs(self, n, v, tolerance):
        g = np.asarray(self.gradients[n])
        if g.shape != v.shape:
            return True
        d = numeric_gradient(self.value, v)
        bound = tolerance * max(np.abs(g).max(), np.abs(d).max(), 1e-3)
        off = zip(*np.nonzero(np.abs(g - d) > bound), strict=True)
        return any(not self.at_kink(v, i, g[i], bound) for i in off)

    def at_kink(self, v, i, g, bound, h=1e-6):
        before, middle = v[i], self.value()
        v[i] = before + h
        above = (self.value() - middle) / h
        v[i] = before - h
        below = (middle - self.value()) / h
        v[i] = before
        kink = abs(above - below) > 10 * bound
        return kink and min(above, below) - bound <= g <= max(above, below) + bound


@pytest.mark.parametrize("entry", WRONG, ids=name)
@pytest.mark.parametrize("seed", range(3))
def test_homework_is_wrong_in_the_named_tensors_and_nowhere_else(entry, seed):
    assert Claim(*entry.make(seed), seed).wrong() == set(entry.tensors)


@pytest.mark.parametrize("entry", TIES, ids=name)
@pytest.mark.parametrize("seed", range(3))
def test_ties_show_where_all_entries_move_together(entry, seed):
    """Entry by entry each number is a valid slope. All together they are not: along (1, 1, ...)
    nothing has a kink."""
    claim = Claim(*entry.make(seed), seed)
    (x,), (g,) = claim.tensors.values(), claim.gradients.values()
    start, slope = x.copy(), []
    for h in (1e-6, -1e-6):
        x[...] = start + h
        slope.append(claim.value())
    slope = (slope[0] - slope[1]) / 2e-6
    assert not np.isclose(g.sum(), slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("entry", CORRECT_MORE, ids=name)
@pytest.mark.parametrize("seed", range(3))
def test_correct_entry_is_right(entry, seed):
    assert not Claim(*entry.make(seed, 1.0), seed).wrong()


@pytest.mark.parametrize("entry", CORRECT_MORE, ids=name)
def test_correct_entry_is_finite_at_every_scale(entry):
    for scale in SCALES:
        claim = Claim(*entry.make(0, scale))
        assert np.isfinite(claim.value())
        assert all(np.isfinite(g).all() for g in claim.gradients.values())


def faults_in_use(layer, x):
    """What goes wrong when the layer is used more than once."""
    a, b = x.copy(), x[::-1] + 1
    fresh = copy.deepcopy(layer)
    y, cache = fresh.forward(a.copy())
    y, dy = y.copy(), np.random.default_rng(9).normal(size=y.shape)
    dx, grads = copy.deepcopy(fresh.backward(dy.copy(), cache))
    params, given = copy.deepcopy(dict(layer.params)), dy.copy()
    kept_y, cache = layer.forward(a)
    layer.forward(b)
    kept_dx, kept = layer.backward(given, cache)
    dx1, grads1 = kept_dx.copy(), copy.deepcopy(kept)
    dx2, grads2 = layer.backward(2 * dy, cache)

    def differ(p, q, factor=1):
        return any(not np.allclose(p[n], factor * q[n]) for n in q)

    found = {
        "x changed": not np.array_equal(a, x),
        "dy changed": not np.array_equal(given, dy),
        "y changed": not np.allclose(kept_y, y),
        "parameters changed": differ(layer.params, params),
        "another forward": not np.allclose(dx1, dx) or differ(grads1, grads),
        "second backward": not np.allclose(dx2, 2 * dx) or differ(grads2, grads, 2),
        "gradients changed": not np.allclose(kept_dx, dx1) or differ(kept, grads1),
    }
    return {fault for fault, there in found.items() if there}


@pytest.mark.parametrize("entry", STATE, ids=name)
def test_state_shows_in_a_second_use(entry):
    layer, (x,) = entry.make()
    assert faults_in_use(layer, x)


@pytest.mark.parametrize("entry", [h for h in STATE if h.name != "draws_each_time"], ids=name)
def test_state_is_right_at_first_use(entry):
    assert not Claim(*entry.make()).wrong()


def test_a_layer_without_state_has_no_fault():
    rng = np.random.default_rng(0)
    assert not faults_in_use(Affine(rng), rng.normal(size=(6, 5)))


@pytest.mark.parametrize("entry", UNLISTED, ids=name)
def test_unlisted_arrays_move_the_output(entry):
    layer, (x,) = entry.make()
    owner = getattr(layer, "inner", layer)
    arrays = [*vars(owner).values(), *owner.params.values()]
    listed = {id(p) for p in layer.params.values()}
    hidden = [a for a in arrays if isinstance(a, np.ndarray) and id(a) not in listed]
    before = layer.forward(x)[0]
    hidden[0] += 1
    assert not np.allclose(layer.forward(x)[0], before)


def test_names_are_unique_and_every_entry_says_its_cause():
    for entries in (HOMEWORK, CORRECT_MORE):
        assert len({e.name for e in entries}) == len(entries)
        assert all(e.about.endswith(".") for e in entries)
    assert all(h.cause and h.tensor for h in HOMEWORK)
    for pattern in [p for h in HOMEWORK for p in h.cause + h.misleading]:
        re.compile(pattern)


def test_hints_are_judged_by_the_words_of_the_cause():
    entry = next(h for h in HOMEWORK if h.name == "residual_skip_forgotten")
    assert entry.named_in("dx lacks dy: was the skip forgotten?")
    assert not entry.named_in("the gradient is zero")
    assert entry.misled_by("The error is in the dx of layer f")


def test_a_list_of_what_does_not_fit_names_nothing():
    entry = next(h for h in HOMEWORK if h.name == "bilinear_not_transposed")
    said = "25 of 25 entries of a are wrong and no known cause fits: not a factor, a transpose."
    values = " Backward for numeric: (0,0) 0.5 for 1 (× 0.5); (0,1) -2 for 2 (× -1)"
    assert not entry.named_in(said + values)
    assert entry.named_in(said + values + " It would be right for w after transposing it")


def test_there_is_enough_of_both():
    assert len(HOMEWORK) >= 60
    assert len(CORRECT_MORE) >= 40
