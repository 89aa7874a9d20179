"""Sends of small models, made and exported as the command does it."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recommender.model import Model
from serving.campaigns.choosing import Circumstances
from serving.campaigns.definition import Definition, defined
from serving.campaigns.exporting import export
from serving.campaigns.manifest import Manifest
from serving.campaigns.present import Batches, Present, unvisited
from serving.campaigns.sending import make_send
from serving.campaigns.sends import SENDS, Send
from serving.campaigns.snapshot import SNAPSHOT_FILE
from serving.shelves.recorder import Recorder
from serving.stores import UserRecord
from tests.models import engine_of

SEND_ID = "20240101"


@functools.lru_cache(maxsize=4)
def records_of(model: Model) -> dict[str, UserRecord]:
    """What publishing stores for everybody."""
    recorder = Recorder(engine_of(model))
    return {user: UserRecord(candidates=recorder.record(user, now=model.as_of)) for user in model.users}


def published(model: Model, **others: Any) -> Present:
    """A shop whose version was published, and in which nothing else happened."""
    return knowing(model, {}, **others)


def knowing(model: Model, news: Mapping[str, UserRecord], **others: Any) -> Present:
    """The same, but for what the store says of some users."""
    stored = records_of(model)

    def reads(batches: Batches) -> Iterator[Sequence[UserRecord]]:
        for batch in batches:
            yield [news.get(user, stored[user]) for user in batch]

    return dataclasses.replace(unvisited(engine_of(model), **others), reads=reads)


def definition_of(**values: Any) -> Definition:
    """A campaign for everybody, unless something else is said."""
    return defined(**{"name": "all", **values})


def send(
    folder: Path,
    model: Model,
    definition: Definition | None = None,
    *,
    send_id: str = SEND_ID,
    formats: Sequence[str] = ("csv", "jsonl"),
    layouts: Sequence[str] = (),
    links: Any = None,
    addresses: dict[str, str] | None = None,
    **around: Any,
) -> tuple[Send, Manifest]:
    """Make a send for the end of the log, and write its files."""
    definition = definition or definition_of()
    engine = engine_of(model)
    circumstances = Circumstances(**{"now": model.as_of, "present": published(model), **around})
    made = Send(definition.name, send_id, folder / definition.name / SENDS / send_id)
    counts = make_send(engine, definition, circumstances, made.folder / SNAPSHOT_FILE, send_id=send_id, currency="EUR")
    Manifest(
        campaign=definition.name,
        send_id=send_id,
        audience=definition.audience,
        recipe=definition.recipe.value,
        definition=definition.fingerprint,
        model_version=engine.version,
        as_of=f"{circumstances.now}Z",
        currency="EUR",
        slots=definition.slots,
        users=counts.users,
        written=counts.written,
        picks=counts.picks,
        plain=counts.plain,
        suppressed=counts.suppressed,
        consent="checked",
        control=definition.control,
        groups=counts.groups,
        tiers=counts.tiers,
    ).write(made.folder)
    return made, export(made, formats=formats, layouts=layouts, links=links, addresses=addresses)


def rows_of(made: Send) -> list[dict[str, str]]:
    """The rows of the CSV."""
    with (made.folder / "recipients.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def lines_of(made: Send) -> list[dict[str, Any]]:
    """The lines of the JSONL."""
    text = (made.folder / "recipients.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def items_of(line: dict[str, Any]) -> list[str]:
    """The items of one recipient."""
    return [pick["item_id"] for pick in line["picks"]]


def left_out(made: Send) -> dict[str, str]:
    """Who was left out, and why."""
    with (made.folder / "suppressed.csv").open(encoding="utf-8", newline="") as file:
        return {row["user_id"]: row["reason"] for row in csv.DictReader(file)}
