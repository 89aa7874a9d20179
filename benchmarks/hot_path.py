"""Claim: a shelf from stored candidates comes in a few milliseconds, and one that must be computed not much later.

Two questions, each asked of ``regulars serve`` (one worker, embedded Valkey, Complete Journey) and of a bare ASGI app
that returns bytes of the same length from the same server with the same options, in turn within one run:

* hot: ``GET /v1/users/{id}/recommendations`` of users whose candidates are stored;
* cold: ``POST /v1/recommendations`` of guests who looked at a few items, so that everything is computed.

The load comes from `benchmarks.load`: 32 connections, closed loop, then an open loop at a rate that any shop of the
size would be glad of. Server, store and generator share the machine's cores; the ratio suffers from that more than it
gains, because only our app has a store beside it. Processor time per request does not depend on who else is busy.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks import load
from benchmarks.demo_shop import DemoShop
from benchmarks.load import Plan, Report
from benchmarks.results import Goal, Row, at_most, figure
from benchmarks.server import Server, free_port, serving
from recommender.artifact import load_artifact
from recommender.model import Model

SEED = 7
QUESTIONS = 256
"""Different users, or guests, asked in turn."""
SEEN_ITEMS = 3
"""Items that a guest has looked at."""
BARE = "bare ASGI app on granian"
DEGRADED = b'"degraded":true'


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured."""

    rounds: int
    seconds: float

    @classmethod
    def of(cls, *, quick: bool) -> Effort:
        """Return the effort of a full or of a short run."""
        return cls(rounds=2, seconds=1.0) if quick else cls(rounds=6, seconds=5.0)


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request, in many variants."""

    name: str
    method: str
    variants: tuple[tuple[str, bytes | None], ...]
    """Path and body."""
    open_rate: float
    """Requests per second in the open loop."""
    p50_goal: Goal
    p99_goal: Goal

    def requests(self) -> tuple[bytes, ...]:
        """Return the bytes of every variant."""
        return tuple(load.get(path) if body is None else load.post(path, body) for path, body in self.variants)

    def typical_answer(self, server: Server) -> bytes:
        """Return an answer of median length, after asking every variant once."""
        answers = [server.ask(self.method, path, body) for path, body in self.variants]
        return sorted(answers, key=len)[len(answers) // 2]


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


def measure(*, quick: bool) -> list[Row]:
    """Measure both questions beside the bare app."""
    shop = DemoShop.open(quick=quick)
    version = shop.train()["version"]
    shop.run("publish", version, "--force")
    model = load_artifact(shop.artifact(version)).model
    port = free_port()
    command = shop.command("serve", settings=(f"serving.port={port}", "serving.clock=data"))
    rows = []
    with serving(command, port=port, ready="/readyz") as ours:
        for question in (hot_question(model), cold_question(model)):
            rows += measure_question(question, ours, Effort.of(quick=quick))
    return rows


def hot_question(model: Model) -> Question:
    """Ask for stored candidates of users drawn at random."""
    users = random.Random(SEED).choices(model.users.ids, k=QUESTIONS)
    paths = [f"/v1/users/{quote(user, safe='')}/recommendations" for user in users]
    return Question(
        "GET hot", "GET", tuple((path, None) for path in paths), 200.0, p50_goal=at_most(5), p99_goal=at_most(50)
    )


def cold_question(model: Model) -> Question:
    """Ask for guests who looked at a few items, drawn from all that are sold."""
    rng = random.Random(SEED)
    bodies = [
        json.dumps({"guest": True, "seeds": {"viewed": rng.sample(model.items.ids, SEEN_ITEMS)}}).encode()
        for _ in range(QUESTIONS)
    ]
    variants = tuple(("/v1/recommendations", body) for body in bodies)
    return Question("POST cold", "POST", variants, 20.0, p50_goal=at_most(50), p99_goal=at_most(250))


def measure_question(question: Question, ours: Server, effort: Effort) -> list[Row]:
    """Measure one question on our server and on the bare one, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "answer.json"
        body.write_bytes(question.typical_answer(ours))
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.bare_server", str(port), str(body)]
        with serving(command, port=port, ready="/") as bare:
            mine, peers = closed_loop(question, (ours, bare), effort)
            open_mine, open_peer = (open_loop(question, server, effort) for server in (ours, bare))
    failures = sum(report.failures for report in (*mine.reports, *peers.reports, open_mine, open_peer))
    return [
        *_closed_rows(question, mine, peers),
        *_open_rows(question, open_mine, open_peer),
        figure(f"{question.name}: failed or degraded answers", failures, "", goal=at_most(0)),
    ]


def closed_loop(question: Question, servers: Sequence[Server], effort: Effort) -> list[Rounds]:
    """Ask the servers in turn, round after round, as fast as they answer; the first round warms up."""
    found = [Rounds([], []) for _ in servers]
    for number in range(effort.rounds + 1):
        for server, rounds in zip(servers, found, strict=True):
            before = server.cpu_seconds()
            report = load.generate(_plan(question, server, effort.seconds))
            if number:
                rounds.reports.append(report)
                rounds.cpu_us.append(1e6 * (server.cpu_seconds() - before) / max(1, report.answers))
    return found


def open_loop(question: Question, server: Server, effort: Effort) -> Report:
    """Ask at a steady rate."""
    return load.generate(_plan(question, server, effort.seconds * 2, rate=question.open_rate))


def _plan(question: Question, server: Server, seconds: float, *, rate: float | None = None) -> Plan:
    return Plan(server.port, question.requests(), seconds, rate=rate, refused=DEGRADED)


def _closed_rows(question: Question, mine: Rounds, peers: Rounds) -> list[Row]:
    name = question.name
    ratio = statistics.median(m.rate / p.rate for m, p in zip(mine.reports, peers.reports, strict=True))
    busy = max(report.busy_share for report in peers.reports)
    return [
        figure(f"{name}: requests/s", mine.rate, "1/s"),
        figure(f"{name}: requests/s of the bare app", peers.rate, "1/s"),
        figure(f"{name}: share of the bare app's rate", ratio, "", peer=BARE),
        figure(f"{name}: server CPU per request", statistics.median(mine.cpu_us), "µs"),
        figure(f"{name}: server CPU per request of the bare app", statistics.median(peers.cpu_us), "µs"),
        figure(f"{name}: p50 at full load", statistics.median(r.p50_ms for r in mine.reports), "ms"),
        figure(f"{name}: p99 at full load", statistics.median(r.p99_ms for r in mine.reports), "ms"),
        figure(f"{name}: generator CPU, beside the bare app", busy, "of a core"),
    ]


def _open_rows(question: Question, mine: Report, peer: Report) -> list[Row]:
    name, at = question.name, f"at {question.open_rate:g} requests/s"
    return [
        figure(f"{name}: p50 {at}", mine.p50_ms, "ms", goal=question.p50_goal),
        figure(f"{name}: p99 {at}", mine.p99_ms, "ms", goal=question.p99_goal),
        figure(f"{name}: p50 {at} of the bare app", peer.p50_ms, "ms"),
        figure(f"{name}: p99 {at} of the bare app", peer.p99_ms, "ms"),
    ]
