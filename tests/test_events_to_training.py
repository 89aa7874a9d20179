"""From what a storefront reports to the matrix that is trained: once, in order, with whoever it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.confidence import Confidence
from recommender.interactions import GUEST, Interactions
from recommender.matrix import InteractionMatrix
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.serving.conftest import Served, Shelves, published, registry, served  # noqa: F401  a fixture
from training.cleaning import clean
from training.settings import CleaningSettings
from training.sources.event_files import find_event_files, read_event_files

pytestmark = pytest.mark.anyio

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def did(event: str, item: str, hour: float, **more: Any) -> dict[str, Any]:
    time = (START + timedelta(hours=hour)).isoformat()
    return {"event": event, "item_id": item, "time": time, "price": 2.0, **more}


def bought(item: str, hour: float, order: str, **more: Any) -> dict[str, Any]:
    return did("purchase", item, hour, order_id=order, event_id=f"{order}-{item}", **more)


async def reported(shop: Served) -> None:
    """Two days of a shop: a guest who signs in, somebody who sends something back, and a phone that was offline."""
    guest = {"anonymous_id": "browser 空"}
    tea = bought("tea", 1, "o1", quantity=3, **guest)
    await shop.post("/v1/events", {"events": [tea, did("click", "milk", 2, **guest), tea]}, status=202)
    merge = {"anonymous_id": "browser 空", "user_id": "ann"}
    assert (await shop.post("/v1/users:merge", merge))["user_id"] == "ann"
    assert (await shop.post("/v1/users:merge", merge))["moved"] == 0
    await shop.state.drain.run_once()
    back = did("return", "jam", 12, user_id="bob", order_id="o3")
    late = bought("jam", 6, "o3", user_id="bob")
    await shop.post("/v1/events", {"events": [back, bought("milk", 20, "o2", user_id="ann"), tea]}, status=202)
    await shop.post("/v1/events", {"events": [late, bought("tea", 5, "o4", user_id="bob")]}, status=202)
    stranger = bought("jam", 8, "o5", anonymous_id="somebody else")
    liked = did("rating", "jam", 21, user_id="ann", rating=5)
    await shop.post("/v1/events", {"events": [stranger, liked, late]}, status=202)
    await shop.state.drain.run_once()


def trained(folder: Path, *erased: str) -> Interactions:
    log = read_event_files(find_event_files(folder), CleaningSettings())
    return clean(log, CleaningSettings(), erased=erased).interactions


def rows(interactions: Interactions) -> list[tuple[str | None, str, str, float]]:
    """Who did what, in order of time."""
    return [
        (None if user == GUEST else interactions.users.ids[user], interactions.items.ids[item], kind, quantity)
        for user, item, kind, quantity in zip(
            interactions.user.tolist(),
            interactions.item.tolist(),
            ["purchase" if number == 0 else "click" for number in interactions.event.tolist()],
            interactions.quantity.tolist(),
            strict=True,
        )
    ]


async def test_what_was_reported_is_what_is_trained(tmp_path: Path, registry: Shelves) -> None:  # noqa: F811
    """Duplicates count once, late events in their place, returns take back, and a guest's past is the user's."""
    settings = AppSettings(data_dir=tmp_path, serving=ServingSettings(drain_seconds=3600, poll_seconds=60))
    stores = MemoryStores()
    await published(registry.shop, stores)
    async with served(create_app(settings, store=stores, registry_root=registry.root)) as shop:
        await reported(shop)
    found = trained(settings.events_dir)
    assert rows(found) == [
        ("ann", "tea", "purchase", 3.0),
        ("ann", "milk", "click", 1.0),
        ("bob", "tea", "purchase", 1.0),
        (None, "jam", "purchase", 1.0),
        ("ann", "milk", "purchase", 1.0),
        ("ann", "jam", "click", 1.0),
    ]
    confidence, now = (
        Confidence(alpha=10.0, half_life_days=np.inf),
        np.datetime64(datetime.now(UTC).replace(tzinfo=None)),
    )
    matrix = InteractionMatrix.from_interactions(found, confidence, now=now)
    assert (matrix.users.ids, matrix.items.ids) == (("ann", "bob"), ("jam", "milk", "tea"))
    expected = [[1 + 1, 1 + 1 + 10, 1 + 20], [0, 0, 1 + 10]]
    np.testing.assert_allclose(matrix.confidence.toarray(), expected)
    assert {user for user, *_ in rows(trained(settings.events_dir, "ann"))} == {"bob", None}
