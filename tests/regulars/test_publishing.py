"""Publishing and what follows from it, with a real embedded Valkey."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from regulars.config import load
from regulars.publishing import is_served
from regulars.trained import registry_of
from tests.regulars.conftest import Shop
from training.registry import Registry


@pytest.fixture
def shop(trained_shop: Shop, tmp_path: Path) -> Shop:
    """A copy in which may be published."""
    return Shop(Path(shutil.copytree(trained_shop.folder, tmp_path / "shop")))


def registry(shop: Shop) -> Registry:
    """The shop's registry."""
    return registry_of(load(shop.config))


def test_publish_campaign_rollback(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A published version is served, mailed and marked; after a second one a rollback leads back to it."""
    assert shop.run("publish") == 0
    first = registry(shop).current()
    assert first is not None
    assert f"{first} is served to" in capsys.readouterr().out
    assert is_served(load(shop.config), first)
    journal = list(registry(shop).journal())
    assert shop.run("publish") == 0
    assert f"{first} is served already: nothing to do." in capsys.readouterr().out
    assert list(registry(shop).journal()) == journal

    assert shop.run("campaign export", "--segment", "All", "--slots", "2", "--json") == 0
    campaign = json.loads(capsys.readouterr().out)
    sent = shop.folder / "data/campaigns/all/sends" / campaign["send_id"]
    with (sent / "recipients.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == campaign["written"] == campaign["users"] - sum(campaign["suppressed"].values())
    assert all(row["rec_2_id"] for row in rows)
    assert "rec_3_id" not in rows[0]

    assert shop.run("train", "--set", "als.seed=7") == 0
    assert shop.run("publish") == 0
    second = registry(shop).current()
    assert second != first
    capsys.readouterr()
    assert shop.run("rollback") == 0
    assert f"{first} is served again" in capsys.readouterr().out
    assert registry(shop).current() == first
    assert is_served(load(shop.config), first)
    assert shop.run("rollback") == 1


def test_gate_refuses_unless_forced(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A version that is not good enough changes nothing and exits with 3; --force publishes it all the same."""
    assert shop.run("publish", "--set", "gate.min_lift_popularity=1000") == 3
    assert "may not be published" in capsys.readouterr().err
    assert registry(shop).current() is None
    assert shop.run("publish", "--set", "gate.min_lift_popularity=1000", "--force") == 0
    assert registry(shop).current() is not None


def test_unknown_segment(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A segment that is not there, or tries to be a path, is refused with those there are."""
    assert shop.run("publish") == 0
    assert shop.run("campaign export", "--segment", "../../etc") == 2
    assert "'../../etc' is no segment; known are prospect, new, champion" in capsys.readouterr().err
