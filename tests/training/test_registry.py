"""The versions there are, which one is served, and how it came to be."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recommender.errors import InvalidArtifact, UnknownVersion
from training.registry import CHALLENGER, CURRENT_FILE, JOURNAL_FILE, PUBLISHED, TRAINED, WITHDRAWN, Registry

A, B, C = "20180101-aaaaaaaaaaaa", "20180102-bbbbbbbbbbbb", "20180103-cccccccccccc"


class Clock:
    """A clock that moves a minute each time it is read."""

    def __init__(self) -> None:
        self.now = datetime(2024, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def add(registry: Registry, *versions: str) -> None:
    """Put complete artifacts in place, as `save_artifact` does, and record them."""
    for version in versions:
        (registry.root / version).mkdir(parents=True)
        (registry.root / version / "manifest.json").write_text("{}")
        registry.record(TRAINED, version, fingerprint=f"of {version}")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with three versions, none of them served; A was trained last."""
    registry = Registry(tmp_path / "artifacts", clock=Clock())
    add(registry, B, C, A)
    return registry


def test_empty_registry(tmp_path: Path) -> None:
    """Before the first training there is nothing, and asking does not create it."""
    registry = Registry(tmp_path / "artifacts")
    assert (registry.versions(), registry.current(), registry.previous(), list(registry.journal())) == (
        [],
        None,
        None,
        [],
    )
    assert not registry.root.exists()
    with pytest.raises(UnknownVersion, match="nothing was trained yet"):
        registry.get(A)
    with pytest.raises(UnknownVersion, match="nothing to roll back to"):
        registry.rollback()


def test_versions_in_the_order_they_were_trained(registry: Registry) -> None:
    """The last one trained is the last one listed, whatever its log's date."""
    assert registry.versions() == [B, C, A]


def test_half_written_directories_do_not_count(registry: Registry) -> None:
    """What a crash or a person left behind is no version."""
    (registry.root / ".unfinished-xyz").mkdir()
    (registry.root / "20180104-dddddddddddd").mkdir()
    (registry.root / "notes").mkdir()
    (registry.root / "notes" / "manifest.json").touch()
    assert registry.versions() == [B, C, A]


def test_versions_without_a_journal_are_there(registry: Registry) -> None:
    """Artifacts copied from another machine are listed by date."""
    (registry.root / JOURNAL_FILE).unlink()
    assert registry.versions() == [A, B, C]


@pytest.mark.parametrize("version", ["20180101-aaaaaaaaaaab", "../artifacts", "", "notes", f"{A}/../{B}"])
def test_unknown_version_names_those_there_are(registry: Registry, version: str) -> None:
    """A typo is answered with what it might have been; a path is no version."""
    with pytest.raises(UnknownVersion, match=A):
        registry.get(version)


def test_publish_and_roll_back(registry: Registry) -> None:
    """Rolling back goes to what was served before, and once more to what was served before that."""
    for version in (A, B, C):
        registry.set_current(version)
    assert registry.current() == C
    assert registry.previous() == B
    assert [registry.rollback(), registry.current()] == [B, B]
    assert registry.rollback() == A
    with pytest.raises(UnknownVersion, match=f"no version was served before {A}"):
        registry.rollback()
    assert registry.current() == A


def test_publishing_after_a_rollback(registry: Registry) -> None:
    """A version that was rolled back is not what the next rollback returns to."""
    for version in (A, B):
        registry.set_current(version)
    registry.rollback()
    registry.set_current(C)
    assert registry.rollback() == A


def test_publishing_twice_changes_nothing(registry: Registry) -> None:
    """Publishing what is served already does not make it its own predecessor."""
    for version in (A, B, B):
        registry.set_current(version)
    assert registry.rollback() == A


def test_challengers_until_they_are_withdrawn_or_served(registry: Registry) -> None:
    """To be served ends a challenge, be it by publishing or by a rollback; what another version does does not."""
    for version in (A, B):
        registry.set_current(version)
    for version in (A, C):
        registry.record(CHALLENGER, version)
    assert registry.challengers() == {A, C}
    assert registry.rollback() == A
    assert registry.challengers() == {C}
    registry.record(CHALLENGER, B)
    registry.record(WITHDRAWN, C)
    assert registry.challengers() == {B}
    registry.set_current(B)
    assert registry.challengers() == frozenset()


def test_rollback_skips_what_is_gone(registry: Registry) -> None:
    """A version whose directory was deleted cannot be served again."""
    for version in (A, B, C):
        registry.set_current(version)
    (registry.root / B / "manifest.json").unlink()
    assert registry.rollback() == A


def test_unknown_version_is_not_published(registry: Registry) -> None:
    """What is served stays what it was."""
    registry.set_current(A)
    with pytest.raises(UnknownVersion):
        registry.set_current("20180101-000000000000")
    assert registry.current() == A


def test_current_is_one_line_and_leaves_nothing_behind(registry: Registry) -> None:
    """Other programs may read the file; no temporary file stays beside it."""
    registry.set_current(A)
    assert (registry.root / CURRENT_FILE).read_text() == f"{A}\n"
    assert sorted(path.name for path in registry.root.iterdir()) == sorted([A, B, C, CURRENT_FILE, JOURNAL_FILE])


def test_journal_survives_a_crash(registry: Registry) -> None:
    """Half a line is skipped, and what follows starts on a line of its own."""
    with (registry.root / JOURNAL_FILE).open("a") as file:
        file.write('{"event": "publi')
    registry.set_current(A)
    assert [entry.event for entry in registry.journal()] == [TRAINED, TRAINED, TRAINED, PUBLISHED]


def test_journal_is_json_lines_with_the_time(registry: Registry) -> None:
    """Every line is an object that says what, which version, when, and the details."""
    first = json.loads((registry.root / JOURNAL_FILE).read_text().splitlines()[0])
    assert first == {"event": "trained", "version": B, "at": "2024-01-01T00:01:00+00:00", "fingerprint": f"of {B}"}


def test_training_is_found_by_its_fingerprint(registry: Registry) -> None:
    """The latest training of the same thing counts, as long as its artifact is there."""
    registry.record(TRAINED, C, fingerprint=f"of {A}")
    found = registry.trained(f"of {A}")
    assert found is not None
    assert found.version == C
    (registry.root / C / "manifest.json").unlink()
    found = registry.trained(f"of {A}")
    assert found is not None
    assert found.version == A
    assert registry.trained("of something else") is None


def test_damaged_pointer_is_named(registry: Registry) -> None:
    """A pointer that is not text is an error with its path and the remedy."""
    (registry.root / CURRENT_FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidArtifact, match=r"CURRENT is damaged.* publish a version again"):
        registry.current()
