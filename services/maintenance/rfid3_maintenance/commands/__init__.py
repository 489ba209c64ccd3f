"""What can one do on the command line? `rfid3 maintenance predict` and `rfid3 maintenance evaluate`: no server, no database, nothing
about rentals. `rfid3 maintenance replay` makes logged predictions again."""

import typer

from rfid3_maintenance.commands import evaluate, predict
from rfid3_shared.ledger.replay_command import replay_command

app = typer.Typer(help="Foresee failures: which machine, how soon, and is it worth a call?", no_args_is_help=True)
app.command("predict")(predict.predict)
app.command("evaluate")(evaluate.evaluate)
app.command("replay")(replay_command("rfid3_maintenance.replay"))
