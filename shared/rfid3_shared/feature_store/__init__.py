"""Which feature values are known right now, which were known at any moment, and how old are they?

definition (what is a feature) · compute (its value at a moment) · online (served from Redis, by age; `reading` is what the bytes say) ·
history (kept as it changes, read as of any time) · frames (for training) · store (single values, each once) · precision.
"""

from rfid3_shared.feature_store.store import FeatureValue, prune, write_features

__all__ = ["FeatureValue", "prune", "write_features"]
