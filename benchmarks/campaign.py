"""Claim: a campaign for a million customers is made and written in minutes, and takes no more memory than a small one.

A made-up shop (a million users with eight purchases each, 20,000 items) whose version is published in an embedded
Valkey: the records are those that publishing makes for some hundred of the users, handed out to all. The send takes the
way of `regulars campaign export`: everybody is asked for in the store, goes through consent, a cap, quiet days and a
control group, and gets ten picks; then the record of the send becomes CSV, and CSV once more with signed links. The
peer asks the engine for each user, as campaigns did before there were sends; it is asked for a few thousand of them.

Memory is that of the process beyond the loaded model, looked at every 20 milliseconds: for a tenth of the audience and
for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits

from benchmarks.made_up_customers import customers_model
from benchmarks.results import Row, at_least, at_most, figure
from recommender.engine import Engine
from recommender.request import SlateRequest
from recommender.slate import Placement
from serving.campaigns.choosing import Circumstances
from serving.campaigns.consent import Consent
from serving.campaigns.definition import Definition
from serving.campaigns.earlier import Earlier
from serving.campaigns.links import Links
from serving.campaigns.present import looking
from serving.campaigns.rows import CsvRows
from serving.campaigns.sending import make_send
from serving.campaigns.sends import SENDS, Send, Sends
from serving.campaigns.settings import CampaignSettings
from serving.campaigns.snapshot import SNAPSHOT_FILE, Snapshot
from serving.settings import AppSettings, RedisSettings
from serving.shelves.recorder import Recorder
from serving.stores.embedded import running
from serving.stores.redis import RedisStores

USERS, QUICK_USERS = 1_000_000, 50_000
SLOTS = 10
BODIES = 384
"""Records that are handed out to everybody."""
PART = 10
"""The smaller audience is one in so many."""
PEER_USERS = 2_000
PEER = "Engine.recommend for each user"
LOOK_SECONDS = 0.02
MEBIBYTE = 2**20
SECONDS_PER_MILLION = 300.0
"""Five minutes for a record and its CSV: "in minutes"."""
WRITE = 16_384


@dataclass(frozen=True, slots=True)
class Run:
    """One send."""

    seconds: float
    csv_seconds: float
    linked_seconds: float
    memory: float
    """MiB beyond the loaded model."""
    written: int
    bytes: int
    """Of the CSV."""
    record_bytes: int


async def publish(url: str, engine: Engine) -> None:
    """Store a record for everybody."""
    stores = RedisStores.connect(url, AppSettings(redis=RedisSettings(url=url)), timeout_seconds=30.0)
    try:
        recorder, users = Recorder(engine), engine.model.users.ids
        with threadpool_limits(limits=1, user_api="blas"):
            bodies = [recorder.record(user, now=engine.model.as_of) for user in users[:BODIES]]
        for start in range(0, len(users), WRITE):
            some = users[start : start + WRITE]
            records = [(user, bodies[(start + at) % BODIES]) for at, user in enumerate(some)]
            await stores.slates.write(engine.version, records)
        await stores.slates.point_to(engine.version, users=len(users))
    finally:
        await stores.close()


def measure(*, quick: bool) -> list[Row]:
    """Make and write a send for everybody, and one for a tenth of them."""
    users = QUICK_USERS if quick else USERS
    engine = Engine(customers_model(users), version="20240101-benchmark")
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as url:
        asyncio.run(publish(url, engine))
        campaign = CampaignSettings(public_url="https://reco.example", shop_url="https://shop.example")
        app = AppSettings(data_dir=Path(name), redis=RedisSettings(url=url), campaign=campaign)
        part = _run(app, engine, _definition("part", f"frequency >= 0 and monetary < {100 / PART:g}"))
        whole = _run(app, engine, _definition("whole", ""))
    return _rows(users, part, whole, _peer(engine))


def _definition(name: str, audience: str) -> Definition:
    return Definition(
        name=name,
        audience=audience,
        slots=SLOTS,
        control=0.05,
        cap="1 in 1 days" if name == "part" else "3 in 1 days",
        quiet_after_order_days=1,
    )


def _run(app: AppSettings, engine: Engine, definition: Definition) -> Run:
    send = Send(definition.name, "20240101", app.data_dir / "campaigns" / definition.name / SENDS / "20240101")
    path, now = send.folder / SNAPSHOT_FILE, engine.model.as_of
    consent = Consent(dict.fromkeys(engine.model.users.ids, ""))
    with _memory() as memory, looking(app, engine) as present:
        earlier = Earlier.of(Sends(send.folder.parent.parent.parent), engine.model, now=now, but=("", ""))
        around = Circumstances(now=now, present=present, consent=consent, earlier=earlier)
        start = time.perf_counter()
        counts = make_send(engine, definition, around, path, send_id=send.send_id, currency="USD")
        made = time.perf_counter()
        links = Links.of(app, send)
        with Snapshot.open(path) as snapshot:
            size = _written(send.folder / "a.csv", snapshot, CsvRows(snapshot, None))
            plain = time.perf_counter()
            _written(send.folder / "b.csv", snapshot, CsvRows(snapshot, links))
        end = time.perf_counter()
    record = path.stat().st_size
    return Run(made - start, plain - made, end - plain, memory[0], counts.written, size, record)


def _written(path: Path, snapshot: Snapshot, rows: CsvRows) -> int:
    with path.open("wb") as file:
        file.write(rows.header())
        for row in snapshot.rows():
            file.write(rows.line(row))
        return file.tell()


@contextlib.contextmanager
def _memory() -> Iterator[list[float]]:
    """Look at the memory of this process; the list holds the most of it, in MiB beyond the start, afterwards."""
    process, found, stop = psutil.Process(), [0.0], threading.Event()
    before = process.memory_info().rss

    def look() -> None:
        while not stop.wait(LOOK_SECONDS):
            found[0] = max(found[0], (process.memory_info().rss - before) / MEBIBYTE)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def _peer(engine: Engine) -> float:
    """Return how many users a second the engine answers."""
    model, created = engine.model, datetime(2024, 1, 1, tzinfo=UTC)
    start = time.perf_counter()
    with threadpool_limits(limits=1, user_api="blas"):
        for index in range(PEER_USERS):
            request = SlateRequest(placement=Placement.EMAIL, limit=SLOTS, history=model.histories.of(index))
            engine.recommend(request, now=model.as_of, slate_id="x", created_at=created)
    return PEER_USERS / (time.perf_counter() - start)


def _rows(users: int, part: Run, whole: Run, peer: float) -> list[Row]:
    what = f"{users:,} users × {SLOTS} slots"
    ours = users / whole.seconds
    both = whole.seconds + whole.csv_seconds
    goal = at_most(SECONDS_PER_MILLION * users / 1_000_000)
    return [
        figure(f"{what}: record and CSV", both, "s", goal=goal),
        figure("made and written", users / both, "rows/s", goal=at_least(1_000_000 / SECONDS_PER_MILLION)),
        figure("record made in", whole.seconds, "s"),
        figure("record made", ours, "users/s"),
        figure("record made, the peer", peer, "users/s"),
        figure("record made: ours / the peer", ours / peer, "×", goal=at_least(5), peer=PEER),
        figure("CSV written", whole.written / whole.csv_seconds, "rows/s"),
        figure("CSV with two signed links a slot written", whole.written / whole.linked_seconds, "rows/s"),
        figure("users who got a mail", whole.written, ""),
        figure("CSV", whole.bytes / MEBIBYTE, "MiB"),
        figure("record of the send, per user", whole.record_bytes / whole.written, "bytes"),
        figure("memory beyond the model, all users", whole.memory, "MiB", goal=at_most(400)),
        figure(f"memory beyond the model, {part.written:,} users", part.memory, "MiB"),
    ]
