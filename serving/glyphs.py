"""Small drawings, one per family of goods, on a grid of 64 × 64.

Catalogues without photographs still deserve pictures. A `Family` has a hue, words that give it away,
and a glyph: flat shapes in three tones (`ink`, `soft`, `light`), which `serving.pictures` fills in.
Families are tried in order and the first with a matching word wins, so the narrow ones stand before
the broad ones ("dog food" is for a pet before it is food). A stem of four letters or more finds every
word that begins with it ("apple" finds "apples"); a shorter one only itself ("dog" finds no "hot dogs").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Family:
    """Goods that share a drawing."""

    name: str
    hue: int
    """Degrees in OKLCH."""
    words: str
    """Stems, separated by spaces."""
    glyph: str
    """SVG with the placeholders ``{ink}``, ``{soft}`` and ``{light}``."""


FAMILIES: tuple[Family, ...] = (
    Family(
        "baby",
        20,
        "baby babyfood infant diaper",
        '<path fill="{light}" d="M23 24h18l4 8v20a6 6 0 0 1-6 6H25a6 6 0 0 1-6-6V32z"/>'
        '<path fill="{soft}" d="M19 40h26v12a6 6 0 0 1-6 6H25a6 6 0 0 1-6-6z"/>'
        '<path fill="{ink}" d="M21 18h22v7H21zM28 18c0-4 1-5 1-8a3 3 0 0 1 6 0c0 3 1 4 1 8z"/>',
    ),
    Family(
        "pet",
        60,
        "pet pets dog cat bird",
        '<path fill="{ink}" d="M32 32c8 0 15 9 15 16 0 5-4 7-8 6-3-1-5-2-7-2s-4 1-7 2c-4 1-8-1-8-6 0-7'
        ' 7-16 15-16z"/><g fill="{soft}"><ellipse cx="15" cy="30" rx="5" ry="7"/>'
        '<ellipse cx="26" cy="19" rx="5" ry="8"/><ellipse cx="38" cy="19" rx="5" ry="8"/>'
        '<ellipse cx="49" cy="30" rx="5" ry="7"/></g>',
    ),
    Family(
        "flower",
        350,
        "flor rose bouquet garden lawn seed lily",
        '<path fill="{soft}" d="M30 34h4v26h-4zM34 52c2-8 8-10 14-10 0 8-6 12-14 12z"/><g fill="{ink}">'
        '<circle cx="32" cy="14" r="8"/><circle cx="43" cy="22" r="8"/><circle cx="39" cy="34" r="8"/>'
        '<circle cx="25" cy="34" r="8"/><circle cx="21" cy="22" r="8"/></g>'
        '<circle cx="32" cy="25" r="7" fill="{light}"/>',
    ),
    Family(
        "egg",
        75,
        "egg eggs",
        '<path fill="{light}" d="M32 8c9 0 16 14 16 25a16 16 0 0 1-32 0C16 22 23 8 32 8z"/>'
        '<path fill="{ink}" d="M8 40h48l-5 16a4 4 0 0 1-4 3H17a4 4 0 0 1-4-3z"/>'
        '<path fill="{soft}" d="M8 40h48l-1.3 5H9.3z"/>',
    ),
    Family(
        "frozen",
        235,
        "frozen frzn ice",
        '<g fill="none" stroke="{ink}" stroke-width="4" stroke-linecap="round">'
        '<path d="M32 8v48M11.2 20l41.6 24M11.2 44l41.6-24"/></g>'
        '<g fill="none" stroke="{soft}" stroke-width="4" stroke-linecap="round" stroke-linejoin="round">'
        '<path d="M25 12l7 7 7-7M25 52l7-7 7 7M12 28l9-3-2-9M52 36l-9 3 2 9M12 36l9 3-2 9M52 28l-9-3'
        ' 2-9"/></g>',
    ),
    Family(
        "coffee",
        50,
        "coffee tea teas cocoa",
        '<path fill="none" stroke="{soft}" stroke-width="4" stroke-linecap="round" d="M24 8c-4 5 4 7 0 12'
        'M36 8c-4 5 4 7 0 12"/>'
        '<path fill="none" stroke="{ink}" stroke-width="4" d="M46 32h4a7 7 0 0 1 0 14h-5"/>'
        '<path fill="{ink}" d="M12 26h36v16a14 14 0 0 1-14 14h-8a14 14 0 0 1-14-14z"/>'
        '<path fill="{light}" d="M12 26h36v5H12z"/>',
    ),
    Family(
        "wine",
        5,
        "wine beer ale liquor spirit",
        '<path fill="{ink}" d="M20 6h10v13c0 3 6 6 6 13v23a4 4 0 0 1-4 4H18a4 4 0 0 1-4-4V32c0-7 6-10'
        ' 6-13z"/><path fill="{light}" d="M14 36h22v12H14z"/><path fill="{soft}" d="M20 6h10v6H20z"/>'
        '<path fill="{soft}" d="M40 34h14v6a7 7 0 0 1-5 6.7V55h4v4H41v-4h4v-8.3A7 7 0 0 1 40 40z"/>',
    ),
    Family(
        "cheese",
        85,
        "cheese",
        '<path fill="{soft}" d="M8 34 46 14c6 2 10 10 10 20z"/><path fill="{ink}" d="M8 34h48v20H8z"/>'
        '<g fill="{light}"><circle cx="20" cy="44" r="4"/><circle cx="37" cy="48" r="3"/>'
        '<circle cx="47" cy="41" r="4"/><circle cx="41" cy="26" r="4"/></g>',
    ),
    Family(
        "dairy",
        250,
        "milk yogurt dairy butter margarine cream refrigerated",
        '<path fill="{light}" d="M18 26h28v30a3 3 0 0 1-3 3H21a3 3 0 0 1-3-3z"/>'
        '<path fill="{soft}" d="M18 26l6-12h16l6 12z"/>'
        '<path fill="{ink}" d="M22 6h20v8H22zM18 34h28v14H18z"/>'
        '<path fill="{light}" d="M32 36c3 3 4 4.5 4 6.5a4 4 0 0 1-8 0c0-2 1-3.5 4-6.5z"/>',
    ),
    Family(
        "breakfast",
        65,
        "cereal breakfast brkfst oat molasses syrup pancake",
        '<path fill="{soft}" d="M14 28a18 12 0 0 1 36 0z"/><g fill="{light}">'
        '<circle cx="24" cy="23" r="3.5"/><circle cx="33" cy="20" r="3.5"/>'
        '<circle cx="41" cy="25" r="3.5"/></g>'
        '<path fill="{ink}" d="M8 28h48c0 12-6 20-14 24v4H22v-4C14 48 8 40 8 28z"/>',
    ),
    Family(
        "drink",
        200,
        "drink drnk juice jce water soft beverage soda isotonic",
        '<path fill="none" stroke="{ink}" stroke-width="4" stroke-linecap="round"'
        ' stroke-linejoin="round" d="M34 24l5-17h9"/>'
        '<path fill="{light}" d="M14 18h36l-5 38a4 4 0 0 1-4 3H23a4 4 0 0 1-4-3z"/>'
        '<path fill="{soft}" d="M15.3 28h33.4L45 56a4 4 0 0 1-4 3H23a4 4 0 0 1-4-3z"/><g fill="{ink}">'
        '<circle cx="27" cy="38" r="3"/><circle cx="36" cy="46" r="4"/><circle cx="26" cy="51" r="2"/>'
        "</g>",
    ),
    Family(
        "sweet",
        340,
        "candy chocolate cookie cake pie pies sweet dessert sugar novelties gum ckys",
        '<path fill="{soft}" d="M20 32 6 20v24zM44 32l14-12v24z"/>'
        '<circle cx="32" cy="32" r="16" fill="{ink}"/>'
        '<path fill="none" stroke="{light}" stroke-width="4" stroke-linecap="round" d="M24 30c3-6 13-6'
        ' 16 0M26 39c3 3 9 3 12 0"/>',
    ),
    Family(
        "snack",
        45,
        "snack snk snks chip chips cracker popcorn nut nuts",
        '<path fill="{ink}" d="M15 10h34l-3 8 3 38H15l3-38z"/>'
        '<path fill="{soft}" d="M15 10h34l-3 8H18zM15.7 48h32.6l.7 8H15z"/>'
        '<path fill="{light}" d="M32 24a10 9 0 0 1 10 9c0 4-4 5-6 8-2 2-6 2-8 0-2-3-6-4-6-8a10 9 0 0 1'
        ' 10-9z"/>',
    ),
    Family(
        "bakery",
        55,
        "bread bakery baked baking bun buns roll dough pastry flour",
        '<path fill="{ink}" d="M16 14h32a10 10 0 0 1 5 18.6V52a4 4 0 0 1-4 4H15a4 4 0 0 1-4-4V32.6A10 10'
        ' 0 0 1 16 14z"/><path fill="{light}" d="M18 20h28a6 6 0 0 1 2 11v19H16V31a6 6 0 0 1 2-11z"/>'
        '<path fill="none" stroke="{soft}" stroke-width="4" stroke-linecap="round" d="M25 29l4 4M36 29l4'
        ' 4M25 41l4 4M36 41l4 4"/>',
    ),
    Family(
        "seafood",
        220,
        "seafood fish shrimp sushi tuna salmon",
        '<path fill="{ink}" d="M6 32c8-13 28-17 40-4l12-9c-2 9-2 17 0 26l-12-9C34 49 14 45 6 32z"/>'
        '<path fill="{soft}" d="M25 22c5 6 5 14 0 20 6 1 12 0 17-4 2-4 2-8 0-12-5-4-11-5-17-4z"/>'
        '<circle cx="16" cy="30" r="2.5" fill="{light}"/>',
    ),
    Family(
        "meat",
        25,
        "meat beef pork chicken turkey lamb veal bacon sausage ham hot lunchmeat poultry deli smoked",
        '<path fill="{light}" d="M40 40l8 8a5 5 0 1 1 3 8 5 5 0 1 1-8-3l-8-8z"/>'
        '<path fill="{ink}" d="M10 24C10 13 20 7 30 9c12 3 18 15 14 26-3 8-12 10-19 6-8-4-15-9-15-17z"/>'
        '<path fill="{soft}" d="M16 23c0-6 6-9 12-8 4 1 3 5-1 5-5 0-6 3-6 6 0 3-5 2-5-3z"/>',
    ),
    Family(
        "fruit",
        140,
        "fruit apple citrus berries berry banana grape melon pear stone tropical orange",
        '<path fill="{ink}" d="M32 22c6-5 20-4 20 12 0 12-8 24-14 24-3 0-4-2-6-2s-3 2-6 2c-6'
        ' 0-14-12-14-24 0-16 14-17 20-12z"/>'
        '<path fill="none" stroke="{soft}" stroke-width="4" stroke-linecap="round" d="M32 22c0-6 1-10'
        ' 4-14"/><path fill="{soft}" d="M36 15c3-6 9-8 14-7-1 6-7 10-14 7z"/>'
        '<path fill="none" stroke="{light}" stroke-width="4" stroke-linecap="round" d="M20 34c0-4 2-7'
        ' 5-7"/>',
    ),
    Family(
        "vegetable",
        130,
        "vegetable produce salad carrot onion potato pepper tomato mushroom herb broccoli corn squash organic bean veg",
        '<path fill="{ink}" d="M25 24c7-4 17 6 13 13L14 57c-4 3-8-1-5-5z"/>'
        '<path fill="none" stroke="{light}" stroke-width="3" stroke-linecap="round" d="M26 33l5 5M20 42'
        'l5 5"/>'
        '<path fill="{soft}" d="M36 26c-5-6-4-13 0-18 5 4 6 10 4 15 4-5 10-6 16-3-2 7-9 11-16 9z"/>',
    ),
    Family(
        "household",
        190,
        "household clean cleang laundry dishwash bleach detergent broom air candle ironing insecticide",
        '<path fill="{ink}" d="M22 8h18c5 0 9 3 10 8H40v6H26v-6h-6z"/>'
        '<path fill="{soft}" d="M28 22h10v8H28z"/>'
        '<path fill="{light}" d="M28 28h10c6 3 9 8 9 15v12a4 4 0 0 1-4 4H23a4 4 0 0 1-4-4V43c0-7 3-12'
        ' 9-15z"/><path fill="{ink}" d="M19 42h28v11H19z"/><g fill="{soft}">'
        '<circle cx="10" cy="11" r="2.5"/><circle cx="12" cy="19" r="2.5"/></g>',
    ),
    Family(
        "care",
        310,
        "hair soap shav deodorant makeup cosmetic oral hand skin hygiene fragrance beauty suntan personal foot hbc",
        '<path fill="{ink}" d="M29 10h6v10h-6zM22 8h20v5H22zM22 8l-8 3v4l8-2z"/>'
        '<path fill="{soft}" d="M24 19h16v7H24z"/>'
        '<path fill="{light}" d="M20 26h24a5 5 0 0 1 5 5v24a4 4 0 0 1-4 4H19a4 4 0 0 1-4-4V31a5 5 0 0 1'
        ' 5-5z"/><path fill="{ink}" d="M32 34c5 6 6 8 6 11a6 6 0 0 1-12 0c0-3 1-5 6-11z"/>',
    ),
    Family(
        "paper",
        260,
        "paper tissue towel napkin bath facial wrap wraps foilware",
        '<path fill="{light}" d="M24 12h26v40l-5-3-5 3-5-3-5 3-6-3z"/>'
        '<ellipse cx="22" cy="30" rx="12" ry="18" fill="{ink}"/>'
        '<ellipse cx="22" cy="30" rx="5" ry="8" fill="{soft}"/>',
    ),
    Family(
        "health",
        170,
        "vitamin analgesic cold first antacid sinus laxative dietary fitness eye pharmacy health medicine nutrition",
        '<path fill="{ink}" d="M25 8h14v17h17v14H39v17H25V39H8V25h17z"/>'
        '<path fill="{light}" d="M29 14h6v15h15v6H35v15h-6V35H14v-6h15z"/>',
    ),
    Family(
        "reading",
        280,
        "book bookstore magazine newspaper stationery school card greeting toy game audio film",
        '<path fill="{soft}" d="M10 14c8-3 16-2 22 3v40c-6-5-14-6-22-3z"/>'
        '<path fill="{ink}" d="M54 14c-8-3-16-2-22 3v40c6-5 14-6 22-3z"/>'
        '<g fill="none" stroke="{light}" stroke-width="3" stroke-linecap="round">'
        '<path d="M16 25c4-1 7 0 10 1M16 34c4-1 7 0 10 1M38 26c3-1 6-2 10-1M38 35c3-1 6-2 10-1"/></g>',
    ),
    Family(
        "home",
        295,
        "kitchen cook glass hardware electric batter domestic home furnishing plastic automotive apparel hosiery",
        '<path fill="{soft}" d="M14 28h36v27a4 4 0 0 1-4 4H18a4 4 0 0 1-4-4z"/>'
        '<path fill="{ink}" d="M32 7l26 21-4 5L32 15 10 33l-4-5z"/>'
        '<path fill="{light}" d="M27 40h10v19H27z"/>',
    ),
    Family(
        "pantry",
        95,
        "soup sauce pasta rice canned can spice condiment oil shortening pickle olive noodle"
        " dinner dry shelf pnt hispanic grocery food sald mix mixes",
        '<path fill="{ink}" d="M18 8h28v9H18z"/>'
        '<path fill="{light}" d="M18 17h28l4 7v31a4 4 0 0 1-4 4H18a4 4 0 0 1-4-4V24z"/>'
        '<path fill="{soft}" d="M14 29h36v19H14z"/><path fill="{ink}" d="M23 36h18v5H23z"/>',
    ),
)

OTHER = Family(
    "other",
    0,
    "",
    '<path fill="none" stroke="{soft}" stroke-width="4" stroke-linecap="round" d="M22 26v-6a10 10 0'
    ' 0 1 20 0v6"/><path fill="{ink}" d="M14 24h36l4 31a4 4 0 0 1-4 4H14a4 4 0 0 1-4-4z"/>'
    '<path fill="none" stroke="{light}" stroke-width="4" stroke-linecap="round" d="M23 38c3 8 15 8'
    ' 18 0"/>',
)
"""Whatever no word gives away: a shopping bag, in a hue of its category's own."""

SHORTEST_PREFIX = 4
"""Letters; a shorter stem would begin too many words it has nothing to do with."""


@lru_cache(maxsize=4096)
def family_of(category: str, department: str) -> Family:
    """Return the family that the category, or failing that the department, names."""
    for text in (category, department):
        words = re.findall(r"[^\W_]+", text.lower())
        for family in FAMILIES:
            if _names(family, words):
                return family
    return OTHER


def _names(family: Family, words: list[str]) -> bool:
    return any(
        word == stem or (len(stem) >= SHORTEST_PREFIX and word.startswith(stem))
        for stem in family.words.split()
        for word in words
    )
