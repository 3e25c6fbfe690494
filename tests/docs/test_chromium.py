"""tinyae in a browser: a page of a local server loads Pyodide, and no other host is asked."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
spec = importlib.util.spec_from_file_location("in_chromium", ROOT / "docs" / "in_chromium.py")
in_chromium = importlib.util.module_from_spec(spec)
spec.loader.exec_module(in_chromium)

pytestmark = pytest.mark.skipif(
    in_chromium.find_chromium() is None, reason="Chromium is not installed"
)
PAGE = """<!doctype html><script type="module">
const report = (text) => fetch("report", { method: "POST", body: text });
try {
  const { loadPyodide } = await import("./pyodide/pyodide.mjs");
  const pyodide = await loadPyodide();
  for (const wheel of ["numpy.whl", "tinyae.whl"]) {
    const file = await fetch(wheel);
    pyodide.unpackArchive(new Uint8Array(await file.arrayBuffer()), "wheel");
  }
  const code = await (await fetch("in_browser.py")).text();
  pyodide.globals.set("__name__", "page");
  pyodide.runPython(code);
  await report(pyodide.runPython("json.dumps(results())"));
} catch (error) {
  await report(JSON.stringify({ error: String(error).slice(-2000) }));
}
</script>"""


def test_a_page_checks_gradients_and_trains(pyodide, wheel, here, tmp_path):
    (tmp_path / "pyodide").symlink_to(pyodide / "node_modules" / "pyodide")
    (numpy,) = pyodide.glob("node_modules/@bentopdf/pymupdf-wasm/assets/numpy-*.whl")
    shutil.copy(numpy, tmp_path / "numpy.whl")
    shutil.copy(wheel, tmp_path / "tinyae.whl")
    shutil.copy(HERE / "in_browser.py", tmp_path)
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    found = json.loads(in_chromium.report_of(tmp_path, "index.html", seconds=180))
    assert "error" not in found, found
    assert found["right"] and "FAILED" in found["wrong"] and "bias" in found["wrong"]
    assert found["losses"] == pytest.approx(here["losses"], abs=1e-5, rel=0)
    assert found["solution"][0] == 10 and found["stub"][0] == 0
    assert "grade_names" in found["file"]
