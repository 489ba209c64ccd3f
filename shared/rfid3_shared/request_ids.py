"""Under which name is a request found again? The caller's own id where it is a sane one, else a random UUID."""

import re
from collections.abc import Sequence
from secrets import token_bytes

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
DRAWN_AT_ONCE = 256  # a system call for each id would cost more than all else about it


class RequestIds:
    """Names requests; draws its randomness in bulk."""

    def __init__(self) -> None:
        self._left: list[str] = []

    def name(self, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The request's id."""
        for name, value in headers:
            if name == b"x-request-id" and SANE_ID.fullmatch(value):
                return value.decode()
        return self._new()

    def _new(self) -> str:
        if not self._left:
            drawn = token_bytes(16 * DRAWN_AT_ONCE).hex()
            self._left = [drawn[at : at + 32] for at in range(0, len(drawn), 32)]
        x = self._left.pop()
        return f"{x[:8]}-{x[8:12]}-4{x[13:16]}-a{x[17:20]}-{x[20:]}"  # RFC 9562: version 4, variant 10
