"""User tokens over HTTP: wherever a page may name a user, it shows who they are, or they are a guest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.scopes import Scope
from serving.access.signing_secrets import SigningSecrets
from serving.settings import AppSettings
from serving.stores import Stores
from tests.planted import item_id, user_id
from tests.serving.access.tokens import user_token
from tests.serving.conftest import Serve, Served, Shelves, published

pytestmark = pytest.mark.anyio

USER, OTHER, STRANGER = user_id(3), user_id(4), "nobody/空"
HEADER = "X-User-Token"
ANY = "/v1/recommendations"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A served shop with a key of each kind, and a secret to sign with."""

    served: Served
    page: str
    server: str
    signing: str

    def token(self, user: str = USER, **options: Any) -> str:
        """Sign a token."""
        return user_token(user, self.signing, **options).decode()

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", token: str | None = None
    ) -> httpx.Response:
        """Ask from a page, unless another key is given."""
        headers = {"X-API-Key": key or self.page} | ({} if token is None else {HEADER: token})
        response = await self.served.client.request(method, path, json=body, headers=headers)
        assert response.status_code in (200, 202), response.text
        return response


@pytest.fixture
async def keyed(serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves) -> AsyncIterator[Keyed]:
    """The planted shop, asking for keys."""
    now = datetime.now(UTC)
    page, server = mint("page", Kind.PUBLISHABLE, now=now), mint("server", Kind.SECRET, now=now, scopes=tuple(Scope))
    Keyring(settings.data_dir).change(lambda _: (page.kept, server.kept))
    secret = SigningSecrets(settings.data_dir).make("shop", now=now)
    await published(registry.shop, stores)
    async with serve() as running:
        yield Keyed(running, page.text, server.text, secret.text or "")


def slates(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the slates of an answer, without what differs by chance."""
    body = response.json()
    found: list[dict[str, Any]] = body.get("slates", [body])
    return [{name: value for name, value in slate.items() if name not in ("slate_id", "created_at")} for slate in found]


def questions(user: str | None) -> dict[str, tuple[str, str, Any]]:
    """Return every question that may name a user, naming this one or, where it is possible, nobody."""
    named, asked = ({}, "") if user is None else ({"user_id": user}, f"?user_id={user}")
    shelf = {"placement": "cart", "seeds": {"cart": [item_id(1)]}, **named}
    return {
        "similar": ("GET", f"/v1/items/{item_id(1)}/similar{asked}", None),
        "bought together": ("GET", f"/v1/items/{item_id(1)}/bought-together{asked}", None),
        "trending": ("GET", f"/v1/trending{asked}", None),
        "best sellers": ("GET", f"/v1/bestsellers{asked}", None),
        "any": ("POST", "/v1/recommendations", shelf),
        "home": ("POST", "/v1/recommendations", named),
        "several": ("POST", "/v1/slates", {"requests": [shelf, {"placement": "reorder", **named}]}),
        "recommendations": ("GET", f"/v1/users/{user}/recommendations", None)
        if user
        else ("POST", "/v1/recommendations", {}),
        "buy again": ("GET", f"/v1/users/{user}/buy-again", None)
        if user
        else ("POST", "/v1/recommendations", {"placement": "reorder"}),
    }


async def test_who_is_not_vouched_for_is_a_guest(keyed: Keyed) -> None:
    """Without a token, with another's, an expired and a wrong one: the very answer that a guest gets, and why."""
    other, expired = keyed.token(OTHER), keyed.token(seconds=-60)
    for what, question in questions(USER).items():
        guest = await keyed.ask(*questions(None)[what])
        assert HEADER not in guest.headers
        for token, doubt in ((None, "missing"), (other, "other_user"), (expired, "expired"), ("x.y.z", "invalid")):
            answered = await keyed.ask(*question, token=token)
            assert slates(answered) == slates(guest), what
            assert answered.headers[HEADER] == doubt, what


async def test_nobody_learns_who_is_a_customer(keyed: Keyed) -> None:
    """A customer and somebody who never was one: not told apart by status, headers or content."""
    for brought in (None, keyed.token(OTHER), "x.y.z"):
        for what in questions(USER):
            known, unknown = [await keyed.ask(*questions(user)[what], token=brought) for user in (USER, STRANGER)]
            assert slates(known) == slates(unknown), what
            for answer in (known, unknown):
                del answer.headers["x-request-id"]
            assert (known.status_code, known.headers) == (unknown.status_code, unknown.headers), what


async def test_a_token_or_a_secret_key_shows_who_asks(keyed: Keyed) -> None:
    """Both get the user's own slates, and no header about doubts."""
    for what, question in questions(USER).items():
        vouched = await keyed.ask(*question, token=keyed.token())
        server = await keyed.ask(*question, key=keyed.server)
        assert slates(vouched) == slates(server), what
        assert {slate["user_id"] for slate in slates(vouched)} == {USER}, what
        assert HEADER not in vouched.headers
        assert HEADER not in server.headers


async def test_a_token_may_stand_in_the_body(keyed: Keyed) -> None:
    """At the top, once for all shelves; a header comes first. In a shelf of several it is an unknown field."""
    for what in ("any", "home", "several"):
        method, path, body = questions(USER)[what]
        answered = await keyed.ask(method, path, body | {"user_token": keyed.token()})
        assert {slate["user_id"] for slate in slates(answered)} == {USER}
        both = await keyed.ask(method, path, body | {"user_token": keyed.token()}, token=keyed.token(OTHER))
        assert both.headers[HEADER] == "other_user"
    shelf = {"requests": [{"user_id": USER, "user_token": keyed.token()}]}
    refused = await keyed.served.client.post("/v1/slates", json=shelf, headers={"X-API-Key": keyed.page})
    assert refused.status_code == 422
    assert keyed.token()[:40] not in refused.text


async def test_shelves_of_several_users(keyed: Keyed) -> None:
    """A page that names two gets the shelf of the one whose token it brings; a mailing gets both."""
    body = {"requests": [{"user_id": USER}, {"user_id": OTHER}], "user_token": keyed.token()}
    answered = await keyed.ask("POST", "/v1/slates", body)
    assert [slate["user_id"] for slate in slates(answered)] == [USER, None]
    assert answered.headers[HEADER] == "other_user"
    mailing = await keyed.ask("POST", "/v1/slates", body, key=keyed.server)
    assert [slate["user_id"] for slate in slates(mailing)] == [USER, OTHER]


async def test_an_open_api_believes_everybody(shop: Served) -> None:
    """Tokens are for publishable keys: without keys they are not even looked at."""
    for brought in ({}, {HEADER: "x.y.z"}):
        answered = await shop.client.get(f"/v1/users/{USER}/recommendations", headers=brought)
        assert answered.json()["user_id"] == USER
        assert HEADER not in answered.headers


def clicks(*users: str | None) -> dict[str, Any]:
    """Return a batch of clicks on as many items."""
    events = [{"event": "click", "event_id": f"e-{number}", "item_id": item_id(number)} for number in range(len(users))]
    return {"events": [event | ({"user_id": user} if user else {}) for event, user in zip(events, users, strict=True)]}


async def kept_users(keyed: Keyed) -> list[str | None]:
    """Return the users of the events that were kept, in order of their ids."""
    state = keyed.served.state
    await state.drain.run_once()
    lines = [line for file in state.settings.events_dir.glob("*.jsonl") for line in file.read_bytes().splitlines()]
    events = sorted((orjson.loads(line) for line in lines), key=lambda event: str(event["event_id"]))
    return [event.get("user_id") for event in events]


async def test_events_of_who_is_not_vouched_for_are_guests(keyed: Keyed) -> None:
    """They are accepted all the same, without the user, and change nobody's slate; the metric counts them."""
    batch = clicks(USER, OTHER, None, STRANGER)
    taken = await keyed.ask("POST", "/v1/events", batch | {"user_token": keyed.token()})
    assert (taken.json()["accepted"], taken.json()["rejected"]) == (4, [])
    assert taken.headers[HEADER] == "other_user"
    assert await kept_users(keyed) == [USER, None, None, None]
    metrics = (await keyed.ask("GET", "/metrics", key=keyed.server)).text
    assert 'regulars_unvouched_users_total{reason="other_user",what="event"} 2.0' in metrics


async def test_events_of_a_server_and_those_without_a_user(keyed: Keyed) -> None:
    """A secret key vouches for all; a batch that names nobody raises no doubt; what is no event is rejected as ever."""
    assert HEADER not in (await keyed.ask("POST", "/v1/events", clicks(USER, OTHER), key=keyed.server)).headers
    assert await kept_users(keyed) == [USER, OTHER]
    assert HEADER not in (await keyed.ask("POST", "/v1/events", clicks(None))).headers
    odd = await keyed.ask("POST", "/v1/events", {"events": [1, None, [], {"user_id": 7, "event": "click"}]})
    assert len(odd.json()["rejected"]) == 4


async def test_a_foreign_event_hides_nothing_from_the_user(keyed: Keyed) -> None:
    """Somebody who guesses an id cannot take items off that user's shelf."""
    path = f"/v1/users/{USER}/recommendations"
    before = slates(await keyed.ask("GET", path, key=keyed.server))
    first = before[0]["items"][0]["item_id"]
    event = {"event": "not_interested", "user_id": USER, "item_id": first}
    await keyed.ask("POST", "/v1/events", {"events": [event]}, token=keyed.token(OTHER))
    assert slates(await keyed.ask("GET", path, key=keyed.server)) == before
    await keyed.ask("POST", "/v1/events", {"events": [event]}, token=keyed.token())
    after = slates(await keyed.ask("GET", path, key=keyed.server))
    assert first not in [item["item_id"] for item in after[0]["items"]]


async def test_pages_may_send_tokens_and_read_doubts(keyed: Keyed) -> None:
    """Preflights allow the header and are kept for a day; scripts may read why somebody was not believed."""
    origin = {"Origin": "https://shop.example"}
    asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-api-key,x-user-token"}
    path = f"/v1/users/{USER}/recommendations"
    preflight = await keyed.served.client.options(path, headers=origin | asks)
    assert preflight.status_code == 200
    assert HEADER in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["access-control-max-age"] == "86400"
    answer = await keyed.served.client.get(path, headers=origin | {"X-API-Key": keyed.page})
    assert HEADER in answer.headers["access-control-expose-headers"]


async def test_tokens_are_in_no_answer_log_or_metric(keyed: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever they are, nobody reads them afterwards."""
    token = keyed.token(OTHER)
    seen = []
    with caplog.at_level("DEBUG", logger="serving"):
        for method, path, body in questions(USER).values():
            seen.append(await keyed.ask(method, path, body, token=token))
        for wrong in ({"user_token": token, "limit": 0}, {"user_token": [token]}, {"user_token": token, "more": 1}):
            refused = await keyed.served.client.post(ANY, json=wrong, headers={"X-API-Key": keyed.page})
            assert refused.status_code == 422
            seen.append(refused)
    seen.append(await keyed.ask("GET", "/metrics", key=keyed.server))
    for text in (caplog.text, *(answer.text + str(answer.headers) for answer in seen)):
        assert token not in text
        assert token.split(".")[2] not in text
        assert keyed.signing not in text


async def test_secrets_come_and_go_while_the_server_runs(keyed: Keyed, settings: AppSettings) -> None:
    """A token of a new secret is believed as soon as the server looks; one of a revoked secret is not; no restart."""
    path, secrets = f"/v1/users/{USER}/recommendations", SigningSecrets(settings.data_dir)
    new = secrets.make("new", now=datetime.now(UTC))
    token = user_token(USER, new.text or "").decode()
    assert (await keyed.ask("GET", path, token=token)).headers[HEADER] == "invalid"
    keyed.served.state.access.refresh()
    for good in (token, keyed.token()):
        assert (await keyed.ask("GET", path, token=good)).json()["user_id"] == USER
    secrets.revoke(new.secret_id, now=datetime.now(UTC))
    keyed.served.state.access.refresh()
    assert (await keyed.ask("GET", path, token=token)).headers[HEADER] == "invalid"
    assert (await keyed.ask("GET", path, token=keyed.token())).json()["user_id"] == USER


async def test_nobody_joins_a_guest_to_somebody_else(keyed: Keyed) -> None:
    """What a guest did becomes a user's only with that user's token; otherwise nothing moves, and it is counted."""
    click = {"event": "click", "event_id": "g-1", "anonymous_id": "b-1", "item_id": item_id(1)}
    await keyed.ask("POST", "/v1/events", {"events": [click]})
    merge = {"anonymous_id": "b-1", "user_id": USER}
    for token, doubt in ((None, "missing"), (keyed.token(OTHER), "other_user")):
        refused = await keyed.ask("POST", "/v1/users:merge", merge, token=token)
        assert refused.json() == {"anonymous_id": "b-1", "user_id": None, "moved": 0, "kept_in": "stream"}
        assert refused.headers[HEADER] == doubt
    stranger = await keyed.ask("POST", "/v1/users:merge", merge | {"user_id": STRANGER})
    assert (stranger.json()["user_id"], stranger.json()["moved"]) == (None, 0)
    joined = await keyed.ask("POST", "/v1/users:merge", merge | {"user_token": keyed.token()})
    assert (joined.json()["user_id"], joined.json()["moved"]) == (USER, 1)
    assert HEADER not in joined.headers
    metrics = (await keyed.ask("GET", "/metrics", key=keyed.server)).text
    assert 'regulars_unvouched_users_total{reason="missing",what="merge"} 2.0' in metrics
