"""What changed because of what the visitor did, in plain words.

The shop promises here what the engine keeps: each line is a fact about the next slate, not about this page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.shop.session import Deed

ADDED = "added"
REMOVED = "removed"
FULL = "full"
SOLD_OUT = "sold_out"
BOUGHT = "bought"
NOT_FOR_ME = "not_for_me"
RETURNED = "returned"
COMPLAINT_OPENED = "complaint_opened"
COMPLAINT_CLOSED = "complaint_closed"
SIGNED_IN = "signed_in"
JOINED = "joined"
SIGNED_OUT = "signed_out"
NOT_RECORDED = "not_recorded"


@dataclass(frozen=True, slots=True)
class Hint:
    """A deed and its effect."""

    deed: str
    effect: str
    is_trouble: bool = False


_DEEDS = {
    ADDED: "In your cart: {title}.",
    REMOVED: "Taken out of your cart: {title}.",
    FULL: "Your cart is full, so {title} is not in it.",
    SOLD_OUT: "{title} is sold out.",
    BOUGHT: "Thank you for your order of {count}.",
    NOT_FOR_ME: "Not for you: {title}.",
    RETURNED: "On its way back: {title}.",
    COMPLAINT_OPENED: "Your complaint is open.",
    COMPLAINT_CLOSED: "Your complaint is closed.",
    SIGNED_IN: "You shop as {name}.",
    JOINED: "Welcome, {name}.",
    SIGNED_OUT: "You are a guest again.",
    NOT_RECORDED: "That could not be recorded.",
}
_EFFECTS = {
    ADDED: "No shelf offers it while it lies there, and the cart's own shelf goes by it now.",
    REMOVED: "Shelves may offer it again.",
    FULL: "Check out, or take something out first.",
    SOLD_OUT: "No shelf offers what is sold out.",
    BOUGHT: "What you bought has left your shelves; what you buy again and again comes back when it is due. "
    "The other picks follow from the order from now on.",
    NOT_FOR_ME: "It has left your shelves, and so has what is most like it.",
    RETURNED: "It has left your shelves, and so has what is most like it.",
    COMPLAINT_OPENED: "Until it is closed, your shelves keep to what you buy anyway, and the cart's shelf stays away.",
    COMPLAINT_CLOSED: "Your shelves offer new things again.",
    SIGNED_IN: "The shelves go by everything this household bought in its log.",
    JOINED: "Nothing is known of you yet, so shelves show what is popular. Your first order changes that at once.",
    SIGNED_OUT: "The shelves know nothing of you but what you look at from now on.",
    NOT_RECORDED: "Neither Redis nor the disk took it. Please try again.",
}
_TROUBLE = frozenset({FULL, SOLD_OUT, NOT_RECORDED})


def hint(deed: Deed, *, title_of: Callable[[str], str], name: str) -> Hint:
    """Say what a deed changed. An unknown code, of an older cookie, says nothing."""
    count = "1 item" if deed.count == 1 else f"{deed.count:,} items"
    title = title_of(deed.item_id) if deed.item_id else "it"
    done = _DEEDS.get(deed.code, "").replace("{count}", count).replace("{name}", name).replace("{title}", title)
    return Hint(done, _EFFECTS.get(deed.code, ""), deed.code in _TROUBLE)
