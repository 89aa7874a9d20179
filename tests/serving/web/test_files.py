from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from serving import web

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
    source = web.asset(web.WIDGET).content.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", source)
