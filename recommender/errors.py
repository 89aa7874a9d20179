"""The exception tree of the whole project.

::

    RecommenderError
    ├── InvalidInput            data or an argument breaks a rule it should keep
    │   ├── EmptyLog            nothing is left to learn from
    │   └── MissingColumn       a mapped column is not in the file
    ├── ConfigError             a key or a value in regulars.toml or the environment
    ├── InvalidArtifact         a trained bundle is missing, truncated, altered or too new
    │   └── UnknownVersion      no artifact of that version in the registry
    ├── GateRefused             a version may not be published
    ├── MissingExtra            an optional dependency is not installed
    └── StoreUnavailable        Redis or Valkey did not answer in time

Every message says what is wrong, which value, where, and what to do about it.
The command line prints the message alone and exits with ``exit_code``; HTTP handlers translate by type.
"""

from __future__ import annotations


class RecommenderError(Exception):
    """Anything this project refuses on purpose."""

    exit_code = 1


class InvalidInput(RecommenderError, ValueError):
    """Data or an argument breaks a rule it should keep."""

    exit_code = 2


class EmptyLog(InvalidInput):
    """Nothing is left to learn from."""


class MissingColumn(InvalidInput):
    """A mapped column is not in the file."""


class ConfigError(RecommenderError):
    """A key or a value in the configuration is wrong."""

    exit_code = 2


class InvalidArtifact(RecommenderError):
    """A trained bundle is missing, truncated, altered or of another schema."""


class UnknownVersion(InvalidArtifact):
    """No artifact of that version is in the registry."""


class GateRefused(RecommenderError):
    """A version is not good enough to be published."""

    exit_code = 3


class MissingExtra(RecommenderError):
    """An optional dependency is not installed.

    Parameters
    ----------
    feature
        What the caller wanted, as a noun phrase.
    extra
        The extra of this distribution that brings it.
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'regulars[{extra}]'")
        self.extra = extra


class StoreUnavailable(RecommenderError):
    """Redis or Valkey did not answer in time."""
