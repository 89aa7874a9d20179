"""A picture for every item, drawn from its category and its title.

A catalogue without photographs gets calm, flat tiles instead of grey boxes: the drawing of the family of
goods, in a hue that belongs to the category, a little different per title so that no shelf looks stamped.
The picture is a pure function of the three texts: the same item always looks the same, on every server.

Colours are chosen in OKLCH, where equal lightness looks equally light in every hue, and written as sRGB,
which every browser draws.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from zlib import crc32

from serving.glyphs import OTHER, Family, family_of

SIZE = 320
"""Width and height of the picture's own coordinates."""

MAX_TITLE_CHARACTERS = 160
"""Longer titles are cut: the picture carries them for screen readers only."""

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 forbids, even escaped."""


@lru_cache(maxsize=2048)
def picture_svg(title: str, category: str, department: str) -> str:
    """Draw the item as an SVG document; any text is allowed."""
    family = family_of(category, department)
    seed = crc32(title.encode("utf-8", "replace"))
    hue = _hue(family, category)
    tile, halo, ink = _oklch(0.925, 0.038, hue), _oklch(0.965, 0.022, hue), _oklch(0.5, 0.085, hue)
    glyph = family.glyph.format(ink=ink, soft=_oklch(0.7, 0.095, hue + 14), light=_oklch(0.995, 0.006, hue))
    x, y, tilt = 130 + seed % 61, 118 + seed // 61 % 53, seed // 4000 % 15 - 7
    name = _escape(title[:MAX_TITLE_CHARACTERS] or category or "Item")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}" '
        f'role="img"><title>{name}</title><path fill="{tile}" d="M0 0h{SIZE}v{SIZE}H0z"/>'
        f'<circle cx="{x}" cy="{y}" r="{104 + seed // 97 % 24}" fill="{halo}"/>'
        f'<g transform="translate(54.4 44.4) scale(3.3) rotate({tilt} 32 32)">{glyph}</g>'
        f'<text x="22" y="298" fill="{ink}" font-family="ui-rounded,system-ui,sans-serif" font-size="24" '
        f'font-weight="600" letter-spacing="1.5" aria-hidden="true">{_escape(_initials(title))}</text></svg>'
    )


def _hue(family: Family, category: str) -> float:
    """Return the family's hue, turned a little by the category, so that neighbours on a shelf differ."""
    turn = crc32(category.casefold().encode("utf-8", "replace"))
    return turn % 360 if family is OTHER else family.hue + turn % 49 - 24


def _initials(title: str) -> str:
    """Return the first letters of up to three words, units such as "oz" left out, or the start of 空心菜."""
    words: list[str] = re.findall(r"[^\W\d_]{3,}", title) or re.findall(r"[^\W\d_]+", title)
    if not words:
        return ""
    if not words[0].isascii() and len(words) == 1:
        return words[0][:2]
    return "".join(word[0] for word in words[:3]).upper()


def _escape(text: str) -> str:
    """Return `text` for the inside of an XML element, without what XML cannot hold."""
    return _UNPRINTABLE.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """Return the sRGB colour ``#rrggbb`` of an OKLCH colour (Ottosson 2020), clipped to the gamut."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(max(value, 0.0), 1.0))):02x}" for value in linear)


def _gamma(value: float) -> float:
    """Return the sRGB transfer function of a linear value between 0 and 1."""
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
