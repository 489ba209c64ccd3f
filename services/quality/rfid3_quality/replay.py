"""Does a projection that was shown follow from what was known? Made again from its version's snapshot and the inspections of its time."""

from rfid3_quality import snapshot
from rfid3_quality.item import Reading, item_of
from rfid3_quality.ledger_rows import PREDICTION_TYPE, of_item, of_totals
from rfid3_quality.reporting import inspections_of_items
from rfid3_quality.settings import SERVICE
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.item_life.replay import COMPARED, NEVER, tally_items
from rfid3_shared.ledger import Prediction
from rfid3_shared.ledger.replay import Places, Replayed, Row, Tally


async def _version(at: Places, made: Snapshot, version: str, rows: list[Row], tally: Tally) -> None:
    """Rows of one version."""
    asked = {row["target_item_id"] for row in rows if row["target_item_id"]}
    async with transaction(at.store) as connection:
        readings = await inspections_of_items(connection, at.clock, asked, made.spec.reports_seq)

    def again(row: Row, reading: Reading | None) -> Prediction:
        return of_item(item_of(made, made.row_of(row["target_item_id"]), reading), version, NEVER, "")

    tally_items(rows, of_totals(made.spec.totals, made.spec.data_as_of, version, NEVER), readings, again, tally)


REPLAYED = Replayed(SERVICE, PREDICTION_TYPE, snapshot.load, _version, COMPARED)
