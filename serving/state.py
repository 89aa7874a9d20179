"""What a running app holds, typed: built at start-up, torn down at shutdown, reached by routes as a dependency."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from serving.access.access import Access
from serving.clock import Clock
from serving.erasures import Erasures
from serving.events.drain import Drain
from serving.events.ingest import Ingest
from serving.experiment_settings import challengers_of
from serving.experiments import Experiments
from serving.live_catalogue import LiveCatalogue
from serving.metrics import Metrics
from serving.model_holder import ModelHolder
from serving.model_loader import ModelLoader
from serving.opt_outs import OptOuts
from serving.rendering import Renderer
from serving.service import Service
from serving.settings import AppSettings
from serving.shelves.ready import Ready
from serving.stores import Stores
from serving.vitals import Vitals


@dataclass(frozen=True, slots=True)
class State:
    """The parts of one app, each made once."""

    settings: AppSettings
    stores: Stores
    clock: Clock
    metrics: Metrics
    access: Access
    erasures: Erasures
    opt_outs: OptOuts
    catalogue: LiveCatalogue
    holder: ModelHolder
    service: Service
    ingest: Ingest
    drain: Drain
    vitals: Vitals

    @classmethod
    def build(
        cls, settings: AppSettings, stores: Stores, *, artifacts: Path, clock: Clock, metrics: Metrics, access: Access
    ) -> State:
        """Put the parts together; nothing is read or sent yet."""
        erasures = Erasures(settings.data_dir, stores.slates)
        opt_outs = OptOuts(settings.data_dir, stores.slates, erasures)
        catalogue = LiveCatalogue(stores.items)
        holder = ModelHolder(
            artifacts,
            stores.slates,
            metrics,
            loader=ModelLoader(
                artifacts,
                metrics,
                prepare=functools.partial(Ready, catalogue=catalogue, currency=settings.currency),
            ),
            challengers=challengers_of(settings.experiments),
        )
        service = Service(
            holder,
            stores.slates,
            catalogue=catalogue,
            erasures=erasures,
            opt_outs=opt_outs,
            clock=clock,
            metrics=metrics,
            renderer=Renderer(catalogue),
            stale_users=settings.serving.stale_users,
            experiments=Experiments.configured(settings.experiments, metrics),
        )
        return cls(
            settings=settings,
            stores=stores,
            clock=clock,
            metrics=metrics,
            access=access,
            erasures=erasures,
            opt_outs=opt_outs,
            catalogue=catalogue,
            holder=holder,
            service=service,
            ingest=Ingest(
                stores,
                erasures,
                clock,
                metrics,
                folder=settings.events_dir,
                client_times=settings.serving.clock == "wall",
                sync=settings.serving.sync_events,
            ),
            drain=Drain(stores, erasures, clock, metrics, folder=settings.events_dir),
            vitals=Vitals(metrics, stores, service.tally),
        )


def state_of(app: FastAPI) -> State:
    """Return the state of a started app."""
    state = app.state.regulars
    assert isinstance(state, State)
    return state


async def _state(request: Request) -> State:
    # A plain function would be run in a thread, which costs more than all it could do.
    return state_of(request.app)


StateDep = Annotated[State, Depends(_state)]
"""For routes: ``def route(state: StateDep)``."""
