"""The households of a report: nameless, the same each time, and offered what the engine offers."""

import dataclasses
import json

import pytest

from tests.models import shop_model, tiny_model
from training.examples import Example, Pick, examples_of
from training.households import households
from training.report.stories import story, why

PICK = Pick(title="Milk", category="Dairy", owned=True, reason="buy_again", because="", due_on="")


def test_examples_name_nobody() -> None:
    """No id of a user is in what a report keeps."""
    model = shop_model()
    shown, examples = households(model, now=model.as_of), examples_of(model)
    assert len(shown) == len(examples) > 1
    kept = json.dumps([example.to_dict() for example in examples], ensure_ascii=False)
    assert not [household.user_id for household in shown if household.user_id in kept]
    assert [household.orders for household in shown] == [example.orders for example in examples]


def test_discovery_is_new() -> None:
    """New offers are not owned; an anchor is there where the reason promises one, a day only if it is a need."""
    for example in examples_of(shop_model()):
        assert example.home
        assert not any(pick.owned for pick in example.discovery)
        for pick in (*example.home, *example.discovery):
            assert pick.due_on == "" or pick.reason == "buy_again"
            assert (pick.because != "") == (pick.reason in {"because_you_bought", "bought_together", "similar_to"})


def test_examples_survive_json() -> None:
    """What is read again is what was written, and tells the same story."""
    for example in examples_of(shop_model()):
        again = Example.from_dict(json.loads(json.dumps(example.to_dict())))
        assert again == example
        assert story(again, today="2024-12-31") == story(example, today="2024-12-31")


@pytest.mark.parametrize("name", ["one row", "one user", "one item", "one day"])
def test_smallest_shops_have_examples(name: str) -> None:
    """A shop of one has somebody to show, even if they own all there is."""
    assert len(examples_of(tiny_model(name))) >= 1
    assert all(story(example, today="2024-12-31").lately for example in examples_of(tiny_model(name)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "bought before"),
        ({"due_on": "2024-12-30"}, "bought before"),
        ({"due_on": "2025-01-07"}, "bought before, needed around 7 January"),
        ({"reason": "bought_together", "because": "{Tea}"}, "goes with {Tea}"),
        ({"reason": "because_you_bought", "because": "Tea"}, "because of Tea"),
        ({"reason": "similar_to", "because": ""}, "like what was looked at"),
        ({"reason": "of another program"}, "of another program"),
    ],
)
def test_reasons_in_words(changes: dict[str, str], words: str) -> None:
    """A day in the past is not due any more, and braces in a title are a title."""
    assert why(dataclasses.replace(PICK, **changes), today="2024-12-31") == words  # type: ignore[arg-type]
