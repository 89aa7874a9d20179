"""Whom the list of the erased names, and who is added to it: everybody who was promised it, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from serving.erasures import FILE, Erasures, read_erased
from serving.stores.memory import MemoryStores

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of servers."""
    return "asyncio"


async def test_half_a_line_is_nobody(tmp_path: Path) -> None:
    """What a crash left of an id marks nobody, and does not run into the next one."""
    (tmp_path / FILE).write_bytes("空\nuser-1".encode())
    assert read_erased(tmp_path) == {"空"}
    erasures = Erasures(tmp_path, MemoryStores().slates)
    erasures.load()
    assert "user-1" not in erasures
    await erasures.erase("34")
    assert read_erased(tmp_path) == {"空", "34"}


async def test_an_editors_marks_are_no_part_of_ids(tmp_path: Path) -> None:
    """A byte-order mark and carriage returns are left out."""
    (tmp_path / FILE).write_bytes("\ufeff17\r\n18\u2028\r\n\r\n".encode())
    assert read_erased(tmp_path) == {"17", "18\u2028"}


async def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    """It is refused with file and line."""
    (tmp_path / FILE).write_bytes(b"17\n\xff\n")
    with pytest.raises(InvalidInput, match=r"erased\.txt, line 2: byte 0xFF is not UTF-8"):
        read_erased(tmp_path)
