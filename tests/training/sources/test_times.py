"""Moments, out of whatever a log writes them as."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.sources.times import as_seconds

NOON = int(datetime(2017, 3, 4, 12, 0, 0, tzinfo=UTC).timestamp())
MIDNIGHT = NOON - 12 * 3600


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2017-03-04 12:00:00", NOON),
        ("2017-03-04T12:00:00", NOON),
        ("2017-03-04T12:00:00Z", NOON),
        ("2017-03-04T12:00:00.25Z", NOON),
        ("2017-03-04T14:00:00+02:00", NOON),
        ("2017-03-04 14:00:00+0200", NOON),
        ("2017-03-04 12:00", NOON),
        ("2017/03/04 12:00", NOON),
        ("2017-03-04", MIDNIGHT),
        ("20170304", MIDNIGHT),
        (20170304, MIDNIGHT),
        (NOON, NOON),
        (NOON * 1000, NOON),
        (NOON + 0.5, NOON),
        (str(NOON), NOON),
        (date(2017, 3, 4), MIDNIGHT),
        (datetime(2017, 3, 4, 12), NOON),  # noqa: DTZ001 - a naive one is the point
        (datetime(2017, 3, 4, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
    ],
    ids=repr,
)
def test_unambiguous_times_need_no_format(value: Any, seconds: int) -> None:
    """Time stamps, dates, ISO 8601 and seconds or milliseconds since 1970 are understood."""
    assert as_seconds(pl.Series([value]), time_zone="UTC").to_list() == [seconds]


def test_spellings_may_be_mixed() -> None:
    """Each value is read by the spelling that fits it."""
    column = pl.Series(["2017-03-04", None, "2017-03-04T12:00:00Z", "2017-03-04 12:00:00", "soon"])
    assert as_seconds(column, time_zone="UTC").to_list() == [MIDNIGHT, None, NOON, NOON, None]


def test_ambiguous_dates_are_not_guessed() -> None:
    """03/04/2017 is April here and March there, so it is nothing until told."""
    column = pl.Series(["03/04/2017"])
    assert as_seconds(column, time_zone="UTC").to_list() == [None]
    assert as_seconds(column, time_zone="UTC", time_format="%m/%d/%Y").to_list() == [MIDNIGHT]


def test_format_with_hours_is_local_time() -> None:
    """A time stamp without an offset is that of the configured zone."""
    column = pl.Series(["04.03.2017 13:00", "yesterday"])
    seconds = as_seconds(column, time_zone="Europe/Berlin", time_format="%d.%m.%Y %H:%M")
    assert seconds.to_list() == [NOON, None]


def test_clock_changes_lose_nothing() -> None:
    """The hour that was skipped is read an hour later, the one that came twice as the first."""
    column = pl.Series(["2017-03-26 02:30:00", "2017-10-29 02:30:00"])
    moments = pl.from_epoch(as_seconds(column, time_zone="Europe/Berlin")).to_list()
    assert [str(moment) for moment in moments] == ["2017-03-26 01:30:00", "2017-10-29 00:30:00"]


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=20))
def test_text_and_stamps_agree(seconds: list[int]) -> None:
    """Writing moments as ISO text and reading them back changes nothing."""
    stamps = pl.from_epoch(pl.Series(seconds, dtype=pl.Int64))
    text = stamps.dt.strftime("%Y-%m-%dT%H:%M:%S")
    assert as_seconds(stamps, time_zone="UTC").to_list() == seconds
    assert as_seconds(text, time_zone="UTC").to_list() == seconds
