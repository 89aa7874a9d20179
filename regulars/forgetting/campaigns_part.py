"""The part of an erasure that concerns mailings: records of sends, lists of who was left out, and exported files.

What was exported has left the house: a copy is in the mail tool, and the file here says what was handed over, with its
hash in the manifest. So it is not changed; it is named, with its send and the number of rows that still hold somebody.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import sqlite3
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import orjson
import polars as pl

from recommender.errors import InvalidInput
from regulars.forgetting.files_part import csv_names, files_below, without_csv_rows
from regulars.forgetting.receipt import Place
from serving.campaigns.files import left_unfinished, written_whole
from serving.campaigns.one_at_a_time import alone
from serving.campaigns.sends import DEFINITION_FILE, MANIFEST_FILE, PREVIEW_FILE, SENDS
from serving.campaigns.snapshot import SNAPSHOT_FILE, Snapshot

SUPPRESSED_FILE = "suppressed.csv"
NAMES = frozenset({"user_id", "external_id", "email", "email address"})
"""Columns and keys by which exported files know people."""

WAIT_SECONDS = 60.0
"""How long an export may keep this waiting; the receipt of whoever waits longer is not complete."""
ASK_SECONDS = 0.1

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

UNREADABLE = (ValueError, csv.Error, LookupError, TypeError, AttributeError, pl.exceptions.PolarsError)
"""How files that are not what their names say are found out."""
DAMAGED = "it is damaged, and nobody can be taken out of it: restore it, or delete it"
NOTE = "exported: delete their rows here and in the mail tool it was given to"


def forget_in_campaigns(folder: Path, users: Collection[str]) -> tuple[list[Place], list[Place]]:
    """Take `users` out of records of sends and of lists of who was left out; return what was done and what not."""
    if not folder.is_dir():
        return [], []
    erased: list[Place] = []
    pending: list[Place] = []
    try:
        with _patiently_alone(folder):
            for path in (path for send in folder.glob(f"*/{SENDS}/*") for path in left_unfinished(send)):
                path.unlink(missing_ok=True)
                erased.append(Place("unfinished file of an export", str(path), 1, "whoever it held: it was left over"))
            _forget_in_files(folder, users, erased, pending)
    except InvalidInput as error:
        pending.append(Place("campaigns", str(folder), note=f"{error}"))
    return erased, pending


@contextlib.contextmanager
def _patiently_alone(folder: Path) -> Iterator[None]:
    """Hold the lock of exports: who is forgotten during one is in its files and found there, or in none."""

    def refuse() -> None:
        raise TimeoutError

    deadline = time.monotonic() + WAIT_SECONDS
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(alone(folder, on_wait=refuse))
                break
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise InvalidInput(
                        f"an export was at work for {WAIT_SECONDS:g} seconds, and what it writes may hold them; "
                        "run this again when it has ended"
                    ) from None
                time.sleep(ASK_SECONDS)
        yield


def _forget_in_files(folder: Path, users: Collection[str], erased: list[Place], pending: list[Place]) -> None:
    for path in files_below(folder):
        if path.name == SNAPSHOT_FILE:
            try:
                with Snapshot.open(path) as snapshot:
                    if what := snapshot.damage():
                        raise InvalidInput(f"{path} is no record of a send that can be read: {what}")
                    gone = sum([snapshot.forget(user) for user in users])
                erased.append(Place("records of sends", str(path), gone))
            except (InvalidInput, sqlite3.Error) as error:
                pending.append(Place("records of sends", str(path), note=_why_not(error)))
        elif path.name == PREVIEW_FILE:
            # It does not say in a way we could rely on whose mail it shows, and is drawn anew in a moment.
            path.unlink(missing_ok=True)
            erased.append(Place("preview of a mail", str(path), 1, "whoever it showed: draw it again"))
        elif path.name == SUPPRESSED_FILE:
            _forget_in_list(path, users, erased, pending)


def _forget_in_list(path: Path, users: Collection[str], erased: list[Place], pending: list[Place]) -> None:
    try:
        gone = without_csv_rows(path, csv_names(users), {"user_id"})
    except UNREADABLE as error:
        pending.append(Place("lists of who was left out", str(path), note=f"{error}; {DAMAGED}"))
        return
    erased.append(Place("lists of who was left out", str(path), gone))
    if gone:
        try:
            _restate(path, gone)
        except UNREADABLE as error:
            manifest = path.with_name(MANIFEST_FILE)
            note = f"{error}; it is damaged and cannot say what the list is now: restore it, or move its folder away"
            pending.append(Place("manifest of a send", str(manifest), note=note))


def _why_not(error: Exception) -> str:
    """Say what to do about a record that could not be changed."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
        return f"{error}: it is being read; run this again when that has ended"
    return f"{error}; {DAMAGED}"


def exported(folder: Path, users: Collection[str], addresses: Collection[str]) -> list[Place]:
    """Return the exported files that hold `users`, by their ids or mail addresses, with the number of rows.

    Those that cannot be read are among them.
    """
    names = {*users, *addresses}
    found = []
    for path in files_below(folder):
        if path.name in (SNAPSHOT_FILE, SUPPRESSED_FILE, MANIFEST_FILE, DEFINITION_FILE):
            continue
        send = path.parent.relative_to(folder).as_posix().replace("/sends/", ", send ")
        try:
            if rows := rows_about(path, names):
                found.append(Place(f"exported file of {send}", str(path), rows, NOTE))
        except UNREADABLE as error:
            note = f"cannot be read ({error}), and may hold them: look into it, or delete it"
            found.append(Place(f"exported file of {send}", str(path), note=note))
    return found


def rows_about(path: Path, names: Collection[str]) -> int:
    """Return how many rows of an exported file are about people of these `names`."""
    if path.suffix == ".csv":
        return sum(1 for row in _csv_people(path) if row & {*names, *csv_names(names)})
    if path.suffix == ".jsonl":
        return sum(1 for line in _json_lines(path) if set(_people(line)) & set(names))
    if path.suffix == ".json":
        return sum(1 for person in _people(_json(path)) if person in names)
    if path.suffix == ".parquet":
        return sum(
            int(pl.read_parquet(path, columns=[column])[column].is_in(sorted(names)).sum())
            for column in pl.read_parquet_schema(path)
            if column in NAMES
        )
    return 0


def _csv_people(path: Path) -> Iterator[set[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        places = [place for place, name in enumerate(next(rows, [])) if name.casefold() in NAMES]
        for row in rows:
            yield {row[place] for place in places if place < len(row)}


def _json_lines(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for line in file:
            yield _loaded(line)


def _json(path: Path) -> object:
    return _loaded(path.read_bytes())


def _loaded(content: bytes) -> object:
    try:
        loaded: object = orjson.loads(content)
    except ValueError:
        return None
    return loaded


def _people(content: object) -> Iterator[str]:
    """Yield every person that nested JSON names."""
    if isinstance(content, dict):
        for name, value in content.items():
            if isinstance(value, str) and name.casefold() in NAMES:
                yield value
            else:
                yield from _people(value)
    elif isinstance(content, list):
        for value in content:
            yield from _people(value)


def _restate(path: Path, gone: int) -> None:
    """Let the manifest beside a list say what the list is now."""
    manifest = path.with_name(MANIFEST_FILE)
    if not manifest.is_file():
        return
    content = json.loads(manifest.read_text(encoding="utf-8"))
    entry = content.get("files", {}).get(path.name)
    if isinstance(entry, dict):
        written = path.read_bytes()
        entry |= {"rows": entry["rows"] - gone, "bytes": len(written), "sha256": hashlib.sha256(written).hexdigest()}
        with written_whole(manifest) as file:
            file.write(json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
