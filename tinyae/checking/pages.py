"""The short pages about the errors that a student meets first, and which report belongs to which.

The pages are ``docs/errors/*.md``: what you see, why, what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HOME = "https://github.com/tinyae/tinyae/blob/main/docs/errors"
STATE = ("overwritten", "state", "stale", "second call")  # findings that explain wrong values
SUM_OR_MEAN = re.compile("sum where a mean|mean where a sum|a mean is missing|a mean too much")
PAGES: dict[str, tuple[str, ...]] = {  # a page, and the verdicts, findings and hints it explains
    "shapes": ("SHAPE",),
    "stale_cache": STATE,
    "sum_or_mean": ("sum or mean",),
    "kinks": ("KINKS",),
    "float32": ("NOISY", "DTYPE", "noisy", "dtype", "precision"),
}


def page_of(kinds: Iterable[str], texts: Iterable[str]) -> str:
    """The address of the page that explains a report, or ``""``.

    Args:
        kinds: the verdicts and the kinds of the findings and hints, the most important first.
        texts: the texts of the hints. A constant factor has one kind, whatever the constant is.
    """
    found = [*kinds]
    if any(SUM_OR_MEAN.search(text) for text in texts):
        found.append("sum or mean")
    for kind in found:
        for page, about in PAGES.items():
            if kind in about:
                return f"{HOME}/{page}.md"
    return ""
