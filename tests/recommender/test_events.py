"""Events: names, and numbers that are on disk."""

import pytest

from recommender.events import POSITIVE, Event


@pytest.mark.parametrize("event", Event)
def test_labels_parse(event: Event) -> None:
    """Every label leads back to its event, whatever its case and surroundings."""
    assert Event.parse(event.label) is event
    assert Event.parse(f" {event.label.title()} ") is event


def test_unknown_label_lists_the_known() -> None:
    """A wrong label is answered with the right ones."""
    with pytest.raises(ValueError, match="'bought' is no event; known are purchase, click"):
        Event.parse("bought")


def test_numbers_are_a_wire_format() -> None:
    """Artifacts and packed records hold these numbers: a failure here means old data is read wrongly."""
    assert {event.label: event.value for event in Event} == {
        "purchase": 0,
        "click": 1,
        "add_to_cart": 2,
        "impression": 3,
        "return": 4,
        "not_interested": 5,
        "complaint_opened": 6,
        "complaint_closed": 7,
        "remove_from_cart": 8,
        "rating": 9,
    }


def test_positive_events() -> None:
    """Only a purchase, a cart and a click say yes."""
    assert {event.label for event in POSITIVE} == {"purchase", "add_to_cart", "click"}
