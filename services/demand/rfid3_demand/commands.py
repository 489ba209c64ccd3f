"""How do I use this on a CSV of my own? `rfid3 demand forecast`: no server, no database, nothing about rentals."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl
import typer

from rfid3_shared.errors import AppError, InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME, parse_frequency

if TYPE_CHECKING:
    from rfid3_demand.model.own_series import OwnSeries
    from rfid3_demand.model.panel import Forecast

app = typer.Typer(help="Forecast demand: what will go out in the next weeks?", no_args_is_help=True)

DEFAULT_QUANTILES = "0.025,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,0.975"
BAD_INPUT = 2
_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d",
)


@app.callback()
def demand() -> None:
    """Forecast demand: what will go out in the next weeks?"""


@app.command()
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
) -> None:
    """Forecast every series of a CSV, with intervals that hold.

    Example: rfid3 demand forecast --input sales.csv --freq W-MON --horizon 13 --output next_quarter.csv

    Whole numbers >= 0 are taken as counts: their quantiles are whole numbers and never negative. Regressors without --future
    are used
    as far as they are known. Exit code 2 means that the input was refused; then nothing is written.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        series, stamps, result = _run(input, freq, horizon, season, quantiles, future, fill_gaps, notes)
        _write(_table(series, stamps, result, freq, horizon), output)
    except AppError as error:
        notes.print(f"[red]Refused:[/red] {error.message}")
        raise typer.Exit(BAD_INPUT) from None
    _summary(result, output)


def _run(
    path: Path,
    freq: str,
    horizon: int,
    season: int | None,
    quantiles: str,
    future: Path | None,
    fill_gaps: str | None,
    notes: Any,
) -> tuple[OwnSeries, str | None, Forecast]:
    """Read, check, fit; the notes say what was assumed."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_demand.model import fit_forecast, own_series

    levels = _levels(quantiles)
    frequency = parse_frequency(freq)
    if fill_gaps not in (None, "zero", "interpolate", "error"):
        raise InvalidParameters(f"--fill-gaps is zero, interpolate or error, not {fill_gaps!r}.", parameter="fill_gaps")
    frame, stamps = read_series(path)
    ahead = None
    if future is not None:
        ahead, _ = read_series(future, required=(KEY, TIME))
        if ahead.schema[TIME] != frame.schema[TIME]:
            raise InvalidParameters(f"ds is written differently in {future.name} and {path.name}.", column=TIME)
    chosen = season or frequency.season
    series = own_series.build(frame, frequency, chosen, horizon, fill_gaps, ahead)
    if series.filled:
        how = fill_gaps or ("zero" if series.whole else "interpolate")
        notes.print(f"Note: {series.filled} dates are missing inside series and were filled ({how}); --fill-gaps changes that.")
    if series.panel.past:
        notes.print(f"Note: {', '.join(series.panel.past)} known for the past only (no future values given): used as lags.")
    bar = Progress(TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn(), console=notes, transient=True)
    with bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            task = tasks.setdefault(stage, bar.add_task(stage, total=total) if stage not in tasks else tasks[stage])
            bar.update(task, completed=done, total=total)

        result = fit_forecast(series.panel, horizon, levels=levels, progress=tell)
    return series, stamps, result


def read_series(path: Path, required: tuple[str, ...] = (KEY, TIME, TARGET)) -> tuple[pl.DataFrame, str | None]:
    """A long frame from a CSV and the format its dates are written in (None: whole numbers).

    Columns: unique_id (text), ds (date, datetime or int), y and regressors (float; words become codes).
    Raises InvalidParameters naming line and column of the first fault.
    """
    if not path.is_file():
        raise InvalidParameters(f"There is no file {path}.", parameter="input")
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError:
        raise _ragged(path) from None
    raw = raw.rename({name: name.strip().lstrip("\ufeff") for name in raw.columns})
    missing = [name for name in required if name not in raw.columns]
    if missing:
        raise InvalidParameters(
            f"{path.name}, line 1: column {', '.join(missing)} is missing; found {', '.join(raw.columns)}.", missing=missing
        )
    if raw.is_empty():
        raise InvalidParameters(f"{path.name} has no rows below its header.", parameter="input")
    _no_blank(raw, KEY, path)
    _no_blank(raw, TIME, path)
    stamps, written = _parse_stamps(raw[TIME].str.strip_chars(), path)
    others = [name for name in raw.columns if name not in (KEY, TIME)]
    numbers = [_parse_numbers(raw[name], path, words_allowed=name != TARGET) for name in others]
    return pl.DataFrame([raw[KEY], stamps, *numbers]), written


def _parse_stamps(text: pl.Series, path: Path) -> tuple[pl.Series, str | None]:
    whole = text.cast(pl.Int64, strict=False)
    if whole.is_not_null().all():
        return whole.alias(TIME), None
    best: tuple[int, str, pl.Series] | None = None
    for written in _FORMATS:
        kind: Any = pl.Date if "%H" not in written else pl.Datetime("us")
        parsed = text.str.strptime(kind, written, strict=False)
        faults = parsed.null_count()
        if faults == 0:
            return parsed.alias(TIME), written
        if best is None or faults < best[0]:
            best = (faults, written, parsed)
    assert best is not None
    line = int(best[2].is_null().arg_max() or 0)
    raise InvalidParameters(
        f"{path.name}, line {line + 2}, column ds: {text[line]!r} is not a date like the others.", line=line + 2, column=TIME
    )


def _parse_numbers(text: pl.Series, path: Path, words_allowed: bool) -> pl.Series:
    clean = text.str.strip_chars()
    clean = clean.set(clean.str.to_lowercase().is_in(["", "na", "nan", "null", "none"]), None)
    numbers = clean.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() & clean.is_not_null()) | numbers.is_infinite().fill_null(False)
    if not bad.any():
        return numbers.alias(text.name)
    if words_allowed and bad.sum() > 0.5 * clean.count():
        order = {word: float(code) for code, word in enumerate(sorted(clean.drop_nulls().unique().to_list()))}
        return clean.replace_strict(order, default=None, return_dtype=pl.Float64).alias(text.name)
    line = int(bad.arg_max() or 0)
    raise InvalidParameters(
        f"{path.name}, line {line + 2}, column {text.name}: {text[line]!r} is not a number.", line=line + 2, column=text.name
    )


def _no_blank(raw: pl.DataFrame, name: str, path: Path) -> None:
    blank = raw[name].is_null() | (raw[name].str.strip_chars() == "")
    if blank.any():
        line = int(blank.arg_max() or 0) + 2
        raise InvalidParameters(f"{path.name}, line {line}, column {name}: the field is empty.", line=line, column=name)


def _ragged(path: Path) -> InvalidParameters:
    """The fault that names the first line whose number of fields differs from the header's."""
    import gzip

    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if not header:
            return InvalidParameters(f"{path.name} is empty.", parameter="input")
        for fields in reader:
            if fields and len(fields) != len(header):
                column = header[min(len(fields), len(header)) - 1]
                return InvalidParameters(
                    f"{path.name}, line {reader.line_num}, column {column}: {len(fields)} fields where the header has {len(header)}.",
                    line=reader.line_num, column=column,
                )  # fmt: skip
    return InvalidParameters(f"{path.name} cannot be read as CSV.", parameter="input")


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
