"""How does a person at a shell use the suite? The `rfid3` command: each installed member brings its own subcommands.

Exit codes: 0 done, 1 the job failed or the answer is no, 2 the request cannot be understood or a server is out of reach.
"""

import sys
from collections.abc import Callable
from importlib.metadata import entry_points

import typer
from rich.console import Console

from rfid3_shared.errors import AppError
from rfid3_shared.log import keep_stdout_clean

GROUP = "rfid3.commands"
ORDER = ("up", "import", "train", "demand", "source", "twin", "keys", "jobs", "models", "ledger", "flags", "external", "store")
HELP = """Predictive analytics for RFID3 that a rental company can trust.

First steps: `rfid3 twin create` (a demo company) or `rfid3 import DIR` (an RFID3 export), then `rfid3 up`.
Settings are read from the environment, prefix RFID3_ (see .env.example).
"""


def build() -> typer.Typer:
    """The root command with every installed member's subcommands.

    A member that is not installed whole (an API image has no training extras) leaves the others usable.
    """
    root = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_show_locals=False)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            group = point.load()
        except ModuleNotFoundError as absent:
            root.command(point.name, help=f"Needs the package {absent.name}, which is not installed here.", hidden=True)(
                _refuse(absent.name)
            )
            continue
        module = sys.modules[group_module(point.value)]
        if group.registered_commands or group.registered_groups:
            root.add_typer(group, name=point.name)
        for name, command in getattr(module, "top", {}).items():
            root.command(name)(command)
    root.registered_commands.sort(key=lambda command: ORDER.index(command.name) if command.name in ORDER else len(ORDER))
    return root


def _refuse(package: str | None) -> Callable[[], None]:
    def refuse() -> None:
        Console(stderr=True).print(f"This command needs the package {package}: install the member with its extras.")
        raise typer.Exit(2)

    return refuse


def group_module(value: str) -> str:
    """The module of an entry point written `package.module:attribute`."""
    return value.partition(":")[0]


def main() -> None:
    """Run the command; faults of ours are told in plain words."""
    keep_stdout_clean()
    try:
        build()()
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
