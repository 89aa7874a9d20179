"""Everything under measurement, started: Valkey, our server, and the two it is measured beside."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import orjson
from redis import Redis

from benchmarks.server import Server, free_port, serving
from benchmarks.serving import plain
from benchmarks.serving.shop import Served
from recommender.artifact import load_artifact
from recommender.engine import Engine
from recommender.model import Model
from recommender.purpose import Purpose
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.shelves.recorder import DEPTHS
from serving.stores.embedded import running

SERVER_CORE, OTHERS_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers that answer."""

    model: Model
    key: str
    ours: Server
    plain: Server
    served: Served
    redis_url: str

    @contextlib.contextmanager
    def bare(self, body: bytes, *, reads: bool = False) -> Iterator[Server]:
        """Run the bare server with an answer of its own; if it `reads`, it reads the user first."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "answer.json"
            file.write_bytes(body)
            port = free_port()
            stored = (self.redis_url, self.served.version) if reads else ()
            command = pinned([sys.executable, "-m", "benchmarks.bare_server", str(port), str(file), *stored])
            with serving(command, port=port, ready="/v1/users/1/recommendations") as server:
                yield server

    @contextlib.contextmanager
    def workers(self, number: int) -> Iterator[Server]:
        """Run our server with several workers, free to use every core."""
        with _our_server(self.served, self.redis_url, self.key, workers=number) as server:
            yield server


@contextlib.contextmanager
def staged(served: Served) -> Iterator[Stage]:
    """Publish, and start everything."""
    model = load_artifact(served.artifact).model
    key = mint("benchmark", Kind.SECRET, now=datetime.now(UTC))
    keyring = Keyring(served.folder)
    with contextlib.ExitStack() as stack:
        stack.callback(keyring.path.unlink, missing_ok=True)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        with _on(OTHERS_CORE):
            url = stack.enter_context(running(Path(folder)))
        served.publish(url)
        keyring.change(lambda _: (key.kept,))
        ours = stack.enter_context(_our_server(served, url, key.text, workers=1))
        peer = stack.enter_context(_plain_server(Engine(model, version=served.version), url, key.text, Path(folder)))
        with _on(OTHERS_CORE):
            yield Stage(model, key.text, ours, peer, served, url)


def pinned(command: Sequence[str]) -> list[str]:
    """Return a command that runs on the servers' core, if there is another one for everybody else."""
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        return list(command)
    return ["taskset", "--cpu-list", str(SERVER_CORE), *command]


@contextlib.contextmanager
def _our_server(served: Served, url: str, key: str, *, workers: int) -> Iterator[Server]:
    port = free_port()
    settings = (f"serving.port={port}", "serving.clock=data", f"serving.workers={workers}", f"redis.url={url}")
    command = served.shop.command("serve", settings=settings)
    with serving(pinned(command) if workers == 1 else command, port=port, ready="/readyz", key=key) as server:
        yield server


@contextlib.contextmanager
def _plain_server(engine: Engine, url: str, key: str, folder: Path) -> Iterator[Server]:
    """Write what the plain server reads, and run it."""
    model = engine.model
    client = Redis.from_url(url, protocol=2)
    for user in model.users:
        history = engine.history(user)
        assert history is not None
        arranged = engine.prepared(history, [Purpose.ALL], now=model.as_of, k=DEPTHS[Purpose.ALL])[Purpose.ALL]
        items = [
            {"item_id": model.items.ids[item], "score": round(score, 4), "source": source, "reason": reason}
            for item, score, source, reason, _ in arranged.candidates.rows()
        ]
        client.set(f"plain:{user}", orjson.dumps(items))
    client.close()
    items_file = folder / "catalogue.json"
    items_file.write_bytes(orjson.dumps({item_id: _shown(model, item_id) for item_id in model.items.ids}))
    variables = {
        plain.URL_VARIABLE: url,
        plain.KEY_VARIABLE: hashlib.sha256(key.encode()).hexdigest(),
        plain.CATALOGUE_VARIABLE: str(items_file),
    }
    port = free_port()
    command = pinned([sys.executable, "-m", "benchmarks.serving.plain", str(port)])
    ready = f"/v1/users/{quote(model.users.ids[0], safe='')}/recommendations"
    with serving(command, port=port, ready=ready, key=key, variables=variables) as server:
        yield server


def _shown(model: Model, item_id: str) -> dict[str, object]:
    item = model.catalogue.item(model.items.index(item_id), item_id=item_id)
    return {
        "title": item.title,
        "category": item.category,
        "department": item.department,
        "brand": item.brand,
        "price": item.price,
        "currency": "USD",
        "url": item.url,
        "image_url": item.image_url,
        "in_stock": True,
    }


@contextlib.contextmanager
def _on(core: int) -> Iterator[None]:
    """Let this process, and what it starts, run on one core."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
