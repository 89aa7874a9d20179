"""What a process does between requests: look for news in the store, move events into files, remove old versions.

Each chore repeats on its own and survives anything that goes wrong in it: a store that is away is not worth a line
per second, everything else is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from recommender.errors import StoreUnavailable
from serving.state import State

SETTLE_SECONDS = 15.0
"""How often a process looks for versions to remove: after a publisher was killed, what it wrote is gone in a minute."""

OWED_SECONDS = 0.1
"""How soon slates hear of what they could not hear at once."""

STOCK_SHARE = 0.4
"""Of the time between two looks for news, after which stock is looked at."""

PERSISTENCE_SECONDS = 60.0
"""How often a process asks whether the store keeps anything on disk."""

Chore = Callable[[State], Awaitable[None]]

STOP_SECONDS = 10.0
"""How long a chore may take to come to an end before it is cut short."""

_log = logging.getLogger(__name__)


async def look_for_news(state: State) -> None:
    """Bring the model, the stock and the erased users up to date."""
    await state.holder.refresh()
    await state.erasures.refresh()
    await state.catalogue.refresh()


async def look_at_choices(state: State) -> None:
    """Learn who wants no personal picks; a chore of its own, so that this machine's processes agree without a store."""
    await state.opt_outs.refresh()


async def look_at_stock(state: State) -> None:
    """Bring the stock and the prices up to date; more often than the rest, since a second is too long for them."""
    await state.catalogue.refresh()


async def take_vitals(state: State) -> None:
    """Bring the metrics up to date; a chore of its own, so that other workers know them however slow the store is."""
    state.vitals.take()
    await state.vitals.ask_store()


async def look_at_keys(state: State) -> None:
    """Take notice of new and revoked API keys; a chore of its own, so that no slow store delays a revocation."""
    state.access.refresh()


async def look_at_persistence(state: State) -> None:
    """Notice a store that forgets everything when it dies."""
    await state.vitals.ask_persistence(sync_events=state.settings.serving.sync_events)


async def remove_versions(state: State) -> None:
    """Remove what killed publishers left, and versions whose time is over."""
    await state.stores.slates.settle()


async def tell_slates(state: State) -> None:
    """Let slates know of events that Redis was too slow to hear of."""
    await state.ingest.owed.pay()


async def move_events(state: State) -> None:
    """Move accepted events into files."""
    await state.drain.run_once()


@contextlib.asynccontextmanager
async def running(state: State) -> AsyncIterator[None]:
    """Do the chores until the block ends, then move what is left into files.

    A chore is asked to stop, not cancelled: a batch of events is written or not begun.
    """
    serving = state.settings.serving
    stop = asyncio.Event()
    chores = [
        asyncio.create_task(_repeat(look_at_keys, state, stop, every=serving.poll_seconds)),
        asyncio.create_task(state.vitals.watch_loop(stop)),
        asyncio.create_task(_repeat(take_vitals, state, stop, every=serving.poll_seconds)),
        asyncio.create_task(_repeat(look_for_news, state, stop, every=serving.poll_seconds)),
        asyncio.create_task(_repeat(look_at_choices, state, stop, every=serving.poll_seconds)),
        asyncio.create_task(_repeat(look_at_stock, state, stop, every=STOCK_SHARE * serving.poll_seconds)),
        asyncio.create_task(_repeat(tell_slates, state, stop, every=OWED_SECONDS)),
        asyncio.create_task(_repeat(move_events, state, stop, every=serving.drain_seconds)),
        asyncio.create_task(_repeat(remove_versions, state, stop, every=SETTLE_SECONDS)),
        asyncio.create_task(_repeat(look_at_persistence, state, stop, every=PERSISTENCE_SECONDS)),
    ]
    try:
        yield
    finally:
        stop.set()
        _, late = await asyncio.wait(chores, timeout=STOP_SECONDS)
        for chore in late:
            chore.cancel()
        await state.drain.finish()


async def once(chore: Chore, state: State) -> None:
    """Do a chore, whatever happens in it."""
    name = chore.__name__
    try:
        await chore(state)
    except StoreUnavailable as error:
        state.metrics.store_errors.labels(name).inc()
        _log.debug("%s: %s", name, error)
    except Exception:  # noqa: BLE001  a chore that dies silently is worse than one that fails aloud
        _log.exception("%s failed; it is tried again", name)


async def _repeat(chore: Chore, state: State, stop: asyncio.Event, *, every: float) -> None:
    while not stop.is_set():
        await once(chore, state)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)
