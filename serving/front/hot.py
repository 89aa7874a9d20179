"""Reading the addresses of page views: a user's shelf, similar items, trending, best sellers.

Only plain questions are read here, and only what can be read without doubt; None leaves the rest to the framework,
whose routes answer them from the same `Service`. Parsed queries are remembered: shops ask with a handful of them.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl

from recommender.ids import MAX_ID_BYTES
from recommender.purpose import Purpose
from recommender.slate import Placement
from serving.addresses import REPLACEMENT
from serving.questions import PREPARED, Asked
from serving.schemas import DEFAULT_LIMIT, MAX_LIMIT

MAX_QUERIES = 1_000
"""Parsed queries that are remembered; a query is short, or it is not read here."""
MAX_QUERY_BYTES = 200

USERS, ITEMS = "/v1/users/", "/v1/items/"
FOR_EVERYBODY = frozenset({"/v1/trending", "/v1/bestsellers"})
RECOMMENDATIONS, SIMILAR = "/recommendations", "/similar"

_USER_ROUTE = f"{USERS}{{user_id:path}}{RECOMMENDATIONS}"
_ITEM_ROUTE = f"{ITEMS}{{item_id:path}}{SIMILAR}"
_MAX_ID_CHARACTERS = MAX_ID_BYTES // 4
"""Never longer than an id may be, whatever the characters."""
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_KEY = "key"


class Hot(NamedTuple):
    """A page view: what is asked, about whom or what."""

    route: str
    asked: Asked
    user_id: str | None = None
    item_id: str | None = None


class HotAddresses:
    """Reads addresses."""

    def __init__(self) -> None:
        self._queries: dict[tuple[str, bytes], Asked | None] = {}

    def read(self, path: str, query: bytes) -> Hot | None:
        """Return what an address asks, or None."""
        if path.startswith(USERS) and path.endswith(RECOMMENDATIONS):
            user_id = path[len(USERS) : -len(RECOMMENDATIONS)]
            asked = self._asked("recommendations", query) if _is_plain(user_id) else None
            return None if asked is None else Hot(_USER_ROUTE, asked, user_id)
        if path.startswith(ITEMS) and path.endswith(SIMILAR):
            item_id = path[len(ITEMS) : -len(SIMILAR)]
            asked = self._asked("similar", query) if _is_plain(item_id) else None
            return None if asked is None else Hot(_ITEM_ROUTE, asked, None, item_id)
        if path in FOR_EVERYBODY:
            asked = self._asked(path[4:], query)
            return None if asked is None else Hot(path, asked)
        return None

    def _asked(self, kind: str, query: bytes) -> Asked | None:
        known = self._queries.get((kind, query), self)
        if known is not self:
            return known  # type: ignore[return-value]  # the default is told apart from None
        if len(query) > MAX_QUERY_BYTES:
            return None
        if len(self._queries) >= MAX_QUERIES:
            self._queries.clear()
        self._queries[kind, query] = asked = _parsed(kind, query)
        return asked


def _is_plain(written: str) -> bool:
    """Say whether a part of a path is an id beyond doubt."""
    return 0 < len(written) <= _MAX_ID_CHARACTERS and written.isprintable() and REPLACEMENT not in written


def _parsed(kind: str, query: bytes) -> Asked | None:
    """Return what a query asks for, or None if it says anything out of the ordinary."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        return None
    said = dict(pairs)
    if len(said) != len(pairs) or any(REPLACEMENT in text for pair in pairs for text in pair):
        return None
    said.pop(_KEY, None)
    placement = _PLACEMENTS[kind]
    if kind == "recommendations":
        placement = _PREPARED.get(said.pop("placement", Placement.HOME.value))
    new_only = _TRUTH.get(said.pop("new_only", "false")) if kind == "recommendations" else False
    reasons = _TRUTH.get(said.pop("reasons", "true"))
    limit = said.pop("limit", str(DEFAULT_LIMIT))
    if said or placement is None or new_only is None or reasons is None:
        return None
    if not (limit.isascii() and limit.isdecimal() and limit[0] != "0" and len(limit) <= 3 and int(limit) <= MAX_LIMIT):
        return None
    return Asked(placement, Purpose.NEW if new_only else Purpose.ALL, int(limit), reasons)


_PREPARED: dict[str, Placement | None] = {placement.value: placement for placement in PREPARED}
_PLACEMENTS: dict[str, Placement | None] = {
    "recommendations": None,
    "similar": Placement.PRODUCT,
    "trending": Placement.TRENDING,
    "bestsellers": Placement.BESTSELLERS,
}
