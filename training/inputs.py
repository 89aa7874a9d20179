"""What a training reads besides its settings: the files of the shop, those that serving left, and whom to leave out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from recommender.erased import erased_in
from recommender.errors import ConfigError
from training.settings import TrainingSettings
from training.sources.event_files import find_event_files
from training.sources.paths import SourceFile, find_files

ERASED_FILE = "erased.txt"


@dataclass(frozen=True, slots=True)
class Sources:
    """Every file that a training reads."""

    purchases: list[SourceFile]
    events: list[SourceFile]
    items: list[SourceFile]

    def __iter__(self) -> Iterator[SourceFile]:
        return itertools.chain(self.purchases, self.events, self.items)


def find_sources(settings: TrainingSettings) -> Sources:
    """List the files that `settings` name, and the event files that serving left behind."""
    if not settings.purchases.paths:
        raise ConfigError('no purchase log is named: set paths in [purchases], such as paths = ["purchases.csv"]')
    return Sources(
        purchases=find_files(settings.purchases.paths, folder=settings.folder, key="paths in [purchases]"),
        events=find_event_files(settings.data_dir / "events"),
        items=find_files(settings.items.paths, folder=settings.folder, key="paths in [items]"),
    )


def erased_users(settings: TrainingSettings) -> frozenset[str]:
    """Return who asked to be forgotten: the ids serving wrote into the data folder, one a line.

    Raises
    ------
    InvalidInput
        If the file is not text.
    """
    return erased_in(settings.data_dir / ERASED_FILE)
