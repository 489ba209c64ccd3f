"""How does the quality report look at a terminal?"""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rfid3_shared.source.report import QualityReport, Share


def show_quality(console: Console, report: QualityReport) -> None:
    """Print the report, the verdicts last, where the eye rests."""
    _show_tables(console, report)
    for title, shares in (
        ("What belongs to nothing", report.orphans), ("Repeats and blanks", report.repeats), ("Stores", report.stores),
        ("Prices", report.prices), ("Labels", report.labels), ("Outside factors, over the days of the scans", report.factors),
    ):  # fmt: skip
        _show_shares(console, title, shares)
    _show_words(console, report)
    for name in report.missing_columns:
        console.print(f"[yellow]missing column[/] {name}")
    for name in report.unanswered:
        console.print(f"[yellow]could not be counted[/] {name}: a table or column is not there")
    _show_services(console, report)
    if report.can_forecast:
        age = f", {report.evidence.age_days} days ago" if report.evidence.age_days is not None else ""
        console.print(f"[green]Forecasts can be made.[/] Last departure: {report.evidence.data_as_of or 'none'}{age}.")
    else:
        console.print("[red]No forecast can be made from this data.[/]")


def _show_tables(console: Console, report: QualityReport) -> None:
    table = Table(title=f"Tables ({report.backend})", title_justify="left")
    table.add_column("table", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("from")
    table.add_column("to")
    for one in report.tables:
        rows = "[red]not there[/]" if one.rows is None else f"{one.rows:,}"
        table.add_row(one.table, rows, str(one.first or ""), str(one.last or ""))
    console.print(table)


def _show_shares(console: Console, title: str, shares: list[Share]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(min_width=46)
    for _ in range(3):
        table.add_column(justify="right")
    for share in shares:
        if share.ratio is not None:
            table.add_row(share.what, f"{share.count:,}", f"of {share.of:,}", f"{share.ratio:.1%}")
    if table.row_count:
        console.print(table)


def _show_words(console: Console, report: QualityReport) -> None:
    for column, words in report.unknown_words.items():
        told = ", ".join(f"{escape(word)} ({count:,})" for word, count in words.items())
        console.print(f"[yellow]unknown words[/] in {column}, not used: {told}")
    if not report.unknown_words:
        console.print("[green]no unknown words[/]")


def _show_services(console: Console, report: QualityReport) -> None:
    table = Table(title="What each service can say from this data", title_justify="left", show_lines=True)
    for name in ("service", "can", "cannot", "would help"):
        table.add_column(name)
    for one in report.services:
        table.add_row(one.service, *("\n".join(f"· {line}" for line in lines) for lines in (one.can, one.cannot, one.missing)))
    console.print(table)
