"""An address of a file or a mail leads to a host of the web, and to the one that people read in it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.web_addresses import absolute, web_address_of

NONE_AT_ALL = (
    "",
    "javascript:alert(1)",
    " JaVaScRiPt://shop.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://shop.example@evil.example/",
    "https://shop:secret@evil.example/x.png",
    "https://evil.example\\@shop.example/",
    "https:/evil.example",
    "https:evil.example",
    "https:///x",
    "https://shop.example:x/",
    "https://shop.example:65536/",
    "https://[::.:]/",
    "https://.../",
    "  ",
    "https://shop.example%2eevil.example/",
    "http\u017f://shop.example/",
    "https://shop.example\uff0fevil.example/",
    "https://shop.example\uff20evil.example/",
    "java\tscript:alert(1)",
    "https://shop.example/\r\nSet-Cookie: a=b",
    "ftp://shop.example/",
    "mailto:shop@shop.example",
    "//cdn.example/x.png",
    "/tea",
    "tea.png",
    "https://shop.example/\ud800",
    "https://shop.example/" + "a" * 2_048,
    "https://shop.example/" + "空" * 300,
)


@pytest.mark.parametrize("written", NONE_AT_ALL)
def test_what_leads_nowhere_is_no_address(written: str) -> None:
    """Scripts, data, users before the host, other schemes, what is relative to nothing, and what is too long."""
    assert absolute(written) == ""


def test_a_blank_is_not_the_shop() -> None:
    """A cell without an address stays empty, also where relative addresses are the shop's."""
    assert absolute("", base="https://shop.example") == absolute(" \u3000", base="https://shop.example") == ""


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://shop.example", "https://shop.example"),
        (" HTTPS://Shop.Example:443/Tea?a=1#b ", "https://shop.example/Tea?a=1#b"),
        (
            "http://shop.example:8080/a b/空?mail=a@b.example",
            "http://shop.example:8080/a%20b/%E7%A9%BA?mail=a@b.example",
        ),
        ("https://münchen.example/ä", "https://münchen.example/%C3%A4"),
        ("https://[2001:db8::1]:444/x", "https://[2001:db8::1]:444/x"),
        ("/tea?id=7", "https://shop.example/tea?id=7"),
        ("tea", "https://shop.example/en/tea"),
        ("//cdn.example/x.png", "https://cdn.example/x.png"),
    ],
)
def test_what_leads_somewhere_is_kept(written: str, address: str) -> None:
    """Relative addresses begin with the shop's home page, of whichever host the others are."""
    assert absolute(written, base="https://shop.example/en") == address


@given(st.text() | st.from_regex(r"(https?:)?[/\\]{0,3}[a-z.:@\[\]%]{0,20}[/?#\\].{0,10}", fullmatch=True))
def test_every_address_says_what_it_is(written: str) -> None:
    """It has a host and no user, holds nothing that ends a line or a tag, and stays itself."""
    for base in (None, "https://shop.example"):
        address = absolute(written, base=base)
        if address:
            parts = urlsplit(address)
            assert parts.scheme in ("http", "https")
            assert parts.netloc
            assert "@" not in parts.netloc
            assert address.isprintable()
            assert not set(address) & set(' "<>\\')
            assert absolute(address) == address
            assert web_address_of(address) is not None
