"""What the server says about itself reaches standard error, once, in one format, and names nobody."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from recommender.errors import ConfigError
from serving import logs, request_ids
from serving.access_log import AccessLog
from serving.app import create_app
from serving.front.front import Front
from serving.log_settings import LogSettings
from serving.service import Service
from serving.state import State
from serving.stores.presence import Presence
from tests.serving.conftest import Serve, Served, published, served

PROGRAM = """
import logging
from serving import logs
logs.to_standard_error()
logs.to_standard_error()
logging.getLogger("serving.somewhere").info("version %s is served", "v1")
logging.getLogger("elsewhere").info("not ours")
logging.getLogger("elsewhere").warning("worth knowing")
"""

FORGED = "mallory\n2026-01-01T00:00:00.000Z ERROR serving: all is lost\x1b[31m%s%(name)s\u2028空"
SECRET = "hunter2"


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the JSON format makes of every line of this process, from DEBUG on."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    root, ours = logging.getLogger(), logging.getLogger(logs.LOGGER)
    before = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before[0])
    ours.setLevel(before[1])


def lines_of(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def formatted(kind: str, message: str, *args: Any, error: BaseException | None = None, **fields: Any) -> str:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("serving.x", logging.ERROR, __file__, 1, message, args, info)
    setattr(record, logs.FIELDS, fields)
    return logs.formatter(kind).format(record)


def test_one_tidy_line() -> None:
    """Time in UTC, level, module and message, from INFO on, of others from WARNING on; asking twice doubles nothing."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second = done.stderr.splitlines()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{time} INFO serving\.somewhere: version v1 is served", first)
    assert re.fullmatch(rf"{time} WARNING elsewhere: worth knowing", second)
    assert done.stdout == ""


def test_a_line_of_json() -> None:
    """Every part is a field, those a line brings itself included; what there is not is left out."""
    token = request_ids.current.set("r-1")
    line = json.loads(formatted("json", "version %s", "v1", version="v1"))
    request_ids.current.reset(token)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "ERROR",
        "logger": "serving.x",
        "message": "version v1",
        "request_id": "r-1",
        "version": "v1",
    }


@pytest.mark.parametrize("kind", ["text", "json"])
def test_nobody_forges_a_line(kind: str) -> None:
    """Control characters and percent signs that somebody sent neither begin a line nor colour it."""
    line = formatted(kind, "about %s", FORGED, name=FORGED)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


@pytest.mark.parametrize("kind", ["text", "json"])
def test_an_exception_keeps_its_words_to_itself(kind: str) -> None:
    """Type and place are written, causes too; words only if they are about the machine."""
    who = "user-17"

    def fail() -> None:
        try:
            raise KeyError(who)
        except KeyError as error:
            raise ValueError(who) from error

    with pytest.raises(ValueError, match="17") as raised:
        fail()
    line = formatted(kind, "it failed", error=raised.value)
    assert "KeyError" in line
    assert "ValueError" in line
    assert "test_logs.py" in line
    assert who not in line
    assert "No space left" in formatted(kind, "it failed", error=OSError(28, "No space left on device"))
    assert "set a.b" in formatted(kind, "it failed", error=ConfigError("set a.b"))


@pytest.mark.anyio
async def test_requests_leave_no_trace_of_people(
    serve: Serve, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile ids in addresses and bodies, a mistake of ours, and a Redis that quotes: none of it is in a line."""

    async def mistake(*_: Any, **__: Any) -> Any:
        raise RuntimeError(FORGED)

    async with serve() as running:
        await ask_everything(running)
        monkeypatch.setattr(Service, "reply", mistake)
        await ask_everything(running)
    presence = Presence("redis://cache")
    for _ in range(5):
        presence.failed(f"unknown command 'GET', with args beginning with: {FORGED}")
    lines = lines_of(written)
    assert any(line["message"] == "a request to /v1/recommendations failed" for line in lines)
    assert any("is away" in line["message"] for line in lines)
    failed = next(line for line in lines if "failed" in line["message"])
    assert failed["request_id"]
    assert "RuntimeError" in failed["exception"]
    ours = [line for line in lines if line["logger"].startswith("serving")]
    for trace in ("mallory", "all is lost", "%28name%29s", "secret-item", SECRET):
        assert trace not in json.dumps(ours), trace


async def ask_everything(running: Served) -> None:
    """Send the hostile id wherever an id may stand."""
    client = running.client
    quoted = "mallory%0A%1B%5B31m%25s%E7%A9%BA"
    plain = "mallory%25s%E7%A9%BA"
    for user in (quoted, plain):
        await client.get(f"/v1/users/{user}/recommendations", headers={"X-API-Key": SECRET, "X-Request-Id": FORGED[:3]})
        await client.get(f"/v1/items/{user}/similar?key={SECRET}")
        await client.delete(f"/v1/users/{user}")
    await client.post("/v1/recommendations", json={"user_id": FORGED, "seeds": {"cart": ["secret-item"]}})
    await client.post("/v1/recommendations", json={"user_id": "mallory%s", "seeds": {"cart": ["secret-item"]}})
    event = {"mallorynt": "click", "mallorynt_id": "mallory", "user_id": "mallory%s", "item_id": "secret-item"}
    await client.post("/v1/events", json={"mallorynts": [event, {**event, "user_id": FORGED}]})
    await client.get(f"/nothing/{quoted}")


@pytest.mark.anyio
async def test_an_access_log_names_routes(settings: Any, stores: Any, registry: Any, written: StringIO) -> None:
    """Each request is one line: its route, status, duration and id; a page view's too; never its address."""
    await published(registry.shop, stores)
    app = create_app(settings, store=stores, registry_root=registry.root)
    async with served(app) as running:
        transport = AccessLog(Front(app))
        running.client._transport.app = transport  # type: ignore[attr-defined]
        await running.client.get("/v1/users/mallory/recommendations", headers={"X-Request-Id": "r-7"})
        await running.client.get("/v1/nothing/mallory?q=mallory")
        await running.client.request("BREW", "/v1/events")
    assert isinstance(app.state.regulars, State)
    lines = [line for line in lines_of(written) if line["logger"] == "serving.access_log"]
    told = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told == [
        ("GET", "/v1/users/{user_id:path}/recommendations", 200),
        ("GET", "none", 404),
        ("OTHER", "/v1/events", 405),
    ]
    assert lines[0]["request_id"] == "r-7"
    assert 0 < lines[0]["seconds"] < 10
    assert "mallory" not in json.dumps([{**line, "route": ""} for line in lines])


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(FORGED)


@pytest.mark.anyio
async def test_a_request_that_fails_is_logged_as_500(written: StringIO) -> None:
    """The access log says what the client met, whatever happened inside."""
    with pytest.raises(RuntimeError):
        await AccessLog(failing)({"type": "http", "method": "GET", "path": "/x", "query_string": b""}, None, None)  # type: ignore[arg-type]
    (line,) = [line for line in lines_of(written) if line["logger"] == "serving.access_log"]
    assert line["status"] == 500


def test_the_http_server_speaks_alike() -> None:
    """The HTTP server's own lines have our format, on standard error, and quote no exception."""
    program = """
import logging, sys
from granian.log import LogLevels, configure_logging
from serving import logs
from serving.log_settings import LogSettings
settings = LogSettings(format="json")
logs.to_standard_error(settings)
configure_logging(LogLevels.warning, logs.for_granian(settings))
logs.to_standard_error(settings)
logging.getLogger("_granian").warning("a worker died\\nTraceback (most recent call last):\\n  KeyError: 'mallory'")
logging.getLogger("serving.x").info("ours")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["logger"], line["message"]) for line in told] == [
        ("_granian", "a worker died"),
        ("serving.x", "ours"),
    ]
    assert done.stdout == ""


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_levels(level: str) -> None:
    """The setting says how serious a line must be."""
    program = f"""
import logging
from serving import logs
from serving.log_settings import LogSettings
logs.to_standard_error(LogSettings(level={level!r}))
for name in ("debug", "info", "warning", "error"):
    getattr(logging.getLogger("serving.x"), name)(name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    levels = ["debug", "info", "warning", "error"]
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == levels[levels.index(level) :]


def test_settings_have_defaults() -> None:
    """Nothing needs to be set: text from INFO on, no line per request."""
    assert LogSettings() == LogSettings(format="text", level="info", access=False)
