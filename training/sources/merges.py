"""Guests who turned out to be users: whose events become the user's, from before and after they signed in.

A line of an event file with the event `merge` says so: `anonymous_id`, `user_id`, `time`. An event that names a guest
and no user belongs to who signed in last before it; if nobody had, to who signed in first after it; and if nobody ever
did, it stays a guest's. Lines may come in any order and more than once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from training.sources.columns import as_ids
from training.sources.tabular import Table
from training.sources.times import as_seconds

MERGE = "merge"
_AT, _ROW, _LATEST, _FIRST = "__at", "__row", "__latest", "__first"
_SCHEMA = pl.Schema({"anonymous_id": pl.String(), _LATEST: pl.String(), _AT: pl.Int64()})


@dataclass(frozen=True, slots=True, eq=False)
class Merges:
    """Who became whom, and when."""

    frame: pl.DataFrame
    """`anonymous_id`, the user and seconds since 1970, ascending by time."""

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Merges:
        """Collect the merges of several files; a line without guest, user or time says nothing."""
        found = [_merges_of(table.frame) for table in tables]
        return cls(pl.concat([_SCHEMA.to_frame(), *found]).drop_nulls().unique().sort(_AT, "anonymous_id", _LATEST))

    def applied(self, table: Table) -> Table:
        """Return the events of `table`, those of guests who became users with their user, and no merges."""
        frame = table.frame
        if "event" in frame.columns:
            frame = frame.filter((pl.col("event") != MERGE).fill_null(value=True))
        if self.frame.height and {"anonymous_id", "time"} <= set(frame.columns):
            frame = self._with_users(frame)
        return dataclasses.replace(table, frame=frame)

    def users_of(self, guests: pl.Series, at: pl.Series) -> pl.Series:
        """Return who each guest was at a time (seconds since 1970), else whom they became first; null for nobody."""
        asked = pl.DataFrame({"anonymous_id": guests.cast(pl.String), _AT: at})
        rows = asked.with_row_index(_ROW).sort(_AT)
        first = self.frame.group_by("anonymous_id", maintain_order=True).agg(pl.col(_LATEST).first().alias(_FIRST))
        rows = rows.join_asof(self.frame, on=_AT, by="anonymous_id", check_sortedness=False)
        rows = rows.join(first, on="anonymous_id", how="left")
        return rows.sort(_ROW).select(pl.coalesce(_LATEST, _FIRST)).to_series()

    def _with_users(self, frame: pl.DataFrame) -> pl.DataFrame:
        missing = pl.Series("user_id", [None], dtype=pl.String).new_from_index(0, frame.height)
        user = as_ids(frame["user_id"]) if "user_id" in frame.columns else missing
        at = as_seconds(frame["time"], time_zone="UTC").fill_null(0)
        became = self.users_of(frame["anonymous_id"], at)
        return frame.with_columns(pl.select(pl.coalesce(user, became).alias("user_id")).to_series())


def n_merges(table: Table) -> int:
    """Return how many lines of a file are merges."""
    return table.frame.filter(pl.col("event") == MERGE).height if "event" in table.frame.columns else 0


def _merges_of(frame: pl.DataFrame) -> pl.DataFrame:
    if not {"event", "anonymous_id", "user_id", "time"} <= set(frame.columns):
        return _SCHEMA.to_frame()
    lines = frame.filter(pl.col("event") == MERGE)
    return pl.DataFrame(
        {
            "anonymous_id": as_ids(lines["anonymous_id"]),
            _LATEST: as_ids(lines["user_id"]),
            _AT: as_seconds(lines["time"], time_zone="UTC"),
        },
        schema=_SCHEMA,
    )
