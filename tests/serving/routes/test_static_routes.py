from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from serving import web
from tests.serving.web.fake_api import FakeApi, fake_app, item_ids, serve


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Return a client of a real server that has only what the two routers need."""
    with serve(fake_app(FakeApi())) as origin, httpx.Client(base_url=origin) as client:
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


@pytest.mark.parametrize("path", ["/widget.js", "/v1/items/1004/picture.svg"])
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
