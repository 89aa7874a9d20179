"""Addresses of the shop's own pages, and no others."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from serving.shop.addresses import PAGES, address, way_back


@given(st.text(max_size=200) | st.builds("?".join, st.tuples(st.sampled_from(sorted(PAGES)), st.text(max_size=60))))
def test_every_way_back_is_a_page_of_ours(written: str) -> None:
    """Whatever a form says, the answer leads to one of the pages, relative and without a host."""
    parts = urlsplit(way_back(written))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("", "", "")
    assert parts.path == "shop" or parts.path.removeprefix("shop/") in PAGES
    assert way_back(written).isascii()


@given(st.text(min_size=1, max_size=60))
def test_any_id_can_stand_in_an_address(item_id: str) -> None:
    """An id comes out of an address as it went in, the way back included."""
    whole = item_id.encode("utf-8", "replace").decode()
    there = address("item", id=whole)
    assert parse_qs(urlsplit(there).query, keep_blank_values=True) == {"id": [whole]}
    assert way_back(there.removeprefix("shop/")) == there
