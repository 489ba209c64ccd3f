"""Which headers pass the gateway, in either direction? Pure; names are lower-case bytes as ASGI gives them."""

from collections.abc import Iterable, Sequence

RawHeaders = Sequence[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1: they speak of one connection, not of the message
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
     b"transfer-encoding", b"upgrade"}
)  # fmt: skip
# the gateway writes these itself, so a caller's own are not believed
OURS_TO_SERVICE = frozenset({b"content-length", b"expect", b"x-request-id", b"x-request-deadline-ms", b"x-forwarded-for"})
NOT_TO_SERVICE = HOP_BY_HOP | OURS_TO_SERVICE
NOT_TO_CALLER = HOP_BY_HOP | {
    b"server",
    b"date",
    b"x-request-id",
    b"x-ratelimit-limit",
    b"x-ratelimit-remaining",
    b"x-ratelimit-reset",
}


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Headers that the Connection header declares to be for one connection only."""
    return {
        token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",") if token.strip()
    }  # fmt: skip


def to_service(headers: RawHeaders, *, peer: str, request_id: str, deadline_ms: int) -> list[tuple[str, str]]:
    """The headers a service receives: the caller's end-to-end ones, the forwarding chain, the request id, the time left."""
    passed: list[tuple[str, str]] = []
    chain, single_hop = "", None
    for name, value in headers:
        if name in NOT_TO_SERVICE:
            if name == b"x-forwarded-for":
                chain = f"{chain}{value.decode('latin-1')}, "
            elif name == b"connection":
                single_hop = _named_by_connection(headers)
            continue
        passed.append((name.decode("latin-1"), value.decode("latin-1")))
    if single_hop:
        # a caller may not make the gateway drop its key or the host on the way
        single_hop -= {b"host", b"x-api-key", b"authorization", b"content-type"}
        passed = [(name, value) for name, value in passed if name.encode("latin-1") not in single_hop]
    # a server that trusts the proxy before it has taken the peer from this very chain
    chain = chain.removesuffix(f"{peer}, ") + peer
    passed += [("x-forwarded-for", chain), ("x-request-id", request_id), ("x-request-deadline-ms", str(deadline_ms))]
    return passed


def to_caller(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """The headers of a service's answer that belong to the message; names may come in any case."""
    lowered = [(name.lower(), value) for name, value in headers]
    single_hop = _named_by_connection(lowered)
    return [(name, value) for name, value in lowered if name not in NOT_TO_CALLER and name not in single_hop]


def header(headers: RawHeaders, wanted: bytes) -> bytes | None:
    """The first value of a header, or None."""
    for name, value in headers:
        if name == wanted:
            return value
    return None
