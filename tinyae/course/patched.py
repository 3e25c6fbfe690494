"""A file of the zoo after a student's change: the change itself, and an object that runs it."""

from __future__ import annotations

import textwrap
from typing import Any

from tinyae.course.exercise import Mistake


class Patched:
    """Runs the text of a file, in the student's process. It has the three functions of the file."""

    def __init__(self, text: str) -> None:
        names: dict[str, Any] = {"__name__": "patched"}
        exec(compile(text, "patched.py", "exec"), names)
        self.forward, self.backward, self.inputs = (
            names[name] for name in ("forward", "backward", "inputs")
        )


def patch(text: str, old: str, new: str, most: int) -> str:
    """The text with the line ``old`` (or a few) replaced by ``new``. Indentation does not matter.

    Args:
        text: the file.
        old: lines of the file, without a gap.
        new: what belongs there; "" to remove the lines.
        most: how many lines each of the two may have.

    Raises:
        Mistake: if ``old`` is not in the file exactly once, or if one of the two is too long.
    """
    lines, wanted = text.splitlines(), [line.strip() for line in old.strip().splitlines()]
    wrong = not wanted or len(wanted) > most or len(new.strip().splitlines()) > most
    if wrong:
        raise Mistake(f"a fix replaces one to {most} lines by at most {most} lines")
    stripped = [line.strip() for line in lines]
    places = [i for i in range(len(lines)) if stripped[i : i + len(wanted)] == wanted]
    if len(places) != 1:
        count = "not" if not places else f"{len(places)} times"
        raise Mistake(f"the line {wanted[0]!r} is {count} in the file")
    start = places[0]
    indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
    inserted = textwrap.indent(textwrap.dedent(new.strip("\n")).strip(), indent).splitlines()
    return "\n".join([*lines[:start], *inserted, *lines[start + len(wanted) :]]) + "\n"
