"""How good is it on a CSV of my own, and would another method be better? `rfid3 demand evaluate`."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rfid3_demand.commands.series_csv import read_series
from rfid3_shared.errors import AppError, InvalidParameters, ModelUnavailable
from rfid3_shared.series import KEY, TARGET, TIME, parse_frequency

if TYPE_CHECKING:
    import polars as pl

    from rfid3_demand.evaluation.race import Result
    from rfid3_demand.evaluation.rolling import Window

BAD_INPUT = 2
WIDEST = 110


def evaluate(
    input: Annotated[
        Path,
        typer.Option("--input", "-i", help="CSV (or .csv.gz) with columns unique_id, ds, y; further columns are regressors."),
    ],
    freq: Annotated[str, typer.Option("--freq", help="h, D, W, W-MON, MS, QS or YS, as statsforecast writes them.")],
    horizon: Annotated[int, typer.Option("--horizon", min=1, help="Steps to forecast at each origin.")],
    windows: Annotated[int, typer.Option("--windows", min=1, help="Rolling origins; the last leaves one horizon.")] = 3,
    step: Annotated[int | None, typer.Option("--step", min=1, help="Steps between origins; by default the horizon.")] = None,
    season: Annotated[
        int | None, typer.Option("--season", min=1, help="Steps in a season; by default that of the frequency.")
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            "--peers",
            help="SeasonalNaive, AutoETS, AutoARIMA, AutoTheta, CrostonOptimized, Prophet, LightGBM, by commas; none.",
        ),
    ] = None,
    members: Annotated[bool, typer.Option("--members", help="Also each of our methods alone.")] = False,
    future_known: Annotated[
        str | None, typer.Option("--future-known", help="Regressors, by commas, whose values over the horizon may be used.")
    ] = None,
    regressors: Annotated[
        str, typer.Option("--regressors", help="known | unknown: whether the future of all regressors may be used.")
    ] = "unknown",
    time_limit: Annotated[
        float, typer.Option("--time-limit", min=0.1, help="Seconds for each contender, all windows together.")
    ] = 120.0,
    series: Annotated[int | None, typer.Option("--series", min=1, help="At most so many series, evenly picked.")] = None,
    fill_gaps: Annotated[str | None, typer.Option("--fill-gaps", help="zero | interpolate | error, as in forecast.")] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0.1, help="Time budget of our forecast, seconds per window.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="PNG to draw; the terminal gets a chart either way.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV of all scores, per window and kind of demand too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON instead of a table.")] = False,
) -> None:
    """Hold our forecast against its peers on your data: rolling origins, the same time limit for all.

    Example: rfid3 demand evaluate --input sales.csv --freq W-MON --horizon 13 --windows 4 --plot scores.png

    Every contender sees the past of each origin only. Series that it does not reach within the limit count as not answered;
    the last two columns hold ours on the series it did answer. Exit code 2 means that the input was refused.
    """
    from rich.console import Console

    notes = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        _places(plot, output)
        known = _known(future_known, regressors)
        table, remarks = _run(
            input, freq, horizon, windows, step, season, peers, members, known, time_limit, series, fill_gaps, budget, notes
        )
        title = f"{input.name}: {windows} origins × {horizon} steps ({freq}), {time_limit:g} s each"
        if output is not None:
            table.write_csv(output)
        if plot is not None:
            from rfid3_demand.evaluation import chart

            chart.write_png(table, plot, title)
    except AppError as error:
        notes.print(f"[red]Refused:[/red] {error.message}")
        raise typer.Exit(BAD_INPUT) from None
    _show(table, remarks, title, as_json, notes)


def _run(
    path: Path, freq: str, horizon: int, windows: int, step: int | None, season: int | None, peers: str | None, members: bool,
    known: tuple[str, ...] | None, limit_s: float, series: int | None, fill: str | None, budget_s: float | None, notes: Any,
) -> tuple[pl.DataFrame, list[str]]:  # fmt: skip
    """Scores, and what must be said about them."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from rfid3_demand.evaluation import contenders, race, rolling, scores

    frequency = parse_frequency(freq)
    if fill not in (None, "zero", "interpolate", "error"):
        raise InvalidParameters(f"--fill-gaps is zero, interpolate or error, not {fill!r}.", parameter="fill_gaps")
    field = contenders.chosen(peers, members)
    frame, _ = read_series(path, hourly=frequency.step == "1h")
    frame = frame if series is None else rolling.pick(frame, series)
    ahead = tuple(name for name in frame.columns if name not in (KEY, TIME, TARGET)) if known is None else known
    plan = rolling.Plan(horizon, windows, step or horizon, season or frequency.season, fill, ahead)
    cut = rolling.windows(frame, frequency, plan)
    with Progress(TextColumn("{task.description:<17}"), BarColumn(), TimeElapsedColumn(), console=notes, transient=True) as bar:
        tasks = {one.name: bar.add_task(one.name, start=False, total=None) for one in field}

        def tell(name: str, done: int, total: int) -> None:
            if done == 0:
                bar.start_task(tasks[name])
            bar.update(tasks[name], completed=done, total=total)

        results = race.hold(cut, field, plan.season, limit_s, budget_s=budget_s, progress=tell)
    return scores.table(cut, results, plan.season), _remarks(cut, results, plan.season, limit_s)


def _known(named: str | None, regressors: str) -> tuple[str, ...] | None:
    """Regressors known ahead; None = all there are."""
    if regressors not in ("known", "unknown"):
        raise InvalidParameters(f"--regressors is known or unknown, not {regressors!r}.", parameter="regressors")
    if named is None:
        return None if regressors == "known" else ()
    return tuple(name.strip() for name in named.split(",") if name.strip())


def _places(plot: Path | None, output: Path | None) -> None:
    """Everything that would fail after minutes of work fails now."""
    for name, path in (("plot", plot), ("output", output)):
        if path is not None and not path.parent.is_dir():
            raise InvalidParameters(f"There is no folder {path.parent}.", parameter=name)
    if plot is not None and find_spec("matplotlib") is None:
        raise ModelUnavailable(
            "--plot needs the package matplotlib: pip install 'rfid3-demand[evaluate]'.", package="matplotlib"
        )


def _remarks(windows: list[Window], results: list[Result], season: int, limit_s: float) -> list[str]:
    from rfid3_demand.evaluation.scores import Sheet, Truth

    truth = Truth(windows, season)
    said = []
    flat = int((truth.scale != truth.scale).sum())
    if flat == len(truth.y):
        said.append(
            "MASE is undefined: no history ever changes from one season to the next, so there is no scale to measure by."
        )
    elif flat:
        said.append(f"MASE leaves out {flat} of {len(truth.y)} forecasts: their histories never change, so they have no scale.")
    short = len(windows[-1].panel.ids) - len(windows[0].panel.ids)
    if short:
        said.append(f"{short} series had not begun at the first origin and are scored in later windows only.")
    for result in results:
        missed = int((~Sheet(result).answered).sum()) - len(result.faults)
        if result.stopped:
            said.append(f"{result.name} was stopped after {limit_s:g} s: {missed} of {len(truth.y)} forecasts not reached.")
        if result.faults:
            said.append(f"{result.name} failed on {len(result.faults)}; the first: {result.faults[0]}")
    return said


def _show(table: pl.DataFrame, remarks: list[str], title: str, as_json: bool, notes: Any) -> None:
    from rich.console import Console

    from rfid3_demand.evaluation import chart, score_table

    if as_json:
        typer.echo(json.dumps({"title": title, "remarks": remarks, "scores": table.to_dicts()}, ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDEST + 10)  # a file or pipe has no width; the table is not to be cut for one
    console.print(score_table.rich_table(table, title))
    for remark in remarks:
        console.print(f"Note: {remark}", soft_wrap=True, highlight=False, markup=False)
    if find_spec("plotext") is None:
        notes.print("No chart here: plotext is not installed (pip install 'rfid3-demand\\[evaluate]').")
    else:
        typer.echo(chart.terminal(table, min(console.width, WIDEST)))
