"""`/version`: which program and which model answer."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from fastapi import APIRouter

from serving.schemas import VersionBody
from serving.state import StateDep

router = APIRouter(tags=["operations"])


@router.get("/version", summary="Which program and model answer")
async def get_version(state: StateDep) -> VersionBody:
    """Name the program's version, the model that answers, and what is published."""
    engine, pointer = state.holder.engine, state.holder.pointer
    return VersionBody(
        regulars=program_version(),
        model_version=None if engine is None else engine.version,
        as_of=None if engine is None else _as_datetime(engine.model.as_of),
        published=pointer.current,
        previous=pointer.previous,
        challengers=sorted(pointer.challengers),
    )


@cache
def program_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("regulars")
    except PackageNotFoundError:
        return "unknown"


def _as_datetime(moment: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(moment.astype("datetime64[s]").astype(np.int64)), UTC)
