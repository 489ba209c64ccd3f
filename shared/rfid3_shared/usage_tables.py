"""How much is the API used, and how long was it there? An hour a row, kept for five weeks; times are naive UTC."""

from sqlalchemy import BigInteger, Column, Float, String, Table

from rfid3_shared.db import Seconds, store_metadata

api_usage = Table(
    "api_usage", store_metadata,
    # the hour's beginning
    Column("hour", Seconds, primary_key=True),
    Column("service", String(100), primary_key=True),
    # of api_keys; empty for calls that were counted without remembering whose they were
    Column("key_id", String(40), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    # status below 400, and the seconds these took altogether; status 500 and above
    Column("answered", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("errors", BigInteger, nullable=False),
    # of the answers that say where they came from (header x-cache)
    Column("cache_hits", BigInteger, nullable=False),
    Column("cache_misses", BigInteger, nullable=False),
)  # fmt: skip
"""Calls with a known key, by hour, service and key."""

api_uptime = Table(
    "api_uptime", store_metadata,
    Column("hour", Seconds, primary_key=True),
    # bit n: a gateway was up in minute n of the hour
    Column("minutes", BigInteger, nullable=False),
)  # fmt: skip
"""Heartbeats of the gateways."""
