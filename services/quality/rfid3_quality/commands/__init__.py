"""What can one do on the command line? `rfid3 quality project` and `rfid3 quality evaluate`: no server, no database, nothing about
rentals. `rfid3 quality replay` makes logged predictions again."""

import typer

from rfid3_quality.commands import evaluate, project
from rfid3_shared.ledger.replay_command import replay_command

app = typer.Typer(help="Quality: what is wearing out, and when will it have worn out?", no_args_is_help=True)
app.command("project")(project.project)
app.command("evaluate")(evaluate.evaluate)
app.command("replay")(replay_command("rfid3_quality.replay"))
