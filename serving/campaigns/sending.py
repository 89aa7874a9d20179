"""One send, from a definition to its record: everybody of the audience is looked at once, in the order of the version.

The record (`serving.campaigns.snapshot`) is what files, links, previews and reports are made from afterwards, so the
same person always gets the same picks of a send. Memory does not grow with the audience: some thousand users are in
it at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.catalogue import Item
from recommender.engine import Engine
from recommender.model import Model
from serving.campaigns.choosing import Chooser, Chosen, Circumstances
from serving.campaigns.definition import Definition
from serving.campaigns.expression import parse
from serving.campaigns.facts import ModelFacts
from serving.campaigns.snapshot import RecipientRow, SentItem
from serving.campaigns.snapshot_writing import SnapshotWriter, written_snapshot
from serving.stores import UserRecord

CHUNK = 2048
"""Users looked at together."""

ALIVE_DIGITS = 3
"""No forecast is surer than that."""

_PICK = np.dtype([("item", "<i4"), ("kind", "u1"), ("anchor", "<i4"), ("due", "<i4")])
"""`serving.campaigns.snapshot.PICK`, as numpy writes it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the audience."""

    users: int
    written: int
    suppressed: dict[str, int]
    """By reason."""
    groups: dict[str, int]
    """Users written, by experiment and group."""
    tiers: dict[str, int]
    """Users written, by coupon tier; those without one are not counted."""
    plain: int
    """Users written whose picks are those of a stranger."""
    picks: int


@dataclass(slots=True)
class _Tally:
    suppressed: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    written: int = 0
    plain: int = 0
    picks: int = 0


def audience_of(definition: Definition, facts: ModelFacts, n_users: int) -> npt.NDArray[np.int64]:
    """Return the indices of the users that a campaign is for, ascending.

    Raises
    ------
    InvalidInput
        If the condition names a category that no item has.
    """
    condition = definition.condition
    return np.arange(n_users) if condition is None else np.flatnonzero(condition.mask(facts))


def make_send(
    engine: Engine,
    definition: Definition,
    circumstances: Circumstances,
    path: Path,
    *,
    send_id: str,
    currency: str,
    facts: ModelFacts | None = None,
    on_users: Callable[[int], None] = lambda _: None,
) -> Counts:
    """Write the record of a send to `path`, whole or not at all; `facts` of its moment may be at hand.

    Raises
    ------
    InvalidInput
        If the audience cannot be found, or candidates cannot be read.
    OSError
        If the file cannot be written.
    """
    facts = facts or ModelFacts(engine.model, now=circumstances.now)
    audience = audience_of(definition, facts, len(engine.model.users))
    rows = _Rows(engine.model, definition, facts)
    tally = _Tally()
    with written_snapshot(path) as writer:
        for chosen in choices(engine, definition, circumstances, audience):
            rows.write(chosen, writer, tally)
            on_users(len(chosen.user))
        writer.describe(rows.items(circumstances.present.item))
        counts = Counts(
            users=len(audience),
            written=tally.written,
            suppressed=dict(sorted(tally.suppressed.items())),
            groups=dict(sorted(tally.groups.items())),
            tiers=dict(sorted(tally.tiers.items())),
            plain=tally.plain,
            picks=tally.picks,
        )
        writer.tell(_meta(engine, definition, circumstances, counts) | {"send_id": send_id, "currency": currency})
    return counts


def choices(
    engine: Engine, definition: Definition, circumstances: Circumstances, audience: npt.NDArray[np.int64]
) -> Iterator[Chosen]:
    """Decide about everybody of an audience, a chunk at a time."""
    chooser = Chooser(engine, definition, circumstances)
    chunks = [audience[start : start + CHUNK] for start in range(0, len(audience), CHUNK)]
    ids = engine.model.users.ids
    records = circumstances.present.reads([ids[index] for index in chunk.tolist()] for chunk in chunks)
    for chunk, found in zip(chunks, records, strict=True):
        yield chooser.choose(chunk, found)


def whole_choice(engine: Engine, definition: Definition, circumstances: Circumstances, user: int) -> Chosen:
    """Decide about one user."""
    (record,) = next(circumstances.present.reads([[engine.model.users.ids[user]]]))
    return Chooser(engine, definition, circumstances).choose(np.array([user]), [UserRecord(*record)])


class _Rows:
    """Turns what was decided into rows, and remembers which items they speak of."""

    def __init__(self, model: Model, definition: Definition, facts: ModelFacts) -> None:
        self._model = model
        self._tiers = [(tier.name, parse(tier.condition).mask(facts)) for tier in definition.tiers]
        self._recency = facts.number("recency_days")
        self._spoken_of = np.zeros(len(model.items), dtype=np.bool_)

    def write(self, chosen: Chosen, writer: SnapshotWriter, tally: _Tally) -> None:
        """Write a chunk."""
        ids = self._model.users.ids
        left_out = [(ids[index], why) for index, why in zip(chosen.user.tolist(), chosen.reason, strict=True) if why]
        tally.suppressed.update(why for _, why in left_out)
        writer.suppress(left_out)
        kept = np.array([not why for why in chosen.reason], dtype=np.bool_)
        writer.add(self._recipients(chosen, np.flatnonzero(kept), tally))

    def items(self, described: Callable[[int], Item]) -> Iterator[tuple[int, SentItem]]:
        """Yield every item that was spoken of."""
        for index in np.flatnonzero(self._spoken_of).tolist():
            item = described(index)
            yield (
                index,
                SentItem(item.item_id, item.title, item.url, item.image_url, item.category, item.brand, item.price),
            )

    def _recipients(self, chosen: Chosen, rows: npt.NDArray[np.int64], tally: _Tally) -> Iterator[RecipientRow]:
        lists, count = chosen.picks.lists, chosen.picks.count
        packed = np.empty(lists.item.shape, dtype=_PICK)
        for name in ("item", "kind", "anchor", "due"):
            packed[name] = getattr(lists, name)
        for items in (lists.item[rows], lists.anchor[rows]):
            self._spoken_of[items[items >= 0]] = True
        user = chosen.user[rows]
        tally.picks += int(count[rows].sum())
        tally.plain += int(chosen.plain[rows].sum())
        for row, values in zip(rows.tolist(), zip(*self._columns(user), strict=True), strict=True):
            *known, tier = values
            group = chosen.group[row]
            grouped = None if group is None else f"{group.experiment}/{group.variant}"
            if grouped is not None:
                tally.groups[grouped] += 1
            if tier:
                tally.tiers[tier] += 1
            picks = packed[row, : count[row]].tobytes()
            personal = not chosen.plain[row]
            yield RecipientRow._make((tally.written, *known, tier, grouped, personal, picks))
            tally.written += 1

    def _columns(self, user: npt.NDArray[np.int64]) -> list[list[Any]]:
        customers, outlook, ids = self._model.customers, self._model.outlook, self._model.users.ids
        alive = outlook.alive[user].astype(np.float64).round(ALIVE_DIGITS)
        return [
            [ids[index] for index in user.tolist()],
            customers.segment[user].tolist(),
            [None if day != day else int(day) for day in self._recency[user].tolist()],
            customers.frequency[user].tolist(),
            customers.monetary[user].round(2).tolist(),
            [None if share != share else share for share in alive.tolist()],
            *(_days(day[user]) for day in (outlook.next_order, outlook.next_order_from, outlook.next_order_until)),
            self._tier(user),
        ]

    def _tier(self, user: npt.NDArray[np.int64]) -> list[str]:
        found = [""] * len(user)
        for name, mask in reversed(self._tiers):
            for row in np.flatnonzero(mask[user]).tolist():
                found[row] = name
        return found


def _days(days: npt.NDArray[np.datetime64]) -> list[int | None]:
    """Return days as they are counted from 1970."""
    counted = days.astype("datetime64[D]").astype(np.int64).tolist()
    return [None if unknown else day for day, unknown in zip(counted, np.isnat(days).tolist(), strict=True)]


def _meta(engine: Engine, definition: Definition, circumstances: Circumstances, counts: Counts) -> dict[str, Any]:
    """Return the facts of a send that its record keeps."""
    return {
        "campaign": definition.name,
        "as_of": f"{circumstances.now.astype('datetime64[s]')}Z",
        "slots": definition.slots,
        "model_version": engine.version,
        "definition": definition.model_dump_json(),
        "consent_checked": int(circumstances.consent is not None),
        "users": counts.users,
    }
