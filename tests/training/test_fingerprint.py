"""Has anything changed?"""

import dataclasses
from pathlib import Path

import numpy as np

from recommender.catalogue import Catalogue, Item
from recommender.interactions import Interactions
from training.fingerprint import library_versions, log_fingerprint, run_fingerprint
from training.sources.paths import SourceFile


def files(folder: Path, **contents: str) -> list[SourceFile]:
    """Write files and list them."""
    for name, text in contents.items():
        (folder / name).write_text(text)
    return [SourceFile(name, folder / name) for name in contents]


def test_same_run_same_fingerprint(tmp_path: Path) -> None:
    """Neither the order of the files nor the folder they lie in matters."""
    (tmp_path / "other").mkdir()
    here, there = files(tmp_path, a="1", b="2"), files(tmp_path / "other", b="2", a="1")
    assert run_fingerprint(here, {"f": 1}, {"numpy": "2"}) == run_fingerprint(there, {"f": 1}, {"numpy": "2"})


def test_every_input_changes_the_fingerprint(tmp_path: Path) -> None:
    """A byte of a file, its name, a parameter and a library version all count."""
    fingerprints = [
        run_fingerprint(files(tmp_path, a="1"), {"f": 1}, {"numpy": "2"}),
        run_fingerprint(files(tmp_path, a="2"), {"f": 1}, {"numpy": "2"}),
        run_fingerprint(files(tmp_path, b="2"), {"f": 1}, {"numpy": "2"}),
        run_fingerprint(files(tmp_path, b="2"), {"f": 2}, {"numpy": "2"}),
        run_fingerprint(files(tmp_path, b="2"), {"f": 2}, {"numpy": "3"}),
        run_fingerprint([], {"f": 2}, {"numpy": "3"}),
    ]
    assert len(set(fingerprints)) == len(fingerprints)


def test_log_and_catalogue_count(checkerboard: Interactions) -> None:
    """A changed amount, a lost row and a new title each give another fingerprint; nothing else does."""
    catalogue = Catalogue.from_items([Item(item_id=item) for item in checkerboard.items])
    first = log_fingerprint(checkerboard, catalogue)
    assert log_fingerprint(dataclasses.replace(checkerboard), catalogue) == first
    dearer = dataclasses.replace(checkerboard, amount=checkerboard.amount + 1)
    shorter = checkerboard.select(np.arange(len(checkerboard)) > 0)
    titled = Catalogue.from_items([Item(item_id=item, title="Tea") for item in checkerboard.items])
    others = [
        log_fingerprint(dearer, catalogue),
        log_fingerprint(shorter, catalogue),
        log_fingerprint(checkerboard, titled),
    ]
    assert len({first, *others}) == 4


def test_libraries_have_versions() -> None:
    """The backend's libraries stand beside those every training uses."""
    assert library_versions({"implicit": "0.7.3"}).keys() == {"implicit", "numpy", "polars", "scipy"}
