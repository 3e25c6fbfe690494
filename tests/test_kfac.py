"""K-FAC: its pieces against brute force, its invariance, and its state."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.small import DATA, same_bits, small_net

from tinyae import (
    Autoencoder,
    Conv2d,
    Linear,
    Sequential,
    Sigmoid,
    Tanh,
    bce,
    bce_with_logits,
    cross_entropy,
    fit,
    freeze,
    mse,
)
from tinyae.kfac import KFAC
from tinyae.models import deep_autoencoder, linear_autoencoder, tied_autoencoder, vae
from tinyae.objectives.likelihood import LIKELIHOODS
from tinyae.training.workers import Workers, loss_and_gradients

NAMES = ("0", "2")  # of the Linear layers


def net(sizes=(4, 3, 2), seed=0):
    rng = np.random.default_rng(seed)
    first, second = (
        Linear(a, b, rng=rng, dtype=np.float64) for a, b in zip(sizes[:2], sizes[1:], strict=True)
    )
    return Sequential(first, Tanh(), second)


def examples(n=6, d=4, seed=1):
    return np.random.default_rng(seed).normal(size=(n, d))


def output_jacobian(model, x):
    """``{key: (N, out, *shape of the parameter)}``, by central differences."""
    j, h = {}, 1e-6
    for key, w in model.params.items():
        columns = []
        for i in np.ndindex(w.shape):
            before = w[i]
            w[i] = before + h
            above = model(x)
            w[i] = before - h
            columns.append((above - model(x)) / (2 * h))
            w[i] = before
        j[key] = np.stack(columns, axis=-1).reshape(*model(x).shape, *w.shape)
    return j


def hessian_of_the_loss(model, x, loss):
    """H of each example, (N, out, out): the second derivative of −log p(t | a), by brute force."""
    a = model(x)
    if loss is mse:
        return np.stack([2 * np.eye(a.shape[1])] * len(x))
    p = 1 / (1 + np.exp(-a))
    return np.stack([np.diag(row) for row in p * (1 - p)])


def fisher_form(model, x, loss, u, v):
    """``uᵀ F v`` with F = mean of JᵀHJ, from the brute-force J."""
    j, h = output_jacobian(model, x), hessian_of_the_loss(model, x, loss)
    ju, jv = (
        sum(np.tensordot(j[key], d[key], axes=d[key].ndim) for key in d) for d in (u, v)
    )  # (N, out)
    return np.einsum("no,nop,np->", ju, h, jv) / len(x)


def direction(model, seed):
    rng = np.random.default_rng(seed)
    return {key: rng.normal(size=w.shape) for key, w in model.params.items()}


@pytest.mark.parametrize("loss", [mse, bce_with_logits])
def test_the_curvature_is_that_of_the_brute_force_fisher_matrix(loss):
    model, x = net(), examples()
    kfac = KFAC(model, loss, fraction=1)
    u, v = direction(model, 2), direction(model, 3)
    matrix = kfac.curvature([u, v])(model, x, None)[1]["matrix"]
    wanted = [[fisher_form(model, x, loss, a, b) for b in (u, v)] for a in (u, v)]
    np.testing.assert_allclose(matrix, wanted, rtol=1e-7)


@pytest.mark.parametrize("loss", [mse, bce_with_logits])
def test_the_factors_of_one_example_give_its_block_of_the_fisher_matrix(loss):
    """For one example, x̄ is fixed, so F = G ⊗ A is exact. The targets are samples: many copies of
    the example give the expectation, up to 1/√n."""
    model, x = net(), examples(1)
    copies = np.repeat(x, 40_000, axis=0)
    kfac = KFAC(model, loss, fraction=1)
    means = kfac.factors(model, copies, np.random.default_rng(4))[1]
    j, h = output_jacobian(model, x), hessian_of_the_loss(model, x, loss)
    for name in NAMES:
        w, b = j[f"{name}.weight"][0], j[f"{name}.bias"][0]  # (out, rows, in), (out, rows)
        full = np.concatenate([w, b[:, :, None]], axis=2).reshape(len(w), -1)  # of vec(W̄)
        fisher = full.T @ h[0] @ full
        kron = np.kron(means[f"G.{name}"], means[f"A.{name}"])  # vec row by row: G ⊗ A
        assert np.abs(kron - fisher).max() < 0.03 * np.abs(fisher).max()


def test_a_is_the_second_moment_of_the_inputs_with_a_one():
    model, x = net(), examples()
    means = KFAC(model, mse, fraction=1).factors(model, x, np.random.default_rng(0))[1]
    with_one = np.concatenate([x, np.ones((6, 1))], axis=1)
    np.testing.assert_allclose(means["A.0"], with_one.T @ with_one / 6)


@pytest.mark.parametrize("loss", [mse, bce_with_logits])
def test_where_the_targets_are_the_models_means_the_model_is_exact_to_second_order(loss):
    """There the residuals are 0, so the Gauss-Newton matrix is the Hessian: a second difference of
    the objective along δ is δᵀFδ."""
    model, x, h = net(), examples(), 1e-3
    target = model(x) if loss is mse else 1 / (1 + np.exp(-model(x)))
    kfac, d = KFAC(model, loss, fraction=1), direction(model, 5)

    def value(t):
        for key, w in model.params.items():
            w += t * d[key]
        result = 2 * kfac.loss(model, (x, target), None)[0]
        for key, w in model.params.items():
            w -= t * d[key]
        return result

    second = (value(h) - 2 * value(0) + value(-h)) / h**2
    assert second == pytest.approx(
        kfac.curvature([d])(model, x, None)[1]["matrix"].item(), rel=1e-3
    )


def one_step(model, data, loss, kfac=None, seed=0, workers=1, **options):
    options = {"fraction": 1, "l2": 0, "damping": 1e-16, "damping_floor": 1e-16, **options}
    kfac = kfac or KFAC(model, loss, **options)
    with Workers(workers) as pool:
        kfac.observe(lambda f: loss_and_gradients(model, data, f, pool, [seed]))
        grads = loss_and_gradients(model, data, kfac.objective, pool, [seed])[1]
        kfac.step(grads, pool.map)
    return kfac


def test_one_step_solves_a_linear_least_squares_problem():
    """One Linear layer and mse: F is G ⊗ A with G = 2I, and the quadratic model is exact."""
    x, rng = examples(50), np.random.default_rng(6)
    target = rng.normal(size=(50, 3))
    model = Sequential(Linear(4, 3, rng=0, dtype=np.float64))
    kfac = KFAC(model, mse, fraction=1, l2=0, damping=1e-16, damping_floor=1e-16)
    noisy = lambda a, rng: a + np.sqrt(0.5) * orthogonal_noise(a)  # noqa: E731
    kfac.likelihood = replace(kfac.likelihood, sample=noisy)
    one_step(model, (x, target), mse, kfac)
    solution = np.linalg.lstsq(np.c_[x, np.ones(50)], target, rcond=None)[0].T
    np.testing.assert_allclose(model.params["0.weight"], solution[:, :4], rtol=1e-5)
    np.testing.assert_allclose(model.params["0.bias"], solution[:, 4], rtol=1e-5)


def orthogonal_noise(a):
    """Noise whose second moment over the batch is exactly I."""
    q, _ = np.linalg.qr(np.random.default_rng(7).normal(size=a.shape))
    return q * np.sqrt(len(a))


@pytest.mark.parametrize("loss", [mse, bce_with_logits])
def test_a_step_does_not_depend_on_an_affine_change_of_the_inputs(loss):
    """Theorem 1 of Martens & Grosse 2015: with x' = C x + c, and weights that make the same net of
    it, the nets are also the same after a step (without damping). Plain gradients are not."""
    rng, x = np.random.default_rng(8), examples(40)
    c, shift = np.eye(4) + 0.5 * rng.normal(size=(4, 4)), rng.normal(size=4)
    target = rng.uniform(size=(40, 2))
    model, other = net(), net()
    x_other = x @ c.T + shift
    w = model.params["0.weight"]
    other.params["0.weight"][...] = w @ np.linalg.inv(c)
    other.params["0.bias"][...] -= other.params["0.weight"] @ shift
    np.testing.assert_allclose(other(x_other), model(x), rtol=1e-10)
    before = model(x)
    for m, inputs in ((model, x), (other, x_other)):
        kfac = one_step(m, (inputs, target), loss)
        one_step(m, (inputs, target), loss, kfac, seed=1)  # with the previous step, too
    moved, difference = np.abs(model(x) - before).max(), np.abs(other(x_other) - model(x)).max()
    assert moved > 0.1 and difference < 1e-3 * moved


def test_the_step_minimizes_the_quadratic_model_over_its_two_directions():
    model, x = net((4, 3, 4)), examples(30)
    kfac = one_step(model, x, mse, damping=0.1, damping_floor=0.01)
    last = {key: a.copy() for key, a in kfac.state["last"].items()}
    start = {key: w.copy() for key, w in model.params.items()}
    _, grads, _ = kfac.objective(model, x, None)
    gradient = {key: 4 * g for key, g in grads.items()}
    one_step(model, x, mse, kfac)
    step = {key: w - start[key] for key, w in model.params.items()}
    for key, w in model.params.items():
        w[...] = start[key]
    delta = kfac.natural_gradient(gradient)

    def predicted(d):
        form = kfac.curvature([d])(model, x, None)[1]["matrix"].item()
        size = sum((a * a).sum() for a in d.values())
        return (form + 0.1 * size) / 2 + sum((gradient[key] * d[key]).sum() for key in d)

    best = predicted(step)
    for other in (delta, last):
        for t in (-0.01, 0.01):
            assert best < predicted({key: step[key] + t * other[key] for key in step})


def test_the_damping_follows_the_reduction_ratio():
    kfac = KFAC(net((4, 3, 4)), mse)
    for ratio, factor in ((0.9, 0.95**5), (0.5, 1), (0.1, 0.95**-5), (-3, 0.95**-5)):
        before = kfac.damping
        kfac._adapt(ratio)
        assert kfac.damping == pytest.approx(before * factor)
    before = kfac.damping
    kfac._adapt(float("nan"))
    assert kfac.damping > before
    for _ in range(100):
        kfac._adapt(0.9)
    assert kfac.damping == kfac.damping_floor


def trained(epochs, model=None, workers=1, **options):
    model = model or small_tanh_net()
    kfac = KFAC(model, bce)
    options |= {"batch_size": lambda epoch: 10 + 5 * epoch, "average": 0.9}
    options |= {"validation": DATA[:9], "workers": workers, "progress": False}
    history = fit(model, DATA, kfac.objective, kfac, epochs, **options)
    return model, history


def small_tanh_net(seed=0):
    rng = np.random.default_rng(seed)
    a, b, c, d = (Linear(i, o, rng=rng) for i, o in ((12, 6), (6, 3), (3, 6), (6, 12)))
    return Autoencoder(Sequential(a, Tanh(), b), Sequential(c, Sigmoid(), d, Sigmoid()))


@pytest.mark.parametrize("workers", [1, 2])
def test_resumed_gives_the_same_bits(tmp_path, workers):
    path = tmp_path / "run.npz"
    expected, whole = trained(9, workers=workers)
    trained(4, workers=workers, checkpoint=path)
    other = small_tanh_net(seed=3)
    model, history = trained(9, other, workers=workers, checkpoint=path, resume=True)
    same_bits(model, expected)
    assert history["loss"] == whole["loss"] and history["val_loss"] == whole["val_loss"]
    assert whole["loss"][-1] < whole["loss"][0]


def test_two_workers_take_the_same_step_as_one():
    """Up to rounding, where A, G and M(δ) come from the whole batch and the targets do not differ:
    here those of each half are drawn with a seed that both runs share."""
    x = np.random.default_rng(0).uniform(size=(40, 4))
    models = []
    for workers in (1, 2):
        model = net((4, 3, 4))
        kfac = KFAC(model, mse, fraction=1)
        kfac.likelihood = replace(kfac.likelihood, sample=lambda a, rng: a + 0.5)
        one_step(model, x, mse, kfac, workers=workers)
        one_step(model, x, mse, kfac, workers=workers)
        models.append(model)
    for key, w in models[0].params.items():
        np.testing.assert_allclose(w, models[1].params[key], rtol=1e-6)


def test_a_deep_logistic_net_leaves_the_plateau():
    """Where gradient descent stays at the mean image (Hinton & Salakhutdinov 2006, figure 2)."""
    x = DATA.repeat(4, axis=0)
    model = deep_autoencoder((12, 10, 8, 4), rng=0)
    kfac = KFAC(model, bce)
    history = fit(model, x, kfac.objective, kfac, 40, 50, progress=False)
    mean = x.mean(axis=0)
    plateau = bce(np.broadcast_to(mean, x.shape), x)[0]
    assert history["loss"][-1] < plateau - 0.02


def test_a_linear_autoencoder_comes_to_pca_and_not_below():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 8)) @ rng.normal(size=(8, 12)) + rng.normal(size=12)
    x = (x / 10).astype(np.float32)
    model = linear_autoencoder(0, features=12, code=3)
    kfac = KFAC(model, mse, l2=0)
    fit(model, x, kfac.objective, kfac, 60, 100, average=0.98, workers=1, progress=False)
    centered = (x - x.mean(axis=0)).astype(np.float64)
    best = (np.linalg.svd(centered, compute_uv=False)[3:] ** 2).sum()  # of the other components
    error = float(((model(x) - x).astype(np.float64) ** 2).sum())
    assert best * (1 - 1e-4) <= error <= best * 1.01


def conv():
    return Sequential(Conv2d(1, 1, 3), Sigmoid())


@pytest.mark.parametrize(
    "model, error, text",
    [
        (conv(), TypeError, r"layer 0 is Conv2d.*only dense nets"),
        (tied_autoencoder(0, 12, 4), TypeError, "layer decoder.0 is TransposedLinear"),
        (Sequential(freeze(Linear(3, 3)), Sigmoid()), TypeError, "layer 0 is Frozen"),
        (vae(0, 12, 4, 2), TypeError, "PosteriorMean"),
        (Linear(3, 3), TypeError, "expected a Sequential or an Autoencoder"),
        (Sequential(Linear(3, 3)), ValueError, "needs a Sigmoid at the end"),
    ],
    ids=["conv", "tied", "frozen", "vae", "a layer", "logits"],
)
def test_other_nets_are_refused_by_name(model, error, text):
    with pytest.raises(error, match=text):
        KFAC(model, bce)


def test_a_layer_that_is_used_twice_is_refused():
    layer = Linear(3, 3)
    with pytest.raises(TypeError, match="each to be used once"):
        KFAC(Sequential(layer, Tanh(), layer), mse)


@pytest.mark.parametrize(
    "options",
    [
        {"damping": 0},
        {"damping": float("nan")},
        {"damping_floor": 0},
        {"fraction": 0},
        {"fraction": 1.5},
        {"memory": 1},
        {"l2": -1},
        {"invert_every": 0},
        {"adapt_every": 0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"KFAC: {next(iter(options))}"):
        KFAC(small_net(), bce, **options)


def test_other_losses_are_refused():
    assert set(LIKELIHOODS) == {bce, bce_with_logits, mse}
    with pytest.raises(ValueError, match="expected bce, bce_with_logits or mse"):
        KFAC(small_net(), cross_entropy)


def test_the_optimizer_needs_its_objective_and_its_model():
    model = small_net()
    kfac = KFAC(model, bce)
    with pytest.raises(RuntimeError, match=r"fit\(model, x, kfac.objective, kfac"):
        fit(model, DATA, lambda m, x, rng: kfac.objective(m, x, rng), kfac, 1, progress=False)
    with pytest.raises(ValueError, match="made for another model|another array"):
        fit(small_net(), DATA, kfac.objective, kfac, 1, progress=False)
