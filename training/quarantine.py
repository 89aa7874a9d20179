"""The file of rows that make no sense, for someone to look at.

One CSV: the file and line each row came from, the reason, and its values as they were written. It is written
beside its final name and then moved there, so nobody ever opens half of it; when there is nothing to show,
there is no file.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl

from training.sources.log import FILE, REASON
from training.sources.tabular import LINE

_HEADS = {FILE: "file", LINE: "line", REASON: "reason"}


def write_quarantine(refused: pl.DataFrame, path: Path) -> Path | None:
    """Write `refused` to `path` and return it; without rows, remove an earlier file and return None."""
    if refused.is_empty():
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = {name: f"{name} (original)" for name in refused.columns if name in _HEADS.values()}
    table = refused.rename(taken).rename(_HEADS).select("file", "line", "reason", pl.exclude(*_HEADS.values()))
    unfinished = path.with_name(f"{path.name}.tmp")
    table.sort("file", "line", nulls_last=True).write_csv(unfinished)
    os.replace(unfinished, path)  # noqa: PTH105 - the atomic one, by its own name
    return path
