"""Which model answers for a service, is it the one that was published, and which one may follow it?

A model is published as a folder named by its content and is a candidate then. The gate compares it with the champion and the naive
forecasts; what passes answers live requests as a shadow, unseen, and then becomes champion. One call goes back. Services hold the
loaded champion in `Snapshots` and swap it without a gap. Nothing here is ever unpickled.
"""

from rfid3_shared.registry.announcement import CHANNEL, announce
from rfid3_shared.registry.artefact import MANIFEST
from rfid3_shared.registry.code_version import code_version
from rfid3_shared.registry.gate import Comparison, Verdict, judge
from rfid3_shared.registry.history import Event
from rfid3_shared.registry.promotion import promote_ripe_shadow, promotion_duty
from rfid3_shared.registry.shadow import Shadowing
from rfid3_shared.registry.snapshots import Loaded, Snapshots
from rfid3_shared.registry.storage import Storage, open_storage
from rfid3_shared.registry.tables import ml_model_performance, registry_current, registry_events, shadow_tallies
from rfid3_shared.registry.version import State, Version
from rfid3_shared.registry.versions import Registry

__all__ = [
    "CHANNEL", "MANIFEST", "Comparison", "Event", "Loaded", "Registry", "Shadowing", "Snapshots", "State", "Storage", "Verdict", "Version",
    "announce", "code_version", "judge", "ml_model_performance", "open_storage", "promote_ripe_shadow", "promotion_duty",
    "registry_current", "registry_events", "shadow_tallies",
]  # fmt: skip
