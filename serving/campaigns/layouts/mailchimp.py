"""Contacts for Mailchimp, as CSV for its import, with merge fields.

Limits: a text field holds 255 bytes and is clipped beyond
(https://mailchimp.com/help/format-guidelines-for-your-import-file/); an audience has 30 merge fields, as Mailchimp's
own extension for Magento keeps it (https://github.com/mailchimp/mc-magento/pull/1062), and four of them, besides the
email, from the start (https://mailchimp.com/developer/marketing/docs/merge-fields/); a tag has ten characters at most
(https://github.com/mailchimp/mc-magento/pull/1150). Larger plans may have more fields. That is room for four picks;
further ones are left out. Mailchimp knows people by their email alone: it is taken from the column `email` of the
consent file, and who has none there is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from recommender.errors import InvalidInput
from serving.campaigns.layouts.layout import Fitting, Frame, Setting, SplitFiles
from serving.campaigns.rows import csv_line, harmless, said, sent_on
from serving.campaigns.snapshot import Sent
from serving.campaigns.wording import price_words

STEM = "mailchimp_contacts"
MAX_FIELD_BYTES = 255
MAX_FIELDS = 25
"""Merge fields left for us: 30 less the four that are there, and one that somebody may have made."""
MAX_TAG = 10
MAX_BYTES = 100_000_000
"""No limit of Mailchimp's: files that a browser still uploads."""

_USER = ("Email Address", "SEGMENT", "NEXTORDER", "COUPON", "SLATE")
_PICK = ("TITLE", "URL", "IMAGE", "PRICE", "WHY")
SLOTS = (MAX_FIELDS - len(_USER) + 1) // len(_PICK)


def tags(slots: int) -> list[str]:
    """Return the columns.

    >>> tags(1)[4:]
    ['SLATE', 'R1_TITLE', 'R1_URL', 'R1_IMAGE', 'R1_PRICE', 'R1_WHY']
    """
    return [*_USER, *(f"R{slot}_{name}" for slot in range(1, slots + 1) for name in _PICK)]


def refuse_without_addresses(addresses: Mapping[str, str]) -> None:
    """Refuse what would be a file without anybody.

    Raises
    ------
    InvalidInput
        If the shop gave no addresses.
    """
    if not addresses:
        raise InvalidInput(
            "Mailchimp knows people by their email alone; give campaign.consent a file with a column email"
        )


class Contacts:
    """Writes ``mailchimp_contacts-001.csv`` and so on."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._today = sent_on(setting.snapshot)
        self._fitting = Fitting("mailchimp")
        self._slots = min(setting.snapshot.slots, SLOTS)
        head = csv_line(tags(self._slots))
        self._files = SplitFiles(setting.folder, STEM, "csv", frame=Frame(head=head), max_bytes=MAX_BYTES)
        self.finish, self.abandon = self._files.finish, self._files.abandon

    def add(self, sent: Sent) -> None:
        """Write a contact."""
        email = self._setting.addresses.get(sent.user_id)
        if email is None:
            self._fitting.left_out["users without an email left out"] += 1
            return
        if (further := len(sent.picks) - self._slots) > 0:
            self._fitting.left_out[f"picks beyond slot {self._slots} left out"] += further
        next_order = "" if sent.next_order is None else sent.next_order.strftime("%m/%d/%Y")
        cells = [email, sent.segment.label, next_order, sent.coupon_tier, sent.slate_id]
        for slot in range(self._slots):
            cells += self._pick(sent, slot) if slot < len(sent.picks) else [""] * len(_PICK)
        self._files.add(csv_line([harmless(cell) for cell in cells]))

    @property
    def notes(self) -> list[str]:
        """What was shortened or left out."""
        return self._fitting.notes

    def _pick(self, sent: Sent, slot: int) -> list[str]:
        # Harmless first: the apostrophe counts, and a harmless text stays as it is.
        pick, fit, setting = sent.picks[slot], self._fitting, self._setting
        return [
            fit.text_bytes(harmless(pick.item.title or pick.item.item_id), size=MAX_FIELD_BYTES, what="titles"),
            fit.address(harmless(setting.click(sent, slot, pick)), size=MAX_FIELD_BYTES, what="addresses of pages"),
            fit.address(harmless(setting.image(sent, slot, pick)), size=MAX_FIELD_BYTES, what="addresses of pictures"),
            price_words(pick.item.price, setting.snapshot.currency),
            fit.text_bytes(harmless(said(pick, today=self._today)), size=MAX_FIELD_BYTES, what="reasons"),
        ]
