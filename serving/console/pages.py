"""The pages about customers, the files that pages are dressed in, and the page for addresses that lead nowhere."""

from __future__ import annotations

import functools
from datetime import date
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Response

from recommender.engine import Engine
from recommender.errors import StoreUnavailable
from recommender.ids import id_problem
from serving.console import customers
from serving.console.customers import Customer, Order
from serving.console.fresh_events import Session, session_of
from serving.console.offers import Offered, offered
from serving.console.visit import HEADERS, PATH, VisitDep
from serving.state import State
from serving.stores import UserRecord
from serving.stores.choices import OPTED_OUT
from serving.web import Asset, etag_of

router = APIRouter(prefix=PATH, include_in_schema=False)

ASSETS = {"console.css": "text/css", "icon.svg": "image/svg+xml"}
MAX_QUERY = 600
"""Characters of what is searched for; an id has fewer."""


@router.get("/customers")
async def search(visit: VisitDep, q: str = "") -> Response:
    """List the customers whose ids begin with what was typed."""
    engine, typed = visit.state.holder.engine, q[:MAX_QUERY]
    values: dict[str, Any] = {"q": typed, "found": [], "more": False, "total": 0, "problem": None}
    if engine is None:
        return await visit.page("customers.html.j2", values | {"problem": "No model is served yet."})
    values["total"] = len(engine.model.users)
    if typed:
        values["problem"] = problem = id_problem(typed)
        if problem is None:
            visit.note("customers were searched for")
            found, more = customers.search(engine.model.users, typed, is_erased=visit.state.erasures.__contains__)
            values |= {"found": await visit.console.work(lambda: _listed(engine, found)), "more": more}
    return await visit.page("customers.html.j2", values)


@router.get("/customer")
async def customer(
    visit: VisitDep,
    user_id: Annotated[str, Query()] = "",
    sort: Order = Order.LATEST,
    items: Annotated[str, Query(pattern="^(few|all)$")] = "few",
) -> Response:
    """Show one customer."""
    if (problem := id_problem(user_id)) is not None:
        values = {"q": user_id[:MAX_QUERY], "found": [], "more": False, "total": 0, "problem": problem}
        return await visit.page("customers.html.j2", values, status=400)
    visit.note("a customer was looked up")
    engine = visit.state.holder.engine
    if engine is None:
        return await visit.page("customers.html.j2", _nobody(user_id, "No model is served yet."))
    record, store = await _read(visit.state, engine, user_id)
    if record.erased or user_id in visit.state.erasures:
        return await visit.page("erased.html.j2", {"user_id": user_id})
    seen, session = await visit.console.work(
        lambda: _gathered(visit.state, engine, user_id, record, order=sort, all_items=items == "all")
    )
    shelves = await _offered(visit.state, engine, session)
    opted_out = user_id in visit.state.opt_outs or OPTED_OUT in record.fresh
    values = {"customer": seen, "shelves": shelves, "store": store, "opted_out": opted_out}
    values |= {"sort": sort.value, "items": items}
    return await visit.page("customer.html.j2", values)


@router.get("/assets/{name}")
async def asset(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Send the style sheet or the icon; the sign-in form wears them too, so they ask for no key."""
    if name not in ASSETS:
        raise HTTPException(404, "the console has no such file")
    found = _asset(name)
    headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": found.etag}
    if if_none_match == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)


@router.get("/{page:path}")
async def nothing(visit: VisitDep, page: str) -> Response:
    """Say that there is no such page."""
    return await visit.page("missing.html.j2", {"page": page[:80]}, status=404)


@functools.cache
def _asset(name: str) -> Asset:
    content = files("serving.console").joinpath("static", name).read_bytes()
    return Asset(content, ASSETS[name], etag_of(content))


def _nobody(typed: str, problem: str) -> dict[str, Any]:
    return {"q": typed, "found": [], "more": False, "total": 0, "problem": problem}


def _listed(engine: Engine, found: list[str]) -> list[tuple[str, customers.Loyalty]]:
    base, index = engine.model.customers, engine.model.users.index
    return [(user_id, customers.loyalty_of(base, index(user_id))) for user_id in found]


async def _read(state: State, engine: Engine, user_id: str) -> tuple[UserRecord, bool]:
    """Return what the store knows of a user, and whether it answered."""
    try:
        return await state.stores.slates.read_user(user_id, version=engine.version), True
    except StoreUnavailable:
        return UserRecord(), False


def _gathered(
    state: State, engine: Engine, user_id: str, record: UserRecord, *, order: Order, all_items: bool
) -> tuple[Customer, Session]:
    now = state.clock.now(engine.model.as_of)
    session = session_of(record.fresh, engine, user_id, now=now)
    shelf = state.catalogue.shelf(engine.model)
    seen = customers.customer_of(engine, user_id, session, shelf=shelf, now=now, order=order, all_items=all_items)
    return seen, session


async def _offered(state: State, engine: Engine, session: Session) -> list[Offered]:
    cart = [engine.model.items.ids[item] for item in sorted(session.in_cart)]
    viewed = customers.last_item(session, engine)
    today: date = state.clock.now(engine.model.as_of).astype("datetime64[D]").astype(object)
    return await offered(state.service, session.user_id, cart=cart, viewed=viewed, today=today)
