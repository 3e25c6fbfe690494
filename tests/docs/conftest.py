"""What the tests in Node and in Chromium share: Pyodide's folder, and a wheel of tinyae.

TINYAE_PYODIDE is a folder with node_modules, after ``npm install pyodide@0.29.5
@bentopdf/pymupdf-wasm@0.11.16``; the second package has a NumPy wheel for the first.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers.browser import results_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pyodide():
    """The folder with node_modules; skips where there is none."""
    folder = Path(os.environ.get("TINYAE_PYODIDE") or "none").absolute()
    if not (folder / "node_modules" / "pyodide").is_dir():
        pytest.skip("TINYAE_PYODIDE does not name a folder with node_modules/pyodide")
    if not list(folder.glob("node_modules/@bentopdf/pymupdf-wasm/assets/numpy-*.whl")):
        pytest.skip("there is no NumPy wheel for Pyodide in TINYAE_PYODIDE")
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel has what the package has, and the tasks of the exercises."""
    path = tmp_path_factory.mktemp("dist") / "tinyae-0-py3-none-any.whl"
    parts = {"tinyae": "tinyae", "chapters/exercises": "tinyae/course/tasks"}
    with zipfile.ZipFile(path, "w") as archive:
        for folder, name in parts.items():
            for file in (ROOT / folder).rglob("*.py"):
                inside = file.relative_to(ROOT / folder).as_posix()
                archive.write(file, f"{name}/{inside}")
    return path


@pytest.fixture(scope="session")
def here():
    """What ``in_browser.py`` finds with the Python of this computer."""
    command = [sys.executable, str(Path(__file__).with_name("in_browser.py"))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    return results_of(run)[0]
