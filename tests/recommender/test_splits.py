import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import EmptyLog
from recommender.splits import time_split
from tests.recommender.dated_log import dated_log

CUT = np.datetime64("2024-03-10")

LOG = dated_log(
    [
        ("ann/1", "tea", "2024-03-01"),
        (None, "milk", "2024-03-02"),
        ("空", "tea", "2024-03-10"),
        ("ann/1", "tea", "2024-03-11"),
        ("ann/1", "milk", "2024-03-12"),
        ("ann/1", "salt", "2024-03-13"),
        (None, "tea", "2024-03-14"),
    ]
)


@given(day=st.integers(2, 14))
def test_every_row_is_on_exactly_one_side(day: int) -> None:
    """Train ends where test begins, and nothing is lost."""
    cut = np.datetime64(f"2024-03-{day:02}")
    split = time_split(LOG, cut)
    assert len(split.train) + len(split.test) == len(LOG)
    assert (split.train.time < cut).all()
    assert (split.test.time >= cut).all()


def test_both_sides_keep_the_id_maps() -> None:
    """An index means the same on either side."""
    split = time_split(LOG, CUT)
    assert split.train.users is split.test.users is LOG.users
    assert split.train.items is split.test.items is LOG.items


def test_the_end_bounds_the_test_side() -> None:
    """A validation window leaves what comes after it alone."""
    split = time_split(LOG, CUT, end=np.datetime64("2024-03-12"))
    assert len(split.test) == 2


def test_known_leaves_out_new_users_new_items_and_guests() -> None:
    """Only what a model could have known stays; an item only a guest bought is known."""
    known = time_split(LOG, CUT).known()
    assert [LOG.items.ids[item] for item in known.test.item] == ["tea", "milk"]
    assert {LOG.users.ids[user] for user in known.test.user} == {"ann/1"}


@pytest.mark.parametrize(("cut", "side"), [("2024-01-01", "before"), ("2025-01-01", "from")])
def test_a_cut_outside_the_log_names_its_span(cut: str, side: str) -> None:
    """The message says which side is empty and where a cut could lie."""
    with pytest.raises(EmptyLog, match=f"{side} the cut {cut}; the log runs from 2024-03-01T00:00:00 to 2024-03-14"):
        time_split(LOG, np.datetime64(cut))


def test_an_empty_log_cannot_be_split() -> None:
    """The message says that the log is empty."""
    with pytest.raises(EmptyLog, match="the log is empty"):
        time_split(LOG.select(np.zeros(len(LOG), dtype=np.bool_)), CUT)
