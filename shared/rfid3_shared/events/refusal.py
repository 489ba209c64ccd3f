"""Why is a row not kept? Told for each row by itself: one broken row harms no other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not kept. `row` counts from 0; `parameter` is the field at fault, None where the whole row is."""

    row: int
    event_id: str | None
    parameter: str | None
    reason: str
    suggestion: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON; without a suggestion where there is none."""
        told = {"row": self.row, "event_id": self.event_id, "parameter": self.parameter, "reason": self.reason}
        return told if self.suggestion is None else {**told, "suggestion": self.suggestion}


class BadField(Exception):
    """A field that cannot be taken: its name, why, and what might be meant."""

    def __init__(self, parameter: str | None, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.parameter, self.reason, self.suggestion = parameter, reason, suggestion


def listed(refused: Iterable[Refused]) -> list[dict[str, Any]]:
    """All of them, by row, as JSON."""
    return [one.as_dict() for one in sorted(refused, key=lambda one: one.row)]
