"""Who is calling, and what may they do?

API keys are random, shown once, stored as SHA-256 (a key has 160 bits of its own entropy, so a slow hash would buy nothing
and cost every request). Scopes: read < train, decide < admin; admin implies all. `events` is for what
posts scans and POS lines: a reader in the shop needs no other. A key is sent as `X-API-Key` or
`Authorization: Bearer`; a key in the URL is refused because URLs are logged.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, Column, String, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock, naive_utc
from rfid3_shared.db import Seconds, store_metadata
from rfid3_shared.errors import Forbidden, InvalidParameters, NotFound, Unauthorized

SCOPES = ("read", "events", "train", "decide", "admin")
PREFIX = "rfid3_"

api_keys = Table(
    "api_keys", store_metadata,
    Column("id", String(12), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("owner", String(100), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Seconds, nullable=False),
    Column("expires_at", Seconds),
    Column("revoked_at", Seconds),
)  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Someone whose key is known; `key_id` is safe to log."""

    key_id: str
    owner: str
    scopes: frozenset[str]

    def require(self, scope: str, *others: str) -> None:
        """Raises Forbidden when the key has none of these scopes."""
        if self.scopes.isdisjoint((scope, *others, "admin")):
            lacking = " or ".join(repr(each) for each in (scope, *others))
            raise Forbidden(f"This key may not do that: it lacks the scope {lacking}.", required_scope=scope)


def hash_key(key: str) -> str:
    """The form in which a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key in raw ASGI headers.

    Raises Unauthorized when there is none.
    """
    for name, value in headers:
        if name == b"x-api-key":
            return value.decode("latin-1").strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].decode("latin-1").strip()
    raise Unauthorized("An API key is needed: send it as X-API-Key or as Authorization: Bearer.")


async def create_key(
    connection: AsyncConnection, *, owner: str, scopes: Iterable[str], clock: Clock, expires_at: datetime | None = None,
    key: str | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Store a new key, or one that another store of the same owner made; returns (id, key). It cannot be read again.

    Raises InvalidParameters for an unknown scope.
    """
    wanted = sorted(set(scopes), key=SCOPES.index) if set(scopes) <= set(SCOPES) else None
    if not wanted:
        raise InvalidParameters("Scopes are read, events, train, decide and admin.", accepted=list(SCOPES))
    key_id, key = secrets.token_hex(6), key or PREFIX + secrets.token_urlsafe(20)
    row = {"id": key_id, "key_hash": hash_key(key), "owner": owner, "scopes": wanted, "created_at": naive_utc(clock.now())}
    await connection.execute(insert(api_keys), {**row, "expires_at": expires_at and naive_utc(expires_at)})
    return key_id, key


async def find_caller(connection: AsyncConnection, key_hash: str, clock: Clock) -> Caller | None:
    """The caller behind a hashed key; None when unknown, revoked or expired."""
    row = (await connection.execute(select(api_keys).where(api_keys.c.key_hash == key_hash))).one_or_none()
    if row is None or row.revoked_at or (row.expires_at and row.expires_at <= naive_utc(clock.now())):
        return None
    return Caller(row.id, row.owner, frozenset(row.scopes))


async def list_keys(connection: AsyncConnection) -> list[dict[str, object]]:
    """Every key without its hash, newest first: id, owner, scopes, created_at, expires_at, revoked_at."""
    columns = [column for column in api_keys.c if column.name != "key_hash"]
    return [dict(row) for row in (await connection.execute(select(*columns).order_by(api_keys.c.created_at.desc()))).mappings()]


async def revoke_key(connection: AsyncConnection, key_id: str, clock: Clock) -> None:
    """Make a key useless from now on.

    Raises NotFound for an unknown id.
    """
    change = update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=naive_utc(clock.now()))
    if not (await connection.execute(change)).rowcount:
        raise NotFound(f"No key has the id {key_id!r}.")


class KeyRing:
    """Callers by hashed key, kept in memory for a few seconds so that a request costs no query.

    A revoked key works for at most `ttl_s` more seconds. While the store is unreachable known keys go on working.
    """

    def __init__(self, clock: Clock, ttl_s: float = 5.0, size: int = 10_000) -> None:
        self._clock, self._ttl_s, self._size = clock, ttl_s, size
        self._known: dict[str, tuple[Caller | None, float]] = {}

    def fresh(self, key_hash: str) -> Caller | None:
        """The caller if looked up recently; raises KeyError when a look-up is due, Unauthorized when known to be nobody."""
        caller, until = self._known[key_hash]
        if self._clock.monotonic() > until:
            raise KeyError(key_hash)
        if caller is None:
            raise Unauthorized("This API key is not known, or was revoked.")
        return caller

    def stale(self, key_hash: str) -> Caller | None:
        """The caller as last seen, however long ago: for when the store is out of reach."""
        return self._known.get(key_hash, (None, 0.0))[0]

    def remember(self, key_hash: str, caller: Caller | None) -> None:
        """Keep the result of a look-up; the oldest entries go first when full."""
        while len(self._known) >= self._size:
            self._known.pop(next(iter(self._known)))
        self._known[key_hash] = (caller, self._clock.monotonic() + self._ttl_s)
