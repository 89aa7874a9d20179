"""The table of contents of an artifact, and its seal.

A manifest says what a model was trained from, with which parameters, how well it did, and the SHA-256 of every file.
The version ends in the hash of all that, so one changed byte anywhere shows. It holds no wall-clock time and no
duration: the same data, parameters and seed give the same bytes. When a version was made is the registry's business.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recommender.errors import InvalidArtifact

SCHEMA = 4
"""Raised whenever the arrays or their meaning change."""

READABLE = (3, SCHEMA)
"""Schemas that are read: what an earlier one lacks is said to be unknown (`recommender.earlier_schemas`)."""

_ARRAY_FILE = re.compile(r"[a-z][a-z0-9_.]*\.npy")
"""No separators and no leading dot: a manifest cannot point outside its directory."""

HASH_LENGTH = 12
"""Hex digits of the content hash in a version: 48 bits, enough for any shop's lifetime of trainings."""
VERSION_NAME = re.compile(rf"\d{{8}}-[0-9a-f]{{{HASH_LENGTH}}}")
"""What versions are called: the end of the log, and the hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What training knows about a model beyond the model itself."""

    data_fingerprint: str
    """Hash of the cleaned log and catalogue."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Row counts: interactions, users, items, orders."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The resolved training configuration."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Evaluation figures of this configuration on the held-out window; empty where none could be measured."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of what computed it."""
    git_commit: str | None = None
    """Commit of the program, with ``-dirty`` where its code had been changed since; None outside of a checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Provenance):
    """A sealed table of contents."""

    version: str
    as_of: str
    """ISO 8601, UTC: the training's "now", just after the last interaction."""
    values: Mapping[str, Any]
    """The model's scalars, by dotted name."""
    checksums: Mapping[str, str]
    """File name relative to the artifact → SHA-256 in hex."""
    schema: int = SCHEMA
    redacted_users: int = 0
    """Users who were taken out since the training, because they asked to be forgotten."""
    redaction_seal: str = ""
    """SHA-256 of the rest where users were taken out: the version is still that of the training."""

    def to_json(self) -> str:
        """Return the canonical text: sorted keys, two spaces, one final newline."""
        return _canonical(self._content())

    @classmethod
    def seal(
        cls, provenance: Provenance, *, as_of: str, values: Mapping[str, Any], checksums: Mapping[str, str]
    ) -> Manifest:
        """Build the manifest of a finished model; its version follows from everything else."""
        details = {f.name: getattr(provenance, f.name) for f in dataclasses.fields(provenance)}
        unsealed = cls(**details, version="", as_of=as_of, values=values, checksums=checksums)
        return dataclasses.replace(unsealed, version=unsealed._expected_version())

    def redacted(self, *, users: int, values: Mapping[str, Any], checksums: Mapping[str, str]) -> Manifest:
        """Return the manifest of the same version with `users` users fewer, sealed anew."""
        unsealed = dataclasses.replace(
            self,
            schema=SCHEMA,
            redacted_users=self.redacted_users + users,
            values=values,
            checksums=checksums,
            redaction_seal="",
        )
        return dataclasses.replace(unsealed, redaction_seal=_digest(unsealed._content()))

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Manifest:
        """Parse and check the seal; `where` names the file in messages.

        Raises
        ------
        InvalidArtifact
            If the text is no manifest, of another schema, or was altered after sealing.
        """
        try:
            content = json.loads(text)
            schema = content["schema"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise InvalidArtifact(f"{where} is not a manifest; it may be truncated") from None
        if type(schema) is not int or schema not in READABLE:
            raise InvalidArtifact(f"{where} has schema {schema!r}, this program reads {SCHEMA}; train again")
        try:
            manifest = cls(**content)
            is_sealed = manifest._is_sealed()
            strange = [name for name in manifest.checksums if not _ARRAY_FILE.fullmatch(name)]
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidArtifact(f"{where} is not a manifest of schema {schema}: {error}") from None
        if not is_sealed:
            raise InvalidArtifact(f"{where} was altered after training: its content does not match its version")
        if text != manifest.to_json():
            raise InvalidArtifact(f"{where} was altered after training: it is not written as a manifest is")
        if strange:
            raise InvalidArtifact(f"{where} names {strange[0]!r}, which is not an array file of an artifact")
        return manifest

    def _is_sealed(self) -> bool:
        if self.redacted_users:
            return self.redaction_seal == _digest(dataclasses.replace(self, redaction_seal="")._content())
        return self.version == self._expected_version()

    def _expected_version(self) -> str:
        digest = _digest({**self._content(), "version": ""})
        return f"{str(self.as_of)[:10].replace('-', '')}-{digest[:HASH_LENGTH]}"

    def _content(self) -> dict[str, Any]:
        """Return the fields; what does not apply is left out, as manifests were before there was such a thing."""
        content = dataclasses.asdict(self)
        if self.git_commit is None:
            del content["git_commit"]
        if not self.redacted_users:
            del content["redacted_users"], content["redaction_seal"]
        return content


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
