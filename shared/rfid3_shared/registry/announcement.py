"""How do processes learn at once that somebody else is on duty? By a word in Redis; unheard, they find out within seconds."""

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from rfid3_shared.log import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

CHANNEL = "rfid3:published"
log = get_logger("registry.announcement")


async def announce(redis: "Redis | None", service: str) -> None:
    """Tell every process that the service's champion or shadow has changed; a Redis out of reach is no error."""
    if redis is None:
        return
    try:
        await redis.publish(CHANNEL, service)
    except (RedisError, OSError, TimeoutError) as fault:
        log.warning("not_announced", service=service, fault=type(fault).__name__)
