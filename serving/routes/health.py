"""`/healthz`, `/readyz`, `/metrics`: for machines that look after machines."""

from __future__ import annotations

from fastapi import APIRouter, Response

from recommender.errors import StoreUnavailable
from serving.metrics import CONTENT_TYPE
from serving.problems import documented
from serving.schemas import Health
from serving.state import StateDep

router = APIRouter(tags=["operations"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether the process lives", response_model_exclude_none=True)
async def get_healthz() -> Health:
    """Answer, which is all that is asked."""
    return Health(status="ok")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Whether the process can answer shops", responses=documented(503))
async def get_readyz(state: StateDep) -> Health:
    """Answer 200 once a model is loaded; Redis may be away, shelves are answered without it."""
    engine = state.service.engine
    try:
        await state.stores.slates.ping()
    except StoreUnavailable:
        return Health(status="ready", model_version=engine.version, store="away")
    return Health(status="ready", model_version=engine.version, store="up")


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(state: StateDep) -> Response:
    """Return every metric in the text format."""
    state.vitals.take()
    return Response(state.metrics.render(), headers={"Content-Type": CONTENT_TYPE})
