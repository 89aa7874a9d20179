"""Moments out of whatever a log writes them as: time stamps, dates, ISO text, seconds since 1970.

Only what cannot be misread is read without being told: ISO 8601 in its usual spellings, ``YYYYMMDD``, and
seconds or milliseconds since 1970. ``03/04/2017`` is April in one country and March in another: it needs a
`time_format`. A time stamp without an offset is local time of the configured zone; the result is seconds
since 1970, UTC. An hour that the clocks skipped is read as one hour later, an hour that came twice as the
first.
"""

from __future__ import annotations

import polars as pl

_NAIVE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
)
_DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d")
_OFFSET = r"(?:[zZ]|[+-]\d{2}:?\d{2})$"
_MILLISECONDS_FROM = 100_000_000_000
"""As seconds this is the year 5138, as milliseconds 1973."""
_FIRST_DAY, _LAST_DAY = 19000101, 21001231
"""Whole numbers in between are days written YYYYMMDD; as seconds they would be a few months of 1970."""


def as_seconds(column: pl.Series, *, time_zone: str, time_format: str | None = None) -> pl.Series:
    """Return `column` as Int64 seconds since 1970 in UTC; null where it cannot be read."""
    if time_format is not None and (column.dtype == pl.String or column.dtype.is_integer()):
        return _formatted(column.cast(pl.String), time_format, time_zone)
    if isinstance(column.dtype, pl.Datetime):
        return _localised(column, time_zone)
    if column.dtype == pl.Date:
        return _localised(column.cast(pl.Datetime("us")), time_zone)
    if column.dtype.is_numeric():
        return _numeric(column.cast(pl.Float64), time_zone)
    return _textual(column.cast(pl.String).str.strip_chars(), time_zone)


def _textual(text: pl.Series, time_zone: str) -> pl.Series:
    if text.str.contains(r"^\d+(\.\d+)?$").all() and text.is_not_null().any():
        return _numeric(text.cast(pl.Float64, strict=False), time_zone)
    seconds = pl.Series("seconds", [None], dtype=pl.Int64).new_from_index(0, len(text))
    for time_format in (*_NAIVE_FORMATS, *_DATE_FORMATS):
        missing = seconds.is_null() & text.is_not_null()
        if not missing.any():
            return seconds
        seconds = _filled(seconds, missing, _formatted(text.filter(missing), time_format, time_zone))
    missing = seconds.is_null() & text.str.contains(_OFFSET).fill_null(value=False)
    return _filled(seconds, missing, _with_offset(text.filter(missing))) if missing.any() else seconds


def _filled(seconds: pl.Series, positions: pl.Series, values: pl.Series) -> pl.Series:
    return seconds.scatter(positions.arg_true(), values)


def _with_offset(text: pl.Series) -> pl.Series:
    iso = text.str.replace(" ", "T", literal=True).str.replace("[zZ]$", "+00:00")
    return iso.str.strptime(pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False).dt.epoch("s")


def _formatted(text: pl.Series, time_format: str, time_zone: str) -> pl.Series:
    if "%z" in time_format or "%:z" in time_format or "%#z" in time_format:
        return text.str.strptime(pl.Datetime("us", "UTC"), time_format, strict=False).dt.epoch("s")
    has_hours = any(code in time_format for code in ("%H", "%I", "%T", "%R", "%X", "%c"))
    if not has_hours:
        days = text.str.strptime(pl.Date, time_format, strict=False)
        return _localised(days.cast(pl.Datetime("us")), time_zone)
    return _localised(text.str.strptime(pl.Datetime("us"), time_format, strict=False), time_zone)


def _numeric(numbers: pl.Series, time_zone: str) -> pl.Series:
    values = numbers.fill_nan(None)
    if values.is_between(_FIRST_DAY, _LAST_DAY).all() and values.is_not_null().any():
        days = values.cast(pl.Int64).cast(pl.String).str.strptime(pl.Date, "%Y%m%d", strict=False)
        return _localised(days.cast(pl.Datetime("us")), time_zone)
    seconds = values.zip_with(values.abs() < _MILLISECONDS_FROM, values / 1000)
    return seconds.floor().cast(pl.Int64, strict=False)


def _localised(stamps: pl.Series, time_zone: str) -> pl.Series:
    if isinstance(stamps.dtype, pl.Datetime) and stamps.dtype.time_zone is not None:
        return stamps.dt.epoch("s")
    if time_zone == "UTC":
        return stamps.dt.epoch("s")
    local = _in_zone(stamps, time_zone)
    skipped = local.is_null() & stamps.is_not_null()
    if skipped.any():
        local = local.zip_with(~skipped, _in_zone(stamps.dt.offset_by("1h"), time_zone))
    return local.dt.epoch("s")


def _in_zone(stamps: pl.Series, time_zone: str) -> pl.Series:
    return stamps.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
