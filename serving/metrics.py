"""What Prometheus may ask of a serving process.

Each app has a registry of its own, so that several can live in one process. With several workers each has its own
numbers; `serving.server` points them at one folder (`PROMETHEUS_MULTIPROC_DIR`), and any of them answers for all.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

LATENCY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Every metric, by name."""

    def __init__(self) -> None:
        # The library decides once, when it is first imported, where values live; a forked worker decides anew.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "requests",
            "Requests by route, status and, for slates, the rung that filled them.",
            ("route", "method", "status", "source"),
        )
        self.latency = Histogram(
            "regulars_request_seconds",
            "Time to answer.",
            ["route"],
            buckets=LATENCY_SECONDS,
            registry=self.registry,
        )
        self.candidates = self._counter(
            "candidates",
            "Personal candidates: stored, computed (fresh events), missing, unreadable, no_store.",
            ("outcome",),
        )
        self.degraded = self._counter("degraded_slates", "Slates answered with less than usual.", ("reason",))
        self.refused = self._counter("refused_requests", "Requests that were not let in, by why.", ("reason",))
        self.store_errors = self._counter("store_errors", "Store calls that failed, by what was wanted.", ("call",))
        self.breaker = self._gauge("store_breaker", "0 the store is used, 1 it is tried, 2 it is left alone.")
        self.model = self._gauge("model_info", "1 for the version that answers, 0 for those before it.", ("version",))
        self.model_age = self._gauge(
            "model_as_of_timestamp_seconds", "The end of the purchase log the model was trained on."
        )
        self.artifacts_refused = self._counter("artifacts_refused", "Artifacts that could not be loaded.")
        self.events = self._counter("events", "Events by what became of them.", ("outcome",))
        self.events_waiting = self._gauge("events_waiting", "Events in the stream that are not in a file yet.")
        self.events_drained = self._counter("events_drained", "Events moved from the stream into files.")
        self.item_updates = self._counter("item_updates", "Items changed over the API.")
        self.users_erased = self._counter("users_erased", "Users erased over the API.")

    def render(self) -> bytes:
        """Return the page that Prometheus reads."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def _counter(self, name: str, what: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"regulars_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, labels: tuple[str, ...] = ()) -> Gauge:
        """With several workers, the largest value of those that live counts."""
        return Gauge(f"regulars_{name}", what, labels, registry=self.registry, multiprocess_mode="livemax")
