"""Claim: publishing is bounded by scoring, which all cores share; writing is not the limit; a user's record is small.

Publishes every user of Complete Journey, for both purposes, into an embedded Valkey with the real publisher, whose
writes are timed: scored in its own process, then by as many processes as there are cores. Then the same candidates are
written again and again, in turn, in our layout (packed, in bulk) and in the obvious one: redis-py, one ``SET`` per
user, the candidates as JSON with item ids. Bytes per user are what the server itself says (``MEMORY USAGE``). How a
million ready records get in while others read: `benchmarks.publish_many`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks import publish_many
from benchmarks.demo_shop import DemoShop
from benchmarks.results import Row, at_least, at_most, figure
from recommender.arrangement import Arranged
from recommender.artifact import load_artifact
from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.engine import Engine
from recommender.model import Model
from recommender.purpose import STORED, Purpose
from serving.publisher import Publication, publish
from serving.scoring import InProcesses, InThread, Scoring, cores
from serving.settings import AppSettings, RedisSettings
from serving.shelves.recorder import DEPTHS, cut
from serving.stores import SlateStore, keys
from serving.stores.embedded import running
from serving.stores.packed import Numbering, pack
from serving.stores.redis import RedisStores
from training.progress import SilentProgress

ROUNDS = 7
QUICK_ROUNDS = 2
TIMEOUT_SECONDS = 30.0
ONE_PROCESS = "the publisher's own process"
Lists = dict[Purpose, Arranged]

PEER = "redis-py, one SET per user, JSON"


class TimedStore:
    """A `SlateStore` that knows how long its writing took, and hands everything on."""

    def __init__(self, store: SlateStore) -> None:
        self._store = store
        self.write_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, version: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Write and take the time."""
        start = time.perf_counter()
        await self._store.write(version, records)
        self.write_seconds += time.perf_counter() - start


def measure(*, quick: bool) -> list[Row]:
    """Publish, then write both layouts in turn."""
    shop = DemoShop.open(quick=quick)
    version = shop.train()["version"]
    engine = Engine(load_artifact(shop.artifact(version)).model, version=version)
    scoring = InProcesses(shop.artifact(version), workers=cores())
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as url:
        rows = asyncio.run(_measure(engine, scoring, url, rounds=QUICK_ROUNDS if quick else ROUNDS))
    return rows + asyncio.run(publish_many.measure(quick=quick))


async def _measure(engine: Engine, scoring: InProcesses, url: str, *, rounds: int) -> list[Row]:
    settings = AppSettings(redis=RedisSettings(url=url))
    stores = RedisStores.connect(url, settings, timeout_seconds=TIMEOUT_SECONDS)
    client: Any = Redis.from_url(url, protocol=2)
    try:
        rows = await publishing_rows(engine, scoring, stores.slates)
        return rows + await layout_rows(engine, stores.slates, client, rounds=rounds)
    finally:
        client.close()
        await stores.close()


async def publishing_rows(engine: Engine, scoring: InProcesses, store: SlateStore) -> list[Row]:
    """Publish twice, and split the time of the first, in which nothing overlaps."""
    timed = TimedStore(store)
    done, seconds = await _publish(engine, timed, InThread(engine))
    _, shared = await _publish(engine, store, scoring)
    return [
        figure("published, both purposes, one process", done.users / seconds, "users/s", goal=at_least(200)),
        figure(f"published, both purposes, {cores()} processes", done.users / shared, "users/s"),
        figure(f"published: {cores()} processes / one", seconds / shared, "×", goal=at_least(1.3), peer=ONE_PROCESS),
        figure("of one process's time, writing", timed.write_seconds / seconds, "", goal=at_most(0.25)),
        figure("scoring, checking and switching alone", done.users / (seconds - timed.write_seconds), "users/s"),
        figure("writing alone", done.users / timed.write_seconds, "users/s"),
    ]


async def _publish(engine: Engine, store: SlateStore, scoring: Scoring) -> tuple[Publication, float]:
    start = time.perf_counter()
    done = await publish(engine, store, progress=SilentProgress(), scoring=scoring)
    return done, time.perf_counter() - start


async def layout_rows(engine: Engine, store: SlateStore, client: Any, *, rounds: int) -> list[Row]:
    """Write both lists of everybody, encoding included, in our layout and in the peer's, in turn."""
    lists, numbering = lists_of_all(engine), Numbering(engine.model)
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(await _write_ours(store, engine.version, lists, numbering))
        peers.append(_write_json(client, engine.model, lists))
    users = len(lists)
    ratio = statistics.median(peer / mine for mine, peer in zip(ours, peers, strict=True))
    packed_bytes = _mean_memory(client, [keys.candidates(engine.version, user) for user in lists])
    json_bytes = _mean_memory(client, [_peer_key(user) for user in lists])
    what = " and ".join(f"top {depth} {purpose.value}" for purpose, depth in DEPTHS.items())
    return [
        figure("encode and write, ours", users / statistics.median(ours), "users/s"),
        figure("encode and write, the peer", users / statistics.median(peers), "users/s"),
        figure("ours / the peer", ratio, "×", goal=at_least(2), peer=PEER),
        figure(f"memory per user, {what}, ours", packed_bytes, "bytes", goal=at_most(750)),
        figure(f"memory per user, {what}, the peer", json_bytes, "bytes"),
        figure("memory: the peer / ours", json_bytes / packed_bytes, "×", goal=at_least(4), peer=PEER),
    ]


def lists_of_all(engine: Engine) -> dict[str, Lists]:
    """Score every user once, outside the measured time."""
    found: dict[str, Lists] = {}
    for user in engine.model.users:
        history = engine.history(user)
        assert history is not None
        prepared = engine.prepared(history, STORED, now=engine.model.as_of, k=max(DEPTHS.values()))
        found[user] = {purpose: cut(arranged, DEPTHS[purpose]) for purpose, arranged in prepared.items()}
    return found


def readable(lists: Lists, model: Model) -> str:
    """Return candidates as a program would write them that thinks nothing of bytes: JSON with ids and names."""
    ids = model.items.ids
    content = {
        purpose.value: [
            {
                "item_id": ids[item],
                "score": round(score, 4),
                "source": Source(source).label,
                "reason": ReasonCode(reason).label,
                "anchor": None if anchor == NO_ANCHOR else ids[anchor],
            }
            for item, score, source, reason, anchor in arranged.candidates.rows()
        ]
        for purpose, arranged in lists.items()
    }
    return json.dumps(content, separators=(",", ":"))


async def _write_ours(store: SlateStore, version: str, lists: Mapping[str, Lists], numbering: Numbering) -> float:
    start = time.perf_counter()
    await store.write(version, [(user, pack(found, numbering)) for user, found in lists.items()])
    return time.perf_counter() - start


def _write_json(client: Any, model: Model, lists: Mapping[str, Lists]) -> float:
    start = time.perf_counter()
    for user, found in lists.items():
        client.set(_peer_key(user), readable(found, model))
    return time.perf_counter() - start


def _peer_key(user: str) -> str:
    return f"recommendations:{user}"


def _mean_memory(client: Any, names: Sequence[str]) -> float:
    sizes = [int(client.execute_command("MEMORY", "USAGE", name, "SAMPLES", 0)) for name in names]
    return statistics.mean(sizes)
