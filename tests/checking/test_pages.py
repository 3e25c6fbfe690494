"""A report links to the page that explains such an error."""

from pathlib import Path

import numpy as np
import pytest

from tinyae import Layer, Linear, ReLU
from tinyae.checking import gradcheck
from tinyae.checking.pages import HOME, PAGES
from tinyae.known_bugs import with_bug

DOCS = Path(__file__).parents[2] / "docs" / "errors"
X = np.random.default_rng(0).normal(size=(5, 4))


class Stale(Layer):
    def forward(self, x):
        self.x = x
        return np.tanh(x), None

    def backward(self, dy, cache):
        return dy * (1 - np.tanh(self.x) ** 2), {}


class Narrow(Layer):
    def forward(self, x):
        return np.tanh(x.astype(np.float32)).astype(x.dtype), x

    def backward(self, dy, x):
        return dy * (1 - np.tanh(x) ** 2), {}


def linear(**changes):
    return with_bug(Linear(4, 3, rng=0), **changes)


TARGETS = {
    "shapes": (linear(weight=lambda g, *_: g.T), X),
    "stale_cache": (Stale(), X),
    "sum_or_mean": (linear(weight=lambda g, dy, *_: g / len(dy)), X),
    "kinks": (ReLU(), np.zeros((5, 4))),
    "float32": (Narrow(), X),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_report_links_to_the_page_about_its_error(page):
    report = gradcheck(*TARGETS[page])
    assert report.see == f"{HOME}/{page}.md"
    assert str(report).splitlines()[-1] == f"  see: {report.see}"


def test_each_page_exists_and_each_of_the_folder_is_linked():
    assert {path.stem for path in DOCS.glob("*.md")} == {*PAGES, "index"}


@pytest.mark.parametrize(
    "target",
    [Linear(4, 3, rng=0), linear(bias=lambda g, *_: -g), linear(weight=lambda g, *_: 0 * g)],
    ids=["right", "a sign", "zero"],
)
def test_other_reports_have_no_link(target):
    report = gradcheck(target, X)
    assert report.see == "" and "see:" not in str(report)
