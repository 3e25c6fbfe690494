"""The variational autoencoder: its parts by finite differences, by hand, by Monte Carlo, and beside
PyTorch."""

import csv

import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient
from helpers.small import same_bits

from tinyae import (
    Adam,
    Autoencoder,
    Linear,
    Objective,
    Sequential,
    Sigmoid,
    bce,
    fit,
    load_weights,
    mse,
    save_weights,
    summary,
)
from tinyae.checking import assert_gradients
from tinyae.cli.main import main
from tinyae.cli.presets import PRESETS
from tinyae.layers.vae import VAE, PosteriorMean, split_mean_logvar
from tinyae.models import vae
from tinyae.objectives.variational import (
    Variational,
    gaussian_kl,
    reparameterize,
    reparameterize_backward,
)
from tinyae.training.workers import Workers, loss_and_gradients


def some_code(n=5, k=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2 * k))


def small(dtype=np.float64, seed=0, code=2):
    return vae(seed, features=9, hidden=7, code=code, dtype=dtype)


X = np.random.default_rng(1).uniform(size=(8, 9))


# ---- the parts ---------------------------------------------------------------


def test_the_draw_is_what_its_equation_says():
    code, noise = some_code(), np.random.default_rng(1).normal(size=(5, 3))
    z, s = reparameterize(code, noise)
    mean, logvar = split_mean_logvar(code)
    np.testing.assert_allclose(z, mean + np.sqrt(np.exp(logvar)) * noise)
    np.testing.assert_allclose(z - mean, s)


def test_gradients_of_the_draw():
    code, noise = some_code(), np.random.default_rng(1).normal(size=(5, 3))

    def draw(code):
        return reparameterize(code, noise)

    assert_gradients((draw, reparameterize_backward), code)
    dz = np.random.default_rng(2).normal(size=(5, 3))
    close(
        reparameterize_backward(dz, draw(code)[1]),
        numeric_gradient(lambda: (draw(code)[0] * dz).sum(), code),
    )


def test_the_draw_has_the_mean_and_the_variance_asked_for():
    code = np.tile([[1.5, -2.0, np.log(0.25), np.log(9.0)]], (200_000, 1))
    z, _ = reparameterize(code, np.random.default_rng(0).normal(size=(200_000, 2)))
    np.testing.assert_allclose(z.mean(axis=0), [1.5, -2.0], atol=0.03)
    np.testing.assert_allclose(z.std(axis=0), [0.5, 3.0], rtol=0.01)


def test_gradients_of_the_kl():
    code = some_code()
    assert_gradients(gaussian_kl, code)
    close(gaussian_kl(code)[1], numeric_gradient(lambda: gaussian_kl(code)[0], code))


def test_kl_is_zero_at_the_prior_alone():
    value, dcode = gaussian_kl(np.zeros((4, 6)))
    assert value == 0 and not dcode.any()
    for seed in range(20):
        assert gaussian_kl(some_code(seed=seed))[0] > 0


def test_kl_by_monte_carlo():
    """KL = E_q[log q(z) − log p(z)], from the two densities and nothing else."""
    mean, logvar = np.array([0.7, -1.2]), np.array([-0.8, 0.3])
    z = mean + np.exp(logvar / 2) * np.random.default_rng(0).normal(size=(400_000, 2))
    log_q = -0.5 * (np.log(2 * np.pi) + logvar + (z - mean) ** 2 / np.exp(logvar))
    log_p = -0.5 * (np.log(2 * np.pi) + z**2)
    estimate = (log_q - log_p).sum(axis=1)
    value = gaussian_kl(np.concatenate([mean, logvar])[None])[0]
    assert abs(value - estimate.mean()) < 4 * estimate.std() / np.sqrt(len(z))


def test_kl_is_summed_over_units_and_averaged_over_examples():
    code = some_code(n=3, k=2)
    alone = [gaussian_kl(code[i : i + 1])[0] for i in range(3)]
    assert gaussian_kl(code)[0] == pytest.approx(np.mean(alone))
    wide = np.concatenate([code[:, :2], code[:, :2], code[:, 2:], code[:, 2:]], axis=1)
    assert gaussian_kl(wide)[0] == pytest.approx(2 * np.mean(alone))


# ---- the objective -----------------------------------------------------------


@pytest.mark.parametrize(
    "objective", [Variational(), Variational(beta=0.3, reconstruction=mse), Variational(beta=0.0)]
)
def test_gradients_with_the_draw_held_still(objective):
    assert_gradients(objective, small(), X)


def test_gradients_by_an_independent_judge():
    model, objective = small(seed=3), Variational(beta=2.0)
    grads = objective(model, X, np.random.default_rng(7))[1]
    assert grads.keys() == model.params.keys()
    for key, w in model.params.items():
        close(
            grads[key],
            numeric_gradient(lambda: objective(model, X, np.random.default_rng(7))[0], w),
            1e-6,
        )


def test_value_from_its_parts_by_hand():
    model, eps = small(), np.random.default_rng(5).standard_normal((8, 2))
    mean, std = model.posterior(X)
    y = model.decode(mean + std * eps)
    cross_entropy = -(X * np.log(y) + (1 - X) * np.log(1 - y)).sum() / 8
    kl = -0.5 * (1 + 2 * np.log(std) - mean**2 - std**2).sum() / 8
    loss, _, parts = Variational(beta=0.5)(model, X, np.random.default_rng(5))
    assert loss == pytest.approx(cross_entropy + 0.5 * kl)
    assert parts == {"reconstruction": pytest.approx(cross_entropy), "kl": pytest.approx(kl)}


def test_each_call_draws_anew_and_the_same_seed_draws_the_same():
    model, f = small(), Variational()
    assert f(model, X, np.random.default_rng(0))[0] == f(model, X, np.random.default_rng(0))[0]
    rng = np.random.default_rng(0)
    assert f(model, X, rng)[0] != f(model, X, rng)[0]


def test_dtype_stays():
    model, x = small(np.float32), X.astype(np.float32)
    assert {g.dtype for g in Variational()(model, x, np.random.default_rng(0))[1].values()} == {
        np.dtype(np.float32)
    }
    assert model.sample(2, 0).dtype == np.float32


def test_on_a_device_nobody_waits(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    model, f = small(), Variational()
    there, x = model.to("gpu"), to_device(X, "gpu")
    before = DeviceArray.waits
    loss, grads, _ = f(there, x, np.random.default_rng(0))
    assert DeviceArray.waits == before
    on_host, host_grads, _ = f(model, X, np.random.default_rng(0))
    assert float(loss) == pytest.approx(on_host)
    for key, g in grads.items():
        np.testing.assert_allclose(to_numpy(g), host_grads[key], rtol=1e-12)
    np.testing.assert_allclose(to_numpy(there.sample(3, 0)), model.sample(3, 0))


# ---- the model ---------------------------------------------------------------


def test_shapes_and_that_reconstructing_uses_the_mean():
    model = vae(0)
    x = np.random.default_rng(0).uniform(size=(3, 784)).astype(np.float32)
    assert [w.shape for w in model.params.values() if w.ndim == 2] == [
        (400, 784),
        (40, 400),
        (400, 20),
        (784, 400),
    ]
    mean, std = model.posterior(x)
    assert mean.shape == std.shape == (3, 20) and (std > 0).all()
    np.testing.assert_array_equal(model.encode(x), mean)
    np.testing.assert_array_equal(model(x), model.decode(mean))
    np.testing.assert_array_equal(model(x), model(x))
    assert 0 <= model(x).min() and model(x).max() <= 1
    assert "PosteriorMean(40 → 20)" in summary(model, (784,)) and "code: 20" in repr(model)
    assert vae(0, code=2).encode(x).shape == (3, 2)


def test_as_a_layer_it_has_the_whole_protocol():
    model = small()
    assert_gradients(model, X)
    mean = PosteriorMean(3)
    assert_gradients(mean, some_code())
    x, y = some_code(), some_code()[:, :3]
    assert (mean(x) * y).sum() == pytest.approx((x * mean.vjp(y, None)).sum())
    g, dy = (
        np.random.default_rng(0).normal(size=(2, 5, 6)),
        np.random.default_rng(1).normal(size=(2, 5, 3)),
    )
    d_dy, dx, grads = mean.double_backward(g, dy, None)
    assert d_dy.shape == dy.shape and dx is None and not grads
    assert (g * mean.vjp(dy, None)).sum() == pytest.approx((d_dy * dy).sum())


def test_samples_are_decoded_draws_from_the_prior():
    model = small()
    np.testing.assert_array_equal(
        model.sample(4, 3), model.decode(np.random.default_rng(3).standard_normal((4, 2)))
    )
    assert model.sample(4, np.random.default_rng(3)).shape == (4, 9)
    same_bits(model, model.astype(np.float64))


def test_weights_come_back_from_a_file(tmp_path):
    save_weights(small(seed=1), tmp_path / "w.npz")
    other = small(seed=2)
    load_weights(other, tmp_path / "w.npz")
    same_bits(other, small(seed=1))


def test_training_lowers_the_bound_with_any_number_of_workers():
    x = np.random.default_rng(0).uniform(size=(64, 9)).round().astype(np.float32)
    for workers in (1, 2):
        model = small(np.float32)
        history = fit(
            model,
            x,
            Variational(),
            Adam(model.params, 0.01),
            8,
            16,
            validation=x,
            workers=workers,
            progress=False,
        )
        assert history["loss"][-1] < history["loss"][0]
        for row in history.rows:
            assert row["loss"] == pytest.approx(row["reconstruction"] + row["kl"], rel=1e-5)


def test_beta_trades_the_kl_against_the_reconstruction():
    x = np.random.default_rng(0).uniform(size=(64, 9)).round().astype(np.float32)
    last = {}
    for beta in (0.1, 4.0):
        model = small(np.float32)
        last[beta] = fit(
            model, x, Variational(beta), Adam(model.params, 0.01), 30, 16, workers=1, progress=False
        ).rows[-1]
    assert (
        last[0.1]["kl"] > last[4.0]["kl"]
        and last[0.1]["reconstruction"] < last[4.0]["reconstruction"]
    )


def test_recipes():
    for name, code in [("vae", 20), ("vae-2d", 2)]:
        model = PRESETS[name].build_model((1, 12, 12), 0)
        assert model.code == code and model(np.zeros((2, 144), np.float32)).shape == (2, 144)
        assert PRESETS[name].objective == Variational()


def test_from_the_command_line(tmp_path, capsys):
    np.save(
        tmp_path / "blobs.npy",
        np.random.default_rng(0).uniform(size=(60, 12, 12)).astype(np.float32),
    )
    out = tmp_path / "run"
    run = [
        "train",
        "vae",
        "--data",
        str(tmp_path / "blobs.npy"),
        "--out",
        str(out),
        "--quiet",
        "--workers",
        "1",
    ]
    assert main([*run, "--epochs", "2"]) == 0
    assert {"weights.npz", "samples.png", "reconstructions.png", "loss.png"} <= {
        path.name for path in out.iterdir()
    }
    said = capsys.readouterr().out
    last = list(csv.DictReader(open(out / "history.csv")))[-1]
    assert float(last["loss"]) == pytest.approx(
        float(last["reconstruction"]) + float(last["kl"]), rel=1e-5
    )
    assert f"objective on the test images: {float(last['val_loss']):.6g}" in said
    assert main([*run, "--epochs", "3", "--resume"]) == 0
    assert (
        main(
            [
                "reconstruct",
                str(out / "weights.npz"),
                str(tmp_path / "blobs.npy"),
                "--out",
                str(tmp_path / "rec"),
            ]
        )
        == 0
    )
    assert np.load(tmp_path / "rec" / "reconstructions.npy").shape == (60, 1, 12, 12)


# ---- mistakes ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (
            lambda: Variational(beta=-1),
            ValueError,
            "beta is -1, expected a finite, non-negative number",
        ),
        (lambda: Variational(beta=float("nan")), ValueError, "beta is nan"),
        (
            lambda: Variational(beta=float("inf")),
            ValueError,
            "beta is inf, expected a finite, non-negative number",
        ),
        (
            lambda: Variational(bce),
            TypeError,
            "beta is <function bce.*expected a non-negative number",
        ),
        (
            lambda: Objective()(small(), X),
            TypeError,
            r"the model is a VAE, expected an Autoencoder.*Variational\(\)",
        ),
        (lambda: gaussian_kl(np.zeros((2, 5))), ValueError, r"shape \(2, 5\), expected \(N, 2K\)"),
        (
            lambda: reparameterize(np.zeros((2, 6)), np.zeros((2, 2))),
            ValueError,
            r"noise has shape \(2, 2\), expected \(2, 3\)",
        ),
        (lambda: small().sample(0), ValueError, "n is 0, expected at least 1"),
        (lambda: VAE(Sequential(), Sequential(), 0), ValueError, "code is 0, expected at least 1"),
        (
            lambda: VAE(Sequential(Linear(9, 6)), Sequential(Linear(2, 9)), 2)(X),
            ValueError,
            "gives 6 values.*expected 4",
        ),
        (
            lambda: Variational()(
                Autoencoder(Sequential(Linear(9, 4)), Sequential(Linear(2, 9))), X
            ),
            TypeError,
            "is of type Autoencoder, expected a VAE",
        ),
    ],
)
def test_mistakes_are_named(mistake, error, said):
    with pytest.raises(error, match=said):
        mistake()


def test_a_vae_whose_encoder_has_the_wrong_width_says_so_in_training_too():
    wrong = VAE(
        Sequential(Linear(9, 6, dtype=np.float64)),
        Sequential(Linear(2, 9, dtype=np.float64), Sigmoid()),
        2,
    )
    with pytest.raises(ValueError, match="noise has shape .8, 2., expected .8, 3."):
        Variational()(wrong, X)


# ---- beside PyTorch ----------------------------------------------------------

oracle = pytest.mark.oracle


def torch_():
    return pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")


@oracle
def test_kl_is_pytorchs():
    torch = torch_()
    code = some_code(n=7, k=4)
    t = torch.tensor(code, requires_grad=True)
    q = torch.distributions.Normal(t[:, :4], torch.exp(t[:, 4:] / 2))
    theirs = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum() / 7
    theirs.backward()
    value, dcode = gaussian_kl(code)
    assert value == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(dcode, t.grad.numpy(), rtol=1e-10, atol=1e-14)


@oracle
@pytest.mark.parametrize("workers", [1, 2])
def test_follows_pytorchs_example(workers):
    """The model and the loss of pytorch/examples/vae, from the same weights, noise and batches: the
    same losses and weights.

    Its loss is a sum over the batch and ours a mean, so its gradients are N times ours; Adam's ε
    divided by N makes up for it.
    """
    torch = torch_()
    n, steps, features, code = 16, 25, 30, 4
    F = torch.nn.functional

    class Theirs(torch.nn.Module):  # names and equations as in the example; sizes smaller
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(features, 12)
            self.fc21 = torch.nn.Linear(12, code)
            self.fc22 = torch.nn.Linear(12, code)
            self.fc3 = torch.nn.Linear(code, 12)
            self.fc4 = torch.nn.Linear(12, features)

        def forward(self, x, eps):
            h1 = F.relu(self.fc1(x))
            mu, logvar = self.fc21(h1), self.fc22(h1)
            z = mu + eps * torch.exp(0.5 * logvar)
            return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar

    def loss_function(recon_x, x, mu, logvar):
        bce = F.binary_cross_entropy(recon_x, x, reduction="sum")
        return bce + -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

    theirs, ours = (
        Theirs().double(),
        vae(0, features=features, hidden=12, code=code, dtype=np.float64),
    )

    def as_theirs(params):
        """Our parameters under their names: our encoder's last layer is their fc21 above their
        fc22."""
        named = {}
        for kind in ("weight", "bias"):
            named[f"fc1.{kind}"], named[f"fc3.{kind}"] = (
                params[f"encoder.0.{kind}"],
                params[f"decoder.0.{kind}"],
            )
            named[f"fc21.{kind}"], named[f"fc22.{kind}"] = np.split(params[f"encoder.2.{kind}"], 2)
            named[f"fc4.{kind}"] = params[f"decoder.2.{kind}"]
        return named

    theirs.load_state_dict({key: torch.tensor(w) for key, w in as_theirs(ours.params).items()})
    torch_adam, adam = (
        torch.optim.Adam(theirs.parameters(), lr=1e-3),
        Adam(ours.params, 1e-3, eps=1e-8 / n),
    )
    rng = np.random.default_rng(0)
    with Workers(workers) as team:
        for step in range(steps):
            x, seed = rng.uniform(size=(n, features)), [0, 0, step]
            shards = np.array_split(np.arange(n), workers)  # each worker draws for its own examples
            draws = [
                np.random.default_rng([*seed, i]).standard_normal((len(s), code))
                for i, s in enumerate(shards)
            ]
            eps = np.concatenate(draws)
            torch_adam.zero_grad()
            y, mu, logvar = theirs(torch.tensor(x), torch.tensor(eps))
            their_loss = loss_function(y, torch.tensor(x), mu, logvar)
            their_loss.backward()
            torch_adam.step()
            loss, grads, _ = loss_and_gradients(ours, x, Variational(), team, seed)
            adam.step(grads)
            assert loss == pytest.approx(their_loss.item() / n, rel=1e-9)
    for key, w in as_theirs(ours.params).items():
        np.testing.assert_allclose(
            w, theirs.state_dict()[key].numpy(), rtol=1e-6, atol=1e-9, err_msg=key
        )
