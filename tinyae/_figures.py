"""What plots share: axes, and sheets of images. Without matplotlib, NumPy and zlib write PNGs."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np


class PngImage:
    """An image that a notebook shows.

    Args:
        pixels: (H, W) gray or (H, W, 3) color, in [0, 1] with 0 in black.
        scale: each pixel becomes ``scale`` × ``scale`` pixels.
    """

    def __init__(self, pixels: np.ndarray, scale: int = 2) -> None:
        self.pixels = np.repeat(np.repeat(np.asarray(pixels), scale, axis=0), scale, axis=1)

    @property
    def png(self) -> bytes:
        """The bytes of a PNG file."""
        return encode_png(self.pixels)

    def _repr_png_(self) -> bytes:
        return self.png

    def display(self) -> None:
        """Show the image below the cell that runs."""
        from IPython.display import display

        display(self)


def encode_png(pixels: np.ndarray) -> bytes:
    """The bytes of a PNG file (ISO/IEC 15948) of (H, W) gray or (H, W, 3) color in [0, 1]."""
    h, w, *channels = pixels.shape
    rows = np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8).reshape(h, -1)
    scanlines = np.pad(rows, ((0, 0), (1, 0)))  # each row begins with its filter, 0: none
    header = struct.pack(">IIBBBBB", w, h, 8, 2 if channels else 0, 0, 0, 0)
    data = zlib.compress(scanlines.tobytes())
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _chunk(chunk: tuple[bytes, bytes]) -> bytes:
    """Length, kind, data, checksum."""
    kind, data = chunk
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def sheet_colors(sheet: np.ndarray, signed: bool = False) -> np.ndarray:
    """The colors of a sheet of images, as matplotlib's "gray_r" and "RdBu_r" have them (about).

    Args:
        sheet: (H, W) with 0 in white and 1 in black; or, if ``signed``, in [-1, 1] with blue for
            negative, white for 0 or NaN, and red for positive; or (H, W, 3) in color.

    Returns:
        (H, W) or (H, W, 3) in [0, 1].
    """
    if sheet.ndim == 3:
        return sheet
    if not signed:
        return 1 - sheet
    v = np.nan_to_num(sheet)
    return np.stack([1 - np.maximum(-v, 0), 1 - np.abs(v), 1 - np.maximum(v, 0)], axis=-1)


def new_axes(ax: Any, figsize: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def figure_of(ax: Any) -> Any:
    """The figure of axes or of an array of axes."""
    return ax.flat[0].figure if isinstance(ax, np.ndarray) else ax.figure


def is_line_drawing(ax: Any, points: int = 500, cells: int = 400) -> bool:
    """Whether the figure of ``ax`` has no clouds of more than ``points`` points and no images of
    more than ``cells`` pixels, so that an SVG of it is small."""
    if isinstance(ax, PngImage):
        return False
    axes = figure_of(ax).axes
    clouds = [c for each in axes for c in each.collections if len(c.get_offsets()) > points]
    images = [i for each in axes for i in each.images if i.get_array().size > cells]
    return not clouds and not images


def log_axis(ax: Any, values: list[float]) -> None:
    """A logarithmic y axis with plain tick labels, 0.02 instead of 2×10⁻²; more of them if the
    values are close together."""
    from matplotlib.ticker import LogLocator, NullFormatter

    close = max(values) < 30 * min(values)
    ax.set_yscale("log")
    subs = (1, 1.5, 2, 3, 5, 7) if close else (1, 2, 5)
    ax.yaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def sheet_size(sheet: np.ndarray) -> tuple[float, float]:
    """Inches: wide sheets are ten inches wide, small ones stay small."""
    width = min(10.0, max(2.5, sheet.shape[1] / 28))
    return width, max(1.0, width * sheet.shape[0] / sheet.shape[1])


def draw_sheet(ax: Any, sheet: np.ndarray, cmap: str = "gray_r", vmin: float = 0) -> Any:
    """The axes with the sheet; a ``PngImage`` where there are no axes and no matplotlib."""
    try:
        ax = new_axes(ax, figsize=sheet_size(sheet))
    except ImportError:
        return PngImage(sheet_colors(sheet, signed=vmin < 0))
    ax.imshow(sheet, cmap=cmap, vmin=vmin, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return ax
