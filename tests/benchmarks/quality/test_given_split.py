"""A given split: what is hidden, what is measured, and a planted world whose answer is known."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.quality import amazon_cds, given_split, gowalla
from benchmarks.quality.given_split import Effort, Log, Task
from benchmarks.quality.published import METRICS, PUBLISHED
from benchmarks.quality.scoreboard import MissingData
from recommender.blend import FEATURES, Component
from recommender.purpose import Purpose
from training.progress import SilentProgress
from training.settings import AlsSettings, ConfidenceSettings, NeighbourSettings, PeerSettings, TrainingSettings

Indices = npt.NDArray[np.int64]

TASK = Task(
    data="gowalla",
    bounds={"Recall@20": (0.5, 0.9), "nDCG@20": (0.5, 0.9)},
    settings=TrainingSettings(
        confidence=ConfidenceSettings(alpha=10.0),
        als=AlsSettings(factors=4, regularization=1.0, iterations=5),
        neighbours=NeighbourSettings(k=20, shrinkage=0.0),
        peers=PeerSettings(k=20),
    ),
)


def planted_pairs(*, n_users: int = 60, n_items: int = 120, each: int = 20) -> Indices:
    """Users and items of four tastes; everybody holds twenty of the thirty items of their own."""
    rng = np.random.default_rng(3)
    own = [(user, 4 * item + user % 4) for user in range(n_users) for item in rng.permutation(n_items // 4)[:each]]
    return np.array(own, dtype=np.int64)


def split(pairs: Indices) -> tuple[Indices, Indices]:
    """Train and test: of each user's pairs, every fifth is for the test."""
    test = np.arange(len(pairs)) % 5 == 0
    return pairs[~test], pairs[test]


def write(folder: Path, train: Indices, test: Indices) -> Path:
    """Write the two files."""
    for name, pairs in (("train", train), ("test", test)):
        columns = {"user_id": pairs[:, 0].astype(np.int32), "item_id": pairs[:, 1].astype(np.int32)}
        pl.DataFrame(columns).write_parquet(folder / f"{name}.parquet")
    return folder


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 9))
def test_a_fifth_of_each_user_is_hidden(sizes: list[int], seed: int) -> None:
    """Rounded down but at least one, whatever the order of the rows; the same seed hides the same."""
    user = np.repeat(np.arange(len(sizes)), sizes)
    pairs = np.stack([user, np.arange(len(user))], axis=1)[np.random.default_rng(seed).permutation(len(user))]
    hidden = given_split.hide(pairs, seed=seed)
    assert np.bincount(pairs[hidden, 0], minlength=len(sizes)).tolist() == [max(size // 5, 1) for size in sizes]
    np.testing.assert_array_equal(hidden, given_split.hide(pairs, seed=seed))


def test_tastes_are_found_and_popularity_is_not_enough(tmp_path: Path) -> None:
    """Ten items of a user's taste are open and four are right; all rankers that know tastes put the ten first."""
    train, test = split(planted_pairs())
    result = given_split.measure(TASK, write(tmp_path, train, test), seed=1, quick=True, progress=SilentProgress())
    figures = {row.row: row.value for row in result.rows}
    assert figures["Recall@20"] == figures["peers alone: Recall@20"] == 1.0
    assert figures["popularity: Recall@20"] < 0.5 < figures["nDCG@20"]
    assert result.holds
    habits = {name for name, component in FEATURES.items() if component is Component.HABIT}
    assert result.settings["weights"]
    assert not habits & set(result.settings["weights"])
    assert set(result.seconds) == {"learn the blend", "fit on all of train", "rank and measure"}


def test_same_seed_same_figures(tmp_path: Path) -> None:
    """Nothing but the seed is random."""
    folder = write(tmp_path, *split(planted_pairs(n_users=20)))
    first, second = (given_split.measure(TASK, folder, seed=5, quick=True, progress=SilentProgress()) for _ in range(2))
    assert first.rows == second.rows
    assert first.settings == second.settings


def test_test_pairs_are_not_learned_from(tmp_path: Path) -> None:
    """Other test pairs change what is measured, but neither the weights nor the figures of the validation."""
    train, test = split(planted_pairs(n_users=20))
    results = []
    for name, pairs in (("a", test), ("b", test[::2])):
        (folder := tmp_path / name).mkdir()
        results.append(
            given_split.measure(TASK, write(folder, train, pairs), seed=5, quick=True, progress=SilentProgress())
        )
    assert results[0].settings == results[1].settings
    assert results[0].rows != results[1].rows


def test_figures_by_hand() -> None:
    """Two items are open to the first user and one is right: recall 1, and the gain of its place."""
    train = np.array([(0, 0), (1, 0), (1, 1), (1, 2), (2, 1), (3, 1)])
    log = Log.of(train, np.array([(0, 2)]))
    model = log.fit(train, TASK.settings, SilentProgress(), blend=None, stage="fit")
    holdout = log.holdout(log.train, log.test)
    assert holdout.relevant(Purpose.NEW).row(0).tolist() == [2]
    figures = given_split.figures_of(model, holdout, SilentProgress(), stage="test")
    assert figures["popularity: Recall@20"] == 1.0
    assert figures["popularity: nDCG@20"] == pytest.approx(1 / np.log2(3))


def test_blocks_of_users_score_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a block, its users come in their order, each with the scores of their own factors."""
    train = planted_pairs(n_users=7)
    model = Log.of(train, train).fit(train, TASK.settings, SilentProgress(), blend=None, stage="fit")
    user = np.array([5, 0, 3, 6, 2], dtype=np.int32)
    for size in (1, 2, 128):
        monkeypatch.setattr(given_split, "BLOCK_USERS", size)
        scored = list(given_split._factor_scores(model, user))
        assert [found for found, _ in scored] == user.tolist()
        for found, scores in scored:
            np.testing.assert_allclose(scores, model.factors.scores(model.factors.user[found]), rtol=1e-4, atol=1e-6)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """The message says which file and what to set."""
    with pytest.raises(MissingData, match=r"train\.parquet"):
        gowalla.measure(tmp_path, seed=1, quick=True, progress=SilentProgress())


@pytest.mark.parametrize("task", [gowalla.TASK, amazon_cds.TASK])
def test_bounds_are_the_published_figures(task: Task) -> None:
    """The goal is SimpleX; the floor is a line of the same table."""
    lines = {line.method: line.values for line in PUBLISHED[task.data]}
    floors, goals = zip(*(task.bounds[metric] for metric in METRICS[task.data]), strict=True)
    assert goals == lines["SimpleX"]
    assert floors == lines["EASE" if task.data == "gowalla" else "UltraGCN"]


def test_a_full_run_measures_everybody() -> None:
    """A short one is content with a thousand."""
    assert Effort.of(quick=False).tested is None
    assert Effort.of(quick=True).tested == 1000
    assert Effort.of(quick=False, learned=gowalla.TASK.learned).learned == 4000
    assert Effort.of(quick=True, learned=gowalla.TASK.learned).learned == 300


def test_users_count_alike_where_the_task_says_so(tmp_path: Path) -> None:
    """What the task chose reaches the learning: other weights, from the same pairs."""
    sizes = np.random.default_rng(0).integers(5, 21, size=40)
    pairs = np.concatenate([planted_pairs(n_users=40)[20 * user : 20 * user + size] for user, size in enumerate(sizes)])
    folder = write(tmp_path, *split(pairs))
    weights = [
        given_split.measure(task, folder, seed=5, quick=True, progress=SilentProgress()).settings["weights"]
        for task in (TASK, dataclasses.replace(TASK, full_answers=1))
    ]
    assert weights[0] != weights[1]
