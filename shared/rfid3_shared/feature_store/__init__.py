"""Which feature values are known right now, and how old are they?"""

from rfid3_shared.feature_store.store import Feature, FeatureValue, latest, prune, write_features

__all__ = ["Feature", "FeatureValue", "latest", "prune", "write_features"]
