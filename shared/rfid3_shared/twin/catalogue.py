"""What does the company rent out: which kinds of things, called what, for how much, and at which events?

Categories and subcategories are those of a real RFID3 mapping, with the number of classes each has there. Pure data.
"""

from typing import NamedTuple

EVENTS = ("wedding", "graduation", "party", "corporate", "festival", "cold")
"""Kinds of occasion; each has its own season (`calendar`) and draws its own basket of things."""

COLOURS = (
    "WHITE", "IVORY", "BLACK", "NAVY BLUE", "ROYAL BLUE", "BURGUNDY", "HUNTER GREEN", "KELLY GREEN", "CARDINAL RED", "POPPY",
    "SHRIMP", "MINT", "TIFFANY BLUE", "LEMON YELLOW", "BURNT ORANGE", "PLUM", "EGGPLANT", "LILAC", "PERIWINKLE", "TEAL",
    "CELADON", "MAIZE", "PASTEL PINK", "MAGENTA", "SOFT SAGE", "TURQUOISE", "GRAPE", "BYZANTINE", "ARMY GREEN", "PEWTER",
)  # fmt: skip


class Kind(NamedTuple):
    """One subcategory of the catalogue."""

    category: str
    subcategory: str
    classes: int
    """Classes of this kind in a company of real size; sets the share in larger and smaller ones."""
    size_rank: float
    """How large the stock of such a class tends to be: 0 smallest, 10 largest."""
    day_rate_usd: float
    mix: tuple[int, int, int, int, int, int]
    """Weight of each occasion in EVENTS."""
    heat: float = 0.0
    """Effect on demand of a day 10 °F warmer than usual (log ratio)."""
    rain: float = 0.0
    """Effect on demand of an inch of rain (log ratio)."""
    pos_category: str = "Miscellaneous"
    names: tuple[str, ...] = ()
    """Name patterns; `{c}` stands for a colour, `{n}` for a running number."""
    bin: str = "rack"
    """`rack`, `pack` or `resale`."""


_WED, _GRAD, _EVENT = (8, 2, 2, 2, 0, 0), (2, 6, 4, 2, 2, 0), (3, 3, 5, 3, 2, 0)
_CORP, _FAIR = (2, 0, 1, 8, 1, 0), (0, 3, 4, 1, 7, 0)

KINDS: tuple[Kind, ...] = (
    Kind("Linens", "General Linens", 2, 10, 2.5, _EVENT, 0, 0, "EVENT - Chairs & Tables", ("CHAIR, {c} RESIN GARDEN",)),
    Kind("Tables", "Banquet Tables", 5, 9, 9.0, _GRAD, 0, 0,
         "Tables", ("TABLE, BANQUET {n} FT PLASTIC", "TABLE, BANQUET {n} FT WOOD")),
    Kind("Tables", "Round Tables", 4, 9, 10.0, _WED, 0, 0, "Tables", ("TABLE, ROUND {n} INCH PLYWOOD",)),
    Kind("Tables", "Top Tables", 3, 8.5, 8.0, _WED, 0, 0,
         "Tables", ('TOP, TABLE ROUND, {n} INCH PLYWOOD', 'LEG BASE {n}" - 4 PRONG X')),
    Kind("Tables", "Cocktail Tables", 3, 7, 11.0, _CORP, 0, 0, "Tables", ("TABLE, COCKTAIL {n} INCH",)),
    Kind("Round Linen", "90 Round Linen", 40, 6, 11.0, _WED, 0, 0, "Linen - 90\" Round", ("90 ROUND {c} LINEN",)),
    Kind("Round Linen", "108 Round Linen", 26, 5, 13.0, _WED, 0, 0, "EVENT - Linen - White", ("108 ROUND {c} LINEN",)),
    Kind("Round Linen", "120 Round Linen", 35, 6, 15.0, _WED, 0, 0, "Linen - 120\" Round", ("120 ROUND {c} LINEN",)),
    Kind("Round Linen", "132 Round Linen", 28, 4, 18.0, _WED, 0, 0, "EVENT - Linen - Ivory", ("132 ROUND {c} LINEN",)),
    Kind("Rectangle Linen", "54 Square Linen", 18, 4, 7.0, _EVENT, 0, 0,
         "EVENT - Linen - Black", ("54 SQUARE {c} LINEN",)),
    Kind("Rectangle Linen", "60X120 Linen", 38, 6, 12.0, _GRAD, 0, 0,
         "Linen - 60 x 120, 132, 156", ("60X120 {c} LINEN",)),
    Kind("Rectangle Linen", "90X132 Linen", 18, 5, 17.0, _WED, 0, 0,
         "Linen - 60 x 120, 132, 156", ("90X132 {c} LINEN",)),
    Kind("Rectangle Linen", "90X156 Linen", 24, 4, 19.0, _WED, 0, 0,
         "Linen - 60 x 120, 132, 156", ("90X156 {c} LINEN",)),
    Kind("Napkins", "Napkins", 38, 5, 5.0, _WED, 0, 0, "Linen - Napkin", ("NAPKIN, {c} --10 PACK",), "pack"),
    Kind("Spandex", "Ice Table Spandex", 8, 3, 12.0, _CORP, 0, 0, "EVENT - Linen - Black", ("SPANDEX, {c} COCKTAIL",)),
    Kind("Skirt", "Skirt Skirt", 6, 3, 14.0, _CORP, 0, 0, "EVENT - Linen - White", ("SKIRT, {c} 14 FT",)),
    Kind("Tableware", "China Plates", 6, 8, 4.0, _WED, 0, 0,
         "China Service & Flatware", ("CHINA PLATE, WHITE {n} in (5)PACK",), "pack"),
    Kind("Tableware", "Glasses", 11, 8, 6.0, _WED, 0, 0,
         "Glassware", ("GLASS, GOBLET {n} OZ (25)RACK", "GLASS, FLUTE {n} OZ (25)RACK"), "pack"),
    Kind("Tableware", "Flatware Forks", 5, 6, 3.0, _WED, 0, 0,
         "China Service & Flatware", ("FLATWARE, FORK {n} (10)PACK",), "pack"),
    Kind("Tableware", "Serving Tools", 8, 2, 3.5, _EVENT, 0, 0,
         "EVENT - Beverage & Food Service", ("SERVING TONGS {n} INCH",)),
    Kind("Beverage Dispensers", "Coffee Makers", 3, 3, 22.0, _CORP, -0.05, 0,
         "Food/Drink Service", ("COFFEE MAKER {n} CUP",)),
    Kind("Beverage Dispensers", "Beverage Coolers", 4, 4, 12.0, _GRAD, 0.15, 0,
         "Coolers", ("BEVERAGE COOLER {n} GALLON",)),
    Kind("Chafers/Fountains", "Chafer Fountains", 5, 5, 16.0, _EVENT, 0, 0,
         "EVENT - Beverage & Food Service", ("CHAFER, STAINLESS {n} QT",)),
    Kind("Chafers/Fountains", "Fountain Fountains", 3, 1, 65.0, _WED, 0, 0,
         "Food/Drink Service", ("FOUNTAIN, CHOCOLATE {n} TIER",)),
    Kind("Frame Tent Tops", "HP Tops", 12, 2, 240.0, _GRAD, 0, 0.25,
         "EVENT - Canopies - Customer Install", ("TOP HP 20 X {n} (G1)",)),
    Kind("Frame Tent Tops", "Navi 30x", 8, 1, 420.0, _WED, 0, 0.2,
         "Canopies - Environmental Control", ("TOP NAVI 30 X {n} (G1) WHITE",)),
    Kind("Frame Tent Tops", "Gutter Tops", 6, 2, 40.0, _WED, 0, 0.3,
         "Canopy Parts/Installation", ("GUTTER HP {n} FT",)),
    Kind("Pole Tent Tops", "Canopy Tops", 9, 2, 180.0, _GRAD, 0, 0.25,
         "EVENT - Canopies - Customer Install", ("CANOPY AP 20X{n} WHITE (R)(G1)",)),
    Kind("Pole Tent Tops", "End Tops", 6, 1, 210.0, _WED, 0, 0.2,
         "Canopy Parts/Installation", ("END {n} X 15 LACE (G1)",)),
    Kind("Sidewall", "Sidewall Sidewall", 24, 4, 18.0, _GRAD, -0.05, 0.35,
         "Canopy Parts/Installation", ("SIDEWALL {n} FT SOLID WHITE",)),
    Kind("Concession Machines", "Popcorn Machines", 3, 3, 75.0, _FAIR, 0, -0.1,
         "Concessions", ("POPCORN MACHINE {n} OZ",)),
    Kind("Concession Machines", "Cotton Machines", 3, 2, 80.0, _FAIR, 0.05, -0.1,
         "Concessions", ("COTTON CANDY MACHINE, {n} AMP 120V",)),
    Kind("Concession Machines", "Sno Machines", 3, 2, 78.0, _FAIR, 0.25, -0.2,
         "Concessions", ("SNO-CONE MACHINE {n}",)),
    Kind("Concession Machines", "Frozen Machines", 4, 2, 130.0, _GRAD, 0.25, -0.1,
         "EVENT - Concession", ("FROZEN DRINK MACHINE {n} BOWL",)),
    Kind("Concession Machines", "Nacho Machines", 3, 1, 48.0, _FAIR, 0, 0,
         "EVENT - Concession", ("NACHO CHEESE DISPENSER {n}",)),
    Kind("Games", "Tabletop Games", 14, 1, 35.0, _FAIR, 0.05, -0.25,
         "Games & Activities", ("GAME, BEAN BAG TOSS {n}", "GAME, GIANT JENGA {n}")),
    Kind("Carpet and Drapes", "Drapes Drapes", 14, 4, 14.0, _CORP, 0, 0, "Dance Floor & Carpet", ("DRAPE, {c} 8 FT",)),
    Kind("AV", "Sound Systems/Projectors", 12, 1, 85.0, _CORP, 0, 0,
         "EVENT - A/V & Games", ("MIC, WIRELESS {n} (SHURE)", "PROJECTOR {n} LUMEN")),
    Kind("AV", "DJ/Lighting", 8, 2, 30.0, _WED, 0, 0, "EVENT - A/V & Games", ("UPLIGHT LED {n}",)),
    Kind("Dance Floors", "California Dance Floors", 4, 5, 24.0, _WED, 0, 0,
         "Dance Floor & Carpet", ("DANCE FLOOR 3X3 PANEL {n}",)),
    Kind("Stages", "Adjustable Stages", 3, 4, 45.0, _CORP, 0, 0, "Staging & Stairs", ("STAGE DECK 4X{n}",)),
    Kind("Decorations", "Centerpiece Stands", 12, 3, 14.0, _WED, 0, 0,
         "Decor-Columns-Arches", ("CUPCAKE STAND {n} TIER", "COLUMN {n} INCH WHITE")),
    Kind("Fans", "Pedestal Fans", 4, 3, 38.0, _EVENT, 0.45, 0, "Environmental Control", ("FAN, PEDESTAL {n} INCH",)),
    Kind("Coolers", "Port-A-Cool Units", 3, 1, 110.0, _FAIR, 0.5, 0,
         "Environmental Control", ("PORT-A-COOL {n} INCH",)),
    Kind("Heaters", "Patio Heaters", 5, 3, 55.0, (3, 0, 1, 2, 0, 9), -0.35, 0,
         "Environmental Control", ("HEATER, PATIO {n}K BTU",)),
    Kind("Heaters", "Tent Heaters", 3, 2, 140.0, (2, 0, 0, 2, 0, 9), -0.35, 0,
         "Environmental Control", ("HEATER, TENT {n}K BTU",)),
    Kind("Garbage Cans", "Plastic Garbage Cans", 3, 5, 6.0, _FAIR, 0, 0,
         "Miscellaneous Tool", ("GARBAGE CAN {n} GALLON",)),
    Kind("Resale", "Kwik 60 in R", 16, 3, 3.5, (1, 1, 1, 1, 1, 0), 0, 0,
         "EVENT - Table Cover Sales", ("KWIK COVER {c} ROUND 60 PLASTIC",), "resale"),
    Kind("Resale", "Cotton Resale", 7, 3, 12.0, (1, 1, 1, 1, 1, 0), 0, 0,
         "Cotton Candy Sales", ("COTTON CANDY SUGAR {c} (52 OZ)",), "resale"),
)  # fmt: skip
