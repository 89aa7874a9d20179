"""A real Chromium, and a stand-in API that serves the real files to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving.web.fake_api import FakeApi, fake_app, serve

Problems = list[str]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser's path, or skip; REGULARS_REQUIRE_BROWSER=1 makes its absence a failure."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium on the PATH (Debian: apt install chromium)"
        if os.environ.get("REGULARS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start the browser once a file: while it runs, its event loop bars all others from this process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def running_api() -> Iterator[FakeApi]:
    """Start the stand-in once."""
    api = FakeApi()
    with serve(fake_app(api)) as origin:
        api.origin = origin
        yield api


@pytest.fixture
def api(running_api: FakeApi) -> FakeApi:
    """Return the stand-in as if it had just started."""
    running_api.reset()
    return running_api


@pytest.fixture
def problems() -> Problems:
    """Collect what the page's scripts throw and what its policy refuses."""
    return []


@pytest.fixture
def page(browser: Browser, api: FakeApi, problems: Problems) -> Iterator[Page]:
    """Open an empty tab; what goes wrong in it ends in `problems`."""
    context = browser.new_context(base_url=api.origin, locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    watch(page, problems)
    yield page
    context.close()


PATIENCE = """
document.addEventListener("readystatechange", () => {
  for (const shelf of document.querySelectorAll("regulars-shelf:not([timeout])")) shelf.setAttribute("timeout", 20000);
}, { once: true });
"""
"""Runs before the widget does. Only tests about lateness say how long a shelf waits: a busy machine answers late."""


def watch(page: Page, problems: Problems) -> None:
    """Note what the page's scripts throw and what its policy refuses, and be patient."""
    page.add_init_script(PATIENCE)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if _is_complaint(message) else None)


def _is_complaint(message: Any) -> bool:
    return "Content Security Policy" in message.text or "regulars-shelf" in message.text


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where screenshots go: REGULARS_SCREENSHOTS, or a folder that pytest tidies away."""
    named = os.environ.get("REGULARS_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
