"""What of a caller's own series can be forecast, and what is wrong with the rest? Each series by itself. Pure, plain Python.

Order does not matter, steps may be missing, equal doubles are one. What has two meanings is refused with where it is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters

MOST_STEPS = 5_000
"""Steps of a history that are used: the latest ones."""
MOST_REGRESSORS = 20
LARGEST = 1e12
Number = float | None
Stamp = date | datetime | int


@dataclass
class Own:
    """One series that can be forecast, sorted, one entry a period."""

    id: str
    ds: list[Stamp]
    y: list[Number]
    past: dict[str, list[Number]]
    """Regressors beside `y`."""
    future: dict[str, list[float]]
    """Those of them that are known for every step ahead."""
    zoned: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number >= 0."""
        return all(value is None or (value >= 0 and float(value).is_integer()) for value in self.y)

    @property
    def kind(self) -> str:
        """How its steps are named: date, datetime or int."""
        return type(self.ds[0]).__name__


def series_of_rows(rows: Sequence[Mapping[str, Any]], freq: str, horizon: int) -> list[dict[str, Any]]:
    """Long rows as series, in the order in which they first appear; rows after the last y hold the regressors of the future.

    Raises nothing: what cannot be read is told by `checked`.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row.get("id", row.get("unique_id"))), []).append(row)
    return [_of_rows(name, group, freq, horizon) for name, group in found.items()]


def _of_rows(name: str, rows: list[Mapping[str, Any]], freq: str, horizon: int) -> dict[str, Any]:
    names = list(dict.fromkeys(key for row in rows for key in row if key not in ("id", "unique_id", "ds", "y")))
    try:
        stamps = [_stamp(row.get("ds"), freq)[0] for row in rows]
        last = max((period(stamp, freq) for stamp, row in zip(stamps, rows, strict=True) if row.get("y") is not None))
    except (AppError, ValueError, TypeError):
        return {"id": name, "ds": [row.get("ds") for row in rows], "y": [row.get("y") for row in rows]}
    at = [period(stamp, freq) for stamp in stamps]
    past = [row for row, when in zip(rows, at, strict=True) if when <= last]
    ahead = {when: row for row, when in zip(rows, at, strict=True) if when > last}
    future = {
        key: [ahead.get(last + k, {}).get(key) for k in range(1, horizon + 1)] for key in names
        if any(row.get(key) is not None for row in ahead.values())
    }  # fmt: skip
    return {
        "id": name, "ds": [row.get("ds") for row in past], "y": [row.get("y") for row in past],
        "regressors": {key: [row.get(key) for row in past] for key in names}, "future": future,
    }  # fmt: skip


def checked(given: Mapping[str, Any], freq: str, horizon: int) -> Own:
    """The series, sorted and cleaned, with warnings of what was assumed.

    Raises InvalidParameters for what has no meaning or two, InsufficientData without a single value.
    """
    name = _name(given)
    if extra := sorted(set(given) - {"id", "unique_id", "ds", "y", "regressors", "future"}):
        raise InvalidParameters(f"Series {name!r}: {', '.join(extra)} is no field of a series.", parameter=extra[0])
    written, values = given.get("ds"), given.get("y")
    if not isinstance(written, list) or not isinstance(values, list) or len(written) != len(values):
        raise InvalidParameters(f"Series {name!r}: ds and y are lists of equal length.", parameter="ds")
    read = [_stamp(text, freq, name) for text in written]
    stamps = [stamp for stamp, _ in read]
    if len({type(stamp) for stamp in stamps}) > 1 or len({zoned for _, zoned in read}) > 1:
        raise InvalidParameters(f"Series {name!r}: its ds are written in different ways.", parameter="ds")
    y = [_number(value, f"Series {name!r}, y at {written[at]}", may_lack=True) for at, value in enumerate(values)]
    past = _regressors(given.get("regressors"), len(written), name)
    own = Own(name, stamps, y, past, {}, zoned=bool(read) and read[0][1])
    if own.zoned:
        step = "hours are counted in UTC" if freq.upper() == "H" else "days are those of the written local time"
        own.warnings.append(f"ds bears a time zone: {step}.")
    _sort(own, freq)
    if not any(value is not None for value in own.y):
        raise InsufficientData(f"Series {name!r} has no value.", missing="at least one value in y", found=0, needed=1)
    _shorten(own, freq)
    own.future = _ahead(given.get("future"), own, horizon)
    if any(value is not None and value < 0 for value in own.y):
        own.warnings.append("There are negative values: it is forecast as a size, and may be forecast below 0.")
    return own


def period(stamp: Stamp, freq: str) -> int:
    """The number of the period a step lies in; consecutive periods differ by 1."""
    if isinstance(stamp, int):
        return stamp
    match freq.upper()[0]:
        case "H":
            return stamp.toordinal() * 24 + (stamp.hour if isinstance(stamp, datetime) else 0)
        case "D":
            return stamp.toordinal()
        case "W":
            return (stamp.toordinal() - 1) // 7
        case "M":
            return stamp.year * 12 + stamp.month - 1
        case "Q":
            return stamp.year * 4 + (stamp.month - 1) // 3
    return stamp.year


def _name(given: Mapping[str, Any]) -> str:
    name = given.get("id", given.get("unique_id"))
    if isinstance(name, bool) or not isinstance(name, (str, int)) or not 0 < len(str(name)) <= 200:
        raise InvalidParameters("A series needs an id: a text of 1 to 200 characters, or a whole number.", parameter="id")
    return str(name)


def _stamp(text: Any, freq: str, name: str = "") -> tuple[Stamp, bool]:
    """A step, and whether it was written with a time zone; such a one is counted in UTC by the hour, else by its local day."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text, False
    try:
        if isinstance(text, str) and len(text.strip()) == 10:
            return date.fromisoformat(text.strip()), False
        found = datetime.fromisoformat(text.strip())
    except (ValueError, AttributeError):
        raise InvalidParameters(
            f"Series {name!r}: {str(text)[:40]!r} in ds is no date (2026-06-01), time stamp (ISO 8601) or whole number.",
            parameter="ds",
        ) from None
    if found.tzinfo is None:
        return found, False
    return (found.astimezone(UTC).replace(tzinfo=None) if freq.upper() == "H" else found.date()), True


def _number(value: Any, what: str, may_lack: bool = False) -> Number:
    if value is None and may_lack:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > LARGEST:
        raise InvalidParameters(f"{what}: {str(value)[:40]!r} is no number up to {LARGEST:g}.", parameter="y")
    return float(value)


def _regressors(given: Any, count: int, name: str) -> dict[str, list[Number]]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > MOST_REGRESSORS:
        raise InvalidParameters(
            f"Series {name!r}: regressors are up to {MOST_REGRESSORS} lists by name.", parameter="regressors"
        )
    for key, values in given.items():
        if not isinstance(values, list) or len(values) != count or key in ("unique_id", "ds", "y"):
            raise InvalidParameters(
                f"Series {name!r}: regressor {key!r} is a list as long as ds, and is not called unique_id, ds or y.",
                parameter=f"regressors.{key}",
            )
    return {key: [_number(v, f"Series {name!r}, {key}", may_lack=True) for v in values] for key, values in given.items()}


def _sort(own: Own, freq: str) -> None:
    """Order by period; equal doubles become one, contradictory ones are refused."""
    at = [period(stamp, freq) for stamp in own.ds]
    order = sorted(range(len(at)), key=at.__getitem__)
    if order != list(range(len(at))):
        own.warnings.append("ds is not in order: it was sorted.")
    kept: list[int] = []
    doubles = 0
    for place in order:
        if kept and at[kept[-1]] == at[place]:
            before = kept[-1]
            if own.y[before] != own.y[place]:
                raise InvalidParameters(
                    f"Series {own.id!r} has two values for one step of {freq}: {own.y[before]} at {own.ds[before]} and "
                    f"{own.y[place]} at {own.ds[place]}.", parameter="ds",
                )  # fmt: skip
            doubles += 1
        else:
            kept.append(place)
    if doubles:
        own.warnings.append(f"{doubles} entries are there twice with the same value: each counts once.")
    _keep(own, kept)


def _keep(own: Own, places: Sequence[int]) -> None:
    own.ds, own.y = [own.ds[k] for k in places], [own.y[k] for k in places]
    own.past = {name: [values[k] for k in places] for name, values in own.past.items()}


def _shorten(own: Own, freq: str) -> None:
    """From the first value to the last, and no more than the latest steps."""
    known = [k for k, value in enumerate(own.y) if value is not None]
    if after := len(own.y) - 1 - known[-1]:
        own.warnings.append(f"The last {after} entries have no value: the forecast begins after {own.ds[known[-1]]}.")
    first, last = known[0], known[-1]
    oldest = period(own.ds[last], freq) - MOST_STEPS
    begin = next(k for k in range(first, last + 1) if period(own.ds[k], freq) > oldest)
    if left_out := begin - first:
        own.warnings.append(f"Only the latest {MOST_STEPS} steps are used: {left_out} earlier entries are left out.")
    _keep(own, range(begin, last + 1))
    spanned = period(own.ds[-1], freq) - period(own.ds[0], freq) + 1
    gaps = spanned - sum(value is not None for value in own.y)
    if gaps:
        how = "0, as counts" if own.whole else "interpolated"
        own.warnings.append(f"{gaps} of {spanned} steps are missing inside the series: taken as {how}.")


def _ahead(given: Any, own: Own, horizon: int) -> dict[str, list[float]]:
    """Regressors over the horizon; raises InvalidParameters for holes in them."""
    if given is not None and not isinstance(given, dict):
        raise InvalidParameters(f"Series {own.id!r}: future is lists by name.", parameter="future")
    found: dict[str, list[float]] = {}
    for name, values in (given or {}).items():
        if name not in own.past:
            raise InvalidParameters(f"Series {own.id!r}: future has {name!r}, regressors have not.", parameter=f"future.{name}")
        given_steps = values if isinstance(values, list) else []
        missing = [k for k in range(horizon) if k >= len(given_steps) or given_steps[k] is None]
        if missing:
            raise InvalidParameters(
                f"Series {own.id!r}: {len(missing)} of {horizon} future values of {name!r} are missing, the first at step "
                f"{missing[0] + 1} after {own.ds[-1]}.", parameter=f"future.{name}", missing_steps=len(missing),
            )  # fmt: skip
        if len(given_steps) > horizon:
            own.warnings.append(f"{name}: {len(given_steps) - horizon} future values beyond the horizon are left out.")
        found[name] = [float(_number(v, f"Series {own.id!r}, {name}") or 0.0) for v in given_steps[:horizon]]
    if lags := [name for name in own.past if name not in found]:
        own.warnings.append(f"{', '.join(lags)}: no future values, so only their past is used.")
    return found
