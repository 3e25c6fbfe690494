"""The interactive figures compute what tinyae computes (their JavaScript runs in Node)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinyae import Conv2d, ConvTranspose2d
from tinyae.layers import unfold

DOCS = Path(__file__).parents[2] / "docs"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")


def javascript(file, expression, arguments=None):
    """The value of an expression that uses the functions of a file."""
    code = f"const m = require({str(DOCS / '_static' / file)!r});"
    code += f"const a = {json.dumps(arguments)}; console.log(JSON.stringify({expression}))"
    run = subprocess.run([NODE, "-"], input=code, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


SETTINGS = [
    {"n": n, "k": k, "s": s, "p": p, "d": d, "extra": extra}
    for n in (4, 5, 7)
    for k in (1, 2, 3)
    for s in (1, 2, 3)
    for p in (0, 1)
    for d in (1, 2)
    for extra in (0, 1)
    if n + 2 * p >= d * (k - 1) + 1 and extra < max(s, d)
]


def test_sizes_are_those_of_the_layers():
    found = javascript(
        "convolution.js", "a.map((s) => [m.convSize(s.n, s), m.transposedSize(s.n, s)])", SETTINGS
    )
    for setting, (size, transposed) in zip(SETTINGS, found, strict=True):
        n, k, s, p, d, extra = setting.values()
        x = np.zeros((1, 1, n, n), np.float32)
        assert Conv2d(1, 1, k, s, p, d)(x).shape[-1] == size
        if transposed > 0:
            layer = ConvTranspose2d(1, 1, k, s, p, extra, dilation=d)
            assert layer(x).shape[-1] == transposed


def test_the_pixels_that_touch_are_those_of_unfold():
    found = javascript(
        "convolution.js",
        "a.map((s) => [Array.from({length: m.convSize(s.n, s)}, (_, i) => m.reads(i, s)), "
        "Array.from({length: s.n}, (_, j) => m.readBy(j, s.n, s))])",
        SETTINGS,
    )
    for setting, (reads, read_by) in zip(SETTINGS, found, strict=True):
        n, k, s, p, d, _ = setting.values()
        # One row of pixels with the values 1 ... n: a patch says which pixels it read
        x = np.arange(1.0, n + 1).reshape(1, 1, 1, n)
        patches = unfold(x, (1, k), (1, s), (0, p), (1, d))
        patches = patches[0].T  # (k, number of outputs)
        for i, taps in enumerate(reads):
            expected = [position + 1 if 0 <= position < n else 0 for position, _ in taps]
            assert patches[:, i].tolist() == expected, setting
        touching = {(i, j) for i, taps in enumerate(reads) for j, _ in taps if 0 <= j < n}
        assert {(i, j) for j, outputs in enumerate(read_by) for i, _ in outputs} == touching


@pytest.mark.parametrize("method", ["forward", "central", "complex"])
def test_the_errors_of_the_v_curve_are_those_of_numpy(method):
    exponents = np.arange(-12, 0.1, 0.5)
    found = javascript("v_curve.js", f"a.map((e) => m.error({method!r}, e))", exponents.tolist())

    def f(x):
        return np.exp(x) * np.sin(x)

    h, exact = 10**exponents, np.e * (np.sin(1) + np.cos(1))
    value = {
        "forward": (f(1 + h) - f(1)) / h,
        "central": (f(1 + h) - f(1 - h)) / (2 * h),
        "complex": f(1 + 1j * h).imag / h,
    }[method]
    # Both are rounded: they agree up to the error of rounding, eps / h, and never less than eps
    noise = 4e-16 if method == "complex" else 4e-16 / h
    assert (np.abs(found - np.abs(value / exact - 1)) <= 1e-6 * np.abs(found) + 2 * noise).all()


def test_the_decoder_of_the_latent_plane_is_that_of_tinyae(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import plane

    net, codes, labels = plane.trained(epochs=1)
    exported = plane.for_javascript(net, codes, labels)
    layers = [layer for layer in net.decoder.layers if layer.params]
    for layer, weights in zip(layers, exported["layers"], strict=True):
        for name, values in weights.items():
            layer.params[name][...] = values  # rounded, as on the page
    found = javascript(
        "latent_plane.js", "a[1].map((z) => m.decode(a[0], z))",
        [exported["layers"], exported["codes"][:5]],
    )  # fmt: skip
    expected = net.decode(np.array(exported["codes"][:5], np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    sys.modules.pop("plane")
