"""How good are forecasts of anybody's series, beside the usual peers, on public data? Ours, our best two members and every peer
in one run, each under the same time limit.

`python -m bench.accuracy_series [SET …] [--earlier] [--limit SECONDS] [--peers A,B]`; --earlier cuts the reported part off first,
for choosing. What a peer did not reach in its time is not answered; it reaches series in an even order, and the last column
holds ours on those. Sets are looked for in RFID3_TEST_DATA, else ../shared/data; those absent are skipped by name.
"""

import argparse
from time import perf_counter

import polars as pl
from rich.console import Console

from bench.series_sets import SETS, SeriesSet
from rfid3_demand.evaluation import contenders, race, rolling, score_table, scores
from rfid3_shared.series import parse_frequency

BEST_MEMBERS = 2
NOMINAL = 0.02
CONSOLE = Console(width=124)


def judged(chosen: SeriesSet, limit_s: float | None, peers: str | None) -> pl.DataFrame:
    """The scores of one set; prints its table."""
    began = perf_counter()
    windows = rolling.windows(chosen.read(chosen.file), parse_frequency(chosen.freq), chosen.plan)
    field = contenders.chosen(peers, members=True)
    table = scores.table(windows, race.hold(windows, field, chosen.plan.season, limit_s or chosen.limit_s), chosen.plan.season)
    whole = table.filter((pl.col("window") == "all") & (pl.col("kind") == "all"))
    best = whole.filter((pl.col("role") == "member") & (pl.col("answered") == pl.col("of"))).sort("mase").head(BEST_MEMBERS)
    shown = table.filter((pl.col("role") != "member") | pl.col("contender").is_in(best["contender"].to_list()))
    title = f"{chosen.about}: {len(windows[-1].truth)} series, {limit_s or chosen.limit_s:g} s each"
    CONSOLE.print(score_table.rich_table(shown, title))
    kinds = table.filter(
        (pl.col("role") == "ours") & (pl.col("window") == "all") & (pl.col("kind") != "all") & (pl.col("answered") > 0)
    )
    for row in kinds.iter_rows(named=True):
        print(
            f"  ours, {row['kind']:<12} {row['of']:>5} forecasts  in 80 % {row['coverage_80']:.3f}  in 95 % {row['coverage_95']:.3f}"
        )
    print(f"  {perf_counter() - began:.0f} s in all", flush=True)
    return whole


def summary(found: dict[str, pl.DataFrame]) -> None:
    """Per set: below every peer on what it answered? Coverage within two points (counts: the level inside its band)?"""
    print(
        f"\n{'set':<20}{'MASE':>7}{'WQL':>7}  {'below every peer on average?':<52}{'in 80 %':>8}{'in 95 %':>8}  within 2 points?"
    )
    for name, table in found.items():
        ours = table.filter(pl.col("role") == "ours").row(0, named=True)
        if not ours["answered"]:
            print(f"{name:<20} ours did not answer within its time")
            continue
        above = [
            f"{row['contender']} {measure.upper()} {row[f'common_{measure}']:.3f} < {row[f'rfid3_{measure}']:.3f}"
            for row in table.filter(pl.col("role").is_in(["peer", "reference"]) & (pl.col("answered") > 0)).iter_rows(
                named=True
            )
            for measure in ("mase", "wql")
            if row[f"common_{measure}"] is not None and row[f"common_{measure}"] < row[f"rfid3_{measure}"]
        ]
        missed = f" ({ours['of'] - ours['answered']} not answered in time)" if ours["answered"] < ours["of"] else ""
        verdict = f"yes{missed}" if not above else f"no: {'; '.join(above)}"
        print(
            f"{name:<20}{ours['mase']:7.3f}{ours['wql']:7.3f}  {verdict:<52}{ours['coverage_80']:8.3f}{ours['coverage_95']:8.3f}  "
            f"{_calibrated(ours)}"
        )


def _calibrated(row: dict[str, float]) -> str:
    if row["counts"]:
        bands = [(row["below_90"], 0.9, row["at_90"]), (row["below_97.5"], 0.975, row["at_97.5"])]
        inside = all(low - NOMINAL <= level <= high + NOMINAL for low, level, high in bands)
        return (
            ("yes" if inside else "no")
            + ": bands "
            + ", ".join(f"{low:.3f}–{high:.3f} for {level}" for low, level, high in bands)
        )
    off = [row["coverage_80"] - 0.80, row["coverage_95"] - 0.95]
    return "yes" if all(abs(miss) <= NOMINAL for miss in off) else f"no: {100 * off[0]:+.1f} and {100 * off[1]:+.1f} points"


def main() -> None:
    """Every set that is there, or the named ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", help=f"beginnings of: {', '.join(SETS)}")
    parser.add_argument("--earlier", action="store_true", help="cut the reported part off first")
    parser.add_argument("--limit", type=float, help="seconds for each contender")
    parser.add_argument("--peers", help="names by commas; none")
    given = parser.parse_args()
    found = {}
    for name, chosen in SETS.items():
        if given.sets and not any(name.startswith(word) for word in given.sets):
            continue
        if not chosen.file.is_file():
            print(f"{name}: skipped, {chosen.file} is absent")
            continue
        found[name] = judged(chosen.shorter() if given.earlier else chosen, given.limit, given.peers)
    if found:
        summary(found)


if __name__ == "__main__":
    main()
