"""The whole server as a shop runs it: granian, workers, an embedded Valkey, signals."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from serving.settings import AppSettings, ServingSettings
from serving.stores import embedded
from tests.planted import HOSTILE_IDS
from tests.serving.conftest import Shelves

pytestmark = pytest.mark.slow

PROGRAM = """
import asyncio, sys
from pathlib import Path
from recommender.artifact import load_artifact
from recommender.engine import Engine
from serving.publisher import publish
from serving.server import run, store_of
from serving.settings import AppSettings
from serving.stores.redis import RedisStores
from training.progress import SilentProgress

async def publish_current(settings):
    root = settings.artifacts_dir
    artifact = load_artifact(root / (root / "CURRENT").read_text().strip())
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=10)
    await publish(Engine(artifact.model, version=artifact.version), stores.slates, progress=SilentProgress())
    await stores.close()

settings = AppSettings.model_validate_json(sys.argv[1])
with store_of(settings) as connected:
    asyncio.run(publish_current(connected))
    run(connected)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def data_dir(tmp_path: Path, registry: Shelves) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "artifacts").symlink_to(registry.root)
    with registry.marked(registry.hostile):
        yield folder


@pytest.fixture
def running(data_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Two workers on a free port, ready."""
    port = free_port()
    serving = ServingSettings(port=port, workers=2, clock="data", poll_seconds=0.1, drain_seconds=0.1)
    settings = AppSettings(data_dir=data_dir, serving=serving)
    log = (data_dir / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, settings.model_dump_json()],
        cwd=Path(__file__).parents[2],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not is_ready(address):
            still_starting = process.poll() is None and time.monotonic() < deadline
            assert still_starting, (data_dir / "server.log").read_text()
            time.sleep(0.1)
        yield process, address
    finally:
        process.kill()
        process.wait()
        log.close()


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_shop_is_served_from_start_to_stop(running: tuple[subprocess.Popen[bytes], str], data_dir: Path) -> None:
    """Every awkward id over real HTTP, an event, metrics of both workers, and an orderly end."""
    process, address = running
    with httpx.Client(base_url=address, timeout=20) as client:
        for awkward in HOSTILE_IDS:
            slate = client.get(f"/v1/users/{quote(awkward, safe='')}/recommendations").json()
            assert (slate["user_id"], slate["degraded"]) == (awkward, False)
            assert ids_of(client.post("/v1/recommendations", json={"user_id": awkward}).json()) == ids_of(slate)
        assert client.get("/v1/users/%FF%FE/recommendations").status_code in (200, 400)
        event = {"event": "click", "event_id": "e:1", "user_id": "空", "item_id": HOSTILE_IDS[0]}
        assert client.post("/v1/events", json={"events": [event]}).status_code == 202
        assert client.get("/widget.js").headers["content-type"].startswith("text/javascript")
        answered = [line for line in client.get("/metrics").text.splitlines() if 'route="/v1/recommendations"' in line]
        counts = [float(line.split()[-1]) for line in answered if line.startswith("regulars_requests_total")]
        assert sum(counts) == len(HOSTILE_IDS)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, (data_dir / "server.log").read_text()
    assert not embedded.answers(embedded.socket_path((data_dir / "valkey").resolve()))
    lines = [line for path in (data_dir / "events").glob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert [json.loads(line)["event_id"] for line in lines] == ["e:1"]


def test_a_killed_server_takes_its_valkey_with_it(running: tuple[subprocess.Popen[bytes], str], data_dir: Path) -> None:
    """SIGKILL of the main process leaves no server of ours behind."""
    process, _ = running
    process.kill()
    process.wait()
    at = embedded.socket_path((data_dir / "valkey").resolve())
    deadline = time.monotonic() + 30
    while embedded.answers(at):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ids_of(slate: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["item_id"] for item in slate["items"]]
