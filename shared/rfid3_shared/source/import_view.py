"""How does an import look at a terminal? Progress while it runs, then a report a person can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from rfid3_shared.source import load
from rfid3_shared.source.import_report import FileReport, ImportReport


@contextmanager
def progress_bars(console: Console) -> Iterator[load.Progress]:
    """One bar per file, by bytes read."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def show(file: str, done: int, size: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=size)
            bars.update(tasks[file], completed=done)

        yield show


def show_import(console: Console, report: ImportReport) -> None:
    """Print the report: rows per table, then whatever was left out and why."""
    table = Table(
        title=f"Imported {escape(report.folder)} in {report.seconds:.1f} s", title_justify="left", box=SIMPLE_HEAD, padding=0
    )
    table.add_column("table", overflow="fold")
    for name in ("read", "new", "updated", "same", "repeated", "rejected"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in report.files:
        counts = (one.rows_read, one.rows_new, one.rows_updated, one.rows_unchanged, one.rows_repeated, one.rows_rejected)
        table.add_row(one.table, *(["[red]refused[/]"] if one.fault else [f"{n:,}" for n in counts]))
    console.print(table)
    for one in report.files:
        _show_file(console, one)
    for column, words in report.unknown_words.items():
        told = ", ".join(f"{escape(word)} ({count:,})" for word, count in list(words.items())[:8])
        console.print(f"[yellow]unknown words[/] in {column}, kept but not used: {told}")
    for name, meant in report.unknown_files.items():
        hint = f": did you mean {meant}.csv?" if meant else ""
        console.print(f"[yellow]not loaded[/] {escape(name)}: no table of RFID3's has this name{hint}")
    if report.unread_files:
        console.print(f"[dim]not read, the suite has no use for them: {escape(', '.join(report.unread_files))}[/]")
    for name, loss in report.missing_tables.items():
        console.print(f"[dim]empty:[/] {name} [dim]({loss})[/]")
    for warning in report.warnings:
        console.print(f"[yellow]note[/] {escape(warning)}")


def _show_file(console: Console, one: FileReport) -> None:
    name = escape(one.file)
    if one.fault:
        console.print(f"[red]refused[/] {name}: {escape(one.fault)}")
        return
    for reason, count in sorted(one.reasons.items(), key=lambda pair: -pair[1])[:8]:
        console.print(f"[yellow]rejected[/] {name}: {count:,} × {escape(reason)}")
    for rejection in one.rejections[:5]:
        where = f", column {escape(rejection.column)}" if rejection.column else ""
        console.print(f"  [dim]line {rejection.line:,}{where}: {escape(rejection.reason)}[/]")
    if one.personal_columns:
        console.print(f"[green]not read[/] {name}: personal columns {', '.join(one.personal_columns)}")
    notes = {
        "columns the suite has no use for: " + ", ".join(one.ignored_columns): one.ignored_columns,
        "columns that are not in the file: " + ", ".join(one.missing_columns): one.missing_columns,
        f"{one.rows_repeated:,} rows came again later in the file, the last was kept": one.rows_repeated,
        f"{one.rows_replaced:,} older rows gave their number to a new key": one.rows_replaced,
        f"{one.tags_trimmed:,} tag ids had blanks around them, trimmed": one.tags_trimmed,
        f"{one.zero_dates:,} dates 0000-00-00, left empty": one.zero_dates,
        f"{one.foreign_lines:,} lines were not UTF-8, read as Windows-1252": one.foreign_lines,
    }
    for note, applies in notes.items():
        if applies:
            console.print(f"[dim]{name}: {escape(note)}[/]")
