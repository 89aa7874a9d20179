"""Whoever asked to be forgotten is nowhere afterwards but where the receipt says; and nobody else is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import orjson
import polars as pl
import pytest

from recommender.artifact import load_artifact
from regulars.config import load
from regulars.forgetting.forget import forget, unfinished
from regulars.forgetting.receipt import FOLDER, Receipt
from serving.campaigns.sends import Sends
from serving.erasures import FILE as ERASED
from serving.events import files
from serving.stores import keys
from serving.visitors import GUEST
from tests.regulars.forgetting.conftest import Running
from tests.serving.campaigns.made_send import send_to
from tests.serving.conftest import Served
from training.progress import SilentProgress
from training.registry import Registry

pytestmark = pytest.mark.anyio

GUEST_ID, OTHER_GUEST = "b-guest-of-the-forgotten", "b-guest-of-another"
ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def version_of(running: Running) -> Path:
    """The folder of the version that is served."""
    registry = Registry(running.data / "artifacts")
    return registry.get(registry.current() or "")


def some_users(running: Running) -> tuple[str, str]:
    """One to be forgotten, and one to stay."""
    ids = load_artifact(version_of(running)).model.users.ids
    return ids[3], ids[4]


def run(running: Running, *users: str) -> Receipt:
    """Forget, in a thread if there is a loop already."""
    return forget(load(running.shop.config), users, now=NOW, progress=SilentProgress())


async def forgotten(running: Running, *users: str) -> Receipt:
    """Forget while servers run."""
    return await anyio.to_thread.run_sync(lambda: run(running, *users))


async def live(served: Served, user: str, other: str) -> list[str]:
    """Let two people and their guests do something; return the ids of the events of who stays."""
    item = served.state.service.engine.model.items.ids[5]
    click = {"event": "click", "item_id": item}
    events: list[dict[str, Any]] = [
        {**click, "anonymous_id": GUEST_ID, "event_id": "before"},
        {**click, "user_id": user, "event_id": "theirs", "order_id": "o-1"},
        {**click, "anonymous_id": OTHER_GUEST, "event_id": "other guest"},
        {**click, "user_id": other, "event_id": "other"},
        {**click, "event_id": "nobody"},
    ]
    await served.post("/v1/events", {"events": events}, status=202)
    for guest, whose in ((GUEST_ID, user), (OTHER_GUEST, other)):
        await served.post("/v1/users:merge", {"anonymous_id": guest, "user_id": whose})
    await served.post("/v1/events", {"events": [{**click, "anonymous_id": GUEST_ID, "event_id": "after"}]}, status=202)
    return ["other guest", "other"]


def prepare_files(running: Running, user: str, other: str) -> None:
    """Write what names people besides: households, tables, quarantine, a send, exported files."""
    data = running.data
    people = [{"user_id": name, "label": f"Household {name}"} for name in (user, other)]
    running.settings.households_file.write_bytes(orjson.dumps(people))
    pl.DataFrame({"user_id": [user, other], "value": [1.0, 2.0]}).write_parquet(data / "reports" / "customers.parquet")
    quarantine = data / "quarantine" / "purchases.csv"
    quarantine.parent.mkdir(exist_ok=True)
    quarantine.write_text(f"file,line,reason,who\na.csv,3,no,{user}\na.csv,4,no,{other}\n", encoding="utf-8")
    model = load_artifact(version_of(running)).model
    send = send_to(data, model, {user: [1, 2], other: [2, 3]}, suppressed=[(user, "erased"), ("x", "no_consent")])
    (send.folder / "suppressed.csv").write_bytes(f"user_id,reason\r\n{user},control\r\n{other},control\r\n".encode())
    manifest = {"files": {"suppressed.csv": {"rows": 2, "bytes": 1, "sha256": ""}}}
    (send.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (send.folder / "recipients.csv").write_bytes(f"user_id,rec_1_id\r\n{user},a\r\n{other},b\r\n".encode())
    (send.folder / "recipients.jsonl").write_bytes(orjson.dumps({"user_id": user}) + b"\n")
    (send.folder / "klaviyo_profiles-001.json").write_bytes(orjson.dumps({"data": [{"external_id": user}]}))


def is_exported(path: Path) -> bool:
    """Whether a file has left the house, or is the list that keeps people out."""
    return path.name.startswith(("recipients.", "klaviyo_")) or path.name == ERASED


async def keys_with(running: Running, text: str) -> list[str]:
    """Every key of the store that names somebody, or whose value does."""
    async with running.stores() as stores:
        command = stores.connection.command
        found = []
        for key in await command("KEYS", "*"):
            kind = (await command("TYPE", key)).decode()
            read = {
                "string": ("GET", key),
                "list": ("LRANGE", key, 0, -1),
                "set": ("SMEMBERS", key),
                "hash": ("HGETALL", key),
                "zset": ("ZRANGE", key, 0, -1),
                "stream": ("XRANGE", key, "-", "+"),
            }[kind]
            if text.encode() in key or text in repr(await command(*read)):
                found.append(key.decode())
    return found


async def test_they_are_nowhere_afterwards(running: Running) -> None:
    """While a server runs: not in a file of the data folder, nor in Redis, but where the receipt says."""
    user, other = some_users(running)
    async with running.served() as served:
        theirs = await live(served, user, other)
        await served.client.put(f"/v1/users/{user}/personalization", json={"on": False})
        prepare_files(running, user, other)
        receipt = await forgotten(running, user)
        assert receipt.pending == ()
        slate = await served.post("/v1/recommendations", {"user_id": user})
        assert slate["source"] != "personal"
        assert slate["items"]
    for text in (user, GUEST_ID):
        in_files = running.files_with(text, but=is_exported)
        in_store = await keys_with(running, text)
        assert (text, in_files, in_store) == (
            text,
            [path for path in in_files if text == user and path.startswith("valkey/")],
            [keys.ERASED] if text == user else [],
        )
    aof = b"".join(path.read_bytes() for path in (running.data / "valkey" / "appendonlydir").iterdir())
    assert aof.count(user.encode()) <= 1 + aof.count(b"SADD"), "nothing of the past is left in the store's own files"
    lines = [
        orjson.loads(line)
        for path in running.settings.events_dir.glob("events-*.jsonl")
        for line in files.lines_of(path)
    ]
    by_id = {line["event_id"]: line for line in lines}
    assert {"before", "after", "theirs", "nobody", *theirs} <= by_id.keys()
    assert by_id["other"]["user_id"] == other
    assert by_id["other guest"]["anonymous_id"] == OTHER_GUEST
    assert by_id["theirs"]["order_id"] == "o-1"


async def test_nobody_else_is_missing(running: Running) -> None:
    """Everybody else keeps their rows in models, figures, lists and sends; hashes and counts are renewed."""
    user, other = some_users(running)
    version = version_of(running)
    before = load_artifact(version)
    prepare_files(running, user, other)
    figures = running.data / "reports" / f"{version.name}.users.npz"
    measured = zipfile.ZipFile(figures).namelist()
    await forgotten(running, user)
    after = load_artifact(version)
    assert after.version == before.version
    assert after.manifest.redacted_users == 1
    assert after.model.users.ids == tuple(name for name in before.model.users.ids if name != user)
    assert zipfile.ZipFile(figures).namelist() == measured
    send = Sends.of(running.data).find("win-back", "spring")
    assert send is not None
    with send.snapshot() as snapshot:
        assert (snapshot.of_user(user), snapshot.why_not(user), len(snapshot)) == (None, None, 1)
        assert snapshot.of_user(other) is not None
    assert (send.folder / "suppressed.csv").read_bytes() == f"user_id,reason\r\n{other},control\r\n".encode()
    stated = json.loads((send.folder / "manifest.json").read_text())["files"]["suppressed.csv"]
    assert (stated["rows"], stated["bytes"]) == (1, (send.folder / "suppressed.csv").stat().st_size)
    assert pl.read_parquet(running.data / "reports" / "customers.parquet")["user_id"].to_list() == [other]
    assert [each["user_id"] for each in orjson.loads(running.settings.households_file.read_bytes())] == [other]
    quarantine = (running.data / "quarantine" / "purchases.csv").read_text(encoding="utf-8")
    assert quarantine == f"file,line,reason,who\na.csv,4,no,{other}\n"


async def test_the_receipt_names_everything(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """What was erased with the number of rows, what still holds them, and nobody's id in the file that is kept."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
    prepare_files(running, user, other)
    receipt = await forgotten(running, user)
    rows = {place.what: place.rows for place in receipt.erased}
    assert rows["event files"] == 4  # two as a guest, one as themselves, and the merge
    assert (rows["models"], rows["candidates"], rows["records of sends"]) == (1, 1, 1)
    assert rows["fresh events"]
    assert rows["households of the demo shop"] == rows["tables of customers"] == rows["rows that training refused"] == 1
    kept = {Path(place.where).name: place.rows for place in receipt.kept}
    assert (kept["recipients.csv"], kept["recipients.jsonl"], kept["klaviyo_profiles-001.json"]) == (1, 1, 1)
    assert "purchases.csv" in kept
    (written,) = (running.data / FOLDER).glob("*.json")
    assert user not in written.read_text(encoding="utf-8")
    assert json.loads(written.read_text(encoding="utf-8"))["complete"] is True
    again = await forgotten(running, user)
    assert (again.erased, again.pending, again.persons) == ((), (), receipt.persons)
    assert running.data.joinpath(ERASED).read_text(encoding="utf-8") == f"{user}\n"
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("forget", user, "--yes")) == 0
    assert "still holds them" in capsys.readouterr().out


async def test_a_request_is_finished_by_the_command(running: Running) -> None:
    """DELETE does at once what it always did; the rest is done by `regulars forget --pending`, once."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
        assert (await served.client.delete(f"/v1/users/{user}")).status_code == 200
        assert unfinished(running.config) == [user]
        assert user in load_artifact(version_of(running)).model.users
        assert await anyio.to_thread.run_sync(lambda: running.shop.run("forget", "--pending", "--yes", "--json")) == 0
    assert unfinished(running.config) == []
    assert user not in load_artifact(version_of(running)).model.users


async def test_running_servers_read_the_copy(running: Running) -> None:
    """A server that has the version loaded takes the copy in its place with its next look for news."""
    user, other = some_users(running)
    async with running.served() as served:
        before = await served.post("/v1/recommendations", {"user_id": other})
        await forgotten(running, user)
        await served.look_for_news()
        engine = served.state.service.engine
        assert (user in engine.model.users, other in engine.model.users) == (False, True)
        after = await served.post("/v1/recommendations", {"user_id": other})
        assert [item["item_id"] for item in after["items"]] == [item["item_id"] for item in before["items"]]
        assert after["model_version"] == before["model_version"]


async def test_events_that_arrive_meanwhile_are_kept(running: Running) -> None:
    """Others go on while files are rewritten: each of their events is in the files once, and none names the person."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
        item = served.state.service.engine.model.items.ids[5]
        sent: list[str] = []

        async def shoppers(stop: anyio.Event) -> None:
            while not stop.is_set():
                batch = [f"e-{len(sent)}-{number}" for number in range(5)]
                events = [{"event": "click", "item_id": item, "event_id": name, "user_id": whose}
                          for name, whose in zip(batch, (other, other, user, other, other), strict=True)]  # fmt: skip
                await served.post("/v1/events", {"events": events}, status=202)
                sent.extend(batch)
                await served.state.drain.run_once()

        stop = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(shoppers, stop)
            receipt = await forgotten(running, user)
            stop.set()
        await served.state.drain.run_once()
    assert receipt.is_complete
    lines = [
        orjson.loads(line)
        for path in running.settings.events_dir.glob("events-*.jsonl")
        for line in files.lines_of(path)
    ]
    written = [line["event_id"] for line in lines if line["event_id"].startswith("e-")]
    assert sorted(written) == sorted(sent)
    assert not [line for line in lines if line.get("user_id") == user]


async def test_redis_is_away(running: Running) -> None:
    """What can be done without it is done, and said; the command finishes when it is back."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
    away = running.config.app.redis.model_copy(update={"url": "redis://127.0.0.1:1/0"})
    config = load(running.shop.config)
    config = type(config)(**{name: getattr(config, name) for name in config.__dataclass_fields__} | {
        "app": config.app.model_copy(update={"redis": away})})  # fmt: skip
    receipt = await anyio.to_thread.run_sync(lambda: forget(config, [user], now=NOW, progress=SilentProgress()))
    assert not receipt.is_complete
    assert "away" in receipt.pending[0].note
    assert user not in load_artifact(version_of(running)).model.users
    assert unfinished(running.config) == [user]
    assert user in repr(await keys_with(running, user))
    done = await forgotten(running, user)
    assert done.is_complete
    assert await keys_with(running, user) == [keys.ERASED]
    assert await keys_with(running, GUEST + GUEST_ID) == []


async def test_a_run_that_was_killed_is_finished(running: Running) -> None:
    """Killed at any moment, the command finishes when it is run again, whichever notes of guests are gone by then."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
    prepare_files(running, user, other)
    command = [sys.executable, "-m", "regulars", "forget", user, "--yes", "--config", str(running.shop.config)]
    kills = [await anyio.to_thread.run_sync(killed, command, seconds) for seconds in (1.5, 2.0, 2.5, 3.0, 4.0)]
    assert any(kills), "no run was killed"
    assert not await anyio.to_thread.run_sync(killed, command, 120.0)
    for text in (user, GUEST_ID):
        assert [path for path in running.files_with(text, but=is_exported) if not path.startswith("valkey/")] == []
    assert await keys_with(running, GUEST_ID) == []
    assert load_artifact(version_of(running)).manifest.redacted_users == 1
    assert [path.name for path in (running.data / "artifacts").iterdir() if path.name.startswith(".")] == []


def killed(command: list[str], seconds: float) -> bool:
    """Run a command for so long, and say whether it had to be killed."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False
