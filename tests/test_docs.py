"""What there is, is documented: every setting, command, route, error and metric, where one looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from recommender.candidates import ReasonCode, Source
from recommender.events import Event
from recommender.loyalty.rfm import Segment
from recommender.slate import Placement
from regulars.cli import app as command_line
from regulars.config import KEYS
from regulars.settings_page import settings_page
from serving.app import create_app
from serving.metrics import Metrics
from serving.problems import Code
from serving.settings import AppSettings, RedisSettings
from tests.pages import all_text, make_targets, text_of, undocumented
from tests.training.log_files import clean_csv_log
from training.settings import CleaningSettings

Command = Any
"""A command of typer's own copy of click."""


def commands() -> Iterator[tuple[str, Command]]:
    """Every command of the command line by its full name, groups included."""
    root = typer.main.get_command(command_line)
    waiting: list[tuple[str, Command]] = [("regulars", root)]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        waiting += [(f"{name} {sub}", inner) for sub, inner in getattr(command, "commands", {}).items()]


@cache
def openapi() -> dict[str, Any]:
    """The description that the real app gives of itself."""
    return create_app(AppSettings(redis=RedisSettings(url="redis://localhost"))).openapi()


def exposed_metrics() -> list[str]:
    """The names under which Prometheus sees our metrics, without the suffixes of histograms."""
    families = Metrics().registry.collect()
    return sorted(f"{family.name}_total" if family.type == "counter" else family.name for family in families)


def test_settings_page_is_current() -> None:
    """docs/settings.md is what `python -m regulars.settings_page` prints, and holds every key."""
    assert text_of("docs/settings.md") == settings_page()
    assert undocumented((key.dotted for key in KEYS), text_of("docs/settings.md")) == []


@pytest.mark.parametrize("table", ["purchases", "items"])
def test_every_key_of_the_data_is_explained(table: str) -> None:
    """The page about data explains each key of [purchases] and [items], not only names it."""
    names = {key.path[-1] for key in KEYS if key.path[0] == table}
    assert undocumented(sorted(names), text_of("docs/data.md")) == []


def test_every_command_and_option_is_documented() -> None:
    """Each command is written out somewhere, and so is each option."""
    text = all_text()
    assert [name for name, _ in commands() if not re.search(rf"\b{name}\b", text)] == []
    options = {option for _, command in commands() for parameter in command.params for option in parameter.opts}
    assert undocumented(sorted(option for option in options if option.startswith("-")), text) == []


def test_every_make_target_is_documented() -> None:
    """`make` itself lists them; the docs say when each is wanted."""
    assert [target for target in sorted(make_targets()) if not re.search(rf"`?make {target}\b", all_text())] == []


def test_every_route_is_documented() -> None:
    """Each method and path of the app's own description is in docs/api.md."""
    routes = [f"{method.upper()} {path}" for path, methods in openapi()["paths"].items() for method in methods]
    assert len(routes) > 10
    assert undocumented(routes, text_of("docs/api.md")) == []


def test_every_parameter_and_field_is_documented() -> None:
    """Query parameters, fields of bodies and fields of answers are in docs/api.md."""
    operations = [operation for methods in openapi()["paths"].values() for operation in methods.values()]
    names = {parameter["name"] for operation in operations for parameter in operation.get("parameters", [])}
    schemas = openapi()["components"]["schemas"].values()
    names |= {name for schema in schemas for name in schema.get("properties", {})}
    text = re.sub(r"[\[\].]", " ", text_of("docs/api.md"))
    in_json = [name for name in names if f'"{name}"' in text]
    headers = {"if-none-match"}
    # The problem's own envelope is shown by example; so is everything in a JSON block.
    assert undocumented(sorted(names - set(in_json) - headers), text) == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/api.md", [code.value for code in Code]),
        ("docs/api.md", [source.label for source in Source]),
        ("docs/api.md", [code.label for code in ReasonCode]),
        ("docs/api.md", [placement.value for placement in Placement]),
        ("docs/api.md", [event.label for event in Event]),
        ("docs/data.md", [event.label for event in Event]),
        ("docs/campaigns.md", [segment.label for segment in Segment]),
        ("docs/operations.md", exposed_metrics()),
    ],
    ids=["problems", "sources", "reasons", "placements", "events", "log events", "segments", "metrics"],
)
def test_every_name_on_the_wire_is_documented(page: str, names: list[str]) -> None:
    """What a program may meet in an answer, a file or a metric is explained where one looks for it."""
    assert undocumented(names, text_of(page)) == []


def test_every_reason_of_cleaning_is_documented(tmp_path: Path) -> None:
    """A log with every kind of bad row: each reason is in the table of docs/data.md, word for word."""
    long_id = "x" * 513
    lines = [
        "u,i,2024-03-01,o1,1,2,purchase",
        "u,i,2024-03-01,o1,1,2,purchase",
        "u,i,2024-03-01,o1,2,4,purchase",
        "u,free,2024-03-01,o1,1,0,purchase",
        "u,back,2024-03-01,o2,1,2,purchase",
        "u,back,2024-03-02,o2,1,2,return",
        "u,i,2024-03-01,o3,1,2,hit",
        "u,,2024-03-01,o3,1,2,purchase",
        f"u,{long_id},2024-03-01,o3,1,2,purchase",
        f"{long_id},i,2024-03-01,o3,1,2,purchase",
        "u,i,sometime,o3,1,2,purchase",
        "u,i,1900-01-01,o3,1,2,purchase",
        "u,i,2025-03-01,o3,1,2,purchase",
        "u,i,2024-03-01,o3,,2,purchase",
        "u,i,2024-03-01,o3,many,2,purchase",
        "u,i,2024-03-01,o3,0,2,purchase",
        "u,i,2024-03-01,o3,5000,2,purchase",
        "u,i,2024-03-01,o3,1,much,purchase",
        "u,never,2024-03-01,o3,-1,-2,purchase",
        "u,i,2024-03-01,o3,1,2,impression",
        *(f"robot,i,2024-03-01 10:{minute},r{minute},1,2,purchase" for minute in range(10, 40)),
    ]
    limits = CleaningSettings(latest="2024-12-31", max_rows_per_user=20)  # type: ignore[arg-type]  # pydantic parses it
    report = clean_csv_log(tmp_path, *lines, limits=limits).report
    reasons = {re.sub("20$", "50000", reason) for reason in (*report.quarantined, *report.set_aside)}
    assert len(reasons) == 21
    assert undocumented(sorted(reasons), text_of("docs/data.md")) == []
