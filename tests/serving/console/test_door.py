"""Who may see the console, and how its pages are sent."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from serving.access.keys import Kind, Minted
from serving.access.making import revoke_key
from serving.access.scopes import Scope
from serving.access.settings import AccessSettings
from serving.console.secret import FILE, console_secret
from serving.console.sessions import COOKIE, KEEP_SECONDS, Sessions, SignedIn
from serving.kept_secret import SIZE
from serving.settings import AppSettings
from serving.stores import Stores
from tests.planted import user_id
from tests.serving.conftest import Serve, Served, Shelves, published
from tests.serving.console.conftest import HERE, looked_at, made, page

pytestmark = pytest.mark.anyio

PAGES = ["", "/customers", f"/customer?user_id={user_id(3)}", "/versions", "/traffic", "/experiments", "/nowhere"]
PERSON = f"/console/customer?user_id={user_id(3)}"


@pytest.fixture
def key(settings: AppSettings) -> Minted:
    return made(settings)


@pytest.fixture
async def closed(serve: Serve, stores: Stores, registry: Shelves, key: Minted) -> AsyncIterator[Served]:
    """The planted shop with a key."""
    await published(registry.shop, stores)
    async with serve() as running, looked_at(running) as here:
        yield here


async def sign_in(here: Served, key: str, **fields: str) -> httpx.Response:
    return await here.client.post("/console/sign-in", data={"key": key, **fields}, headers={"Origin": HERE})


@pytest.mark.parametrize("path", PAGES)
async def test_without_keys_it_is_open_to_this_machine(console: Served, path: str) -> None:
    """As the API is then; pages are read-only, and nobody keeps them."""
    answer = await console.client.get(f"/console{path}")
    assert answer.status_code == (404 if path == "/nowhere" else 200)
    assert "open without a key, to this machine only" in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_forbids_what_it_does_not_use(console: Served, path: str) -> None:
    """Nothing inline, nothing from elsewhere, no copy, no search engine, no frame."""
    headers = (await console.client.get(f"/console{path}")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
async def test_pages_bring_no_script_and_no_inline_style(console: Served, path: str) -> None:
    """What the policy forbids is not in the pages in the first place."""
    text = (await console.client.get(f"/console{path}")).text
    assert "<script" not in text
    assert "style=" not in text
    assert "<style" not in text
    assert " onclick" not in text


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1", "10.0.0.3"])
async def test_another_machine_sees_nothing_without_keys(console: Served, address: str) -> None:
    """The page says how to open it, and nothing of anybody."""
    async with looked_at(console, address=address) as there:
        answer = await there.client.get(PERSON)
    assert answer.status_code == 403
    assert "The console is shut" in answer.text
    assert user_id(3) not in answer.text.replace("then", "")


@pytest.mark.parametrize("name", ["shop.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0"])
async def test_another_name_of_this_machine_opens_nothing(console: Served, name: str) -> None:
    """A page of another site could have its own name lead here (DNS rebinding)."""
    async with looked_at(console, at=f"http://{name}:8000") as there:
        assert (await there.client.get(PERSON)).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_what_came_through_a_proxy_is_from_elsewhere(console: Served, header: str) -> None:
    """Whoever stands behind it."""
    assert (await console.client.get(PERSON, headers={header: "127.0.0.1"})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "http://127.0.0.1:3000"},
    ],
)
async def test_pages_of_other_sites_read_nothing(console: Served, headers: dict[str, str]) -> None:
    """The API shares its answers with every origin; the console does not, key or none."""
    assert (await console.client.get(PERSON, headers=headers)).status_code == 403


async def test_a_link_from_another_site_may_be_followed(console: Served) -> None:
    """Its page does not see what is opened."""
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await console.client.get("/console", headers=headers)).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "shop.example"])
async def test_a_server_that_others_reach_shows_nothing_without_keys(
    serve: Serve, settings: AppSettings, host: str
) -> None:
    """Not even to this machine: whoever configures that is about to make a key."""
    serving = settings.serving.model_copy(update={"host": host})
    async with (
        serve(settings=settings.model_copy(update={"serving": serving})) as running,
        looked_at(running) as here,
    ):
        assert (await here.client.get("/console")).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_a_server_on_loopback_is_open_under_each_of_its_names(
    serve: Serve, settings: AppSettings, host: str
) -> None:
    """Names and addresses of this machine are alike."""
    serving = settings.serving.model_copy(update={"host": host})
    async with serve(settings=settings.model_copy(update={"serving": serving})) as running:
        for at in ("http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000", "http://shop.localhost"):
            async with looked_at(running, at=at) as here:
                assert (await here.client.get("/console")).status_code == 200, at


@pytest.mark.parametrize("path", PAGES)
async def test_with_keys_nobody_sees_anything_without_one(closed: Served, path: str) -> None:
    """The form stands at the address that was asked for, and knows where to go on."""
    text = await page(closed, path, status=403)
    assert 'name="key"' in text
    assert "open without a key" not in text
    assert "champion" not in text


async def test_keys_may_be_required_before_there_is_one(serve: Serve, settings: AppSettings) -> None:
    """Then the form is shown, and says how to make a key."""
    required = settings.model_copy(update={"access": AccessSettings(keys="required")})
    async with serve(settings=required) as running, looked_at(running) as here:
        assert "regulars keys create" in await page(here, "", status=403)


async def test_a_key_opens_it(closed: Served, key: Minted) -> None:
    """The cookie is signed, short-lived, out of reach of scripts, and sent by no other site."""
    answer = await sign_in(closed, key.text)
    assert answer.status_code == 303
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key == COOKIE
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "strict", str(KEEP_SECONDS))
    assert cookie["path"] == ""
    assert not cookie["secure"]
    assert key.text not in cookie.value
    assert key.kept.sha256 not in cookie.value
    closed.client.cookies.set(COOKIE, cookie.value)
    text = await page(closed, f"/customer?user_id={user_id(3)}")
    assert "Sign out (team)" in text


async def test_over_tls_the_cookie_stays_there(closed: Served, key: Minted) -> None:
    """To us or to a proxy that says so."""
    answer = await closed.client.post(
        "/console/sign-in", data={"key": key.text}, headers={"Origin": HERE, "X-Forwarded-Proto": "https"}
    )
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "options",
    [
        {"scopes": (Scope.SLATES, Scope.EVENTS, Scope.CATALOGUE, Scope.USERS)},
        {"kind": Kind.PUBLISHABLE, "scopes": (Scope.SLATES,)},
        {"expires_at": datetime.now(UTC) - timedelta(seconds=1)},
    ],
    ids=["another scope", "publishable", "expired"],
)
async def test_other_keys_do_not_open_it(closed: Served, settings: AppSettings, options: dict[str, object]) -> None:
    """All of them, and keys nobody made, get one and the same answer."""
    other = made(settings, **options)  # type: ignore[arg-type]
    closed.state.access.refresh()
    wrong, unknown = await sign_in(closed, other.text), await sign_in(closed, "sk_nobody")
    assert wrong.status_code == unknown.status_code == 403
    assert "does not open the console" in wrong.text
    assert "set-cookie" not in wrong.headers
    strip = "request <code>"
    assert wrong.text.partition(strip)[0] == unknown.text.partition(strip)[0]


@pytest.mark.parametrize("key", ["", "空" * 400, "sk_" + "x" * 5000, "\ud800", "pk_", "' OR 1=1 --"])
async def test_whatever_is_typed_is_an_answer(closed: Served, key: str) -> None:
    """Nothing breaks, and nothing opens."""
    body = f"key={key}".encode("utf-8", "surrogatepass")
    answer = await closed.client.post("/console/sign-in", content=body, headers={"Origin": HERE})
    assert answer.status_code == 403


async def test_a_revoked_key_takes_its_sign_ins_with_it(closed: Served, settings: AppSettings, key: Minted) -> None:
    """At once, in every worker: each looks at the file."""
    keeper = made(settings)
    closed.state.access.refresh()
    await sign_in(closed, key.text)
    assert (await closed.client.get(PERSON)).status_code == 200
    revoke_key(settings.data_dir, key.kept.key_id, now=datetime.now(UTC))
    assert (await closed.client.get(PERSON)).status_code == 403
    await sign_in(closed, keeper.text)
    assert (await closed.client.get(PERSON)).status_code == 200


async def test_a_damaged_file_of_keys_changes_nothing(closed: Served, settings: AppSettings, key: Minted) -> None:
    """The keys known before go on, as they do for the API."""
    await sign_in(closed, key.text)
    assert (await closed.client.get(PERSON)).status_code == 200
    (settings.data_dir / "keys.json").write_text("{", encoding="utf-8")
    assert (await closed.client.get(PERSON)).status_code == 200


async def test_signing_out_forgets(closed: Served, key: Minted) -> None:
    """The cookie is taken back."""
    await sign_in(closed, key.text)
    answer = await closed.client.post("/console/sign-out", headers={"Origin": HERE})
    assert answer.status_code == 303
    assert "Max-Age=0" in answer.headers["set-cookie"]
    closed.client.cookies.clear()
    assert (await closed.client.get(PERSON)).status_code == 403


async def test_other_sites_cannot_send_the_forms(closed: Served, key: Minted) -> None:
    """Neither to sign somebody in nor out."""
    evil = {"Origin": "https://evil.example"}
    answer = await closed.client.post("/console/sign-in", data={"key": key.text}, headers=evil)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "set-cookie" not in (await closed.client.post("/console/sign-out", headers=evil)).headers


@pytest.mark.parametrize(
    ("then", "leads_to"),
    [
        ("customer?user_id=a%2Fb", "customer?user_id=a%2Fb"),
        ("traffic?days=7", "traffic?days=7"),
        ("", "../console"),
        ("//evil.example", "../console"),
        ("https://evil.example", "../console"),
        ("/\\evil.example", "../console"),
        ("../shop", "../console"),
        ("javascript:alert(1)", "../console"),
        ("customers\r\nSet-Cookie: a=b", "../console"),
    ],
)
async def test_a_sign_in_leads_back_and_never_away(closed: Served, key: Minted, then: str, leads_to: str) -> None:
    """An address with a host in it, or out of the console, is not followed."""
    assert (await sign_in(closed, key.text, then=then)).headers["location"] == leads_to


async def test_a_key_is_tried_as_often_as_its_rate_allows(serve: Serve, settings: AppSettings) -> None:
    """The rates of the API hold for the form, too."""
    key = made(settings, rate="1/hour")
    async with serve() as running, looked_at(running) as here:
        assert (await sign_in(here, key.text)).status_code == 303
        answer = await sign_in(here, key.text)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many requests" in answer.text


async def test_an_address_is_counted_like_any_other(serve: Serve, settings: AppSettings) -> None:
    """Guessing keys costs an address its requests."""
    made(settings)
    limited = settings.model_copy(update={"access": AccessSettings(rate_per_address="3/hour")})
    async with serve(settings=limited) as running, looked_at(running) as here:
        statuses = [(await sign_in(here, "sk_guess")).status_code for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]


async def test_cookies_that_others_signed_open_nothing(closed: Served, key: Minted) -> None:
    """Neither with another secret, nor too old, nor torn, nor of a key that never was."""
    forged = Sessions(b"x" * 32).cookie_of(SignedIn(key.kept.key_id))
    console = closed.app.state.console
    stranger = console.sessions.cookie_of(SignedIn("k00000000"))
    torn = console.sessions.cookie_of(SignedIn(key.kept.key_id))[:-1]
    for cookie in (forged, stranger, torn, "a" * 5000, "空"):
        answer = await closed.client.get("/console", headers={b"cookie": f"{COOKIE}={cookie}".encode()})
        assert answer.status_code == 403


def test_a_sign_in_ends_after_a_working_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature holds the time."""
    sessions = Sessions(b"x" * 32)
    cookie = sessions.cookie_of(SignedIn("k1"))
    assert sessions.read(cookie) == SignedIn("k1")
    later = datetime.now(UTC).timestamp() + KEEP_SECONDS + 2
    monkeypatch.setattr("time.time", lambda: later)
    assert sessions.read(cookie) is None


def test_the_secret_is_its_owners_alone(tmp_path: Path) -> None:
    """Made once, the same for every worker."""
    secret = console_secret(tmp_path / "data")
    path = tmp_path / "data" / FILE
    assert len(secret) == SIZE
    assert secret == console_secret(tmp_path / "data") == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [FILE]


@pytest.mark.parametrize("damage", ["others may read it", "too short"])
def test_a_secret_that_cannot_be_trusted_is_replaced(tmp_path: Path, damage: str) -> None:
    """Who has read it could sign in as anybody."""
    before, path = console_secret(tmp_path), tmp_path / FILE
    if damage == "too short":
        path.write_bytes(b"short")
    else:
        path.chmod(0o644)
    after = console_secret(tmp_path)
    assert after != before
    assert len(after) == SIZE
    assert after == console_secret(tmp_path)


def test_where_no_secret_can_be_kept_each_process_has_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the log says what follows."""
    (tmp_path / "data").write_text("a file, no folder", encoding="utf-8")
    assert console_secret(tmp_path / "data") != console_secret(tmp_path / "data")
    assert "hold in one worker only" in caplog.text
