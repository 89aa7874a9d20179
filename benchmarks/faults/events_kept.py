"""Events under kills: what a storefront was told is accepted ends in the event files once, whoever dies.

Batches arrive at a steady rate while the main process of the server, one of its workers and the store are killed in
turn, without warning and at random moments. Storefronts send again what was not accepted. In the end everything is
brought back, the stream runs dry, and the event files are read.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.faults.instance import Instance
from benchmarks.faults.senders import Reported, sending
from benchmarks.faults.shop import SMALL, Shop
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.workplace import workplace
from benchmarks.results import Row, at_least, at_most, figure

FAULT = "5,000 events/s, 20 kills each of API, worker, Redis"
SEED = 12
DRAIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard it is tried."""

    kills: int = 20
    """Of each."""
    rate: float = 5000.0
    batch: int = 100
    threads: int = 4
    workers: int = 2
    calm_seconds: float = 5.0
    """Before the first kill."""
    pause_seconds: float = 2.0
    """Between a recovery and the next kill, on average."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    reported: Reported
    in_files: Counter[str]
    """How often each event is in the event files."""
    waiting: int
    """Events that were still in the stream in the end."""
    kills: int
    calm_rate: float
    """Events accepted per second before the first kill."""

    @property
    def lost(self) -> int:
        """Accepted events that are in no file."""
        return sum(event not in self.in_files for event in self.reported.accepted)

    @property
    def repeated(self) -> int:
        """Events that are in the files more than once."""
        return sum(count > 1 for count in self.in_files.values())

    @property
    def invented(self) -> int:
        """Events in the files that nobody sent."""
        return len(self.in_files.keys() - self.reported.accepted - self.reported.abandoned)

    def rows(self, effort: Effort) -> list[Row]:
        """Return the figures."""
        return [
            figure("kills of API, worker and Redis together", self.kills, ""),
            figure("events sent per second", effort.rate, "1/s"),
            figure("events accepted", len(self.reported.accepted), ""),
            figure(
                "accepted per second before the first kill", self.calm_rate, "1/s", goal=at_least(0.98 * effort.rate)
            ),
            figure("accepted per second, kills included", self.reported.rate, "1/s"),
            figure("batches sent again", self.reported.sent_again, ""),
            figure("batches kept in a file", self.reported.in_files, ""),
            figure("accepted events lost", self.lost, "", goal=at_most(0)),
            figure("events applied twice", self.repeated, "", goal=at_most(0)),
            figure("events left in the stream", self.waiting, "", goal=at_most(0)),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures."""
    effort = Effort(kills=2, pause_seconds=1.0) if quick else Effort()
    with workplace() as folder:
        return run(folder, effort).rows(effort)


def run(folder: Path, effort: Effort) -> Found:
    """Send, kill, bring back, drain, count."""
    shop = Shop.build(folder / "shop", SMALL)
    with store(folder / "valkey") as killable:
        settings = (f"serving.workers={effort.workers}", "serving.drain_seconds=0.2")
        serving = Instance(shop, killable.url, settings=settings)
        try:
            serving.start().wait_until_ready()
            options = {"rate": effort.rate, "batch": effort.batch, "threads": effort.threads, "size": SMALL}
            with supervised(serving), sending(serving.port, **options) as senders:  # type: ignore[arg-type]
                before = senders.rate_over(effort.calm_seconds)
                kills = _kill_in_turn(serving, killable, effort)
                reported = senders.stop()
                waiting = _run_dry(killable)
            serving.terminate()
        finally:
            serving.stop()
    return Found(reported, ids_in_files(shop.events), waiting, kills, before)


def ids_in_files(folder: Path) -> Counter[str]:
    """Count each event in the event files, and once what only a spool holds: the next drain takes it from there.

    A line that is none is an error. Spools are read first: what leaves one meanwhile is in an event file by then.
    """
    spooled = set(_ids(folder, "spool-*.jsonl"))
    found = Counter(_ids(folder, "events-*.jsonl"))
    found.update(spooled - found.keys())
    return found


def _ids(folder: Path, pattern: str) -> Iterator[str]:
    for path in sorted(folder.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_bytes().splitlines():
                yield orjson.loads(line)["event_id"]


def _kill_in_turn(serving: Instance, killable: KillableStore, effort: Effort) -> int:
    rng = random.Random(SEED)
    victims: list[Callable[[], None]] = [
        serving.kill,
        lambda: _kill_worker(serving, rng),
        lambda: _kill_store(killable, rng),
    ]
    turns = victims * effort.kills
    rng.shuffle(turns)
    for kill in turns:
        time.sleep(rng.uniform(0.2, 1.8) * effort.pause_seconds)
        kill()
    return len(turns)


@contextlib.contextmanager
def supervised(serving: Instance) -> Iterator[None]:
    """Start the main process again whenever it has ended, as systemd or a container's host does."""
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(0.1):
            if not serving.is_running():
                serving.start()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _kill_worker(serving: Instance, rng: random.Random) -> None:
    workers = serving.workers()
    if workers:
        rng.choice(workers).kill()


def _kill_store(killable: KillableStore, rng: random.Random) -> None:
    killable.kill()
    time.sleep(rng.uniform(0.0, 1.5))
    killable.start()


def _run_dry(killable: KillableStore) -> int:
    """Wait until nothing waits in the stream or beside it, and return what still does."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := _left(killable)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def _left(killable: KillableStore) -> int:
    reply = killable.ask("XLEN regulars:{events}").strip().removeprefix(b":")
    return int(reply or 1)
