"""The log of a training run: one row per epoch."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from tinyae._validate import short
from tinyae.io import write_atomically


class History:
    """One dict per epoch: ``epoch``, ``loss``, the objective's terms, ``val_loss`` where there is
    validation data, ``seconds``, ``images_per_s``, ``lr``. ``history["loss"]`` is a column,
    ``history.rows[-1]`` the last row.

    Raises:
        TypeError: ``rows`` is not a list of dictionaries.
        KeyError: in ``history[column]``, there is no such column.

    Example:
        >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
        >>> history["loss"]
        [0.5, 0.25]
        >>> history
        History(2 epochs; last: epoch 2  loss 0.25)
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        rows = [] if rows is None else rows
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError(f"History: rows is {short(rows)}, expected a list of dictionaries")
        self.rows = rows

    def append(self, **row: Any) -> None:
        self.rows.append(row)

    def __getitem__(self, column: str) -> list[Any]:
        if column not in self.columns:
            raise KeyError(f"the history has no column {column!r}, it has {self.columns}")
        return [row.get(column) for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """The columns of all rows: a resumed run may log more than it did before."""
        return list(dict.fromkeys(column for row in self.rows for column in row))

    def __len__(self) -> int:
        return len(self.rows)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write all rows, with a header, to ``path``."""

        def write(temporary: Path) -> None:
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=self.columns or ["epoch", "loss"])
                writer.writeheader()
                writer.writerows(self.rows)

        write_atomically(path, write)

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epochs yet)"
        last = "  ".join(
            f"{k} {v:.5g}" if isinstance(v, float) else f"{k} {v}" for k, v in self.rows[-1].items()
        )
        return f"History({len(self)} epochs; last: {last})"
