"""The trained versions a command may speak of."""

from __future__ import annotations

from pathlib import Path

from recommender.artifact import MANIFEST_FILE, Artifact, load_artifact, load_users
from recommender.bootstrap import Bootstrap
from recommender.errors import InvalidArtifact, InvalidInput, UnknownVersion
from recommender.manifest import Manifest
from regulars.config import Config
from regulars.hints import hint
from training.comparison.compare import SAMPLE, Comparison, Trained, compare
from training.gate import Verdict, judge
from training.measured import find_measured, load_measured
from training.pipeline import artifacts_folder, reports_folder
from training.progress import Progress
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


def manifest_of(config: Config, version: str) -> Manifest:
    """Return the table of contents of `version`.

    Raises
    ------
    InvalidArtifact
        If it is damaged.
    """
    path = registry_of(config).get(version) / MANIFEST_FILE
    return Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))


def served(config: Config) -> Artifact:
    """Load the version that is served.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    InvalidArtifact
        If it is damaged.
    """
    return load_artifact(_served_folder(config))


def check_user(config: Config, user_id: str) -> None:
    """Refuse an id that the served version does not know, before all of the version is loaded.

    Raises
    ------
    InvalidInput
        If it is nobody's.
    UnknownVersion
        If nothing was published yet.
    """
    folder = _served_folder(config)
    if user_id not in load_users(folder):
        raise unknown_user(folder.name, user_id)


def unknown_user(version: str, user_id: str) -> InvalidInput:
    """Return what is said of an id that is nobody's."""
    return InvalidInput(f"version {version} does not know the user {user_id!r}; ids are those of the purchase log")


def _served_folder(config: Config) -> Path:
    registry = registry_of(config)
    version = registry.current()
    if version is None:
        raise UnknownVersion(f"nothing was published yet from {registry.root}; run: {hint('publish')}")
    return registry.get(version)


def gate_verdicts(config: Config, version: str) -> list[Verdict]:
    """Return what every rule of the gate says about `version`, compared with the one that is served.

    Raises
    ------
    InvalidArtifact
        If the record of `version` is missing or cannot be understood.
    """
    folder, current = reports_folder(config.training), registry_of(config).current()
    served = None if current is None else find_measured(current, folder)
    return judge(load_measured(version, folder), config.training.gate, current=served)


def before_and_after(registry: Registry, a: str | None, b: str | None) -> tuple[str, str]:
    """Return the two versions a comparison is about: by default the served one and the one trained last.

    If the one trained last is the served one, it is compared with the one trained before it.

    Raises
    ------
    UnknownVersion
        If there is no such version, or nothing to compare with.
    """
    after = chosen(registry, b)
    if a is not None:
        return chosen(registry, a), after
    current = registry.current()
    if current is not None and current != after:
        return chosen(registry, current), after
    versions = registry.versions()
    earlier = versions[: versions.index(after)]
    if not earlier:
        raise UnknownVersion(f"there is nothing to compare {after} with in {registry.root}; train another version")
    return earlier[-1], after


def compared(config: Config, versions: tuple[str, str], *, users: int = SAMPLE, progress: Progress) -> Comparison:
    """Compare the second of two versions with the first; one that is damaged is compared by its figures alone."""
    a, b = (_trained(config, version, progress) for version in versions)
    settings = config.training
    bootstrap = Bootstrap(resamples=settings.evaluation.bootstrap, seed=settings.als.seed)
    return compare(a, b, bootstrap=bootstrap, users=users, progress=progress)


def _trained(config: Config, version: str, progress: Progress) -> Trained:
    measured = find_measured(version, reports_folder(config.training))
    with progress.step("load") as step:
        step.note(version)
        try:
            artifact = load_artifact(registry_of(config).get(version))
        except InvalidArtifact as error:
            return Trained(artifact=None, measured=measured, problem=str(error))
        return Trained(artifact=artifact, measured=measured)
