"""Versions with their metrics, the journal, and reports."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from recommender.artifact import save_artifact
from recommender.manifest import Provenance
from serving.console.coverage import coverage_of, sample_of, stored_records
from serving.console.versions import Measured, registered, report_of
from tests.models import shop_model
from tests.serving.conftest import Served, Shelves, ids
from tests.serving.console.conftest import page

pytestmark = pytest.mark.anyio

METRICS = {"subject": "regulars", "figures": {"regulars": {"all": {"ndcg@10": 0.43, "coverage@10": 0.1}}}}


def kept(root: Path) -> str:
    """Save a version with metrics, and return its name."""
    provenance = Provenance(data_fingerprint="planted", rows={"users": 3, "items": 4}, metrics=METRICS)
    return save_artifact(shop_model(), provenance, root).version


def journal(root: Path, *entries: tuple[str, str, str]) -> None:
    lines = (json.dumps({"event": event, "version": version, "at": at}) for event, version, at in entries)
    (root / "journal.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_version_has_its_metrics_and_dates(tmp_path: Path) -> None:
    """Figures from the manifest; intervals where a report has them; dates from the journal."""
    name = kept(tmp_path)
    journal(tmp_path, ("trained", name, "2018-01-01T10:00:00+00:00"), ("published", name, "2018-01-02T10:00:00+00:00"))
    (version,) = registered(tmp_path, tmp_path / "reports").versions
    assert version.figures["all", "ndcg"] == Measured(0.43)
    assert (version.trained_at, version.published_at) == ("2018-01-01T10:00:00+00:00", "2018-01-02T10:00:00+00:00")
    assert (version.report, version.problem, version.k) == (None, None, 10)
    figure = {"ranker": "regulars", "purpose": "all", "metric": "ndcg", "value": 0.43, "low": 0.4, "high": 0.46}
    record = {"evaluation": {"subject": "regulars", "figures": [figure]}}
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "reports" / f"{name}.html").write_text("report", encoding="utf-8")
    (version,) = registered(tmp_path, tmp_path / "reports").versions
    assert version.figures["all", "ndcg"] == Measured(0.43, 0.4, 0.46)
    assert version.figures["all", "coverage"] == Measured(0.1)
    assert version.report == f"{name}.html"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 3}', "\x00", "x" * 100])
def test_damage_is_told_and_hides_nothing_else(tmp_path: Path, damage: str) -> None:
    """A version with a damaged manifest is listed as such; a damaged journal or record counts as missing."""
    name = kept(tmp_path)
    other = tmp_path / "20180101-0123456789ab"
    other.mkdir()
    (other / "manifest.json").write_text(damage, encoding="utf-8")
    (tmp_path / "journal.jsonl").write_text(damage + "\n", encoding="utf-8")
    (tmp_path / "CURRENT").write_bytes(b"\xff")
    found = registered(tmp_path, tmp_path)
    assert {version.name: version.problem is None for version in found.versions} == {name: True, other.name: False}
    assert (found.moments, found.marked) == ((), None)


def test_what_is_no_version_is_not_listed(tmp_path: Path) -> None:
    """Unfinished folders, files and strangers."""
    for name in (".unfinished-1", "20180101-xyz", "20180101-0123456789ab", "notes"):
        (tmp_path / name).mkdir()
    assert registered(tmp_path, tmp_path).versions == ()
    assert registered(tmp_path / "none", tmp_path).versions == ()


@pytest.mark.parametrize(
    "name",
    [
        "../keys.json",
        "..%2fkeys.json",
        "20180101-0123456789ab.json",
        "20180101-0123456789ab.users.npz",
        "20180101-0123456789ab.customers.parquet",
        "/etc/passwd",
        "20180101-0123456789ab.html/../../x",
        "20180101-0123456789ab.html\n",
        "",
        ".html",
    ],
)
def test_only_reports_are_reports(tmp_path: Path, name: str) -> None:
    """No other file, and nothing outside of the folder."""
    for each in ("keys.json", "20180101-0123456789ab.json", "20180101-0123456789ab.users.npz"):
        (tmp_path / each).write_text("secret", encoding="utf-8")
    assert report_of(tmp_path, name) is None


def test_a_link_is_no_report(tmp_path: Path) -> None:
    """It could lead anywhere."""
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (tmp_path / "20180101-0123456789ab.html").symlink_to(tmp_path / "secret")
    assert report_of(tmp_path, "20180101-0123456789ab.html") is None


async def test_a_report_runs_nothing(console: Served) -> None:
    """It is sent as it is, in a sandbox; what is no report is not found."""
    reports = console.state.settings.data_dir / "reports"
    reports.mkdir(parents=True)
    (reports / "20180101-0123456789ab.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    answer = await console.client.get("/console/reports/20180101-0123456789ab.html")
    policy = answer.headers["content-security-policy"]
    assert answer.text == "<script>alert(1)</script>"
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    for name in ("20180101-0123456789ab.json", "..%2F..%2Fkeys.json", "%2e%2e/keys.json", "x.html"):
        assert (await console.client.get(f"/console/reports/{name}")).status_code == 404


async def test_the_page_says_what_is_served(console: Served, registry: Shelves) -> None:
    """Every version of the registry, and which of them answers."""
    text = await page(console, "/versions")
    assert f"<b>{registry.shop.version}</b> is served" in text
    assert registry.hostile.version in text
    assert text.count(">served</b>") == 1


async def test_the_overview_says_how_the_shop_is_served(console: Served, registry: Shelves) -> None:
    """Version, customers, store, waiting events, degraded answers of this process, segments."""
    text = html.unescape(await page(console, ""))
    for words in (registry.shop.version, "Events waiting", "this process", "Catalogue on home shelves", "champion"):
        assert words in text


async def test_coverage_counts_what_shelves_show(console: Served, registry: Shelves) -> None:
    """The items of the sample's home shelves, as the API gives them."""
    ready = console.state.holder.ready
    assert ready is not None
    records = await stored_records(console.state.stores.slates, registry.shop)
    assert records is not None
    found = coverage_of(ready, [*records, b"damaged"])
    shelves = [
        ids(await console.get(f"/v1/users/{user}/recommendations", limit=10)) for user in sample_of(registry.shop)
    ]
    assert found.users == len(shelves)
    assert found.items == len({item for shelf in shelves for item in shelf})
    assert found.catalogue == len(registry.shop.model.items)
    assert 0 < found.share <= 1
    assert 1 / len(shelves) <= found.busiest <= 1
