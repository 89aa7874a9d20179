"""Page views that are counted in bulk are counted like any other."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from serving.metrics import Metrics
from serving.tally import Tally

SECONDS = (0.0004, 0.0005, 0.002, 0.3, 99.0)


def of(registry: CollectorRegistry, *names: str) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if line.startswith(names)]


def test_what_is_handed_over_is_what_was_observed() -> None:
    """Counters and histograms hold the same as if each answer had been reported by itself, limits included."""
    one_by_one, at_once = Metrics(), Metrics()
    tally = Tally(at_once)
    for seconds in SECONDS:
        one_by_one.requests.labels("/r", "GET", "200", "personal").inc()
        one_by_one.latency.labels("/r").observe(seconds)
        one_by_one.candidates.labels("stored").inc()
        tally.answered("/r", "personal", seconds)
        tally.stored()
    tally.hand_over()
    names = ("regulars_requests_total", "regulars_request_seconds", "regulars_candidates_total")
    assert of(at_once.registry, *names) == of(one_by_one.registry, *names)


def test_nothing_is_handed_over_twice() -> None:
    """A second look adds nothing."""
    metrics = Metrics()
    tally = Tally(metrics)
    tally.answered("/r", "popular", 0.001)
    tally.hand_over()
    before = of(metrics.registry, "regulars_")
    tally.hand_over()
    assert [line for line in of(metrics.registry, "regulars_") if line not in before] == []
