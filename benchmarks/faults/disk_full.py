"""The disk is full while training, publishing and taking events: it is said clearly, and nothing is corrupted.

The data folder lies on a small disk of its own that is filled at the right moment, and given room again afterwards.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from benchmarks.demo_shop import ROOT, environment
from benchmarks.faults.events_kept import ids_in_files
from benchmarks.faults.instance import Instance, instance
from benchmarks.faults.shop import SMALL, Shop, Size, made_up_log, user_path
from benchmarks.faults.small_disk import SmallDisk, small_disk
from benchmarks.faults.store import KillableStore, store
from benchmarks.faults.workplace import workplace
from benchmarks.results import Row, at_least, at_most, figure
from benchmarks.server import HOST
from recommender.artifact import load_artifact
from recommender.errors import InvalidArtifact

FAULT = "disk full while training, publishing, spooling events"
DISK = "small-disk"
TINY = Size(users=60, items=40)
"""Of the log that is trained on."""
MEGABYTES = 16
BATCHES, BATCH = 30, 20
"""Events posted before, while and after the disk is full, each."""
DRAIN_SECONDS = 30.0

CONFIG = """\
[purchases]
paths = ["log.csv"]
[purchases.columns]
user = "user"
item = "item"
time = "time"
order = "order"
[als]
factors = 8
iterations = 2
[evaluation]
bootstrap = 20
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it."""

    training_message: str
    training_exit: int
    broken_versions: tuple[str, ...]
    """What has the name of a version and is none."""
    trained_after: bool
    publishing_message: str
    publishing_exit: int
    slates_failed: int
    """Answers to shoppers other than 200, while the disk was full."""
    published_after: bool
    statuses: dict[str, list[int]]
    """Of batches of events, by whether Redis was away and the disk full."""
    without_advice: int
    """Refusals of events without Retry-After."""
    lost: int
    repeated: int

    def rows(self) -> list[Row]:
        """Return the figures."""
        refused = self.statuses["full, no Redis"]
        others = [status for name, found in self.statuses.items() if name != "full, no Redis" for status in found]
        return [
            figure("training: says that the disk is full", says_full(self.training_message), "", goal=at_least(1)),
            figure("training: half-written versions", len(self.broken_versions), "", goal=at_most(0)),
            figure("training: works with room again", self.trained_after, "", goal=at_least(1)),
            figure("publishing: says that the disk is full", says_full(self.publishing_message), "", goal=at_least(1)),
            figure("publishing: works with room again", self.published_after, "", goal=at_least(1)),
            figure("slates other than 200 meanwhile", self.slates_failed, "", goal=at_most(0)),
            figure("events: batches refused with 503", refused.count(503), "", goal=at_least(len(refused))),
            figure("events: refusals without Retry-After", self.without_advice, "", goal=at_most(0)),
            figure("events: refused with Redis or with room", sum(s != 202 for s in others), "", goal=at_most(0)),
            figure("events: accepted and lost", self.lost, "", goal=at_most(0)),
            figure("events: applied twice", self.repeated, "", goal=at_most(0)),
        ]


def says_full(message: str) -> bool:
    """Say whether a person reads in it what is wrong, where, and what to do, and no traceback."""
    return f"{DISK}/" in message and "No space left on device; make room" in message and "Traceback" not in message


def measure(*, quick: bool) -> list[Row]:
    """Try it and return the figures; there is no shorter form."""
    del quick
    with workplace() as folder:
        return run(folder).rows()


def run(folder: Path) -> Found:
    """Fill the disk under each of the three.

    Raises
    ------
    Skipped
        If no small disk can be mounted here.
    """
    with small_disk(folder / DISK, megabytes=MEGABYTES) as disk, store(folder / "valkey") as killable:
        shop = Shop.build(disk.folder / "data", SMALL, versions=2)
        shop.publish(shop.versions[0], killable.url)
        settings = ("serving.drain_seconds=0.1", "serving.poll_seconds=0.1")
        with instance(shop, killable.url, settings=settings) as serving:
            failed, message, code, published = _publishing(disk, shop, killable, serving)
            statuses, accepted, silent = _events(disk, killable, serving)
            _wait_until_drained(killable)
        found = ids_in_files(shop.events)
        trained = _training(disk, folder)
    return Found(
        training_message=trained[0],
        training_exit=trained[1],
        broken_versions=tuple(_broken(shop)),
        trained_after=trained[2],
        publishing_message=message,
        publishing_exit=code,
        slates_failed=failed,
        published_after=published,
        statuses=statuses,
        without_advice=silent,
        lost=len(accepted - found.keys()),
        repeated=sum(count > 1 for count in found.values()),
    )


def _training(disk: SmallDisk, folder: Path) -> tuple[str, int, bool]:
    """Train on a full disk and on one with room; return message, exit status, and whether the second worked."""
    (folder / "regulars.toml").write_text(CONFIG, encoding="utf-8")
    log = made_up_log(TINY, np.random.default_rng(9))
    rows = zip(log.user.tolist(), log.item.tolist(), log.time.tolist(), log.order.tolist(), strict=True)
    lines = [f"u{user},i{item},{time.isoformat()},{order}" for user, item, time, order in rows]
    (folder / "log.csv").write_text("\n".join(["user,item,time,order", *lines]) + "\n", encoding="utf-8")
    words = [sys.executable, "-m", "regulars", "train", "--config", str(folder / "regulars.toml")]
    words += ["--set", f"data.dir={disk.folder / 'data'}"]
    disk.fill(leave_bytes=100_000)
    full = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    disk.make_room()
    room = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    return full.stderr, full.returncode, room.returncode == 0


def _broken(shop: Shop) -> Iterator[str]:
    for path in sorted(shop.artifacts.glob("2*")):
        try:
            load_artifact(path)
        except InvalidArtifact as error:
            yield str(error)


def _publishing(disk: SmallDisk, shop: Shop, killable: KillableStore, serving: Instance) -> tuple[int, str, int, bool]:
    """Publish on a full disk; return failed slates, message, exit status, and whether it works with room."""
    disk.fill()
    done = shop.run("publish", shop.versions[1], "--force", settings=(f"redis.url={killable.url}",))
    failed = sum(serving.status(user_path(user)) != http.client.OK for user in range(100))
    disk.make_room()
    again = shop.run("publish", shop.versions[1], "--force", settings=(f"redis.url={killable.url}",))
    current = (shop.artifacts / "CURRENT").read_text(encoding="utf-8").strip()
    return failed, done.stderr, done.returncode, again.returncode == 0 and current == shop.versions[1]


def _events(disk: SmallDisk, killable: KillableStore, serving: Instance) -> tuple[dict[str, list[int]], set[str], int]:
    """Post events in each of four situations; return statuses, accepted ids, and refusals without advice."""
    statuses: dict[str, list[int]] = {}
    accepted: set[str] = set()
    silent = 0
    for name in ("full", "full, no Redis", "no Redis", "all well"):
        if name == "full":
            disk.fill()
        if name == "full, no Redis":
            killable.kill()
        if name == "no Redis":
            disk.make_room()
        if name == "all well":
            killable.start()
            time.sleep(1)
        statuses[name] = []
        for number in range(BATCHES):
            ids = {f"{name}:{number}:{k}" for k in range(BATCH)}
            status, advice = _post(serving, ids)
            statuses[name].append(status)
            accepted |= ids if status == http.client.ACCEPTED else set()
            silent += status == http.client.SERVICE_UNAVAILABLE and not advice
    return statuses, accepted, silent


def _post(serving: Instance, ids: set[str]) -> tuple[int, str | None]:
    events = [{"event": "click", "event_id": event_id, "item_id": "item 00001"} for event_id in sorted(ids)]
    connection = http.client.HTTPConnection(HOST, serving.port, timeout=30)
    try:
        connection.request("POST", "/v1/events", orjson.dumps({"events": events}))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After")
    finally:
        connection.close()


def _wait_until_drained(killable: KillableStore) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while not killable.ask("XLEN regulars:{events}").startswith(b":0\r\n") and time.monotonic() < deadline:
        time.sleep(0.1)
