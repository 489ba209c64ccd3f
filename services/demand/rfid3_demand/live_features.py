"""The feature job: how do the classes behave right now? Computed every few minutes from the latest scans and POS lines.

Values go to the feature store with the moment they speak of; the monitors hold them against what the model learned from. When
the source has moved on by a day, scoring is asked for, so that outcomes do not wait for the night.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np

from rfid3_demand import feature_drift, history, watching
from rfid3_demand.present.weekly import LONGEST_REST_WEEKS, WEEKLY
from rfid3_demand.settings import SERVICE, demand_settings
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict
from rfid3_shared.feature_store import FeatureValue, write_features
from rfid3_shared.jobs import Progress, enqueue_and_send
from rfid3_shared.resources import Resources, open_resources
from rfid3_shared.settings import Settings

HISTORY_DAYS = 7 * (LONGEST_REST_WEEKS + 6)


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Compute and keep live features, then watch them; returns {data_as_of, classes, values, findings, scoring_job_id}.

    Raises InsufficientData when the source says nothing about units leaving.
    """
    own = demand_settings(settings)
    async with open_resources(own) as held:
        progress.report("reading the source", 0, 1)
        async with transaction(held.source) as connection:
            past = await history.weekly(connection, held.clock, HISTORY_DAYS)
        week, names, values = feature_drift.live(past.units, past.span.last)
        rows = []
        if week is not None:
            # a week's features are known when its Sunday has passed in the shop
            known_at = datetime.combine(week + timedelta(days=7), time(), held.clock.zone).astimezone(UTC)
            rows = [
                FeatureValue(each.name, each.category, f"class:{number}", float(value), known_at, each.source, "weekly departures")
                for each in WEEKLY.features for number, value in zip(names, values[each.name], strict=True) if np.isfinite(value)
            ]  # fmt: skip
        async with transaction(held.store) as connection:
            changed = await write_features(connection, rows, held.clock)
        findings = await watching.look(held, own, past)
        job_id = await _score_once(held, str(past.span.last))
        progress.report("watching", 1, 1)
    return {
        "data_as_of": str(past.span.last), "classes": len(names), "values": len(rows), "changed": changed, "findings": findings,
        "scoring_job_id": job_id,
    }  # fmt: skip


async def _score_once(held: Resources, data_day: str) -> str | None:
    """Ask for scoring once a day of data; the job's id, or None while another scoring is active."""
    try:
        job = await enqueue_and_send(
            held.store, held.redis, held.clock, service=SERVICE, kind="score", arguments={}, requested_by="features",
            idempotency_key=f"score/{SERVICE}/{data_day}",
        )  # fmt: skip
    except Conflict:
        return None
    return job.id
