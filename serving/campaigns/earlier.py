"""What people got and saw before: earlier sends of all campaigns, and what the site showed them that day.

Both are kept as numbers, user × items + item, so that a million people's take a few megabytes.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import orjson

from recommender.errors import InvalidInput
from recommender.model import Model
from serving.campaigns.cap import Cap
from serving.campaigns.manifest import read_manifest
from serving.campaigns.picking import Keys
from serving.campaigns.sends import Send, Sends
from serving.campaigns.snapshot import Snapshot
from serving.events import files

REPEAT_DAYS = 90.0
"""Older sends are nothing anybody remembers."""
SLACK_DAYS = 1.0
"""A send that seems to be a little later than this one was made before it: clocks differ, and are set back."""
MAX_OPEN = 64
"""Files of sends that are open at a time; a process may open some 1,000 in all."""

_DAY = np.timedelta64(1, "D")
_IMPRESSION = b'"impression"'


class Earlier:
    """Sends before this one, a few of them open at a time.

    Parameters
    ----------
    sends
        Those of the shop.
    model
        Whose users and items are counted.
    now
        datetime64[s], UTC: the moment of this send; sends of later days do not count.
    """

    def __init__(self, sends: Iterable[Send], model: Model, *, now: np.datetime64) -> None:
        self._model = model
        self._now = now
        self._open: OrderedDict[Path, Snapshot] = OrderedDict()
        self._items: dict[Path, dict[int, int]] = {}
        self._sends: list[tuple[float, Send]] = []
        """Age in days, the last send first."""
        self._unreadable: list[tuple[float | None, Send, InvalidInput]] = []
        for send in sends:
            self._look_at(send)
        self._sends.sort(key=lambda one: one[0])

    @classmethod
    def of(cls, sends: Sends, model: Model, *, now: np.datetime64, but: tuple[str, str]) -> Self:
        """Return all sends but that of a campaign and a name."""
        return cls((send for send in sends if (send.campaign, send.send_id) != but), model, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def mails(self, cap: Cap) -> npt.NDArray[np.int32]:
        """Return (n_users,) how many mails each user got in the days of a cap.

        Raises
        ------
        InvalidInput
            If a send of those days cannot be read: who got it might get too many.
        """
        for age, send, error in self._unreadable:
            if age is None or -SLACK_DAYS <= age < cap.days:
                raise InvalidInput(f"the cap cannot be kept without {send.campaign}/{send.send_id}: {error}")
        found = np.zeros(len(self._model.users), dtype=np.int32)
        for age, send in self._sends:
            if age < cap.days:
                found[self._model.users.known(self._snapshot(send).users())] += 1
        return found

    def picks(self, users: Sequence[tuple[int, str]], last: int) -> Iterator[int]:
        """Yield keys of what users got in their last `last` sends; `users` are pairs of index and id."""
        left = {user_id: [index, last] for index, user_id in users}
        for age, send in self._sends:
            if age > REPEAT_DAYS or not left or not last:
                return
            snapshot = self._snapshot(send)
            numbers = self._numbers(snapshot)
            for user_id, items in snapshot.items_of(list(left)):
                of_user = left[user_id]
                yield from (
                    of_user[0] * len(self._model.items) + numbers[item] for item in items if numbers.get(item, -1) >= 0
                )
                of_user[1] -= 1
                if not of_user[1]:
                    del left[user_id]

    def _look_at(self, send: Send) -> None:
        """Take a send in, if it is not of a later day."""
        try:
            with send.snapshot() as snapshot:
                age = self._age_days(snapshot.sent_at)
        except InvalidInput as error:
            send.pass_over(error)
            self._unreadable.append((self._stated_age_days(send), send, error))
            return
        if age >= -SLACK_DAYS:
            self._sends.append((age, send))

    def _snapshot(self, send: Send) -> Snapshot:
        """Return the record of a send, open."""
        if (known := self._open.pop(send.folder, None)) is None:
            if len(self._open) >= MAX_OPEN:
                self._open.popitem(last=False)[1].close()
            known = send.snapshot()
        self._open[send.folder] = known
        return known

    def _numbers(self, snapshot: Snapshot) -> Mapping[int, int]:
        """Return the index of each item of a send in the model; -1 for what the model does not know."""
        if snapshot.path not in self._items:
            known = self._model.items
            found = {number: known.get(item_id) for number, item_id in snapshot.item_ids()}
            self._items[snapshot.path] = {number: -1 if index is None else index for number, index in found.items()}
        return self._items[snapshot.path]

    def _stated_age_days(self, send: Send) -> float | None:
        """Return the age that the manifest states; None if that cannot be read either."""
        try:
            return self._age_days(read_manifest(send.folder).as_of)
        except InvalidInput:
            return None

    def _age_days(self, sent_at: str) -> float:
        try:
            return float((self._now - np.datetime64(sent_at.removesuffix("Z"), "s")) / _DAY)
        except ValueError:
            raise InvalidInput(f"{sent_at[:40]!r} is no moment of a send") from None


def seen_today(folder: Path, model: Model, *, now: np.datetime64, today: dt.date) -> Keys:
    """Return ascending keys of what the site showed users in the last 24 hours.

    Parameters
    ----------
    folder
        Where event files are, named after the day (UTC) on which they were written.
    model
        Whose users and items count.
    now
        datetime64[s]: the moment that events are dated by.
    today
        The day that files are named by.
    """
    since = str(now.astype("datetime64[s]") - _DAY)
    days = (today - dt.timedelta(days=1), today)
    paths = [folder / f"events-{day:%Y-%m-%d}.jsonl" for day in days] + sorted(folder.glob(files.SPOOLS))
    return np.unique(np.fromiter((key for path in paths for key in _shown(path, model, since)), dtype=np.int64))


def _shown(path: Path, model: Model, since: str) -> Iterator[int]:
    try:
        with path.open("rb") as lines:
            for line in lines:
                if _IMPRESSION in line and (key := _key(line, model, since)) is not None:
                    yield key
    except FileNotFoundError:
        return


def _key(line: bytes, model: Model, since: str) -> int | None:
    try:
        event = orjson.loads(line)
        user, item = model.users.get(event["user_id"]), model.items.get(event["item_id"])
        is_late = event["event"] == "impression" and event["time"] >= since
    except (ValueError, KeyError, TypeError):
        return None  # a torn line, or an event of a guest
    return user * len(model.items) + item if is_late and user is not None and item is not None else None
