"""tinyae in Node's Pyodide, as in a browser: NumPy alone, no threads and no processes."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.browser import results_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NODE = shutil.which("node")
PACKAGES = "pytest _pytest pluggy iniconfig packaging pygments py"

pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed")


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
def there(pyodide, wheel, packages):
    """What Pyodide finds."""
    command = [NODE, str(HERE / "in_pyodide.mjs"), str(pyodide), str(wheel)]
    command += [str(HERE / "in_browser.py"), f"packages={packages}", f"tests={ROOT / 'tests'}"]
    command += [f"chapters={ROOT / 'chapters'}"]
    return results_of(subprocess.run(command, capture_output=True, text=True, timeout=300))


def test_gradcheck_finds_the_right_layer_right_and_the_wrong_one_wrong(there):
    found, _ = there
    assert found["right"]
    assert "FAILED" in found["wrong"] and "bias" in found["wrong"]


def test_a_model_trains_to_the_same_losses(there, here):
    assert there[0]["losses"] == pytest.approx(here["losses"], abs=1e-5, rel=0)
    assert here["losses"][-1] < here["losses"][0]


def test_weights_are_saved_and_loaded(there):
    assert there[0]["saved"]


def test_an_exercise_is_graded(there):
    found, _ = there
    assert found["solution"][0] == 10, found["solution"][1]
    assert found["stub"][0] == 0 and "not written yet" in found["stub"][1]


def test_images_are_shown_without_matplotlib(there):
    assert bytes.fromhex(there[0]["png"]).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("what", "word"), [("file", "grade_names"), ("workers", "no threads"), ("plot", "matplotlib")]
)
def test_what_cannot_work_says_so(there, what, word):
    assert word in there[0][what], there[0][what]


def test_a_chapter_runs_in_its_fast_mode(there):
    assert there[0]["cells"] > 10


def test_some_of_the_real_tests_pass(there):
    found, output = there
    assert found["tests"] == 0, output[-3000:]
    assert " passed" in output
