"""What do the answers look like? Calibration, survival beside Kaplan–Meier, remaining time against truth. Draws; computes little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rfid3_maintenance.evaluation import brier, calibration, kaplan_meier
from rfid3_maintenance.evaluation.cross_validation import Race
from rfid3_maintenance.unit_history.alerts import known_by

COLOURS = ("#0b6e4f", "#9a9a9a", "#3b6ea5", "#c77d2e")
MOST_POINTS = 4000


def write_all(race: Race, folder: Path, title: str) -> list[Path]:
    """PNGs in the folder: calibration.png, and where time has a course survival.png and remaining.png."""
    drawn = [("calibration", _calibration, len(race.horizons))]
    if race.reading != "single":
        drawn += [("survival", _survival, 1), ("remaining", _remaining, 1)]
    return [_drawn(race, folder / f"{name}.png", title, draw, panels) for name, draw, panels in drawn]


def _drawn(race: Race, path: Path, title: str, draw: Any, panels: int) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * panels + 1, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    draw(race, figure.subplots(1, panels, squeeze=False)[0])
    figure.savefig(path, dpi=110, format="png")
    return path


def _calibration(race: Race, axes: Any) -> None:
    after, event = race.given.after_days, race.given.event
    grid = np.array(race.grid)
    for axis, horizon in zip(axes, race.horizons, strict=True):
        _, failed = known_by(after, event, horizon)
        weight = brier.weights(after, event, horizon)
        axis.plot([0, 1], [0, 1], linestyle=":", color="#555555")
        for each, colour in zip((one for one in race.results if not one.fault), COLOURS, strict=False):
            chance = 1.0 - each.survival[:, int(np.flatnonzero(grid == horizon)[0])]
            points = calibration.curve(chance, failed, weight)
            axis.plot(points[:, 0], points[:, 1], marker="o", markersize=4, color=colour, label=each.contender.name)
        axis.set_title(f"within {horizon:g}", fontsize=10)
        axis.set_xlabel("chance told")
        axis.set_ylabel("share that failed")
        axis.legend(fontsize=8)


def _survival(race: Race, axes: Any) -> None:
    after, event = race.given.after_days, race.given.event
    steps = kaplan_meier.estimate(after, event)
    axis = axes[0]
    axis.step(
        np.r_[0, steps.times], np.r_[1, steps.survival], where="post", color="black", label="what happened (Kaplan–Meier)"
    )
    for each, colour in zip((one for one in race.results if not one.fault), COLOURS, strict=False):
        mean = each.survival.mean(axis=0)
        axis.plot(np.r_[0, race.grid], np.r_[1, mean], color=colour, label=f"{each.contender.name}, mean of what was told")
    axis.set_xlabel("time after the moment asked about")
    axis.set_ylabel("share still running")
    axis.set_ylim(0, 1.02)
    axis.legend(fontsize=8)


def _remaining(race: Race, axes: Any) -> None:
    rows = np.flatnonzero(race.given.event)
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int)]
    truth, ours = race.given.after_days[rows], race.results[0]
    rul = ours.rul[rows]
    far = race.cap or float(truth.max(initial=1.0))
    order = np.argsort(truth, kind="stable")
    axis = axes[0]
    low, high = np.minimum(rul[order, 0], far), np.minimum(rul[order, 2], far)
    axis.vlines(truth[order], low, high, color="#7fb69e", alpha=0.15, linewidth=1)
    axis.scatter(
        np.minimum(truth, far), np.minimum(rul[:, 1], far), s=4, color=COLOURS[0], label="median, 80 % interval behind"
    )
    axis.plot([0, far], [0, far], linestyle=":", color="#555555")
    axis.set_xlim(0, far)
    axis.set_xlabel("time that was left")
    axis.set_ylabel("time told")
    axis.legend(fontsize=8)
