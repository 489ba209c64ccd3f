"""What can be counted about a process from outside? Prometheus text, labelled by route template, never by URL."""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest

REQUESTS = Counter(
    "rfid3_requests_total", "Requests answered, by service, route template and status.", ["service", "route", "status"]
)
SECONDS = Histogram(
    "rfid3_request_seconds", "Seconds from the first byte of a request to the last of its answer.", ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)  # fmt: skip


def exposition() -> tuple[bytes, str]:
    """Every metric of this process as (text, content type)."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
