"""Who is visiting, what is in their cart and what they did: one signed cookie, and nothing kept on the server.

So it holds in every worker and over a restart, and a visitor who deletes it was never here. It is as long as a browser
takes at most: what is oldest is forgotten first, and the cart has a limit that always fits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from recommender.ids import id_problem

COOKIE = "regulars_shop"
KEEP_SECONDS = 7 * 86_400
MAX_CHARACTERS = 3_800
"""Browsers take 4,096 bytes for a cookie with its name and attributes."""
MAX_LINES = 40
MAX_CART_BYTES = 1_200
"""Of all ids in the cart together."""
MAX_QUANTITY = 99
MAX_VIEWED = 10
MAX_ORDERS = 8
MAX_DEEDS = 8


@dataclass(slots=True)
class OrderLine:
    """One item of an order."""

    item_id: str
    quantity: int
    price: float | None
    is_returned: bool = False


@dataclass(slots=True)
class Order:
    """What was bought at once, in this visit."""

    order_id: str
    lines: list[OrderLine]
    has_complaint: bool = False

    @property
    def total(self) -> float:
        """What it came to, as far as prices are known."""
        return sum(line.quantity * (line.price or 0.0) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the visitor did that changes what they are offered; `serving.shop.hints` has the words."""

    code: str
    item_id: str = ""
    count: int = 1


@dataclass(slots=True)
class Session:
    """One visitor, as the cookie knows them."""

    visit_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """Made up at the first page; a guest is known by nothing else."""
    user_id: str | None = None
    cart: dict[str, int] = field(default_factory=dict)
    """item_id → quantity, in the order they were put in."""
    viewed: list[str] = field(default_factory=list)
    """The latest first."""
    orders: list[Order] = field(default_factory=list)
    """The latest first."""
    deeds: list[Deed] = field(default_factory=list)
    """The latest first."""
    untold: int = 0
    """How many of the latest deeds no page has told of yet."""

    def view(self, item_id: str) -> None:
        """Note that an item was looked at."""
        self.viewed = [item_id, *(each for each in self.viewed if each != item_id)][:MAX_VIEWED]

    def put(self, item_id: str, quantity: int) -> bool:
        """Let the cart hold so many of an item, none included; say whether there was room."""
        if quantity <= 0:
            self.cart.pop(item_id, None)
            return True
        held = {*self.cart, item_id}
        if len(held) > MAX_LINES or sum(len(each.encode()) for each in held) > MAX_CART_BYTES:
            return False
        self.cart[item_id] = min(quantity, MAX_QUANTITY)
        return True

    def did(self, code: str, item_id: str = "", count: int = 1) -> None:
        """Note a deed, to be told on the next page."""
        self.deeds = [Deed(code, item_id, count), *self.deeds][:MAX_DEEDS]
        self.untold = min(self.untold + 1, len(self.deeds))

    def order(self, order_id: str) -> Order | None:
        """Return the order of that id, if this visit knows it."""
        return next((order for order in self.orders if order.order_id == order_id), None)


class Sessions:
    """Turns sessions into cookies and back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._serializer = URLSafeTimedSerializer(secret, salt="regulars.shop.visit", serializer=_Compact)

    def load(self, cookie: str | None) -> Session:
        """Return the session of a cookie; a new one if there is none, or it is not ours or too old."""
        if not cookie or len(cookie) > 2 * MAX_CHARACTERS:
            return Session()
        try:
            return _session(self._serializer.loads(cookie, max_age=KEEP_SECONDS))
        except (BadData, ValueError, TypeError, KeyError):
            return Session()

    def dump(self, session: Session) -> str:
        """Return the cookie of a session, forgetting what is oldest until it fits."""
        while len(cookie := self._signed(session)) > MAX_CHARACTERS and _forget(session):
            pass
        return cookie

    def form_token(self, session: Session) -> str:
        """Return what every form of this visit carries, so that no other site can send one."""
        return hmac.new(self._secret, b"form\0" + session.visit_id.encode(), hashlib.sha256).hexdigest()[:40]

    def _signed(self, session: Session) -> str:
        orders = [
            [order.order_id, [[*_line(line)] for line in order.lines], int(order.has_complaint)]
            for order in session.orders[:MAX_ORDERS]
        ]
        deeds = [[deed.code, deed.item_id, deed.count] for deed in session.deeds]
        content = [session.visit_id, session.user_id, list(session.cart.items()), session.viewed, orders, deeds]
        return str(self._serializer.dumps([*content, session.untold]))


class _Compact:
    """JSON as short as it gets: ids outside ASCII are written as they are."""

    @staticmethod
    def dumps(content: Any, **_: Any) -> str:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def loads(content: str | bytes, **_: Any) -> Any:
        return json.loads(content)


def _line(line: OrderLine) -> tuple[str, int, float | None, int]:
    return line.item_id, line.quantity, line.price, int(line.is_returned)


def _session(content: Any) -> Session:
    visit_id, user_id, cart, viewed, orders, deeds, untold = content
    if user_id is not None and id_problem(user_id):
        user_id = None
    return Session(
        visit_id=visit_id,
        user_id=user_id,
        cart={str(item_id): int(quantity) for item_id, quantity in cart},
        viewed=[str(item_id) for item_id in viewed],
        orders=[
            Order(
                order_id, [OrderLine(item, count, price, bool(back)) for item, count, price, back in lines], bool(sad)
            )
            for order_id, lines, sad in orders
        ],
        deeds=[Deed(*deed) for deed in deeds],
        untold=int(untold),
    )


def _forget(session: Session) -> bool:
    """Forget what matters least; say whether there was anything to forget."""
    for oldest_last in (session.orders if len(session.orders) > 1 else [], session.deeds, session.viewed):
        if oldest_last:
            oldest_last.pop()
            session.untold = min(session.untold, len(session.deeds))
            return True
    if session.orders:
        session.orders.pop()
        return True
    return False
