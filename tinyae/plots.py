"""Plots of data and models.

Every ``plot_…`` function draws into ``ax``, or creates axes, and returns them. matplotlib is
imported inside the functions. Without it, a sheet of images is a ``PngImage``, which a notebook
shows and ``save`` writes. Nothing here calls ``plt.show()``. Arrays may be on a GPU.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tinyae._figures import PngImage, draw_sheet, figure_of, is_line_drawing, log_axis, new_axes
from tinyae._validate import check_int
from tinyae.backend import Array, device_of, to_device, to_numpy
from tinyae.data.images import as_display_images
from tinyae.io import write_atomically
from tinyae.layers import Autoencoder, Layer, Linear, leaves

COLORS = {"loss": "tab:blue", "val_loss": "tab:orange"}
TERM_COLORS = tuple(f"tab:{name}" for name in ("green", "red", "purple", "brown", "pink", "olive"))
# Columns of a History that do not belong on an axis of losses.
NON_LOSS_COLUMNS = ("epoch", "seconds", "images_per_s", "lr", "discriminator_accuracy", "accuracy")


def save(ax: Any, path: str | os.PathLike[str], dpi: int = 130) -> Path:
    """Write the figure of ``ax`` (axes or an array of axes) to ``path``, and close the figure.

    The parent folder must exist. The ending of ``path`` decides the format, as in .png or .svg. The
    same figure always gives the same file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = plots.save(plots.plot_images(np.zeros((4, 784))), f"{folder}/zeros.png")
        ...     print(path.name, path.read_bytes()[1:4])
        zeros.png b'PNG'
    """
    if isinstance(ax, PngImage):
        write_atomically(path, lambda temporary: Path(temporary).write_bytes(ax.png))
        return Path(path)
    import matplotlib.pyplot as plt

    figure = figure_of(ax)
    options: dict[str, Any] = {"dpi": dpi, "bbox_inches": "tight", "facecolor": "white"}
    if Path(path).suffix == ".svg":
        options["metadata"] = {"Date": None}
    with plt.rc_context({"svg.hashsalt": "tinyae"}):  # otherwise, an SVG has random names
        write_atomically(path, lambda temporary: figure.savefig(temporary, **options))
    plt.close(figure)
    return Path(path)


def show(ax: Any, name: str) -> None:
    """Show or save a figure of a chapter. The chapters run as notebooks and as scripts:

    - In a notebook this does nothing: the notebook itself displays the figure below the cell.
    - In a script (the main module has a file) it saves ``runs/figures/name.png`` in the current
      folder and prints the path. A line drawing is saved as ``name.svg`` too. The environment
      variable TINYAE_FIGURES names another folder.
    - In a script with the environment variable TINYAE_FAST it only closes all figures.

    Example:
        >>> ax = plots.plot_images(np.zeros((4, 784)))
        >>> plots.show(ax, "zeros")  # writes figures/zeros.png in a script
    """
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None:
        if isinstance(ax, PngImage):
            ax.display()
        return
    if os.environ.get("TINYAE_FAST"):
        import matplotlib.pyplot as plt

        plt.close("all")
        return
    folder = Path(os.environ.get("TINYAE_FIGURES") or Path("runs") / "figures")
    folder.mkdir(parents=True, exist_ok=True)
    if is_line_drawing(ax):
        save(ax, folder / f"{name}.svg")
    print(f"[{save(ax, folder / f'{name}.png', dpi=100)}]")


def mosaic(x: Array, columns: int | None = None, gap: int = 2, fill: float = 1.0) -> np.ndarray:
    """All images of ``x`` in one image: ``columns`` per row, ``gap`` pixels of ``fill`` between.

    Example:
        >>> plots.mosaic(np.zeros((10, 28, 28)), columns=5, gap=2).shape  # 2·28 + 2, 5·28 + 4·2
        (58, 148)
    """
    images = as_display_images(x)
    n, h, w, *channels = images.shape
    columns = int(np.ceil(np.sqrt(n))) if columns is None else columns
    check_int("plot_images", "columns", columns)
    rows = -(-n // columns)
    sheet = np.full(
        (rows * (h + gap) - gap, columns * (w + gap) - gap, *channels), fill, images.dtype
    )
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


def plot_images(x: Array, columns: int | None = None, title: str = "", ax: Any = None) -> Any:
    """A grid of images in [0, 1], with 0 in white and 1 in black.

    Example:
        >>> digits = data.draw(range(10))
        >>> ax = plots.plot_images(digits, columns=5, title="digits")
        >>> ax.get_title(loc="left")
        'digits'
    """
    ax = draw_sheet(ax, mosaic(x, columns, fill=0.0))
    if not isinstance(ax, PngImage):
        ax.set_title(title, loc="left", fontsize=10)
    return ax


def plot_reconstructions(
    originals: Array, *reconstructions: Array, names: list[str] | None = None, ax: Any = None
) -> Any:
    """One column per example: the original on top, one or more reconstructions below.

    Raises:
        ValueError: the originals and the reconstructions differ in shape.

    Example:
        >>> x = data.draw(range(10))
        >>> noisy = Gaussian(0.3)(x, rng=0)
        >>> ax = plots.plot_reconstructions(x, noisy, names=["clean", "noisy"])
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['clean', 'noisy']
    """
    rows = [as_display_images(x) for x in (originals, *reconstructions)]
    if len({row.shape for row in rows}) != 1:
        raise ValueError(
            f"plot_reconstructions: the rows differ in shape: {[row.shape for row in rows]}"
        )
    names = names or ["original", *(["reconstruction"] * len(reconstructions))]
    sheet = mosaic(np.concatenate(rows), columns=len(rows[0]), fill=0.0)
    ax = draw_sheet(ax, sheet)
    if isinstance(ax, PngImage):
        return ax
    height = rows[0].shape[1]
    ax.set_yticks([i * (height + 2) + height / 2 for i in range(len(rows))], names)
    ax.tick_params(length=0)
    return ax


def plot_history(history: Any, ax: Any = None) -> Any:
    """The loss, the validation loss and the terms of the objective, per epoch.

    ``history`` is a ``tinyae.training.History``; the axis of the losses is logarithmic.

    Example:
        >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
        >>> plots.plot_history(history).get_yscale()
        'log'
    """
    ax = new_axes(ax, figsize=(6, 3.6))
    columns = [c for c in history.columns if c not in NON_LOSS_COLUMNS]
    terms = (c for c in columns if c not in COLORS)
    colors = COLORS | dict(zip(terms, itertools.cycle(TERM_COLORS), strict=False))
    labels = {"loss": "training", "val_loss": "validation"}
    for column in columns:
        ax.plot(
            history["epoch"],
            history[column],
            marker="o" if len(history) < 30 else "",
            markersize=3,
            label=labels.get(column, column.replace("_", " ")),
            color=colors[column],
        )
    ax.set(xlabel="epoch", ylabel="loss")
    if columns and all(min(history[column]) > 0 for column in columns):
        log_axis(ax, [value for column in columns for value in history[column]])
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3, which="both")
    if len(columns) > 1:
        ax.legend(frameon=False)
    return ax


def plot_filters(model: Layer, n: int = 64, ax: Any = None) -> Any:
    """The weights of the first layer as images: blue is negative, red is positive.

    Shows the ``n`` filters with the largest norm, in descending order, each on its own scale.

    Raises:
        ValueError: the first layer with weights is not a Linear layer, or its inputs are not square
            images.

    Example:
        >>> ax = plots.plot_filters(models.basic_autoencoder(), n=16)
        >>> ax.images[0].get_array().shape  # 4·28 + 3
        (115, 115)
    """
    first = next((layer for _, layer in leaves(model) if layer.params), None)
    if not isinstance(first, Linear):
        raise ValueError("plot_filters: the first layer with weights is not a Linear layer")
    weights = as_display_images(first.params["weight"])  # (units, H, W)
    norms = np.linalg.norm(weights.reshape(len(weights), -1), axis=1)
    weights = weights[np.argsort(-norms)[:n]]
    weights = weights / np.abs(weights).max(axis=(1, 2), keepdims=True).clip(1e-12)
    return draw_sheet(ax, mosaic(weights, gap=1, fill=np.nan), cmap="RdBu_r", vmin=-1)


def plot_codes(codes: Array, labels: Array | None = None, ax: Any = None) -> Any:
    """Latent codes (N, K) as points in the plane, colored by label.

    Two-dimensional codes are drawn as they are; codes with more dimensions are projected onto their
    first two principal components.

    Raises:
        ValueError: the codes are not (N, K) with K ≥ 2, or the labels are not one per code.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(100, 32))
        >>> plots.plot_codes(codes, labels=np.arange(100) % 10).get_xlabel()
        'first principal component'
    """
    z = to_numpy(codes)
    if z.ndim != 2 or z.shape[1] < 2:
        raise ValueError(f"plot_codes: codes have shape {z.shape}, expected (N, K) with K ≥ 2")
    if labels is not None and len(labels) != len(z):
        raise ValueError(f"plot_codes: {len(labels)} labels for {len(z)} codes")
    names = "z₁", "z₂"
    if z.shape[1] > 2:
        centered = z - z.mean(axis=0)
        z = centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T  # (N, K) (K, 2)
        names = "first principal component", "second principal component"
    ax = new_axes(ax, figsize=(6, 5.4))
    colors: dict[str, Any] = {} if labels is None else {"c": to_numpy(labels), "cmap": "tab10"}
    points = ax.scatter(*z.T, s=4, alpha=0.7, linewidths=0, **colors)
    if labels is not None:
        handles = points.legend_elements(num=None)
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        ax.legend(*handles, title="label", frameon=False, **beside)
    ax.set(xlabel=names[0], ylabel=names[1])
    return ax


def decode_grid(
    model: Autoencoder, low: tuple[float, float], high: tuple[float, float], n: int = 15
) -> Array:
    """Decode n × n points of a two-dimensional latent space, between ``low`` and ``high``.

    Returns:
        (n·n, ...) images in reading order: the first is at the top left, with the lowest z₁ and the
        highest z₂.

    Raises:
        ValueError: the code of the model is not two-dimensional, a corner is not two numbers, or
            n is below 1.

    Example:
        >>> model = models.basic_autoencoder(code=2)
        >>> plots.decode_grid(model, low=(-1, -1), high=(1, 1), n=4).shape
        (16, 784)
    """
    if n < 1 or len(low) != 2 or len(high) != 2:
        raise ValueError(
            f"decode_grid: n is {n}, the corners are {low} and {high}: "
            "expected n of at least 1 and two numbers per corner"
        )
    first = next(iter(model.decoder.params.values()), None)
    if first is not None and first.ndim == 2 and first.shape[1] != 2:
        raise ValueError(
            f"decode_grid: the code of the model has {first.shape[1]} dimensions, expected 2"
        )
    dtype = np.float32 if first is None else first.dtype
    z1, z2 = np.meshgrid(np.linspace(low[0], high[0], n), np.linspace(high[1], low[1], n))
    points = np.stack([z1, z2], axis=-1).reshape(-1, 2).astype(dtype)
    return model.decode(points if first is None else to_device(points, device_of(first)))


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
    """A two-dimensional latent space: the codes of ``x`` on the left, decoded images on the right.

    A frame on the left marks the region that is decoded on the right, on a grid of n × n points. It
    extends from ``low`` to ``high``, two numbers each; the default are the 10 % and 90 % quantiles
    of the codes. ``shape`` is the shape (C, H, W) of an image, needed if rows are not square
    images. Returns both axes.

    Raises:
        ValueError: the code is not two-dimensional.

    Example:
        >>> model = models.basic_autoencoder(code=2)
        >>> x = data.draw(range(10)).reshape(10, 784)
        >>> plane, images = plots.plot_latent_plane(model, x, n=4)
        >>> images.get_title()
        'the frame, decoded'
    """
    import matplotlib.pyplot as plt

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
    images = to_numpy(decode_grid(model, tuple(low), tuple(high), n))
    sheet = mosaic(images if shape is None else images.reshape(-1, *shape), columns=n, fill=0.0)
    extent = (low[0], high[0], low[1], high[1])
    axes[1].imshow(
        sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", extent=extent, aspect="auto"
    )
    axes[1].set(xlabel="z₁", ylabel="z₂", title="the frame, decoded")
    return axes
