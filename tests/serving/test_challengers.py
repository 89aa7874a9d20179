"""Two versions at once: the variant that names a challenger gets it, while it is there, and nobody else does."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from recommender.engine import Engine
from recommender.errors import StoreUnavailable
from serving.experiment_settings import ExperimentSettings, allocation_of
from serving.publisher import publish
from serving.questions import Question
from serving.settings import AppSettings
from serving.stores import Stores, UserRecord
from serving.stores.memory import MemoryStores
from serving.stores.read_already import ReadAlready
from tests.models import paired_model
from tests.serving.conftest import Serve, Served, Shelves, ids, published, saved, scored_once
from training.progress import SilentProgress

pytestmark = pytest.mark.anyio

SHARES = {"variants": {"usual": 0.4, "rival": 0.4}, "control": 0.1}
GROUPS = allocation_of({"model": ExperimentSettings.model_validate(SHARES)})


@pytest.fixture(scope="session")
def rival(registry: Shelves) -> Engine:
    """Another version for the same customers, in the same registry: its items bear other titles."""
    return saved(paired_model(), registry.root)


@pytest.fixture
def trial(settings: AppSettings, rival: Engine) -> AppSettings:
    """Settings with a variant that names the rival."""
    experiment = ExperimentSettings.model_validate({**SHARES, "changes": {"rival": {"version": rival.version}}})
    return settings.model_copy(update={"experiments": {"model": experiment}})


def members(shelves: Shelves, variant: str | None) -> Sequence[str]:
    """Known users of one group; None for those outside."""
    groups = ((user, GROUPS.of(user)) for user in shelves.shop.model.users.ids)
    return [user for user, group in groups if (None if group is None else group.variant) == variant]


async def challenging(engine: Engine, stores: Stores) -> None:
    scoring = scored_once(engine)
    await publish(engine, stores.slates, progress=SilentProgress(), scoring=scoring, challenger=True)


async def shelf(served: Served, user: str) -> dict[str, Any]:
    return await served.get(f"/v1/users/{user}/recommendations")


async def missed(served: Served, version: str) -> float:
    found = served.state.metrics.registry.get_sample_value(
        "regulars_challenger_missed_slates_total", {"version": version}
    )
    return found or 0.0


async def test_each_group_gets_its_version(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine
) -> None:
    """Page views, questions and batches: the rival's shelf for its variant, as if it alone were served."""
    await published(rival, stores)
    async with serve() as served:
        alone = {user: await shelf(served, user) for user in members(registry, "rival")[:3]}
    await published(registry.shop, stores)
    await challenging(rival, stores)
    groups = {"rival": rival, "usual": registry.shop, "control": registry.shop, None: registry.shop}
    async with serve(settings=trial) as served:
        for variant, engine in groups.items():
            users = members(registry, variant)[:3]
            batch = await served.post("/v1/slates", {"requests": [{"user_id": user} for user in users]})
            for user, together in zip(users, batch["slates"], strict=True):
                viewed, asked = await shelf(served, user), await served.post("/v1/recommendations", {"user_id": user})
                for slate in (viewed, asked, together):
                    assert (slate["model_version"], slate.get("variant")) == (engine.version, variant)
                    assert slate.get("degraded_reason") is None
                    assert ids(slate) == ids(viewed)
        for user, before in alone.items():
            now = await shelf(served, user)
            assert [item["title"] for item in now["items"]] == [item["title"] for item in before["items"]]
        assert await missed(served, rival.version) == 0


async def test_events_change_the_challengers_shelf(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine
) -> None:
    """What a member of the variant puts into the cart leaves the next shelf, which is the challenger's still."""
    await published(registry.shop, stores)
    await challenging(rival, stores)
    user = members(registry, "rival")[0]
    async with serve(settings=trial) as served:
        first = ids(await shelf(served, user))[0]
        event = {"event": "add_to_cart", "user_id": user, "item_id": first}
        await served.post("/v1/events", {"events": [event]}, status=202)
        after = await shelf(served, user)
        assert first not in ids(after)
        assert after["model_version"] == rival.version


async def test_a_challenger_that_is_not_there(
    serve: Serve,
    trial: AppSettings,
    stores: Stores,
    registry: Shelves,
    rival: Engine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Never published, then withdrawn: the variant gets the served version, which is logged once and counted."""
    await published(registry.shop, stores)
    user = members(registry, "rival")[0]
    with caplog.at_level(logging.WARNING):
        async with serve(settings=trial) as served:
            for is_there in (False, True, False):
                if is_there:
                    await challenging(rival, stores)
                else:
                    await stores.slates.withdraw(rival.version)
                for _ in range(2):
                    await served.look_for_news()
                slate = await shelf(served, user)
                assert slate["model_version"] == (rival if is_there else registry.shop).version
                assert slate["variant"] == "rival"
                assert (await served.get("/version"))["challengers"] == [rival.version] * is_there
            assert await missed(served, rival.version) == 2
    said = [record.message for record in caplog.records if "is no challenger" in record.message]
    assert len(said) == 2


@pytest.mark.parametrize("comes", [True, False], ids=["comes", "goes"])
async def test_a_batch_keeps_the_versions_it_began_with(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine, *, comes: bool
) -> None:
    """A challenger that comes or goes between two shelves of a batch changes neither, and no candidates are missed."""
    await published(registry.shop, stores)
    await challenging(rival, stores)
    if comes:
        await stores.slates.withdraw(rival.version)
    user = members(registry, "rival")[0]
    async with serve(settings=trial) as served:
        here = await served.state.service.having_read([user])
        await (challenging(rival, stores) if comes else stores.slates.withdraw(rival.version))
        await served.look_for_news()
        for service, is_there in ((here, not comes), (served.state.service, comes)):
            slate = orjson.loads((await service.reply(Question(user_id=user))).body)
            assert slate["model_version"] == (rival if is_there else registry.shop).version
            assert slate.get("degraded_reason") is None


async def test_a_damaged_challenger_harms_nobody(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine, tmp_path: Path
) -> None:
    """Its variant gets the served version; the served one goes on; whole again, it is taken."""
    root = Path(shutil.copytree(registry.root, tmp_path / "artifacts"))
    shutil.move(root / rival.version, root / "away")
    await published(registry.shop, stores)
    await challenging(rival, stores)
    user = members(registry, "rival")[0]
    async with serve(settings=trial, registry_root=root) as served:
        assert (await shelf(served, user))["model_version"] == registry.shop.version
        shutil.move(root / "away", root / rival.version)
        loader = served.state.holder._loader
        loader._refused_until.clear()
        await served.look_for_news()
        assert (await shelf(served, user))["model_version"] == rival.version


async def test_published_for_everybody(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine
) -> None:
    """A challenger that wins is everybody's, loaded once, and no challenger any more."""
    await published(registry.shop, stores)
    await challenging(rival, stores)
    async with serve(settings=trial) as served:
        await published(rival, stores)
        await served.look_for_news()
        for variant in ("rival", "usual", None):
            slate = await shelf(served, members(registry, variant)[0])
            assert slate["model_version"] == rival.version
        assert served.state.holder.of_version(rival.version) is served.state.holder.ready
        pointer = served.state.holder.pointer
        assert (pointer.current, pointer.challengers) == (rival.version, frozenset())
        assert await missed(served, rival.version) == 0


async def test_while_the_store_is_away(
    serve: Serve, trial: AppSettings, stores: Stores, registry: Shelves, rival: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both groups keep the shelf that was read last, each of its own version."""
    await published(registry.shop, stores)
    await challenging(rival, stores)
    users = {variant: members(registry, variant)[0] for variant in ("rival", "usual")}
    async with serve(settings=trial) as served:
        before = {variant: await shelf(served, user) for variant, user in users.items()}

        def refuse(user_id: str, *, version: str | None) -> Any:
            raise StoreUnavailable("away")

        monkeypatch.setattr(stores.slates, "read_user", refuse)
        for variant, user in users.items():
            slate = await shelf(served, user)
            assert slate["degraded_reason"] == "store_unavailable"
            assert slate["model_version"] == before[variant]["model_version"]
            assert ids(slate) == ids(before[variant])


async def test_a_record_is_never_read_as_another_versions() -> None:
    """A batch that read a user for one version knows no candidates of another."""
    stores = MemoryStores()
    for version in ("v1", "v2"):
        await stores.slates.write(version, [("17", version.encode())])
    here = await ReadAlready.of(stores.slates, {"17": "v2"})
    assert await here.read_user("17", version="v2") == UserRecord(candidates=b"v2")
    assert await here.read_user("17", version="v1") == UserRecord()
    assert await here.read_user("17", version=None) == UserRecord()
