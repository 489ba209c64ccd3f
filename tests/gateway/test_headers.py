"""What speaks of one connection ends at the gateway; what speaks of the message passes."""

from hypothesis import given
from hypothesis import strategies as st

from rfid3_gateway.headers import HOP_BY_HOP, to_caller, to_service

NAMES = st.sampled_from([b"accept", b"cookie", b"x-api-key", b"x-a", b"x-b", b"te", b"upgrade", b"connection", b"x-request-id"])
VALUES = st.sampled_from([b"1", b"close", b"x-a, X-B", b"keep-alive,x-api-key"])


def passed(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return to_service(headers, peer="10.0.0.9", request_id="the-id", deadline_ms=1500)


class TestToService:
    @given(st.lists(st.tuples(NAMES, VALUES), max_size=12))
    def test_drops_exactly_what_belongs_to_the_connection(self, headers: list[tuple[bytes, bytes]]) -> None:
        """RFC 9110 7.6.1: the listed names and those Connection names go; the rest stays, in order; the key always stays."""
        named = {t.strip().lower() for n, v in headers if n == b"connection" for t in v.split(b",")} - {b"x-api-key"}
        expected = [(n.decode(), v.decode()) for n, v in headers if n not in HOP_BY_HOP | named | {b"x-request-id"}]

        assert passed(headers)[:-3] == expected

    def test_writes_its_own_trail(self) -> None:
        """The caller's id and deadline are replaced, the forwarding chain is lengthened by the peer's address."""
        sent = passed([(b"x-forwarded-for", b"1.1.1.1"), (b"x-request-id", b"evil"), (b"x-request-deadline-ms", b"999999")])

        assert sent == [("x-forwarded-for", "1.1.1.1, 10.0.0.9"), ("x-request-id", "the-id"), ("x-request-deadline-ms", "1500")]

    def test_names_no_address_twice_in_a_row(self) -> None:
        """When the server took the peer from the chain, the chain is complete already."""
        assert passed([(b"x-forwarded-for", b"1.1.1.1, 10.0.0.9")])[0] == ("x-forwarded-for", "1.1.1.1, 10.0.0.9")


class TestToCaller:
    def test_keeps_repeated_headers_and_drops_hops(self) -> None:
        """Every Set-Cookie arrives; Keep-Alive, Transfer-Encoding and what Connection names do not."""
        headers = [
            (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"Keep-Alive", b"timeout=5"), (b"Transfer-Encoding", b"chunked"),
            (b"Connection", b"X-Secret"), (b"X-Secret", b"1"), (b"X-Request-ID", b"theirs"), (b"Server", b"uvicorn"),
        ]  # fmt: skip

        assert to_caller(headers) == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
