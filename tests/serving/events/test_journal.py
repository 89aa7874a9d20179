"""Events on disk before their senders hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from serving.events import files
from serving.events.journal import Journal

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lines_in(folder: Path) -> list[bytes]:
    return [line for path in folder.glob("*.jsonl") for line in files.lines_of(path)]


async def test_batches_that_wait_together_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty at once take a handful of writes, and each is on disk when its sender is told."""
    writes: list[int] = []
    append = files.append

    def counted(path: Path, lines: Sequence[bytes]) -> None:
        writes.append(len(lines))
        append(path, lines)

    monkeypatch.setattr(files, "append", counted)
    journal = Journal(tmp_path)

    async def keep(number: int) -> bool:
        await journal.keep([(f"e{number}", b"%d" % number)])
        return b"%d" % number in lines_in(tmp_path)

    assert all(await asyncio.gather(*(keep(number) for number in range(50))))
    assert sum(writes) == 50
    assert len(writes) <= 3


async def test_an_id_is_written_once(tmp_path: Path) -> None:
    """Twice in a batch, in two that wait together, and again later."""
    journal = Journal(tmp_path)
    first, second = await asyncio.gather(journal.keep([("a", b"1"), ("a", b"1")]), journal.keep([("a", b"1")]))
    assert (first, second, await journal.keep([("a", b"1"), ("b", b"2")])) == ([True, False], [False], [False, True])
    assert lines_in(tmp_path) == [b"1", b"2"]


async def test_everybody_who_waits_hears_of_a_disk_that_refuses(tmp_path: Path) -> None:
    """Nothing is promised, and what is sent again is written once there is room."""
    folder = tmp_path / "events"
    folder.write_text("a file where the folder should be")
    journal = Journal(folder)
    told = await asyncio.gather(*(journal.keep([(f"e{k}", b"x")]) for k in range(3)), return_exceptions=True)
    assert all(isinstance(answer, OSError) for answer in told)
    folder.unlink()
    assert await journal.keep([("e0", b"x")]) == [True]


async def test_a_sender_that_gives_up_disturbs_nobody(tmp_path: Path) -> None:
    """The others that wait with it are told."""
    journal = Journal(tmp_path)
    waiting = [asyncio.create_task(journal.keep([(f"e{k}", b"x")])) for k in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert [await task for task in waiting[1:]] == [[True], [True]]
