"""What the values of a column mean: ids, numbers and moments, whatever type the file gives them.

The same id must come out the same from every file: the integer 1095275, the float 1095275.0 and the text
"1095275" are one item. Text is otherwise left alone, so "007" is not 7. A text column in which *every* value
is a whole number and some are written like ``1095275.0`` was exported from a float column, and loses its
``.0``.
"""

from __future__ import annotations

import polars as pl

NULL_TEXT = pl.lit(None, dtype=pl.String)

_WHOLE = r"^-?\d+(\.0+)?$"


def as_ids(column: pl.Series) -> pl.Series:
    """Return `column` as text; null stays null, and so does nothing but blanks."""
    if column.dtype.is_float():
        text = _float_ids(column)
    elif column.dtype.is_decimal():
        text = column.cast(pl.String).str.replace(r"\.0+$", "")
    elif column.dtype == pl.Binary:
        text = column.cast(pl.String, strict=False)
    else:
        text = _without_float_tail(column.cast(pl.String))
    is_blank = text.str.strip_chars() == ""
    return text.to_frame("id").select(pl.when(~pl.lit(is_blank)).then("id").otherwise(NULL_TEXT)).to_series()


def as_numbers(column: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
    """Return `column` as floats; what cannot be read is NaN, what is not there is null."""
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64)
    text = column.cast(pl.String).str.strip_chars()
    text = text.set(text == "", None)
    if decimal_comma:
        text = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    numbers = text.cast(pl.Float64, strict=False)
    return numbers.set(numbers.is_null() & text.is_not_null(), float("nan"))


def _float_ids(column: pl.Series) -> pl.Series:
    wide = column.cast(pl.Float64).fill_nan(None)
    is_whole = (wide.floor() == wide) & (wide.abs() < 2**63)
    whole = wide.set(~is_whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
    return whole.zip_with(whole.is_not_null(), wide.cast(pl.String))


def _without_float_tail(text: pl.Series) -> pl.Series:
    if not text.str.contains(r"\.0+$").any() or not text.str.contains(_WHOLE).all():
        return text
    return text.str.replace(r"\.0+$", "")
