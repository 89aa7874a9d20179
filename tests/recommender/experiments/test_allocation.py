"""Groups are a function of names: stable, independent, and of the shares they should have."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recommender.errors import InvalidInput
from recommender.experiments.allocation import Allocation, Assigned, Experiment

HOLDOUT = Experiment("holdout", (("control", 0.1), ("usual", 0.9)))
VISITORS = [f"visitor {n}" for n in range(20_000)]


def test_assignments_never_change() -> None:
    """The formula of docs/experiments.md, written out by hand; a change would move visitors of running experiments."""
    for visitor in ("17", "空", "a b/c%20", "\x1fguest"):
        digest = hashlib.sha256(b"2026\x1fholdout\x1f" + visitor.encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        expected = "control" if place < 0.1 else "usual"
        salted = Experiment("holdout", HOLDOUT.groups, salt="2026")
        assert Allocation([salted]).of(visitor) == Assigned("holdout", expected)


@pytest.mark.parametrize("shares", [(0.1, 0.9), (0.1, 0.5, 0.4), (0.02, 0.49, 0.49), (1 / 3, 1 / 3, 1 / 3)])
def test_groups_have_their_shares(shares: tuple[float, ...]) -> None:
    """Over 40 salts, the test for a sample-ratio mismatch is calm: its p-values look uniform."""
    groups = tuple((f"g{at}", share) for at, share in enumerate(shares))
    p_values = []
    for salt in range(40):
        found = Allocation([Experiment("e", groups, salt=str(salt))]).groups_of(VISITORS[:5_000], "e")
        assert (found >= 0).all()
        counts = np.bincount(found, minlength=len(shares))
        p_values.append(stats.chisquare(counts, 5_000 * np.array(shares)).pvalue)
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_two_experiments_are_independent() -> None:
    """Who is in control of one is no more likely to be in control of another."""
    a, b = (
        Allocation([Experiment(name, HOLDOUT.groups)]).groups_of(VISITORS, name) == 0 for name in ("first", "second")
    )
    table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_later_experiments_get_what_is_left() -> None:
    """Nobody is in two, and the later one keeps its own proportions."""
    first = Experiment("first", (("control", 0.3),))
    second = Experiment("second", (("control", 0.5), ("b", 0.5)))
    both = Allocation([first, second])
    one, two = both.groups_of(VISITORS, "first"), both.groups_of(VISITORS, "second")
    assert ((one >= 0) ^ (two >= 0)).all()
    assert abs((one >= 0).mean() - 0.3) < 0.02
    assert abs((two == 0).sum() / (two >= 0).sum() - 0.5) < 0.02


@given(st.text(), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_a_group_that_grows_keeps_its_visitors(visitor: str, control: float, more: float) -> None:
    """Raising the share of the first group moves nobody out of it."""
    before, after = (Allocation([Experiment("e", (("control", share),))]) for share in (control, control + more))
    if before.of(visitor) is not None:
        assert after.of(visitor) == before.of(visitor)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ((), "has no groups: give control or variants a share"),
        ((("a", 0.5), ("a", 0.5)), "different names"),
        ((("a", 0.0),), "not above 0"),
        ((("a", 0.6), ("b", 0.6)), "1.2, more than everybody"),
    ],
)
def test_impossible_groups_are_refused(groups: tuple[tuple[str, float], ...], message: str) -> None:
    """The message names the experiment and what is wrong."""
    with pytest.raises(InvalidInput, match=message):
        Experiment("e", groups)


def test_experiments_nobody_can_be_in_are_refused() -> None:
    """Behind one that takes everybody, and under a name that is taken."""
    with pytest.raises(InvalidInput, match="'late' gets nobody: 'holdout'"):
        Allocation([HOLDOUT, Experiment("late", (("a", 1.0),))])
    with pytest.raises(InvalidInput, match="different names"):
        Allocation([Experiment("e", (("a", 0.5),)), Experiment("e", (("b", 0.5),))])
    with pytest.raises(InvalidInput, match="configured are: holdout"):
        Allocation([HOLDOUT]).get("holdot")
