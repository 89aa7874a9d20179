import json
import math

import numpy as np
import pytest

from recommender.baselines import BASELINES
from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidInput
from recommender.evaluation import Rankings, evaluate, n_steps
from recommender.evaluation_table import EvaluationTable, rounded
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.metrics import ndcg
from recommender.metrics.relevance import Relevance
from recommender.purpose import Purpose
from recommender.splits import Split, time_split
from tests.recommender.dated_log import DatedLine, dated_log

CUT = np.datetime64("2024-03-10")
QUICK = Bootstrap(resamples=50)


def loyal_shop() -> Split:
    """Forty users who each keep buying their own two items, and one item nobody bought before."""
    lines: list[DatedLine] = []
    for number in range(40):
        own = [f"item {number % 20:02}", f"item {(number + 7) % 20:02}"]
        lines += [
            (f"user {number:02}", item, day) for item in own for day in ("2024-03-01", "2024-03-05", "2024-03-11")
        ]
        lines.append((f"user {number:02}", f"item {(number + 3) % 20:02}", "2024-03-12"))
    return time_split(dated_log(lines, amount=np.random.default_rng(0).random(len(lines)).tolist()), CUT)


@pytest.fixture(scope="module")
def split() -> Split:
    return loyal_shop()


@pytest.fixture(scope="module")
def holdout(split: Split) -> Holdout:
    return Holdout.from_split(split)


@pytest.fixture(scope="module")
def rankings(split: Split, holdout: Holdout) -> Rankings:
    return {
        name: {purpose: baseline(split.train, holdout.user, purpose=purpose, k=5, now=CUT) for purpose in Purpose}
        for name, baseline in BASELINES.items()
    }


@pytest.fixture(scope="module")
def table(rankings: Rankings, holdout: Holdout) -> EvaluationTable:
    return evaluate(rankings, holdout, subject="own top", cutoffs=(2, 5), bootstrap=QUICK)


def test_figures_are_the_means_of_the_metrics(rankings: Rankings, holdout: Holdout, table: EvaluationTable) -> None:
    """Each figure is the mean of its per-user metric over the users with something relevant."""
    for purpose in Purpose:
        relevance = Relevance.of(rankings["popularity"][purpose], holdout.relevant(purpose), k=5)
        figure = table.figure("popularity", purpose, "ndcg", 5)
        assert figure.value == rounded(ndcg(relevance).mean())
        assert figure.n_users == 40


def test_every_ranker_has_every_metric_for_every_purpose(table: EvaluationTable) -> None:
    """Every ranker and purpose, two cutoffs, five accuracies, novelty and coverage."""
    assert len(table.figures) == len(BASELINES) * len(Purpose) * 2 * 7
    assert table.rankers == tuple(BASELINES)
    assert table.purposes == tuple(Purpose)
    assert table.cutoffs == (2, 5)


def test_intervals_hold_their_value(table: EvaluationTable) -> None:
    """Low and high lie around the value; coverage, which is no mean, has none."""
    for figure in table.figures:
        if figure.metric == "coverage":
            assert figure.low is figure.high is None
        else:
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low <= figure.value <= figure.high


def test_buying_again_beats_popularity_for_sure(table: EvaluationTable) -> None:
    """In a shop of loyal users the own top list is better, with the whole interval above zero."""
    difference = table.difference("popularity", Purpose.ALL, "recall", 2)
    assert difference.better
    assert not difference.worse
    assert difference.value == pytest.approx(
        table.figure("own top", Purpose.ALL, "recall", 2).value
        - table.figure("popularity", Purpose.ALL, "recall", 2).value,
        abs=2e-6,
    )


def test_equal_rankers_differ_by_nothing(table: EvaluationTable) -> None:
    """For new items the own top list is popularity: the paired interval is exactly zero wide."""
    difference = table.difference("popularity", Purpose.NEW, "ndcg", 5)
    assert (difference.low, difference.value, difference.high) == (0, 0, 0)
    assert not difference.better
    assert not difference.worse


def test_deciles_partition_the_users(table: EvaluationTable) -> None:
    """Their users add up, and their weighted mean is the figure over everybody."""
    rows = [
        row
        for row in table.deciles
        if (row.ranker, row.purpose, row.metric, row.k) == ("own top", Purpose.ALL, "ndcg", 5)
    ]
    assert [row.decile for row in rows] == list(range(1, 11))
    assert sum(row.n_users for row in rows) == 40
    mean = sum(row.value * row.n_users for row in rows) / 40
    assert mean == pytest.approx(table.figure("own top", Purpose.ALL, "ndcg", 5).value, abs=2e-6)


def test_a_table_survives_json(table: EvaluationTable) -> None:
    """What the report reads is what the evaluation wrote."""
    assert EvaluationTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table


@pytest.mark.parametrize("broken", [{}, {"figures": [{"ranker": "x"}]}])
def test_a_dict_that_is_no_evaluation_is_refused(broken: dict[str, object], table: EvaluationTable) -> None:
    """Missing fields are an error that says what to do."""
    content = {**table.to_dict(), **broken} if broken else {}
    with pytest.raises(InvalidInput, match="run the evaluation again"):
        EvaluationTable.from_dict(content)


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("figures", {"value": None}, "value of Figure is None, not float"),
        ("figures", {"value": "0.5"}, "value of Figure is '0.5', not float"),
        ("figures", {"value": math.nan}, "value is nan, which must be finite"),
        ("figures", {"k": None}, "k of Figure is None, not int"),
        ("figures", {"k": 0}, "k is 0, which must be at least 1"),
        ("figures", {"n_users": True}, "n_users of Figure is True, not int"),
        ("figures", {"low": []}, r"low of Figure is \[\], not float | None"),
        ("differences", {"high": "much"}, "high of Difference is 'much'"),
        ("deciles", {"decile": 1.5}, "decile of DecileFigure is 1.5, not int"),
        (None, {"level": None}, "level of EvaluationTable is None, not float"),
        (None, {"level": 95}, "level must lie between 0 and 1, not 95"),
        (None, {"resamples": "many"}, "resamples of EvaluationTable is 'many', not int"),
        (None, {"resamples": -1}, "resamples must be at least 0, not -1"),
        (None, {"seed": -1}, "seed is -1"),
        (None, {"subject": "nobody"}, "ndcg@5 of 'nobody' for 'all' items was not measured"),
        (None, {"figures": None}, "NoneType"),
    ],
)
def test_an_altered_value_is_refused(
    part: str | None, changes: dict[str, object], said: str, table: EvaluationTable
) -> None:
    """A value of another type, or one that cannot be, is named before anything counts with it."""
    content = table.to_dict()
    (content if part is None else content[part][0]).update(changes)
    with pytest.raises(InvalidInput, match=f"{said}.*run the evaluation again"):
        EvaluationTable.from_dict(content)


def test_what_was_not_measured_is_a_key_error(table: EvaluationTable) -> None:
    """A lookup never makes up a figure."""
    with pytest.raises(KeyError, match="ndcg@10 of 'own top' for 'all' items was not measured"):
        table.figure("own top", Purpose.ALL, "ndcg", 10)
    with pytest.raises(KeyError, match="was not compared with 'own top'"):
        table.difference("own top", Purpose.ALL, "ndcg", 5)


def test_the_same_seed_gives_the_same_table(rankings: Rankings, holdout: Holdout, table: EvaluationTable) -> None:
    """An evaluation is a function of rankings, truth and seed."""
    assert evaluate(rankings, holdout, subject="own top", cutoffs=(2, 5), bootstrap=QUICK) == table


def test_progress_adds_up(rankings: Rankings, holdout: Holdout) -> None:
    """A progress bar ends where `n_steps` said it would."""
    done: list[int] = []
    evaluate(rankings, holdout, subject="own top", bootstrap=QUICK, advance=done.append)
    assert sum(done) == n_steps(rankings, QUICK)


def test_figures_without_intervals(rankings: Rankings, holdout: Holdout, table: EvaluationTable) -> None:
    """Without resamples the values are the same, and nothing is called better or worse."""
    bare = evaluate(rankings, holdout, subject="own top", cutoffs=(2, 5), bootstrap=Bootstrap(resamples=0))
    assert [figure.value for figure in bare.figures] == [figure.value for figure in table.figures]
    assert {figure.low for figure in bare.figures} == {None}
    assert not any(difference.better or difference.worse for difference in bare.differences)
    assert EvaluationTable.from_dict(bare.to_dict()) == bare


def test_short_rankings_are_measured_as_they_are(holdout: Holdout) -> None:
    """A ranker that offers nothing scores zero everywhere and breaks nothing."""
    silent: Rankings = {"silent": {purpose: ItemLists.empty(len(holdout)) for purpose in Purpose}}
    table = evaluate(silent, holdout, subject="silent", bootstrap=QUICK)
    assert {figure.value for figure in table.figures} == {0.0}
    assert table.differences == ()


def test_a_ranker_may_serve_one_purpose_only(rankings: Rankings, holdout: Holdout) -> None:
    """It is left out of the other, and so is its comparison."""
    partial = {"own top": rankings["own top"], "again": {Purpose.ALL: rankings["own top"][Purpose.ALL]}}
    table = evaluate(partial, holdout, subject="own top", bootstrap=QUICK)
    assert {row.purpose for row in table.differences} == {Purpose.ALL}


def test_nobody_with_new_items_leaves_the_purpose_out() -> None:
    """If every purchase was a repeat, there is nothing to say about new items."""
    lines: list[DatedLine] = [("ann", "tea", "2024-03-01"), ("ann", "tea", "2024-03-11")]
    split = time_split(dated_log(lines), CUT)
    holdout = Holdout.from_split(split)
    lists = {purpose: ItemLists.from_rows([[0]]) for purpose in Purpose}
    table = evaluate({"model": lists}, holdout, subject="model", bootstrap=QUICK)
    assert table.purposes == (Purpose.ALL, Purpose.AGAIN)
    assert table.figure("model", Purpose.ALL, "ndcg", 10).value == 1


def test_a_wrong_call_is_refused(rankings: Rankings, holdout: Holdout) -> None:
    """An unknown subject, no cutoffs and lists of other users are named."""
    with pytest.raises(InvalidInput, match="'model' is not among the rankers 'popularity'"):
        evaluate(rankings, holdout, subject="model")
    with pytest.raises(InvalidInput, match=r"cutoffs must be .* not \[\]"):
        evaluate(rankings, holdout, subject="own top", cutoffs=())
    with pytest.raises(InvalidInput, match="'x' gives 3 rankings for 'all' items, but the holdout has 40 users"):
        evaluate({"x": {Purpose.ALL: ItemLists.empty(3)}}, holdout, subject="x")
