"""Which model answers for a service, and is it the one that was published?

A model is published as a folder named by its content; one row says which is current. Services hold the loaded current one in
`Snapshots` and swap it without a gap. Nothing here is ever unpickled.
"""

from rfid3_shared.registry.artefact import MANIFEST
from rfid3_shared.registry.snapshots import CHANNEL, Loaded, Snapshots, announce
from rfid3_shared.registry.tables import ml_model_performance, registry_current
from rfid3_shared.registry.version import Version
from rfid3_shared.registry.versions import Registry

__all__ = [
    "CHANNEL", "MANIFEST", "Loaded", "Registry", "Snapshots", "Version", "announce", "ml_model_performance", "registry_current",
]  # fmt: skip
