"""Choosing a backend: what is missing or impossible is said at once, with the way around it."""

import sys
from pathlib import Path

import pytest

from recommender.errors import ConfigError, MissingExtra
from regulars.config import load
from training.backends import make_backend
from training.settings import AlsSettings


def test_missing_numba_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Numba the message says what to install."""
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingExtra, match=r"als.backend = 'numba'.*regulars\[fast\]"):
        make_backend(AlsSettings(backend="numba"))


@pytest.mark.parametrize("backend", ["implicit", "spark"])
def test_scaling_needs_our_own_solver(backend: str, tmp_path: Path) -> None:
    """Frequency scaling with a library that has none is refused while the configuration is read."""
    file = tmp_path / "regulars.toml"
    file.write_text(f'[als]\nbackend = "{backend}"\nfrequency_scaling = 0.5\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"set als\.backend to 'numba', or als\.frequency_scaling to 0"):
        load(file)
    assert load(file, overrides=["als.backend=numba"]).training.als.frequency_scaling == 0.5
    assert load(file, overrides=["als.frequency_scaling=0"]).training.als.backend == backend
