"""Values are changed in their place; everything else stays."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from recommender.errors import ConfigError
from regulars.toml_edit import edited, set_values

TEXT = """\
# A shop.
[als]                                 # the factors
factors = 64                          # length
# iterations = 15
seed = 42

[blend]
learn = true

[purchases.columns]
user = "who"
"""


def test_only_the_values_change(tmp_path: Path) -> None:
    """Comments keep their column; a key that was commented out or missing finds its table."""
    path = tmp_path / "regulars.toml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    set_values(path, {"als.factors": 128, "als.iterations": 7, "blend.window_days": 14, "confidence.alpha": 0.5})
    assert (
        path.read_text(encoding="utf-8")
        == """\
# A shop.
[als]                                 # the factors
factors = 128                         # length
# iterations = 15
iterations = 7
seed = 42

[blend]
learn = true
window_days = 14

[purchases.columns]
user = "who"

[confidence]
alpha = 0.5
"""
    )
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_demo_configuration_can_be_changed() -> None:
    """In the repository's own file nothing but the values changes."""
    text = (Path(__file__).parents[2] / "regulars.toml").read_text(encoding="utf-8")
    after = edited(text, {"als.factors": 96, "neighbours.shrinkage": 20.0})
    changed = [pair for pair in zip(text.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]
    assert len(changed) == 2
    assert tomllib.loads(after)["als"]["factors"] == 96
    assert all(old.index("#") == new.index("#") for old, new in changed if "#" in old)


def test_crlf_and_byte_order_mark(tmp_path: Path) -> None:
    """A file from Windows stays one."""
    path = tmp_path / "regulars.toml"
    path.write_bytes(b"\xef\xbb\xbf[als]\r\nfactors = 3 # x\r\n")
    set_values(path, {"als.factors": 4})
    assert path.read_bytes() == b"\xef\xbb\xbf[als]\r\nfactors = 4 # x\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "als = { factors = 3 }\n",
        "als.factors = 3\n",
        '[shop]\nname = """\n[als]\nfactors = 3\n"""\n[als]\nfactors = 3\n',
    ],
)
def test_what_is_not_understood_is_left_alone(tmp_path: Path, text: str) -> None:
    """Inline tables, dotted keys and text that looks like TOML: the file is as it was, and the values are named."""
    path = tmp_path / "regulars.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"change it by hand: als\.factors = 4"):
        set_values(path, {"als.factors": 4})
    assert path.read_text(encoding="utf-8") == text


def test_link_stays_a_link(tmp_path: Path) -> None:
    """A configuration that is a link is changed where it lies."""
    (tmp_path / "kept").mkdir()
    kept, link = tmp_path / "kept" / "shop.toml", tmp_path / "regulars.toml"
    kept.write_text(TEXT, encoding="utf-8")
    link.symlink_to(Path("kept") / "shop.toml")
    set_values(link, {"als.factors": 128})
    assert link.is_symlink()
    assert tomllib.loads(kept.read_text(encoding="utf-8"))["als"]["factors"] == 128
    assert [entry.name for entry in kept.parent.iterdir()] == ["shop.toml"]
