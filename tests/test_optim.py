"""SGD and Adam by hand, compared with the textbook form and PyTorch; schedules; clipping."""

import numpy as np
import pytest
from helpers.numeric import close
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyae.optim
from tinyae import SGD, Adam
from tinyae.optim import adam_textbook, clip_by_norm, cosine_schedule, gradient_norm, step_decay

INSTALL = "compares with PyTorch: pip install torch==2.13.0"
SHAPES = {"0.weight": (7, 5), "0.bias": (7,), "2.weight": (1, 3, 2, 2)}


def random_arrays(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {key: rng.normal(size=shape).astype(dtype) for key, shape in SHAPES.items()}


def optimizers():
    return {
        "SGD": lambda p: SGD(p, 0.1),
        "momentum": lambda p: SGD(p, 0.1, momentum=0.9),
        "nesterov": lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
        "Adam": lambda p: Adam(p, 0.01),
        "AdamW, clipped, cosine": lambda p: Adam(
            p, cosine_schedule(0.01, 30, warmup=3), weight_decay=0.1, clip_norm=1.0
        ),
    }


every_optimizer = pytest.mark.parametrize("make", optimizers().values(), ids=optimizers().keys())


def test_sgd_by_hand():
    w, g = np.array([1.0]), {"w": np.array([1.0])}
    plain = SGD({"w": w}, lr=0.5)
    plain.step(g)
    assert w == 0.5
    w[...] = 1
    heavy = SGD({"w": w}, lr=0.5, momentum=0.5)
    heavy.step(g)  # u = 1
    heavy.step(g)  # u = 1.5
    assert w == 1 - 0.5 - 0.75
    w[...] = 1
    nesterov = SGD({"w": w}, lr=0.5, momentum=0.5, nesterov=True)
    nesterov.step(g)  # u = 1, g + 0.5 u = 1.5
    nesterov.step(g)  # u = 1.5, g + 0.5 u = 1.75
    assert w == 1 - 0.75 - 0.875
    w[...] = 1
    SGD({"w": w}, lr=0.5, weight_decay=0.1).step(g)
    assert w == pytest.approx(1 * (1 - 0.05) - 0.5)


@settings(max_examples=20)
@given(
    st.floats(1e-5, 1),
    st.floats(0, 0.99),
    st.floats(0.5, 0.9999),
    st.integers(1, 30),
    st.integers(1, 40),
)
def test_adam_is_the_textbooks(lr, beta1, beta2, steps, block):
    rng = np.random.default_rng(steps)
    w = rng.normal(size=(5, 7))
    t_w, m, v = w.copy(), np.zeros_like(w), np.zeros_like(w)
    optimizer = Adam({"w": w}, lr, (beta1, beta2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tinyae.optim, "BLOCK", block)  # splits the array in the middle
        for t in range(1, steps + 1):
            g = rng.normal(size=w.shape)
            optimizer.step({"w": g})
            t_w, m, v = adam_textbook(t_w, g, m, v, t, lr, beta1, beta2)
    close(w, t_w, 1e-12)


def test_adams_first_step_is_the_learning_rate():
    w = np.zeros(3, np.float32)
    Adam({"w": w}, 0.01).step({"w": np.array([1e-3, -5, 1e3], np.float32)})
    np.testing.assert_allclose(w, [-0.01, 0.01, -0.01], rtol=1e-4)


def test_adam_at_a_gradient_of_zero():
    w = np.ones(3, np.float32)
    Adam({"w": w}, 0.01).step({"w": np.zeros(3, np.float32)})
    assert (w == 1).all()


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_is_in_place_keeps_the_dtype_and_leaves_the_gradients(make, dtype):
    params, grads = random_arrays(0, dtype), random_arrays(1, dtype)
    before, arrays = {k: g.copy() for k, g in grads.items()}, dict(params)
    optimizer = make(params)
    for g in grads.values():
        g.flags.writeable = False
    for _ in range(3):
        optimizer.step(grads)
    for key, w in params.items():
        assert (
            w is arrays[key]
            and w.dtype == dtype
            and not np.array_equal(w, random_arrays(0, dtype)[key])
        )
        assert {slot[key].dtype for slot in optimizer.state.values()} <= {np.dtype(dtype)}
        np.testing.assert_array_equal(grads[key], before[key])
    assert optimizer.steps == 3


@every_optimizer
def test_state_can_be_saved_and_loaded(make):
    """n steps, save, load into a new optimizer, m steps: the same bits as n + m steps."""
    params, other = random_arrays(0), random_arrays(0)
    one, two = make(params), make(other)
    for t in range(4):
        one.step(random_arrays(t))
        two.step(random_arrays(t))
    state = {key: a.copy() for key, a in two.state_dict().items()}
    three = make(other)
    three.load_state_dict(state)
    for t in range(4, 8):
        one.step(random_arrays(t))
        three.step(random_arrays(t))
    for key in params:
        np.testing.assert_array_equal(params[key], other[key])


def test_a_state_of_another_optimizer_is_refused():
    adam, sgd = Adam(random_arrays(0)), SGD(random_arrays(0), 0.1)
    with pytest.raises(ValueError, match="Adam: the saved state does not fit"):
        adam.load_state_dict(sgd.state_dict())
    with pytest.raises(ValueError, match="SGD: the saved state does not fit"):
        sgd.load_state_dict(adam.state_dict())
    with pytest.raises(ValueError, match=r"does not fit at 'm\.w'"):
        Adam({"w": np.zeros(3)}).load_state_dict(
            Adam({"w": np.zeros(4)}).state_dict() | {"v.w": np.zeros(3)}
        )


@every_optimizer
@pytest.mark.parametrize("block", [5, 1000])
def test_a_parameter_that_is_a_transposed_view_is_updated_too(make, block, monkeypatch):
    """``decoder.params["weight"] = encoder.params["weight"].T`` is the natural way to tie
    weights."""
    monkeypatch.setattr(tinyae.optim, "BLOCK", block)
    w = np.random.default_rng(0).normal(size=(3, 4))
    view, plain, g = w.copy().T, w.T.copy(), np.random.default_rng(1).normal(size=(4, 3))
    for params in ({"w": view}, {"w": plain}):
        make(params).step({"w": g})
    close(view, plain, 1e-15)


def test_strides_of_the_gradient_do_not_matter():
    w, v = np.ones((3, 4)), np.ones((3, 4))
    g = np.random.default_rng(0).normal(size=(4, 3)).T
    Adam({"w": w}).step({"w": g})
    Adam({"w": v}).step({"w": g.copy()})
    np.testing.assert_array_equal(w, v)


def test_clipping():
    grads = {"a": np.array([3.0]), "b": np.array([[0.0, 4.0]])}
    assert gradient_norm(grads) == 5
    clipped, norm = clip_by_norm(grads, 1.0)
    assert norm == 5 and clipped["a"] == pytest.approx(0.6)
    assert clipped["b"].tolist() == [[0, pytest.approx(0.8)]]
    assert clip_by_norm(grads, 5.0) == (grads, 5) and grads["a"] == 3
    w = {"a": np.zeros(1), "b": np.zeros((1, 2))}
    SGD(w, 1.0, clip_norm=2.5).step(grads)
    assert w["a"] == -1.5 and w["b"].tolist() == [[0, -2]]


def test_cosine():
    rate = cosine_schedule(2.0, steps=110, warmup=10, final=0.5)
    assert [rate(0), rate(4), rate(9), rate(10)] == [0.2, 1.0, 2.0, 2.0]
    assert rate(60) == pytest.approx(1.25) and rate(110) == 0.5 and rate(10**6) == 0.5
    values = [rate(t) for t in range(10, 111)]
    assert values == sorted(values, reverse=True)
    for warmup, steps in [(5, 5), (-1, 5), (0, 0)]:
        with pytest.raises(
            ValueError, match=f"cosine_schedule: warmup is {warmup}, .* steps = {steps}"
        ):
            cosine_schedule(1.0, steps, warmup)


def test_step_decay():
    rate = step_decay(1.0, every=10, factor=0.5)
    assert [rate(t) for t in (0, 9, 10, 19, 20)] == [1, 1, 0.5, 0.5, 0.25]
    with pytest.raises(ValueError, match="every is 0"):
        step_decay(1.0, 0)


def test_a_schedule_is_followed():
    w = np.zeros(1)
    optimizer = SGD({"w": w}, step_decay(1.0, every=2))
    seen = []
    for _ in range(4):
        seen.append(optimizer.current_lr)
        optimizer.step({"w": np.ones(1)})
    assert seen == [1, 1, 0.1, 0.1] and w == pytest.approx(-2.2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: SGD(p, -1), "SGD: lr is -1"),
        (lambda p: Adam(p, float("nan")), "Adam: lr is nan"),
        (lambda p: SGD(p, 0.1, momentum=1), r"momentum is 1, expected a number in \[0, 1\)"),
        (lambda p: SGD(p, 0.1, momentum=-0.1), "momentum is -0.1"),
        (lambda p: SGD(p, 0.1, nesterov=True), "nesterov=True needs a momentum"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), r"betas are \(0.9, 1.0\)"),
        (lambda p: Adam(p, betas=(0.9,)), r"betas are \(0.9,\), expected two"),
        (lambda p: Adam(p, eps=-1e-8), "eps is -1e-08"),
        (lambda p: Adam(p, weight_decay=-1), "weight_decay is -1"),
        (lambda p: Adam(p, clip_norm=0), "clip_norm is 0"),
        (lambda p: Adam({}), "no parameters"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ValueError, match=words):
        make({"w": np.zeros(2)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.pop("0.bias"), r"missing \['0.bias'\], unknown \[\]"),
        (lambda g: g.update(other=np.zeros(1)), r"missing \[\], unknown \['other'\]"),
        (
            lambda g: g.update({"0.bias": np.zeros((7, 1))}),
            r"gradient of '0.bias' has shape \(7, 1\), the parameter \(7,\)",
        ),
    ],
)
def test_gradients_that_do_not_belong_change_nothing(change, words):
    params, grads = random_arrays(0), random_arrays(1)
    optimizer = Adam(params)
    change(grads)
    with pytest.raises(ValueError, match=words):
        optimizer.step(grads)
    assert optimizer.steps == 0
    for key, w in random_arrays(0).items():
        np.testing.assert_array_equal(params[key], w)


@pytest.mark.oracle
class TestPyTorch:
    @pytest.mark.parametrize(
        "name", ["SGD", "momentum", "nesterov", "Adam", "Adam, other betas", "AdamW"]
    )
    def test_fifty_steps(self, name):
        torch = pytest.importorskip("torch", reason=INSTALL)
        make, theirs = {
            "SGD": (lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1)),
            "momentum": (
                lambda p: SGD(p, 0.1, momentum=0.9),
                lambda p: torch.optim.SGD(p, 0.1, 0.9),
            ),
            "nesterov": (
                lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
                lambda p: torch.optim.SGD(p, 0.1, 0.9, nesterov=True),
            ),
            "Adam": (lambda p: Adam(p, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
            "Adam, other betas": (
                lambda p: Adam(p, 0.01, (0.5, 0.99), 1e-3),
                lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.99), 1e-3),
            ),
            "AdamW": (
                lambda p: Adam(p, 0.01, weight_decay=0.1),
                lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
            ),
        }[name]
        params = random_arrays(0)
        tensors = {key: torch.tensor(w, requires_grad=True) for key, w in params.items()}
        ours, reference = make(params), theirs(list(tensors.values()))
        for t in range(50):
            grads = random_arrays(t + 1)
            for key, tensor in tensors.items():
                tensor.grad = torch.tensor(grads[key])
            ours.step(grads)
            reference.step()
        for key, w in params.items():
            close(w, tensors[key].detach().numpy(), 1e-12)

    def test_clip_grad_norm(self):
        torch = pytest.importorskip("torch", reason=INSTALL)
        grads = random_arrays(0)
        tensors = {key: torch.zeros(shape, dtype=torch.float64) for key, shape in SHAPES.items()}
        for key, tensor in tensors.items():
            tensor.grad = torch.tensor(grads[key])
        norm = torch.nn.utils.clip_grad_norm_(tensors.values(), 0.5)
        clipped, ours = clip_by_norm(grads, 0.5)
        assert ours == pytest.approx(norm.item(), rel=1e-12)
        for key, g in clipped.items():
            # PyTorch divides by norm + 1e-6
            np.testing.assert_allclose(g, tensors[key].grad.numpy(), rtol=1e-6)
