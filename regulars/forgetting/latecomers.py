"""Who asks to be forgotten while a version is trained.

Training reads the list of the erased once, near its start, and what it then writes may hold whoever was added since:
`regulars forget` has been through the folder by then, and found nothing to take them out of. So the list is read again
when everything is written. Whoever is added still later finds the version there. Which guests they were is asked
before, for `regulars forget` takes that out of the event files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from regulars.config import Config
from regulars.forgetting import files_part
from regulars.forgetting.forget import alone
from regulars.forgetting.receipt import FOLDER
from regulars.hints import hint
from serving.events.redaction import Guests, event_files, guests_in, lines_of
from training.inputs import erased_users
from training.pipeline import TrainResult, artifacts_folder, reports_folder, train
from training.progress import Progress


def train_without_erased(config: Config, *, progress: Progress) -> TrainResult:
    """Train a version that holds nobody who asked to be forgotten by the time it is complete.

    Raises
    ------
    RecommenderError
        As `training.pipeline.train`.
    """
    with _without_latecomers(config, progress):
        return train(config.training, progress=progress)


@contextlib.contextmanager
def _without_latecomers(config: Config, progress: Progress) -> Iterator[None]:
    """Take out whoever was erased during the block, also if it ended with an error: the version may be there."""
    known, guests = erased_users(config.training), guests_in(config.app.events_dir)
    try:
        yield
    finally:
        if late := erased_users(config.training) - known:
            with progress.step("forget who asked for it meanwhile"), alone(config.app.data_dir / FOLDER, wait=True):
                for path in event_files(config.app.events_dir):
                    guests.learn(lines_of(path))
                left = _forget_in_trained(config, late, guests)
            for place in left:
                progress.message(f"somebody may still be in {place}; run `{hint('forget')}` for them again")


def _forget_in_trained(config: Config, users: Collection[str], guests: Guests) -> list[str]:
    """Take users out of what training writes; return what could not be changed."""
    training = config.training
    _, models = files_part.forget_in_models(artifacts_folder(training), users, on_version=lambda: None)
    _, figures = files_part.forget_in_figures(reports_folder(training), users)
    column = training.purchases.columns.user
    files_part.forget_in_quarantine(training.data_dir / "quarantine", users, guests, column=column)
    return [f"{place.where}: {place.note}" for place in (*models, *figures)]
