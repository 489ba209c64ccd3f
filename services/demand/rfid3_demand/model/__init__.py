"""How many units will each class, store and period need, and how sure are we?

Rooms, in reading order: panel (shapes) · seasonal · naive · smoothing · intermittent · tree_features · global_tree ·
candidates · ensemble · reconcile · negative_binomial · intervals · contributions · backtest · nodes · variants · fit;
own_series turns anybody's table into a panel, for the command.
`fit_forecast` is loaded on first use, because LightGBM must never reach a process that only answers.
"""

from typing import TYPE_CHECKING, Any

from rfid3_demand.model.panel import LEVELS, Forecast, Hierarchy, Panel, Variant

if TYPE_CHECKING:
    from rfid3_demand.model.fit import fit_forecast

__all__ = ["LEVELS", "Forecast", "Hierarchy", "Panel", "Variant", "backtest_levels", "fit_forecast"]


def backtest_levels() -> tuple[float, ...]:
    """Quantile levels that the back-test's table stores."""
    from rfid3_demand.model.backtest import BACKTEST_LEVELS

    return BACKTEST_LEVELS


def __getattr__(name: str) -> Any:
    if name == "fit_forecast":
        from rfid3_demand.model.fit import fit_forecast as function

        return function
    raise AttributeError(name)
