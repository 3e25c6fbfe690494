"""A step that fails has moved nothing; ε that is 0; a saved state that cannot be."""

import numpy as np
import pytest
from helpers.small import small_net

from tinyae import SGD, Adam
from tinyae.optim import cosine_schedule

SHAPES = {"0.weight": (7, 5), "0.bias": (7,), "2.weight": (1, 3, 2, 2)}
MAKE = {
    "SGD": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
    "Adam": lambda p: Adam(p, 0.01, weight_decay=0.1),
    "clipped": lambda p: Adam(p, 0.01, clip_norm=1.0),
}
every_optimizer = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


def arrays(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return {key: rng.normal(size=shape).astype(dtype) for key, shape in SHAPES.items()}


def everything(optimizer):
    """All that a step may move, copied."""
    state = {key: np.copy(a) for key, a in optimizer.state_dict().items()}
    return {**{f"w.{key}": w.copy() for key, w in optimizer.params.items()}, **state}


def unmoved(optimizer, before):
    now = everything(optimizer)
    assert now.keys() == before.keys()
    for key, a in before.items():
        np.testing.assert_array_equal(now[key], a, err_msg=key)


class Tensor:
    shape, dtype = (7,), "torch.float32"


BAD = {
    "None": None,
    "a number": 1.0,
    "a list": [0.0] * 7,
    "a tensor": Tensor(),
    "strings": np.full(7, "a"),
    "complex": np.ones(7, complex),
    "objects": np.full(7, None),
    "another shape": np.ones((7, 1)),
}


@every_optimizer
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("key", SHAPES)
def test_one_bad_gradient_among_good_ones_moves_nothing(make, bad, key):
    """Whichever parameter it belongs to: some are updated before it, some after."""
    params = arrays(0)
    optimizer = make(params)
    optimizer.step(arrays(1))
    before = everything(optimizer)
    with pytest.raises((TypeError, ValueError), match="step|gradient|norm"):
        optimizer.step(arrays(2) | {key: bad})
    unmoved(optimizer, before)


@every_optimizer
@pytest.mark.parametrize("key", SHAPES)
def test_a_read_only_parameter_is_named_and_the_others_stay(make, key):
    params = arrays(0)
    optimizer = make(params)
    params[key].flags.writeable = False
    before = everything(optimizer)
    with pytest.raises(ValueError, match=f"step: the parameter '{key}' is read-only"):
        optimizer.step(arrays(1))
    unmoved(optimizer, before)


@every_optimizer
@pytest.mark.parametrize("rate", [np.nan, -0.1, np.inf, None, "0.1", np.ones(3)])
def test_a_schedule_that_goes_wrong_later_moves_nothing(make, rate):
    optimizer = make(arrays(0))
    optimizer.lr = lambda step: 0.1 if step < 1 else rate
    optimizer.step(arrays(1))
    before = everything(optimizer)
    with pytest.raises((TypeError, ValueError), match="the learning rate at step 1 is"):
        optimizer.step(arrays(2))
    unmoved(optimizer, before)


@every_optimizer
def test_a_schedule_that_raises_moves_nothing(make):
    optimizer = make(arrays(0))
    optimizer.lr = lambda step: 1 / 0
    before = everything(optimizer)
    with pytest.raises(ZeroDivisionError):
        optimizer.step(arrays(1))
    unmoved(optimizer, before)


@every_optimizer
def test_numpys_error_state_cannot_stop_a_step_in_the_middle(make):
    """np.seterr(all="raise") finds where NaN comes from; g² of a small gradient underflows."""
    results = []
    for state in ("ignore", "raise"):
        params = arrays(0)
        grads = {key: g * np.float32(1e-30) for key, g in arrays(1).items()}
        with np.errstate(all=state):
            make(params).step(grads)
        results.append(params)
    for key, w in results[0].items():
        np.testing.assert_array_equal(w, results[1][key])


@every_optimizer
def test_integer_gradients_and_other_precisions_are_cast(make):
    params = arrays(0)
    make(params).step({key: np.ones(shape, int) for key, shape in SHAPES.items()})
    make(params).step(arrays(1, np.float64))
    assert all(w.dtype == np.float32 and np.isfinite(w).all() for w in params.values())


class TestEpsilon:
    @pytest.mark.parametrize("eps", [1e-8, 1e-7])
    def test_that_is_zero_in_half_precision_is_refused_with_a_way_out(self, eps):
        with pytest.raises(ValueError, match=rf"float16, in which eps = {eps} is 0.*float32.*1e-4"):
            Adam(arrays(0, np.float16), eps=eps)

    def test_the_way_out_works(self):
        params = arrays(0, np.float16)
        Adam(params, eps=1e-4).step({key: np.zeros_like(w) for key, w in params.items()})
        for key, w in arrays(0, np.float16).items():
            np.testing.assert_array_equal(params[key], w)  # a gradient of 0 moves nothing

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_other_precisions_accept_the_default(self, dtype):
        Adam(arrays(0, dtype))

    def test_an_epsilon_of_zero_is_the_users_wish(self):
        Adam(arrays(0, np.float16), eps=0)


class TestState:
    def state(self):
        optimizer = Adam(arrays(0))
        optimizer.step(arrays(1))
        return {key: np.copy(a) for key, a in optimizer.state_dict().items()}

    @pytest.mark.parametrize("slot", ["m", "v"])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
    def test_values_that_are_not_finite_are_refused(self, slot, value):
        state = self.state()
        state[f"{slot}.0.bias"] = np.full(7, value)
        optimizer = Adam(arrays(0))
        before = everything(optimizer)
        with pytest.raises(ValueError, match=f"Adam: {slot}.0.bias of the saved state"):
            optimizer.load_state_dict(state)
        unmoved(optimizer, before)

    def test_a_negative_second_moment_is_refused_a_negative_first_one_is_not(self):
        state, optimizer = self.state(), Adam(arrays(0))
        state["m.0.bias"][...] = -1
        optimizer.load_state_dict(state)
        state["v.0.bias"][3] = -1e-9
        with pytest.raises(ValueError, match="v.0.bias of the saved state"):
            optimizer.load_state_dict(state)

    @pytest.mark.parametrize("steps", [-1, 1.5, np.ones(2, int), np.nan])
    def test_a_number_of_steps_that_cannot_be(self, steps):
        state = self.state() | {"steps": np.array(steps)}
        with pytest.raises(ValueError, match="steps"):
            Adam(arrays(0)).load_state_dict(state)


def test_what_people_hand_to_an_optimizer():
    with pytest.raises(TypeError, match=r"Adam: params is .* write Adam\(model.params, ...\)"):
        Adam(small_net())
    with pytest.raises(TypeError, match="SGD: params"):
        SGD(list(arrays(0).values()), 0.1)
    for schedule in (Adam, "fast", None):
        with pytest.raises(TypeError, match="SGD: lr is .* a number above 0 or a schedule"):
            SGD(arrays(0), schedule)
    SGD(arrays(0), cosine_schedule(0.1, 3)).step(arrays(1))
