"""One request to the shop: who asks, what they may see, and how a page or a way on is answered.

Every page passes here: the door, the cookie, the headers. A page is shown to one visitor and never kept.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import (
    HTTP_200_OK,
    HTTP_303_SEE_OTHER,
    HTTP_403_FORBIDDEN,
    HTTP_413_CONTENT_TOO_LARGE,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from serving.shop import hints
from serving.shop.addresses import FRONT, address, root_of, way_back
from serving.shop.aisles import Aisles
from serving.shop.door import Refused, admit
from serving.shop.goods import Counter
from serving.shop.session import COOKIE, KEEP_SECONDS, Session
from serving.shop.shop import Shop
from serving.state import State, state_of

MAX_FORM_BYTES = 16_384
MAX_FIELDS = 20

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Visit:
    """A visitor at a page."""

    def __init__(self, request: Request, shop: Shop, state: State, aisles: Aisles) -> None:
        self.request = request
        self.state = state
        self.aisles = aisles
        self.session = shop.sessions.load(request.cookies.get(COOKIE))
        self.counter = Counter(state.catalogue, aisles.model)
        self.shop = shop
        self._root = root_of(request.url.path)

    @property
    def user_id(self) -> str | None:
        """Who is signed in; None for a guest."""
        return self.session.user_id

    def page(self, template: str, *, status: int = HTTP_200_OK, **values: Any) -> Response:
        """Answer with a page, which tells what has changed since the last one."""
        told, self.session.untold = self.session.untold, 0
        deeds = self.hints()
        content = self.shop.rendered(
            template,
            **_frame(self.request, self._root),
            visit=self,
            session=self.session,
            form_token=self.shop.sessions.form_token(self.session),
            cart_count=sum(self.session.cart.values()),
            news=deeds[:told][::-1],
            deeds=deeds,
            **values,
        )
        return self._signed(HTMLResponse(content, status, HEADERS))

    def go(self, page: str, /, **parameters: str | int | None) -> Response:
        """Lead on to a page of ours (POST, redirect, GET)."""
        return self._to(address(page, **parameters))

    def back(self, written: str) -> Response:
        """Lead back to where a form says it stood."""
        return self._to(way_back(written))

    def answer(self, content: Response) -> Response:
        """Answer a script."""
        content.headers.update(HEADERS)
        return self._signed(content)

    def leave(self) -> None:
        """Begin a new visit: nothing of the old one is known to it."""
        self.session = Session()

    def hints(self) -> list[hints.Hint]:
        """Say what the visitor's deeds changed, the latest first."""
        name = self.name
        return [hints.hint(deed, title_of=self.title_of, name=name) for deed in self.session.deeds]

    def title_of(self, item_id: str) -> str:
        """Return what an item is called; the id of what is no item."""
        goods = self.counter.item(item_id)
        return item_id if goods is None else goods.title

    @property
    def name(self) -> str:
        """What whoever is signed in is called."""
        known = {each.user_id: each.name for each in self.shop.households}
        return "Guest" if self.user_id is None else known.get(self.user_id, f"Customer {self.user_id}")

    @property
    def short_name(self) -> str:
        """The same without what kind of customer they are."""
        return self.name.partition(",")[0]

    async def form(self) -> dict[str, str]:
        """Return the fields of a form of this visit.

        Raises
        ------
        Refused
            413 or 403, if it is too long, or no form of this visit.
        """
        body = await self.request.body()
        if len(body) > MAX_FORM_BYTES:
            raise Refused(HTTP_413_CONTENT_TOO_LARGE, "That was too long", "No form of this shop is so long.")
        try:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
        except ValueError:
            fields = {}
        if not hmac.compare_digest(
            fields.get("form", "").encode(), self.shop.sessions.form_token(self.session).encode()
        ):
            raise Refused(
                HTTP_403_FORBIDDEN,
                "This form has expired",
                "It belongs to another visit, or your browser keeps no cookies. Open the page anew and try again.",
            )
        return fields

    def _to(self, relative: str) -> Response:
        return self._signed(RedirectResponse(self._root + relative, HTTP_303_SEE_OTHER, HEADERS))

    def _signed(self, response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            self.shop.sessions.dump(self.session),
            max_age=KEEP_SECONDS,
            httponly=True,
            samesite="lax",
            secure=self.request.url.scheme == "https",
        )
        return response


async def _visit(request: Request) -> Visit:
    shop: Shop = request.app.state.shop
    state = state_of(request.app)
    admit(request, state.access, shop.settings.serving.demo_shop)
    if (ready := state.service.ready) is None:
        raise Refused(
            HTTP_503_SERVICE_UNAVAILABLE,
            "The shelves are still empty",
            "No model can be served yet: train one and publish it (make train, make publish).",
        )
    return Visit(request, shop, state, await shop.aisles(ready.engine.model))


VisitDep = Annotated[Visit, Depends(_visit)]
"""For routes: ``async def page(visit: VisitDep)``."""


def install(app: FastAPI) -> None:
    """Answer what is refused with a page."""
    app.add_exception_handler(Refused, _on_refused)


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    shop: Shop = request.app.state.shop
    content = shop.rendered("refused.html.j2", **_frame(request, root_of(request.url.path)), refused=error)
    return HTMLResponse(content, error.status, HEADERS)


def _frame(request: Request, root: str) -> dict[str, Any]:
    """Return what every page needs to find its way."""

    def url(page: str, /, **parameters: str | int | None) -> str:
        return root + address(page, **parameters)

    last = request.url.path.rpartition("/")[2]
    page = FRONT if root == "" else last
    here = f"{page}?{request.url.query}" if request.url.query else page
    return {"root": root, "url": url, "here": here, "page_name": page}


def positive(text: str | None, *, otherwise: int) -> int:
    """Return a whole number from a form or an address, whatever stands there."""
    text = text or ""
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) <= 6 else otherwise
