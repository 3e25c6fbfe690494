"""Draw the diagrams that open the chapters, and the error map of the README:
``python chapters/figures/diagrams.py``.

One style for all: values are circles of text, functions are boxes, arrows go forward in black and
backward in red. The letters are those of the formulas.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from tinyae.checking import gradcheck
from tinyae.plots import save

FIGURES = Path(__file__).resolve().parent
BLUE, RED, GRAY, LIGHT = "#2b6cb0", "#c53030", "#666666", "#e8eef6"
plt.rcParams.update(
    {
        "font.size": 11,
        "mathtext.fontset": "cm",
        "svg.hashsalt": "tinyae",
        "svg.fonttype": "path",
    }
)


class Diagram:
    """A drawing of width × height units, half an inch each."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = plt.figure(figsize=(width / 2, height / 2))
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
        self.ax.axis("off")

    def box(self, x: float, y: float, text: str, width: float = 1.8, height: float = 0.9,
            color: str = LIGHT) -> None:  # fmt: skip
        """A function, centered at (x, y)."""
        corner = (x - width / 2, y - height / 2)
        style = "round,pad=0,rounding_size=0.15"
        self.ax.add_patch(
            FancyBboxPatch(
                corner, width, height, boxstyle=style, facecolor=color, edgecolor=BLUE
            )
        )
        self.text(x, y, text)

    def text(
        self, x: float, y: float, text: str, color: str = "black", **options: Any
    ) -> None:
        """A value or a remark, centered at (x, y)."""
        options = {"ha": "center", "va": "center"} | options
        self.ax.text(x, y, text, color=color, **options)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], label: str = "",
              color: str = "black", bend: float = 0.0, above: float = 0.28) -> None:  # fmt: skip
        """An arrow, with a label next to its middle."""
        self.ax.add_patch(
            FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=color,
                            linewidth=1.1, shrinkA=0, shrinkB=0,
                            connectionstyle=f"arc3,rad={bend}")
        )  # fmt: skip
        if label:
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + above)
            self.text(*middle, label, color=color)

    def cells(self, x: float, y: float, rows: int, columns: int, size: float = 0.4,
              fill: Callable[[int, int], str] | None = None) -> None:  # fmt: skip
        """A grid with its upper left corner at (x, y)."""
        for i in range(rows):
            for j in range(columns):
                color = fill(i, j) if fill else "white"
                corner = (x + j * size, y - (i + 1) * size)
                self.ax.add_patch(
                    Rectangle(
                        corner,
                        size,
                        size,
                        facecolor=color,
                        edgecolor=GRAY,
                        linewidth=0.7,
                    )
                )

    def save(self, name: str) -> None:
        """Write name.svg, the same bytes each time."""
        self.figure.savefig(FIGURES / f"{name}.svg", metadata={"Date": None})
        plt.close(self.figure)


def chapter_0() -> Diagram:
    """Forward and backward through two layers and a loss."""
    d = Diagram(18, 4.6)
    up, down = 3.0, 1.6
    stops = {"Linear": 3, "$\\sigma$": 6, "Linear ": 9, "$\\sigma$ ": 12, "MSE": 15}
    for name, x in stops.items():
        d.box(x, (up + down) / 2, name.strip(), width=1.7, height=2.3)
    values = [("$x$", "$dx$", 1), ("$a$", "$da$", 4.5), ("$h$", "$dh$", 7.5), ("$c$", "$dc$", 10.5),
              ("$y$", "$dy$", 13.5), ("$L$", "1", 17)]  # fmt: skip
    for i, (value, gradient, x) in enumerate(values):
        d.text(x, up, value)
        d.text(x, down, gradient, color=RED)
        before, after = [3, 3, 6, 9, 12, 15][i] + 0.85, [3, 6, 9, 12, 15, 15][i] - 0.85
        if i:
            d.arrow((before, up), (x - 0.3, up))
            d.arrow((x - 0.4, down), (before, down), color=RED)
        if i < len(values) - 1:
            d.arrow((x + 0.3, up), (after, up))
            d.arrow((after, down), (x + 0.4, down), color=RED)
    for x, names in (
        (3, ("$W_1,\\, b_1$", "$dW_1,\\, db_1$")),
        (9, ("$W_2,\\, b_2$", "$dW_2,\\, db_2$")),
    ):
        d.text(x, 4.3, names[0])
        d.arrow((x, 4.05), (x, 3.48))
        d.arrow((x, 1.12), (x, 0.6), color=RED)
        d.text(x, 0.35, names[1], color=RED)
    d.text(15, 4.3, "target $t$")
    d.arrow((15, 4.05), (15, 3.48))
    return d


def chapter_1() -> Diagram:
    """The widths of the basic autoencoder."""
    d = Diagram(18, 5)
    widths = [784, 512, 256, 32, 256, 512, 784]
    names = ["$x$", "", "", "$z$", "", "", "$\\hat x$"]
    labels = ["ReLU", "ReLU", "", "ReLU", "ReLU", "$\\sigma$"]
    for i, (width, name) in enumerate(zip(widths, names, strict=True)):
        x, height = 1.5 + 2.5 * i, 0.5 + 2.9 * width / 784
        color = "#f6d9d9" if width == 32 else LIGHT
        d.ax.add_patch(Rectangle((x - 0.3, 2.4 - height / 2), 0.6, height, facecolor=color,
                                 edgecolor=BLUE))  # fmt: skip
        d.text(x, 2.4 + height / 2 + 0.3, str(width), color=GRAY)
        d.text(x, 2.4, name)
        if i:
            d.arrow((x - 2.1, 2.4), (x - 0.4, 2.4), labels[i - 1])
    d.text(4, 0.25, "encoder", color=BLUE)
    d.text(9, 0.25, "code", color=RED)
    d.text(14, 0.25, "decoder", color=BLUE)
    return d


def chapter_2() -> Diagram:
    """A convolution is a linear layer, applied to patches; with numbers."""
    d = Diagram(18, 6.2)
    image = [[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 2], [1, 1, 0, 2]]
    weights = [1, 0, 2, -1]
    colors = ["#f6d9d9", "#d9ecd9", "#d9e3f6", "#f6efd0"]
    patches = [
        [image[2 * i][2 * j], image[2 * i][2 * j + 1], image[2 * i + 1][2 * j],
         image[2 * i + 1][2 * j + 1]]
        for i in range(2) for j in range(2)
    ]  # fmt: skip
    size = 0.75
    d.cells(0.6, 4.6, 4, 4, size, lambda i, j: colors[2 * (i // 2) + j // 2])
    for i, row in enumerate(image):
        for j, value in enumerate(row):
            d.text(0.6 + (j + 0.5) * size, 4.6 - (i + 0.5) * size, str(value))
    d.text(2.1, 5.1, "image $x$")
    d.arrow((3.9, 3.1), (5.3, 3.1), "unfold")
    d.cells(5.6, 4.6, 4, 4, size, lambda i, j: colors[i])
    for i, patch in enumerate(patches):
        for j, value in enumerate(patch):
            d.text(5.6 + (j + 0.5) * size, 4.6 - (i + 0.5) * size, str(value))
    d.text(7.1, 5.1, "patches $P$, one per row")
    d.text(9.2, 3.1, "$\\times$", fontsize=15)
    d.cells(9.8, 4.6, 4, 1, size)
    for j, value in enumerate(weights):
        d.text(9.8 + size / 2, 4.6 - (j + 0.5) * size, str(value))
    d.text(10.2, 5.1, "filter $W^\\top$")
    d.text(11.2, 3.1, "$=$", fontsize=15)
    d.cells(11.8, 4.6, 4, 1, size, lambda i, j: colors[i])
    results = [
        sum(a * w for a, w in zip(patch, weights, strict=True)) for patch in patches
    ]
    for i, value in enumerate(results):
        d.text(11.8 + size / 2, 4.6 - (i + 0.5) * size, str(value))
    d.text(12.2, 5.1, "$Y$")
    d.arrow((12.9, 3.1), (14.3, 3.1), "reshape")
    d.cells(14.7, 3.85, 2, 2, size, lambda i, j: colors[2 * i + j])
    for i, value in enumerate(results):
        d.text(14.7 + (i % 2 + 0.5) * size, 3.85 - (i // 2 + 0.5) * size, str(value))
    d.text(15.45, 4.35, "one channel of $y$")
    d.text(9, 0.9, "32 filters are 32 columns of $W^\\top$, and give 32 channels of the next image.",
           color=GRAY)  # fmt: skip
    return d


def chapter_3() -> Diagram:
    """Denoising: compared with the clean image."""
    d = Diagram(18, 4)
    y = 2.4
    d.text(0.8, y, "$x$")
    d.box(4, y, "corrupt")
    d.box(8, y, "encoder")
    d.box(12, y, "decoder")
    d.text(15, y, "$\\hat x$")
    d.arrow((1.2, y), (3.05, y))
    d.arrow((4.95, y), (7.05, y), "$\\tilde x$")
    d.arrow((8.95, y), (11.05, y), "$z$")
    d.arrow((12.95, y), (14.6, y))
    d.text(4, 3.7, "a new sample of noise each time", color=GRAY)
    d.arrow((4, 3.45), (4, 2.9), color=GRAY)
    for x in (0.8, 15):
        d.ax.plot([x, x], [0.9, 2.0], color=RED, linewidth=1.1)
    d.ax.plot([0.8, 15], [0.9, 0.9], color=RED, linewidth=1.1)
    d.text(7.9, 0.5, "compared with the clean $x$, not with $\\tilde x$", color=RED)
    return d


def chapter_4() -> Diagram:
    """A narrow code and a sparse code."""
    d = Diagram(18, 4.4)
    for y, name, count, active, remark in (
        (3.3, "narrow", 8, range(8), "all units, for each $x$"),
        (1.3, "sparse", 24, (3, 12, 20), "a few units of many, others for another $x$"),
    ):
        d.text(1.2, y, name, color=BLUE)
        d.text(3.2, y, "$x$")
        left = 9 - count * 0.4 / 2
        d.arrow((3.5, y), (left - 0.15, y))
        d.cells(
            left,
            y + 0.2,
            1,
            count,
            0.4,
            lambda i, j, a=active: BLUE if j in a else "white",
        )
        d.arrow((left + count * 0.4 + 0.15, y), (14.5, y))
        d.text(14.9, y, "$\\hat x$")
        d.text(9, y - 0.65, remark, color=GRAY)
    return d


def chapter_5() -> Diagram:
    """Directions along the data and across them."""
    d = Diagram(18, 5.4)
    t = np.linspace(0, 1, 200)
    x, y = 2 + 9 * t, 2.0 + 1.6 * np.sin(2.6 * t)
    d.ax.plot(x, y, color=BLUE, linewidth=2)
    for s in (0.05, 0.2, 0.62, 0.8, 0.97):
        i = int(s * 199)
        d.ax.plot(x[i], y[i], "o", color=BLUE)
    i = 80
    tangent = np.array([x[i + 1] - x[i], y[i + 1] - y[i]])
    tangent /= np.linalg.norm(tangent)
    normal = np.array([-tangent[1], tangent[0]])
    point = np.array([x[i], y[i]])
    d.ax.plot(*point, "o", color="black", zorder=3)
    d.text(*(point - 0.5 * normal), "$x$")
    d.arrow(tuple(point), tuple(point + 1.8 * tangent))
    d.text(*(point + 2.1 * tangent + 0.25 * normal), "$t$")
    d.arrow(tuple(point), tuple(point + 1.4 * normal), color=RED)
    d.text(*(point + 1.75 * normal), "$u$", color=RED)
    d.text(2.2, 1.4, "the digits", color=BLUE)
    d.text(14.7, 3.9, "across the data: contract", color=RED)
    d.text(14.7, 3.3, "$\\Vert J u\\Vert$ small", color=RED)
    d.text(14.7, 2.2, "along the data: keep")
    d.text(14.7, 1.6, "$\\Vert J t\\Vert$ large")
    return d


def chapter_6() -> Diagram:
    """Which part of an autoencoder each application uses."""
    d = Diagram(18, 6)
    y = 4.8
    d.text(1, y, "$x$")
    d.box(4, y, "encoder $f$")
    d.text(7.5, y, "$z$")
    d.box(11, y, "decoder $g$")
    d.text(14.5, y, "$\\hat x$")
    for start, end in ((1.4, 3.05), (4.95, 7.1), (7.9, 10.05), (11.95, 14.1)):
        d.arrow((start, y), (end, y))
    for x, texts in ((7.5, ("(a) maps of the codes", "(d) features for a classifier")),
                     (14.5, ("(c) large images,", "cleaned tile by tile"))):  # fmt: skip
        d.arrow((x, y - 0.4), (x, 3.5))
        for i, text in enumerate(texts):
            d.text(x, 3.15 - 0.55 * i, text, color=BLUE)
    d.ax.plot([1, 1, 11], [4.4, 1.2, 1.2], color=RED, linewidth=1.1)
    d.ax.plot([16.9, 16.9, 11], [4.8, 1.2, 1.2], color=RED, linewidth=1.1)
    d.ax.plot([14.9, 16.9], [4.8, 4.8], color=RED, linewidth=1.1)
    d.text(
        9,
        0.7,
        "(b) anomalies: $\\Vert\\hat x - x\\Vert^2$ is large where $x$ is unusual",
        color=RED,
    )
    return d


def chapter_7() -> Diagram:
    """The loss looks only at the data and at their codes."""
    d = Diagram(18, 5.6)
    rng = np.random.default_rng(4)
    t = rng.uniform(0, 1, 60)
    data = np.stack(
        [0.4 + 2.6 * t, 1.0 + 1.3 * np.sin(3 * t) + rng.normal(0, 0.09, 60)], axis=1
    )
    codes = np.stack([1.7 + 1.2 * np.cos(5 * t), 1.7 + 1.2 * np.sin(5 * t) * t], axis=1)
    codes += rng.normal(0, 0.08, codes.shape)
    for left, points, title in (
        (1, data, "images"),
        (7.2, codes, "codes"),
        (13.4, data, "images"),
    ):
        d.ax.add_patch(
            Rectangle((left, 1.2), 3.6, 3.4, facecolor="white", edgecolor=GRAY)
        )
        d.ax.plot(
            left + points[:, 0], 1.2 + points[:, 1], ".", color=BLUE, markersize=4
        )
        d.text(left + 1.8, 5.0, title)
    d.arrow((4.8, 2.9), (7.0, 2.9), "$f$")
    d.arrow((11.0, 2.9), (13.2, 2.9), "$g$")
    for x, y in ((8.9, 2.2), (10.2, 1.6)):
        d.text(x, y, "?", color=RED, fontsize=14)
    for x, y in ((14.2, 4.0), (16.3, 1.8)):
        d.text(x, y, "?", color=RED, fontsize=14)
    d.text(9, 0.5, "The loss looks at $g$ only where codes of data are. Elsewhere, $g$ can do anything.",
           color=GRAY)  # fmt: skip
    return d


def chapter_8() -> Diagram:
    """The ways out, each as a change of the plain autoencoder."""
    d = Diagram(20, 9.9)
    rows = [
        ("plain", "", "compare the pixels of $\\hat x$ and $x$"),
        ("variational", "z", "keep $z$ close to $N(0, 1)$"),
        ("adversarial", "z", "codes or samples of $N(0, 1)$?"),
        ("perceptual", "x", "compare the features of $\\hat x$ and $x$"),
        ("discriminator", "x", "real image or reconstruction?"),
    ]
    boxes = {"variational": "KL", "adversarial": "discriminator", "perceptual": "features $\\varphi$",
             "discriminator": "discriminator"}  # fmt: skip
    for i, (name, at, remark) in enumerate(rows):
        y = 9.3 - 1.9 * i
        d.text(1.6, y, name, color=BLUE)
        d.text(3.8, y, "$x$")
        d.box(5.3, y, "$f$", width=1)
        code = "$z = \\mu + \\sigma\\varepsilon$" if name == "variational" else "$z$"
        d.text(8, y, code)
        d.box(10.7, y, "$g$", width=1)
        d.text(12.4, y, "$\\hat x$")
        d.arrow((4.1, y), (4.75, y))
        d.arrow((5.85, y), (6.8 if name == "variational" else 7.6, y))
        d.arrow((9.2 if name == "variational" else 8.4, y), (10.15, y))
        d.arrow((11.25, y), (12.05, y))
        if at:
            x = {"z": 8, "x": 12.4}[at]
            d.box(x, y - 0.95, boxes[name], width=2.6, height=0.6, color="#f6d9d9")
            d.arrow((x, y - 0.28), (x, y - 0.62), color=RED)
        d.text(16.8, y - (0.95 if at else 0), remark, color=GRAY)
    return d


def chapter_9() -> Diagram:
    """What is compared in a gradient check."""
    d = Diagram(18, 5.2)
    d.text(1.6, 4.2, "$x,\\ W,\\ b$")
    d.box(5.2, 4.2, "forward")
    d.text(8.2, 4.2, "$y$")
    d.text(11.6, 4.2, "$s = \\Sigma\\; y \\cdot dy$")
    for start, end in ((2.7, 4.25), (6.15, 7.9), (8.5, 10.1)):
        d.arrow((start, 4.2), (end, 4.2))
    d.text(3.6, 2.6, "move one entry by $\\pm h$", color=GRAY)
    d.arrow((1.6, 3.8), (1.6, 3.0), color=GRAY)
    d.text(11.6, 2.6, "$(s_+ - s_-)\\, /\\, 2h$")
    d.arrow((11.6, 3.8), (11.6, 3.0))
    d.text(15.2, 2.6, "numeric", color=BLUE)
    d.text(12.1, 1.65, "equal?", color=RED, ha="left")
    d.arrow((11.6, 2.2), (11.6, 1.2), color=RED)
    d.arrow((11.6, 1.2), (11.6, 2.2), color=RED)
    d.text(11.6, 0.7, "$dx,\\ dW,\\ db$")
    d.box(7.2, 0.7, "backward")
    d.text(3.6, 0.7, "$dy$")
    d.arrow((4.0, 0.7), (6.25, 0.7))
    d.arrow((8.15, 0.7), (10.5, 0.7))
    d.text(15.2, 0.7, "analytic", color=BLUE)
    return d


def chapter_10() -> Diagram:
    """A deep net, and the gradient on its way back."""
    d = Diagram(18, 6)
    widths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    for i, width in enumerate(widths):
        x, height = 1.2 + 1.95 * i, 0.4 + 2.8 * width / 1000
        color = "#f6d9d9" if width == 30 else LIGHT
        corner = (x - 0.25, 3.9 - height / 2)
        d.ax.add_patch(Rectangle(corner, 0.5, height, facecolor=color, edgecolor=BLUE))
        d.text(x, 3.9 + height / 2 + 0.25, str(width), color=GRAY)
        if i:
            d.arrow((x - 1.65, 3.9), (x - 0.3, 3.9), "$\\sigma$")
            d.arrow((x - 0.1, 1.6), (x - 1.85, 1.6), "$\\times W^\\top \\sigma'$", RED)
    d.text(16.8, 0.9, "the loss is here", color=RED)
    d.text(0.7, 0.9, "the gradient has to arrive here", color=RED, ha="left")
    return d


def one_weight() -> Diagram:
    """The graph of chapter 0's first example, with its values and gradients."""
    x, w, b, t = 1.5, 0.8, -0.3, 1.0
    p = w * x
    a = p + b
    y = 1 / (1 + np.exp(-a))
    loss = (y - t) ** 2
    dy = 2 * (y - t)
    da = dy * y * (1 - y)
    d = Diagram(18, 5.6)
    line = 3.0
    for position, name in (
        (4, "$\\times$"),
        (7.5, "$+$"),
        (11, "$\\sigma$"),
        (14.5, "$(y-t)^2$"),
    ):
        d.box(position, line, name, width=1.4, height=1.4)

    def edge(
        start: Any, end: Any, name: str, value: float, gradient: float, at: Any
    ) -> None:
        d.arrow(start, end)
        d.text(at[0], at[1] + 0.3, f"{name} $= {value:.3g}$")
        d.text(at[0], at[1] - 0.32, f"${gradient:.3f}$", color=RED)

    edge((1.2, line), (3.25, line), "$x$", x, da * w, (2.1, line))
    edge((4, 5.0), (4, 3.75), "$w$", w, da * x, (5.0, 4.6))
    edge((7.5, 5.0), (7.5, 3.75), "$b$", b, da, (8.6, 4.6))
    edge((4.75, line), (6.75, line), "$wx$", p, da, (5.75, line))
    edge((8.25, line), (10.25, line), "$a$", a, da, (9.25, line))
    edge((11.75, line), (13.75, line), "$y$", y, dy, (12.75, line))
    edge((15.25, line), (17.2, line), "$L$", loss, 1, (16.4, line))
    for position, rule in ((4, "$dw = da\\, x$\n$dx = da\\, w$"), (7.5, "a sum passes\n$da$ to both"),
                           (11, "$da = dy\\; y(1-y)$"), (14.5, "$dy = 2(y-t)$")):  # fmt: skip
        d.text(position, 1.4, rule, color=RED, fontsize=10)
    d.text(
        9,
        0.35,
        "Values are black. Gradients are red and go from right to left.",
        color=GRAY,
    )
    return d


def matrix_of_weights() -> Diagram:
    """y = x Wᵀ and dW = dyᵀ x, with numbers: which entries meet."""
    x, w = np.array([[1, 0, 2], [3, 1, 0]]), np.array([[1, 2, 0], [0, 1, 1]])
    dy = np.array([[1, 0], [2, 1]])
    d = Diagram(18, 7.6)
    size = 0.8

    def matrix(
        left: float,
        top: float,
        values: Any,
        name: str,
        mark: Any = (),
        color: str = "black",
    ) -> None:
        rows, columns = values.shape
        d.cells(
            left,
            top,
            rows,
            columns,
            size,
            lambda i, j: "#f6d9d9" if (i, j) in mark else "white",
        )
        for i in range(rows):
            for j in range(columns):
                d.text(
                    left + (j + 0.5) * size,
                    top - (i + 0.5) * size,
                    str(values[i, j]),
                    color=color,
                )
        d.text(left + columns * size / 2, top + 0.35, name, color=color)

    def row(i: int, n: int) -> list[tuple[int, int]]:
        return [(i, j) for j in range(n)]

    matrix(1, 6.6, x, "$x$, two examples", row(1, 3))
    d.text(4.3, 5.8, "$\\times$", fontsize=15)
    matrix(5.2, 6.9, w.T, "$W^\\top$", [(i, 0) for i in range(3)])
    d.text(7.6, 5.8, "$=$", fontsize=15)
    matrix(8.4, 6.6, x @ w.T, "$y$", [(1, 0)])
    d.text(
        14,
        5.8,
        "one row of $x$ and one column of $W^\\top$\ngive one entry of $y$",
        color=GRAY,
    )
    matrix(1, 2.9, dy.T, "$dy^\\top$", row(0, 2), RED)
    d.text(3.5, 2.1, "$\\times$", fontsize=15)
    matrix(4.4, 2.9, x, "$x$", [(0, 2), (1, 2)])
    d.text(7.6, 2.1, "$=$", fontsize=15)
    matrix(8.4, 2.9, dy.T @ x, "$dW$", [(0, 2)], RED)
    d.text(
        14.2,
        2.1,
        "$dW_{ij}$ adds up $dy_{ni}\\, x_{nj}$\nover the examples $n$",
        color=GRAY,
    )
    return d


def error_map() -> Any:
    """The report on the README's wrong gradient, as ``report.plot()`` draws it."""
    file = FIGURES.parent / "exercises" / "zoo" / "overlapping_windows.py"
    names = runpy.run_path(str(file))
    inputs = names["inputs"](np.random.default_rng(0))
    axes = gradcheck((names["forward"], names["backward"]), *inputs).plot()
    axes[0].figure.set_size_inches(8.4, 2.2)
    axes[0].set(xlabel="pixel", ylabel="example", xticks=range(9), yticks=range(3))
    axes[1].set(xlabel="weight", xticks=range(4))
    axes[0].figure.axes[-1].set_ylabel("log₁₀ relative error")
    return axes


def loss_curves() -> Diagram:
    """Chapter 1b: five shapes of loss curves, against the error of the mean image."""
    import numpy as np

    d = Diagram(18, 5.2)
    t = np.linspace(0, 1, 100)
    baseline, start = 0.42, 0.9
    learns = 0.12 + 0.78 * np.exp(-6 * t)
    high = 0.72 + 0.18 * np.exp(-25 * t)
    curves = [
        ("it learns", "", learns, None),
        ("it hardly moves", "rate too small", start - 0.1 * t, None),
        ("it stays too high", "rate too large", high, None),
        (
            "it stops at the mean",
            "no gradient arrives",
            baseline + 0.48 * np.exp(-9 * t),
            None,
        ),
        (
            "it memorizes",
            "too few images",
            learns,
            0.27 + 0.63 * np.exp(-8 * t) + 0.2 * t**2,
        ),
    ]
    width, height, low = 2.8, 2.4, 1.5
    for i, (name, cause, curve, validation) in enumerate(curves):
        left = 0.7 + 3.5 * i
        d.ax.plot(
            [left, left, left + width],
            [low + height, low, low],
            color=GRAY,
            linewidth=1,
        )
        level = low + height * baseline
        d.ax.plot(
            [left, left + width],
            [level, level],
            color=GRAY,
            linestyle="--",
            linewidth=0.9,
        )
        color = RED if i in (1, 2, 3) else BLUE
        d.ax.plot(left + width * t, low + height * curve, color=color, linewidth=1.8)
        if validation is not None:
            d.ax.plot(
                left + width * t, low + height * validation, color=RED, linewidth=1.8
            )
            d.text(left + 2.2, low + 1.36, "validation", color=RED, fontsize=9)
            d.text(left + 1.95, low + 0.52, "training", color=BLUE, fontsize=9)
        d.text(left + width / 2, 4.55, name)
        d.text(left + width / 2, 0.95, cause, color=GRAY)
    d.text(0.35, low + height - 0.2, "$L$")
    d.text(0.7 + width - 0.2, low - 0.25, "step", color=GRAY, fontsize=9)
    d.text(
        0.7 + width / 2 + 0.55,
        low + height * baseline + 0.22,
        "mean image",
        color=GRAY,
        fontsize=9,
    )
    return d


DIAGRAMS = [chapter_0, chapter_1, chapter_2, chapter_3, chapter_4, chapter_5, chapter_6, chapter_7,
            chapter_8, chapter_9, chapter_10]  # fmt: skip


if __name__ == "__main__":
    for number, draw in enumerate(DIAGRAMS):
        draw().save(f"{number:02d}_diagram")
    loss_curves().save("01b_diagram")
    one_weight().save("00_one_weight")
    matrix_of_weights().save("00_matrix")
    save(error_map(), FIGURES / "error_map.svg")
