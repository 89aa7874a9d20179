"""Links lead to the shop's own hosts, whatever the catalogue says."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from recommender.catalogue import Item
from serving.campaigns.landing import Landing
from serving.campaigns.mail_settings import MailSettings

OWN = {"shop.example", "www.shop.example:8443"}
LANDING = Landing(MailSettings(shop_url="https://shop.example/en", hosts=("www.shop.example:8443",)))
HOSTILE = (
    "//evil.example/x",
    "https://evil.example",
    "https://shop.example.evil.example/",
    "https://shop.example@evil.example/",
    "https://evil.example#@shop.example/",
    "https://evil.example\\@shop.example/",
    "https:\\\\evil.example",
    "https:/evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\x01https://evil.example",
    "https://shop.example:444/",
    "https://shop.example:/x",
    "https://[::1]/",
    "https://shop.example%2eevil.example/",
    "https://ｓhop.example/",
    "http\u017f://shop.example/",
    "javascript:alert(1)",
    "JaVaScRiPt://shop.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "ftp://shop.example/",
    "http:evil.example",
    "https://shop.example/\r\nSet-Cookie: a=b",
)


@given(st.text() | st.from_regex(r"(https?:)?[/\\]{0,3}[a-z.:@\[\]%]{0,20}[/?#\\].{0,10}", fullmatch=True))
@example("https://shop.example")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_address_leads_elsewhere(hostile: str, written: str) -> None:
    """Whatever a catalogue holds, a browser that follows what we send ends at one of the shop's hosts."""
    for address in (hostile, written):
        page = LANDING.page_of(Item(item_id="x", url=address))
        assert urlsplit(page).netloc in OWN, address
        assert page.startswith(("https://", "http://"))
        assert page.isascii()
        assert page.isprintable()
        assert not set(page) & set(' "<>\\')


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_addresses_are_nobodys(hostile: str) -> None:
    """They are either none of the shop's, or a path that stays below it."""
    page = LANDING.own(hostile)
    assert page is None or page.startswith("https://shop.example/")


@pytest.mark.parametrize(
    ("written", "page"),
    [
        ("https://shop.example/tea", "https://shop.example/tea"),
        ("HTTPS://SHOP.example:443/Tea?a=1#b", "https://shop.example/Tea?a=1#b"),
        ("http://www.shop.example:8443", "http://www.shop.example:8443/"),
        ("/tea", "https://shop.example/tea"),
        ("tea/空?q=a b", "https://shop.example/en/tea/%E7%A9%BA?q=a%20b"),
        ("/a%2Fb", "https://shop.example/a%2Fb"),
    ],
)
def test_pages_of_the_shop_are_found(written: str, page: str) -> None:
    """Absolute and relative addresses lead to the item, with what is in them kept."""
    assert LANDING.own(written) == page


def test_without_a_page_one_is_led_home() -> None:
    """An item without an address leads to the shop's home page, or to its page in the demo shop."""
    item = Item(item_id="a/b 空")
    assert LANDING.page_of(item) == LANDING.home == "https://shop.example/en"
    assert Landing(MailSettings(shop_url="https://shop.example/")).home == "https://shop.example/"
    demo = Landing(MailSettings(public_url="http://127.0.0.1:8000"), has_demo_shop=True)
    assert demo.home == "http://127.0.0.1:8000/shop"
    assert demo.page_of(item) == "http://127.0.0.1:8000/shop/item?id=a%2Fb+%E7%A9%BA"
    assert Landing(MailSettings()).page_of(item) == "/"


@pytest.mark.parametrize("value", ["shop", "ftp://shop.example", "https://", "https://a b", "https://u@shop.example"])
def test_settings_name_real_addresses(value: str) -> None:
    """What is no web address is refused at start, and a host is no address."""
    with pytest.raises(ValidationError, match="no web address"):
        MailSettings(shop_url=value)
    with pytest.raises(ValidationError, match="no host"):
        MailSettings(hosts=(f"{value}/",))
