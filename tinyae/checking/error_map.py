"""Figures for a report: a heat map of the error per tensor, as a plot or as HTML for a notebook."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

Array = np.ndarray
FLOOR, CEILING = -10.0, 0.0  # log₁₀ of the relative error, at the ends of the color scale
COLORS = np.array([[236, 246, 236], [255, 243, 176], [196, 30, 58]])  # right, doubtful, wrong


def error_map(tensor: Any) -> Array:
    """log₁₀ of the relative errors as an image: (rows, columns), NaN for a kink or an unchecked
    entry.

    More than two axes are folded into two: (out, in, kh, kw) becomes out·kh rows of in·kw columns,
    a mosaic of kernels.
    """
    flat = np.full(int(np.prod(tensor.shape)), np.nan)
    if len(tensor.entries):
        with np.errstate(divide="ignore"):
            flat[tensor.index] = np.maximum(np.log10(tensor.errors), FLOOR)
    a = flat.reshape(tensor.shape)
    if a.ndim <= 2:
        return np.atleast_2d(a)
    if a.ndim == 3:
        a = a[None]
    lead = a.reshape(-1, *a.shape[-3:])  # (rows of tiles, tiles in a row, h, w)
    return lead.transpose(0, 2, 1, 3).reshape(lead.shape[0] * lead.shape[2], -1)


def plot_report(report: Any, axes: Any = None) -> Any:
    """Heat maps side by side, one per tensor. Returns their axes."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import LinearSegmentedColormap

    shown = [t for t in report.tensors if t.entries]
    if axes is None:
        height = 2.6
        _, axes = plt.subplots(
            1,
            max(len(shown), 1),
            figsize=(3.2 * max(len(shown), 1), height),
            squeeze=False,
            layout="constrained",
        )
    axes = np.ravel(np.array(axes, dtype=object))
    colors = LinearSegmentedColormap.from_list("error", COLORS / 255).with_extremes(bad="0.85")
    image = None
    for ax, tensor in zip(axes, shown, strict=False):
        image = ax.imshow(
            error_map(tensor),
            vmin=FLOOR,
            vmax=CEILING,
            cmap=colors,
            aspect="auto",
            interpolation="nearest",
        )
        ax.set_title(f"{tensor.name}  {tensor.verdict}", fontsize=9)
        ax.set_xticks([])
        ax.set_yticks([])
    if image is not None:
        axes[0].figure.colorbar(
            image,
            ax=list(axes),
            label="log₁₀ relative error (gray: kink or not sampled)",
            shrink=0.9,
        )
    return axes


def html_report(report: Any) -> str:
    """The report as a small table with one heat map per tensor, for notebooks. Plain HTML without
    scripts."""
    color = "#2e7d32" if report.ok else "#c41e3a"
    rows = []
    for t, cells in zip(report.tensors, map(report._row, report.tensors), strict=True):
        texts = "".join(f"<td style='text-align:left'>{html.escape(c)}</td>" for c in cells)
        rows.append(f"<tr>{texts}<td>{heat(error_map(t)) if t.entries else ''}</td></tr>")
    head = "".join(
        f"<th style='text-align:left'>{c}</th>"
        for c in ("tensor", "shape", "checked", "kinks", "worst rel. err", "verdict", "error map")
    )
    remarks = [(report.method, report.remark)] if report.remark else []
    remarks += [("finding", item.text) for item in report.findings]
    remarks += [("hint", item.text) for item in report.hints]
    notes = "".join(
        f"<p style='margin:2px 0'><b>{label}</b>: {html.escape(text)}.</p>"
        for label, text in remarks
    )
    notes += f"<p style='margin:2px 0'><a href='{report.see}'>see</a></p>" if report.see else ""
    verdict = "passed" if report.ok else "FAILED"
    return (
        "<div style='overflow-x:auto'>"
        f"<b style='color:{color}'>gradcheck {verdict}</b> {html.escape(report.title)} "
        f"<small>float64, {report.method}, step {report.step:.1e}, seed {report.seed}</small>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table>{notes}</div>"
    )


def heat(a: Array, most: int = 32, pixels: int = 6) -> str:
    """A heat map as an SVG of small squares. For a large map, each square is the largest error of a
    block, so that a single wrong entry is still visible."""
    a = blocks(a, most)
    rows, columns = a.shape
    squares = []
    for (i, j), value in np.ndenumerate(a):
        rgb = (
            "d9d9d9"
            if np.isnan(value)
            else "".join(f"{int(c):02x}" for c in mix((value - FLOOR) / (CEILING - FLOOR)))
        )
        squares.append(
            f"<rect x='{j * pixels}' y='{i * pixels}' width='{pixels}' height='{pixels}' "
            f"fill='#{rgb}'/>"
        )
    return f"<svg width='{columns * pixels}' height='{rows * pixels}'>{''.join(squares)}</svg>"


def blocks(a: Array, most: int) -> Array:
    """At most ``most`` rows and columns, each the largest value of a block. NaN only if a block
    contains nothing else."""
    filled = np.where(np.isnan(a), -np.inf, a)
    for axis in (0, 1):
        if filled.shape[axis] > most:
            starts = np.linspace(0, filled.shape[axis], most, endpoint=False).astype(int)
            filled = np.maximum.reduceat(filled, starts, axis=axis)
    return np.where(np.isinf(filled), np.nan, filled)


def mix(t: float) -> Array:
    t = 2 * min(max(t, 0.0), 1.0)
    low = min(int(t), 1)
    return COLORS[low] + (t - low) * (COLORS[low + 1] - COLORS[low])
