"""Nobody is at the address of Redis when a server starts: it is ready all the same, and finds Redis by itself later.

*Degraded-ready* is the time from the start of the command to the first 200 of ``/readyz``: program, libraries and
model included.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.faults.instance import Instance
from benchmarks.faults.shop import FULL, SMALL, Shop, Size, user_path
from benchmarks.faults.store import KillableStore
from benchmarks.faults.workplace import workplace
from benchmarks.results import Row, at_least, at_most, figure

FAULT = "Redis absent at start"
PICK_UP_SECONDS = 60.0
ASKED = 50
"""Users asked before Redis is there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    ready_seconds: float
    statuses: tuple[int, ...]
    labelled: int
    """Answers without Redis that said so."""
    picked_up_seconds: float | None
    """From the store's first PONG to the first full answer; None if there was none in time."""

    def rows(self) -> list[Row]:
        """Return the figures."""
        picked_up = float(PICK_UP_SECONDS if self.picked_up_seconds is None else self.picked_up_seconds)
        return [
            figure("degraded-ready after", self.ready_seconds, "s", goal=at_most(5)),
            figure("answers without Redis other than 200", sum(s != 200 for s in self.statuses), "", goal=at_most(0)),
            figure("of them labelled", 100 * self.labelled / len(self.statuses), "%", goal=at_least(100)),
            figure("full answers after Redis comes", picked_up, "s", goal=at_most(5)),
        ]


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures; the short form has the small shop."""
    with workplace() as folder:
        return run(folder, SMALL if quick else FULL).rows()


def run(folder: Path, size: Size) -> Found:
    """Publish, take Redis away, start the server, ask, bring Redis back."""
    shop = Shop.build(folder / "shop", size)
    killable = KillableStore(folder / "valkey")
    serving = Instance(shop, killable.url)
    try:
        killable.start()
        shop.publish(shop.versions[0], killable.url)
        killable.kill()
        started = time.monotonic()
        ready = serving.start().wait_until_ready() - started
        answers = [serving.get(user_path(user)) for user in range(ASKED)]
        back = killable.start()
        picked_up = _first_full_answer(serving)
    finally:
        serving.stop()
        killable.stop()
    return Found(
        ready_seconds=ready,
        statuses=tuple(status for status, _ in answers),
        labelled=sum(_is_labelled(body) for _, body in answers),
        picked_up_seconds=None if picked_up is None else picked_up - back,
    )


def _first_full_answer(serving: Instance) -> float | None:
    deadline = time.monotonic() + PICK_UP_SECONDS
    while time.monotonic() < deadline:
        status, body = serving.get(user_path(0))
        if status == 200 and not orjson.loads(body)["degraded"]:
            return time.monotonic()
        time.sleep(0.02)
    return None


def _is_labelled(body: bytes) -> bool:
    content = orjson.loads(body)
    return bool(content["degraded"] and content["degraded_reason"] and content["source"])
