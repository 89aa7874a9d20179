"""What is known of users, as conditions see it."""

import dataclasses

import numpy as np
import pytest

from recommender import histories
from recommender.errors import InvalidInput
from recommender.loyalty.due import GRACE_GAPS, likely_by
from recommender.loyalty.rfm import Segment
from serving.campaigns.expression import NUMBERS, parse
from serving.campaigns.facts import ModelFacts
from tests.models import shop_model, tiny_model


def facts_of(days_later: int = 0) -> ModelFacts:
    """The facts of the planted shop, some days after the end of its log."""
    model = shop_model()
    return ModelFacts(model, now=model.as_of + np.timedelta64(days_later, "D"))


def test_recency_counts_to_the_moment_of_the_send() -> None:
    """Days pass between the end of the log and the send."""
    now, later = facts_of().number("recency_days"), facts_of(10).number("recency_days")
    np.testing.assert_allclose(later - now, 10)


def test_figures_are_those_of_the_model() -> None:
    """Orders, money and segments are read off as they are, and what is infinite is not known."""
    model, facts = shop_model(), facts_of()
    np.testing.assert_array_equal(facts.number("frequency"), model.customers.frequency)
    once = model.customers.frequency == 1
    assert np.isnan(facts.number("gap_days")[once]).all()
    mask = parse("segment = champion").mask(facts)
    assert set(np.flatnonzero(mask)) == set(model.customers.members(Segment.CHAMPION))


def test_bought_category_is_a_search_through_every_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever bought an item of the category is found, whatever the size of a chunk; an unknown one is refused."""
    model = shop_model()
    name = model.catalogue.categories[0]
    index = model.catalogue.category_index(name)
    expected = [
        bool((model.catalogue.category[model.histories.of(user).owned] == index).any())
        for user in range(len(model.users))
    ]
    assert facts_of().bought(name).tolist() == expected
    monkeypatch.setattr(histories, "CHUNK", 7)
    assert facts_of().bought(name).tolist() == expected
    with pytest.raises(InvalidInput, match=f"no item is of the category 'nope'; there are .* such as .*{name[:3]}"):
        facts_of().bought("nope")


def test_soonest_due_is_the_least_of_every_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """The soonest day is that of a loop over items bought three times, less what has faded."""
    model = shop_model()
    now = model.as_of + np.timedelta64(3, "D")
    expected = []
    for user in range(len(model.users)):
        history = model.histories.of(user)
        gap = model.repeat.gaps_of(history)
        days = []
        for row in range(len(history)):
            elapsed = (now.astype("datetime64[s]").astype(np.int64) - history.last[row]) / 86_400
            if history.orders[row] >= 3 and elapsed <= GRACE_GAPS * gap[row]:
                on = likely_by(history, model.repeat, np.array([row]), now=now)[0]
                days.append(int((on - now.astype("datetime64[D]")).astype(int)))
        expected.append(min(days, default=np.nan))
    assert np.isfinite(expected).sum() > len(expected) / 2
    np.testing.assert_array_equal(ModelFacts(model, now=now).number("due_within"), expected)
    monkeypatch.setattr(histories, "CHUNK", 5)
    np.testing.assert_array_equal(ModelFacts(model, now=now).number("due_within"), expected)


def test_days_to_the_next_order() -> None:
    """They are counted from the send, below 0 where it is overdue, and not known where there is no day."""
    model = shop_model()
    days = np.full(len(model.users), "NaT", "datetime64[D]")
    days[0] = model.as_of.astype("datetime64[D]") + np.timedelta64(5, "D")
    known = dataclasses.replace(model, outlook=dataclasses.replace(model.outlook, next_order=days))
    found = ModelFacts(known, now=model.as_of + np.timedelta64(7, "D")).number("days_to_next_order")
    assert found[0] == -2
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("name", ["one row", "one user", "clicks only", "guests only"])
def test_smallest_shops(name: str) -> None:
    """Every figure of the smallest shops can be asked for."""
    model = tiny_model(name)
    facts = ModelFacts(model, now=model.as_of)
    for field in NUMBERS:
        assert facts.number(field).shape == (len(model.users),)
