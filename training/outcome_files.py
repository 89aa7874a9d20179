"""Per-user outcomes of a version as one compressed file beside its record: ``reports/<version>.users.npz``.

Arrays without pickle, texts as UTF-8 bytes with offsets, small values as JSON, all by dotted name; `numpy.load` reads
it. A user takes some hundred bytes for each purpose. It names users: `regulars forget` takes out whoever is to be
forgotten.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from recommender.codec import Arrays, Values, flatten, unflatten
from recommender.errors import InvalidArtifact, RecommenderError
from recommender.outcomes import Outcomes, PurposeOutcomes, TestWindow
from recommender.purpose import Purpose

FORMAT = 1
"""Raised whenever the arrays or their meaning change."""

COMPRESSION = 1
"""Of 9; what numpy takes by itself, 6, is several times slower and saves little."""

_VALUES = "values"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, AttributeError,
               RuntimeError, RecommenderError)  # fmt: skip
"""What reading an altered archive ends with."""


def outcomes_path(version: str, folder: Path) -> Path:
    """Return where the outcomes of `version` are kept."""
    return folder / f"{version}.users.npz"


def save_outcomes(outcomes: Outcomes, version: str, folder: Path) -> Path:
    """Write the outcomes of `version` into `folder`, as a whole or not at all, and return the file."""
    arrays, values = flatten(outcomes.window, "window.")
    for purpose, found in outcomes.by_purpose.items():
        more_arrays, more_values = flatten(found, f"{purpose.value}.")
        arrays |= more_arrays
        values |= more_values
    values |= {"format": FORMAT, "subject": outcomes.subject, "purposes": [p.value for p in outcomes.by_purpose]}
    folder.mkdir(parents=True, exist_ok=True)
    path = outcomes_path(version, folder)
    unfinished = path.with_name(f".{path.name}.tmp")
    content: Arrays = {**arrays, _VALUES: np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)}
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
        for name, array in content.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return unfinished.replace(path)


def load_outcomes(version: str, folder: Path) -> Outcomes:
    """Read the outcomes of `version` in `folder`.

    Raises
    ------
    InvalidArtifact
        If they are missing, as for a version of an earlier release, or cannot be understood.
    """
    path = outcomes_path(version, folder)
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _outcomes(arrays, json.loads(arrays.pop(_VALUES).tobytes()))
    except FileNotFoundError:
        raise InvalidArtifact(
            f"{path} does not exist: what each user's list was worth was not kept; train {version} again to have it"
        ) from None
    except _UNREADABLE as error:
        raise InvalidArtifact(f"{path} cannot be understood ({error}); delete it and train again") from None


def _outcomes(arrays: Arrays, values: Values) -> Outcomes:
    if values["format"] != FORMAT:
        raise InvalidArtifact(f"it has format {values['format']!r}, this program reads {FORMAT}")
    return Outcomes(
        subject=values["subject"],
        window=unflatten(TestWindow, arrays, values, "window."),
        by_purpose={
            Purpose(name): unflatten(PurposeOutcomes, arrays, values, f"{name}.") for name in values["purposes"]
        },
    )
