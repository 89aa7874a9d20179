"""Claim: what a shopper does changes their next slate within a second, while 200 events arrive in each.

A made-up shop is served by ``regulars serve`` with two workers and an embedded Valkey. A generator in a process of its
own reports 200 clicks a second, each in a request of its own, of a thousand other users. Meanwhile a prober goes
round: it asks for somebody's shelf, reports something that must change it, and from the answer 202 on asks again, on
another connection, until it has changed. It refuses the first item, buys the first item, and looks at items as a guest.
Now and then it sells an item out, and waits until it is gone on eight connections.

The peer is the same server without `serving.sync_events`: an event is accepted when Redis has it, on disk or not. Both
are asked in turn. What the sync costs is also seen in a closed loop of 32 connections: events per second.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import load
from benchmarks.faults.instance import Instance
from benchmarks.faults.shop import Shop, Size, item_id, user_id
from benchmarks.load import Plan, Report, quantile
from benchmarks.results import Row, at_least, at_most, figure
from benchmarks.server import HOST

RATE = 200.0
SIZE = Size(users=2_000, items=1_000)
WORKERS = 2
CONNECTIONS = 8
"""On which a change of stock must be seen: each stays with one worker."""
STOCK_EVERY = 20
"""Rounds of the prober between two changes of stock."""
GIVE_UP_SECONDS = 10.0
PEER = "the same without a sync"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long it is tried."""

    seconds: float = 8.0
    """Below the time after which a server hangs up on a connection that nobody uses."""
    closed_seconds: float = 4.0
    rounds: int = 5


@dataclass(slots=True)
class Found:
    """What one way of keeping events showed."""

    changed: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until a slate had changed, by what was done."""
    open: list[Report] = field(default_factory=list)
    closed: list[Report] = field(default_factory=list)


def measure(*, quick: bool) -> list[Row]:
    """Try both ways in turn."""
    effort = Effort(seconds=5.0, closed_seconds=2.0, rounds=1) if quick else Effort()
    kept, peer = Found(), Found()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop.build(Path(folder), SIZE)
        for _ in range(effort.rounds):
            for sync, found in ((True, kept), (False, peer)):
                _try(shop, effort, found, sync=sync)
    return [*_change_rows(kept), *_accept_rows(kept, peer)]


def _try(shop: Shop, effort: Effort, found: Found, *, sync: bool) -> None:
    settings = (f"serving.workers={WORKERS}", f"serving.sync_events={str(sync).lower()}")
    serving = Instance(shop, None, settings=settings)
    try:
        serving.start().wait_until_ready()
        with _probing(serving.port, found):
            plan = Plan(serving.port, _clicks(), effort.seconds, connections=16, rate=RATE, status=202)
            found.open.append(load.generate(plan))
        plan = Plan(serving.port, _clicks(), effort.closed_seconds, connections=32, status=202)
        found.closed.append(load.generate(plan))
        serving.terminate()
    finally:
        serving.stop()


def _clicks() -> tuple[bytes, ...]:
    """Return reports of clicks by the users that the prober leaves alone."""
    users = range(SIZE.users // 2, SIZE.users)
    return tuple(load.post("/v1/events", _events("click", item_id(user % SIZE.items), user_id(user))) for user in users)


def _events(event: str, item: str, user: str | None = None, guest: str | None = None) -> bytes:
    told = {"event": event, "item_id": item, "user_id": user, "anonymous_id": guest}
    return json.dumps({"events": [{name: value for name, value in told.items() if value is not None}]}).encode()


@contextlib.contextmanager
def _probing(port: int, found: Found) -> Iterator[None]:
    """Let a prober go round while the block runs."""
    prober, stopping, failed = Prober(port, found), threading.Event(), []

    def run() -> None:
        try:
            for number in itertools.count():
                if stopping.is_set():
                    return
                prober.go_round(number)
        except Exception as error:  # noqa: BLE001  told where the thread is waited for
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        prober.close()
    if failed:
        raise RuntimeError(f"the prober gave up: {failed[0]}") from failed[0]


class Prober:
    """Does something, and looks until it shows."""

    def __init__(self, port: int, found: Found) -> None:
        self._connections = [http.client.HTTPConnection(HOST, port, timeout=30) for _ in range(CONNECTIONS)]
        self._found = found

    def go_round(self, number: int) -> None:
        """Probe one kind of change after the other, each with somebody new as long as there is anybody."""
        user = user_id(number % (SIZE.users // 2))
        if number % STOCK_EVERY == 0:
            self._sell_out(user)
        if number % 3 == 2:
            guest = f"guest {number}"
            question = {"anonymous_id": guest, "limit": 10}
            body = _events("click", item_id(number % SIZE.items), guest=guest)
            self._change("a guest looks", body, lambda: self._slate(1, question)["source"] == "folded_in")
            return
        first = self._shelf(1, user)[0]
        event, name = ("not_interested", "refused") if number % 3 == 0 else ("purchase", "bought")
        self._change(name, _events(event, first, user), lambda: first not in self._shelf(1, user))

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def _change(self, name: str, body: bytes, shows: Callable[[], bool]) -> None:
        self._ask(0, "POST", "/v1/events", body, status=202)
        self._wait(name, shows)

    def _sell_out(self, user: str) -> None:
        first = self._shelf(1, user)[0]
        self._ask(0, "PUT", "/v1/items", json.dumps({"items": [{"item_id": first, "stock": 0}]}).encode())
        self._wait("sold out", lambda: all(first not in self._shelf(each, user) for each in range(CONNECTIONS)))
        self._ask(0, "PUT", "/v1/items", json.dumps({"items": [{"item_id": first, "stock": None}]}).encode())

    def _wait(self, name: str, shows: Callable[[], bool]) -> None:
        accepted = time.perf_counter()
        while not shows():
            if time.perf_counter() - accepted > GIVE_UP_SECONDS:
                raise RuntimeError(f"{name}: no slate has changed after {GIVE_UP_SECONDS:g} seconds")
        self._found.changed.setdefault(name, []).append(time.perf_counter() - accepted)

    def _shelf(self, connection: int, user: str) -> list[str]:
        path = f"/v1/users/{quote(user, safe='')}/recommendations?limit=10"
        return [item["item_id"] for item in self._ask(connection, "GET", path)["items"]]

    def _slate(self, connection: int, question: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask(connection, "POST", "/v1/recommendations", json.dumps(question).encode())

    def _ask(
        self, connection: int, method: str, path: str, body: bytes | None = None, *, status: int = 200
    ) -> dict[str, Any]:
        asked = self._connections[connection]
        asked.request(method, path, body, {"Content-Type": "application/json"})
        answer = asked.getresponse()
        content = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: status {answer.status}, {content[:300]!r}")
        told: dict[str, Any] = json.loads(content)
        return told


def _change_rows(found: Found) -> list[Row]:
    stock = sorted(found.changed.pop("sold out"))
    arriving = sum(report.answers for report in found.open) / sum(report.seconds for report in found.open)
    every = sorted(itertools.chain.from_iterable(found.changed.values()))
    return [
        figure("events arriving meanwhile", arriving, "1/s", goal=at_least(0.98 * RATE)),
        figure("accepted → next slate changed: tries", len(every), ""),
        figure("accepted → next slate changed: p50", 1000 * quantile(every, 0.5), "ms"),
        figure("accepted → next slate changed: p99", 1000 * quantile(every, 0.99), "ms", goal=at_most(1000)),
        figure("accepted → next slate changed: longest", 1000 * every[-1], "ms"),
        *(
            figure(f"{name} → next slate changed: p99", 1000 * quantile(sorted(seconds), 0.99), "ms")
            for name, seconds in sorted(found.changed.items())
        ),
        figure("sold out → gone in every worker: tries", len(stock), ""),
        figure("sold out → gone in every worker: longest", 1000 * stock[-1], "ms", goal=at_most(1000)),
    ]


def _accept_rows(kept: Found, peer: Found) -> list[Row]:
    failures = sum(report.failures for found in (kept, peer) for report in (*found.open, *found.closed))
    rows = [figure("reports that failed", failures, "", goal=at_most(0))]
    for name, unit, (ours, theirs) in (
        (f"sent → accepted, at {RATE:g} events/s: p50", "ms", _middle("p50_ms", kept.open, peer.open)),
        (f"sent → accepted, at {RATE:g} events/s: p99", "ms", _middle("p99_ms", kept.open, peer.open)),
        ("events/s, one a request", "1/s", _middle("rate", kept.closed, peer.closed)),
    ):
        rows += [
            figure(name, ours, unit),
            figure(f"{name}, without a sync", theirs, unit),
            figure(f"{name}: beside {PEER}", ours / theirs, "×", peer=PEER),
        ]
    return rows


def _middle(name: str, *runs: list[Report]) -> tuple[float, ...]:
    """Return the median figure of each of several series of runs."""
    return tuple(statistics.median(float(getattr(report, name)) for report in reports) for reports in runs)
