"""Who is let in, and what becomes of the file of keys."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recommender.errors import ConfigError
from serving.access.access import Access
from serving.access.keyring import FILE, Keyring
from serving.access.keys import ApiKey, Kind, Minted, mint
from serving.access.refusal import KEY_REQUIRED, KEY_UNKNOWN, Refusal
from serving.access.scopes import Scope
from serving.access.settings import AccessSettings
from serving.problems import Code

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP = b"https://shop.example"


@dataclass
class Gate:
    """An access over a folder, at a time that tests set."""

    folder: Path
    settings: AccessSettings = field(default_factory=AccessSettings)
    now: datetime = START
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        self.access = Access(
            self.settings, self.folder, now=lambda: self.now.timestamp(), ticks=lambda: self.now.timestamp()
        )
        self.access.refresh()

    def make(self, name: str = "k", kind: Kind = Kind.SECRET, **options: Any) -> Minted:
        minted = mint(name, kind, now=self.now, **options)
        Keyring(self.folder).change(lambda keys: (*keys, minted.kept))
        self.access.refresh()
        return minted

    def edit(self, change: Callable[[ApiKey], ApiKey]) -> None:
        Keyring(self.folder).change(lambda keys: tuple(change(key) for key in keys))
        self.access.refresh()

    def ask(self, key: str | None, needs: Scope | None = Scope.SLATES, **brought: Any) -> Refusal | None:
        origin, address = brought.get("origin"), brought.get("address")
        return self.access.refusal(None if key is None else key.encode(), origin=origin, address=address, needs=needs)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def code(refusal: Refusal | None) -> Code | None:
    return None if refusal is None else refusal.code


def test_open_until_the_first_key(gate: Gate) -> None:
    """Without a key nothing is asked for, whatever a client sends; with the first one, everything is."""
    assert gate.ask(None) is None
    assert gate.ask("sk_of_another_shop") is None
    minted = gate.make()
    assert gate.ask(None) is KEY_REQUIRED
    assert gate.ask("") is KEY_REQUIRED
    assert gate.ask("sk_of_another_shop") is KEY_UNKNOWN
    assert gate.ask(minted.text) is None
    assert gate.ask(None, needs=None) is None


def test_required_from_the_start(tmp_path: Path) -> None:
    """A shop that says so is closed before its first key."""
    assert Gate(tmp_path, AccessSettings(keys="required")).ask(None) is KEY_REQUIRED


def test_closed_before_the_file_was_read(tmp_path: Path) -> None:
    """A process that has not looked yet lets nobody in."""
    access = Access(AccessSettings(), tmp_path)
    assert access.refusal(None, origin=None, address=None, needs=Scope.SLATES) is KEY_REQUIRED


def test_scopes(gate: Gate) -> None:
    """A key opens what it is for, and says what it lacks otherwise."""
    minted = gate.make(scopes=(Scope.CATALOGUE,))
    assert gate.ask(minted.text, needs=Scope.CATALOGUE) is None
    refused = gate.ask(minted.text, needs=Scope.USERS)
    assert refused is not None
    assert (refused.status, refused.code) == (403, Code.KEY_NOT_ALLOWED)
    assert "'users'" in refused.detail


@pytest.mark.parametrize("scope", [Scope.CATALOGUE, Scope.USERS, Scope.OPERATIONS])
def test_publishable_keys_change_nothing(scope: Scope) -> None:
    """What stands in a page can neither set prices nor erase users."""
    with pytest.raises(ValidationError, match="slates and events only"):
        mint("page", Kind.PUBLISHABLE, now=START, scopes=(Scope.SLATES, scope))


def test_origins(gate: Gate) -> None:
    """A key with origins is good for pages of those alone; one without, for all."""
    bound = gate.make("page", Kind.PUBLISHABLE, origins=("https://shop.example",))
    free = gate.make("app", Kind.PUBLISHABLE)
    assert gate.ask(bound.text, origin=SHOP) is None
    for origin in (None, b"null", b"https://evil.example", b"https://shop.example.evil", b"http://shop.example"):
        assert code(gate.ask(bound.text, origin=origin)) == Code.KEY_NOT_ALLOWED
        assert gate.ask(free.text, origin=origin) is None
    assert gate.access.allows_origin(SHOP)
    assert not gate.access.allows_origin(b"https://evil.example")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(written: str, kept: str) -> None:
    """Case, a slash at the end and the usual port make no other origin."""
    assert mint("k", Kind.PUBLISHABLE, now=START, origins=(written,)).kept.origins == (kept,)


@pytest.mark.parametrize(
    "written",
    [
        *("*", "null", "shop.example", "https://shop.example/page", "ftp://x", "https://u@x", "https://空.example"),
        *("https://shop .example", " https://shop.example", "https://*.example", "https://shop.example:70000"),
        *(
            "https://shop.example:",
            "https://shop.example:a",
            "https://shop..example",
            "https://shop.example\n",
            "https://",
        ),
    ],
)
def test_what_is_no_origin(written: str) -> None:
    """Patterns, paths and other schemes are refused when the key is made, not when a shopper comes."""
    with pytest.raises(ValidationError, match=r"origin|Punycode"):
        mint("k", Kind.PUBLISHABLE, now=START, origins=(written,))


def test_rotation_with_overlap(gate: Gate) -> None:
    """Old and new key open together until the old one is revoked."""
    old, new = gate.make("shop"), gate.make("shop")
    assert gate.ask(old.text) is None
    assert gate.ask(new.text) is None
    gate.edit(lambda key: key.model_copy(update={"revoked_at": START}) if key == old.kept else key)
    assert gate.ask(old.text) is KEY_UNKNOWN
    assert gate.ask(new.text) is None


def test_unknown_revoked_and_expired_are_one_answer(gate: Gate) -> None:
    """Nobody learns whether a key was ever one: the same object answers, whatever else the request needs."""
    expiring = gate.make(expires_at=START + timedelta(days=1))
    revoked = gate.make()
    gate.edit(lambda key: key.model_copy(update={"revoked_at": START}) if key == revoked.kept else key)
    assert gate.ask(expiring.text) is None
    gate.now = START + timedelta(days=1)
    for needs in (Scope.SLATES, Scope.USERS):
        answers = {id(gate.ask(key, needs=needs)) for key in (expiring.text, revoked.text, "sk_" + "x" * 43, "空")}
        assert answers == {id(KEY_UNKNOWN)}
    assert gate.ask(None) is KEY_REQUIRED


def test_revoking_the_last_key_opens_nothing(gate: Gate) -> None:
    """Keys were asked for once, so they are asked for still."""
    gate.make()
    gate.edit(lambda key: key.model_copy(update={"revoked_at": START}))
    assert gate.ask(None) is KEY_REQUIRED
    (gate.folder / FILE).unlink()
    gate.access.refresh()
    assert gate.ask(None) is KEY_REQUIRED


DAMAGE: dict[str, Callable[[str], str]] = {
    "emptied": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "no object": lambda text: "[]",
    "not JSON": lambda text: "\0" * 40,
    "unknown field": lambda text: text.replace('"name"', '"nickname"'),
    "newer format": lambda text: text.replace('"format": 1', '"format": 2'),
    "twice": lambda text: text.replace(
        '"keys": [', '"keys": [' + text[text.index("{", 1) : text.rindex("]")].rstrip() + ","
    ),
    "promoted": lambda text: text.replace('"scopes": [', '"scopes": ["users",').replace('"secret"', '"publishable"'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_changes_nothing(gate: Gate, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """The keys known before go on, the log says why once, and a mended file is read again."""
    minted, path = gate.make(), gate.folder / FILE
    good = path.read_text()
    path.write_text(DAMAGE[damage](good))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            gate.access.refresh()
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"{path} is damaged" in line
    assert "known before go on" in line
    assert minted.kept.sha256 not in line
    assert gate.ask(minted.text) is None
    assert gate.ask(None) is KEY_REQUIRED
    with pytest.raises(ConfigError, match="is damaged"):
        Keyring(gate.folder).change(lambda keys: keys)
    path.write_text(good.replace("}", ' , "revoked_at": "2026-01-01T00:00:00Z"}', 1))
    gate.access.refresh()
    assert gate.ask(minted.text) is KEY_UNKNOWN


@pytest.mark.parametrize("settings", [AccessSettings(), AccessSettings(keys="required")])
def test_a_damaged_file_at_the_start_lets_nobody_in(
    tmp_path: Path, settings: AccessSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that never knew a key does not take a file it cannot read for no keys."""
    (tmp_path / FILE).write_text("{")
    assert Gate(tmp_path, settings).ask(None) is KEY_REQUIRED
    assert "every request that needs one is refused" in caplog.text


def test_what_cannot_be_read_is_no_open_door(tmp_path: Path) -> None:
    """A folder in the file's place is as closed as a damaged file."""
    (tmp_path / FILE).mkdir()
    assert Gate(tmp_path).ask(None) is KEY_REQUIRED


def test_only_a_hash_is_kept(gate: Gate) -> None:
    """The file holds neither the key nor a part of it, and its owner alone may read it."""
    minted = gate.make("page", Kind.PUBLISHABLE, origins=("https://shop.example",))
    path = gate.folder / FILE
    content = path.read_text()
    assert not any(minted.text[at : at + 6] in content for at in range(3, len(minted.text) - 6))
    assert path.stat().st_mode & 0o777 == 0o600
    assert (gate.folder / f"{FILE}.lock").stat().st_mode & 0o777 == 0o600
    assert len(minted.text) == 3 + 43
    assert minted.text.startswith("pk_")


def test_a_key_is_shown_nowhere(gate: Gate) -> None:
    """Neither repr nor a traceback holds a key or its hash."""
    minted = gate.make()
    shown = [repr(minted), repr(minted.kept), repr(gate.access), repr(gate.ask("sk_wrong")), str(vars(gate.access))]
    with pytest.raises(ValidationError) as caught:
        ApiKey.model_validate(minted.kept.model_dump() | {"sha256": minted.text})
    shown += ["".join(traceback.format_exception(caught.value)), str(caught.value)]
    for text in shown:
        assert minted.text not in text
        assert minted.kept.sha256 not in text


def test_two_keys_differ_everywhere() -> None:
    """Keys are 256 random bits each; a thousand of them share nothing."""
    minted = [mint("k", Kind.SECRET, now=START) for _ in range(1000)]
    assert len({key.text for key in minted}) == len({key.kept.sha256 for key in minted}) == 1000


def test_rate_of_a_key(gate: Gate) -> None:
    """So many requests a window, then 429 with the seconds that are left of it."""
    minted, other = gate.make(rate="3/minute"), gate.make(rate="3/minute")
    assert [code(gate.ask(minted.text)) for _ in range(4)] == [None, None, None, Code.RATE_LIMITED]
    gate.now += timedelta(seconds=20)
    refused = gate.ask(minted.text)
    assert refused is not None
    assert (refused.status, refused.headers) == (429, {"Retry-After": "40"})
    assert gate.ask(other.text) is None
    gate.now += timedelta(seconds=40)
    assert gate.ask(minted.text) is None


def test_rate_of_an_address(tmp_path: Path) -> None:
    """It holds with and without a key, and the addresses that one customer may choose from count as one."""
    gate = Gate(tmp_path, AccessSettings(rate_per_address="2/minute"))
    asked = [gate.ask(None, address=address) for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3")]
    assert [code(refusal) for refusal in asked] == [None, None, Code.RATE_LIMITED]
    assert gate.ask(None, address="2001:db8:0:1::1") is None
    assert gate.ask(None, needs=None, address="192.0.2.1") is None
    gate.make()
    assert code(gate.ask("sk_wrong", address="192.0.2.1")) == Code.KEY_UNKNOWN
    assert code(gate.ask("sk_wrong", address="192.0.2.1")) == Code.RATE_LIMITED


def test_two_commands_at_once_lose_no_key(tmp_path: Path) -> None:
    """Changes wait for each other."""
    from concurrent.futures import ThreadPoolExecutor

    minted = [mint(f"k{number}", Kind.SECRET, now=START) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: Keyring(tmp_path).change(lambda keys: (*keys, one.kept)), minted))
    assert {key.key_id for key in Keyring(tmp_path).read()} == {one.kept.key_id for one in minted}
    assert {path.name for path in tmp_path.iterdir()} == {FILE, f"{FILE}.lock"}
