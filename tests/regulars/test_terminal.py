"""What the commands print."""

import io

import pytest
from rich.console import Console

from regulars.terminal import plain, printable, table


@pytest.mark.parametrize("hostile", ["[bold]tea[/bold]", "[/]", "[link=x]y", "\\[red]", ":smile:"])
def test_data_is_no_markup(hostile: str) -> None:
    """Text from a shop is shown as it is."""
    out = Console(file=io.StringIO(), width=80)
    out.print(plain(hostile))
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue() == f"{hostile}\n"


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "\x1b]0;title\x07", "a\rb", "\u202eabc", "\x9b31m", "\x00"])
def test_data_is_no_escape_sequence(hostile: str) -> None:
    """What a terminal would obey is replaced."""
    assert printable(hostile).isprintable()
    assert printable("tea 空\n") == "tea 空\n"


def test_a_path_is_folded_and_not_cut() -> None:
    """A word that is longer than its column is there as a whole, over several lines."""
    path = "/var/lib/shop/data/campaigns/win-back/sends/20180101/klaviyo_profiles-001.json"
    out = Console(file=io.StringIO(), width=60)
    out.print(table(["still holds them", "where", ">rows"], [("exported file", path, 2)]))
    assert isinstance(out.file, io.StringIO)
    rows = out.file.getvalue().splitlines()[3:]
    assert path == "".join(words[0] for line in rows if (words := line[len("still holds them") :].split()))


def test_table_fits_into_80_columns() -> None:
    """A long title is wrapped, a number is not."""
    out = Console(file=io.StringIO(), width=80)
    out.print(table(["title", ">price"], [("long title " * 20, "1,234.50")]))
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("1,234.50" in line for line in lines)
