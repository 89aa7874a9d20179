"""Garbage behind the last command is cut off and kept; garbage before others is left to a person."""

import os
from pathlib import Path

import pytest

from recommender.errors import StoreUnavailable
from serving.stores import append_only

MANIFEST = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
NAME = "appendonly.aof.1.incr.aof"


def command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


SET = command(b"SET", b"k", b"*1\r\n$4\r\nlook")
WHOLE = command(b"MULTI") + SET + command(b"EXEC")


def written(folder: Path, content: bytes) -> Path:
    (folder / append_only.FOLDER).mkdir()
    (folder / append_only.FOLDER / "appendonly.aof.manifest").write_text(MANIFEST)
    path = folder / append_only.FOLDER / NAME
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", SET, SET + WHOLE, b"#TS:17\r\n" + SET])
def test_a_whole_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Nothing is cut from a file without damage, and nothing is written beside it."""
    path = written(tmp_path, content)
    assert not append_only.mend(tmp_path)
    assert path.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "tail", [b"\0" * 100, SET[:-1], SET[:9], b"$3\r\n", b"*2\r\n$x", command(b"MULTI") + SET, b"*0\r\n", b"#TS"]
)
def test_a_bad_end_is_cut_off_and_kept(tmp_path: Path, tail: bytes) -> None:
    """Whatever stands behind the last whole command or transaction is moved into a file of its own."""
    path = written(tmp_path, SET + WHOLE + tail)
    assert append_only.mend(tmp_path)
    assert path.read_bytes() == SET + WHOLE
    assert (tmp_path / f"cut-off-{NAME}-at-{len(SET + WHOLE)}").read_bytes() == tail


@pytest.mark.parametrize("garbage", [b"\0" * 100, b"$9999\r\n", SET.replace(b"$1", b"$99"), b"*1\r\n"])
def test_garbage_before_good_commands_is_refused(tmp_path: Path, garbage: bytes) -> None:
    """Cutting there would lose what follows: the file stays as it is, and the message says where and what to do."""
    path = written(tmp_path, WHOLE + garbage + SET)
    with pytest.raises(StoreUnavailable, match=rf"{NAME} is damaged at byte {len(WHOLE)}, .*backup"):
        append_only.mend(tmp_path)
    assert path.read_bytes() == WHOLE + garbage + SET


def test_without_a_manifest_nothing_is_done(tmp_path: Path) -> None:
    """A folder that is no store's is nobody's to mend."""
    assert not append_only.mend(tmp_path)


def test_the_newest_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once after it has grown, and not again; a folder without one is no error."""
    synced: list[int] = []
    assert append_only.sync(tmp_path / "nowhere", synced=7) == 7
    path = written(tmp_path, SET)
    monkeypatch.setattr(os, "fsync", synced.append)
    size = append_only.sync(tmp_path, synced=0)
    assert (size, len(synced)) == (path.stat().st_size, 1)
    assert append_only.sync(tmp_path, synced=size) == size
    assert len(synced) == 1
