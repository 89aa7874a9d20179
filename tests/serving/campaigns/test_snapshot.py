"""The record of a send."""

import contextlib
import datetime as dt
import sqlite3
from pathlib import Path

import pytest

from recommender.candidates import NO_ANCHOR, ReasonCode, Source
from recommender.errors import InvalidInput
from recommender.experiments.allocation import Assigned
from recommender.loyalty.rfm import Segment
from serving.campaigns.sends import MANIFEST_FILE, SENDS, Sends
from serving.campaigns.snapshot import NO_DAY, PICK, SNAPSHOT_FILE, RecipientRow, SentItem, Snapshot
from serving.campaigns.snapshot_writing import written_snapshot

DUE = dt.date(2018, 1, 5)
IDS = ("a", "b:/% 空", "c" * 40)


def item(number: int) -> SentItem:
    """An item with everything, or with nothing but an id."""
    if number == 0:
        return SentItem(
            "i0", "Tea, green", "https://shop.example/i0", "https://shop.example/i0.png", "Tea", "Ours", 2.5
        )
    return SentItem(f"i{number}", "", "", "", "", "", None)


def row(number: int) -> RecipientRow:
    """A recipient with two picks."""
    days = (DUE - dt.date(1970, 1, 1)).days
    picks = PICK.pack(0, Source.PERSONAL << 4 | ReasonCode.BUY_AGAIN, NO_ANCHOR, days) + PICK.pack(
        70_000, Source.SIMILAR << 4 | ReasonCode.SIMILAR_TO, 0, NO_DAY
    )
    grouped = "trial/b" if number else None
    expected = (0.5, days, days - 2, days + 9)
    return RecipientRow(number, IDS[number], Segment.AT_RISK, 29, 3, 12.5, *expected, "5%", grouped, number < 2, picks)


def written(folder: Path, campaign: str = "win-back", send_id: str = "20180101", as_of: str = "2018-01-01") -> Path:
    """Write a finished send of three people."""
    path = folder / campaign / SENDS / send_id / SNAPSHOT_FILE
    with written_snapshot(path) as writer:
        writer.tell({"campaign": campaign, "send_id": send_id, "as_of": as_of, "currency": "EUR", "slots": 2})
        writer.describe([(0, item(0)), (70_000, item(70_000))])
        writer.add(row(number) for number in range(3))
        writer.suppress([("z", "erased"), ("y", "control_group")])
    path.with_name(MANIFEST_FILE).write_text("{}")
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """A recipient comes back with everything, by number, by id and in order."""
    with Snapshot.open(written(tmp_path)) as snapshot:
        sent = snapshot.recipient(1)
        assert sent is not None
        assert (sent.user_id, sent.slate_id) == (IDS[1], "win-back.20180101.1")
        assert sent.items == ("i0", "i70000")
        assert sent.picks[0].due_on == DUE == sent.next_order
        assert (sent.alive, sent.next_order_from, sent.next_order_until) == (
            0.5,
            dt.date(2018, 1, 3),
            dt.date(2018, 1, 14),
        )
        assert sent.picks[0].item == item(0)
        assert sent.picks[1].rests_on == item(0)
        assert (sent.picks[1].source, sent.picks[1].reason) == (Source.SIMILAR, ReasonCode.SIMILAR_TO)
        assert (sent.group, sent.coupon_tier, sent.segment) == (Assigned("trial", "b"), "5%", Segment.AT_RISK)
        assert sent.is_personal
        assert snapshot.of_user(IDS[1]) == sent
        assert [one.number for one in snapshot] == [0, 1, 2]
        assert list(snapshot.suppressed()) == [("z", "erased"), ("y", "control_group")]
        assert snapshot.why_not("y") == "control_group"
        assert (len(snapshot), snapshot.slots, snapshot.currency) == (3, 2, "EUR")


def test_records_of_the_schema_before_are_read(tmp_path: Path) -> None:
    """Sends that were made before rows said what is expected of people are there, and say nothing of it."""
    path = written(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for column in ("alive", "next_order_from", "next_order_until"):
            db.execute(f"ALTER TABLE recipients DROP COLUMN {column}")
        db.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
    with Snapshot.open(path) as snapshot:
        sent = snapshot.of_user(IDS[0])
        assert sent is not None
        assert (sent.next_order, sent.alive, sent.next_order_from, sent.next_order_until) == (DUE, None, None, None)
        assert (sent.coupon_tier, sent.items) == ("5%", ("i0", "i70000"))
        assert snapshot.forget(IDS[2])


def test_records_of_a_later_schema_are_refused(tmp_path: Path) -> None:
    """What a later release wrote is not guessed at."""
    path = written(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '3' WHERE name = 'schema'")
    with pytest.raises(InvalidInput, match="is of schema 3, and this release reads 1 and 2"):
        Snapshot.open(path)


@pytest.mark.parametrize("number", [-1, 3, 10**9])
def test_nobody_has_other_numbers(tmp_path: Path, number: int) -> None:
    """A number beyond those there are is nobody's."""
    with Snapshot.open(written(tmp_path)) as snapshot:
        assert snapshot.recipient(number) is None


def test_forgotten_people_leave_no_trace(tmp_path: Path) -> None:
    """Whoever is taken out is not found any more, their id is not in the file, and the others stay as they were."""
    path = written(tmp_path)
    with Snapshot.open(path) as snapshot:
        others = [sent for sent in snapshot if sent.user_id != IDS[2]]
        assert snapshot.forget(IDS[2])
        assert not snapshot.forget(IDS[2])
        assert snapshot.forget("z")
        assert snapshot.of_user(IDS[2]) is None
        assert list(snapshot) == others
    assert IDS[2].encode() not in path.read_bytes()
    assert sorted(file.name for file in path.parent.iterdir()) == [MANIFEST_FILE, SNAPSHOT_FILE]


def test_an_interrupted_send_leaves_nothing(tmp_path: Path) -> None:
    """After an error there is no file, neither whole nor in part."""
    with contextlib.suppress(RuntimeError), written_snapshot(tmp_path / SNAPSHOT_FILE) as writer:
        writer.add([row(0)])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\x00"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """What is no record of a send is refused by name."""
    path = tmp_path / SNAPSHOT_FILE
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"snapshot\.sqlite"):
        Snapshot.open(path)


def test_sends_are_found_by_name_key_and_person(tmp_path: Path) -> None:
    """Finished sends are found, the latest first; what is unfinished or no name is not."""
    written(tmp_path, as_of="2018-01-01")
    written(tmp_path, "again", "20180201", as_of="2018-02-01")
    written(tmp_path, "again", "20180301").with_name(MANIFEST_FILE).unlink()
    sends = Sends(tmp_path)
    assert [(send.campaign, send.send_id) for send in sends.latest(5)] == [
        ("again", "20180201"),
        ("win-back", "20180101"),
    ]
    assert sends.find("again", "20180301") is None
    assert sends.find("../tmp", "20180301") is None
    found = sends.find("win-back", "20180101")
    assert found is not None
    assert sends.by_key(found.key) == found
    assert sends.by_key(b"12345") is None
    assert [send.campaign for send, _ in sends.of_user(IDS[0])] == ["again", "win-back"]


def test_damage_within_is_named(tmp_path: Path) -> None:
    """Wherever a bit is flipped, whoever reads gets what was written or an error that names the file."""
    path = written(tmp_path)
    whole = path.read_bytes()
    said = []
    for place in range(0, len(whole), 61):
        flipped = bytearray(whole)
        flipped[place : place + 8] = bytes(sign ^ 0x55 for sign in flipped[place : place + 8])
        path.write_bytes(flipped)
        try:
            with Snapshot.open(path) as snapshot:
                len(snapshot), list(snapshot), list(snapshot.suppressed()), list(snapshot.users())
                list(snapshot.item_ids()), list(snapshot.items_of(["a", "b"])), snapshot.of_user("a")
        except InvalidInput as error:
            said.append(str(error))
    assert len(said) > 10
    assert all(str(path) in each for each in said)


def test_damage_that_sqlite_cannot_quote_is_named(tmp_path: Path) -> None:
    """SQLite quotes what it stumbles over, and where that is no text, Python cannot read the quotation."""
    path = written(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"meta (name TEXT", b'meta ("\xccme TEXT'))
    with pytest.raises(InvalidInput, match=r"snapshot\.sqlite"):
        Snapshot.open(path)
