"""What `/metrics` tells: counts and times, no content. Those of several worker processes are added up, by files in a folder of `serve`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue, ValueClass

SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)
EVENTS = Counter("collector_events", "Events by topic and verdict.", ("topic", "verdict"))
REQUESTS = Counter("collector_requests", "Requests by status.", ("status",))
KEEPING = Histogram("collector_keeping_seconds", "From a judged request until its events are durable.", buckets=SECONDS)
ANSWERING = Histogram("collector_answering_seconds", "From a request's headers to its answer.", buckets=SECONDS)


def text() -> bytes:
    """All figures in Prometheus' text format."""
    if ValueClass.__qualname__.startswith(MultiProcessValue.__qualname__):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest()
