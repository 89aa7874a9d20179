"""A mail that would be sent now as an HTML page, to be looked at in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.loyalty.rfm import Segment
from regulars.campaigning import Ground, campaigns_folder
from regulars.config import Config
from serving.campaigns.choosing import Chosen
from serving.campaigns.files import written_whole
from serving.campaigns.mail import preview_page
from serving.campaigns.mail_lines import Press
from serving.campaigns.sending import ALIVE_DIGITS
from serving.campaigns.sends import PREVIEW_FILE
from serving.campaigns.snapshot import NO_DAY, Sent, SentItem, SentPick, day_of
from serving.campaigns.straight import Abroad


def write_preview(config: Config, ground: Ground, chosen: Sequence[Chosen]) -> Path:
    """Draw the first mail, and return where the page is.

    Raises
    ------
    InvalidInput
        If nobody would get one.
    """
    press = Press.of(config.app)
    for some in chosen:
        for row, why in enumerate(some.reason):
            if not why:
                sent = would_be_sent(ground, some, row)
                day = date.fromisoformat(str(ground.around.now)[:10])
                places = press.places(sent, with_pictures=True)
                mail = press.postman.draw(press.letter(sent, places, campaign=ground.definition.name, day=day))
                path = campaigns_folder(config) / ground.definition.name / PREVIEW_FILE
                with written_whole(path) as file:
                    lacks = () if config.app.campaign.public_url else lacking(press, sent)
                    file.write(preview_page(mail, campaign=ground.definition.name, lacks=lacks).encode())
                return path
    reasons = sorted({why.replace("_", " ") for some in chosen for why in some.reason}) or ["there is nobody"]
    raise InvalidInput(f"nobody who was looked at would get this mail: {', '.join(reasons)}")


def lacking(press: Press, sent: Sent) -> tuple[str, ...]:
    """Return what offers of this mail are without where it leads through no signed links, though the page shows it."""
    away, slots = Abroad(press.places(sent)), range(len(sent.picks))
    found = {"link": all(away.click(slot) for slot in slots), "picture": all(away.image(slot) for slot in slots)}
    return tuple(what for what, is_there in found.items() if not is_there)


def would_be_sent(ground: Ground, chosen: Chosen, row: int) -> Sent:
    """Return what one user would get, as if it were sent."""
    model, user, lists = ground.engine.model, int(chosen.user[row]), chosen.picks.lists
    recency, outlook = float(model.customers.recency_days[user]), model.outlook
    alive = float(outlook.alive[user])

    def item(index: int) -> SentItem:
        known = ground.around.present.item(index)
        return SentItem(
            known.item_id, known.title, known.url, known.image_url, known.category, known.brand, known.price
        )

    def pick(slot: int) -> SentPick:
        kind, anchor, due = (int(column[row, slot]) for column in (lists.kind, lists.anchor, lists.due))
        return SentPick(
            item(int(lists.item[row, slot])),
            Source(kind >> 4),
            ReasonCode(kind & 15),
            None if anchor == NO_ANCHOR else item(anchor),
            None if due == NO_DAY else day_of(due),
        )

    return Sent(
        number=0,
        user_id=model.users.ids[user],
        slate_id="",
        segment=Segment(int(model.customers.segment[user])),
        recency_days=int(recency) if np.isfinite(recency) else None,
        frequency=int(model.customers.frequency[user]),
        monetary=round(float(model.customers.monetary[user]), 2),
        alive=round(alive, ALIVE_DIGITS) if np.isfinite(alive) else None,
        next_order=_day(outlook.next_order[user]),
        next_order_from=_day(outlook.next_order_from[user]),
        next_order_until=_day(outlook.next_order_until[user]),
        coupon_tier="",
        group=chosen.group[row],
        is_personal=not chosen.plain[row],
        picks=tuple(pick(slot) for slot in range(int(chosen.picks.count[row]))),
    )


def _day(day: np.datetime64) -> date | None:
    return None if np.isnat(day) else day_of(int(day.astype("datetime64[D]").astype(np.int64)))
