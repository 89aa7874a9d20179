"""What stands in deploy/ fits the program: metrics that exist, alerts that are explained."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from regulars.config import KEYS
from serving.metrics import Metrics
from tests.pages import DEPLOYED, ROOT, name_of, text_of, undocumented


def exposed_metrics() -> set[str]:
    """Every name that Prometheus can ask for."""
    families = list(Metrics().registry.collect())
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    return names | {
        f"{f.name}_{part}" for f in families if f.type == "histogram" for part in ("bucket", "sum", "count")
    }


@pytest.mark.parametrize("file", DEPLOYED, ids=name_of)
def test_metrics_exist(file: Path) -> None:
    """Dashboard and alert rules ask for metrics that the program has."""
    asked = set(re.findall(r"\bregulars_[a-z_]+", file.read_text(encoding="utf-8")))
    assert asked <= exposed_metrics()


@pytest.mark.parametrize("file", DEPLOYED, ids=name_of)
def test_variables_exist(file: Path) -> None:
    """A container is configured by settings that there are."""
    set_ = set(re.findall(r"\bREGULARS_[A-Z_]+", file.read_text(encoding="utf-8")))
    assert set_ <= {key.variable for key in KEYS}


def test_alerts_and_files_are_documented() -> None:
    """Whoever is woken by an alert finds what to do about it."""
    page = text_of("docs/operations.md")
    assert undocumented(re.findall(r"alert: (\w+)", text_of("deploy/alerts.yml")), page) == []
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
