"""The bodies of requests and answers: the only shapes on the wire.

Requests are validated by these models. Answers are written by hand (see `serving.rendering`), since a slate is on the
hot path; their models here are the documentation, and a test holds the two together.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from recommender.candidates import ReasonCode, Source
from recommender.ids import id_problem
from recommender.slate import Placement
from serving.questions import Question

MAX_LIMIT = 100
DEFAULT_LIMIT = 10
MAX_BATCH = 1000
MAX_SLATES = 100
MAX_PLACES = 1000
MAX_SEEDS = 200
MAX_EXCLUDED = 1000


def _valid_id(value: str) -> str:
    if problem := id_problem(value):
        raise ValueError(f"{value[:40]!r} cannot be an id: {problem}")
    return value


def _web_address(value: str) -> str:
    if value and not value.startswith(("https://", "http://", "/")):
        raise ValueError(f"{value[:40]!r} must start with https://, http:// or /")
    if value.startswith(("//", "/\\")):
        raise ValueError(f"{value[:40]!r} is no path, it leads to another host; write https:// in front of it")
    return one_line(value)


def one_line(value: str) -> str:
    """Return `value`; a control character in it is an error."""
    if not value.isprintable() and any(unicodedata.category(char) == "Cc" for char in value):
        raise ValueError(f"{value[:40]!r} holds a control character")
    return value


Id = Annotated[str, AfterValidator(_valid_id)]
WebAddress = Annotated[str, Field(max_length=2048), AfterValidator(_web_address)]
Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=500)]
Label = Annotated[Text, AfterValidator(one_line)]
UserToken = Annotated[
    str | None,
    Field(repr=False, description="Shows, with a publishable key, who asks: a signed token of the user."),
]
SourceLabel = Annotated[str, Field(json_schema_extra={"enum": [source.label for source in Source]})]
ReasonLabel = Annotated[str, Field(json_schema_extra={"enum": [code.label for code in ReasonCode]})]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="How many items at most.")]


class Body(BaseModel):
    """A request body: an unknown key is an error, so that a typing mistake does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Seeds(Body):
    """What is known of this session."""

    cart: list[Id] = Field(default_factory=list, max_length=MAX_SEEDS, description="Items in the cart.")
    viewed: list[Id] = Field(
        default_factory=list, max_length=MAX_SEEDS, description="Items on the page or looked at, latest first."
    )


class Filters(Body):
    """What the shelf is restricted to."""

    categories: list[Text] = Field(default_factory=list, max_length=100, description="Only these categories.")
    price_min: Price | None = Field(default=None, description="Only items that cost at least this.")
    price_max: Price | None = Field(default=None, description="Only items that cost at most this.")
    in_stock: bool = Field(default=True, description="Whether to leave out what is out of stock.")

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if (self.price_min or 0) > (math.inf if self.price_max is None else self.price_max):
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}")
        return self


class RecommendationsRequest(Body):
    """Any question to the engine. Without `user_id` it is a guest's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "17", "placement": "cart", "seeds": {"cart": ["tea/green"]}, "limit": 6},
                {"guest": True, "seeds": {"viewed": ["milk"]}, "filters": {"price_max": 20}},
            ]
        }
    )

    user_id: Id | None = Field(default=None, description="Whom to recommend to; unknown ids get a fallback.")
    anonymous_id: Id | None = Field(
        default=None, description="Which guest, as in their events; beside user_id, the one they were until now."
    )
    personal: bool = Field(
        default=True, description="false: answer as for a guest nothing is known of; seeds and filters still count."
    )
    guest: bool = Field(default=False, description="Says that there is no user on purpose; excludes user_id.")
    placement: Placement = Field(default=Placement.HOME, description="Where the shelf is shown.")
    limit: Limit = DEFAULT_LIMIT
    seeds: Seeds = Field(default=Seeds(), description="What is known of this session.")
    exclude: list[Id] = Field(default_factory=list, max_length=MAX_EXCLUDED, description="Items not to show.")
    filters: Filters = Field(default=Filters(), description="What the shelf is restricted to.")
    new_only: bool = Field(default=False, description="Whether to leave out everything the user owns.")
    reasons: bool = Field(default=True, description="Whether to say why each item is offered.")

    @model_validator(mode="after")
    def _guest_or_user(self) -> Self:
        if self.guest and self.user_id is not None:
            raise ValueError("guest is true and user_id is given; leave one of them out")
        return self

    def question(self) -> Question:
        """Return what is asked."""
        return Question(
            placement=self.placement,
            user_id=self.user_id if self.personal else None,
            anonymous_id=self.anonymous_id if self.personal else None,
            limit=self.limit,
            viewed=tuple(self.seeds.viewed),
            cart=tuple(self.seeds.cart),
            exclude=tuple(self.exclude),
            categories=tuple(name for name in self.filters.categories if name),
            price_min=self.filters.price_min,
            price_max=self.filters.price_max,
            new_only=self.new_only,
            include_out_of_stock=not self.filters.in_stock,
            reasons=self.reasons,
        )


class RecommendationsBody(RecommendationsRequest):
    """A question by itself, with what shows who asks."""

    user_token: UserToken = None


class SlatesRequest(Body):
    """Several questions at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requests": [
                        {"user_id": "17", "limit": 6},
                        {"user_id": "17", "placement": "reorder", "limit": 4},
                    ]
                }
            ]
        }
    )

    requests: list[RecommendationsRequest] = Field(
        min_length=1, max_length=MAX_SLATES, description="As for POST /v1/recommendations; up to 100."
    )
    distinct: bool = Field(
        default=True, description="Whether an item may be on one shelf of a user only: the earliest keeps it."
    )
    user_token: UserToken = None

    @model_validator(mode="after")
    def _not_too_many_places(self) -> Self:
        places = sum(request.limit for request in self.requests)
        if places > MAX_PLACES:
            raise ValueError(f"the shelves have {places} places together; a batch has at most {MAX_PLACES}")
        return self


class ReasonBody(BaseModel):
    """Why an item is offered, as data: the storefront finds the words."""

    code: ReasonLabel
    item_id: str | None = Field(description="The item the reason rests on, such as the earlier purchase.")
    item_title: str | None
    due_on: date | None = Field(description="For buy_again: the day it is expected to be needed.")


class SlateItemBody(BaseModel):
    """One place on a slate."""

    item_id: str
    rank: int = Field(description="From 1, without gaps.")
    score: float = Field(description="Orders the items of this slate and is comparable nowhere else.")
    source: SourceLabel
    reason: ReasonBody | None
    title: str
    category: str
    department: str
    brand: str
    price: float | None
    currency: str = Field(examples=["USD"])
    url: str
    image_url: str = Field(description="The shop's picture, or the address of one drawn for the item.")
    in_stock: bool


class SlateBody(BaseModel):
    """An answer: what to show whom, where, and where it came from."""

    model_config = ConfigDict(title="Slate")

    slate_id: str = Field(description="To be sent with events, so that a click can be traced to what was shown.")
    user_id: str | None
    placement: Placement
    source: SourceLabel = Field(description="The highest rung of the ladder that contributed.")
    degraded: bool = Field(description="Whether the answer may be poorer or staler than usual.")
    degraded_reason: Literal["store_unavailable", "candidates_missing", "busy"] | None = Field(
        default=None, description="Present only if degraded."
    )
    withheld: Literal["open_complaint"] | None = Field(
        default=None, description="Present only if promotional picks are withheld from this user, and why."
    )
    model_version: str
    created_at: datetime
    items: list[SlateItemBody]
    experiment: str | None = Field(default=None, description="Present only if the user takes part in one.")
    variant: str | None = Field(default=None, description="Their group in it; control gets no personal picks.")
    personalization: Literal["off"] | None = Field(
        default=None, description="Present only if the user switched personal picks off."
    )


class SlatesBody(BaseModel):
    """Answers to several questions, in their order."""

    model_config = ConfigDict(title="Slates")

    slates: list[SlateBody]


class ErasedResult(BaseModel):
    """What became of an erasure."""

    user_id: str
    shared: bool = Field(description="false: Redis is away; it is told as soon as it is back.")


class Health(BaseModel):
    """Whether a process lives or may be sent requests."""

    status: Literal["ok", "ready"]
    model_version: str | None = None
    store: Literal["up", "away"] | None = None


class VersionBody(BaseModel):
    """Which program and which model answer."""

    regulars: str
    model_version: str | None
    as_of: datetime | None = Field(description="The end of the purchase log the model was trained on.")
    published: str | None
    previous: str | None
    challengers: list[str] = Field(description="Versions kept beside the published one, for experiments.")
