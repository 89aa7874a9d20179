"""Who is believed to be the user they name, and what becomes of the file of signing secrets."""

from __future__ import annotations

import base64
import json
import logging
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from recommender.errors import ConfigError
from serving.access.access import Access
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.settings import AccessSettings
from serving.access.signing_secrets import FILE, MAX_LIVE, SigningSecret, SigningSecrets
from serving.access.user_tokens import LEEWAY_SECONDS, MAX_REMEMBERED, MAX_TOKEN_BYTES, Doubt, UserTokens
from tests.planted import HOSTILE_IDS
from tests.serving.access.tokens import user_token

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = 3600


@dataclass
class Desk:
    """Tokens judged over a folder, at a time that tests set."""

    folder: Path
    settings: AccessSettings = field(default_factory=AccessSettings)
    now: float = START.timestamp()
    tokens: UserTokens = field(init=False)
    secret: str = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = UserTokens(self.settings, self.folder, now=lambda: self.now)
        self.secret = self.make().text or ""

    def make(self) -> SigningSecret:
        made = SigningSecrets(self.folder).make("shop", now=START)
        self.tokens.refresh()
        return made

    def revoke(self, secret: SigningSecret) -> None:
        SigningSecrets(self.folder).revoke(secret.secret_id, now=START)
        self.tokens.refresh()

    def token(self, user_id: Any = "17", **claims: Any) -> bytes:
        return user_token(user_id, self.secret, now=self.now, **claims)

    def doubt(self, token: bytes | None, user_id: str = "17") -> Doubt | None:
        return self.tokens.doubt(token, user_id)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("user_id", ["17", *HOSTILE_IDS])
def test_a_good_token_vouches_for_its_user_alone(desk: Desk, user_id: str) -> None:
    """Whatever an id looks like; asked once or again."""
    token = desk.token(user_id)
    for _ in range(2):
        assert desk.doubt(token, user_id) is None
        assert desk.doubt(token, f"{user_id}x") is Doubt.OTHER_USER
        assert desk.doubt(token, user_id[:-1]) is Doubt.OTHER_USER


def test_nothing_is_no_token(desk: Desk) -> None:
    """Neither none nor an empty one."""
    assert desk.doubt(None) is desk.doubt(b"") is Doubt.MISSING


@pytest.mark.parametrize("asked_before", [False, True])
def test_tokens_expire(desk: Desk, asked_before: bool) -> None:
    """When their time and the leeway are over, whether or not they were found good before."""
    token = desk.token(seconds=HOUR)
    if asked_before:
        assert desk.doubt(token) is None
    desk.now += HOUR + LEEWAY_SECONDS - 1
    assert desk.doubt(token) is None
    desk.now += 1
    assert desk.doubt(token) is Doubt.EXPIRED
    assert desk.doubt(token, "another") is Doubt.EXPIRED


@pytest.mark.parametrize(
    ("claims", "doubt"),
    [
        ({"seconds": 24 * HOUR}, None),
        ({"seconds": 25 * HOUR}, Doubt.INVALID),
        ({"seconds": HOUR, "iat": START.timestamp() - 30 * HOUR}, Doubt.INVALID),
        ({"seconds": 23 * HOUR, "iat": START.timestamp() - HOUR}, None),
        ({"seconds": 48 * HOUR, "iat": START.timestamp() + 40 * HOUR}, Doubt.INVALID),
        ({"seconds": HOUR, "nbf": START.timestamp() + 20}, None),
        ({"seconds": HOUR, "nbf": START.timestamp() + 60}, Doubt.INVALID),
        ({"seconds": HOUR, "nbf": "soon"}, Doubt.INVALID),
        ({"seconds": HOUR, "iat": [1]}, Doubt.INVALID),
        ({"seconds": HOUR, "aud": "anything"}, None),
    ],
)
def test_no_token_lives_too_long(desk: Desk, claims: dict[str, Any], doubt: Doubt | None) -> None:
    """A day at most, from when it was signed if it says so, and never before its time."""
    assert desk.doubt(desk.token(**claims)) is doubt


def test_the_longest_life_is_a_setting(tmp_path: Path) -> None:
    """Shorter or longer than a day."""
    brief = Desk(tmp_path, AccessSettings(user_token_hours=0.5))
    assert brief.doubt(brief.token(seconds=1800)) is None
    assert brief.doubt(brief.token(seconds=HOUR)) is Doubt.INVALID


def test_an_audience_is_asked_for_if_one_is_set(tmp_path: Path) -> None:
    """Alone or among others; without one the claim is nobody's business."""
    strict = Desk(tmp_path, AccessSettings(user_token_audience="regulars"))
    assert strict.doubt(strict.token(aud="regulars")) is None
    assert strict.doubt(strict.token(aud=["mail", "regulars"])) is None
    for wrong in ({"aud": "mail"}, {}, {"aud": 7}):
        assert strict.doubt(strict.token(**wrong)) is Doubt.INVALID


def encoded(part: Any) -> str:
    """Return a part of a token that no library would write."""
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forgeries(secret: str, good: bytes) -> dict[str, bytes]:
    """Everything that must not be believed, by what is wrong with it."""
    claims = {"sub": "17", "exp": int(START.timestamp()) + HOUR}
    head, body, signature = good.decode().split(".")
    signed: dict[str, dict[str, Any]] = {
        "no user": {"exp": claims["exp"]},
        "no end": {"sub": "17"},
        "a user that is a number": {**claims, "sub": 17},
        "an end that is a text": {**claims, "exp": str(claims["exp"])},
        "an end that is true": {**claims, "exp": True},
        "an endless end": {**claims, "exp": math.inf},
        "an end that is no number": {**claims, "exp": math.nan},
        "an end of many digits": {**claims, "exp": 10**400},
    }
    return {
        **{what: jwt.encode(payload, secret, algorithm="HS256").encode() for what, payload in signed.items()},
        "alg none": jwt.encode(claims, "", algorithm="none").encode(),
        "alg none, with the signature": f"{encoded({'alg': 'none'})}.{body}.{signature}".encode(),
        "another algorithm": user_token("17", secret, now=START.timestamp(), algorithm="HS512"),
        "a public key's algorithm": f"{encoded({'alg': 'RS256'})}.{body}.{signature}".encode(),
        "another secret": user_token("17", "ss_" + "A" * 43, now=START.timestamp()),
        "no signature": f"{head}.{body}.".encode(),
        "another user's signature": f"{head}.{encoded({**claims, 'sub': '18'})}.{signature}".encode(),
        "unknown crit": jwt.encode(claims, secret, headers={"crit": ["x"], "x": 1}).encode(),
        "too long": user_token("17", secret, now=START.timestamp(), more="x" * MAX_TOKEN_BYTES),
        "nested": f"{encoded(b'[' * 1400)}.{body}.{signature}".encode(),
        "claims that are a list": jwt.api_jws.encode(b"[]", secret).encode(),
        "claims that are no JSON": jwt.api_jws.encode(b"{", secret).encode(),
        "nested claims": jwt.api_jws.encode(b"[" * 1400, secret).encode(),
        "no token": b"sometoken",
        "dots": b"..",
        "not ASCII": "空.空.空".encode(),
        "null bytes": b"\0" * 30,
        "a megabyte": b"a.b." + b"c" * 1_000_000,
    }


FORGERIES = list(forgeries("x" * 64, user_token("17", "x" * 64, now=START.timestamp())))


@pytest.mark.parametrize("what", FORGERIES)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_what_is_not_believed(desk: Desk, what: str) -> None:
    """Each for one reason alone: beside it, a token without that mistake is believed."""
    good = desk.token()
    assert desk.doubt(forgeries(desk.secret, good)[what]) is Doubt.INVALID
    assert desk.doubt(good) is None


def test_without_a_secret_nobody_is_believed(tmp_path: Path) -> None:
    """Not even whoever signs with nothing."""
    tokens = UserTokens(AccessSettings(), tmp_path, now=START.timestamp)
    tokens.refresh()
    assert tokens.doubt(user_token("17", "ss_" + "A" * 43, now=START.timestamp()), "17") is Doubt.INVALID


def test_rotation_with_overlap(desk: Desk) -> None:
    """Tokens of both are believed until the old one is revoked; then not even those that were seen before."""
    new = desk.make()
    old_token, new_token = desk.token(), user_token("17", new.text or "", now=desk.now)
    assert desk.doubt(old_token) is desk.doubt(new_token) is None
    (old,) = [secret for secret in SigningSecrets(desk.folder).read() if secret.text == desk.secret]
    desk.revoke(old)
    assert desk.doubt(old_token) is Doubt.INVALID
    assert desk.doubt(new_token) is None


def test_what_is_remembered_is_bounded(desk: Desk) -> None:
    """By number; forged tokens take no place, and whoever asks often keeps theirs."""
    often, once = desk.token("often"), desk.token("once")
    assert desk.doubt(once, "once") is desk.doubt(often, "often") is None
    remembered = desk.tokens._good
    for number in range(MAX_REMEMBERED // 10):
        desk.doubt(b"forged%d" % number)
    assert list(remembered) == [once, often]
    for number in range(MAX_REMEMBERED):
        assert desk.doubt(desk.token(f"{number}"), f"{number}") is None
        if number % 1000 == 0:
            assert desk.doubt(often, "often") is None
    assert len(remembered) == MAX_REMEMBERED
    assert often in remembered
    assert once not in remembered


def test_only_publishable_keys_need_tokens(tmp_path: Path) -> None:
    """A secret key vouches for all users, and an API without keys believes everybody."""
    access = Access(AccessSettings(), tmp_path, now=START.timestamp)
    access.refresh()
    page, server = mint("page", Kind.PUBLISHABLE, now=START), mint("server", Kind.SECRET, now=START)
    for key in (None, b"", page.text.encode()):
        assert access.doubt(key, None, "17") is None
    Keyring(tmp_path).change(lambda _: (page.kept, server.kept))
    secret = SigningSecrets(tmp_path).make("shop", now=START)
    access.refresh()
    assert access.doubt(server.text.encode(), None, "17") is None
    assert access.doubt(server.text.encode(), b"nonsense", "17") is None
    assert access.doubt(page.text.encode(), None, "17") is Doubt.MISSING
    assert access.doubt(None, None, "17") is Doubt.MISSING
    good = user_token("17", secret.text or "", now=START.timestamp())
    assert access.doubt(page.text.encode(), good, "17") is None


def test_a_damaged_file_changes_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The secrets known before go on, the log says why once and tells none, and a mended file is read again."""
    path, token = desk.folder / FILE, desk.token()
    good = path.read_text()
    for damaged in (good[:-20], "{}", good.replace('"text"', '"words"'), ""):
        caplog.clear()
        path.write_text(damaged)
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                desk.tokens.refresh()
        (line,) = [record.getMessage() for record in caplog.records]
        assert f"{path} is damaged" in line
        assert "known before go on" in line
        assert desk.secret not in caplog.text
        assert desk.doubt(token) is None
        with pytest.raises(ConfigError, match="is damaged"):
            desk.make()
    path.unlink()
    desk.tokens.refresh()
    assert "has gone" in caplog.text
    assert desk.doubt(token) is None
    path.write_text(good)
    SigningSecrets(desk.folder).revoke("shop", now=START)
    desk.tokens.refresh()
    assert desk.doubt(token) is Doubt.INVALID


def test_a_damaged_file_at_the_start_believes_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And says so."""
    (tmp_path / FILE).write_text("[")
    tokens = UserTokens(AccessSettings(), tmp_path, now=START.timestamp)
    tokens.refresh()
    assert tokens.doubt(user_token("17", "x" * 32, now=START.timestamp()), "17") is Doubt.INVALID
    assert "no user token is believed" in caplog.text


def test_secrets_are_kept_from_others(desk: Desk) -> None:
    """Their owner alone may read the file; no repr shows one; a revoked one is wiped."""
    path = desk.folder / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert (desk.folder / f"{FILE}.lock").stat().st_mode & 0o777 == 0o600
    secrets = SigningSecrets(desk.folder)
    (kept,) = secrets.read()
    assert desk.secret not in repr(kept) + repr(desk.tokens) + repr(secrets)
    secrets.revoke(kept.secret_id, now=START + timedelta(days=1))
    assert desk.secret not in path.read_text()
    (left,) = secrets.read()
    assert (left.secret_id, left.text, left.is_live) == (kept.secret_id, None, False)


def test_there_are_never_too_many(desk: Desk) -> None:
    """Each live secret is tried, so their number is limited; a revoked one makes room."""
    secrets = SigningSecrets(desk.folder)
    for _ in range(MAX_LIVE - 1):
        secrets.make("more", now=START)
    with pytest.raises(ConfigError, match="revoke one: s"):
        secrets.make("one too many", now=START)
    with pytest.raises(ConfigError, match="name one by its id"):
        secrets.revoke("more", now=START)
    secrets.revoke("shop", now=START)
    secrets.make("in its place", now=START)
    assert len({secret.text for secret in secrets.read() if secret.is_live}) == MAX_LIVE
