"""The job that forecasts a caller's own series: what can be said of each, and why not of the others?

Runs in a process of its own. Series that are alike (counts or sizes, the same regressors) are fitted together, so that they learn
from each other; a fault in one of them leaves the others their forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from rfid3_demand import findings, own_input, payloads
from rfid3_demand.own_input import Own
from rfid3_demand.schemas import AdhocRequest
from rfid3_shared.clock import Clock
from rfid3_shared.errors import AppError, InvalidParameters, NotFound
from rfid3_shared.jobs import Progress
from rfid3_shared.log import get_logger
from rfid3_shared.resources import open_redis
from rfid3_shared.settings import Settings

if TYPE_CHECKING:
    from rfid3_demand.model import Forecast
    from rfid3_demand.model.diagnosis import Diagnosis

SMALL_BYTES = 262_144
"""Results up to this size are in the job's own row as well."""
log = get_logger("demand.adhoc")
Answer = dict[str, Any]


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Forecast the series laid down under `arguments["input"]`; returns {answered, refused, seconds, series?}.

    The whole answer is laid down under the job's id; series is there when it is small. Raises NotFound when the input is gone.
    """
    clock = Clock(settings.time_zone)
    begun = clock.monotonic()
    async with open_redis(settings.redis_dsn) as redis:
        raw = await payloads.get(redis, payloads.INPUT, arguments["input"])
        if raw is None:
            raise NotFound("The series of this request are no longer kept: ask again.", kept_s=payloads.KEPT_S)
        found = forecast_all(AdhocRequest.model_validate_json(raw), progress)
        answered = sum(one["ok"] for one in found)
        told = {"answered": answered, "refused": len(found) - answered, "seconds": round(clock.monotonic() - begun, 3)}
        whole = orjson.dumps({**told, "series": found}, option=orjson.OPT_SERIALIZE_NUMPY)
        await payloads.put(redis, payloads.RESULT, str(arguments["job_id"]), payloads.packed(whole))
    return orjson.loads(whole) if len(whole) <= SMALL_BYTES else told


def forecast_all(wanted: AdhocRequest, progress: Progress) -> list[Answer]:
    """One answer a series, in the order they came: a forecast, or why there is none."""
    progress.report("reading", 0, 1)
    given = wanted.series
    if given is None:
        given = own_input.series_of_rows(wanted.rows or [], wanted.freq, wanted.horizon)
    answers: dict[int, Answer] = {}
    usable: dict[int, Own] = {}
    seen: set[str] = set()
    for at, one in enumerate(given):
        name = str(one.get("id", one.get("unique_id", at)))
        try:
            own = own_input.checked(one, wanted.freq, wanted.horizon)
            if own.id in seen:
                raise InvalidParameters(f"Another series before it is called {own.id!r} too.", parameter="id")
            seen.add(own.id)
            usable[at] = own
        except AppError as fault:
            answers[at] = _refused(name, fault)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for at, own in usable.items():
        groups.setdefault((own.kind, own.whole, tuple(sorted(own.past)), tuple(sorted(own.future))), []).append(at)
    for done, group in enumerate(groups.values()):
        progress.report("forecasting", done, len(groups))
        found = _fitted([usable[at] for at in group], wanted)
        answers |= dict(zip(group, found, strict=True))
    progress.report("forecasting", 1, 1)
    return [answers[at] for at in range(len(given))]


def _refused(name: str, fault: AppError) -> Answer:
    return {"id": name, "ok": False, "error": {"code": fault.code, "message": fault.message, "details": fault.details}}


def _fitted(group: Sequence[Own], wanted: AdhocRequest) -> list[Answer]:
    """The answers of series that are fitted together; when that fails, of each half, down to the one that fails alone."""
    try:
        return _together(group, wanted)
    except Exception as fault:
        if len(group) > 1:
            half = len(group) // 2
            return [*_fitted(group[:half], wanted), *_fitted(group[half:], wanted)]
        if not isinstance(fault, AppError):
            log.error("series_not_fitted", exc_info=fault)
            fault = AppError("This series cannot be fitted: a fault of ours, which the worker's log names.")
        return [_refused(group[0].id, fault)]


def _together(group: Sequence[Own], wanted: AdhocRequest) -> list[Answer]:
    from rfid3_demand.model import diagnosis, fit_forecast, own_series
    from rfid3_shared.series import parse_frequency

    frequency = parse_frequency(wanted.freq)
    frame, ahead = _frames(group, frequency.name, wanted.horizon)
    built = own_series.build(frame, frequency, wanted.season or frequency.season, wanted.horizon, None, ahead)
    result = fit_forecast(built.panel, wanted.horizon, levels=tuple(wanted.levels), ensemble_only=True)
    found = diagnosis.diagnose(built.panel.y, frequency.step, (built.panel.season,))
    place = {name: k for k, name in enumerate(built.panel.ids)}
    return [
        _answer(own, place[own.id], found, result, wanted) if own.id in place
        else _refused(own.id, InvalidParameters(built.refused.get(own.id, "This series cannot be read."), series=own.id))
        for own in group
    ]  # fmt: skip


def _frames(group: Sequence[Own], freq: str, horizon: int) -> tuple[Any, Any]:
    """The long frames of `own_series.build`: past, and the regressors ahead or None."""
    import polars as pl

    from rfid3_demand.model.own_series import next_stamps
    from rfid3_shared.series import parse_frequency

    kind: Any = {"date": pl.Date, "datetime": pl.Datetime("us"), "int": pl.Int64}[group[0].kind]
    columns: dict[str, Any] = {
        "unique_id": [own.id for own in group for _ in own.ds],
        "ds": pl.Series([stamp for own in group for stamp in own.ds], dtype=kind),
        "y": pl.Series([value for own in group for value in own.y], dtype=pl.Float64),
    }
    for name in group[0].past:
        columns[name] = pl.Series([value for own in group for value in own.past[name]], dtype=pl.Float64)
    if not group[0].future:
        return pl.DataFrame(columns), None
    steps = {own.id: next_stamps(own.ds[-1], parse_frequency(freq), horizon) for own in group}
    coming: dict[str, Any] = {
        "unique_id": [own.id for own in group for _ in range(horizon)],
        "ds": pl.Series([stamp for own in group for stamp in steps[own.id]], dtype=kind),
    }
    for name in group[0].future:
        coming[name] = pl.Series([value for own in group for value in own.future[name]], dtype=pl.Float64)
    return pl.DataFrame(columns), pl.DataFrame(coming)


def _answer(own: Own, k: int, found: Diagnosis, result: Forecast, wanted: AdhocRequest) -> Answer:
    from rfid3_demand.model import diagnosis
    from rfid3_demand.model.own_series import next_stamps, stamp_before
    from rfid3_shared.series import parse_frequency

    variant, steps = result.variants["ensemble"], int(result.max_horizon[k])
    warnings = list(own.warnings)
    known = np.array([value for value in own.y if value is not None], float)
    if steps < wanted.horizon:
        warnings.append(
            f"{len(known)} values support a forecast of {steps} steps: the other {wanted.horizon - steps} are not given."
        )
    stamps = [_written(stamp, own.zoned) for stamp in next_stamps(own.ds[-1], parse_frequency(wanted.freq), wanted.horizon)]
    length, frequency = found.length, parse_frequency(wanted.freq)
    kept = diagnosis.values(found, k, lambda at: _written(stamp_before(own.ds[-1], frequency, length - 1 - at), own.zoned))
    quantiles = np.asarray(variant.quantiles[k, :steps], float)
    if own.whole:
        quantiles = np.maximum(np.rint(quantiles), 0.0)
    names = [f"{level:g}" for level in wanted.levels]
    return {
        "id": own.id,
        "ok": True,
        "forecast": [
            {
                "ds": stamps[h],
                "mean": _short(variant.mean[k, h]),
                "quantiles": dict(zip(names, map(_short, quantiles[h]), strict=True)),
            }
            for h in range(steps)
        ],
        "kind": "constant" if len(known) > 1 and (known == known[0]).all() else kept["kind"],
        "diagnosis": findings.told(kept, frequency.step),
        "sufficiency": result.sufficiency[k],
        "supported_steps": steps,
        "observations": len(known),
        "weights": {name: round(float(share[k]), 4) for name, share in variant.weights.items() if share[k] > 0},
        "warnings": warnings,
    }


def _short(value: Any) -> float:
    """Seven significant digits: what is beyond is the rounding of 32-bit numbers."""
    return float(f"{float(value):.7g}")


def _written(stamp: Any, zoned: bool) -> str | int:
    """A step as the input wrote it."""
    if isinstance(stamp, datetime):
        return stamp.isoformat() + ("Z" if zoned else "")
    return stamp.isoformat() if isinstance(stamp, date) else int(stamp)
