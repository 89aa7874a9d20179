"""A stand-in for the API with the real wire shapes and made-up goods, whose mood a test can set.

It serves the real widget and pictures, answers every slate the same way each time, records the events it is
sent, and behaves a little: what a user bought is not offered to them again.
"""

from __future__ import annotations

import asyncio
import html
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, Response
from granian.constants import Interfaces
from granian.server.embed import Server

from recommender.catalogue import Item
from serving.routes import pictures, web
from serving.schemas import MAX_PLACES, MAX_SEEDS, MAX_SLATES

GOODS = {
    "Fluid milk products": ("Whole Milk 1 gal", "Skim Milk 1 gal", "Chocolate Milk pint", "Cream 8 oz"),
    "Baked bread/buns/rolls": ("White Bread 20 oz", "Hot Dog Buns 8 ct", "Wheat Bread 24 oz", "Bagels 6 ct"),
    "Cheese": ("Shredded Cheddar 8 oz", "Sliced Swiss 6 oz", "Cream Cheese 8 oz"),
    "Soft drinks": ("Cola 12 pk", "Ginger Ale 2 l", "Orange Soda 2 l"),
    "Bag snacks": ("Potato Chips 10 oz", "Tortilla Chips with a Hint of Lime and Sea Salt 13 oz", "Popcorn 7 oz"),
    "Tropical fruit": ("Bananas", "Pineapple", "Mango"),
    "Eggs": ("Large Eggs 12 ct", "Extra Large Eggs 18 ct"),
    "Frozen pizza": ("Pepperoni Pizza 16 oz", "Margherita Pizza 12 oz"),
    "Coffee": ("Ground Coffee 33 oz", "Espresso Beans 12 oz"),
    "Beef": ("Ground Beef 1 lb", "Chuck Roast"),
    "Seafood-fresh": ("Salmon Fillet", "Shrimp 1 lb"),
    "Laundry detergents": ("Liquid Detergent 100 oz", "Fabric Softener 64 oz"),
    "空": ("空心菜 500 g",),
}

GOODS = {name: (*titles, *(f"{title}, twin pack" for title in titles)) for name, titles in GOODS.items()}

SOURCES = {"home": "popular", "trending": "trending", "bestsellers": "popular"}
"""The rung of a guest's slate."""
CODES = ("because_you_bought", "favourite_category", "bought_together", "similar_to", "trending", "popular_in_category")


def item_ids() -> list[str]:
    """Ids as awkward as real ones may be."""
    awkward = ["SKU 12/3", "a:b%2F", "空", 'quote"<b>']
    return [awkward[n] if n < len(awkward) else str(1000 + n) for n in range(sum(map(len, GOODS.values())))]


def catalogue() -> dict[str, Item]:
    """Every item by its id."""
    titles = [(category, title) for category, titles in GOODS.items() for title in titles]
    return {
        item_id: Item(item_id=item_id, title=title, category=category, price=1.29 + 37 * n % 900 / 100)
        for n, (item_id, (category, title)) in enumerate(zip(item_ids(), titles, strict=True))
    }


@dataclass
class FakeApi:
    """The state of the stand-in: what it knows, what it was told, and how it feels."""

    items: dict[str, Item] = field(default_factory=catalogue)
    events: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """The paths that slates were asked at, one per request."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """What was asked, one per slate."""
    batches: list[dict[str, Any]] = field(default_factory=list)
    """What was posted to /v1/events, as it came."""
    merges: list[dict[str, Any]] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)
    """Fields laid over the first item of every slate."""
    slate_overrides: dict[str, Any] = field(default_factory=dict)
    """Fields laid over every slate."""
    delay_seconds: float = 0.0
    asks_for_tokens: bool = False
    """Whether only those are merged who are vouched for by a token, which is the word "signed"."""
    broken: bool = False
    empty: bool = False
    refused: int = 0
    """The status of answers to events, if they are refused."""
    asked: int = 0
    """How many slates were answered."""
    origin: str = ""
    era: int = 0
    """How often it was reset; a page that closes late may still report on a slate of an earlier era."""

    def reset(self) -> None:
        """Forget everything and be well again."""
        fresh = FakeApi(origin=self.origin, era=self.era + 1)
        self.__dict__.update(fresh.__dict__)

    def slate_id(self, number: int) -> str:
        """Return the id of the answer to request `number`, from 1."""
        return f"slate-{self.era}-{number}"

    def take(self, events: list[dict[str, Any]]) -> None:
        """Record the events of this era, each once, as the real API does."""
        prefix = f"slate-{self.era}-"
        known = {each.get("event_id") for each in self.events} - {None}
        self.events.extend(
            each
            for each in events
            if each.get("slate_id", prefix).startswith(prefix) and each.get("event_id") not in known
        )

    def of_kind(self, event: str) -> list[dict[str, Any]]:
        """Return the events of one kind, in the order they came."""
        return [each for each in self.events if each["event"] == event]

    def doubt(self, body: dict[str, Any]) -> dict[str, str]:
        """Return the header of an answer to a user whom the body does not vouch for."""
        token = body.get("user_token")
        return {"X-User-Token": "invalid" if token else "missing"} if self.asks_for_tokens and token != "signed" else {}

    def slate(
        self,
        placement: str,
        *,
        user: str | None,
        limit: int,
        seed: str = "",
        category: str = "",
        exclude: Iterable[str] = (),
    ) -> Response:
        """Answer any question for a slate."""
        time.sleep(self.delay_seconds)
        if self.broken:
            return JSONResponse({"code": "broken"}, status_code=500)
        self.asked += 1
        content = self.content(placement, user=user, limit=limit, seed=seed, category=category, exclude=exclude)
        return JSONResponse(content)

    def slates(self, bodies: list[dict[str, Any]], *, distinct: bool) -> Response:
        """Answer several questions at once; what the real API would refuse is refused."""
        time.sleep(self.delay_seconds)
        if self.broken:
            return JSONResponse({"code": "broken"}, status_code=500)
        is_too_much = len(bodies) > MAX_SLATES or sum(body["limit"] for body in bodies) > MAX_PLACES
        if is_too_much or any(is_refused(body) for body in bodies):
            return JSONResponse({"code": "invalid"}, status_code=422)
        shown: list[str] = []
        slates = []
        for body in bodies:
            self.asked += 1
            content = self.content(**asked(body), exclude=[*body.get("exclude", ()), *(shown if distinct else ())])
            shown += [item["item_id"] for item in content["items"]]
            slates.append(content)
        return JSONResponse({"slates": slates})

    def content(
        self, placement: str, *, user: str | None, limit: int, seed: str, category: str, exclude: Iterable[str]
    ) -> dict[str, Any]:
        """Return a slate; it depends on nothing but what is asked and what was bought."""
        bought = {
            each["item_id"] for each in self.events if each["event"] == "purchase" and each.get("user_id") == user
        }
        turn = sum(map(ord, placement + (user or "") + seed)) % len(self.items)
        turned = [*list(self.items.values())[turn:], *list(self.items.values())[:turn]]
        chosen = [each for each in turned if each.item_id not in bought | {seed, *exclude}]
        chosen = [] if self.empty else [each for each in chosen if category in ("", each.category)][:limit]
        items = [self._line(rank, item, placement) for rank, item in enumerate(chosen, start=1)]
        if items:
            items[0] |= self.overrides
        return {
            "slate_id": self.slate_id(self.asked),
            "user_id": user,
            "placement": placement,
            "source": "personal" if user else SOURCES.get(placement, "similar"),
            "degraded": False,
            "model_version": "20171231-0a1b2c3d4e5f",
            "created_at": "2017-12-31T12:00:00Z",
            "items": items,
        } | self.slate_overrides

    def _line(self, rank: int, item: Item, placement: str) -> dict[str, Any]:
        code = "buy_again" if placement == "reorder" else CODES[rank % len(CODES)]
        due_on = None if placement != "reorder" else "2017-12-30" if rank % 3 else "2018-01-09"
        anchor = self.items[item_ids()[-rank % len(item_ids())]]
        reason = {"code": code, "item_id": anchor.item_id, "item_title": anchor.title, "due_on": due_on}
        return {
            "item_id": item.item_id,
            "rank": rank,
            "score": 1 / rank,
            "source": "personal",
            "reason": reason,
            "title": item.title,
            "category": item.category,
            "department": item.department,
            "brand": item.brand,
            "price": round(item.price or 0, 2),
            "currency": "USD",
            "url": item.url,
            "image_url": f"/v1/items/{quote(item.item_id, safe='')}/picture.svg",
            "in_stock": True,
        }


def is_refused(body: dict[str, Any]) -> bool:
    """Say whether the real API would refuse an id in the body, or how many there are."""
    n_seeds = max(map(len, body.get("seeds", {}).values()), default=0)
    return "\\u0000" in json.dumps(body) or n_seeds > MAX_SEEDS


def asked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a question's body asks of `FakeApi.content`, beside what it excludes."""
    (category,) = body.get("filters", {}).get("categories", [""])
    seeds = body.get("seeds", {})
    return {
        "placement": body["placement"],
        "user": body.get("user_id") if body.get("personal", True) else None,
        "limit": body["limit"],
        "seed": str(seeds) if any(seeds.values()) else "",
        "category": category,
    }


def fake_app(api: FakeApi) -> FastAPI:
    """Build the app around the state."""
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    app.state.find_item = lambda item_id: api.items.get(item_id)

    def note(request: Request, **more: Any) -> None:
        api.calls.append(request.url.path)
        api.requests.append({"path": request.url.path, "query": dict(request.query_params)} | more)

    @app.get("/v1/users/{user_id:path}/recommendations")
    def recommendations(request: Request, user_id: str, limit: int = 10) -> Response:
        note(request, user=user_id)
        return api.slate("home", user=user_id, limit=limit)

    @app.get("/v1/users/{user_id:path}/buy-again")
    def buy_again(request: Request, user_id: str, limit: int = 10) -> Response:
        note(request, user=user_id)
        return api.slate("reorder", user=user_id, limit=limit)

    @app.get("/v1/items/{item_id:path}/similar")
    def similar(request: Request, item_id: str, limit: int = 10) -> Response:
        note(request, item=item_id)
        return api.slate("product", user=None, limit=limit, seed=item_id)

    @app.get("/v1/items/{item_id:path}/bought-together")
    def bought_together(request: Request, item_id: str, limit: int = 10) -> Response:
        note(request, item=item_id)
        return api.slate("product ", user=None, limit=limit, seed=item_id)

    @app.get("/v1/{placement}")
    def popular(request: Request, placement: str, limit: int = 10, category: str = "") -> Response:
        note(request)
        return api.slate(placement, user=None, limit=limit, category=category)

    @app.post("/v1/recommendations")
    async def post_recommendations(request: Request) -> Response:
        body = await request.json()
        note(request, body=body)
        if is_refused(body):
            return JSONResponse({"code": "invalid"}, status_code=422)
        return await asyncio.to_thread(api.slate, **asked(body), exclude=body.get("exclude", ()))

    @app.post("/v1/slates")
    async def post_slates(request: Request) -> Response:
        body = await request.json()
        api.calls.append(request.url.path)
        api.requests.extend(
            {"path": request.url.path, "body": each, "user": each.get("user_id")} for each in body["requests"]
        )
        return await asyncio.to_thread(api.slates, body["requests"], distinct=body["distinct"])

    @app.post("/v1/events")
    async def events(request: Request) -> Response:
        body = await request.json()
        api.batches.append(body)
        if api.refused:
            return JSONResponse({"code": "refused"}, status_code=api.refused)
        api.take(body["events"])
        return JSONResponse({"accepted": len(body["events"])}, status_code=202)

    @app.post("/v1/users:merge")
    async def merge(request: Request, response: Response) -> dict[str, Any]:
        api.merges.append(await request.json())
        response.headers.update(api.doubt(api.merges[-1]))
        return {}

    @app.get("/page")
    def page(body: str, attributes: str = 'lang="en"') -> Response:
        headers = {"Content-Security-Policy": POLICY}
        return HTMLResponse(PAGE.format(attributes=attributes, body=body), headers=headers)

    @app.get("/framed")
    def framed(page: str) -> Response:
        frame = f'<iframe sandbox="allow-scripts" src="/page?{html.escape(page)}"></iframe>'
        return HTMLResponse(f"<!doctype html><title>A frame</title>{frame}")

    app.include_router(pictures.router)
    app.include_router(web.router)
    return app


PAGE = (
    "<!doctype html><html {attributes}><meta name=viewport content='width=device-width, initial-scale=1'>"
    "<title>A shop</title><main><h1>A shop</h1>{body}<p id='after'>after the shelf</p></main>"
    '<script type="module" src="/widget.js"></script>'
)
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; style-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""A shop's page under a Content-Security-Policy that forbids every style, script and sink but the widget's file."""


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Run the app on a free port of this machine for as long as the block lasts; yield its origin."""
    port = free_port()
    loop = asyncio.new_event_loop()
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False)
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()
    origin = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{origin}/widget.js")
        yield origin
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(timeout=10)
        loop.close()


def free_port() -> int:
    """Return a TCP port nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            httpx.get(address).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"{address} did not answer within five seconds")
