"""Severity: five levels that everything maps to, and the one scale behind P1..P5.

The words other systems use belong to `openalert.sources.words`; here is only our own scale.
"""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is; `critical` is worst. Members are written to the database and the API as they are."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """5 for critical down to 1 for info: larger is worse."""
        return _RANK[self]

    @property
    def priority(self) -> str:
        """The same level on the P1..P5 scale: P1 is critical."""
        return f"P{6 - self.rank}"


_RANK = {level: 5 - position for position, level in enumerate(Severity)}


def worst(levels: "list[Severity]") -> Severity | None:
    """The worst of several levels, or None when there are none."""
    return max(levels, key=lambda level: level.rank, default=None)
