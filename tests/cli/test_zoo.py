"""tinyae zoo, as a student types it."""

import pytest

from tinyae.cli.main import main
from tinyae.course.zoo import find_bug, zoo_names

ONES = """
import numpy as np

def check(layer, x):
    y, cache = layer.forward(x)
    dx, grads = layer.backward(np.ones_like(y), cache)
    v = x[(0,) * x.ndim]
    x[(0,) * x.ndim] = v + 1e-5
    up = layer.forward(x)[0].sum()
    x[(0,) * x.ndim] = v
    return abs((up - y.sum()) / 1e-5 - dx[(0,) * x.ndim]) < 1e-3
"""


def test_start_fix_check_list(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["zoo", "start", "half_lambda"]) == 0
    assert "cae.py" in capsys.readouterr().out
    assert main(["zoo", "start", "slow_bias", str(tmp_path)]) == 0
    assert main(["zoo", "check", "half_lambda.py"]) == 1
    assert "0.5 × numeric" in capsys.readouterr().out
    (tmp_path / "half_lambda.py").write_text(find_bug("half_lambda").fixed, encoding="utf-8")
    assert main(["zoo", "check", "half_lambda.py"]) == 0
    assert main(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (half,) = [line for line in lines if line.startswith("half_lambda ")]
    (bias,) = [line for line in lines if line.startswith("slow_bias ")]
    assert half.endswith("  fixed") and bias.endswith("  started")
    assert any(f"1 fixed and 1 started of {len(zoo_names())}" in line for line in lines)


def test_start_never_writes_over_work(tmp_path, capsys):
    (tmp_path / "half_lambda.py").write_text("# mine\n", encoding="utf-8")
    assert main(["zoo", "start", "half_lambda", str(tmp_path)]) == 0
    assert "stays as it is" in capsys.readouterr().out
    assert main(["zoo", "start", "all", str(tmp_path)]) == 0
    assert (tmp_path / "half_lambda.py").read_text("utf-8") == "# mine\n"
    assert len(list(tmp_path.iterdir())) == len(zoo_names())


def test_score_prints_a_table_and_hints(tmp_path, capsys):
    path = tmp_path / "my_check.py"
    path.write_text(ONES, encoding="utf-8")
    assert main(["zoo", "score", str(path), "--draws", "1", "--seed", "0"]) == 0
    out = capsys.readouterr().out
    assert "family" in out and "convolutions" in out and "linear_reversed_rows" in out
    assert "params is never changed" in out and "dy has the same value everywhere" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["zoo", "start", "half_lamda"], "did you mean 'half_lambda'"),
        (["zoo", "check", "homework.py"], "does not have a bug 'homework'"),
        (["zoo", "check", "half_lambda.py"], "cannot be read"),
        (["zoo", "score", "nothing.py"], "cannot be read"),
        (["zoo", "score", "x.py", "--draws", "0"], "at least 1"),
    ],
)
def test_wrong_arguments_are_explained(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_score_without_a_check_says_so(tmp_path, capsys):
    path = tmp_path / "my_check.py"
    path.write_text("def checks(layer, x):\n    return True\n", encoding="utf-8")
    assert main(["zoo", "score", str(path)]) == 2
    assert "does not define 'check'; did you mean 'checks'" in capsys.readouterr().err
