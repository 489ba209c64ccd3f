"""What can one do on the command line? `rfid3 demand forecast` and `rfid3 demand evaluate`: no server, no database, nothing about
rentals. `rfid3 demand replay` makes logged predictions again."""

import typer

from rfid3_demand.commands import evaluate, forecast, replay

app = typer.Typer(help="Forecast demand: what will go out in the next weeks?", no_args_is_help=True)
app.command("forecast")(forecast.forecast)
app.command("evaluate")(evaluate.evaluate)
app.command("replay")(replay.replay)


@app.callback()
def demand() -> None:
    """Forecast demand: what will go out in the next weeks?"""
