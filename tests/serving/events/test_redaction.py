"""Taking people out of event files: theirs and their guests' lines become nobody's, and every line keeps its place."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from serving.events import files
from serving.events.redaction import Guests, guests_in, redact_file
from tests.planted import HOSTILE_IDS
from training.settings import CleaningSettings
from training.sources.event_files import find_event_files, read_event_files


def event(event_id: str, time: str, **said: str) -> bytes:
    """A line as the drain writes it."""
    return orjson.dumps({"event": "click", "event_id": event_id, "item_id": "i", "quantity": 1.0, "time": time} | said)


def merge(guest: str, user: str, time: str) -> bytes:
    """A line that joins a guest to a user."""
    return event(f"m-{guest}-{user}", time, event="merge", anonymous_id=guest, user_id=user)


def day(number: int) -> str:
    """A moment."""
    return f"2026-11-{number:02}T10:00:00Z"


LINES = [
    event("before", day(1), anonymous_id="g"),
    merge("g", "ann", day(2)),
    event("anns guest", day(3), anonymous_id="g"),
    merge("g", "bob", day(4)),
    event("bobs guest", day(5), anonymous_id="g"),
    event("ann", day(6), user_id="ann", anonymous_id="h"),
    event("guest", day(6), anonymous_id="h"),
    event("bob", day(7), user_id="bob"),
    b'{"event":"click","user_id":"ann", torn',
    b'{"event":"click","user_id":"bob", torn',
]


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """An event file."""
    path = tmp_path / "events-2026-11-22.jsonl"
    files.append(path, LINES)
    return path


def redact(path: Path, *users: str) -> int:
    """Take people out."""
    return redact_file(path, users, guests_in(path.parent), on_line=lambda: None)


def test_a_guests_line_belongs_to_who_signed_in_last_before_it(path: Path) -> None:
    """Or first after it, as in training; what cannot be read goes if it names them."""
    assert redact(path, "ann") == 5
    read = [
        orjson.loads(line) if b"torn" not in line and line.strip() else line.strip() for line in files.lines_of(path)
    ]
    named = {
        line["event_id"]: (line.get("user_id"), line.get("anonymous_id")) for line in read if isinstance(line, dict)
    }
    assert named == {
        "before": (None, None),
        "m-g-ann": (None, None),
        "anns guest": (None, None),
        "m-g-bob": ("bob", "g"),
        "bobs guest": (None, "g"),
        "ann": (None, None),
        "guest": (None, "h"),
        "bob": ("bob", None),
    }
    assert read[-2:] == [b"", LINES[-1]]
    assert redact(path, "ann") == 0


def test_lines_keep_their_places(path: Path) -> None:
    """Whoever has read the file up to some byte goes on from there; lines that are added meanwhile stay."""
    before = [len(line) for line in files.lines_of(path)]
    inode = path.stat().st_ino
    redact(path, "ann")
    assert [len(line) for line in files.lines_of(path)] == before
    assert path.stat().st_ino != inode
    files.append(path, [event("later", day(8), user_id="bob")])
    assert files.lines_of(path)[-1] == event("later", day(8), user_id="bob")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_without_them_is_not_touched(path: Path) -> None:
    """Not even its time changes."""
    seen = path.stat()
    assert redact(path, "nobody") == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (seen.st_mtime_ns, seen.st_ino)
    assert redact(path.with_name("gone.jsonl"), "ann") == 0


def test_who_waits_for_the_file_finds_the_new_one(path: Path) -> None:
    """A drain that adds a line while the file is rewritten loses nothing."""

    def change(line: bytes) -> bytes:
        return line.upper()

    files.rewrite(path, change)
    with files.opened(path) as file:
        files.write(file, [b"added"])
    assert files.lines_of(path)[-1] == b"added"
    assert files.lines_of(path)[0] == LINES[0].upper()


def test_awkward_ids_are_found(tmp_path: Path) -> None:
    """Whatever an id holds, and however JSON writes it."""
    path = tmp_path / "events-x.jsonl"
    files.append(path, [event(str(number), day(1), user_id=name) for number, name in enumerate(HOSTILE_IDS)])
    assert redact(path, *HOSTILE_IDS) == len(HOSTILE_IDS)
    assert all("user_id" not in orjson.loads(line) for line in files.lines_of(path))


def test_training_reads_what_is_left(path: Path) -> None:
    """Redacted events are those of guests, so what sells is counted as before."""
    before = read_event_files(find_event_files(path.parent), CleaningSettings()).rows
    redact(path, "ann")
    after = read_event_files(find_event_files(path.parent), CleaningSettings()).rows
    assert before["event_id"].to_list() == after["event_id"].to_list()
    assert set(after["user"].drop_nulls()) == {"bob"}
    assert dict(zip(after["event_id"], after["user"], strict=True))["bobs guest"] == "bob"


def test_merges_are_remembered() -> None:
    """What is told of some users is enough to know their guests again."""
    guests, again = Guests(), Guests()
    guests.learn(LINES)
    for told in guests.told(["ann"]):
        again.add(*told)
    assert again.of(["ann"]) == guests.of(["ann"]) == {"g"}
    assert [again.owner(orjson.loads(line)) for line in LINES[:5]] == ["ann", "ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("line", ['{"user_id":"空\n', '{"user_id":"空', '{"user_id":"\\u7a7a",\n'])
def test_a_torn_line_goes_too(tmp_path: Path, line: str) -> None:
    """Also one that ends within the id's quotation marks, with or without a line end, or that is written in escapes."""
    path = tmp_path / "events-2026-11-22.jsonl"
    bob = event("bob", day(7), user_id="bob") + b"\n"
    path.write_bytes(bob + line.encode())
    assert redact_file(path, ["空"], Guests(), on_line=lambda: None) == 1
    assert path.read_bytes().rstrip() + b"\n" == bob


def test_a_torn_line_of_a_guest_goes_too(tmp_path: Path) -> None:
    """One that names a guest they were would lie in quarantine again after the next training; others stay."""
    path = tmp_path / "events-2026-11-22.jsonl"
    lines = [merge("g", "ann", day(2)), b'{"event":"click","anonymous_id":"g', b'{"event":"click","anonymous_id":"h']
    path.write_bytes(b"\n".join([*lines, b""]))
    assert redact(path, "ann") == 2
    assert b'"g' not in path.read_bytes()
    assert path.read_bytes().endswith(lines[-1] + b"\n")
