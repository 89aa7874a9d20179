"""The manifest: a seal over everything it says."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidArtifact
from recommender.manifest import HASH_LENGTH, SCHEMA, Manifest, Provenance

PROVENANCE = Provenance(data_fingerprint="abc", rows={"users": 3}, metrics={"ndcg@10": 0.25}, libraries={"numpy": "2"})


def sealed(provenance: Provenance = PROVENANCE, **changes: object) -> Manifest:
    """A manifest as training would leave it."""
    content = {"as_of": "2024-05-06T07:08:09", "values": {"alpha": 1.0}, "checksums": {"factors.item.npy": "00"}}
    return Manifest.seal(provenance, **{**content, **changes})  # type: ignore[arg-type]


def test_text_and_back() -> None:
    """Reading what was written gives the same manifest, and writing it again the same text."""
    manifest = sealed()
    again = Manifest.from_json(manifest.to_json(), where="x")
    assert again == manifest
    assert again.to_json() == manifest.to_json()


def test_version_is_the_day_and_a_hash() -> None:
    """Sorted by the end of the log; the hash tells trainings of one day apart."""
    day, _, digest = sealed().version.partition("-")
    assert day == "20240506"
    assert len(digest) == HASH_LENGTH
    assert set(digest) <= set("0123456789abcdef")


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False, width=16)))
def test_order_of_keys_does_not_matter(metrics: dict[str, float]) -> None:
    """The text is canonical: the same facts are the same bytes."""
    finite = {name: value for name, value in metrics.items() if abs(value) < 1e9}
    backwards = dict(reversed(finite.items()))
    first, second = (dataclasses.replace(PROVENANCE, metrics=each) for each in (finite, backwards))
    assert sealed(first).to_json() == sealed(second).to_json()


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Manifest) if f.name not in {"schema", "version"}])
@pytest.mark.parametrize("is_redacted", [False, True])
def test_seal_covers_every_field(field: str, *, is_redacted: bool) -> None:
    """Whatever is altered after training, or after users were taken out, shows."""
    manifest = sealed(dataclasses.replace(PROVENANCE, git_commit="0a4a2f6"))
    if is_redacted:
        manifest = manifest.redacted(users=2, values=manifest.values, checksums=manifest.checksums)
    content = json.loads(manifest.to_json())
    if not is_redacted and field not in content:
        content["redacted_users"] = 1
    content[field] = {"other": 1} if isinstance(content.get(field), dict) else "2024-05-06 altered"
    with pytest.raises(InvalidArtifact, match=r"manifest\.json was altered after training"):
        Manifest.from_json(json.dumps(content), where="manifest.json")


def test_manifests_without_a_commit_are_as_before() -> None:
    """Outside of a checkout there is no such field, so what was sealed before there was one still holds."""
    assert "git_commit" not in json.loads(sealed().to_json())
    named = sealed(dataclasses.replace(PROVENANCE, git_commit="0a4a2f6-dirty"))
    assert json.loads(named.to_json())["git_commit"] == "0a4a2f6-dirty"
    assert named.version != sealed().version
    assert Manifest.from_json(named.to_json(), where="x") == named


def test_another_schema_is_refused_with_both_numbers() -> None:
    """An artifact of a newer program says so, instead of failing somewhere inside."""
    content = {**json.loads(sealed().to_json()), "schema": SCHEMA + 1, "novelty": True}
    with pytest.raises(InvalidArtifact, match=f"has schema {SCHEMA + 1}, this program reads {SCHEMA}"):
        Manifest.from_json(json.dumps(content), where="manifest.json")
