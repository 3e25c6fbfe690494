"""What ``test_pyodide.py`` runs in Node's Pyodide, and here for comparison; prints JSON."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import MagicMock, patch

import numpy as np

import tinyae
from tinyae.course import grade, grade_names
from tinyae.course.exercises import find
from tinyae.course.tasks import released, solved, source


class Wrong(tinyae.Linear):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "bias": 2 * grads["bias"]}


def losses():
    """Of a 784-32-784 model, epoch by epoch."""
    x = tinyae.load_data("strokes").train.flat[:512]
    model = tinyae.models.basic_autoencoder(rng=0)
    history = tinyae.fit(
        model, x, tinyae.Objective(), tinyae.Adam(model.params), epochs=3, workers=1
    )
    return [float(loss) for loss in history["loss"]]


def score(text):
    """The points of an exercise's file, and the feedback."""
    names = {"__name__": "notebook"}
    for cell in text.split("# %%"):
        if not cell.startswith(' tags=["check"]') and "[markdown]" not in cell.partition("\n")[0]:
            exec(cell.partition("\n")[2], names)
    result = grade_names(names, "linear")
    return result.score, str(result)


def sentence(what):
    """What an exception says."""
    try:
        what()
    except Exception as error:
        return str(error)
    return ""


def saved(model):
    """Whether a file of weights is read as it was written."""
    with tempfile.TemporaryDirectory() as folder:
        tinyae.save_weights(model, f"{folder}/weights.npz")
        other = tinyae.Linear(4, 3, rng=1)
        tinyae.load_weights(other, f"{folder}/weights.npz")
    return all(np.array_equal(model.params[key], other.params[key]) for key in model.params)


def results():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 4))
    right, wrong = tinyae.Linear(4, 3, rng=0), Wrong(4, 3, rng=0)
    square = tinyae.Linear(4, 4, rng=0)
    linear = find("linear")
    solution, stub = score(solved(source(linear))), score(released(source(linear)))
    image = tinyae.plots.plot_images(rng.random((6, 1, 5, 5)))
    return {
        "right": bool(tinyae.gradcheck(right, x)),
        "wrong": str(tinyae.gradcheck(wrong, x)),
        "losses": losses(),
        "saved": saved(right),
        "solution": solution,
        "stub": stub,
        "png": getattr(image, "png", b"").hex(),
        "file": sentence(lambda: grade("homework.py", "linear")),
        "workers": sentence(
            lambda: tinyae.training.evaluate(square, x.astype(np.float32), workers=2)
        ),
        "plot": sentence(lambda: tinyae.plots.plot_codes(x)),
    }


def chapter(path):
    """How many cells of a chapter run. There is no matplotlib here, so the plots go nowhere."""
    names = ("matplotlib", "matplotlib.pyplot")
    with patch.dict(sys.modules, {name: MagicMock() for name in names}):
        with patch.dict(os.environ, TINYAE_FAST="1"):
            plots = sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]
            plots.subplots = lambda *_, **__: (MagicMock(), MagicMock())
            cells = Path(path).read_text("utf-8").split("# %%")[1:]
            cells = [cell for cell in cells if "[markdown]" not in cell.partition("\n")[0]]
            variables = {"__name__": "notebook"}
            for cell in cells:
                exec(compile(cell.partition("\n")[2], path, "exec"), variables)
            return len(cells)


def tests():
    """Some of the real tests: the exit code of pytest."""
    sys.path.append("/packages")
    import pytest

    files = ["layers/test_reshape.py", "layers/test_tied.py", "layers/test_frozen.py",
             "training/test_history.py", "test_models.py", "test_device.py",
             "exercises/test_linear.py"]  # fmt: skip
    return int(
        pytest.main(
            ["-q", "--noconftest", "--rootdir=/tests", "-c", "/dev/null", "--tb=short",
             "--import-mode=importlib", "-o", "pythonpath=/tests", "-p", "no:cacheprovider",
             "-p", "no:faulthandler", "-k", "not stub", *(f"/tests/{file}" for file in files)]
        )
    )  # fmt: skip


if __name__ == "__main__":
    start = time.perf_counter()
    found = results()
    if sys.platform == "emscripten":
        found["cells"] = chapter("/chapters/00_derivatives_by_hand.py")
        found["tests"] = tests()
    print("\nRESULTS " + json.dumps(found))
    print(f"{time.perf_counter() - start:.1f} s")
