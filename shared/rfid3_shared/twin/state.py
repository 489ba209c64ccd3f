"""Where did the company stop, so that it can go on from there?

Saved as plain arrays in one npz file (no pickle). Everything else (world, weather, requests) is rebuilt from the spec.
"""

from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import numpy as np

from rfid3_shared.errors import Conflict
from rfid3_shared.twin.columns import Columns
from rfid3_shared.twin.pos import no_contracts, no_lines
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.wear import Wear, fresh_wear
from rfid3_shared.twin.world import TwinSpec, World

FIRST_SCAN_ID = 6_000_000


@dataclass
class State:
    """The company at the start of a day; arrays by tag or by class. `simulate.step` changes it in place."""

    day: int
    """The next day to live through, in days since the first."""
    next_contract: int
    next_scan: int
    back_day: Array
    """Day on which a tag that is out comes back; -1 = at home."""
    back_second: Array
    contract: Array
    """Contract a tag is out on; -1 = at home; -2 = never was out."""
    delivered: Array
    last_scan_s: Array
    """Seconds from the first midnight to the tag's last scan; -1 = never scanned."""
    status: Array
    """Status RFID3 shows for the tag, as an index into scans.STATUSES."""
    revenue_cents: Array
    revenue_year_cents: Array
    repair_cents: Array
    """Cost of repairs by class, ever, as the POS books it; and in this calendar year."""
    repair_year_cents: Array
    wear: Wear
    contracts: Columns
    """Contracts that are still out."""
    lines: Columns

    @property
    def still_out(self) -> tuple[Columns, Columns]:
        """Contracts that are still out, with their lines."""
        return self.contracts, self.lines


def fresh_state(world: World) -> State:
    """The company on the morning of its first day: everything at home."""
    tags, classes = len(world.tags.pool), len(world.classes.stock)
    return State(
        day=0, next_contract=0, next_scan=FIRST_SCAN_ID, back_day=np.full(tags, -1, np.int32),
        back_second=np.zeros(tags, np.int32), contract=np.full(tags, -2, np.int64), delivered=np.zeros(tags, bool),
        last_scan_s=np.full(tags, -1, np.int64), status=np.zeros(tags, np.int8),
        revenue_cents=np.zeros(classes, np.int64), revenue_year_cents=np.zeros(classes, np.int64),
        repair_cents=np.zeros(classes, np.int64), repair_year_cents=np.zeros(classes, np.int64), wear=fresh_wear(world),
        contracts=no_contracts(), lines=no_lines(),
    )  # fmt: skip


def save_state(path: Path, spec: TwinSpec, state: State) -> None:
    """Write spec and state to one file, replacing it whole."""
    arrays: dict[str, Array] = {"spec": np.array([spec.seed, spec.items, spec.start.toordinal()])}
    for field in fields(State):
        value = getattr(state, field.name)
        if isinstance(value, Wear):
            value = vars(value)
        if isinstance(value, dict):
            arrays.update({f"{field.name}.{name}": column for name, column in value.items()})
        else:
            arrays[field.name] = np.asarray(value)
    if spec.blocked_ratio:
        arrays["blocked"] = np.array([spec.blocked_ratio, spec.blocked_days])
    arrays["recorded"] = np.array([spec.recorded_ratio])
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def load_state(path: Path) -> tuple[TwinSpec, State]:
    """Spec and state as saved.

    Raises Conflict when there is no saved company, or it was founded by a version in which units did not wear: their past
    cannot be made up.
    """
    if not path.exists():
        raise Conflict("There is no company to go on with: run `rfid3 twin create` first.", state_file=path.name)
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    seed, items, start = arrays["spec"].tolist()
    if "recorded" not in arrays:
        raise Conflict(
            "This company was founded before units wore: found it anew with `rfid3 twin create --replace`.",
            state_file=path.name,
        )
    (recorded_ratio,) = arrays.pop("recorded").tolist()
    ratio, over_days = arrays.pop("blocked", np.zeros(2)).tolist()
    values: dict[str, object] = {}
    for field in fields(State):
        if field.name in arrays:
            values[field.name] = arrays[field.name] if arrays[field.name].ndim else int(arrays[field.name])
        else:
            prefix = field.name + "."
            parts = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
            values[field.name] = Wear(**parts) if field.name == "wear" else parts
    spec = TwinSpec(seed, items, date.fromordinal(start), ratio, int(over_days), recorded_ratio)
    return spec, State(**values)  # type: ignore[arg-type]
