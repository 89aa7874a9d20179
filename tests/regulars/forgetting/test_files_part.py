"""Lines of lists that name somebody go, in whichever way they are written; those of others stay."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from regulars.forgetting.files_part import forget_in_quarantine

USER = '空 "b'


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"click","user_id":"空 \\"b","item_id":1}',
        '{"event":"click","user_id":"\\u7a7a \\u0022b"',
        '{"event":"click","user_id":"空 \\"b',
        '{"event":"cli"ck","user_id":"\\u7A7A \\"b"}',
    ],
)
def test_lines_that_could_not_be_read(tmp_path: Path, line: str) -> None:
    """A quarantined line goes whether its id is escaped or not, and if it was torn right behind it."""
    other = '{"event":"click","user_id":"空","item_id":1}'
    path = tmp_path / "purchases.csv"
    pl.DataFrame({"file": ["a", "a"], "line": [1, 2], "reason": ["x", "x"], "text": [line, other]}).write_csv(path)
    (place,) = forget_in_quarantine(tmp_path, [USER], column="who")
    assert place.rows == 1
    assert pl.read_csv(path)["text"].to_list() == [other]
