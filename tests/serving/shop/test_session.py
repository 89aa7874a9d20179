"""The cookie: what goes in comes out, nobody else writes it, and it always fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.shop.secret import FILE, shop_secret
from serving.shop.session import (
    MAX_CART_BYTES,
    MAX_CHARACTERS,
    MAX_LINES,
    MAX_QUANTITY,
    Deed,
    Order,
    OrderLine,
    Session,
    Sessions,
)

SESSIONS = Sessions(b"k" * 32)

item_ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)
prices = st.none() | st.floats(0, 1e6)
lines = st.builds(OrderLine, item_ids, st.integers(1, MAX_QUANTITY), prices, st.booleans())
orders = st.builds(Order, st.text("abc-012", min_size=1, max_size=20), st.lists(lines, max_size=5), st.booleans())
visits = st.builds(
    Session,
    user_id=st.none() | item_ids,
    viewed=st.lists(item_ids, max_size=10),
    orders=st.lists(orders, max_size=8),
    deeds=st.lists(st.builds(Deed, st.sampled_from(["added", "bought"]), item_ids, st.integers(1, 99)), max_size=8),
)
wishes = st.lists(st.tuples(item_ids, st.integers(-1, 200)), max_size=60)


@given(visits, wishes)
def test_what_goes_in_comes_out(session: Session, wished: list[tuple[str, int]]) -> None:
    """Whatever a visitor did, the cookie fits a browser, keeps who they are and their cart, and is read as it was."""
    for item_id, quantity in wished:
        session.put(item_id, quantity)
    who, cart = session.user_id, dict(session.cart)
    cookie = SESSIONS.dump(session)
    assert len(cookie) <= MAX_CHARACTERS
    assert cookie.isascii()
    assert SESSIONS.load(cookie) == session
    assert (session.user_id, session.cart) == (who, cart)


@given(wishes)
def test_a_cart_keeps_its_limits(wished: list[tuple[str, int]]) -> None:
    """Never more lines, bytes or items than a cart holds; what was refused is not in it."""
    session = Session()
    for item_id, quantity in wished:
        had_room = session.put(item_id, quantity)
        assert had_room or item_id not in session.cart
        assert (item_id in session.cart) == (quantity > 0 and had_room)
    assert len(session.cart) <= MAX_LINES
    assert sum(len(item_id.encode()) for item_id in session.cart) <= MAX_CART_BYTES
    assert all(1 <= quantity <= MAX_QUANTITY for quantity in session.cart.values())


@pytest.mark.parametrize(
    "cookie",
    [None, "", "x", "a.b.c", "x" * 100_000, "é", SESSIONS.dump(Session())[:-2]],
    ids=["none", "empty", "word", "dots", "long", "accent", "cut"],
)
def test_what_is_not_ours_is_nobodys(cookie: str | None) -> None:
    """A missing, cut or made-up cookie begins a new visit."""
    assert SESSIONS.load(cookie).user_id is None


def test_nobody_signs_in_by_writing_a_cookie() -> None:
    """A cookie signed with another secret counts for nothing, and forms of two visits differ."""
    theirs = Sessions(b"x" * 32).dump(Session(user_id="17"))
    assert SESSIONS.load(theirs).user_id is None
    assert SESSIONS.form_token(Session()) != SESSIONS.form_token(Session())


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    """Every worker finds the same one, which only its owner may read."""
    first = shop_secret(tmp_path / "data")
    assert first == shop_secret(tmp_path / "data")
    assert len(first) == 32
    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


def test_a_damaged_secret_is_made_anew(tmp_path: Path) -> None:
    """A file that was cut short signs nothing."""
    (tmp_path / FILE).write_bytes(b"short")
    assert len(shop_secret(tmp_path)) == 32
    assert shop_secret(tmp_path) == shop_secret(tmp_path)


def test_a_folder_that_cannot_be_written_to_shuts_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Then each process has a secret of its own, and says so."""
    (tmp_path / "file").write_bytes(b"")
    assert shop_secret(tmp_path / "file") != shop_secret(tmp_path / "file")
    assert "forgotten at a restart" in caplog.text
