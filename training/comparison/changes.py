"""What two versions were made of, and in what that differs: settings, data, libraries, code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recommender.manifest import Manifest

NOT_THERE = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not the same."""

    what: str
    """"settings", "data", "libraries" or "code"."""
    key: str
    a: str
    b: str


def changes(a: Manifest, b: Manifest) -> list[Change]:
    """Return everything that differs, settings first."""
    return [
        *_between("settings", dict(flat(a.parameters)), dict(flat(b.parameters))),
        *_between("data", _data(a), _data(b)),
        *_between("libraries", a.libraries, b.libraries),
        *_between("code", _code(a), _code(b)),
    ]


def flat(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys and values as text.

    >>> list(flat({"als": {"factors": 64}, "items": {"exclude": {}}}))
    [('als.factors', '64'), ('items.exclude', '{}')]
    """
    for key, value in parameters.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def git_commit(manifest: Manifest) -> str | None:
    """Return the commit of the program that trained a version, if the manifest names one."""
    commit = getattr(manifest, "git_commit", None)
    return str(commit) if commit else None


def _data(manifest: Manifest) -> dict[str, str]:
    rows = {name: f"{count:,}" for name, count in manifest.rows.items()}
    return {"fingerprint": manifest.data_fingerprint, "as of": manifest.as_of, **rows}


def _code(manifest: Manifest) -> dict[str, str]:
    commit = git_commit(manifest)
    return {} if commit is None else {"git commit": commit}


def _between(what: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Change]:
    for key in {**a, **b}:
        if a.get(key) != b.get(key):
            yield Change(what=what, key=key, a=a.get(key, NOT_THERE), b=b.get(key, NOT_THERE))
