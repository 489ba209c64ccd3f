"""Where is the MQTT broker, who are we there, and which topics do readers publish on? One URL says it.

mqtt://user:password@host:1883/shop/scans/#, or mqtts:// for TLS (port 8883); the topics are a filter: + and # are wildcards.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Address:
    """A broker, an account there and a topic filter; the password shows in no text made of it."""

    host: str
    port: int
    tls: bool
    topic: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        """Host and port, for logs."""
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """What the URL says; name and password percent-encoded there.

    Raises ValueError, which repeats nothing of the URL.
    """
    # an MQTT filter may hold # and ?, which a URL would take for the end of its path
    scheme, colon, rest = url.strip().partition("://")
    if not colon or scheme.lower() not in PORTS:
        raise ValueError("RFID3_MQTT_URL must begin with mqtt:// or mqtts://.")
    server, _, path = rest.partition("/")
    try:
        parts = urlsplit(f"//{server}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or (parts.netloc != server):
        raise ValueError("RFID3_MQTT_URL names no host; special signs in name and password must be percent-encoded.")
    topic = unquote(path)
    if not is_filter(topic):
        raise ValueError(
            "RFID3_MQTT_URL must end in the topics to read, e.g. /shop/scans/# (# only last, + and # alone in a level)."
        )
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Address(host, port or PORTS[scheme.lower()], scheme.lower() == "mqtts", topic, user, password)


def is_filter(topic: str) -> bool:
    """Whether MQTT allows the text as a topic filter (MQTT 5, section 4.7)."""
    levels = topic.split("/")
    if not topic or len(topic.encode(errors="replace")) > 65_535 or "\0" in topic:
        return False
    if any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
        return False
    return "#" not in levels[:-1]
