"""What does the demand service say of the coming weeks: which classes may run short, and how does demand change by category?

Two questions list classes and categories; a third asks for the forecasts of the classes that may run short. Its answer is kept as long
as the same version of the models gives the same list, so that a page that many look at does not fill the ledger with the same rows.
"""

from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from rfid3_gateway.dashboard.optimization import WEEKS
from rfid3_gateway.dashboard.shortage import INTERVAL_LEVEL, Shortage, shortage_of
from rfid3_gateway.insights import BY_CATEGORY, BY_CLASS, MANY, Found, ask_all, basis
from rfid3_gateway.parts import Parts

LEAST_RISK = 0.1
"""Chance of running short from which a class is looked at."""
MOST_CLASSES, MOST_CATEGORIES, MOST_KEPT = 60, 200, 16


@dataclass(frozen=True)
class Outlook:
    """What was said; None for what was not, and then the reason stands in the caller's `missing`."""

    shortages: list[Shortage] | None = None
    series: list[dict[str, Any]] | None = None
    """Demand by category as the demand service lists it."""
    meta: dict[str, Any] = field(default_factory=dict)


class Coming:
    """Asks the demand service on behalf of whoever looks at the page."""

    def __init__(self, held: Parts, deadline_s: float) -> None:
        self._held, self._deadline_s = held, deadline_s
        self._kept: OrderedDict[bytes, Found] = OrderedDict()

    async def ask(
        self, scope: MutableMapping[str, Any], store: str, categories: Mapping[str, str], missing: dict[str, str]
    ) -> Outlook:  # fmt: skip
        """The outlook of a store, or of `all`. categories: rental class to category; a class without one stands for itself.

        Raises KeyError, TypeError or ValueError for an answer of another shape than the demand service gives.
        """
        listing = {"weeks": WEEKS, "store": store, "confidence_level": INTERVAL_LEVEL, "sort": "demand"}
        questions = {
            BY_CLASS: {**listing, "level": "class", "min_stockout_probability": LEAST_RISK, "limit": MOST_CLASSES},
            BY_CATEGORY: {**listing, "level": "category", "limit": MOST_CATEGORIES},
        }
        about = {} if store == "all" else {"store": store}
        listed = await ask_all(self._held, scope, questions, about, self._deadline_s)
        risky, by_category = listed[BY_CLASS], listed[BY_CATEGORY]
        if risky.data is None or by_category.data is None:
            reason = str(risky.reason or by_category.reason)
            missing.update(dict.fromkeys(("high_demand_categories", "seasonal_adjustments", "financial_impact"), reason))
            return Outlook()
        items, series, meta = risky.data["items"], by_category.data["items"], basis(by_category)
        found = await self._forecasts(scope, [_question(at, one, store) for at, one in enumerate(items)], about, risky)
        if found.data is None:
            missing.update(dict.fromkeys(("high_demand_categories", "financial_impact"), str(found.reason)))
            return Outlook(None, series, meta)
        return Outlook(_shortages(items, found.data["results"], categories), series, meta)

    async def _forecasts(
        self, scope: MutableMapping[str, Any], asked: list[dict[str, Any]], about: Mapping[str, str], listed: Found
    ) -> Found:  # fmt: skip
        """The forecasts of the classes listed, kept by version and question; who may see the list may see them."""
        if not asked:
            return Found({"results": {}})
        key = orjson.dumps([listed.meta.get("model_version"), asked])
        if key not in self._kept:
            found = (await ask_all(self._held, scope, {MANY: {"queries": asked}}, about, self._deadline_s))[MANY]
            if found.data is None or found.meta.get("model_version") != listed.meta.get("model_version"):
                return found
            self._kept[key] = found
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _question(at: int, one: Mapping[str, Any], store: str) -> dict[str, Any]:
    return {
        "key": str(at), "rental_class": one["name"], "store": store, "weeks": len(one["forecast"]),
        "confidence_level": INTERVAL_LEVEL,
    }  # fmt: skip


def _shortages(items: list[dict[str, Any]], results: Mapping[str, Any], categories: Mapping[str, str]) -> list[Shortage]:
    found = []
    for at, one in enumerate(items):
        result = results.get(str(at), {})
        if result.get("ok") is True:
            category = categories.get(one["name"]) or one["label"]
            found.append(shortage_of(one["name"], one["label"], category, result["data"]))
    return [one for one in found if one is not None]
