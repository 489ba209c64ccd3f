"""How do RFID3's alerts and the suite's become one list? Critical first, then newest; texts without markup. Pure.

The plan that named this list sorted descending on a rank in which critical is 0, so that the least came first (T-44).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rfid3_gateway.integrated.health_alerts import SEVERITIES, HealthAlert
from rfid3_gateway.plain import plain
from rfid3_shared.monitor import Alert
from rfid3_shared.monitor.tables import OF_ITEM

OF_LEVEL = {"critical": "critical", "warning": "medium", "info": "low"}
"""Severity of a monitor's level."""
OLDEST = datetime.min.replace(tzinfo=UTC)


def merged(health: Iterable[HealthAlert], predictive: Iterable[Alert], zone: ZoneInfo, limit: int) -> list[dict[str, Any]]:
    """The worst of both, newest first within a severity; times in UTC."""
    rows = [*(_health(one, zone) for one in health), *(_predictive(one) for one in predictive)]
    rows.sort(key=lambda row: (SEVERITIES.index(row[1]["severity"]), -(row[0] - OLDEST).total_seconds(), row[1]["id"]))
    return [row for _, row in rows[:limit]]


def counts(health: Mapping[str, int], predictive: Mapping[str, int]) -> dict[str, int]:
    """The summary over all alerts, shown or not. health: RFID3's by severity; predictive: the suite's by level."""
    existing, ours = sum(health.values()), sum(predictive.values())
    critical = health.get("critical", 0) + sum(n for level, n in predictive.items() if OF_LEVEL.get(level) == "critical")
    return {
        "total_alerts": existing + ours, "critical_alerts": critical, "predictive_alerts": ours, "existing_alerts": existing
    }  # fmt: skip


def _health(one: HealthAlert, zone: ZoneInfo) -> tuple[datetime, dict[str, Any]]:
    severity = (one.severity or "").strip().lower()
    at = one.created_at.replace(tzinfo=zone).astimezone(UTC) if one.created_at else None
    kind = plain(one.alert_type).replace("_", " ") or "alert"
    action = plain(one.suggested_action)
    return at or OLDEST, {
        "id": f"health_{one.id}", "type": "existing_system", "severity": severity if severity in SEVERITIES else "low",
        "message": f"{kind[0].upper()}{kind[1:]}: {action}" if action else f"{kind[0].upper()}{kind[1:]}.",
        "item_id": plain(one.tag_id).strip() or None, "created_at": _iso(at), "source": "inventory_health_alerts",
        "rental_class": plain(one.rental_class).strip() or None,
    }  # fmt: skip


def _predictive(one: Alert) -> tuple[datetime, dict[str, Any]]:
    return one.opened_at, {
        "id": f"pred_{one.id}", "type": "predictive", "severity": OF_LEVEL.get(one.level, "low"), "message": plain(one.message),
        "item_id": plain(one.subject) if one.monitor == OF_ITEM else None, "created_at": _iso(one.opened_at),
        "source": plain(f"{one.service}/{one.monitor}"), "rental_class": None,
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
