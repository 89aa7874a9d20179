"""The part of an erasure that is done on disk: event files, models, figures by user, and lists that name people.

Each file is replaced in one step, so a stop in between leaves nothing half done, and the next run goes on.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import orjson
import polars as pl

from recommender.errors import InvalidArtifact
from recommender.leftovers import UNFINISHED, left_over, take_away
from recommender.redaction import finish_redactions, redact_artifact
from regulars.forgetting.receipt import Place
from serving.campaigns.files import written_whole
from serving.campaigns.rows import harmless
from serving.events import files
from serving.events.redaction import Guests, event_files, redact_file
from serving.opt_outs import FILE as CHOICES_FILE
from training.outcome_files import load_outcomes, outcomes_path, save_outcomes
from training.registry import Registry

USER_COLUMNS = ("user_id", "user")
LEFTOVERS = (
    ("artifacts", f"{UNFINISHED}*"),
    ("reports", "**/*.tmp"),
    ("quarantine", "*.tmp"),
    ("events", ".*.tmp"),
    ("", ".*.tmp"),
)
"""Folders of the data folder, and what unfinished files are called there."""
LEFT = "what a killed program left"
SETTLED_SECONDS = 60.0
"""What nobody holds and nobody changed for so long is not being written."""

_STRING = re.compile(r'"(?=((?:[^"\\]|\\.)*)(?:"|\Z))')

Found = tuple[list[Place], list[Place]]
"""Where they were, and what could not be changed."""


def forget_events(folder: Path, users: Collection[str], guests: Guests, *, on_file: Callable[[], None]) -> list[Place]:
    """Make the events of `users` nobody's; a server may write to the files meanwhile."""
    return [
        Place("event files", str(path), redact_file(path, users, guests, on_line=on_file))
        for path in event_files(folder)
    ]


def forget_choices(data_dir: Path, users: Collection[str]) -> list[Place]:
    """Take lines about `users` out of the file of choices about personal picks."""
    path, gone = data_dir / CHOICES_FILE, 0
    names = {user.encode() for user in users}

    def change(line: bytes) -> bytes:
        nonlocal gone
        is_theirs = line.split(b" ", 2)[2:] and line.split(b" ", 2)[2] in names
        gone += bool(is_theirs)
        return b"" if is_theirs else line

    if path.exists():
        files.rewrite(path, change)
    return [Place("choices about personal picks", str(path), gone)]


def forget_in_models(root: Path, users: Collection[str], *, on_version: Callable[[], None]) -> Found:
    """Replace every version by a copy without `users`, under its name."""
    finish_redactions(root)
    erased: list[Place] = []
    pending: list[Place] = []
    for version in Registry(root).versions():
        try:
            erased.append(Place("models", str(root / version), redact_artifact(root / version, users)))
        except InvalidArtifact as error:
            pending.append(Place("models", str(root / version), note=f"{error}"))
        on_version()
    return erased, pending


def forget_in_figures(folder: Path, users: Collection[str]) -> Found:
    """Take `users` out of figures by user, and out of tables of customers."""
    erased: list[Place] = []
    pending: list[Place] = []
    for path in sorted(folder.glob("*.users.npz")):
        version = path.name.removesuffix(".users.npz")
        try:
            outcomes = load_outcomes(version, folder)
        except InvalidArtifact as error:
            pending.append(Place("figures by user", str(path), note=f"{error}"))
            continue
        rest = outcomes.without_users(users)
        if gone := len(outcomes.window) - len(rest.window):
            save_outcomes(rest, version, folder)
        erased.append(Place("figures by user", str(outcomes_path(version, folder)), gone))
    erased += [
        Place("tables of customers", str(path), _without_rows(path, users)) for path in folder.rglob("*.parquet")
    ]
    return erased, pending


def forget_in_households(path: Path, users: Collection[str]) -> list[Place]:
    """Take `users` out of the list of whom visitors of the demo shop may be."""
    if not path.exists():
        return []
    entries = orjson.loads(path.read_bytes())
    rest = [entry for entry in entries if entry.get("user_id") not in users]
    if len(rest) < len(entries):
        with written_whole(path) as file:
            file.write(orjson.dumps(rest, option=orjson.OPT_INDENT_2))
    return [Place("households of the demo shop", str(path), len(entries) - len(rest))]


def forget_in_quarantine(folder: Path, users: Collection[str], guests: Guests, *, column: str) -> list[Place]:
    """Take rows of `users`, and of the guests they were, out of what training refused.

    `column` is what the purchase log calls users.
    """
    columns = {column, *USER_COLUMNS}
    names = {*users, *guests.of(users)}

    def is_theirs(row: Mapping[str, str]) -> bool:
        is_quoted = "text" in row and not names.isdisjoint(_strings(row["text"]))
        return is_quoted or guests.owner({name: said for name, said in row.items() if said}) in users

    return [
        Place("rows that training refused", str(path), without_csv_rows(path, set(users), columns, also=is_theirs))
        for path in sorted(folder.glob("*.csv"))
    ]


def forget_leftovers(data_dir: Path) -> Found:
    """Take away what killed programs left of what they wrote, whoever it holds."""
    erased: list[Place] = []
    pending: list[Place] = []
    for folder, pattern in LEFTOVERS:
        for path in left_over(data_dir / folder, pattern, settled_seconds=SETTLED_SECONDS):
            try:
                take_away(path)
                erased.append(Place(LEFT, str(path), 1, "whoever it held"))
            except OSError as error:
                pending.append(Place(LEFT, str(path), note=f"{error.strerror}: delete it yourself"))
    return erased, pending


def without_csv_rows(
    path: Path,
    names: Collection[str],
    columns: Collection[str],
    *,
    also: Callable[[Mapping[str, str]], bool] = lambda _: False,
) -> int:
    """Take rows out of a CSV file whose users are among `names`, as the file writes them, and those that `also` names.

    Returns how many there were.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    places = [place for place, name in enumerate(rows[0] if rows else ()) if name in columns]
    head, body = rows[:1], rows[1:]
    rest = head + [
        row for row in body if not _names(row, places, names) and not also(dict(zip(head[0], row, strict=False)))
    ]
    if len(rest) < len(rows):
        ends = "\r\n" if path.read_bytes()[:10_000].count(b"\r\n") else "\n"
        content = io.StringIO()
        csv.writer(content, lineterminator=ends).writerows(rest)
        with written_whole(path) as whole:
            whole.write(content.getvalue().encode())
    return len(rows) - len(rest)


def csv_names(users: Collection[str]) -> set[str]:
    """Return how users are written in files that spreadsheets may open; nobody else's id is among them."""
    return {harmless(user) for user in users}


def _names(row: list[str], places: list[int], names: Collection[str]) -> bool:
    return any(place < len(row) and row[place] in names for place in places)


def _strings(text: str) -> Iterator[str]:
    """Yield what may be strings of JSON in a text that is none: from any quote to the next, or to the end.

    So a line that could not be read names somebody in whichever escapes, whole or torn.
    """
    for found in _STRING.finditer(text):
        with contextlib.suppress(ValueError):
            yield str(json.loads(f'"{found[1]}"', strict=False))


def _without_rows(path: Path, users: Collection[str]) -> int:
    if "user_id" not in pl.read_parquet_schema(path):
        return 0
    table = pl.read_parquet(path)
    rest = table.filter(~pl.col("user_id").is_in(sorted(users)))
    if rest.height < table.height:
        unfinished = path.with_name(f".{path.name}.tmp")
        rest.write_parquet(unfinished)
        unfinished.replace(path)
    return table.height - rest.height


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())
