"""Making a version the one that is served, and undoing it.

Two places know which version is served: the store, for storefronts, and `CURRENT` among the artifacts, for everything
that works without the store. The store goes first: if it refuses, nothing has changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from recommender.artifact import load_artifact
from recommender.engine import Engine
from recommender.errors import InvalidInput, UnknownVersion
from regulars.config import Config
from regulars.trained import gate_verdicts, registry_of
from serving import publisher, spans, tracing
from serving.clock import clock_of
from serving.erasures import Erasures
from serving.publisher import Publication
from serving.scoring import WORTH_A_PROCESS, InProcesses, InThread, Scoring, cores
from serving.server import store_of
from serving.settings import AppSettings
from serving.stores import Pointer, SlateStore
from serving.stores.redis import RedisStores
from training.gate import refuse_failures
from training.progress import Progress
from training.registry import CHALLENGER, WITHDRAWN

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0
"""For one batch of candidates; a publisher may wait where a request may not."""


def publish(
    config: Config, version: str, *, progress: Progress, force: bool = False, workers: int | None = None
) -> Publication:
    """Put `version` through the gate (unless forced), into the store, and then into `CURRENT`.

    `workers` processes score the users; without it, one per core.

    Raises
    ------
    GateRefused
        If it is not good enough; nothing was changed.
    InvalidArtifact
        If it is damaged, or was never measured.
    StoreUnavailable
        If the store is away or full; the old version goes on being served.
    """
    published = _published(config, version, progress=progress, force=force, workers=workers)
    registry_of(config).set_current(version)
    return published


def _published(
    config: Config, version: str, *, progress: Progress, force: bool, workers: int | None, challenger: bool = False
) -> Publication:
    if not force:
        with progress.step("gate") as step:
            verdicts = gate_verdicts(config, version)
            refuse_failures(version, verdicts)
            judged = sum(verdict.judged for verdict in verdicts)
            step.note(
                f"{judged} rules hold" + (f", {len(verdicts) - judged} could not be judged" * (judged < len(verdicts)))
            )
    engine = _engine(config, version, progress)
    scoring = _scoring(config, engine, workers)
    now = clock_of(config.app.serving.clock, events=config.app.events_dir).now(engine.model.as_of)
    with tracing.running(config.app.otel, sample=1.0), store_of(config.app) as settings, spans.span("publish"):
        return asyncio.run(_publish(settings, engine, now, progress, scoring, challenger=challenger))


def challenge(
    config: Config, version: str, *, progress: Progress, force: bool = False, workers: int | None = None
) -> Publication:
    """Put `version` into the store beside the served one, for the variants that name it.

    Raises
    ------
    InvalidInput
        If it is what everybody is served already; else as `publish`.
    """
    if registry_of(config).current() == version or _pointer_of(config).current == version:
        raise InvalidInput(f"{version} is what everybody is served: it cannot be a challenger as well")
    done = _published(config, version, progress=progress, force=force, workers=workers, challenger=True)
    registry_of(config).record(CHALLENGER, version)
    return done


def withdraw(config: Config, version: str) -> bool:
    """Serve `version` to no variant any more; say whether it was a challenger.

    A store that lost its data knows of none: then the journal is set right.

    Raises
    ------
    StoreUnavailable
        If the store is away.
    """
    with store_of(config.app) as settings:
        was_one = asyncio.run(_asked(settings, lambda slates: slates.withdraw(version)))
    registry = registry_of(config)
    if was_one := was_one or version in registry.challengers():
        registry.record(WITHDRAWN, version)
    return was_one


def challengers(config: Config) -> frozenset[str]:
    """Return the versions kept beside the served one; raise `StoreUnavailable` if the store is away."""
    return _pointer_of(config).challengers


def is_served(config: Config, version: str) -> bool:
    """Say whether `version` is what storefronts get already.

    Raises
    ------
    StoreUnavailable
        If the store is away.
    """
    if registry_of(config).current() != version:
        return False
    with store_of(config.app) as settings:
        return asyncio.run(_asked(settings, lambda slates: _is_served(slates, version)))


def rollback(config: Config, *, progress: Progress) -> str:
    """Serve the version before the current one again, and return it.

    Its candidates are still in the store for a few days; after that they are computed again.

    Raises
    ------
    UnknownVersion
        If no version was served before.
    StoreUnavailable
        If the store is away; the current version goes on being served.
    """
    registry = registry_of(config)
    version = registry.previous()
    if version is None:
        return registry.rollback()
    with store_of(config.app) as settings:
        try:
            asyncio.run(_asked(settings, lambda slates: publisher.rollback(slates, version)))
        except UnknownVersion:
            progress.message(f"the candidates of {version} have expired: they are computed again")
            engine = _engine(config, version, progress)
            now = clock_of(config.app.serving.clock, events=config.app.events_dir).now(engine.model.as_of)
            asyncio.run(_publish(settings, engine, now, progress, _scoring(config, engine, None)))
    return registry.rollback()


async def _publish(
    settings: AppSettings,
    engine: Engine,
    now: np.datetime64,
    progress: Progress,
    scoring: Scoring,
    *,
    challenger: bool = False,
) -> Publication:
    stores = _connect(settings)
    try:
        # Whoever asked to be forgotten is, even by a store that lost its data since.
        erasures = Erasures(settings.data_dir, stores.slates)
        erasures.load()
        await erasures.refresh()
        return await publisher.publish(
            engine, stores.slates, progress=progress, now=now, scoring=scoring, challenger=challenger
        )
    finally:
        await stores.close()


async def _is_served(slates: SlateStore, version: str) -> bool:
    pointer, kept = await slates.pointer(), await slates.versions()
    return pointer.current == version and version in kept


def _pointer_of(config: Config) -> Pointer:
    with store_of(config.app) as settings:
        return asyncio.run(_asked(settings, lambda slates: slates.pointer()))


async def _asked(settings: AppSettings, ask: Callable[[SlateStore], Awaitable[T]]) -> T:
    """Connect, ask the store, and let go of it."""
    stores = _connect(settings)
    try:
        return await ask(stores.slates)
    finally:
        await stores.close()


def _connect(settings: AppSettings) -> RedisStores:
    assert settings.redis.url is not None
    return RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)


def _scoring(config: Config, engine: Engine, workers: int | None) -> Scoring:
    """Share the work if there is enough of it; who asks for processes gets them."""
    useful = workers or min(cores(), len(engine.model.users) // WORTH_A_PROCESS)
    if useful < 2:
        return InThread(engine)
    return InProcesses(registry_of(config).get(engine.version), workers=useful)


def _engine(config: Config, version: str, progress: Progress) -> Engine:
    with progress.step("load") as step:
        artifact = load_artifact(registry_of(config).get(version))
        step.note(version)
        return Engine(artifact.model, version=artifact.version)
