"""Where does what is too large for a job's row lie, between the process that was asked and the one that works?

In Redis, compressed, for an hour: every process of the suite reaches it, and nobody has to clean up. Losing it loses a question
that can be asked again.
"""

import hashlib
import zlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from rfid3_shared.errors import StoreUnavailable

INPUT, RESULT = "adhoc-input", "adhoc-result"
"""Kinds: series as they were sent, by their hash; answers, by their job."""
KEPT_S = 3600
LEVEL = 1
FAULTS = (RedisError, OSError, TimeoutError)


def name_of(raw: bytes) -> str:
    """A name that equal contents share: 32 hex digits."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def packed(raw: bytes) -> bytes:
    """It as it is kept; takes 10 ms a megabyte."""
    return zlib.compress(raw, LEVEL)


async def put(redis: Redis, kind: str, name: str, content: bytes) -> None:
    """Keep what `packed` gave for an hour; raises StoreUnavailable."""
    try:
        await redis.set(_key(kind, name), content, ex=KEPT_S)
    except FAULTS as fault:
        raise StoreUnavailable("There is no place to lay the series down now; ask again.", retry_after_s=5) from fault


async def get(redis: Redis, kind: str, name: str) -> bytes | None:
    """What was packed; None when it was never kept, or no longer is. Raises StoreUnavailable."""
    try:
        content = await redis.get(_key(kind, name))
    except FAULTS as fault:
        raise StoreUnavailable("What was laid down cannot be reached now; ask again.", retry_after_s=5) from fault
    return None if content is None else zlib.decompress(content)


def _key(kind: str, name: str) -> str:
    return f"rfid3:demand:{kind}:{name}"
