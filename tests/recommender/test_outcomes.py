"""What a test window said about every single user."""

import dataclasses

import numpy as np
import pytest

from recommender.baselines import BASELINES
from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidInput
from recommender.evaluation import evaluate
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.outcomes import METRICS, Outcomes, PurposeOutcomes
from recommender.purpose import WITHOUT_CART, Purpose
from recommender.splits import time_split
from tests import planted
from tests.recommender.dated_log import DatedLine, dated_log

CUT = np.datetime64("2024-03-10")

LINES: list[DatedLine] = [
    ("ann", "tea", "2024-03-01"),
    ("ann", "tea", "2024-03-02"),
    ("bob", "tea", "2024-03-05"),
    ("eve", "milk", "2024-03-03"),
    (None, "salt", "2024-03-03"),
    ("ann", "tea", "2024-03-10"),
    ("ann", "milk", "2024-03-11"),
    ("bob", "tea", "2024-03-12"),
]


def by_hand() -> tuple[Outcomes, list[str]]:
    """Ann wants milk and tea, bob wants tea; both are shown milk, tea by "model" and tea alone by "other"."""
    log = dated_log(LINES)
    split = time_split(log, CUT)
    holdout = Holdout.from_split(split)
    milk, tea = (log.items.index(item) for item in ("milk", "tea"))
    rankings = {
        "model": {purpose: ItemLists.from_rows([[milk, tea]] * 2) for purpose in Purpose},
        "other": {purpose: ItemLists.from_rows([[tea]] * 2) for purpose in Purpose},
    }
    return Outcomes.of(rankings, split, holdout, subject="model", k=10), list(log.items)


def test_figures_by_hand() -> None:
    """Each user's nDCG and recall of each ranker, and only users with a right answer."""
    outcomes, items = by_hand()
    every, new = outcomes.by_purpose[Purpose.ALL], outcomes.by_purpose[Purpose.NEW]
    second = 1 / np.log2(3)  # tea on the second place, where bob's only answer stands
    assert outcomes.values(Purpose.ALL, "ndcg") == pytest.approx([1.0, second])
    assert outcomes.values(Purpose.ALL, "recall", "other") == pytest.approx([0.5, 1.0])
    assert every.row.tolist() == [0, 1]
    assert new.row.tolist() == [0]  # bob bought nothing new
    assert [items[item] for item in new.relevant.row(0)] == ["milk"]
    assert outcomes.values(Purpose.NEW, "recall") == pytest.approx([1.0])
    assert [items[item] for item in every.shown.row(1)] == ["milk", "tea"]


def test_the_window_by_hand() -> None:
    """Who was measured, and what was known of them before the cut; guests count among an item's purchases."""
    window = by_hand()[0].window
    assert window.users == ("ann", "bob")
    assert window.orders.tolist() == [2, 1]
    first = window.first_order.astype("datetime64[s]").astype("datetime64[D]")
    assert first.astype(str).tolist() == ["2024-03-01", "2024-03-05"]
    assert dict(zip(window.items, window.purchases.tolist(), strict=True)) == {"milk": 1, "salt": 1, "tea": 3}
    assert (window.cut[:10], window.end[:10]) == ("2024-03-10", "2024-03-12")


def test_means_are_those_of_the_table() -> None:
    """The mean over users is the figure that the evaluation reports, for every ranker, purpose and metric."""
    split = time_split(planted.shop().log, planted.at(330))
    holdout = Holdout.from_split(split)
    rankings = {
        name: {
            purpose: rank(split.train, holdout.user, purpose=purpose, k=10, now=split.cut) for purpose in WITHOUT_CART
        }
        for name, rank in BASELINES.items()
    }
    table = evaluate(rankings, holdout, subject="own top", bootstrap=Bootstrap(resamples=0))
    outcomes = Outcomes.of(rankings, split, holdout, subject="own top", k=10)
    for purpose, found in outcomes.by_purpose.items():
        for ranker in found.rankers:
            for metric in METRICS:
                mean = outcomes.values(purpose, metric, ranker).mean()
                assert mean == pytest.approx(table.figure(ranker, purpose, metric, 10).value, abs=2e-6)


def test_what_was_not_kept() -> None:
    """A metric or a ranker that is not there is a `KeyError`, not a column of another."""
    outcomes, _ = by_hand()
    with pytest.raises(KeyError, match="precision"):
        outcomes.values(Purpose.ALL, "precision")
    with pytest.raises(KeyError, match="nobody"):
        outcomes.values(Purpose.ALL, "ndcg", "nobody")


def test_parts_that_do_not_fit() -> None:
    """Figures of other users than the lists are refused."""
    found = by_hand()[0].by_purpose[Purpose.ALL]
    with pytest.raises(InvalidInput, match="do not fit together"):
        PurposeOutcomes(
            rankers=found.rankers,
            row=found.row[:1],
            ndcg=found.ndcg,
            recall=found.recall,
            relevant=found.relevant,
            shown=found.shown,
        )


def test_a_window_of_other_users() -> None:
    """Outcomes whose rows or items are not in the window are refused when they are built."""
    outcomes = by_hand()[0]
    with pytest.raises(InvalidInput, match=r"value of the test window has shape \(2,\), which must be \(1,\)"):
        dataclasses.replace(outcomes.window, users=("ann",))
    none, no_value = np.empty(0, dtype=np.int64), np.empty(0)
    nobody = dataclasses.replace(outcomes.window, users=(), value=no_value, decile=none, orders=none, first_order=none)
    with pytest.raises(InvalidInput, match=r"rows of users \(all\) must lie between 0 and -1, found 0"):
        dataclasses.replace(outcomes, window=nobody)
