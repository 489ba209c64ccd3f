"""What was, what comes, and what can be done about it: history, forecast, bands, stock and events of one series or of many. Pure.

The forecast is that of `predict.forecast`, number for number, so both are the same rows of the ledger.
"""

import math
from typing import Any

import numpy as np

from rfid3_demand import findings, performance, predict, resolve
from rfid3_demand.bands import interval
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.schemas import ForecastQuery, SeriesQuery
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot

INNER_LEVEL = 0.5
"""Level of the band that is shown besides the one asked for."""


def place_of(snapshot: Snapshot, row: int) -> dict[str, str]:
    """Level, name, label and store of a series."""
    place = snapshot.spec.nodes[row]
    return {"level": place["level"], "name": place["name"], "label": snapshot.spec.labels[row], "store": place["store"]}


def view(
    served: Served, query: ForecastQuery, said: dict[str, Any], history_weeks: int, band_levels: tuple[float, ...]
) -> dict[str, Any]:
    """The `data` of GET /demand/series for one series, but for the ids of its predictions.

    said: what `predict.forecast` gives for the same query. band_levels: wide ones first.
    """
    snapshot, spec = served.snapshot, served.spec
    row = resolve.node(snapshot, query)[1]
    _, quantiles = predict.distribution(served, predict.variant_of(snapshot, query.model_type), row, query)
    bands = {level: interval(quantiles, spec.levels, level) for level in band_levels}
    begun, rows = served.in_progress(row), np.array([row])
    booked, stock = served.booked(rows, query.weeks)[0], served.at_hand(rows, query.weeks)[0]
    return {
        "series": place_of(snapshot, row),
        "history": _history(snapshot, row, history_weeks),
        "forecast": [
            {
                "week_starting": week["week_starting"],
                "mean": week["predicted_demand"],
                "bands": [
                    {"level": level, "lower": round(float(low[k]), 4), "upper": round(float(high[k]), 4)}
                    for level, (low, high) in bands.items()
                ],
                "stock_available": _known(stock[k]),
                "booked": _known(booked[k]),
                "stockout_risk": week["business_impact"]["stockout_risk"],
                "events": served.holiday_names[k],
                "observed_so_far": week.get("observed_so_far"),
            }
            for k, week in enumerate(said["predictions"])
        ],
        "interval_level": query.confidence_level,
        "units_in_service": round(float(served.fleet(rows)[0]), 4),
        "week_in_progress": None if begun is None else {
            "week_starting": served.weeks[0], "observed_so_far": begun[0], "share_ahead": round(begun[1], 4),
        },
        "past_events_known": bool(spec.past_holiday_names),
        "diagnosis": findings.told(spec.diagnosis[row], "1w") if spec.diagnosis else None,
        **{name: said[name] for name in ("model_ensemble", "basis", "recommendations", "advice")},
    }  # fmt: skip


def band_levels(confidence_level: float) -> tuple[float, ...]:
    """Levels of the bands an answer shows, wide ones first."""
    return tuple(sorted({confidence_level, INNER_LEVEL}, reverse=True))


def _known(value: Any) -> float | None:
    """The number, or None where nobody knows it."""
    return round(float(value), 4) if math.isfinite(float(value)) else None


def _history(snapshot: Snapshot, row: int, weeks: int) -> list[dict[str, Any]]:
    past, named = snapshot.past_weeks, snapshot.spec.past_holiday_names
    first = max(0, len(past) - weeks)
    return [
        {
            "week_starting": past[k],
            "units": _known(snapshot.history[row, k]),
            "refused_estimate": _known(snapshot.refused[row, k]),
            "events": named[k] if named else [],
        }
        for k in range(first, len(past))
    ]


def page(served: Served, query: SeriesQuery) -> tuple[list[tuple[int, ForecastQuery]], dict[str, Any]]:
    """The rows of a page, each with the question it answers, and the page's `data` without `items`.

    Raises UnknownCategory, UnknownStore, UnknownClass, InvalidParameters, ModelUnavailable.
    """
    snapshot = served.snapshot
    rows = np.array(below(snapshot, query), int)
    rows = rows[served.supported(rows) > 0]
    variant = predict.variant_of(snapshot, query.model_type)
    figures = _figures(served, rows, variant, query)
    keep = np.ones(len(rows), bool)
    if query.search is not None:
        wanted = query.search.casefold()
        keep &= np.array([any(wanted in text for text in _texts(snapshot, row)) for row in rows.tolist()], bool)
    if query.min_demand is not None:
        keep &= figures["demand"] >= query.min_demand
    if query.min_stockout_probability is not None:
        # an unknown chance passes no filter
        keep &= np.nan_to_num(figures["stockout_risk"], nan=-1.0) >= query.min_stockout_probability
    order = np.flatnonzero(keep)
    if query.sort == "name":
        names = [(*_texts(snapshot, int(rows[at])), snapshot.spec.nodes[rows[at]]["store"]) for at in order]
        order = order[sorted(range(len(order)), key=names.__getitem__, reverse=query.order == "desc")]
    else:
        found = figures[query.sort][order]
        found = found if query.order == "asc" else -found
        order = order[np.argsort(found, kind="stable")]  # NaN sorts last either way
    shown = rows[order[query.offset : query.offset + query.limit]].tolist()
    end = query.offset + len(shown)
    nothing = query.search is not None and not len(order)
    return [(row, question(served, row, query)) for row in shown], {
        "total": len(order), "limit": query.limit, "offset": query.offset,
        "next_offset": end if shown and end < len(order) else None, "interval_level": query.confidence_level,
        "suggestions": resolve.suggestions(query.search or "", [snapshot.spec.labels[row] for row in rows]) if nothing else [],
    }  # fmt: skip


def listed(served: Served, row: int, query: ForecastQuery, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """One series of a page, but for the ids of its predictions; `predictions` as `predict.weeks_of` gives them for the query."""
    snapshot, rows = served.snapshot, np.array([row])
    figures = _figures(served, rows, predict.variant_of(snapshot, query.model_type), query)
    return {
        **place_of(snapshot, row),
        **{name: _known(values[0]) for name, values in figures.items()},
        "stock_available": _known(served.at_hand(rows, 1)[0, 0]),
        "sufficiency": snapshot.spec.sufficiency[row],
        "supported_weeks": int(served.supported(rows)[0]),
        "forecast": [
            {"week_starting": week["week_starting"], "mean": week["predicted_demand"], "lower": week["confidence_lower"],
             "upper": week["confidence_upper"]}
            for week in predictions
        ],
    }  # fmt: skip


def _texts(snapshot: Snapshot, row: int) -> tuple[str, str]:
    return snapshot.spec.labels[row].casefold(), snapshot.spec.nodes[row]["name"].casefold()


def below(snapshot: Snapshot, query: SeriesQuery) -> list[int]:
    """The nodes of the level asked for in the store asked for that the category and subcategory hold, those with a history.

    Raises UnknownCategory, UnknownStore, UnknownClass, InvalidParameters.
    """
    store, within = resolve.store(snapshot, query.store), resolve.category(snapshot, query.category)
    inside = Node("category" if within != ALL else ALL, within, store)
    if query.subcategory is not None:
        inside = resolve.node(snapshot, query.model_copy(update={"level": None}))[0]
    names = {snapshot.spec.bottom[row][str(query.level)] for row in snapshot.bottom_of(inside)}
    nodes = (Node(str(query.level), name, store) for name in names)
    rows = [snapshot.rows[node] for node in nodes if node in snapshot.rows]
    return sorted(row for row in rows if snapshot.spec.max_horizon_weeks[row] > 0 and snapshot.spec.sufficiency[row] != "none")


def question(served: Served, row: int, query: ForecastQuery) -> ForecastQuery:
    """The single forecast that a listed series shows."""
    snapshot, place = served.snapshot, served.spec.nodes[row]
    level, name = place["level"], place["name"]
    within: dict[str, Any] = {"category": ALL, "subcategory": None, "rental_class": None}
    if level == "class":
        within["rental_class"] = name
    elif level != ALL:
        above = snapshot.spec.bottom[snapshot.bottom_of(Node(level, name, place["store"]))[0]]["category"]
        within |= {"category": above, "subcategory": name.removeprefix(f"{above} / ") if level == "subcategory" else None}
    shared = query.model_dump(include={"confidence_level", "include_external_factors", "model_type"})
    weeks = min(query.weeks, int(served.supported(np.array([row]))[0]))
    return ForecastQuery.model_construct(**shared, **within, weeks=weeks, store=place["store"])


def _figures(served: Served, rows: np.ndarray, variant: int, query: ForecastQuery) -> dict[str, np.ndarray]:
    """demand, change, stockout_risk and accuracy of each row over the weeks its history supports, (n,); NaN = not known."""
    snapshot = served.snapshot
    shown: np.ndarray = np.minimum(query.weeks, served.supported(rows))
    inside: np.ndarray = np.arange(min(query.weeks, len(served.weeks)))[None, :] < shown[:, None]
    mean = predict.means_of(served, variant, rows, inside.shape[1], query.include_external_factors)
    demand = np.where(inside, np.nan_to_num(mean), 0.0).sum(axis=1)
    past = np.asarray(snapshot.history[rows], float)
    lately: np.ndarray = np.arange(past.shape[1], 0, -1)[None, :] <= shown[:, None]
    before = np.where(lately & np.isfinite(past), past, 0.0).sum(axis=1)
    enough = (lately & np.isfinite(past)).sum(axis=1) == shown
    chance = np.where(inside, served.stockout(rows, inside.shape[1]), np.nan)
    known = np.asarray(np.isfinite(chance).any(axis=1))
    return {
        "demand": demand,
        "change": np.where(enough & (before > 0), demand / np.where(before > 0, before, 1.0) - 1.0, np.nan),
        "stockout_risk": np.where(known, np.nanmax(np.where(known[:, None], chance, 0.0), axis=1, initial=0.0), np.nan),
        "accuracy": np.array([_accuracy(snapshot, row, variant) for row in rows.tolist()], float),
    }


def _accuracy(snapshot: Snapshot, row: int, variant: int) -> float:
    """1 − WAPE of the node's back-test, not below 0; NaN where nothing was tested."""
    key = ("accuracy", row, variant)
    if key not in snapshot.kept:
        tested = performance.tested(snapshot, row, snapshot.spec.variants[variant])
        found = performance.accuracy(tested.actual, tested.mean) if len(tested.actual) else None
        snapshot.kept[key] = math.nan if found is None else found
    return float(snapshot.kept[key])
