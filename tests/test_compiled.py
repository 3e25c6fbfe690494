"""The compiled loops compute what NumPy computes, bit for bit."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Adam, Conv2d, ConvTranspose2d, Objective, compiled, fit
from tinyae.models import basic_autoencoder, conv_autoencoder

pytest.importorskip("numba", reason='no compiled loops: pip install "tinyae[fast]"')


@pytest.fixture(scope="module", autouse=True)
def loops():
    compiled.load()
    LOOPS.update(compiled._loops)
    yield
    compiled.unload()


LOOPS = {}


def both(compute):
    """The results with NumPy and with the loops, and the names of the loops that ran."""
    compiled._loops.clear()
    plain = compute()
    used = set()

    def noted(name, f):
        return lambda *args: (used.add(name), f(*args))

    compiled._loops.update({name: noted(name, f) for name, f in LOOPS.items()})
    fast = compute()
    return plain, fast, used


def same(a, b):
    assert [x.dtype for x in a] == [x.dtype for x in b]
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


def images(shape, dtype):
    """Channels-last in memory, as layers make them."""
    n, c, h, w = shape
    x = np.random.default_rng(1).standard_normal((n, h, w, c))
    return x.astype(dtype).transpose(0, 3, 1, 2)


SETTINGS = {
    "kernel_size": st.integers(1, 4),
    "stride": st.integers(1, 3),
    "padding": st.integers(0, 2),
    "dilation": st.integers(1, 2),
}


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
@given(
    settings=st.fixed_dictionaries(SETTINGS),
    size=st.tuples(st.integers(9, 12), st.integers(9, 12)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_convolutions(kind, settings, size, channels, dtype):
    layer = kind(*channels, **settings, rng=0, dtype=dtype)
    x = images((3, channels[0], *size), dtype)

    def compute():
        y, cache = layer.forward(x)
        dy = images(y.shape, dtype)
        dx, grads = layer.backward(dy, cache)
        return [y, dx, *grads.values(), layer.jvp(np.stack([x, 2 * x]), cache)]

    plain, fast, used = both(compute)
    same(plain, fast)
    assert used == {"unfold", "fold"}


@given(
    st.sampled_from([np.float32, np.float64]),
    st.floats(1e-5, 1, allow_nan=False),
    st.sampled_from([0.0, 0.01]),
)
def test_adam(dtype, rate, decay):
    def compute():
        rng = np.random.default_rng(0)
        channels_last = rng.standard_normal((5, 3, 3, 4)).astype(dtype).transpose(0, 3, 1, 2)
        params = {"w": rng.standard_normal((7, 5)).astype(dtype), "filters": channels_last}
        optimizer = Adam(params, rate, weight_decay=decay)
        for _ in range(5):
            optimizer.step(
                {k: rng.standard_normal(w.shape).astype(dtype) for k, w in params.items()}
            )
        state = optimizer.state_dict()
        return [*params.values(), *(state[key] for key in sorted(state))]

    plain, fast, used = both(compute)
    same(plain, fast)
    assert used == {"adam"}


@pytest.mark.parametrize("build", [basic_autoencoder, conv_autoencoder])
def test_training(build, monkeypatch):
    shape = (64, 1, 28, 28) if build is conv_autoencoder else (64, 784)
    x = np.random.default_rng(0).random(shape, dtype=np.float32)

    def compute(setting):
        monkeypatch.setenv("TINYAE_COMPILED", setting)
        compiled.unload()
        model = build(0)
        fit(model, x, Objective(), Adam(model.params), epochs=2, batch_size=32, progress=False)
        assert compiled._loops.keys() == (LOOPS.keys() if setting == "1" else set())
        return list(model.params.values())

    same(compute("0"), compute("1"))


def test_gradients_of_zero_and_infinite_values():
    """w − 0 / (0 + 0): ε = 0 gives NaN in both."""

    def compute():
        params = {"w": np.ones(3, np.float32)}
        with np.errstate(all="ignore"):
            Adam(params, eps=0).step({"w": np.array([0, np.inf, np.nan], np.float32)})
        return [params["w"]]

    plain, fast, _ = both(compute)
    same(plain, fast)


def test_other_arrays_are_left_to_numpy():
    compiled._loops.update(LOOPS)
    for dtype in (complex, object, np.float16, np.longdouble):
        assert compiled.loop("adam", np.zeros(3, dtype)) is None
    a = np.zeros((4, 4))
    assert compiled.loop("adam", a) and compiled.loop("adam", a.T[::2]) is None
    assert compiled.loop("adam", a, a.astype(np.float32)) is None
    assert compiled.loop("adam", a.view(np.recarray)) is None


def run(code, **environment):
    import os

    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_they_can_be_switched_off():
    code = "from tinyae import compiled; print(compiled.load(), compiled._loops)"
    assert run(code, TINYAE_COMPILED="0") == "not used: TINYAE_COMPILED is 0 {}"


def test_without_numba_everything_is_numpy():
    code = (
        "import sys; sys.modules['numba'] = None; "
        "from tinyae import compiled; print(compiled.load(), compiled._loops)"
    )
    assert run(code) == 'not installed: pip install "tinyae[fast]" {}'


def test_numba_is_not_imported_before_training():
    assert run("import sys, tinyae, tinyae.layers; print('numba' in sys.modules)") == "False"


def test_a_numba_that_cannot_be_imported_is_named_and_not_used(tmp_path):
    (tmp_path / "numba.py").write_text("raise OSError('no libllvmlite.so')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from tinyae import compiled; print(compiled.load(), compiled._loops)"
    )
    assert run(code) == "not used: numba cannot be imported: no libllvmlite.so {}"
