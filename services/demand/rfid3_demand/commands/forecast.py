"""How do I use this on a CSV of my own? `rfid3 demand forecast`: no server, no database, nothing about rentals."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl
import typer

from rfid3_demand.commands import found
from rfid3_demand.commands.series_csv import read_series
from rfid3_shared.errors import AppError, InvalidParameters
from rfid3_shared.series import KEY, TIME, parse_frequency

if TYPE_CHECKING:
    from rfid3_demand.model.own_series import OwnSeries
    from rfid3_demand.model.panel import Forecast

DEFAULT_QUANTILES = "0.025,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,0.975"
BAD_INPUT = 2
MOST_NAMED = 20


def forecast(
    input: Annotated[
        Path,
        typer.Option("--input", "-i", help="CSV (or .csv.gz) with columns unique_id, ds, y; further columns are regressors."),
    ],
    freq: Annotated[str, typer.Option("--freq", help="h, D, W, W-MON, MS, QS or YS, as statsforecast writes them.")],
    horizon: Annotated[int, typer.Option("--horizon", min=1, help="Steps to forecast after each series' own last date.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV to write: unique_id, ds, mean, q_0.1, …")],
    season: Annotated[
        int | None, typer.Option("--season", min=1, help="Steps in a season; by default that of the frequency (W: 52).")
    ] = None,
    quantiles: Annotated[
        str, typer.Option("--quantiles", help="Levels between 0 and 1, separated by commas.")
    ] = DEFAULT_QUANTILES,
    future: Annotated[
        Path | None, typer.Option("--future", help="CSV with unique_id, ds and the regressors over the horizon.")
    ] = None,
    fill_gaps: Annotated[
        str | None,
        typer.Option(
            "--fill-gaps", help="Dates missing inside a series: zero | interpolate | error. Counts: zero, others: interpolate."
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0.1, help="Seconds for the forecast; dear methods are left out first.")
    ] = None,
    diagnosis: Annotated[
        Path | None, typer.Option("--diagnosis", help="CSV to write: per series kind, seasons, trend and level shifts found.")
    ] = None,
) -> None:
    """Forecast every series of a CSV, with intervals that hold.

    Example: rfid3 demand forecast --input sales.csv --freq W-MON --horizon 13 --output next_quarter.csv

    Whole numbers >= 0 are taken as counts: their quantiles are whole numbers and never negative. Regressors without --future
    are used as far as they are known. A faulty series is left out and named. Exit code 2 means that the input was refused; then
    nothing is written.

    What each series is like is told besides: kind of demand, seasons, trend, shifts of its level. Season, trend and shift are each
    told of about 1 in 100 series that lack it, a trend of 3 in 100 random walks; a level that wanders is told as shifts.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        parts, stamps = _run(input, freq, horizon, season, quantiles, future, fill_gaps, notes, budget)
        tables = [_table(series, stamps, result, freq, horizon) for series, result in parts]
        detected = found.detected([series for series, _ in parts], stamps)
        if diagnosis is not None:
            _write(detected, diagnosis)
        _write(pl.concat(tables, how="vertical_relaxed").sort(KEY, maintain_order=True), output)
    except AppError as error:
        notes.print(f"[red]Refused:[/red] {error.message}")
        raise typer.Exit(BAD_INPUT) from None
    for _, result in parts:
        _summary(result, output)
    for line in found.lines(detected):
        typer.echo(line)


def _run(
    path: Path,
    freq: str,
    horizon: int,
    season: int | None,
    quantiles: str,
    future: Path | None,
    fill_gaps: str | None,
    notes: Any,
    budget_s: float | None = None,
) -> tuple[list[tuple[OwnSeries, Forecast]], str | None]:
    """Read, check, fit; the notes say what was assumed and which series were left out. Counts and sizes are fitted apart."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_demand.model import fit_forecast, own_series

    levels = _levels(quantiles)
    frequency = parse_frequency(freq)
    if fill_gaps not in (None, "zero", "interpolate", "error"):
        raise InvalidParameters(f"--fill-gaps is zero, interpolate or error, not {fill_gaps!r}.", parameter="fill_gaps")
    hourly = frequency.step == "1h"
    frame, stamps = read_series(path, hourly=hourly)
    ahead = None
    if future is not None:
        ahead, _ = read_series(future, required=(KEY, TIME), hourly=hourly)
        if ahead.schema[TIME] != frame.schema[TIME]:
            raise InvalidParameters(f"ds is written differently in {future.name} and {path.name}.", column=TIME)
    chosen = season or frequency.season
    parts = own_series.build_parts(frame, frequency, chosen, horizon, fill_gaps, ahead)
    for series in parts:
        _tell(series, fill_gaps, notes)
    bar = Progress(TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), console=notes, transient=True)
    with bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            task = tasks.setdefault(stage, bar.add_task(stage, total=total) if stage not in tasks else tasks[stage])
            bar.update(task, completed=done, total=total)

        fitted = []
        for part in parts:
            # the time is shared by number of series
            share = None if budget_s is None else budget_s * len(part.panel.ids) / sum(len(p.panel.ids) for p in parts)
            fitted.append(
                (part, fit_forecast(part.panel, horizon, levels=levels, progress=tell, ensemble_only=True, budget_s=share))
            )
    for _, result in fitted:
        if result.notes.get("left_out"):
            notes.print(f"Note: in {budget_s:g} s there was no time for {', '.join(result.notes['left_out'])}.")
    return fitted, stamps


def _tell(series: OwnSeries, fill_gaps: str | None, notes: Any) -> None:
    """Say what was assumed about the series of one part, and name those that were left out."""
    if series.filled:
        how = fill_gaps or ("zero" if series.whole else "interpolate")
        notes.print(f"Note: {series.filled} dates are missing inside series and were filled ({how}); --fill-gaps changes that.")
    if series.panel.past:
        notes.print(
            f"Note: {', '.join(series.panel.past)} known for the past only (no future values given): forecast, with its errors."
        )
    for note in series.notes:
        notes.print(f"Note: {note}.")
    named = list(series.refused.values())
    for reason in named[:MOST_NAMED]:
        notes.print(f"[yellow]Left out:[/yellow] {reason}")
    if len(named) > MOST_NAMED:
        notes.print(f"[yellow]Left out:[/yellow] {len(named) - MOST_NAMED} further series.")


def _levels(text: str) -> tuple[float, ...]:
    try:
        levels = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise InvalidParameters(f"--quantiles are numbers separated by commas, not {text!r}.", parameter="quantiles") from None
    if not levels or not all(0 < level < 1 for level in levels):
        raise InvalidParameters("--quantiles lie between 0 and 1.", parameter="quantiles")
    return levels


def _table(series: OwnSeries, written: str | None, result: Forecast, freq: str, horizon: int) -> pl.DataFrame:
    """Columns unique_id, ds (as the input wrote it), mean, q_<level> …; sorted by unique_id and ds."""
    from rfid3_demand.model.own_series import next_stamps

    frequency = parse_frequency(freq)
    stamps = [stamp for last in series.last for stamp in next_stamps(last, frequency, horizon)]
    ensemble = result.variants["ensemble"]
    values = ensemble.quantiles.reshape(-1, len(result.levels)).astype(float)
    if series.whole:
        values = np.maximum(np.rint(values), 0.0)
    columns: dict[str, Any] = {
        KEY: np.repeat(np.array(result.nodes, dtype=object), horizon).tolist(),
        TIME: stamps if written is None else [stamp.strftime(written) for stamp in stamps],
        "mean": ensemble.mean.reshape(-1).astype(float),
    }
    for k, level in enumerate(result.levels):
        columns[f"q_{level:g}"] = values[:, k].astype(int) if series.whole and np.isfinite(values[:, k]).all() else values[:, k]
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float64).round_sig_figs(7))


def _write(table: pl.DataFrame, output: Path) -> None:
    """All or nothing: a half-written file never bears the name asked for."""
    if not output.parent.is_dir():
        raise InvalidParameters(f"There is no folder {output.parent}.", parameter="output")
    part = output.with_name(output.name + ".part")
    table.write_csv(part)
    os.replace(part, output)


def _summary(result: Forecast, output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{len(result.nodes)} series, {len(result.dates)} steps → {output}")
    for heading in ("kind of demand", "series", "WAPE", "seasonal naive", "last 4", "in 80 %", "in 95 %"):
        table.add_column(heading, justify="left" if heading == "kind of demand" else "right")
    for row in result.scores.iter_rows(named=True):
        cells = [row["wape"], row["naive_wape"], row["mean_4_wape"], row["coverage_80"], row["coverage_95"]]
        table.add_row(row["kind"], str(row["nodes"]), *("–" if cell is None else f"{cell:.1%}" for cell in cells))
    Console().print(table)
