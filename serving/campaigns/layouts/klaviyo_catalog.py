"""The items of a send as a feed for Klaviyo's custom catalog: a JSON array of flat objects.

Limits (https://developers.klaviyo.com/en/docs/guide_to_syncing_a_custom_catalog_feed_to_klaviyo): a file has at most
100 MB, and 50 MB are advised, which is what is kept here; the data are one node deep; id, title, link, description and
image are required. Klaviyo fetches the file from a public address of the shop, which has to host it. An item without a
page or a picture cannot be in the feed and is left out.
"""

from __future__ import annotations

import orjson

from serving.campaigns.layouts.layout import Fitting, Frame, Setting, SplitFiles
from serving.campaigns.manifest import FileEntry
from serving.campaigns.snapshot import Sent, SentItem

STEM = "klaviyo_catalog"
MAX_BYTES = 50_000_000

_FRAME = Frame(head=b"[", between=b",\n", tail=b"]\n")


class Feed:
    """Writes ``klaviyo_catalog-001.json`` and so on."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._fitting = Fitting("klaviyo-catalog")
        self._files = SplitFiles(setting.folder, STEM, "json", frame=_FRAME, max_bytes=MAX_BYTES)
        self.abandon = self._files.abandon

    def add(self, sent: Sent) -> None:
        """Do nothing: the feed is about items."""

    def finish(self) -> dict[str, FileEntry]:
        """Write the items; without any there is no file, which Klaviyo would take for an empty shop."""
        snapshot, n = self._setting.snapshot, 0
        for number, _ in snapshot.item_ids():
            item = snapshot.item(number)
            if item.url and item.image_url:
                self._files.add(_object(item))
                n += 1
            else:
                self._fitting.left_out["items without a page or a picture left out"] += 1
        return self._files.finish() if n else {}

    @property
    def notes(self) -> list[str]:
        """What was shortened or left out."""
        return self._fitting.notes


def _object(item: SentItem) -> bytes:
    content = {
        "id": item.item_id,
        "title": item.title or item.item_id,
        "link": item.url,
        "description": " · ".join(filter(None, (item.brand, item.category))) or item.title or item.item_id,
        "image_link": item.image_url,
        "categories": item.category,
    }
    return orjson.dumps(content if item.price is None else content | {"price": item.price})
