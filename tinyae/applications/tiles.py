"""Images larger than the model: cut into overlapping tiles, denoised one by one and blended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyae._validate import as_rng, check_array, check_function, check_int, check_number
from tinyae.backend import Array, Rng, device_of, namespace


def tile_starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles begin along one axis: 0, step, 2 step, …, and a last one that ends at the end.

    Raises:
        TypeError: an argument is not a number.
        ValueError: an argument is not an integer of at least 1, or the tile is too long.

    Example:
        >>> from tinyae.applications import tile_starts
        >>> tile_starts(length=100, tile=28, step=28)
        [0, 28, 56, 72]
    """
    for name, value in {"length": length, "tile": tile, "step": step}.items():
        check_int("tile_starts", name, value)
    if tile > length:
        raise ValueError(f"tile_starts: tile is {tile}, longer than the axis, {length}")
    return [*range(0, length - tile, step), length - tile]


def denoise_tiles(
    model: Callable[[Array], Array],
    image: Array,
    tile: int = 28,
    step: int | None = None,
    batch_size: int = 256,
) -> Array:
    """A denoised copy of ``image`` (H, W), made by a model for (N, 1, tile, tile) images.

    Tiles are cut out every ``step`` pixels and denoised separately. The result at pixel p is the
    weighted mean of the tiles that cover it,

        ``y(p) = Σ_t w_t(p) x̂_t(p) / Σ_t w_t(p)``.

    The weights w fall linearly from the center of a tile to its border, where the model does not
    see what is beyond. Each tile's contribution starts and ends near zero, so there are no seams.

    Args:
        model: any function (N, 1, tile, tile) -> equally many values. For a dense model:
            ``lambda t: model(t.reshape(len(t), -1))``.
        image: (H, W), floating point, in [0, 1].
        tile: height and width of a tile.
        step: from 1 to ``tile``; by default half a tile. With ``step=tile`` the tiles do not
            overlap, except at the end if they do not fit exactly.
        batch_size: tiles per call of the model.

    Raises:
        TypeError: an argument has another type.
        ValueError: the image is not (H, W), is smaller than a tile, has an integer dtype, NaN or
            pixels up to 255; the step is out of range; the model does not accept tiles or returns
            another size.

    Example:
        >>> from tinyae.applications import denoise_tiles
        >>> page = np.random.default_rng(0).random((40, 50))
        >>> same = denoise_tiles(lambda tiles: tiles, page)  # a model that changes nothing
        >>> bool(np.allclose(same, page))
        True
    """
    check_function("denoise_tiles", "model", model, "an autoencoder")
    check_array("denoise_tiles", "image", image, kinds="fiub", axes=0)
    check_int("denoise_tiles", "tile", tile)
    step = max(1, tile // 2) if step is None else step
    expected = f"1 to {tile}: larger steps would skip pixels"
    check_int("denoise_tiles", "step", step, expected=expected)
    check_int("denoise_tiles", "batch_size", batch_size)
    if image.ndim != 2:
        raise ValueError(
            f"denoise_tiles: the image has shape {image.shape}, expected (H, W), one gray image"
        )
    height, width = image.shape
    if tile < 1 or min(height, width) < tile:
        raise ValueError(
            f"denoise_tiles: the image is {height}×{width} pixels, "
            f"expected at least one tile of {tile}×{tile}"
        )
    check_number("denoise_tiles", "step", step, lambda v: v <= tile, expected)
    if image.dtype.kind != "f" or not bool(np.isfinite(image).all()):
        raise ValueError(
            "denoise_tiles: expected an image of finite floating point values in [0, 1], "
            f"got {image.dtype}"
            + (" with NaN or infinite values" if image.dtype.kind == "f" else ": image / 255?")
        )
    if device_of(image) == "cpu" and image.max() > 2:  # slightly above 1 is noise
        raise ValueError(
            f"denoise_tiles: pixels up to {image.max():g}, expected [0, 1]: image / 255?"
        )

    corners = [
        (i, j) for i in tile_starts(height, tile, step) for j in tile_starts(width, tile, step)
    ]
    distance_to_border = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1))
    ramp = distance_to_border / ((tile + 1) // 2)  # 1/14 … 1 … 1/14 for tile = 28
    weight = namespace(image).asarray(np.multiply.outer(ramp, ramp).astype(image.dtype))
    total, weights = np.zeros_like(image), np.zeros_like(image)
    for start in range(0, len(corners), batch_size):
        batch = corners[start : start + batch_size]
        # (N, 1, tile, tile)
        tiles = np.stack([image[i : i + tile, j : j + tile] for i, j in batch])[:, None]
        try:
            denoised = model(tiles)
        except ValueError as error:
            hint = "for a dense model use lambda t: model(t.reshape(len(t), -1))"
            raise ValueError(
                f"denoise_tiles: the model does not accept tiles of shape {tiles.shape}: "
                f"{error} ({hint})"
            ) from error
        if denoised.size != tiles.size:
            raise ValueError(
                f"denoise_tiles: the model returned shape {denoised.shape} for an input of shape "
                f"{tiles.shape}, expected equally many values"
            )
        for (i, j), y in zip(batch, denoised.reshape(-1, tile, tile), strict=True):
            total[i : i + tile, j : j + tile] += weight * y
            weights[i : i + tile, j : j + tile] += weight
    return total / weights


def random_patches(images: Array, n: int, size: int = 28, rng: Rng = 0) -> Array:
    """``n`` patches from random places of ``images`` (M, H, W): (n, 1, size, size).

    They are training data for a model that denoises tiles.

    Raises:
        TypeError: an argument has another type.
        ValueError: the images are not (M, H, W), there are none, or they are smaller than a patch.

    Example:
        >>> from tinyae.applications import random_patches
        >>> random_patches(np.zeros((2, 100, 80)), n=16, size=28, rng=0).shape
        (16, 1, 28, 28)
    """
    check_array("random_patches", "images", images, kinds="fiub", axes=0)
    check_int("random_patches", "n", n)
    check_int("random_patches", "size", size)
    if images.ndim != 3 or not len(images):
        raise ValueError(
            f"random_patches: images have shape {images.shape}, "
            "expected (M, H, W) with at least one image"
        )
    m, height, width = images.shape
    if size < 1 or min(height, width) < size:
        raise ValueError(
            f"random_patches: images of {height}×{width} pixels, "
            f"expected at least one patch of {size}×{size}"
        )
    rng = as_rng("random_patches", rng)
    which, top, left = (
        rng.integers(m, size=n),
        rng.integers(height - size + 1, size=n),
        rng.integers(width - size + 1, size=n),
    )
    patches = np.empty_like(images, shape=(n, 1, size, size))
    for k, (p, i, j) in enumerate(zip(which, top, left, strict=True)):
        patches[k, 0] = images[p, i : i + size, j : j + size]
    return patches
