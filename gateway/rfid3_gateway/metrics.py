"""What can be counted at the door? Labels are route templates, never URLs, so their number is bounded.

Requests are tallied in plain numbers and turned into Prometheus families when somebody asks: on the hot path the client
library's locks would cost more than all the counting.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import REGISTRY, Counter
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
BUCKET_NAMES = (*(str(bound) for bound in BUCKETS_S), "+Inf")

UPSTREAM_ERRORS = Counter(
    "rfid3_gateway_upstream_errors_total", "Calls to a service instance that gave no answer.", ["service", "kind"]
)
LIMITED_LOCALLY = Counter(
    "rfid3_gateway_limited_locally_total", "Calls counted by this process alone because Redis was out of reach."
)


class _Tally:
    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.seconds, self.buckets = 0.0, [0] * len(BUCKET_NAMES)


class Tallies(Collector):
    """Requests by route template, rate class and status; status 499 means that the caller hung up."""

    def __init__(self) -> None:
        self._by_label: dict[tuple[str, str, int], _Tally] = {}
        self.in_flight = 0

    def record(self, route: str, rate_class: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        label = (route, rate_class, status)
        tally = self._by_label.get(label)
        if tally is None:
            tally = self._by_label[label] = _Tally()
        tally.seconds += seconds
        tally.buckets[bisect_left(BUCKETS_S, seconds)] += 1

    def collect(self) -> Iterator[Metric]:
        """The Prometheus families."""
        labels = ["route", "rate_class", "status"]
        requests = CounterMetricFamily("rfid3_gateway_requests", "Requests answered; 499 = the caller hung up.", labels=labels)
        latency = HistogramMetricFamily(
            "rfid3_gateway_request_seconds", "Seconds from headers in to last byte out.", labels=labels
        )
        for (route, rate_class, status), tally in self._by_label.items():
            values = [route, rate_class, str(status)]
            counts = list(accumulate(tally.buckets))
            requests.add_metric(values, counts[-1])
            latency.add_metric(values, list(zip(BUCKET_NAMES, counts, strict=True)), tally.seconds)
        yield requests
        yield latency
        yield GaugeMetricFamily("rfid3_gateway_requests_in_flight", "Requests being answered now.", value=self.in_flight)


TALLIES = Tallies()
REGISTRY.register(TALLIES)
