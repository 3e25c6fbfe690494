"""What a checker says about layers, and how often it is right."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyae.course.lent import LentLayer
from tinyae.known_bugs import Example


@dataclass(frozen=True)
class Verdict:
    """What the checker says about one layer.

    Attributes:
        accepted: its answer; None if it gave none, which is always wrong.
        reason: an exception, which counts as a rejection, or why there is no answer.
        lent: the layer, which knows what it was asked.
    """

    example: Example
    is_bug: bool
    accepted: bool | None
    reason: str
    lent: LentLayer

    @property
    def is_right(self) -> bool:
        return self.accepted is (not self.is_bug)


@dataclass
class FamilyScore:
    """The verdicts about the layers of one family."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)

    def count(self, is_bug: bool, is_right: bool) -> int:
        return sum(v.is_bug is is_bug and v.is_right is is_right for v in self.verdicts)

    @property
    def caught(self) -> float:
        """The fraction of the bugs that are caught."""
        return self._fraction(True, True)

    @property
    def rejected(self) -> float:
        """The fraction of the right layers that are rejected."""
        return self._fraction(False, False)

    @property
    def score(self) -> float:
        """``caught - rejected``, in [0, 1]: 0 for a checker that always says the same."""
        return max(0.0, self.caught - self.rejected)

    def _fraction(self, is_bug: bool, is_right: bool) -> float:
        total = self.count(is_bug, True) + self.count(is_bug, False)
        return self.count(is_bug, is_right) / total if total else 0.0

    def wrong(self, is_bug: bool) -> dict[str, str]:
        """Example -> what it is, for the bugs that are missed or the right layers rejected."""
        wrong = [v for v in self.verdicts if v.is_bug is is_bug and not v.is_right]
        return {
            v.example.name: v.example.about + (f" [{v.reason}]" if v.reason else "") for v in wrong
        }
