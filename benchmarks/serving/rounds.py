"""Asking servers in turn, and what comes of it."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import load
from benchmarks.load import Plan, Report
from benchmarks.results import Goal, Row, at_least, at_most, figure
from benchmarks.server import Server
from benchmarks.serving.questions import Question
from benchmarks.serving.stage import Stage

BARE = "bare ASGI app on granian"
READING = "bare ASGI app that reads the user"
PLAIN = "FastAPI and redis-py"
CONNECTIONS = 64
OPEN_RATE = 1_000.0
"""Requests per second in the open loop."""
DEGRADED = b'"degraded":true'
CORES_FOR_WORKERS = 4
"""Two workers, Valkey and the generator: with fewer cores they are in each other's way."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured."""

    rounds: int
    seconds: float

    @classmethod
    def of(cls, *, quick: bool) -> Effort:
        """Return the effort of a full or of a short run."""
        return cls(rounds=3, seconds=1.0) if quick else cls(rounds=9, seconds=3.0)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What one server did in a closed loop, round by round."""

    reports: list[Report]
    cpu_us: list[float]
    """Processor time of the server per request, microseconds."""

    @property
    def rate(self) -> float:
        """Median of requests per second."""
        return statistics.median(report.rate for report in self.reports)

    def beside(self, peer: Rounds) -> float:
        """Return the median, over the rounds, of this rate by the peer's."""
        return statistics.median(mine.rate / its.rate for mine, its in zip(self.reports, peer.reports, strict=True))


def closed_rows(stage: Stage, question: Question, effort: Effort, goals: Mapping[str, Goal | None]) -> list[Row]:
    """Measure one question as fast as it is answered, beside the peers that `goals` names."""
    name = question.name
    answer = _typical_answer(stage.ours, question, stage.key)
    with stage.bare(answer) as bare, stage.bare(answer, reads=True) as reading:
        servers = {"ours": stage.ours, BARE: bare, READING: reading, PLAIN: stage.plain}
        found = _closed_loop({who: servers[who] for who in ("ours", *goals)}, question, stage.key, effort)
    ours = found.pop("ours")
    rows = [
        figure(f"{name}: requests/s", ours.rate, "1/s"),
        figure(f"{name}: server CPU per request", statistics.median(ours.cpu_us), "µs"),
    ]
    for who, peer in found.items():
        rows += [
            figure(f"{name}: requests/s of {who}", peer.rate, "1/s"),
            figure(f"{name}: server CPU per request of {who}", statistics.median(peer.cpu_us), "µs"),
            figure(f"{name}: requests/s beside {who}", ours.beside(peer), "×", goal=goals.get(who), peer=who),
        ]
    every = [*ours.reports, *(report for peer in found.values() for report in peer.reports)]
    return [
        *rows,
        figure(f"{name}: busiest generator", max(report.busy_share for report in every), "of a core"),
        figure(f"{name}: failed or degraded answers", sum(report.failures for report in every), "", goal=at_most(0)),
    ]


def open_rows(stage: Stage, question: Question, effort: Effort, *, rate: float = OPEN_RATE) -> list[Row]:
    """Measure one question at a steady rate, in turn with the bare server."""
    name, at = question.name, f"at {rate:g} requests/s"
    with stage.bare(_typical_answer(stage.ours, question, stage.key)) as bare:
        pairs = [
            tuple(
                load.generate(_plan(question, server, stage.key, effort.seconds, rate=rate))
                for server in (stage.ours, bare)
            )
            for _ in range(effort.rounds)
        ]
    ours, peers = zip(*pairs, strict=True)
    p99, bare_p99 = (statistics.median(report.p99_ms for report in reports) for reports in (ours, peers))
    return [
        figure(f"{name}: p50 {at}", statistics.median(report.p50_ms for report in ours), "ms"),
        figure(f"{name}: p99 {at}", p99, "ms", goal=at_most(5)),
        figure(f"{name}: p99 {at} of the bare app", bare_p99, "ms"),
        figure(f"{name}: p99 {at}, beside the bare app", p99 / bare_p99, "×", goal=at_most(2), peer=BARE),
        figure(f"{name}: failures {at}", sum(report.failures for report in ours), "", goal=at_most(0)),
    ]


def workers_rows(stage: Stage, question: Question, effort: Effort) -> list[Row]:
    """Measure two workers beside one; the goal counts where there are cores for all."""
    with stage.workers(2) as two:
        found = _closed_loop({"one": stage.ours, "two": two}, question, stage.key, effort)
    enough = (os.cpu_count() or 1) >= CORES_FOR_WORKERS
    ratio = found["two"].beside(found["one"])
    return [
        figure(
            f"{question.name}: two workers beside one, on {os.cpu_count()} cores",
            ratio,
            "×",
            goal=at_least(1.7) if enough else None,
            peer="one worker",
        )
    ]


def latency_rows(stage: Stage, question: Question, effort: Effort, *, rate: float) -> list[Row]:
    """Measure what must be computed, at a rate that any shop would be glad of."""
    report = load.generate(_plan(question, stage.ours, stage.key, effort.seconds * 3, rate=rate))
    at = f"at {rate:g} requests/s"
    return [
        figure(f"{question.name}: p50 {at}", report.p50_ms, "ms", goal=at_most(20)),
        figure(f"{question.name}: p99 {at}", report.p99_ms, "ms", goal=at_most(100)),
        figure(f"{question.name}: failed or degraded answers", report.failures, "", goal=at_most(0)),
    ]


def _closed_loop(servers: Mapping[str, Server], question: Question, key: str, effort: Effort) -> dict[str, Rounds]:
    """Ask the servers in turn, round after round, as fast as they answer; the first round warms up."""
    found = {name: Rounds([], []) for name in servers}
    for number in range(effort.rounds + 1):
        for name, server in servers.items():
            before = server.cpu_seconds()
            report = load.generate(_plan(question, server, key, effort.seconds))
            if number:
                found[name].reports.append(report)
                found[name].cpu_us.append(1e6 * (server.cpu_seconds() - before) / max(1, report.answers))
    return found


def _plan(question: Question, server: Server, key: str, seconds: float, *, rate: float | None = None) -> Plan:
    return Plan(server.port, question.requests(key), seconds, connections=CONNECTIONS, rate=rate, refused=DEGRADED)


def _typical_answer(server: Server, question: Question, key: str) -> bytes:
    """Return an answer of median length, after every variant was asked once.

    Raises
    ------
    RuntimeError
        If a user was answered as somebody unknown: that is cheaper, and not what is claimed.
    """
    answers = [server.ask(question.method, path, body, key=key) for path, body in question.variants]
    if question.is_personal and not all(json.loads(answer)["source"] == "personal" for answer in answers):
        raise RuntimeError(f"{question.name}: not every answer is personal")
    return sorted(answers, key=len)[len(answers) // 2]
