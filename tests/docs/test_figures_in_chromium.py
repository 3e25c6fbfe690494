"""The interactive figures in a browser: a script moves sliders and the pointer and reads what the
page shows. It must be what NumPy computes."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tinyae import Conv2d, ConvTranspose2d

DOCS = Path(__file__).parents[2] / "docs"
spec = importlib.util.spec_from_file_location("in_chromium", DOCS / "in_chromium.py")
in_chromium = importlib.util.module_from_spec(spec)
spec.loader.exec_module(in_chromium)

pytestmark = pytest.mark.skipif(
    in_chromium.find_chromium() is None, reason="Chromium is not installed"
)
EXPONENTS = [-16, -8, -5, -2, -0.5]
POINTS = [(0.1, 0.2), (0.5, 0.5), (0.9, 0.3)]  # in the plane, from the lower left corner
SETTINGS = [
    {"n": 6, "k": 3, "s": 1, "p": 0, "d": 1, "extra": 0, "transposed": False},
    {"n": 7, "k": 3, "s": 2, "p": 1, "d": 2, "extra": 0, "transposed": False},
    {"n": 4, "k": 3, "s": 2, "p": 1, "d": 1, "extra": 1, "transposed": True},
]
# Moves a slider as a hand does: its value changes, and the page hears of it
SCRIPT = """
const set = (input, value, event) => {
  input.value = value;
  input.dispatchEvent(new Event(event));
};
function vCurve(exponent) {
  set(document.querySelector("#v-curve input"), exponent, "input");
  const shown = document.querySelectorAll("#v-curve [data-method]");
  return Object.fromEntries([...shown].map((e) => [e.dataset.method, Number(e.textContent)]));
}
function convolution(s) {
  const root = document.querySelector("#convolution");
  set(root.querySelector("select"), s.transposed ? "ConvTranspose2d" : "Conv2d", "change");
  for (const input of root.querySelectorAll("input")) set(input, s[input.dataset.key], "input");
  const size = Number(root.querySelector("[data-size]").dataset.size);
  const [left, right] = root.querySelectorAll("svg");
  const [from, to] = s.transposed ? [left, right] : [right, left];  // point at one, read the other
  const pad = s.transposed ? 0 : s.p;
  from.querySelectorAll(".pixel")[1].dispatchEvent(new PointerEvent("pointerenter"));
  const marked = [...to.querySelectorAll("rect.pixel.marked")].map((rect) => [
    (rect.getAttribute("y") - 23) / 30 - pad, (rect.getAttribute("x") - 1) / 30 - pad,
    ...rect.nextSibling.textContent.split(",").map(Number)]);
  return { size, marked };
}
function plane([u, v]) {
  const [canvas, image] = document.querySelectorAll("#latent-plane canvas");
  const box = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent("pointermove", {
    clientX: box.left + u * box.width, clientY: box.bottom - v * box.height }));
  const pixels = image.getContext("2d").getImageData(0, 0, 28, 28).data;
  return Array.from({ length: 784 }, (_, i) => 1 - pixels[4 * i] / 255);
}
"""


@pytest.fixture(scope="module")
def model():
    """The model of the latent plane, after a short training, with weights rounded as exported."""
    spec = importlib.util.spec_from_file_location("plane", DOCS / "plane.py")
    plane = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plane)
    net, codes, labels = plane.trained(epochs=1)
    exported = plane.for_javascript(net, codes, labels)
    layers = [layer for layer in net.decoder.layers if layer.params]
    for layer, weights in zip(layers, exported["layers"], strict=True):
        for name, values in weights.items():
            layer.params[name][...] = values
    return net, exported


@pytest.fixture(scope="module")
def shown(model, tmp_path_factory):
    """What the figures show, all on one page. Their HTML is that of the site's pages."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS / "_static", folder / "_static")
    text = f"const latentPlane = {json.dumps(model[1])};"
    (folder / "_static" / "latent_plane_model.js").write_text(text, encoding="utf-8")
    figures = "".join(
        re.findall(r"(?s)```{raw} html\n(.*?)```", page.read_text("utf-8"))[0]
        for page in sorted((DOCS / "interactive").glob("*_*.md"))
        + [DOCS / "interactive" / "convolution.md"]
    )
    run = f"""<script>{SCRIPT}
      const found = {{
        errors: {EXPONENTS}.map(vCurve),
        convolutions: {json.dumps(SETTINGS)}.map(convolution),
        images: {json.dumps(POINTS)}.map(plane),
      }};
      fetch("report", {{ method: "POST", body: JSON.stringify(found) }});</script>"""
    (folder / "interactive").mkdir()
    page = folder / "interactive" / "all.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{figures}{run}", encoding="utf-8")
    return json.loads(in_chromium.report_of(folder, "interactive/all.html", seconds=120))


def test_the_v_curve_shows_the_errors_of_numpy(shown):
    def f(x):
        return np.exp(x) * np.sin(x)

    exact = np.e * (np.sin(1) + np.cos(1))
    for exponent, errors in zip(EXPONENTS, shown["errors"], strict=True):
        h = 10.0**exponent
        values = {
            "forward": (f(1 + h) - f(1)) / h,
            "central": (f(1 + h) - f(1 - h)) / (2 * h),
            "complex": f(1 + 1j * h).imag / h,
        }
        assert errors.keys() == values.keys()
        for method, value in values.items():
            noise = 4e-16 if method == "complex" else 4e-16 / h  # of rounding, in both
            expected = abs(value / exact - 1)  # shown with two digits
            assert abs(errors[method] - expected) <= 0.051 * expected + 2 * noise, (method, h)
    assert shown["errors"][1]["complex"] < 1e-15 < shown["errors"][1]["central"]


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_the_convolution_marks_what_the_layer_touches(shown, number):
    settings, found = SETTINGS[number], shown["convolutions"][number]
    n, k, s, p, d, extra, transposed = settings.values()
    x = np.zeros((1, 1, n, n), np.float64)
    if transposed:
        layer = ConvTranspose2d(1, 1, k, s, p, extra, d, bias=False)
    else:
        layer = Conv2d(1, 1, k, s, p, d, bias=False)
    taps = 1 + np.arange(k * k).reshape(k, k)  # each tap has a number of its own
    layer = layer.map_params(lambda w: taps[None, None].astype(np.float64))
    y = layer(x)
    assert found["size"] == y.shape[-1]
    one = np.zeros_like(x if transposed else y)
    one[0, 0, 0, 1] = 1  # the pixel that is pointed at
    touched = layer(one) if transposed else layer.vjp(one, x)
    marked = np.zeros_like(touched[0, 0])
    for i, j, a, b in found["marked"]:
        marked[int(i), int(j)] = taps[a, b]
    assert marked.any()
    np.testing.assert_array_equal(marked, touched[0, 0])


def test_the_plane_shows_what_the_decoder_gives(shown, model):
    net, exported = model
    low, high = np.array(exported["low"]), np.array(exported["high"])
    z = low + np.array(POINTS) * (high - low)
    expected = net.decode(z.astype(np.float32))
    # a canvas keeps 256 shades
    np.testing.assert_allclose(shown["images"], expected, atol=1 / 255)
    assert np.ptp(expected, axis=0).max() > 0.05, "the three points give the same image"
