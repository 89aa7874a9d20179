"""What variety costs: the sweep is measured on the slates that would be shown, and at dial 0 nothing changes."""

import dataclasses
import json

import numpy as np
import pytest

from recommender.bootstrap import Bootstrap
from recommender.diversity import Variety
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from recommender.slate_quality import FIGURES, ItemFacts, age_in_days, measure_slates
from recommender.splits import Split, time_split
from tests import models, planted
from training.variety import (
    DIALS,
    PURPOSES,
    RANKED,
    SHOWN,
    Trial,
    VarietyFigures,
    n_sweeps,
    sampled,
    shown_reasons,
    shown_slates,
    sweep,
)

K = 5


@pytest.fixture(scope="module")
def split() -> Split:
    """The planted year, its last month held out."""
    return time_split(planted.shop().log, planted.at(330))


@pytest.fixture(scope="module")
def trial(split: Split) -> Trial:
    """A model of what precedes the cut, and what its users could be offered."""
    model = models.model_of(split.train, planted.shop().catalogue, now=split.cut)
    heard: list[None] = []
    found = Trial.of(
        dataclasses.replace(model, variety=Variety(diversity=0.3)),
        split,
        Holdout.from_split(split),
        k=K,
        bootstrap=Bootstrap(resamples=50),
        advance=lambda: heard.append(None),
    )
    assert len(heard) == len(found.holdout)
    return found


def test_sweep_has_every_dial_and_every_baseline(trial: Trial) -> None:
    """One row per purpose and dial, each beside dial 0; the baselines have no dial."""
    heard: list[None] = []
    rows = sweep(trial, advance=lambda: heard.append(None))
    assert len(heard) == n_sweeps()
    for purpose in PURPOSES:
        found = [row for row in rows if row.purpose is purpose]
        assert [row.dial for row in found if row.dial is not None] == list(DIALS)
        assert {row.ranker for row in found if row.dial is None} == set(trial.baselines)
        assert [row.dial for row in found if row.ndcg_change is not None] == list(DIALS[1:])
    assert all(set(row.figures) == set(FIGURES) for row in rows)


def test_a_wide_dial_buys_variety(trial: Trial) -> None:
    """From the one end of the dial to the other, lists become more varied, and cost accuracy on planted tastes."""
    for purpose in PURPOSES:
        by_dial = {row.dial: row for row in sweep(trial) if row.purpose is purpose}
        narrow, wide = by_dial[DIALS[0]], by_dial[DIALS[-1]]
        assert wide.figures["vector_diversity"] > narrow.figures["vector_diversity"]
        assert wide.figures["repeated_categories"] <= narrow.figures["repeated_categories"]
        assert wide.ndcg_change is not None
        assert wide.ndcg_change[0] == pytest.approx(wide.figures["ndcg"] - narrow.figures["ndcg"], abs=2e-6)


def test_shown_slates_stand_beside_the_ranking(trial: Trial) -> None:
    """The chosen dial's slates are those of the sweep; without any rule, what is shown is the ranking."""
    rows = {(row.ranker, row.purpose): row for row in shown_slates(trial)}
    swept = {(row.dial, row.purpose): row for row in sweep(trial)}
    plain = dataclasses.replace(trial.model, variety=Variety(diversity=0.0, category_cap=None, one_per_title=False))
    bare = {(row.ranker, row.purpose): row for row in shown_slates(dataclasses.replace(trial, model=plain))}
    for purpose in PURPOSES:
        assert rows[SHOWN, purpose].figures == swept[0.3, purpose].figures
        assert bare[SHOWN, purpose].figures == bare[RANKED, purpose].figures == rows[RANKED, purpose].figures


def test_reasons_are_shares(trial: Trial) -> None:
    """They sum to one, and nothing new is offered as bought before."""
    shares = shown_reasons(trial)
    assert [sum(found.values()) for found in shares.values()] == pytest.approx([1.0, 1.0], abs=1e-5)
    assert "buy_again" not in shares[Purpose.NEW.value]
    assert "buy_again" in shares[Purpose.ALL.value]


def test_figures_survive_json(trial: Trial) -> None:
    """What is read again is what was written."""
    figures = VarietyFigures(tradeoff=sweep(trial), slates=shown_slates(trial), reasons=shown_reasons(trial))
    assert VarietyFigures.from_dict(json.loads(json.dumps(figures.to_dict()))) == figures


def test_sample_is_bounded_and_repeatable(split: Split) -> None:
    """The same seed draws the same users, and every column is drawn alike."""
    whole = Holdout.from_split(split)
    part = sampled(whole, seed=3, size=20)
    assert len(part) == len(part.bought) == len(part.owned) == len(part.value) == 20
    assert part.user.tolist() == sampled(whole, seed=3, size=20).user.tolist()
    at = np.searchsorted(whole.user, part.user)
    assert [part.bought.row(row).tolist() for row in range(20)] == [whole.bought.row(row).tolist() for row in at]
    assert sampled(whole, seed=3, size=len(whole)) is whole


def test_age_counts_from_the_first_sale(split: Split) -> None:
    """By brute force over the log; what never sold has no age."""
    sold = split.train.purchases()
    age = age_in_days(split.train, now=split.cut)
    for item in range(0, len(age), 17):
        times = sold.time[sold.item == item]
        expected = (split.cut - times.min()) / np.timedelta64(1, "D") if len(times) else np.inf
        assert age[item] == pytest.approx(expected)


def test_nobody_to_measure_is_no_error(trial: Trial) -> None:
    """A window in which nobody bought anything new has zeros, not NaN."""
    holdout = dataclasses.replace(trial.holdout, owned=trial.holdout.bought)
    n_items = len(trial.model.items)
    facts = ItemFacts(
        category=np.zeros(n_items, np.int32),
        vectors=trial.model.factors.item,
        twin=np.arange(n_items, dtype=np.int32),
        age_days=np.ones(n_items),
    )
    lists = ItemLists.empty(len(holdout))
    assert set(measure_slates(lists, holdout, facts, purpose=Purpose.NEW, k=K).figures.values()) == {0.0}
