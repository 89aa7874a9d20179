"""The HTTP application: its parts, its life, its routes.

`create_app` takes everything it needs as parameters; `from_environment` is what a server process calls.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from recommender.catalogue import Item
from recommender.errors import ConfigError
from serving import housekeeping, logs, openapi, problems, tracing
from serving.access.access import Access
from serving.access.cors import SharedOrigins
from serving.access.guard import Guard
from serving.access_log import AccessLog
from serving.addresses import CleanAddress
from serving.campaigns.gentle import Gentle
from serving.campaigns.opening import Opening
from serving.clock import Clock, clock_of
from serving.console.console import Console
from serving.console.opening import open_console
from serving.fragments.blank import BlankFragments
from serving.fragments.shelf import Drawer
from serving.front.front import Front
from serving.leaving import Leaving
from serving.metrics import Metrics
from serving.parent import end_with_parent
from serving.patience import Patience
from serving.routes import (
    batch,
    catalogue,
    events,
    fragments,
    health,
    items,
    mail,
    personalization,
    pictures,
    recommendations,
    trending,
    users,
    version,
    web,
)
from serving.security import BODY_SECONDS, BodyLimit, Observed
from serving.settings import AppSettings
from serving.shop.opening import open_shop
from serving.state import State, state_of
from serving.stores import Stores
from serving.stores.redis import RedisStores

SETTINGS_VARIABLE = "SERVING_SETTINGS_JSON"
"""How settings reach worker processes. Without our usual prefix on purpose: it sets no key of the configuration."""

SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter while others wait; Python's default is five times as long."""


def create_app(
    settings: AppSettings,
    *,
    store: Stores | None = None,
    registry_root: Path | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """Build the application; it reads and connects when it starts.

    Parameters
    ----------
    settings
        What the configuration says.
    store
        Where to share candidates; without it, `settings.redis.url` is connected to.
    registry_root
        Folder of the artifacts; without it, the data folder's.
    clock
        What "now" means; without it, what the settings say.

    Raises
    ------
    ConfigError
        If there is neither a store nor an address of one, or a template cannot be used.
    """
    if store is None and settings.redis.url is None:
        raise ConfigError("redis.url is not set; `regulars serve` starts an embedded Valkey and sets it")
    metrics, access, tracings = Metrics(), Access(settings.access, settings.data_dir), tracing.Tracings()
    metrics.build.labels(version.program_version()).set(1)

    artifacts = registry_root or settings.artifacts_dir
    console = Console(settings, access, artifacts=artifacts)

    def build(stores: Stores) -> State:
        now = clock or clock_of(settings.serving.clock, events=settings.events_dir)
        state = State.build(settings, stores, artifacts=artifacts, clock=now, metrics=metrics, access=access)
        state.catalogue.watch(console.stock)
        return state

    app = FastAPI(
        title="Regulars",
        summary="Product recommendations that bring customers back.",
        version=version.program_version(),
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_life(settings, build, store=store, tracings=tracings),
    )
    app.state.patience = Patience(BODY_SECONDS)
    app.state.opening = Opening(settings)
    _for_pages(app, settings)
    problems.install(app)
    _add_middleware(app, settings, metrics, access)
    if settings.otel.endpoint:
        app.add_middleware(tracing.Traced, of=tracings)
    _add_routes(app)
    open_shop(app, settings)
    open_console(app, console)
    openapi.describe(app)
    return app


def from_environment() -> Leaving:
    """Build the application of a worker process; see `serving.server`.

    Raises
    ------
    ConfigError
        If the variable is missing.
    """
    content = os.environ.get(SETTINGS_VARIABLE)
    if not content:
        raise ConfigError(f"{SETTINGS_VARIABLE} is not set; start the server with `regulars serve`")
    settings = AppSettings.model_validate_json(content)
    logs.to_standard_error(settings.logs)
    end_with_parent()
    app = create_app(settings)
    # What is loaded by now stays; a collector that walks over it again and again keeps requests waiting.
    gc.collect()
    gc.freeze()
    # A slate that is computed in a thread gives way to page views sooner.
    sys.setswitchinterval(SWITCH_SECONDS)
    front = AccessLog(Front(app)) if settings.logs.access else Front(app)
    return Leaving(front, seconds=settings.serving.leave_seconds, patience=app.state.patience)


def _life(
    settings: AppSettings, build: Callable[[Stores], State], *, store: Stores | None, tracings: tracing.Tracings
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    """Return what happens between start and end: `build` is called once there are stores."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stores = store or RedisStores.connect(settings.redis.url or "", settings)
        state = app.state.regulars = build(stores)
        state.access.refresh()
        state.erasures.load()
        state.opt_outs.load()
        await housekeeping.once(housekeeping.look_for_news, state)
        await housekeeping.once(housekeeping.look_at_choices, state)
        try:
            # A worker has one core's work to do; BLAS threads of several workers would wait for each other.
            with threadpool_limits(limits=1, user_api="blas"), tracing.running(settings.otel) as tracings.tracing:
                async with housekeeping.running(state):
                    yield
        finally:
            if store is None:
                await stores.close()

    return lifespan


def _add_middleware(app: FastAPI, settings: AppSettings, metrics: Metrics, access: Access) -> None:
    """Add what every request passes; the last added is the outermost."""
    app.add_middleware(BodyLimit, max_bytes=settings.serving.max_body_bytes, patience=app.state.patience)
    app.add_middleware(CleanAddress)
    app.add_middleware(Guard, access=access, metrics=metrics)
    # Around those that refuse: a page must be able to read why.
    app.add_middleware(SharedOrigins, origins=settings.serving.cors_origins, access=access)
    app.add_middleware(BlankFragments)
    app.add_middleware(Gentle, home=lambda: app.state.opening.landing.home)
    app.add_middleware(Observed, metrics=metrics)


def _add_routes(app: FastAPI) -> None:
    """Add the resources, the busiest first: routers are asked in turn."""
    for module in (users, recommendations, batch, items, trending, events, fragments, catalogue, pictures, mail, web):
        app.include_router(module.router)
    app.include_router(personalization.router)
    app.include_router(users.merging)
    for module in (health, version):
        app.include_router(module.router)
        app.include_router(module.router, prefix="/v1", include_in_schema=False)


def _for_pages(app: FastAPI, settings: AppSettings) -> None:
    """Give pictures and fragments what they ask the app for."""

    def find_item(item_id: str) -> Item | None:
        state = state_of(app)
        engine = state.holder.engine
        if engine is None or not state.catalogue.knows(item_id, engine.model):
            return None
        return state.catalogue.item(item_id, engine.model).item

    app.state.find_item = find_item
    app.state.drawer = Drawer.of(settings.fragments.template)
