"""What a process remembers while the store is away."""

from __future__ import annotations

from serving.metrics import Metrics
from serving.shelves.pauses import Pauses
from serving.shelves.stale import StaleRecords


def test_the_longest_unread_is_forgotten_first() -> None:
    """Reading again keeps a user."""
    stale = StaleRecords(2, Metrics())
    stale.keep("a", b"1", version="v")
    stale.keep("b", b"2", version="v")
    stale.keep("a", b"3", version="v")
    stale.keep("c", b"4", version="v")
    assert [stale.get(user, version="v") for user in "abc"] == [b"3", None, b"4"]
    assert len(stale) == 2


def test_a_record_is_good_for_its_own_version_only() -> None:
    """Two versions may be served at once, each to users of its own; one user has one record."""
    stale = StaleRecords(5, Metrics())
    stale.keep("a", b"1", version="v")
    assert stale.get("a", version="w") is None
    stale.keep("b", b"2", version="w")
    assert stale.get("a", version="v") == b"1"
    stale.keep("a", b"3", version="w")
    assert (stale.get("a", version="v"), stale.get("a", version="w")) == (None, b"3")
    assert stale.get("b", version="w") == b"2"


def test_none_are_kept_where_none_shall_be() -> None:
    """Zero switches it off."""
    stale = StaleRecords(0, Metrics())
    stale.keep("a", b"1", version="v")
    assert len(stale) == 0


def test_work_takes_a_fifth_of_the_time_at_most() -> None:
    """After a second of work, four of rest; and never two at a time."""
    now = [0.0]
    pauses = Pauses(monotonic=lambda: now[0])
    assert pauses.may_compute()
    assert not pauses.may_compute()
    now[0] = 1.0
    pauses.computed()
    now[0] = 4.9
    assert not pauses.may_compute()
    now[0] = 5.0
    assert pauses.may_compute()
