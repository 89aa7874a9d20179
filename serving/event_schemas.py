"""The bodies of events and merges."""

from __future__ import annotations

import reprlib
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    field_serializer,
    model_validator,
)

from recommender.events import Event
from serving.schemas import MAX_BATCH, MAX_LIMIT, Body, Id, Price, UserToken, one_line

EVENTS: list[JsonValue] = [event.label for event in Event]

_COMPLAINTS = frozenset({Event.COMPLAINT_OPENED, Event.COMPLAINT_CLOSED})


def _event(value: Any) -> Event:
    if not isinstance(value, str):
        raise ValueError(f"{reprlib.repr(value)} is no event; known are {', '.join(event.label for event in Event)}")
    return Event.parse(value)


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_zoned)]


class EventIn(BaseModel):
    """Something a storefront saw. Unknown keys are ignored, so that widgets may be newer than servers."""

    model_config = ConfigDict(title="Event", frozen=True)

    event: Annotated[Event, BeforeValidator(_event)] = Field(
        json_schema_extra={"type": "string", "enum": EVENTS}, description="What happened."
    )
    event_id: Id | None = Field(
        default=None, description="Makes repetition harmless; hard to guess. Made up if absent."
    )
    user_id: Id | None = Field(default=None, description="Who; absent for a guest.")
    anonymous_id: Id | None = Field(default=None, description="Which guest; beside user_id, the event is the user's.")
    session_id: Id | None = Field(default=None, description="Which visit, for guests too.")
    item_id: Id | None = Field(default=None, description="Which item; only complaints may leave it out.")
    quantity: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0
    price: Price | None = Field(default=None, description="For one unit.")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(default=None, description="ISO 4217.")
    rating: Annotated[float, Field(ge=1, le=5)] | None = Field(
        default=None, description="For rating, and only there: 1 (bad) to 5 (good)."
    )
    complaint_id: Id | None = Field(default=None, description="For complaints: which; else order_id says so.")
    order_id: Id | None = Field(default=None, description="Purchases with the same order_id form a basket.")
    time: Moment | None = Field(default=None, description="When, ISO 8601; UTC without a zone. Now if absent.")
    slate_id: Id | None = Field(default=None, description="The slate it happened on.")
    placement: Id | None = Field(default=None, description="Where the slate was shown.")
    rank: Annotated[int, Field(ge=1, le=MAX_LIMIT)] | None = Field(
        default=None,
        validation_alias=AliasChoices("rank", "position"),
        description="The item's rank on the slate; also called position.",
    )
    source: Annotated[str, Field(max_length=64), AfterValidator(one_line)] | None = Field(
        default=None, description="Where it was reported: web, mail, app, server, shop …"
    )
    campaign: Id | None = Field(default=None, description="The mailing it came from.")
    variant: Id | None = Field(default=None, description="The experiment's variant the slate named.")

    @model_validator(mode="after")
    def _about_an_item(self) -> Self:
        if self.item_id is None and self.event not in _COMPLAINTS:
            raise ValueError(f"item_id is missing, and {self.event.label} needs one")
        if (self.rating is not None) != (self.event is Event.RATING):
            raise ValueError(f"a rating event, and no other, has a rating; this is {self.event.label}")
        return self

    @field_serializer("event")
    def _as_label(self, event: Event) -> str:
        return event.label


class EventsRequest(Body):
    """A batch. Each event is judged on its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"events": [{"event": "click", "event_id": "9b1d6f", "user_id": "17", "item_id": "milk"}]}]
        }
    )

    events: list[Any] = Field(max_length=MAX_BATCH, description="Up to 1000 events.")
    sent_at: Moment | None = Field(
        default=None,
        description="What the sender's clock shows, ISO 8601. If it is over a minute off, times are put right.",
    )
    user_token: UserToken = None


class RejectedEvent(BaseModel):
    """An event that was not taken."""

    index: int = Field(description="Its place in the batch, from 0.")
    event_id: str | None
    reason: str


class EventsResult(BaseModel):
    """What became of a batch."""

    accepted: int = Field(description="Events that are kept, those that were known already included.")
    duplicates: int = Field(description="Of those, how many were known already by their event_id.")
    repeated: list[int] = Field(description="The places of the duplicates in the batch, from 0.")
    rejected: list[RejectedEvent]
    kept_in: Literal["stream", "file"] = Field(description="file: Redis is away; slates reflect them once it is back.")


class MergeRequest(Body):
    """A guest who turned out to be a user."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"anonymous_id": "b-5f2c", "user_id": "17"}]})

    anonymous_id: Id = Field(description="The guest, as in their events.")
    user_id: Id = Field(description="Who signed in.")
    user_token: UserToken = None


class MergeResult(BaseModel):
    """What became of a merge."""

    anonymous_id: str
    user_id: str | None = Field(
        description="Whose it is now; null if the request did not vouch for the user, so that nobody was joined."
    )
    moved: int = Field(description="Fresh events that are the user's now; 0 if they were moved before.")
    kept_in: Literal["stream", "file"] = Field(description="file: Redis is away; slates reflect it once it is back.")
