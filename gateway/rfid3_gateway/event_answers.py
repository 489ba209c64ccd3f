"""What may be sent to and asked of /events over HTTP, and what do the answers hold?"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.events.event import Kind, Origin

SCAN = {
    "event_id": "reader7-000184213", "tag_id": "482C3D87DE2B9B0634EAC37B", "scan_type": "Rental",
    "occurred_at": "2026-05-09T07:42:11-05:00", "contract_number": "210774", "rental_class": "61825", "status": "On Rent",
}  # fmt: skip
LINE = {
    "kind": "line", "event_id": "pos-210774-3-1", "contract_no": "210774", "line_number": 3, "store_no": "001", "item_num": "61825",
    "qty": 24, "status": "Open", "promised_delivery_date": "2026-05-09", "occurred_at": "2026-05-07T16:05:00",
}  # fmt: skip
FIRST_BAD = {"row": 1, "event_id": "r-2", "parameter": "scan_type", "suggestion": "Rental"}


class ScanRow(BaseModel):
    """A tag that a reader saw. Other fields are counted and left out."""

    kind: Literal["scan"] = "scan"
    event_id: str = Field(description="1 to 64 characters that name this event for ever: sent again, it is the same event.")
    tag_id: str
    scan_type: str = Field(description="A word that RFID3 uses: Rental, Delivery, Return, Pickup, Touch Scan.")
    occurred_at: str = Field(description="ISO 8601; with an offset it is converted to shop time, without one it is shop time.")
    contract_number: str | None = None
    rental_class: str | None = Field(None, description="Needed for tags that are not in RFID3's item master.")
    status: str | None = Field(None, description="A word that RFID3 uses, e.g. Ready to Rent.")
    quality: str | None = Field(None, description="A+ to F.")
    bin_location: str | None = None
    store: str | None = Field(None, description="RFID3's store id or the POS's code.")


class LineRow(BaseModel):
    """A line of a POS contract as it stands since `occurred_at`; a later one replaces it."""

    kind: Literal["line"]
    event_id: str = Field(description="1 to 64 characters; another one for each version of a line.")
    contract_no: str
    line_number: int
    store_no: str
    item_num: str = Field(description="The rental class.")
    qty: int
    status: str | None = Field(None, description="Of the contract, in the POS's words.")
    contract_date: str | None = None
    promised_delivery_date: str | None = None
    actual_delivery_date: str | None = None
    close_date: str | None = None
    occurred_at: str


Row = ScanRow | LineRow


class EventsQuery(BaseModel):
    """Which events to list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = Field(None, description="Only scans, or only POS lines.")
    tag_id: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(None, description="Only scans of this tag.")
    rental_class: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, description="Only events that name this class themselves."
    )
    origin: Origin | None = Field(None, description="Only those that came in this way.")
    since: str | None = Field(
        None, max_length=40, description="Only what happened from then on; ISO 8601, shop time or an offset."
    )
    until: str | None = Field(None, max_length=40, description="Only what happened up to then.")
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)
    before_seq: int | None = Field(
        None, ge=1, le=2**63 - 1, description="Only what arrived before that number: cheaper than an offset."
    )


class RefusedRow(BaseModel):
    """A row that is not kept, and why."""

    row: int = Field(description="Its place, from 0.")
    event_id: str | None
    parameter: str | None = Field(description="The field at fault; null where the whole row is.")
    reason: str
    suggestion: str | None = Field(None, description="What may be meant, where something may.")


class ReceiptAnswer(BaseModel):
    """What became of the rows."""

    accepted: int = Field(description="Kept now.")
    duplicates: int = Field(description="Kept before, under this id or another.")
    repeated: int = Field(
        description="Reads of a tag, in the same way, within a minute of one that is kept: they say nothing new."
    )
    refused: list[RefusedRow] = Field(description="At most 100 of the rows that are no events.")
    refused_count: int
    unknown_tags: int | None = Field(
        description="Tags among the accepted scans that neither name a class nor are in the item master; null: cannot be told now."
    )
    ignored_fields: dict[str, int] = Field(description="Fields that are not kept, and how many rows had them.")
    last_seq: int = Field(description="Number of the newest event.")


class EventAnswer(BaseModel):
    """One event."""

    seq: int
    event_id: str
    kind: Kind
    origin: Origin
    received_at: datetime = Field(description="UTC.")
    occurred_at: datetime = Field(description="Shop time.")
    tag_id: str
    rental_class: str
    contract: str
    facts: dict[str, Any]


class EventsAnswer(BaseModel):
    """Events, newest first."""

    events: list[EventAnswer]
    total: int = Field(description="How many have the properties asked for; counting stops at 100,000.")
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    next_before_seq: int | None = Field(description="The same by number: what arrives meanwhile moves no page.")
    suggestions: list[str] = Field(description="For a class of which there is no event: classes spelt like it.")


class ArrivedAnswer(BaseModel):
    """How many events of one kind and origin arrived."""

    kind: Kind
    origin: Origin
    last_hour: int
    last_day: int


class ReaderAnswer(BaseModel):
    """How far a reader of the events has come."""

    consumer: str
    position: dict[str, Any]
    lag_events: int | None = Field(description="Events that it has not taken in; null where it follows something else.")
    lag_s: float | None = Field(description="For how many seconds the oldest of them waits.")
    held_by: str | None = Field(description="The process that works for it now.")
    held_until: datetime | None
    updated_at: datetime


class StandingAnswer(BaseModel):
    """How things stand with the events."""

    last_seq: int
    last_received_at: datetime | None
    arrived: list[ArrivedAnswer]
    readers: list[ReaderAnswer]
