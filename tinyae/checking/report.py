"""The result of a check, for people (text, HTML, a plot) and for programs (``ok``, ``to_dict``)."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyae.checking.pages import page_of

Array = np.ndarray
WIDTH = 100


@dataclass
class Finding:
    """Something, other than a wrong value, that a derivative must not do: its ``kind``, the tensor,
    and a sentence."""

    kind: str
    tensor: str
    text: str


@dataclass
class Hint:
    """A likely cause. ``kind`` is for programs; ``text`` gives the evidence and the usual cause."""

    kind: str
    tensor: str
    text: str


@dataclass
class TensorReport:
    """The check of one tensor. Verdicts: ok, WRONG, KINKS (too many to count as checked), NOISY,
    SHAPE, DTYPE, MISSING, NAN, UNCHECKED."""

    name: str
    shape: tuple[int, ...]
    verdict: str = "ok"
    note: str = ""
    exact: bool = False  # checked by exact arithmetic, along one random direction
    worst: float = 0.0  # the largest relative error of the entries without kink
    where: tuple[int, ...] | None = None
    backward: float = np.nan  # both values there
    numeric: float = np.nan
    directions: list[Any] = field(default_factory=list)
    ties: list[tuple[Array, float, Any]] = field(default_factory=list, repr=False)
    entries: list[tuple[int, float, Any]] = field(
        default_factory=list, repr=False
    )  # flat index, backward, methods.Verdict

    def add(self, index: int, analytic: float, verdict: Any) -> None:
        self.entries.append((index, analytic, verdict))

    @property
    def index(self) -> Array:
        return np.array([i for i, _, _ in self.entries], int)

    @property
    def backward_values(self) -> Array:
        return np.array([a for _, a, _ in self.entries])

    @property
    def numeric_values(self) -> Array:
        return np.array([v.numeric for _, _, v in self.entries])

    def having(self, state: str) -> Array:
        return np.array([v.state == state for _, _, v in self.entries], bool)

    @property
    def wrong(self) -> Array:
        return self.having("wrong")

    @property
    def kinks(self) -> int:
        return int(self.having("kink").sum()) + sum(d.state == "kink" for d in self.directions)

    @property
    def checked(self) -> int:
        return len(self.entries) - int(self.having("kink").sum())

    @property
    def errors(self) -> Array:
        """The relative error of each checked entry; NaN at kinks. If rounding hides an entry, the
        error is relative to what rounding can hide."""
        floor = np.array([v.uncertainty for _, _, v in self.entries]) / 1e-6
        a, n = self.backward_values, self.numeric_values
        size = np.maximum(np.maximum(np.abs(a), np.abs(n)), floor)
        error = np.divide(np.abs(a - n), size, out=np.zeros_like(a), where=size > 0)
        return np.where(self.having("kink"), np.nan, error)

    def conclude(self) -> None:
        """Set the verdict from the entries and directions."""
        errors, count = self.errors, len(self.entries)
        if np.isfinite(errors).any():
            self.worst = float(np.nanmax(errors))
            # the largest of those that are off most: of many with the same ratio, one that can be
            # read
            height = np.where(
                errors >= 0.99 * self.worst,
                np.abs(self.backward_values - self.numeric_values),
                -1.0,
            )
            at = int(np.argmax(height))
            self.where = tuple(int(i) for i in np.unravel_index(self.index[at], self.shape))
            self.backward, self.numeric = (
                float(self.backward_values[at]),
                float(self.numeric_values[at]),
            )
        bad = [d for d in self.directions if d.state == "wrong"]
        looked = count or len(self.directions)
        kinks = int(self.having("kink").sum()) if count else self.kinks
        noisy = sum(v.noisy for _, _, v in self.entries)
        if count and noisy > count / 2:
            self.verdict, self.note = (
                "NOISY",
                "the outputs vary far more than float64 rounding: "
                "is something computed in float32?",
            )
        elif not self.wrong.any() and any(v.state == "wrong" for _, _, v in self.ties):
            self.verdict, self.note = "WRONG", "along entries of equal value, moved together"
        elif self.wrong.any() or bad:
            self.verdict = "WRONG"
            if not self.wrong.any():
                self.note = f"along {len(bad)} of {len(self.directions)} random directions"
        elif kinks > looked / 2:
            self.verdict, self.note = (
                "KINKS",
                f"{kinks} of {looked} entries are at a kink: not checked",
            )
        elif count and int(self.having("unresolved").sum()) > self.checked / 2:
            self.note = "most entries are too small to be seen above rounding"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "shape": list(self.shape),
            "checked": self.checked,
            "directions": len(self.directions),
            "kinks": self.kinks,
            "worst": self.worst,
            "exact": self.exact,
            "where": None if self.where is None else list(self.where),
            "backward": number(self.backward),
            "numeric": number(self.numeric),
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass
class Report:
    """The result of a gradient check. ``report.ok``, ``print(report)``, ``report.to_dict()``,
    ``report.plot()``.

    Example:
        >>> report = gradcheck(Linear(4, 3, rng=0), np.ones((5, 4)))
        >>> report.ok, bool(report)
        (True, True)
        >>> report.to_dict()["tensors"][1]["name"]
        'weight'
    """

    title: str
    tensors: list[TensorReport]
    findings: list[Finding]
    method: str
    step: float
    seed: int
    hints: list[Hint] = field(default_factory=list)
    remark: str = ""  # what exact arithmetic has to say

    @property
    def ok(self) -> bool:
        return not self.findings and all(t.verdict == "ok" for t in self.tensors)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def see(self) -> str:
        """The address of the page that explains such an error; ``""`` if there is none."""
        wrong = [t.verdict for t in self.tensors if t.verdict != "ok"]
        kinds = [f.kind for f in self.findings] + [hint.kind for hint in self.hints]
        return page_of([*wrong, *kinds], [hint.text for hint in self.hints])

    def __getitem__(self, name: str) -> TensorReport:
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(
            f"no tensor {name!r} in this report, only {', '.join(t.name for t in self.tensors)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Lists, numbers and strings only, ready for ``json.dumps``."""
        return {
            "ok": self.ok,
            "title": self.title,
            "method": self.method,
            "step": self.step,
            "seed": self.seed,
            "remark": self.remark,
            "tensors": [t.to_dict() for t in self.tensors],
            "findings": [vars(f).copy() for f in self.findings],
            "hints": [vars(h).copy() for h in self.hints],
            "see": self.see,
        }

    def __str__(self) -> str:
        how = f"float64, {self.method}, step {self.step:.1e}, seed {self.seed}"
        head = f"gradcheck {'passed' if self.ok else 'FAILED'}  {self.title}"
        lines = [f"{head}   {how}"] if len(head) + len(how) + 3 <= WIDTH else [head, f"  {how}"]
        rows = [self._row(t) for t in self.tensors]
        titles = ("tensor", "shape", "checked", "kinks", "worst rel.err", "verdict")
        widths = [max(len(r[i]) for r in [titles, *rows]) for i in range(5)]
        for row in [titles, *rows]:
            cells = [f"{cell:{'<<>>>'[i]}{widths[i]}}" for i, cell in enumerate(row[:5])]
            left = f"  {'  '.join(cells)}  "
            if len(left + row[5]) <= WIDTH:
                lines.append((left + row[5]).rstrip())
            else:  # the verdict's word in its column, the rest of it below
                word, _, rest = row[5].partition("  ")
                lines.append(left + word)
                lines += textwrap.wrap(
                    rest, WIDTH - 1, initial_indent="           ", subsequent_indent="           "
                )
        if self.remark:
            lines += wrapped(self.method, f"{self.remark}.")
        for finding in self.findings:
            lines += wrapped("finding", full_stop(finding.text))
        for hint in self.hints:
            lines += wrapped("hint", full_stop(hint.text))
        lines += [f"  see: {self.see}"] if self.see else []
        return "\n".join(lines)

    def _row(self, t: TensorReport) -> tuple[str, ...]:
        verdict = t.verdict if not t.note else f"{t.verdict}  {t.note}"
        if t.verdict == "WRONG" and t.wrong.any():
            at = f"{shape_text(t.where)}: backward {t.backward:.4g}, numeric {t.numeric:.4g}"
            verdict = f"WRONG  at {at}"
        checked = f"{len(t.directions)} dir." if t.directions and not t.entries else f"{t.checked}"
        worst = f"{t.worst:.1e}" if t.entries or t.exact else ""
        return (
            t.name,
            shape_text(t.shape),
            "all" if t.exact else checked if t.entries or t.directions else "",
            str(t.kinks),
            worst,
            verdict,
        )

    def _repr_html_(self) -> str:
        from tinyae.checking.error_map import html_report

        return html_report(self)

    def plot(self, axes: Any = None) -> Any:
        """One heat map per tensor: log₁₀ of the relative error of each entry. Kinks and unchecked
        entries are blank."""
        from tinyae.checking.error_map import plot_report

        return plot_report(self, axes)


def show_report(report: Report) -> None:
    """Show a report: in a notebook as a table with the error map of each tensor, elsewhere as
    text.

    Raises:
        TypeError: it is not a report.

    Example:
        >>> from tinyae.checking import show_report
        >>> show_report(gradcheck(Linear(3, 2, rng=0), np.ones((4, 3))))  # doctest: +ELLIPSIS
        gradcheck passed  Linear(3 → 2)...
    """
    if not isinstance(report, Report):
        raise TypeError(f"show_report: expected a Report, got {type(report).__name__}")
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        print(f"{report}\n")
        return
    from IPython.display import display

    display({"text/html": report._repr_html_(), "text/plain": str(report)}, raw=True)


def wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        f"{label}: {text}", WIDTH - 2, initial_indent="  ", subsequent_indent=" " * (4 + len(label))
    )


def full_stop(text: str) -> str:
    return text if text.endswith(("?", ".")) else f"{text}."


def shape_text(shape: Any) -> str:
    """(3,0,1) without spaces, and (16,) as Python writes it."""
    return "(" + ",".join(str(int(i)) for i in shape) + (",)" if len(shape) == 1 else ")")


def number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
