"""Which model answers: the published one, and never a broken one."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from recommender.engine import Engine
from serving.live_catalogue import LiveCatalogue
from serving.metrics import Metrics
from serving.model_holder import ModelHolder
from serving.model_loader import RETRY_SECONDS, ModelLoader
from serving.settings import AppSettings
from serving.shelves.ready import Ready
from serving.stores.memory import MemoryItems, MemoryStores
from serving.stores.redis import RedisStores
from tests.serving.conftest import Shelves

pytestmark = pytest.mark.anyio


@pytest.fixture
def root(tmp_path: Path, registry: Shelves) -> Path:
    """A registry of one's own, to break things in."""
    return Path(shutil.copytree(registry.root, tmp_path / "artifacts"))


def mark(root: Path, version: str) -> None:
    (root / "CURRENT").write_text(version, encoding="utf-8")


def damage(directory: Path) -> None:
    file = max(directory.glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def prepare(engine: Engine) -> Ready:
    return Ready(engine, LiveCatalogue(MemoryItems()), currency="EUR")


def holder_of(root: Path, stores: MemoryStores, now: list[float]) -> tuple[ModelHolder, Metrics]:
    metrics = Metrics()
    loader = ModelLoader(root, metrics, prepare=prepare, monotonic=lambda: now[0])
    return ModelHolder(root, stores.slates, metrics, loader=loader), metrics


def version_of(holder: ModelHolder) -> str | None:
    return None if holder.engine is None else holder.engine.version


async def test_without_a_pointer_the_marked_version_answers(root: Path, registry: Shelves) -> None:
    """CURRENT counts until something is published; then the pointer does."""
    stores = MemoryStores()
    holder, _ = holder_of(root, stores, [0.0])
    await holder.refresh()
    assert version_of(holder) is None
    mark(root, f"{registry.hostile.version}\n")
    await holder.refresh()
    assert version_of(holder) == registry.hostile.version
    assert not holder.is_published(registry.hostile.version)
    await stores.slates.point_to(registry.shop.version, users=1)
    await holder.refresh()
    assert version_of(holder) == registry.shop.version
    assert holder.is_published(registry.shop.version)


async def test_a_damaged_artifact_is_refused_and_the_old_one_goes_on(
    root: Path, registry: Shelves, caplog: pytest.LogCaptureFixture
) -> None:
    """One flipped bit: logged with its file, counted, tried again later, served once it is whole."""
    stores, now = MemoryStores(), [0.0]
    holder, metrics = holder_of(root, stores, now)
    await stores.slates.point_to(registry.hostile.version, users=1)
    await holder.refresh()
    shutil.copytree(root / registry.shop.version, root / "whole")
    damage(root / registry.shop.version)
    await stores.slates.point_to(registry.shop.version, users=1)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await holder.refresh()
    assert version_of(holder) == registry.hostile.version
    assert len(caplog.records) == 1
    assert ".npy is truncated or was altered" in caplog.text
    assert metrics.registry.get_sample_value("regulars_artifacts_refused_total") == 1
    shutil.rmtree(root / registry.shop.version)
    (root / "whole").rename(root / registry.shop.version)
    now[0] = RETRY_SECONDS + 1
    await holder.refresh()
    assert version_of(holder) == registry.shop.version


async def test_a_start_takes_what_there_is(root: Path, registry: Shelves) -> None:
    """If the published artifact is not on this machine, the one before it answers meanwhile."""
    stores = MemoryStores()
    holder, _ = holder_of(root, stores, [0.0])
    await stores.slates.point_to(registry.shop.version, users=1)
    await stores.slates.point_to("20990101-000000000000", users=1)
    await holder.refresh()
    assert version_of(holder) == registry.shop.version


async def test_a_store_that_goes_away_changes_nothing(root: Path, registry: Shelves, tmp_path: Path) -> None:
    """Neither the model in use nor what is known to be published is forgotten."""
    absent = RedisStores.connect(f"unix://{tmp_path}/nobody.sock", AppSettings())
    mark(root, registry.shop.version)
    metrics = Metrics()
    holder = ModelHolder(root, absent.slates, metrics, loader=ModelLoader(root, metrics, prepare=prepare))
    for _ in range(2):
        await holder.refresh()
        assert version_of(holder) == registry.shop.version
    await absent.close()


@pytest.mark.parametrize("version", ["../artifacts", "..", "/etc", "a/b", "."])
async def test_a_version_is_a_name_and_no_path(root: Path, version: str) -> None:
    """Whoever can write to the store cannot make a process read elsewhere."""
    stores = MemoryStores()
    holder, metrics = holder_of(root, stores, [0.0])
    await stores.slates.point_to(version, users=1)
    await holder.refresh()
    assert version_of(holder) is None
    assert metrics.registry.get_sample_value("regulars_artifacts_refused_total") == 1
