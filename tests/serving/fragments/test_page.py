"""The Python on docs/fragments.md, run as it stands against a served shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from recommender.artifact import save_artifact
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.pages import blocks, text_of
from tests.planted import user_id
from tests.serving.web.fake_api import serve


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """Serve the planted model."""
    settings = AppSettings(data_dir=tmp_path / "data", serving=ServingSettings(clock="data"))
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    with serve(create_app(settings, store=MemoryStores())) as origin:
        yield origin


def example(**given: Any) -> dict[str, Any]:
    """Run the page's Python, with what a shop would set."""
    names: dict[str, Any] = dict(given)
    for block in blocks(text_of("docs/fragments.md"), "python"):
        exec(block, names)
    return names


def test_a_server_puts_a_shelf_into_its_page(origin: str) -> None:
    """A shelf where there is one; nothing where the question is wrong or the API is away."""
    shelf = example(API=origin, KEY="sk_")["shelf"]
    assert shelf("home", user=user_id(3)).startswith("<section")
    assert shelf("nowhere") == ""
    assert example(API="http://127.0.0.1:9", KEY="sk_")["shelf"]("home") == ""


def test_a_server_reports_what_it_showed(origin: str) -> None:
    """An impression of each item with its rank, taken by the API as it is."""
    answer = httpx.get(f"{origin}/v1/fragments/home", params={"user": user_id(3), "limit": "5"})
    impressions = example(API=origin, KEY="sk_")["impressions"]
    events = impressions(user_id(3), answer.text, answer.headers["x-slate-id"], "home")
    assert [event["rank"] for event in events] == [1, 2, 3, 4, 5]
    taken = httpx.post(f"{origin}/v1/events", json={"events": events}).json()
    assert (taken["accepted"], taken["rejected"]) == (5, [])
    assert httpx.post(f"{origin}/v1/events", json={"events": events}).json()["duplicates"] == 5
