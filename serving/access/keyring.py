"""The file that holds what is known of every key: ``keys.json`` in the data folder.

It is replaced as a whole and readable by its owner alone. Whoever changes it holds a lock beside it, so that two
commands at once lose nothing. Revoked keys stay in it: they are the record that keys were asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from serving.access.keys import ApiKey
from serving.access.record_file import RecordFile

FILE = "keys.json"


def _distinct(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
    if len({key.key_id for key in keys}) < len(keys) or len({key.sha256 for key in keys}) < len(keys):
        raise ValueError("two keys of this file are the same")
    return keys


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    format: Literal[1] = 1
    keys: Annotated[tuple[ApiKey, ...], AfterValidator(_distinct)]


class Keyring(RecordFile[ApiKey]):
    """The keys of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        remedy = "restore it from a backup, or move it away and make new keys"
        super().__init__(data_dir / FILE, _Content, field="keys", remedy=remedy)
