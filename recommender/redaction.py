"""Taking people out of artifacts that were trained before they asked to be forgotten.

A copy without them is written beside the artifact and takes its place under the same name, in one step where the
system can exchange two folders (Linux), and in two where it cannot. Whoever has the old arrays mapped goes on reading
them; whoever loads the version from now on reads the copy. The manifest says how many were taken out, and has a seal of
its own, since the version's name is still that of the training.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from recommender.artifact import MANIFEST_FILE, load_artifact, write_arrays, write_manifest

UNFINISHED = ".redacted-"
"""Begins the names of copies; one that is found was left by a redaction that was stopped."""

_ASIDE = ".old"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM})


def redact_artifact(directory: Path, users: Collection[str]) -> int:
    """Take `users` out of the artifact in `directory`, and return how many of them were in it.

    Not to be called twice at the same time for one folder of artifacts.

    Raises
    ------
    InvalidArtifact
        If it is damaged: nothing was changed.
    OSError
        If the disk is full or not writable; the same holds.
    """
    artifact = load_artifact(directory)
    gone = len(artifact.model.users.known(users))
    if not gone:
        return 0
    copy = directory.with_name(UNFINISHED + directory.name)
    try:
        copy.mkdir()
        values, checksums = write_arrays(artifact.model.without_users(users), copy)
        write_manifest(artifact.manifest.redacted(users=gone, values=values, checksums=checksums), copy)
        exchange(copy, directory)
        _sync_folder(directory.parent)
    finally:
        # Ours if it failed, and theirs if it did not.
        shutil.rmtree(copy, ignore_errors=True)
    return gone


def finish_redactions(root: Path) -> None:
    """Clear away what redactions that were stopped left below `root`; a version that one had moved away comes back."""
    for copy in sorted(root.glob(f"{UNFINISHED}*")):
        place = root / copy.name.removeprefix(UNFINISHED).removesuffix(_ASIDE)
        if not place.exists() and (copy / MANIFEST_FILE).is_file():
            copy.rename(place)
        else:
            shutil.rmtree(copy)


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one disk swap their names."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        names = os.fsencode(one), os.fsencode(other)
        if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return
        if (number := ctypes.get_errno()) not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number), str(other))
    aside = one.with_name(one.name + _ASIDE)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
