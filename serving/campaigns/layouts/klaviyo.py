"""Profiles for Klaviyo, as bodies of requests to its Bulk Import Profiles API, one request a file.

Limits (https://developers.klaviyo.com/en/reference/bulk_import_profiles, and the specification in
https://github.com/klaviyo/openapi, openapi/stable/apis/bulk_import_profiles.json): 10,000 profiles and 5 MB a request,
100 KB a profile. People are known by `external_id`, the shop's own id, and by their email where the shop gives it. The
API does not clear what is left out or null, so every slot is written, empty where there is no pick.
"""

from __future__ import annotations

from typing import Any

import orjson

from recommender.errors import InvalidInput
from serving.campaigns.layouts.layout import Fitting, Frame, Setting, SplitFiles
from serving.campaigns.rows import said, sent_on
from serving.campaigns.snapshot import Sent
from serving.campaigns.wording import price_words

STEM = "klaviyo_profiles"
MAX_PROFILES = 10_000
MAX_BYTES = 5_000_000
MAX_PROFILE_BYTES = 100_000

_FRAME = Frame(
    head=b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[', between=b",", tail=b"]}}}}"
)


class Profiles:
    """Writes ``klaviyo_profiles-001.json`` and so on."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._today = sent_on(setting.snapshot)
        self._fitting = Fitting("klaviyo")
        self._files = SplitFiles(setting.folder, STEM, "json", frame=_FRAME, max_bytes=MAX_BYTES, max_rows=MAX_PROFILES)
        self.finish, self.abandon = self._files.finish, self._files.abandon

    def add(self, sent: Sent) -> None:
        """Write a profile.

        Raises
        ------
        InvalidInput
            If it is larger than Klaviyo takes.
        """
        attributes: dict[str, Any] = {"external_id": sent.user_id, "properties": self._properties(sent)}
        if (email := self._setting.addresses.get(sent.user_id)) is not None:
            attributes["email"] = email
        profile = orjson.dumps({"type": "profile", "attributes": attributes})
        if len(profile) > MAX_PROFILE_BYTES:
            raise InvalidInput(
                f"the profile of user {sent.user_id!r} has {len(profile):,} bytes, and Klaviyo takes "
                f"{MAX_PROFILE_BYTES:,}; make the campaign again with fewer slots"
            )
        self._files.add(profile)

    @property
    def notes(self) -> list[str]:
        """What was shortened or left out."""
        return self._fitting.notes

    def _properties(self, sent: Sent) -> dict[str, Any]:
        setting, snapshot = self._setting, self._setting.snapshot
        values: dict[str, Any] = {
            "segment": sent.segment.label,
            "next_order_date": "" if sent.next_order is None else sent.next_order.isoformat(),
            "coupon_tier": sent.coupon_tier,
            "slate_id": sent.slate_id,
            "rec_count": len(sent.picks),
        }
        for slot in range(snapshot.slots):
            pick = sent.picks[slot] if slot < len(sent.picks) else None
            cells = ("",) * 6
            if pick is not None:
                item, price = pick.item, price_words(pick.item.price, snapshot.currency)
                click, image = setting.click(sent, slot, pick), setting.image(sent, slot, pick)
                cells = (item.item_id, item.title, click, image, price, said(pick, today=self._today))
            names = ("id", "title", "url", "image", "price", "reason")
            values |= {f"rec_{slot + 1}_{name}": cell for name, cell in zip(names, cells, strict=True)}
        return values
