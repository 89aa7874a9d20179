"""What a command says to run next can be pasted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from regulars.hints import CONFIG, hint, program


def test_program_is_named_as_it_can_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path in a checkout, by its name where a shell finds it, by the interpreter as a module."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / ".venv" / "bin" / "regulars"
    here.parent.mkdir(parents=True)
    here.write_text("#!/bin/sh\n")
    here.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    assert program(".venv/bin/regulars") == program(str(here)) == ".venv/bin/regulars"
    monkeypatch.setenv("PATH", str(here.parent))
    assert program(str(here)) == "regulars"
    assert program("regulars") == "regulars"
    assert program("/x/regulars/__main__.py").endswith(" -m regulars")


def test_no_message_names_a_command_that_may_not_be_found() -> None:
    """Whoever is told to run something can paste it: commands in messages come from `hint`."""
    bare = re.compile(r"(?:\brun:? |[:,] )`?regulars [a-z]")
    for path in sorted(Path("regulars").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = [node for node in ast.walk(tree) if isinstance(node, ast.Raise) or is_told(node)]
        texts = [part.value for node in told for part in ast.walk(node) if isinstance(part, ast.Constant)]
        assert [text for text in texts if isinstance(text, str) and bare.search(text)] == [], path


def is_told(node: ast.AST) -> bool:
    """Whether something is said to the person at the terminal."""
    called = node.func if isinstance(node, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name in {"say", "message", "Place", "note"}


def test_configuration_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was given a configuration passes it on, quoted; one from the environment is known anyway."""
    token = CONFIG.set(Path("my shop.toml"))
    try:
        assert hint("train").endswith(" train --config 'my shop.toml'")
        monkeypatch.setenv("REGULARS_CONFIG", "my shop.toml")
        assert hint("train").endswith(" train")
    finally:
        CONFIG.reset(token)
