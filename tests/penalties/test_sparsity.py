import numpy as np
import pytest
from helpers.numeric import close, numeric_gradient
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Adam, Autoencoder, Linear, Objective, ReLU, Sequential, Sigmoid, fit, l1
from tinyae.checking import check_penalty, gradcheck
from tinyae.penalties import KLSparsity

rhos = st.floats(0.001, 0.999)
seeds = st.integers(0, 2**32 - 1)


def codes(seed, n=5, units=4):
    return np.random.default_rng(seed).uniform(0.02, 0.98, (n, units))


@given(seeds, st.integers(1, 6), st.integers(1, 5))
def test_l1(seed, n, units):
    z = np.random.default_rng(seed).normal(size=(n, units))
    z[np.abs(z) < 1e-3] = 0.5
    value, dz = l1(z)
    assert value == pytest.approx(sum(abs(v) for v in z.ravel()) / n)
    close(dz, numeric_gradient(lambda: l1(z)[0], z))
    assert l1(-z)[0] == pytest.approx(value) and l1(2 * z)[0] == pytest.approx(2 * value)
    np.testing.assert_array_equal(l1(np.zeros_like(z))[1], np.zeros_like(z))  # 0 at the kink


@given(seeds, rhos, st.integers(1, 6), st.integers(1, 5))
def test_kl_against_its_definition(seed, rho, n, units):
    z = codes(seed, n, units)
    value, dz = KLSparsity(rho)(z)
    expected = 0.0
    for unit in z.T:
        mean = sum(unit) / n
        expected += rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    assert value == pytest.approx(expected, abs=1e-13)
    close(dz, numeric_gradient(lambda: KLSparsity(rho)(z)[0], z), 1e-6)
    assert (dz == dz[0]).all()  # the same for every example of a batch


@given(seeds, rhos)
def test_kl_is_non_negative_and_only_at_rho_0_with_derivative_0(seed, rho):
    z = codes(seed)
    assert KLSparsity(rho)(z)[0] >= -1e-14
    at_rho = z - z.mean(axis=0) + rho  # the same spread, each mean moved to ρ ...
    at_rho = rho + (at_rho - rho) * 0.9 * min(
        rho, 1 - rho
    )  # ... and scaled down to stay inside (0, 1)
    value, dz = KLSparsity(rho)(at_rho)
    assert value == pytest.approx(0, abs=1e-13)
    np.testing.assert_allclose(dz, 0, atol=1e-9)


@given(rhos, st.floats(0.01, 0.99))
def test_kl_pushes_toward_rho(rho, mean):
    _, dz = KLSparsity(rho)(np.full((3, 1), mean))
    assert np.sign(np.round(dz[0, 0], 9)) == np.sign(
        np.round((mean - rho) / (mean * (1 - mean)) / 3, 9)
    )


@pytest.mark.parametrize("penalty", [l1, KLSparsity(), KLSparsity(0.2), KLSparsity(0.01)], ids=repr)
def test_by_the_checker(penalty):
    report = check_penalty(penalty, codes(1))
    assert report.ok and not report.findings
    assert gradcheck(penalty, codes(2, 3, 6)).ok


@pytest.mark.parametrize(
    "code", [Sigmoid, lambda: Sequential(Linear(5, 5, rng=2, dtype=np.float64), Sigmoid())]
)
@pytest.mark.parametrize("penalty", [l1, KLSparsity(0.05)])
def test_in_the_objective(code, penalty):
    rng = np.random.default_rng(3)
    like = {"rng": rng, "dtype": np.float64}
    model = Autoencoder(
        Sequential(Linear(7, 5, **like), code()), Sequential(Linear(5, 7, **like), Sigmoid())
    )
    assert gradcheck(Objective(code_penalty=penalty, beta=0.3), model, rng.uniform(size=(6, 7))).ok


def test_half_of_the_divergence_is_caught():
    def half(z, rho=0.05):
        mean = z.mean(axis=0)
        return (rho * np.log(rho / mean)).sum(), np.zeros_like(z) - rho / mean / len(z)

    report = check_penalty(half, codes(4))
    assert gradcheck(half, codes(4)).ok  # its gradient is correct: the penalty itself is wrong
    assert "below 0" in str(report) and not report.ok


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype(dtype):
    z = codes(5).astype(dtype)
    for penalty in (l1, KLSparsity(), KLSparsity(0.01)):
        value, dz = penalty(z)
        assert isinstance(value, float) and dz.dtype == dtype and dz.shape == z.shape


def test_a_code_with_axes():
    z = codes(6, 4, 12).reshape(4, 3, 2, 2)
    for penalty in (l1, KLSparsity()):
        value, dz = penalty(z)
        flat, d_flat = penalty(z.reshape(4, 12))
        assert value == pytest.approx(flat)
        np.testing.assert_array_equal(dz.reshape(4, 12), d_flat)


@pytest.mark.parametrize("rho", [0, 1, -0.1, 5, np.nan])
def test_rho_out_of_range(rho):
    with pytest.raises(ValueError, match=f"KLSparsity: rho is {rho}"):
        KLSparsity(rho)


@pytest.mark.parametrize("z", [[[0.5, 1.7], [0.2, 0.1]], [[0.5, -0.1], [0.2, 0.9]]])
def test_a_code_outside_0_and_1_says_which_activation(z):
    """Even if the mean is in (0, 1): a ReLU's 1.7 and 0.1 have a mean of 0.9."""
    with pytest.raises(
        ValueError, match=r"the code runs from .* must be in \(0, 1\): end the encoder in Sigmoid"
    ):
        KLSparsity()(np.array(z))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_unit_that_never_moves(value):
    z = codes(8)
    z[:, 1] = value
    with pytest.raises(
        ValueError, match="1 of 4 code units are 0, or 1, for the whole batch.*Sigmoid"
    ):
        KLSparsity()(z)


def test_a_saturated_example_is_not_an_error():
    z = codes(9)
    z[0], z[1] = 0.0, 1.0
    assert np.isfinite(KLSparsity()(z)[0])


def test_nan_goes_through():
    with np.errstate(invalid="ignore"):
        assert np.isnan(KLSparsity()(np.full((2, 2), np.nan))[0])


def test_on_a_device_nothing_waits(monkeypatch):
    from helpers.strict_device import DeviceArray, pretend_gpu

    from tinyae import to_device, to_numpy

    pretend_gpu(monkeypatch)
    for penalty in (l1, KLSparsity(0.1)):
        z = to_device(codes(10), "gpu")
        before = DeviceArray.waits
        value, dz = penalty(z)
        assert DeviceArray.waits == before
        assert float(value) == pytest.approx(penalty(codes(10))[0])
        np.testing.assert_array_equal(to_numpy(dz), penalty(codes(10))[1])


def test_an_objective_knows_that_kl_needs_the_full_batch():
    """A shard of the batch has a different mean: fit must not split the batch."""
    for penalty in (KLSparsity(), KLSparsity(0.1)):
        assert Objective(code_penalty=penalty).needs_full_batch
    assert not Objective(code_penalty=l1).needs_full_batch


def small(activation, seed):
    rng = np.random.default_rng(seed)
    return Autoencoder(
        Sequential(Linear(20, 10, rng=rng), activation()),
        Sequential(Linear(10, 20, rng=rng), Sigmoid()),
    )


def test_training_brings_the_mean_activation_to_rho():
    x = np.random.default_rng(11).uniform(size=(400, 20)).astype(np.float32)
    model = small(Sigmoid, 0)
    fit(
        model,
        x,
        Objective(code_penalty=KLSparsity(0.05), beta=0.1),
        Adam(model.params, 0.02),
        40,
        50,
        progress=False,
    )
    np.testing.assert_allclose(model.encode(x).mean(axis=0), 0.05, atol=0.02)


def test_l1_makes_zeros():
    x = np.random.default_rng(12).uniform(size=(400, 20)).astype(np.float32)

    def zeros(beta):
        model = small(ReLU, 0)
        fit(
            model,
            x,
            Objective(code_penalty=l1, beta=beta),
            Adam(model.params, 0.01),
            20,
            50,
            progress=False,
        )
        return (model.encode(x) == 0).mean()

    assert zeros(0.01) > zeros(0.0) + 0.2
