"""tinyae: autoencoders from scratch in NumPy and CuPy. No autograd: every derivative is written by
hand and checked.

This package exports what the first example of each kind of autoencoder needs.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyae._public import *  # noqa: F403
    from tinyae._public import __all__ as __all__

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """A public name, or a module such as ``tinyae.layers``. It is imported when it is first used,
    so that ``tinyae --help`` starts at once."""
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module 'tinyae' has no attribute {name!r}")
    if importlib.util.find_spec(f"tinyae.{name}") is not None:
        return importlib.import_module(f"tinyae.{name}")
    public = importlib.import_module("tinyae._public")
    if name != "__all__" and name not in public.__all__:
        raise AttributeError(f"module 'tinyae' has no attribute {name!r}")
    globals()[name] = getattr(public, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *importlib.import_module("tinyae._public").__all__})
