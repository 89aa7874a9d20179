"""A few households as a report shows them: what they bought lately, what they would be offered, and why.

Nobody is named: a report is mailed around and outlives an erasure, so it holds no user id.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from recommender.engine import Engine
from recommender.model import Model
from recommender.request import SlateRequest
from recommender.slate import Placement, SlateItem
from training.households import Household, households

PICKS = 6
"""Items of each slate: a shelf on a narrow page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One item of a slate."""

    title: str
    category: str
    owned: bool
    reason: str
    """Its code, such as ``bought_together``."""
    because: str
    """Title of the item the reason rests on; empty where there is none."""
    due_on: str
    """ISO day a buy-again item is expected to be needed; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One household."""

    segment: str
    orders: int
    recency_days: int
    lately: tuple[tuple[str, int, int], ...]
    """Title, orders and days since of what was bought, the latest first."""
    home: tuple[Pick, ...]
    """What the home page would show."""
    discovery: tuple[Pick, ...]
    """What it would show where only new items are asked for."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`; raises what a missing or unknown field raises."""
        picks = {name: tuple(Pick(**pick) for pick in content[name]) for name in ("home", "discovery")}
        return cls(**{**content, **picks, "lately": tuple((*bought,) for bought in content["lately"])})


def examples_of(model: Model) -> tuple[Example, ...]:
    """Return up to three households, always the same ones for the same model."""
    engine = Engine(model, version="report")
    return tuple(_example(engine, household) for household in households(model, now=model.as_of))


def _example(engine: Engine, household: Household) -> Example:
    return Example(
        segment=household.segment.label,
        orders=household.orders,
        recency_days=household.recency_days,
        lately=tuple((bought.title, bought.orders, bought.days_ago) for bought in household.lately),
        home=_picks(engine, household.user_index, new_only=False),
        discovery=_picks(engine, household.user_index, new_only=True),
    )


def _picks(engine: Engine, user_index: int, *, new_only: bool) -> tuple[Pick, ...]:
    model = engine.model
    history = model.histories.of(user_index)
    request = SlateRequest(placement=Placement.HOME, limit=PICKS, history=history, new_only=new_only)
    created_at = datetime.fromisoformat(str(model.as_of)).replace(tzinfo=UTC)
    slate = engine.recommend(request, now=model.as_of, slate_id="report", created_at=created_at)
    owned = set(history.owned.tolist())
    return tuple(_pick(model, item, owned=model.items.index(item.item_id) in owned) for item in slate.items)


def _pick(model: Model, item: SlateItem, *, owned: bool) -> Pick:
    index, anchor = model.items.index(item.item_id), item.reason.item_id
    return Pick(
        title=model.catalogue.title[index] or item.item_id,
        category=model.catalogue.categories[model.catalogue.category[index]],
        owned=owned,
        reason=item.reason.code.label,
        because="" if anchor is None else model.catalogue.title[model.items.index(anchor)] or anchor,
        due_on="" if item.reason.due_on is None else item.reason.due_on.isoformat(),
    )
