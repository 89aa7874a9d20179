"""`regulars keys signing-secret`: printed once, listed without being told, revoked by id or name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.access.signing_secrets import FILE, MAX_LIVE
from tests.regulars.conftest import CONFIG, Shop

Capture = pytest.CaptureFixture[str]
COMMAND = "keys signing-secret"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.config.write_text(CONFIG, encoding="utf-8")
    return shop


def create(shop: Shop, capsys: Capture, name: str) -> str:
    """Make a secret and return what standard output got: the secret alone."""
    capsys.readouterr()
    assert shop.run(f"{COMMAND} create", name) == 0
    return capsys.readouterr().out.strip()


def listed(shop: Shop, capsys: Capture, *args: str) -> list[dict[str, Any]]:
    """Return the list as JSON."""
    capsys.readouterr()
    assert shop.run(f"{COMMAND} list", "--json", *args) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_secret_is_printed_once(shop: Shop, capsys: Capture) -> None:
    """No list shows it afterwards; only the private file holds it."""
    secret = create(shop, capsys, "shop")
    assert secret.startswith("ss_")
    (row,) = listed(shop, capsys)
    assert row.keys() == {"secret_id", "name", "created_at"}
    assert shop.run(f"{COMMAND} list") == 0
    printed = capsys.readouterr()
    assert "shop" in printed.out
    for text in (printed.out, printed.err, json.dumps(row)):
        assert secret not in text
    path = shop.folder / "data" / FILE
    assert secret in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotation(shop: Shop, capsys: Capture) -> None:
    """Make another, revoke the old one by its id; a name that two have names neither."""
    old_text = create(shop, capsys, "shop")
    create(shop, capsys, "shop")
    old, new = listed(shop, capsys)
    assert shop.run(f"{COMMAND} revoke", "shop") == 2
    assert old["secret_id"] in capsys.readouterr().err
    assert shop.run(f"{COMMAND} revoke", old["secret_id"]) == 0
    assert [row["secret_id"] for row in listed(shop, capsys)] == [new["secret_id"]]
    assert ["revoked_at" in row for row in listed(shop, capsys, "--all")] == [True, False]
    assert old_text not in (shop.folder / "data" / FILE).read_text()
    assert shop.run(f"{COMMAND} revoke", "shop") == 0
    assert listed(shop, capsys) == []
    assert shop.run(f"{COMMAND} list") == 0
    assert "signing-secret create" in capsys.readouterr().err


def test_mistakes(shop: Shop, capsys: Capture) -> None:
    """A name that is none, a secret too many, a secret given where its id belongs: said without repeating a secret."""
    assert shop.run(f"{COMMAND} create", "\x1b[31m") == 2
    assert "control characters" in capsys.readouterr().err
    made = [create(shop, capsys, f"shop {number}") for number in range(MAX_LIVE)]
    assert shop.run(f"{COMMAND} create", "more") == 2
    assert "revoke one" in capsys.readouterr().err
    assert shop.run(f"{COMMAND} revoke", made[0]) == 2
    captured = capsys.readouterr()
    assert made[0] not in captured.out + captured.err


def test_a_damaged_file_stops_every_command(shop: Shop, capsys: Capture) -> None:
    """Nothing is overwritten, and no server starts that would believe nobody."""
    create(shop, capsys, "shop")
    path = shop.folder / "data" / FILE
    path.write_text("{", encoding="utf-8")
    for command in (f"{COMMAND} create other", f"{COMMAND} list", f"{COMMAND} revoke shop", "serve"):
        assert shop.run(command) == 2
        assert f"{path} is damaged" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "{"


def test_a_template_that_cannot_be_used_stops_the_server(shop: Shop, capsys: Capture) -> None:
    """Before anything is started, with the name of the setting."""
    assert shop.run("serve", "--set", "fragments.template=no/such/shelf.html") == 2
    assert "fragments.template: no/such/shelf.html cannot be used" in capsys.readouterr().err
