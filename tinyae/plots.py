"""Pictures of what a model does. Every function draws into ``ax`` (or into axes of its own) and returns the axes.

matplotlib is imported where it is used; nothing here calls ``plt.show()``. Arrays may lie on a GPU.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyae.backend import Array, to_numpy
from tinyae.data.images import as_display_images
from tinyae.io import write_atomically
from tinyae.layers import Layer, Linear, leaves

if TYPE_CHECKING:  # History.plot comes here
    from tinyae.training.history import History

INK = {"loss": "tab:blue", "val_loss": "tab:orange"}
NO_LOSSES = (
    "epoch",
    "seconds",
    "images_per_s",
    "lr",
    "discriminator_accuracy",
    "accuracy",
)  # nothing for an axis of losses
PARTS = (
    "tab:green",
    "tab:red",
    "tab:purple",
    "tab:brown",
    "tab:pink",
    "tab:olive",
)  # colours of their own


def save(ax: Any, path: str | os.PathLike[str], dpi: int = 130) -> Path:
    """Write the figure that ``ax`` belongs to, and close it. Parents of ``path`` must exist."""
    import matplotlib.pyplot as plt

    figure = ax.flat[0].figure if isinstance(ax, np.ndarray) else ax.figure
    write_atomically(
        path,
        lambda temporary: figure.savefig(
            temporary, dpi=dpi, bbox_inches="tight", facecolor="white"
        ),
    )
    plt.close(figure)
    return Path(path)


def show(ax: Any, name: str) -> None:
    """The last line of a chapter's picture. A notebook shows the figure below its cell by itself, so there is nothing to do.
    A script saves it as ``figures/name.png`` beside itself; not in fast mode, when TINYAE_FAST is set."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None:
        return
    if os.environ.get("TINYAE_FAST"):
        import matplotlib.pyplot as plt

        plt.close("all")
        return
    folder = Path(script).parent / "figures"
    folder.mkdir(exist_ok=True)
    print(f"[{os.path.relpath(save(ax, folder / f'{name}.png', dpi=100))}]")


def mosaic(x: Array, columns: int | None = None, gap: int = 2, fill: float = 1.0) -> np.ndarray:
    """All pictures of ``x`` side by side as one, ``columns`` in a row, with ``gap`` pixels of ``fill`` between them."""
    pictures = as_display_images(x)
    n, h, w, *channels = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    sheet = np.full(
        (rows * (h + gap) - gap, columns * (w + gap) - gap, *channels), fill, pictures.dtype
    )
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = picture
    return sheet


def plot_images(x: Array, columns: int | None = None, title: str = "", ax: Any = None) -> Any:
    """Pictures in [0, 1] in a grid, ink dark on light."""
    sheet = mosaic(x, columns, fill=0.0)
    ax = _axes(ax, figsize=_sheet_size(sheet))
    _show(ax, sheet)
    ax.set_title(title, loc="left", fontsize=10)
    return ax


def plot_reconstructions(
    originals: Array, *reconstructions: Array, names: list[str] | None = None, ax: Any = None
) -> Any:
    """One column an example: the original above, one or more reconstructions below.

    Raises:
        ValueError: rows of different lengths.
    """
    rows = [as_display_images(x) for x in (originals, *reconstructions)]
    if len({row.shape for row in rows}) != 1:
        raise ValueError(
            f"plot_reconstructions: the rows differ in shape: {[row.shape for row in rows]}"
        )
    names = names or ["original", *(["reconstruction"] * len(reconstructions))]
    sheet = mosaic(np.concatenate(rows), columns=len(rows[0]), fill=0.0)
    ax = _axes(ax, figsize=_sheet_size(sheet))
    _show(ax, sheet)
    height = rows[0].shape[1]
    ax.set_yticks([i * (height + 2) + height / 2 for i in range(len(rows))], names)
    ax.tick_params(length=0)
    return ax


def plot_history(history: History, ax: Any = None) -> Any:
    """The loss, the validation loss and the objective's parts against the epoch, the axis of the losses logarithmic."""
    ax = _axes(ax, figsize=(6, 3.6))
    columns = [c for c in history.columns if c not in NO_LOSSES]
    ink = INK | dict(
        zip((c for c in columns if c not in INK), itertools.cycle(PARTS), strict=False)
    )
    for column in columns:
        label = {"loss": "training", "val_loss": "validation"}.get(column, column.replace("_", " "))
        few = "o" if len(history) < 30 else ""
        ax.plot(
            history["epoch"],
            history[column],
            marker=few,
            markersize=3,
            label=label,
            color=ink[column],
        )
    ax.set(xlabel="epoch", ylabel="loss")
    if columns and all(min(history[column]) > 0 for column in columns):
        _log_axis(ax, [value for column in columns for value in history[column]])
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3, which="both")
    if len(columns) > 1:
        ax.legend(frameon=False)
    return ax


def plot_filters(model: Layer, n: int = 64, ax: Any = None) -> Any:
    """The first layer's weights as pictures, blue below 0, red above, each on its own scale: what each unit looks for.

    The ``n`` filters with the largest norm, largest first.

    Raises:
        ValueError: the model has no Linear layer on square pictures.
    """
    first = next((layer for _, layer in leaves(model) if layer.params), None)
    if not isinstance(first, Linear):
        raise ValueError("plot_filters: the first layer with weights is no Linear layer")
    weights = as_display_images(first.params["weight"])  # (units, H, W)
    norms = np.linalg.norm(weights.reshape(len(weights), -1), axis=1)
    weights = weights[np.argsort(-norms)[:n]]
    weights = weights / np.abs(weights).max(axis=(1, 2), keepdims=True).clip(1e-12)
    sheet = mosaic(weights, gap=1, fill=np.nan)
    ax = _axes(ax, figsize=_sheet_size(sheet))
    ax.imshow(sheet, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return ax


def plot_codes(codes: Array, labels: Array | None = None, ax: Any = None) -> Any:
    """Codes in the plane, coloured by label. Two numbers a code are drawn as they are; more are first projected on their
    first two principal components.

    Raises:
        ValueError: codes that are not (N, K) with K ≥ 2, or labels of another length.
    """
    z = to_numpy(codes)
    if z.ndim != 2 or z.shape[1] < 2:
        raise ValueError(
            f"plot_codes: codes have shape {z.shape}, expected (N, K) with K of at least 2"
        )
    if labels is not None and len(labels) != len(z):
        raise ValueError(f"plot_codes: {len(labels)} labels for {len(z)} codes")
    names = "z₁", "z₂"
    if z.shape[1] > 2:
        centred = z - z.mean(axis=0)
        z = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T  # (N, K) (K, 2)
        names = "first principal component", "second principal component"
    ax = _axes(ax, figsize=(6, 5.4))
    colours = {} if labels is None else {"c": to_numpy(labels), "cmap": "tab10"}
    points = ax.scatter(*z.T, s=4, alpha=0.7, linewidths=0, **colours)
    if labels is not None:
        ax.legend(
            *points.legend_elements(num=None),
            title="label",
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
        )
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax


def plot_latent_plane(
    model: Any,
    x: Array,
    labels: Array | None = None,
    low: Any = None,
    high: Any = None,
    n: int = 12,
    shape: tuple[int, ...] | None = None,
    axes: Any = None,
) -> Any:
    """A code of two numbers, seen as a whole: the codes of ``x`` on the left, with a frame, and on the right the frame decoded.

    The frame runs from ``low`` to ``high``, two numbers each; by default the middle four fifths of the codes, each way.
    ``shape``: of a picture, (C, H, W), where rows are not square ones. Returns both axes.

    Raises:
        ValueError: a code that has not two numbers.
    """
    import matplotlib.pyplot as plt

    from tinyae.applications.maps import decode_grid

    codes = to_numpy(model.encode(x))
    if codes.ndim != 2 or codes.shape[1] != 2:
        raise ValueError(
            f"plot_latent_plane: the model's codes have shape {codes.shape}, expected (N, 2)"
        )
    low = np.quantile(codes, 0.1, axis=0) if low is None else np.asarray(low, dtype=float)
    high = np.quantile(codes, 0.9, axis=0) if high is None else np.asarray(high, dtype=float)
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")[1]
    plot_codes(codes, labels, axes[0])
    axes[0].add_patch(plt.Rectangle(low, *(high - low), fill=False, linewidth=1.2))
    pictures = to_numpy(decode_grid(model, tuple(low), tuple(high), n))
    sheet = mosaic(pictures if shape is None else pictures.reshape(-1, *shape), columns=n, fill=0.0)
    extent = (low[0], high[0], low[1], high[1])
    axes[1].imshow(
        sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", extent=extent, aspect="auto"
    )
    axes[1].set(xlabel="z₁", ylabel="z₂", title="the frame, decoded")
    return axes


def _axes(ax: Any, figsize: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def _log_axis(ax: Any, values: list[float]) -> None:
    """A logarithmic y axis with plain numbers on it, 0.02 instead of 2×10⁻², more of them where the values are close."""
    from matplotlib.ticker import LogLocator, NullFormatter

    close = max(values) < 30 * min(values)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(
        LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if close else (1, 2, 5), numticks=20)
    )
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _sheet_size(sheet: np.ndarray) -> tuple[float, float]:
    """Inches: wide sheets fill ten of them, small ones stay small."""
    width = min(10.0, max(2.5, sheet.shape[1] / 28))
    return width, max(1.0, width * sheet.shape[0] / sheet.shape[1])


def _show(ax: Any, sheet: np.ndarray) -> None:
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
