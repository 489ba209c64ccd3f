"""What would have gone out, had it been there? Demand behind empty shelves, from scans alone; pure.

`spells` tells where each unit was, `returns` when the unseen ones came back, `shelf` what stood on each shelf each day, `lumps` how
many units a contract takes, `compound` how a day's contracts add up, `estimate` what was asked for.
"""

from rfid3_demand.censoring.estimate import SCHEMA, Refused, refused_demand
from rfid3_demand.censoring.spells import Sources

__all__ = ["SCHEMA", "Refused", "Sources", "refused_demand"]
