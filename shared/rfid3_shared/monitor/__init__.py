"""Do live predictions still keep their promises? Sequential monitors whose false-alarm rate holds however often one looks.

`martingale`, `drift`, `feature_spec`, `freshness` and `findings` are pure; `alerts` keeps what is wrong; `watch` runs all of them for a
service. Only `alerts` is imported with the package: the others need numpy, which many processes do without.
"""

from rfid3_shared.monitor.alerts import (
    Alert,
    close_alert,
    count_alert_levels,
    count_alerts,
    get_alert,
    list_alerts,
    note_retrain,
    raise_alert,
)

__all__ = [
    "Alert", "close_alert", "count_alert_levels", "count_alerts", "get_alert", "list_alerts", "note_retrain", "raise_alert",
]  # fmt: skip
