"""The progress bar of ``fit``."""

from __future__ import annotations

import sys
from typing import Any


def progress_bar(total: int, done: int, disable: bool) -> Any:
    from tqdm import tqdm

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
