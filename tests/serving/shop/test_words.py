"""Search: the words of a query, the texts that hold them, the best first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.shop.words import NO_MATCH, Words, words_of

SHELF = {
    "Whole Milk 1 gal": "Fluid milk Grocery",
    "Milk Chocolate Bar": "Candy Grocery",
    "Milkshake Straws": "Kitchen Household",
    "Cheddar": "Cheese Milk products",
    "Crème Brûlée": "Desserts Deli",
    "Cherry Tomatoes": "Tomatoes Produce",
    "空心菜 500 g": "蔬菜 Produce",
}
WORDS = Words(titles=list(SHELF), places=list(SHELF.values()))


def found(query: str) -> list[str]:
    """Return the titles that fit, the best first."""
    ranks = WORDS.ranks(query)
    return [
        title
        for rank, title in sorted(zip(ranks.tolist(), SHELF, strict=True), key=lambda pair: pair[0])
        if rank < NO_MATCH
    ]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("milk", ["Whole Milk 1 gal", "Milk Chocolate Bar", "Milkshake Straws", "Cheddar"]),
        ("MILK choc", ["Milk Chocolate Bar"]),
        ("grocery milk", ["Whole Milk 1 gal", "Milk Chocolate Bar"]),
        ("milks", ["Whole Milk 1 gal", "Milk Chocolate Bar", "Milkshake Straws", "Cheddar"]),
        ("creme brulee", ["Crème Brûlée"]),
        ("tomato", ["Cherry Tomatoes"]),
        ("cherries", ["Cherry Tomatoes"]),
        ("心", ["空心菜 500 g"]),
        ("空心菜", ["空心菜 500 g"]),
        ("milk tea", []),
        ("", []),
        ("!?", []),
    ],
)
def test_queries_find_what_they_should(query: str, titles: list[str]) -> None:
    """Hand-picked queries over a shelf of seven."""
    assert found(query) == titles


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("chedar", ["cheddar"]),
        ("milk choclate", ["milk chocolate"]),
        ("mlik", ["milk"]),
        ("milc", []),
        ("délii", ["deli"]),
        ("zzzz", []),
        ("5000", []),
        ("zzzz milk", ["milk"]),
        ("deli milk", ["deli", "milk"]),
        ("deli milk chocolate", ["milk chocolate"]),
        ("chedar kitchn milk", ["cheddar milk", "kitchen milk"]),
    ],
)
def test_a_slip_is_noticed(query: str, meant: list[str]) -> None:
    """Words nobody uses become similar ones, and where no text has all words, some are left out."""
    assert not found(query)
    assert WORDS.suggestions(query) == meant
    assert all(found(each) for each in meant)


texts = st.lists(st.text("ab c", max_size=12), min_size=1, max_size=12)


@given(texts, texts, st.text("ab c", max_size=8))
def test_search_is_a_scan(titles: list[str], places: list[str], query: str) -> None:
    """The index finds and ranks what a look at every text does."""
    n = min(len(titles), len(places))
    ranks = Words(titles=titles[:n], places=places[:n]).ranks(query).tolist()
    assert ranks == [by_hand(words_of(titles[k]), words_of(places[k]), words_of(query)) for k in range(n)]


def by_hand(title: list[str], place: list[str], query: list[str]) -> int:
    """Return the rank of one text."""
    ranks = [0 if query else NO_MATCH]
    for word in query:
        if word in title:
            ranks.append(0)
        elif any(each.startswith(word) for each in title):
            ranks.append(1)
        else:
            ranks.append(2 if any(each.startswith(word) for each in place) else NO_MATCH)
    return max(ranks)


@given(st.text(max_size=300))
def test_any_text_may_be_typed(query: str) -> None:
    """No query is an error."""
    assert len(WORDS.ranks(query)) == len(SHELF)
    assert all(found(each) for each in WORDS.suggestions(query))
