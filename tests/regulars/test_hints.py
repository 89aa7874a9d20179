"""What a command says to run next can be pasted."""

from __future__ import annotations

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


def test_configuration_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was given a configuration passes it on, quoted; one from the environment is known anyway."""
    token = CONFIG.set(Path("my shop.toml"))
    try:
        assert hint("train").endswith(" train --config 'my shop.toml'")
        monkeypatch.setenv("REGULARS_CONFIG", "my shop.toml")
        assert hint("train").endswith(" train")
    finally:
        CONFIG.reset(token)
