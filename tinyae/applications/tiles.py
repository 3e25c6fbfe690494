"""Pictures larger than the model: cut into tiles that overlap, each cleaned by itself, and blended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyae.backend import Array, device_of, namespace


def tile_starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles begin along one axis: 0, step, 2 step, …, and one that ends at the very end."""
    return [*range(0, length - tile, step), length - tile]


def denoise_tiles(
    model: Callable[[Array], Array],
    picture: Array,
    tile: int = 28,
    step: int | None = None,
    batch_size: int = 256,
) -> Array:
    """A cleaned copy of ``picture`` (H, W), by a model of (N, 1, tile, tile) pictures.

    Every ``step`` pixels a tile is cut out and given to the model. Where tiles overlap, the result is their weighted mean,

        ``y(p) = Σ_t w_t(p) x̂_t(p) / Σ_t w_t(p)``,

    with weights w that fall linearly from a tile's middle to its rim, where the model sees nothing of what is beyond. So there
    are no seams: a tile's part begins and ends with almost nothing.

    Args:
        model: any function (N, 1, tile, tile) -> as many numbers. A dense one: ``lambda t: model(t.reshape(len(t), -1))``.
        step: from 1 to ``tile``; default half a tile. With step = tile there is no overlap, but at the end where it does not fit.

    Raises:
        ValueError: not (H, W), smaller than a tile, whole numbers, NaN, pixels up to 255; a step out of range; a model that does
            not take tiles; an answer of another size.
    """
    step = max(1, tile // 2) if step is None else step
    if picture.ndim != 2:
        raise ValueError(
            f"denoise_tiles: the picture has shape {picture.shape}, expected (H, W), one grey picture"
        )
    height, width = picture.shape
    if tile < 1 or min(height, width) < tile:
        raise ValueError(
            f"denoise_tiles: the picture is {height}×{width} pixels, expected at least one tile of {tile}×{tile}"
        )
    if not 1 <= step <= tile:
        raise ValueError(
            f"denoise_tiles: step is {step}, expected 1 to {tile}: between larger steps pixels would be left out"
        )
    if picture.dtype.kind != "f" or not bool(np.isfinite(picture).all()):
        raise ValueError(
            f"denoise_tiles: expected a picture of finite floating point numbers in [0, 1], got {picture.dtype}"
            + (" with NaN or infinite values" if picture.dtype.kind == "f" else ": picture / 255?")
        )
    if device_of(picture) == "cpu" and picture.max() > 2:  # a little beyond 1 is noise
        raise ValueError(
            f"denoise_tiles: pixels up to {picture.max():g}, expected [0, 1]: picture / 255?"
        )

    where = [
        (i, j) for i in tile_starts(height, tile, step) for j in tile_starts(width, tile, step)
    ]
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)) / (
        (tile + 1) // 2
    )  # 1/14 … 1 … 1/14
    weight = namespace(picture).asarray(np.multiply.outer(ramp, ramp).astype(picture.dtype))
    total, weights = np.zeros_like(picture), np.zeros_like(picture)
    for start in range(0, len(where), batch_size):
        batch = where[start : start + batch_size]
        tiles = np.stack([picture[i : i + tile, j : j + tile] for i, j in batch])[
            :, None
        ]  # (N, 1, tile, tile)
        try:
            cleaned = model(tiles)
        except ValueError as error:
            hint = "a dense model is lambda t: model(t.reshape(len(t), -1))"
            raise ValueError(
                f"denoise_tiles: the model does not take tiles of shape {tiles.shape}: {error} ({hint})"
            ) from error
        if cleaned.size != tiles.size:
            raise ValueError(
                f"denoise_tiles: the model made {cleaned.shape} of {tiles.shape}, expected as many numbers"
            )
        for (i, j), y in zip(batch, cleaned.reshape(-1, tile, tile), strict=True):
            total[i : i + tile, j : j + tile] += weight * y
            weights[i : i + tile, j : j + tile] += weight
    return total / weights


def random_patches(
    pictures: Array, n: int, size: int = 28, rng: np.random.Generator | int | None = 0
) -> Array:
    """``n`` patches cut from random places of ``pictures`` (M, H, W), to train a model for tiles: (n, 1, size, size).

    Raises:
        ValueError: not (M, H, W), no pictures, or pictures smaller than a patch.
    """
    if pictures.ndim != 3 or not len(pictures):
        raise ValueError(
            f"random_patches: pictures have shape {pictures.shape}, expected (M, H, W), one at least"
        )
    m, height, width = pictures.shape
    if size < 1 or min(height, width) < size:
        raise ValueError(
            f"random_patches: pictures of {height}×{width} pixels, expected at least one patch of {size}×{size}"
        )
    rng = np.random.default_rng(rng)
    which, top, left = (
        rng.integers(m, size=n),
        rng.integers(height - size + 1, size=n),
        rng.integers(width - size + 1, size=n),
    )
    patches = np.empty_like(pictures, shape=(n, 1, size, size))
    for k, (p, i, j) in enumerate(zip(which, top, left, strict=True)):
        patches[k, 0] = pictures[p, i : i + size, j : j + size]
    return patches
