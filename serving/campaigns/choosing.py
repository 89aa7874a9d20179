"""Who gets a mail of one send, and what is in it, for some thousand users at a time.

Reasons to leave somebody out are asked in this order, and the first one counts:

=================  ==============================================================================
erased             asked to be forgotten
unsubscribed       said no to mails (`campaign.consent`)
no_consent         never said yes
open_complaint     waits for a complaint to be settled
bought_recently    ordered in the quiet days
frequency_cap      got as many mails lately as they may
opted_out          wants nothing chosen by their past, and the recipe chooses by nothing else
too_few_picks      fewer picks than `min_picks` are left after the rules
control_group      would get a mail, and is left in peace to compare with
=================  ==============================================================================

Control comes last: its members are people like those who are mailed, which is what makes the two comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.experiments.allocation import CONTROL, Allocation, Assigned
from recommender.interactions import SECONDS_PER_DAY
from recommender.purpose import STORED, Purpose
from serving.campaigns.consent import Consent
from serving.campaigns.definition import Definition
from serving.campaigns.earlier import Earlier
from serving.campaigns.picking import COLUMNS, Barred, Keys, Picker, Picks, either
from serving.campaigns.present import Present
from serving.events.fresh import FreshEvents, decode
from serving.experiment_settings import AS_USUAL, Groups
from serving.shelves.recorder import DEPTHS, cut
from serving.stores import UserRecord
from serving.stores.packed import Numbering
from serving.stores.packed_lists import Lists, unpack_lists

ERASED = "erased"
OPEN_COMPLAINT = "open_complaint"
BOUGHT_RECENTLY = "bought_recently"
FREQUENCY_CAP = "frequency_cap"
OPTED_OUT = "opted_out"
TOO_FEW_PICKS = "too_few_picks"
CONTROL_GROUP = "control_group"

NOTHING = FreshEvents()
"""Who did nothing since training."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Circumstances:
    """What one send depends on beside the version and the definition."""

    now: np.datetime64
    """datetime64[s], UTC: the moment of the send."""
    present: Present
    consent: Consent | None = None
    """None if there is no file of it."""
    earlier: Earlier | None = None
    seen: Keys | None = None
    """What the site showed today."""
    groups: Groups | None = None
    """The shop's experiments: control gets no personal picks here either."""


@dataclass(slots=True, eq=False)
class Chosen:
    """What became of u users."""

    user: npt.NDArray[np.int64]
    """(u,) indices."""
    reason: list[str]
    """Why each is left out; empty for who gets a mail."""
    picks: Picks
    """A row per user; of no meaning for those who are left out."""
    group: list[Assigned | None]
    plain: npt.NDArray[np.bool_]
    """(u,) who gets what a stranger gets."""


class Chooser:
    """Decides, user by user, in chunks.

    Parameters
    ----------
    engine
        Of the version that is served.
    definition
        The campaign.
    circumstances
        Everything else.
    """

    def __init__(self, engine: Engine, definition: Definition, circumstances: Circumstances) -> None:
        self._engine = engine
        self._definition = definition
        self._around = circumstances
        self._present = circumstances.present
        self._numbering = Numbering(engine.model)
        self._picker = Picker(
            engine, definition.recipe, slots=definition.slots, shelf=self._present.shelf, now=circumstances.now
        )
        self._allocation = None if definition.experiment is None else Allocation([definition.experiment])
        cap, earlier = definition.limit, circumstances.earlier
        self._mails = None if cap is None or earlier is None else earlier.mails(cap)

    def choose(self, user: npt.NDArray[np.int64], records: Sequence[UserRecord]) -> Chosen:
        """Decide about (u,) users, of whom the store says that."""
        ids = self._engine.model.users.ids
        names = [ids[index] for index in user.tolist()]
        fresh = [
            decode(record.fresh, self._engine, name) if record.fresh else NOTHING
            for name, record in zip(names, records, strict=True)
        ]
        groups = [None if self._around.groups is None else self._around.groups.of(name) for name in names]
        changes = [AS_USUAL if group is None else group.changes for group in groups]
        opted_out = np.array([name in self._present.opted_out for name in names], dtype=np.bool_)
        plain = opted_out | np.array([not change.personal for change in changes], dtype=np.bool_)
        reason = self._unwanted(user, names, records, fresh)
        self._refuse(reason, opted_out & self._definition.recipe.needs_a_past, OPTED_OUT)
        lists = self._lists(user, records, fresh, self._picker.purposes())
        new_only = np.array([change.new_only for change in changes], dtype=np.bool_)
        if new_only.any() and Purpose.ALL in lists:
            news = self._lists(user, records, fresh, (Purpose.NEW,))
            lists[Purpose.ALL] = either(new_only, news[Purpose.NEW], lists[Purpose.ALL])
        picks = self._picker.pick(user, lists, self._barred(user, names, fresh), plain)
        self._refuse(reason, picks.count < self._definition.min_picks, TOO_FEW_PICKS)
        if self._allocation is not None:
            held_out = [not why and self._is_control(name) for name, why in zip(names, reason, strict=True)]
            self._refuse(reason, np.array(held_out, dtype=np.bool_), CONTROL_GROUP)
        return Chosen(user, reason, picks, [None if group is None else group.assigned for group in groups], plain)

    def _is_control(self, name: str) -> bool:
        assert self._allocation is not None
        found = self._allocation.of(name)
        return found is not None and found.variant == CONTROL

    @staticmethod
    def _refuse(reason: list[str], rows: npt.NDArray[np.bool_], why: str) -> None:
        for row in np.flatnonzero(rows).tolist():
            reason[row] = reason[row] or why

    def _unwanted(
        self,
        user: npt.NDArray[np.int64],
        names: Sequence[str],
        records: Sequence[UserRecord],
        fresh: Sequence[FreshEvents],
    ) -> list[str]:
        """Return why each user is left out before anything is picked for them."""
        quiet = self._bought_recently(user, fresh)
        capped = self._is_capped(user)
        return [
            refusal(name, record, events, present=self._present, consent=self._around.consent)
            or (BOUGHT_RECENTLY if quiet[row] else FREQUENCY_CAP if capped[row] else "")
            for row, (name, record, events) in enumerate(zip(names, records, fresh, strict=True))
        ]

    def _bought_recently(
        self, user: npt.NDArray[np.int64], fresh: Sequence[FreshEvents]
    ) -> npt.NDArray[np.bool_] | Sequence[bool]:
        days = self._definition.quiet_after_order_days
        if not days:
            return [False] * len(user)
        model, now = self._engine.model, self._around.now
        since = now - np.timedelta64(int(days * SECONDS_PER_DAY), "s")
        elapsed = (now - model.as_of) / np.timedelta64(1, "D")
        quiet: npt.NDArray[np.bool_] = model.customers.recency_days[user] + max(0.0, float(elapsed)) < days
        for row, events in enumerate(fresh):
            if any(event.time >= since for event in events.bought):
                quiet[row] = True
        return quiet

    def _is_capped(self, user: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_] | Sequence[bool]:
        cap = self._definition.limit
        if cap is None or self._mails is None:
            return [cap is not None and not cap.times] * len(user)
        capped: npt.NDArray[np.bool_] = self._mails[user] >= cap.times
        return capped

    def _lists(
        self,
        user: npt.NDArray[np.int64],
        records: Sequence[UserRecord],
        fresh: Sequence[FreshEvents],
        purposes: Sequence[Purpose],
    ) -> dict[Purpose, Lists]:
        """Return some lists: what is stored, or computed where that is missing or out of date."""
        is_stored = [
            record.candidates is not None and not news.positive for record, news in zip(records, fresh, strict=True)
        ]
        stored = [record.candidates or b"" if known else b"" for record, known in zip(records, is_stored, strict=True)]
        lists = {purpose: self._unpacked(stored, purpose) for purpose in purposes}
        missing = [row for row, known in enumerate(is_stored) if not known]
        if not missing or not purposes:
            return lists
        lists = {purpose: _wide(found, DEPTHS[purpose]) for purpose, found in lists.items()}
        for row in missing:
            history = self._engine.with_events(self._engine.model.histories.of(int(user[row])), fresh[row].positive)
            if history is not None:
                computed = self._engine.prepared(history, STORED, now=self._around.now, k=max(DEPTHS.values()))
                for purpose, found in lists.items():
                    found.put(row, cut(computed[purpose], DEPTHS[purpose]))
        return lists

    def _unpacked(self, stored: Sequence[bytes], purpose: Purpose) -> Lists:
        try:
            return unpack_lists(stored, purpose, self._numbering, depth=DEPTHS[purpose])
        except InvalidInput as error:
            raise InvalidInput(
                f"the store holds candidates of version {self._engine.version} that cannot be read ({error}); "
                "publish it again"
            ) from error

    def _barred(self, user: npt.NDArray[np.int64], names: Sequence[str], fresh: Sequence[FreshEvents]) -> Barred:
        """Return what must not be shown to whom: refused, in the cart, resting, sent lately, or shown today."""
        model, now = self._engine.model, self._around.now
        n_items = len(model.items)
        keys = [
            int(index) * n_items + item
            for index, events in zip(user.tolist(), fresh, strict=True)
            if events is not NOTHING
            for item in events.barred(model, now=now)
        ]
        parts = [np.array(keys, dtype=np.int64)]
        if self._definition.no_repeat:
            if self._around.earlier is not None:
                pairs = list(zip(user.tolist(), names, strict=True))
                sent = self._around.earlier.picks(pairs, self._definition.no_repeat)
                parts.append(np.fromiter(sent, dtype=np.int64))
            if (seen := self._around.seen) is not None and len(user):
                first, last = int(user[0]) * n_items, (int(user[-1]) + 1) * n_items
                parts.append(seen[seen.searchsorted(first) : seen.searchsorted(last)])
        return Barred(np.unique(np.concatenate(parts)), n_items)


def refusal(user_id: str, record: UserRecord, fresh: FreshEvents, *, present: Present, consent: Consent | None) -> str:
    """Return why somebody must not be written to at all, whatever a mail would hold; empty if they may be."""
    if record.erased or user_id in present.erased:
        return ERASED
    if consent is not None and (why := consent.why_not(user_id)):
        return why
    return OPEN_COMPLAINT if fresh.has_complaint else ""


def _wide(lists: Lists, depth: int) -> Lists:
    """Return the same lists with room for `depth` candidates."""
    found = Lists.empty(len(lists.item), max(depth, lists.item.shape[1]))
    for name in COLUMNS:
        getattr(found, name)[:, : lists.item.shape[1]] = getattr(lists, name)
    found.front[:] = lists.front
    return found
