"""How are predictions of items made again? From their version's snapshot, and from what people had reported of the item since.

The snapshot of a version holds what its training knew of every item, as curves and scores: item features are not kept a second time in
the feature store. What moved an answer after training was a report, whose row stays; the prediction names it by its digest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from rfid3_shared.errors import AppError
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.replay import Row, Tally

COMPARED = (
    "prediction_id", "prediction_date", "horizon_days", "predicted_value", "interval_level", "confidence_lower", "confidence_upper",
    "features_digest",
)  # fmt: skip
"""All but the dollars at risk, which the demand service said at that moment."""
UNKNOWN_ITEM = "the version says nothing of the item"
UNKNOWN_TOTAL = "the version has no such total"
NEVER = datetime.min.replace(tzinfo=UTC)


class Received(Protocol):
    """A report as `item_reports.read` gives it."""

    @property
    def received_at(self) -> datetime:
        """When it came in, aware."""


def tally_items(
    rows: Iterable[Row], totals: Iterable[Prediction], reports: Mapping[str, Sequence[tuple[Received, Any]]],
    of_item: Callable[[Row, Any], Prediction], tally: Tally,
) -> None:  # fmt: skip
    """Hold each row against its total, or against the item made again (raises AppError where it cannot be).

    reports: by item what was received of it, oldest first, with what `of_item` takes; None for an item without. Of them the one counts
    that the row names by its digest; a row that names none of them is made from what had come in when it was shown, and differs.
    """
    known = {(one.target_category, one.prediction_date): one for one in totals}
    for row in rows:
        if not row["target_item_id"]:
            total = known.get((row["target_category"], row["prediction_date"]))
            tally.cannot(UNKNOWN_TOTAL) if total is None else tally.compare(row, total.as_row())
            continue
        try:
            tally.compare(row, _made(row, reports.get(row["target_item_id"], ()), of_item).as_row())
        except AppError:
            tally.cannot(UNKNOWN_ITEM)


def _made(row: Row, reports: Sequence[tuple[Received, Any]], of_item: Callable[[Row, Any], Prediction]) -> Prediction:
    """The row made again from the report that it names."""
    before = [
        known for report, known in reports if report.received_at.astimezone(UTC).replace(tzinfo=None) <= row["created_at"]
    ]
    candidates, fault = [*(known for _, known in reports), None], None
    for known in reversed(candidates):
        try:
            made = of_item(row, known)
        except AppError as refused:  # an item of which such a report leaves nothing to say
            fault = refused
            continue
        if made.features_digest == row["features_digest"]:
            return made
    if fault is not None and not before:
        raise fault
    return of_item(row, before[-1] if before else None)
