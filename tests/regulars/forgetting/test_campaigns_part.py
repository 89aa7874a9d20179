"""What becomes of the files below the folder of campaigns when people are taken out."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import sqlite3
from pathlib import Path

import pytest

from regulars.forgetting import campaigns_part, forget
from regulars.forgetting.campaigns_part import exported, forget_in_campaigns
from serving.campaigns import snapshot
from serving.campaigns.one_at_a_time import alone
from tests.serving.campaigns.test_snapshot import IDS, written


def test_previews_go(tmp_path: Path) -> None:
    """The page of a mail may show whoever is forgotten: it is deleted, and the receipt says so."""
    page = tmp_path / "win-back" / "preview.html"
    page.parent.mkdir()
    page.write_text("<p>Dear 17</p>", encoding="utf-8")
    erased, pending = forget_in_campaigns(tmp_path, ["17"])
    assert not page.exists()
    assert ([(place.what, place.where) for place in erased], pending) == ([("preview of a mail", str(page))], [])
    assert forget_in_campaigns(tmp_path, ["17"]) == ([], [])


def test_an_id_with_an_apostrophe_is_another_one(tmp_path: Path) -> None:
    """Who is called '5 stays where 5 goes; who begins like a formula is found behind the apostrophe they got."""
    path = tmp_path / "win-back" / "sends" / "spring" / "suppressed.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"user_id,reason\r\n5,control\r\n'5,control\r\n'=5,control\r\n")
    path.with_name("recipients.csv").write_bytes(b"user_id,rec_1_id\r\n5,a\r\n'5,a\r\n'=5,a\r\n")
    erased, _ = forget_in_campaigns(tmp_path, ["5", "=5"])
    assert sum(place.rows or 0 for place in erased) == 2
    assert path.read_bytes() == b"user_id,reason\r\n'5,control\r\n"
    assert [place.rows for place in exported(tmp_path, ["5", "=5"], [])] == [2]


def test_what_killed_exports_left_goes(tmp_path: Path) -> None:
    """Unfinished records and files of exports are deleted, and named; a draft of a campaign is none of them."""
    send = tmp_path / "win-back" / "sends" / "spring"
    send.mkdir(parents=True)
    names = (".recipients.csv-x.part", ".recipients.parquet.part", ".snapshot.sqlite-x.part")
    left = [send / name for name in names]
    for path in [*left, tmp_path / "win-back" / ".campaign.json-y.part"]:
        path.write_bytes(b"17")
    erased, pending = forget_in_campaigns(tmp_path, ["17"])
    assert ([place.where for place in erased], pending) == ([str(path) for path in left], [])
    assert [path.name for path in tmp_path.rglob("*.part")] == [".campaign.json-y.part"]


def test_an_export_that_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While files are written nobody can be said to be gone: the receipt stays open."""
    monkeypatch.setattr(campaigns_part, "WAIT_SECONDS", 0.2)
    with alone(tmp_path):
        erased, pending = forget_in_campaigns(tmp_path, ["17"])
    assert (erased, [place.what for place in pending]) == ([], ["campaigns"])
    assert "an export was at work" in pending[0].note
    assert forget_in_campaigns(tmp_path, ["17"]) == ([], [])


def damaged(path: Path) -> None:
    """Flip bits of everything behind the table of contents and the facts of a send."""
    content = bytearray(path.read_bytes())
    for place in range(3 * 4096, len(content), 7):
        content[place] ^= 0x55
    path.write_bytes(content)


def test_a_damaged_record_is_skipped(tmp_path: Path) -> None:
    """It is named as pending, with what to do; people are taken out of the others."""
    damaged(written(tmp_path, "first"))
    whole = written(tmp_path, "second")
    erased, pending = forget_in_campaigns(tmp_path, [IDS[1]])
    assert [(place.where, place.rows) for place in erased] == [(str(whole), 1)]
    assert [Path(place.where).parts[-4] for place in pending] == ["first"]
    assert "it is damaged" in pending[0].note


def test_a_record_that_is_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads it keeps the receipt open; the next run finishes."""
    monkeypatch.setattr(snapshot, "BUSY_SECONDS", 0.1)
    path = written(tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        reading = db.execute("SELECT * FROM recipients")
        reading.fetchone()
        erased, pending = forget_in_campaigns(tmp_path, [IDS[1]])
        assert (erased, [place.where for place in pending]) == ([], [str(path)])
        assert "it is being read" in pending[0].note
        reading.close()
    erased, pending = forget_in_campaigns(tmp_path, [IDS[1]])
    assert ([place.rows for place in erased], pending) == ([1], [])


@pytest.mark.parametrize("manifest", [b"{", b"[]", b"\xff\xfe", b'{"files": {"suppressed.csv": {}}}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, manifest: bytes) -> None:
    """People are taken out of the list; that the manifest cannot say so is on the receipt, which stays open."""
    path = tmp_path / "win-back" / "sends" / "spring" / "suppressed.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"user_id,reason\r\n5,control\r\n")
    path.with_name("manifest.json").write_bytes(manifest)
    erased, pending = forget_in_campaigns(tmp_path, ["5"])
    assert [place.rows for place in erased] == [1]
    assert [place.where for place in pending] == [str(path.with_name("manifest.json"))]
    assert path.read_bytes() == b"user_id,reason\r\n"


def test_lists_and_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A damaged list is pending, and a damaged export is among what may still hold them."""
    folder = tmp_path / "win-back" / "sends" / "spring"
    folder.mkdir(parents=True)
    (folder / "suppressed.csv").write_bytes(b"user_id,reason\r\n\xff5,control\r\n")
    (folder / "recipients.parquet").write_bytes(b"PAR1 no more")
    (folder / "recipients.csv").write_bytes(b"user_id\r\n\xff\r\n")
    erased, pending = forget_in_campaigns(tmp_path, ["5"])
    assert (erased, [place.what for place in pending]) == ([], ["lists of who was left out"])
    found = exported(tmp_path, ["5"], [])
    assert [Path(place.where).name for place in found] == ["recipients.csv", "recipients.parquet"]
    assert all("may hold them" in place.note for place in found)


def test_a_disk_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """People are taken out all the same, and it is said that nobody keeps runs and exports apart."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    written(tmp_path)
    erased, pending = forget_in_campaigns(tmp_path, [IDS[1]])
    assert ([place.rows for place in erased], pending) == ([1], [])
    with forget.alone(tmp_path / "forgotten"):
        pass
    assert len([record for record in caplog.records if "knows no locks" in record.getMessage()]) == 2
