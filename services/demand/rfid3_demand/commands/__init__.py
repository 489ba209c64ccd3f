"""What can one do on the command line? `rfid3 demand forecast` and `rfid3 demand evaluate`: no server, no database, nothing about
rentals. `rfid3 demand replay` makes logged predictions again."""

import typer

from rfid3_demand.commands import evaluate, forecast
from rfid3_shared.ledger.replay_command import replay_command

app = typer.Typer(help="Forecast demand: what will go out in the next weeks?", no_args_is_help=True)
app.command("forecast")(forecast.forecast)
app.command("evaluate")(evaluate.evaluate)
app.command("replay")(replay_command("rfid3_demand.replay"))
