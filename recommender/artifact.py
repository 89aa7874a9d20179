"""Saving a model as a directory of plain arrays, and loading it as memory maps.

::

    20180101-3f9c0a1b2c3d/
        manifest.json           what, from what, how good, and a SHA-256 of every file below
        factors.item.npy        one array per file, little-endian, C order, no pickle
        ...

An artifact is immutable. It is written beside its place and renamed into it, so a directory with a
version's name is complete. Loading checks every byte before any of it is believed; after that the arrays are
memory maps, and several processes on one machine share the pages.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.codec import Arrays, flatten, unflatten
from recommender.errors import InvalidArtifact, RecommenderError
from recommender.manifest import Manifest, Provenance
from recommender.model import Model

MANIFEST_FILE = "manifest.json"

MAX_MANIFEST_BYTES = 16 * 2**20
"""A real one has tens of kilobytes; a larger file is not read into memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """A loaded model and its table of contents."""

    manifest: Manifest
    model: Model

    @property
    def version(self) -> str:
        """The version, such as ``20180101-3f9c0a1b2c3d``."""
        return self.manifest.version


def save_artifact(model: Model, provenance: Provenance, root: Path) -> Manifest:
    """Write `model` below `root` under its version, and return its manifest.

    Writing the same model twice leaves the first copy in place, unless that was damaged since.

    Raises
    ------
    OSError
        If the disk is full or not writable; nothing remains under the version's name.
    """
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=root, ignore_cleanup_errors=True) as scratch:
        directory = Path(scratch) / "artifact"
        directory.mkdir()
        arrays, values = flatten(model)
        checksums = {file: _write_array(directory / file, array) for file, array in _files(arrays).items()}
        manifest = Manifest.seal(provenance, as_of=str(model.as_of), values=values, checksums=checksums)
        _write(directory / MANIFEST_FILE, manifest.to_json().encode())
        _move_into_place(directory, root / manifest.version)
    return manifest


def load_artifact(directory: Path, *, verify: bool = True) -> Artifact:
    """Load the artifact in `directory`; ``verify=False`` skips the checksums of the arrays.

    Raises
    ------
    InvalidArtifact
        If a file is missing, truncated, altered, of another schema, or the parts do not fit together.
    """
    manifest = _read_manifest(directory)
    if directory.name != manifest.version:
        raise InvalidArtifact(f"{directory} holds version {manifest.version}; a directory is named after its version")
    arrays = {
        name.removesuffix(".npy"): _read_array(directory / name, sha256 if verify else None)
        for name, sha256 in sorted(manifest.checksums.items())
    }
    try:
        return Artifact(manifest, unflatten(Model, arrays, manifest.values))
    except (RecommenderError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise InvalidArtifact(f"{directory} does not hold a usable model: {error}") from error


def _files(arrays: Arrays) -> Arrays:
    return {f"{name}.npy": array for name, array in sorted(arrays.items())}


def _write_array(path: Path, array: npt.NDArray[Any]) -> str:
    little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
    with path.open("xb") as file:
        np.save(file, little_endian, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return _sha256(path)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(source: Path, target: Path) -> None:
    if target.is_dir() and not _is_intact(target):
        target.rename(source.with_name("damaged"))
    try:
        source.rename(target)
    except OSError:
        if not _is_intact(target):
            raise


def _is_intact(directory: Path) -> bool:
    try:
        load_artifact(directory)
    except InvalidArtifact:
        return False
    return True


def _read_manifest(directory: Path) -> Manifest:
    path = directory / MANIFEST_FILE
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise InvalidArtifact(f"{path} is larger than any manifest: {path.stat().st_size} bytes")
        return Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except FileNotFoundError:
        raise InvalidArtifact(f"{path} does not exist; {directory} is not an artifact") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArtifact(f"{path} cannot be read: {error}") from error


def _read_array(path: Path, sha256: str | None) -> npt.NDArray[Any]:
    try:
        if sha256 is not None and _sha256(path) != sha256:
            raise InvalidArtifact(f"{path} is truncated or was altered: its SHA-256 is not the manifest's")
        # Unlike numpy.load, this reads .npy and nothing else. The view is plain: slicing a memmap costs ten times more.
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except InvalidArtifact:
        raise
    except FileNotFoundError:
        raise InvalidArtifact(f"{path} is missing; restore the directory or train again") from None
    except Exception as error:
        raise InvalidArtifact(f"{path} is not an array file: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
