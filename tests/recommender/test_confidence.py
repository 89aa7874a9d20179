"""Confidence: one formula, in one place, that training and serving share."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.confidence import Confidence
from recommender.errors import InvalidInput
from recommender.events import POSITIVE, Event
from recommender.interactions import Interactions
from tests.planted import Line, at, log_of
from tests.strategies import logs


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Line("u", "i", day=100), 8.0),
        (Line("u", "i", day=100, quantity=3), 16.0),
        (Line("u", "i", day=100, quantity=7), 24.0),
        (Line("u", "i", day=90), 4.0),
        (Line("u", "i", day=70), 1.0),
        (Line("u", "i", day=95), 8.0 * 2**-0.5),
        (Line("u", "i", day=100, event=Event.ADD_TO_CART), 2.4),
        (Line("u", "i", day=90, event=Event.CLICK), 0.4),
        (Line("u", "i", day=100, event=Event.IMPRESSION), 0.0),
        (Line("u", "i", day=100, event=Event.NOT_INTERESTED), 0.0),
        (Line("u", "i", day=100, event=Event.RETURN), 0.0),
        (Line("u", "i", day=130), 8.0),
    ],
)
def test_table(line: Line, expected: float) -> None:
    """What a row adds as of day 100, with alpha 8 and a half-life of ten days; the future counts as now."""
    gain = Confidence(alpha=8.0, half_life_days=10.0).of_rows(log_of([line]), now=at(100))
    assert gain.dtype == np.float32
    assert gain.tolist() == pytest.approx([expected])


@given(logs(), st.floats(0.1, 100), st.floats(1, 1000))
def test_rows_lose_half_in_a_half_life(log: Interactions, alpha: float, half_life_days: float) -> None:
    """Waiting one half-life halves every row; alpha scales all of them."""
    confidence = Confidence(alpha=alpha, half_life_days=half_life_days)
    whole_seconds = round(half_life_days * 86_400) / 86_400
    today, later = (confidence.of_rows(log, now=at(day)) for day in (366, 366 + whole_seconds))
    np.testing.assert_allclose(later, today / 2, rtol=1e-4)
    doubled = Confidence(alpha=2 * alpha, half_life_days=half_life_days).of_rows(log, now=at(366))
    np.testing.assert_allclose(doubled, 2 * today, rtol=1e-5)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("quantity", [0.5, 1.0, 24.0])
def test_gain_of_a_fresh_event_is_that_of_a_row_of_now(event: Event, quantity: float) -> None:
    """Serving adds to a history exactly what training would have."""
    confidence = Confidence(alpha=3.0)
    row = log_of([Line("u", "i", day=5, event=event, quantity=quantity)])
    assert confidence.gain(event, quantity) == pytest.approx(confidence.of_rows(row, now=at(5))[0])


def test_no_decay() -> None:
    """An infinite half-life keeps old purchases as they are."""
    gain = Confidence(alpha=1.0, half_life_days=math.inf).of_rows(log_of([Line("u", "i")]), now=at(10_000))
    assert gain.tolist() == [1.0]


def test_weights_survive_json() -> None:
    """JSON turns event numbers into strings; the same parameters come back."""
    confidence = Confidence(event_weights={Event.PURCHASE: 1.0, Event.CLICK: 0.25})
    weights = json.loads(json.dumps(confidence.event_weights))
    assert Confidence(event_weights=weights) == confidence


def test_events_with_a_weight() -> None:
    """Events without a weight, or with weight 0, are left out."""
    assert Confidence().events == POSITIVE
    assert Confidence(event_weights={Event.PURCHASE: 1.0, Event.CLICK: 0.0}).events == {Event.PURCHASE}


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"alpha": math.nan}, "alpha is nan"),
        ({"half_life_days": 0.0}, "half_life_days is 0.0"),
        ({"half_life_days": math.nan}, "half_life_days is nan"),
        ({"event_weights": {Event.RETURN: 1.0}}, "return has a weight, but only add_to_cart, click, purchase"),
        ({"event_weights": {Event.CLICK: -1.0}}, "weight of click is -1.0"),
        ({"event_weights": {Event.CLICK: math.inf}}, "weight of click is inf"),
        ({"event_weights": {"99": 1.0}}, "'99' is no event number"),
        ({"event_weights": {"click": 1.0}}, "'click' is no event number"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], problem: str) -> None:
    """Parameters out of range are refused by name and value."""
    with pytest.raises(InvalidInput, match=problem):
        Confidence(**parameters)
