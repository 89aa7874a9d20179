"""The widget with a publishable key against the real application: from the shop's pages it works, from others not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser, Page

from recommender.artifact import save_artifact
from serving.access.keyring import Keyring
from serving.access.keys import Kind, mint
from serving.app import create_app
from serving.settings import AppSettings, ServingSettings
from serving.state import state_of
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.serving.web.conftest import PATIENCE
from tests.serving.web.fake_api import serve

pytestmark = pytest.mark.browser

USER = shop_model().users.ids[7]


@dataclass(frozen=True, slots=True)
class Keyed:
    """An API that asks for keys, one that is good for the shop's pages, and two sites."""

    origin: str
    key: str
    own_key: str
    """Good for pages of the API's own origin."""
    shop: str
    elsewhere: str


class Pages(BaseHTTPRequestHandler):
    """A site whose pages hold what their address says."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(unquote(self.path.partition("?")[2]).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def site() -> Iterator[str]:
    """Serve pages on a port, and so an origin, of their own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """Serve the planted model to the shop's pages alone."""
    serving = ServingSettings(clock="data", drain_seconds=0.05, cors_origins=())
    settings = AppSettings(data_dir=tmp_path_factory.mktemp("data"), shop_name="Tea & <Cake>", serving=serving)
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    with site() as shop, site() as elsewhere:
        minted = mint("page", Kind.PUBLISHABLE, now=datetime.now(UTC), origins=(shop,))
        Keyring(settings.data_dir).change(lambda keys: (*keys, minted.kept))
        app = create_app(settings, store=MemoryStores())
        with serve(app) as origin:
            own = mint("own", Kind.PUBLISHABLE, now=datetime.now(UTC), origins=(origin,))
            Keyring(settings.data_dir).change(lambda keys: (*keys, own.kept))
            state_of(app).access.refresh()
            yield Keyed(origin, minted.text, own.text, shop, elsewhere)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """An empty tab."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(PATIENCE)
    yield page
    context.close()


def visit(tab: Page, keyed: Keyed, site: str, shelf: str) -> str:
    """Open a page of a site that holds a shelf; return the state the shelf comes to."""
    content = f'<!doctype html><title>x</title>{shelf}<script type="module" src="{keyed.origin}/widget.js"></script>'
    tab.goto(f"{site}/?{quote(content)}")
    shelf_done = tab.wait_for_selector("regulars-shelf:not([data-state=loading])[data-state]", state="attached")
    assert shelf_done is not None
    return shelf_done.get_attribute("data-state") or ""


@pytest.mark.parametrize("placement", ["home", "cart"])
def test_a_key_opens_shelves_and_takes_events_from_the_shop(tab: Page, keyed: Keyed, placement: str) -> None:
    """GET and POST shelves are shown, and their events are taken; all with the key in the attribute."""
    shelf = f'<regulars-shelf placement="{placement}" user="{USER}" key="{keyed.key}"></regulars-shelf>'
    with tab.expect_response(
        lambda response: "/v1/events" in response.url and response.request.method == "POST"
    ) as got:
        assert visit(tab, keyed, keyed.shop, shelf) == "ready"
        tab.evaluate("addEventListener('regulars:click', (event) => event.preventDefault())")
        tab.locator(".regulars-title").first.click()
    assert got.value.status == 202


def test_a_shelf_on_the_api_s_own_host_is_shown(tab: Page, keyed: Keyed) -> None:
    """The browser sends no Origin when it GETs what is trending there, and says that the host is the page's own."""
    shelf = f'<regulars-shelf placement="trending" key="{keyed.own_key}"></regulars-shelf>'
    page = f'<!doctype html><title>x</title>{shelf}<script type="module" src="/widget.js"></script>'
    tab.route(f"{keyed.origin}/", lambda route: route.fulfill(content_type="text/html", body=page))
    tab.goto(f"{keyed.origin}/")
    done = tab.wait_for_selector("regulars-shelf:not([data-state=loading])[data-state]", state="attached")
    assert done is not None
    assert done.get_attribute("data-state") == "ready"


@pytest.mark.parametrize(
    ("site", "key"), [("elsewhere", True), ("shop", False)], ids=["the key on another site", "the shop without the key"]
)
def test_nobody_else_sees_a_shelf(tab: Page, keyed: Keyed, site: str, key: bool) -> None:
    """A page that copied the key, and one that forgot it, show nothing and break nothing."""
    attribute = f'key="{keyed.key}"' if key else ""
    assert (
        visit(tab, keyed, getattr(keyed, site), f'<regulars-shelf user="{USER}" {attribute}></regulars-shelf>')
        == "hidden"
    )
