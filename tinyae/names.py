"""Unknown names get an answer that helps."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``unknown model 'basik': did you mean 'basic'? Known are basic, linear``"""
    known = list(known)
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"unknown {kind} {name!r}" + (f": did you mean {near[0]!r}?" if near else ".") + f" Known are {', '.join(known)}"
