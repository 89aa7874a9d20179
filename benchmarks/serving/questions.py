"""What is asked: pages of users, of products, and of guests."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks import load
from recommender.model import Model

SEED = 7
VARIANTS = 2_000
"""Different users, items or guests, asked in turn: more than a processor's cache holds."""
SEEN_ITEMS = 3
"""Items that a guest has looked at."""


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request, in many variants."""

    name: str
    method: str
    variants: tuple[tuple[str, bytes | None], ...]
    """Path and body."""
    is_personal: bool = False
    """Whether each answer must be a user's own."""

    def requests(self, key: str) -> tuple[bytes, ...]:
        """Return the bytes of every variant, as a widget with a key sends them."""
        return tuple(
            load.get(path, key=key) if body is None else load.post(path, body, key=key) for path, body in self.variants
        )


def page_views(model: Model) -> Question:
    """Ask for the shelves of users drawn at random."""
    users = random.Random(SEED).choices(model.users.ids, k=VARIANTS)
    paths = tuple((f"/v1/users/{quote(user, safe='')}/recommendations", None) for user in users)
    return Question("a user's shelf", "GET", paths, is_personal=True)


def similar_items(model: Model) -> Question:
    """Ask for product pages, drawn by how many buy the items."""
    items = random.Random(SEED).choices(model.items.ids, model.popularity.total.tolist(), k=VARIANTS)
    return Question(
        "similar items", "GET", tuple((f"/v1/items/{quote(item, safe='')}/similar", None) for item in items)
    )


def guests(model: Model) -> Question:
    """Ask for guests who looked at a few items, so that everything must be computed."""
    rng = random.Random(SEED)
    bodies = (
        json.dumps({"guest": True, "seeds": {"viewed": rng.sample(model.items.ids, SEEN_ITEMS)}}).encode()
        for _ in range(VARIANTS)
    )
    return Question("a guest's shelf", "POST", tuple(("/v1/recommendations", body) for body in bodies))
