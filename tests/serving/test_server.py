"""The whole server as a shop runs it: granian, workers, an embedded Valkey, signals."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.signing_secrets import SigningSecrets
from serving.security import BODY_SECONDS
from serving.server import HEADER_BYTES
from serving.settings import AppSettings, ServingSettings
from serving.stores import embedded
from tests.planted import HOSTILE_IDS
from tests.serving.access.tokens import user_token
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

LIMITS = (("limited", "5/hour"), ("other", "1000/hour"))


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


def test_every_request_is_counted_once_whoever_answers(running: tuple[subprocess.Popen[bytes], str]) -> None:
    """Over two workers of which one is killed, /metrics counts each page view and forgets what the dead one held."""
    _, address = running
    users = quote(HOSTILE_IDS[0], safe="")
    for _ in range(40):  # each on a connection of its own, so that both workers answer
        assert httpx.get(f"{address}/v1/users/{users}/recommendations").status_code == 200
    assert httpx.request("BREW", f"{address}/v1/trending").status_code == 405
    time.sleep(0.5)
    for _ in range(4):
        text = httpx.get(f"{address}/metrics").text
        assert total(text, 'requests_total{method="GET",route="/v1/users/{user_id:path}/recommendations"') == 40
        assert total(text, "request_seconds_count{", 'route="/v1/users/{user_id:path}/recommendations"') == 40
        assert total(text, 'requests_total{method="OTHER"') == 1
        assert total(text, "workers ") == 2
        assert total(text, "event_loop_lag_seconds_count ") > 0
        assert total(text, "store_round_trip_seconds_count ") > 0
    os.kill(workers_of(running[0].pid)[0], signal.SIGKILL)
    wait_until(lambda: total(httpx.get(f"{address}/metrics").text, "workers ") == 1)
    wait_until(lambda: total(httpx.get(f"{address}/metrics").text, "workers ") == 2)
    text = httpx.get(f"{address}/metrics").text
    assert total(text, 'requests_total{method="GET",route="/v1/users/{user_id:path}/recommendations"') == 40


def total(text: str, start: str, also: str = "") -> float:
    """The sum of the samples of ours that begin so."""
    lines = [line for line in text.splitlines() if line.startswith(f"regulars_{start}") and also in line]
    return sum(float(line.split()[-1]) for line in lines)


def workers_of(process: int) -> list[int]:
    """The processes that answer: those that listen and were started by the main one."""
    children = psutil.Process(process).children()
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline()) or child.net_connections()]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; a server in trouble may refuse meanwhile."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError("it never came to hold")


def test_what_comes_in_is_limited_before_it_is_read(running: tuple[subprocess.Popen[bytes], str]) -> None:
    """Endless addresses and headers, too many of them, and control characters end in a 4xx of the HTTP server."""
    _, address = running
    host, port = "127.0.0.1", int(address.rpartition(":")[2])
    cases = {
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n": b"414",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (HEADER_BYTES + 1000) + b"\r\n\r\n": b"431",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (HEADER_BYTES - 1000) + b"\r\n\r\n": b"200",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n": b"431",
        b"GET /a\rb HTTP/1.1\r\nHost: x\r\n\r\n": b"400",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n": b"400",
    }
    for request, status in cases.items():
        with socket.create_connection((host, port), timeout=20) as connection:
            connection.sendall(request)
            assert connection.recv(100).split()[1] == status, request[:40]
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_slow_body_does_not_keep_a_leaving_server(
    running: tuple[subprocess.Popen[bytes], str], data_dir: Path
) -> None:
    """What comes in time is accepted and kept; what does not come is given up, long before its 20 seconds."""
    process, address = running
    body = b'{"events": [{"event": "click", "event_id": "late", "user_id": "u", "item_id": "i"}]}'
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    where = ("127.0.0.1", int(address.rpartition(":")[2]))
    with (
        socket.create_connection(where, timeout=BODY_SECONDS) as late,
        socket.create_connection(where, timeout=BODY_SECONDS) as never,
    ):
        for connection in (late, never):
            connection.sendall(head + body[:10])
        time.sleep(0.2)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        late.sendall(body[10:])
        assert late.recv(100).split()[1] == b"202"
        assert never.recv(100).split()[1] == b"408"
        assert process.wait(timeout=60) == 0, (data_dir / "server.log").read_text()
    assert time.monotonic() - told < BODY_SECONDS / 2
    lines = [line for path in (data_dir / "events").glob("*.jsonl") for line in path.read_bytes().splitlines()]
    assert [json.loads(line)["event_id"] for line in lines] == ["late"]


def test_every_worker_asks_for_a_new_key(running: tuple[subprocess.Popen[bytes], str], data_dir: Path) -> None:
    """Made while two workers answer, a key is needed by both within a second or so, and opens both."""
    _, address = running
    minted = mint("k", Kind.SECRET, now=datetime.now(UTC))
    assert httpx.get(f"{address}/v1/trending").status_code == 200
    Keyring(data_dir).change(lambda keys: (*keys, minted.kept))
    time.sleep(2)
    opened = {"Authorization": f"Bearer {minted.text}"}
    for _ in range(20):  # each on a connection of its own, so that both workers are asked
        assert httpx.get(f"{address}/v1/trending").status_code == 401
        assert httpx.get(f"{address}/v1/trending", headers=opened).status_code == 200
    assert minted.text not in (data_dir / "server.log").read_text()


def test_rates_hold_per_worker(running: tuple[subprocess.Popen[bytes], str], data_dir: Path) -> None:
    """Two workers let through twice the rate of a key, as documented, and no more; the rest hear when to come back."""
    _, address = running
    limited, other = (mint(name, Kind.SECRET, now=datetime.now(UTC), rate=rate) for name, rate in LIMITS)
    Keyring(data_dir).change(lambda keys: (*keys, limited.kept, other.kept))
    time.sleep(2)
    opened = {"Authorization": f"Bearer {limited.text}"}
    answers = [httpx.get(f"{address}/v1/trending", headers=opened) for _ in range(80)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(answers) - len(refused) == 2 * 5
    assert {answer.json()["code"] for answer in refused} == {"rate_limited"}
    assert all(0 < int(answer.headers["retry-after"]) <= 3600 for answer in refused)
    assert httpx.get(f"{address}/v1/trending", headers={"X-API-Key": other.text}).status_code == 200


def test_every_worker_believes_a_new_secret(running: tuple[subprocess.Popen[bytes], str], data_dir: Path) -> None:
    """Made while two workers answer, a signing secret is known to both within a second or so; its tokens as well."""
    _, address = running
    page = mint("page", Kind.PUBLISHABLE, now=datetime.now(UTC))
    Keyring(data_dir).change(lambda keys: (*keys, page.kept))
    secret = SigningSecrets(data_dir).make("shop", now=datetime.now(UTC)).text or ""
    time.sleep(2)
    path = f"{address}/v1/users/{quote(HOSTILE_IDS[0], safe='')}/recommendations?key={page.text}"
    token = user_token(HOSTILE_IDS[0], secret).decode()
    for _ in range(20):
        assert httpx.get(path, headers={"X-User-Token": token}).json()["user_id"] == HOSTILE_IDS[0]
        doubted = httpx.get(path)
        assert (doubted.json()["user_id"], doubted.headers["x-user-token"]) == (None, "missing")
    log = (data_dir / "server.log").read_text()
    assert token not in log
    assert secret not in log


def ids_of(slate: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["item_id"] for item in slate["items"]]
