"""Every command on every terminal: output in cp1252 or ASCII, to a file, to a pipe."""

import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminal")
    x = np.random.default_rng(0).random((60, 28, 28)).astype(np.float32)
    np.savez(folder / "x.npz", images=x, labels=np.arange(60) % 2)
    np.save(folder / "z.npy", x - 3)
    (folder / "mine.py").write_text(
        "from tinyae import Linear\n\n\nclass Mine(Linear):\n    def __init__(self):\n"
        "        super().__init__(3, 2, rng=0)\n",
        encoding="utf-8",
    )
    run = call(
        folder, "utf-8", "train vae-2d --data x.npz --epochs 1 --quiet --workers 1 --out run"
    )
    assert run.returncode == 0, run.stderr
    return folder


def call(folder, encoding, command, **options):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-m", "tinyae", *command.split()],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
        **options,
    )


COMMANDS = {
    "--help": 0,
    "train --help": 0,
    "check --help": 0,
    "exercise list": 0,
    "grade --help": 0,
    "list": 0,
    "info": 0,
    "info --formats": 0,
    "train contractive --data x.npz --epochs 1 --workers 1 --out r": 0,
    "train sparse-kl --data x.npz --epochs 1 --quiet --workers 1 --out r": 0,
    "train basic --data z.npy --out r2": 2,  # out of range
    "reconstruct run/weights.npz x.npz --out o": 0,
    "denoise run/weights.npz x.npz --out o": 0,
    "sample run/weights.npz --out o": 0,
    "anomalies run/weights.npz x.npz --out o": 0,
    "map run/weights.npz x.npz --out o": 0,
    "probe run/weights.npz x.npz --labels 20 --seeds 1": 0,
    "check mine.py:Mine --input 4,3": 0,
}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_every_command_prints_in_every_encoding(encoding, folder):
    for command, code in COMMANDS.items():
        run = call(folder, encoding, command)
        assert run.returncode == code, (command, run.stderr[-500:])
        text = (run.stdout + run.stderr).decode(encoding)
        assert "Traceback" not in text and "codec" not in text and "\\u" not in text, (
            command,
            text,
        )


def test_symbols_are_replaced_by_words(folder):
    run = call(folder, "ascii", "train --help")
    assert b"--contraction lambda" in run.stdout and b"gaussian:sigma" in run.stdout
    assert b" -> " in call(folder, "cp1252", "list").stdout
    assert "→".encode() in call(folder, "utf-8", "list").stdout


def test_a_file_name_that_is_not_utf8(folder):
    name = os.fsencode(folder) + b"/b\xe9b\xe9.npy"
    try:
        with open(name, "wb") as file:
            np.save(file, np.random.default_rng(0).random((30, 28, 28)))
    except OSError:
        pytest.skip("file names are UTF-8 here")
    command = [sys.executable, "-m", "tinyae", "map", "run/weights.npz", name, "--out", "m"]
    run = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_a_reader_that_stops_early_is_no_error(folder):
    command = f"{sys.executable} -m tinyae list | head -1"
    run = subprocess.run(command, shell=True, cwd=folder, capture_output=True, timeout=60)
    assert run.stdout.count(b"\n") == 1 and not run.stderr


def test_the_help_begins_with_one_paragraph(folder):
    text = call(folder, "utf-8", "--help").stdout.decode()
    assert "autoencoders from scratch" in text and "This package exports" not in text
