"""Who agreed to mails: a file of the shop or its mail tool, `campaign.consent`, as CSV.

::

    user_id,status
    1003,subscribed
    1004,unsubscribed

A person who is not in the file has not agreed. A column `email` may stand beside; it goes into the layouts of mail
tools that know people by nothing else, and nowhere else. What a status means is written out below; any other word is
refused, because to guess wrong would mail somebody who said no. A no beside an id with blanks around it also counts for
the id without them; a yes does not.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from recommender.errors import InvalidInput
from recommender.ids import CONTROL_CHARACTER

NO_CONSENT = "no_consent"
UNSUBSCRIBED = "unsubscribed"
AGREED = ""

MEANING: Mapping[str, str] = {
    **dict.fromkeys(("subscribed", "opted_in", "opted-in", "yes", "true", "1"), AGREED),
    **dict.fromkeys(("unsubscribed", "opted_out", "opted-out", "bounced", "complained", "cleaned"), UNSUBSCRIBED),
    **dict.fromkeys(("", "never_subscribed", "pending", "no", "false", "0"), NO_CONSENT),
}
"""Status in small letters, and the reason not to write; nothing where there is none."""

USER, STATUS, EMAIL = "user_id", "status", "email"


class Consent:
    """Why somebody may not be written to.

    Parameters
    ----------
    reasons
        By user; nothing for those who agreed.
    addresses
        By user; empty without the column.
    """

    def __init__(self, reasons: Mapping[str, str], addresses: Mapping[str, str] | None = None) -> None:
        self._reasons = reasons
        self.addresses = addresses or {}

    def why_not(self, user_id: str) -> str:
        """Return the reason; empty if they agreed."""
        return self._reasons.get(user_id, NO_CONSENT)

    def __len__(self) -> int:
        """Return how many users the file names."""
        return len(self._reasons)


def read_consent(path: Path) -> Consent:
    """Read the file; a user who is named twice has what the later line says.

    Raises
    ------
    InvalidInput
        If it cannot be read, a column is missing, or a status is unknown.
    """
    reasons: dict[str, str] = {}
    addresses: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            user, status = (_place(header, name, path) for name in (USER, STATUS))
            email = _place(header, EMAIL, path) if EMAIL in _names(header) else len(header)
            for row in filter(None, rows):
                if user >= len(row):
                    raise InvalidInput(f"{path}, line {rows.line_num}: the row ends before its {USER}")
                user_id = row[user]
                reason = _meaning(row[status] if status < len(row) else "", path, rows.line_num)
                reasons[user_id] = reason
                if reason:  # an id may begin with a blank, but a no is rather heard once too often
                    reasons[user_id.strip()] = reason
                if email < len(row) and row[email].strip():
                    addresses[user_id] = _address(row[email].strip(), path, rows.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"campaign.consent {path} cannot be read: {error}") from None
    return Consent(reasons, addresses)


def _place(header: list[str], name: str, path: Path) -> int:
    names = _names(header)
    if name not in names:
        raise InvalidInput(f"{path}: there is no column {name!r}; the header is {', '.join(header) or 'empty'}")
    if names.count(name) > 1:
        raise InvalidInput(f"{path}: there are {names.count(name)} columns {name!r}; leave the one that counts")
    return names.index(name)


def _names(header: list[str]) -> list[str]:
    return [column.strip().casefold() for column in header]


def _address(email: str, path: Path, line: int) -> str:
    if re.search(CONTROL_CHARACTER, email):
        raise InvalidInput(
            f"{path}, line {line}: {email[:80]!r} is no email address; it holds a line break or the like"
        )
    return email


def _meaning(status: str, path: Path, line: int) -> str:
    found = MEANING.get(status.strip().casefold())
    if found is None:
        known = ", ".join(word for word in MEANING if word)
        raise InvalidInput(f"{path}, line {line}: {status[:40]!r} is no status of consent; known are {known}")
    return found
