"""How much of a request's body does the gateway take in? All of it up to a limit, so that a call can be tried again."""

from collections.abc import Sequence
from typing import ClassVar

from rfid3_gateway.headers import header
from rfid3_gateway.patience import Patience, Receive
from rfid3_shared.errors import AppError, InvalidParameters, PayloadTooLarge


class BodyTooSlow(AppError):
    """The caller announced a body and did not send it before the deadline."""

    status: ClassVar[int] = 408
    code: ClassVar[str] = "TIMEOUT"
    retryable: ClassVar[bool] = True


async def read_body(
    headers: Sequence[tuple[bytes, bytes]], receive: Receive, limit_bytes: int, patience: Patience
) -> bytes | None:
    """The request's body, or None when it has none.

    Raises PayloadTooLarge by its announced size or as soon as more has arrived; TimeoutError when the caller hangs up.
    """
    announced = header(headers, b"content-length")
    if announced is None:
        if header(headers, b"transfer-encoding") is None:
            return None
    elif not announced.isdigit():
        raise InvalidParameters("Content-Length must be a number.")
    elif int(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    patience.reading_body = True
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            patience.leave()
            raise TimeoutError
        if part := message.get("body", b""):
            size += len(part)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            parts.append(part)
        if not message.get("more_body", False):
            break
    patience.reading_body = False
    return b"".join(parts) or None


def _too_large(limit_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {limit_bytes} bytes.", limit_bytes=limit_bytes)
