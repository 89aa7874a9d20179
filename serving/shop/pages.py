"""The pages: what a visitor sees. Nothing changes by looking, but what was looked at."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import RedirectResponse, Response
from starlette.status import HTTP_304_NOT_MODIFIED, HTTP_404_NOT_FOUND

from recommender.ids import id_problem
from serving.routes.web import IfNoneMatch, matches
from serving.shop import assets, reporting
from serving.shop.acquaintance import is_known
from serving.shop.door import Refused
from serving.shop.goods import Goods
from serving.shop.listing import Listing, Order, best_sellers, browse, search
from serving.shop.past import Past, past_of
from serving.shop.visit import Visit, VisitDep, positive

router = APIRouter(include_in_schema=False)
rest = APIRouter(include_in_schema=False)
"""For addresses that are none of the shop's: it is asked last."""

FALLBACK_ITEMS = 12
MORE_LIKE_IT = 12
PAST_ITEMS = 36
FRONT_DEPARTMENTS = 8
NAMES = frozenset({"search", "department", "orders", "cart", "home"})
"""Pages of ours that lead to a product; shelves report the clicks on them themselves."""

Text = str | None
ItemId = Annotated[str, Query(alias="id")]
Purpose = Annotated[Text, Header(alias="Sec-Purpose")]
"""Sent by browsers that load a page in case it is wanted."""


@router.get("/")
def front_door() -> RedirectResponse:
    """Lead a visitor to the shop; the address is relative, so that it holds behind a path prefix."""
    return RedirectResponse("shop")


@router.get("/shop/assets/{name}")
def shop_asset(name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Send a script, style or drawing of the pages."""
    if name not in assets.ASSETS:
        raise HTTPException(404)
    asset = assets.asset(name)
    headers = {"Cache-Control": "no-cache", "ETag": asset.etag, "Cross-Origin-Resource-Policy": "same-origin"}
    if matches(if_none_match, asset.etag):
        return Response(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


@router.head("/shop")
@router.get("/shop")
async def home(visit: VisitDep) -> Response:
    """The front page: the visitor's shelves, and the departments."""
    household = next((each for each in visit.shop.households if each.user_id == visit.user_id), None)
    return visit.page(
        "home.html.j2",
        household=household,
        past=_past(visit),
        is_known=await is_known(visit),
        popular=_popular(visit),
        emblems=_emblems(visit),
    )


@router.get("/shop/departments")
async def departments(visit: VisitDep) -> Response:
    """Every department with its categories."""
    return visit.page("departments.html.j2", emblems=_emblems(visit))


@router.get("/shop/department")
async def department(
    visit: VisitDep, name: str = "", category: Text = None, sort: Text = None, page: Text = None
) -> Response:
    """What stands in a department, or in one of its categories."""
    where, found = visit.aisles.of(name, category or None), visit.aisles.department_called(name)
    if where is None or found is None:
        return _nothing_here(visit, "There is no such department", "It may have been renamed.")
    shelf = visit.state.catalogue.shelf(visit.aisles.model)
    listing = browse(visit.aisles, shelf, where, order=_order(sort), page=positive(page, otherwise=1))
    return visit.page("department.html.j2", department=found, category=category or None, **_listed(visit, listing))


@router.get("/shop/search")
async def find(visit: VisitDep, q: str = "", category: Text = None, sort: Text = None, page: Text = None) -> Response:
    """What fits some words; an item whose id was typed comes first."""
    query = " ".join(q.split())[:100]
    shelf = visit.state.catalogue.shelf(visit.aisles.model)
    at = positive(page, otherwise=1)
    listing = search(visit.aisles, shelf, query, category=category or None, order=_order(sort), page=at)
    exact = None if id_problem(query) else visit.counter.item(query)
    suggestions = [] if listing.total or exact else visit.aisles.words.suggestions(query)
    return visit.page(
        "search.html.j2",
        query=query,
        category=category or None,
        exact=exact,
        suggestions=suggestions,
        popular=_popular(visit) if not listing.total and not exact else [],
        **_listed(visit, listing),
    )


@router.get("/shop/item")
async def item(visit: VisitDep, item_id: ItemId = "", via: Text = None, purpose: Purpose = None) -> Response:
    """One product, and what goes with it."""
    goods = None if id_problem(item_id) else visit.counter.item(item_id)
    if goods is None:
        return _nothing_here(visit, "There is no such product", "It may have left the catalogue.")
    if not purpose:
        visit.session.view(goods.item_id)
        if via in NAMES:
            hour = int(time.time() // 3600)
            await reporting.report(visit.state, [reporting.look(visit.session, goods, via=via, hour=hour)])
    index = visit.aisles.model.items.get(goods.item_id)
    siblings = [] if index is None else visit.counter.at(visit.aisles.of_kind(index)[:MORE_LIKE_IT].tolist())
    bought = None if index is None else _past(visit).of(index)
    return visit.page("item.html.j2", goods=goods, siblings=siblings, bought=bought)


@router.get("/shop/cart")
async def cart(visit: VisitDep) -> Response:
    """What lies in the cart, and what completes it."""
    return visit.page("cart.html.j2", **_cart(visit))


@router.get("/shop/checkout")
async def checkout(visit: VisitDep) -> Response:
    """The last look before buying."""
    return visit.page("checkout.html.j2", **_cart(visit)) if visit.session.cart else visit.go("cart")


@router.get("/shop/orders")
async def orders(visit: VisitDep) -> Response:
    """The orders of this visit, and what was bought before it."""
    past = _past(visit)
    bought = [(visit.counter.at([each.item])[0], each) for each in past.bought[:PAST_ITEMS]]
    return visit.page("orders.html.j2", past=past, bought=bought)


@router.get("/shop/order")
async def order(visit: VisitDep, order_id: ItemId = "", new: Text = None) -> Response:
    """One order: what can be sent back, what can be complained about."""
    found = visit.session.order(order_id)
    if found is None:
        return _nothing_here(visit, "This visit knows no such order", "Orders are forgotten with the visit.")
    return visit.page("order.html.j2", order=found, is_new=bool(new))


@router.get("/shop/sign-in")
async def sign_in(visit: VisitDep, unknown: str = "") -> Response:
    """Whom one may shop as; `unknown` is an id that was typed and that nobody has."""
    return visit.page("sign-in.html.j2", households=visit.shop.households, past=_past(visit), unknown=unknown)


@rest.get("/shop/{page:path}")
async def nothing(visit: VisitDep) -> Response:
    """Say that there is no such page."""
    return _nothing_here(visit, "There is no such page", "The address leads nowhere.")


def _nothing_here(visit: Visit, title: str, text: str) -> Response:
    missing = Refused(HTTP_404_NOT_FOUND, title, text)
    return visit.page("missing.html.j2", status=missing.status, refused=missing, popular=_popular(visit))


def _order(sort: str | None) -> Order:
    return Order(sort) if sort in list(Order) else Order.BEST


def _listed(visit: Visit, listing: Listing) -> dict[str, Any]:
    return {"listing": listing, "goods": visit.counter.at(listing.items)}


def _popular(visit: Visit) -> list[Goods]:
    """Return what sells best: what a page without scripts, or without results, has to offer."""
    shelf = visit.state.catalogue.shelf(visit.aisles.model)
    return visit.counter.at(best_sellers(visit.aisles, shelf, FALLBACK_ITEMS))


def _emblems(visit: Visit) -> dict[str, str]:
    """Return the picture of each department."""
    return {each.name: visit.counter.at([each.emblem])[0].picture for each in visit.aisles.departments}


def _past(visit: Visit) -> Past:
    """Return what is known of who is signed in; nothing of those who asked to be forgotten."""
    if visit.user_id is None or visit.user_id in visit.state.erasures:
        return Past()
    model = visit.aisles.model
    return past_of(model, visit.user_id, now=visit.state.clock.now(model.as_of))


def _cart(visit: Visit) -> dict[str, Any]:
    lines = [
        (goods, quantity)
        for item_id, quantity in visit.session.cart.items()
        if (goods := visit.counter.item(item_id)) is not None
    ]
    total = sum(quantity * (goods.price or 0.0) for goods, quantity in lines)
    unpriced = sum(goods.price is None for goods, _ in lines)
    return {"lines": lines, "total": total, "unpriced": unpriced}
