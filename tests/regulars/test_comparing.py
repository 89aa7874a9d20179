"""Comparing versions and asking the gate, as a user of the command line does."""

import json
import shutil
from pathlib import Path

import pytest

from regulars.config import load
from regulars.trained import before_and_after, registry_of
from tests.regulars.conftest import Shop
from training.registry import Registry


@pytest.fixture(scope="module")
def shop(trained_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy with three versions: two on the same test window, the last on another one."""
    shop = Shop(Path(shutil.copytree(trained_shop.folder, tmp_path_factory.mktemp("compared") / "shop")))
    assert shop.run("train", "--set", "als.factors=4") == 0
    assert shop.run("train", "--set", "evaluation.test_days=40") == 0
    return shop


@pytest.fixture
def registry(shop: Shop) -> Registry:
    """The shop's registry."""
    return registry_of(load(shop.config))


def compared(shop: Shop, capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    """What the command says as JSON."""
    capsys.readouterr()
    assert shop.run("compare", *args, "--json") == 0
    content: dict[str, object] = json.loads(capsys.readouterr().out)
    return content


def test_compare_two_versions(shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables fit into 80 columns and name every part: figures, groups, shelves, and what was trained differently."""
    a, b, _ = registry.versions()
    capsys.readouterr()
    assert shop.run("compare", a, b, "--users", "20") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for words in (a, b, "All items", "Items new to the user", "decile 10", "warm users", "head items"):
        assert words in shown
    for words in ("B − A", "home shelves hold another pick", "als.factors", "places A"):
        assert words in shown


def test_a_version_with_itself(shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing differs: neither a figure nor a shelf nor a setting."""
    a = registry.versions()[0]
    found = compared(shop, capsys, a, a, "--users", "20")
    assert {row["difference"] for row in found["figures"]} == {0.0}  # type: ignore[attr-defined]  # rows of JSON
    shelves = found["shelves"]
    assert isinstance(shelves, dict)
    assert (shelves["unchanged"], shelves["changed"]) == (20, 0)
    assert found["changes"] == []


def test_windows_that_differ(shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures of different weeks are not subtracted, and the reason is said; the rest is compared."""
    a, _, c = registry.versions()
    found = compared(shop, capsys, a, c, "--users", "5")
    assert found["figures"] == []
    assert str(found["why_unpaired"]).startswith("the test windows differ: one begins on ")
    assert found["shelves"]
    assert shop.run("compare", a, c, "--users", "0") == 0
    shown = capsys.readouterr().out
    assert "No figure is subtracted user by user: the test windows differ" in shown
    assert "smallest lead" in shown
    assert "evaluation.test_days" in shown
    assert "home shelves" not in shown


def test_an_old_version_without_figures_by_user(
    shop: Shop, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the file the message says so, and everything else works: comparison, gate and report."""
    copy = Shop(Path(shutil.copytree(shop.folder, tmp_path / "shop")))
    a, b, _ = registry.versions()
    (copy.folder / "data/reports" / f"{a}.users.npz").unlink()
    found = compared(copy, capsys, a, b, "--users", "5")
    assert f"{a} has no figures by user" in str(found["why_unpaired"])
    assert found["changes"]
    assert copy.run("report", a) == 0
    assert "was not kept for this version" in (copy.folder / "data/reports" / f"{a}.md").read_text(encoding="utf-8")
    assert copy.run("gate", a) == 0
    assert "the best fifth of customers" in capsys.readouterr().out


def test_an_artifact_that_cannot_be_read(
    shop: Shop, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An artifact of an earlier release, or a damaged one, leaves the figures: the rest says why it is missing."""
    copy = Shop(Path(shutil.copytree(shop.folder, tmp_path / "shop")))
    a, b, _ = registry.versions()
    manifest = copy.folder / "data/artifacts" / a / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"schema": ', '"schema": 9'), encoding="utf-8")
    found = compared(copy, capsys, a, b)
    assert found["figures"]
    assert (found["shelves"], found["changes"]) == (None, None)
    assert "Shelves and settings are not compared" in str(found["notes"])
    assert copy.run("compare", a, b) == 0
    assert "train again" in capsys.readouterr().out
    assert copy.run("compare", a, b, "--report") == 0
    assert "That cannot be said" in Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")


def test_the_page(shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds the path of the page and nothing else."""
    a, b, _ = registry.versions()
    capsys.readouterr()
    assert shop.run("compare", a, b, "--users", "20", "--report") == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.name == f"compare-{a}-{b}.html"
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_which_versions_are_meant(shop: Shop, registry: Registry, tmp_path: Path) -> None:
    """The served one and the last one; the one before the last if the last is served, or nothing is."""
    copy = Registry(Path(shutil.copytree(registry.root, tmp_path / "artifacts")))
    a, b, c = copy.versions()
    assert before_and_after(copy, None, None) == (b, c)
    copy.set_current(a)
    assert before_and_after(copy, None, None) == (a, c)
    assert before_and_after(copy, None, b) == (a, b)
    assert before_and_after(copy, b, None) == (b, c)
    copy.set_current(c)
    assert before_and_after(copy, None, None) == (b, c)
    assert before_and_after(copy, c, c) == (c, c)


def test_nothing_to_compare_with(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """One version alone is said to be alone; an unknown one is named."""
    assert trained_shop.run("compare") == 1
    assert "there is nothing to compare" in capsys.readouterr().err
    assert trained_shop.run("compare", "20240101-000000000000") == 1
    assert "there is no version '20240101-000000000000'" in capsys.readouterr().err


def test_gate(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verdict is printed with figures; the exit code is 0, or 3 with the reason on standard error."""
    assert trained_shop.run("gate") == 0
    shown = capsys.readouterr().out
    assert "may be published" in shown
    assert "against own top" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert trained_shop.run("gate", "--set", "gate.min_lift_popularity=1000") == 3
    captured = capsys.readouterr()
    assert "1 of " in captured.out
    assert "may not be published: nDCG@10 on all items against popularity" in captured.err


def test_gate_as_json(trained_shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads the verdicts, and the exit code is the same."""
    assert trained_shop.run("gate", "--json", "--set", "gate.min_lift_popularity=1000") == 3
    content = json.loads(capsys.readouterr().out)
    assert content["passed"] is False
    assert content["served"] is None
    assert [verdict["passed"] for verdict in content["verdicts"]].count(False) == 1


def test_gate_and_publish_agree(
    shop: Shop, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Publishing asks the same rules, the served version among them, and exits with the same code."""
    copy = Shop(Path(shutil.copytree(shop.folder, tmp_path / "shop")))
    a, b, _ = registry.versions()
    registry_of(load(copy.config)).set_current(a)
    codes = []
    for bar in ("0", "1000"):
        option = ("--set", f"gate.min_lift_own_top={bar}")
        capsys.readouterr()
        code = copy.run("gate", b, *option, "--json")
        content = json.loads(capsys.readouterr().out)
        assert content["served"] == a
        assert any(f"against the served version {a}" in verdict["rule"] for verdict in content["verdicts"])
        assert code == (0 if content["passed"] else 3)
        assert copy.run("publish", b, *option) == code
        assert registry_of(load(copy.config)).current() == (a if code else b)
        registry_of(load(copy.config)).set_current(a)
        codes.append(code)
    assert codes[-1] == 3
