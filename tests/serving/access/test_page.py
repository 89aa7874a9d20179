"""The recipes of docs/user-tokens.md, run as they stand: what they sign is believed."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from serving.access.settings import AccessSettings
from serving.access.signing_secrets import SigningSecrets
from serving.access.user_tokens import Doubt, UserTokens
from tests.pages import blocks, text_of
from tests.planted import HOSTILE_IDS


@pytest.fixture
def secret(tmp_path: Path) -> str:
    return SigningSecrets(tmp_path).make("shop", now=datetime.now(UTC)).text or ""


@pytest.fixture
def tokens(tmp_path: Path, secret: str) -> UserTokens:
    judge = UserTokens(AccessSettings(), tmp_path)
    judge.refresh()
    return judge


def recipe(language: str) -> str:
    """Return the page's example in a language."""
    (block,) = blocks(text_of("docs/user-tokens.md"), language)
    return block


def test_python(tokens: UserTokens, secret: str) -> None:
    """For any id, and for that id alone."""
    names: dict[str, Any] = {}
    exec(recipe("python"), names)
    for user_id in HOSTILE_IDS:
        token = names["user_token"](user_id, secret).encode()
        assert tokens.doubt(token, user_id) is None
        assert tokens.doubt(token, "another") is Doubt.OTHER_USER


def test_node(tokens: UserTokens, secret: str, tmp_path: Path) -> None:
    """As Express would call it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH")
    module = tmp_path / "token.mjs"
    call = (
        "console.log(process.argv.slice(3).map((id) => userToken(id, process.argv[2])).join(String.fromCharCode(10)))"
    )
    module.write_text(f"{recipe('js')}\n{call}\n", encoding="utf-8")
    run = subprocess.run([node, module, secret, *HOSTILE_IDS], capture_output=True, text=True, check=True)
    for user_id, token in zip(HOSTILE_IDS, run.stdout.split(), strict=True):
        assert tokens.doubt(token.encode(), user_id) is None
        assert tokens.doubt(token.encode(), "another") is Doubt.OTHER_USER


@pytest.mark.parametrize("language", ["php", "ruby"])
def test_the_others_say_the_same(language: str) -> None:
    """What cannot be run everywhere names the same claims and algorithm."""
    text = recipe(language)
    assert all(word in text for word in ("sub", "exp", "3600", "HS256"))
