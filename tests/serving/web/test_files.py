from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from serving import web
from serving.web.shop import Household, ShopPage

WIDGET_LIMIT_BYTES = 10_000


def test_the_widget_is_small() -> None:
    """The whole widget is at most ten kilobytes on the wire."""
    assert len(web.zipped(web.WIDGET).content) <= WIDGET_LIMIT_BYTES


def test_the_widget_is_one_module() -> None:
    """A browser needs one request: nothing is imported, and nothing is left for others to import."""
    source = web.asset(web.WIDGET).content.decode()
    assert not re.search(r"^\s*(import|export)\s", source, re.MULTILINE)
    assert "customElements.define" in source


def test_the_widget_parses(tmp_path: Path) -> None:
    """Putting the modules together leaves a valid module."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH; the browser tests load the widget anyway")
    module = tmp_path / "widget.mjs"
    module.write_bytes(web.asset(web.WIDGET).content)
    subprocess.run([node, "--check", module], check=True)


def test_the_widget_writes_text_as_text() -> None:
    """No code path turns a string into markup or into code."""
    source = web.asset(web.WIDGET).content.decode() + web.asset("shop.js").content.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source)


def test_the_shop_page_has_nothing_inline() -> None:
    """Scripts and styles are files, and nothing is loaded from elsewhere, as the page's policy demands."""
    page = web.asset(web.SHOP_PAGE).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", page)
    assert all(src for src in re.findall(r"<script([^>]*)>", page) if "src=" in src)


@pytest.mark.parametrize("name", sorted({web.WIDGET, web.SHOP_PAGE} | web.SHOP_ASSETS))
def test_every_asset_can_be_read(name: str) -> None:
    """What the routes offer exists, and its entity tag is quoted."""
    asset = web.asset(name)
    assert asset.content
    assert asset.etag.startswith('"')


def test_households_are_read_anew_each_time(tmp_path: Path) -> None:
    """The picker follows the file without a restart, and does without it."""
    file = tmp_path / "households.json"
    page = ShopPage(households_file=file)
    assert page.households() == ()
    file.write_text('[{"user_id": "家:1"}]', encoding="utf-8")
    assert page.households() == (Household(user_id="家:1"),)


def test_a_broken_households_file_says_what_to_do(tmp_path: Path) -> None:
    """The message names the file and the remedy."""
    file = tmp_path / "households.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"households\.json: not a list of households .*regulars demo"):
        ShopPage(households_file=file).households()
