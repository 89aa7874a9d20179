from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.glyphs import FAMILIES, OTHER, family_of
from serving.pictures import MAX_TITLE_CHARACTERS, picture_svg

NAMESPACE = "{http://www.w3.org/2000/svg}"
ANY_TEXT = st.text(st.characters(), max_size=60)


@given(title=ANY_TEXT, category=ANY_TEXT, department=ANY_TEXT)
def test_any_text_gives_well_formed_xml(title: str, category: str, department: str) -> None:
    """Control characters, markup and lone surrogates never break the document or leave their element."""
    root = ElementTree.fromstring(picture_svg(title, category, department).encode("utf-8"))
    assert root.tag == f"{NAMESPACE}svg"
    assert {node.tag.removeprefix(NAMESPACE) for node in root.iter()} <= {
        "svg", "title", "path", "circle", "ellipse", "g", "text",
    }  # fmt: skip


@given(title=ANY_TEXT, category=ANY_TEXT)
def test_the_same_item_looks_the_same_everywhere(title: str, category: str) -> None:
    """The picture is a function of the texts, not of the process that draws it."""
    assert picture_svg(title, category, "") == picture_svg.__wrapped__(title, category, "")


def test_markup_in_a_title_is_text() -> None:
    """A title that looks like a script is shown, not run."""
    svg = picture_svg('</title><script>alert("空")</script>', "Tea & Coffee", "")
    assert "<script>" not in svg
    assert ElementTree.fromstring(svg).findtext(f"{NAMESPACE}title") == '</title><script>alert("空")</script>'


def test_the_title_is_the_accessible_name() -> None:
    """A screen reader hears the title, or the category where there is none, and never thousands of characters."""
    name = f"{NAMESPACE}title"
    assert ElementTree.fromstring(picture_svg("Green Tea", "Tea", "")).findtext(name) == "Green Tea"
    assert ElementTree.fromstring(picture_svg("", "Tea", "")).findtext(name) == "Tea"
    assert len(ElementTree.fromstring(picture_svg("x" * 9999, "", "")).findtext(name) or "") == MAX_TITLE_CHARACTERS


def test_pictures_stay_small() -> None:
    """No family's picture is above two kilobytes: a shelf of twelve weighs less than one photograph."""
    assert max(len(picture_svg("A Title", family.words.split()[0], "")) for family in FAMILIES) < 2048


@pytest.mark.parametrize(
    ("category", "department", "family"),
    [
        ("FLUID MILK PRODUCTS", "GROCERY", "dairy"),
        ("CHEESE", "GROCERY", "cheese"),
        ("BAKED BREAD/BUNS/ROLLS", "GROCERY", "bakery"),
        ("TROPICAL FRUIT", "PRODUCE", "fruit"),
        ("HOT DOGS", "MEAT-PCKGD", "meat"),
        ("DOG FOODS", "GROCERY", "pet"),
        ("CANDY - CHECKLANE", "DRUG GM", "sweet"),
        ("COLD CEREAL", "GROCERY", "breakfast"),
        ("COLD AND FLU", "DRUG GM", "health"),
        ("FRZN MEAT/MEAT DINNERS", "GROCERY", "frozen"),
        ("AIR CARE", "GROCERY", "household"),
        ("BATH TISSUES", "GROCERY", "paper"),
        ("", "PRODUCE", "vegetable"),
        ("空", "", "other"),
    ],
)
def test_words_of_a_category_choose_the_drawing(category: str, department: str, family: str) -> None:
    """The category decides, then the department, and what nobody knows is a shopping bag."""
    assert family_of(category, department).name == family


def test_every_family_can_be_reached() -> None:
    """No family is hidden behind an earlier one that takes all its words."""
    for family in FAMILIES:
        assert any(family_of(word, "") is family for word in family.words.split()), family.name


def test_items_of_one_category_share_a_hue_and_differ_in_detail() -> None:
    """A shelf of one category looks related, not stamped."""
    first, second = (picture_svg(title, "Unheard of", "") for title in ("One", "Two"))
    assert first != second
    assert first.split('fill="')[1][:7] == second.split('fill="')[1][:7]
    assert family_of("Unheard of", "") is OTHER


def test_initials_are_readable_on_every_tile() -> None:
    """Ink on tile has a contrast of at least 3 : 1 in every family, the bound for large text and graphics."""
    for family in FAMILIES:
        svg = picture_svg("A Title", family.words.split()[0], "")
        tile, ink = svg.split('fill="')[1][:7], svg.split("<text")[1].split('fill="')[1][:7]
        assert _contrast(tile, ink) >= 3, family.name


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
