"""What the docs show, works: commands, links, examples, configurations."""

from __future__ import annotations

import doctest
import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from recommender.artifact import save_artifact
from regulars.cli import app as command_line
from regulars.config import load
from tests.models import PROVENANCE, shop_model
from tests.pages import DEPLOYED, PAGES, blocks, make_targets, name_of, text_of
from training.pipeline import train
from training.progress import SilentProgress


def shell_lines(text: str) -> list[str]:
    """What a reader is told to type: the lines of shell blocks, and commands between backticks."""
    typed = [line.strip() for block in blocks(text, "console", "sh") for line in block.splitlines()]
    inline = re.findall(r"`((?:make|regulars|\.venv/bin/regulars) [^`\n]+)`", text)
    parts = [part.strip() for line in [*typed, *inline] for part in re.split(r"&&|;|\s#\s", line)[:2]]
    return [line for line in parts if line and not line.startswith("#")]


def anchors(text: str) -> set[str]:
    """The anchors that headings get."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", without_code, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_shell_command_exists(page: Path) -> None:
    """Every `make` names a target, and every `regulars` parses with its options and arguments."""
    for line in shell_lines(text_of(name_of(page))):
        words = [word for word in shlex.split(line) if not re.fullmatch(r"REGULARS_\w+=.*", word)]
        if words[:1] == ["make"]:
            named = {word for word in words[1:] if "=" not in word}
            assert named <= make_targets(), f"{line}: no such target"
        elif words[:1] in (["regulars"], [".venv/bin/regulars"]) and "…" not in line:
            assert parses(words[1:]), line


def parses(words: list[str]) -> bool:
    """Whether there is such a command with such options; nothing is run."""
    return CliRunner().invoke(command_line, [*words, "--help"]).exit_code == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_resolves(page: Path) -> None:
    """The file is there, and so is the heading."""
    text = re.sub(r"^```.*?^```", "", text_of(name_of(page)), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name_of(page)}: {link}"
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{name_of(page)}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_python_example_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples run in the folder of a shop that has a published version."""
    examples = "\n".join(block for block in blocks(text_of(name_of(page)), "python") if ">>>" in block)
    if not examples:
        return
    artifacts = tmp_path / "data" / "artifacts"
    version = save_artifact(shop_model(), PROVENANCE, artifacts).version
    (artifacts / "CURRENT").write_text(f"{version}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(examples, {}, name_of(page), None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_configuration_loads(page: Path, tmp_path: Path) -> None:
    """Every TOML block is a configuration without a wrong key or value."""
    path = tmp_path / "regulars.toml"
    for block in blocks(text_of(name_of(page)), "toml"):
        path.write_text(block, encoding="utf-8")
        load(path)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_json_example_is_json(page: Path) -> None:
    """JSON blocks hold one document or several, and nothing else."""
    for block in blocks(text_of(name_of(page)), "json"):
        rest, decoder = block.strip(), json.JSONDecoder()
        while rest:
            _, end = decoder.raw_decode(rest)
            rest = rest[end:].strip()


@pytest.mark.parametrize(
    ("number", "rows", "users"),
    [(0, 4, 2), (1, 3, 2), (2, 5, 2)],
    ids=["csv", "parquet", "json lines"],
)
def test_the_examples_of_the_data_page_train(number: int, rows: int, users: int, tmp_path: Path) -> None:
    """Each of the three examples is complete: its files, as shown, give a version."""
    page = text_of("docs/data.md")
    (orders, items), (tracker,) = blocks(page, "csv"), blocks(page, "json")
    (tmp_path / "orders-2024.csv").write_bytes(orders.encode("latin-1"))
    (tmp_path / "items.csv").write_bytes(items.encode("latin-1"))
    (tmp_path / "tracker.jsonl").write_text(tracker, encoding="utf-8")
    (tmp_path / "warehouse").mkdir()
    sales().write_parquet(tmp_path / "warehouse" / "sales.parquet")
    path = tmp_path / "regulars.toml"
    path.write_text(blocks(page, "toml")[number], encoding="utf-8")
    result = train(load(path, overrides=["als.factors=2", "als.iterations=2"]).training, progress=SilentProgress())
    assert (result.cleaning.rows_kept, result.cleaning.users) == (rows, users)
    assert result.cleaning.quarantined == {}


def sales() -> pl.DataFrame:
    """A table with the columns that the Parquet example describes."""
    table = {
        "customer_id": [1, None, 2],
        "sku": [7, 7, 8],
        "ordered_at": ["2024-04-03 18:05", "2024-04-03 18:20", "2024-04-04 07:45"],
        "order_id": [1, 2, 3],
        "units": [2, 1, 6],
        "unit_price": ["4.90", "4.90", "0.40"],
    }
    times = pl.col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M")
    return pl.DataFrame(table).with_columns(times, pl.col("unit_price").cast(pl.Decimal(10, 2)))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_is_unfinished(page: Path) -> None:
    """Blocks that a program fills are filled, and nobody left a note to themselves."""
    text = text_of(name_of(page))
    empty = re.findall(r"<!-- ([\w: ]+) -->\s*<!-- [\w: ]*end -->", text)
    assert empty == []
    assert not re.search(r"\bTODO\b|\bTBD\b|\bFIXME\b|Not measured yet", text)


@pytest.mark.parametrize("file", [*PAGES, *DEPLOYED], ids=name_of)
def test_no_page_names_a_folder_of_one_machine(file: Path) -> None:
    """A path that exists on one machine only helps nobody else."""
    assert re.findall(r"(?<![\w.:/}])/(?:work|tmp|home|root|Users)/\S*", file.read_text(encoding="utf-8")) == []
