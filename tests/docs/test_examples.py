"""Every public name has an example in its docstring, and every example gives what it shows."""

import doctest
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinyae

# Modules without __all__ whose functions and classes are public
MODULES = ("backend", "kfac", "losses", "models", "optim", "plots")
# What checking.diagnosis exports works on unfinished reports: it is for tinyae.checking alone
INTERNAL = ("tinyae.checking.diagnosis",)
NEEDS = {"digits": "sklearn", "tsne_map": "sklearn", "roc_curve": "sklearn",
         "precision_recall_curve": "sklearn"}  # fmt: skip
REAL_DATA = ("mnist", "fashion_mnist")
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def modules():
    yield tinyae
    for module in pkgutil.walk_packages(tinyae.__path__, "tinyae."):
        if not module.name.endswith("__main__") and "._" not in module.name:
            yield importlib.import_module(module.name)


def documented():
    """Every function, class and method with a docstring of its own, by its full name."""
    found = {}
    for module in modules():
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", None) == module.__name__ and callable(thing):
                found[f"{module.__name__}.{name}"] = thing
                if inspect.isclass(thing):
                    for key, method in vars(thing).items():
                        method = getattr(method, "__func__", getattr(method, "fget", method))
                        if inspect.isfunction(method):
                            found[f"{module.__name__}.{name}.{key}"] = method
    return found


def public():
    """The public functions and classes. Modules and constants have no docstring of their own, and
    an exception is shown where it is raised."""
    found = {}
    for module in modules():
        is_public = hasattr(module, "__path__") and module.__name__ not in INTERNAL
        names = getattr(module, "__all__", ()) if is_public else ()
        if module.__name__.removeprefix("tinyae.") in MODULES:
            own = (n for n, thing in vars(module).items() if inspect.getmodule(thing) is module)
            names = {*names, *(name for name in own if not name.startswith("_"))}
        for name in names:
            thing = getattr(module, name)
            is_exception = inspect.isclass(thing) and issubclass(thing, Exception)
            if inspect.isfunction(thing) or (inspect.isclass(thing) and not is_exception):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


EVERYTHING = documented()
EXAMPLES = {name: thing for name, thing in EVERYTHING.items() if ">>>" in (thing.__doc__ or "")}


@pytest.mark.parametrize("name", sorted(public()))
def test_a_public_name_has_an_example(name):
    assert name in EXAMPLES


def test_the_reference_shows_every_public_name():
    text = "".join(page.read_text("utf-8") for page in REFERENCE.glob("*.md"))
    shown = {
        f"{thing.__module__}.{thing.__qualname__}"
        for name in re.findall(r"automodule:: (\S+)", text)
        for thing in vars(importlib.import_module(name)).values()
        if inspect.isfunction(thing) or inspect.isclass(thing)
    }
    assert sorted(public().keys() - shown) == []


@pytest.mark.parametrize("name", [n for n in vars(tinyae.Layer) if not n.startswith("_")])
def test_a_method_of_the_layer_protocol_has_an_example(name):
    method = getattr(tinyae.Layer, name)
    assert not callable(method) or ">>>" in method.__doc__


def failures_of(name, text):
    """What is wrong when an example runs as on the page: after ``import numpy as np`` and
    ``from tinyae import *``, and nothing else."""
    names = {"np": np, **{key: getattr(tinyae, key) for key in tinyae.__all__}}
    test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    said = []
    doctest.DocTestRunner(
        verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    ).run(test, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_gives_what_it_shows(name, request, monkeypatch, tmp_path):
    short = name.rpartition(".")[2]
    if short in NEEDS:
        pytest.importorskip(NEEDS[short])
    if short in REAL_DATA:
        monkeypatch.setenv("TINYAE_DATA", str(request.getfixturevalue("data_dir")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)  # as at the prompt
    assert failures_of(name, EXAMPLES[name].__doc__) == ""
    assert os.listdir(tmp_path) == [], "the example leaves files behind"
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def test_a_wrong_example_is_noticed():
    assert "Expected" in failures_of("wrong", ">>> 1 + 1\n3")
    assert "NameError" in failures_of("not imported", ">>> unfold(1)\n3")


def test_an_example_needs_nothing_that_its_page_does_not_import():
    """``from tinyae import *`` in a new process has the names that the examples use."""
    code = "import numpy as np\nfrom tinyae import *\nprint(models, data, plots, Linear, np)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
