"""The console of one process: what its pages are made of, and what is kept between them for a while."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import FastAPI

from serving.access.access import Access
from serving.console.door import Door
from serving.console.event_log import EventLog
from serving.console.holders import Holders
from serving.console.kept import Kept
from serving.console.mail import MailRoom
from serving.console.secret import console_secret
from serving.console.sessions import Sessions
from serving.console.stock_watch import StockWatch
from serving.console.templating import environment
from serving.console.trials import Groups
from serving.settings import AppSettings
from serving.state import State

THREADS = 2
"""Pages that are made at a time: one process has one core's work to do, and storefronts come first."""

T = TypeVar("T")


class Console:
    """Made with the app; reads when it is first looked at."""

    def __init__(self, settings: AppSettings, access: Access, *, artifacts: Path) -> None:
        self.settings = settings
        self.artifacts = artifacts
        self.reports = settings.data_dir / "reports"
        self.holders = Holders(settings.data_dir)
        self.stock = StockWatch()
        self.kept = Kept()
        self.mail = MailRoom(settings)
        self._access = access
        self._events: EventLog | None = None
        self._templates = environment(shop_name=settings.shop_name, currency=settings.currency)

    @functools.cached_property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        return Sessions(console_secret(self.settings.data_dir))

    @functools.cached_property
    def door(self) -> Door:
        """Who may come in."""
        return Door(self._access, self.holders, self.sessions, host=self.settings.serving.host)

    async def work(self, compute: Callable[[], T]) -> T:
        """Do something in a thread that takes longer than a storefront should wait."""
        return await anyio.to_thread.run_sync(compute, limiter=self._limiter)

    async def rendered(self, template: str, values: dict[str, Any]) -> bytes:
        """Return a page."""
        return await self.work(lambda: self._templates.get_template(template).render(**values).encode())

    @functools.cached_property
    def groups(self) -> Groups:
        """Who is in which group of an experiment."""
        return Groups(self.settings.experiments)

    def events(self, state: State) -> EventLog:
        """Return what reads the event files."""
        if self._events is None:
            is_erased = state.erasures.__contains__
            self._events = EventLog(self.settings.events_dir, group_of=self.groups.of, is_erased=is_erased)
        return self._events

    @functools.cached_property
    def _limiter(self) -> anyio.CapacityLimiter:
        return anyio.CapacityLimiter(THREADS)


def console_of(app: FastAPI) -> Console:
    """Return the console of an app."""
    console = app.state.console
    assert isinstance(console, Console)
    return console
