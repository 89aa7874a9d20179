"""Links and pictures of mail, followed: where they lead, what is told of it, and what nobody can make of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from recommender.model import Model
from serving.access.settings import AccessSettings
from serving.campaigns.links import Links
from serving.campaigns.robots import AT_ONCE
from serving.campaigns.sends import Send
from serving.campaigns.settings import CampaignSettings
from serving.front.front import Front
from serving.settings import AppSettings
from serving.stores import Stores
from tests.models import shop_model
from tests.serving.campaigns.made_send import SEND_ID, send_to
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio

SHOP = "https://shop.example"
PERSON = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1"}
MODEL: Model = shop_model()
ANN, BOB, *_ = MODEL.users.ids
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def settings(settings: AppSettings) -> AppSettings:
    """A shop that sends mail."""
    mail = CampaignSettings(public_url="http://shop.example", shop_url=SHOP, hosts=("img.shop.example",))
    return settings.model_copy(update={"campaign": mail})


@pytest.fixture
async def shop(serve: Serve, stores: Stores, registry: Shelves) -> AsyncIterator[Served]:
    """The planted shop, in which items have pages."""
    await published(registry.shop, stores)
    async with serve() as running:
        await running.put_items(*({"item_id": item, "url": f"/item/{item}"} for item in MODEL.items.ids[:20]))
        await running.look_for_news()
        yield running


@pytest.fixture
def send(settings: AppSettings) -> Send:
    """Ann and Bob got three items each."""
    return send_to(settings.data_dir, MODEL, {ANN: (0, 1, 2), BOB: (3, 4, 5)})


@pytest.fixture
def links(settings: AppSettings, send: Send) -> Links:
    """The links of that send."""
    made = Links.of(settings, send)
    assert made is not None
    return made


def path_of(address: str) -> str:
    return urlsplit(address).path


async def follow(shop: Served, address: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Follow a link as a phone does; it must lead to the shop."""
    answer = await shop.client.request(method, path_of(address), headers=PERSON | headers)
    assert answer.status_code == 302, answer.text
    assert urlsplit(answer.headers["location"]).netloc == "shop.example"
    return answer


async def told(shop: Served) -> list[dict[str, Any]]:
    """What the event files hold."""
    await shop.state.drain.run_once()
    files = sorted(shop.state.settings.events_dir.glob("events-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


async def test_a_link_leads_to_its_item_and_is_a_click(shop: Served, links: Links, send: Send) -> None:
    """The event names who, what, where and which campaign, as a storefront would."""
    answer = await follow(shop, links.click(1, 2))
    assert answer.headers["location"] == f"{SHOP}/item/{MODEL.items.ids[5]}"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    (event,) = await told(shop)
    assert (
        event
        | {
            "event": "click",
            "user_id": BOB,
            "item_id": MODEL.items.ids[5],
            "slate_id": f"{send.campaign}.{SEND_ID}.1",
            "placement": "email",
            "rank": 3,
            "source": "mail",
            "campaign": send.campaign,
        }
        == event
    )


async def test_a_link_is_one_click_a_day(shop: Served, links: Links) -> None:
    """Whoever comes back, or whose program asked first, is not counted twice."""
    for _ in range(3):
        await follow(shop, links.click(0, 0))
    assert len(await told(shop)) == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("GET", {"Sec-Purpose": "prefetch"}),
        ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}),
        ("GET", {"Sec-Fetch-Mode": "no-cors"}),
    ],
)
async def test_programs_are_led_and_not_counted(
    shop: Served, links: Links, method: str, headers: dict[str, str]
) -> None:
    """They see where a link leads, as they would without us, and no click is told."""
    answer = await follow(shop, links.click(0, 0), method, **headers)
    assert answer.headers["location"] == f"{SHOP}/item/{MODEL.items.ids[0]}"
    assert await told(shop) == []
    assert "regulars_mail_robots_total 1.0" in (await shop.client.get("/metrics")).text


async def test_a_gateway_that_opens_everything_counts_for_little(shop: Served, links: Links) -> None:
    """It poses as a browser and opens all links of a mail at once: few of them count, all of them lead on."""
    for slot in range(3):
        await follow(shop, links.click(0, slot))
    assert len(await told(shop)) == AT_ONCE < 3


async def test_what_is_sold_out_is_replaced(shop: Served, links: Links) -> None:
    """The next best pick of that customer that is not in the mail takes its place, in the event too."""
    await shop.put_items({"item_id": MODEL.items.ids[0], "stock": 0}, {"item_id": MODEL.items.ids[2], "stock": 0})
    best = await shop.get(f"/v1/users/{ANN}/recommendations", placement="email", exclude=list(MODEL.items.ids[:3]))
    await shop.put_items(*({"item_id": item, "url": f"/item/{item}"} for item in ids(best)[:2]))
    first, second, third = [(await follow(shop, links.click(0, slot))).headers["location"] for slot in range(3)]
    assert [first, third] == [f"{SHOP}/item/{item}" for item in ids(best)[:2]]
    assert second == f"{SHOP}/item/{MODEL.items.ids[1]}"
    clicked = [event["item_id"] for event in await told(shop)]
    assert clicked == [ids(best)[0], MODEL.items.ids[1]]
    await shop.put_items({"item_id": MODEL.items.ids[0], "stock": 3})
    assert (await follow(shop, links.click(0, 0))).headers["location"] == f"{SHOP}/item/{MODEL.items.ids[0]}"


async def test_strangers_are_replaced_impersonally(shop: Served, settings: AppSettings) -> None:
    """Who got picks that anybody would get is led to what anybody would be offered."""
    made = Links.of(settings, send_to(settings.data_dir, MODEL, {ANN: (0, 1)}, campaign="all", strangers=[ANN]))
    assert made is not None
    await shop.put_items({"item_id": MODEL.items.ids[0], "stock": 0})
    asked = {"guest": True, "placement": "email", "exclude": list(MODEL.items.ids[:2]), "limit": 1}
    (best,) = ids(await shop.post("/v1/recommendations", asked))
    await shop.put_items({"item_id": best, "url": "/what-anybody-gets"})
    assert (await follow(shop, made.click(0, 0))).headers["location"] == f"{SHOP}/what-anybody-gets"


async def test_an_open_complaint_is_not_answered_with_a_promotion(shop: Served, links: Links) -> None:
    """Nothing is swapped in for somebody who waits for a complaint to be settled: the item that was sent stays."""
    await shop.put_items({"item_id": MODEL.items.ids[0], "stock": 0})
    await shop.post("/v1/events", {"events": [{"event": "complaint_opened", "user_id": ANN}]}, status=202)
    assert (await follow(shop, links.click(0, 0))).headers["location"] == f"{SHOP}/item/{MODEL.items.ids[0]}"


HOSTILE = (
    "x",
    "a" * 36,
    "A" * 5000,
    "%2e%2e%2f",
    "%00",
    "%0d%0aLocation:%20https://evil.example",
    "%ff",
    "https://evil.example",
    "/evil.example",
    "空",
)


@pytest.mark.parametrize("token", HOSTILE)
async def test_what_was_not_signed_leads_home(shop: Served, send: Send, token: str) -> None:
    """A shopper with a mutilated link sees the shop, not an error; a picture is empty; nothing is told."""
    answer = await shop.client.get(f"/l/{token}", headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{SHOP}/")
    picture = await shop.client.get(f"/i/{token}.png")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert await told(shop) == []


async def test_a_token_of_another_secret_leads_home(
    shop: Served, settings: AppSettings, send: Send, tmp_path: Path
) -> None:
    """Somebody who runs their own installation cannot make links for this one."""
    foreign = Links.of(settings.model_copy(update={"data_dir": tmp_path / "foreign"}), send)
    assert foreign is not None
    assert (await follow(shop, foreign.click(0, 0))).headers["location"] == f"{SHOP}/"
    assert await told(shop) == []


async def test_there_are_no_more_places_than_were_sent(shop: Served, links: Links) -> None:
    """Signed, but of nobody or of no slot: home."""
    for number, slot in ((2, 0), (0, 3), (10**9, 0)):
        assert (await follow(shop, links.click(number, slot))).headers["location"] == f"{SHOP}/"
    assert await told(shop) == []


async def test_old_links_lead_home(shop: Served, settings: AppSettings) -> None:
    """After `campaign.link_days` a link leads to the shop, and its picture is empty."""
    made = Links.of(settings, send_to(settings.data_dir, MODEL, {ANN: (0,)}, as_of="2024-01-01T00:00:00Z"))
    assert made is not None
    assert (await follow(shop, made.click(0, 0))).headers["location"] == f"{SHOP}/"
    assert 'outcome="expired",what="link"} 1.0' in (await shop.client.get("/metrics")).text


async def test_who_was_forgotten_has_no_links(shop: Served, links: Links, send: Send) -> None:
    """From the erasure on, and also once they were taken out of the send: home, and nothing is told."""
    assert (await shop.client.delete(f"/v1/users/{ANN}")).status_code == 200
    assert (await follow(shop, links.click(0, 0))).headers["location"] == f"{SHOP}/"
    assert len((await shop.client.get(path_of(links.image(0, 0)))).content) < 100
    with send.snapshot() as snapshot:
        assert snapshot.forget(BOB)
    assert (await follow(shop, links.click(1, 0))).headers["location"] == f"{SHOP}/"
    assert await told(shop) == []


async def test_a_damaged_send_leads_home(shop: Served, links: Links, send: Send) -> None:
    """A file that cannot be read is told in the log, not to the shopper."""
    await follow(shop, links.click(0, 0))
    (send.folder / "snapshot.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 500)
    assert (await follow(shop, links.click(0, 0))).headers["location"] == f"{SHOP}/"


async def test_a_link_cannot_be_turned_elsewhere(shop: Served, links: Links) -> None:
    """A catalogue with a foreign address, or a parameter of the link, leads nobody away from the shop."""
    await shop.put_items({"item_id": MODEL.items.ids[0], "url": "https://evil.example/"})
    address = f"{path_of(links.click(0, 0))}?url=https://evil.example&next=//evil.example"
    answer = await shop.client.get(address, headers=PERSON | {"X-Forwarded-Host": "evil.example"})
    assert answer.headers["location"] == f"{SHOP}/"


async def test_a_picture_is_drawn_when_it_is_looked_at(shop: Served, links: Links) -> None:
    """It is that of the item offered now, as PNG or SVG; it is asked about again; and it is no view."""
    path = path_of(links.image(0, 0))
    first = await shop.client.get(path, headers=PERSON)
    assert (first.status_code, first.headers["content-type"], first.content[:8]) == (200, "image/png", PNG)
    assert first.headers["cache-control"] == "private, no-cache"
    again = await shop.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    drawn = await shop.client.get(path.replace(".png", ".svg"))
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    await shop.put_items({"item_id": MODEL.items.ids[0], "stock": 0})
    swapped = await shop.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert swapped.status_code == 200
    assert swapped.content != first.content
    assert await told(shop) == []


async def test_a_photograph_of_the_shop_is_shown(shop: Served, links: Links) -> None:
    """From one of its hosts; a picture from elsewhere is drawn instead."""
    item, path = MODEL.items.ids[0], path_of(links.image(0, 0))
    await shop.put_items({"item_id": item, "image_url": "https://img.shop.example/a b.jpg"})
    answer = await shop.client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://img.shop.example/a%20b.jpg")
    await shop.put_items({"item_id": item, "image_url": "https://elsewhere.example/a.jpg"})
    assert (await shop.client.get(path)).content[:8] == PNG


async def test_mail_needs_no_key_and_has_no_rate(
    serve: Serve, stores: Stores, registry: Shelves, settings: AppSettings, links: Links
) -> None:
    """Readers bring no key, and the proxy of a mail provider asks for thousands of them from one address."""
    await published(registry.shop, stores)
    strict = AccessSettings(keys="required", rate_per_address="1/hour")
    async with serve(settings=settings.model_copy(update={"access": strict})) as running:
        assert (await running.client.get("/v1/trending")).status_code == 401
        assert (await running.client.get("/v1/trending")).status_code == 429
        for _ in range(5):
            assert (await follow(running, links.click(0, 0))).headers["location"] != f"{SHOP}/l"
            assert (await running.client.get(path_of(links.image(0, 0)))).status_code == 200
        assert (await running.client.post("/l/x")).status_code == 429


async def test_without_a_model_links_lead_home(serve: Serve, links: Links, tmp_path: Path) -> None:
    """A server that has nothing to offer yet still leads to the shop."""
    async with serve(registry_root=tmp_path / "nothing") as running:
        assert (await follow(running, links.click(0, 0))).headers["location"] == f"{SHOP}/"
        assert len((await running.client.get(path_of(links.image(0, 0)))).content) < 100


async def test_a_mistake_of_ours_is_not_the_shoppers(
    shop: Served, links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails behind a link, it leads home; behind a picture, it is empty."""

    def fail(*_: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(shop.app.state.opening, "open", fail)
    assert (await follow(shop, links.click(0, 0))).headers["location"] == f"{SHOP}/"
    assert (await shop.client.get(path_of(links.image(0, 0)))).status_code == 200


async def test_a_busy_server_leads_home(shop: Served, links: Links) -> None:
    """Even where too much is under way to look anything up."""
    front = Front(shop.app)
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url=SHOP) as client:
        await client.get("/healthz")
        assert front._open is not None
        front._open.in_flight = 10**6
        assert (await client.get("/v1/trending")).status_code == 503
        answer = await client.get(path_of(links.click(0, 0)))
        assert (answer.status_code, answer.headers["location"]) == (302, f"{SHOP}/")
        assert (await client.get(path_of(links.image(0, 0)))).headers["content-type"] == "image/png"


async def test_links_name_nobody(shop: Served, links: Links) -> None:
    """Neither addresses nor answers nor metrics hold an id of a user."""
    addresses = [links.click(0, 0), links.image(0, 0)]
    seen = list(addresses)
    for path in map(path_of, addresses):
        answer = await shop.client.get(path, headers=PERSON)
        seen += [str(answer.headers), answer.content.decode("latin-1")]
    seen.append((await shop.client.get("/metrics")).text)
    assert [text for text in seen if ANN in text] == []
