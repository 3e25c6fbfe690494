"""tinyae in Pyodide, as in a browser: NumPy alone, no threads and no processes.

TINYAE_PYODIDE is a folder with node_modules, after ``npm install pyodide@0.29.5
@bentopdf/pymupdf-wasm@0.11.16``; the second package has a NumPy wheel for the first.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = shutil.which("node")
FOLDER = Path(os.environ.get("TINYAE_PYODIDE") or "none").absolute()
PACKAGES = "pytest _pytest pluggy iniconfig packaging pygments py"

if NODE is None:
    pytest.skip("Node is not installed", allow_module_level=True)
if not (FOLDER / "node_modules" / "pyodide").is_dir():
    pytest.skip(
        "TINYAE_PYODIDE does not name a folder with node_modules/pyodide", allow_module_level=True
    )
if not list((FOLDER / "node_modules/@bentopdf/pymupdf-wasm/assets").glob("numpy-*.whl")):
    pytest.skip("there is no NumPy wheel for Pyodide", allow_module_level=True)


def results(run):
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("RESULTS ")] or [None]
    assert line, (run.stdout + run.stderr)[-3000:]
    return json.loads(line.removeprefix("RESULTS ")), run.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel has what the package has; the tasks of the exercises are copied into it."""
    import zipfile

    path = tmp_path_factory.mktemp("dist") / "tinyae-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for folder, name in ((ROOT / "tinyae", "tinyae"), (TASKS, "tinyae/course/tasks")):
            for file in folder.rglob("*.py"):
                archive.write(file, f"{name}/{file.relative_to(folder).as_posix()}")
    return path


TASKS = ROOT / "chapters" / "exercises"


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """pytest's files: NumPy, matplotlib and the like must not come with them."""
    folder = tmp_path_factory.mktemp("packages")
    for name in PACKAGES.split():
        origin = Path(importlib.util.find_spec(name).origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, folder / name)
        else:
            shutil.copy(origin, folder)
    return folder


@pytest.fixture(scope="module")
def there(wheel, packages):
    """What Pyodide finds."""
    command = [NODE, str(HERE / "in_pyodide.mjs"), str(FOLDER), str(wheel)]
    command += [str(HERE / "in_browser.py"), f"packages={packages}", f"tests={ROOT / 'tests'}"]
    return results(subprocess.run(command, capture_output=True, text=True, timeout=300))


@pytest.fixture(scope="module")
def here():
    """What this computer finds."""
    command = [sys.executable, str(HERE / "in_browser.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    return results(run)[0]


def test_gradcheck_finds_the_right_layer_right_and_the_wrong_one_wrong(there):
    found, _ = there
    assert found["right"]
    assert "FAILED" in found["wrong"] and "bias" in found["wrong"]


def test_a_model_trains_to_the_same_losses(there, here):
    assert there[0]["losses"] == pytest.approx(here["losses"], abs=1e-5, rel=0)
    assert here["losses"][-1] < here["losses"][0]


def test_an_exercise_is_graded(there):
    found, _ = there
    assert found["solution"][0] == 10, found["solution"][1]
    assert found["stub"][0] == 0 and "not written yet" in found["stub"][1]


def test_images_are_shown_without_matplotlib(there):
    assert bytes.fromhex(there[0]["png"]).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("what", "word"),
    [("file", "grade_names"), ("workers", "no threads"), ("plot", "matplotlib")],
)
def test_what_cannot_work_says_so(there, what, word):
    assert word in there[0][what], there[0][what]


def test_some_of_the_real_tests_pass(there):
    found, output = there
    assert found["tests"] == 0, output[-3000:]
    assert " passed" in output
