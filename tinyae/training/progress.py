"""The progress bar of ``fit``: tqdm's, or none where tqdm is not installed, as in a browser."""

from __future__ import annotations

import sys
from typing import Any, Self


class NoBar:
    """Has the methods of tqdm's bar that ``fit`` calls, and shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, n: int) -> None:
        pass

    def set_postfix(self, **values: Any) -> None:
        pass


def progress_bar(total: int, done: int, disable: bool) -> Any:
    """A bar that counts images up to ``total``."""
    try:
        from tqdm import tqdm
    except ImportError:
        return NoBar()
    # In a log file or a notebook every update stays or costs.
    interval = 0.2 if sys.stderr.isatty() else 2  # seconds
    return tqdm(
        total=total,
        initial=done,
        unit="img",
        unit_scale=True,
        disable=disable,
        dynamic_ncols=True,
        mininterval=interval,
    )
