"""Values as TOML writes them."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.toml_text import toml_key, toml_value

text = st.text(st.characters(exclude_categories=["Cs"]))
plain_values = st.one_of(text, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.dates())
values = st.recursive(plain_values, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=8)


@given(text, values)
def test_reads_back(key: str, value: Any) -> None:
    """Whatever is written, the standard library's parser reads it back to the same value."""
    assert tomllib.loads(f"{toml_key(key)} = {toml_value(value)}") == {key: value}


def test_what_toml_cannot_hold() -> None:
    """There is no null in TOML."""
    with pytest.raises(TypeError, match="NoneType has no form in TOML"):
        toml_value(None)
