"""The command line as a whole: help, mistakes, and the commands that only print."""

import argparse
import subprocess
import sys

import pytest
from helpers.commands import tinyae

from tinyae.cli.main import _load_command, _parser
from tinyae.cli.presets import PRESETS


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train basik", ["unknown model 'basik'", "did you mean 'basic'"]),
        ("train basic --data mnits", ["'mnits'", "'mnist'"]),
        ("train basic --data no/such/folder", ["no such file", "no/such/folder"]),
        ("train basic --epochs -1", ["--epochs is -1"]),
        ("train basic --seed -1", ["--seed is -1, expected at least 0"]),
        ("train basic --workers 0", ["--workers is 0, expected at least 1"]),
        ("train basic --batch-size 0", ["--batch-size is 0, expected at least 1"]),
        ("train basic --resume", ["there is no checkpoint"]),
        ("map nothing.npz strokes", ["no weight file nothing.npz"]),
        ("reconstruct nothing.npz strokes", ["no weight file nothing.npz"]),
        ("anomalies nothing.npz strokes --normal strokes", ["no weight file nothing.npz"]),
    ],
)
def test_mistakes_get_an_answer(command, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tinyae(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinyae: ") and "Traceback" not in error
    assert all(word in error for word in words)
    assert not list(tmp_path.iterdir())  # nothing was written


def test_info_and_list(capsys):
    assert tinyae("info") == 0 and tinyae("list") == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("numpy", "BLAS", "GPU", "mnist"))
    assert all(f"{name} " in text and p.description in text for name, p in PRESETS.items())


LAYER = """
from tinyae import Linear
class Good(Linear):
    def __init__(self):
        super().__init__(3, 2, rng=0)
class Bad(Good):
    def backward(self, dy, x):
        dx, grads = super().backward(dy, x)
        return dx, {**grads, "weight": grads["weight"] / 2}
class Broken(Good):
    def forward(self, x):
        return undefined_name
"""


def test_check_a_file(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(LAYER)
    assert tinyae("check {file}:Good --input 4,3", file=file) == 0
    assert tinyae("check {file}:Bad", file=file) == 1
    text = capsys.readouterr().out
    assert "passed" in text and "FAILED" in text and "0.5" in text
    assert tinyae("check {file}:Goood", file=file) == 2 and tinyae("check nothing.py:x") == 2
    error = capsys.readouterr().err
    assert "Good" in error and "nothing.py" in error and "Traceback" not in error
    assert tinyae("check {file}:Broken", file=file) == 2  # the file's own mistake, with its line
    error = capsys.readouterr().err
    assert "line 12, in forward: return undefined_name" in error


def commands(parser=None, prefix=""):
    """All commands, also those of commands: {"exercise start": parser}."""
    found = {}
    for action in (parser or _parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                inner = commands(command, f"{prefix}{name} ")
                found |= inner or {f"{prefix}{name}": command}
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_and_a_function(name, capsys):
    assert callable(_load_command(commands()[name].get_default("run")))
    with pytest.raises(SystemExit) as end:
        tinyae(f"{name} --help")
    assert end.value.code == 0 and f"usage: tinyae {name}" in capsys.readouterr().out


def test_help_does_not_import_the_commands(capsys):
    code = (
        "import sys; from tinyae.cli.main import main; main([]); "
        "print(*[name for name in sys.modules if name.startswith('tinyae.cli.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, modules = run.stdout.splitlines()
    assert text[0].startswith("usage: tinyae")
    needed = ("main", "terminal", "_arguments")
    assert all(name.endswith(needed) for name in modules.split())


def test_python_m_tinyae():
    run = subprocess.run(
        [sys.executable, "-m", "tinyae", "--version"], capture_output=True, text=True
    )
    assert run.returncode == 0 and run.stdout.startswith("tinyae ")
