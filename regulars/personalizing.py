"""A user's choice about personal picks, from the command line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from recommender.errors import InvalidInput, StoreUnavailable
from recommender.ids import id_problem
from serving.erasures import Erasures
from serving.opt_outs import OptOuts
from serving.server import store_of
from serving.settings import AppSettings
from serving.stores.redis import RedisStores

TIMEOUT_SECONDS = 5.0
"""Nobody waits for a page here."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user chose, and who knows of it."""

    user_id: str
    on: bool
    shared: bool
    """Whether the store knows of it."""


def personalization(settings: AppSettings, user_id: str, *, on: bool | None) -> Choice:
    """Switch a user's personal picks on or off; None only looks.

    Raises
    ------
    InvalidInput
        If the id can be none, or is an erased user's.
    OSError
        If the choice cannot be written down.
    """
    if problem := id_problem(user_id):
        raise InvalidInput(f"{user_id!r} cannot be the id of a user: {problem}")
    with store_of(settings) as connected:
        return asyncio.run(_personalization(connected, user_id, on=on))


async def _personalization(settings: AppSettings, user_id: str, *, on: bool | None) -> Choice:
    assert settings.redis.url is not None
    stores = RedisStores.connect(settings.redis.url, settings, timeout_seconds=TIMEOUT_SECONDS)
    try:
        erasures = Erasures(settings.data_dir, stores.slates)
        erasures.load()
        opt_outs = OptOuts(settings.data_dir, stores.slates, erasures)
        opt_outs.load()
        shared = await _refreshed(erasures, opt_outs)
        if user_id in erasures:
            raise InvalidInput(f"{user_id!r} asked to be forgotten: there are no personal picks to switch on or off")
        if on is not None:
            shared = await opt_outs.choose(user_id, on=on)
        return Choice(user_id, user_id not in opt_outs, shared)
    finally:
        await stores.close()


async def _refreshed(erasures: Erasures, opt_outs: OptOuts) -> bool:
    try:
        await erasures.refresh()
        await opt_outs.refresh()
    except StoreUnavailable:
        return False
    return True
