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

import contextlib
import errno
import hashlib
import io
import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.codec import Arrays, Values, flatten, unflatten
from recommender.earlier_schemas import completed
from recommender.errors import InvalidArtifact, RecommenderError
from recommender.ids import IdMap
from recommender.leftovers import UNFINISHED, left_over, scratch_folder, take_away
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

    Writing the same model twice leaves the first copy in place, unless that was damaged since. What killed trainings
    left below `root` goes.

    Raises
    ------
    OSError
        If the disk is full or not writable; nothing remains under the version's name.
    """
    root.mkdir(parents=True, exist_ok=True)
    for path in left_over(root, f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):  # somebody else's, and no reason not to save
            take_away(path)
    with scratch_folder(root) as scratch:
        directory = scratch / "artifact"
        directory.mkdir()
        values, checksums = write_arrays(model, directory)
        manifest = Manifest.seal(provenance, as_of=str(model.as_of), values=values, checksums=checksums)
        write_manifest(manifest, directory)
        _move_into_place(directory, root / manifest.version)
    return manifest


def write_arrays(model: Model, directory: Path) -> tuple[Values, dict[str, str]]:
    """Write the arrays of `model` into an empty folder; return its small values, and the SHA-256 of each file."""
    arrays, values = flatten(model)
    return values, {file: _write_array(directory / file, array) for file, array in _files(arrays).items()}


def write_manifest(manifest: Manifest, directory: Path) -> None:
    """Write the table of contents beside the arrays."""
    _write(directory / MANIFEST_FILE, manifest.to_json().encode())


def load_artifact(directory: Path, *, verify: bool = True) -> Artifact:
    """Load the artifact in `directory`; ``verify=False`` skips the checksums of the arrays.

    Raises
    ------
    InvalidArtifact
        If a file is missing, truncated, altered, a link, of another schema, not named by the manifest, or the parts
        do not fit together.
    """
    manifest = _read_manifest(directory)
    if directory.name != manifest.version:
        raise InvalidArtifact(f"{directory} holds version {manifest.version}; a directory is named after its version")
    _refuse_strangers(directory, manifest)
    arrays = {
        name.removesuffix(".npy"): _read_array(directory / name, sha256 if verify else None)
        for name, sha256 in sorted(manifest.checksums.items())
    }
    try:
        return Artifact(manifest, unflatten(Model, *completed(manifest, arrays)))
    except (RecommenderError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise InvalidArtifact(f"{directory} does not hold a usable model: {error}") from error


def load_users(directory: Path) -> IdMap:
    """Load the users of the artifact in `directory` and nothing else, in a fraction of the time.

    Raises
    ------
    InvalidArtifact
        If their ids cannot be believed; the rest of the artifact is not looked at.
    """
    manifest = _read_manifest(directory)
    arrays = {
        name.removesuffix(".npy"): _read_array(directory / name, sha256)
        for name, sha256 in manifest.checksums.items()
        if name.startswith("users.")
    }
    try:
        return unflatten(IdMap, arrays, manifest.values, "users.")
    except (RecommenderError, TypeError, ValueError) as error:
        raise InvalidArtifact(f"{directory} does not hold usable users: {error}") from error


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
        with _opened(path) as file:
            text = file.read(MAX_MANIFEST_BYTES + 1).decode("utf-8")
    except FileNotFoundError:
        raise InvalidArtifact(f"{path} does not exist; {directory} is not an artifact") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArtifact(f"{path} cannot be read: {error}") from error
    if len(text) > MAX_MANIFEST_BYTES:
        raise InvalidArtifact(f"{path} is larger than any manifest: more than {MAX_MANIFEST_BYTES} bytes")
    return Manifest.from_json(text, where=str(path))


def _refuse_strangers(directory: Path, manifest: Manifest) -> None:
    """A file that the manifest does not know was put there by somebody else, and so may others have been."""
    known = {MANIFEST_FILE, *manifest.checksums}
    if strangers := sorted(path.name for path in directory.iterdir() if path.name not in known):
        raise InvalidArtifact(
            f"{directory / strangers[0]} is not part of the artifact: its manifest does not name it; delete it"
        )


def _read_array(path: Path, sha256: str | None) -> npt.NDArray[Any]:
    try:
        with _opened(path) as file:
            shape, dtype = _read_header(file)
            start, size = file.tell(), os.fstat(file.fileno()).st_size
            # Before a byte is hashed: a file with a hole in it may be larger than any disk.
            if size != start + math.prod(shape) * dtype.itemsize:
                raise InvalidArtifact(
                    f"{path} is truncated or was altered: {size} bytes do not hold {shape} of {dtype}"
                )
            if sha256 is not None and _digest(file) != sha256:
                raise InvalidArtifact(f"{path} is truncated or was altered: its SHA-256 is not the manifest's")
            # The view is plain: slicing a memmap costs ten times more.
            return np.asarray(np.memmap(file, dtype=dtype, mode="r", offset=start, shape=shape))
    except InvalidArtifact:
        raise
    except FileNotFoundError:
        raise InvalidArtifact(f"{path} is missing; restore the directory or train again") from None
    except Exception as error:
        raise InvalidArtifact(f"{path} is not an array file: {error}") from error


def _read_header(file: io.BufferedReader) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type from the header that `_write_array` writes; every other kind is refused.

    Unlike `numpy.load`, this reads arrays of plain numbers and nothing else.
    """
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"it is of format {version}, an artifact's arrays are of (1, 0)")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if is_fortran or dtype.hasobject or dtype.names is not None or dtype.byteorder == ">":
        order = "Fortran" if is_fortran else "C"
        raise ValueError(f"it holds {dtype} in {order} order, not plain little-endian numbers")
    if any(length < 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, dtype


def _opened(path: Path) -> io.BufferedReader:
    """Open a file that lies where it says: no link, no pipe that would keep us waiting, no device without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(descriptor, "rb")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: io.BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
