"""Counting page views without asking the metrics library each time, which would cost as much as reading from Redis.

Numbers are added up here and handed over when somebody looks, and every half second: other workers read them then.
"""

from __future__ import annotations

from bisect import bisect_left

from prometheus_client import Histogram

from serving.metrics import LATENCY_SECONDS, Metrics


class Tally:
    """Page views that the metrics do not know of yet."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._answers: dict[tuple[str, str], int] = {}
        self._seconds: dict[str, list[float]] = {}
        self._stored = 0

    def answered(self, route: str, source: str, seconds: float) -> None:
        """Count an answer with status 200."""
        try:
            self._answers[route, source] += 1
            times = self._seconds[route]
        except KeyError:
            self._answers[route, source] = 1
            times = self._seconds.setdefault(route, [0.0] * (len(LATENCY_SECONDS) + 2))
        times[bisect_left(LATENCY_SECONDS, seconds)] += 1
        times[-1] += seconds

    def stored(self) -> None:
        """Count a shelf that was cut from stored candidates."""
        self._stored += 1

    def hand_over(self) -> None:
        """Add everything to the metrics, and begin anew."""
        answers, self._answers = self._answers, {}
        seconds, self._seconds = self._seconds, {}
        stored, self._stored = self._stored, 0
        for (route, source), count in answers.items():
            self._metrics.requests.labels(route, "GET", "200", source).inc(count)
        for route, (*counts, total) in seconds.items():
            _observe(self._metrics.latency.labels(route), counts, total)
        if stored:
            self._metrics.candidates.labels("stored").inc(stored)


def _observe(histogram: Histogram, counts: list[float], total: float) -> None:
    """Add many observations at once; the library offers one at a time, so its values are reached for."""
    for bucket, count in zip(histogram._buckets, counts, strict=True):
        if count:
            bucket.inc(count)
    histogram._sum.inc(total)
