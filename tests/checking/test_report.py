"""The report: for people, for programs, in a notebook, as a picture."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Conv2d, Linear, ReLU, Sequential
from tinyae.checking import Report, assert_gradients, gradcheck, show_report
from tinyae.checking.error_map import blocks, error_map
from tinyae.known_bugs import BUGS, with_bug

RNG = np.random.default_rng(0)


def half_weight():
    return with_bug(
        Conv2d(1, 16, 3, stride=2, padding=1, rng=0), weight=lambda g, *_: g / 2
    ), RNG.standard_normal((2, 1, 12, 12))


def test_the_text_says_what_where_and_why():
    layer, x = half_weight()
    text = str(gradcheck(layer, x))
    assert text.startswith("gradcheck FAILED  Conv2d(1 → 16, kernel 3, stride 2, padding 1)")
    row = next(line for line in text.splitlines() if line.startswith("  weight"))
    for word in ("(16,1,3,3)", "144", "5.0e-01", "WRONG"):
        assert word in row
    assert "backward = 0.5 × numeric" in text and "backward" in text and "numeric" in text


@given(st.sampled_from(BUGS), st.integers(0, 5))
def test_every_report_fits_a_terminal_and_json(example, seed):
    target, inputs = example.make(seed)
    report = gradcheck(target, *inputs, seed=seed)
    assert all(len(line) <= 100 for line in str(report).splitlines()), str(report)
    back = json.loads(json.dumps(report.to_dict()))
    assert back["ok"] is report.ok and len(back["tensors"]) == len(report.tensors)
    assert "<table>" in report._repr_html_()


def test_show_report_prints_in_a_script_and_refuses_what_is_not_a_report(capsys):
    report = gradcheck(*half_weight())
    show_report(report)
    assert capsys.readouterr().out == f"{report}\n\n"
    with pytest.raises(TypeError, match="expected a Report, got bool"):
        show_report(report.ok)


def test_show_report_shows_the_error_map_in_a_notebook(monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    shell = type("NotebookShell", (), {})()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(display, "display", lambda data, raw: shown.append(data))
    report = gradcheck(*half_weight())
    show_report(report)
    assert shown[0]["text/plain"] == str(report)
    assert "<svg" in shown[0]["text/html"]


def test_the_html_says_what_exact_arithmetic_has_shown():
    report = gradcheck(Linear(3, 2), np.ones((2, 3)), method="exact")
    assert report.remark and report.remark[:20] in report._repr_html_()


def test_assert_gradients_raises_with_the_report():
    layer, x = half_weight()
    with pytest.raises(
        AssertionError, match="hint: all 144 entries of weight: backward = 0.5 × numeric"
    ):
        assert_gradients(layer, x)


def test_report_is_true_when_ok():
    report = gradcheck(Linear(3, 2), np.ones((2, 3)))
    assert isinstance(report, Report) and report and report["weight"].checked == 6
    with pytest.raises(KeyError, match="no tensor 'w'"):
        report["w"]


def test_plot_has_a_picture_per_tensor():
    import matplotlib.pyplot as plt

    layer, x = half_weight()
    axes = gradcheck(Sequential(layer, ReLU()), x).plot()
    assert [ax.get_title() for ax in axes] == ["x  ok", "0.weight  WRONG", "0.bias  ok"]
    plt.close(axes[0].figure)


def test_maps_keep_the_one_wrong_entry():
    def spoil(g, *_):
        g = g.copy()
        g[50, 60] += 1
        return g

    report = gradcheck(
        with_bug(Linear(80, 70, rng=0), weight=spoil),
        RNG.standard_normal((3, 80)),
        max_entries=6000,
    )
    picture = error_map(report["weight"])
    assert picture.shape == (70, 80) and np.argmax(picture) == 50 * 80 + 60
    small = blocks(picture, 16)
    assert small.shape == (16, 16) and small.max() == picture.max()
    assert error_map(report["bias"]).shape == (1, 70)
    assert error_map(gradcheck(*half_weight())["weight"]).shape == (48, 3)
