"""One image file as an array of pixels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyae.data.file_checks import check_unpacked_size
from tinyae.data.formats import content_hint

# What pillow may try. Others are never opened: EPS, for example, would start Ghostscript, even if
# the file is called photo.png.
PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SAMPLE_BITS, MAX_SAMPLE, NEW_SUBFILE = 258, 281, 254  # tags of TIFF


class Decoded(NamedTuple):
    """An image before its values are scaled."""

    pixels: np.ndarray  # (C, H, W): uint8, or float32, with the values of the file
    # What the file says that the values are to be divided by: 255 for bytes, 1 for floating point
    # values. None if it has more than 8 bits and does not say how many of them are used.
    divisor: float | None
    high: float  # the largest value in the file, before the image was resized


def decode_image(path: Path, size: tuple[int, int] | None, color: bool) -> list[Decoded]:
    """The image in a file, or every page of a TIFF.

    Args:
        path: the file.
        size: (height, width); the image is cropped to this shape around its center, then resized.
            None keeps its size.
        color: RGB, (3, H, W); otherwise gray, (1, H, W).

    Raises:
        ValueError: the file is not an image or is damaged, or the image has too many pixels.
        ImportError: pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('reading image files needs pillow: pip install "tinyae[data]"') from error
    Image.init()
    formats = [name for name in PILLOW_FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # _check_size refuses what pillow only warns about
            with Image.open(path, formats=formats) as file:
                return _pages(path, file, size, color)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # pillow raises almost anything for a damaged file
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        raise ValueError(
            f"{path}: not a readable image{content_hint(path)} ({type(error).__name__}: {error})"
        ) from error


def _pages(path: Path, file: Any, size: tuple[int, int] | None, color: bool) -> list[Decoded]:
    if file.format != "TIFF":
        _check_size(path, file)
        return [_pixels(path, file, size, color)]
    n_pages, pages, n_bytes = getattr(file, "n_frames", 1), [], 0
    for page in range(n_pages):
        file.seek(page)
        _check_size(path, file)
        n_bytes += file.width * file.height
        check_unpacked_size(path, path.stat().st_size, n_bytes)
        if page == 0 or file.tag_v2.get(NEW_SUBFILE, 0) != 1:  # 1: a thumbnail of another page
            pages.append(_pixels(path, file, size, color))
    return pages


def _check_size(path: Path, image: Any) -> None:
    """Pillow warns about images above its limit and refuses only twice as many pixels."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise ValueError(
            f"{path}: {image.width}×{image.height} pixels, expected at most {limit / 1e6:.0f} "
            "million: make it smaller first (in Python, PIL.Image.MAX_IMAGE_PIXELS is the limit)"
        )


def _pixels(path: Path, file: Any, size: tuple[int, int] | None, color: bool) -> Decoded:
    from PIL import Image, ImageOps

    image = file
    divisor: float | None = 255.0
    high = 255.0
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError(f"{path}: NaN or infinite values, expected finite pixels")
        high = float(values.max())
        is_float = image.mode == "F" or values.min() < 0
        divisor = 1.0 if is_float else _stated_maximum(file)
        exif = image.getexif()
        image = Image.fromarray(values.astype(np.float32))  # convert("L") would clip
        image.getexif().update(exif)
    ImageOps.exif_transpose(image, in_place=True)  # upright, as the camera was held
    if image.mode != "F":
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            white.paste(image, mask=image)
            image = white
        image = image.convert("RGB" if color else "L")
    if size is not None:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if color and len(pixels) == 1:
        pixels = np.repeat(pixels, 3, axis=0)
    return Decoded(pixels, divisor, high)


def _stated_maximum(file: Any) -> float | None:
    """The largest value that a TIFF says its pixels can have, where that is not the usual one."""
    tags = getattr(file, "tag_v2", {})
    bits = tags.get(SAMPLE_BITS, (16,))
    bits = bits[0] if isinstance(bits, tuple) else bits
    stated = tags.get(MAX_SAMPLE)
    stated = stated[0] if isinstance(stated, tuple) else stated
    if stated is not None and 1 < stated < 2**bits - 1:
        return float(stated)
    return 2.0**bits - 1 if 8 < bits < 16 else None
