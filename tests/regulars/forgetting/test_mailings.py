"""Mailings honour what people chose, from the next one on: no personal picks, and nobody who was forgotten."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.regulars.forgetting.conftest import Running
from tests.regulars.forgetting.test_forget import is_exported, some_users


def exported(running: Running, send: str) -> tuple[dict[str, Any], Path]:
    """Export a send in every format and layout that knows people by their ids; return its manifest and folder."""
    layouts = (
        "--layout",
        "klaviyo",
        "--layout",
        "braze",
        "--format",
        "csv",
        "--format",
        "jsonl",
        "--format",
        "parquet",
    )
    assert running.shop.run("campaign export everybody", "--send", send, *layouts) == 0
    folder = running.data / "campaigns" / "everybody" / "sends" / send
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8")), folder


def picks(folder: Path) -> dict[str, list[str]]:
    """Item ids by user."""
    with (folder / "recipients.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {row["user_id"]: [row[f"rec_{slot}_id"] for slot in (1, 2, 3)] for row in rows}


def test_who_opted_out_gets_a_strangers_picks(running: Running) -> None:
    """In the file, and counted in the manifest; where a recipe has nothing else to offer, they are left out."""
    user, other = some_users(running)
    assert running.shop.run("campaign create everybody --slots 3") == 0
    before, folder = exported(running, "first")
    personal = picks(folder)
    assert running.shop.run("personalization", user, "--off") == 0
    after, folder = exported(running, "second")
    plain = picks(folder)
    assert (before["plain"], after["plain"]) == (0, 1)
    assert (plain[user] == personal[user], plain[other] == personal[other]) == (False, True)
    assert running.shop.run("campaign create due --recipe replenishment --slots 3") == 0
    assert running.shop.run("campaign export due --send first") == 0
    due = json.loads((folder.parents[2] / "due" / "sends" / "first" / "manifest.json").read_text(encoding="utf-8"))
    assert due["suppressed"]["opted_out"] == 1


def test_who_was_forgotten_is_named_where_files_were_exported(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every exported file that holds them is on the receipt; the next send has nobody of that name."""
    user, _ = some_users(running)
    assert running.shop.run("campaign create everybody --slots 3") == 0
    _, folder = exported(running, "first")
    holding = [path.name for path in folder.iterdir() if is_exported(path) or path.name.startswith("braze")]
    holding = [name for name in holding if name != "snapshot.sqlite"]
    capsys.readouterr()
    assert running.shop.run("forget", user, "--yes", "--json") == 0
    receipt = json.loads(capsys.readouterr().out)
    named = {Path(place["where"]).name: place["rows"] for place in receipt["kept"] if "everybody" in place["where"]}
    assert named == dict.fromkeys(holding, 1)
    assert len(named) == 5
    assert not running.files_with(user, but=lambda path: path.name in {*named, "erased.txt"} or "valkey" in path.parts)
    manifest, folder = exported(running, "second")
    assert user not in picks(folder)
    assert manifest["suppressed"].get("erased", 0) == 0, "the version itself does not know them any more"
