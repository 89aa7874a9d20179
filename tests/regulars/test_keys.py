"""`regulars keys`: made once, shown once, listed without being told, revoked by id or name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from serving.access.keyring import FILE
from tests.regulars.conftest import CONFIG, Shop

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.config.write_text(CONFIG, encoding="utf-8")
    return shop


def create(shop: Shop, capsys: Capture, *args: str) -> str:
    """Make a key and return what standard output got: the key alone."""
    capsys.readouterr()
    assert shop.run("keys create", *args) == 0
    return capsys.readouterr().out.strip()


def listed(shop: Shop, capsys: Capture, *args: str) -> list[dict[str, Any]]:
    """Return the list as JSON."""
    capsys.readouterr()
    assert shop.run("keys list", "--json", *args) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_key_is_printed_once(shop: Shop, capsys: Capture) -> None:
    """Standard output holds the key and nothing else; no list and no file has it afterwards."""
    key = create(shop, capsys, "page", "--publishable", "--origin", "https://Shop.example/", "--rate", "600/minute")
    assert key.startswith("pk_")
    (row,) = listed(shop, capsys)
    assert (row["name"], row["kind"], row["state"], row["origins"]) == (
        "page",
        "publishable",
        "live",
        ["https://shop.example"],
    )
    assert (row["scopes"], row["rate"]) == (["events", "slates"], "600/minute")
    assert "sha256" not in row
    assert shop.run("keys list") == 0
    printed = capsys.readouterr()
    assert "page" in printed.out
    for text in (printed.out, printed.err, json.dumps(row), (shop.folder / "data" / FILE).read_text()):
        assert key not in text


def test_the_list_cuts_no_word_at_80_columns(shop: Shop, capsys: Capture) -> None:
    """Names, scopes, origins, rates and dates stand there whole."""
    words = (
        "storefront",
        "publishable",
        "https://shop.example",
        "https://www.shop.example",
        "600/minute",
        "2999-01-31",
    )
    name, _, first, second, rate, day = words
    create(shop, capsys, name, "--publishable", "--origin", first, "--origin", second, "--rate", rate, "--expires", day)
    every = ("slates", "events", "catalogue", "users", "operations")
    create(shop, capsys, "a back office", *(part for scope in every for part in ("--scope", scope)))
    (page, _) = listed(shop, capsys)
    assert shop.run("keys list") == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for word in (*words, *every, "a back office", page["key_id"], "expires", "live"):
        assert re.search(rf"(?<!\S){re.escape(word)}(?!\S)", printed), word


def test_rotation(shop: Shop, capsys: Capture) -> None:
    """Make another, then revoke the old one by its id; a name that two live keys have names neither."""
    create(shop, capsys, "warehouse", "--scope", "catalogue", "--expires", "2999-01-31")
    create(shop, capsys, "warehouse", "--scope", "catalogue")
    old, new = listed(shop, capsys)
    assert old["expires_at"] == "2999-01-31T00:00:00Z"
    assert shop.run("keys revoke", "warehouse") == 2
    assert old["key_id"] in capsys.readouterr().err
    assert shop.run("keys revoke", old["key_id"]) == 0
    assert [row["key_id"] for row in listed(shop, capsys)] == [new["key_id"]]
    assert [row["state"] for row in listed(shop, capsys, "--all")] == ["revoked", "live"]
    assert shop.run("keys revoke", "warehouse") == 0
    assert listed(shop, capsys) == []
    assert shop.run("keys list") == 0
    assert "keys create" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["k", "--scope", "everything"], "slates, events, catalogue, users, operations"),
        (["k", "--publishable", "--scope", "users"], "make a secret key"),
        (["k", "--origin", "shop.example"], "https://shop.example"),
        (["k", "--rate", "often"], "600/minute"),
        (["k", "--rate", "0/minute"], "600/minute"),
        (["k", "--expires", "2001-01-01"], "not in the future"),
        (["\x1b[31m"], "control characters"),
    ],
)
def test_mistakes_are_said_before_anything_is_made(shop: Shop, capsys: Capture, args: list[str], hint: str) -> None:
    """Exit code 2 and what to write instead; no key was made."""
    assert shop.run("keys create", *args) == 2
    assert hint in capsys.readouterr().err
    assert not (shop.folder / "data" / FILE).exists()


def test_a_key_given_by_mistake_is_not_repeated(shop: Shop, capsys: Capture) -> None:
    """Whoever pastes the key where its id belongs finds it in no message."""
    key = create(shop, capsys, "k")
    assert shop.run("keys revoke", key) == 2
    captured = capsys.readouterr()
    assert key not in captured.out + captured.err


def test_a_damaged_file_stops_every_command(shop: Shop, capsys: Capture) -> None:
    """Nothing is overwritten, and no server starts that would refuse everybody."""
    create(shop, capsys, "k")
    path = shop.folder / "data" / FILE
    path.write_text("{", encoding="utf-8")
    for command in ("keys create other", "keys list", "keys revoke k", "serve"):
        assert shop.run(command) == 2
        assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "{"
