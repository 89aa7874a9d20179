"""Who may come in.

The shop shows what people bought, and lets everybody be anybody. So it is open to browsers of this machine only,
unless the settings open it to everybody; and once the API asks for keys it is shut, because a visitor brings none.
Another site must not use a visitor's browser to look or to act: neither by a request across sites nor under a name
of its own that leads to this machine.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.status import HTTP_403_FORBIDDEN

from serving.access.access import Access
from serving.loopback import is_from_here

Openness = Literal["off", "local", "open"]


class Refused(Exception):
    """A page is not shown; the text says why and what to do."""

    def __init__(self, status: int, title: str, text: str, *, is_shut: bool = False) -> None:
        """`is_shut` says that all pages are refused like this one, so that no link to another helps."""
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text
        self.is_shut = is_shut


def admit(request: Request, access: Access, openness: Openness) -> None:
    """Let a request in.

    Raises
    ------
    Refused
        403, if it may not come in.
    """
    if access.is_required:
        raise Refused(
            HTTP_403_FORBIDDEN,
            "The demo shop is shut",
            "Requests need an API key here, and the demo shop asks visitors for none: it would show everybody what "
            "customers bought. To open it again, stop the server, delete keys.json in its data folder and start it: "
            "that ends all keys, while revoking them does not open the shop. Or keep the keys, and run the shop with a "
            "data folder of its own: regulars demo --set data.dir=demo-data. "
            'The setting access.keys = "required" shuts it, too.',
            is_shut=True,
        )
    if openness == "local" and not is_from_here(request, access.proxies):
        raise Refused(
            HTTP_403_FORBIDDEN,
            "The demo shop is for this machine",
            "It shows what customers bought, so it answers browsers on the machine it runs on, under the name "
            "localhost or 127.0.0.1. The setting serving.demo_shop opens it to others.",
            is_shut=True,
        )
    if _is_from_elsewhere(request):
        raise Refused(
            HTTP_403_FORBIDDEN,
            "That came from another site",
            "Pages of the demo shop are asked for by its own pages only.",
        )


def _is_from_elsewhere(request: Request) -> bool:
    """Say whether a page of another site makes this request; to follow a link from there is fine."""
    site, mode = request.headers.get("sec-fetch-site", "none"), request.headers.get("sec-fetch-mode", "navigate")
    if request.method in ("GET", "HEAD"):
        return site == "cross-site" and mode != "navigate"
    origin = request.headers.get("origin")
    return site == "cross-site" or (origin is not None and urlsplit(origin).netloc != request.headers.get("host"))
