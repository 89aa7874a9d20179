"""Reasons and prices in words."""

import itertools
from datetime import date, timedelta

import pytest

from recommender.candidates import ReasonCode
from recommender.slate import Reason
from serving.campaigns.wording import FAR, price_words, reason_words

TODAY = date(2024, 6, 1)


@pytest.mark.parametrize(
    ("code", "item_id", "due_on"),
    list(itertools.product(ReasonCode, [None, "tea", "untitled"], [None, TODAY, date(2024, 6, 9)])),
)
def test_every_reason_has_words(code: ReasonCode, item_id: str | None, due_on: date | None) -> None:
    """Whatever parts a reason has, its words are complete: nothing unfilled, no None."""
    reason = Reason(code, item_id, due_on)
    words = reason_words(reason, title_of=lambda name: "Tea" if name == "tea" else "", today=TODAY)
    assert words
    assert not {"{", "None"} & set(words.split())


def test_title_is_not_a_template() -> None:
    """Braces in a title are text."""
    reason = Reason(ReasonCode.BECAUSE_YOU_BOUGHT, "x")
    assert reason_words(reason, title_of=lambda _: "{title} {0}", today=TODAY) == "Because you bought {title} {0}"


def test_due_day_is_named_while_it_lies_ahead() -> None:
    """A day that has passed is no promise any more."""
    ahead = Reason(ReasonCode.BUY_AGAIN, due_on=date(2024, 6, 9))
    assert reason_words(ahead, title_of=str, today=TODAY) == "You will need it again around 9 June"
    assert reason_words(ahead, title_of=str, today=date(2024, 6, 9)) == "Time to buy it again"


def test_a_day_that_lies_far_ahead_is_not_named() -> None:
    """A mail that names it would tell its reader not to buy now."""
    far = Reason(ReasonCode.BUY_AGAIN, due_on=TODAY + FAR + timedelta(days=1))
    assert reason_words(far, title_of=str, today=TODAY) == "Buy it again"
    assert reason_words(far, title_of=str, today=TODAY + timedelta(days=1)) == "You will need it again around 30 June"


@pytest.mark.parametrize(
    ("price", "currency", "words"),
    [(3.5, "EUR", "3.50"), (300.0, "JPY", "300"), (1.2345, "KWD", "1.234"), (None, "EUR", ""), (0.0, "USD", "0.00")],
)
def test_price_has_the_digits_of_its_currency(price: float | None, currency: str, words: str) -> None:
    """Two digits after the point, unless the currency has others."""
    assert price_words(price, currency) == words
