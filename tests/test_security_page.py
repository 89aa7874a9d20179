"""What docs/security.md claims is shown by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.pages import ROOT, text_of
from tests.test_architecture import imported_packages

PAGE = "docs/security.md"
FETCHING = {"httpx", "requests", "urllib3", "aiohttp", "http", "ftplib", "smtplib"}


def rows() -> dict[str, list[str]]:
    """Return the tests that each row of the OWASP table names."""
    table = re.findall(r"^\| (API\d+) .*\| ([^|]+) \|$", text_of(PAGE), re.M)
    return {risk: re.findall(r"`(tests/[\w/]+\.py::\w+)`", named) for risk, named in table}


def functions_of(path: Path) -> set[str]:
    """Return the names of the functions of a file."""
    nodes = ast.walk(ast.parse(path.read_bytes()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_risk_names_tests_that_exist() -> None:
    """All ten rows are there, and a test that was renamed makes its row red."""
    assert list(rows()) == [f"API{number}" for number in range(1, 11)]
    for risk, named in rows().items():
        assert named, risk
        for name in named:
            file, _, test = name.partition("::")
            assert test.startswith("test_"), name
            assert test in functions_of(ROOT / file), f"{risk}: {name}"


def test_every_named_file_is_a_test() -> None:
    """Whatever else the page names under tests/ exists too."""
    for file in set(re.findall(r"tests/[\w/]+\.py", text_of(PAGE))):
        assert (ROOT / file).is_file(), file


def test_serving_fetches_nothing() -> None:
    """No module of serving imports a client, so no address of a request can be fetched; Redis is the one peer."""
    for path in (ROOT / "serving").rglob("*.py"):
        found = imported_packages(ast.parse(path.read_bytes())) & FETCHING
        assert not found, f"{path.name}: {found}"
        assert "urlopen" not in path.read_text(encoding="utf-8"), path.name
