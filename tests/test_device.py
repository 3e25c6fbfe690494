"""The library on a GPU, as far as this can be tested without one: see strict_device.py."""

import numpy as np
import pytest
from helpers.cases import KINDS, make
from helpers.strict_device import DeviceArray, asarray, pretend_gpu

import tinyae
from tinyae import SGD, Adam, Objective, Sequential, bce, bce_with_logits, cross_entropy, fit, mse
from tinyae.applications import ContrastiveDivergence, make_rbm
from tinyae.backend import device_of, gpu_available, namespace, to_device, to_numpy
from tinyae.data import shifts
from tinyae.kfac import KFAC
from tinyae.layers import Flatten, Linear, Sigmoid, initialize
from tinyae.models import deep_autoencoder
from tinyae.optim import clip_by_norm, gradient_norm
from tinyae.training import evaluate


@pytest.fixture
def gpu(monkeypatch):
    return pretend_gpu(monkeypatch)


def test_where_arrays_live(gpu):
    d = asarray(np.ones(3))
    assert device_of(d) == "gpu" and namespace(d) is gpu and gpu_available()
    assert device_of(np.ones(3)) == device_of(1.0) == "cpu" and namespace(np.ones(3)) is np
    assert (
        type(to_device(np.ones(3), "gpu")) is DeviceArray
        and type(to_device(d, "cpu")) is np.ndarray
    )
    h = np.ones(3)
    assert to_numpy(h) is h and to_device(h, "cpu") is h
    with pytest.raises(ValueError, match="device 'cuda' is unknown, expected 'cpu' or 'gpu'"):
        to_device(h, "cuda")


def test_without_a_gpu_the_message_helps():
    if gpu_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(RuntimeError, match="finds no CUDA device.*pip install"):
        Linear(2, 2).to("gpu")


def on_both(f, *hosts):
    """f of host arrays and of device arrays; both results as flat lists, on the host."""

    def flat(result):
        if isinstance(result, dict):
            result = list(result.values())
        return (
            [a for r in result for a in flat(r)]
            if isinstance(result, tuple | list)
            else []
            if result is None
            else [result]
        )

    host, device = flat(f(*hosts)), flat(f(*map(asarray, hosts)))
    assert len(host) == len(device) and all(type(a) is DeviceArray for a in device)
    return host, [a.get() for a in device]


@pytest.mark.parametrize("kind", KINDS)
def test_every_derivative_is_the_same(kind, gpu):
    rng = np.random.default_rng(0)
    model, x = make(kind, 3, 4, 2, 0)
    dx, dy = rng.normal(size=(5, *x.shape)), rng.normal(size=(5, *model(x).shape))

    def everything(x, dx, dy):
        layer = model.to(device_of(x))
        y, caches = layer.forward(x)
        return [
            y,
            layer.backward(dy[0], caches),
            layer.jvp(dx, caches),
            layer.vjp(dy, caches),
            layer(x),
            layer.double_backward(dx, dy, caches),
            layer.double_backward(dx[0], dy[0], caches),
        ]

    before = DeviceArray.waits
    host, device = on_both(everything, x, dx, dy)
    assert DeviceArray.waits == before + len(device)  # those of this test's get()
    for a, b in zip(host, device, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("loss", [mse, bce, bce_with_logits, cross_entropy])
def test_losses_are_the_same(loss, gpu):
    y, t = np.random.default_rng(0).uniform(size=(2, 4, 3))
    targets = (
        [t, np.array([0, 2, 1, 1])] if loss is cross_entropy else [t, np.eye(4, 3, dtype=np.int64)]
    )
    for target in targets:
        host, device = on_both(loss, y, target)
        for a, b in zip(host, device, strict=True):
            np.testing.assert_array_equal(a, b)


OPTIMIZERS = {
    "SGD": lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: Adam(p, 0.01, clip_norm=0.5),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_are_the_same(make, gpu):
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))

    def steps(w, g):
        w = w.copy()
        optimizer = make({"w": w})
        for _ in range(3):
            optimizer.step({"w": g})
        again = make({"w": w})
        again.load_state_dict(
            {key: to_numpy(a) for key, a in optimizer.state_dict().items()}
        )  # from a checkpoint
        again.step({"w": g})
        return [w, clip_by_norm({"w": g}, 0.1)[0]]

    host, device = on_both(steps, w, g)
    for a, b in zip(host, device, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    assert gradient_norm({"w": asarray(g)}) == gradient_norm({"w": g})


def pixel_net(dtype=np.float32):
    rng = np.random.default_rng(0)
    return tinyae.Autoencoder(
        Sequential(
            Flatten(),
            Linear(12, 6, rng=rng, dtype=dtype),
            tinyae.ReLU(),
            Linear(6, 3, rng=rng, dtype=dtype),
        ),
        Sequential(Linear(3, 12, rng=rng, dtype=dtype), Sigmoid(), tinyae.Reshape(1, 3, 4)),
    )


IMAGES = np.random.default_rng(1).uniform(size=(50, 1, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("loss", [mse, bce])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_fit_gives_the_same_bits(gpu, tmp_path, make, loss):
    def run(device, **options):
        model = pixel_net().to(device)
        x = to_device(IMAGES, device)
        history = fit(
            model,
            x,
            Objective(loss),
            make(model.params),
            batch_size=16,
            workers=1,
            progress=False,
            validation=x[:20],
            **options,
        )
        return model, history["loss"] + history["val_loss"], evaluate(model, x)

    host, losses, quality = run("cpu", epochs=4, patience=3)
    run("gpu", epochs=2, checkpoint=tmp_path / "run.npz", patience=3)
    device, same, also = run(
        "gpu", epochs=4, checkpoint=tmp_path / "run.npz", resume=True, patience=3
    )
    np.testing.assert_allclose(losses, same, rtol=1e-6)
    assert quality == pytest.approx(also)
    for key, w in host.params.items():
        assert type(device.params[key]) is DeviceArray
        np.testing.assert_allclose(w, device.params[key].get(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", [mse, bce])
def test_no_step_waits_for_the_device(gpu, loss):
    def waits(epochs, batch_size):
        model, before = pixel_net().to("gpu"), DeviceArray.waits
        fit(
            model,
            asarray(IMAGES),
            Objective(loss),
            Adam(model.params),
            epochs,
            batch_size,
            progress=False,
        )
        return DeviceArray.waits - before

    assert waits(2, batch_size=50) == waits(2, batch_size=5)


def test_weights_go_to_files_and_back(gpu, tmp_path):
    model, other = pixel_net().to("gpu"), pixel_net()
    tinyae.save_weights(model, tmp_path / "w.npz")
    for w in model.params.values():
        w *= 0
    tinyae.load_weights(model, tmp_path / "w.npz")
    for key, w in other.params.items():
        np.testing.assert_array_equal(w, model.params[key].get())


def test_moving_a_model(gpu):
    model = pixel_net()
    moved = model.to("gpu")
    assert all(type(w) is DeviceArray for w in moved.params.values())
    assert all(type(w) is np.ndarray for w in model.params.values())
    assert tinyae.summary(moved, (1, 3, 4)) == tinyae.summary(model, (1, 3, 4))
    again = moved.to("gpu")
    again.params["encoder.1.weight"][...] = 0
    assert moved.params["encoder.1.weight"].get().any()


@pytest.mark.parametrize(("model", "data"), [("gpu", "cpu"), ("cpu", "gpu")])
def test_a_model_and_data_on_two_devices(gpu, model, data):
    net = pixel_net().to(model)
    with pytest.raises(ValueError, match=f"data is on the {data} and the model on the {model}"):
        fit(net, to_device(IMAGES, data), Objective(mse), SGD(net.params, 0.1), 1, progress=False)


def test_divergence_on_the_device_is_reported_after_the_epoch(gpu):
    model = pixel_net().to("gpu")
    model.params["decoder.0.bias"][...] = np.nan
    with pytest.raises(
        tinyae.training.TrainingDiverged, match="epoch 1, step 1: the loss is nan. On a GPU"
    ):
        fit(model, asarray(IMAGES), Objective(mse), SGD(model.params, 0.1), 3, progress=False)


def test_kfac_with_moved_images_and_the_mean_of_the_weights_is_the_same(gpu, tmp_path):
    x = np.random.default_rng(0).uniform(size=(40, 16)).astype(np.float32)
    results = []
    for device in ("cpu", "gpu"):
        model = deep_autoencoder((16, 8, 3), rng=0).to(device)
        kfac = KFAC(model, bce)
        options = {
            "average": 0.9,
            "augment": shifts(1, 0.5),
            "checkpoint": tmp_path / f"{device}.npz",
        }
        options |= {"workers": 1, "progress": False, "validation": to_device(x[:8], device)}
        data = to_device(x, device)
        history = fit(model, data, kfac.objective, kfac, 3, 10, **options)
        results.append((history["val_loss"], model.params))
    (losses, params), (device_losses, device_params) = results
    np.testing.assert_allclose(losses, device_losses, rtol=1e-5)
    for key, w in params.items():
        assert type(device_params[key]) is DeviceArray
        np.testing.assert_allclose(w, device_params[key].get(), rtol=1e-3, atol=1e-5)


def test_contrastive_divergence_and_initial_weights_are_the_same(gpu):
    v = np.random.default_rng(0).uniform(size=(6, 5)).astype(np.float32)

    def both(v):
        model = make_rbm(5, 4, 0).to(device_of(v))
        initialize(model, "sparse", 1)
        return ContrastiveDivergence()(model, v, np.random.default_rng(2))[1]

    host, device = on_both(both, v)
    for a, b in zip(host, device, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_adam_is_one_kernel_and_equals_the_cpu(gpu, monkeypatch):
    from tinyae import compiled

    calls = []
    on_gpu = compiled._adam_on_gpu
    monkeypatch.setattr(compiled, "_adam_on_gpu", lambda *a: (calls.append(1), on_gpu(*a)))
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
    params = {key: to_device(w.copy(), "gpu") for key, w in weights.items()}
    host, device = Adam(weights, 0.01), Adam(params, 0.01)
    for _ in range(3):
        grads = {key: rng.standard_normal(w.shape) for key, w in weights.items()}
        host.step(grads)
        device.step({key: to_device(g, "gpu") for key, g in grads.items()})
    assert len(calls) == 6
    for key, w in weights.items():
        np.testing.assert_allclose(params[key].get(), w, rtol=1e-12)
