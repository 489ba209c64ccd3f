"""For whom is a flag on, and which arm of an experiment does somebody see? Pure, and the same in every process and for ever.

A key's place is a hash of flag and key, so nobody has to be remembered: who is in at 10 % is in at 20 %, and who is in for one
flag is no likelier to be in for another.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.flags.flag import FlagState

BUCKETS = 10_000
"""Places a key can have: a share is kept to a hundredth of a percent."""


def _point(purpose: bytes, name: str, key: str) -> int:
    """64 bits that only these three decide."""
    # the name's length comes first, so that no other pair of name and key reads the same
    text = f"{len(name)}:{name}{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, person=purpose).digest(), "big")


def bucket(flag: str, key: str) -> int:
    """A key's place for a flag, 0 to 9,999; the flag is on for it when its share in hundredths of a percent is larger."""
    return _point(b"rfid3-flag", flag, key) % BUCKETS


@dataclass(frozen=True, slots=True)
class Rule:
    """A flag's setting, made ready for being asked often."""

    flag: str
    threshold: int
    """Buckets below it are in; 0 when switched off."""
    entities: frozenset[str]

    @classmethod
    def of(cls, state: FlagState) -> "Rule":
        """The rule of a setting."""
        if not state.enabled:
            return cls(state.flag.value, 0, frozenset())
        entities = frozenset(entity.casefold() for entity in state.entities)
        return cls(state.flag.value, round(state.percent * BUCKETS / 100), entities)

    @property
    def verdict(self) -> bool | None:
        """True or False where the answer is the same for everybody."""
        if self.threshold >= BUCKETS:
            return True
        return None if self.threshold or self.entities else False

    def admits(self, key: str, entities: Collection[str] = ()) -> bool:
        """Whether the flag is on for a key (its id, or empty) and what it asks about; entities are written `kind:name`.

        Nobody without a key is in a share of less than everybody.
        """
        if self.threshold >= BUCKETS:
            return True
        if self.entities and not self.entities.isdisjoint(_folded(key, entities)):
            return True
        return bool(key) and bucket(self.flag, key) < self.threshold


def _folded(key: str, entities: Iterable[str]) -> set[str]:
    asked = {entity.casefold() for entity in entities}
    return asked | {f"key:{key}".casefold()} if key else asked


def arm(experiment: str, key: str, shares: Mapping[str, float]) -> str:
    """The arm of an experiment that a key sees, always the same one while the shares stay.

    Shares are fractions that sum to 1; their order does not matter.
    Raises InvalidParameters when they do not sum to 1, or one is negative.
    """
    if not shares or any(not 0 <= share <= 1 for share in shares.values()) or not math.isclose(sum(shares.values()), 1):
        raise InvalidParameters("The shares of an experiment are fractions that sum to 1.", shares=dict(shares))
    at = _point(b"rfid3-arm", experiment, key) / 2**64
    present = sorted(name for name, share in shares.items() if share > 0)
    reached = 0.0
    for name in present:
        reached += shares[name]
        if at < reached:
            return name
    return present[-1]  # the shares' sum may fall short of 1 by a rounding error
