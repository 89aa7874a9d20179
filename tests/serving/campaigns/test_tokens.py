"""Tokens: short, opaque, and nobody else's."""

from __future__ import annotations

import base64
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.campaigns.tokens import CHARACTERS, MAX_NUMBER, MAX_SLOT, Place, Seal

SECRET = b"s" * 32
places = st.builds(Place, st.binary(min_size=5, max_size=5), st.integers(0, MAX_NUMBER), st.integers(0, MAX_SLOT))


@given(places)
def test_what_is_written_is_read(place: Place) -> None:
    """Every place comes back from its token, which is short and needs no quoting in an address."""
    token = Seal(SECRET).write(place)
    assert Seal(SECRET).read(token) == place
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", token)
    assert len(token) == CHARACTERS <= 60


@given(places, st.integers(0, CHARACTERS - 1), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_one_other_letter_makes_it_nothing(place: Place, at: int, letter: str) -> None:
    """There is exactly one token of a place: every other text of its length is refused."""
    token = Seal(SECRET).write(place)
    changed = token[:at] + letter + token[at + 1 :]
    assert (Seal(SECRET).read(changed) is None) == (changed != token)


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_nothing_made_up_is_read(text: str) -> None:
    """No text that was not written with the secret names a place, and none makes an error."""
    assert Seal(SECRET).read(text) is None


@given(places)
def test_another_secret_reads_nothing(place: Place) -> None:
    """A token of one installation is nothing to another."""
    assert Seal(b"o" * 32).read(Seal(SECRET).write(place)) is None


def test_tokens_tell_nothing() -> None:
    """Neighbours share no part of their tokens, so that nobody counts recipients or finds out who shares a send."""
    tokens = [Seal(SECRET).write(Place(b"12345", number, slot)) for number in range(200) for slot in range(4)]
    assert len({token[2:8] for token in tokens}) == len({token[-6:] for token in tokens}) == len(tokens)


@pytest.mark.parametrize("tail", ["=", "%3D", ".", " ", "\n", "?x=1"])
def test_tokens_have_one_form(tail: str) -> None:
    """Nothing may stand behind a token."""
    assert Seal(SECRET).read(Seal(SECRET).write(Place(bytes(5), 1, 1)) + tail) is None
