"""The files of a send, made from its record and from nothing else.

::

    recipients.csv  recipients.jsonl  recipients.parquet     one row per recipient
    mail.jsonl                                               the mails, drawn
    suppressed.csv                                           who was left out, and why
    klaviyo_profiles-001.json …                              layouts for mail tools
    manifest.json                                            last

A second export of a send, of the same format or another, reads the same record: the same picks, the same bytes, but
for those who must not be written to any more (`serving.campaigns.review`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Protocol

from recommender.errors import InvalidInput
from serving.campaigns.files import written_whole
from serving.campaigns.layouts import CATALOGUE, LAYOUTS, NEEDS, STEMS
from serving.campaigns.layouts.layout import Layout, Setting
from serving.campaigns.mail_lines import MailLines, Press
from serving.campaigns.manifest import FileEntry, Manifest, read_manifest
from serving.campaigns.outgoing import Addresses, Outgoing
from serving.campaigns.review import Review
from serving.campaigns.rows import CsvRows, JsonLines, Links, csv_line, harmless
from serving.campaigns.sends import Send
from serving.campaigns.snapshot import SNAPSHOT_FILE, RecipientRow, Snapshot
from serving.campaigns.tables import write_parquet

CSV, JSONL, HTML, PARQUET = "csv", "jsonl", "html", "parquet"
FORMATS = (CSV, JSONL, PARQUET, HTML)
FILES = {CSV: "recipients.csv", JSONL: "recipients.jsonl", HTML: "mail.jsonl", PARQUET: "recipients.parquet"}
SUPPRESSED_FILE = "suppressed.csv"
ROWS = 1024
"""Rows written at a time."""


class _Lines(Protocol):
    """Writes a recipient as a line."""

    def header(self) -> bytes: ...

    def line(self, row: RecipientRow) -> bytes: ...


def export(
    send: Send,
    *,
    formats: Sequence[str] = (CSV, JSONL),
    layouts: Sequence[str] = (),
    links: Links | None = None,
    addresses: Mapping[str, str] | None = None,
    press: Press | None = None,
    review: Review | None = None,
    shop_url: str | None = None,
    on_rows: Callable[[int], None] = lambda _: None,
) -> Manifest:
    """Write files of a send, and the manifest that names them.

    A `review` says who is left out since it was made; relative addresses of items begin with `shop_url`.

    Raises
    ------
    InvalidInput
        If there is no such format or layout, or the limits of a mail tool cannot be kept.
    OSError
        If a file cannot be written.
    """
    refuse_impossible(formats, layouts, addresses or {})
    before = read_manifest(send.folder)
    manifest = before if review is None else review.stated(before)
    manifest.only({}, {}).write(send.folder)
    withheld = {} if review is None else review.withheld
    with Outgoing(send.folder / SNAPSHOT_FILE, withheld, shop_url=shop_url) as snapshot:
        left_out = _suppressed(send.folder / SUPPRESSED_FILE, snapshot)
        is_same = before.written == manifest.written and before.files.get(SUPPRESSED_FILE) in (None, left_out)
        kept = _others(before.files, formats, layouts) if is_same else {}
        manifest = manifest.only(kept | {SUPPRESSED_FILE: left_out}, _notes_about(kept, before.notes))
        manifest.write(send.folder)
        files = _lines(send.folder, snapshot, _writers(snapshot, links, formats, press), on_rows)
        if PARQUET in formats:
            files[FILES[PARQUET]] = _parquet(send.folder / FILES[PARQUET], snapshot, links, on_rows)
        laid, notes = _laid_out(Setting(send.folder, snapshot, links, addresses or {}), layouts, on_rows)
        warnings = [*_warnings(snapshot.addresses(), layouts, laid, has_links=links is not None, shop_url=shop_url)]
    _clear(send.folder, layouts, laid)
    manifest = manifest.with_files(files | laid, notes)
    manifest = manifest.with_warnings([*_nobody(manifest), *warnings, *_left_over(send.folder, manifest.files)])
    manifest.write(send.folder)
    return manifest


def _nobody(manifest: Manifest) -> Iterator[str]:
    """Say why a send goes to nobody, if it does."""
    if not manifest.written:
        why = f"all {manifest.users:,} of the audience are left out" if manifest.users else "the audience is empty"
        yield f"Nobody gets this send: {why}. It is kept under its name; the next one needs another (--send)."


def _others(files: Mapping[str, FileEntry], formats: Sequence[str], layouts: Sequence[str]) -> dict[str, FileEntry]:
    """Return the files of earlier exports that this one does not write."""
    stale = {FILES[name] for name in formats}
    return {name: file for name, file in files.items() if name not in stale and not name.startswith(_stems(layouts))}


def _notes_about(files: Collection[str], notes: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the notes of those layouts of which there are files."""
    return {
        layout: said
        for layout, said in notes.items()
        if layout in STEMS and any(name.startswith(STEMS[layout]) for name in files)
    }


def _warnings(
    addresses: Addresses,
    layouts: Sequence[str],
    laid: Collection[str],
    *,
    has_links: bool,
    shop_url: str | None,
) -> Iterator[str]:
    """Say what the files lack."""
    yield from addresses.warnings(has_links=has_links, has_shop_url=shop_url is not None)
    if CATALOGUE in layouts and not any(name.startswith(STEMS[CATALOGUE]) for name in laid):
        yield (
            f"{CATALOGUE}: no file was written, for none of {addresses.items:,} items has both a page and a picture, "
            "which Klaviyo requires. Set items.url and items.image_url."
        )


def _left_over(folder: Path, described: Collection[str]) -> Iterator[str]:
    """Say which files of earlier exports are not described any more, for others are left out now than of them."""
    exported = {*FILES.values(), *(path.name for path in folder.iterdir() if path.name.startswith(_stems(LAYOUTS)))}
    names = [name for name in sorted(exported - set(described)) if (folder / name).exists()]
    if names:
        yield (
            f"Files of an earlier export may hold people who are left out now: {', '.join(names)}. "
            "Write them again (--format, --layout), or delete them."
        )


def _clear(folder: Path, layouts: Sequence[str], written: Collection[str]) -> None:
    """Delete what earlier exports wrote for the same tools beyond what is written now: it would be imported, too."""
    for path in [path for stem in _stems(layouts) for path in folder.glob(f"{stem}*")]:
        if path.name not in written:
            path.unlink()


def _stems(layouts: Iterable[str]) -> tuple[str, ...]:
    """Return how the names of layouts' files begin."""
    return tuple(STEMS[name] + "-" for name in layouts)


def passes(formats: Sequence[str], layouts: Sequence[str]) -> int:
    """Return how often all recipients are gone through."""
    return bool(set(formats) - {PARQUET}) + (PARQUET in formats) + bool(layouts)


def refuse_impossible(formats: Sequence[str], layouts: Sequence[str], addresses: Mapping[str, str]) -> None:
    """Refuse what cannot be written whatever a send holds: to be asked before one is made.

    Raises
    ------
    InvalidInput
        If there is no such format or layout, or a layout needs email addresses and there are none.
    """
    _check(formats, FORMATS, "format")
    _check(layouts, LAYOUTS, "layout")
    for name in layouts:
        if name in NEEDS:
            NEEDS[name](addresses)


def _check(names: Iterable[str], known: Iterable[str], what: str) -> None:
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"there is no {what} {unknown[0]!r}; there are {', '.join(known)}")


def _suppressed(path: Path, snapshot: Snapshot) -> FileEntry:
    n = 0
    with written_whole(path) as file:
        file.write(csv_line(["user_id", "reason"]))
        rows = snapshot.suppressed()
        while some := list(islice(rows, ROWS)):
            file.write(b"".join(csv_line([harmless(user_id), reason]) for user_id, reason in some))
            n += len(some)
    return FileEntry(n, file.size, file.sha256)


def _writers(snapshot: Snapshot, links: Links | None, formats: Sequence[str], press: Press | None) -> dict[str, _Lines]:
    """Return what writes the text formats."""
    writers: dict[str, _Lines] = {}
    if CSV in formats:
        writers[CSV] = CsvRows(snapshot, links)
    if JSONL in formats:
        writers[JSONL] = JsonLines(snapshot, links)
    if HTML in formats:
        assert press is not None, "mails are drawn by somebody"
        writers[HTML] = MailLines(snapshot, links, press)
    return writers


def _lines(
    folder: Path, snapshot: Snapshot, writers: Mapping[str, _Lines], on_rows: Callable[[int], None]
) -> dict[str, FileEntry]:
    """Write the text formats in one pass."""
    if not writers:
        return {}
    n = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(written_whole(folder / FILES[name])) for name in writers}
        for name, writer in writers.items():
            files[name].write(writer.header())
        rows = snapshot.rows()
        while some := list(islice(rows, ROWS)):
            for name, writer in writers.items():
                files[name].write(b"".join(map(writer.line, some)))
            n += len(some)
            on_rows(len(some))
    return {FILES[name]: FileEntry(n, file.size, file.sha256) for name, file in files.items()}


def _parquet(path: Path, snapshot: Snapshot, links: Links | None, on_rows: Callable[[int], None]) -> FileEntry:
    part = path.with_name(f".{path.name}.part")
    try:
        rows = write_parquet(part, snapshot, links, on_rows=on_rows)
        digest = hashlib.sha256()
        with part.open("rb") as file:
            while content := file.read(1 << 20):
                digest.update(content)
        entry = FileEntry(rows, part.stat().st_size, digest.hexdigest())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return entry


def _laid_out(
    setting: Setting, names: Sequence[str], on_rows: Callable[[int], None]
) -> tuple[dict[str, FileEntry], dict[str, list[str]]]:
    """Write layouts in one pass; return their files, and what was shortened or left out."""
    layouts = {name: LAYOUTS[name](setting) for name in names}
    if not layouts:
        return {}, {}
    with _whole_or_not(layouts.values()):
        sents = iter(setting.snapshot)
        while some := list(islice(sents, ROWS)):
            for layout in layouts.values():
                for sent in some:
                    layout.add(sent)
            on_rows(len(some))
        files = {name: entry for layout in layouts.values() for name, entry in layout.finish().items()}
    return files, {name: layout.notes for name, layout in layouts.items()}


@contextlib.contextmanager
def _whole_or_not(layouts: Iterable[Layout]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for layout in layouts:
            layout.abandon()
        raise
