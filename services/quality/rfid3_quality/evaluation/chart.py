"""What do the foretold crossings look like beside those that came? One PNG. Draws; computes nothing."""

from pathlib import Path

import polars as pl

COLOURS = {"rfid3": "#0b6e4f", "linear": "#3b6ea5", "exponential": "#b34a00"}
MOST_STRETCH = 3.0


def write_png(each: pl.DataFrame, path: Path, title: str) -> None:
    """A panel per contender: median and 80 % interval over the true crossing; far ends are cut at three times the longest life."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = each["contender"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(4.6 * len(names), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    crossed = each.filter(pl.col("truth_t").is_not_null())
    values = crossed["truth_t"].to_list()
    far = MOST_STRETCH * max(values, default=1.0)
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False, sharey=True)[0], names, strict=True):
        for row in crossed.filter(pl.col("contender") == name).iter_rows(named=True):
            lower, median, upper = (
                far if row[column] is None else min(row[column], far) for column in ("lower_t", "median_t", "upper_t")
            )
            axis.plot([row["truth_t"]] * 2, [lower, upper], color=COLOURS.get(name, "#777777"), alpha=0.5)
            axis.plot([row["truth_t"]], [median], "o" if row["held"] else "x", color=COLOURS.get(name, "#777777"))
        if values:
            axis.plot([min(values), max(values)], [min(values), max(values)], ":", color="#555555")
        axis.set_title(f"{name} (x: interval did not hold)", fontsize=10)
        axis.set_xlabel("crossed at")
    figure.savefig(path, dpi=110, format="png")
