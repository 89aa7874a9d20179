"""The file of a search: what an interruption leaves in it, and what is said if it cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
