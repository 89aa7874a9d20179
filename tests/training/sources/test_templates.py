"""Text made of columns."""

import polars as pl
import pytest

from recommender.errors import ConfigError
from training.sources.templates import Template

FRAME = pl.DataFrame(
    {
        "brand": ["PRIVATE", None, "L'OREAL PARIS"],
        "type": ["WHOLE  MILK", "TEA", None],
        "size": ["1 GA", None, None],
        "id": [7, 8, 9],
    }
)


def render(text: str) -> list[str]:
    """`text` over the rows of FRAME."""
    return Template.parse(text, key="title in [items]").render(FRAME).to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brand", ["PRIVATE", "", "L'OREAL PARIS"]),
        ("{brand:title} {type:title} {size:lower}", ["Private Whole Milk 1 ga", "Tea", "L'oreal Paris"]),
        ("{type:sentence}", ["Whole milk", "Tea", ""]),
        ("{type:upper}", ["WHOLE MILK", "TEA", ""]),
        ("https://shop.example/p/{id}", [f"https://shop.example/p/{n}" for n in (7, 8, 9)]),
        ("{{{id}}}", ["{7}", "{8}", "{9}"]),
    ],
)
def test_rendering(text: str, expected: list[str]) -> None:
    """Styles apply, parts that are null vanish, spaces are squeezed."""
    assert render(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{brand", "is no template"),
        ("{}", "write columns as {name}"),
        ("{brand!r}", "write columns as {name}"),
        ("{brand:titel}", "did you mean 'title'?"),
        ("{brand:>20}", "known are title"),
    ],
)
def test_template_that_cannot_be_understood(text: str, hint: str) -> None:
    """The message names the key and what is wrong."""
    with pytest.raises(ConfigError) as refused:
        Template.parse(text, key="title in [items]")
    assert "title in [items]" in str(refused.value)
    assert hint in str(refused.value)


def test_columns_are_listed_once() -> None:
    """A template knows what it needs to read."""
    assert Template.parse("{brand} {type} {brand:lower}", key="title").columns == ("brand", "type")
