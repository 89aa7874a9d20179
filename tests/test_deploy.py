"""What stands in deploy/ fits the program: metrics that exist, alerts that are explained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anyio
import httpx
import pytest
import yaml

from regulars.config import KEYS
from serving.app import create_app
from serving.metrics import Metrics
from serving.settings import AppSettings
from serving.stores.memory import MemoryStores
from tests.pages import DEPLOYED, ROOT, name_of, text_of, undocumented

FOREIGN = {"up"}
"""Metrics that Prometheus has of its own."""

FUNCTIONS = frozenset(
    {"sum", "max", "min", "count", "rate", "increase", "delta", "deriv", "changes", "time", "histogram_quantile"}
    | {"by", "ignoring", "group_left", "and"}
)
"""Words of the query language that the files use."""


def exposed_metrics() -> dict[str, set[str]]:
    """Every name that Prometheus can ask for, with its labels; when a counter began (`_created`) is not told."""
    found: dict[str, set[str]] = {}
    metrics = Metrics()
    for family, names in metrics.registry._collector_to_names.items():
        labels = set(getattr(family, "_labelnames", ()))
        found |= {name: labels | ({"le"} if name.endswith("_bucket") else set()) for name in names}
    return {name: labels for name, labels in found.items() if not name.endswith("_created")}


def queries() -> dict[str, str]:
    """Every query of the dashboard and of the alert rules, by where it stands."""
    panels = json.loads(text_of("deploy/grafana/regulars.json"))["panels"]
    asked = {f"{panel['title']} {target['refId']}": target["expr"] for panel in panels for target in panel["targets"]}
    groups = yaml.safe_load(text_of("deploy/alerts.yml"))["groups"]
    return asked | {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


QUERIES = queries()


async def told_over_http(folder: Path) -> set[str]:
    """The families that a started app tells Prometheus of, with the suffixes of histograms."""
    app = create_app(AppSettings(data_dir=folder), store=MemoryStores())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client,
    ):
        text = (await client.get("/metrics")).text
    families = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    return {
        f"{name}{suffix}"
        for name, kind in families
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


def test_what_is_asked_is_told(tmp_path: Path) -> None:
    """Every metric that a rule or panel names is on the page that a started app gives to Prometheus."""
    asked = {name for query in QUERIES.values() for name in re.findall(r"\bregulars_[a-z_]+", query)}
    assert len(asked) > 20
    assert asked - anyio.run(told_over_http, tmp_path) == set()


@pytest.mark.parametrize("where", QUERIES)
def test_queries_know_what_they_ask(where: str) -> None:
    """A query names metrics and labels that there are, and no word that is neither."""
    query, exposed = QUERIES[where], exposed_metrics()
    bare = re.sub(r'"[^"]*"|\$__rate_interval|\[\d+[mh]\]', "", query)
    words = set(re.findall(r"\b[a-z_]+\b", bare))
    names = {word for word in words if word.startswith("regulars_")}
    assert names <= exposed.keys()
    labels = {"instance", "job"}.union(*(exposed[name] for name in names))
    assert words - names - FUNCTIONS - FOREIGN - labels == set()


def test_a_try_does_not_silence_the_alert() -> None:
    """While Redis is away the breaker is at 2 or, when a call tries, at 1; the rule holds for both."""
    assert QUERIES["RegularsStoreAway"].endswith("(regulars_store_breaker) > 0")


def test_every_metric_is_watched() -> None:
    """What is worth counting is on the dashboard or in a rule."""
    asked = " ".join(QUERIES.values())
    families = {re.sub("_(total|bucket|sum|count)$", "", name) for name in exposed_metrics()}
    assert [name for name in sorted(families) if name not in asked] == []


@pytest.mark.parametrize("file", DEPLOYED, ids=name_of)
def test_metrics_exist(file: Path) -> None:
    """No deployed file names a metric that the program does not have."""
    asked = set(re.findall(r"\bregulars_[a-z_]+", file.read_text(encoding="utf-8")))
    assert asked <= exposed_metrics().keys()


@pytest.mark.parametrize("file", DEPLOYED, ids=name_of)
def test_variables_exist(file: Path) -> None:
    """A container is configured by settings that there are."""
    set_ = set(re.findall(r"\bREGULARS_[A-Z_]+", file.read_text(encoding="utf-8")))
    assert set_ <= {key.variable for key in KEYS}


def test_alerts_and_files_are_documented() -> None:
    """Whoever is woken by an alert finds what to do about it."""
    page = text_of("docs/operations.md")
    rows = re.findall(r"^\| `(Regulars\w+)` \| .{15,} \| .{10,} \|$", page, re.M)
    assert sorted(rows) == sorted(re.findall(r"alert: (\w+)", text_of("deploy/alerts.yml")))
    shown = {name_of(path) for path in DEPLOYED if path.parent.name == "deploy" and path.suffix != ".dockerignore"}
    assert undocumented(sorted(shown), page) == []


@pytest.mark.parametrize("file", [path for path in DEPLOYED if path.suffix in {".yml", ".yaml"}], ids=name_of)
def test_yaml_is_yaml(file: Path) -> None:
    """Every YAML file holds a table."""
    assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)


def test_mounted_files_exist() -> None:
    """What compose.yaml mounts from the repository, and the image copies, is there."""
    services = yaml.safe_load(text_of("deploy/compose.yaml"))["services"].values()
    mounts = [volume.split(":")[0] for service in services for volume in service.get("volumes", [])]
    files = [ROOT / "deploy" / path for path in mounts if path.startswith(".")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text_of("deploy/Dockerfile"), re.M)
    files += [ROOT / name for names in copied for name in names.split()]
    assert [name_of(file) for file in files if not file.exists()] == []


def test_every_panel_asks_something() -> None:
    """The dashboard is JSON, and each of its panels has a query."""
    panels = json.loads(text_of("deploy/grafana/regulars.json"))["panels"]
    assert panels
    assert all(target["expr"] for panel in panels for target in panel["targets"])
