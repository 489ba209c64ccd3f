"""How many units will each class, store and period need, and how sure are we?

Rooms, in reading order: panel (shapes) · seasonal · yearly_shape · naive · smoothing · window_regression · intermittent ·
tree_features · tree_paths · past · method · plain_form · calendar_terms · regressor_paths ·
whitening · interventions · regression · engine · global_tree · candidates · ensemble · stacking · prior_shares · booking_curve ·
drift_ratio · pickup · reconcile · error_models · scenarios · negative_binomial · intervals · contributions · backtest · nodes · learned ·
variants · budget · probe · fit · incremental; season_check, deseasoned, level_shifts, trend_check and diagnosis say
what a series is like; own_series (with
own_checks, own_regressors, stamp_zones) turns anybody's table into a panel, for the command.
`fit_forecast` is loaded on first use, because LightGBM must never reach a process that only answers.
"""

from typing import TYPE_CHECKING, Any

from rfid3_demand.model.panel import LEVELS, Forecast, Hierarchy, Panel, Variant

if TYPE_CHECKING:
    from rfid3_demand.model.fit import fit_forecast
    from rfid3_demand.model.incremental import refresh

__all__ = ["LEVELS", "Forecast", "Hierarchy", "Panel", "Variant", "backtest_levels", "fit_forecast", "refresh"]


def backtest_levels() -> tuple[float, ...]:
    """Quantile levels that the back-test's table stores."""
    from rfid3_demand.model.backtest import BACKTEST_LEVELS

    return BACKTEST_LEVELS


def __getattr__(name: str) -> Any:
    if name == "fit_forecast":
        from rfid3_demand.model.fit import fit_forecast as function

        return function
    if name == "refresh":
        from rfid3_demand.model.incremental import refresh

        return refresh
    raise AttributeError(name)
