"""A send that was made before, looked at again: who of it must not be written to today.

The record of a send stays what it was: the same people have the same picks, and control is who it was. But people
unsubscribe, complain, opt out and ask to be forgotten after it was made, and whoever did so is in no file that is
written from then on. Quiet days, caps and the number of picks are those of the send and not asked about again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from recommender.engine import Engine
from serving.campaigns.choosing import ERASED, NOTHING, OPTED_OUT, refusal
from serving.campaigns.consent import Consent
from serving.campaigns.manifest import CHECKED, CHECKED_BEFORE, NOT_CHECKED, Manifest
from serving.campaigns.present import Present
from serving.campaigns.sending import CHUNK
from serving.campaigns.snapshot import PICK, RecipientRow, Snapshot
from serving.events.fresh import decode
from serving.stores import UserRecord


@dataclass(slots=True)
class Review:
    """What a send comes to today."""

    consent: str
    """What a manifest says of it."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Recipients of the record who are not written, with the reason."""
    suppressed: Counter[str] = field(default_factory=Counter)
    """Those whom the record itself leaves out, by reason."""
    groups: Counter[str] = field(default_factory=Counter)
    tiers: Counter[str] = field(default_factory=Counter)
    written: int = 0
    picks: int = 0
    plain: int = 0

    def stated(self, manifest: Manifest) -> Manifest:
        """Return the manifest of the send with the counts of today; whom the record no longer holds was erased."""
        withheld = Counter(why for why in self.withheld.values() if why != ERASED)
        known = self.written + self.suppressed.total() + withheld.total()
        gone = Counter({ERASED: manifest.users - known}) if manifest.users > known else Counter[str]()
        return replace(
            manifest,
            written=self.written,
            picks=self.picks,
            plain=self.plain,
            suppressed=dict(sorted((self.suppressed + withheld + gone).items())),
            groups=dict(sorted(self.groups.items())),
            tiers=dict(sorted(self.tiers.items())),
            consent=self.consent,
            withheld=dict(sorted((withheld + gone).items())),
        )

    def count(self, row: RecipientRow) -> None:
        """Take in somebody who is written."""
        self.written += 1
        self.picks += len(row.picks) // PICK.size
        self.plain += not row.personal
        if row.grouped is not None:
            self.groups[row.grouped] += 1
        if row.tier:
            self.tiers[row.tier] += 1


def reviewed(
    snapshot: Snapshot,
    engine: Engine,
    present: Present,
    consent: Consent | None,
    *,
    on_users: Callable[[int], None] = lambda _: None,
) -> Review:
    """Ask about every recipient of a send whether they may be written to now.

    Raises
    ------
    InvalidInput
        If the record is damaged.
    StoreUnavailable
        If the store does not answer.
    """
    was_checked = snapshot.meta.get("consent_checked") == "1"
    review = Review(CHECKED if consent is not None else CHECKED_BEFORE if was_checked else NOT_CHECKED)
    review.suppressed.update(why for _, why in snapshot.suppressed())
    asked: deque[list[RecipientRow]] = deque()
    for records in present.reads(_batches(snapshot, asked)):
        rows = asked.popleft()
        for row, record in zip(rows, records, strict=True):
            if why := _why_not(row, record, engine, present, consent):
                review.withheld[row.user_id] = why
            else:
                review.count(row)
        on_users(len(rows))
    return review


def _batches(snapshot: Snapshot, asked: deque[list[RecipientRow]]) -> Iterator[list[str]]:
    """Yield the ids of some recipients at a time, and keep their rows until there is an answer."""
    rows = snapshot.rows()
    while some := list(islice(rows, CHUNK)):
        asked.append(some)
        yield [row.user_id for row in some]


def _why_not(row: RecipientRow, record: UserRecord, engine: Engine, present: Present, consent: Consent | None) -> str:
    fresh = decode(record.fresh, engine, row.user_id) if record.fresh else NOTHING
    why = refusal(row.user_id, record, fresh, present=present, consent=consent)
    # Picks are not chosen anew: those that rest on a past cannot be sent to who wants nothing chosen by it.
    return why or (OPTED_OUT if row.personal and row.user_id in present.opted_out else "")
