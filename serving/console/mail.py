"""The mails of customers, to be looked at: what a send held for somebody, or what would be sent to them now.

They are drawn by the templates that mails are sent with. Their links lead straight to items, so that a look is no
click, and drawn pictures are part of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import orjson

from recommender.catalogue import Item
from recommender.engine import Engine
from recommender.errors import InvalidInput, RecommenderError
from recommender.loyalty.rfm import Segment
from recommender.slate import Placement
from serving.campaigns import choosing, consent
from serving.campaigns.landing import Landing
from serving.campaigns.letters import Letter, letter_of, letter_of_slate
from serving.campaigns.mail import LONGEST, Mail, Postman
from serving.campaigns.sends import Send, Sends
from serving.campaigns.straight import Straight, items_of, shop_of
from serving.problems import Problem
from serving.questions import Question
from serving.settings import AppSettings
from serving.state import State

MAX_SENDS = 50
"""Sends that are listed, the last ones."""

_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]*")

LEFT_OUT = {
    consent.NO_CONSENT: "they have not agreed to get mail",
    consent.UNSUBSCRIBED: "they want no mail",
    choosing.BOUGHT_RECENTLY: "they bought just before",
    choosing.OPEN_COMPLAINT: "they waited for a complaint to be settled",
    choosing.FREQUENCY_CAP: "they had enough mails by then",
    choosing.TOO_FEW_PICKS: "there was too little to show them",
    choosing.CONTROL_GROUP: "they are in the control group, which gets no mail, to compare the others with",
    choosing.ERASED: "they asked to be forgotten",
    choosing.OPTED_OUT: "they want no picks of their own",
}
"""Reasons of a send, as an answer to why somebody has no mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One send."""

    name: str
    """Of campaign and send, with a slash between them."""
    campaign: str
    sent_at: str
    """The moment it was made for, to the minute, UTC."""
    recipients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A customer's mail, or why there is none."""

    mail: Mail | None = None
    letter: Letter | None = None
    why_not: str = ""
    slate_id: str = ""
    next_order: date | None = None

    @property
    def kilobytes(self) -> float:
        """Size of the HTML as it is sent: with addresses of pictures, not with pictures."""
        return len(_PICTURE.sub("", self.mail.html).encode()) / 1024 if self.mail else 0.0

    @property
    def is_too_long(self) -> bool:
        """Whether Gmail cuts it off."""
        return self.kilobytes * 1024 > LONGEST


class MailRoom:
    """Draws mails to look at. Its methods read files and draw: they run in threads."""

    def __init__(self, settings: AppSettings) -> None:
        self.landing = Landing(settings.campaign, has_demo_shop=settings.serving.demo_shop != "off")
        self._postman = Postman.of(settings.campaign)
        self._shop = shop_of(settings, self.landing)
        self._sends = Sends.of(settings.data_dir)

    def listed(self) -> list[Listed]:
        """Return the last sends, the last one first; those that cannot be read are named in the log."""
        found = []
        for send in self._sends.latest(MAX_SENDS):
            try:
                with send.snapshot() as snapshot:
                    sent_at, recipients = snapshot.sent_at[:16].replace("T", " "), len(snapshot)
            except InvalidInput as error:
                send.pass_over(error)
                continue
            name = f"{send.campaign}/{send.send_id}"
            found.append(Listed(name=name, campaign=send.campaign, sent_at=sent_at, recipients=recipients))
        return found

    def find(self, name: str) -> Send | None:
        """Return the send called campaign/send."""
        campaign, _, send_id = name.partition("/")
        return self._sends.find(campaign, send_id)

    def of_send(self, send: Send, user_id: str) -> Shown:
        """Return what somebody got."""
        try:
            with send.snapshot() as snapshot:
                sent, why_not = snapshot.of_user(user_id), snapshot.why_not(user_id)
                day = date.fromisoformat(snapshot.sent_at[:10])
        except RecommenderError as error:
            return Shown(why_not=f"the send cannot be read ({error})")
        if sent is None:
            return Shown(why_not=LEFT_OUT.get(why_not, why_not) if why_not else "the campaign was not meant for them")
        addresses = Straight(items_of(sent), self.landing, with_pictures=True)
        letter = letter_of(sent, self._shop, addresses, campaign=send.campaign, day=day)
        return self._drawn(letter, slate_id=sent.slate_id, next_order=sent.next_order)

    async def now(self, state: State, user_id: str) -> bytes | str:
        """Return the slate that would be sent now, or why there is none. Runs in the event loop."""
        limit = state.settings.campaign.slots
        try:
            reply = await state.service.reply(Question(placement=Placement.EMAIL, user_id=user_id, limit=limit))
        except Problem as problem:
            return problem.detail
        return reply.body

    def of_now(self, body: bytes, state: State, engine: Engine, user_id: str) -> Shown:
        """Return the mail of a slate."""
        slate = orjson.loads(body)
        if not slate["items"]:
            withheld = slate.get("withheld")
            return Shown(why_not="they wait for a complaint to be settled" if withheld else "nothing can be offered")
        items = [_item(state, engine, item["item_id"]) for item in slate["items"]]
        index = engine.model.users.get(user_id)
        segment = "" if index is None else Segment(int(engine.model.customers.segment[index])).label
        today: date = state.clock.now(engine.model.as_of).astype("datetime64[D]").astype(object)
        addresses = Straight(items, self.landing, with_pictures=True)
        letter = letter_of_slate(slate, self._shop, addresses, segment=segment, day=today)
        return self._drawn(letter)

    def _drawn(self, letter: Letter, *, slate_id: str = "", next_order: date | None = None) -> Shown:
        try:
            mail = self._postman.draw(letter)
        except RecommenderError as error:
            return Shown(why_not=f"the template fails: {error}")
        return Shown(mail=mail, letter=letter, slate_id=slate_id, next_order=next_order)


def _item(state: State, engine: Engine, item_id: str) -> Item:
    return state.catalogue.item(item_id, engine.model).item
