"""A worker that was told to stop answers a little longer, and sends its clients elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from serving.leaving import NOTIFY_VARIABLE, Leaving, notify

pytestmark = pytest.mark.anyio


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An app that says when it has started, and answers everything."""
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        return
    await PlainTextResponse("here")(scope, receive, send)


async def nothing(*_: Any) -> Any:
    return None


async def test_whoever_leaves_closes_connections_and_is_not_ready() -> None:
    """Before, answers are left as they are; afterwards each one asks for a new connection."""
    leaving = Leaving(app, seconds=60)
    transport = httpx.ASGITransport(leaving)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        before = [await client.get(path) for path in ("/readyz", "/v1/trending")]
        leaving._leaves = True
        after = [await client.get(path) for path in ("/readyz", "/v1/trending")]
    assert [(answer.status_code, answer.headers.get("connection")) for answer in before] == [(200, None)] * 2
    assert [(answer.status_code, answer.headers.get("connection")) for answer in after] == [
        (503, "close"),
        (200, "close"),
    ]
    assert after[0].json()["code"] == "leaving"


async def test_sigterm_begins_and_sigint_ends_it() -> None:
    """The server's own handler is asked when the time is over, and not before."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, ended.set)
    try:
        await Leaving(app, seconds=0.1)({"type": "lifespan"}, nothing, nothing)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.02)
        assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 10)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it listens to gets the state; a name that nobody listens to is no error."""
    where = tmp_path / "n.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(where))
        monkeypatch.setenv(NOTIFY_VARIABLE, str(where))
        notify("READY=1")
        assert ear.recv(100) == b"READY=1"
    where.unlink()
    notify("READY=1")
    monkeypatch.delenv(NOTIFY_VARIABLE)
    notify("READY=1")
