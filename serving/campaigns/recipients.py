"""One user of a campaign, and what the mail shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from recommender.engine import Engine
from recommender.experiments.allocation import Assigned
from recommender.loyalty.rfm import Segment
from recommender.request import SlateRequest
from recommender.rules import Shelf
from recommender.slate import Placement, SlateItem
from serving.campaigns.settings import CampaignSettings
from serving.campaigns.wording import reason_words
from serving.experiment_settings import AS_USUAL, Groups, VariantChanges


@dataclass(frozen=True, slots=True)
class Pick:
    """One offer."""

    item_id: str
    title: str
    url: str
    image_url: str
    price: float | None
    """In the shop's currency."""
    source: str
    reason: str
    """The code, as in the API."""
    reason_words: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One row of the file."""

    user_id: str
    segment: str
    recency_days: int | None
    """Whole days since the last order; None before the first."""
    frequency: int
    """Orders."""
    monetary: float
    """Money spent, in the shop's currency."""
    slate_id: str
    """Names what was shown; a click that carries it can be traced to this mail."""
    picks: tuple[Pick, ...]
    group: Assigned | None = None
    """Their group of an experiment; it is in the manifest, added up."""


class Recipients:
    """Turns user indices into recipients, one at a time.

    Parameters
    ----------
    engine
        The same engine that answers storefronts.
    settings
        How many picks, and of what kind.
    now
        datetime64[s], UTC: the moment to rank for.
    campaign_id
        The beginning of every slate id.
    shelf
        Live stock and prices; None takes the catalogue's.
    groups
        Who is in which group of an experiment, and what it changes.
    """

    def __init__(
        self,
        engine: Engine,
        settings: CampaignSettings,
        *,
        now: np.datetime64,
        campaign_id: str,
        shelf: Shelf | None = None,
        groups: Groups | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._now = now
        self._campaign_id = campaign_id
        self._shelf = shelf
        self._groups = groups

    def of(self, user_index: int) -> Recipient:
        """Return the user of that index with their picks; fewer picks than slots if there are no more."""
        customers = self._engine.model.customers
        slate_id = f"{self._campaign_id}-{user_index}"
        user_id = self._engine.model.users.ids[user_index]
        group = None if self._groups is None else self._groups.of(user_id)
        return Recipient(
            user_id=user_id,
            group=None if group is None else group.assigned,
            segment=Segment(int(customers.segment[user_index])).label,
            recency_days=_whole_days(float(customers.recency_days[user_index])),
            frequency=int(customers.frequency[user_index]),
            monetary=round(float(customers.monetary[user_index]), 2),
            slate_id=slate_id,
            picks=self._picks(user_index, slate_id, AS_USUAL if group is None else group.changes),
        )

    def _picks(self, user_index: int, slate_id: str, changes: VariantChanges) -> tuple[Pick, ...]:
        request = SlateRequest(
            placement=Placement.EMAIL,
            limit=self._settings.slots,
            user_id=self._engine.model.users.ids[user_index],
            history=self._engine.model.histories.of(user_index) if changes.personal else None,
            new_only=self._settings.new_only or changes.new_only,
            shelf=self._shelf,
        )
        slate = self._engine.recommend(request, now=self._now, slate_id=slate_id, created_at=self._moment())
        return tuple(self._pick(item) for item in slate.items)

    def _pick(self, shown: SlateItem) -> Pick:
        index = self._engine.model.items.index(shown.item_id)
        item = self._engine.model.catalogue.item(index, item_id=shown.item_id)
        return Pick(
            item_id=shown.item_id,
            title=item.title,
            url=item.url,
            image_url=item.image_url,
            price=item.price if self._shelf is None else _known(self._shelf.price[index]),
            source=shown.source.label,
            reason=shown.reason.code.label,
            reason_words=reason_words(shown.reason, title_of=self._title_of, today=self._today()),
        )

    def _title_of(self, item_id: str) -> str:
        index = self._engine.model.items.get(item_id)
        return "" if index is None else self._engine.model.catalogue.title[index]

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(int(self._now.astype("datetime64[s]").astype(np.int64)), UTC)

    def _today(self) -> date:
        return self._moment().date()


def _whole_days(days: float) -> int | None:
    return int(days) if np.isfinite(days) else None


def _known(price: float) -> float | None:
    return None if np.isnan(price) else float(price)
