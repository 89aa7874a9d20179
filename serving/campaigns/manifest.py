"""What a send came to: counts, the version, and the SHA-256 of every file; written last.

Where there is a manifest, the files it names are those it describes. Files of a second export are taken out of it
before they are written, and put into it afterwards. Counts and the word on consent are those of the last export, so
files of an earlier one stay in it only as long as the same people are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from recommender.errors import InvalidInput
from serving.campaigns.files import written_whole
from serving.campaigns.sends import MANIFEST_FILE

CHECKED = "checked"
NOT_CHECKED = "not checked: campaign.consent is not set"
CHECKED_BEFORE = "checked when the send was made, and not for these files: campaign.consent is not set"
"""What a manifest says of consent."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file, as the manifest states it."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of ``manifest.json``."""

    campaign: str
    send_id: str
    audience: str
    """The condition; empty for everybody."""
    recipe: str
    definition: str
    """Eight digits that change with anything that changes who gets what."""
    model_version: str
    as_of: str
    """ISO 8601, UTC: the moment the send was made for."""
    currency: str
    slots: int
    users: int
    """The audience: those written and those suppressed."""
    written: int
    picks: int
    plain: int
    """Users written who get what a stranger would."""
    suppressed: dict[str, int]
    """Users left out, by reason."""
    consent: str
    """Whether consent was checked for these files."""
    control: float
    """The share that is held back."""
    groups: dict[str, int] = field(default_factory=dict)
    """Users written, by experiment and group; empty without an experiment."""
    tiers: dict[str, int] = field(default_factory=dict)
    """Users written, by coupon tier."""
    files: dict[str, FileEntry] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What was shortened or left out for the limits of a mail tool, by layout."""
    withheld: dict[str, int] = field(default_factory=dict)
    """Of those suppressed, who was left out since the send was made, by reason."""
    warnings: list[str] = field(default_factory=list)
    """What to know before the files are used."""

    def write(self, folder: Path) -> None:
        """Write it into the folder of the send, whole or not at all."""
        with written_whole(folder / MANIFEST_FILE) as file:
            file.write(json.dumps(asdict(self), indent=2, ensure_ascii=False).encode() + b"\n")

    def only(self, files: dict[str, FileEntry], notes: dict[str, list[str]]) -> Manifest:
        """Return the same with no files and no notes but these."""
        return replace(self, files=files, notes=notes)

    def with_files(self, files: dict[str, FileEntry], notes: dict[str, list[str]]) -> Manifest:
        """Return the same with these files, too."""
        return replace(self, files=dict(sorted((self.files | files).items())), notes=self.notes | notes)

    def with_warnings(self, warnings: Iterable[str]) -> Manifest:
        """Return the same with these warnings and no others."""
        return replace(self, warnings=list(warnings))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a send.

    Raises
    ------
    InvalidInput
        If it is not there, or cannot be understood.
    """
    path = folder / MANIFEST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {name: FileEntry(**entry) for name, entry in content.pop("files").items()}
        return Manifest(files=files, **content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(f"{path} is no manifest that can be read: {error}") from None
