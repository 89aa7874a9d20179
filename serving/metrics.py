"""What Prometheus may ask of a serving process.

Each app has a registry of its own, so that several can live in one process. With several workers each has its own
numbers; `serving.server` points them at one folder (`PROMETHEUS_MULTIPROC_DIR`), and any of them answers for all.
What a worker counted stays when it dies, so no counter ever falls; what it held at that moment (its gauges) goes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

LATENCY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
"""Others are counted as one: a client may make up as many as it likes."""

Read = Callable[[], float]


class Metrics:
    """Every metric, by name."""

    def __init__(self) -> None:
        # The library decides once, when it is first imported, where values live; a forked worker decides anew.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        # They would be a second series beside each counter: when it began. Nothing of ours asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "requests",
            "Requests by route, status and, for slates, the rung that filled them.",
            ("route", "method", "status", "source"),
        )
        self.latency = self._histogram("request_seconds", "Time to answer.", ("route",))
        self.candidates = self._counter(
            "candidates",
            "Personal candidates: stored, computed (fresh events), missing, unreadable, no_store.",
            ("outcome",),
        )
        self.degraded = self._counter("degraded_slates", "Slates answered with less than usual.", ("reason",))
        self.refused = self._counter("refused_requests", "Requests that were not let in, by why.", ("reason",))
        self.unvouched = self._counter(
            "unvouched_users", "Slates and events that named a user without showing that they may.", ("what", "reason")
        )
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
        self.events_unsynced = self._counter("events_unsynced", "Accepted events that only Redis has.")
        self.merges = self._counter("merges", "Guests who turned out to be users.")
        self.store_persistent = self._gauge("store_persistent", "1 if Redis has an append-only file, 0 if it has none.")
        self.mail_opened = self._counter(
            "mail_opened", "Links and pictures of mail that were opened, by what they led to.", ("what", "outcome")
        )
        self.mail_robots = self._counter("mail_robots", "Links of mail that programs followed: no clicks.")
        self.item_updates = self._counter("item_updates", "Items changed over the API.")
        self.users_erased = self._counter("users_erased", "Users erased over the API.")
        self._of_experiments()
        self._of_the_process()
        self._sampled: dict[Gauge, Read] = {}

    def _of_experiments(self) -> None:
        """Add what tells whether the groups of experiments get what they should."""
        self.experiment_slates = self._counter(
            "experiment_slates", "Slates shown to the groups of experiments.", ("experiment", "variant")
        )
        self.challenger_missed = self._counter(
            "challenger_missed_slates",
            "Slates of variants whose version was not there; the served one filled them.",
            ("version",),
        )
        self.challenger = self._gauge(
            "challenger_info", "1 for each version that variants of experiments get, 0 for those before.", ("version",)
        )

    def _of_the_process(self) -> None:
        """Add what `serving.vitals` and the engine's thread write down."""
        self.build = self._gauge("build_info", "1, labelled with the version of the program.", ("version",))
        self.started = self._gauge("process_start_time_seconds", "When the youngest worker was started.")
        self.workers = self._gauge("workers", "Workers that live.", mode="livesum")
        self.memory = self._gauge(
            "resident_memory_bytes", "Memory of all workers, shared pages included.", mode="livesum"
        )
        self.cpu = self._counter("cpu_seconds", "Processor time used.")
        self.in_flight = self._gauge(
            "requests_in_flight", "Page views under way; other requests count fourfold.", mode="livesum"
        )
        self.loop_lag = self._histogram("event_loop_lag_seconds", "How late a timer fires, ten times a second.")
        self.engine_waiting = self._gauge("engine_waiting", "Slates that wait for the engine.", mode="livesum")
        self.engine_wait = self._histogram("engine_wait_seconds", "Time a slate waited for the engine.")
        self.engine_seconds = self._histogram("engine_seconds", "Time to compute a slate or list.", ("what",))
        self.stale_users = self._gauge("stale_users", "Users remembered for the time Redis is away.", mode="livesum")
        self.store_round_trip = self._histogram("store_round_trip_seconds", "A PING of Redis, where users are read.")
        self.connections_lost = self._counter("store_connections_lost", "Connections for reading users that ended.")

    def watch(self, gauge: Gauge, read: Read) -> None:
        """Read a gauge's value whenever somebody looks, instead of being told each change."""
        self._sampled[gauge] = read

    def sample(self) -> None:
        """Read the gauges that are watched."""
        for gauge, read in self._sampled.items():
            gauge.set(read())

    def forget_the_dead(self) -> None:
        """Remove the gauges of workers that live no more."""
        folder = os.environ.get(MULTIPROCESS_VARIABLE)
        if folder is None:
            return
        for process in {path.stem.rpartition("_")[2] for path in Path(folder).glob("gauge_live*_*.db")}:
            if process.isdecimal() and not _lives(int(process)):
                mark_process_dead(int(process), folder)  # type: ignore[no-untyped-call]

    def render(self) -> bytes:
        """Return the page that Prometheus reads."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)

    def _counter(self, name: str, what: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"regulars_{name}", what, labels, registry=self.registry)

    def _gauge(
        self, name: str, what: str, labels: tuple[str, ...] = (), *, mode: Literal["livemax", "livesum"] = "livemax"
    ) -> Gauge:
        """With several workers, the largest value of those that live counts, or their sum."""
        return Gauge(f"regulars_{name}", what, labels, registry=self.registry, multiprocess_mode=mode)

    def _histogram(self, name: str, what: str, labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(f"regulars_{name}", what, labels, buckets=LATENCY_SECONDS, registry=self.registry)


def method_label(method: str) -> str:
    """Return how a method is counted."""
    return method if method in METHODS else "OTHER"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
