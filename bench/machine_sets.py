"""Where are the public machine sets, and how do they become tables of units? Readers only; nothing here is part of the suite."""

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl

DATA = Path(os.environ.get("RFID3_TEST_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
CMAPSS = DATA / "cmapss_fd001" / "train_FD001.txt.gz"
AI4I = DATA / "ai4i2020" / "ai4i2020.csv.gz"
PYSURVIVAL = DATA / "pysurvival_maintenance" / "maintenance.csv.gz"
VALVE_SEATS = DATA / "smrd_given" / "valveseat.csv"
CAUSES = ("TWF", "HDF", "PWF", "OSF", "RNF")
"""Parts of AI4I's label: whoever keeps them predicts what he was told."""


def cmapss() -> pl.DataFrame:
    """Turbofans run to failure: unit, t (cycles), event, three settings, 21 sensors."""
    with gzip.open(CMAPSS, "rt") as lines:
        raw = np.array([[float(word) for word in line.split()] for line in lines])
    names = ["unit", "t", *(f"setting_{k}" for k in range(1, 4)), *(f"sensor_{k}" for k in range(1, 22))]
    frame = pl.DataFrame(raw, schema=names, orient="row").with_columns(pl.col("unit").cast(pl.Int64))
    return frame.with_columns(event=(pl.col("t") == pl.col("t").max().over("unit")).cast(pl.Int8))


def ai4i() -> pl.DataFrame:
    """Milling jobs, one row each: unit, event and what was measured; causes and identities dropped."""
    frame = pl.read_csv(AI4I)
    frame = frame.rename({name: name.strip("\ufeff") for name in frame.columns})
    return frame.rename({"UDI": "unit", "Machine_failure": "event"}).drop(*CAUSES, "Product ID")


def pysurvival() -> pl.DataFrame:
    """Machines with their whole life in one row: unit, t (weeks), event, three measurements, team, provider."""
    frame = pl.read_csv(PYSURVIVAL, separator=";").rename({"lifetime": "t", "broken": "event"})
    return frame.with_row_index("unit")


def valve_seats() -> tuple[pl.DataFrame, pl.DataFrame]:
    """(replacements, ends of sight) of diesel engines: engine, days."""
    rows = pl.read_csv(VALVE_SEATS)
    return rows.filter(pl.col("event") == "replacement"), rows.filter(pl.col("event") == "end")
