"""Conv2d, ConvTranspose2d and the convolutional autoencoder compared with PyTorch, or with recorded
values if it is not installed."""

import json

import numpy as np
import pytest
from helpers import record_convolution as recorded
from helpers.convolutions import cases
from helpers.numeric import close
from hypothesis import given, settings

from tinyae import Adam, Conv2d, ConvTranspose2d, Objective, load_weights, mse, save_weights
from tinyae.models import conv_autoencoder

RECORDED = json.loads(recorded.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "setting",
    list(zip(recorded.SETTINGS, RECORDED["layers"], strict=True)),
    ids=lambda s: repr(s[0]),
)
def test_recorded_layers(setting):
    (kind, channels, kernel, options, size), wanted = setting
    layer = {"Conv2d": Conv2d, "ConvTranspose2d": ConvTranspose2d}[kind](
        *channels, kernel, dtype=np.float64, **options
    )
    for w in layer.params.values():
        w[...] = recorded.quarters(w.shape, 3)
    y, cache = layer.forward(recorded.quarters((2, channels[0], *size), 1))
    dx, grads = layer.backward(recorded.quarters(y.shape, 2), cache)
    for ours, theirs in zip([y, dx, *grads.values()], wanted.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def steps_of_adam(model, x, n, loss=mse):
    """The loss before each of n steps."""
    optimizer, objective, losses = Adam(model.params, recorded.RATE), Objective(loss), []
    for _ in range(n):
        value, grads, _ = objective(model, x, np.random.default_rng(0))
        optimizer.step(grads)
        losses.append(float(value))
    return losses


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_recorded_training(dtype, tolerance):
    model = conv_autoencoder(dtype=dtype)
    weights, x = recorded.starting_point({key: w.shape for key, w in model.params.items()})
    for key, w in model.params.items():
        w[...] = weights[key]
    losses = steps_of_adam(model, x.astype(dtype), recorded.STEPS)
    np.testing.assert_allclose(losses, RECORDED["losses"], rtol=tolerance)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")


@pytest.mark.oracle
class TestPyTorch:
    @settings(max_examples=250)
    @given(case=cases())
    def test_forward_and_gradients(self, torch, case):
        layer, x = case.make()
        theirs = getattr(torch.nn, case.kind.__name__)(
            *case.channels, case.kernel, dtype=torch.float64, **case.options
        )
        theirs.load_state_dict({key: torch.tensor(w) for key, w in layer.params.items()})
        tx = torch.tensor(x, requires_grad=True)
        ty = theirs(tx)
        y, cache = layer.forward(x)
        close(y, ty.detach().numpy(), 1e-12)
        dy = np.random.default_rng(1).normal(size=y.shape)
        ty.backward(torch.tensor(dy))
        dx, grads = layer.backward(dy, cache)
        close(dx, tx.grad.numpy(), 1e-12)
        assert list(grads) == [key for key, _ in theirs.named_parameters()]
        for key, w in theirs.named_parameters():
            close(grads[key], w.grad.numpy(), 1e-12)

    @settings(max_examples=40)
    @given(case=cases(kinds=[Conv2d], bias=False))
    def test_unfold_and_fold(self, torch, case):
        """PyTorch puts the channels first in each patch, and the patches in columns."""
        from tinyae.layers import fold, unfold

        options = {name: case.options[name] for name in ("stride", "padding", "dilation")}
        x, c = case.make()[1], case.channels[0]
        rows = unfold(x, case.kernel, **options)
        theirs = torch.nn.functional.unfold(torch.tensor(x), case.kernel, **options)
        columns = rows.reshape(*rows.shape[:2], -1, c).transpose(0, 3, 2, 1).reshape(theirs.shape)
        np.testing.assert_array_equal(columns, theirs.numpy())
        back = torch.nn.functional.fold(theirs, case.size, case.kernel, **options)
        close(fold(rows, case.size, case.kernel, **options), back.numpy(), 1e-14)

    def test_settings_that_it_refuses_are_refused(self, torch):
        from torch import nn

        for kind, options, size in [
            ("Conv2d", {"kernel_size": 4, "padding": 1}, (1, 5)),
            ("Conv2d", {"kernel_size": 2, "dilation": 4}, (4, 9)),
            ("ConvTranspose2d", {"kernel_size": 2, "padding": 1}, (1, 3)),
            ("ConvTranspose2d", {"kernel_size": 3, "stride": 2, "output_padding": 2}, (3, 3)),
        ]:
            with pytest.raises((RuntimeError, ValueError)):
                getattr(nn, kind)(1, 1, **options)(torch.zeros(1, 1, *size))
            with pytest.raises(ValueError, match=kind):
                {"Conv2d": Conv2d, "ConvTranspose2d": ConvTranspose2d}[kind](1, 1, **options)(
                    np.zeros((1, 1, *size))
                )

    @pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
    def test_initial_weights_have_the_same_distribution(self, torch, kind):
        torch.manual_seed(0)
        theirs, ours = getattr(torch.nn, kind.__name__)(64, 48, (3, 5)), kind(64, 48, (3, 5), rng=0)
        for key, w in ours.params.items():
            t = getattr(theirs, key).detach().numpy()
            assert w.shape == t.shape and w.dtype == t.dtype
            assert np.abs(w).max() == pytest.approx(np.abs(t).max(), rel=0.1)
            assert w.std() == pytest.approx(t.std(), rel=0.2 if key == "bias" else 0.02)

    def test_the_autoencoders_loss_follows_pytorch(self, torch, tmp_path):
        """From the same weights, which are passed in a file, and back after training."""
        from torch import nn

        half = {"kernel_size": 3, "stride": 2, "padding": 1}
        net = nn.Sequential()
        net.encoder = nn.Sequential(
            nn.Conv2d(1, 32, **half),
            nn.ReLU(),
            nn.Conv2d(32, 64, **half),
            nn.ReLU(),
            nn.Conv2d(64, 128, 7),
            nn.ReLU(),
        )
        net.decoder = nn.Sequential(
            nn.ConvTranspose2d(128, 64, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, **half, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, **half, output_padding=1),
            nn.Sigmoid(),
        )
        net, model = net.double(), conv_autoencoder(rng=1, dtype=np.float64)
        save_weights(model, tmp_path / "ours.npz")
        file = np.load(tmp_path / "ours.npz")
        net.load_state_dict({key: torch.from_numpy(file[key]) for key in net.state_dict()})
        x = np.random.default_rng(2).uniform(size=(16, 1, 28, 28)) ** 3
        adam, tx, theirs = torch.optim.Adam(net.parameters(), lr=recorded.RATE), torch.tensor(x), []
        for _ in range(10):
            loss = nn.functional.mse_loss(net(tx), tx)
            adam.zero_grad()
            loss.backward()
            adam.step()
            theirs.append(loss.item())
        ours = steps_of_adam(model, x, 10)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        np.savez(tmp_path / "theirs.npz", **{key: w.numpy() for key, w in net.state_dict().items()})
        back = conv_autoencoder(rng=3, dtype=np.float64)
        load_weights(back, tmp_path / "theirs.npz")
        close(back(x), net(tx).detach().numpy(), 1e-12)
        close(back(x), model(x), 1e-8)
