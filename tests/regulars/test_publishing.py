"""Publishing and what follows from it, with a real embedded Valkey."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from regulars.config import load
from regulars.publishing import challengers, is_served
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


def test_a_challenger_beside_the_served_version(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """It is gated, listed and withdrawn without touching what everybody gets, and cannot be that itself."""
    assert shop.run("publish") == 0
    first = registry(shop).current()
    assert shop.run("publish", str(first), "--challenger") == 2
    assert "it cannot be a challenger as well" in capsys.readouterr().err
    assert shop.run("train", "--set", "als.seed=7") == 0
    rival = registry(shop).versions()[-1]
    assert shop.run("publish", "--challenger", "--set", "gate.min_lift_popularity=1000") == 3
    assert challengers(load(shop.config)) == frozenset()
    assert shop.run("publish", "--challenger") == 0
    assert f"{rival} is there for " in capsys.readouterr().out
    assert challengers(load(shop.config)) == registry(shop).challengers() == {rival}
    assert registry(shop).current() == first
    with shop.config.open("a", encoding="utf-8") as file:
        changes = f'changes.other = {{ version = "{rival}" }}'
        file.write(f"\n[experiments.model]\ncontrol = 0\nvariants = {{ usual = 0.5, other = 0.5 }}\n{changes}\n")
    rows = {True: f"version {rival}", False: f"version {rival} (it is no challenger: the served one instead)"}
    for is_there in (True, False):
        capsys.readouterr()
        assert shop.run("experiments list", "--json") == 0
        assert [row["gets"] for row in json.loads(capsys.readouterr().out)] == ["the shop as usual", rows[is_there]]
        assert shop.run("versions") == 0
        lines = capsys.readouterr().out.splitlines()
        assert next(line.split()[0] for line in lines if rival in line) == ("↗" if is_there else rival)
        assert shop.run("withdraw", rival) == (0 if is_there else 1)
    assert "is no challenger; there are: none" in capsys.readouterr().err
    served = f"experiments.model.changes.usual.version={first}"
    assert shop.run("experiments list", "--json", "--set", served) == 0
    assert json.loads(capsys.readouterr().out)[0]["gets"] == f"version {first} (the served one)"
    assert registry(shop).current() == first


def test_a_challenger_the_store_has_forgotten(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that lost its data cannot withdraw anything; the journal is set right all the same, once."""
    assert shop.run("publish") == 0
    first = str(registry(shop).current())
    assert shop.run("train", "--set", "als.seed=7") == 0
    assert shop.run("publish", "--challenger") == 0
    (rival,) = registry(shop).challengers()
    shutil.rmtree(shop.folder / "data/valkey")
    assert challengers(load(shop.config)) == frozenset()
    assert shop.run("publish", first, "--challenger") == 2
    capsys.readouterr()
    assert shop.run("withdraw", rival) == 0
    assert registry(shop).challengers() == frozenset()
    assert shop.run("withdraw", rival) == 1


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
