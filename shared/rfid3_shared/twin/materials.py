"""How does each kind of thing wear, fail, get dirty and get lost, and how long is it in the shop afterwards?

One table of pure data beside the catalogue; `hazards` says how its numbers are used. Grades count as in RFID3: F is 0, A+ is
10, and a condition is a place on that scale. The rates were set so that a company of ordinary age has yearly what rental shops
report: repairs after 2–10 % of the turns of machines and tents and after fewer of tables, 3–8 % of linens worn out, 0.5–2 % of
units never brought back.
"""

from typing import NamedTuple

FAULTS = ("repair", "cleaning", "retirement", "loss")
"""What may come of a turn; at most one of them does."""
VISITS = ("wet", "wash", "inspect", "repair")
"""Why a unit stays in the shop before it can leave again."""
USUAL_CONDITION, USUAL_OUT_DAYS, USUAL_AGE_YEARS = 8.0, 5.0, 3.0
"""The state at which a hazard's rate per turn holds: dry, just serviced, of frailty 1."""


class Hazard(NamedTuple):
    """Rate of a fault per turn, and what multiplies it; effects are log ratios."""

    per_turn: float
    condition: float
    """Per grade below the usual condition."""
    out: float
    """Per doubling of the days out."""
    rain: float
    """Per inch of rain while out."""
    service: float
    """Per ten turns since the last repair."""
    age: float
    """Per year of age above the usual."""
    frailty: float
    """Exponent of the unit's frailty."""


class Material(NamedTuple):
    """What things of one material have in common."""

    name: str
    frailty_spread: float
    """Standard deviation of log frailty (median 1)."""
    drop_per_turn: float
    """Grades a turn takes off, on average, in the usual state."""
    drop_per_day: float
    """Grades a day on the shelf takes off."""
    drop_out: float
    """Log ratio per doubling of the days out."""
    drop_rain: float
    """Log ratio per inch of rain while out."""
    drop_age: float
    """Log ratio per year of age above the usual."""
    drop_spread: float
    """Standard deviation of the log of one turn's drop around its mean."""
    repair: Hazard
    cleaning: Hazard
    retirement: Hazard
    loss: Hazard
    lift: float
    """Grades a repair brings back, at the median."""
    wet_ratio: float
    """Returns put up to dry as a matter of routine."""
    wet_ratio_per_in: float
    """… more for each inch of rain while out."""
    wash_ratio: float
    inspect_ratio: float
    wet_days: float
    """Days from coming back to being ready, at the median, and so for the other visits; always whole days, one at least."""
    wash_days: float
    inspect_days: float
    repair_days: float
    repair_cost_ratio: float
    """Cost of a repair at the median, as a share of the price of a new unit."""
    cleaning_cost_ratio: float
    torn: tuple[str, ...]
    """Defects that need a repair, as columns of RFID3's scans."""
    soiled: tuple[str, ...]
    places: tuple[str, ...]
    """What staff write as the place of repair."""


MATERIALS: tuple[Material, ...] = (
    Material(
        "linen", 0.35, 0.10, 0.0003, 0.10, 0.05, 0.02, 0.5,
        repair=Hazard(0.006, 0.28, 0.15, 0.05, 0.20, 0.03, 0.8), cleaning=Hazard(0.040, 0.06, 0.15, 0.12, 0.0, 0.0, 0.3),
        retirement=Hazard(0.0021, 0.42, 0.10, 0.0, 0.0, 0.05, 1.0), loss=Hazard(0.0020, 0.0, 0.40, 0.0, 0.0, 0.0, 0.0),
        lift=0.8, wet_ratio=0.02, wet_ratio_per_in=0.05, wash_ratio=0.24, inspect_ratio=0.01,
        wet_days=0.7, wash_days=0.8, inspect_days=0.6, repair_days=2.0, repair_cost_ratio=0.10, cleaning_cost_ratio=0.04,
        torn=("rip_or_tear", "sewing_repair_needed"), soiled=("stain", "stain", "dirty_or_mud", "mold"),
        places=("Marks on linen", "Spots", "Hem"),
    ),
    Material(
        "tent", 0.40, 0.11, 0.0004, 0.20, 0.20, 0.03, 0.6,
        repair=Hazard(0.024, 0.25, 0.25, 0.25, 0.30, 0.04, 1.0), cleaning=Hazard(0.045, 0.05, 0.20, 0.35, 0.0, 0.0, 0.2),
        retirement=Hazard(0.0013, 0.45, 0.15, 0.10, 0.0, 0.06, 1.0), loss=Hazard(0.0008, 0.0, 0.30, 0.0, 0.0, 0.0, 0.0),
        lift=1.2, wet_ratio=0.06, wet_ratio_per_in=0.35, wash_ratio=0.08, inspect_ratio=0.05,
        wet_days=1.0, wash_days=1.2, inspect_days=0.7, repair_days=3.6, repair_cost_ratio=0.07, cleaning_cost_ratio=0.02,
        torn=("grommet", "rope", "buckle", "rip_or_tear", "sewing_repair_needed"), soiled=("dirty_or_mud", "leaves", "wet", "mold"),
        places=("Grommet", "Hole in peak", "Torn kedar"),
    ),
    Material(
        "table", 0.25, 0.05, 0.0002, 0.05, 0.15, 0.01, 0.5,
        repair=Hazard(0.007, 0.25, 0.10, 0.10, 0.15, 0.03, 1.0), cleaning=Hazard(0.015, 0.05, 0.10, 0.20, 0.0, 0.0, 0.2),
        retirement=Hazard(0.0008, 0.42, 0.05, 0.05, 0.0, 0.05, 1.0), loss=Hazard(0.0010, 0.0, 0.30, 0.0, 0.0, 0.0, 0.0),
        lift=1.0, wet_ratio=0.01, wet_ratio_per_in=0.04, wash_ratio=0.05, inspect_ratio=0.01,
        wet_days=0.6, wash_days=0.7, inspect_days=0.6, repair_days=2.4, repair_cost_ratio=0.12, cleaning_cost_ratio=0.02,
        torn=("rip_or_tear", "buckle"), soiled=("dirty_or_mud", "stain"), places=("Leg", "Edge", "Surface"),
    ),
    Material(
        "machine", 0.45, 0.09, 0.0005, 0.15, 0.05, 0.03, 0.6,
        repair=Hazard(0.030, 0.25, 0.25, 0.05, 0.45, 0.06, 1.0), cleaning=Hazard(0.030, 0.0, 0.15, 0.05, 0.10, 0.0, 0.2),
        retirement=Hazard(0.0028, 0.42, 0.10, 0.0, 0.10, 0.08, 1.0), loss=Hazard(0.0012, 0.0, 0.30, 0.0, 0.0, 0.0, 0.0),
        lift=1.5, wet_ratio=0.0, wet_ratio_per_in=0.02, wash_ratio=0.06, inspect_ratio=0.15,
        wet_days=0.6, wash_days=0.8, inspect_days=0.8, repair_days=4.2, repair_cost_ratio=0.10, cleaning_cost_ratio=0.02,
        torn=("oxidation", "buckle"), soiled=("oil", "dirty_or_mud", "stain"), places=("Broken hopper", "Cord", "Switch", "Motor"),
    ),
    Material(
        "tableware", 0.25, 0.04, 0.0001, 0.05, 0.0, 0.01, 0.5,
        repair=Hazard(0.003, 0.20, 0.05, 0.0, 0.10, 0.02, 0.8), cleaning=Hazard(0.020, 0.0, 0.10, 0.0, 0.0, 0.0, 0.2),
        retirement=Hazard(0.0028, 0.35, 0.05, 0.0, 0.0, 0.03, 0.8), loss=Hazard(0.0026, 0.0, 0.30, 0.0, 0.0, 0.0, 0.0),
        lift=0.7, wet_ratio=0.0, wet_ratio_per_in=0.0, wash_ratio=0.12, inspect_ratio=0.01,
        wet_days=0.6, wash_days=0.6, inspect_days=0.6, repair_days=2.0, repair_cost_ratio=0.15, cleaning_cost_ratio=0.02,
        torn=("oxidation",), soiled=("stain", "dirty_or_mud", "oxidation"), places=("Chip", "Spots"),
    ),
    Material(
        "equipment", 0.35, 0.08, 0.0003, 0.10, 0.10, 0.02, 0.5,
        repair=Hazard(0.014, 0.25, 0.15, 0.10, 0.25, 0.03, 1.0), cleaning=Hazard(0.025, 0.0, 0.10, 0.20, 0.0, 0.0, 0.2),
        retirement=Hazard(0.0022, 0.42, 0.10, 0.05, 0.0, 0.05, 1.0), loss=Hazard(0.0018, 0.0, 0.30, 0.0, 0.0, 0.0, 0.0),
        lift=1.1, wet_ratio=0.01, wet_ratio_per_in=0.05, wash_ratio=0.06, inspect_ratio=0.05,
        wet_days=0.6, wash_days=0.7, inspect_days=0.6, repair_days=3.0, repair_cost_ratio=0.10, cleaning_cost_ratio=0.02,
        torn=("buckle", "rope", "rip_or_tear"), soiled=("dirty_or_mud", "oil", "leaves"), places=("Marks", "Joint", "Spots"),
    ),
)  # fmt: skip

MATERIAL_OF_CATEGORY = {
    "Linens": "table", "Tables": "table", "Round Linen": "linen", "Rectangle Linen": "linen", "Napkins": "linen",
    "Spandex": "linen", "Skirt": "linen", "Tableware": "tableware", "Beverage Dispensers": "machine",
    "Chafers/Fountains": "tableware", "Frame Tent Tops": "tent", "Pole Tent Tops": "tent", "Sidewall": "tent",
    "Concession Machines": "machine", "Games": "equipment", "Carpet and Drapes": "linen", "AV": "machine",
    "Dance Floors": "table", "Stages": "table", "Decorations": "equipment", "Fans": "machine", "Coolers": "machine",
    "Heaters": "machine", "Garbage Cans": "equipment", "Resale": "equipment",
}  # fmt: skip
"""The catalogue's category `Linens` holds chairs, which wear like tables."""
