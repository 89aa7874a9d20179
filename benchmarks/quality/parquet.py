"""Tables of the data sets: a file that is cut short, or another one, is named before anything is measured."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from benchmarks.quality.scoreboard import BrokenData, find


def read_table(folder: Path, name: str, *, numbers: Collection[str], texts: Collection[str] = ()) -> pl.DataFrame:
    """Return the columns `numbers` (whole, at least 0) and `texts` of the file `name`, which has rows and no gaps.

    Raises
    ------
    MissingData
        If the file is not there.
    BrokenData
        If it cannot be read, or holds something else.
    """
    path = find(folder, name)
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(path, f"it cannot be read ({str(error).splitlines()[0]})") from error
    if missing := [column for column in (*numbers, *texts) if column not in table.columns]:
        raise _broken(path, f"it has no column {', '.join(missing)}, only {', '.join(table.columns)}")
    table = table.select(*numbers, *texts)
    for column in numbers:
        if not table[column].dtype.is_integer():
            raise _broken(path, f"{column} holds {table[column].dtype}, not whole numbers")
    for column in texts:
        if table[column].dtype != pl.String:
            raise _broken(path, f"{column} holds {table[column].dtype}, not text")
    return _checked(path, table, numbers)


def _checked(path: Path, table: pl.DataFrame, numbers: Collection[str]) -> pl.DataFrame:
    if table.is_empty():
        raise _broken(path, "it has no rows")
    for column in table:
        if column.null_count():
            raise _broken(path, f"{column.name} is empty in {column.null_count():,} rows")
    for name in numbers:
        if table.select(pl.col(name).min()).item() < 0:
            raise _broken(path, f"{name} has values below 0")
    return table


def _broken(path: Path, problem: str) -> BrokenData:
    return BrokenData(f"{path}: {problem}; get the file again, or set BENCH_DATA to the folder that holds a whole one")
