"""What a visitor does: forms that are sent, change something, are reported, and lead on to a page that tells of it."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from recommender.events import Event
from recommender.ids import id_problem
from serving.shop import hints
from serving.shop.acquaintance import is_known
from serving.shop.goods import Goods
from serving.shop.reporting import event, join, report
from serving.shop.session import MAX_QUANTITY, Order, OrderLine
from serving.shop.visit import Visit, VisitDep, positive

router = APIRouter(include_in_schema=False)

REPORTED = "reported"
"""Field of a form that says that the widget has told the API already."""
NEW = "new-"
"""What the ids of new customers begin with."""
MAX_TYPED = 100
"""Characters of an unknown id that the page repeats."""


@router.post("/shop/cart")
async def change_cart(visit: VisitDep) -> Response:
    """Put items into the cart, or let it hold as many as the field `set` says."""
    fields = await visit.form()
    goods = _goods(visit, fields)
    if goods is None:
        return visit.go("cart")
    held = visit.session.cart.get(goods.item_id, 0)
    wanted = positive(
        fields.get("set"), otherwise=held + min(positive(fields.get("quantity"), otherwise=1), MAX_QUANTITY)
    )
    code = _put(visit, goods, wanted)
    step = visit.session.cart.get(goods.item_id, 0) - held
    if step and REPORTED not in fields:
        kind = Event.ADD_TO_CART if step > 0 else Event.REMOVE_FROM_CART
        await _tell(visit, [event(visit.session, kind, goods, quantity=abs(step))])
    if (code and "set" not in fields) or code in (hints.FULL, hints.SOLD_OUT):
        visit.session.did(code, goods.item_id)
    return _cart_answer(visit, fields)


def _put(visit: Visit, goods: Goods, wanted: int) -> str:
    """Let the cart hold so many; return the code of what came of it."""
    if wanted > visit.session.cart.get(goods.item_id, 0) and not goods.in_stock:
        return hints.SOLD_OUT
    if not visit.session.put(goods.item_id, wanted):
        return hints.FULL
    return hints.ADDED if wanted else hints.REMOVED


def _cart_answer(visit: Visit, fields: dict[str, str]) -> Response:
    if "application/json" not in visit.request.headers.get("accept", ""):
        return visit.back(fields.get("back", "cart"))
    latest = visit.hints()[: visit.session.untold]
    visit.session.untold = 0
    count = sum(visit.session.cart.values())
    return visit.answer(
        JSONResponse({"count": count, "hints": [{"deed": each.deed, "effect": each.effect} for each in latest]})
    )


@router.post("/shop/checkout")
async def buy(visit: VisitDep) -> Response:
    """Buy what lies in the cart: one order."""
    await visit.form()
    bought = [
        (goods, quantity)
        for item_id, quantity in visit.session.cart.items()
        if (goods := visit.counter.item(item_id)) is not None
    ]
    if not bought:
        return visit.go("cart")
    order = Order(
        f"demo-{secrets.token_hex(5)}",
        [OrderLine(goods.item_id, quantity, goods.price) for goods, quantity in bought],
    )
    purchases = [
        event(visit.session, Event.PURCHASE, goods, quantity=quantity, order_id=order.order_id)
        for goods, quantity in bought
    ]
    if not await _tell(visit, purchases):
        return visit.go("cart")
    visit.session.cart.clear()
    visit.session.orders.insert(0, order)
    visit.session.did(hints.BOUGHT, count=sum(quantity for _, quantity in bought))
    return visit.go("order", id=order.order_id, new=1)


@router.post("/shop/not-for-me")
async def not_for_me(visit: VisitDep) -> Response:
    """Never see an item again."""
    fields = await visit.form()
    goods = _goods(visit, fields)
    if goods is not None and await _tell(visit, [event(visit.session, Event.NOT_INTERESTED, goods)]):
        visit.session.did(hints.NOT_FOR_ME, goods.item_id)
    return visit.back(fields.get("back", ""))


@router.post("/shop/return")
async def give_back(visit: VisitDep) -> Response:
    """Send back an item of an order."""
    fields = await visit.form()
    order, goods = visit.session.order(fields.get("order", "")), _goods(visit, fields)
    if order is None or goods is None:
        return visit.go("orders")
    lines = [line for line in order.lines if line.item_id == goods.item_id and not line.is_returned]
    returns = [
        event(visit.session, Event.RETURN, goods, quantity=line.quantity, order_id=order.order_id) for line in lines
    ]
    if returns and await _tell(visit, returns):
        for line in lines:
            line.is_returned = True
        visit.session.did(hints.RETURNED, goods.item_id)
    return visit.go("order", id=order.order_id)


@router.post("/shop/complaint")
async def complain(visit: VisitDep) -> Response:
    """Open a complaint about an order, or close it."""
    fields = await visit.form()
    order = visit.session.order(fields.get("order", ""))
    if order is None:
        return visit.go("orders")
    is_opening = not order.has_complaint
    kind = Event.COMPLAINT_OPENED if is_opening else Event.COMPLAINT_CLOSED
    if await _tell(visit, [event(visit.session, kind, order_id=order.order_id)]):
        order.has_complaint = is_opening
        visit.session.did(hints.COMPLAINT_OPENED if is_opening else hints.COMPLAINT_CLOSED)
    return visit.go("order", id=order.order_id)


@router.post("/shop/sign-in")
async def sign_in(visit: VisitDep) -> Response:
    """Shop as a household of the log, or as a customer nobody knows yet; what a guest did comes along."""
    fields = await visit.form()
    user_id = f"{NEW}{secrets.token_hex(4)}" if "new" in fields else _named(visit, fields.get("user", ""))
    if not _may_shop(visit, user_id):
        return visit.go("sign-in", unknown=user_id[:MAX_TYPED])
    if visit.user_id is not None:
        visit.leave()
    session = visit.session
    is_kept = await join(visit.state, session, user_id)
    session.user_id, session.orders, session.viewed, session.deeds, session.untold = user_id, [], [], [], 0
    session.did(await _welcome(visit, user_id))
    if not is_kept:
        session.did(hints.NOT_RECORDED)
    return visit.go("")


@router.post("/shop/sign-out")
async def sign_out(visit: VisitDep) -> Response:
    """Be a guest again, with an empty cart."""
    await visit.form()
    visit.leave()
    visit.session.did(hints.SIGNED_OUT)
    return visit.go("")


async def _welcome(visit: Visit, user_id: str) -> str:
    """Return the code of what is said to who has just signed in."""
    if user_id in visit.aisles.model.users:
        return hints.SIGNED_IN
    return hints.MET_BEFORE if await is_known(visit) else hints.JOINED


async def _tell(visit: Visit, events: list[dict[str, Any]]) -> bool:
    """Report events; where that fails, the next page says so."""
    is_kept = await report(visit.state, events)
    if not is_kept:
        visit.session.did(hints.NOT_RECORDED)
    return is_kept


def _named(visit: Visit, typed: str) -> str:
    """Return the user that somebody means; spaces around an id count only if it is one with spaces."""
    return typed if typed in visit.aisles.model.users else typed.strip()


def _may_shop(visit: Visit, user_id: str) -> bool:
    """Say whether there is such a customer: in the log, among the chosen households, or begun here as a new one."""
    if id_problem(user_id):
        return False
    chosen = {each.user_id for each in visit.shop.households}
    return user_id in visit.aisles.model.users or user_id in chosen or user_id.startswith(NEW)


def _goods(visit: Visit, fields: dict[str, str]) -> Goods | None:
    """Return the item that a form is about, if there is one."""
    item_id = fields.get("id", "")
    return None if id_problem(item_id) else visit.counter.item(item_id)
