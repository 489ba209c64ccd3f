"""What takes no time at all? The work of the jobs that `jobs_roundtrip` times; importing this costs nothing either."""

from typing import Any


async def no_op(settings: object, arguments: dict[str, Any], progress: object) -> dict[str, Any]:
    """Our job that does nothing."""
    return {}


async def arq_no_op(context: dict[str, Any]) -> None:
    """arq's job that does nothing."""
