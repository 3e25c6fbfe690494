"""The stand-in for CuPy catches mistakes, and has only functions that CuPy has too."""

import ast
from pathlib import Path

import numpy as np
import pytest
from helpers.strict_device import FUNCTIONS, DeviceArray, asarray, pretend_gpu

import tinyae


@pytest.fixture
def gpu(monkeypatch):
    return pretend_gpu(monkeypatch)


class TestTheStandIn:
    """It must catch mistakes, or the tests below show nothing."""

    host = np.arange(6.0).reshape(2, 3)

    @pytest.mark.parametrize(
        "mistake",
        [
            lambda d, h: d + h,
            lambda d, h: h + d,
            lambda d, h: h * d,
            lambda d, h: d @ h.T,
            lambda d, h: h @ d.T,
            lambda d, h: np.maximum(d, h),
            lambda d, h: np.where(d > 0, d, h),
            lambda d, h: np.concatenate([d, h]),
            lambda d, h: d.dot(h.T),
            lambda d, h: d.__iadd__(h),
            lambda d, h: h.__iadd__(d),
            lambda d, h: np.vdot(h, d),
            lambda d, h: d.__setitem__(..., h),
            lambda d, h: h.__setitem__(..., d),
            lambda d, h: d[h[0].astype(int)],
            lambda d, h: np.asarray(d),
            lambda d, h: np.array(d),
            lambda d, h: np.array([d, d]),
            lambda d, h: np.linalg.matrix_rank(d),
            lambda d, h: np.add.reduce(d),
            lambda d, h: np.add(d, d, where=h > 0),
            lambda d, h: np.exp(d, out=h),
            lambda d, h: np.interp(d, d, d),
            lambda d, h: d.tofile("never.bin"),
        ],
    )
    def test_mistakes_are_caught(self, mistake):
        with pytest.raises((TypeError, AttributeError)):
            mistake(asarray(self.host), self.host.copy())

    def test_the_rest_works_and_stays_on_the_device(self):
        d, h = asarray(self.host), self.host
        for f in [
            lambda a: a.sum(),
            lambda a: a + 1,
            lambda a: np.float64(2) * a,
            lambda a: (a @ a.T).max(axis=1),
            lambda a: a[1, 2],
            lambda a: np.where(a > 2, a, a.dtype.type(7)),
            lambda a: np.zeros_like(a),
            lambda a: a.T[1:],
            lambda a: np.divide(1, a + 1, out=a + 2),
            lambda a: np.vdot(a, a).real,
            lambda a: a.mean(),
        ]:
            assert type(f(d)) is DeviceArray
            np.testing.assert_array_equal(f(d).get(), f(h))

    def test_in_place_and_views(self):
        d = asarray(self.host)
        same = d
        d += 1
        d.reshape(-1)[:2] *= 10
        assert d is same and d.get().ravel()[:3].tolist() == [10, 20, 3]
        assert self.host[0, 0] == 0

    def test_waiting_is_counted(self, gpu):
        d = asarray(self.host)
        for wait in (
            lambda: float(d.sum()),
            lambda: bool(d.max() > 3),
            lambda: d.get(),
            lambda: f"{d.sum():.2f}",
        ):
            before = DeviceArray.waits
            wait()
            assert DeviceArray.waits == before + 1
        before = DeviceArray.waits
        (d * d).sum()
        assert DeviceArray.waits == before

    def test_cupy_has_these_functions(self):
        cupy = pytest.importorskip(
            "cupy", reason="asks CuPy, which is not installed here (it needs no GPU for this)"
        )
        places = (cupy, cupy.linalg, cupy.lib.stride_tricks)
        assert [
            name for name in FUNCTIONS if not any(hasattr(place, name) for place in places)
        ] == []


def numpy_names():
    """Every ``np.a.b`` in the files whose lines run on a GPU."""
    root = Path(tinyae.__file__).parent
    files = [
        *root.glob("layers/*.py"),
        root / "losses.py",
        root / "optim.py",
        *root.glob("penalties/*.py"),
    ]
    for file in files:
        if file.name == "reference.py":  # six loops over host arrays, to read and to test against
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                if name.startswith("np.") and all(part.isidentifier() for part in name.split(".")):
                    yield name.removeprefix("np."), file.name


def test_every_numpy_name_in_layers_exists_in_cupy():
    cupy = pytest.importorskip(
        "cupy", reason="asks CuPy, which is not installed here (it needs no GPU for this)"
    )
    host_only = {"errstate", "random.Generator", "random.default_rng", "integer", "lib", "generic"}
    missing = set()
    for name, file in numpy_names():
        place = cupy
        for part in name.split("."):
            place = getattr(place, part, None)
        if place is None and name not in host_only:
            missing.add((name, file))
    assert not missing
