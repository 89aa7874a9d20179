"""The file of a search: what an interruption leaves in it, and what is said if it cannot be used."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InvalidInput
from training.settings import TrainingSettings
from training.tuning.bench import Score
from training.tuning.space import space_for
from training.tuning.study import Study, open_study

pytest.importorskip("optuna", reason="the extra tune is not installed")

SPACE = space_for(TrainingSettings(), ["als.factors"])


def opened(folder: Path) -> Any:
    """The study called tea in `folder`."""
    return open_study(folder, "tea", SPACE, seed=1)


def measured(study: Study, value: float = 2.0) -> None:
    """Finish a trial."""
    study.measured(study.propose(), Score(value, {"all": 0.5}, {"all": [0.5]}), 1.0)


def press_ctrl_c_in(study: Study, statement: str) -> None:
    """Press Ctrl-C once the database has executed the next such statement."""
    from sqlalchemy import event

    engine = study._study._storage._backend.engine  # type: ignore[attr-defined]

    def pressed(_connection: Any, _cursor: Any, executed: str, *_: object) -> None:
        if executed.startswith(statement):
            event.remove(engine, "after_cursor_execute", pressed)
            raise KeyboardInterrupt

    event.listen(engine, "after_cursor_execute", pressed)


@pytest.mark.parametrize("statement", ["SELECT", "INSERT", "UPDATE"])
def test_ctrl_c_inside_the_database(tmp_path: Path, statement: str) -> None:
    """Whatever statement is cut off, what was finished can be read at once, and nothing is lost or tried twice."""
    with opened(tmp_path) as study:
        measured(study)
        press_ctrl_c_in(study, statement)
        with pytest.raises(KeyboardInterrupt):
            measured(study)
        study.let_go()
        assert len(study.trials()) == 1
    with opened(tmp_path) as study:
        before = study.trials()
        measured(study)
        assert [trial.number for trial in study.trials()] == list(range(1, len(before) + 2))
        tried = [trial.values["als.factors"] for trial in study.trials()]
        assert len(set(tried)) == len(tried)


def test_finished_but_not_closed_is_kept(tmp_path: Path) -> None:
    """A trial that was stopped between its last figure and its end counts, once."""
    with opened(tmp_path) as study:
        proposal = study.propose()
        for name, value in {"values": proposal.values, "score": 2.5, "ndcg": {}, "per_user": {}, "seconds": 1}.items():
            proposal.handle.set_user_attr(name, value)
        proposal.handle.set_user_attr("outcome", "measured")
    with opened(tmp_path) as study:
        assert [trial.score for trial in study.trials()] == [2.5]
        assert study.propose().values != proposal.values


def test_locked_file_is_not_called_damaged(tmp_path: Path) -> None:
    """A study that another program holds is to be waited for; nobody is told to delete it."""
    with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "tea.db")) as other:
        other.execute("begin exclusive")
        with (
            pytest.raises(InvalidInput, match=r"tea\.db is in use by another process .*; wait") as refused,
            opened(tmp_path),
        ):
            pass
    assert "delete" not in str(refused.value)
    with opened(tmp_path) as study:
        assert study.trials() == []


def test_locked_during_the_search(tmp_path: Path) -> None:
    """The same is said if another program takes the file while it is being searched."""

    def search_while(other: sqlite3.Connection) -> None:
        with opened(tmp_path) as study:
            other.execute("begin exclusive")
            measured(study)

    with (
        closing(sqlite3.connect(tmp_path / "tea.db")) as other,
        pytest.raises(InvalidInput, match="is in use by another process"),
    ):
        search_while(other)


def test_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    """A path that SQLite cannot open is refused with its reason."""
    (tmp_path / "tea.db").mkdir()
    with pytest.raises(InvalidInput, match=r"cannot be used \(unable to open") as refused, opened(tmp_path):
        pass
    assert "delete" not in str(refused.value)


@pytest.mark.parametrize("offset", [0, 4096], ids=["the header", "a page"])
def test_damaged_file_is_refused(tmp_path: Path, offset: int) -> None:
    """What is no database, or has a broken page, is called damaged."""
    with opened(tmp_path) as study:
        measured(study)
    path = tmp_path / "tea.db"
    content = bytearray(path.read_bytes())
    content[offset : offset + 4096] = b"tea!" * 1024
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=re.escape(f"{path} is damaged")), opened(tmp_path):
        pass


@pytest.mark.parametrize("lost", ["values", "seconds", "score", "ndcg", "per_user"])
def test_trial_that_lost_a_note_is_refused(tmp_path: Path, lost: str) -> None:
    """A file from which another program deleted something says what is missing, and what to do."""
    with opened(tmp_path) as study:
        measured(study)
    with closing(sqlite3.connect(tmp_path / "tea.db")) as other:
        other.execute("delete from trial_user_attributes where key = ?", (lost,))
        other.commit()
    with (
        pytest.raises(InvalidInput, match=rf"tea\.db is damaged \(trial 0 has lost its {lost}\); delete it"),
        opened(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("key", "value"), [("outcome", '"great"'), ("outcome", "[]"), ("values", "5"), ("values", '{"als.seed": 1}')]
)
def test_trial_of_another_form_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """So does one in which something stands that this program never writes."""
    with opened(tmp_path) as study:
        measured(study)
    with closing(sqlite3.connect(tmp_path / "tea.db")) as other:
        other.execute("update trial_user_attributes set value_json = ? where key = ?", (value, key))
        other.commit()
    with pytest.raises(InvalidInput, match="trial 0 has an outcome or values of no known form"), opened(tmp_path):
        pass
