from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from serving import web
from tests.serving.web.fake_api import FakeApi, fake_app, item_ids, serve


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client of a real server that has only what the two routers need."""
    app = fake_app(FakeApi(), tmp_path_factory.mktemp("shop") / "none.json")
    with serve(app) as origin, httpx.Client(base_url=origin) as client:
        yield client


@pytest.mark.parametrize("item_id", item_ids()[:4])
def test_a_picture_has_the_title_of_its_item(client: httpx.Client, item_id: str) -> None:
    """Slashes, colons, percent signs, quotes and 空 in an id all lead to the right item."""
    answer = client.get(f"/v1/items/{quote(item_id, safe='')}/picture.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert f"<title>{FakeApi().items[item_id].title}</title>" in answer.text
    assert "immutable" in answer.headers["cache-control"]


def test_an_unknown_item_has_a_picture_for_now(client: httpx.Client) -> None:
    """A shelf shows no broken image, and a picture that may change soon is not kept for long."""
    answer = client.get("/v1/items/nobody%20knows/picture.svg")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=60"


@pytest.mark.parametrize("path", ["/widget.js", "/shop", "/shop/assets/shop.css", "/v1/items/1004/picture.svg"])
def test_what_a_browser_holds_is_not_sent_again(client: httpx.Client, path: str) -> None:
    """The entity tag answers 304 without a body."""
    etag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")


def test_the_widget_may_be_used_from_any_page(client: httpx.Client) -> None:
    """A module script from another origin needs permission to be read."""
    headers = client.get("/widget.js").headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(("offered", "coding"), [("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("br", None)])
def test_the_widget_travels_compressed(client: httpx.Client, offered: str, coding: str | None) -> None:
    """Whoever takes gzip gets it, with an entity tag of its own; both forms say that they differ by that."""
    answer = client.get("/widget.js", headers={"Accept-Encoding": offered})
    assert answer.headers.get("content-encoding") == coding
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.content == web.asset(web.WIDGET).content
    assert (answer.headers["etag"] == web.asset(web.WIDGET).etag) == (coding is None)


def test_the_front_door_leads_to_the_shop(client: httpx.Client) -> None:
    """The redirect is relative, so that it holds behind a path prefix."""
    answer = client.get("/")
    assert answer.headers["location"] == "shop"
    assert client.get("/", follow_redirects=True).url.path == "/shop"


def test_the_shop_page_forbids_what_it_does_not_use(client: httpx.Client) -> None:
    """The policy allows nothing inline and no foreign script."""
    policy = client.get("/shop").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_shop_page_may_be_framed_by_itself_alone(client: httpx.Client) -> None:
    """The old header and the policy say the same."""
    headers = client.get("/shop").headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize("name", ["__init__.py", "..%2F__init__.py", "widget.styles.js", "shop.html"])
def test_only_listed_assets_are_sent(client: httpx.Client, name: str) -> None:
    """Source files and parent folders cannot be reached."""
    assert client.get(f"/shop/assets/{name}").status_code == 404
