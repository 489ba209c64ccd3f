"""Does a chance that was shown follow from what was known? Made again from its version's curves and the reports of its time."""

from rfid3_maintenance import snapshot
from rfid3_maintenance.item import Report, item_of
from rfid3_maintenance.ledger_rows import PREDICTION_TYPE, of_item, of_totals
from rfid3_maintenance.reporting import reports_of_items
from rfid3_maintenance.settings import SERVICE
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.item_life.replay import COMPARED, NEVER, tally_items
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.replay import Places, Replayed, Row, Tally


async def _version(at: Places, made: Snapshot, version: str, rows: list[Row], tally: Tally) -> None:
    """Rows of one version."""
    async with transaction(at.store) as connection:
        reports = await reports_of_items(connection, made.spec, at.clock)
    weekly = [one for one in made.spec.totals if one["week"] is not None]

    def again(row: Row, report: Report | None) -> Prediction:
        return of_item(item_of(made, row["target_item_id"], report), row["horizon_days"], version, NEVER, "")

    tally_items(rows, of_totals(weekly, made.spec.data_as_of, version, NEVER), reports, again, tally)


REPLAYED = Replayed(SERVICE, PREDICTION_TYPE, snapshot.load, _version, COMPARED)
