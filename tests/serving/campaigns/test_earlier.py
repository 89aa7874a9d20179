"""What people got and saw before."""

import datetime as dt
import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InvalidInput
from recommender.model import Model
from serving.campaigns.cap import Cap
from serving.campaigns.earlier import MAX_OPEN, Earlier, seen_today
from serving.campaigns.sends import MANIFEST_FILE, Sends
from serving.campaigns.snapshot import SNAPSHOT_FILE
from tests.models import shop_model
from tests.serving.campaigns.sent import SEND_ID, definition_of, items_of, left_out, lines_of, send

DAY = np.timedelta64(1, "D")


@contextmanager
def before(folder: Path, model: Model, *, later_days: int = 0) -> Iterator[Earlier]:
    """The sends there are."""
    now = model.as_of + later_days * DAY
    with Earlier.of(Sends(folder), model, now=now, but=("", "")) as earlier:
        yield earlier


def test_no_pick_is_repeated(tmp_path: Path) -> None:
    """A person's last sends are not repeated, of whatever campaign; further back is forgotten."""
    model = shop_model()
    first, _ = send(tmp_path, model, definition_of(name="first"))
    with before(tmp_path, model) as earlier:
        second, _ = send(tmp_path, model, definition_of(name="second", no_repeat=1), earlier=earlier)
    with before(tmp_path, model, later_days=2) as earlier:
        third, _ = send(
            tmp_path, model, definition_of(name="third", no_repeat=1), earlier=earlier, now=model.as_of + 2 * DAY
        )
    for a, b in zip(lines_of(first), lines_of(second), strict=True):
        assert not set(items_of(a)) & set(items_of(b))
    assert len(lines_of(third)) == len(lines_of(first))
    assert lines_of(second) != lines_of(first)


def test_what_the_site_showed_today_is_not_repeated(tmp_path: Path) -> None:
    """Impressions of the last 24 hours are passed over; older ones, guests and torn lines are not."""
    model = shop_model()
    plain, _ = send(tmp_path / "a", model)
    user, shown = lines_of(plain)[0]["user_id"], items_of(lines_of(plain)[0])
    now = model.as_of
    lines = [
        {"event": "impression", "user_id": user, "item_id": shown[0], "time": f"{now - np.timedelta64(1, 'h')}Z"},
        {"event": "impression", "user_id": user, "item_id": shown[1], "time": f"{now - np.timedelta64(25, 'h')}Z"},
        {"event": "click", "user_id": user, "item_id": shown[2], "time": f"{now}Z"},
        {"event": "impression", "anonymous_id": user, "item_id": shown[3], "time": f"{now}Z"},
        {"event": "impression", "user_id": "nobody", "item_id": shown[3], "time": f"{now}Z"},
    ]
    events = tmp_path / "events"
    events.mkdir()
    today = dt.date(2024, 5, 1)
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"event": "impression", "user_id"'
    (events / "events-2024-05-01.jsonl").write_text(text)
    seen = seen_today(events, model, now=now, today=today)
    assert seen.tolist() == [model.users.index(user) * len(model.items) + model.items.index(shown[0])]
    made, _ = send(tmp_path / "b", model, definition_of(no_repeat=1), seen=seen)
    assert items_of(lines_of(made)[0])[:3] == shown[1:4]
    assert items_of(lines_of(made)[1]) == items_of(lines_of(plain)[1])
    assert not len(seen_today(tmp_path / "none", model, now=now, today=today))


def test_the_cap_counts_mails_of_all_campaigns(tmp_path: Path) -> None:
    """Who got as many as allowed in those days gets no more, whoever sent them; who was left out got none."""
    model = shop_model()
    send(tmp_path, model, definition_of(name="first", audience="segment = champion"))
    send(tmp_path, model, definition_of(name="second", audience="segment in (champion, loyal)", control=0.5))
    with before(tmp_path, model, later_days=1) as earlier:
        once, _ = send(tmp_path, model, definition_of(name="c", cap="1 in 7 days"), earlier=earlier)
        twice, _ = send(tmp_path, model, definition_of(name="d", cap="2 in 7 days"), earlier=earlier)
    got = [
        {line["user_id"] for line in lines_of(made)}
        for made in Sends(tmp_path)
        if (made.campaign, made.send_id) in (("first", SEND_ID), ("second", SEND_ID))
    ]
    assert set(left_out(once)) == got[0] | got[1]
    assert set(left_out(twice)) == got[0] & got[1]
    assert set(left_out(once).values()) == set(left_out(twice).values()) == {"frequency_cap"}
    with before(tmp_path, model, later_days=9) as earlier:
        later, _ = send(tmp_path, model, definition_of(name="e", cap="1 in 7 days"), earlier=earlier)
    assert left_out(later) == {}


def test_a_clock_that_was_set_back_does_not_lift_the_cap(tmp_path: Path) -> None:
    """A send of five minutes later was made before; one of the day after tomorrow has not been made yet."""
    model = shop_model()
    minutes = np.timedelta64(5, "m")
    send(tmp_path, model, definition_of(name="first"), now=model.as_of + minutes)
    with before(tmp_path, model) as earlier:
        capped, _ = send(tmp_path / "a", model, definition_of(cap="1 in 7 days"), earlier=earlier)
    with before(tmp_path, model, later_days=-2) as earlier:
        past, _ = send(tmp_path / "b", model, definition_of(cap="1 in 7 days"), earlier=earlier)
    assert lines_of(capped) == []
    assert set(left_out(capped).values()) == {"frequency_cap"}
    assert left_out(past) == {}


def test_any_number_of_sends_can_be_looked_at(tmp_path: Path) -> None:
    """Of a thousand sends only some are open at a time, and all of them count."""
    model = shop_model()
    first, _ = send(tmp_path, model, definition_of(name="first"))
    n = 3 * MAX_OPEN
    for number in range(n - 1):
        shutil.copytree(first.folder, first.folder.parent / f"n{number}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + MAX_OPEN + 20, limits[1]))
    try:
        with before(tmp_path, model, later_days=1) as earlier:
            assert set(earlier.mails(Cap(1, 7)).tolist()) == {n}
            users = [(index, user_id) for index, user_id in enumerate(model.users.ids)]
            for _ in range(2):
                assert len(set(earlier.picks(users, n))) == sum(len(items_of(line)) for line in lines_of(first))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_cap_needs_every_send_of_its_days(tmp_path: Path) -> None:
    """Where a send cannot be read nobody knows who got it: the cap is refused, unless it is too old to matter."""
    model = shop_model()
    first, _ = send(tmp_path, model, definition_of(name="first"))
    record = first.folder / SNAPSHOT_FILE
    record.write_bytes(record.read_bytes()[:5000])
    with before(tmp_path, model, later_days=1) as earlier:
        with pytest.raises(InvalidInput, match="the cap cannot be kept without first/"):
            earlier.mails(Cap(1, 7))
        made, _ = send(tmp_path, model, definition_of(name="second", no_repeat=1), earlier=earlier)
        assert lines_of(made)
    with before(tmp_path, model, later_days=9) as earlier:
        assert earlier.mails(Cap(1, 7)).max() == 0
    (first.folder / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    with (
        before(tmp_path, model, later_days=9) as earlier,
        pytest.raises(InvalidInput, match="restore it from a backup"),
    ):
        earlier.mails(Cap(1, 7))
