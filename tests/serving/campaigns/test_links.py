"""The addresses that a mail carries."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from recommender.errors import ConfigError
from serving.campaigns.links import SECRET_FILE, Links
from serving.campaigns.sends import Send
from serving.campaigns.settings import CampaignSettings
from serving.settings import AppSettings, ServingSettings

SEND = Send("win-back", "spring", Path())
MAIL = CampaignSettings(public_url="https://reco.example/", shop_url="https://shop.example")


def links(data_dir: Path, send: Send = SEND, campaign: CampaignSettings = MAIL) -> Links:
    made = Links.of(AppSettings(data_dir=data_dir, campaign=campaign), send)
    assert made is not None
    return made


def test_a_send_written_twice_has_the_same_links(tmp_path: Path) -> None:
    """Links are a function of the installation, the send, the recipient and the slot, and differ in each."""
    one = links(tmp_path)
    assert one.click(7, 0) == links(tmp_path).click(7, 0)
    others = [links(tmp_path / "other"), links(tmp_path, Send("win-back", "summer", Path()))]
    told = {one.click(7, 0), one.click(7, 1), one.click(8, 0), *(each.click(7, 0) for each in others)}
    assert len(told) == 5


def test_links_are_short(tmp_path: Path) -> None:
    """They fit into a line of a plain-text mail, and into every field of a mail tool."""
    assert links(tmp_path).click(4_000_000_000, 19).startswith("https://reco.example/l/")
    assert links(tmp_path).image(0, 0).endswith(".png")
    assert len(links(tmp_path).click(0, 0)) == len("https://reco.example/l/") + 36


def test_the_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    """It is made when it is first needed, and readable by nobody else."""
    links(tmp_path)
    assert stat.S_IMODE((tmp_path / SECRET_FILE).stat().st_mode) == 0o600


def test_without_an_address_there_are_no_links(tmp_path: Path) -> None:
    """Nobody has links unasked; and no secret is made for them."""
    assert Links.of(AppSettings(data_dir=tmp_path), SEND) is None
    assert not (tmp_path / SECRET_FILE).exists()


def test_links_that_would_lead_nowhere_are_not_written(tmp_path: Path) -> None:
    """Without a shop to lead to, or a secret that servers find, an export stops and says what to do."""
    homeless = CampaignSettings(public_url="https://reco.example")
    with pytest.raises(ConfigError, match=r"campaign\.shop_url"):
        Links.of(AppSettings(data_dir=tmp_path, campaign=homeless), SEND)
    assert links(tmp_path, campaign=MAIL) is not None
    demo = ServingSettings(demo_shop="local")
    assert Links.of(AppSettings(data_dir=tmp_path, campaign=homeless, serving=demo), SEND) is not None
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        links(tmp_path / "file")
