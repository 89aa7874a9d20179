"""The console in a real browser: readable by everybody, at each width, by keyboard, without a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from recommender.artifact import save_artifact
from serving.access.keys import Minted
from serving.app import create_app
from serving.console.trials import Groups
from serving.settings import AppSettings, ServingSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.serving.console.conftest import made
from tests.serving.console.storefront import a_day, write
from tests.serving.console.test_traffic import SETTINGS, crowd
from tests.serving.web.fake_api import serve

pytestmark = pytest.mark.browser

USER = shop_model().users.ids[7]
PAGES = {
    "overview": "",
    "customers": "/customers",
    "search": f"/customers?q={USER[:4]}",
    "no-such-id": "/customers?q=%01",
    "customer": f"/customer?user_id={USER}",
    "newcomer": "/customer?user_id=nobody",
    "versions": "/versions",
    "traffic": "/traffic",
    "experiments": "/experiments",
    "missing": "/nowhere",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A served console."""

    origin: str
    key: Minted


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Serve the planted model with a key, some traffic and an experiment."""
    settings = AppSettings(
        data_dir=tmp_path_factory.mktemp("data"),
        shop_name="The planted shop",
        serving=ServingSettings(clock="data"),
        experiments=SETTINGS,
    )
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    write(settings.events_dir, [*a_day(), *crowd(Groups(SETTINGS), 600)])
    key = made(settings)
    with serve(create_app(settings, store=MemoryStores())) as origin:
        yield Place(origin, key)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: refused by the policy, not found."""
    return []


def tab(browser: Browser, place: Place, complaints: list[str], *, width: int = 1280, dark: bool = False) -> Page:
    context = browser.new_context(
        base_url=place.origin,
        locale="en-US",
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def sign_in(page: Page, place: Place) -> None:
    """Sign in as a person does: with the keyboard."""
    page.goto("/console/sign-in")
    page.get_by_label("Key", exact=True).focus()
    page.keyboard.type(place.key.text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def found_by_axe(page: Page) -> list[str]:
    """Run axe-core; its script gets past the page's policy as an extension's would."""
    results = Axe().run(page)
    return [
        f"{each['id']}: {each['help']} {[node['target'] for node in each['nodes']][:3]}"
        for each in results.response["violations"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_for_everybody(browser: Browser, place: Place, complaints: list[str], width: int, dark: bool) -> None:
    """Axe-core finds nothing on any page; none is wider than the screen; the policy refuses nothing."""
    page = tab(browser, place, complaints, width=width, dark=dark)
    page.goto("/console/traffic")
    assert found_by_axe(page) == []  # the form that asks for a key
    complaints.clear()  # its status, a 403, is told as an error
    sign_in(page, place)
    for name, path in PAGES.items():
        page.goto(f"/console{path}")
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert found_by_axe(page) == [], name
        too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(too_wide), name
        if name != "missing":
            assert complaints == [], name
    page.context.close()


def test_a_customer_is_found_by_keyboard(browser: Browser, place: Place, complaints: list[str]) -> None:
    """Search, open the first found, open another shelf: without touching the mouse."""
    page = tab(browser, place, complaints)
    sign_in(page, place)
    page.get_by_label("User id, or how it begins").focus()
    page.keyboard.type(USER)
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name=USER, exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(USER)
    shelf = page.locator("#shelf-bestsellers > summary")
    shelf.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#shelf-bestsellers table")).to_be_visible()
    assert complaints == []
    page.context.close()


def test_the_skip_link_leads_to_the_content(browser: Browser, place: Place, complaints: list[str]) -> None:
    """It is the first stop of the keyboard."""
    page = tab(browser, place, complaints)
    sign_in(page, place)
    page.goto("/console/versions")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.context.close()


def test_who_asks_for_a_page_gets_it_after_signing_in(browser: Browser, place: Place, complaints: list[str]) -> None:
    """And nothing any more after signing out, the way back included."""
    page = tab(browser, place, complaints)
    page.goto(f"/console/customer?user_id={USER}")
    page.get_by_label("Key", exact=True).fill(place.key.text)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(USER)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.context.close()


def test_a_wrong_key_is_told_to_everybody(browser: Browser, place: Place, complaints: list[str]) -> None:
    """The message is announced, and belongs to the field."""
    page = tab(browser, place, complaints)
    page.goto("/console/sign-in")
    page.get_by_label("Key", exact=True).fill("sk_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not open the console")
    expect(page.get_by_label("Key", exact=True)).to_have_attribute("aria-invalid", "true")
    assert found_by_axe(page) == []
    page.context.close()
