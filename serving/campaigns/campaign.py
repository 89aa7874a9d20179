"""A mailing file for one segment.

::

    campaigns/at_risk/
        recipients.csv      one row per user, flat columns
        recipients.jsonl    the same, nested and exact
        suppressed.csv      who was left out, and why
        manifest.json       counts, SHA-256 of the files, model version

The picks are those of the API's engine and rules. Users are taken one at a time, so memory does not grow with the
segment. The folder is named after a segment of the model, never after text from outside. The same model, moment and
settings give the same bytes. The manifest is taken away first and written last: where there is one, the files are
those it describes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from recommender.engine import Engine
from recommender.rules import Shelf
from serving.campaigns.audience import Audience
from serving.campaigns.files import HashedFile, written_whole
from serving.campaigns.recipients import Recipient, Recipients
from serving.campaigns.rows import cells, csv_line, harmless, header, json_line
from serving.campaigns.settings import CampaignSettings
from serving.experiment_settings import Groups

CSV_FILE = "recipients.csv"
JSONL_FILE = "recipients.jsonl"
SUPPRESSED_FILE = "suppressed.csv"
MANIFEST_FILE = "manifest.json"

ERASED = "erased"
TOO_FEW_PICKS = "too_few_picks"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file, as the manifest states it."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """What was written: the content of the manifest."""

    campaign_id: str
    segment: str
    model_version: str
    as_of: str
    """ISO 8601, UTC: the moment the picks were ranked for."""
    currency: str
    slots: int
    users: int
    """Users in the segment: those written and those suppressed."""
    written: int
    suppressed: dict[str, int]
    """Users left out, by reason."""
    files: dict[str, FileEntry]
    groups: dict[str, int] = field(default_factory=dict)
    """Users written, by experiment and group; empty without an experiment."""

    def write(self, path: Path) -> None:
        """Write the manifest, whole or not at all."""
        with written_whole(path) as file:
            file.write(json.dumps(asdict(self), indent=2, ensure_ascii=False).encode() + b"\n")


def write_campaign(
    engine: Engine,
    audience: Audience,
    out: Path,
    *,
    settings: CampaignSettings,
    currency: str,
    now: np.datetime64,
    erased: Container[str] = frozenset(),
    shelf: Shelf | None = None,
    groups: Groups | None = None,
    on_user: Callable[[], None] = lambda: None,
) -> Campaign:
    """Write the campaign for `audience` into a folder of its name below `out`.

    Parameters
    ----------
    engine
        The engine that answers storefronts.
    audience
        Who it is for, among the users of the engine's model.
    out
        The folder that holds campaigns.
    settings
        How many picks, and of what kind.
    currency
        ISO 4217 code of the prices.
    now
        datetime64[s], UTC: the moment to rank for.
    erased
        Users who asked to be forgotten.
    shelf
        Live stock and prices; None takes the catalogue's.
    groups
        Who is in which group of an experiment: control gets no personal picks here either.
    on_user
        Called after each user.

    Raises
    ------
    OSError
        If the files cannot be written.
    """
    campaign_id = f"{audience.folder}-{str(now)[:10].replace('-', '')}-{engine.version}"
    recipients = Recipients(engine, settings, now=now, campaign_id=campaign_id, shelf=shelf, groups=groups)
    folder = out / audience.folder
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    with ExitStack() as stack:
        writer = _Writer(folder, stack, settings=settings, currency=currency)
        for user_index in audience.user.tolist():
            if (user_id := engine.model.users.ids[user_index]) in erased:
                writer.suppress(user_id, ERASED)
            else:
                writer.add(recipients.of(user_index))
            on_user()
    campaign = Campaign(
        campaign_id=campaign_id,
        segment=audience.name,
        model_version=engine.version,
        as_of=f"{now.astype('datetime64[s]')}Z",
        currency=currency,
        slots=settings.slots,
        users=len(audience),
        written=writer.written,
        suppressed=dict(sorted(writer.suppressed.items())),
        files=writer.entries(),
        groups=dict(sorted(writer.groups.items())),
    )
    campaign.write(folder / MANIFEST_FILE)
    return campaign


class _Writer:
    """The three files, while they grow."""

    def __init__(self, folder: Path, stack: ExitStack, *, settings: CampaignSettings, currency: str) -> None:
        self._settings = settings
        self._currency = currency
        self._files: dict[str, HashedFile] = {
            name: stack.enter_context(written_whole(folder / name)) for name in (CSV_FILE, JSONL_FILE, SUPPRESSED_FILE)
        }
        self._files[CSV_FILE].write(csv_line(header(settings.slots)))
        self._files[SUPPRESSED_FILE].write(csv_line(["user_id", "reason"]))
        self.written = 0
        self.suppressed: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()

    def add(self, recipient: Recipient) -> None:
        """Write a recipient, or suppress one with too little to show."""
        if len(recipient.picks) < self._settings.min_picks:
            self.suppress(recipient.user_id, TOO_FEW_PICKS)
            return
        row = cells(recipient, slots=self._settings.slots, currency=self._currency)
        self._files[CSV_FILE].write(csv_line(row))
        self._files[JSONL_FILE].write(json_line(recipient))
        self.written += 1
        if recipient.group is not None:
            self.groups[f"{recipient.group.experiment}/{recipient.group.variant}"] += 1

    def suppress(self, user_id: str, reason: str) -> None:
        """Leave a user out, and say so."""
        self._files[SUPPRESSED_FILE].write(csv_line([harmless(user_id), reason]))
        self.suppressed[reason] += 1

    def entries(self) -> dict[str, FileEntry]:
        """Return what the manifest says about each file."""
        rows = {CSV_FILE: self.written, JSONL_FILE: self.written, SUPPRESSED_FILE: self.suppressed.total()}
        return {name: FileEntry(rows[name], file.size, file.sha256) for name, file in sorted(self._files.items())}
