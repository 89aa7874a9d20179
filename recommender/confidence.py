"""How sure we are that a user wants an item, from what they did.

The one place that knows the formula of the matrix values (Hu, Koren & Volinsky 2008, with their recency left open)::

    c_ui = 1 + alpha · Σ_rows w_event · log₂(1 + quantity) · 2^(-age_days / half_life_days)

One unit bought today adds `alpha`; seven units add three times that, not seven; the same purchase counts half as much
after each `half_life_days`. c is 1 where nothing is known, and above 1 wherever a positive event exists.
No training library is asked to multiply by `alpha` again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from recommender.errors import InvalidInput
from recommender.events import POSITIVE, Event
from recommender.interactions import SECONDS_PER_DAY, Interactions


def _default_weights() -> Mapping[Event, float]:
    return {Event.PURCHASE: 1.0, Event.ADD_TO_CART: 0.3, Event.CLICK: 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """The parameters of the formula.

    Raises
    ------
    InvalidInput
        If a parameter is out of range, or an event that is not positive has a weight.

    Examples
    --------
    >>> confidence = Confidence(alpha=10.0, half_life_days=180.0)
    >>> confidence.gain(Event.PURCHASE, 1.0), confidence.gain(Event.PURCHASE, 7.0)
    (10.0, 30.0)
    """

    alpha: float = 3.5
    """What one unit bought just now adds to the confidence; greater than 0."""
    half_life_days: float = 30.0
    """Days after which a row counts half; infinite for no decay."""
    event_weights: Mapping[Event, float] = field(default_factory=_default_weights)
    """w by event, relative to a purchase; an event without a weight is left out."""

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise InvalidInput(f"alpha is {self.alpha}; it must be greater than 0")
        if not self.half_life_days > 0:
            raise InvalidInput(f"half_life_days is {self.half_life_days}; it must be greater than 0")
        # JSON turns the numbers of events into strings; an artifact gives them back here.
        weights = {_event(number): float(weight) for number, weight in self.event_weights.items()}
        for event, weight in weights.items():
            if event not in POSITIVE:
                raise InvalidInput(f"{event.label} has a weight, but only {_positive_labels()} can raise confidence")
            if not 0 <= weight < math.inf:
                raise InvalidInput(f"the weight of {event.label} is {weight}; it must be at least 0 and finite")
        object.__setattr__(self, "event_weights", weights)

    @property
    def events(self) -> frozenset[Event]:
        """The events that raise confidence: those with a weight above 0."""
        return frozenset(event for event, weight in self.event_weights.items() if weight > 0)

    def gain(self, event: Event, quantity: float) -> float:
        """Return what one event that happened just now adds to c."""
        return self.alpha * self.event_weights.get(event, 0.0) * math.log2(1 + quantity)

    def of_rows(self, interactions: Interactions, *, now: np.datetime64) -> npt.NDArray[np.float32]:
        """Return (n,) float32: what each row adds to c; 0 for events without a weight.

        Rows later than `now` count as happening then.
        """
        weight = np.array([self.event_weights.get(event, 0.0) for event in Event])
        age_seconds = (now.astype("datetime64[s]") - interactions.time).astype(np.int64)
        age_days = np.maximum(age_seconds, 0) / SECONDS_PER_DAY
        # alpha · w_event · log₂(1 + quantity) · 2^(-age_days / half_life_days)
        decay = np.exp2(-age_days / self.half_life_days)
        gain: npt.NDArray[np.float64] = (
            self.alpha * weight[interactions.event] * np.log2(1 + interactions.quantity.astype(np.float64)) * decay
        )
        return gain.astype(np.float32)


def _event(number: int | str) -> Event:
    try:
        return Event(int(number))
    except ValueError:
        raise InvalidInput(f"{number!r} is no event number; write Event.PURCHASE, or Event.parse('purchase')") from None


def _positive_labels() -> str:
    return ", ".join(sorted(event.label for event in POSITIVE))
