"""The pages of the shop by their addresses, written relative to where a page stands.

Relative, so that they hold behind any path prefix; with ids as parameters, because ``.`` and ``..`` are ids too, and no
path may hold them. Where a form leads back to is compared with this list: a page of ours, or the front page.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

FRONT = ""
PAGES = frozenset(
    {FRONT, "search", "departments", "department", "item", "cart", "checkout", "orders", "order", "sign-in"}
)
"""The last part of each page's address."""
MAX_CHARACTERS = 4_000


def root_of(path: str) -> str:
    """Return the way from the page at `path` to the folder the shop, the widget and the API lie in.

    >>> root_of("/shop"), root_of("/shop/item"), root_of("/shop/no/page")
    ('', '../', '../../')
    """
    return "../" * path.partition("/shop")[2].count("/")


def address(page: str, /, **parameters: str | int | None) -> str:
    """Return the address of a page as seen from the root; parameters that say nothing are left out.

    >>> address("item", id="a/b 空"), address("")
    ('shop/item?id=a%2Fb+%E7%A9%BA', 'shop')
    """
    path = f"shop/{page}" if page else "shop"
    given = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def way_back(written: str) -> str:
    """Return an address of ours from what a form says, whatever it says.

    >>> way_back("search?q=tea&page=2"), way_back("//evil.example"), way_back("https://evil.example/search")
    ('shop/search?q=tea&page=2', 'shop', 'shop')
    """
    page, _, query = written[:MAX_CHARACTERS].partition("?")
    if page not in PAGES:
        return address(FRONT)
    try:
        parameters = dict(parse_qsl(query, max_num_fields=10))
    except ValueError:
        parameters = {}
    return address(page, **{str(name): value for name, value in parameters.items()})
