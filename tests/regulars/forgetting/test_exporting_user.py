"""What is known about a person is in their document, and nothing of anybody else."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from recommender.artifact import load_artifact
from tests.regulars.forgetting.conftest import Running
from tests.regulars.forgetting.test_forget import GUEST_ID, OTHER_GUEST, live, prepare_files, some_users, version_of

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[3] / "docs" / "privacy.md"


async def exported(running: Running, user: str) -> dict[str, Any]:
    """Run the command."""
    out = running.data.parent / "person.json"
    command = lambda: running.shop.run("export-user", user, "--out", str(out))  # noqa: E731
    assert await anyio.to_thread.run_sync(command) == 0
    assert out.stat().st_mode & 0o077 == 0
    content: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return content


def names(content: Any) -> set[str]:
    """Every key of nested JSON."""
    if isinstance(content, dict):
        return set(content).union(*map(names, content.values()))
    return set().union(*map(names, content)) if isinstance(content, list) else set()


async def test_everything_is_there(running: Running) -> None:
    """Past, segment, outlook, events of theirs and of the guests they were, shelves with reasons, sends, choices."""
    user, other = some_users(running)
    async with running.served() as served:
        await live(served, user, other)
        await served.state.drain.run_once()
    prepare_files(running, user, other)
    found = await exported(running, user)
    model = load_artifact(version_of(running)).model
    index = model.users.index(user)
    owned = {each["item_id"]: each["orders"] for each in found["history"] if each["orders"]}
    past = model.histories.of(index)
    assert owned == {model.items.ids[item]: int(n) for item, n in zip(past.item, past.orders, strict=True) if n}
    assert found["customer"]["frequency"] == model.customers.frequency[index]
    assert found["outlook"].keys() == model.outlook.__dataclass_fields__.keys()
    assert {event["event_id"] for event in found["events"]} >= {"before", "theirs", "after"}
    assert found["guests"] == [GUEST_ID]
    assert len(found["since_training"]) == 3
    shelves = {shelf["placement"]: shelf for shelf in found["offered"]}
    assert shelves["home"]["items"][0]["reason"]
    (send,) = found["sends"]
    assert (send["campaign"], send["left_out"], len(send["picks"])) == ("win-back", None, 2)
    assert (found["erased"], found["personalization"]["on"], found["store"]) == (False, True, "asked")
    assert [Path(path).name for path in found["not_included"].popitem()[1]] == ["purchases.csv"]
    text = json.dumps(found)
    assert not re.search(rf"{re.escape(other)}|{OTHER_GUEST}", text)
    described = PAGE.read_text(encoding="utf-8")
    assert [name for name in sorted(found) if f"`{name}`" not in described] == []


async def test_a_choice_shows_in_what_is_offered(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Who switched personal picks off is offered what guests are; and the command says what was chosen."""
    user, _ = some_users(running)
    before = await exported(running, user)
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("personalization", user, "--off")) == 0
    after = await exported(running, user)
    assert (after["personalization"]["on"], after["personalization"]["chosen_at"] is None) == (False, False)
    assert after["history"] == before["history"]
    home = [next(shelf for shelf in found["offered"] if shelf["placement"] == "home") for found in (before, after)]
    assert home[0]["source"] != home[1]["source"]
    capsys.readouterr()
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("personalization", user, "--json")) == 0
    assert json.loads(capsys.readouterr().out) == {"user_id": user, "on": False, "shared": True}


def with_damaged_index(path: Path, user: str) -> None:
    """Let the index of recipients not find somebody who is in the table."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'recipients_by_user'")
        ((size,),) = db.execute("PRAGMA page_size")
    content = bytearray(path.read_bytes())
    place = content.index(user.encode(), (page - 1) * size, page * size)
    content[place] ^= 1
    path.write_bytes(content)


async def test_sends_that_cannot_be_read_are_named(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged index hides nobody: the record is named with the reason, and the exit code is 1."""
    user, other = some_users(running)
    prepare_files(running, user, other)
    folder = running.data / "campaigns/win-back/sends/spring"
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    assert len((await exported(running, user))["sends"]) == 1, "a record is read without its manifest"
    (folder / "manifest.json").unlink()
    found = await exported(running, user)
    assert (len(found["sends"]), found["unreadable"]) == (1, [])
    (running.data / "campaigns/win-back/sends/lost").mkdir()
    (running.data / "campaigns/win-back/sends/lost/manifest.json").write_text("{}", encoding="utf-8")
    with_damaged_index(folder / "snapshot.sqlite", user)
    capsys.readouterr()
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("export-user", user)) == 1
    out, err = capsys.readouterr()
    content = json.loads(out)
    assert content["sends"] == []
    assert [Path(each["where"]).parent.name for each in content["unreadable"]] == ["lost", "spring"]
    assert err.count("Not included: ") == 2


async def test_strangers_and_the_forgotten(running: Running) -> None:
    """Of a stranger nothing is known; of who was forgotten, that they were."""
    user, _ = some_users(running)
    stranger = await exported(running, "somebody new")
    assert (stranger["customer"], stranger["history"], stranger["events"]) == (None, [], [])
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("forget", user, "--yes")) == 0
    gone = await exported(running, user)
    assert gone["erased"] is True
    assert not any(gone[name] for name in ("customer", "outlook", "history", "events", "offered", "sends", "guests"))
    assert await anyio.to_thread.run_sync(lambda: running.shop.run("personalization", user, "--off")) == 2


async def test_an_id_that_can_be_none(running: Running) -> None:
    """Refused, with exit code 2."""
    for command in ("export-user", "forget --yes", "personalization"):
        assert await anyio.to_thread.run_sync(running.shop.run, command, "a\nb") == 2
