"""Output that works on any terminal, in any file and in any pipe."""

from __future__ import annotations

import codecs
import sys
import warnings
from typing import TextIO

# What is printed where the terminal's encoding does not have a character, as in cp1252 or ASCII
REPLACEMENTS = {
    "→": "->",
    "×": "x",
    "·": "*",
    "−": "-",
    "–": "-",
    "…": "...",
    "‖": "|",
    "∂": "d",
    "Σ": "sum",
    "√": "sqrt",
    "²": "^2",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "±": "+-",
    "λ": "lambda",
    "β": "beta",
    "ρ": "rho",
    "σ": "sigma",
    "ν": "nu",
    "ε": "epsilon",
    "α": "alpha",
    "μ": "mu",
    "x̂": "x^",
    "’": "'",
    "“": '"',
    "”": '"',
}


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    text = "".join(
        REPLACEMENTS.get(c) or c.encode("ascii", "backslashreplace").decode() for c in bad
    )
    return text, error.end


def prepare_output() -> None:
    """Print every character that the terminal cannot show as ASCII text."""
    codecs.register_error("tinyae", _replace)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="tinyae")


def print_note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of tinyae as a line of text: takes the place of ``warnings.showwarning``."""
    from tinyae.data.file_checks import PACKAGE, DataNote  # only now: --help needs no NumPy

    ours = issubclass(category, DataNote) or (
        issubclass(category, UserWarning) and filename.startswith(PACKAGE)
    )
    if ours:
        print(f"note: {message}")
    else:
        print(warnings.formatwarning(message, category, filename, lineno), file=sys.stderr)
