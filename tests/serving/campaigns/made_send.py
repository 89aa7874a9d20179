"""A finished send, written without an export: who gets what is the test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.loyalty.rfm import Segment
from recommender.model import Model
from serving.campaigns.sends import CAMPAIGNS, MANIFEST_FILE, SENDS, Send
from serving.campaigns.snapshot import NO_DAY, PICK, SNAPSHOT_FILE, RecipientRow, SentItem
from serving.campaigns.snapshot_writing import written_snapshot

NAME, SEND_ID = "win-back", "spring"


def send_to(
    data_dir: Path,
    model: Model,
    picks: Mapping[str, Sequence[int]],
    *,
    as_of: str | None = None,
    campaign: str = NAME,
    reason: ReasonCode = ReasonCode.POPULAR,
    strangers: Sequence[str] = (),
    suppressed: Sequence[tuple[str, str]] = (),
) -> Send:
    """Write a send of item indices to users, numbered as they come; `strangers` get impersonal picks."""
    folder = data_dir / CAMPAIGNS / campaign / SENDS / SEND_ID
    items = sorted({item for chosen in picks.values() for item in chosen})
    with written_snapshot(folder / SNAPSHOT_FILE) as writer:
        moment = f"{model.as_of.astype('datetime64[s]')}Z" if as_of is None else as_of
        writer.tell({"campaign": campaign, "send_id": SEND_ID, "as_of": moment, "currency": "EUR", "slots": 4})
        writer.describe((item, item_of(model, item)) for item in items)
        writer.add(
            RecipientRow(
                number=number,
                user_id=user_id,
                segment=Segment.AT_RISK,
                recency_days=30,
                frequency=3,
                monetary=12.5,
                alive=None,
                next_order=None,
                next_order_from=None,
                next_order_until=None,
                tier="5%",
                grouped=None,
                personal=user_id not in strangers,
                picks=b"".join(PICK.pack(item, Source.PERSONAL << 4 | reason, NO_ANCHOR, NO_DAY) for item in chosen),
            )
            for number, (user_id, chosen) in enumerate(picks.items())
        )
        writer.suppress(suppressed)
    (folder / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    return Send(campaign, SEND_ID, folder)


def item_of(model: Model, index: int) -> SentItem:
    """The item as the trained catalogue has it."""
    item = model.catalogue.item(index, item_id=model.items.ids[index])
    return SentItem(item.item_id, item.title, item.url, item.image_url, item.category, item.brand, item.price)
