"""What two versions were made of."""

import dataclasses
from typing import Any

from recommender.manifest import Manifest, Provenance
from training.comparison.changes import Change, changes, git_commit


def manifest(**origin: Any) -> Manifest:
    """A sealed manifest of this origin."""
    parts: dict[str, Any] = {
        "data_fingerprint": "f1",
        "rows": {"users": 1200},
        "parameters": {"als": {"factors": 64}, "items": {"exclude": {}}},
        "libraries": {"numpy": "2.4.6"},
    }
    return Manifest.seal(Provenance(**(parts | origin)), as_of="2024-07-01T00:00:00", values={}, checksums={})


def test_the_same_origin_has_no_changes() -> None:
    """A version differs from itself in nothing."""
    assert changes(manifest(), manifest()) == []


def test_every_kind_of_change() -> None:
    """Settings by dotted key, counts of the data, libraries, each with both values; what is not there is a dash."""
    after = manifest(
        data_fingerprint="f2",
        rows={"users": 1300},
        parameters={"als": {"factors": 128, "seed": 7}, "items": {"exclude": {}}},
        libraries={"numpy": "2.5.0"},
    )
    assert changes(manifest(), after) == [
        Change(what="settings", key="als.factors", a="64", b="128"),
        Change(what="settings", key="als.seed", a="–", b="7"),
        Change(what="data", key="fingerprint", a="f1", b="f2"),
        Change(what="data", key="users", a="1,200", b="1,300"),
        Change(what="libraries", key="numpy", a="2.4.6", b="2.5.0"),
    ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WithCommit(Manifest):
    """A manifest that names the commit of its program."""

    git_commit: str | None = None


def test_the_commit_is_compared_where_it_is_known() -> None:
    """A manifest without a commit, or with an unknown one, says that there is none."""
    plain = manifest()
    parts = {
        field.name: getattr(plain, field.name) for field in dataclasses.fields(plain) if field.name != "git_commit"
    }
    known = WithCommit(**parts, git_commit="abc")
    assert git_commit(known) == "abc"
    assert git_commit(WithCommit(**parts, git_commit=None)) is None
    assert changes(WithCommit(**parts, git_commit=None), known) == [
        Change(what="code", key="git commit", a="–", b="abc")
    ]
