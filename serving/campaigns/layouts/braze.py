"""Custom attributes for Braze, as CSV for its user import.

Limits: a file has at most 500 MB (https://www.braze.com/docs/user_guide/audience/manage_audience/import_users/), and
keys and values of custom attributes 255 characters
(https://www.braze.com/docs/developer_guide/platform_integration_guides/web/analytics/setting_custom_attributes). People
are known by `external_id`. Braze does not let a blank cell overwrite what it knows, so picks of an earlier send stay
where a later one has fewer: a template shows the first `rec_count` slots.
"""

from __future__ import annotations

from serving.campaigns.layouts.layout import Fitting, Frame, Setting, SplitFiles
from serving.campaigns.rows import csv_line, harmless, said, sent_on
from serving.campaigns.snapshot import Sent
from serving.campaigns.wording import price_words

STEM = "braze_attributes"
MAX_BYTES = 500_000_000
MAX_CHARACTERS = 255

_USER = ("external_id", "segment", "next_order_date", "coupon_tier", "slate_id", "rec_count")
_PICK = ("id", "title", "url", "image", "price", "reason")


class Attributes:
    """Writes ``braze_attributes-001.csv`` and so on."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._today = sent_on(setting.snapshot)
        self._fitting = Fitting("braze")
        slots = range(1, setting.snapshot.slots + 1)
        head = csv_line([*_USER, *(f"rec_{slot}_{name}" for slot in slots for name in _PICK)])
        self._files = SplitFiles(setting.folder, STEM, "csv", frame=Frame(head=head), max_bytes=MAX_BYTES)
        self.finish, self.abandon = self._files.finish, self._files.abandon

    def add(self, sent: Sent) -> None:
        """Write a row."""
        next_order = "" if sent.next_order is None else sent.next_order.isoformat()
        count = str(len(sent.picks))
        cells = [sent.user_id, sent.segment.label, next_order, sent.coupon_tier, sent.slate_id, count]
        for slot in range(self._setting.snapshot.slots):
            cells += self._pick(sent, slot) if slot < len(sent.picks) else [""] * len(_PICK)
        self._files.add(csv_line([harmless(cell) for cell in cells]))

    @property
    def notes(self) -> list[str]:
        """What was shortened or left out."""
        return self._fitting.notes

    def _pick(self, sent: Sent, slot: int) -> list[str]:
        # Harmless first: the apostrophe counts, and a harmless text stays as it is.
        pick, fit = sent.picks[slot], self._fitting
        return [
            fit.text(harmless(pick.item.item_id), characters=MAX_CHARACTERS, what="ids of items"),
            fit.text(harmless(pick.item.title), characters=MAX_CHARACTERS, what="titles"),
            fit.address(
                harmless(self._setting.click(sent, slot, pick)), size=MAX_CHARACTERS, what="addresses of pages"
            ),
            fit.address(
                harmless(self._setting.image(sent, slot, pick)), size=MAX_CHARACTERS, what="addresses of pictures"
            ),
            price_words(pick.item.price, self._setting.snapshot.currency),
            fit.text(harmless(said(pick, today=self._today)), characters=MAX_CHARACTERS, what="reasons"),
        ]
