"""What the groups of an experiment are shown, by the real app over a real store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from recommender.errors import StoreUnavailable
from recommender.refusals import NEAREST
from serving.experiment_settings import ExperimentSettings, allocation_of
from serving.settings import AppSettings
from serving.state import State
from serving.stores import Stores
from serving.stores.memory import MemoryStores
from tests.serving.conftest import Serve, Served, Shelves, ids, published

pytestmark = pytest.mark.anyio

TRIAL = ExperimentSettings.model_validate(
    {
        "control": 0.25,
        "variants": {"new": 0.2, "plain": 0.2, "usual": 0.2},
        "changes": {"new": {"new_only": True}, "plain": {"reasons": False}},
    }
)
GROUPS = allocation_of({"trial": TRIAL})
LABELS = {"experiment", "variant"}


@pytest.fixture
def trial(settings: AppSettings) -> AppSettings:
    """Settings with an experiment."""
    return settings.model_copy(update={"experiments": {"trial": TRIAL}})


def members(shelves: Shelves, variant: str | None) -> Sequence[str]:
    """Known users of one group; None for those outside."""
    groups = ((user, GROUPS.of(user)) for user in shelves.shop.model.users.ids)
    found = [user for user, group in groups if (None if group is None else group.variant) == variant]
    assert len(found) > 3
    return found


def shelf(slate: dict[str, Any]) -> dict[str, Any]:
    """A slate without what is random in it or names a group or user."""
    return {name: slate[name] for name in slate if name not in {"slate_id", "created_at", "user_id", *LABELS}}


async def asked(served: Served, user: str | None, **question: Any) -> dict[str, Any]:
    """The answer to any question."""
    return await served.post("/v1/recommendations", {"user_id": user, **question})


async def count(served: Served, variant: str) -> float:
    """How many slates of a group the metrics know."""
    text = (await served.client.get("/metrics")).text
    name = f'regulars_experiment_slates_total{{experiment="trial",variant="{variant}"}} '
    return float(next(line.removeprefix(name) for line in text.splitlines() if line.startswith(name)))


async def test_control_is_shown_what_guests_are_shown(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """On every placement, with filters, carts and items on the page: not one personal pick, and the group's name."""
    await published(registry.shop, stores)
    item = registry.shop.model.items.ids[3]
    questions: list[dict[str, Any]] = [
        {"placement": "home"},
        {"placement": "email", "limit": 24, "new_only": True},
        {"placement": "home", "filters": {"price_max": 50}},
        {"placement": "reorder"},
        {"placement": "product", "seeds": {"viewed": [item]}},
        {"placement": "cart", "seeds": {"cart": [item]}},
        {"placement": "home", "seeds": {"viewed": [item]}, "exclude": [registry.shop.model.items.ids[0]]},
        {"placement": "bestsellers", "reasons": False},
    ]
    async with serve(settings=trial) as served:
        for user in members(registry, "control")[:3]:
            for question in questions:
                slate, guests = await asked(served, user, **question), await asked(served, None, **question)
                assert shelf(slate) == shelf(guests), question
                assert (slate["experiment"], slate["variant"], slate["user_id"]) == ("trial", "control", user)
                assert not LABELS & set(guests)
        assert await count(served, "control") == 3 * len(questions)


async def test_others_are_shown_what_they_would_be_shown(
    serve: Serve, trial: AppSettings, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """A variant without changes, and who is in no group, get the usual shelf; only the former has a name on it."""
    await published(registry.shop, stores)
    async with serve(settings=settings) as usual, serve(settings=trial) as tried:
        for variant in ("usual", None):
            for user in members(registry, variant)[:3]:
                plain, slate = await asked(usual, user), await asked(tried, user)
                assert shelf(slate) == shelf(plain)
                assert slate.get("variant") == variant
                assert not LABELS & set(plain)


async def test_variants_change_what_they_say(
    serve: Serve, trial: AppSettings, settings: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """new_only leaves out what is owned, at home and nowhere else; reasons = false says none."""
    await published(registry.shop, stores)
    async with serve(settings=settings) as usual, serve(settings=trial) as tried:
        for user in members(registry, "new")[:3]:
            assert shelf(await asked(tried, user)) == shelf(await asked(usual, user, new_only=True))
            again = {"placement": "reorder"}
            assert shelf(await asked(tried, user, **again)) == shelf(await asked(usual, user, **again))
        for user in members(registry, "plain")[:3]:
            assert shelf(await asked(tried, user)) == shelf(await asked(usual, user, reasons=False))


async def test_not_for_me_counts_in_control(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """What a member of control refused, with what is like it, or put into the cart leaves; clicks change nothing."""
    await published(registry.shop, stores)
    user = members(registry, "control")[0]
    async with serve(settings=trial) as served:
        before = ids(await asked(served, user))
        events = [
            {"event": "not_interested", "user_id": user, "item_id": before[0]},
            {"event": "add_to_cart", "user_id": user, "item_id": before[1]},
            {"event": "click", "user_id": user, "item_id": registry.shop.model.items.ids[7]},
        ]
        await served.post("/v1/events", {"events": events}, status=202)
        after = ids(await asked(served, user))
        assert not {*before[:2]} & {*after}
        left = [item for item in before if item in after]
        assert left == [item for item in after if item in before]
        assert len(left) >= len(before) - 2 - NEAREST


async def test_a_batch_labels_each_slate(serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves) -> None:
    """Several users in one request: each slate names its own group; guests and outsiders have none."""
    await published(registry.shop, stores)
    variants = ["control", "plain", None]
    users = [members(registry, variant)[0] for variant in variants]
    async with serve(settings=trial) as served:
        body = await served.post("/v1/slates", {"requests": [{"user_id": user} for user in [*users, None]]})
    assert [slate.get("variant") for slate in body["slates"]] == [*variants, None]


async def test_control_while_the_store_is_away(serve: Serve, trial: AppSettings, registry: Shelves) -> None:
    """Popular picks, and a label: nobody knows what they refused."""
    stores = MemoryStores()
    await published(registry.shop, stores)

    async def refuse(user_id: str, *, version: str | None) -> Any:
        raise StoreUnavailable("away")

    stores.slates.read_user = refuse  # type: ignore[method-assign]
    with registry.marked(registry.shop):
        async with serve(settings=trial, store=stores) as served:
            slate = await asked(served, members(registry, "control")[0])
            assert (slate["degraded_reason"], slate["variant"]) == ("store_unavailable", "control")
            assert ids(slate) == ids(await asked(served, None))


async def test_erased_users_are_guests_of_their_group(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves
) -> None:
    """Somebody erased gets a guest's shelf in whatever group."""
    await published(registry.shop, stores)
    async with serve(settings=trial) as served:
        for variant in ("control", "usual"):
            user = members(registry, variant)[5 % len(members(registry, variant))]
            response: httpx.Response = await served.client.delete(f"/v1/users/{user}")
            assert response.status_code == 200
            assert ids(await asked(served, user)) == ids(await asked(served, None))


async def test_without_experiments_nothing_is_asked(serve: Serve, stores: Stores, registry: Shelves) -> None:
    """The usual shop holds no experiments at all, so a page view cannot pay for them."""
    await published(registry.shop, stores)
    async with serve() as served:
        state: State = served.state
        assert state.service.experiments is None
        assert "experiment_slates_total{" not in (await served.client.get("/metrics")).text
