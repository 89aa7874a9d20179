"""One way to read a table, whatever the file."""

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from recommender.errors import InvalidInput, MissingColumn
from training.settings import FileFormat
from training.sources.paths import SourceFile
from training.sources.tabular import LINE, Table, WantedColumns, read_table

WANTED = WantedColumns({"user": "user in [purchases.columns]", "item": "item in [purchases.columns]"}, ["price"])
ROWS = {"user": ["ann", None, "空"], "item": ["007", "milk, 1 l", "a:b/c%d"], "other": ["1", "2", "3"]}


def write_csv(path: Path) -> None:
    """ROWS as CSV."""
    pl.DataFrame(ROWS).write_csv(path)


def write_packed_csv(path: Path) -> None:
    """ROWS as compressed CSV."""
    path.write_bytes(gzip.compress(pl.DataFrame(ROWS).write_csv().encode()))


def write_json(path: Path) -> None:
    """ROWS as JSON Lines."""
    pl.DataFrame(ROWS).write_ndjson(path)


def write_parquet(path: Path) -> None:
    """ROWS as Parquet."""
    pl.DataFrame(ROWS).write_parquet(path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "log.csv": write_csv,
    "log.csv.gz": write_packed_csv,
    "log.TXT": write_csv,
    "log.jsonl": write_json,
    "log.parquet": write_parquet,
}


def read(path: Path, wanted: WantedColumns = WANTED, **text: str) -> Table:
    """Read one file."""
    return read_table(SourceFile(path.name, path), wanted, text=FileFormat.model_validate(text), section="purchases")


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_says_the_same(name: str, tmp_path: Path) -> None:
    """The wanted columns come out as they are, and each row knows its line; others are not read."""
    WRITERS[name](tmp_path / name)
    table = read(tmp_path / name)
    first = 2 if ".csv" in name or name.endswith("TXT") else 1
    assert table.frame.to_dict(as_series=False) == {
        "user": ROWS["user"],
        "item": ROWS["item"],
        LINE: [first, first + 1, first + 2],
    }


@pytest.mark.parametrize("name", WRITERS)
def test_missing_column(name: str, tmp_path: Path) -> None:
    """The message names the file, its columns, a likely one, and the key to correct."""
    WRITERS[name](tmp_path / name)
    with pytest.raises(MissingColumn) as refused:
        read(tmp_path / name, WantedColumns({"User ": "user in [purchases.columns]"}))
    for part in (name, "'User '", "did you mean 'user'?", "user, item, other", "user in [purchases.columns]"):
        assert part in str(refused.value)


def test_empty_file_has_no_rows(tmp_path: Path) -> None:
    """A file without a byte, and one with nothing but a header, are tables without rows."""
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("user,item\n")
    (tmp_path / "empty.jsonl").write_text("\n\n")
    for name in ("empty.csv", "header.csv", "empty.jsonl"):
        assert len(read(tmp_path / name)) == 0


def test_wrong_encoding_is_located(tmp_path: Path) -> None:
    """A byte that does not fit is named with its line and the key that helps; with the key, it is read."""
    path = tmp_path / "log.csv"
    path.write_bytes("user,item\nann,tea\nbob,café\n".encode("latin-1"))
    with pytest.raises(InvalidInput) as refused:
        read(path)
    for part in ("log.csv, line 3", "0xE9", "encoding in [purchases]", "cp1252"):
        assert part in str(refused.value)
    assert read(path, encoding="latin-1").frame["item"].to_list() == ["tea", "café"]


def test_utf16_is_recognised(tmp_path: Path) -> None:
    """What some spreadsheets call Unicode is named by what it is."""
    path = tmp_path / "log.csv"
    path.write_text("user,item\nann,tea\n", encoding="utf-16")
    with pytest.raises(InvalidInput, match="set encoding = 'utf-16' in \\[purchases\\]"):
        read(path)
    assert read(path, encoding="utf-16").frame["user"].to_list() == ["ann"]


def test_byte_order_mark_is_no_column_name(tmp_path: Path) -> None:
    """The mark in front of the first header does not become part of it."""
    path = tmp_path / "log.csv"
    path.write_text("user,item\nann,tea\n", encoding="utf-8-sig")
    assert read(path).frame["user"].to_list() == ["ann"]


def test_line_with_too_many_fields(tmp_path: Path) -> None:
    """An unquoted comma would shift every value after it: the line is named."""
    path = tmp_path / "log.csv"
    path.write_text("user,item\nann,tea\nbob,milk, 1 l\n")
    with pytest.raises(InvalidInput, match="line 3: 3 fields, but the header has 2"):
        read(path)


def test_separator(tmp_path: Path) -> None:
    """Semicolons where the configuration says so; tabs in a .tsv whatever it says."""
    (tmp_path / "log.csv").write_text("user;item\nann;tea\n")
    (tmp_path / "log.tsv").write_text("user\titem\nann\ttea\n")
    assert read(tmp_path / "log.csv", separator=";").frame["item"].to_list() == ["tea"]
    assert read(tmp_path / "log.tsv").frame["item"].to_list() == ["tea"]


def test_half_a_json_line_is_set_aside(tmp_path: Path) -> None:
    """A writer that was killed costs its last line, not the file."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"user": 1, "item": 7.0}\n[1]\n{"user": "2", "item": true}\n{"user": "ann", "it')
    table = read(path)
    assert table.frame.to_dict(as_series=False) == {"user": ["1", "2"], "item": ["7", "true"], LINE: [1, 3]}
    assert table.unreadable == {2: "[1]", 4: '{"user": "ann", "it'}
    assert len(table) == 4


@pytest.mark.parametrize("name", ["log.parquet", "log.csv.gz", "log.jsonl.gz"])
def test_truncated_file(name: str, tmp_path: Path) -> None:
    """A file that breaks off is said to."""
    WRITERS["log.parquet" if name == "log.parquet" else "log.csv.gz"](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-20])
    with pytest.raises(InvalidInput, match="truncated"):
        read(tmp_path / name)


def test_unknown_kind_of_file(tmp_path: Path) -> None:
    """A spreadsheet is not guessed at."""
    (tmp_path / "log.xlsx").touch()
    with pytest.raises(InvalidInput, match=r"name it .parquet, .csv or .jsonl"):
        read(tmp_path / "log.xlsx")


@pytest.mark.parametrize(
    ("values", "kind"),
    [([["a"], ["b"]], "List"), ([{"a": 1}, {"a": 2}], "Struct"), ([dt.timedelta(1), dt.timedelta(2)], "Duration")],
)
def test_column_without_plain_values(values: list[object], kind: str, tmp_path: Path) -> None:
    """A Parquet column of lists, structs or durations is refused with file, column and type."""
    pl.DataFrame({"user": values, "item": ["tea", "milk"]}).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(InvalidInput, match=f"log.parquet: column 'user' is of type {kind}"):
        read(tmp_path / "log.parquet")


@pytest.mark.parametrize("line", ['bob,a 5" pipe', 'bob,"never closed', '"bob" or ann,tea'])
def test_stray_quote_is_located(line: str, tmp_path: Path) -> None:
    """Inches in a field that is not quoted are refused with the line, counted as an editor does, and the remedy."""
    path = tmp_path / "log.csv"
    path.write_text('user,item\n"ann\nanna",tea\n' + f"{line}\n" + "eve,milk\n" * 50)
    with pytest.raises(InvalidInput, match=r'log.csv, line 4: a quote \("\) inside a field.* quote twice'):
        read(path)


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    """A row begins on its own line, whatever line breaks the fields before it hold, read or not."""
    path = tmp_path / "log.csv"
    path.write_text('user,item,"a\nnote"\nann,"tea\r\ngreen","1\n2"\n\nbob,milk,\n')
    assert read(path).frame[LINE].to_list() == [3, 7]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    """Lines without a value, as spreadsheets leave them at the end, are not counted."""
    (tmp_path / "log.csv").write_text("user,item\nann,tea\n\n,\nbob,milk\n\n\n")
    assert read(tmp_path / "log.csv").frame[LINE].to_list() == [2, 5]


def test_repeated_column(tmp_path: Path) -> None:
    """Which of two columns of one name is meant cannot be known; if none of them is wanted, it does not matter."""
    (tmp_path / "log.csv").write_text("user,item,item,note,note\nann,tea,milk,1,2\n")
    with pytest.raises(InvalidInput, match=r"log.csv has more than one column 'item'"):
        read(tmp_path / "log.csv")
    assert len(read(tmp_path / "log.csv", WantedColumns({"user": "user"}))) == 1


def test_json_lines_of_a_windows_editor(tmp_path: Path) -> None:
    """The mark in front of UTF-8 costs no row, and UTF-16 is named by what it is."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"user": "ann", "item": "tea"}\n', encoding="utf-8-sig")
    assert read(path).frame["user"].to_list() == ["ann"]
    path.write_text('{"user": "ann", "item": "tea"}\n', encoding="utf-16")
    with pytest.raises(InvalidInput, match=r"log.jsonl is UTF-16"):
        read(path)


def test_compressed_file_without_its_name(tmp_path: Path) -> None:
    """A .csv that is gzip is not mistaken for another encoding."""
    write_packed_csv(tmp_path / "log.csv")
    with pytest.raises(InvalidInput, match=r"let its name end in \.gz"):
        read(tmp_path / "log.csv")


def test_json_array_is_no_json_lines(tmp_path: Path) -> None:
    """A file that is one array of objects is refused with the remedy."""
    (tmp_path / "log.jsonl").write_text('[\n{"user": "ann"},\n{"user": "bob"}\n]\n')
    with pytest.raises(InvalidInput, match=r"log.jsonl is a JSON array; write one object a line"):
        read(tmp_path / "log.jsonl")


def test_utf16_without_its_mark(tmp_path: Path) -> None:
    """Zero bytes give UTF-16 away."""
    (tmp_path / "log.csv").write_bytes("user,item\nann,café\n".encode("utf-16-le"))
    with pytest.raises(InvalidInput, match="'utf-16-le' or 'utf-16-be' are likely"):
        read(tmp_path / "log.csv")
