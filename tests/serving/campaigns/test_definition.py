"""Definitions of campaigns."""

import json
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidInput
from serving.campaigns.cap import Cap
from serving.campaigns.definition import Recipe, Tier, defined, known_campaigns, load_definition


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """A definition comes back as it was, and so does its fingerprint."""
    definition = defined(
        name="win-back",
        audience='segment = "at risk"',
        recipe="win-back",
        control=0.1,
        cap="2 in 7 days",
        tiers=[Tier.parse("10% if segment = lost")],
    )
    definition.save(tmp_path)
    loaded = load_definition(tmp_path, "win-back")
    assert loaded == definition
    assert loaded.fingerprint == definition.fingerprint
    assert loaded.fingerprint != defined(name="win-back").fingerprint
    assert (loaded.limit, loaded.recipe) == (Cap(2, 7), Recipe.WIN_BACK)
    assert known_campaigns(tmp_path) == ["win-back"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "../etc"}, "'../etc' cannot be the name of a campaign"),
        ({"name": "Upper"}, "use up to 40 of a-z"),
        ({"audience": "segment = nope"}, "audience: column 11: 'nope' is no segment"),
        ({"recipe": "soup"}, "recipe: Input should be 'mixed'"),
        ({"slots": 0}, "slots: "),
        ({"slots": 2, "min_picks": 3}, "min_picks is 3, but there are only 2 slots"),
        ({"control": 1.5}, "control: "),
        ({"cap": "often"}, "'often' is no cap; write how many mails in how many days"),
        ({"cap": "2 in 0 days"}, "'2 in 0 days' is no cap"),
        ({"nope": 1}, "nope: "),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], said: str) -> None:
    """The message names what is wrong, and what could be."""
    with pytest.raises(InvalidInput) as refusal:
        defined(**{"name": "a", **values})
    assert said in str(refusal.value)


@pytest.mark.parametrize("text", ["10%", "if segment = lost", "10% if", f"{'x' * 50} if segment = lost"])
def test_tiers_without_name_or_condition_are_refused(text: str) -> None:
    """A tier has a short name and a condition."""
    with pytest.raises(InvalidInput, match=r"is no coupon tier|is no field|a condition is missing"):
        Tier.parse(text)


def test_unknown_campaigns_are_refused_with_those_there_are(tmp_path: Path) -> None:
    """Who asks for another name is told the known ones; a damaged file is named."""
    defined(name="a").save(tmp_path)
    with pytest.raises(InvalidInput, match=r"there is no campaign 'b' in .*; there are: a"):
        load_definition(tmp_path, "b")
    (tmp_path / "a/campaign.json").write_text('{"name": "a", "slots": "many"}')
    with pytest.raises(InvalidInput, match=r"campaign\.json: slots: "):
        load_definition(tmp_path, "a")


def test_a_file_is_of_the_campaign_whose_folder_it_lies_in(tmp_path: Path) -> None:
    """A folder that was copied would send in the other's name, to the other's control group."""
    defined(name="spring").save(tmp_path)
    (tmp_path / "spring").rename(tmp_path / "autumn")
    with pytest.raises(InvalidInput, match="name of its folder, 'autumn'"):
        load_definition(tmp_path, "autumn")


@pytest.mark.parametrize(
    ("tier", "said"),
    [(["10%", "segment ="], "column"), (["", "segment = lost"], "name"), (["x" * 41, "segment = lost"], "name")],
)
def test_tiers_of_a_file_are_looked_at_before_anybody_is_written(tmp_path: Path, tier: list[str], said: str) -> None:
    """What somebody wrote into the file by hand is refused when it is read, and not in the middle of a send."""
    path = defined(name="spring").save(tmp_path)
    path.write_text(json.dumps({"name": "spring", "tiers": [tier]}), encoding="utf-8")
    with pytest.raises(InvalidInput, match=said):
        load_definition(tmp_path, "spring")
