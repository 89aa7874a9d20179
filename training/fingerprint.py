"""Has anything changed? Hashes of what goes into a training.

Two questions, two hashes. *Must we train at all?* is asked before any file is parsed: `run_fingerprint`
covers the bytes of the source files, the parameters, the code and the libraries. *What was this model trained
from?* is part of the artifact: `log_fingerprint` covers the cleaned log and the catalogue, whatever files
they came in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import recommender
import training
from recommender.catalogue import Catalogue
from recommender.interactions import Interactions
from recommender.manifest import SCHEMA
from training.sources.paths import SourceFile

LIBRARIES = ("numpy", "polars", "scipy")
"""Distributions that compute beside the backend's."""


def library_versions(backend: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of everything that computes, by distribution name."""
    return dict(sorted({**{name: metadata.version(name) for name in LIBRARIES}, **backend}.items()))


def run_fingerprint(files: Iterable[SourceFile], parameters: Mapping[str, Any], libraries: Mapping[str, str]) -> str:
    """Hash the `files`, `parameters`, `libraries` and this program; 64 hex digits."""
    digest = hashlib.sha256(f"schema {SCHEMA}\n".encode())
    _add_json(digest, {"parameters": parameters, "libraries": libraries})
    for package in (recommender, training):
        for source in sorted(Path(package.__path__[0]).rglob("*.py")):
            _add_file(digest, source.name, source)
    for file in sorted(files, key=lambda file: file.name):
        _add_file(digest, file.name, file.path)
    return digest.hexdigest()


def log_fingerprint(interactions: Interactions, catalogue: Catalogue) -> str:
    """Hash the cleaned log and its catalogue; 64 hex digits."""
    digest = hashlib.sha256()
    _add_json(digest, [interactions.users.ids, interactions.items.ids, catalogue.categories])
    for name in ("user", "item", "event", "quantity", "amount", "order", "time"):
        _add_array(digest, name, getattr(interactions, name))
    for name in ("title", "department", "brand", "url", "image_url"):
        column = getattr(catalogue, name)
        _add_array(digest, name, column.offsets)
        _add_array(digest, name, column.data)
    _add_array(digest, "category", catalogue.category)
    _add_array(digest, "price", catalogue.price)
    return digest.hexdigest()


def _add_json(digest: hashlib._Hash, content: object) -> None:
    digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())


def _add_array(digest: hashlib._Hash, name: str, array: npt.NDArray[Any]) -> None:
    digest.update(f"{name} {array.shape}\n".encode())
    portable = array.view(np.int64) if array.dtype.kind == "M" else array
    digest.update(np.ascontiguousarray(portable.astype(portable.dtype.newbyteorder("<"), copy=False)).data)


def _add_file(digest: hashlib._Hash, name: str, path: Path) -> None:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    digest.update(f"{name} {content}\n".encode())
