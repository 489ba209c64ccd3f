"""How does a series look? One clear picture of past, forecast, bands, stock and events, as PNG or SVG.

Matplotlib's objects without its global state: no pyplot, no window. The same data give the same bytes. Matplotlib is no thread's
friend, so one picture is drawn at a time.
"""

import html
import threading
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Literal

from rfid3_shared.errors import AppError

LEVELS = (0.95, 0.8, 0.5)
"""Bands drawn, wide ones first."""
SALT = "rfid3"
_ONE_AT_A_TIME = threading.Lock()


class ChartsNotInstalled(AppError):
    """The part that draws is not installed here."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "FEATURE_DISABLED"


@dataclass(frozen=True)
class Look:
    """Size and colours: width and height in pixels at 100 dpi."""

    width: int
    height: int
    dpi: int
    theme: Literal["light", "dark"]


# of the palette that people with every kind of colour vision tell apart (Okabe and Ito)
COLOURS = {
    "light": {"page": "#ffffff", "ink": "#1b1f24", "faint": "#d7dce1", "past": "#3b4652", "mean": "#0072b2", "band": "#56b4e9",
              "stock": "#b34a00", "event": "#8a5a00"},
    "dark": {"page": "#14181d", "ink": "#e8ecf0", "faint": "#343c45", "past": "#c3ccd5", "mean": "#56b4e9", "band": "#2b7fb3",
             "stock": "#f0a35e", "event": "#e6c34d"},
}  # fmt: skip
SMALL = (600, 380)
"""Below this width and height in pixels the picture says less, so that it stays readable."""
OPACITY = {0.95: 0.22, 0.8: 0.32, 0.5: 0.45}


def title_of(seen: dict[str, Any]) -> str:
    """What the picture shows, in plain words. seen: as `series_view.view` gives it, with the bands of LEVELS."""
    place, weeks = seen["series"], len(seen["forecast"])
    what = "All rentals" if place["level"] == "all" else place["label"]
    if place["level"] == "class":
        what = f"{what} (class {place['name']})"
    where = "all stores" if place["store"] == "all" else f"store {place['store']}"
    return (
        f"{what}, {where}: units leaving per week, and the next {weeks} weeks" if weeks > 1 else f"{what}, {where}: next week"
    )


def alternative_text(seen: dict[str, Any]) -> str:
    """The picture for those who cannot see it: one sentence with its main numbers."""
    peak = max(seen["forecast"], key=lambda week: week["mean"])
    band = next(band for band in peak["bands"] if band["level"] == 0.8)
    stock = "" if peak["stock_available"] is None else f"; {peak['stock_available']:.0f} can leave"
    known = [week["units"] for week in seen["history"] if week["units"] is not None]
    past = (
        f"{len(known)} weeks of the past between {min(known):.0f} and {max(known):.0f} units" if known else "No past is shown"
    )
    return (
        f"{past}. The forecast is highest in the week of {peak['week_starting']}: {peak['mean']:.0f} units, "
        f"80 % between {band['lower']:.0f} and {band['upper']:.0f}{stock}."
    )


def draw(seen: dict[str, Any], kind: Literal["png", "svg"], look: Look) -> bytes:
    """The picture's bytes.

    seen: as `series_view.view` gives it, with the bands of LEVELS. Raises ChartsNotInstalled without matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise ChartsNotInstalled(
            "Pictures need the extra part rfid3-demand[charts] (matplotlib), which is not installed here.",
            missing="rfid3-demand[charts]", suggestion="GET /api/predictive/demand/series has the same numbers",
        ) from None  # fmt: skip
    colours = COLOURS[look.theme]
    own: Any = {"svg.hashsalt": SALT, "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9.5}
    with _ONE_AT_A_TIME, rc_context(own):
        figure = Figure(
            figsize=(look.width / 100, look.height / 100), dpi=look.dpi, facecolor=colours["page"], layout="constrained"
        )
        axes = figure.add_subplot(facecolor=colours["page"])
        _lines(axes, seen, colours)
        _events(axes, seen, colours, look)
        _frame(figure, axes, seen, colours, look)
        return _bytes(figure, kind, look, title_of(seen), alternative_text(seen))


def _bytes(figure: Any, kind: str, look: Look, title: str, told: str) -> bytes:
    from io import BytesIO

    out = BytesIO()
    if kind == "png":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        agg: Any = FigureCanvasAgg(figure)
        agg.print_png(out, metadata={"Software": None, "Title": title, "Description": told})
        return out.getvalue()
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(out, metadata={"Date": None, "Creator": None})
    head, tag, rest = out.getvalue().decode().partition("<svg ")
    attributes, close, body = rest.partition(">")
    words = f'\n <title id="title">{html.escape(title)}</title>\n <desc id="told">{html.escape(told)}</desc>'
    return f'{head}{tag}role="img" aria-labelledby="title told" {attributes}{close}{words}{body}'.encode()


def _middle(week: date) -> date:
    """Where a week is drawn: on its Thursday."""
    return week + timedelta(days=3)


def _lines(axes: Any, seen: dict[str, Any], colours: dict[str, str]) -> None:
    nan = float("nan")
    past = [(_middle(week["week_starting"]), nan if week["units"] is None else week["units"]) for week in seen["history"]]
    coming = [_middle(week["week_starting"]) for week in seen["forecast"]]
    for at, level in enumerate(LEVELS):
        ends = [next(band for band in week["bands"] if band["level"] == level) for week in seen["forecast"]]
        axes.fill_between(
            coming, [band["lower"] for band in ends], [band["upper"] for band in ends], color=colours["band"],
            alpha=OPACITY[level], linewidth=0, zorder=2 + 0.1 * at, label=f"{level:.0%} of outcomes",
        )  # fmt: skip
        if len(coming) == 1:
            axes.errorbar(coming, [ends[0]["lower"]], yerr=[[0], [ends[0]["upper"] - ends[0]["lower"]]], color=colours["band"],
                          linewidth=2 + 3 * at, zorder=2)  # fmt: skip
    if past:
        axes.plot(*zip(*past, strict=True), color=colours["past"], linewidth=1.4, zorder=3, label="left the shop")
    refused = [
        (_middle(week["week_starting"]), week["units"] + week["refused_estimate"])
        for week in seen["history"] if week["refused_estimate"] and week["units"] is not None
    ]  # fmt: skip
    if refused:
        axes.plot(*zip(*refused, strict=True), color=colours["event"], linestyle="none", marker=".", markersize=5, zorder=3,
                  label="with those refused (estimate)")  # fmt: skip
    means = [week["mean"] for week in seen["forecast"]]
    axes.plot(coming, means, color=colours["mean"], linewidth=2, marker="o", markersize=3.5, zorder=4, label="expected")
    stock = [nan if week["stock_available"] is None else week["stock_available"] for week in seen["forecast"]]
    lonely = "_" if len(coming) == 1 else None
    if any(value == value for value in stock):
        axes.plot(
            coming,
            stock,
            color=colours["stock"],
            linewidth=1.6,
            linestyle=(0, (5, 2)),
            marker=lonely,
            zorder=4,
            label="can leave",
        )


def _events(axes: Any, seen: dict[str, Any], colours: dict[str, str], look: Look) -> None:
    """A tick at the lower edge for each week with a public holiday; coming ones are named."""
    from matplotlib.transforms import blended_transform_factory as blended

    edge = blended(axes.transData, axes.transAxes)
    weeks = [(week, week in seen["forecast"]) for week in [*seen["history"], *seen["forecast"]] if week["events"]]
    named_at: date | None = None
    for at, (week, ahead) in enumerate(weeks):
        middle = _middle(week["week_starting"])
        axes.plot([middle, middle], [0, 0.028], transform=edge, color=colours["event"], linewidth=1.6, zorder=5,
                  label="public holiday" if at == 0 else None)  # fmt: skip
        far_enough = named_at is None or (middle - named_at) >= timedelta(days=21)
        if ahead and far_enough and look.width >= SMALL[0] and look.height >= SMALL[1]:
            named_at = middle
            axes.text(middle, 0.04, _short_name(week["events"][0]), transform=edge, rotation=90, va="bottom", ha="center", fontsize=7.5,
                      color=colours["event"], zorder=5)  # fmt: skip


def _frame(figure: Any, axes: Any, seen: dict[str, Any], colours: dict[str, str], look: Look) -> None:
    from matplotlib import dates
    from matplotlib.ticker import MaxNLocator

    first = _middle(seen["forecast"][0]["week_starting"]) - timedelta(days=4)
    axes.axvline(first, color=colours["ink"], linewidth=0.8, linestyle=":", zorder=1)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.015)
    dated: Any = dates
    locator = dated.AutoDateLocator(minticks=3, maxticks=max(4, look.width // 110))
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dated.ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=max(3, look.height // 80), integer=True, min_n_ticks=2))
    axes.grid(axis="y", color=colours["faint"], linewidth=0.7)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colours["faint"])
    axes.tick_params(colors=colours["ink"], labelcolor=colours["ink"])
    axes.set_ylabel("units per week", color=colours["ink"])
    small = look.width < SMALL[0] or look.height < SMALL[1]
    if not small:
        axes.set_xlabel("week (Monday to Sunday, shop time)", color=colours["ink"])
    axes.set_title(title_of(seen), color=colours["ink"], loc="left", fontsize=9 if small else 11, wrap=True)
    lines, names = axes.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda at: ("outcomes" in names[at], at))
    figure.legend(
        [lines[at] for at in order], [names[at] for at in order], loc="outside lower center", frameon=False,
        ncols=max(2, look.width // 155), fontsize=7.5 if small else 8.5, labelcolor=colours["ink"], handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip


def _short_name(holiday: str) -> str:
    """A holiday's name as it fits beside its tick."""
    plain = holiday.replace(" National Independence Day", "").replace(" (observed)", "")
    return plain if len(plain) <= 18 else f"{plain[:17]}…"
