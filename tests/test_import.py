"""``import tinyae`` needs only numpy and has the promised names; inside, imports run one way."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import tinyae

ROOT = Path(tinyae.__file__).parent
HEAVY = "matplotlib tqdm threadpoolctl pooch sklearn PIL safetensors torch scipy cupy pandas"
NAMES = (
    "Layer Linear Conv2d ConvTranspose2d ReLU LeakyReLU ELU Sigmoid Tanh Softplus Flatten Reshape "
    "Sequential Autoencoder summary mse bce bce_with_logits cross_entropy l1 KLSparsity "
    "contractive jacobian Objective SGD Adam fit History load_data save_weights load_weights "
    "to_device to_numpy gradcheck assert_gradients Report checking data models penalties plots "
    "training"
).split()

# The floors of the package, from the lowest: a module imports only modules of lower floors, or of
# its own package. "tinyae" is tinyae/__init__.py, which finds the public names in _public.
FLOORS = [
    "_validate _threads _figures backend",
    "compiled",
    "layers schedules",
    "gradients",
    "checking data io losses optim penalties",
    "known_bugs models objectives plots",
    "kfac training",
    "applications",
    "course",
    "_public",
    "tinyae",
    "cli",
    "__main__",
]
# Packages that may import less than their floor allows
ONLY = {
    "checking": "_validate _threads backend layers",
    "known_bugs": "_validate backend layers losses penalties",
}


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def modules_after(code):
    """The modules that are loaded when ``code`` has run; what it prints is left out."""
    return python(
        "import contextlib, io, sys\n"
        "from tinyae.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    {code}\n"
        "print(*sys.modules)"
    )


@pytest.mark.parametrize(
    "modules", ["tinyae", "tinyae, tinyae.data, tinyae.models, tinyae.training, tinyae.plots"]
)
def test_what_an_import_brings(modules):
    loaded = python(
        f"import sys, {modules}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    )
    assert not set(HEAVY.split()) & set(loaded)


@pytest.mark.parametrize("arguments", ["--help", "--version", "train --help", "check --help"])
def test_help_imports_neither_numpy_nor_most_of_tinyae(arguments):
    loaded = modules_after(f"main({arguments.split()})")
    assert not {"numpy", "pytest", *HEAVY.split()} & {name.partition(".")[0] for name in loaded}
    ours = {name for name in loaded if name.startswith("tinyae.")}
    assert all(name.startswith("tinyae.cli") for name in ours), ours


@pytest.mark.parametrize("arguments", ["list", "info --formats"])
def test_a_list_imports_neither_the_checker_nor_the_course(arguments):
    loaded = modules_after(f"main({arguments.split()})")
    unneeded = ("tinyae._public", "tinyae.checking", "tinyae.course", "tinyae.known_bugs")
    assert not {name for name in loaded if name.startswith(unneeded)}


def test_the_command_train_imports_only_what_training_needs():
    loaded = modules_after("import tinyae.cli.train")
    unneeded = ("tinyae._public", "tinyae.checking", "tinyae.course", "tinyae.known_bugs")
    assert not {name for name in loaded if name.startswith(unneeded)}
    assert not {"pytest", *HEAVY.split()} & {name.partition(".")[0] for name in loaded}


def test_the_public_names_are_there_without_being_asked_for_first():
    code = "from tinyae import *; import tinyae; print(*set(tinyae.__all__) - set(globals()))"
    assert not python(code)
    assert not python("import tinyae; print(*set(tinyae.__all__) - set(dir(tinyae)))")


@pytest.mark.parametrize("name", ["layers", "io", "training", "backend"])
def test_modules_are_attributes_of_the_package(name):
    assert python(f"import tinyae; print(tinyae.{name}.__name__)") == [f"tinyae.{name}"]


@pytest.mark.parametrize("name", ["Adamm", "__wrapped__", "no_such_module"])
def test_another_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=name):
        getattr(tinyae, name)


def test_every_promised_name_is_there():
    missing = python(
        f"import tinyae; print(*[name for name in {NAMES} if not hasattr(tinyae, name)])"
    )
    assert not missing


def test_public_names_are_documented():
    undocumented = [
        name for name in NAMES if not (getattr(tinyae, name, tinyae).__doc__ or "").strip()
    ]
    assert not undocumented


def test_importing_does_not_touch_the_global_random_state():
    seed, show = "import numpy as np; np.random.seed(0); ", "print(np.random.rand())"
    assert python(
        seed + "import tinyae.models; tinyae.models.basic_autoencoder(); " + show
    ) == python(seed + show)


def test_jacobian_is_the_function_everywhere():
    from tinyae import jacobian
    from tinyae.penalties import jacobian as of_penalties

    assert callable(jacobian) and of_penalties is jacobian


# What imports what. Imports inside functions and under TYPE_CHECKING count too.

FILES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}


def imported(path):
    """The modules of tinyae that a file imports, by their full names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not used here"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else node.module for name in inside]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == "tinyae")


IMPORTS = {module: set(imported(path)) for module, path in FILES.items()}


def package(module):
    """``tinyae.layers.linear`` -> ``layers``; ``tinyae`` itself is tinyae/__init__.py."""
    return module.split(".")[1] if "." in module else "tinyae"


def test_imports_run_one_way():
    floor = {name: i for i, names in enumerate(FLOORS) for name in names.split()}
    unknown = {package(module) for module in FILES} - floor.keys()
    assert not unknown, f"give {unknown} a floor in FLOORS"
    wrong = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if package(other) != package(module)
        and (
            floor[package(other)] >= floor[package(module)]
            or package(other) not in ONLY.get(package(module), package(other)).split()
        )
    ]
    assert not wrong


def test_no_imports_form_a_circle():
    graphlib.TopologicalSorter(IMPORTS).prepare()  # a CycleError names the modules of the circle
