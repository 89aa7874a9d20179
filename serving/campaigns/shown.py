"""Pictures for mail: the drawing of an item as PNG, because few mail programs show SVG.

The drawing is that of `serving.pictures`. It is turned into pixels once per item and kept for a while.
"""

from __future__ import annotations

from functools import lru_cache

import anyio.to_thread
import resvg_py

from recommender.catalogue import Item
from serving.pictures import picture_svg

SIDE = 320
"""Width and height in pixels, for a place half as wide: screens of phones have two pixels for one."""
MAX_KEPT = 2_048
"""Pictures of some 5 kB each."""

BLANK = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010100000000376ef924"
    "0000001049444154789c6260010000000000ffff030000060005057e9ad40000000049454e44ae426082"
)
"""A PNG of one transparent pixel, where there is nothing to show."""


async def drawn(item: Item, kind: str) -> tuple[bytes, str]:
    """Return the picture of an item with its media type: SVG if that is wanted, else PNG."""
    title, category, department = item.title or item.item_id, item.category, item.department
    if kind == "svg":
        return picture_svg(title, category, department).encode(), "image/svg+xml"
    return await anyio.to_thread.run_sync(picture_png, title, category, department), "image/png"


@lru_cache(maxsize=MAX_KEPT)
def picture_png(title: str, category: str, department: str) -> bytes:
    """Draw an item as PNG. Takes milliseconds: runs in a thread."""
    return resvg_py.svg_to_bytes(
        svg_string=picture_svg(title, category, department), width=SIDE, height=SIDE, skip_system_fonts=True
    )
