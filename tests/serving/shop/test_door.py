"""Who may come in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.access.scopes import Scope
from serving.access.settings import AccessSettings
from serving.settings import AppSettings
from serving.stores import Stores
from tests.planted import item_id
from tests.serving.conftest import Serve, Shelves, published
from tests.serving.shop.conftest import HERE, Visit, Visitor

pytestmark = pytest.mark.anyio


async def status(
    app: FastAPI, *, client: str = "127.0.0.1", base: str = HERE, method: str = "GET", **headers: str
) -> int:
    """Ask for the front page, or send a form, from an address under a name; return the status."""
    transport = httpx.ASGITransport(app, client=(client, 4711), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base) as visitor:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = "/shop" if method == "GET" else "/shop/cart"
        return (await visitor.request(method, path, headers=named)).status_code


LOCAL: list[tuple[dict[str, str], int]] = [
    ({}, 200),
    ({"client": "127.8.9.1"}, 200),
    ({"client": "::1", "base": "http://[::1]:8000"}, 200),
    ({"client": "::ffff:127.0.0.1"}, 200),
    ({"base": "http://127.0.0.1:8000"}, 200),
    ({"base": "http://shop.localhost"}, 200),
    ({"client": "192.168.0.7"}, 403),
    ({"client": "2001:db8::1"}, 403),
    ({"base": "http://shop.example"}, 403),
    ({"base": "http://localhost.evil.example"}, 403),
    ({"base": "http://192.168.0.7:8000"}, 403),
    ({"X_Forwarded_For": "10.0.0.7"}, 403),
    ({"X_Forwarded_For": "127.0.0.1"}, 403),
    ({"Forwarded": "for=10.0.0.7"}, 403),
    ({"Host": "["}, 403),
    ({"Host": ""}, 403),
]


@pytest.mark.parametrize(("sent", "expected"), LOCAL)
async def test_a_local_shop_is_for_this_machine(visitor: Visitor, sent: Any, expected: int) -> None:
    """By the client's address and by the name it uses, so that no name of others leads in, and no proxy lets in."""
    assert await status(visitor.served.app, **sent) == expected


async def test_an_open_shop_is_for_everybody(
    visit: Visit, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """Whoever opens it to others on purpose gets what they asked for."""
    await published(registry.shop, stores)
    serving = settings.serving.model_copy(update={"demo_shop": "open"})
    async with visit(settings=settings.model_copy(update={"serving": serving})) as visitor:
        assert await status(visitor.served.app, client="203.0.113.9", base="http://demo.example") == 200


async def test_behind_a_proxy_of_ours_the_client_counts(
    visit: Visit, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """A proxy on this machine that is listed is believed about whom it asks for."""
    await published(registry.shop, stores)
    access = AccessSettings(proxies=("127.0.0.1/32",))
    async with visit(settings=settings.model_copy(update={"access": access})) as visitor:
        assert await status(visitor.served.app, X_Forwarded_For="203.0.113.9") == 403
        assert await status(visitor.served.app, X_Forwarded_For="::1") == 200


async def test_without_the_file_of_keys_a_shop_is_open_again(
    visitor: Visitor, visit: Visit, settings: AppSettings
) -> None:
    """As the page says: whoever made a key to try it out returns by deleting the file and starting anew."""
    minted = mint("k", Kind.SECRET, now=datetime.now(UTC), scopes=tuple(Scope))
    keyring = Keyring(settings.data_dir)
    keyring.change(lambda keys: (*keys, minted.kept))
    visitor.served.state.access.refresh()
    assert (await visitor.client.get("/shop")).status_code == 403
    keyring.path.unlink()
    async with visit() as again:
        assert (await again.client.get("/shop")).status_code == 200


@pytest.mark.parametrize("openness", ["local", "open"])
async def test_where_there_are_keys_the_shop_is_shut(visitor: Visitor, settings: AppSettings, openness: str) -> None:
    """It would show everybody what customers bought; what was open shuts within a look at the keys."""
    minted = mint("k", Kind.SECRET, now=datetime.now(UTC), scopes=tuple(Scope))
    Keyring(settings.data_dir).change(lambda keys: (*keys, minted.kept))
    visitor.served.state.access.refresh()
    for path in ("", "/search?q=thing", f"/item?id={item_id(1)}", "/sign-in", "/orders"):
        answer = await visitor.client.get(f"/shop{path}", headers={"Authorization": f"Bearer {minted.text}"})
        assert answer.status_code == 403, path
        assert "delete keys.json in its data folder" in answer.text
        assert "To the front page" not in answer.text, "it would lead back to this page"
    assert (await visitor.client.post("/shop/checkout")).status_code == 403


async def test_nobody_has_a_shop_unasked(
    serve: Serve, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """Off is the default, and off means that none of its addresses exist."""
    assert AppSettings().serving.demo_shop == "off"
    await published(registry.shop, stores)
    serving = settings.serving.model_copy(update={"demo_shop": "off"})
    async with serve(settings=settings.model_copy(update={"serving": serving})) as running:
        for path in ("/", "/shop", "/shop/search", "/shop/assets/shop.css"):
            assert (await running.client.get(path)).status_code == 404, path
        assert (await running.client.post("/shop/cart")).status_code == 404


ELSEWHERE: list[tuple[dict[str, str], int]] = [
    ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200),
    ({"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "cors"}, 200),
    ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}, 403),
    ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
]


@pytest.mark.parametrize(("sent", "expected"), ELSEWHERE)
async def test_other_sites_may_link_and_no_more(visitor: Visitor, sent: Any, expected: int) -> None:
    """A link leads in; a script of another site that wants to read a page does not."""
    assert await status(visitor.served.app, **sent) == expected


@pytest.mark.parametrize(
    "sent", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}]
)
async def test_forms_come_from_here(visitor: Visitor, sent: dict[str, str]) -> None:
    """With another origin, the right token would not help."""
    token = await visitor.token()
    named = {name.replace("_", "-"): value for name, value in sent.items()}
    answer = await visitor.client.post("/shop/cart", data={"form": token, "id": item_id(1)}, headers=named)
    assert answer.status_code == 403
    assert "another site" in answer.text
    assert "To the front page" in answer.text
