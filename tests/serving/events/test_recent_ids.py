"""A drain knows what lies in the event files already."""

from pathlib import Path

import orjson
import pytest

from serving.events import files


def lines(start: int, stop: int) -> list[bytes]:
    """Events that are told apart by their numbers."""
    return [orjson.dumps({"event_id": f"e-{number}"}) for number in range(start, stop)]


def test_what_others_wrote_meanwhile_is_known_however_much_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drain that was stopped for long finds its batch, which another one wrote first, below all that came after."""
    monkeypatch.setattr(files, "MAX_IDS", 10)
    recent, path = files.RecentIds(tmp_path), tmp_path / "events-2026-01-01.jsonl"
    files.append(path, lines(0, 5))
    assert "e-4" in recent.refresh()
    files.append(path, lines(5, 100))
    known = recent.refresh()
    assert all(f"e-{number}" in known for number in range(5, 100))


def test_old_ids_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: after the next look, only the latest are left."""
    monkeypatch.setattr(files, "MAX_IDS", 10)
    recent = files.RecentIds(tmp_path)
    files.append(tmp_path / "events-2026-01-01.jsonl", lines(0, 100))
    recent.refresh()
    assert set(recent.refresh()) == {f"e-{number}" for number in range(90, 100)}
