"""The trained versions a command may speak of."""

from __future__ import annotations

from recommender.artifact import Artifact, load_artifact
from recommender.errors import UnknownVersion
from regulars.config import Config
from regulars.hints import hint
from training.pipeline import artifacts_folder, reports_folder
from training.records import load_record
from training.registry import Registry
from training.report import ReportData


def registry_of(config: Config) -> Registry:
    """Return the registry of the configured data folder."""
    return Registry(artifacts_folder(config.training))


def chosen(registry: Registry, version: str | None) -> str:
    """Return `version` if there is such a one, or the one trained last.

    Raises
    ------
    UnknownVersion
        If there is no such version, or none at all.
    """
    if version is not None:
        registry.get(version)
        return version
    if versions := registry.versions():
        return versions[-1]
    raise UnknownVersion(f"nothing was trained yet in {registry.root}; run: {hint('train')}")


def record_of(config: Config, version: str) -> ReportData:
    """Return what was kept about the training of `version`.

    Raises
    ------
    InvalidArtifact
        If the record is missing or cannot be understood.
    """
    return load_record(version, reports_folder(config.training))


def served(config: Config) -> Artifact:
    """Load the version that is served.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    InvalidArtifact
        If it is damaged.
    """
    registry = registry_of(config)
    version = registry.current()
    if version is None:
        raise UnknownVersion(f"nothing was published yet from {registry.root}; run: {hint('publish')}")
    return load_artifact(registry.get(version))
