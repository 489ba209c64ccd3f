"""How does a person at a shell use the suite? The `rfid3` command: each installed member brings its own subcommands.

Exit codes: 0 done, 1 the job failed or the answer is no, 2 the request cannot be understood or a server is out of reach.
"""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import typer
from rich.console import Console

from rfid3_shared.errors import AppError
from rfid3_shared.log import keep_stdout_clean

COMMANDS, GROUPS = "rfid3.commands", "rfid3.command_groups"
"""Entry points: single commands (a function), and commands with subcommands (a Typer application)."""
ORDER = (
    "up",
    "import",
    "train",
    "services",
    "source",
    "twin",
    "keys",
    "jobs",
    "models",
    "ledger",
    "flags",
    "external",
    "events",
    "store",
)
HELP = """Predictive analytics for RFID3 that a rental company can trust.

First steps: `rfid3 twin create` (a demo company) or `rfid3 import DIR` (an RFID3 export), then `rfid3 up`.
Settings are read from the environment, prefix RFID3_ (see .env.example).
"""


def build(wanted: str | None = None) -> typer.Typer:
    """The root command with what every installed member brings; only `wanted`, where there is such a command.

    Loading them all takes a second, and most calls name one. A member that is not installed whole (an API image has no
    training extras) leaves the others usable.
    """
    root = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_show_locals=False)
    points = [point for group in (COMMANDS, GROUPS) for point in entry_points(group=group)]
    points = [point for point in points if point.name == wanted] or sorted(points, key=_place)
    for point in points:
        try:
            found = point.load()
        except ModuleNotFoundError as absent:
            root.command(point.name, help=f"Needs the package {absent.name}, which is not installed here.", hidden=True)(
                _refuse(absent.name)
            )
            continue
        if point.group == GROUPS:
            root.add_typer(found, name=point.name)
        else:
            root.command(point.name)(found)
    root.callback()(_root)  # a single command keeps its name
    return root


def _root() -> None:
    """Nothing of its own."""


def _place(point: EntryPoint) -> tuple[int, str]:
    """Where a command is listed; a service's own (package rfid3_<name>) among the services."""
    name = "services" if point.module.startswith(f"rfid3_{point.name}.") else point.name
    return (ORDER.index(name) if name in ORDER else len(ORDER)), point.name


def _refuse(package: str | None) -> Callable[[], None]:
    def refuse() -> None:
        Console(stderr=True).print(f"This command needs the package {package}: install the member with its extras.")
        raise typer.Exit(2)

    return refuse


def main() -> None:
    """Run the command; faults of ours are told in plain words."""
    keep_stdout_clean()
    try:
        build(next(iter(sys.argv[1:2]), None))()
    except AppError as error:
        sys.exit(tell(error))


def tell(error: AppError) -> int:
    """Show a fault on standard error; returns the exit code that goes with it."""
    err = Console(stderr=True)
    err.print(f"[bold red]{error.code}[/] {error.message}")
    for name, value in error.details.items():
        err.print(f"  [dim]{name}:[/] {value}")
    return 1 if error.status in (409, 500) else 2


if __name__ == "__main__":
    main()
